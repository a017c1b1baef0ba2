-- Statements of numbered pages ------------------------------------------------------------------

-- About when: of jobs and of datasets, the node that was stated first, and the newest event of the
-- one that was stated last.
-- name: namespace_rows
SELECT s.name,
    EXISTS (SELECT 1 FROM node n WHERE n.namespace_id = s.id AND n.hidden_at IS NULL),
    k.value,
    (SELECT min(n.first) FROM node n
     WHERE n.namespace_id = s.id AND n.kind = k.value AND n.first IS NOT NULL),
    (SELECT max(v.stamp) FROM node_event v WHERE v.node_id = (
        SELECT n.id FROM node n
        WHERE n.namespace_id = s.id AND n.kind = k.value AND n.first IS NOT NULL
        ORDER BY n.first DESC LIMIT 1
    ))
FROM carray(?) f CROSS JOIN namespace s ON s.id = f.value
CROSS JOIN (SELECT 0 AS value UNION ALL SELECT 1) k

-- name: namespace_names
SELECT name FROM namespace WHERE domain_id = ? ORDER BY name

-- name: first_event
SELECT time FROM event WHERE domain_id = ? ORDER BY id LIMIT 1

-- name: count_nodes
SELECT count(*) FROM namespace s CROSS JOIN node n ON n.namespace_id = s.id
WHERE s.domain_id = ?1 AND (?2 IS NULL OR s.name = ?2) AND n.kind = ?3 AND n.hidden_at IS NULL

-- name: names_in
SELECT n.name FROM namespace s CROSS JOIN node n ON n.namespace_id = s.id
WHERE s.domain_id = ? AND s.name = ? AND n.kind = ? ORDER BY n.name

-- The indexes give the order, so what comes before the page is only counted.
-- name: slice_nodes
SELECT n.id FROM namespace s CROSS JOIN node n ON n.namespace_id = s.id
WHERE s.domain_id = ?1 AND (?2 IS NULL OR s.name = ?2) AND n.kind = ?3 AND n.hidden_at IS NULL
ORDER BY s.name, n.name LIMIT ?4 OFFSET ?5

-- Datasets that no edge of theirs, or of another member of their alias component, shows.
-- name: unlinked
SELECT s.name, n.name FROM namespace s CROSS JOIN node n ON n.namespace_id = s.id
WHERE s.domain_id = ? AND n.kind = 0 AND n.hidden_at IS NULL
AND NOT EXISTS (
    SELECT 1 FROM edge e CROSS JOIN node f ON f.id = e.target_id CROSS JOIN node o ON o.id = e.owner_id
    WHERE e.source_id = n.id AND e.origin <> 0 AND f.hidden_at IS NULL AND o.hidden_at IS NULL
)
AND NOT EXISTS (
    SELECT 1 FROM edge e CROSS JOIN node f ON f.id = e.source_id CROSS JOIN node o ON o.id = e.owner_id
    WHERE e.target_id = n.id AND e.origin <> 0 AND f.hidden_at IS NULL AND o.hidden_at IS NULL
)
AND (n.alias_of IS NULL OR (NOT EXISTS (
    SELECT 1 FROM node m CROSS JOIN edge e ON e.source_id = m.id
    CROSS JOIN node f ON f.id = e.target_id CROSS JOIN node o ON o.id = e.owner_id
    WHERE m.alias_of = n.alias_of
    AND e.origin <> 0 AND f.hidden_at IS NULL AND o.hidden_at IS NULL
)
AND NOT EXISTS (
    SELECT 1 FROM node m CROSS JOIN edge e ON e.target_id = m.id
    CROSS JOIN node f ON f.id = e.source_id CROSS JOIN node o ON o.id = e.owner_id
    WHERE m.alias_of = n.alias_of
    AND e.origin <> 0 AND f.hidden_at IS NULL AND o.hidden_at IS NULL
)))
ORDER BY s.name, n.name

-- name: jobs_with_stamps
SELECT n.id, s.name, n.name, (SELECT max(v.stamp) FROM node_event v WHERE v.node_id = n.id)
FROM namespace s CROSS JOIN node n ON n.namespace_id = s.id
WHERE s.domain_id = ? AND n.kind = 1

-- name: new_jobs
SELECT n.id, s.name, n.name, (SELECT max(v.stamp) FROM node_event v WHERE v.node_id = n.id)
FROM node n JOIN namespace s ON s.id = n.namespace_id
WHERE s.domain_id = ?1 AND n.id > ?2 AND n.kind = 1

-- The jobs of the events between two positions, and if the newest of each is believed.
-- name: jobs_of_events
SELECT node_id, time <= received_at + ?4 AS believed, max(time) FROM event
WHERE domain_id = ?1 AND position > ?2 AND position <= ?3 AND kind IN (0, 1)
AND node_id IS NOT NULL
GROUP BY node_id, believed

-- name: hidden_jobs
SELECT n.id FROM namespace s CROSS JOIN node n ON n.namespace_id = s.id
WHERE s.domain_id = ? AND n.kind = 1 AND n.hidden_at IS NOT NULL

-- name: newest_states
SELECT j.value, (
    SELECT state FROM (
        SELECT r.state, r.at, r.run_id FROM run r WHERE r.job_id = j.value AND r.complete = 1
        UNION ALL
        SELECT r.state, r.at, r.run_id FROM run r WHERE r.job_id = j.value AND r.complete = 0
        ORDER BY 2 DESC, 3 DESC LIMIT 1
    )
)
FROM carray(?) j

-- name: count_runs_of
SELECT (SELECT count(*) FROM run WHERE job_id = ?1 AND complete = 1)
    + (SELECT count(*) FROM run WHERE job_id = ?1 AND complete = 0)

-- The index gives the complete and the other runs in order; the two are merged, not sorted.
-- name: slice_runs
SELECT r.run_id, r.job_id, r.first, r.started, r.running, r.newest, r.facts, r.version_id
FROM (
    SELECT id, at, run_id FROM run WHERE job_id = ?1 AND complete = 1
    UNION ALL
    SELECT id, at, run_id FROM run WHERE job_id = ?1 AND complete = 0
    ORDER BY 2 DESC, 3 DESC LIMIT ?2 OFFSET ?3
) p CROSS JOIN run r ON r.id = p.id

-- Where nearly all runs of a job are complete, a far page is found by going along those alone: they
-- are passed over in a third of the time of a merge.
-- name: few_incomplete
SELECT count(*) FROM (SELECT 1 FROM run WHERE job_id = ? AND complete = 0 LIMIT ?)

-- name: nth_complete
SELECT at, run_id FROM run WHERE job_id = ? AND complete = 1
ORDER BY at DESC, run_id DESC LIMIT 1 OFFSET ?

-- name: incomplete_before
SELECT count(*) FROM run WHERE job_id = ? AND complete = 0 AND (at, run_id) > (?, ?)

-- name: slice_runs_from
SELECT r.run_id, r.job_id, r.first, r.started, r.running, r.newest, r.facts, r.version_id
FROM (
    SELECT id, at, run_id FROM run
    WHERE job_id = ?1 AND complete = 1 AND at <= ?4 AND (at, run_id) <= (?4, ?5)
    UNION ALL
    SELECT id, at, run_id FROM run
    WHERE job_id = ?1 AND complete = 0 AND ((at, run_id) <= (?4, ?5)) IS NOT 0
    ORDER BY 2 DESC, 3 DESC LIMIT ?2 OFFSET ?3
) p CROSS JOIN run r ON r.id = p.id

-- The newest run of each job, for many jobs at once.
-- name: newest_run_each
SELECT r.run_id, r.job_id, r.first, r.started, r.running, r.newest, r.facts, r.version_id
FROM carray(?) j CROSS JOIN run r ON r.id = (
    SELECT id FROM (
        SELECT id, at, run_id FROM run WHERE job_id = j.value AND complete = 1
        UNION ALL
        SELECT id, at, run_id FROM run WHERE job_id = j.value AND complete = 0
        ORDER BY 2 DESC, 3 DESC LIMIT 1
    )
)

-- name: ended_versions
SELECT c.digest, count(*), min(p.at), max(p.at)
FROM (
    SELECT version_id, at FROM run WHERE job_id = ?1 AND complete = 1
    UNION ALL
    SELECT version_id, at FROM run
    WHERE job_id = ?1 AND complete = 0 AND at IS NOT NULL AND state IN ('FAIL', 'ABORT')
) p JOIN content c ON c.id = p.version_id
GROUP BY c.digest

-- name: newest_run_of
SELECT r.run_id, r.job_id, r.first, r.started, r.running, r.newest, r.facts, r.version_id
FROM (
    SELECT id, at, run_id FROM run WHERE job_id = ?1 AND complete = 1 AND version_id = (
        SELECT id FROM content WHERE owner_id = ?1 AND digest = ?2
    )
    UNION ALL
    SELECT id, at, run_id FROM run WHERE job_id = ?1 AND complete = 0 AND version_id = (
        SELECT id FROM content WHERE owner_id = ?1 AND digest = ?2
    )
    ORDER BY 2 DESC, 3 DESC LIMIT 1
) p CROSS JOIN run r ON r.id = p.id

-- Every job that ever wrote a dataset, and by how many runs.
-- name: writers_of
SELECT e.owner_id, e.runs FROM edge e WHERE e.target_id = ? AND e.source_id = e.owner_id

-- name: contents_of
SELECT id, body, digest, owner_id FROM content WHERE owner_id IN (SELECT value FROM carray(?))
ORDER BY id

-- name: count_writes
SELECT (
    SELECT count(*) FROM run
    WHERE job_id IN (SELECT value FROM carray(?1)) AND complete = 1 AND at IS NOT NULL
    AND version_id IN (SELECT value FROM carray(?2))
) + (
    SELECT count(*) FROM run
    WHERE job_id IN (SELECT value FROM carray(?1)) AND complete = 0 AND at IS NOT NULL
    AND version_id IN (SELECT value FROM carray(?2))
)

-- name: slice_writes
SELECT r.run_id, r.job_id, r.first, r.started, r.running, r.newest, r.facts, r.version_id
FROM (
    SELECT id, at, run_id, job_id FROM run
    WHERE job_id IN (SELECT value FROM carray(?1)) AND complete = 1 AND at IS NOT NULL
    AND version_id IN (SELECT value FROM carray(?2))
    UNION ALL
    SELECT id, at, run_id, job_id FROM run
    WHERE job_id IN (SELECT value FROM carray(?1)) AND complete = 0 AND at IS NOT NULL
    AND version_id IN (SELECT value FROM carray(?2))
    ORDER BY 2 DESC, 3 DESC, 4 DESC LIMIT ?3 OFFSET ?4
) p CROSS JOIN run r ON r.id = p.id

-- Where the contents that write the dataset stand together among those of its only writer, the
-- index alone is read.
-- name: count_writes_of_one
SELECT (
    SELECT count(*) FROM run
    WHERE job_id = ?1 AND complete = 1 AND at IS NOT NULL AND version_id BETWEEN ?2 AND ?3
) + (
    SELECT count(*) FROM run
    WHERE job_id = ?1 AND complete = 0 AND at IS NOT NULL AND version_id BETWEEN ?2 AND ?3
)

-- name: slice_writes_of_one
SELECT r.run_id, r.job_id, r.first, r.started, r.running, r.newest, r.facts, r.version_id
FROM (
    SELECT id, at, run_id FROM run
    WHERE job_id = ?1 AND complete = 1 AND version_id BETWEEN ?2 AND ?3
    UNION ALL
    SELECT id, at, run_id FROM run
    WHERE job_id = ?1 AND complete = 0 AND at IS NOT NULL AND version_id BETWEEN ?2 AND ?3
    ORDER BY 2 DESC, 3 DESC LIMIT ?4 OFFSET ?5
) p CROSS JOIN run r ON r.id = p.id

-- name: newest_whole_write
SELECT r.run_id, r.job_id, r.first, r.started, r.running, r.newest, r.facts, r.version_id
FROM carray(?1) j CROSS JOIN run r ON r.id = (
    SELECT id FROM run WHERE job_id = j.value AND complete = 1
    AND version_id IN (SELECT value FROM carray(?2)) ORDER BY at DESC, run_id DESC LIMIT 1
)
ORDER BY r.at DESC, r.run_id DESC LIMIT 1

-- name: statings_of
SELECT v.digest, v.first, e.position, e.kind, r.version_id, r.job_id
FROM (
    SELECT s.digest, s.first, o.position FROM schema_version s
    CROSS JOIN node_event_all o ON o.node_id = s.node_id AND o.stamp = s.first
    WHERE s.node_id = ?
) v JOIN event e ON e.position = v.position LEFT JOIN run r ON r.id = e.run_id
ORDER BY v.first DESC

-- name: run_events_down
SELECT position FROM event WHERE domain_id = ? AND id >= ? AND id < ? AND kind = 0
ORDER BY id DESC LIMIT ? OFFSET ?

-- name: run_events_up
SELECT position FROM event WHERE domain_id = ? AND id >= ? AND id < ? AND kind = 0
ORDER BY id LIMIT ? OFFSET ?

-- name: count_run_events
SELECT count(*) FROM event WHERE domain_id = ? AND id >= ? AND id < ? AND kind = 0

-- name: run_events_of
SELECT e.position FROM event e JOIN node n ON n.id = e.node_id
WHERE e.domain_id = ?1 AND e.kind = 0
AND n.namespace_id = (SELECT id FROM namespace WHERE domain_id = ?1 AND name = ?2)
ORDER BY e.id DESC LIMIT ?3 OFFSET ?4

-- name: count_run_events_of
SELECT count(*) FROM (
    SELECT r.id FROM node n CROSS JOIN run r ON r.job_id = n.id AND r.complete = 1
    WHERE n.kind = 1
    AND n.namespace_id = (SELECT id FROM namespace WHERE domain_id = ?1 AND name = ?2)
    UNION ALL
    SELECT r.id FROM node n CROSS JOIN run r ON r.job_id = n.id AND r.complete = 0
    WHERE n.kind = 1
    AND n.namespace_id = (SELECT id FROM namespace WHERE domain_id = ?1 AND name = ?2)
) p CROSS JOIN event e ON e.run_id = p.id

-- name: tallies
SELECT quarter, type, events FROM event_tally WHERE domain_id = ? AND quarter >= ? AND quarter < ?

-- name: sum_tallies
SELECT coalesce(sum(events), 0) FROM event_tally
WHERE domain_id = ? AND quarter >= ? AND quarter < ?

-- name: first_seen
SELECT count(*) FROM namespace s CROSS JOIN node n ON n.namespace_id = s.id
WHERE s.domain_id = ?1 AND n.kind = ?2 AND n.first >= ?3 AND n.first < ?4 AND n.hidden_at IS NULL

-- Nodes that no event states, only others name: when the first edge was seen that names them.
-- name: first_named
SELECT min(
    coalesce((SELECT min(e.first) FROM edge e WHERE e.source_id = n.id), 1 << 62),
    coalesce((SELECT min(e.first) FROM edge e WHERE e.target_id = n.id), 1 << 62)
)
FROM namespace s CROSS JOIN node n ON n.namespace_id = s.id
WHERE s.domain_id = ? AND n.kind = ? AND n.first IS NULL AND n.hidden_at IS NULL

-- name: source_gists
WITH RECURSIVE distinct_gist (gist) AS (
    SELECT min(gist) FROM node_facet WHERE name = 'dataSource'
    UNION ALL
    SELECT (SELECT min(f.gist) FROM node_facet f
            WHERE f.name = 'dataSource' AND f.gist > distinct_gist.gist)
    FROM distinct_gist WHERE distinct_gist.gist IS NOT NULL
)
SELECT d.gist, (
    SELECT n.first FROM node_facet f JOIN node n ON n.id = f.node_id
    JOIN namespace s ON s.id = n.namespace_id
    WHERE f.name = 'dataSource' AND f.gist = d.gist AND NOT f.deleted AND s.domain_id = ?
    LIMIT 1
) AS first
FROM distinct_gist d WHERE d.gist IS NOT NULL AND first IS NOT NULL

-- name: tag_gists
SELECT f.gist, min(n.first) FROM node_facet f JOIN node n ON n.id = f.node_id
JOIN namespace s ON s.id = n.namespace_id
WHERE f.name = 'tags' AND NOT f.deleted AND s.domain_id = ? AND n.hidden_at IS NULL
GROUP BY f.gist

-- A text sorts before every blob, so these are one stretch of the index.
-- name: text_run_ids
SELECT DISTINCT run_id FROM run WHERE domain_id = ? AND run_id >= '' AND run_id < x''

-- The events that state the facets which hold of nodes. A stamp of NULL is that of the newest event.
-- name: facet_places
SELECT DISTINCT f.node_id, (
    SELECT v.position FROM node_event_all v WHERE v.node_id = f.node_id
    AND v.stamp = coalesce(
        f.stamp, (SELECT max(m.stamp) FROM node_event m WHERE m.node_id = f.node_id)
    )
    ORDER BY v.position DESC LIMIT 1
) AS position
FROM carray(?) k CROSS JOIN node_facet f ON f.node_id = k.value
WHERE position IS NOT NULL

-- name: stated_facets
SELECT n.id, f.name, f.digest FROM namespace s CROSS JOIN node n ON n.namespace_id = s.id
CROSS JOIN node_facet f ON f.node_id = n.id AND f.name IN (SELECT value FROM carray(?3))
WHERE s.domain_id = ?1 AND n.kind = ?2 AND n.hidden_at IS NULL AND NOT f.deleted
ORDER BY s.name, n.name

-- Of the runs of one job; each has events of its own.
-- name: run_places
SELECT r.run_id, e.position
FROM carray(?1) k CROSS JOIN run r ON r.run_id = k.value AND r.job_id = ?2 AND r.domain_id = (
    SELECT s.domain_id FROM node n JOIN namespace s ON s.id = n.namespace_id WHERE n.id = ?2
)
CROSS JOIN event e ON e.run_id = r.id

-- The far ends of edges: now, or of all that were ever stated.
-- name: sources_of
SELECT DISTINCT e.target_id, e.source_id FROM carray(?1) f CROSS JOIN edge e ON e.target_id = f.value
WHERE NOT ?2 OR e.origin <> 0

-- name: targets_of
SELECT DISTINCT e.source_id, e.target_id FROM carray(?1) f CROSS JOIN edge e ON e.source_id = f.value
WHERE NOT ?2 OR e.origin <> 0

-- Statements of the writer ------------------------------------------------------------------------

-- name: add_tally
INSERT INTO event_tally (domain_id, quarter, type, events) VALUES (?, ?, ?, ?)
ON CONFLICT (domain_id, quarter, type) DO UPDATE SET events = events + excluded.events

-- name: set_first
UPDATE node SET first = v.column2 FROM (VALUES (?, ?)) AS v WHERE node.id = v.column1
