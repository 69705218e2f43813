//! A device of ours as an engine keeps it: prekeys, one record, the rows of skipped keys.

use std::collections::HashMap;

use rand_chacha::ChaCha20Rng;
use sealwire_crypto::bundle::PreKeyBundle;
use sealwire_crypto::keys::{
    IdentityKey, IdentityKeyPair, KemKeyPair, KemPublicKey, KemType, OneTimePreKey,
    OneTimePreKeyPair, RatchetKey, SignedPreKey, SignedPreKeyPair,
};
use sealwire_crypto::ratchet::{
    self, KemPreKey, MessageKind, OpenError, Opened, PreKeyMessage, PreKeys, RatchetMessage,
    Sender, SessionPolicy, SessionRecord, SkippedKey,
};
use sealwire_crypto::signature::Signature;

use crate::{Bundle, Failure, KemPrekey, KemRequest, Message, Refusal};

/// What the official builds have; without the peers there is nobody to speak to.
#[cfg(feature = "peers")]
const OFFICIAL_KEM: KemType = KemType::Kyber1024;
#[cfg(not(feature = "peers"))]
const OFFICIAL_KEM: KemType = KemType::MlKem1024;

/// One device, with at most one peer.
pub struct OurDevice {
    identity: IdentityKeyPair,
    registration_id: u32,
    peer: Sender,
    signed: HashMap<u32, SignedPreKeyPair>,
    one_time: HashMap<u32, OneTimePreKeyPair>,
    kem: HashMap<u32, (KemKeyPair, bool)>,
    stored: Option<Vec<u8>>,
    rows: HashMap<(RatchetKey, u32), SkippedKey>,
    rng: ChaCha20Rng,
}

impl OurDevice {
    /// A device that knows whom it will talk to.
    pub fn new(
        identity: IdentityKeyPair,
        registration_id: u32,
        peer_identity: IdentityKey,
        peer_registration_id: u32,
        rng: ChaCha20Rng,
    ) -> Self {
        Self {
            identity,
            registration_id,
            peer: Sender {
                identity_key: peer_identity,
                registration_id: peer_registration_id,
                policy: SessionPolicy::allow_x3dh(),
            },
            signed: HashMap::new(),
            one_time: HashMap::new(),
            kem: HashMap::new(),
            stored: None,
            rows: HashMap::new(),
            rng,
        }
    }

    /// New prekeys, the one-time prekey and the KEM prekey only if they are asked for. The KEM is what the official builds have.
    pub fn bundle(
        &mut self,
        signed_prekey_id: u32,
        one_time_prekey_id: Option<u32>,
        kem: Option<KemRequest>,
    ) -> Bundle {
        let signed = SignedPreKeyPair::generate(signed_prekey_id, &mut self.rng);
        let signature = self.identity.sign_prekey(&mut self.rng, &signed.public());
        let one_time = one_time_prekey_id.map(|id| OneTimePreKeyPair::generate(id, &mut self.rng));
        let kem_prekey = kem.map(|KemRequest { id, last_resort }| {
            let pair = KemKeyPair::generate_of(OFFICIAL_KEM, id, &mut self.rng);
            let key = pair.public();
            let signature = self.identity.sign_kem_prekey(&mut self.rng, &key);
            self.kem.insert(id, (pair, last_resort));
            KemPrekey {
                id,
                key: hex::encode(key.to_bytes()),
                signature: hex::encode(signature.to_bytes()),
            }
        });
        let bundle = Bundle {
            kem_prekey,
            registration_id: self.registration_id,
            identity_key: hex::encode(self.identity.public().to_bytes()),
            signed_prekey_id,
            signed_prekey: hex::encode(signed.public().to_bytes()),
            signed_prekey_signature: hex::encode(signature.to_bytes()),
            one_time_prekey_id,
            one_time_prekey: one_time
                .as_ref()
                .map(|pair| hex::encode(pair.public().to_bytes())),
        };
        self.signed.insert(signed_prekey_id, signed);
        self.one_time.extend(one_time.map(|pair| (pair.id(), pair)));
        bundle
    }

    /// Begins a session from the peer's bundle.
    pub fn begin(&mut self, bundle: &Bundle) -> Result<(), Failure> {
        let one_time = match (bundle.one_time_prekey_id, &bundle.one_time_prekey) {
            (Some(id), Some(key)) => Some((id, OneTimePreKey::from_bytes(&hex::decode(key)?)?)),
            _ => None,
        };
        let kem = bundle.kem_prekey.as_ref();
        let mut bundle = PreKeyBundle::new(
            bundle.registration_id,
            1,
            IdentityKey::from_bytes(&hex::decode(&bundle.identity_key)?)?,
            bundle.signed_prekey_id,
            SignedPreKey::from_bytes(&hex::decode(&bundle.signed_prekey)?)?,
            &Signature::from_bytes(&hex::decode(&bundle.signed_prekey_signature)?)?,
            one_time,
        )?;
        if let Some(kem) = kem {
            let key = KemPublicKey::from_bytes(&hex::decode(&kem.key)?)?;
            let signature = Signature::from_bytes(&hex::decode(&kem.signature)?)?;
            bundle = bundle.with_kem_prekey(kem.id, key, &signature)?;
        }
        let record = ratchet::begin(
            self.record()?.as_ref(),
            &self.identity,
            self.registration_id,
            &bundle,
            SessionPolicy::allow_x3dh(),
            0,
            &mut self.rng,
        )?;
        self.save(&record);
        Ok(())
    }

    /// Encrypts for the peer.
    pub fn seal(&mut self, plaintext: &[u8]) -> Result<Message, Failure> {
        let record = self.record()?.ok_or("no session was begun")?;
        let (record, sealed) = ratchet::seal(&record, 0, plaintext)?;
        self.save(&record);
        Ok(Message {
            kind: match sealed.kind {
                MessageKind::Ratchet => 2,
                MessageKind::PreKey => 3,
            },
            body: hex::encode(sealed.body),
        })
    }

    /// Decrypts a message of the peer.
    pub fn open(&mut self, message: &Message) -> Result<Vec<u8>, Failure> {
        let body = hex::decode(&message.body)?;
        let record = self.record()?;
        let opened = match message.kind {
            2 => {
                let message = RatchetMessage::parse(&body)?;
                let kept = self.kept(&message);
                let record = record.ok_or("no session is held")?;
                ratchet::open(&record, &message, kept, &mut self.rng)?
            }
            _ => {
                let message = PreKeyMessage::parse(&body)?;
                let kept = self.kept(message.message());
                let prekeys = PreKeys {
                    signed: self
                        .signed
                        .get(&message.signed_prekey_id())
                        .ok_or("the signed prekey is not held")?,
                    one_time: message
                        .one_time_prekey_id()
                        .and_then(|id| self.one_time.get(&id)),
                    kem: message
                        .kem_prekey_id()
                        .and_then(|id| self.kem.get(&id))
                        .map(|(pair, last_resort)| KemPreKey {
                            pair,
                            last_resort: *last_resort,
                        }),
                };
                ratchet::accept(
                    record.as_ref(),
                    &self.identity,
                    &self.peer,
                    &message,
                    prekeys,
                    kept,
                    &mut self.rng,
                )?
            }
        };
        Ok(self.store(opened))
    }

    /// Tries a message that must not open, and says why it did not.
    pub fn refuses(&mut self, message: &Message) -> Result<Refusal, Failure> {
        let before = (self.stored.clone(), self.rows.len());
        let Err(error) = self.open(message) else {
            return Err("we opened what must not open".into());
        };
        if (&self.stored, self.rows.len()) != (&before.0, before.1) {
            return Err("a refusal changed what is stored".into());
        }
        match error.downcast_ref::<OpenError>() {
            Some(OpenError::AlreadyUsed) => Ok(Refusal::UsedBefore),
            Some(OpenError::NotAuthentic) => Ok(Refusal::Undecipherable),
            Some(OpenError::TooFarAhead) => Ok(Refusal::TooFarAhead),
            Some(_) => Ok(Refusal::Other),
            None => Err(error),
        }
    }

    /// Whether a one-time prekey has not been used up.
    pub fn has_one_time_prekey(&self, id: u32) -> bool {
        self.one_time.contains_key(&id)
    }

    /// Whether a KEM prekey has not been used up.
    pub fn has_kem_prekey(&self, id: u32) -> bool {
        self.kem.contains_key(&id)
    }

    /// How many keys of passed messages are kept.
    pub fn skipped_keys(&self) -> usize {
        self.rows.len()
    }

    fn kept(&self, message: &RatchetMessage) -> Option<SkippedKey> {
        self.rows
            .get(&(message.ratchet_key(), message.counter()))
            .cloned()
    }

    fn store(&mut self, opened: Opened) -> Vec<u8> {
        self.save(&opened.record);
        if let Some(row) = opened.forget {
            self.rows.remove(&row);
        }
        let keep = opened.keep.into_iter();
        self.rows
            .extend(keep.map(|key| ((key.ratchet_key(), key.counter()), key)));
        self.rows
            .retain(|(chain, _), _| !opened.forget_chains.contains(chain));
        if let Some(id) = opened.consumed_one_time {
            self.one_time.remove(&id);
        }
        if let Some(id) = opened.consumed_one_time_kem {
            self.kem.remove(&id);
        }
        opened.plaintext.to_vec()
    }

    /// Between any two steps the session exists only as bytes.
    fn record(&self) -> Result<Option<SessionRecord>, Failure> {
        let stored = self.stored.as_deref();
        Ok(stored.map(SessionRecord::from_bytes).transpose()?)
    }

    fn save(&mut self, record: &SessionRecord) {
        self.stored = Some(record.to_bytes().to_vec());
    }
}
