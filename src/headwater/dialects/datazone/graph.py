"""QueryGraph: what lies within some steps of a node, a page at a time in an order that stays."""

from collections.abc import Sequence
from enum import Enum
from typing import Any, Literal, NamedTuple

import msgspec

from headwater.auth.principal import Scope
from headwater.dialects.datazone import around, filters, forms, nodes, params, runs, shapes
from headwater.dialects.datazone.accounts import Accounts
from headwater.dialects.datazone.around import Around
from headwater.dialects.datazone.domains import Domains, Known
from headwater.dialects.datazone.filters import Clause
from headwater.dialects.datazone.places import Finder, Place
from headwater.dialects.openlineage.log import Log
from headwater.errors import InvalidParameter, MalformedBody, NotFound
from headwater.http.context import Context
from headwater.http.message import Request, Response, Route
from headwater.records import stamp_time
from headwater.store import Reader

_PATH = "/v2/domains/{domainIdentifier}/graph/query"
_OPERATION = "QueryGraph"
STEPS = 1
"""How far where nothing is said: one relation leads to what is next to the node."""
MOST_STEPS = 5
_CLAUSES = 2
_MOST_FORMS = 10

Order = tuple[int, str, str, str, str]
"""Steps from the start, then by name."""


class Way(Enum):
    IN = "IN"
    OUT = "OUT"


class EntityPattern(msgspec.Struct, rename="camel"):
    entity_type: Literal["LINEAGE_NODE"]
    identifier: str
    filters: Clause | None = None


class RelationPattern(msgspec.Struct, rename="camel"):
    relation_type: Literal["LINEAGE"]
    relation_direction: Way
    max_path_length: int | None = None


class Match(msgspec.Struct, rename="camel"):
    """Exactly one of the two is given."""

    entity_pattern: EntityPattern | None = None
    relation_pattern: RelationPattern | None = None


class Additional(msgspec.Struct, rename="camel"):
    form_names: list[str] | None = None


class Query(msgspec.Struct, rename="camel"):
    match: list[Match]
    additional_attributes: Additional | None = None


class Wanted(NamedTuple):
    """A query that is as the model allows."""

    identifier: str
    clause: Clause | None
    way: Way
    steps: int
    forms: tuple[str, ...]


class Graph:
    """Answers QueryGraph."""

    def __init__(self, context: Context, domains: Domains, accounts: Accounts, log: Log) -> None:
        self._store = context.store
        self._most = context.settings.graph_nodes
        self._domains = domains
        self._accounts = accounts
        self._log = log

    def routes(self) -> tuple[Route, ...]:
        return (
            Route(
                "POST",
                _PATH,
                self.query,
                _OPERATION,
                Scope.READ,
                "Walk from a node over the graph",
                body=True,
            ),
        )

    async def query(self, request: Request) -> Response:
        domain = await self._domains.of(request, modelled=False)
        wanted = read_query(request.body)
        limit = params.limit(request)
        after = params.read_token(request, _OPERATION, tuple[int, str, str, str, str])

        async def question(reader: Reader) -> tuple[list[shapes.NodeItem], Order | None, bool]:
            finder = Finder(reader, domain.name, self._accounts.of(domain.name), self._log)
            try:
                start = (await nodes.find(finder, wanted.identifier, None)).place
            except NotFound as error:
                raise InvalidParameter("identifier", error.message) from error
            walk = _Walk(finder, wanted, self._most)
            return await self._items(walk, domain, start, after, limit)

        items, token, cut = await self._store.read(question)
        answer = shapes.GraphAnswer(
            items=tuple(shapes.ResultItem(lineage_node=item) for item in items),
            next_token=None if token is None else params.write_token(_OPERATION, token),
        )
        headers = ((b"x-headwater-truncated", b"true"),) if cut else ()
        return shapes.answer(request, answer, headers=headers)

    async def _items(
        self, walk: "_Walk", domain: Known, start: Place, after: Order | None, limit: int
    ) -> tuple[list[shapes.NodeItem], Order | None, bool]:
        """The page, where the next one starts, and whether the walk was cut."""
        items: list[shapes.NodeItem] = []
        last: Order | None = None
        level = [start]
        for step in range(1, walk.wanted.steps + 1):
            level = await walk.next(level)
            for place in level:
                mark = (step, *place.order)
                if after is not None and mark <= after:
                    continue
                item = await self._item(walk, domain, place, full=len(items) < limit)
                if item is None:
                    continue
                if len(items) == limit:
                    return items, last, walk.cut
                items.append(item)
                last = mark
        return items, None, walk.cut

    async def _item(
        self, walk: "_Walk", domain: Known, place: Place, full: bool
    ) -> shapes.NodeItem | None:
        """None for a node that the filters leave out.

        Args:
            full: it will be shown; else it is only asked whether there is one more.
        """
        finder, wanted = walk.finder, walk.wanted
        found = await nodes.newest(finder, place, None)
        version = None if found is None else found.version
        said: dict[str, Any] = await nodes.scalars(finder, domain.id, place, version)
        if wanted.clause is not None and not filters.holds(wanted.clause, _attributes(said)):
            return None
        shown = None
        if wanted.forms and found is not None and full:
            shown = forms.chosen(await self._forms(finder, found), wanted.forms)
        neighbours = await walk.around(place) if full else Around([], [])
        return shapes.NodeItem(
            **said,
            forms_output=shown,
            upstream_lineage_node_ids=tuple(each.place.id for each in neighbours.up),
            downstream_lineage_node_ids=tuple(each.place.id for each in neighbours.down),
        )

    async def _forms(self, finder: Finder, found: nodes.Found) -> tuple[shapes.Form, ...]:
        place, version, versions = found
        if place.run_id is None:
            at = stamp_time(version.stamp)
            return (await forms.of_node(finder, self._log, place, at))[0]
        state = await runs.state_at(finder, self._log, versions, version.stamp)
        return forms.of_run(place, state)


class _Walk:
    """Goes from a node to what is next to it, and visits each node once."""

    def __init__(self, finder: Finder, wanted: Wanted, most: int) -> None:
        self.finder = finder
        self.wanted = wanted
        self.cut = False
        self._most = most
        self._seen: set[str] = set()
        self._known: dict[str, Around] = {}

    async def around(self, place: Place) -> Around:
        known = self._known.get(place.id)
        if known is None:
            if place.run_id is None:
                known = await around.of_node(self.finder, place, None)
            else:
                known = await around.of_run(self.finder, place, None)
            self._known[place.id] = known
        return known

    async def next(self, level: Sequence[Place]) -> list[Place]:
        """The nodes one step on that were not seen before, by name."""
        self._seen.update(place.id for place in level)
        found: dict[str, Place] = {}
        for place in level:
            neighbours = await self.around(place)
            side = neighbours.up if self.wanted.way is Way.IN else neighbours.down
            for each in side:
                identity = each.place.id
                if identity in self._seen or identity in found:
                    continue
                if len(self._seen) + len(found) >= self._most:
                    self.cut = True
                    break
                found[identity] = each.place
        return sorted(found.values(), key=lambda place: place.order)


def read_query(body: bytes) -> Wanted:
    """Raises InvalidRequest, naming the member that the model does not allow."""
    try:
        query = msgspec.json.decode(body, type=Query)
    except msgspec.ValidationError as error:
        raise MalformedBody(f"match: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedBody(f"The body is not JSON: {error}") from error
    if len(query.match) != _CLAUSES:
        raise InvalidParameter("match", f"has to have {_CLAUSES} items; it has {len(query.match)}")
    entities, relations = [], []
    for at, clause in enumerate(query.match):
        if (clause.entity_pattern is None) == (clause.relation_pattern is None):
            raise InvalidParameter(
                f"match[{at}]", "has to have one of entityPattern and relationPattern"
            )
        if clause.entity_pattern is not None:
            entities.append((f"match[{at}].entityPattern", clause.entity_pattern))
        if clause.relation_pattern is not None:
            relations.append((f"match[{at}].relationPattern", clause.relation_pattern))
    if len(entities) != 1:
        raise InvalidParameter("match", "has to have one entityPattern and one relationPattern")
    ((at_entity, entity),), ((at_relation, relation),) = entities, relations
    params.node_identifier(entity.identifier, f"{at_entity}.identifier")
    if entity.filters is not None:
        filters.check(entity.filters, f"{at_entity}.filters")
    steps = STEPS if relation.max_path_length is None else relation.max_path_length
    if not 1 <= steps <= MOST_STEPS:
        reason = f"{steps} is not between 1 and {MOST_STEPS}"
        raise InvalidParameter(f"{at_relation}.maxPathLength", reason)
    return Wanted(
        entity.identifier, entity.filters, relation.relation_direction, steps, _form_names(query)
    )


def _form_names(query: Query) -> tuple[str, ...]:
    additional = query.additional_attributes
    if additional is None or additional.form_names is None:
        return ()
    given, where = additional.form_names, "additionalAttributes.formNames"
    if not 1 <= len(given) <= _MOST_FORMS:
        raise InvalidParameter(where, f"has to have 1 to {_MOST_FORMS} items")
    for name in given:
        params.checked(where, name, params.FORM_NAME)
    return tuple(given)


def _attributes(said: dict[str, Any]) -> filters.Attributes:
    """What the answer says of a node, by the names of the model."""
    found: dict[str, str | int | None] = {}
    for name, value in said.items():
        head, *rest = name.split("_")
        wire = head + "".join(word.capitalize() for word in rest)
        if isinstance(value, msgspec.Raw):
            found[wire] = int(float(bytes(value)))
        else:
            found[wire] = value
    return found
