"""Prints a lineage answer in the format that was asked for."""

import msgspec

from headwater.cli import output, pictures
from headwater.cli.answers import Graph


def show_graph(body: bytes, format: str, evidence: bool = False) -> None:
    """The answer on stdout; what it leaves out on stderr."""
    if format == "json":
        output.json(body)
        return
    graph = msgspec.json.decode(body, type=Graph)
    match format:
        case "table":
            output.table(pictures.NODE_COLUMNS, pictures.node_rows(graph))
            if evidence:
                output.line()
                output.table(pictures.EVIDENCE_COLUMNS, pictures.edge_rows(graph))
        case "dot":
            output.lines(pictures.dot(graph))
        case "mermaid":
            output.lines(pictures.mermaid(graph))
        case _:
            output.pieces(pictures.Tree(graph, output.interactive(), evidence).lines())
    for said in pictures.summary(graph):
        output.note(said)
