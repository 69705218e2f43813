//! Both sides of a linking, and a relay between them that does what it likes.

use super::channel::{Channel, Writer};
use super::*;
use crate::device::{RegistrationGrant, consent_to_listing};
use crate::keys::{AccountKeyPair, IdentityKeyPair, KeyError};
use proptest::prelude::*;
use prost::Message as _;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn account() -> AccountKeyPair {
    AccountKeyPair::generate(&mut rng(1))
}

fn identity() -> IdentityKeyPair {
    IdentityKeyPair::generate(&mut rng(2))
}

fn offer_of(account: &AccountKeyPair, user_id: &str, device_id: u32) -> LinkOffer {
    let grant = RegistrationGrant {
        user_id: "alice".to_owned(),
        device_id: 2,
        nonce: [1; 16],
        expires_at_ms: 1_000,
    };
    LinkOffer {
        user_id: user_id.to_owned(),
        account_key: account.public(),
        device_id,
        grant: grant
            .sign(&self::account(), 1, &identity(), &mut rng(3))
            .unwrap(),
    }
}

fn offer() -> LinkOffer {
    offer_of(&account(), "alice", 2)
}

fn traits() -> DeviceTraits {
    DeviceTraits {
        registration_id: 77,
        protocol_versions: vec![4],
        features: vec!["edits".to_owned()],
    }
}

fn secret() -> LinkSecret {
    LinkSecret::new([5; 16], &mut rng(4))
}

fn sender() -> LinkSender {
    LinkSender::new(&secret().code(), &mut rng(6)).ok().unwrap()
}

/// Both sides after the offer was read, and the bytes of slot 0.
fn offered() -> (LinkConfirmer, LinkJoiner, Vec<u8>) {
    let (confirmer, slot) = sender().seal_offer(&offer()).ok().unwrap();
    (confirmer, secret().open_offer(&slot).ok().unwrap(), slot)
}

/// Both sides after the answer was written, and the bytes of slot 1.
fn answered() -> (LinkConfirmer, LinkWaiter, Vec<u8>) {
    let (confirmer, joiner, _) = offered();
    let (waiter, slot) = joiner
        .seal_answer(&identity(), &traits(), &mut rng(7))
        .ok()
        .unwrap();
    (confirmer, waiter, slot)
}

/// What E could put into slot `slot` if it were hostile.
fn sealed_by_existing(slot: u8, step: proto::Step) -> Vec<u8> {
    let (channel, ephemeral) = Channel::to(&secret().code(), &mut rng(6)).ok().unwrap();
    channel
        .seal(
            Writer::Existing,
            slot,
            (slot == 0).then_some(&ephemeral),
            step,
        )
        .unwrap()
}

fn sealed_by_new(step: proto::Step) -> Vec<u8> {
    let slot = sender().seal_offer(&offer()).ok().unwrap().1;
    let ephemeral = proto::Slot::decode(slot.as_slice()).unwrap().ephemeral_key;
    let pair = LinkKeyPair::generate(&mut rng(4));
    Channel::from([5; 16], &pair, &LinkKey::from_bytes(&ephemeral).unwrap())
        .ok()
        .unwrap()
        .seal(Writer::New, 1, None, step)
        .unwrap()
}

fn declined() -> proto::Step {
    proto::Step::Declined(proto::Declined {})
}

#[test]
fn a_new_device_is_linked() {
    let (confirmer, joiner, _) = offered();
    assert_eq!(joiner.offer(), &offer());
    let (waiter, slot) = joiner
        .seal_answer(&identity(), &traits(), &mut rng(7))
        .ok()
        .unwrap();
    let (finisher, device) = confirmer.open_answer(&slot, 99).ok().unwrap();
    assert_eq!(device.device_id, 2);
    assert_eq!(device.identity_key, identity().public());
    assert_eq!(device.registration_id, 77);
    assert_eq!(device.added_at_ms, 99);
    assert_eq!(device.features, ["edits"]);
    let slot = finisher.seal_finish(&account()).unwrap();
    let linked = waiter.open_finish(&slot).ok().unwrap();
    assert_eq!(linked.secret_bytes(), account().secret_bytes());
}

#[test]
fn an_offer_of_somebody_without_the_code_does_not_open() {
    let (_, _, slot) = offered();
    let other_key = LinkSecret::new([5; 16], &mut rng(40));
    assert_eq!(
        other_key.open_offer(&slot).err(),
        Some(LinkError::NotAuthentic)
    );
    let other_mailbox = LinkSecret::new([6; 16], &mut rng(4));
    assert_eq!(
        other_mailbox.open_offer(&slot).err(),
        Some(LinkError::NotAuthentic)
    );
}

#[test]
fn a_slot_does_not_open_in_another_place() {
    // Slot 0 again in slot 2, slot 2 in slot 0, and E's own slot 0 shown to E as the answer.
    let (_, waiter, _) = answered();
    let (_, _, first) = offered();
    assert_eq!(
        waiter.open_finish(&first).err(),
        Some(LinkError::NotAuthentic)
    );
    let finish = sealed_by_existing(2, declined());
    let mut moved = proto::Slot::decode(finish.as_slice()).unwrap();
    moved.ephemeral_key = proto::Slot::decode(first.as_slice()).unwrap().ephemeral_key;
    assert_eq!(
        secret().open_offer(&moved.encode_to_vec()).err(),
        Some(LinkError::NotAuthentic)
    );
    let (confirmer, _, _) = offered();
    assert_eq!(
        confirmer.open_answer(&first, 0).err(),
        Some(LinkError::NotAuthentic)
    );
}

#[test]
fn an_altered_slot_does_not_open() {
    let (_, _, slot) = offered();
    let mut altered = slot.clone();
    *altered.last_mut().unwrap() ^= 1;
    assert_eq!(
        secret().open_offer(&altered).err(),
        Some(LinkError::NotAuthentic)
    );
    let mut other_key = proto::Slot::decode(slot.as_slice()).unwrap();
    other_key.ephemeral_key[9] ^= 1;
    assert_eq!(
        secret().open_offer(&other_key.encode_to_vec()).err(),
        Some(LinkError::NotAuthentic)
    );
}

#[test]
fn a_key_that_gives_no_secret_is_refused() {
    let mut zero = [0; 33];
    zero[0] = 5;
    assert_eq!(LinkKey::from_bytes(&zero).err(), Some(KeyError::LowOrder));
    let slot = proto::Slot {
        ephemeral_key: zero.to_vec(),
        sealed: vec![0; 40],
    };
    assert_eq!(
        secret().open_offer(&slot.encode_to_vec()).err(),
        Some(LinkError::Malformed)
    );
}

#[test]
fn either_side_may_decline_at_its_next_slot() {
    let declined = Some(LinkError::Declined);
    let slot = sender().decline().unwrap();
    assert_eq!(secret().open_offer(&slot).err(), declined);

    let (confirmer, joiner, _) = offered();
    let slot = joiner.decline().unwrap();
    assert_eq!(confirmer.open_answer(&slot, 0).err(), declined);

    let (confirmer, waiter, _) = answered();
    let slot = confirmer.decline().unwrap();
    assert_eq!(waiter.open_finish(&slot).err(), declined);

    let (confirmer, waiter, slot) = answered();
    let (finisher, _) = confirmer.open_answer(&slot, 0).ok().unwrap();
    let slot = finisher.decline().unwrap();
    assert_eq!(waiter.open_finish(&slot).err(), declined);
}

#[test]
fn a_grant_that_does_not_fit_the_offer_is_refused() {
    let usurper = AccountKeyPair::generate(&mut rng(50));
    for offer in [
        offer_of(&account(), "bob", 2),
        offer_of(&account(), "alice", 3),
        offer_of(&usurper, "alice", 2),
    ] {
        let (_, slot) = sender().seal_offer(&offer).ok().unwrap();
        assert_eq!(secret().open_offer(&slot).err(), Some(LinkError::Grant));
    }
}

#[test]
fn an_answer_without_the_devices_agreement_is_refused() {
    let elsewhere = AccountKeyPair::generate(&mut rng(50)).public();
    let agreement = |account_key| {
        consent_to_listing(&identity(), "alice", &account_key, &mut rng(8))
            .unwrap()
            .to_bytes()
            .to_vec()
    };
    for device_signature in [agreement(elsewhere), vec![0; 64], vec![]] {
        let (confirmer, _, _) = offered();
        let slot = sealed_by_new(proto::Step::Answer(proto::Answer {
            identity_key: identity().public().to_bytes().to_vec(),
            registration_id: 77,
            protocol_versions: vec![],
            features: vec![],
            device_signature,
        }));
        assert_eq!(
            confirmer.open_answer(&slot, 0).err(),
            Some(LinkError::Consent)
        );
    }
}

#[test]
fn an_account_key_other_than_the_offered_one_is_neither_sent_nor_taken() {
    let other = AccountKeyPair::generate(&mut rng(50));
    let (confirmer, waiter, slot) = answered();
    let (finisher, _) = confirmer.open_answer(&slot, 0).ok().unwrap();
    assert_eq!(
        finisher.seal_finish(&other).err(),
        Some(LinkError::AccountKey)
    );
    let slot = sealed_by_existing(
        2,
        proto::Step::Finish(proto::Finish {
            account_secret: other.secret_bytes().to_vec(),
        }),
    );
    assert_eq!(waiter.open_finish(&slot).err(), Some(LinkError::AccountKey));
}

#[test]
fn a_message_of_another_step_is_refused() {
    let finish = || {
        proto::Step::Finish(proto::Finish {
            account_secret: vec![1; 32],
        })
    };
    let wrong = Some(LinkError::WrongStep);
    let slot = sealed_by_existing(0, finish());
    assert_eq!(secret().open_offer(&slot).err(), wrong);
    let (confirmer, waiter, _) = answered();
    assert_eq!(
        confirmer.open_answer(&sealed_by_new(finish()), 0).err(),
        wrong
    );
    let slot = sealed_by_existing(2, proto::Step::Answer(proto::Answer::default()));
    assert_eq!(waiter.open_finish(&slot).err(), wrong);
}

#[test]
fn what_is_no_message_is_refused() {
    let malformed = Some(LinkError::Malformed);
    let (_, waiter, _) = answered();
    let short = sealed_by_existing(
        2,
        proto::Step::Finish(proto::Finish {
            account_secret: vec![1; 31],
        }),
    );
    assert_eq!(waiter.open_finish(&short).err(), malformed);
    let empty = sealed_by_existing(0, proto::Step::Offer(proto::Offer::default()));
    assert_eq!(secret().open_offer(&empty).err(), malformed);
    let too_long = vec![0; MAX_SLOT_BYTES + 1];
    assert_eq!(secret().open_offer(&too_long).err(), malformed);
    assert_eq!(secret().open_offer(b"").err(), malformed);
    let (_, _, slot) = offered();
    let trailing = [&slot[..], &[0xff]].concat();
    assert_eq!(secret().open_offer(&trailing).err(), malformed);
}

#[test]
fn an_answer_at_its_bounds_fits_a_slot_and_one_beyond_is_refused() {
    use crate::device::{MAX_FEATURE_BYTES, MAX_FEATURES, MAX_PROTOCOL_VERSIONS};
    let mut largest = DeviceTraits {
        registration_id: u32::MAX,
        protocol_versions: vec![u32::MAX; MAX_PROTOCOL_VERSIONS],
        features: vec!["f".repeat(MAX_FEATURE_BYTES); MAX_FEATURES],
    };
    let (_, joiner, _) = offered();
    let sealed = joiner.seal_answer(&identity(), &largest, &mut rng(7));
    assert!(sealed.is_ok());
    largest.features.push("one more".to_owned());
    let (_, joiner, _) = offered();
    let sealed = joiner.seal_answer(&identity(), &largest, &mut rng(7));
    assert_eq!(sealed.err(), Some(LinkError::TooLarge));
}

/// Fields of a later version, outside of what is sealed, fill it up to the bound.
#[test]
fn a_slot_of_the_longest_length_is_read_and_one_byte_more_is_not() {
    let (_, _, slot) = offered();
    let extended = |length: usize| {
        let rest = length - slot.len() - 3;
        let (low, high) = ((rest & 0x7f) as u8 | 0x80, (rest >> 7) as u8);
        [&slot[..], &[15 << 3 | 2, low, high], &vec![0; rest]].concat()
    };
    assert_eq!(extended(MAX_SLOT_BYTES).len(), 4_096);
    assert!(secret().open_offer(&extended(MAX_SLOT_BYTES)).is_ok());
    let longer = secret().open_offer(&extended(MAX_SLOT_BYTES + 1));
    assert_eq!(longer.err(), Some(LinkError::Malformed));
}

#[test]
fn a_message_fills_a_slot_and_not_one_byte_more() {
    let sealed = |secret: usize| {
        let (channel, _) = Channel::to(&self::secret().code(), &mut rng(6))
            .ok()
            .unwrap();
        let step = proto::Step::Finish(proto::Finish {
            account_secret: vec![1; secret],
        });
        channel.seal(Writer::Existing, 2, None, step)
    };
    let around = sealed(3_000).unwrap().len() - 3_000;
    let fits = MAX_SLOT_BYTES - around;
    assert_eq!(sealed(fits).unwrap().len(), MAX_SLOT_BYTES);
    assert_eq!(sealed(fits + 1).err(), Some(LinkError::TooLarge));
}

#[test]
fn an_offer_of_an_impossible_user_or_device_is_malformed() {
    for (user_id, device_id) in [("al ice", 2), ("alice", 0)] {
        let (_, slot) = sender()
            .seal_offer(&offer_of(&account(), user_id, device_id))
            .ok()
            .unwrap();
        let refused = secret().open_offer(&slot).err();
        assert_eq!(refused, Some(LinkError::Malformed));
    }
}

#[test]
fn an_answer_beyond_the_bounds_of_an_entry_is_malformed() {
    use crate::device::{MAX_FEATURES, MAX_PROTOCOL_VERSIONS};
    let answer = |versions: usize, features: usize| {
        let agreed = consent_to_listing(&identity(), "alice", &account().public(), &mut rng(8));
        sealed_by_new(proto::Step::Answer(proto::Answer {
            identity_key: identity().public().to_bytes().to_vec(),
            registration_id: 77,
            protocol_versions: vec![4; versions],
            features: vec!["f".to_owned(); features],
            device_signature: agreed.unwrap().to_bytes().to_vec(),
        }))
    };
    let read = |slot: &[u8]| offered().0.open_answer(slot, 0).err();
    assert_eq!(read(&answer(MAX_PROTOCOL_VERSIONS, MAX_FEATURES)), None);
    let malformed = Some(LinkError::Malformed);
    assert_eq!(read(&answer(MAX_PROTOCOL_VERSIONS + 1, 0)), malformed);
    assert_eq!(read(&answer(0, MAX_FEATURES + 1)), malformed);
}

fn described(name: &str, message: &impl prost::Message, oneofs: usize) {
    let name = format!("sealwire.linking.v1.{name}");
    crate::proto_reference::assert_described("linking.proto", &name, message, oneofs);
}

#[test]
fn the_messages_are_as_described() {
    let slot = proto::Slot {
        ephemeral_key: vec![1],
        sealed: vec![2],
    };
    described("LinkSlot", &slot, 0);
    let offer = proto::Offer {
        user_id: "alice".to_owned(),
        account_key: vec![1],
        device_id: 2,
        grant: vec![3],
    };
    described("LinkOffer", &offer, 0);
    let answer = proto::Answer {
        identity_key: vec![1],
        registration_id: 2,
        protocol_versions: vec![3],
        features: vec!["edits".to_owned()],
        device_signature: vec![4],
    };
    described("LinkAnswer", &answer, 0);
    let finish = proto::Finish {
        account_secret: vec![1],
    };
    described("LinkFinish", &finish, 0);
    for step in [
        proto::Step::Offer(offer),
        proto::Step::Answer(answer),
        proto::Step::Finish(finish),
        declined(),
    ] {
        described("LinkMessage", &proto::Message { step: Some(step) }, 3);
    }
}

proptest! {
    #[test]
    fn no_slot_makes_a_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(secret().open_offer(&bytes).is_err());
        let (confirmer, waiter, _) = answered();
        prop_assert!(confirmer.open_answer(&bytes, 0).is_err());
        prop_assert!(waiter.open_finish(&bytes).is_err());
    }
}
