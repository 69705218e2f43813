//! The three secrets of a store by name, and their forms.

use super::{KeyStore, KeyStoreError, Secret};
use crate::Error;
use sealwire_store::StoreKey;
use std::io;
use zeroize::Zeroizing;

const KEY: &str = "store-key";
const SALT: &str = "store-salt";
const ANCHOR: &str = "store-anchor";

/// The generation of the store as it was last kept.
pub(crate) async fn anchor(keys: &dyn KeyStore) -> Result<Option<u64>, KeyStoreError> {
    let anchor = fixed::<8>(ANCHOR, keys.get(ANCHOR).await?)?;
    Ok(anchor.map(|bytes| u64::from_be_bytes(*bytes)))
}

pub(crate) async fn put_anchor(keys: &dyn KeyStore, generation: u64) -> Result<(), KeyStoreError> {
    keys.put(ANCHOR, Zeroizing::new(generation.to_be_bytes().to_vec()))
        .await
}

/// The store's key, if both of its parts are there.
pub(crate) async fn store_key(keys: &dyn KeyStore) -> Result<Option<StoreKey>, KeyStoreError> {
    let key = fixed::<32>(KEY, keys.get(KEY).await?)?;
    let salt = fixed::<16>(SALT, keys.get(SALT).await?)?;
    Ok(key
        .zip(salt)
        .map(|(key, salt)| StoreKey::from((&*key, &*salt))))
}

/// A fresh key, kept before it is used.
pub(crate) async fn make_store_key(keys: &dyn KeyStore) -> Result<StoreKey, Error> {
    let (mut key, mut salt) = (Zeroizing::new([0; 32]), [0; 16]);
    getrandom::fill(&mut *key).map_err(no_randomness)?;
    getrandom::fill(&mut salt).map_err(no_randomness)?;
    // The salt first: a key that is there has its salt beside it.
    keys.put(SALT, Zeroizing::new(salt.to_vec())).await?;
    keys.put(KEY, Zeroizing::new(key.to_vec())).await?;
    Ok(StoreKey::from((&*key, &salt)))
}

fn no_randomness(error: getrandom::Error) -> Error {
    Error::System(io::Error::other(error))
}

fn fixed<const N: usize>(
    name: &str,
    secret: Option<Secret>,
) -> Result<Option<Zeroizing<[u8; N]>>, KeyStoreError> {
    let Some(secret) = secret else {
        return Ok(None);
    };
    let mut bytes = Zeroizing::new([0; N]);
    if secret.len() != N {
        return Err(KeyStoreError::new(format!(
            "{name} in the key store has {} bytes, not {N}",
            secret.len()
        )));
    }
    bytes.copy_from_slice(&secret);
    Ok(Some(bytes))
}
