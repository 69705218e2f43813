//! The number that two people compare to know that nobody stands between them.
//!
//! The deployed form: of each side a hash chain over its account key and user id; half of the digits come from each. Both sides
//! get the same digits, since the halves are put in order. What is scanned names whose half is whose.

use crate::protobuf::decode;
use prost::Message;

use crate::keys::AccountKey;
use crate::primitives::{constant_time_eq, sha512};

/// How often each key is hashed, so that a second key with the same digits costs that much more to look for.
const ITERATIONS: u32 = 5_200;

/// The version of the hash chain, in front of the first hash; and that of what is scanned.
const HASH_VERSION: [u8; 2] = [0, 0];
const SCANNED_VERSION: u32 = 1;

/// More than a code of this version takes: two fields of 34 bytes with their lengths, and a version.
const SCANNED_MAX: usize = 128;

/// The safety number of two accounts, as one of them has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SafetyNumber {
    ours: [u8; 32],
    theirs: [u8; 32],
}

/// Why a scanned code does not show that the two accounts are the same on both devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScanError {
    /// No code of a safety number: have the other device show its own again.
    #[error("what was scanned is no safety number")]
    Malformed,
    /// Of another version: one of the two apps is older.
    #[error("the safety number scanned is of version {0}")]
    Version(u32),
    /// The other device has another key for this account, or shows the number of another conversation.
    #[error("the safety numbers differ")]
    Different,
}

#[derive(Message)]
struct Scanned {
    #[prost(uint32, optional, tag = "1")]
    version: Option<u32>,
    #[prost(message, optional, tag = "2")]
    ours: Option<ScannedSide>,
    #[prost(message, optional, tag = "3")]
    theirs: Option<ScannedSide>,
}

#[derive(Message)]
struct ScannedSide {
    #[prost(bytes = "vec", optional, tag = "1")]
    content: Option<Vec<u8>>,
}

impl SafetyNumber {
    /// The number of our account and theirs, each with its user id.
    pub fn new(ours: (&AccountKey, &str), theirs: (&AccountKey, &str)) -> Self {
        let half =
            |(key, user): (&AccountKey, &str)| half(&key.to_bytes(), user.as_bytes(), ITERATIONS);
        Self {
            ours: half(ours),
            theirs: half(theirs),
        }
    }

    /// Sixty digits, the same on both devices.
    pub fn digits(&self) -> String {
        let mut halves = [digits(&self.ours), digits(&self.theirs)];
        halves.sort();
        halves.concat()
    }

    /// What the other device scans.
    pub fn to_scannable(&self) -> Vec<u8> {
        let side = |content: &[u8; 32]| {
            Some(ScannedSide {
                content: Some(content.to_vec()),
            })
        };
        Scanned {
            version: Some(SCANNED_VERSION),
            ours: side(&self.ours),
            theirs: side(&self.theirs),
        }
        .encode_to_vec()
    }

    /// Compares with what the other device shows: its half is our other half.
    pub fn compare(&self, scanned: &[u8]) -> Result<(), ScanError> {
        if scanned.len() > SCANNED_MAX {
            return Err(ScanError::Malformed);
        }
        let scanned = decode::<Scanned>(scanned).map_err(|_| ScanError::Malformed)?;
        match scanned.version.ok_or(ScanError::Malformed)? {
            SCANNED_VERSION => {}
            version => return Err(ScanError::Version(version)),
        }
        let content = |side: Option<ScannedSide>| {
            side.and_then(|side| side.content)
                .filter(|content| content.len() == 32)
                .ok_or(ScanError::Malformed)
        };
        let (shown, seen) = (content(scanned.ours)?, content(scanned.theirs)?);
        let same = constant_time_eq(&shown, &self.theirs) & constant_time_eq(&seen, &self.ours);
        same.then_some(()).ok_or(ScanError::Different)
    }
}

/// SHA-512 of version ‖ key ‖ id ‖ key, then of each hash ‖ key, `iterations` hashes in all; the first 32 bytes.
fn half(key: &[u8], id: &[u8], iterations: u32) -> [u8; 32] {
    let first = sha512(&[&HASH_VERSION, key, id, key]);
    let hash = (1..iterations).fold(first, |hash, _| sha512(&[&hash, key]));
    let mut half = [0; 32];
    half.copy_from_slice(&hash[..32]);
    half
}

/// Six groups of five digits, each from five bytes.
fn digits(half: &[u8; 32]) -> String {
    half[..30]
        .chunks_exact(5)
        .map(|group| {
            let number = group
                .iter()
                .fold(0, |number, byte| number << 8 | u64::from(*byte));
            format!("{:05}", number % 100_000)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: &str = "0506863bc66d02b40d27b8d49ca7c09e9239236f9d7d25d6fcca5ce13c7064d868";
    const BOB: &str = "05f781b6fb32fed9ba1cf2de978d4d5da28dc34046ae814402b5c0dbd96fda907b";
    const ALICE_ID: &str = "+14152222222";
    const BOB_ID: &str = "+14153333333";

    fn key(hexadecimal: &str) -> AccountKey {
        AccountKey::from_bytes(&hex::decode(hexadecimal).unwrap()).unwrap()
    }

    /// As Alice and as Bob have it.
    fn both() -> (SafetyNumber, SafetyNumber) {
        let (alice, bob) = (key(ALICE), key(BOB));
        let (alice, bob) = ((&alice, ALICE_ID), (&bob, BOB_ID));
        (SafetyNumber::new(alice, bob), SafetyNumber::new(bob, alice))
    }

    /// The known answer of every official build that was asked (npm 0.23.1 to 0.103.0).
    #[test]
    fn digits_and_code_are_those_of_the_official_builds() {
        let (alice, bob) = both();
        let digits = "300354477692869396892869876765458257569162576843440918079131";
        assert_eq!(alice.digits(), digits);
        assert_eq!(bob.digits(), digits);
        assert_eq!(
            hex::encode(alice.to_scannable()),
            "080112220a201e301a0353dce3dbe7684cb8336e85136cdc0ee96219494ada305d62a7bd61df\
             1a220a20d62cbf73a11592015b6b9f1682ac306fea3aaf3885b84d12bca631e9d4fb3a4d"
        );
    }

    #[test]
    fn each_scans_the_other() {
        let (alice, bob) = both();
        assert_eq!(alice.compare(&bob.to_scannable()), Ok(()));
        assert_eq!(bob.compare(&alice.to_scannable()), Ok(()));
        let own = alice.compare(&alice.to_scannable());
        assert_eq!(own, Err(ScanError::Different));
    }

    #[test]
    fn another_key_or_another_user_is_another_number() {
        let (alice, bob) = (key(ALICE), key(BOB));
        let shown = both().1.to_scannable();
        let other_key = SafetyNumber::new((&alice, ALICE_ID), (&alice, BOB_ID));
        let other_user = SafetyNumber::new((&alice, ALICE_ID), (&bob, "+14154444444"));
        for other in [other_key, other_user] {
            assert_eq!(other.compare(&shown), Err(ScanError::Different));
            assert_ne!(other.digits(), both().0.digits());
        }
    }

    /// A field of a later version fills it up to the bound.
    #[test]
    fn a_code_of_the_longest_length_is_compared_and_one_byte_more_is_not() {
        let (alice, bob) = both();
        let extended = |length: usize| {
            let code = bob.to_scannable();
            let rest = length - code.len() - 2;
            [&code[..], &[4 << 3 | 2, rest as u8], &vec![0; rest]].concat()
        };
        assert_eq!(alice.compare(&extended(128)), Ok(()));
        assert_eq!(alice.compare(&extended(129)), Err(ScanError::Malformed));
    }

    #[test]
    fn what_is_no_code_is_refused() {
        let (alice, bob) = both();
        let code = bob.to_scannable();
        for length in 0..code.len() {
            let cut = alice.compare(&code[..length]);
            assert_eq!(cut, Err(ScanError::Malformed), "length {length}");
        }
        let mut newer = code.clone();
        newer[1] = 2;
        assert_eq!(alice.compare(&newer), Err(ScanError::Version(2)));
        let long = [&code[..], &[0x22, 120], &[0; 120]].concat();
        assert_eq!(alice.compare(&long), Err(ScanError::Malformed));
        // A field of one byte more, and trailing bytes that are no protobuf.
        let mut wide = code.clone();
        (wide[3], wide[5]) = (35, 33);
        wide.insert(38, 0);
        assert_eq!(alice.compare(&wide), Err(ScanError::Malformed));
        let trailing = [&code[..], &[0xff]].concat();
        assert_eq!(alice.compare(&trailing), Err(ScanError::Malformed));
    }
}
