-- Reads a Marquez database, from V68 of its schema on.

-- name: total
-- About how many events there are: what the planner believes, which costs nothing.
SELECT greatest(sum(reltuples), 0)::bigint FROM pg_class
WHERE oid IN (SELECT relid FROM pg_partition_tree('lineage_events'))
   OR oid = 'lineage_events'::regclass;

-- name: count
-- How many events there are, where the planner does not know.
SELECT count(*) FROM lineage_events;

-- name: first_events
-- The events, a page at a time. There is no primary key: a row is known by where it lies.
SELECT event_time, tableoid, ctid::text AS place, event::text AS body FROM lineage_events
WHERE event_time IS NOT NULL
ORDER BY event_time, tableoid, ctid LIMIT %(limit)s;

-- name: next_events
SELECT event_time, tableoid, ctid::text AS place, event::text AS body FROM lineage_events
WHERE event_time >= %(time)s::timestamptz
  AND (event_time, tableoid, ctid) > (%(time)s::timestamptz, %(table)s::oid, %(row)s::tid)
ORDER BY event_time, tableoid, ctid LIMIT %(limit)s;

-- name: namespaces
SELECT name, coalesce(current_owner_name, 'anonymous'), description, coalesce(is_hidden, false),
       created_at, updated_at
FROM namespaces WHERE name > %(after)s COLLATE "C" ORDER BY name COLLATE "C" LIMIT %(limit)s;

-- name: sources
SELECT name, type, connection_url, description, created_at, updated_at
FROM sources WHERE name > %(after)s COLLATE "C" ORDER BY name COLLATE "C" LIMIT %(limit)s;

-- name: tags
SELECT name, description, updated_at
FROM tags WHERE name > %(after)s COLLATE "C" ORDER BY name COLLATE "C" LIMIT %(limit)s;

-- name: datasets
-- Those of a namespace, hidden ones too, each with its current fields and its tags.
SELECT d.name, d.type, d.physical_name, d.source_name, d.created_at, d.updated_at, d.description,
       coalesce(d.is_hidden, false), s.schema_location,
       (SELECT jsonb_agg(jsonb_build_object(
                 'name', f.name, 'type', f.type, 'description', f.description) ORDER BY f.name)
        FROM dataset_versions_field_mapping m JOIN dataset_fields f ON f.uuid = m.dataset_field_uuid
        WHERE m.dataset_version_uuid = d.current_version_uuid)::text,
       (SELECT jsonb_agg(jsonb_build_array(t.name, x.field, extract(epoch FROM x.tagged_at))
                         ORDER BY t.name, x.field)
        FROM (SELECT tag_uuid, NULL AS field, tagged_at FROM datasets_tag_mapping
              WHERE dataset_uuid = d.uuid
              UNION ALL
              SELECT m.tag_uuid, f.name, min(m.tagged_at) FROM dataset_fields_tag_mapping m
              JOIN dataset_fields f ON f.uuid = m.dataset_field_uuid
              WHERE f.dataset_uuid = d.uuid GROUP BY m.tag_uuid, f.name) x
        JOIN tags t ON t.uuid = x.tag_uuid)::text
FROM datasets d JOIN namespaces n ON n.uuid = d.namespace_uuid
LEFT JOIN stream_versions s ON s.dataset_version_uuid = d.current_version_uuid
WHERE n.name = %(namespace)s AND d.name > %(after)s COLLATE "C"
ORDER BY d.name COLLATE "C" LIMIT %(limit)s;

-- name: jobs
-- Those of a namespace, hidden ones too, each with what its current version reads and writes.
SELECT j.name, j.type, j.created_at, j.updated_at, j.description, j.current_location,
       coalesce(j.is_hidden, false),
       (SELECT jsonb_agg(jsonb_build_array(m.io_type, d.namespace_name, d.name)
                         ORDER BY d.namespace_name, d.name)
        FROM job_versions_io_mapping m JOIN datasets d ON d.uuid = m.dataset_uuid
        WHERE m.job_version_uuid = j.current_version_uuid)::text,
       (SELECT jsonb_agg(jsonb_build_array(t.name, NULL, extract(epoch FROM m.tagged_at))
                         ORDER BY t.name)
        FROM jobs_tag_mapping m JOIN tags t ON t.uuid = m.tag_uuid
        WHERE m.job_uuid = j.uuid)::text
FROM jobs j JOIN namespaces n ON n.uuid = j.namespace_uuid
WHERE n.name = %(namespace)s AND j.name > %(after)s COLLATE "C"
  AND j.symlink_target_uuid IS NULL
ORDER BY j.name COLLATE "C" LIMIT %(limit)s;

-- name: runs
-- Those that the API made and no event tells of: they began as NEW. A run that only its children name
-- has no such state. Each with its states, and with what it read and wrote.
SELECT r.uuid::text, n.name, coalesce(t.name, j.name), r.nominal_start_time, r.nominal_end_time,
       a.args,
       (SELECT jsonb_agg(jsonb_build_array(s.state, extract(epoch FROM s.transitioned_at))
                         ORDER BY s.transitioned_at, s.state)
        FROM run_states s WHERE s.run_uuid = r.uuid)::text,
       (SELECT jsonb_agg(jsonb_build_array(x.side, d.namespace_name, d.name)
                         ORDER BY x.side, d.namespace_name, d.name)
        FROM (SELECT 'INPUT' AS side, v.dataset_uuid FROM runs_input_mapping m
              JOIN dataset_versions v ON v.uuid = m.dataset_version_uuid WHERE m.run_uuid = r.uuid
              UNION
              SELECT 'OUTPUT', v.dataset_uuid FROM dataset_versions v WHERE v.run_uuid = r.uuid) x
        JOIN datasets d ON d.uuid = x.dataset_uuid)::text
FROM runs r JOIN jobs j ON j.uuid = r.job_uuid LEFT JOIN jobs t ON t.uuid = j.symlink_target_uuid
JOIN namespaces n ON n.uuid = coalesce(t.namespace_uuid, j.namespace_uuid)
LEFT JOIN run_args a ON a.uuid = r.run_args_uuid
WHERE r.uuid > coalesce(nullif(%(after)s, ''), '00000000-0000-0000-0000-000000000000')::uuid
  AND EXISTS (SELECT 1 FROM run_states s WHERE s.run_uuid = r.uuid AND s.state = 'NEW')
  AND NOT EXISTS (SELECT 1 FROM lineage_events e WHERE e.run_uuid = r.uuid)
ORDER BY r.uuid LIMIT %(limit)s;
