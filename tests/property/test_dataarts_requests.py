"""Generated requests of Huawei's clients: what is taken comes back as it was sent."""

import json
import random
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Raw

from headwater.dialects.dataarts import operators
from headwater.dialects.dataarts.events import Drawn, job_event
from headwater.dialects.dataarts.mapping import Mapped, Maps
from headwater.dialects.dataarts.names import split
from headwater.dialects.dataarts.operators import Operator, Part
from headwater.dialects.openlineage.decode import Decoder
from headwater.event import DatasetFacts, Event, JobFacts
from tests.unit.dialects.dataarts.asking import Desk, tell

REQUESTS = 3_000
STORED = 100
WORDS = ("a", "表", "x.y", "`", "é🙂", "a b", '"', "\\", "%2F", "t" * 200, "\t", "z")
Json = dict[str, Any]


class Maker:
    """Makes requests from a seed."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)

    def word(self) -> str:
        return "".join(self._chance.choices(WORDS, k=self._chance.choice((1, 1, 2))))

    def optional(self, said: Json, name: str) -> None:
        """A text, a blank, a null, or nothing at all."""
        value = self._chance.choice((self.word(), "", None, ...))
        if value is not ...:
            said[name] = value

    def table(self) -> Json:
        said: Json = {}
        for name in ("catalog", "database", "schema"):
            self.optional(said, name)
        return {**said, "table": self.word()}

    def column(self, tables: list[Json]) -> Json:
        of = {k: v for k, v in self._chance.choice(tables).items() if k != "catalog"}
        return {**of, "column": self.word()}

    def request(self, large: bool) -> Json:
        most = 100 if large else 4
        sides = [[self.table() for _ in range(self._chance.randint(1, most))] for _ in "io"]
        said: Json = {"node_name": self.word(), "unknown": [1, None, {"deep": 1.5}]}
        for name in ("cluster_id", "data_source_type", "connection_id", "connection_name"):
            self.optional(said, name)
        self.optional(said, "job_id")
        lineage: Json = {"input_tables": sides[0], "output_tables": sides[1]}
        said["table_lineage"] = lineage
        if self._chance.random() < 0.7:
            lineage["column_lineages"] = [
                {
                    f"{word}put_columns": [
                        self.column(tables) for _ in range(self._chance.randint(1, most))
                    ]
                    for word, tables in zip(("in", "out"), sides, strict=True)
                }
                for _ in range(self._chance.randint(0, 3))
            ]
        return said

    def body(self, said: Json) -> bytes:
        """As the SDKs spell it: spaced ASCII, compact UTF-8, with an end of line."""
        if self._chance.random() < 0.5:
            return json.dumps(said).encode()
        end = self._chance.choice(("", "\n"))
        return (json.dumps(said, ensure_ascii=False, separators=(",", ":")) + end).encode()


def recorded(*bodies: bytes, workspace: str = "w", maps: Maps | None = None) -> Drawn:
    operator, parts = Operator("p", workspace), [Part(operators.CREATE, body) for body in bodies]
    for part in parts:
        operator.add(part)
    return job_event(operator, parts, "q", 1_790_000_000_000_001, maps or {})


def expected(said: Json) -> tuple[set[str], set[str], set[tuple[str, str]]]:
    """Names of the inputs and outputs, and (input column, output column) pairs."""

    def parts(table: Json, *names: str) -> list[str]:
        return [table[name] for name in names if table.get(name)]

    lineage = said["table_lineage"]
    names = ("catalog", "database", "schema", "table")
    sides = [
        {"\0".join(parts(table, *names)) for table in lineage[side]}
        for side in ("input_tables", "output_tables")
    ]
    pairs = {
        (a["column"], b["column"])
        for group in lineage.get("column_lineages", ())
        for a in group["input_columns"]
        for b in group["output_columns"]
    }
    return sides[0], sides[1], pairs


def flows(event: Event) -> set[tuple[str, str]]:
    """The pairs of columns that an event states, in the standard facet or in groups."""
    assert event.job is not None
    assert isinstance(event.job.facts, JobFacts)
    found = list(event.job.facts.columns or ())
    for use in event.outputs:
        assert isinstance(use.statement.facts, DatasetFacts)
        found += use.statement.facts.columns or ()
    return {
        (source.field, field)
        for flow in found
        for source in flow.sources
        for field in flow.fields
        if source.field is not None
    }


def test_requests_come_back_as_they_were_sent() -> None:
    """In an event that the specification allows."""
    maker, decoder = Maker(7), Decoder(strict=True, lean=True, name_limit=1 << 20)
    for number in range(REQUESTS):
        said = maker.request(large=number % 100 == 0)
        body = maker.body(said)
        stored = recorded(body).body
        facet = msgspec.json.decode(stored, type=dict[str, Raw])["job"]
        job = msgspec.json.decode(facet)
        assert job["facets"]["huawei_lineageInfo"]["request"] == said
        assert body.strip() in stored
        event = decoder.decode(stored)
        assert event.flags == ()
        inputs, outputs, pairs = expected(said)
        named = [
            {"\0".join(split(use.statement.node.name)) for use in uses}
            for uses in (event.inputs, event.outputs)
        ]
        assert named[0] == inputs
        assert named[1] == outputs
        assert flows(event) == pairs


class AnyMap(dict[str, Mapped]):
    """Maps of two thirds of all connections; half of them give names that are too long at times."""

    def get(self, source: str, default: Any = None) -> Any:
        pattern = ("{catalog}.{table}", "{table}" * 90, "")[len(source) % 3]
        return Mapped("hive://é", pattern) if pattern else default


def test_an_event_is_what_decoding_it_gives() -> None:
    """What is made beside the bytes, down to every digest; not all is, and is decoded then."""
    maker, decoder = Maker(23), Decoder(lean=True, name_limit=1 << 20)
    made = 0
    for number in range(REQUESTS):
        bodies = [maker.body(maker.request(large=number % 100 == 0))]
        if number % 10 == 0:
            bodies.append(maker.body(maker.request(large=False)))
        drawn = recorded(*bodies, workspace=maker.word(), maps=AnyMap() if number % 2 else {})
        if drawn.event is not None:
            made += 1
            assert repr(drawn.event) == repr(decoder.decode(drawn.body))
    assert REQUESTS // 3 < made < REQUESTS


def test_names_that_are_too_long_to_be_read_of_columns() -> None:
    said = Maker(1).request(large=False)
    column = {"table": "t", "column": "c"}
    said["table_lineage"] = {
        "input_tables": [{"table": "t"}],
        "output_tables": [{"table": "u"}],
        "column_lineages": [
            {"input_columns": [column], "output_columns": [column | {"table": "u"}]}
        ],
    }
    said |= {"connection_id": "", "connection_name": "🙂" * 1_000}
    short, long = (recorded(json.dumps(said).encode(), workspace=w) for w in ("w", "🙂" * 1_000))
    assert short.event is not None
    assert repr(short.event) == repr(Decoder(lean=True, name_limit=1 << 20).decode(short.body))
    assert long.event is None
    assert Decoder(name_limit=1 << 20).decode(long.body).flags


def test_a_rebuild_gives_the_same_graph(tmp_path: Path) -> None:
    """The bodies alone, posted as OpenLineage to another server, in another order."""
    maker = Maker(11)
    bodies = [maker.body(maker.request(large=False)) for _ in range(STORED)]
    told: list[list[tuple[str, Any]]] = []

    async def first(desk: Desk) -> None:
        for body in bodies:
            await desk.create(body)
        logs.extend(await desk.stored())
        told.append([row async for row in desk.app.store.state()])

    async def second(desk: Desk) -> None:
        for body in random.Random(3).sample(logs, len(logs)):
            answer = await desk.client.post("/api/v1/lineage", content=body)
            assert answer.status_code == 200, answer.text
        told.append([row async for row in desk.app.store.state()])

    logs: list[bytes] = []
    for name, story in (("one", first), ("two", second)):
        (tmp_path / name).mkdir()
        tell(tmp_path / name, story)
    assert told[0] == told[1]
