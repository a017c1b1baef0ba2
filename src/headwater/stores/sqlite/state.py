"""The derived state of a database, surrogates replaced by what they stand for, in a fixed order.

Two databases that were given the same events show the same rows, whatever the order.
"""

import itertools
from collections.abc import Iterator

from headwater.records import Stamp
from headwater.stores.sqlite import codec
from headwater.stores.sqlite.connection import Connection, Row, array

TABLES = {
    "alias": """
        SELECT a.key, b.key FROM alias JOIN node a ON a.id = node_id JOIN node b ON b.id = other_id
        ORDER BY 1, 2""",
    "content": """
        SELECT n.key, c.digest, c.body FROM content c JOIN node n ON n.id = c.owner_id
        WHERE c.id IN (SELECT version_id FROM run) OR c.id IN (SELECT content_id FROM declaration)
        ORDER BY 1, 2""",
    "current": """
        SELECT n.key, v.contents FROM current v JOIN node n ON n.id = v.owner_id
        ORDER BY 1""",
    "declaration": """
        SELECT n.key, v.stamp, c.digest FROM declaration v JOIN node n ON n.id = v.owner_id
        JOIN content c ON c.id = v.content_id
        ORDER BY 1, 2""",
    "edge": """
        SELECT o.key, a.key, b.key, e.origin, e.first, e.last, e.runs, r.run_id
        FROM edge e JOIN node o ON o.id = e.owner_id JOIN node a ON a.id = e.source_id
        JOIN node b ON b.id = e.target_id LEFT JOIN run r ON r.id = e.last_run
        ORDER BY 1, 2, 3""",
    "event": """
        SELECT d.name, e.id, e.digest, e.kind, e.type, e.time, e.size, n.key, r.run_id, e.token,
            e.failure, e.flags
        FROM event e JOIN domain d ON d.id = e.domain_id
        LEFT JOIN node n ON n.id = e.node_id LEFT JOIN run r ON r.id = e.run_id
        ORDER BY 1, 2""",
    "event_tally": """
        SELECT d.name, t.quarter, t.type, t.events
        FROM event_tally t JOIN domain d ON d.id = t.domain_id
        ORDER BY 1, 2, 3""",
    "field": """
        SELECT n.key, f.name FROM field JOIN field_name f ON f.id = name_id
        JOIN node n ON n.id = node_id
        ORDER BY 1, 2""",
    "node": """
        SELECT n.key, d.name, s.name, n.kind, n.name, c.key, n.flows, n.hidden_at, n.first
        FROM node n JOIN namespace s ON s.id = n.namespace_id JOIN domain d ON d.id = s.domain_id
        LEFT JOIN node c ON c.id = n.alias_of
        ORDER BY 1""",
    "node_event": """
        SELECT n.key, v.stamp, e.id FROM node_event_all v JOIN node n ON n.id = v.node_id
        JOIN event e ON e.position = v.position
        ORDER BY 1, 2, 3""",
    "node_facet": """
        SELECT n.key, f.name,
            coalesce(f.stamp, (SELECT max(stamp) FROM node_event WHERE node_id = f.node_id)),
            f.digest, f.deleted, f.gist
        FROM node_facet f JOIN node n ON n.id = f.node_id
        ORDER BY 1, 2""",
    "run": """
        SELECT d.name, r.run_id, n.key, r.complete, r.state, r.at, r.first, r.started, r.running,
            r.newest, r.parent_run, r.facts, c.digest, r.said
        FROM run r JOIN domain d ON d.id = r.domain_id JOIN node n ON n.id = r.job_id
        LEFT JOIN content c ON c.id = r.version_id
        ORDER BY 1, 2, 3""",
    "schema_version": """
        SELECT n.key, v.digest, v.first FROM schema_version v JOIN node n ON n.id = v.node_id
        ORDER BY 1, 2""",
    "search_text": """
        SELECT n.key, t.text FROM search_text t JOIN node n ON n.id = t.rowid
        ORDER BY 1""",
}
"""By name; the columns that a table is ordered by tell its rows apart."""
CHUNK = 5_000


def rows(db: Connection, table: str) -> Iterator[list[Row]]:
    """All rows of one table of the state, some thousand at a time."""
    found = db.scan(TABLES[table])
    while chunk := list(itertools.islice(found, CHUNK)):
        if table == "run":
            named = _digests(db, {content for row in chunk for content, _ in _said(row)})
            yield [_run(row, named) for row in chunk]
        elif table == "content":
            yield [(*row[:2], _content(row[2], row[1])) for row in chunk]
        elif table == "current":
            named = _digests(db, {c for row in chunk for c, _ in codec.decode_current(row[1])})
            yield [(row[0], _current(row[1], named)) for row in chunk]
        else:
            yield chunk


def _digests(db: Connection, contents: set[int]) -> dict[int, bytes]:
    return dict(db.all("content_digests", array(sorted(contents)))) if contents else {}


def _said(row: Row) -> list[tuple[int, Stamp]]:
    return [] if row[13] is None else codec.decode_said(row[13])


def _run(row: Row, digests: dict[int, bytes]) -> Row:
    """What the run said, by digest; said once by its newest event when nothing is written."""
    said = row[13]
    if said is None:
        pairs = [] if row[12] is None else [(row[12], row[9])]
    else:
        pairs = [(digests[content], stamp) for content, stamp in _said(row)]
    return (*row[:13], tuple(sorted(pairs)))


def _content(body: bytes, digest: bytes) -> bytes:
    """As it is written now: an earlier version wrote large ones out in full."""
    if len(body) < codec.SHARED_FROM:
        return body
    return codec.encode_content(codec.decode_content(body, digest))


def _current(blob: bytes, digests: dict[int, bytes]) -> tuple[tuple[bytes, bool], ...]:
    return tuple(sorted((digests[c], declared) for c, declared in codec.decode_current(blob)))
