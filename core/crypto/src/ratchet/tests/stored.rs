//! Records that earlier builds stored are read by every later one.

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

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
