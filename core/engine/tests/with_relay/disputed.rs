//! A chain that nobody accepted yet: what is accepted is what was compared, and the true one keeps its place.

use crate::device::{Device, user};
use crate::relay::Relay;
use crate::trust::{
    accept_list, offered, pretender, pretender_publishes, pretender_under, pretender_with_bobs_key,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use sealwire_crypto::device::ListChange;
use sealwire_crypto::keys::AccountKeyPair;
use sealwire_wire::contract::{ServerEvent, SignedList};

fn not_offered() -> Result<(), String> {
    Err("list_not_offered".to_owned())
}

fn hears_of_bobs_list(device: &mut Device, relay: &mut Relay) {
    let told = device.frame(ServerEvent::Devices {
        user_id: user("bob"),
        version: 2,
    });
    device.take_frames(relay, vec![told]);
}

/// The account key pinned of bob, and the one offered.
fn keys(device: &Device) -> ([u8; 33], Option<[u8; 33]>) {
    let pinned = device.engine.store().pinned_account(&user("bob"));
    let pinned = pinned.unwrap().unwrap();
    (pinned.account_key, pinned.offered_key)
}

fn bobs_account(bob: &Device) -> AccountKeyPair {
    let row = bob.engine.store().account().unwrap().unwrap();
    AccountKeyPair::from_secret_bytes(&row.account_secret.unwrap())
}

/// Alice and bob, who have talked.
fn two_who_talk(relay: &mut Relay) -> (Device, Device) {
    let mut alice = Device::registered(relay, "alice", 1);
    let mut bob = Device::registered(relay, "bob", 2);
    bob.send(relay, "alice", "hello");
    alice.deliver(relay);
    (alice, bob)
}

fn relay_takes_back(relay: &mut Relay) -> SignedList {
    relay.lists.get_mut(&user("bob")).unwrap().pop().unwrap()
}

#[test]
fn a_key_that_the_relay_swapped_while_people_compared_is_not_accepted() {
    let relay = &mut Relay::default();
    let (mut alice, bob) = two_who_talk(relay);
    let _compared = pretender(relay, &bob);
    hears_of_bobs_list(&mut alice, relay);
    let compared = offered(&alice).unwrap();

    // While they compare, the relay shows another one in its place.
    relay_takes_back(relay);
    let another = AccountKeyPair::generate(&mut ChaCha20Rng::seed_from_u64(75));
    let _swapped = pretender_under(relay, another, 76);
    hears_of_bobs_list(&mut alice, relay);
    let swapped = offered(&alice).unwrap();
    assert_ne!(compared, swapped, "the app is told of the other one");

    let before = keys(&alice);
    alice.events.clear();
    assert_eq!(accept_list(&mut alice, relay, &compared), not_offered());
    assert_eq!(offered(&alice).as_ref(), Some(&swapped), "told again");
    let mut alice = alice.restarted(9);
    alice.run(relay);
    assert_eq!(keys(&alice), before);
    let sent = relay.sends.len();
    alice.send(relay, "bob", "waits");
    assert_eq!(relay.sends.len(), sent);

    assert_eq!(accept_list(&mut alice, relay, &swapped), Ok(()));
    assert_eq!(keys(&alice), (before.1.unwrap(), None));
    let again = accept_list(&mut alice, relay, &swapped);
    assert_eq!(again, Ok(()), "what was accepted may be accepted again");
    let mut alice = alice.restarted(10);
    alice.run(relay);
    assert_eq!(keys(&alice), (before.1.unwrap(), None));
}

#[test]
fn another_recovery_under_the_same_key_is_not_the_one_that_the_person_spoke_of() {
    let relay = &mut Relay::default();
    let (mut alice, bob) = two_who_talk(relay);
    let _of_the_person = pretender_with_bobs_key(relay, &bob);
    hears_of_bobs_list(&mut alice, relay);
    let told_of = offered(&alice).unwrap();
    relay_takes_back(relay);
    let _of_a_thief = pretender_under(relay, bobs_account(&bob), 76);
    hears_of_bobs_list(&mut alice, relay);
    assert_eq!(accept_list(&mut alice, relay, &told_of), not_offered());
    assert!(keys(&alice).1.is_some());
    alice.restarted(9);
}

#[test]
fn lists_that_came_behind_the_one_compared_are_told_of_before_they_are_accepted() {
    let relay = &mut Relay::default();
    let (mut alice, bob) = two_who_talk(relay);
    let thief = pretender(relay, &bob);
    hears_of_bobs_list(&mut alice, relay);
    let compared = offered(&alice).unwrap();
    pretender_publishes(relay, &thief, Vec::new());
    hears_of_bobs_list(&mut alice, relay);
    let extended = offered(&alice).unwrap();
    assert_eq!(accept_list(&mut alice, relay, &compared), not_offered());
    assert_eq!(accept_list(&mut alice, relay, &extended), Ok(()));
    alice.restarted(9);
}

#[test]
fn a_recovery_that_gave_way_to_the_true_list_cannot_be_accepted_any_more() {
    let relay = &mut Relay::default();
    let (mut alice, bob) = two_who_talk(relay);
    let _thief = pretender(relay, &bob);
    hears_of_bobs_list(&mut alice, relay);
    let compared = offered(&alice).unwrap();
    relay_takes_back(relay);
    let next = bob.next_list(ListChange {
        put: Vec::new(),
        remove: Vec::new(),
    });
    relay.publish(&user("bob"), &next);
    hears_of_bobs_list(&mut alice, relay);
    alice.events.clear();
    assert_eq!(accept_list(&mut alice, relay, &compared), not_offered());
    assert_eq!(offered(&alice), None, "nothing is to be accepted");
    let alice = alice.restarted(9);
    assert_eq!(keys(&alice).0, bobs_account(&bob).public().to_bytes());
}

#[test]
fn words_under_the_true_list_wait_while_a_made_up_one_stands_in_its_place() {
    for pretender in [pretender, pretender_with_bobs_key] {
        let relay = &mut Relay::default();
        let (mut alice, mut bob) = two_who_talk(relay);
        let next = bob.next_list(ListChange {
            put: Vec::new(),
            remove: Vec::new(),
        });
        let _thief = pretender(relay, &bob);
        hears_of_bobs_list(&mut alice, relay);
        // Bob's own device sees the true chain, in which his list has the same number.
        let made_up = relay_takes_back(relay);
        relay.publish(&user("bob"), &next);
        hears_of_bobs_list(&mut bob, relay);
        bob.send(relay, "alice", "under the true list");
        let truth = relay_takes_back(relay);
        relay.lists.get_mut(&user("bob")).unwrap().push(made_up);

        alice.deliver(relay);
        assert!(alice.is_acknowledged());
        assert_eq!(alice.engine.store().count_parked().unwrap(), 1);
        let mut alice = alice.restarted(9);
        alice.run(relay);
        assert_eq!(alice.texts("bob"), ["hello", "<unknown_device>"]);
        assert_eq!(alice.engine.store().count_parked().unwrap(), 1);

        relay_takes_back(relay);
        relay.lists.get_mut(&user("bob")).unwrap().push(truth);
        hears_of_bobs_list(&mut alice, relay);
        let mut alice = alice.restarted(10);
        alice.run(relay);
        assert_eq!(alice.texts("bob"), ["hello", "under the true list"]);
        assert_eq!(alice.engine.store().count_parked().unwrap(), 0);
    }
}

#[test]
fn words_that_waited_under_a_list_that_turned_out_another_wait_no_longer() {
    let relay = &mut Relay::default();
    let (mut alice, mut bob) = two_who_talk(relay);
    let next = bob.next_list(ListChange {
        put: Vec::new(),
        remove: Vec::new(),
    });
    let _new_device = pretender(relay, &bob);
    hears_of_bobs_list(&mut alice, relay);
    let recovery = relay_takes_back(relay);
    relay.publish(&user("bob"), &next);
    hears_of_bobs_list(&mut bob, relay);
    bob.send(relay, "alice", "of a device that is lost");
    relay_takes_back(relay);
    relay.lists.get_mut(&user("bob")).unwrap().push(recovery);
    alice.deliver(relay);
    let list_hash = offered(&alice).unwrap();
    assert_eq!(accept_list(&mut alice, relay, &list_hash), Ok(()));
    let mut alice = alice.restarted(9);
    alice.run(relay);
    assert_eq!(alice.texts("bob"), ["hello", "<unknown_device>"]);
    assert_eq!(alice.engine.store().count_parked().unwrap(), 0);
}

#[test]
fn a_device_that_a_recovery_listed_and_then_dropped_again_puts_no_words_in_anybodys_mouth() {
    for pretender in [pretender, pretender_with_bobs_key] {
        let relay = &mut Relay::default();
        let (mut alice, bob) = two_who_talk(relay);
        let mut thief = pretender(relay, &bob);
        thief.run(relay);
        thief.send(relay, "alice", "I am bob");
        // A second recovery behind the first: its list holds another device alone.
        let account = thief.engine.store().account().unwrap().unwrap();
        let account = AccountKeyPair::from_secret_bytes(&account.account_secret.unwrap());
        let _second = pretender_under(relay, account, 86);
        hears_of_bobs_list(&mut alice, relay);
        alice.deliver(relay);
        let alice = alice.restarted(9);
        let texts = alice.texts("bob");
        assert!(!texts.contains(&"I am bob".to_owned()), "{texts:?}");
    }
}
