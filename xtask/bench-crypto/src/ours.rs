//! Two devices of ours with a session, driven as an engine drives them: by values, the bytes of a message between them.

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use sealwire_crypto::bundle::PreKeyBundle;
use sealwire_crypto::keys::{
    IdentityKeyPair, KemKeyPair, KemPublicKey, OneTimePreKeyPair, SignedPreKeyPair,
};
use sealwire_crypto::ratchet::{
    KemPreKey, MessageKind, PreKeyMessage, PreKeys, RatchetMessage, SealedMessage, Sender,
    SessionPolicy, SessionRecord, accept, begin, open, seal,
};
use sealwire_crypto::signature::Signature;

use crate::trouble::{Done, said};

const NOW_MS: u64 = 1_800_000_000_000;

/// What a device begins and accepts sessions with.
pub(crate) struct Identity {
    keys: IdentityKeyPair,
    registration_id: u32,
    signed: SignedPreKeyPair,
    signature: Signature,
    one_time: OneTimePreKeyPair,
    kem: KemKeyPair,
    kem_public: KemPublicKey,
    kem_signature: Signature,
    rng: ChaCha20Rng,
}

/// One end of a session.
pub(crate) struct End {
    record: SessionRecord,
    rng: ChaCha20Rng,
}

impl Identity {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let keys = IdentityKeyPair::generate(&mut rng);
        let signed = SignedPreKeyPair::generate(1, &mut rng);
        let kem = KemKeyPair::generate(3, &mut rng);
        let kem_public = kem.public();
        Self {
            signature: keys.sign_prekey(&mut rng, &signed.public()),
            kem_signature: keys.sign_kem_prekey(&mut rng, &kem_public),
            one_time: OneTimePreKeyPair::generate(2, &mut rng),
            registration_id: 7,
            keys,
            signed,
            kem,
            kem_public,
            rng,
        }
    }

    /// The bundle as it was served: with a one-time prekey, its signatures checked here.
    fn bundle(&self, post_quantum: bool) -> Done<PreKeyBundle> {
        let bundle = PreKeyBundle::new(
            self.registration_id,
            1,
            self.keys.public(),
            self.signed.id(),
            self.signed.public(),
            &self.signature,
            Some((self.one_time.id(), self.one_time.public())),
        )
        .map_err(said)?;
        if !post_quantum {
            return Ok(bundle);
        }
        let key = self.kem_public.clone();
        bundle
            .with_kem_prekey(self.kem.id(), key, &self.kem_signature)
            .map_err(said)
    }
}

/// Both sides of a new session: the bundle checked, the session begun, its first message opened.
pub(crate) fn establish(
    alice: &mut Identity,
    bob: &mut Identity,
    post_quantum: bool,
    plaintext: &[u8],
) -> Done<(End, End)> {
    let bundle = bob.bundle(post_quantum)?;
    let policy = SessionPolicy::allow_x3dh();
    let record = begin(
        None,
        &alice.keys,
        alice.registration_id,
        &bundle,
        policy,
        NOW_MS,
        &mut alice.rng,
    )
    .map_err(said)?;
    let (record, first) = seal(&record, NOW_MS, plaintext).map_err(said)?;
    let alices = End {
        record,
        rng: ChaCha20Rng::seed_from_u64(11),
    };
    let message = PreKeyMessage::parse(&first.body).map_err(said)?;
    let sender = Sender {
        identity_key: alice.keys.public(),
        registration_id: alice.registration_id,
        policy,
    };
    let prekeys = PreKeys {
        signed: &bob.signed,
        one_time: Some(&bob.one_time),
        kem: post_quantum.then_some(KemPreKey {
            pair: &bob.kem,
            last_resort: true,
        }),
    };
    let opened = accept(
        None,
        &bob.keys,
        &sender,
        &message,
        prekeys,
        None,
        &mut bob.rng,
    )
    .map_err(said)?;
    if *opened.plaintext != plaintext {
        return Err(said("the first message is not what was sealed"));
    }
    let bobs = End {
        record: opened.record,
        rng: ChaCha20Rng::seed_from_u64(12),
    };
    Ok((alices, bobs))
}

/// Two ends that both have heard of each other.
pub(crate) fn talking() -> Done<(End, End)> {
    let (mut alice, mut bob) = (Identity::new(1), Identity::new(2));
    let (mut alice, mut bob) = establish(&mut alice, &mut bob, false, b"hello")?;
    for _ in 0..6 {
        alice.open(&bob.seal(b"and")?)?;
        bob.open(&alice.seal(b"so on")?)?;
    }
    Ok((alice, bob))
}

impl End {
    pub(crate) fn seal(&mut self, plaintext: &[u8]) -> Done<Vec<u8>> {
        let (record, SealedMessage { kind, body }) =
            seal(&self.record, NOW_MS, plaintext).map_err(said)?;
        if kind != MessageKind::Ratchet {
            return Err(said(
                "the session was answered, and its message is no ratchet message",
            ));
        }
        self.record = record;
        Ok(body)
    }

    /// How many keys of passed messages are to be kept.
    pub(crate) fn open(&mut self, body: &[u8]) -> Done<usize> {
        let message = RatchetMessage::parse(body).map_err(said)?;
        let opened = open(&self.record, &message, None, &mut self.rng).map_err(said)?;
        self.record = opened.record;
        Ok(opened.keep.len())
    }

    /// The same without the step: the end stays as it is.
    pub(crate) fn try_open(&mut self, body: &[u8]) -> Done<usize> {
        let message = RatchetMessage::parse(body).map_err(said)?;
        let opened = open(&self.record, &message, None, &mut self.rng).map_err(said)?;
        Ok(opened.keep.len())
    }

    pub(crate) fn stored_bytes(&self) -> usize {
        self.record.to_bytes().len()
    }

    /// Another session in the same state.
    pub(crate) fn copy(&self) -> Self {
        Self {
            record: self.record.clone(),
            rng: self.rng.clone(),
        }
    }
}
