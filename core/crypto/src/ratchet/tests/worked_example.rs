//! The worked example of docs/protocol/examples.md: a session of either version begun and answered, a content sealed, a list
//! signed, a device linked, a file encrypted, with every secret and every random byte given. The page and the file of vectors must show what this code makes.

use core::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};

use crate::attachment::{AttachmentPlan, DigestBuilder};
use crate::bundle::PreKeyBundle;
use crate::challenge::Challenge;
use crate::content::{ContentKind, Position};
use crate::device::{NewDevice, RegistrationGrant, SignedDeviceList, consent_to_listing};
use crate::envelope::EnvelopePlaintext;
use crate::keys::{
    AccountKeyPair, EphemeralKeyPair, IdentityKeyPair, KemCiphertext, KemKeyPair, KemType,
    OneTimePreKeyPair, PublicKey, RatchetKey, RatchetKeyPair, SignedPreKeyPair,
};
use crate::linking::{DeviceTraits, LinkOffer, LinkSecret, LinkSender};
use crate::primitives::{X25519Secret, aes256_cbc_encrypt, hkdf_sha256, hmac_sha256, sha256};
use crate::ratchet::{
    KemPreKey, MessageKind, PreKeyMessage, PreKeys, RatchetMessage, RootKey, SealedMessage, Sender,
    SessionPolicy, SessionRecord, Version, accept, begin, open, seal,
};
use crate::transcript::Transcript;

const PAGE: &str = include_str!("../../../../../docs/protocol/examples.md");
const VECTORS: &str = include_str!("../../../vectors/worked_example.txt");

/// Longer values are cut on the page; the file has them whole.
const SHOWN: usize = 128;

/// Random bytes that were laid out beforehand; there must be exactly as many as are taken.
struct Laid(Vec<u8>);

impl Laid {
    fn out(parts: &[&[u8]]) -> Self {
        Self(parts.concat())
    }
}

impl Drop for Laid {
    fn drop(&mut self) {
        assert!(self.0.is_empty() || std::thread::panicking());
    }
}

impl TryRng for Laid {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("random bytes are taken as bytes")
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("random bytes are taken as bytes")
    }
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        let rest = self.0.split_off(bytes.len());
        bytes.copy_from_slice(&std::mem::replace(&mut self.0, rest));
        Ok(())
    }
}

impl TryCryptoRng for Laid {}

/// One section of the page: names and values, in order.
struct Section(&'static str, Vec<(&'static str, Vec<u8>)>);

impl Section {
    fn put(&mut self, name: &'static str, value: impl AsRef<[u8]>) {
        self.1.push((name, value.as_ref().to_vec()));
    }

    fn whole(&self) -> String {
        let lines = self.1.iter();
        let lines = lines.map(|(name, value)| format!("{name} = {}\n", hex::encode(value)));
        format!("[{}]\n{}", self.0, lines.collect::<String>())
    }

    fn shown(&self) -> String {
        let lines = self.1.iter().map(|(name, value)| match value.get(..32) {
            Some(head) if value.len() > SHOWN => {
                let (head, digest) = (hex::encode(head), hex::encode(sha256(value)));
                format!("{name} = {head}… {} bytes, SHA-256 {digest}\n", value.len())
            }
            _ => format!("{name} = {}\n", hex::encode(value)),
        });
        format!("```text\n{}```\n", lines.collect::<String>())
    }
}

const BASE: [u8; 32] = [0x55; 32];
const ALICE_RATCHET: [u8; 32] = [0x66; 32];
const KEM_SEED: [u8; 64] = [0x77; 64];
const KEM_RANDOM: [u8; 32] = [0x79; 32];
const BOB_RATCHET: [u8; 32] = [0x88; 32];
const NONCE: [u8; 64] = [0x99; 64];

struct People {
    alice: IdentityKeyPair,
    bob: IdentityKeyPair,
    signed: SignedPreKeyPair,
    one_time: OneTimePreKeyPair,
    kem: KemKeyPair,
}

impl People {
    fn new() -> Self {
        Self {
            alice: IdentityKeyPair::from_secret_bytes(&[0x11; 32]),
            bob: IdentityKeyPair::from_secret_bytes(&[0x22; 32]),
            signed: SignedPreKeyPair::from_secret_bytes(10, &[0x33; 32]),
            one_time: OneTimePreKeyPair::from_secret_bytes(100, &[0x44; 32]),
            kem: KemKeyPair::from_seed(KemType::MlKem1024, 200, &KEM_SEED),
        }
    }

    fn bundle(&self, version: Version) -> PreKeyBundle {
        let signature = self
            .bob
            .sign_prekey(&mut Laid::out(&[&NONCE]), &self.signed.public());
        let one_time = Some((self.one_time.id(), self.one_time.public()));
        let bundle = PreKeyBundle::new(
            1002,
            1,
            self.bob.public(),
            self.signed.id(),
            self.signed.public(),
            &signature,
            one_time,
        )
        .unwrap();
        let kem = self.kem.public();
        let signature = self.bob.sign_kem_prekey(&mut Laid::out(&[&NONCE]), &kem);
        match version {
            Version::X3dh => bundle,
            Version::Pqxdh => bundle
                .with_kem_prekey(self.kem.id(), kem, &signature)
                .unwrap(),
        }
    }

    /// Alice's record and her first message, "hello".
    fn begun(&self, version: Version) -> (SessionRecord, SealedMessage) {
        let kem: &[u8] = match version {
            Version::X3dh => &[],
            Version::Pqxdh => &KEM_RANDOM,
        };
        let mut rng = Laid::out(&[&BASE, kem, &ALICE_RATCHET]);
        let (bundle, policy) = (self.bundle(version), SessionPolicy::allow_x3dh());
        let record = begin(None, &self.alice, 1001, &bundle, policy, 0, &mut rng).unwrap();
        seal(&record, 0, b"hello").unwrap()
    }

    /// Bob's record, once he has read it.
    fn answered(&self, message: &PreKeyMessage) -> SessionRecord {
        let sender = Sender {
            identity_key: self.alice.public(),
            registration_id: 1001,
            policy: SessionPolicy::allow_x3dh(),
        };
        let prekeys = PreKeys {
            signed: &self.signed,
            one_time: Some(&self.one_time),
            kem: Some(KemPreKey {
                pair: &self.kem,
                last_resort: false,
            }),
        };
        let mut rng = Laid::out(&[&BOB_RATCHET]);
        let opened = accept(None, &self.bob, &sender, message, prekeys, None, &mut rng).unwrap();
        assert_eq!(*opened.plaintext, b"hello");
        opened.record
    }

    fn keys(&self) -> Section {
        let mut out = Section("keys", Vec::new());
        out.put("alice_identity_secret", self.alice.secret_bytes());
        out.put("alice_identity", self.alice.public().to_bytes());
        out.put("bob_identity_secret", self.bob.secret_bytes());
        out.put("bob_identity", self.bob.public().to_bytes());
        out.put("bob_signed_prekey_secret", self.signed.secret_bytes());
        out.put("bob_signed_prekey", self.signed.public().to_bytes());
        out.put("signature_nonce_z", NONCE);
        let signed = self.signed.public();
        let signature = self.bob.sign_prekey(&mut Laid::out(&[&NONCE]), &signed);
        out.put("bob_signed_prekey_signature", signature.to_bytes());
        out.put("bob_one_time_prekey_secret", self.one_time.secret_bytes());
        out.put("bob_one_time_prekey", self.one_time.public().to_bytes());
        out.put("bob_kem_seed", KEM_SEED);
        out.put("bob_kem_prekey", self.kem.public().to_bytes());
        let signature = self
            .bob
            .sign_kem_prekey(&mut Laid::out(&[&NONCE]), &self.kem.public());
        out.put("bob_kem_prekey_signature", signature.to_bytes());
        out
    }

    fn beginning(&self, version: Version) -> Section {
        let base = EphemeralKeyPair::from_secret_bytes(&BASE);
        let ratchet = RatchetKeyPair::from_secret_bytes(&ALICE_RATCHET);
        let (identity, prekey) = (self.bob.public(), self.signed.public());
        let (name, info): (_, &[u8]) = match version {
            Version::X3dh => ("x3dh", b"WhisperText"),
            Version::Pqxdh => ("pqxdh", b"Sealwire_X25519_SHA-256_ML-KEM-1024"),
        };
        let mut out = Section(name, Vec::new());
        out.put("base_secret", base.secret_bytes());
        out.put("base_key", base.public().to_bytes());
        let agreed = [
            ("dh_1", self.alice.pair().agree(prekey.as_public_key())),
            ("dh_2", base.pair().agree(identity.as_public_key())),
            ("dh_3", base.pair().agree(prekey.as_public_key())),
            (
                "dh_4",
                base.pair().agree(self.one_time.public().as_public_key()),
            ),
        ];
        let mut input = vec![0xff; 32];
        for (name, secret) in agreed {
            let secret = secret.unwrap();
            input.extend_from_slice(&*secret);
            out.put(name, secret);
        }
        let (_, sealed) = self.begun(version);
        let message = PreKeyMessage::parse(&sealed.body).unwrap();
        if version == Version::Pqxdh {
            let ciphertext = message.prekeys.kem.as_ref().unwrap().ciphertext.clone();
            let secret = self.kem.decapsulate(&ciphertext).unwrap();
            out.put("kem_random_m", KEM_RANDOM);
            out.put("kem_ciphertext", KemCiphertext::to_bytes(&ciphertext));
            out.put("kem_secret", *secret);
            input.extend_from_slice(&*secret);
        }
        out.put("hkdf_info", info);
        let okm: [u8; 64] = hkdf_sha256(None, &input, info);
        out.put("root", &okm[..32]);
        out.put("ratchet_secret", ratchet.secret_bytes());
        out.put("ratchet_key", ratchet.public().to_bytes());
        let root = RootKey::new(okm[..32].try_into().unwrap());
        let (theirs, ends) = (prekey.as_ratchet_key(), (&self.alice, &self.bob));
        out.turn(&root, &ratchet, &theirs, ends, b"hello", message.message());
        out.put("prekey_message", &sealed.body);
        out
    }

    fn reply(&self) -> Section {
        let (alice, sealed) = self.begun(Version::Pqxdh);
        let bob = self.answered(&PreKeyMessage::parse(&sealed.body).unwrap());
        let (_, reply) = seal(&bob, 0, b"hi").unwrap();
        assert_eq!(reply.kind, MessageKind::Ratchet);
        let message = RatchetMessage::parse(&reply.body).unwrap();
        let mut rng = Laid::out(&[&[0x89; 32]]);
        let opened = open(&alice, &message, None, &mut rng).unwrap();
        assert_eq!(*opened.plaintext, b"hi");

        let mut out = Section("ratchet message", Vec::new());
        let ratchet = RatchetKeyPair::from_secret_bytes(&BOB_RATCHET);
        let theirs = RatchetKeyPair::from_secret_bytes(&ALICE_RATCHET).public();
        out.put("ratchet_secret", ratchet.secret_bytes());
        out.put("ratchet_key", ratchet.public().to_bytes());
        let root = bob_root_before(&self.beginning(Version::Pqxdh));
        let ends = (&self.bob, &self.alice);
        out.turn(&root, &ratchet, &theirs, ends, b"hi", &message);
        out
    }
}

/// The root that Alice's turn left.
fn bob_root_before(beginning: &Section) -> RootKey {
    let found = beginning.1.iter().find(|(name, _)| *name == "next_root");
    RootKey::new(found.unwrap().1.as_slice().try_into().unwrap())
}

impl Section {
    /// A turn of the ratchet and the first message of its chain, step by step with the primitives alone.
    fn turn(
        &mut self,
        root: &RootKey,
        ours: &RatchetKeyPair,
        theirs: &RatchetKey,
        (sender, receiver): (&IdentityKeyPair, &IdentityKeyPair),
        plaintext: &[u8],
        made: &RatchetMessage,
    ) {
        let agreed = ours.pair().agree(theirs.as_public_key()).unwrap();
        self.put("dh_ratchet", *agreed);
        let okm: [u8; 64] = hkdf_sha256(Some(root.as_bytes()), &*agreed, b"WhisperRatchet");
        self.put("next_root", &okm[..32]);
        self.put("chain", &okm[32..]);
        let seed = hmac_sha256(&okm[32..], &[1]);
        self.put("message_seed", seed);
        self.put("next_chain", hmac_sha256(&okm[32..], &[2]));
        let keys: [u8; 80] = hkdf_sha256(None, &seed, b"WhisperMessageKeys");
        let (cipher, rest) = keys.split_first_chunk::<32>().unwrap();
        let (mac_key, iv) = rest.split_first_chunk::<32>().unwrap();
        self.put("cipher_key", cipher);
        self.put("mac_key", mac_key);
        self.put("iv", iv);
        let ciphertext = aes256_cbc_encrypt(cipher, iv.try_into().unwrap(), plaintext);
        self.put("plaintext", plaintext);
        self.put("ciphertext", &ciphertext);
        let mut message = vec![made.as_bytes()[0], 0x0a, 33];
        message.extend(ours.public().to_bytes());
        message.extend([0x10, 0, 0x18, 0, 0x22, ciphertext.len() as u8]);
        message.extend(&ciphertext);
        let ends = [sender.public().to_bytes(), receiver.public().to_bytes()].concat();
        let mac = hmac_sha256(mac_key, &[&ends[..], &message].concat());
        self.put("mac", &mac[..8]);
        message.extend(&mac[..8]);
        self.put("message", &message);
        assert_eq!(message, made.as_bytes(), "what the session made");
    }
}

fn content() -> Section {
    let mut out = Section("content", Vec::new());
    let thread = hex::decode("bf46f2533cbc88c3bb520b6ab0382989").unwrap();
    let position = Position {
        thread_id: thread.as_slice().try_into().unwrap(),
        sender: "alice",
        device: 1,
        client_seq: 7,
        kind: ContentKind::Message,
    };
    // Body {uid, direct {to: "bob"}, text {text: "hi"}}.
    let uid = "018bcfe568000102030405060708090a";
    let body = hex::decode(format!("0a10{uid}2a050a03626f628201040a026869")).unwrap();
    let (franking_key, key) = ([0xaa; 32], [0xbb; 32]);
    let mut rng = Laid::out(&[&franking_key, &key]);
    let sealed = crate::content::seal(position, &body, &mut rng).unwrap_or_else(|_| panic!());
    let envelope = EnvelopePlaintext {
        key: sealed.key.clone(),
        digest: sealed.digest,
        commitment: sealed.commitment,
        thread_id: *position.thread_id,
        client_seq: 7,
        revision: 0,
        device_list_version: 3,
    };
    let commitment = sealed.commitment;
    let opened = envelope.open(position, 0, &commitment, &sealed.ciphertext);
    assert!(opened.is_ok_and(|opened| *opened.body == body));

    out.put("thread_id", &thread);
    out.put("body", &body);
    out.put("franking_key_f", franking_key);
    out.put("commitment_c", sealed.commitment);
    out.put("content", &*sealed.content_bytes);
    out.put("content_key_k", key);
    let derived: [u8; 44] = hkdf_sha256(None, &key, b"Sealwire v1 content");
    out.put("cipher_key", &derived[..32]);
    out.put("nonce", &derived[32..]);
    let additional = Transcript::new("Sealwire v1 content")
        .fixed(position.thread_id)
        .bytes(b"alice")
        .u32(1)
        .u64(7)
        .u8(1);
    out.put("additional_data", additional.finish().unwrap());
    out.put("ciphertext", &sealed.ciphertext);
    out.put("digest_d", sealed.digest);
    out.put("envelope", &*envelope.encode());
    out
}

/// Alice's first list, and her device's word to a relay.
fn devices(alice: &IdentityKeyPair) -> Section {
    let mut out = Section("devices", Vec::new());
    let account = AccountKeyPair::from_secret_bytes(&[0xcc; 32]);
    let consent = consent_to_listing(alice, "alice", &account.public(), &mut Laid::out(&[&NONCE]));
    let device = NewDevice {
        device_id: 1,
        registration_id: 1001,
        identity_key: alice.public(),
        added_at_ms: 1_700_000_000_000,
        protocol_versions: vec![4],
        features: Vec::new(),
        device_signature: consent.unwrap(),
    };
    let mut rng = Laid::out(&[&NONCE, &NONCE, &NONCE]);
    let time = 1_700_000_000_000;
    let list = SignedDeviceList::sign_first(&account, alice, "alice", &device, time, &mut rng);
    let list = list.unwrap();
    let verified = list.verify_first("alice").unwrap();
    let entry = verified.devices()[0].signed();
    out.put("account_secret", account.secret_bytes());
    out.put("account_key", account.public().to_bytes());
    out.put("entry_payload", &entry.payload);
    out.put("entry_account_signature", &entry.account_signature);
    out.put("entry_device_signature", &entry.device_signature);
    out.put("list_payload", &list.payload);
    out.put("list_account_signature", &list.account_signature);
    out.put("list_signer_signature", &list.signer_signature);
    out.put("list", list.to_bytes());
    out.put("list_hash", verified.hash);

    let challenge = Challenge {
        relay_origin: "https://relay.example",
        user_id: "alice",
        device_id: 1,
        nonce: &[0xdd; 32],
    };
    let answer = challenge.sign(alice, &mut Laid::out(&[&NONCE])).unwrap();
    out.put("challenge_nonce", challenge.nonce);
    out.put("challenge_answer", answer.to_bytes());
    out
}

/// Alice's device 1 lets device 2 in.
fn linking(alice: &IdentityKeyPair) -> Section {
    let mut out = Section("linking", Vec::new());
    let account = AccountKeyPair::from_secret_bytes(&[0xcc; 32]);
    let (mailbox_id, new, existing) = ([0xee; 16], [0x12; 32], [0x13; 32]);
    let secret = LinkSecret::new(mailbox_id, &mut Laid::out(&[&new]));
    let code = secret.code();
    let grant = RegistrationGrant {
        user_id: "alice".to_owned(),
        device_id: 2,
        nonce: [0x14; 16],
        expires_at_ms: 1_700_000_600_000,
    };
    let grant = grant.sign(&account, 1, alice, &mut Laid::out(&[&NONCE, &NONCE]));
    let offer = LinkOffer {
        user_id: "alice".to_owned(),
        account_key: account.public(),
        device_id: 2,
        grant: grant.unwrap(),
    };
    let sender = LinkSender::new(&code, &mut Laid::out(&[&existing])).unwrap();
    let (confirmer, slot_0) = sender.seal_offer(&offer).unwrap();
    let joiner = secret.open_offer(&slot_0).unwrap();
    let phone = IdentityKeyPair::from_secret_bytes(&[0x15; 32]);
    let traits = DeviceTraits {
        registration_id: 1003,
        protocol_versions: vec![4],
        features: Vec::new(),
    };
    let answered = joiner.seal_answer(&phone, &traits, &mut Laid::out(&[&NONCE]));
    let (waiter, slot_1) = answered.unwrap();
    let (finisher, _) = confirmer.open_answer(&slot_1, 0).unwrap();
    let slot_2 = finisher.seal_finish(&account).unwrap();
    assert!(waiter.open_finish(&slot_2).is_ok());

    let (new, existing) = (X25519Secret::new(&new), X25519Secret::new(&existing));
    out.put("mailbox_id", mailbox_id);
    out.put("new_device_secret", new.as_bytes());
    out.put("code", code.to_string());
    out.put("existing_device_secret", existing.as_bytes());
    out.put(
        "existing_device_key",
        PublicKey::spelled_out(existing.public()),
    );
    let agreed = existing.agree(&new.public()).unwrap();
    out.put("agreed", *agreed);
    let info = Transcript::new("Sealwire v1 link keys")
        .fixed(&mailbox_id)
        .fixed(&PublicKey::spelled_out(new.public()))
        .fixed(&PublicKey::spelled_out(existing.public()));
    let keys: [u8; 64] = hkdf_sha256(None, &*agreed, &info.finish().unwrap());
    out.put("key_of_existing", &keys[..32]);
    out.put("key_of_new", &keys[32..]);
    out.put("grant", offer.grant.to_bytes());
    out.put("phone_identity_secret", phone.secret_bytes());
    out.put("slot_0", slot_0);
    out.put("slot_1", slot_1);
    out.put("slot_2", slot_2);
    out
}

/// A file of nine bytes, which is padded to ten.
fn attachment() -> Section {
    let mut out = Section("attachment", Vec::new());
    let (prefix, key) = ([0x16; 7], [0x17; 32]);
    let plan = AttachmentPlan::new(9, &mut Laid::out(&[&prefix, &key])).unwrap();
    let chunk = plan.sealer().seal(0, b"nine byte").unwrap();
    let mut digest = DigestBuilder::new();
    digest.push(&chunk);
    out.put("key", key);
    out.put("nonce_prefix", prefix);
    out.put("nonce", plan.nonce(0));
    out.put("file", b"nine byte");
    out.put("chunk", chunk);
    out.put("digest", digest.finish());
    out
}

fn sections() -> [Section; 8] {
    let people = People::new();
    [
        people.keys(),
        people.beginning(Version::X3dh),
        people.beginning(Version::Pqxdh),
        people.reply(),
        content(),
        devices(&people.alice),
        linking(&people.alice),
        attachment(),
    ]
}

#[test]
fn the_file_of_vectors_holds_what_this_code_makes() {
    let whole: Vec<_> = sections().iter().map(Section::whole).collect();
    let whole = whole.join("\n");
    assert!(VECTORS == whole, "the file should be:\n{whole}");
}

#[test]
fn the_page_of_examples_shows_what_this_code_makes() {
    for section in sections() {
        let shown = section.shown();
        let name = section.0;
        assert!(
            PAGE.contains(&shown),
            "the page should show, for {name}:\n{shown}"
        );
    }
}
