//! Records that earlier builds stored are read by every later one.

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::*;
use crate::ratchet::*;

/// Format 1: an unanswered current session with a one-time prekey, and an archived one with a receiver chain.
const FORMAT_1: &str = "0105c9561fe32c63944f32911110e14dc210d15c4c3402f82a05f1c5c8334172216b0552cca6438038819fef7230a934\
    ca175235da9a44c20590cc9c2f025194a643280103053bd6050622919cbe3e8c7a2bc050c9c03de5ca10f6bf624d52f1\
    78769e5a9543000003ea2b02f23841f864d30b2e585611875021c31ca7446c7c49fb9835a75be7088930f8d27ed35208\
    7b78abbf8378b774420e30848bb6bc260cae49ec04f44b84c44f1a4d71276006e7fc8cbd826da218ce403a0711fe2acf\
    31990285d079c5eedb3c000000000000000000010000000a0100000069000003e90000018bcfe5680001030548119909\
    5e1c77aefd4de663beda61968e4d4d680e45e0e7de0c3265ca48e467000003ea1af8ce28f125b16d66b000f6d88e18e3\
    ab508c1087bd14b31de96686ee000df9080a668f1855a0ae82a4373fd256ce29979b5e9485582503ee41513dd222db61\
    2e128ba985fe2cad7f1f9ad2b4ea19a041308666d91a7b3e7fbcbadc1eee7e0a000000000000000001058e6fe7297f6e\
    bb2aa5c1ed68df4fb054114ae4aed89bed9d612d49c2684ab332b782f99b8156549b28f13bf09daa94e89c37382d251e\
    307287b3feda02735cb00000000300";

/// The next message of the peer on the archived session.
const NEXT_MESSAGE: &str = "340a21058e6fe7297f6ebb2aa5c1ed68df4fb054114ae4aed89bed9d612d49c2684ab3321003180022205326f934ef1d\
    16f7882d20ba76acbc26f2942ac3f9398d4a799d18ea481641484f6c7c5319cab829";

/// Format 2, all of version 3: a current session that the peer began, an unanswered one and an answered one archived.
const FORMAT_2: &str = "0205c9561fe32c63944f32911110e14dc210d15c4c3402f82a05f1c5c8334172216b0552cca6438038819fef7230a934\
    ca175235da9a44c20590cc9c2f025194a6432801030508b14038ee69b3a0eb91b4f267495bd7f8b5445cbd88a0e2a7e7\
    9a2e824c3b31000003ea0e409da4abb814c606054256ccfc68fadf844b76792663f9fb1645ec5d636030c085769a27bf\
    aea859f705b2b50726227dc74ea071e14815d2a68132bfb75761056151c23d8ff4ed1398e8fe4dc8bed62f10fe0d2a35\
    75e0e8f602acab1adb8248bacd7655893d63e0d193ca09254ed0d10aeec60d6ae3913071393a28ccafb2a10000000000\
    0000000105eff4677cae7290ec43f9cb7f70b5e87b02950b583bf745f271227353f3bd671c763c9dcd4f780fa91f16d8\
    83803413aa4a760e2d7fc6afced2c1bc50d50b9c8000000001020000000a01000000640203053bd6050622919cbe3e8c\
    7a2bc050c9c03de5ca10f6bf624d52f178769e5a9543000003ea90069b09d290ffab929492fda8d4e7d0af7dd160798f\
    6076de7a6c1fe2b89616f8d27ed352087b78abbf8378b774420e30848bb6bc260cae49ec04f44b84c44f05806622e26c\
    c85ae8fe17546d4b1eefedad8b01a0be17c5fd9df073fec3baf91740f0b71bdac84dd6d2b623539ccaa4f32eee558fa3\
    dbb8ef38c0cb796c5e5918000000000000000000010000000a0100000065000003e90000018bcfe56800030548119909\
    5e1c77aefd4de663beda61968e4d4d680e45e0e7de0c3265ca48e467000003ea1af8ce28f125b16d66b000f6d88e18e3\
    ab508c1087bd14b31de96686ee000df9080a668f1855a0ae82a4373fd256ce29979b5e9485582503ee41513dd222db61\
    05cca08e0ab02878e14803bba55dcce9f5776f62be6e94a6e1871d705f2ed40e382e128ba985fe2cad7f1f9ad2b4ea19\
    a041308666d91a7b3e7fbcbadc1eee7e0a000000000000000001058e6fe7297f6ebb2aa5c1ed68df4fb054114ae4aed8\
    9bed9d612d49c2684ab33236bbf8e491b1eac8439067ed50049a8d19325550869237bf07fddbc6d1e058640000000100";

/// A late message of the peer on the answered session.
const LATE_MESSAGE: &str = "340a21058e6fe7297f6ebb2aa5c1ed68df4fb054114ae4aed89bed9d612d49c2684ab332100118002220da5cb027ec42\
    d63cb1b400c2fdde8785563c9b97b5c19f337704290a42a06027fdef725545a79397";

/// The peer's next message on the current session; the peer has no answer yet.
const REPEATED_BEGINNING: &str = "34086412210508b14038ee69b3a0eb91b4f267495bd7f8b5445cbd88a0e2a7e79a2e824c3b311a210552cca643803881\
    9fef7230a934ca175235da9a44c20590cc9c2f025194a643282252340a2105eff4677cae7290ec43f9cb7f70b5e87b02\
    950b583bf745f271227353f3bd671c1001180022206d293970a3e6f1aaeef77cfb18c11aa4eb6ac5920405cd620492fe\
    9f0a82f5da0281b78911a05e1828ea07300a";

#[test]
fn a_record_of_format_1_is_read_and_opens_its_next_message() {
    let stored = hex::decode(FORMAT_1).unwrap();
    let record = SessionRecord::from_bytes(&stored).unwrap();
    let rewritten = record.to_bytes();
    let again = SessionRecord::from_bytes(&rewritten).unwrap();
    assert_eq!(again.to_bytes(), rewritten);
    let sealed = |record| seal(record, 1_700_000_000_000, b"first").unwrap().1;
    assert_eq!(sealed(&again), sealed(&record), "both halves of the pair");
    assert_eq!(record.sessions().count(), 2);
    assert!(record.is_usable_for_sending(1_700_000_000_000));
    assert!(!record.is_usable_for_sending(1_700_000_000_000 + UNACKNOWLEDGED_LIFETIME_MS));
    let (_, sealed) = seal(&record, 1_700_000_000_000, b"first").unwrap();
    let first = PreKeyMessage::parse(&sealed.body).unwrap();
    assert_eq!(first.registration_id(), 1_001);
    assert_eq!(
        (first.signed_prekey_id(), first.one_time_prekey_id()),
        (10, Some(105))
    );

    let message = RatchetMessage::parse(&hex::decode(NEXT_MESSAGE).unwrap()).unwrap();
    let opened = open(&record, &message, None, &mut ChaCha20Rng::seed_from_u64(1))
        .ok()
        .unwrap();
    assert_eq!(*opened.plaintext, b"written by format 1");
}

#[test]
fn a_record_of_format_2_is_read_and_its_sessions_of_version_3_go_on() {
    let stored = hex::decode(FORMAT_2).unwrap();
    let record = SessionRecord::from_bytes(&stored).unwrap();
    let again = SessionRecord::from_bytes(&record.to_bytes()).unwrap();
    assert_eq!(again.to_bytes(), record.to_bytes());
    assert_eq!(record.sessions().count(), 3);
    let (_, sealed) = seal(&again, 0, b"on the session of version 3").unwrap();
    assert_eq!((sealed.kind, sealed.body[0]), (MessageKind::Ratchet, 0x34));

    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let next = PreKeyMessage::parse(&hex::decode(REPEATED_BEGINNING).unwrap()).unwrap();
    assert_eq!(next.version(), Version::X3dh);
    for record in [&record, &again] {
        let opened = open_repeated(record, &next, None, &mut rng).ok().unwrap();
        assert_eq!(*opened.plaintext, b"written by format 2");
    }
    let mut renamed = next.clone();
    renamed.prekeys.one_time = None;
    let refused = open_repeated(&again, &renamed, None, &mut rng);
    assert_eq!(refused.err(), Some(OpenError::NotAuthentic));

    let late = RatchetMessage::parse(&hex::decode(LATE_MESSAGE).unwrap()).unwrap();
    let opened = open(&again, &late, None, &mut rng).ok().unwrap();
    assert_eq!(*opened.plaintext, b"late, of the answered session");
}

#[test]
fn an_unanswered_session_of_version_4_is_stored_with_its_ciphertext_until_it_is_answered() {
    let (mut alice, mut bob) = pair();
    alice.begin_with(&mut bob);
    let unanswered = alice.stored().len();
    alice.reopen();
    let hello = alice.send(b"hello");
    bob.receive(&alice, &hello).unwrap();
    bob.reopen();
    let second = alice.send(b"second");
    assert_eq!(bob.receive(&alice, &second).unwrap(), b"second");
    let reply = bob.send(b"reply");
    alice.receive(&bob, &reply).unwrap();
    assert!(alice.stored().len() + 1_400 < unanswered);
}

#[test]
fn an_unanswered_session_of_another_version_than_its_beginning_is_corrupt() {
    let (mut alice, mut bob) = pair();
    alice.begin_with(&mut bob);
    let mut bytes = alice.stored().to_vec();
    // Behind the format, both identities, and the mark of a current session.
    let version = &mut bytes[1 + 32 + 32 + 1];
    assert_eq!(std::mem::replace(version, 3), 4);
    assert_eq!(
        SessionRecord::from_bytes(&bytes).err(),
        Some(RecordError::Corrupt)
    );
}

#[test]
fn a_session_that_nothing_is_sent_on_any_more_drops_its_ciphertext() {
    let (mut alice, mut bob) = pair();
    for _ in 0..=MAX_ARCHIVED_SESSIONS {
        alice.begin_with(&mut bob);
    }
    assert!(alice.stored().len() < 2_500 + MAX_ARCHIVED_SESSIONS * 250);
}

/// Nothing skipped: what a session of two people who are talking takes in the store.
#[test]
fn a_session_takes_600_bytes_after_ten_rounds() {
    for version in [Version::X3dh, Version::Pqxdh] {
        let (mut alice, mut bob) = talking_pair_of(version);
        for _ in 0..10 {
            let question = alice.send(b"?");
            bob.receive(&alice, &question).unwrap();
            let answer = bob.send(b"!");
            alice.receive(&bob, &answer).unwrap();
        }
        assert!(alice.stored().len() <= 600, "{}", alice.stored().len());
        assert!(bob.stored().len() <= 600, "{}", bob.stored().len());
    }
}

/// A buffer that grows leaves a copy of the secrets behind, which nobody wipes.
#[test]
fn a_record_is_written_into_a_buffer_of_about_its_size() {
    let (mut alice, mut bob) = pair();
    alice.begin_with(&mut bob);
    let bytes = alice.record.as_ref().unwrap().to_bytes();
    assert!(bytes.capacity() < bytes.len() + 1_024, "{}", bytes.len());
    let hello = alice.send(b"hello");
    bob.receive(&alice, &hello).unwrap();
    let answered = bob.record.as_ref().unwrap().to_bytes();
    assert!(answered.capacity() < 2_500, "{}", answered.capacity());
}
