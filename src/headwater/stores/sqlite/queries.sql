-- Statements of the writer ------------------------------------------------------------------------

-- name: name_counters
SELECT
    (SELECT coalesce(max(id), 0) FROM node),
    (SELECT coalesce(max(id), 0) FROM namespace),
    (SELECT coalesce(max(id), 0) FROM field_name)

-- name: domain_by_name
SELECT id FROM domain WHERE name = ?

-- name: insert_domain
INSERT INTO domain (name, created_at) VALUES (?, ?)

-- name: domains
SELECT name, created_at FROM domain ORDER BY name

-- name: namespace_by_name
SELECT id FROM namespace WHERE domain_id = ? AND name = ?

-- name: insert_namespace
INSERT INTO namespace (id, domain_id, name) VALUES (?, ?, ?)

-- name: nodes_by_key
SELECT key, id FROM node WHERE key IN (SELECT value FROM carray(?))

-- name: insert_node
INSERT INTO node (id, namespace_id, kind, name, key) VALUES (?, ?, ?, ?, ?)

-- name: insert_search_name
INSERT INTO search_name (rowid, name) VALUES (?, ?)

-- name: field_by_name
SELECT id FROM field_name WHERE domain_id = ? AND name = ?

-- name: fields_by_name
SELECT name, id FROM field_name WHERE domain_id = ? AND name IN (SELECT value FROM carray(?))

-- name: insert_field_name
INSERT INTO field_name (id, domain_id, name) VALUES (?, ?, ?)

-- name: insert_search_field
INSERT INTO search_field (rowid, name) VALUES (?, ?)

-- name: insert_field
INSERT OR IGNORE INTO field (name_id, node_id) VALUES (?, ?)

-- name: node_newest
SELECT node.id, node.hidden_at, node.first,
    (SELECT max(stamp) FROM node_event WHERE node_event.node_id = node.id),
    (SELECT count(*) FROM node_event WHERE node_event.node_id = node.id)
FROM node WHERE node.id IN (SELECT value FROM carray(?))

-- name: facets_of
SELECT node_id, name, stamp, digest, deleted, gist
FROM node_facet WHERE node_id IN (SELECT value FROM carray(?))

-- name: put_facet
INSERT OR REPLACE INTO node_facet (node_id, name, stamp, digest, deleted, gist)
VALUES (?, ?, ?, ?, ?, ?)

-- name: set_hidden
UPDATE node SET hidden_at = ? WHERE id = ?

-- name: delete_search_text
DELETE FROM search_text WHERE rowid = ?

-- name: insert_search_text
INSERT INTO search_text (rowid, text) VALUES (?, ?)

-- name: merge_schema
INSERT INTO schema_version (node_id, digest, first) VALUES (?, ?, ?)
ON CONFLICT (node_id, digest) DO UPDATE SET first = min(first, excluded.first)

-- name: aliases_of
SELECT other_id FROM alias WHERE node_id = ?

-- name: insert_alias
INSERT INTO alias (node_id, other_id) VALUES (?, ?)

-- name: delete_alias
DELETE FROM alias WHERE node_id = ? AND other_id = ?

-- name: component_members
SELECT id FROM node
WHERE alias_of IN (
    SELECT alias_of FROM node WHERE id IN (SELECT value FROM carray(?)) AND alias_of IS NOT NULL
)

-- name: alias_pairs
SELECT node_id, other_id FROM alias WHERE node_id IN (SELECT value FROM carray(?))
UNION
SELECT node_id, other_id FROM alias WHERE other_id IN (SELECT value FROM carray(?))

-- name: node_names
SELECT node.id, namespace.name, node.name
FROM node JOIN namespace ON namespace.id = node.namespace_id
WHERE node.id IN (SELECT value FROM carray(?))

-- name: set_alias_of
UPDATE node SET alias_of = ? WHERE id IN (SELECT value FROM carray(?))

-- name: content_counter
SELECT coalesce(max(id), 0) FROM content

-- name: content_by_digest
SELECT id, body FROM content WHERE owner_id = ? AND digest = ?

-- name: content_by_id
SELECT digest FROM content WHERE id = ?

-- name: content_body
SELECT body, digest FROM content WHERE id = ?

-- name: content_digests
SELECT id, digest FROM content WHERE id IN (SELECT value FROM carray(?))

-- name: insert_content
INSERT INTO content (id, owner_id, digest, body) VALUES (?, ?, ?, ?)

-- name: run_counter
SELECT coalesce(max(id), 0) FROM run

-- name: run_by_name
SELECT id, first, started, running, newest, facts, version_id, said
FROM run WHERE domain_id = ? AND run_id = ? AND job_id = ?

-- name: insert_run
INSERT INTO run (
    id, domain_id, run_id, job_id, complete, state, at, first, started, running, newest,
    parent_run, facts, version_id, said
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: update_run
UPDATE run SET
    complete = v.column2, state = v.column3, at = v.column4, first = v.column5,
    started = v.column6, running = v.column7, newest = v.column8, parent_run = v.column9,
    facts = v.column10, version_id = v.column11, said = v.column12
FROM (VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)) AS v
WHERE run.id = v.column1

-- The newest complete run of a job: newest start, then greatest run id.
-- name: newest_complete
SELECT at, run_id, version_id FROM run
WHERE job_id = ? AND complete = 1 ORDER BY at DESC, run_id DESC LIMIT 1

-- name: later_incomplete
SELECT at, run_id, version_id FROM run
WHERE job_id = ?1 AND complete = 0 AND (at, run_id) > (?2, ?3)

-- name: all_incomplete
SELECT at, run_id, version_id FROM run
WHERE job_id = ? AND complete = 0 AND at IS NOT NULL

-- name: insert_declaration
INSERT INTO declaration (owner_id, stamp, content_id) VALUES (?, ?, ?)

-- name: newest_declaration
SELECT stamp, content_id FROM declaration WHERE owner_id = ? ORDER BY stamp DESC LIMIT 1

-- name: merge_edge
INSERT INTO edge (owner_id, source_id, target_id, origin, first, last, runs, last_run)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (owner_id, source_id, target_id) DO UPDATE SET
    first = min(first, excluded.first),
    last_run = iif(excluded.last > last, excluded.last_run, last_run),
    last = max(last, excluded.last),
    runs = runs + excluded.runs

-- The same, where it also changes how an edge is known. Apart, because that changes the indexes.
-- name: merge_turned_edge
INSERT INTO edge (owner_id, source_id, target_id, origin, first, last, runs, last_run)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (owner_id, source_id, target_id) DO UPDATE SET
    origin = excluded.origin,
    first = min(first, excluded.first),
    last_run = iif(excluded.last > last, excluded.last_run, last_run),
    last = max(last, excluded.last),
    runs = runs + excluded.runs

-- name: rename_edge
UPDATE edge SET origin = origin | 16 WHERE owner_id = ? AND source_id = ? AND target_id = ?

-- name: current_of
SELECT contents FROM current WHERE owner_id = ?

-- name: put_current
INSERT OR REPLACE INTO current (owner_id, contents) VALUES (?, ?)

-- name: set_flows
UPDATE node SET flows = ? WHERE id = ? AND flows <> ?

-- name: held_edges
SELECT source_id, target_id, origin FROM edge WHERE owner_id = ? AND origin <> 0

-- name: set_origin
WITH held (origin, owner_id, source_id, target_id) AS (VALUES (?, ?, ?, ?))
UPDATE edge SET origin = held.origin FROM held
WHERE edge.owner_id = held.owner_id AND edge.source_id = held.source_id
    AND edge.target_id = held.target_id

-- name: last_position
SELECT coalesce(max(position), 0) FROM event

-- name: events_by_id
SELECT id, position, digest FROM event
WHERE domain_id = ? AND id IN (SELECT value FROM carray(?))

-- name: events_by_token
SELECT token, id FROM event
WHERE domain_id = ? AND token IN (SELECT value FROM carray(?))

-- name: insert_event
INSERT INTO event (
    position, domain_id, id, digest, dialect, kind, type, time, received_at, size, node_id,
    run_id, token, failure, flags
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: insert_body
INSERT INTO event_body (position, dictionary_id, body) VALUES (?, ?, ?)

-- name: insert_node_event
INSERT INTO node_event (node_id, stamp, position) VALUES (?, ?, ?)

-- The events of a node before its newest become past ones.
-- name: put_past
INSERT INTO node_event_past (node_id, stamp, position)
SELECT node_id, stamp, position FROM node_event WHERE node_id = ? AND stamp < ?

-- name: drop_past
DELETE FROM node_event WHERE node_id = ? AND stamp < ?

-- name: dictionary_by_id
SELECT body FROM dictionary WHERE id = ?

-- Statements of the reader ------------------------------------------------------------------------

-- name: nodes_by_id
SELECT n.id, n.key, n.kind, n.namespace_id, n.name, n.alias_of, n.flows, n.hidden_at
FROM carray(?) f CROSS JOIN node n ON n.id = f.value

-- name: names_by_id
SELECT n.id, n.kind, n.namespace_id, n.name FROM carray(?) f CROSS JOIN node n ON n.id = f.value

-- Few nodes have any of these: the index of those is small, and the others are not read.
-- name: traits_of
SELECT n.id, n.key, n.alias_of, n.flows, n.hidden_at
FROM carray(?) f CROSS JOIN node n INDEXED BY node_by_trait ON n.id = f.value
WHERE n.alias_of IS NOT NULL OR n.flows <> 0 OR n.hidden_at IS NOT NULL

-- name: joined_to
SELECT n.id, n.key, n.alias_of, n.flows, n.hidden_at
FROM carray(?) f CROSS JOIN node n ON n.alias_of = f.value

-- name: members_of
SELECT n.id, n.key, n.kind, n.namespace_id, n.name, n.alias_of, n.flows, n.hidden_at
FROM carray(?) f CROSS JOIN node n ON n.alias_of = f.value

-- name: namespaces_by_id
SELECT id, name FROM namespace WHERE id IN (SELECT value FROM carray(?))

-- name: keys_by_id
SELECT n.key, n.id FROM carray(?) f CROSS JOIN node n ON n.id = f.value

-- The edges of a node that it owns itself lie together in the table; those of other owners are found
-- by an index, which finds all edges of a node that owns few or none.
-- name: edges_down
SELECT e.source_id, e.target_id, e.owner_id, e.origin, e.first, e.last, e.runs, e.last_run
FROM carray(?1) f CROSS JOIN edge e ON e.owner_id = f.value AND e.source_id = f.value
WHERE (NOT ?2 OR e.origin <> 0) AND e.first <= ?3
UNION ALL
SELECT e.source_id, e.target_id, e.owner_id, e.origin, e.first, e.last, e.runs, e.last_run
FROM carray(?1) f CROSS JOIN edge x ON x.source_id = f.value AND x.owner_id <> f.value
CROSS JOIN edge e
    ON e.owner_id = x.owner_id AND e.source_id = x.source_id AND e.target_id = x.target_id
WHERE (NOT ?2 OR e.origin <> 0) AND e.first <= ?3

-- name: edges_down_indexed
SELECT e.source_id, e.target_id, e.owner_id, e.origin, e.first, e.last, e.runs, e.last_run
FROM carray(?1) f CROSS JOIN edge x ON x.source_id = f.value
CROSS JOIN edge e
    ON e.owner_id = x.owner_id AND e.source_id = x.source_id AND e.target_id = x.target_id
WHERE (NOT ?2 OR e.origin <> 0) AND e.first <= ?3

-- name: edges_up
SELECT e.source_id, e.target_id, e.owner_id, e.origin, e.first, e.last, e.runs, e.last_run
FROM carray(?1) f CROSS JOIN edge e ON e.owner_id = f.value AND +e.target_id = f.value
WHERE (NOT ?2 OR e.origin <> 0) AND e.first <= ?3
UNION ALL
SELECT e.source_id, e.target_id, e.owner_id, e.origin, e.first, e.last, e.runs, e.last_run
FROM carray(?1) f CROSS JOIN edge x ON x.target_id = f.value AND x.owner_id <> f.value
CROSS JOIN edge e
    ON e.owner_id = x.owner_id AND e.source_id = x.source_id AND e.target_id = x.target_id
WHERE (NOT ?2 OR e.origin <> 0) AND e.first <= ?3

-- name: edges_up_indexed
SELECT e.source_id, e.target_id, e.owner_id, e.origin, e.first, e.last, e.runs, e.last_run
FROM carray(?1) f CROSS JOIN edge x ON x.target_id = f.value
CROSS JOIN edge e
    ON e.owner_id = x.owner_id AND e.source_id = x.source_id AND e.target_id = x.target_id
WHERE (NOT ?2 OR e.origin <> 0) AND e.first <= ?3

-- name: run_ids
SELECT r.id, r.run_id FROM carray(?) f CROSS JOIN run r ON r.id = f.value

-- The index says whether an edge holds, so no edge is read.
-- name: ends_down
SELECT e.source_id, e.target_id, e.owner_id
FROM carray(?) f CROSS JOIN edge e INDEXED BY edge_by_source ON e.source_id = f.value
WHERE e.origin <> 0

-- name: ends_up
SELECT e.source_id, e.target_id, e.owner_id
FROM carray(?) f CROSS JOIN edge e INDEXED BY edge_by_target ON e.target_id = f.value
WHERE e.origin <> 0

-- name: currents_of
SELECT c.owner_id, c.contents FROM carray(?) f CROSS JOIN current c ON c.owner_id = f.value

-- name: versions_between
SELECT DISTINCT job, version_id FROM (
    SELECT f.value AS job, r.version_id FROM carray(?1) f CROSS JOIN run r
        ON r.job_id = f.value AND r.complete = 1 AND r.at >= ?2 AND r.at <= ?3
    UNION ALL
    SELECT f.value, r.version_id FROM carray(?1) f CROSS JOIN run r
        ON r.job_id = f.value AND r.complete = 0 AND r.at >= ?2 AND r.at <= ?3
)

-- The version of the newest complete run at a time, and those of the incomplete ones after it. A text
-- stands before all bytes.
-- name: versions_at
SELECT DISTINCT f.value, r.version_id, i.version_id
FROM carray(?1) f
LEFT JOIN run r ON r.id = (
    SELECT id FROM run WHERE job_id = f.value AND complete = 1 AND at <= ?2
    ORDER BY at DESC, run_id DESC LIMIT 1
)
LEFT JOIN run i ON i.job_id = f.value AND i.complete = 0 AND i.at <= ?2
    AND (i.at, i.run_id) > (coalesce(r.at, -0x7fffffffffffffff), coalesce(r.run_id, ''))

-- name: declarations_at
SELECT d.owner_id, d.content_id
FROM carray(?1) f CROSS JOIN declaration d ON d.owner_id = f.value AND d.stamp = (
    SELECT max(stamp) FROM declaration WHERE owner_id = f.value AND stamp <= ?2
)

-- name: content_bodies
SELECT c.id, c.body, c.digest FROM carray(?) f CROSS JOIN content c ON c.id = f.value

-- name: run_version
SELECT version_id FROM run WHERE run_id = ?1 AND job_id = ?2
AND domain_id = (
    SELECT s.domain_id FROM node n JOIN namespace s ON s.id = n.namespace_id WHERE n.id = ?2
)

-- name: bodies_at
SELECT e.position, d.name, e.dialect, e.received_at, e.token, b.dictionary_id, b.body
FROM event e JOIN domain d ON d.id = e.domain_id JOIN event_body b ON b.position = e.position
WHERE e.position IN (SELECT value FROM carray(?))

-- name: node_events
SELECT stamp, position FROM node_event_all
WHERE node_id = ? AND stamp < ? ORDER BY stamp DESC LIMIT ?

-- name: run_events
SELECT e.position FROM run r JOIN event e ON e.run_id = r.id
WHERE r.run_id = ?1 AND r.job_id = ?2
AND r.domain_id = (
    SELECT s.domain_id FROM node n JOIN namespace s ON s.id = n.namespace_id WHERE n.id = ?2
)
ORDER BY e.position

-- Nodes whose keys begin alike; the bounds are keys.
-- name: nodes_between
SELECT id FROM node WHERE key BETWEEN ? AND ? ORDER BY key LIMIT ?

-- name: datasets_named
SELECT n.id FROM namespace s CROSS JOIN node n ON n.namespace_id = s.id
WHERE s.domain_id = ?1 AND n.kind = 0 AND n.name IN (SELECT value FROM carray(?2))
ORDER BY s.name, n.name

-- name: event_span
SELECT (SELECT min(id) FROM event WHERE domain_id = ?1),
    (SELECT max(id) FROM event WHERE domain_id = ?1)

-- name: events_ending
SELECT id FROM event WHERE domain_id = ? AND id >= ? AND id < ? AND substr(id, 11) = ?

-- name: node_versions_desc
SELECT v.stamp, v.position, e.received_at, e.dialect
FROM (
    SELECT stamp, position FROM node_event_all
    WHERE node_id = ? AND (stamp, position) > (?, ?) AND (stamp, position) < (?, ?)
    ORDER BY stamp DESC, position DESC LIMIT ?
) v CROSS JOIN event e ON e.position = v.position

-- name: node_versions_asc
SELECT v.stamp, v.position, e.received_at, e.dialect
FROM (
    SELECT stamp, position FROM node_event_all
    WHERE node_id = ? AND (stamp, position) > (?, ?) AND (stamp, position) < (?, ?)
    ORDER BY stamp, position LIMIT ?
) v CROSS JOIN event e ON e.position = v.position

-- name: run_versions
SELECT e.time, e.type, e.digest, e.received_at, e.position, e.dialect
FROM run r JOIN event e ON e.run_id = r.id
WHERE r.run_id = ?1 AND r.job_id = ?2
AND r.domain_id = (
    SELECT s.domain_id FROM node n JOIN namespace s ON s.id = n.namespace_id WHERE n.id = ?2
)

-- name: runs_stating
SELECT v.stamp, r.run_id
FROM (
    SELECT stamp, position FROM node_event_all
    WHERE node_id = ?1 AND stamp <= ?3 ORDER BY stamp DESC LIMIT ?4
) v
CROSS JOIN event e ON e.position = v.position
CROSS JOIN run r ON r.id = e.run_id
WHERE r.job_id = ?2
ORDER BY v.stamp DESC

-- name: facet_states
SELECT name,
    coalesce(stamp, (SELECT max(v.stamp) FROM node_event v WHERE v.node_id = node_facet.node_id)),
    digest, deleted, gist
FROM node_facet WHERE node_id = ? ORDER BY name

-- name: schemas_of
SELECT digest, first FROM schema_version WHERE node_id = ? ORDER BY first

-- name: versions_of
SELECT c.digest, count(*), min(p.at), max(p.at)
FROM (
    SELECT version_id, at FROM run WHERE job_id = ?1 AND complete = 1 AND at IS NOT NULL
    UNION ALL
    SELECT version_id, at FROM run WHERE job_id = ?1 AND complete = 0 AND at IS NOT NULL
) p JOIN content c ON c.id = p.version_id
GROUP BY c.digest ORDER BY max(p.at) DESC

-- name: gists_of
SELECT node_id, gist FROM node_facet
WHERE node_id IN (SELECT value FROM carray(?)) AND NOT deleted AND gist <> x''
ORDER BY node_id, name

-- name: spans_of
SELECT n.id, n.first, (SELECT max(stamp) FROM node_event WHERE node_id = n.id)
FROM carray(?) f CROSS JOIN node n ON n.id = f.value

-- What dialects keep for themselves stands in namespaces of their own, which are not shown.
-- name: namespaces
SELECT s.name,
    (SELECT count(*) FROM node n
     WHERE n.namespace_id = s.id AND n.kind = 1 AND n.hidden_at IS NULL),
    (SELECT count(*) FROM node n
     WHERE n.namespace_id = s.id AND n.kind = 0 AND n.hidden_at IS NULL)
FROM namespace s WHERE s.domain_id = ?1 AND (?2 OR s.name > ?3)
AND EXISTS (SELECT 1 FROM node n WHERE n.namespace_id = s.id AND n.hidden_at IS NULL)
ORDER BY s.name LIMIT ?4

-- name: counts
SELECT
    (SELECT count(*) FROM event WHERE domain_id = ?1),
    (SELECT count(*) FROM run WHERE domain_id = ?1 AND at IS NOT NULL),
    (SELECT count(*) FROM namespace s JOIN node n ON n.namespace_id = s.id
     WHERE s.domain_id = ?1 AND n.kind = 1 AND n.hidden_at IS NULL),
    (SELECT count(*) FROM namespace s JOIN node n ON n.namespace_id = s.id
     WHERE s.domain_id = ?1 AND n.kind = 0 AND n.hidden_at IS NULL),
    (SELECT count(*) FROM namespace WHERE domain_id = ?1 AND name NOT GLOB 'headwater:*')

-- name: search_names
SELECT n.id, NULL, NULL
FROM search_name f CROSS JOIN node n ON n.id = f.rowid
JOIN namespace s ON s.id = n.namespace_id
WHERE f.search_name MATCH ?1 AND n.name LIKE ?2 ESCAPE '\' AND s.domain_id = ?3
AND n.kind IN (SELECT value FROM carray(?4)) AND n.hidden_at IS NULL
LIMIT ?5

-- All names are read; one stretch of the index for a namespace is read faster than one for each kind.
-- name: search_names_short
SELECT n.id, NULL, NULL
FROM node n JOIN namespace s ON s.id = n.namespace_id
WHERE n.name LIKE ?1 ESCAPE '\' AND s.domain_id = ?2
AND +n.kind IN (SELECT value FROM carray(?3)) AND n.hidden_at IS NULL
LIMIT ?4

-- name: search_namespaces
SELECT n.id, NULL, NULL
FROM namespace s CROSS JOIN node n ON n.namespace_id = s.id
WHERE s.domain_id = ?1 AND s.name LIKE ?2 ESCAPE '\'
AND n.kind IN (SELECT value FROM carray(?3)) AND n.hidden_at IS NULL
LIMIT ?4

-- name: search_fields
SELECT d.node_id, f.name, NULL
FROM search_field x CROSS JOIN field_name f ON f.id = x.rowid
CROSS JOIN field d ON d.name_id = f.id
JOIN node n ON n.id = d.node_id
WHERE x.search_field MATCH ?1 AND f.name LIKE ?2 ESCAPE '\' AND f.domain_id = ?3 AND n.hidden_at IS NULL
LIMIT ?4

-- name: search_texts
SELECT n.id, NULL, x.text
FROM search_text x CROSS JOIN node n ON n.id = x.rowid
JOIN namespace s ON s.id = n.namespace_id
WHERE x.search_text MATCH ?1 AND x.text LIKE ?2 ESCAPE '\' AND s.domain_id = ?3
AND n.kind IN (SELECT value FROM carray(?4)) AND n.hidden_at IS NULL
LIMIT ?5

-- Keys and the log --------------------------------------------------------------------------------

-- name: api_keys
SELECT k.id, d.name, k.scopes, k.secret_hash, k.label, k.created_at, k.revoked_at, s.sealed
FROM api_key k JOIN domain d ON d.id = k.domain_id LEFT JOIN api_secret s ON s.key_id = k.id
ORDER BY k.created_at, k.id

-- name: insert_api_key
INSERT INTO api_key (id, domain_id, scopes, secret_hash, label, created_at, revoked_at)
VALUES (?, (SELECT id FROM domain WHERE name = ?), ?, ?, ?, ?, ?)

-- name: insert_api_secret
INSERT INTO api_secret (key_id, sealed) VALUES (?, ?)

-- name: revoke_api_key
UPDATE api_key SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL

-- name: api_key_in_force
SELECT 1 FROM api_key WHERE id = ? AND revoked_at IS NULL

-- name: user_accounts
SELECT d.name, u.name, u.scopes, u.password, u.created_at
FROM user_account u JOIN domain d ON d.id = u.domain_id ORDER BY d.name, u.name

-- name: put_user_account
INSERT OR REPLACE INTO user_account (domain_id, name, scopes, password, created_at)
VALUES (?, ?, ?, ?, ?)

-- name: delete_user_account
DELETE FROM user_account WHERE domain_id = ? AND name = ?

-- name: projects
SELECT p.id, d.name, p.name, p.created_at
FROM project p JOIN domain d ON d.id = p.domain_id ORDER BY p.id

-- name: insert_project
INSERT INTO project (id, domain_id, name, created_at) VALUES (?, ?, ?, ?)

-- name: delete_project
DELETE FROM project WHERE id = ?

-- name: connection_maps
SELECT d.name, c.source, c.namespace, c.pattern, c.created_at
FROM connection_map c JOIN domain d ON d.id = c.domain_id ORDER BY d.name, c.source

-- name: put_connection_map
INSERT OR REPLACE INTO connection_map (domain_id, source, namespace, pattern, created_at)
VALUES (?, ?, ?, ?, ?)

-- name: delete_connection_map
DELETE FROM connection_map WHERE domain_id = ? AND source = ?

-- name: log_after
SELECT e.position, d.name, e.dialect, e.received_at, e.token, b.dictionary_id, b.body
FROM event e JOIN domain d ON d.id = e.domain_id JOIN event_body b ON b.position = e.position
WHERE e.position > ? ORDER BY e.position LIMIT ?

-- name: count_events
SELECT count(*) FROM event

-- Writes a page without changing anything.
-- name: probe
UPDATE domain SET created_at = created_at WHERE name = 'default'

-- What a pruned log keeps: the younger events; for each node its newest event and those that state
-- its facets; the runs that the current graph shows, and each job's last run; what is declared.
-- name: needed
SELECT position FROM event WHERE time >= ?1
UNION
SELECT (
    SELECT v.position FROM node_event v WHERE v.node_id = n.id ORDER BY v.stamp DESC LIMIT 1
) AS position FROM node n WHERE position IS NOT NULL
UNION
SELECT v.position FROM node_facet f
JOIN node_event_all v ON v.node_id = f.node_id AND v.stamp = f.stamp
WHERE f.stamp IS NOT NULL
UNION
SELECT e.position FROM run r JOIN event e ON e.run_id = r.id
WHERE r.at >= coalesce(
    (SELECT max(c.at) FROM run c WHERE c.job_id = r.job_id AND c.complete = 1), r.at
)
UNION
SELECT v.position FROM declaration d
JOIN node_event_all v ON v.node_id = d.owner_id AND v.stamp = d.stamp
WHERE d.stamp = (SELECT max(stamp) FROM declaration m WHERE m.owner_id = d.owner_id)
UNION
SELECT v.position FROM edge g
JOIN node_event_all v ON v.node_id = g.owner_id AND v.stamp = g.last
WHERE g.origin & 16

-- name: newest_dictionary
SELECT id, body FROM dictionary ORDER BY id DESC LIMIT 1

-- name: insert_dictionary
INSERT INTO dictionary (id, body, created_at) VALUES (?, ?, ?)

-- name: sample_bodies
SELECT dictionary_id, body FROM event_body
WHERE position IN (SELECT value FROM carray(?1)) AND length(body) < ?2
