//! Every type that holds a secret wipes it when it is dropped.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};
use sealwire_crypto::attachment::{AttachmentKey, AttachmentPlan};
use sealwire_crypto::bundle::PreKeyBundle;
use sealwire_crypto::content::{
    ContentKey, ContentKind, FrankingKey, OpenedContent, Position, SealedContent,
    open as open_content, reported_body, seal as seal_content,
};
use sealwire_crypto::device::RegistrationGrant;
use sealwire_crypto::envelope::EnvelopePlaintext;
use sealwire_crypto::keys::*;
use sealwire_crypto::linking::{DeviceTraits, LinkKeyPair, LinkOffer, LinkSecret, LinkSender};
use sealwire_crypto::primitives::edwards::Scalar;
use sealwire_crypto::primitives::{HmacSha256, X25519Secret, hkdf_sha256};
use sealwire_crypto::ratchet::*;
use sealwire_crypto::transcript::Transcript;
use sealwire_secrets::{Found, Watching, drop_and_look, freed_while, longest_run_left};
use zeroize::Zeroizing;

#[global_allocator]
static WATCHING: Watching = Watching;

const INSIDE_AND_WIPED: Found = Found {
    inside: true,
    left: false,
    freed: false,
};
const ON_THE_HEAP_AND_WIPED: Found = Found {
    inside: false,
    left: false,
    freed: false,
};

/// 8, 10, 11, …: with the bits that X25519 fixes as they have to be.
fn secret() -> [u8; 32] {
    let mut bytes: [u8; 32] = std::array::from_fn(|index| index as u8 + 9);
    bytes[0] &= 0xf8;
    bytes[31] = bytes[31] & 0x7f | 0x40;
    bytes
}

/// Gives [`secret`] over and over.
struct Known;

impl TryRng for Known {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(7)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(7)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for (byte, known) in bytes.iter_mut().zip(secret().iter().cycle()) {
            *byte = *known;
        }
        Ok(())
    }
}

impl TryCryptoRng for Known {}

/// Gives other bytes than [`secret`].
struct Other;

impl TryRng for Other {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(8)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(8)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.fill(8);
        Ok(())
    }
}

impl TryCryptoRng for Other {}

#[test]
fn what_is_not_wiped_is_found() {
    let inline = drop_and_look(secret(), &secret());
    assert!(inline.inside && inline.left);
    assert!(drop_and_look(secret().to_vec(), &secret()).freed);
    assert!(longest_run_left(secret()) == 32);
}

macro_rules! wiped {
    ($($test:ident: $make:expr;)*) => {
        $(#[test]
        fn $test() {
            assert_eq!(drop_and_look($make, &secret()), INSIDE_AND_WIPED);
        })*
    };
}

wiped! {
    account_key_pair: AccountKeyPair::from_secret_bytes(&secret());
    identity_key_pair: IdentityKeyPair::from_secret_bytes(&secret());
    ephemeral_key_pair: EphemeralKeyPair::from_secret_bytes(&secret());
    ratchet_key_pair: RatchetKeyPair::from_secret_bytes(&secret());
    link_key_pair: LinkKeyPair::from_secret_bytes(&secret());
    signed_pre_key_pair: SignedPreKeyPair::from_secret_bytes(1, &secret());
    one_time_pre_key_pair: OneTimePreKeyPair::from_secret_bytes(1, &secret());
    kem_key_pair: KemKeyPair::generate(1, &mut Known);
    x25519_secret: X25519Secret::new(&secret());
    content_key: ContentKey::from_bytes(&secret());
    franking_key: FrankingKey::from_bytes(&secret());
    attachment_key: AttachmentKey::from_bytes(&secret());
    attachment_plan: plan();
    chunk_sealer: plan().sealer();
    chunk_opener: plan().opener();
    skipped_key: SkippedKey::new(
        EphemeralKeyPair::from_secret_bytes(&[1; 32]).public(),
        RatchetKeyPair::from_secret_bytes(&[2; 32]).public(),
        3,
        &secret(),
    );
    link_secret: LinkSecret::new([9; 16], &mut Known);
    envelope: EnvelopePlaintext {
        key: ContentKey::from_bytes(&secret()),
        digest: [0; 32],
        commitment: [0; 32],
        thread_id: [0; 16],
        client_seq: 1,
        revision: 0,
        device_list_version: 1,
    };
    sealed_content: SealedContent {
        key: ContentKey::from_bytes(&secret()),
        ciphertext: Vec::new(),
        digest: [0; 32],
        commitment: [0; 32],
        content_bytes: Zeroizing::new(Vec::new()),
    };
}

fn plan() -> AttachmentPlan {
    AttachmentPlan::from_pointer(1, 65_536, &secret(), &[0; 7]).unwrap()
}

#[test]
fn scalar() {
    let scalar = Scalar::reduce(&[3; 32]);
    let bytes = scalar.to_bytes();
    assert_eq!(drop_and_look(scalar, &bytes), INSIDE_AND_WIPED);
}

#[test]
fn hmac_key() {
    assert!(longest_run_left(HmacSha256::new(&secret())) < 4);
}

#[test]
fn what_is_long_and_lies_on_the_heap() {
    let text = || Zeroizing::new(secret().to_vec());
    let sealed = SealedContent {
        key: ContentKey::from_bytes(&[0; 32]),
        ciphertext: Vec::new(),
        digest: [0; 32],
        commitment: [0; 32],
        content_bytes: text(),
    };
    assert_eq!(drop_and_look(sealed, &secret()), ON_THE_HEAP_AND_WIPED);
    let opened = OpenedContent {
        body: text(),
        content_bytes: Zeroizing::new(Vec::new()),
    };
    assert_eq!(drop_and_look(opened, &secret()), ON_THE_HEAP_AND_WIPED);
    let opened = OpenedContent {
        body: Zeroizing::new(Vec::new()),
        content_bytes: text(),
    };
    assert_eq!(drop_and_look(opened, &secret()), ON_THE_HEAP_AND_WIPED);
}

/// The keys of a linking, as docs/protocol/linking.md derives them.
#[test]
fn link_sender() {
    let code = LinkSecret::new([9; 16], &mut Known).code();
    let sender = LinkSender::new(&code, &mut Known).ok().unwrap();
    let ours = LinkKeyPair::from_secret_bytes(&secret()).public();
    let agreed = X25519Secret::new(&secret())
        .agree(ours.as_public_key().u_coordinate())
        .unwrap();
    let info = Transcript::new("Sealwire v1 link keys")
        .fixed(&[9; 16])
        .fixed(&ours.to_bytes())
        .fixed(&ours.to_bytes())
        .finish()
        .unwrap();
    let keys: [u8; 64] = hkdf_sha256(None, &*agreed, &info);
    assert_eq!(drop_and_look(sender, &keys), INSIDE_AND_WIPED);
}

/// The account's secret, sealed by one device and opened by the other, and the keys of both sides' later steps.
#[test]
fn the_account_key_that_a_linking_hands_over() {
    let account = AccountKeyPair::from_secret_bytes(&secret());
    let existing = IdentityKeyPair::from_secret_bytes(&[5; 32]);
    let new = IdentityKeyPair::from_secret_bytes(&[6; 32]);
    let grant = RegistrationGrant {
        user_id: "alice".to_owned(),
        device_id: 2,
        nonce: [1; 16],
        expires_at_ms: 1_000,
    };
    let grant = grant.sign(&account, 1, &existing, &mut Known).unwrap();
    let offer = LinkOffer {
        user_id: "alice".to_owned(),
        account_key: account.public(),
        device_id: 2,
        grant,
    };
    let traits = DeviceTraits {
        registration_id: 1,
        protocol_versions: vec![4],
        features: Vec::new(),
    };
    // Other pairs than the account's: its secret is looked for.
    let pair = || LinkSecret::new([9; 16], &mut Other);
    let sender = LinkSender::new(&pair().code(), &mut Other).ok().unwrap();
    let (confirmer, slot) = sender.seal_offer(&offer).ok().unwrap();
    let joiner = pair().open_offer(&slot).ok().unwrap();
    let (waiter, slot) = joiner.seal_answer(&new, &traits, &mut Known).ok().unwrap();
    let (finisher, _) = confirmer.open_answer(&slot, 0).ok().unwrap();
    let (slot, freed) = freed_while(&secret(), || finisher.seal_finish(&account));
    let slot = slot.ok().unwrap();
    assert!(!freed);
    let (opened, freed) = freed_while(&secret(), || waiter.open_finish(&slot));
    assert!(!freed && opened.ok().unwrap().public() == account.public());
}

/// Root, sending pair and chain, and the chains received on, where the stored form has them.
#[test]
fn session_record_and_what_an_opening_gives() {
    let (identity, signed) = (
        IdentityKeyPair::from_secret_bytes(&[1; 32]),
        SignedPreKeyPair::from_secret_bytes(1, &[2; 32]),
    );
    let signature = identity.sign_prekey(&mut Known, &signed.public());
    let bundle = PreKeyBundle::new(
        5,
        1,
        identity.public(),
        1,
        signed.public(),
        &signature,
        None,
    )
    .unwrap();
    let ours = IdentityKeyPair::from_secret_bytes(&[3; 32]);
    let policy = SessionPolicy::allow_x3dh();
    let began = begin(None, &ours, 6, &bundle, policy, 0, &mut Known).unwrap();
    for field in secrets_of(&began) {
        assert_eq!(drop_and_look(began.clone(), &field), INSIDE_AND_WIPED);
    }

    let (began, _passed) = seal(&began, 0, b"passed").unwrap();
    let (_, sealed) = seal(&began, 0, TEXT).unwrap();
    let message = PreKeyMessage::parse(&sealed.body).unwrap();
    let sender = Sender {
        identity_key: ours.public(),
        registration_id: 6,
        policy,
    };
    let prekeys = PreKeys {
        signed: &signed,
        one_time: None,
        kem: None,
    };
    let open = || {
        accept(
            None, &identity, &sender, &message, prekeys, None, &mut Known,
        )
        .ok()
        .unwrap()
    };
    let opened = open();
    assert_eq!(*opened.plaintext, TEXT);
    assert_eq!(drop_and_look(open(), TEXT), ON_THE_HEAP_AND_WIPED);
    let seed = *opened.keep[0].seed_bytes();
    assert_eq!(drop_and_look(open(), &seed), ON_THE_HEAP_AND_WIPED);

    let record = opened.record;
    for field in secrets_of(&record) {
        assert_eq!(drop_and_look(record.clone(), &field), INSIDE_AND_WIPED);
        let stored = record.to_bytes();
        assert_eq!(drop_and_look(stored, &field), ON_THE_HEAP_AND_WIPED);
    }
    // The one chain received on: after the sending chain's numbers, a count, and its name.
    let stored = record.to_bytes();
    let chain = stored[SENDING_CHAIN + 32 + 4 + 4 + 1 + 32..][..32].to_vec();
    assert_eq!(drop_and_look(record, &chain), ON_THE_HEAP_AND_WIPED);
}

/// Reading protobuf copies, and so does writing it: nothing of a secret stays in memory that either gives back.
#[test]
fn what_is_written_and_read() {
    let position = Position {
        thread_id: &[1; 16],
        sender: "sender",
        device: 1,
        client_seq: 1,
        kind: ContentKind::Message,
    };
    // Both its keys are the known secret.
    let (sealed, freed) = freed_while(&secret(), || seal_content(position, TEXT, &mut Known));
    let sealed = sealed.ok().unwrap();
    assert!(!freed && *sealed.key.as_bytes() == secret());
    let SealedContent {
        key,
        ciphertext,
        digest,
        commitment,
        content_bytes,
    } = sealed;
    for looked_for in [secret().as_slice(), TEXT] {
        let open = || open_content(position, &key, &ciphertext, &digest, &commitment);
        let (opened, freed) = freed_while(looked_for, open);
        assert!(!freed && *opened.ok().unwrap().body == TEXT);
        let report = || reported_body(&content_bytes, &[1; 16], "sender", &commitment);
        let (reported, freed) = freed_while(looked_for, report);
        assert!(!freed && *reported.unwrap() == TEXT);
    }

    let envelope = EnvelopePlaintext {
        key,
        digest,
        commitment,
        thread_id: [1; 16],
        client_seq: 1,
        revision: 0,
        device_list_version: 1,
    };
    let (bytes, freed) = freed_while(&secret(), || envelope.encode());
    assert!(!freed);
    let (read, freed) = freed_while(&secret(), || EnvelopePlaintext::decode(&bytes));
    assert!(!freed && *read.ok().unwrap().key.as_bytes() == secret());
}

const TEXT: &[u8] = b"what the peer wrote";

/// Format, two identities, "there is a session"; its version, name and registration; root, secret, public key.
const ROOT: usize = 1 + 64 + 1 + 1 + 32 + 4;
const SENDING_CHAIN: usize = ROOT + 3 * 32;

fn secrets_of(record: &SessionRecord) -> [Vec<u8>; 3] {
    let stored = record.to_bytes();
    [ROOT, ROOT + 32, SENDING_CHAIN].map(|start| stored[start..start + 32].to_vec())
}
