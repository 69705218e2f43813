//! The chain's rules, each against a list forged to break it.

use super::*;
use crate::keys::{AccountKeyPair, IdentityKeyPair};
use crate::signature::Signature;
use prost::Message as _;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

/// An account with all its secrets, which can therefore sign anything, also what it should not.
struct Account {
    key: AccountKeyPair,
    user_id: &'static str,
}

fn alice() -> Account {
    Account {
        key: AccountKeyPair::generate(&mut rng(1)),
        user_id: "alice",
    }
}

fn identity(device_id: u32) -> IdentityKeyPair {
    IdentityKeyPair::generate(&mut rng(1000 + u64::from(device_id)))
}

impl Account {
    fn device(&self, device_id: u32) -> NewDevice {
        NewDevice {
            device_id,
            registration_id: 100 + device_id,
            identity_key: identity(device_id).public(),
            added_at_ms: 5,
            protocol_versions: vec![4],
            features: vec!["edits".to_owned()],
            device_signature: consent_to_listing(
                &identity(device_id),
                self.user_id,
                &self.key.public(),
                &mut rng(2),
            )
            .unwrap(),
        }
    }

    fn first_signed(&self) -> SignedDeviceList {
        let (device, mut rng) = (self.device(1), rng(3));
        SignedDeviceList::sign_first(&self.key, &identity(1), self.user_id, &device, 9, &mut rng)
            .unwrap()
    }

    fn first(&self) -> DeviceList {
        self.first_signed().verify_first(self.user_id).unwrap()
    }

    fn next(&self, list: &DeviceList, put: &[u32], remove: &[u32]) -> SignedDeviceList {
        let change = ListChange {
            put: put.iter().map(|id| self.device(*id)).collect(),
            remove: remove.to_vec(),
        };
        list.sign_next(&self.key, 1, &identity(1), &change, 10, &mut rng(4))
            .unwrap()
    }

    /// Devices 1 and 2.
    fn second(&self) -> DeviceList {
        let first = self.first();
        first.verify_next(&self.next(&first, &[2], &[])).unwrap()
    }

    fn entry(&self, device: &NewDevice) -> proto::SignedEntry {
        SignedDeviceEntry::sign(&self.key, self.user_id, device, &mut rng(5))
            .unwrap()
            .to_proto()
    }

    /// A well-formed successor that a forger then changes.
    fn draft(&self, list: &DeviceList, devices: &[u32]) -> proto::ListPayload {
        proto::ListPayload {
            user_id: self.user_id.to_owned(),
            account_key: self.key.public().to_bytes().to_vec(),
            version: list.version + 1,
            prev_hash: list.hash.to_vec(),
            issued_at_ms: 11,
            entries: devices
                .iter()
                .map(|id| self.entry(&self.device(*id)))
                .collect(),
            recovery: false,
        }
    }

    /// Signs whatever it is given: with the account key, and as `signer` with `signer_key`.
    fn forge(
        &self,
        payload: &proto::ListPayload,
        signer: u32,
        signer_key: &IdentityKeyPair,
    ) -> SignedDeviceList {
        let payload = payload.encode_to_vec();
        let account_text = SignedDeviceList::account_text(&payload).unwrap();
        let signer_text = SignedDeviceList::signer_text(signer, &payload).unwrap();
        SignedDeviceList {
            account_signature: bytes(self.key.sign(&mut rng(6), &account_text)),
            signer_device_id: signer,
            signer_signature: bytes(signer_key.sign(&mut rng(7), &signer_text)),
            payload,
        }
    }
}

fn bytes(signature: Signature) -> Vec<u8> {
    signature.to_bytes().to_vec()
}

#[test]
fn a_chain_of_lists_verifies_version_by_version() {
    let alice = alice();
    let second = alice.second();
    let third_signed = alice.next(&second, &[3], &[2]);
    let third = second.verify_next(&third_signed).unwrap();
    assert_eq!(third.version, 3);
    assert_eq!(third.prev_hash, second.hash);
    let ids: Vec<_> = third
        .devices()
        .iter()
        .map(|entry| entry.device_id)
        .collect();
    assert_eq!(ids, [1, 3]);
    assert_eq!(third.device(3).unwrap().identity_key, identity(3).public());
    assert!(third.device(2).is_none());
}

#[test]
fn a_list_travels_and_is_verified_as_received() {
    let alice = alice();
    let signed = alice.first_signed();
    let travelled = SignedDeviceList::from_bytes(&signed.to_bytes()).unwrap();
    assert_eq!(travelled, signed);
    assert_eq!(travelled.claimed_version(), Ok(1));
    assert_eq!(travelled.claims_recovery(), Ok(false));
    assert_eq!(travelled.verify_first("alice"), Ok(alice.first()));
}

#[test]
fn fields_of_a_later_version_do_not_break_the_signature() {
    let alice = alice();
    let mut payload = alice.draft(&alice.first(), &[1, 2]).encode_to_vec();
    // Field 99, varint 1: unknown here, covered by the signatures all the same.
    payload.extend([0x98, 0x06, 0x01]);
    let account_text = SignedDeviceList::account_text(&payload).unwrap();
    let signer_text = SignedDeviceList::signer_text(1, &payload).unwrap();
    let signed = SignedDeviceList {
        account_signature: bytes(alice.key.sign(&mut rng(6), &account_text)),
        signer_device_id: 1,
        signer_signature: bytes(identity(1).sign(&mut rng(7), &signer_text)),
        payload,
    };
    assert_eq!(alice.first().verify_next(&signed).unwrap().version, 2);
}

#[test]
fn a_stored_list_is_restored_as_it_was_verified() {
    let alice = alice();
    let signed = alice.first_signed();
    let stored = SignedDeviceList::from_bytes(&signed.to_bytes()).unwrap();
    assert_eq!(
        DeviceList::danger_restore_verified(&stored),
        Ok(alice.first())
    );
}

#[test]
fn a_list_of_another_user_is_refused() {
    let alice = alice();
    assert_eq!(
        alice.first_signed().verify_first("bob"),
        Err(DeviceListError::OtherUser)
    );
    let bob = Account {
        key: alice.key.clone(),
        user_id: "bob",
    };
    let forged = bob.forge(&bob.draft(&alice.first(), &[1]), 1, &identity(1));
    assert_eq!(
        alice.first().verify_next(&forged),
        Err(DeviceListError::OtherUser)
    );
}

#[test]
fn a_skipped_a_repeated_and_an_older_version_are_refused() {
    let alice = alice();
    let second = alice.second();
    for version in [1, 2, 4, u64::MAX] {
        let mut draft = alice.draft(&second, &[1, 2]);
        draft.version = version;
        assert_eq!(
            second.verify_next(&alice.forge(&draft, 1, &identity(1))),
            Err(DeviceListError::Version {
                expected: 3,
                found: version
            })
        );
    }
}

#[test]
fn a_fork_is_refused_by_whoever_pinned_the_chain() {
    let alice = alice();
    let first = alice.first();
    let ours = first.verify_next(&alice.next(&first, &[2], &[])).unwrap();
    let theirs = first.verify_next(&alice.next(&first, &[3], &[])).unwrap();
    let on_theirs = alice.next(&theirs, &[4], &[]);
    assert_eq!(ours.verify_next(&on_theirs), Err(DeviceListError::PrevHash));
}

#[test]
fn another_account_key_is_refused_outside_a_recovery() {
    let alice = alice();
    let first = alice.first();
    let usurper = Account {
        key: AccountKeyPair::generate(&mut rng(66)),
        user_id: "alice",
    };
    let forged = usurper.forge(&usurper.draft(&first, &[1]), 1, &identity(1));
    assert_eq!(
        first.verify_next(&forged),
        Err(DeviceListError::AccountKeyChanged)
    );
}

#[test]
fn a_list_that_the_account_key_did_not_sign_is_refused() {
    let alice = alice();
    let first = alice.first();
    let mut signed = alice.next(&first, &[2], &[]);
    signed.account_signature[3] ^= 1;
    assert_eq!(
        first.verify_next(&signed),
        Err(DeviceListError::AccountSignature)
    );
    signed.account_signature.clear();
    assert_eq!(
        first.verify_next(&signed),
        Err(DeviceListError::AccountSignature)
    );
}

#[test]
fn a_list_signed_by_the_account_key_alone_is_refused() {
    let alice = alice();
    let first = alice.first();
    let mut signed = alice.next(&first, &[2], &[]);
    signed.signer_device_id = 0;
    signed.signer_signature.clear();
    assert_eq!(
        first.verify_next(&signed),
        Err(DeviceListError::NotSignedByDevice)
    );
    let mut first_alone = alice.first_signed();
    first_alone.signer_signature.clear();
    assert_eq!(
        first_alone.verify_first("alice"),
        Err(DeviceListError::NotSignedByDevice)
    );
}

#[test]
fn a_device_cannot_sign_itself_into_the_chain() {
    let alice = alice();
    let first = alice.first();
    let forged = alice.forge(&alice.draft(&first, &[1, 2]), 2, &identity(2));
    assert_eq!(
        first.verify_next(&forged),
        Err(DeviceListError::SignerUnknown { device_id: 2 })
    );
}

#[test]
fn a_removed_device_cannot_extend_the_chain() {
    let alice = alice();
    let second = alice.second();
    let third = second.verify_next(&alice.next(&second, &[], &[2])).unwrap();
    let forged = alice.forge(&alice.draft(&third, &[1, 2]), 2, &identity(2));
    assert_eq!(
        third.verify_next(&forged),
        Err(DeviceListError::SignerUnknown { device_id: 2 })
    );
}

#[test]
fn the_signature_of_another_device_is_refused() {
    let alice = alice();
    let first = alice.first();
    let forged = alice.forge(&alice.draft(&first, &[1, 2]), 1, &identity(2));
    assert_eq!(
        first.verify_next(&forged),
        Err(DeviceListError::SignerSignature { device_id: 1 })
    );
}

#[test]
fn a_device_may_sign_its_own_removal() {
    let alice = alice();
    let second = alice.second();
    let third = second.verify_next(&alice.next(&second, &[], &[1])).unwrap();
    assert_eq!(third.devices().len(), 1);
}

#[test]
fn an_empty_list_is_refused() {
    let alice = alice();
    let first = alice.first();
    let forged = alice.forge(&alice.draft(&first, &[]), 1, &identity(1));
    assert_eq!(first.verify_next(&forged), Err(DeviceListError::Empty));
}

#[test]
fn ten_devices_pass_and_eleven_do_not() {
    let alice = alice();
    let first = alice.first();
    let all: Vec<u32> = (1..=11).collect();
    let ten = alice.forge(&alice.draft(&first, &all[..10]), 1, &identity(1));
    assert_eq!(first.verify_next(&ten).unwrap().devices().len(), 10);
    let eleven = alice.forge(&alice.draft(&first, &all), 1, &identity(1));
    assert_eq!(
        first.verify_next(&eleven),
        Err(DeviceListError::TooManyDevices { max: 10 })
    );
}

#[test]
fn ten_entries_at_their_bounds_fit_a_list() {
    let alice = Account {
        key: alice().key,
        user_id: "alice-0123456789-0123456789-0123456789-0123456789-0123456789-abc",
    };
    let first = alice.first();
    let device = |id| NewDevice {
        protocol_versions: vec![u32::MAX; MAX_PROTOCOL_VERSIONS],
        features: vec!["f".repeat(MAX_FEATURE_BYTES); MAX_FEATURES],
        added_at_ms: u64::MAX,
        ..alice.device(id)
    };
    let change = ListChange {
        put: (1..=10).map(device).collect(),
        remove: vec![],
    };
    let signed = first
        .sign_next(&alice.key, 1, &identity(1), &change, 1, &mut rng(4))
        .unwrap();
    assert!(SignedDeviceList::from_bytes(&signed.to_bytes()).is_ok());
}

#[test]
fn the_first_list_holds_device_one_alone() {
    let alice = alice();
    let nothing = DeviceList {
        version: 0,
        hash: [0; 32],
        ..alice.first()
    };
    let two = alice.forge(&alice.draft(&nothing, &[1, 2]), 1, &identity(1));
    assert_eq!(two.verify_first("alice"), Err(DeviceListError::FirstDevice));
    let other = alice.forge(&alice.draft(&nothing, &[2]), 2, &identity(2));
    assert_eq!(
        other.verify_first("alice"),
        Err(DeviceListError::FirstDevice)
    );
}

#[test]
fn the_first_list_has_version_one_and_nothing_before_it() {
    let alice = alice();
    let nothing = DeviceList {
        version: 0,
        hash: [0; 32],
        ..alice.first()
    };
    let mut draft = alice.draft(&nothing, &[1]);
    draft.prev_hash = vec![1; 32];
    assert_eq!(
        alice.forge(&draft, 1, &identity(1)).verify_first("alice"),
        Err(DeviceListError::PrevHash)
    );
    let mut draft = alice.draft(&nothing, &[1]);
    draft.version = 2;
    assert_eq!(
        alice.forge(&draft, 1, &identity(1)).verify_first("alice"),
        Err(DeviceListError::Version {
            expected: 1,
            found: 2
        })
    );
    let mut draft = alice.draft(&nothing, &[1]);
    draft.recovery = true;
    assert_eq!(
        alice.forge(&draft, 1, &identity(1)).verify_first("alice"),
        Err(DeviceListError::IsRecovery)
    );
}

#[test]
fn a_device_id_or_key_that_stands_twice_is_refused() {
    let alice = alice();
    let first = alice.first();
    let twice = alice.forge(&alice.draft(&first, &[1, 2, 2]), 1, &identity(1));
    assert_eq!(
        first.verify_next(&twice),
        Err(DeviceListError::DuplicateDevice { device_id: 2 })
    );
    let mut draft = alice.draft(&first, &[1]);
    draft.entries.push(alice.entry(&NewDevice {
        device_id: 2,
        ..alice.device(1)
    }));
    assert_eq!(
        first.verify_next(&alice.forge(&draft, 1, &identity(1))),
        Err(DeviceListError::DuplicateIdentityKey { device_id: 2 })
    );
}

#[test]
fn a_device_id_of_zero_is_refused() {
    let alice = alice();
    let first = alice.first();
    let forged = alice.forge(&alice.draft(&first, &[1, 0]), 1, &identity(1));
    assert_eq!(
        first.verify_next(&forged),
        Err(DeviceListError::DeviceIdZero)
    );
}

#[test]
fn an_entry_of_another_account_is_refused() {
    let alice = alice();
    let first = alice.first();
    let bob = Account {
        key: AccountKeyPair::generate(&mut rng(77)),
        user_id: "bob",
    };
    for stranger in [
        Account {
            user_id: "alice",
            ..bob
        },
        Account {
            key: alice.key.clone(),
            user_id: "bob",
        },
    ] {
        let mut draft = alice.draft(&first, &[1]);
        draft.entries.push(stranger.entry(&stranger.device(2)));
        assert_eq!(
            first.verify_next(&alice.forge(&draft, 1, &identity(1))),
            Err(DeviceListError::EntryOfAnotherAccount { device_id: 2 })
        );
    }
}

#[test]
fn an_entry_that_the_account_key_did_not_sign_is_refused() {
    let alice = alice();
    let first = alice.first();
    let mut draft = alice.draft(&first, &[1, 2]);
    draft.entries[1].account_signature[0] ^= 1;
    assert_eq!(
        first.verify_next(&alice.forge(&draft, 1, &identity(1))),
        Err(DeviceListError::EntryAccountSignature { device_id: 2 })
    );
}

#[test]
fn a_device_is_not_listed_against_its_will() {
    let alice = alice();
    let first = alice.first();
    // Device 2 agreed to belong to another account; device 3 agreed, but not device 2.
    let elsewhere = Account {
        key: AccountKeyPair::generate(&mut rng(77)),
        user_id: "alice",
    };
    for device_signature in [
        elsewhere.device(2).device_signature,
        alice.device(3).device_signature,
    ] {
        let mut draft = alice.draft(&first, &[1]);
        draft.entries.push(alice.entry(&NewDevice {
            device_signature,
            ..alice.device(2)
        }));
        assert_eq!(
            first.verify_next(&alice.forge(&draft, 1, &identity(1))),
            Err(DeviceListError::EntryDeviceSignature { device_id: 2 })
        );
    }
}

#[test]
fn a_device_id_keeps_its_key_and_registration() {
    let alice = alice();
    let second = alice.second();
    let other_key = NewDevice {
        device_id: 2,
        registration_id: 102,
        ..alice.device(3)
    };
    let other_registration = NewDevice {
        registration_id: 9,
        ..alice.device(2)
    };
    for changed in [other_key, other_registration] {
        let mut draft = alice.draft(&second, &[1]);
        draft.entries.push(alice.entry(&changed));
        assert_eq!(
            second.verify_next(&alice.forge(&draft, 1, &identity(1))),
            Err(DeviceListError::DeviceChanged { device_id: 2 })
        );
    }
}

#[test]
fn a_device_may_be_listed_anew_with_other_features() {
    let alice = alice();
    let second = alice.second();
    let device = second.device(2).unwrap();
    let change = ListChange {
        put: vec![device.relist(vec![4, 5], vec!["calls".to_owned()]).unwrap()],
        remove: vec![],
    };
    let signed = second
        .sign_next(&alice.key, 2, &identity(2), &change, 12, &mut rng(8))
        .unwrap();
    let third = second.verify_next(&signed).unwrap();
    assert_eq!(third.device(2).unwrap().protocol_versions, [4, 5]);
    assert_eq!(third.devices().len(), 2);
    assert!(!third.holds(device.signed()));
    assert!(second.holds(device.signed()));
}

#[test]
fn an_impossible_user_id_is_refused() {
    let alice = alice();
    for user_id in ["", "al ice", "älice", "a/b", ".", "..", &"a".repeat(65)] {
        let mut draft = alice.draft(&alice.first(), &[1]);
        draft.user_id = user_id.to_owned();
        let forged = alice.forge(&draft, 1, &identity(1));
        assert_eq!(
            forged.verify_first(user_id),
            Err(DeviceListError::UserId),
            "{user_id}"
        );
    }
}

#[test]
fn fields_of_wrong_length_or_beyond_their_bounds_are_refused() {
    let alice = alice();
    let first = alice.first();
    let mut short_hash = alice.draft(&first, &[1]);
    short_hash.prev_hash.pop();
    let mut bad_key = alice.draft(&first, &[1]);
    bad_key.account_key[0] = 6;
    let mut many_versions = alice.draft(&first, &[]);
    many_versions.entries.push(alice.entry(&NewDevice {
        protocol_versions: vec![1; MAX_PROTOCOL_VERSIONS + 1],
        ..alice.device(1)
    }));
    let mut many_features = alice.draft(&first, &[]);
    many_features.entries.push(alice.entry(&NewDevice {
        features: vec!["f".to_owned(); MAX_FEATURES + 1],
        ..alice.device(1)
    }));
    let mut long_feature = alice.draft(&first, &[]);
    long_feature.entries.push(alice.entry(&NewDevice {
        features: vec!["f".repeat(MAX_FEATURE_BYTES + 1)],
        ..alice.device(1)
    }));
    for draft in [
        short_hash,
        bad_key,
        many_versions,
        many_features,
        long_feature,
    ] {
        assert_eq!(
            first.verify_next(&alice.forge(&draft, 1, &identity(1))),
            Err(DeviceListError::Malformed)
        );
    }
}

/// Under a point of low order anybody signs what they like.
#[test]
fn a_list_that_names_a_key_of_low_order_or_a_second_spelling_is_malformed_whoever_signed_it() {
    let alice = alice();
    let first = alice.first();
    let mut beyond = [0xff; 33];
    (beyond[0], beyond[1], beyond[32]) = (5, 0xee, 0x7f);
    let mut zero = [0; 33];
    zero[0] = 5;
    for key in [zero, beyond] {
        let mut draft = alice.draft(&first, &[1]);
        (draft.version, draft.prev_hash) = (1, vec![0; 32]);
        let as_drafted = alice.forge(&draft, 1, &identity(1));
        assert!(as_drafted.verify_first("alice").is_ok());
        let mut entry = proto::EntryPayload::decode(&draft.entries[0].payload[..]).unwrap();
        entry.identity_key = key.to_vec();
        let mut of_a_device = draft.clone();
        of_a_device.entries[0].payload = entry.encode_to_vec();
        entry.identity_key = identity(1).public().to_bytes().to_vec();
        entry.account_key = key.to_vec();
        draft.account_key = key.to_vec();
        draft.entries[0].payload = entry.encode_to_vec();
        for draft in [draft, of_a_device] {
            let forged = alice.forge(&draft, 1, &identity(1));
            assert_eq!(
                forged.verify_first("alice"),
                Err(DeviceListError::Malformed)
            );
        }
    }
}

#[test]
fn a_list_beyond_its_bound_is_not_parsed() {
    let max = MAX_LIST_BYTES;
    assert_eq!(
        SignedDeviceList::from_bytes(&vec![0; max + 1]),
        Err(DeviceListError::TooLarge { max })
    );
    let huge = SignedDeviceList {
        payload: vec![0; max + 1],
        ..alice().first_signed()
    };
    assert_eq!(
        huge.verify_first("alice"),
        Err(DeviceListError::TooLarge { max })
    );
}

/// Bytes that are one field of a later version, and a message with no other fields.
fn one_unknown_field(length: usize) -> Vec<u8> {
    let rest = length - 4;
    let low = (rest & 0x7f) as u8 | 0x80;
    let (middle, high) = ((rest >> 7 & 0x7f) as u8 | 0x80, (rest >> 14) as u8);
    [&[15 << 3 | 2, low, middle, high], &vec![0; rest][..]].concat()
}

#[test]
fn a_list_of_the_longest_length_is_parsed() {
    assert_eq!(MAX_LIST_BYTES, 32_768);
    let longest = one_unknown_field(MAX_LIST_BYTES);
    assert_eq!(longest.len(), 32_768);
    assert!(SignedDeviceList::from_bytes(&longest).is_ok());
}

#[test]
fn an_entry_beyond_its_bound_is_not_parsed() {
    assert_eq!(MAX_ENTRY_BYTES, 4_096);
    let too_large = DeviceListError::TooLarge {
        max: MAX_ENTRY_BYTES,
    };
    let entry = |payload| SignedDeviceEntry {
        payload,
        account_signature: vec![],
        device_signature: vec![],
    };
    let longest = one_unknown_field(MAX_ENTRY_BYTES);
    assert!(SignedDeviceEntry::from_bytes(&longest).is_ok());
    // Without a user id it is no entry; but it was looked at.
    assert_eq!(entry(longest).verify(), Err(DeviceListError::UserId));
    let longer = one_unknown_field(MAX_ENTRY_BYTES + 1);
    let refused = SignedDeviceEntry::from_bytes(&longer);
    assert_eq!(refused, Err(too_large));
    assert_eq!(entry(longer).verify(), Err(too_large));
}

#[test]
fn trailing_bytes_that_are_no_field_are_refused() {
    let alice = alice();
    let malformed = DeviceListError::Malformed;
    let list = alice.first_signed();
    let entry = list.verify_first("alice").unwrap().devices()[0]
        .signed()
        .clone();
    let trailing = |bytes: &[u8]| [bytes, &[0xff]].concat();
    let list_bytes = trailing(&list.to_bytes());
    assert_eq!(SignedDeviceList::from_bytes(&list_bytes), Err(malformed));
    let entry_bytes = trailing(&entry.to_bytes());
    assert_eq!(SignedDeviceEntry::from_bytes(&entry_bytes), Err(malformed));
    let inside = SignedDeviceList {
        payload: trailing(&list.payload),
        ..list
    };
    assert_eq!(inside.verify_first("alice"), Err(malformed));
}

#[test]
fn nobody_agrees_to_be_listed_as_an_impossible_user() {
    let consent = consent_to_listing(&identity(1), "al ice", &alice().key.public(), &mut rng(2));
    assert_eq!(consent.err(), Some(DeviceListError::UserId));
}

#[test]
fn a_recovery_is_told_from_an_ordinary_change() {
    let alice = alice();
    let second = alice.second();
    let mut rng = rng(12);
    let recovery = second
        .sign_recovery(&alice.key, &identity(3), &alice.device(3), 20, &mut rng)
        .unwrap();
    assert_eq!(
        second.verify_next(&recovery),
        Err(DeviceListError::IsRecovery)
    );
    // Before anything is verified: what it claims to be.
    assert_eq!(recovery.claims_recovery(), Ok(true));
    assert_eq!(recovery.claimed_version(), Ok(3));
    let recovered = second.verify_recovery(&recovery).unwrap();
    assert!(!recovered.account_key_changed);
    assert_eq!(recovered.list.devices().len(), 1);
    assert_eq!(
        second.verify_recovery(&alice.next(&second, &[3], &[])),
        Err(DeviceListError::NotRecovery)
    );
}

#[test]
fn a_recovery_with_a_new_account_key_says_so() {
    let second = alice().second();
    let renewed = Account {
        key: AccountKeyPair::generate(&mut rng(50)),
        user_id: "alice",
    };
    let recovery = second
        .sign_recovery(
            &renewed.key,
            &identity(3),
            &renewed.device(3),
            20,
            &mut rng(12),
        )
        .unwrap();
    let recovered = second.verify_recovery(&recovery).unwrap();
    assert!(recovered.account_key_changed);
    assert_eq!(recovered.list.account_key, renewed.key.public());
}

#[test]
fn a_recovery_drops_every_old_device() {
    let alice = alice();
    let second = alice.second();
    let recovery = |devices: &[u32], signer| {
        let mut draft = alice.draft(&second, devices);
        draft.recovery = true;
        second.verify_recovery(&alice.forge(&draft, signer, &identity(signer)))
    };
    assert_eq!(recovery(&[1, 3], 3), Err(DeviceListError::RecoveryDevices));
    assert_eq!(
        recovery(&[1], 1),
        Err(DeviceListError::RecoveryKeepsDevice { device_id: 1 })
    );
    let mut draft = alice.draft(&second, &[]);
    draft.recovery = true;
    draft.entries.push(alice.entry(&NewDevice {
        device_id: 7,
        ..alice.device(2)
    }));
    assert_eq!(
        second.verify_recovery(&alice.forge(&draft, 7, &identity(2))),
        Err(DeviceListError::RecoveryKeepsDevice { device_id: 7 })
    );
}

#[test]
fn a_recovery_is_signed_by_its_new_device() {
    let alice = alice();
    let second = alice.second();
    let mut draft = alice.draft(&second, &[3]);
    draft.recovery = true;
    assert_eq!(
        second.verify_recovery(&alice.forge(&draft, 1, &identity(1))),
        Err(DeviceListError::SignerUnknown { device_id: 1 })
    );
    assert_eq!(
        second.verify_recovery(&alice.forge(&draft, 3, &identity(1))),
        Err(DeviceListError::SignerSignature { device_id: 3 })
    );
    let mut alone = alice.forge(&draft, 3, &identity(3));
    alone.signer_signature.clear();
    assert_eq!(
        second.verify_recovery(&alone),
        Err(DeviceListError::NotSignedByDevice)
    );
}

#[test]
fn removing_a_device_that_is_not_there_signs_nothing() {
    let alice = alice();
    let change = ListChange {
        put: vec![],
        remove: vec![5],
    };
    let signed = alice
        .first()
        .sign_next(&alice.key, 1, &identity(1), &change, 1, &mut rng(4));
    assert_eq!(signed, Err(DeviceListError::NoSuchDevice { device_id: 5 }));
}

#[test]
fn an_entry_alone_proves_a_device_of_the_account_key_it_names() {
    let alice = alice();
    let list = alice.first();
    let travelled =
        SignedDeviceEntry::from_bytes(&list.device(1).unwrap().signed().to_bytes()).unwrap();
    assert_eq!(travelled.verify().as_ref(), Ok(list.device(1).unwrap()));
    let mut tampered = travelled;
    tampered.payload[2] ^= 1;
    assert!(tampered.verify().is_err());
}

fn described(name: &str, message: &impl prost::Message) {
    let name = format!("sealwire.device.v1.{name}");
    crate::proto_reference::assert_described("device.proto", &name, message, 0);
}

#[test]
fn the_messages_are_as_described() {
    let account = alice();
    let entry = account.entry(&account.device(2));
    let payload = proto::EntryPayload::decode(entry.payload.as_slice()).unwrap();
    let mut list = account.draft(&account.first(), &[1, 2]);
    list.recovery = true;
    let signed_list = proto::SignedList {
        payload: vec![1],
        account_signature: vec![2],
        signer_device_id: 3,
        signer_signature: vec![4],
    };
    let grant = proto::GrantPayload {
        user_id: "alice".to_owned(),
        device_id: 1,
        nonce: vec![2],
        expires_at_ms: 3,
    };
    let signed_grant = proto::SignedGrant {
        payload: vec![1],
        account_signature: vec![2],
        signer_device_id: 3,
        device_signature: vec![4],
    };
    described("DeviceEntryPayload", &payload);
    described("SignedDeviceEntry", &entry);
    described("DeviceListPayload", &list);
    described("SignedDeviceList", &signed_list);
    described("RegistrationGrantPayload", &grant);
    described("SignedRegistrationGrant", &signed_grant);
}

mod grants {
    use super::*;

    fn grant(device_id: u32) -> RegistrationGrant {
        RegistrationGrant {
            user_id: "alice".to_owned(),
            device_id,
            nonce: [9; 16],
            expires_at_ms: 1_000,
        }
    }

    fn signed(
        grant: &RegistrationGrant,
        signer: u32,
        key: &IdentityKeyPair,
    ) -> SignedRegistrationGrant {
        grant.sign(&alice().key, signer, key, &mut rng(30)).unwrap()
    }

    #[test]
    fn a_grant_travels_and_passes_until_it_expires() {
        let granted = signed(&grant(2), 1, &identity(1));
        let travelled = SignedRegistrationGrant::from_bytes(&granted.to_bytes()).unwrap();
        let list = alice().first();
        assert_eq!(travelled.verify(&list, 999), Ok(grant(2)));
        assert_eq!(travelled.verify(&list, 1_000), Err(GrantError::Expired));
    }

    #[test]
    fn a_grant_of_a_device_that_is_not_listed_is_refused() {
        let list = alice().first();
        assert_eq!(
            signed(&grant(3), 2, &identity(2)).verify(&list, 0),
            Err(GrantError::SignerUnknown { device_id: 2 })
        );
        assert_eq!(
            signed(&grant(3), 1, &identity(2)).verify(&list, 0),
            Err(GrantError::SignerSignature { device_id: 1 })
        );
    }

    #[test]
    fn a_grant_for_a_listed_device_or_another_user_is_refused() {
        let list = alice().first();
        assert_eq!(
            signed(&grant(1), 1, &identity(1)).verify(&list, 0),
            Err(GrantError::AlreadyListed { device_id: 1 })
        );
        let bob = RegistrationGrant {
            user_id: "bob".to_owned(),
            ..grant(2)
        };
        assert_eq!(
            signed(&bob, 1, &identity(1)).verify(&list, 0),
            Err(GrantError::OtherUser)
        );
    }

    #[test]
    fn a_grant_that_the_account_key_did_not_sign_is_refused() {
        let mut tampered = signed(&grant(2), 1, &identity(1));
        tampered.account_signature[0] ^= 1;
        assert_eq!(
            tampered.verify(&alice().first(), 0),
            Err(GrantError::AccountSignature)
        );
    }

    /// A field of a later version fills it up to the bound.
    #[test]
    fn a_grant_of_the_longest_length_is_read_and_one_byte_more_is_not() {
        let granted = signed(&grant(2), 1, &identity(1));
        let extended = |bytes: &[u8], length: usize| {
            let rest = length - bytes.len() - 3;
            let (low, high) = ((rest & 0x7f) as u8 | 0x80, (rest >> 7) as u8);
            [bytes, &[15 << 3 | 2, low, high], &vec![0; rest]].concat()
        };
        let longest = extended(&granted.to_bytes(), 512);
        assert_eq!(longest.len(), 512);
        assert_eq!(
            SignedRegistrationGrant::from_bytes(&longest),
            Ok(granted.clone())
        );
        let longer = extended(&granted.to_bytes(), 513);
        assert_eq!(
            SignedRegistrationGrant::from_bytes(&longer),
            Err(GrantError::Malformed)
        );
        // The payload has the same bound; a longer one was not signed by anybody either.
        for (length, refused) in [
            (512, GrantError::AccountSignature),
            (513, GrantError::Malformed),
        ] {
            let padded = SignedRegistrationGrant {
                payload: extended(&granted.payload, length),
                ..granted.clone()
            };
            assert_eq!(padded.verify(&alice().first(), 0), Err(refused));
        }
    }

    #[test]
    fn a_grant_for_an_impossible_user_or_device_is_neither_made_nor_taken() {
        for (user_id, device_id) in [("al ice", 2), ("alice", 0)] {
            let impossible = RegistrationGrant {
                user_id: user_id.to_owned(),
                ..grant(device_id)
            };
            let made = impossible.sign(&alice().key, 1, &identity(1), &mut rng(30));
            assert_eq!(made.err(), Some(GrantError::Malformed));
            let payload = proto::GrantPayload {
                user_id: user_id.to_owned(),
                device_id,
                nonce: vec![9; 16],
                expires_at_ms: 1_000,
            };
            let forged = SignedRegistrationGrant {
                payload: payload.encode_to_vec(),
                ..signed(&grant(2), 1, &identity(1))
            };
            let refused = forged.verify(&alice().first(), 0);
            assert_eq!(refused, Err(GrantError::Malformed));
        }
    }

    #[test]
    fn what_is_no_grant_is_refused() {
        let trailing = [&signed(&grant(2), 1, &identity(1)).to_bytes()[..], &[0xff]].concat();
        assert_eq!(
            SignedRegistrationGrant::from_bytes(&trailing),
            Err(GrantError::Malformed)
        );
        assert_eq!(
            SignedRegistrationGrant::from_bytes(&[0; 600]),
            Err(GrantError::Malformed)
        );
        let mut short_nonce = signed(&grant(2), 1, &identity(1));
        short_nonce.payload = proto::GrantPayload {
            user_id: "alice".to_owned(),
            device_id: 2,
            nonce: vec![1; 15],
            expires_at_ms: 1,
        }
        .encode_to_vec();
        assert_eq!(
            short_nonce.verify(&alice().first(), 0),
            Err(GrantError::Malformed)
        );
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_a_parser_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
        let _ = SignedRegistrationGrant::from_bytes(&bytes).map(|grant| grant.verify(&alice().first(), 0));
        let _ = SignedDeviceEntry::from_bytes(&bytes).map(|entry| entry.verify());
        if let Ok(list) = SignedDeviceList::from_bytes(&bytes) {
            let _ = list.verify_first("alice");
        }
        let raw = SignedDeviceList { payload: bytes, ..alice().first_signed() };
        proptest::prop_assert!(raw.verify_first("alice").is_err());
    }
}
