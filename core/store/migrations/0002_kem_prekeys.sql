-- Sessions of version 4: KEM prekeys, and what tells a session of version 3 that is honest from one that was made to be.

-- `seed`: all of the key pair follows from it. One-time ones and last resorts share their ids, so that an id in a message names one
-- key. `kept_back_at_ms`: named in a request to one device alone, never given to the relay.
CREATE TABLE kem_prekeys (
    id INTEGER PRIMARY KEY,
    seed BLOB NOT NULL CHECK (length(seed) = 64),
    signature BLOB NOT NULL CHECK (length(signature) = 64),
    last_resort INTEGER NOT NULL,
    created_at_ms INTEGER NOT NULL,
    kept_back_at_ms INTEGER
) STRICT;
CREATE INDEX kem_prekeys_last_resort ON kem_prekeys (id) WHERE last_resort = 1;
CREATE INDEX kem_prekeys_kept_back ON kem_prekeys (kept_back_at_ms) WHERE kept_back_at_ms IS NOT NULL;
INSERT INTO prekey_ids (kind, next_id, first_not_uploaded) VALUES (3, 1, 1);

-- The highest protocol version that this device's entry in its account's list named when the prekey was made.
ALTER TABLE signed_prekeys ADD COLUMN listed_version INTEGER NOT NULL DEFAULT 3;

-- A base key is forgotten with either of the prekeys that it was used with: none opens anything without both.
ALTER TABLE used_base_keys ADD COLUMN kem_prekey_id INTEGER REFERENCES kem_prekeys (id) ON DELETE CASCADE;
CREATE INDEX used_base_keys_by_kem_prekey ON used_base_keys (kem_prekey_id) WHERE kem_prekey_id IS NOT NULL;

-- The first of the list versions that came with the account key offered: a recovery may be under the key that is pinned.
ALTER TABLE pinned_accounts ADD COLUMN offered_since INTEGER;

PRAGMA user_version = 2;
