"""From the bytes of an OpenLineage event to an `Event`."""

import re
from collections.abc import Sequence
from operator import attrgetter
from typing import NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from headwater.dialects.openlineage import body as bodies
from headwater.dialects.openlineage import moment, tolerant, wire
from headwater.dialects.openlineage.findings import Findings
from headwater.dialects.openlineage.runs import RunFacets
from headwater.dialects.openlineage.statements import SUBJECT, Statements
from headwater.dialects.openlineage.wire import WireDataset, WireEvent
from headwater.errors import InvalidEvent, MalformedBody, Problem
from headwater.event import DatasetUse, Event, EventKind, EventType, Facet, JobFacts
from headwater.ids import fold_run_id

_TYPES = {kind.value: kind for kind in EventType}
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.ASCII)
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:\S*", re.ASCII)


_NULLABLE = tuple(
    (pointer, attrgetter(name))
    for pointer, name in (
        ("/eventType", "event_type"),
        ("/producer", "producer"),
        ("/schemaURL", "schema_url"),
        ("/run", "run"),
        ("/job", "job"),
        ("/inputs", "inputs"),
        ("/outputs", "outputs"),
    )
)


class Decoder:
    """Decodes events; what is odd but can be identified is flagged and kept.

    Args:
        strict: refuse whatever the specification does not allow.
        name_limit: the most characters of a namespace, a name or a run id.
        depth_limit: how deep arrays and objects may be nested. Readers of what is stored have a
            recursion limit too, so what is let in must not depend on how deep the caller stands.
        memo_bytes: about how much memory remembered statements of jobs and datasets may take.
        lean: leave out what only a reader of details needs: facet bodies, and the types and
            descriptions of columns.
    """

    def __init__(
        self,
        strict: bool = False,
        name_limit: int = 4096,
        depth_limit: int = 500,
        memo_bytes: int = 96 << 20,
        lean: bool = False,
    ) -> None:
        self._strict = strict
        self._lean = lean
        self._name_limit = name_limit
        self._depth_limit = depth_limit
        self._statements = Statements(strict, name_limit, memo_bytes, lean)
        self._runs = RunFacets(strict, lean, memo_bytes // 8)

    def decode(self, body: bytes) -> Event:
        """Decodes one event.

        Raises:
            MalformedBody: the body is not JSON.
            InvalidEvent: it is, but not of an event that can be identified.
        """
        findings = Findings(self._strict)
        try:
            event = self._event(self._outline(body, findings), findings)
        except RecursionError as error:
            raise InvalidEvent((Problem("", "nested too deeply"),)) from error
        findings.settle()
        return event

    def split(self, body: bytes, envelope: bool = False) -> list[bytes] | None:
        """The verbatim bytes of each element when the body is an array; else None.

        Args:
            envelope: take `{"events": [...]}` for that array too.

        Raises:
            MalformedBody: the body is not JSON.
            InvalidEvent: it is nested too deeply.
        """
        try:
            return tolerant.split(body, envelope)
        except RecursionError as error:
            raise InvalidEvent((Problem("", "nested too deeply"),)) from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise MalformedBody(f"The body is not JSON: {error}") from error

    def _outline(self, body: bytes, findings: Findings) -> WireEvent:
        if not body.isascii():
            try:
                body.decode()
            except UnicodeDecodeError as error:
                raise MalformedBody(f"The body is not UTF-8: {error}") from error
        if tolerant.too_deep(body, self._depth_limit):
            reason = f"nested deeper than {self._depth_limit} arrays and objects"
            raise InvalidEvent((Problem("", reason),))
        try:
            return wire.read(body, findings)
        except msgspec.DecodeError as error:
            repaired = None if self._strict else tolerant.repair(body)
            if repaired is None:
                raise MalformedBody(f"The body is not JSON: {error}") from error
        findings.odd("", "not strict JSON; what JSON has no word for is read as null or U+FFFD")
        try:
            return wire.read(repaired, findings)
        except msgspec.DecodeError as error:
            raise MalformedBody(f"The body is not JSON: {error}") from error

    def _event(self, outline: WireEvent, findings: Findings) -> Event:
        _nulls(outline, findings)
        head = _Head(
            _time(outline.event_time, findings),
            _uri(outline.producer, "/producer", findings),
            _uri(outline.schema_url, "/schemaURL", findings),
        )
        is_run = bool(outline.run and outline.job)
        if outline.dataset and not is_run:
            return self._dataset_event(outline, head, findings)
        if is_run:
            if outline.dataset:
                findings.odd("/dataset", "beside run and job: a run event, and this is not read")
            return self._run_event(outline, head, findings)
        if outline.run or not outline.job:
            findings.refuse("/job", "missing, and there is no dataset")
            findings.settle()
        return self._job_event(outline, head, findings)

    def _run_event(self, outline: WireEvent, head: "_Head", findings: Findings) -> Event:
        assert outline.run and outline.job
        kind = _type(outline.event_type, findings)
        run_id = self._run_id(outline.run.run_id, findings)
        read, written = outline.inputs or (), outline.outputs or ()
        said = self._statements.read_all(outline.job, read, written, findings)
        run_facets, run = self._runs.read(bytes(outline.run.facets), findings)
        return Event(
            EventKind.RUN,
            head.time,
            kind,
            head.producer,
            head.schema_url,
            said.job,
            run_id,
            run_facets,
            run,
            self._used(read, said.inputs, "/inputs", findings),
            self._used(written, said.outputs, "/outputs", findings),
            said=said.digest,
            flags=tuple(findings.flags),
        )

    def _job_event(self, outline: WireEvent, head: "_Head", findings: Findings) -> Event:
        assert outline.job
        read, written = outline.inputs or (), outline.outputs or ()
        said = self._statements.read_all(outline.job, read, written, findings)
        explicit = isinstance(said.job.facts, JobFacts) and said.job.facts.lineage is not None
        return Event(
            EventKind.JOB,
            head.time,
            producer=head.producer,
            schema_url=head.schema_url,
            job=said.job,
            inputs=self._used(read, said.inputs, "/inputs", findings),
            outputs=self._used(written, said.outputs, "/outputs", findings),
            said=said.digest,
            # The clients write empty lists where nothing is said; facet entries can say "none".
            declares=bool(read or written or explicit),
            flags=tuple(findings.flags),
        )

    def _dataset_event(self, outline: WireEvent, head: "_Head", findings: Findings) -> Event:
        if outline.job:
            findings.fault("/job", "beside dataset, without run: a dataset event, this is not read")
        for member, uses in (("/inputs", outline.inputs), ("/outputs", outline.outputs)):
            if uses:
                findings.odd(member, "a dataset event has none; this is not read")
        subject = wire.read_dataset(outline.dataset, findings)
        findings.settle()
        assert subject is not None
        dataset = self._statements.read(SUBJECT, subject, "/dataset", findings)
        return Event(
            EventKind.DATASET,
            head.time,
            producer=head.producer,
            schema_url=head.schema_url,
            dataset=dataset,
            flags=tuple(findings.flags),
        )

    def _used(
        self,
        datasets: Sequence[WireDataset],
        uses: tuple[DatasetUse, ...],
        side: str,
        findings: Findings,
    ) -> tuple[DatasetUse, ...]:
        """The uses with their own facets; without, when lean: they are only looked at."""
        found: list[DatasetUse] | None = None
        for at, dataset in enumerate(datasets):
            if dataset.input_facets or dataset.output_facets:
                facets = _use_facets(dataset, f"{side}/{at}", findings, self._lean)
                if facets:
                    found = list(uses) if found is None else found
                    found[at] = DatasetUse(uses[at].statement, facets)
        return uses if found is None else tuple(found)

    def _run_id(self, text: str, findings: Findings) -> str:
        run_id = fold_run_id(text)
        if _UUID.fullmatch(run_id) is None:
            if not run_id:
                findings.refuse("/run/runId", "empty")
            elif len(run_id) > self._name_limit:
                findings.refuse("/run/runId", f"longer than {self._name_limit} characters")
            else:
                findings.fault("/run/runId", "not a UUID")
        return run_id


class _Head(NamedTuple):
    """What every event begins with."""

    time: int
    producer: str
    schema_url: str


def _use_facets(
    dataset: WireDataset, pointer: str, findings: Findings, lean: bool
) -> tuple[Facet, ...]:
    """Both kinds are kept wherever they stand; of one name, the kind of the side counts."""
    read = bodies.uses(bytes(dataset.input_facets), pointer + "/inputFacets", findings, lean)
    written = bodies.uses(bytes(dataset.output_facets), pointer + "/outputFacets", findings, lean)
    if not (read and written):
        return read or written
    ordered = written + read if pointer.startswith("/inputs") else read + written
    return tuple(sorted({facet.name: facet for facet in ordered}.values()))


def _nulls(outline: WireEvent, findings: Findings) -> None:
    for pointer, member in _NULLABLE:
        if member(outline) is None:
            findings.fault(pointer, "null")
    if outline.dataset and bytes(outline.dataset) == b"null":
        findings.fault("/dataset", "null")
        outline.dataset = wire.NO_FACETS


def _time(text: str, findings: Findings) -> int:
    read = moment.parse(text)
    if read is None:
        findings.refuse("/eventTime", "not a date and time of the years 1 to 9999")
        return 0
    if not read.standard:
        findings.fault("/eventTime", "not written as RFC 3339; without a zone it is UTC")
    return read.micros


def _type(text: str | UnsetType | None, findings: Findings) -> EventType | None:
    if text is None or text is UNSET:
        return None
    known = _TYPES.get(text)
    if known is None:
        known = _TYPES.get(text.strip().upper())
        if known is None:
            findings.refuse("/eventType", f"not one of {', '.join(_TYPES)}")
        else:
            findings.fault("/eventType", f"not written as {known.value}")
    return known


def _uri(text: str | UnsetType | None, pointer: str, findings: Findings) -> str:
    if text is UNSET:
        findings.fault(pointer, "missing")
    if not text:
        return ""
    if _URI.match(text) is None:
        findings.fault(pointer, "not a URI")
    return text
