//! A device as an engine would keep it: identity, prekeys, one record, the rows of skipped keys.

use std::collections::HashMap;

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::expected::{Key, Name};
use crate::bundle::PreKeyBundle;
use crate::keys::{IdentityKeyPair, KemKeyPair, OneTimePreKeyPair, RatchetKey, SignedPreKeyPair};
use crate::ratchet::*;

pub(super) struct Device {
    pub(super) identity: IdentityKeyPair,
    pub(super) registration_id: u32,
    pub(super) signed: SignedPreKeyPair,
    pub(super) one_time: HashMap<u32, OneTimePreKeyPair>,
    /// None at all in a device of version 3.
    pub(super) kem: HashMap<u32, KemKeyPair>,
    pub(super) policy: SessionPolicy,
    pub(super) record: Option<SessionRecord>,
    pub(super) rows: HashMap<(RatchetKey, u32), SkippedKey>,
    pub(super) began: Vec<BeganSession>,
    pub(super) now_ms: u64,
    pub(super) rng: ChaCha20Rng,
}

pub(super) const LAST_RESORT: u32 = 20;

/// Two devices that never met, each with a few one-time prekeys of both kinds.
pub(super) fn pair() -> (Device, Device) {
    pair_of(Version::Pqxdh)
}

pub(super) fn pair_of(version: Version) -> (Device, Device) {
    (Device::new(1, version), Device::new(2, version))
}

/// Two devices with a session that both have answered on.
pub(super) fn talking_pair() -> (Device, Device) {
    talking_pair_of(Version::Pqxdh)
}

pub(super) fn talking_pair_of(version: Version) -> (Device, Device) {
    let (mut alice, mut bob) = pair_of(version);
    alice.begin_with(&mut bob);
    let hello = alice.send(b"hello");
    bob.receive(&alice, &hello).unwrap();
    let reply = bob.send(b"reply");
    alice.receive(&bob, &reply).unwrap();
    (alice, bob)
}

impl Device {
    pub(super) fn new(seed: u64, version: Version) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let kem = match version {
            Version::X3dh => None,
            Version::Pqxdh => Some([LAST_RESORT].into_iter().chain(200..203)),
        };
        Self {
            identity: IdentityKeyPair::generate(&mut rng),
            registration_id: 1000 + seed as u32,
            signed: SignedPreKeyPair::generate(10, &mut rng),
            one_time: (100..110)
                .map(|id| (id, OneTimePreKeyPair::generate(id, &mut rng)))
                .collect(),
            kem: kem
                .into_iter()
                .flatten()
                .map(|id| (id, KemKeyPair::generate(id, &mut rng)))
                .collect(),
            policy: match version {
                Version::X3dh => SessionPolicy::allow_x3dh(),
                Version::Pqxdh => SessionPolicy::default(),
            },
            record: None,
            rows: HashMap::new(),
            began: Vec::new(),
            now_ms: 1_700_000_000_000,
            rng,
        }
    }

    /// A bundle with this one-time prekey, and with a one-time KEM prekey beside it as long as there are any.
    pub(super) fn bundle(&mut self, one_time: Option<u32>) -> PreKeyBundle {
        let kem = self.kem.keys().copied().filter(|id| *id != LAST_RESORT);
        let kem = kem.min().filter(|_| one_time.is_some());
        self.bundle_with(one_time, kem.unwrap_or(LAST_RESORT))
    }

    pub(super) fn bundle_with(&mut self, one_time: Option<u32>, kem: u32) -> PreKeyBundle {
        let prekey = self.signed.public();
        let signature = self.identity.sign_prekey(&mut self.rng, &prekey);
        let bundle = PreKeyBundle::new(
            self.registration_id,
            1,
            self.identity.public(),
            self.signed.id(),
            prekey,
            &signature,
            one_time.map(|id| (id, self.one_time[&id].public())),
        )
        .unwrap();
        let Some(kem) = self.kem.get(&kem) else {
            return bundle;
        };
        let (id, key) = (kem.id(), kem.public());
        let signature = self.identity.sign_kem_prekey(&mut self.rng, &key);
        bundle.with_kem_prekey(id, key, &signature).unwrap()
    }

    /// Begins a session from a bundle with the peer's lowest one-time prekey.
    pub(super) fn begin_with(&mut self, peer: &mut Device) {
        let id = peer.one_time.keys().min().copied();
        let bundle = peer.bundle(id);
        self.begin_from(&bundle).unwrap();
    }

    pub(super) fn begin_from(&mut self, bundle: &PreKeyBundle) -> Result<(), AgreementError> {
        let record = begin(
            self.record.as_ref(),
            &self.identity,
            self.registration_id,
            bundle,
            self.policy,
            self.now_ms,
            &mut self.rng,
        )?;
        self.record = Some(record);
        Ok(())
    }

    pub(super) fn send(&mut self, plaintext: &[u8]) -> SealedMessage {
        let record = self.record.as_ref().unwrap();
        let (record, sealed) = seal(record, self.now_ms, plaintext).unwrap();
        self.record = Some(record);
        sealed
    }

    /// Opens a message and stores what has to be stored, as one transaction would.
    pub(super) fn receive(
        &mut self,
        from: &Device,
        sealed: &SealedMessage,
    ) -> Result<Vec<u8>, OpenError> {
        let sender = Sender {
            identity_key: from.identity.public(),
            registration_id: from.registration_id,
            policy: self.policy,
        };
        self.receive_from(&sender, sealed)
    }

    pub(super) fn receive_from(
        &mut self,
        sender: &Sender,
        sealed: &SealedMessage,
    ) -> Result<Vec<u8>, OpenError> {
        let opened = match sealed.kind {
            MessageKind::Ratchet => {
                let message = RatchetMessage::parse(&sealed.body)?;
                let kept = self.kept(&message);
                let record = self.record.as_ref().ok_or(OpenError::NoSession)?;
                open(record, &message, kept, &mut self.rng)?
            }
            MessageKind::PreKey => {
                let message = PreKeyMessage::parse(&sealed.body)?;
                let kept = self.kept(message.message());
                let one_time = message
                    .one_time_prekey_id()
                    .and_then(|id| self.one_time.get(&id));
                let kem = message
                    .kem_prekey_id()
                    .and_then(|id| self.kem.get(&id))
                    .map(|pair| KemPreKey {
                        pair,
                        last_resort: pair.id() == LAST_RESORT,
                    });
                accept(
                    self.record.as_ref(),
                    &self.identity,
                    sender,
                    &message,
                    PreKeys {
                        signed: &self.signed,
                        one_time,
                        kem,
                    },
                    kept,
                    &mut self.rng,
                )?
            }
        };
        Ok(self.store(opened))
    }

    fn kept(&self, message: &RatchetMessage) -> Option<SkippedKey> {
        let name = (message.ratchet_key(), message.counter());
        let kept = self.rows.get(&name).cloned();
        // Whoever asks the record first need not look for a row, in no test here.
        let to_come = |record: &SessionRecord| record.is_still_to_come(message);
        assert!(kept.is_none() || !self.record.as_ref().is_some_and(to_come));
        kept
    }

    fn store(&mut self, opened: Opened) -> Vec<u8> {
        self.record = Some(opened.record);
        if let Some(row) = opened.forget {
            self.rows.remove(&row).unwrap();
        }
        for key in opened.keep {
            let row = (key.ratchet_key(), key.counter());
            let restored = SkippedKey::new(key.session(), row.0, row.1, key.seed_bytes());
            assert!(self.rows.insert(row, restored).is_none());
        }
        self.rows
            .retain(|(chain, _), _| !opened.forget_chains.contains(chain));
        if let Some(id) = opened.consumed_one_time {
            self.one_time.remove(&id).unwrap();
        }
        if let Some(id) = opened.consumed_one_time_kem {
            self.kem.remove(&id).unwrap();
        }
        self.began.extend(opened.began);
        opened.plaintext.to_vec()
    }

    /// Which message it is that this device has just sealed.
    pub(super) fn name_of(&self, sealed: &SealedMessage) -> Name {
        let session = self.record.as_ref().unwrap().sessions().next().unwrap();
        let inner = match sealed.kind {
            MessageKind::Ratchet => RatchetMessage::parse(&sealed.body).unwrap(),
            MessageKind::PreKey => {
                let outer = PreKeyMessage::parse(&sealed.body).unwrap();
                assert_eq!(outer.base_key(), session);
                outer.message().clone()
            }
        };
        Name {
            session: session.to_bytes(),
            chain: inner.ratchet_key().to_bytes(),
            counter: inner.counter(),
            says_its_session: sealed.kind == MessageKind::PreKey,
        }
    }

    /// The next messages are lost: they are sealed, and nobody gets them.
    pub(super) fn lose_the_next(&mut self, count: u32) {
        let Some(current) = self.record.as_mut().and_then(|all| all.current.as_mut()) else {
            return;
        };
        for _ in 0..count {
            // What sealing does to the chain.
            current.sending.chain.step().unwrap();
        }
    }

    /// The names of the sessions held.
    pub(super) fn sessions(&self) -> impl Iterator<Item = Key> + '_ {
        let sessions = self.record.iter().flat_map(SessionRecord::sessions);
        sessions.map(|session| session.to_bytes())
    }

    /// Closes the device and opens it again from what it stored.
    pub(super) fn reopen(&mut self) {
        let stored = self.record.as_ref().map(SessionRecord::to_bytes);
        self.record = stored.map(|bytes| SessionRecord::from_bytes(&bytes).unwrap());
    }

    pub(super) fn stored(&self) -> Vec<u8> {
        self.record
            .as_ref()
            .map(|record| record.to_bytes().to_vec())
            .unwrap_or_default()
    }
}
