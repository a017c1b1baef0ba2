"""OpenLineage events from a seed: START and COMPLETE of runs of many jobs over shared datasets."""

from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from random import Random
from typing import Literal

from benchmarks import templates
from benchmarks.templates import JOBS_PER_PARENT, Pattern, Run, Size, Template

Mode = Literal["steady", "cold"]

_FIRST_MS = 1_767_225_600_000  # 2026-01-01
_STEP_MS = 7
_HUB_SKEW = 3
_PATTERNS = 256
# Coprime to the default number of jobs: neighbours in time are not neighbours in the catalogue.
_STRIDE = 7_919


class Generator:
    """Events of a fixed catalogue of jobs (`steady`), or of ever new jobs and datasets (`cold`).

    The same seed and the same calls give the same bytes. `open_runs` runs are under way at any
    time, so that a server sees a run's START and COMPLETE some time apart, as in life.
    """

    def __init__(
        self,
        seed: int,
        size: Size,
        mode: Mode,
        jobs: int = 10_000,
        datasets: int = 50_000,
        open_runs: int = 200,
    ) -> None:
        self.seed = seed
        self.size = size
        self.mode = mode
        self.jobs = jobs
        self.datasets = datasets
        self.open_runs = open_runs
        self._random = Random(f"runs {seed} {mode}")
        self._runs = 0
        self._now_ms = _FIRST_MS
        self._second: tuple[int, bytes] = (-1, b"")
        self._templates: dict[int, Template] = {}
        self._patterns: dict[int, Pattern] = {}
        self._parents: dict[int, bytes] = {}

    def warmup(self, jobs: int | None = None) -> Iterator[bytes]:
        """START and COMPLETE of one run of every job (or of the first `jobs`)."""
        return self.events(2 * (self.jobs if jobs is None else jobs))

    def events(self, count: int) -> Iterator[bytes]:
        """The next `count` events; every run begun here also ends here (if `count` is even)."""
        return islice(self._pairs((count + 1) // 2), count)

    def _pairs(self, runs: int) -> Iterator[bytes]:
        under_way: deque[tuple[Template, Run]] = deque()
        for _ in range(runs):
            template, run = self._next_run()
            under_way.append((template, run))
            yield template.start(self._tick(), run)
            if len(under_way) > self.open_runs:
                template, run = under_way.popleft()
                yield template.complete(self._tick(), run)
        for template, run in under_way:
            yield template.complete(self._tick(), run)

    def _next_run(self) -> tuple[Template, Run]:
        number = self._runs
        self._runs += 1
        if self.mode == "cold":
            job = number
            template = self._pattern(number % _PATTERNS).named(b"_n%d" % number)
        else:
            job = number * _STRIDE % self.jobs
            template = self._template(job)
        self._tick()
        parent_id = self._parent_id(number, job)
        nominal = self._second[1] + b"Z"
        return template, Run(self._run_id(), parent_id, nominal, self._random.getrandbits(20))

    def _template(self, job: int) -> Template:
        template = self._templates.get(job)
        if template is None:
            template = templates.template(self.seed, self.size, job, self.inputs(job), job)
            self._templates[job] = template
        return template

    def _pattern(self, job: int) -> Pattern:
        pattern = self._patterns.get(job)
        if pattern is None:
            inputs = self.inputs(job)
            cold = templates.template(self.seed, self.size, job, inputs, job, cold=True)
            pattern = self._patterns[job] = Pattern.of(cold)
        return pattern

    def inputs(self, job: int) -> list[int]:
        """The datasets that a job reads: one often read (power law), one hardly read by others.

        A job writes the dataset of its own number, so low numbers, which are the hubs, are also
        outputs, and the jobs form one graph.
        """
        random = Random(f"inputs {self.seed} {job}")
        hub = int(self.datasets * random.random() ** _HUB_SKEW)
        chosen = dict.fromkeys((hub, random.randrange(self.datasets)))
        chosen.pop(job, None)
        count = 1 if self.size == "small" else 2
        while len(chosen) < count:
            chosen.setdefault(random.randrange(self.datasets))
        return list(chosen)[:count]

    def _tick(self) -> bytes:
        self._now_ms += _STEP_MS
        second, millis = divmod(self._now_ms, 1_000)
        if self._second[0] != second:
            text = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
            self._second = (second, text.encode())
        return b"%s.%03dZ" % (self._second[1], millis)

    def _run_id(self) -> bytes:
        """A UUID version 7 of the present eventTime."""
        time = self._now_ms
        bits = self._random.getrandbits(74)
        return b"%08x-%04x-7%03x-%04x-%012x" % (
            time >> 16,
            time & 0xFFFF,
            bits & 0xFFF,
            0x8000 | bits >> 12 & 0x3FFF,
            bits >> 26,
        )

    def _parent_id(self, number: int, job: int) -> bytes:
        """One parent run for the jobs of a parent, each time all jobs have run."""
        if number % self.jobs == 0:
            self._parents.clear()
        parent = job // JOBS_PER_PARENT
        parent_id = self._parents.get(parent)
        if parent_id is None:
            parent_id = self._parents[parent] = self._run_id()
        return parent_id
