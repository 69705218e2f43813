-- Ids of threads and messages are their 16 bytes, which sort as the ids do; times are milliseconds since 1970;
-- client_seq is the u64's bits.

CREATE TABLE account (
    user_id TEXT PRIMARY KEY NOT NULL,
    next_device_id INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE device (
    user_id TEXT NOT NULL REFERENCES account (user_id),
    device_id INTEGER NOT NULL,
    registration_id INTEGER NOT NULL,
    identity_key BLOB NOT NULL,
    registered_by BLOB NOT NULL,
    registered_at INTEGER NOT NULL,
    state INTEGER NOT NULL, -- 0 registered, 1 listed, 2 removed
    disabled_at INTEGER,
    PRIMARY KEY (user_id, device_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE account_settings (
    user_id TEXT PRIMARY KEY NOT NULL REFERENCES account (user_id),
    direct_messages INTEGER NOT NULL, -- 0 everyone, 1 followers, 2 verified, 3 none
    read_receipts INTEGER NOT NULL,
    presence INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE block (
    user_id TEXT NOT NULL REFERENCES account (user_id),
    blocked_id TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (user_id, blocked_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE spent_grant (
    user_id TEXT NOT NULL REFERENCES account (user_id),
    nonce BLOB NOT NULL,
    PRIMARY KEY (user_id, nonce)
) STRICT, WITHOUT ROWID;

CREATE TABLE device_list (
    user_id TEXT NOT NULL REFERENCES account (user_id),
    version INTEGER NOT NULL,
    hash BLOB NOT NULL,
    payload BLOB NOT NULL,
    account_signature BLOB NOT NULL,
    signer_device_id INTEGER NOT NULL,
    signer_signature BLOB NOT NULL,
    queued INTEGER NOT NULL, -- whether its queue entries are made
    PRIMARY KEY (user_id, version)
) STRICT;
CREATE INDEX device_list_to_queue ON device_list (user_id, version) WHERE queued = 0;

CREATE TABLE signed_prekey (
    user_id TEXT NOT NULL,
    device_id INTEGER NOT NULL,
    key_id INTEGER NOT NULL,
    key BLOB NOT NULL,
    signature BLOB NOT NULL,
    current INTEGER NOT NULL,
    PRIMARY KEY (user_id, device_id, key_id),
    FOREIGN KEY (user_id, device_id) REFERENCES device (user_id, device_id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX signed_prekey_current ON signed_prekey (user_id, device_id) WHERE current = 1;

-- A key that was given out stays as a mark, so that it is never given out again.
CREATE TABLE one_time_prekey (
    user_id TEXT NOT NULL,
    device_id INTEGER NOT NULL,
    key_id INTEGER NOT NULL,
    key BLOB NOT NULL,
    taken INTEGER NOT NULL,
    PRIMARY KEY (user_id, device_id, key_id),
    FOREIGN KEY (user_id, device_id) REFERENCES device (user_id, device_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX one_time_prekey_left ON one_time_prekey (user_id, device_id, key_id) WHERE taken = 0;

-- KEM prekeys of both kinds share their numbers. One that was given out stays as a mark, without its key: its digest tells it
-- from another. State: 0 one-time and left, 1 one-time and given out, 2 last resort and current, 3 last resort and replaced.
CREATE TABLE kem_prekey (
    user_id TEXT NOT NULL,
    device_id INTEGER NOT NULL,
    key_id INTEGER NOT NULL,
    digest BLOB NOT NULL,
    key BLOB,
    signature BLOB,
    state INTEGER NOT NULL,
    PRIMARY KEY (user_id, device_id, key_id),
    FOREIGN KEY (user_id, device_id) REFERENCES device (user_id, device_id)
) STRICT;
CREATE INDEX kem_prekey_left ON kem_prekey (user_id, device_id, key_id) WHERE state = 0;
CREATE UNIQUE INDEX kem_prekey_current ON kem_prekey (user_id, device_id) WHERE state = 2;

CREATE TABLE mailbox (
    id TEXT PRIMARY KEY NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX mailbox_by_expiry ON mailbox (expires_at);

CREATE TABLE mailbox_slot (
    mailbox_id TEXT NOT NULL REFERENCES mailbox (id) ON DELETE CASCADE,
    slot INTEGER NOT NULL,
    digest BLOB NOT NULL,
    data BLOB, -- gone once read by a reader without a name
    reader TEXT, -- the name under which it was read
    PRIMARY KEY (mailbox_id, slot)
) STRICT;

CREATE TABLE spent_nonce (
    nonce BLOB PRIMARY KEY NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX spent_nonce_by_expiry ON spent_nonce (expires_at);

CREATE TABLE thread (
    thread_id BLOB PRIMARY KEY NOT NULL,
    kind INTEGER NOT NULL, -- 0 direct, 1 group
    created_at INTEGER NOT NULL,
    last_id BLOB,
    last_number INTEGER, -- of that message: the others follow from it
    last_nth INTEGER NOT NULL, -- messages that ever were, reactions among them
    last_change INTEGER NOT NULL,
    messages INTEGER NOT NULL, -- reactions apart
    place BLOB NOT NULL -- in inboxes: the newest of them, or one sent when the thread was made
) STRICT, WITHOUT ROWID;

CREATE TABLE participant (
    thread_id BLOB NOT NULL REFERENCES thread (thread_id),
    user_id TEXT NOT NULL,
    PRIMARY KEY (thread_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX participant_by_user ON participant (user_id, thread_id);

-- A device that has sent to a thread. Its numbers are in turn while each is above all before it.
CREATE TABLE sender (
    thread_id BLOB NOT NULL,
    user_id TEXT NOT NULL,
    device_id INTEGER NOT NULL,
    sent INTEGER NOT NULL, -- messages, reactions apart
    turns INTEGER NOT NULL, -- numbers that came in turn
    last_seq INTEGER NOT NULL, -- the last of them
    last_message INTEGER NOT NULL, -- the number of the message that it names
    PRIMARY KEY (thread_id, user_id, device_id)
) STRICT, WITHOUT ROWID;

-- Rows stand as they came, those of all threads together, so that what is new fills few pages. What has an order is a chain
-- from its newest row backwards: an index of all would be one more page for each message, and holds one here and there.
CREATE TABLE message (
    number INTEGER PRIMARY KEY,
    thread_id BLOB NOT NULL,
    id BLOB NOT NULL,
    previous INTEGER, -- the number of the thread's message before it
    nth INTEGER NOT NULL, -- how many the thread had with it, reactions among them
    sender_id TEXT NOT NULL,
    sender_device_id INTEGER NOT NULL,
    client_seq INTEGER NOT NULL,
    turn INTEGER, -- how many numbers of its device came in turn with it; none if it came out of turn
    previous_turn INTEGER, -- the number of the message before it among them
    fingerprint BLOB NOT NULL,
    revision INTEGER NOT NULL,
    kind INTEGER NOT NULL, -- 0 message, 1 reaction
    target_id BLOB,
    ttl_seconds INTEGER,
    ciphertext BLOB NOT NULL,
    commitment BLOB NOT NULL,
    stamp_key_id INTEGER NOT NULL,
    stamp_mac BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    requeued_at INTEGER, -- when a repeat of the send queued it anew
    expires_at INTEGER, -- with a ttl, until it is over
    removed_reason INTEGER, -- of a tombstone: 0 expired
    removed_at INTEGER,
    ordinal INTEGER NOT NULL, -- how many messages the thread had with it, reactions apart
    of_sender INTEGER NOT NULL, -- how many of them were its sender's
    change INTEGER NOT NULL, -- the thread's change number that made it: they rise as ids do
    touched INTEGER, -- the change number that last changed it since
    queued INTEGER NOT NULL -- whether its queue entries are made
) STRICT;
CREATE INDEX message_in_thread ON message (thread_id, id) WHERE nth % 16 = 0;
CREATE INDEX message_in_turn ON message (thread_id, sender_id, sender_device_id, client_seq) WHERE turn % 64 = 0;
CREATE UNIQUE INDEX message_out_of_turn ON message (thread_id, sender_id, sender_device_id, client_seq) WHERE turn IS NULL;
CREATE UNIQUE INDEX message_touched ON message (thread_id, touched) WHERE touched IS NOT NULL;
-- To find the id where a change number stands.
CREATE INDEX message_by_change ON message (thread_id, change) WHERE nth % 64 = 0;
CREATE INDEX message_by_id ON message (id);
CREATE INDEX message_by_expiry ON message (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX message_removed ON message (thread_id, id) WHERE removed_at IS NOT NULL;
CREATE INDEX message_to_queue ON message (thread_id, id) WHERE queued = 0;

-- By message first: ids rise with time, so that what is new stands together and an append touches few pages.
CREATE TABLE envelope (
    thread_id BLOB NOT NULL,
    message_id BLOB NOT NULL,
    user_id TEXT NOT NULL,
    device_id INTEGER NOT NULL,
    kind INTEGER NOT NULL, -- 0 prekey, 1 ratchet
    body BLOB NOT NULL,
    PRIMARY KEY (message_id, thread_id, user_id, device_id)
) STRICT, WITHOUT ROWID;

-- Protocol messages to single devices, one row for each of them until it has acknowledged.
CREATE TABLE control (
    id BLOB NOT NULL,
    user_id TEXT NOT NULL,
    device_id INTEGER NOT NULL,
    sender_id TEXT NOT NULL,
    sender_device_id INTEGER NOT NULL,
    kind INTEGER NOT NULL, -- 0 prekey, 1 ratchet
    body BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    queued INTEGER NOT NULL, -- whether its queue entry is made
    PRIMARY KEY (id, user_id, device_id)
) STRICT;
CREATE INDEX control_by_device ON control (user_id, device_id);
CREATE INDEX control_to_queue ON control (id) WHERE queued = 0;

-- The newest word on a recipient of a message that it did not reach. Numbers never come again: AUTOINCREMENT.
CREATE TABLE failure (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    thread_id BLOB NOT NULL,
    message_id BLOB NOT NULL,
    user_id TEXT NOT NULL,
    sender_id TEXT NOT NULL,
    reason INTEGER, -- 0 expired, 1 blocked; none once it is on its way again
    at INTEGER NOT NULL,
    UNIQUE (thread_id, message_id, user_id)
) STRICT;
CREATE INDEX failure_by_sender ON failure (sender_id, number);

-- Numbers under which nothing will be sent while any outbox can hold it still. A thread need not be there.
CREATE TABLE void_send (
    thread_id BLOB NOT NULL,
    user_id TEXT NOT NULL,
    device_id INTEGER NOT NULL,
    client_seq INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (thread_id, user_id, device_id, client_seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX void_send_by_expiry ON void_send (expires_at);

-- Positions never come again: AUTOINCREMENT. They rise with time, so that the oldest entries stand first.
CREATE TABLE queue_entry (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id TEXT NOT NULL,
    device_id INTEGER NOT NULL,
    kind INTEGER NOT NULL, -- 0 msg, 1 devices, 2 resync, 3 control, 4 del, 5 msg queued anew, 6 thread, 7 msg that ended unfetched
    thread_id BLOB,
    message_id BLOB, -- of the message or the control message
    about_user TEXT,
    version INTEGER,
    queued_at INTEGER NOT NULL,
    expiring INTEGER -- 1 for a message with a ttl, to be found when it is over
) STRICT;
CREATE INDEX queue_entry_expiring ON queue_entry (thread_id, message_id) WHERE expiring = 1;
CREATE INDEX queue_entry_resync ON queue_entry (user_id, device_id) WHERE kind = 2;
CREATE INDEX queue_entry_by_device ON queue_entry (user_id, device_id, position);

CREATE TABLE thread_preference (
    thread_id BLOB NOT NULL REFERENCES thread (thread_id),
    user_id TEXT NOT NULL,
    muted_until INTEGER,
    notifications INTEGER NOT NULL, -- 0 all, 1 mentions, 2 none
    queued INTEGER NOT NULL, -- whether its queue entries are made
    PRIMARY KEY (user_id, thread_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX thread_preference_to_queue ON thread_preference (user_id, thread_id) WHERE queued = 0;

-- How far each user is in each thread.
CREATE TABLE mark (
    thread_id BLOB NOT NULL REFERENCES thread (thread_id),
    user_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    change INTEGER NOT NULL,
    shown_version INTEGER NOT NULL, -- of what others may know of
    shown_change INTEGER NOT NULL,
    delivered_up_to BLOB,
    delivered_at INTEGER,
    read_up_to BLOB,
    read_at INTEGER,
    shown_read_up_to BLOB, -- the part of it that others may know of
    shown_read_at INTEGER,
    read_others INTEGER NOT NULL DEFAULT 0, -- messages of others up to the read mark
    moves BLOB NOT NULL, -- the newest of its moves, which go into mark_move together
    PRIMARY KEY (thread_id, user_id)
) STRICT, WITHOUT ROWID;

-- The number of the last change of any mark.
CREATE TABLE mark_change (
    one INTEGER PRIMARY KEY,
    last INTEGER NOT NULL
) STRICT;
INSERT INTO mark_change (one, last) VALUES (1, 0);

-- The first time that a mark moved to each message. A row has some moves that came one after the other.
CREATE TABLE mark_move (
    thread_id BLOB NOT NULL,
    user_id TEXT NOT NULL,
    kind INTEGER NOT NULL, -- 0 delivered, 1 read, 2 read and shown to others
    up_to BLOB NOT NULL, -- of the last of them
    moves BLOB NOT NULL, -- oldest first
    PRIMARY KEY (thread_id, user_id, kind, up_to)
) STRICT, WITHOUT ROWID;

-- What reached a user above their delivered mark, which waits below a message that was passed over.
CREATE TABLE delivered_ahead (
    thread_id BLOB NOT NULL,
    user_id TEXT NOT NULL,
    message_id BLOB NOT NULL,
    PRIMARY KEY (thread_id, user_id, message_id)
) STRICT, WITHOUT ROWID;

-- The newest message that a device acknowledged, where it passed over an older one.
CREATE TABLE acknowledged_ahead (
    user_id TEXT NOT NULL,
    device_id INTEGER NOT NULL,
    thread_id BLOB NOT NULL,
    up_to BLOB NOT NULL,
    PRIMARY KEY (user_id, device_id, thread_id)
) STRICT, WITHOUT ROWID;

-- A device's newest Idempotency-Keys; the others by the day on which they expire: a day is swept from its beginning to its end.
CREATE TABLE recent_key (
    user_id TEXT NOT NULL,
    device_id INTEGER NOT NULL,
    day INTEGER NOT NULL, -- on which the last of them expires
    entries BLOB NOT NULL, -- of one size, so that the row stays where it is
    PRIMARY KEY (user_id, device_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX recent_key_by_day ON recent_key (day);

CREATE TABLE kept_key (
    day INTEGER NOT NULL,
    user_id TEXT NOT NULL,
    device_id INTEGER NOT NULL,
    digest INTEGER NOT NULL,
    message INTEGER, -- the number of the message that it was used for
    control BLOB, -- or the id of the control message
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (day, user_id, device_id, digest)
) STRICT, WITHOUT ROWID;

CREATE TABLE attachment (
    id TEXT PRIMARY KEY NOT NULL,
    user_id TEXT NOT NULL,
    device_id INTEGER NOT NULL,
    size INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    digest BLOB,
    named INTEGER NOT NULL DEFAULT 0 -- whether a message ever named it
) STRICT, WITHOUT ROWID;
CREATE INDEX attachment_unnamed ON attachment (created_at) WHERE named = 0;
CREATE INDEX attachment_by_owner ON attachment (user_id, size);

CREATE TABLE attachment_thread (
    attachment_id TEXT NOT NULL REFERENCES attachment (id),
    thread_id BLOB NOT NULL,
    PRIMARY KEY (attachment_id, thread_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE secret (
    name TEXT PRIMARY KEY NOT NULL,
    key BLOB NOT NULL
) STRICT, WITHOUT ROWID;
