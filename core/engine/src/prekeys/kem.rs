//! KEM prekeys: one-time ones, and the last resort that takes their place when they have run out. Each is signed.

use crate::EngineError;
use crate::engine::Random;
use sealwire_crypto::keys::{IdentityKeyPair, KemKeyPair, KemType};
use sealwire_store::{KemPrekeyRow, PrekeyKind, Transaction};
use sealwire_wire::Timestamp;
use sealwire_wire::contract::PublicKemPrekey;
use zeroize::Zeroizing;

/// Makes the next last resort. Only what is uploaded after that names it.
pub(super) fn make_last_resort(
    tx: &mut Transaction<'_>,
    identity: &IdentityKeyPair,
    now: Timestamp,
    rng: &mut Random,
) -> Result<(), EngineError> {
    let id = tx.take_prekey_ids(PrekeyKind::Kem, 1)?;
    let (_, mut row) = make_kem_pair(id, identity, now, rng);
    row.last_resort = true;
    Ok(tx.insert_kem_prekey(&row)?)
}

/// Makes one-time ones.
pub(super) fn make_one_time_kem(
    tx: &mut Transaction<'_>,
    identity: &IdentityKeyPair,
    count: u32,
    now: Timestamp,
    rng: &mut Random,
) -> Result<(), EngineError> {
    let first = tx.take_prekey_ids(PrekeyKind::Kem, count)?;
    for id in first..first.saturating_add(count) {
        tx.insert_kem_prekey(&make_kem_pair(id, identity, now, rng).1)?;
    }
    Ok(())
}

/// A one-time one, to be kept.
pub(crate) fn make_kem_pair(
    id: u32,
    identity: &IdentityKeyPair,
    now: Timestamp,
    rng: &mut Random,
) -> (KemKeyPair, KemPrekeyRow) {
    let pair = KemKeyPair::generate(id, rng);
    let signature = identity.sign_kem_prekey(rng, &pair.public());
    let row = KemPrekeyRow {
        id,
        seed: Zeroizing::new(pair.seed_bytes().to_vec()),
        signature: signature.to_bytes(),
        last_resort: false,
        created_at: now,
    };
    (pair, row)
}

/// The pair of a stored one.
pub(crate) fn kem_pair(row: &KemPrekeyRow) -> Result<KemKeyPair, EngineError> {
    let seed = row.seed.as_slice().try_into().map(Zeroizing::new);
    let seed = seed.map_err(|_| {
        EngineError::Internal("a stored KEM seed does not have 64 bytes".to_owned())
    })?;
    Ok(KemKeyPair::from_seed(KemType::MlKem1024, row.id, &seed))
}

/// As it is given out.
pub(crate) fn public_kem(row: &KemPrekeyRow) -> Result<PublicKemPrekey, EngineError> {
    Ok(PublicKemPrekey {
        id: row.id,
        key: kem_pair(row)?.public().to_bytes().into(),
        signature: row.signature.to_vec().into(),
    })
}
