"""Lists and details of events, runs and search results, for people."""

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from headwater.cli import output
from headwater.cli.answers import Event, EventDetail, Hit, Hits, Run, RunDetail, label
from headwater.cli.backend import Listed

T = TypeVar("T")


def _items(listed: Listed, kind: type[T]) -> list[T]:
    return [msgspec.json.decode(raw, type=kind) for raw in listed.items]


def _more(listed: Listed, what: str) -> None:
    if listed.next is not None:
        output.note(f"There are more than these {len(listed.items)} {what}: --limit shows more.")
    elif not listed.items:
        output.note(f"No {what}.")


def written(ref: str | None) -> str:
    return "" if ref is None else label(ref).written


def moment(text: str | None) -> str:
    """A time of the API to the second, which a list needs; details and JSON have all of it."""
    return (text or "")[:19].replace("T", " ")


def span(seconds: float | None) -> str:
    """A duration as people say it."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def show_events(listed: Listed, format: str) -> None:
    if format == "json":
        output.json_of(listed)
        return
    output.table(
        ("time", "type", "node", "run", "bytes", "id"),
        (
            (
                moment(event.time),
                "FAILED" if event.failure else event.type or event.kind,
                written(event.node),
                event.run_id,
                event.size,
                event.id,
            )
            for event in _items(listed, Event)
        ),
    )
    _more(listed, "events")


def show_event(body: bytes) -> None:
    event = msgspec.json.decode(body, type=EventDetail)
    _pairs(
        (
            ("event", event.id),
            ("time", event.time),
            ("received", event.received_at),
            ("kind", " ".join(part for part in (event.kind, event.type) if part)),
            (event.kind if event.kind == "dataset" else "job", written(event.node)),
            ("run", event.run_id),
            ("dialect", event.dialect),
            ("bytes", event.size),
            ("failure", event.failure),
        )
    )
    for name, nodes in (("input", event.inputs), ("output", event.outputs)):
        _pairs([(name, written(node)) for node in nodes])
    _pairs([("odd", f"{problem.pointer or '/'}: {problem.reason}") for problem in event.problems])
    output.line()
    output.json(event.event)


def show_stored(body: bytes, masked: bool) -> None:
    output.raw(body)
    if masked:
        output.note("Secrets are masked: only an admin key sees the stored bytes.")


def show_runs(listed: Listed, format: str) -> None:
    if format == "json":
        output.json_of(listed)
        return
    _run_table(_items(listed, Run))
    _more(listed, "runs")


def _run_table(runs: Sequence[Run]) -> None:
    output.table(
        ("started", "state", "duration", "job", "run"),
        (
            (
                moment(run.started_at or run.nominal_start),
                "unheard" if run.placeholder else run.state,
                span(run.duration),
                written(run.job),
                run.run_id,
            )
            for run in runs
        ),
    )


def show_run(body: bytes) -> None:
    run = msgspec.json.decode(body, type=RunDetail)
    parent = run.parent
    _pairs(
        (
            ("run", run.run_id),
            ("job", written(run.job)),
            ("state", "only named by other runs" if run.placeholder else run.state),
            ("started", run.started_at),
            ("ended", run.ended_at),
            ("duration", span(run.duration)),
            ("nominal", run.nominal_start),
            ("parent", parent and f"{parent.run_id}  {written(parent.job)}"),
            ("events", run.events),
            ("facets", ", ".join(run.facets)),
        )
    )
    for title, uses in (("inputs", run.inputs), ("outputs", run.outputs)):
        if uses:
            output.line(f"\n{title}")
        for use in uses:
            facets = f"  ({', '.join(use.use_facets)})" if use.use_facets else ""
            output.line(f"  {output.safe(written(use.id) + facets)}")
    if run.truncated:
        output.note("This run has more events than were folded; the answer may miss some.")
    if run.others:
        output.line("\nruns of other jobs with this id")
        _run_table(run.others)


def _pairs(pairs: Sequence[tuple[str, object]]) -> None:
    for name, value in pairs:
        if value not in (None, ""):
            output.line(f"{name:<9} {output.cell(value)}")


def show_hits(body: bytes) -> None:
    found = msgspec.json.decode(body, type=Hits)
    output.table(("kind", "node", "found in"), (_hit(hit) for hit in found.items))
    if not found.items:
        output.note("Nothing found.")
    elif found.truncated:
        output.note(f"There are more than these {len(found.items)}: --limit shows more.")


def _hit(hit: Hit) -> tuple[str, str, str]:
    parts = [hit.matched, hit.field or "", hit.text or ""]
    shown = label(hit.id)
    return shown.kind, shown.written, ": ".join(part for part in parts if part)
