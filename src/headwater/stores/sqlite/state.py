"""The derived state of a database, surrogates replaced by what they stand for, in a fixed order.

Two databases that were given the same events show the same rows, whatever the order.
"""

from headwater.stores.sqlite import codec
from headwater.stores.sqlite.connection import Connection, Row

_NODE = "(SELECT key FROM node WHERE node.id = {})"

TABLES = {
    "event": """
        SELECT d.name, e.id, e.digest, e.kind, e.type, e.time, e.size, n.key, r.run_id, e.token,
            e.failure, e.flags
        FROM event e JOIN domain d ON d.id = e.domain_id
        LEFT JOIN node n ON n.id = e.node_id LEFT JOIN run r ON r.id = e.run_id""",
    "node": """
        SELECT n.key, d.name, s.name, n.kind, n.name, c.key, n.flows, n.hidden_at, n.first
        FROM node n JOIN namespace s ON s.id = n.namespace_id JOIN domain d ON d.id = s.domain_id
        LEFT JOIN node c ON c.id = n.alias_of""",
    "node_event": """
        SELECT n.key, v.stamp, e.id FROM node_event v JOIN node n ON n.id = v.node_id
        JOIN event e ON e.position = v.position""",
    "node_facet": """
        SELECT n.key, f.name,
            coalesce(f.stamp, (SELECT max(stamp) FROM node_event WHERE node_id = f.node_id)),
            f.digest, f.deleted, f.gist
        FROM node_facet f JOIN node n ON n.id = f.node_id""",
    "alias": """
        SELECT a.key, b.key FROM alias JOIN node a ON a.id = node_id JOIN node b ON b.id = other_id
        """,
    "schema_version": """
        SELECT n.key, v.digest, v.first FROM schema_version v JOIN node n ON n.id = v.node_id""",
    "field": """
        SELECT n.key, f.name FROM field JOIN field_name f ON f.id = name_id
        JOIN node n ON n.id = node_id""",
    "search_text": "SELECT n.key, t.text FROM search_text t JOIN node n ON n.id = t.rowid",
    "run": """
        SELECT d.name, r.run_id, n.key, r.complete, r.state, r.at, r.first, r.started, r.running,
            r.newest, r.parent_run, r.facts, c.digest, r.said
        FROM run r JOIN domain d ON d.id = r.domain_id JOIN node n ON n.id = r.job_id
        LEFT JOIN content c ON c.id = r.version_id""",
    "content": """
        SELECT n.key, c.digest, c.body FROM content c JOIN node n ON n.id = c.owner_id
        WHERE c.id IN (SELECT version_id FROM run) OR c.id IN (SELECT content_id FROM declaration)
        """,
    "declaration": """
        SELECT n.key, v.stamp, c.digest FROM declaration v JOIN node n ON n.id = v.owner_id
        JOIN content c ON c.id = v.content_id""",
    "current": """
        SELECT n.key, v.contents FROM current v JOIN node n ON n.id = v.owner_id""",
    "edge": """
        SELECT o.key, a.key, b.key, e.origin, e.first, e.last, e.runs, r.run_id
        FROM edge e JOIN node o ON o.id = e.owner_id JOIN node a ON a.id = e.source_id
        JOIN node b ON b.id = e.target_id LEFT JOIN run r ON r.id = e.last_run""",
    "event_tally": """
        SELECT d.name, t.quarter, t.type, t.events
        FROM event_tally t JOIN domain d ON d.id = t.domain_id""",
}


def rows(db: Connection, table: str) -> list[tuple[object, ...]]:
    """All rows of one table of the state."""
    found = db.query(TABLES[table])
    digests: dict[int, bytes] = {}
    if table in ("run", "current"):
        digests = dict(db.query("SELECT id, digest FROM content"))
    if table == "run":
        found = [_run(row, digests) for row in found]
    elif table == "content":
        found = [(*row[:2], _content(row[2], row[1])) for row in found]
    elif table == "current":
        found = [(row[0], _current(row[1], digests)) for row in found]
    return sorted((tuple(row) for row in found), key=repr)


def _run(row: Row, digests: dict[int, bytes]) -> Row:
    """What the run said, by digest; said once by its newest event when nothing is written."""
    said = row[13]
    if said is None:
        pairs = [] if row[12] is None else [(row[12], row[9])]
    else:
        pairs = [(digests[content], stamp) for content, stamp in codec.decode_said(said)]
    return (*row[:13], tuple(sorted(pairs)))


def _content(body: bytes, digest: bytes) -> bytes:
    """As it is written now: an earlier version wrote large ones out in full."""
    if len(body) < codec.SHARED_FROM:
        return body
    return codec.encode_content(codec.decode_content(body, digest))


def _current(blob: bytes, digests: dict[int, bytes]) -> tuple[tuple[bytes, bool], ...]:
    return tuple(sorted((digests[c], declared) for c, declared in codec.decode_current(blob)))
