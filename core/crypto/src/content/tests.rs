//! Contents that open, and forged ones that do not.

use super::padding::pad;
use super::proto::Content;
use super::seal::{CipherKey, TAG_BYTES};
use super::*;
use crate::primitives::sha256;
use proptest::prelude::*;
use prost::Message as _;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use zeroize::Zeroizing;

const HERE: Position<'static> = Position {
    thread_id: &[3; 16],
    sender: "alice",
    device: 2,
    client_seq: 7,
    kind: ContentKind::Message,
};

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(1)
}

fn sealed(body: &[u8]) -> SealedContent {
    seal(HERE, body, &mut rng()).ok().unwrap()
}

fn open_at(position: Position<'_>, sealed: &SealedContent) -> Result<Vec<u8>, OpenError> {
    open(
        position,
        &sealed.key,
        &sealed.ciphertext,
        &sealed.digest,
        &sealed.commitment,
    )
    .map(|opened| opened.body.to_vec())
}

/// Seals whatever plaintext it is given, as only a hostile sender would.
fn forge(plaintext: &[u8], commitment: [u8; 32]) -> SealedContent {
    let key = ContentKey::from_bytes(&[9; 32]);
    let ciphertext = CipherKey::of(&key)
        .seal(&HERE.aad().unwrap(), plaintext)
        .unwrap();
    SealedContent {
        digest: sha256(&ciphertext),
        key,
        ciphertext,
        commitment,
        content_bytes: Zeroizing::new(Vec::new()),
    }
}

#[test]
fn a_content_opens_where_it_was_sealed() {
    let sealed = sealed(b"hello");
    let opened = open(
        HERE,
        &sealed.key,
        &sealed.ciphertext,
        &sealed.digest,
        &sealed.commitment,
    );
    let opened = opened.ok().unwrap();
    assert_eq!(opened.body.as_slice(), b"hello");
    assert_eq!(opened.content_bytes, sealed.content_bytes);
}

#[test]
fn a_content_opens_nowhere_else() {
    let sealed = sealed(b"hello");
    let elsewhere = [
        Position {
            thread_id: &[4; 16],
            ..HERE
        },
        Position {
            sender: "bob",
            ..HERE
        },
        Position { device: 3, ..HERE },
        Position {
            client_seq: 8,
            ..HERE
        },
        Position {
            kind: ContentKind::Edit,
            ..HERE
        },
    ];
    for position in elsewhere {
        assert_eq!(open_at(position, &sealed), Err(OpenError::Tampered));
    }
}

#[test]
fn another_ciphertext_is_refused_before_it_is_opened() {
    let (mut first, second) = (sealed(b"one"), sealed(b"two"));
    first.ciphertext = second.ciphertext;
    assert_eq!(open_at(HERE, &first), Err(OpenError::Digest));
}

#[test]
fn an_altered_ciphertext_is_refused_even_with_its_digest() {
    let mut sealed = sealed(b"hello");
    sealed.ciphertext[20] ^= 1;
    assert_eq!(open_at(HERE, &sealed), Err(OpenError::Digest));
    sealed.digest = sha256(&sealed.ciphertext);
    assert_eq!(open_at(HERE, &sealed), Err(OpenError::Tampered));
    sealed.ciphertext.truncate(8);
    sealed.digest = sha256(&sealed.ciphertext);
    assert_eq!(open_at(HERE, &sealed), Err(OpenError::Tampered));
}

#[test]
fn a_sender_that_pads_wrongly_is_refused() {
    assert_eq!(
        open_at(HERE, &forge(&[0; 160], [0; 32])),
        Err(OpenError::Padding)
    );
    assert_eq!(open_at(HERE, &forge(b"", [0; 32])), Err(OpenError::Padding));
}

#[test]
fn what_is_no_content_is_refused() {
    assert_eq!(
        open_at(HERE, &forge(&pad(b"\xff\xff"), [0; 32])),
        Err(OpenError::Malformed)
    );
    let trailing = [&sealed(b"hello").content_bytes[..], &[0xff]].concat();
    assert_eq!(
        open_at(HERE, &forge(&pad(&trailing), [0; 32])),
        Err(OpenError::Malformed)
    );
    let short_key = Content {
        body: b"hello".to_vec(),
        franking_key: vec![1; 31],
    };
    let short_key = forge(&pad(&short_key.encode_to_vec()), [0; 32]);
    assert_eq!(open_at(HERE, &short_key), Err(OpenError::Malformed));
}

#[test]
fn a_content_that_could_not_be_reported_is_refused() {
    let mut sealed = sealed(b"hello");
    sealed.commitment[0] ^= 1;
    assert_eq!(open_at(HERE, &sealed), Err(OpenError::Unfrankable));
}

#[test]
fn a_report_proves_the_sender_the_thread_and_the_words() {
    let sealed = sealed(b"threat");
    let report = |thread: &[u8; 16], sender: &str, content: &[u8]| {
        reported_body(content, thread, sender, &sealed.commitment).map(|body| body.to_vec())
    };
    let content = &sealed.content_bytes;
    assert_eq!(report(&[3; 16], "alice", content), Ok(b"threat".to_vec()));
    let not_committed = Err(ReportError::NotCommitted);
    assert_eq!(report(&[4; 16], "alice", content), not_committed);
    assert_eq!(report(&[3; 16], "bob", content), not_committed);
    let mut other_words = content.to_vec();
    other_words[3] ^= 1;
    assert_eq!(report(&[3; 16], "alice", &other_words), not_committed);
    assert_eq!(
        report(&[3; 16], "alice", &[0; MAX_CIPHERTEXT_BYTES + 1]),
        Err(ReportError::Malformed)
    );
}

#[test]
fn the_longest_body_fits_and_one_byte_more_does_not() {
    let body = vec![7; MAX_BODY_BYTES];
    let longest = sealed(&body);
    assert!(longest.ciphertext.len() <= MAX_CIPHERTEXT_BYTES);
    assert_eq!(open_at(HERE, &longest), Ok(body.clone()));
    let longer = [body.as_slice(), &[7]].concat();
    assert_eq!(
        seal(HERE, &longer, &mut rng()).err(),
        Some(SealError::TooLarge {
            max: MAX_BODY_BYTES
        })
    );
    // Not one byte is given away: a content longer by one would be padded beyond the limit of a ciphertext.
    let content = longest.content_bytes.len();
    assert!(pad(&vec![1; content + 1]).len() + TAG_BYTES > MAX_CIPHERTEXT_BYTES);
}

#[test]
fn a_ciphertext_beyond_the_limit_is_not_looked_at() {
    let key = ContentKey::from_bytes(&[1; 32]);
    let opened = open(HERE, &key, &[0; 65_537], &[0; 32], &[0; 32]);
    assert_eq!(opened.err(), Some(OpenError::Malformed));
}

#[test]
fn a_ciphertext_of_the_limit_is_looked_at() {
    let key = ContentKey::from_bytes(&[1; 32]);
    let opened = open(HERE, &key, &[0; 65_536], &[0; 32], &[0; 32]);
    assert_eq!(opened.err(), Some(OpenError::Digest));
}

#[test]
fn the_limits_are_those_of_the_protocol() {
    assert_eq!((MAX_CIPHERTEXT_BYTES, MAX_BODY_BYTES), (65_536, 63_449));
}

/// A field of a later version fills it up to the limit.
#[test]
fn a_report_of_the_longest_length_is_looked_at_and_one_byte_more_is_not() {
    let sealed = sealed(b"hello");
    let extended = |length: usize| {
        let content = &sealed.content_bytes;
        let rest = length - content.len() - 4;
        let low = (rest & 0x7f) as u8 | 0x80;
        let (middle, high) = ((rest >> 7 & 0x7f) as u8 | 0x80, (rest >> 14) as u8);
        [
            &content[..],
            &[15 << 3 | 2, low, middle, high],
            &vec![0; rest],
        ]
        .concat()
    };
    let report = |bytes: &[u8]| reported_body(bytes, &[3; 16], "alice", &sealed.commitment);
    let longest = extended(MAX_CIPHERTEXT_BYTES);
    assert_eq!(longest.len(), 65_536);
    assert_eq!(report(&longest).as_deref(), Ok(&b"hello".to_vec()));
    let longer = extended(MAX_CIPHERTEXT_BYTES + 1);
    assert_eq!(report(&longer), Err(ReportError::Malformed));
}

#[test]
fn an_impossible_sender_seals_nothing() {
    let nobody = Position {
        sender: "not a user",
        ..HERE
    };
    assert_eq!(
        seal(nobody, b"hello", &mut rng()).err(),
        Some(SealError::Sender)
    );
}

#[test]
fn the_same_body_never_gives_the_same_ciphertext() {
    let mut rng = rng();
    let first = seal(HERE, b"hello", &mut rng).ok().unwrap();
    let second = seal(HERE, b"hello", &mut rng).ok().unwrap();
    assert!(first.key != second.key);
    assert_ne!(first.ciphertext, second.ciphertext);
    assert_ne!(first.commitment, second.commitment);
}

#[test]
fn the_message_is_as_described() {
    let content = Content {
        body: vec![1],
        franking_key: vec![2],
    };
    let name = "sealwire.sealed.v1.Content";
    crate::proto_reference::assert_described("content.proto", name, &content, 0);
}

/// Made with Python's `cryptography` and `hmac` from the protocol's description: K = 0, 1, … 31, F = 32, 33, … 63.
#[test]
fn a_content_sealed_by_another_implementation_opens() {
    let ciphertext = hex::decode(
        "efde9677686c1da52944a7eeaf7f635aadedeffb75ede40ee19131ebb62ff39cb6085bf52535d07ae9a20271272e261a\
         6308ee86aee42e4aef96bdd5999a854a920eb5dd7c15c206005e1882331e782f356ace9cfc065367e26a94fa2ee20a4d\
         9e649ce68c99f9d32de37b47634246367e4e53c106a906ee45e8155ec98ffbd15f7b805e41afb5439f17961d0a872c12\
         f2a93783b08abd81e43d9a47f233bde5bb93d333693e57d33e652fff7b8a4bd9",
    );
    let bytes = |text: &str| <[u8; 32]>::try_from(hex::decode(text).unwrap()).unwrap();
    let sealed = SealedContent {
        key: ContentKey::from_bytes(&std::array::from_fn(|index| index as u8)),
        ciphertext: ciphertext.unwrap(),
        digest: bytes("d84349a976305141e07ae840ecb13b144504427cae6db3f5db8aa95335331972"),
        commitment: bytes("783dd4890e93bc3b5f9d360005534baccc00dd36808a59d495037269014a1a90"),
        content_bytes: Zeroizing::new(Vec::new()),
    };
    assert_eq!(open_at(HERE, &sealed), Ok(b"hello".to_vec()));
}

proptest! {
    #[test]
    fn every_body_opens_as_it_was_sealed(
        body in proptest::collection::vec(any::<u8>(), 0..3000),
        seed: u64,
    ) {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let sealed = seal(HERE, &body, &mut rng).ok().unwrap();
        prop_assert_eq!(open_at(HERE, &sealed), Ok(body));
    }

    #[test]
    fn no_plaintext_makes_opening_panic(
        plaintext in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        prop_assert!(open_at(HERE, &forge(&plaintext, [0; 32])).is_err());
        prop_assert!(open_at(HERE, &forge(&pad(&plaintext), [0; 32])).is_err());
    }
}
