-- What walks ask of many nodes: whether an edge holds stands in its indexes, and the few nodes with
-- an alias, with flows or hidden stand in an index of their own.
DROP INDEX edge_by_source;
CREATE INDEX edge_by_source ON edge (source_id, target_id, owner_id, origin);
DROP INDEX edge_by_target;
CREATE INDEX edge_by_target ON edge (target_id, source_id, owner_id, origin);
CREATE INDEX node_by_trait ON node (id)
WHERE alias_of IS NOT NULL OR flows <> 0 OR hidden_at IS NOT NULL;
