//! A device as an engine would keep it: identity, prekeys, one record, the rows of skipped keys. Everything follows from seeds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use sealwire_crypto::bundle::PreKeyBundle;
use sealwire_crypto::keys::{
    IdentityKeyPair, KemKeyPair, OneTimePreKeyPair, RatchetKey, SignedPreKeyPair,
};
use sealwire_crypto::ratchet::{
    KemPreKey, MessageKind, OpenError, Opened, PreKeyMessage, PreKeys, RatchetMessage, SealError,
    SealedMessage, Sender, SessionPolicy, SessionRecord, SkippedKey, Version, accept, begin, open,
    seal,
};

use crate::memory::peak_of;

/// The KEM prekey that is there for ever.
pub(crate) const LAST_RESORT: u32 = 20;

const NOW_MS: u64 = 1_700_000_000_000;

#[derive(Clone)]
pub(crate) struct Device {
    pub(crate) identity: IdentityKeyPair,
    pub(crate) registration_id: u32,
    pub(crate) signed: SignedPreKeyPair,
    pub(crate) one_time: BTreeMap<u32, OneTimePreKeyPair>,
    /// None at all in a device of version 3.
    pub(crate) kem: BTreeMap<u32, KemKeyPair>,
    pub(crate) policy: SessionPolicy,
    pub(crate) record: Option<SessionRecord>,
    /// By ratchet key and counter.
    pub(crate) rows: BTreeMap<([u8; 33], u32), SkippedKey>,
    /// The base keys of sessions that were begun here: a first message begins none of them again.
    began: BTreeSet<[u8; 33]>,
    pub(crate) now_ms: u64,
    pub(crate) rng: ChaCha20Rng,
    /// The most heap that receiving one message took.
    pub(crate) peak: usize,
}

/// Two devices of PQXDH that never met.
pub(crate) static STRANGERS: LazyLock<(Device, Device)> = LazyLock::new(|| pair(Version::Pqxdh));
/// Two devices of X3DH that never met.
pub(crate) static OLD_STRANGERS: LazyLock<(Device, Device)> = LazyLock::new(|| pair(Version::X3dh));
/// Two devices with a session of PQXDH that both have answered on.
pub(crate) static TALKING: LazyLock<(Device, Device)> = LazyLock::new(|| talking(&STRANGERS));
/// The same of X3DH.
pub(crate) static OLD_TALKING: LazyLock<(Device, Device)> =
    LazyLock::new(|| talking(&OLD_STRANGERS));

fn pair(version: Version) -> (Device, Device) {
    let seed = 10 * u64::from(version.number());
    (Device::new(seed, version), Device::new(seed + 1, version))
}

fn talking(strangers: &(Device, Device)) -> (Device, Device) {
    let (mut alice, mut bob) = strangers.clone();
    let bundle = bob.bundle(Some(100));
    alice.begin(&bundle);
    let hello = alice.send(b"hello").unwrap();
    bob.receive(&alice.as_sender(), &hello).unwrap();
    let reply = bob.send(b"reply").unwrap();
    alice.receive(&bob.as_sender(), &reply).unwrap();
    (alice, bob)
}

impl Device {
    fn new(seed: u64, version: Version) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let kem_ids = match version {
            Version::X3dh => Vec::new(),
            Version::Pqxdh => vec![LAST_RESORT, 200, 201, 202],
        };
        let pair = |id, rng: &mut ChaCha20Rng| (id, OneTimePreKeyPair::generate(id, rng));
        Self {
            identity: IdentityKeyPair::generate(&mut rng),
            registration_id: 1000 + u32::try_from(seed).unwrap(),
            signed: SignedPreKeyPair::generate(10, &mut rng),
            one_time: (100..110).map(|id| pair(id, &mut rng)).collect(),
            kem: kem_ids
                .into_iter()
                .map(|id| (id, KemKeyPair::generate(id, &mut rng)))
                .collect(),
            policy: SessionPolicy::allow_x3dh(),
            record: None,
            rows: BTreeMap::new(),
            began: BTreeSet::new(),
            now_ms: NOW_MS,
            rng,
            peak: 0,
        }
    }

    /// A bundle with this one-time prekey if it is there, and with the one-time KEM prekey that goes with it, else the last resort.
    pub(crate) fn bundle(&mut self, one_time: Option<u32>) -> PreKeyBundle {
        let prekey = self.signed.public();
        let signature = self.identity.sign_prekey(&mut self.rng, &prekey);
        let bundle = PreKeyBundle::new(
            self.registration_id,
            1,
            self.identity.public(),
            self.signed.id(),
            prekey,
            &signature,
            one_time.and_then(|id| Some((id, self.one_time.get(&id)?.public()))),
        )
        .unwrap();
        // Those of one number are handed out together.
        let once = one_time.and_then(|id| self.kem.get(&(id + 100)));
        let Some(kem) = once.or_else(|| self.kem.get(&LAST_RESORT)) else {
            return bundle;
        };
        let (id, key) = (kem.id(), kem.public());
        let signature = self.identity.sign_kem_prekey(&mut self.rng, &key);
        bundle.with_kem_prekey(id, key, &signature).unwrap()
    }

    /// Begins a session, which takes the place of any before.
    pub(crate) fn begin(&mut self, bundle: &PreKeyBundle) {
        let record = begin(
            self.record.as_ref(),
            &self.identity,
            self.registration_id,
            bundle,
            self.policy,
            self.now_ms,
            &mut self.rng,
        );
        self.record = Some(record.unwrap());
        self.forget_keys_of_no_use();
    }

    /// Leaves the session that it sends on.
    pub(crate) fn archive(&mut self) {
        self.record = self.record.as_ref().map(SessionRecord::archive_current);
        self.forget_keys_of_no_use();
    }

    /// Keys of sessions that fell off the end, where no message says which they were.
    fn forget_keys_of_no_use(&mut self) {
        let Some(record) = &self.record else { return };
        self.rows
            .retain(|_, key| record.has_session(&key.session()));
    }

    pub(crate) fn send(&mut self, plaintext: &[u8]) -> Result<SealedMessage, SealError> {
        let record = self.record.as_ref().ok_or(SealError::NoSession)?;
        let (record, sealed) = seal(record, self.now_ms, plaintext)?;
        self.record = Some(record);
        Ok(sealed)
    }

    /// What a receiver knows of this device from its account's signed list.
    pub(crate) fn as_sender(&self) -> Sender {
        Sender {
            identity_key: self.identity.public(),
            registration_id: self.registration_id,
            policy: self.policy,
        }
    }

    /// Opens a message and stores what has to be stored, as one transaction would.
    pub(crate) fn receive(
        &mut self,
        from: &Sender,
        sealed: &SealedMessage,
    ) -> Result<Vec<u8>, OpenError> {
        let (opened, peak) = peak_of(|| self.opened(from, sealed));
        self.peak = self.peak.max(peak);
        Ok(self.store(opened?))
    }

    fn opened(&mut self, from: &Sender, sealed: &SealedMessage) -> Result<Opened, OpenError> {
        match sealed.kind {
            MessageKind::Ratchet => {
                let message = RatchetMessage::parse(&sealed.body)?;
                let kept = self.kept(&message);
                let record = self.record.as_ref().ok_or(OpenError::NoSession)?;
                open(record, &message, kept, &mut self.rng)
            }
            MessageKind::PreKey => {
                let message = PreKeyMessage::parse(&sealed.body)?;
                let kept = self.kept(message.message());
                let one_time = message.one_time_prekey_id();
                let kem = message.kem_prekey_id().and_then(|id| self.kem.get(&id));
                let prekeys = PreKeys {
                    signed: &self.signed,
                    one_time: one_time.and_then(|id| self.one_time.get(&id)),
                    kem: kem.map(|pair| KemPreKey {
                        pair,
                        last_resort: pair.id() == LAST_RESORT,
                    }),
                };
                let record = self.record.as_ref();
                let base_key = message.base_key();
                if self.began.contains(&base_key.to_bytes())
                    && !record.is_some_and(|record| record.has_session(&base_key))
                {
                    return Err(OpenError::AlreadyUsed);
                }
                let rng = &mut self.rng;
                accept(record, &self.identity, from, &message, prekeys, kept, rng)
            }
        }
    }

    fn kept(&self, message: &RatchetMessage) -> Option<SkippedKey> {
        self.rows
            .get(&row(message.ratchet_key(), message.counter()))
            .cloned()
    }

    fn store(&mut self, opened: Opened) -> Vec<u8> {
        self.record = Some(opened.record);
        if let Some((chain, counter)) = opened.forget {
            self.rows.remove(&row(chain, counter)).unwrap();
        }
        for key in opened.keep {
            let row = row(key.ratchet_key(), key.counter());
            assert!(self.rows.insert(row, key).is_none(), "a key is kept once");
        }
        for chain in opened.forget_chains {
            let chain = chain.to_bytes();
            self.rows.retain(|(of, _), _| *of != chain);
        }
        if let Some(began) = opened.began {
            self.began.insert(began.base_key.to_bytes());
        }
        if let Some(id) = opened.consumed_one_time {
            self.one_time.remove(&id).unwrap();
        }
        if let Some(id) = opened.consumed_one_time_kem {
            self.kem.remove(&id).unwrap();
        }
        opened.plaintext.to_vec()
    }

    /// Closes the device and opens it again from what it stored.
    pub(crate) fn reopen(&mut self) {
        let stored = self.record.as_ref().map(SessionRecord::to_bytes);
        self.record = stored.map(|bytes| SessionRecord::from_bytes(&bytes).unwrap());
    }

    /// All that the device would have stored of its sessions, byte for byte.
    pub(crate) fn stored(&self) -> Stored {
        let record = self.record.as_ref().map(SessionRecord::to_bytes);
        let mut rows = Vec::with_capacity(self.rows.len() * 102);
        for ((chain, counter), key) in &self.rows {
            rows.extend_from_slice(&key.session().to_bytes());
            rows.extend_from_slice(chain);
            rows.extend_from_slice(&counter.to_be_bytes());
            rows.extend_from_slice(key.seed_bytes());
        }
        Stored {
            record: record.map(|bytes| bytes.to_vec()).unwrap_or_default(),
            rows,
            one_time: self.one_time.keys().copied().collect(),
            kem: self.kem.keys().copied().collect(),
            began: self.began.clone(),
        }
    }
}

/// What a device would have stored.
#[derive(PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) record: Vec<u8>,
    rows: Vec<u8>,
    one_time: Vec<u32>,
    kem: Vec<u32>,
    began: BTreeSet<[u8; 33]>,
}

/// The name of a kept key.
pub(crate) fn row(chain: RatchetKey, counter: u32) -> ([u8; 33], u32) {
    (chain.to_bytes(), counter)
}
