"""A lineage answer as a tree, a table, and the languages of Graphviz and Mermaid."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from headwater.cli.answers import Edge, Graph, Node, label
from headwater.cli.output import safe

Pieces = list[tuple[str, str]]
"""(text, style) of the parts of a line."""

ICONS = {"dataset": "■", "job": "▶", "field": "▪", "run": "●"}
STYLES = {"dataset": "cyan", "job": "magenta", "field": "blue", "run": "yellow"}
_BRANCHES = {"up": "upstream", "down": "downstream"}


class _Step(NamedTuple):
    """A line of the tree that is still to be drawn."""

    node: Node
    edge: Edge | None
    guides: str
    last: bool


class Tree:
    """Draws a graph as a tree: each node unfolds once, where it is first met.

    Args:
        rich: icons, and names before namespaces, for people; else nodes as commands take them.
        evidence: how each edge is known, after the node that it leads to.
    """

    def __init__(self, graph: Graph, rich: bool = False, evidence: bool = False) -> None:
        self._graph = graph
        self._rich = rich
        self._evidence = evidence
        self._nodes = {node.id: node for node in graph.nodes}
        self._seen: set[str] = set()

    def lines(self) -> Iterator[Pieces]:
        roots = [node for node in self._graph.nodes if node.hops == 0]
        if not any(node.id == self._graph.start for node in roots) and len(roots) != 1:
            # A run, say, is where the question starts but no node of the graph.
            yield self._title(Node(self._graph.start))
            nearest = min((node.hops for node in self._graph.nodes), default=0)
            roots = [node for node in self._graph.nodes if node.hops == nearest]
        for root in roots:
            yield self._title(root)
            both = self._graph.direction == "both"
            for direction in _BRANCHES if both else (self._graph.direction,):
                if both:
                    yield [(_BRANCHES[direction], "bold")]
                yield from self._branch(root, direction)

    def _branch(self, root: Node, direction: str) -> Iterator[Pieces]:
        """Depth first with a stack of its own: a chain may be longer than Python's."""
        neighbours = _neighbours(self._graph.edges, direction)
        self._seen = {root.id}
        stack = self._steps(root, neighbours, "")
        while stack:
            step = stack.pop()
            node = step.node
            repeated = node.id in self._seen
            guide = step.guides + ("└── " if step.last else "├── ")
            yield [(guide, "dim"), *self._title(node), *self._marks(step, repeated, direction)]
            if not repeated:
                self._seen.add(node.id)
                below = step.guides + ("    " if step.last else "│   ")
                stack.extend(self._steps(node, neighbours, below))

    def _steps(
        self, node: Node, neighbours: dict[str, list[tuple[str, Edge]]], guides: str
    ) -> list[_Step]:
        """The next lines, the first of them last: they go onto a stack."""
        found: dict[str, Edge] = {}
        for other, edge in neighbours.get(node.id, ()):
            if other in self._nodes:
                found.setdefault(other, edge)
        steps = [
            _Step(self._nodes[other], edge, guides, at == len(found) - 1)
            for at, (other, edge) in enumerate(found.items())
        ]
        return steps[::-1]

    def _title(self, node: Node) -> Pieces:
        shown = label(node.id)
        if not self._rich:
            return [(safe(shown.written if shown.kind else shown.name), "")]
        style = STYLES.get(shown.kind, "")
        pieces = [(f"{ICONS.get(shown.kind, ' ')} ", style), (safe(shown.title), f"bold {style}")]
        if shown.namespace:
            pieces.append((f"  {safe(shown.namespace)}", "dim"))
        return pieces

    def _marks(self, step: _Step, repeated: bool, direction: str) -> Pieces:
        node, marks = step.node, []
        if step.edge is not None and self._evidence:
            marks.append((f"  [{evidence(step.edge)}]", "green"))
        if node.aliases:
            names = ", ".join(safe(label(alias).written) for alias in node.aliases)
            marks.append((f"  (also {names})", "dim"))
        if node.source:
            marks.append(("  (source: has no upstream)", "dim"))
        if repeated:
            marks.append(("  (see above)", "dim"))
        elif node.missing:
            marks.append((f"  (+{node.missing} {_BRANCHES[direction]}, not shown)", "yellow"))
        return marks


def _neighbours(edges: Iterable[Edge], direction: str) -> dict[str, list[tuple[str, Edge]]]:
    found: dict[str, list[tuple[str, Edge]]] = {}
    for edge in edges:
        here, there = edge.target, edge.source
        if direction == "down":
            here, there = there, here
        found.setdefault(here, []).append((there, edge))
    return found


def evidence(edge: Edge) -> str:
    """How an edge is known, in a few words."""
    parts = [", ".join(edge.origins) or "unknown"]
    if edge.transformations:
        parts.append(", ".join(_transformation(each) for each in edge.transformations))
    if edge.whole:
        parts.append("affects the whole dataset")
    if edge.job:
        parts.append(f"by {label(edge.job).written}")
    if edge.runs:
        parts.append(f"{edge.runs} run{'s' if edge.runs > 1 else ''}")
    if edge.last_seen:
        parts.append(f"last seen {edge.last_seen}")
    if edge.last_run:
        parts.append(f"run {edge.last_run}")
    return safe("; ".join(parts))


def _transformation(each: object) -> str:
    words = (getattr(each, "type", ""), getattr(each, "subtype", ""))
    masked = " masking" if getattr(each, "masking", False) else ""
    return "/".join(word for word in words if word) + masked


def summary(graph: Graph) -> list[str]:
    """What the answer leaves out, and how to ask for it."""
    said = []
    if graph.truncated:
        said.append(
            f"Cut at {graph.limit} nodes: ask with a higher --limit, or from a node further on."
        )
    short = sum(1 for node in graph.nodes if node.missing)
    if short and not graph.truncated:
        nodes = "node has" if short == 1 else "nodes have"
        said.append(f"{short} {nodes} more behind depth {graph.depth}: --depth shows them.")
    return said


NODE_COLUMNS = ("hops", "kind", "namespace", "name", "missing")
EVIDENCE_COLUMNS = ("source", "target", "origin", "runs", "first seen", "last seen", "last run")


def node_rows(graph: Graph) -> Iterator[tuple[object, ...]]:
    for node in graph.nodes:
        shown = label(node.id)
        yield node.hops, shown.kind, shown.namespace, shown.title, node.missing


def edge_rows(graph: Graph) -> Iterator[tuple[object, ...]]:
    for edge in graph.edges:
        ends = label(edge.source).written, label(edge.target).written
        seen = edge.first_seen, edge.last_seen, edge.last_run
        yield (*ends, edge.origins, edge.runs, *seen)


def dot(graph: Graph) -> Iterator[str]:
    """The graph for Graphviz, data flowing from left to right."""
    names = _names(graph)
    yield "digraph headwater {"
    yield "  rankdir=LR;"
    yield '  node [fontname="Helvetica"];'
    for ref, name in names.items():
        shown = label(ref)
        shape = {"job": "cds", "field": "plain"}.get(shown.kind, "box")
        pen = ", penwidth=2" if ref == graph.start else ""
        text = "\\n".join(_dot(part) for part in (shown.title, shown.namespace) if part)
        yield f'  {name} [label="{text}", shape={shape}{pen}];'
    for edge in graph.edges:
        if edge.source in names and edge.target in names:
            how = _dot(", ".join(edge.origins))
            yield f'  {names[edge.source]} -> {names[edge.target]} [tooltip="{how}"];'
    yield "}"


def _dot(text: str) -> str:
    return safe(text).replace("\\", "\\\\").replace('"', '\\"')


def mermaid(graph: Graph) -> Iterator[str]:
    """The graph for Mermaid, data flowing from left to right."""
    names = _names(graph)
    yield "flowchart LR"
    for ref, name in names.items():
        shown = label(ref)
        text = "<br/>".join(_mermaid(part) for part in (shown.title, shown.namespace) if part)
        left, right = {"job": ("([", "])"), "field": ("(", ")")}.get(shown.kind, ("[", "]"))
        yield f'  {name}{left}"{text}"{right}'
    for edge in graph.edges:
        if edge.source in names and edge.target in names:
            yield f"  {names[edge.source]} --> {names[edge.target]}"
    if graph.start in names:
        yield f"  style {names[graph.start]} stroke-width:3px"


_SPECIAL = re.compile(r'[#&<>"`\\]')


def _mermaid(text: str) -> str:
    """Every character that Mermaid or HTML reads as its own, as a numbered entity."""
    return _SPECIAL.sub(lambda match: f"#{ord(match[0])};", safe(text))


def _names(graph: Graph) -> dict[str, str]:
    return {node.id: f"n{at}" for at, node in enumerate(graph.nodes)}
