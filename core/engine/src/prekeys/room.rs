//! Room for more one-time prekeys where this device holds as many as it may.

use crate::EngineError;
use sealwire_store::{PrekeyKind, Transaction};
use sealwire_wire::Timestamp;

/// Stocks of one-time prekeys of each kind that this device holds: 5,000 keys. So many that never came back were given out to
/// nobody who wrote: from then on the oldest make room at a pace, and sessions begin from the signed prekey and the last resort
/// alone in between.
const STOCKS_HELD_MAX: u64 = 50;

/// How often room is made, in milliseconds. With a stock an hour each key is held for two days however fast somebody asks the
/// relay for keys: longer than a sender tries, which is a day.
const ROOM_EVERY_MS: u64 = 60 * 60 * 1000;

/// A look at whether everything came in, so that room can be made, after so many milliseconds.
const ROOM_WAIT_MS: u64 = 60 * 1000;

/// The two kinds of prekeys that are used once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OneTime {
    /// On the curve.
    Ec,
    /// For the post-quantum part.
    Kem,
}

impl OneTime {
    /// Setting: when room was last made, in milliseconds as eight bytes.
    fn room_made_at(self) -> &'static str {
        match self {
            Self::Ec => "one_time_prekey_room_made_at",
            Self::Kem => "one_time_kem_prekey_room_made_at",
        }
    }

    fn count_held(self, tx: &Transaction<'_>) -> Result<u64, EngineError> {
        Ok(match self {
            Self::Ec => tx.count_one_time_prekeys()?,
            Self::Kem => tx.count_one_time_kem_prekeys()?,
        })
    }

    fn ids(self) -> PrekeyKind {
        match self {
            Self::Ec => PrekeyKind::OneTime,
            Self::Kem => PrekeyKind::Kem,
        }
    }
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) kind: OneTime,
    /// How many more.
    pub(super) count: u32,
    /// How many the relay is to have.
    pub(super) stock: u32,
    /// Whether everything that was sent until now is here.
    pub(super) caught_up: bool,
}

/// When so many more may be held; none: now. If there are too many the oldest go, at a pace, and none while a message that names
/// them may still come in.
pub(super) fn room_at(
    tx: &mut Transaction<'_>,
    wanted: Wanted,
    now: Timestamp,
) -> Result<Option<Timestamp>, EngineError> {
    let kind = wanted.kind;
    if kind.count_held(tx)? < STOCKS_HELD_MAX * u64::from(wanted.stock) {
        return Ok(None);
    }
    let made_at = tx.setting(kind.room_made_at())?;
    let made_at = made_at.and_then(|bytes| bytes.try_into().ok().map(u64::from_be_bytes));
    // What was noted under a clock far ahead does not count.
    let next = made_at
        .filter(|made_at| *made_at <= now.0)
        .map(|made_at| Timestamp(made_at).plus_ms(ROOM_EVERY_MS))
        .filter(|next| *next > now);
    if next.is_some() {
        return Ok(next);
    }
    if !wanted.caught_up || tx.count_parked()? > 0 {
        return Ok(Some(now.plus_ms(ROOM_WAIT_MS)));
    }
    tx.set_setting(kind.room_made_at(), &now.0.to_be_bytes())?;
    let went = tx.prune_oldest_one_time_prekeys(kind.ids(), wanted.count)?;
    Ok((went == 0).then(|| now.plus_ms(ROOM_EVERY_MS)))
}
