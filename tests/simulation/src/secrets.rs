//! What a relay must never hold: looked for in every byte of its folder.

use crate::Broken;
use crate::cold::thread_of;
use crate::truth::MARKER;
use aho_corasick::AhoCorasick;
use sealwire_engine::Message;
use sealwire_store::{Store, StoreError};
use sealwire_wire::Base64;
use sealwire_wire::{ThreadId, UserId};
use std::fs;
use std::path::Path;

/// Private keys of devices and accounts, and the keys of files.
#[derive(Default)]
pub(crate) struct Secrets(Vec<Vec<u8>>);

impl Secrets {
    /// Those of one store.
    pub(crate) fn of(&mut self, store: &Store, users: Vec<UserId>) -> Result<(), Broken> {
        let keys = self.keys_of(store);
        let Some(own) = keys.map_err(|error| Broken::new("keys can be read", error))? else {
            return Ok(());
        };
        for user in users {
            for row in thread_of(store, ThreadId::direct(&own, &user))? {
                let message = Message::from_row(row);
                self.0
                    .extend(message.attachment().map(|file| file.key.to_vec()));
            }
        }
        Ok(())
    }

    fn keys_of(&mut self, store: &Store) -> Result<Option<UserId>, StoreError> {
        let Some(account) = store.account()? else {
            return Ok(None);
        };
        self.0.push(account.identity_secret.to_vec());
        self.0
            .extend(account.account_secret.iter().map(|secret| secret.to_vec()));
        for prekey in store.signed_prekeys()? {
            self.0.push(prekey.secret.to_vec());
        }
        Ok(Some(account.user_id))
    }

    /// Neither they nor anything that was typed stands in a file there, as bytes or as text.
    pub(crate) fn are_nowhere_in(self, folder: &Path) -> Result<(), Broken> {
        let as_text = self.0.iter().filter_map(|key| {
            let text = serde_json::to_vec(&Base64(key.clone())).ok()?;
            // Without quotes, and without what bytes beside it would change.
            Some(text.get(1..41)?.to_vec())
        });
        let mut sought: Vec<_> = as_text.collect();
        sought.extend(self.0);
        sought.push(MARKER.as_bytes().to_vec());
        let search = AhoCorasick::new(&sought)
            .map_err(|error| Broken::new("what is secret can be looked for", error))?;
        let unreadable =
            |error: std::io::Error| Broken::new("the relay's folder can be read", error);
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let bytes = fs::read(&path).map_err(unreadable)?;
            if search.is_match(&bytes) {
                let invariant = "the relay holds no words and no keys";
                return Err(Broken::new(invariant, path.display()));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a step that fails is the test failing")]
mod tests {
    use super::*;
    use tempfile::TempDir;

    #[test]
    fn words_and_keys_are_found_as_bytes_and_as_text() {
        let key: Vec<u8> = (1..33).collect();
        let text = serde_json::to_vec(&Base64(key.clone())).unwrap();
        let words = format!("before {MARKER} after").into_bytes();
        let other = (2..34).collect();
        for (file, is_found) in [
            (key.clone(), true),
            (text, true),
            (words, true),
            (other, false),
        ] {
            let folder = TempDir::new().unwrap();
            fs::write(folder.path().join("relay.db"), file).unwrap();
            let found = Secrets(vec![key.clone()]).are_nowhere_in(folder.path());
            assert_eq!(found.is_err(), is_found);
        }
    }
}
