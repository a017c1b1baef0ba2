"""What Headwater understands of a run's facets."""

import msgspec

from headwater.dialects.openlineage import body, moment
from headwater.dialects.openlineage.body import Body
from headwater.dialects.openlineage.findings import Findings, Report, fits
from headwater.dialects.openlineage.salvage import Reader
from headwater.event import Facet, RunFacts, RunLink
from headwater.ids import fold_run_id, job
from headwater.memo import Memo


class LinkedRun(msgspec.Struct, rename="camel"):
    run_id: str


class LinkedJob(msgspec.Struct):
    namespace: str
    name: str


class Root(msgspec.Struct):
    run: LinkedRun
    job: LinkedJob


class Parent(Body, kw_only=True):
    run: LinkedRun
    job: LinkedJob
    root: Root | None = None


class NominalTime(Body, rename={"start": "nominalStartTime", "end": "nominalEndTime"}):
    start: str | None = None
    end: str | None = None


class ErrorMessage(Body):
    message: str | None = None


_parent = Reader(Parent)
_nominal = Reader(NominalTime)
_error = Reader(ErrorMessage)


Read = tuple[tuple[Facet, ...], RunFacts]
_LARGEST = 4_096
"""Bytes of facets that are remembered: what is larger seldom comes twice."""


class RunFacets:
    """Reads the facets of runs; START and COMPLETE of a run often state the same ones.

    Args:
        lean: leave out the facets, and keep what they state.
    """

    def __init__(self, strict: bool, lean: bool, memo_bytes: int) -> None:
        self._strict = strict
        self._lean = lean
        self._memo: Memo[bytes, Read] = Memo(memo_bytes)

    def read(self, raw: bytes, findings: Findings) -> Read:
        """The facets of a run as they are (lean: none of them), and what they state."""
        known = self._memo.get(raw)
        if known is not None:
            return known
        own = Findings(self._strict)
        read = _read(raw, own, self._lean)
        findings.take_over(own)
        if len(raw) <= _LARGEST and own.clean:
            self._memo.put(raw, read, 1_000 + 2 * len(raw))
        return read


def _read(raw: bytes, findings: Findings, lean: bool) -> Read:
    parent: Parent | None = None
    nominal: tuple[int | None, int | None] | None = None
    error: str | None = None
    members = body.split(raw, "/run/facets", findings)
    for name, text in members:  # sorted: parent comes before parentRun
        pointer = "/run/facets/" + name
        known: Body | None
        if name in {"parent", "parentRun"}:
            known = linked = _parent.read(text, pointer, findings.fault)
            parent = parent or _sane(linked, pointer, findings.fault)
        elif name == "nominalTime":
            known = times = _nominal.read(text, pointer, findings.fault)
            nominal = None if times is None else _window(times, pointer, findings.fault)
        elif name == "errorMessage":
            known = failure = _error.read(text, pointer, findings.fault)
            error = None if failure is None else failure.message
        else:
            body.plain(name, text, "/run/facets", findings)
            continue
        if known is not None:
            body.origin(name, known, "/run/facets", findings, model=1)
    facts = RunFacts(
        nominal,
        None if parent is None else _link(parent),
        None if parent is None or parent.root is None else _link(parent.root),
        error,
    )
    return () if lean else tuple(Facet(name, text) for name, text in members), facts


def _sane(wire: Parent | None, pointer: str, report: Report) -> Parent | None:
    """None where a name is too long to be read."""
    for link in () if wire is None else (wire, wire.root):
        if link is not None and not fits(
            pointer, report, link.run.run_id, link.job.namespace, link.job.name
        ):
            return None
    return wire


def _link(wire: Parent | Root) -> RunLink:
    return RunLink(job(wire.job.namespace, wire.job.name), fold_run_id(wire.run.run_id))


def _window(
    wire: NominalTime, pointer: str, report: Report
) -> tuple[int | None, int | None] | None:
    start = _time(wire.start, pointer + "/nominalStartTime", report)
    end = _time(wire.end, pointer + "/nominalEndTime", report)
    return None if start is end is None else (start, end)


def _time(text: str | None, pointer: str, report: Report) -> int | None:
    if text is None:
        return None
    read = moment.parse(text)
    if read is None:
        report(pointer, "not a date and time")
        return None
    if not read.standard:
        report(pointer, "not written as RFC 3339")
    return read.micros
