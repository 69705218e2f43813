//! The Idempotency-Keys that have an answer.
//!
//! Keys come in no order, so that each in a place of its own would be a page of its own for every message. A device's newest
//! stand in one row, which keeps its size; so many of them at once go where keys are looked for. Control messages are rare:
//! their keys go there at once.

use super::columns::of_number;
use super::order::MessageNumber;
use rusqlite::{Connection, OptionalExtension as _, Result, params};
use sealwire_crypto::primitives::sha256;
use sealwire_wire::contract::DeviceName;
use sealwire_wire::{IdempotencyKey, MessageId, Timestamp};

/// So many of a device's keys stand in its row: nine such rows fill a page, and none needs a second one.
const RECENT: usize = 16;
/// The key's digest, the message that it was used for, when it expires.
const ENTRY: usize = 8 + 8 + 8;

/// The request that was answered under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    /// A message, of the device that the key is of.
    Send(MessageNumber),
    /// A control message.
    Control(MessageId),
}

/// A device's newest keys.
pub(super) struct Recent {
    /// The day on which the last of them expires; none for a device without a row.
    day: Option<i64>,
    /// [`RECENT`] entries, or none at all; a free one begins and ends with zeros.
    entries: Vec<u8>,
}

impl Recent {
    /// Of a row's two columns.
    pub(super) fn new(day: Option<i64>, entries: Option<Vec<u8>>) -> Self {
        let entries = entries.unwrap_or_default();
        Self { day, entries }
    }

    /// What the key was used for.
    pub(super) fn find(&self, key: &IdempotencyKey, now: Timestamp) -> Option<MessageNumber> {
        let digest = digest(key);
        self.entries()
            .find(|entry| entry.digest == digest && entry.expires_at > now)
            .map(|entry| entry.message)
    }

    /// Keeps one more.
    pub(super) fn keep(
        mut self,
        db: &Connection,
        device: &DeviceName,
        key: &IdempotencyKey,
        message: MessageNumber,
        expires_at: Timestamp,
    ) -> Result<()> {
        let (user, id) = (device.user_id.as_str(), device.device_id.get());
        let fresh = Entry {
            digest: digest(key),
            message,
            expires_at,
        };
        let same = self
            .entries()
            .position(|entry| entry.digest == fresh.digest);
        let mut place = same.unwrap_or_else(|| self.entries().count());
        if place >= RECENT {
            self.put_away(db, device)?;
            self.entries.clear();
            place = 0;
        }
        self.entries.resize(RECENT * ENTRY, 0);
        if let Some(entry) = self.entries.chunks_exact_mut(ENTRY).nth(place) {
            entry.copy_from_slice(&fresh.to_bytes());
        }
        let last_day = day(expires_at);
        if self.day == Some(last_day) {
            db.prepare_cached(
                "UPDATE recent_key SET entries = ?3 WHERE user_id = ?1 AND device_id = ?2",
            )?
            .execute(params![user, id, self.entries])?;
        } else {
            // Of a day only once, for the sweeper's index.
            db.prepare_cached(
                "INSERT INTO recent_key (user_id, device_id, day, entries) VALUES (?1, ?2, ?4, ?3)
                 ON CONFLICT DO UPDATE SET day = max(day, ?4), entries = ?3",
            )?
            .execute(params![user, id, self.entries, last_day])?;
        }
        Ok(())
    }

    fn put_away(&self, db: &Connection, device: &DeviceName) -> Result<()> {
        for entry in self.entries() {
            let kept = Kept::Send(entry.message);
            put(db, device, entry.digest, kept, entry.expires_at)?;
        }
        Ok(())
    }

    fn entries(&self) -> impl Iterator<Item = Entry> + '_ {
        self.entries
            .chunks_exact(ENTRY)
            .filter_map(Entry::from_bytes)
            .take_while(|entry| entry.expires_at.0 != 0)
    }
}

/// What a key of this device was used for.
pub(super) fn find(
    db: &Connection,
    device: &DeviceName,
    key: &IdempotencyKey,
    now: Timestamp,
) -> Result<Option<Kept>> {
    if let Some(message) = recent(db, device)?.find(key, now) {
        return Ok(Some(Kept::Send(message)));
    }
    let found: Option<(Option<MessageNumber>, Option<[u8; 16]>)> = db
        .prepare_cached(
            "SELECT message, control FROM kept_key WHERE day IN (?5, ?5 + 1, ?5 + 2)
                 AND user_id = ?1 AND device_id = ?2 AND digest = ?3 AND expires_at > ?4",
        )?
        .query_row(
            params![
                device.user_id.as_str(),
                device.device_id.get(),
                digest(key),
                of_number(now.0),
                day(now)
            ],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    Ok(found.and_then(|found| match found {
        (Some(message), _) => Some(Kept::Send(message)),
        (None, control) => control.map(|id| Kept::Control(MessageId::from_bytes(id))),
    }))
}

/// Keeps what a key of this device was used for.
pub(super) fn keep(
    db: &Connection,
    device: &DeviceName,
    key: &IdempotencyKey,
    kept: Kept,
    expires_at: Timestamp,
) -> Result<()> {
    match kept {
        Kept::Send(message) => recent(db, device)?.keep(db, device, key, message, expires_at),
        Kept::Control(_) => put(db, device, digest(key), kept, expires_at),
    }
}

/// A key as it is stored and looked for: whoever finds another with the same one has only their own request refused.
pub(super) fn digest(key: &IdempotencyKey) -> i64 {
    let digest = sha256(key.as_str().as_bytes());
    let (first, _) = digest.split_first_chunk().unwrap_or((&[0; 8], &[]));
    i64::from_be_bytes(*first)
}

/// The day of a moment. What is kept at one expires on that day or on one of the next two, even when the clock has stepped
/// back since.
pub(super) fn day(at: Timestamp) -> i64 {
    of_number(at.0 / 86_400_000)
}

/// One that expired and was not swept yet gives way.
fn put(
    db: &Connection,
    device: &DeviceName,
    digest: i64,
    kept: Kept,
    expires_at: Timestamp,
) -> Result<()> {
    let (message, control) = match kept {
        Kept::Send(message) => (Some(message), None),
        Kept::Control(id) => (None, Some(id.to_bytes())),
    };
    db.prepare_cached(
        "INSERT INTO kept_key (day, user_id, device_id, digest, message, control, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT DO UPDATE SET message = ?5, control = ?6, expires_at = ?7",
    )?
    .execute(params![
        day(expires_at),
        device.user_id.as_str(),
        device.device_id.get(),
        digest,
        message,
        control,
        of_number(expires_at.0)
    ])?;
    Ok(())
}

fn recent(db: &Connection, device: &DeviceName) -> Result<Recent> {
    let found = db
        .prepare_cached(
            "SELECT day, entries FROM recent_key WHERE user_id = ?1 AND device_id = ?2",
        )?
        .query_row(
            params![device.user_id.as_str(), device.device_id.get()],
            |row| Ok(Recent::new(row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    Ok(found.unwrap_or_else(|| Recent::new(None, None)))
}

/// One key of a device.
struct Entry {
    digest: i64,
    message: MessageNumber,
    expires_at: Timestamp,
}

impl Entry {
    fn to_bytes(&self) -> [u8; ENTRY] {
        let mut bytes = [0; ENTRY];
        let (digest, rest) = bytes.split_at_mut(8);
        let (message, expires_at) = rest.split_at_mut(8);
        digest.copy_from_slice(&self.digest.to_be_bytes());
        message.copy_from_slice(&self.message.to_be_bytes());
        expires_at.copy_from_slice(&self.expires_at.0.to_be_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (digest, rest) = bytes.split_first_chunk()?;
        let (message, rest) = rest.split_first_chunk()?;
        let (expires_at, _) = rest.split_first_chunk()?;
        Some(Self {
            digest: i64::from_be_bytes(*digest),
            message: i64::from_be_bytes(*message),
            expires_at: Timestamp(u64::from_be_bytes(*expires_at)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Sqlite, SqliteOptions, Threading};
    use super::*;
    use crate::service::tests::run;
    use crate::storage::{SweepBounds, Upkeep as _};
    use sealwire_wire::DeviceId;

    const DAY_MS: u64 = 86_400_000;
    const NOW: Timestamp = Timestamp(100 * DAY_MS + 5);
    const TOMORROW: Timestamp = Timestamp(NOW.0 + DAY_MS);

    fn key(number: u64) -> IdempotencyKey {
        format!("key-{number}").parse().unwrap()
    }

    fn alice() -> DeviceName {
        DeviceName {
            user_id: "alice".parse().unwrap(),
            device_id: DeviceId::FIRST,
        }
    }

    fn sent(number: u64) -> Kept {
        Kept::Send(number.cast_signed())
    }

    fn rows(storage: &Sqlite) -> (i64, i64) {
        let count = storage.read(|db| {
            db.query_row(
                "SELECT (SELECT count(*) FROM recent_key), (SELECT count(*) FROM kept_key)",
                [],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
        });
        run(count).unwrap()
    }

    #[test]
    fn every_key_of_a_day_is_found_however_many_came_after_it_and_none_after_its_life() {
        let folder = tempfile::TempDir::new().unwrap();
        let options = SqliteOptions {
            threading: Threading::Inline,
            ..SqliteOptions::default()
        };
        let storage = Sqlite::open_with(folder.path(), options).unwrap();
        for number in 0..100 {
            let kept = if number % 3 == 0 {
                Kept::Control(MessageId::from_u128(number.into()))
            } else {
                sent(number)
            };
            run(storage.write(move |db| keep(db, &alice(), &key(number), kept, TOMORROW))).unwrap();
        }
        let found = |number: u64, now| {
            run(storage.read(move |db| find(db, &alice(), &key(number), now))).unwrap()
        };
        for number in 0..100 {
            let expected = if number % 3 == 0 {
                Kept::Control(MessageId::from_u128(number.into()))
            } else {
                sent(number)
            };
            assert_eq!(found(number, NOW), Some(expected), "{number}");
            assert_eq!(found(number, TOMORROW), None, "{number}");
        }
        assert_eq!(found(100, NOW), None);

        // Under a key whose life is over another request may come, wherever the first stands.
        for number in [1, 99] {
            let later = Timestamp(TOMORROW.0 + DAY_MS);
            let again = move |db: &Connection| keep(db, &alice(), &key(number), sent(500), later);
            run(storage.write(again)).unwrap();
            assert_eq!(found(number, TOMORROW), Some(sent(500)));
        }

        let (recent, put_away) = rows(&storage);
        assert!(recent == 1 && put_away > 60, "{recent} {put_away}");
        let bounds = SweepBounds {
            now: Timestamp(TOMORROW.0 + 3 * DAY_MS),
            queued_before: NOW,
            unnamed_before: NOW,
            at_most: 1_000,
        };
        run(storage.sweep(bounds)).unwrap();
        assert_eq!(rows(&storage), (0, 0));
    }
}
