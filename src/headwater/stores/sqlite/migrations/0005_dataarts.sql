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
