//! The content of a message: padding, protobuf and commitment behind the cipher, and the body in it.
//!
//! A fuzzer does not find a key, so the input is sealed here, as a malicious contact would: once as padded text and once padded
//! as it must be. Opening holds at most 6 times the input and 1 KiB, and gives exactly the body that was committed to. The input
//! is read as a body too, which holds at most 4 times its length and 40 KiB, for thumbnails in thumbnails a hundred levels deep; what
//! decodes is written back to the same meaning.

use prost::Message as _;
use sealwire_crypto::content::{
    ContentKey, ContentKind, OpenError, Position, open, reported_body, seal,
};
use sealwire_crypto::primitives::{aes256_gcm_seal, hkdf_sha256, hmac_sha256, sha256};
use sealwire_crypto::transcript::Transcript;
use sealwire_wire::ThreadId;
use sealwire_wire::content::{Body, Kind, Previous, Target as TargetMessage, ThreadFacts, Uid};
use sealwire_wire::{ClientSeq, DeviceId, MessageId};

use crate::memory::peak_of;
use crate::{Bound, Target};

pub(super) const TARGET: Target = Target {
    name: "content",
    bound: Bound::new(40 * 1024, 6),
    run,
    seeds,
};

const HERE: Position<'static> = Position {
    thread_id: &[3; 16],
    sender: "alice",
    device: 2,
    client_seq: 7,
    kind: ContentKind::Message,
};

/// Of the cipher, the padding and the commitment alone.
const OPENING: Bound = Bound::new(1024, 6);

/// The longest content whose padded form and tag are 65,536 bytes or less. Longer ones are refused before they are looked at.
const LONGEST: usize = 63_487;

/// `Content` of `proto/content.proto`.
#[derive(Clone, PartialEq, prost::Message)]
struct Content {
    #[prost(bytes = "vec", tag = "1")]
    body: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    franking_key: Vec<u8>,
}

fn run(input: &[u8]) -> usize {
    if input.len() > LONGEST {
        let (key, ciphertext) = sealed(&padded(input));
        let digest = sha256(&ciphertext);
        let (refused, peak) = peak_of(|| open(HERE, &key, &ciphertext, &digest, &[0; 32]).err());
        assert_eq!(refused, Some(OpenError::Malformed));
        return peak;
    }
    let content = Content::decode(input).ok();
    let content = content.filter(|content| content.franking_key.len() == 32);
    let commitment = content.as_ref().map_or([0; 32], commitment);
    let mut peak = 0;
    for (padded, well) in [(input.to_vec(), false), (padded(input), true)] {
        let (key, ciphertext) = sealed(&padded);
        let digest = sha256(&ciphertext);
        let (opened, took) = peak_of(|| open(HERE, &key, &ciphertext, &digest, &commitment));
        assert!(took <= OPENING.of(input.len()), "{took}");
        peak = peak.max(took);
        match (opened, &content) {
            (Ok(opened), Some(content)) => assert_eq!(*opened.body, content.body),
            (Ok(_), None) => panic!("opened what is no content"),
            (Err(error), Some(_)) if well => panic!("a content that did not open: {error}"),
            (Err(error), _) => assert!(
                !matches!(error, OpenError::Digest | OpenError::Tampered),
                "{error}"
            ),
        }
        let elsewhere = Position {
            client_seq: 8,
            ..HERE
        };
        let moved = open(elsewhere, &key, &ciphertext, &digest, &commitment);
        assert_eq!(moved.err(), Some(OpenError::Tampered));
    }
    let reported = reported_body(input, HERE.thread_id, HERE.sender, &commitment);
    assert_eq!(reported.is_ok(), content.is_some());

    let (decoded, took) = peak_of(|| Body::decode(input));
    if let Ok(body) = decoded {
        assert!(Body::decode(&body.encode()).is_ok_and(|again| again == body));
    }
    peak.max(took)
}

/// C = HMAC-SHA256(F, label ‖ thread id ‖ sender ‖ body).
fn commitment(content: &Content) -> [u8; 32] {
    let text = Transcript::new("Sealwire v1 commitment")
        .fixed(HERE.thread_id)
        .bytes(HERE.sender.as_bytes())
        .body(&content.body)
        .finish();
    hmac_sha256(&content.franking_key, &text.unwrap())
}

/// At least 160 bytes, then Padmé: the lengths that padding has are found by trying.
fn padded(content: &[u8]) -> Vec<u8> {
    let mut padded = [content, &[0x80]].concat();
    let length = if padded.len() <= 160 {
        160
    } else {
        let exponent = padded.len().ilog2();
        let step = 1usize << (exponent - (exponent.ilog2() + 1));
        padded.len().next_multiple_of(step)
    };
    padded.resize(length, 0);
    padded
}

/// The text under the cipher key of a content key, at [`HERE`].
fn sealed(padded: &[u8]) -> (ContentKey, Vec<u8>) {
    const LABEL: &str = "Sealwire v1 content";
    let key = ContentKey::from_bytes(&[9; 32]);
    let derived: [u8; 44] = hkdf_sha256(None, key.as_bytes(), LABEL.as_bytes());
    let aad = Transcript::new(LABEL)
        .fixed(HERE.thread_id)
        .bytes(HERE.sender.as_bytes())
        .u32(HERE.device)
        .u64(HERE.client_seq)
        .u8(HERE.kind as u8)
        .finish();
    let (cipher_key, nonce) = derived.split_first_chunk::<32>().unwrap();
    let nonce = nonce.try_into().unwrap();
    let sealed = aes256_gcm_seal(cipher_key, nonce, &aad.unwrap(), padded);
    (key, sealed.unwrap())
}

fn seeds() -> Vec<Vec<u8>> {
    let text = Body {
        uid: Uid([5; 16]),
        target: Some(TargetMessage {
            message_id: MessageId::from_u128(77),
            digest: [6; 32],
            device_id: DeviceId::FIRST,
            client_seq: ClientSeq(3),
        }),
        ttl_seconds: Some(60),
        prev: Some(Previous {
            client_seq: ClientSeq(2),
            digest: [7; 32],
        }),
        thread: ThreadFacts::Direct {
            to: "bob".parse().unwrap(),
        },
        kind: Kind::Text("words".to_owned()),
    };
    let group = Body {
        thread: ThreadFacts::Group {
            chain_seq: 4,
            chain_hash: [8; 32],
        },
        kind: Kind::Unknown,
        ..text.clone()
    };
    let mut rng = <rand_chacha::ChaCha20Rng as rand_core::SeedableRng>::seed_from_u64(4);
    let content = seal(HERE, &text.encode(), &mut rng).ok().unwrap();
    // Attachments are a target of their own; a pointer to a thread is all that an id needs.
    debug_assert_eq!(ThreadId::from_bytes([3; 16]).as_bytes(), HERE.thread_id);
    let pad = padded(&content.content_bytes);
    // As long as there are any, and one byte more.
    let longest = |length| {
        let around = Content {
            body: vec![7; 60_000],
            franking_key: vec![8; 32],
        };
        let body = vec![7; 60_000 + length - around.encoded_len()];
        Content { body, ..around }.encode_to_vec()
    };
    vec![
        longest(LONGEST),
        longest(LONGEST + 1),
        text.encode(),
        group.encode(),
        content.content_bytes.to_vec(),
        pad,
    ]
}
