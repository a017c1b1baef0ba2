-- The newest event of each node stands apart from the past ones, and so do those that come now.
ALTER TABLE node_event RENAME TO node_event_past;
CREATE TABLE node_event (
    node_id INTEGER NOT NULL,
    stamp BLOB NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (node_id, stamp, position)
) WITHOUT ROWID;
INSERT INTO node_event (node_id, stamp, position)
SELECT node_id, max(stamp), position FROM node_event_past GROUP BY node_id;
DELETE FROM node_event_past WHERE (node_id, stamp, position) IN (
    SELECT node_id, stamp, position FROM node_event
);
CREATE VIEW node_event_all AS
SELECT node_id, stamp, position FROM node_event
UNION ALL
SELECT node_id, stamp, position FROM node_event_past;
