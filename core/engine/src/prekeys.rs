//! Prekeys of this device: made under ids that never return, uploaded, topped up.

mod check;
mod kem;
mod room;
mod signed;

use crate::backoff::Backoff;
use crate::engine::Random;
use crate::requests::{Answer, Outgoing, Purpose};
use crate::{Engine, EngineError};
pub(crate) use kem::{kem_pair, make_kem_pair, public_kem};
use kem::{make_last_resort, make_one_time_kem};
use room::{OneTime, Wanted, room_at};
use sealwire_crypto::keys::{IdentityKeyPair, OneTimePreKeyPair};
use sealwire_store::{PrekeyKind, Rows, Transaction, crash};
use sealwire_wire::Timestamp;
use sealwire_wire::contract::{ErrorCode, PrekeyUpload, PublicPrekey};
use sealwire_wire::limits::{ONE_TIME_PREKEYS_MAX, PREKEYS_LOW};
use signed::{make_signed, public};
use zeroize::Zeroizing;

/// Ids left out where the relay holds another key under one of them: twice as many at each collision after that.
const SKIP_IDS: u32 = 1_000;

/// How uploads stand.
#[derive(Default)]
pub(crate) struct PrekeyUploads {
    wanted: bool,
    under_way: bool,
    backoff: Backoff,
    /// Collisions in a row.
    collisions: u32,
    /// When the signed prekey is to be looked at.
    rotate_at: Option<Timestamp>,
    check_wanted: bool,
    /// When there may be room for more one-time prekeys, where there was none.
    room_at: Option<Timestamp>,
}

/// What the relay does not have yet.
pub(crate) struct ToUpload {
    pub(crate) upload: PrekeyUpload,
    pub(crate) ends: UploadEnds,
}

/// Up to which ids the relay has everything, once it has taken an upload.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UploadEnds {
    signed: u32,
    one_time: u32,
    kem: u32,
}

impl PrekeyUploads {
    pub(crate) fn hurry(&mut self, now: Timestamp) {
        self.backoff.hurry(now);
    }
}

impl UploadEnds {
    /// The relay has it now.
    pub(crate) fn mark(self, tx: &mut Transaction<'_>, now: Timestamp) -> Result<(), EngineError> {
        tx.signed_prekeys_are_given_out(self.signed, now)?;
        tx.last_resorts_are_given_out(self.kem, now)?;
        tx.mark_prekeys_uploaded(PrekeyKind::Signed, self.signed)?;
        tx.mark_prekeys_uploaded(PrekeyKind::OneTime, self.one_time)?;
        tx.mark_prekeys_uploaded(PrekeyKind::Kem, self.kem)?;
        Ok(())
    }
}

/// A new device's signed prekey, its last resort, and its first `stock` one-time ones of each kind. Its entry in the list is to
/// name `listed_version`.
pub(crate) fn make_first(
    tx: &mut Transaction<'_>,
    identity: &IdentityKeyPair,
    listed_version: u32,
    stock: u32,
    now: Timestamp,
    rng: &mut Random,
) -> Result<(), EngineError> {
    make_signed(tx, identity, listed_version, now, rng)?;
    make_one_time(tx, stock, rng)?;
    make_last_resort(tx, identity, now, rng)?;
    make_one_time_kem(tx, identity, stock, now, rng)
}

fn make_one_time(
    tx: &mut Transaction<'_>,
    count: u32,
    rng: &mut Random,
) -> Result<(), EngineError> {
    let first = tx.take_prekey_ids(PrekeyKind::OneTime, count)?;
    for id in first..first.saturating_add(count) {
        let pair = OneTimePreKeyPair::generate(id, rng);
        tx.insert_one_time_prekey(id, &Zeroizing::new(pair.secret_bytes().to_vec()))?;
    }
    Ok(())
}

/// Everything between the two watermarks.
pub(crate) fn to_upload(rows: &Rows) -> Result<ToUpload, EngineError> {
    let signed_ids = rows.prekey_ids(PrekeyKind::Signed)?;
    let one_time_ids = rows.prekey_ids(PrekeyKind::OneTime)?;
    let signed = rows
        .signed_prekeys()?
        .into_iter()
        .find(|row| row.id >= signed_ids.first_not_uploaded);
    let signed_prekey = signed.map(|row| public(&row)).transpose()?;
    let one_time_prekeys = rows
        .one_time_prekeys_to_upload()?
        .into_iter()
        .map(|(id, secret)| {
            let pair = OneTimePreKeyPair::from_secret_bytes(id, &*secret32(&secret)?);
            Ok(PublicPrekey {
                id,
                key: pair.public().to_bytes().into(),
            })
        })
        .collect::<Result<_, EngineError>>()?;
    let (last_resort, one_time): (Vec<_>, Vec<_>) = rows
        .kem_prekeys_to_upload()?
        .into_iter()
        .partition(|row| row.last_resort);
    Ok(ToUpload {
        upload: PrekeyUpload {
            signed_prekey,
            one_time_prekeys,
            last_resort_kem_prekey: last_resort.last().map(public_kem).transpose()?,
            one_time_kem_prekeys: one_time.iter().map(public_kem).collect::<Result<_, _>>()?,
        },
        ends: UploadEnds {
            signed: signed_ids.next,
            one_time: one_time_ids.next,
            kem: rows.prekey_ids(PrekeyKind::Kem)?.next,
        },
    })
}

/// Whether there is anything between the watermarks. What is kept back for one device has ids there, too.
fn anything_to_upload(rows: &Rows) -> Result<bool, EngineError> {
    let signed = rows.prekey_ids(PrekeyKind::Signed)?;
    Ok(signed.first_not_uploaded < signed.next
        || !rows.one_time_prekeys_to_upload()?.is_empty()
        || !rows.kem_prekeys_to_upload()?.is_empty())
}

/// A stored secret of a key pair.
pub(crate) fn secret32(bytes: &[u8]) -> Result<Zeroizing<[u8; 32]>, EngineError> {
    bytes
        .try_into()
        .map(Zeroizing::new)
        .map_err(|_| EngineError::Internal("a stored secret does not have 32 bytes".to_owned()))
}

impl Engine {
    /// How many one-time prekeys of each kind the relay is to have.
    pub(crate) fn one_time_stock(&self) -> u32 {
        let most = u32::try_from(ONE_TIME_PREKEYS_MAX).unwrap_or(u32::MAX);
        self.config.one_time_prekeys.clamp(1, most)
    }

    /// Fewer left than this are few: a fifth of a stock.
    fn few_one_time(&self) -> u32 {
        PREKEYS_LOW.min(self.one_time_stock() / 5).max(1)
    }

    /// The relay says how many it has left; none of a kind that this device never uploaded.
    pub(crate) fn prekeys_run_low(
        &mut self,
        remaining: u32,
        remaining_kem: Option<u32>,
    ) -> Result<(), EngineError> {
        if self.prekey_uploads.wanted || self.prekey_uploads.under_way {
            return Ok(());
        }
        let waiting = self.store.one_time_prekeys_to_upload()?.len();
        let ec = self.make_room_and_more(OneTime::Ec, remaining, waiting)?;
        let kem = match remaining_kem {
            Some(remaining) => {
                let waiting = self.store.kem_prekeys_to_upload()?;
                let waiting = waiting.iter().filter(|row| !row.last_resort).count();
                self.make_room_and_more(OneTime::Kem, remaining, waiting)?
            }
            None => None,
        };
        self.prekey_uploads.room_at = ec.into_iter().chain(kem).min();
        self.prekey_uploads.wanted = anything_to_upload(&self.store)?;
        Ok(())
    }

    /// Makes what is missing of a stock; when there may be room for it, where there is none.
    fn make_room_and_more(
        &mut self,
        kind: OneTime,
        remaining: u32,
        waiting: usize,
    ) -> Result<Option<Timestamp>, EngineError> {
        let identity = self.me()?.identity.clone();
        let (stock, caught_up) = (self.one_time_stock(), self.is_online());
        let waiting = u32::try_from(waiting).unwrap_or(u32::MAX);
        let count = stock.saturating_sub(remaining.saturating_add(waiting));
        if count == 0 {
            return Ok(None);
        }
        let wanted = Wanted {
            kind,
            count,
            stock,
            caught_up,
        };
        let Self {
            store, rng, now, ..
        } = self;
        store.transaction(|tx| {
            tx.step("prekeys.made");
            let room_at = room_at(tx, wanted, *now)?;
            match (room_at, kind) {
                (Some(_), _) => {}
                (None, OneTime::Ec) => make_one_time(tx, count, rng)?,
                (None, OneTime::Kem) => make_one_time_kem(tx, &identity, count, *now, rng)?,
            }
            Ok(room_at)
        })
    }

    pub(crate) fn upload_prekeys_due(&mut self) {
        self.rotate_signed_prekey_when_due();
        self.look_for_room_when_due();
        self.check_prekeys_when_due();
        let uploads = &self.prekey_uploads;
        if !uploads.wanted || uploads.under_way || !uploads.backoff.is_due(self.now) {
            return;
        }
        let Ok(ToUpload { upload, ends }) = to_upload(&self.store) else {
            return;
        };
        self.prekey_uploads.under_way = true;
        let purpose = Purpose::UploadPrekeys { ends };
        self.request(Outgoing::put("/v1/prekeys", purpose).json(&upload));
    }

    /// The relay, which says only once that it has few left, is asked what it has.
    fn look_for_room_when_due(&mut self) {
        if self.is_online() && self.prekey_uploads.room_at.is_some_and(|at| at <= self.now) {
            self.prekey_uploads.room_at = None;
            self.prekeys_are_to_be_checked();
        }
    }

    pub(crate) fn on_prekeys_uploaded(&mut self, ends: UploadEnds, answer: Answer) {
        crash::point("prekeys.answered");
        self.prekey_uploads.under_way = false;
        let now = self.now;
        let collided = matches!(&answer, Answer::Refused(problem) if problem.code == ErrorCode::PrekeyIdConflict);
        let result = match answer.done() {
            Err(error) if collided => self.skip_ahead().and(Err(error)),
            Err(error) => Err(error),
            Ok(()) => self.store.transaction(|tx| {
                tx.step("prekeys.uploaded");
                ends.mark(tx, now)
            }),
        };
        // More may have been made while this was on its way.
        let more = anything_to_upload(&self.store).unwrap_or(false);
        // What is uploaded may be listed.
        self.listing.look();
        let Self {
            prekey_uploads: uploads,
            rng,
            now,
            ..
        } = self;
        match result {
            Ok(()) => {
                uploads.wanted = more;
                uploads.collisions = 0;
                uploads.backoff.succeeded();
            }
            Err(error) => uploads.backoff.failed(*now, error.retry_after_ms(), rng),
        }
    }

    /// The relay holds other keys under ids of ours: new keys are made under ids far from those. What was refused stays
    /// here, as an earlier upload of it may have been taken, and is not uploaded again.
    fn skip_ahead(&mut self) -> Result<(), EngineError> {
        let identity = self.me()?.identity.clone();
        let (stock, caught_up) = (self.one_time_stock(), self.is_online());
        let listed_version = self.listed_version()?;
        let Self {
            store,
            rng,
            now,
            prekey_uploads: uploads,
            ..
        } = self;
        let far = SKIP_IDS << uploads.collisions.min(10);
        uploads.collisions = uploads.collisions.saturating_add(1);
        store.transaction(|tx| {
            for kind in [OneTime::Ec, OneTime::Kem] {
                let wanted = Wanted {
                    kind,
                    count: stock,
                    stock,
                    caught_up,
                };
                if room_at(tx, wanted, *now)?.is_some() {
                    return Ok(());
                }
            }
            let made = tx.prekey_ids(PrekeyKind::Signed)?.next;
            tx.signed_prekeys_are_given_out(made, *now)?;
            for kind in [PrekeyKind::Signed, PrekeyKind::OneTime, PrekeyKind::Kem] {
                let next = tx.prekey_ids(kind)?.next.saturating_add(far);
                tx.skip_prekey_ids(kind, next)?;
                tx.mark_prekeys_uploaded(kind, next)?;
            }
            make_first(tx, &identity, listed_version, stock, *now, rng)
        })
    }

    pub(crate) fn prekeys_wake_at(&self) -> Option<Timestamp> {
        let uploads = &self.prekey_uploads;
        let retry = uploads
            .backoff
            .due_at()
            .filter(|_| uploads.wanted && !uploads.under_way);
        let rotation = uploads
            .rotate_at
            .filter(|at| *at > self.now && self.online && self.account().is_some());
        let room = uploads.room_at.filter(|_| self.is_online());
        retry.into_iter().chain(rotation).chain(room).min()
    }
}
