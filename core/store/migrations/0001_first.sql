-- The first schema. Every table is STRICT; every time is in milliseconds since the Unix epoch; ids of users are text,
-- ids of threads and messages are 16 bytes that sort as the id does. AUTOINCREMENT stands where an id must never return.

PRAGMA application_id = 0x5365616c; -- "Seal"

-- Facts about this file. `generation` is compared with the anchor that the app keeps beside the key;
-- `last_row_version` gives session rows versions that never repeat, also not after a delete.
CREATE TABLE store_facts (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    generation INTEGER NOT NULL,
    last_row_version INTEGER NOT NULL
) STRICT;
INSERT INTO store_facts (id, generation, last_row_version) VALUES (1, 0, 0);

CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- This device and its account. Prekey ids: next to give, and first that the relay does not have yet.
CREATE TABLE account (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    user_id TEXT NOT NULL,
    device_id INTEGER NOT NULL,
    registration_id INTEGER NOT NULL,
    identity_secret BLOB NOT NULL CHECK (length(identity_secret) = 32),
    account_secret BLOB CHECK (length(account_secret) = 32),
    relay_origin TEXT NOT NULL,
    state INTEGER NOT NULL
) STRICT;

CREATE TABLE prekey_ids (
    kind INTEGER PRIMARY KEY,
    next_id INTEGER NOT NULL,
    first_not_uploaded INTEGER NOT NULL CHECK (first_not_uploaded <= next_id)
) STRICT;
INSERT INTO prekey_ids (kind, next_id, first_not_uploaded) VALUES (1, 1, 1), (2, 1, 1);

CREATE TABLE one_time_prekeys (
    id INTEGER PRIMARY KEY,
    secret BLOB NOT NULL
) STRICT;

CREATE TABLE signed_prekeys (
    id INTEGER PRIMARY KEY,
    secret BLOB NOT NULL,
    signature BLOB NOT NULL CHECK (length(signature) = 64),
    created_at_ms INTEGER NOT NULL
) STRICT;

-- Base keys of sessions begun without a one-time key, for as long as that signed prekey can open them.
CREATE TABLE used_base_keys (
    user_id TEXT NOT NULL,
    device_id INTEGER NOT NULL,
    signed_prekey_id INTEGER NOT NULL REFERENCES signed_prekeys (id) ON DELETE CASCADE,
    base_key BLOB NOT NULL CHECK (length(base_key) = 33),
    PRIMARY KEY (user_id, device_id, signed_prekey_id, base_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX used_base_keys_by_prekey ON used_base_keys (signed_prekey_id);

-- Every version of every user's signed list, as it travelled.
CREATE TABLE device_lists (
    user_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (user_id, version)
) STRICT;

-- The account key first seen of each user; `offered_key` is another one that the app has not accepted yet.
CREATE TABLE pinned_accounts (
    user_id TEXT PRIMARY KEY,
    account_key BLOB NOT NULL CHECK (length(account_key) = 33),
    offered_key BLOB CHECK (length(offered_key) = 33)
) STRICT, WITHOUT ROWID;

CREATE TABLE device_removals (
    user_id TEXT NOT NULL,
    device_id INTEGER NOT NULL,
    since_version INTEGER NOT NULL,
    state INTEGER NOT NULL,
    PRIMARY KEY (user_id, device_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX device_removals_by_state ON device_removals (state);

CREATE TABLE sessions (
    user_id TEXT NOT NULL,
    device_id INTEGER NOT NULL,
    row_version INTEGER NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (user_id, device_id)
) STRICT;

-- Rising ids give the order in which keys were skipped, so that the oldest can be evicted.
CREATE TABLE skipped_keys (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id TEXT NOT NULL,
    device_id INTEGER NOT NULL,
    base_key BLOB NOT NULL CHECK (length(base_key) = 33),
    ratchet_key BLOB NOT NULL CHECK (length(ratchet_key) = 33),
    counter INTEGER NOT NULL,
    seed BLOB NOT NULL CHECK (length(seed) = 32),
    UNIQUE (user_id, device_id, ratchet_key, counter, base_key)
) STRICT;
CREATE INDEX skipped_keys_by_session ON skipped_keys (user_id, device_id, base_key, id);

CREATE TABLE threads (
    thread_id BLOB PRIMARY KEY CHECK (length(thread_id) = 16),
    kind INTEGER NOT NULL,
    peer_user_id TEXT,
    next_client_seq INTEGER NOT NULL,
    change_cursor TEXT,
    created_at_ms INTEGER NOT NULL,
    last_activity_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX threads_by_activity ON threads (last_activity_ms, thread_id);

-- A message by revision. Its unique keys are the marks against repeats: rows become tombstones and are never deleted.
CREATE TABLE messages (
    local_id INTEGER PRIMARY KEY AUTOINCREMENT,
    thread_id BLOB NOT NULL REFERENCES threads (thread_id),
    sender_user_id TEXT NOT NULL,
    sender_device_id INTEGER NOT NULL,
    client_seq INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    message_id BLOB CHECK (length(message_id) = 16),
    uid BLOB CHECK (length(uid) = 16),
    kind INTEGER NOT NULL,
    state INTEGER NOT NULL,
    reason TEXT,
    content BLOB,
    text TEXT,
    commitment BLOB CHECK (length(commitment) = 32),
    stamp_key_id INTEGER,
    stamp_mac BLOB CHECK (length(stamp_mac) = 32),
    digest BLOB CHECK (length(digest) = 32),
    prev_client_seq INTEGER,
    prev_digest BLOB CHECK (length(prev_digest) = 32),
    created_at_ms INTEGER,
    local_at_ms INTEGER NOT NULL,
    CHECK ((stamp_key_id IS NULL) = (stamp_mac IS NULL)),
    CHECK ((prev_client_seq IS NULL) = (prev_digest IS NULL))
) STRICT;
CREATE UNIQUE INDEX messages_by_uid ON messages (sender_user_id, uid) WHERE uid IS NOT NULL;
CREATE UNIQUE INDEX messages_by_client_seq
    ON messages (thread_id, sender_user_id, sender_device_id, client_seq, revision);
CREATE UNIQUE INDEX messages_by_id ON messages (thread_id, message_id, revision) WHERE message_id IS NOT NULL;
CREATE INDEX messages_buried ON messages (thread_id) WHERE kind = 5;
CREATE INDEX messages_unconfirmed ON messages (thread_id, local_id) WHERE message_id IS NULL;

-- Own messages on their way. The sealed columns are all there or all absent.
CREATE TABLE outbox (
    local_id INTEGER PRIMARY KEY REFERENCES messages (local_id),
    thread_id BLOB NOT NULL REFERENCES threads (thread_id),
    client_seq INTEGER NOT NULL,
    idempotency_key TEXT NOT NULL,
    state INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    rounds INTEGER NOT NULL,
    next_attempt_at_ms INTEGER NOT NULL,
    sent_at_ms INTEGER,
    body BLOB NOT NULL,
    sealed_key BLOB CHECK (length(sealed_key) = 32),
    sealed_ciphertext BLOB,
    sealed_digest BLOB CHECK (length(sealed_digest) = 32),
    sealed_commitment BLOB CHECK (length(sealed_commitment) = 32),
    sealed_registration_id INTEGER,
    UNIQUE (thread_id, client_seq),
    CHECK ((sealed_key IS NULL) = (sealed_ciphertext IS NULL)),
    CHECK ((sealed_key IS NULL) = (sealed_digest IS NULL)),
    CHECK ((sealed_key IS NULL) = (sealed_commitment IS NULL)),
    CHECK ((sealed_key IS NULL) = (sealed_registration_id IS NULL))
) STRICT;
CREATE INDEX outbox_open ON outbox (thread_id, client_seq) WHERE state IN (1, 4, 5);
CREATE INDEX outbox_sent ON outbox (sent_at_ms) WHERE sent_at_ms IS NOT NULL;

CREATE TABLE outbox_envelopes (
    local_id INTEGER NOT NULL REFERENCES outbox (local_id) ON DELETE CASCADE,
    user_id TEXT NOT NULL,
    device_id INTEGER NOT NULL,
    registration_id INTEGER NOT NULL,
    type INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (local_id, user_id, device_id)
) STRICT, WITHOUT ROWID;

-- What each device was given for each own message, to answer its resend request.
CREATE TABLE send_log (
    local_id INTEGER NOT NULL REFERENCES messages (local_id),
    user_id TEXT NOT NULL,
    device_id INTEGER NOT NULL,
    envelope BLOB NOT NULL,
    created_at_ms INTEGER NOT NULL,
    PRIMARY KEY (local_id, user_id, device_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX send_log_by_age ON send_log (created_at_ms);

-- Frames that need the network before they can be opened, raw, in the order of their arrival.
CREATE TABLE parked_frames (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    frame BLOB NOT NULL,
    reason INTEGER NOT NULL,
    waits_for_user_id TEXT NOT NULL,
    waits_for_version INTEGER,
    received_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX parked_frames_by_user ON parked_frames (waits_for_user_id, id);

-- The text of messages cut into tokens by our own segmenter; rowid = messages.local_id. `ascii` splits at ASCII
-- punctuation alone, which our tokens never contain, and takes every other character as it is.
CREATE VIRTUAL TABLE search_index USING fts5 (
    tokens, content = '', contentless_delete = 1, tokenize = 'ascii'
);

PRAGMA user_version = 1;
