-- Secrets of keys that sign requests, encrypted with the key in the server's key file.
CREATE TABLE api_secret (
    key_id TEXT PRIMARY KEY,
    sealed BLOB NOT NULL
) WITHOUT ROWID;
