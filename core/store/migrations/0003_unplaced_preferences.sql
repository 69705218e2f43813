-- What this account wants of threads that this device does not know yet, as the relay tells it.
CREATE TABLE unplaced_preferences (
    thread_id BLOB PRIMARY KEY CHECK (length(thread_id) = 16),
    muted_until_ms INTEGER,
    notifications INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

PRAGMA user_version = 3;
