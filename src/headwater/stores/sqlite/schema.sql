-- Names ------------------------------------------------------------------------------------------

CREATE TABLE domain (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
);

CREATE TABLE api_key (
    id TEXT PRIMARY KEY,
    domain_id INTEGER NOT NULL,
    scopes TEXT NOT NULL,
    secret_hash TEXT NOT NULL,
    label TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) WITHOUT ROWID;

-- Secrets of keys that sign requests, encrypted with the key in the server's key file.
CREATE TABLE api_secret (
    key_id TEXT PRIMARY KEY,
    sealed BLOB NOT NULL
) WITHOUT ROWID;

-- Who may ask for a token by name and password; of the password a slow hash is kept.
CREATE TABLE user_account (
    domain_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    password TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (domain_id, name)
) WITHOUT ROWID;

-- Project ids of Huawei clients, each of one domain.
CREATE TABLE project (
    id TEXT PRIMARY KEY,
    domain_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL
) WITHOUT ROWID;

-- Which namespace the tables of a data connection have in other producers' events.
CREATE TABLE connection_map (
    domain_id INTEGER NOT NULL,
    source TEXT NOT NULL,
    namespace TEXT NOT NULL,
    pattern TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (domain_id, source)
) WITHOUT ROWID;

CREATE TABLE namespace (
    id INTEGER PRIMARY KEY,
    domain_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    UNIQUE (domain_id, name)
);

-- Jobs and datasets. key is derived from domain, kind, namespace and name; alias_of is set for every
-- member of an alias component of two or more, the canonical member included. first is the least stamp
-- of its events; NULL for a placeholder.
CREATE TABLE node (
    id INTEGER PRIMARY KEY,
    namespace_id INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    name TEXT NOT NULL,
    key BLOB NOT NULL,
    alias_of INTEGER,
    flows INTEGER NOT NULL DEFAULT 0,
    hidden_at INTEGER
, first BLOB);
CREATE UNIQUE INDEX node_by_key ON node (key);
CREATE INDEX node_by_name ON node (namespace_id, kind, name, hidden_at);
CREATE INDEX node_by_first ON node (namespace_id, kind, first, hidden_at) WHERE first IS NOT NULL;
CREATE INDEX node_by_alias ON node (alias_of) WHERE alias_of IS NOT NULL;
CREATE INDEX node_by_trait ON node (id)
WHERE alias_of IS NOT NULL OR flows <> 0 OR hidden_at IS NOT NULL;

-- The log ----------------------------------------------------------------------------------------

-- id sorts by event time; it names the event, refuses its duplicate and lists by time.
CREATE TABLE event (
    position INTEGER PRIMARY KEY,
    domain_id INTEGER NOT NULL,
    id BLOB NOT NULL,
    digest BLOB NOT NULL,
    dialect TEXT NOT NULL,
    kind INTEGER NOT NULL,
    type TEXT,
    time INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    size INTEGER NOT NULL,
    node_id INTEGER,
    run_id INTEGER,
    token TEXT,
    failure TEXT,
    flags INTEGER NOT NULL
);
CREATE UNIQUE INDEX event_by_id ON event (domain_id, id, kind);
CREATE INDEX event_by_run ON event (run_id) WHERE run_id IS NOT NULL;
CREATE INDEX event_by_failure ON event (domain_id, id) WHERE failure IS NOT NULL;
CREATE UNIQUE INDEX event_by_token ON event (domain_id, token) WHERE token IS NOT NULL;

CREATE TABLE event_body (
    position INTEGER PRIMARY KEY,
    dictionary_id INTEGER NOT NULL,
    body BLOB NOT NULL
);

-- Compression dictionaries; 0 stands for none.
CREATE TABLE dictionary (
    id INTEGER PRIMARY KEY,
    body BLOB NOT NULL,
    created_at INTEGER NOT NULL
);

-- Which events state a node, in the order of their stamps: some of each node, its newest among them.
-- The others are in node_event_past, so that what is written lies close together in any database.
CREATE TABLE node_event (
    node_id INTEGER NOT NULL,
    stamp BLOB NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (node_id, stamp, position)
) WITHOUT ROWID;

CREATE TABLE "node_event_past" (
    node_id INTEGER NOT NULL,
    stamp BLOB NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (node_id, stamp, position)
) WITHOUT ROWID;

CREATE VIEW node_event_all AS
SELECT node_id, stamp, position FROM node_event
UNION ALL
SELECT node_id, stamp, position FROM node_event_past;

-- What is derived from it ------------------------------------------------------------------------

-- The newest statement of each facet. A stamp of NULL means: stated by the node's newest event, so
-- that an event which repeats what the one before it said writes nothing here.
CREATE TABLE node_facet (
    node_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    stamp BLOB,
    digest BLOB NOT NULL,
    deleted INTEGER NOT NULL,
    gist BLOB NOT NULL,
    PRIMARY KEY (node_id, name)
) WITHOUT ROWID;

CREATE INDEX node_facet_source ON node_facet (gist) WHERE name = 'dataSource';
CREATE INDEX node_facet_tags ON node_facet (gist) WHERE name = 'tags';

CREATE TABLE alias (
    node_id INTEGER NOT NULL,
    other_id INTEGER NOT NULL,
    PRIMARY KEY (node_id, other_id)
) WITHOUT ROWID;
CREATE INDEX alias_by_other ON alias (other_id);

CREATE TABLE schema_version (
    node_id INTEGER NOT NULL,
    digest BLOB NOT NULL,
    first BLOB NOT NULL,
    PRIMARY KEY (node_id, digest)
) WITHOUT ROWID;

CREATE TABLE field_name (
    id INTEGER PRIMARY KEY,
    domain_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    UNIQUE (domain_id, name)
);

-- Every column that any schema of a dataset ever listed.
CREATE TABLE field (
    name_id INTEGER NOT NULL,
    node_id INTEGER NOT NULL,
    PRIMARY KEY (name_id, node_id)
) WITHOUT ROWID;

-- What events, runs and declarations say of their owner; equal ones share a row.
CREATE TABLE content (
    id INTEGER PRIMARY KEY,
    owner_id INTEGER NOT NULL,
    digest BLOB NOT NULL,
    body BLOB NOT NULL
);
CREATE UNIQUE INDEX content_by_digest ON content (owner_id, digest);

-- run_id is 16 bytes for a UUID, else text. at is when the run counts as started; NULL for a
-- placeholder. said is NULL when the run's only content is its version, stated by its newest event.
CREATE TABLE run (
    id INTEGER PRIMARY KEY,
    domain_id INTEGER NOT NULL,
    run_id NOT NULL,
    job_id INTEGER NOT NULL,
    complete INTEGER NOT NULL,
    state TEXT NOT NULL,
    at INTEGER,
    first INTEGER,
    started INTEGER,
    running INTEGER NOT NULL,
    newest BLOB,
    parent_run,
    facts BLOB NOT NULL,
    version_id INTEGER,
    said BLOB
);
CREATE UNIQUE INDEX run_by_id ON run (domain_id, run_id, job_id);
CREATE INDEX run_by_time ON run (domain_id, at);
CREATE INDEX run_by_parent ON run (domain_id, parent_run) WHERE parent_run IS NOT NULL;
CREATE INDEX run_by_job ON run (job_id, at, run_id, version_id) WHERE complete = 1;
CREATE INDEX run_under_way ON run (job_id, at, run_id, version_id) WHERE complete = 0;

CREATE TABLE declaration (
    owner_id INTEGER NOT NULL,
    stamp BLOB NOT NULL,
    content_id INTEGER NOT NULL,
    PRIMARY KEY (owner_id, stamp)
) WITHOUT ROWID;

-- The contents that hold now: (content, declared) pairs, sorted.
CREATE TABLE current (
    owner_id INTEGER PRIMARY KEY,
    contents BLOB NOT NULL
);

-- Every edge that was ever stated, with its evidence; origin is 0 where it does not hold now.
CREATE TABLE edge (
    owner_id INTEGER NOT NULL,
    source_id INTEGER NOT NULL,
    target_id INTEGER NOT NULL,
    origin INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last BLOB NOT NULL,
    runs INTEGER NOT NULL,
    last_run INTEGER,
    PRIMARY KEY (owner_id, source_id, target_id)
) WITHOUT ROWID;
CREATE INDEX edge_by_source ON edge (source_id, target_id, owner_id, origin);
CREATE INDEX edge_by_target ON edge (target_id, source_id, owner_id, origin);

-- Run events by type ('' for none), counted by quarters of an hour since 1970.
CREATE TABLE event_tally (
    domain_id INTEGER NOT NULL,
    quarter INTEGER NOT NULL,
    type TEXT NOT NULL,
    events INTEGER NOT NULL,
    PRIMARY KEY (domain_id, quarter, type)
) WITHOUT ROWID;

-- Search -----------------------------------------------------------------------------------------

CREATE VIRTUAL TABLE search_name USING fts5 (
    name, content = '', detail = none, columnsize = 0, tokenize = 'trigram'
);
CREATE VIRTUAL TABLE search_field USING fts5 (
    name, content = '', detail = none, columnsize = 0, tokenize = 'trigram'
);
CREATE VIRTUAL TABLE search_text USING fts5 (text, detail = none, tokenize = 'trigram');
