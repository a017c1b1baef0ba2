-- What numbered pages and counts over time need: when a node was first stated, run events counted
-- by quarters of an hour, and indexes that hold all that a page skips.
ALTER TABLE node ADD COLUMN first BLOB;
UPDATE node SET first = (SELECT min(stamp) FROM node_event WHERE node_event.node_id = node.id);
DROP INDEX node_by_name;
CREATE INDEX node_by_name ON node (namespace_id, kind, name, hidden_at);
CREATE INDEX node_by_first ON node (namespace_id, kind, first, hidden_at) WHERE first IS NOT NULL;

DROP INDEX event_by_id;
CREATE UNIQUE INDEX event_by_id ON event (domain_id, id, kind);

DROP INDEX run_by_job;
CREATE INDEX run_by_job ON run (job_id, complete, at, run_id, version_id);

CREATE INDEX node_facet_source ON node_facet (gist) WHERE name = 'dataSource';
CREATE INDEX node_facet_tags ON node_facet (gist) WHERE name = 'tags';

CREATE TABLE event_tally (
    domain_id INTEGER NOT NULL,
    quarter INTEGER NOT NULL,
    type TEXT NOT NULL,
    events INTEGER NOT NULL,
    PRIMARY KEY (domain_id, quarter, type)
) WITHOUT ROWID;
INSERT INTO event_tally (domain_id, quarter, type, events)
SELECT domain_id, max(time, 0) / 900000000, coalesce(type, ''), count(*)
FROM event WHERE kind = 0 GROUP BY 1, 2, 3;
