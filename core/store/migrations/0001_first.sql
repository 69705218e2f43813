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

-- `kept_back_at_ms`: named in a request to one device alone, never given to the relay.
CREATE TABLE one_time_prekeys (
    id INTEGER PRIMARY KEY,
    secret BLOB NOT NULL,
    kept_back_at_ms INTEGER
) STRICT;
CREATE INDEX one_time_prekeys_kept_back ON one_time_prekeys (kept_back_at_ms) WHERE kept_back_at_ms IS NOT NULL;

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

-- Users whose list changed, by the relay's word, since it was last asked for.
CREATE TABLE changed_lists (
    user_id TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

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
    last_activity_ms INTEGER NOT NULL,
    -- Messages of others above this account's read mark. Kept by triggers below, equal to a count at any time.
    unread INTEGER NOT NULL DEFAULT 0,
    -- This account's own read mark, and how far everybody else is: what the marks table says, where rows are read.
    read_up_to BLOB CHECK (length(read_up_to) = 16),
    delivered_to_all BLOB CHECK (length(delivered_to_all) = 16),
    read_by_all BLOB CHECK (length(read_by_all) = 16),
    muted_until_ms INTEGER,
    notifications INTEGER NOT NULL DEFAULT 1
) STRICT, WITHOUT ROWID;
CREATE INDEX threads_by_activity ON threads (last_activity_ms, thread_id);
CREATE INDEX threads_unread ON threads (unread) WHERE unread > 0;

-- A message by revision; `expires_at_ms`, by the clock that the engine keeps for it, only where the content itself carries a time to live. Its unique keys are the marks against repeats: rows become tombstones and are never deleted, unless nothing
-- but the number of the message was ever here.
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
    expires_at_ms INTEGER,
    CHECK ((stamp_key_id IS NULL) = (stamp_mac IS NULL)),
    CHECK ((prev_client_seq IS NULL) = (prev_digest IS NULL))
) STRICT;
CREATE UNIQUE INDEX messages_by_uid ON messages (sender_user_id, uid) WHERE uid IS NOT NULL;
CREATE UNIQUE INDEX messages_by_client_seq
    ON messages (thread_id, sender_user_id, sender_device_id, client_seq, revision);
CREATE UNIQUE INDEX messages_by_id ON messages (thread_id, message_id, revision) WHERE message_id IS NOT NULL;
CREATE INDEX messages_buried ON messages (thread_id) WHERE kind = 5;
CREATE INDEX messages_expiring ON messages (expires_at_ms) WHERE expires_at_ms IS NOT NULL;
CREATE INDEX messages_unconfirmed ON messages (thread_id, local_id) WHERE message_id IS NULL;

-- Counted as unread: what others sent, in its place, but reactions (6) and tombstones (5), above the own read mark.
CREATE TRIGGER unread_arrives AFTER INSERT ON messages
WHEN NEW.state IN (4, 5) AND NEW.kind NOT IN (5, 6) AND NEW.message_id IS NOT NULL
    AND NEW.sender_user_id IS NOT (SELECT user_id FROM account WHERE id = 1)
BEGIN
    UPDATE threads SET unread = unread + 1
    WHERE thread_id = NEW.thread_id AND (read_up_to IS NULL OR NEW.message_id > read_up_to);
END;
CREATE TRIGGER unread_goes AFTER DELETE ON messages
WHEN OLD.state IN (4, 5) AND OLD.kind NOT IN (5, 6) AND OLD.message_id IS NOT NULL
    AND OLD.sender_user_id IS NOT (SELECT user_id FROM account WHERE id = 1)
BEGIN
    UPDATE threads SET unread = unread - 1
    WHERE thread_id = OLD.thread_id AND (read_up_to IS NULL OR OLD.message_id > read_up_to);
END;
CREATE TRIGGER unread_changes AFTER UPDATE OF state, kind, message_id ON messages
WHEN NEW.sender_user_id IS NOT (SELECT user_id FROM account WHERE id = 1)
    AND (OLD.state, OLD.kind, OLD.message_id) IS NOT (NEW.state, NEW.kind, NEW.message_id)
BEGIN
    UPDATE threads SET unread = unread
        - (OLD.state IN (4, 5) AND OLD.kind NOT IN (5, 6) AND OLD.message_id IS NOT NULL
           AND (read_up_to IS NULL OR OLD.message_id > read_up_to))
        + (NEW.state IN (4, 5) AND NEW.kind NOT IN (5, 6) AND NEW.message_id IS NOT NULL
           AND (read_up_to IS NULL OR NEW.message_id > read_up_to))
    WHERE thread_id = NEW.thread_id;
END;

-- How far each user is in each thread: neither mark falls, and read never stands above delivered. `placed`: 0 while this
-- device does not know the thread, and then only so many are kept.
CREATE TABLE marks (
    thread_id BLOB NOT NULL CHECK (length(thread_id) = 16),
    user_id TEXT NOT NULL,
    delivered_up_to BLOB CHECK (length(delivered_up_to) = 16),
    delivered_at_ms INTEGER,
    read_up_to BLOB CHECK (length(read_up_to) = 16),
    read_at_ms INTEGER,
    version INTEGER NOT NULL,
    placed INTEGER NOT NULL,
    PRIMARY KEY (thread_id, user_id),
    CHECK (read_up_to IS NULL OR delivered_up_to >= read_up_to),
    CHECK ((delivered_up_to IS NULL) = (delivered_at_ms IS NULL)),
    CHECK ((read_up_to IS NULL) = (read_at_ms IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX marks_without_place ON marks (thread_id) WHERE placed = 0;

-- Every move of the marks of others: a message's time is that of the first move that covers it. kind: 1 delivered, 2 read.
CREATE TABLE mark_moves (
    thread_id BLOB NOT NULL,
    user_id TEXT NOT NULL,
    kind INTEGER NOT NULL,
    up_to BLOB NOT NULL CHECK (length(up_to) = 16),
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (thread_id, user_id, kind, up_to)
) STRICT, WITHOUT ROWID;

-- Messages of this account that did not reach a recipient (state 1), are on their way again (2), or came after all (3).
CREATE TABLE unreached (
    thread_id BLOB NOT NULL CHECK (length(thread_id) = 16),
    message_id BLOB NOT NULL CHECK (length(message_id) = 16),
    user_id TEXT NOT NULL,
    state INTEGER NOT NULL,
    reason TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (thread_id, message_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX unreached_on_their_way ON unreached (thread_id, user_id, message_id) WHERE state = 2;

-- Own read marks that the relay has yet to be told, one a thread: only the highest goes.
CREATE TABLE read_uploads (
    thread_id BLOB PRIMARY KEY REFERENCES threads (thread_id),
    up_to BLOB NOT NULL CHECK (length(up_to) = 16),
    attempts INTEGER NOT NULL,
    next_attempt_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX read_uploads_by_time ON read_uploads (next_attempt_at_ms);

-- Threads whose history is to be read again because the relay no longer holds all that waited for this device.
CREATE TABLE resyncs (
    thread_id BLOB PRIMARY KEY CHECK (length(thread_id) = 16),
    since TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Own messages on their way. The sealed columns are all there or all absent.
-- `waits_since_ms` and `sent_at_ms` are by the clock that counts what the device saw pass.
CREATE TABLE outbox (
    local_id INTEGER PRIMARY KEY REFERENCES messages (local_id),
    thread_id BLOB NOT NULL REFERENCES threads (thread_id),
    client_seq INTEGER NOT NULL,
    idempotency_key TEXT NOT NULL,
    state INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    rounds INTEGER NOT NULL,
    next_attempt_at_ms INTEGER NOT NULL,
    waits_since_ms INTEGER NOT NULL,
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

-- Placeholders whose sender's device can tell what opens them. `row`: as the relay delivered it, unless there were too many,
-- or it was not the true one. `answer`: the envelope's plaintext. `due_ms`: when to ask for the answer, or with an answer
-- for the row, again; none when that was tried often enough.
CREATE TABLE unread_rows (
    local_id INTEGER PRIMARY KEY REFERENCES messages (local_id) ON DELETE CASCADE,
    user_id TEXT NOT NULL,
    device_id INTEGER NOT NULL,
    row BLOB,
    answer BLOB,
    received_at_ms INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    due_ms INTEGER
) STRICT;
CREATE INDEX unread_rows_to_ask_for ON unread_rows (user_id, device_id, due_ms)
    WHERE answer IS NULL AND due_ms IS NOT NULL;
CREATE INDEX unread_rows_to_fetch ON unread_rows (due_ms) WHERE answer IS NOT NULL AND due_ms IS NOT NULL;
CREATE INDEX unread_rows_by_age ON unread_rows (received_at_ms);

-- From when on one device may be asked, or answered, once more without haste (`free_at_ms`).
CREATE TABLE control_limits (
    user_id TEXT NOT NULL,
    device_id INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    free_at_ms INTEGER NOT NULL,
    PRIMARY KEY (user_id, device_id, kind)
) STRICT, WITHOUT ROWID;
CREATE INDEX control_limits_by_age ON control_limits (free_at_ms);

-- Control messages on their way, sealed: the same bytes at every try.
CREATE TABLE outgoing_control (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id TEXT NOT NULL,
    device_id INTEGER NOT NULL,
    registration_id INTEGER NOT NULL,
    type INTEGER NOT NULL,
    body BLOB NOT NULL,
    idempotency_key TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    next_attempt_at_ms INTEGER NOT NULL,
    created_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX outgoing_control_by_device ON outgoing_control (user_id, device_id);
CREATE INDEX outgoing_control_by_time ON outgoing_control (next_attempt_at_ms, id);

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
