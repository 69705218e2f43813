//! A user who was never seen before, with more lists than fit into one answer: judged as a whole, wherever the relay cuts.

use crate::device::{Device, user};
use crate::relay::{Relay, no, ok};
use crate::trust::{accept_list, offered, pretender_publishes, pretender_under};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use sealwire_crypto::keys::AccountKeyPair;
use sealwire_engine::{Event, MessageState};
use sealwire_wire::contract::{ErrorCode, ServerEvent, UserDeviceLists};

/// Bob, whose list of this version was a recovery under this account key, and who has so many lists now.
fn bob_recovered(relay: &mut Relay, version: u64, of: u64, same_key: bool) -> (Device, Device) {
    let bob = Device::registered(relay, "bob", 2);
    let row = bob.engine.store().account().unwrap().unwrap();
    let own = AccountKeyPair::from_secret_bytes(&row.account_secret.unwrap());
    while relay.lists[&user("bob")].len() as u64 + 1 < version {
        pretender_publishes(relay, &bob, Vec::new());
    }
    let account = if same_key {
        own
    } else {
        AccountKeyPair::generate(&mut ChaCha20Rng::seed_from_u64(65))
    };
    let recovered = pretender_under(relay, account, 66);
    while (relay.lists[&user("bob")].len() as u64) < of {
        pretender_publishes(relay, &recovered, Vec::new());
    }
    assert_eq!(relay.lists[&user("bob")].len() as u64, of);
    (bob, recovered)
}

fn held(device: &Device) -> u64 {
    let newest = device.engine.store().newest_list(&user("bob")).unwrap();
    newest.map_or(0, |list| list.version)
}

fn is_offered(device: &Device) -> bool {
    let pinned = device.engine.store().pinned_account(&user("bob")).unwrap();
    pinned.is_some_and(|pinned| pinned.offered_key.is_some())
}

#[test]
fn a_recovery_of_before_that_kept_the_key_asks_nobody_wherever_the_answers_are_cut() {
    for (version, of) in [(50, 150), (100, 100), (101, 150), (120, 200), (220, 230)] {
        let relay = &mut Relay::default();
        let mut alice = Device::registered(relay, "alice", 1);
        bob_recovered(relay, version, of, true);
        alice.send(relay, "bob", "hello");
        assert_eq!(held(&alice), of);
        assert_eq!(offered(&alice), None, "{version} of {of}");
        let alice = alice.restarted(9);
        assert!(!is_offered(&alice), "{version} of {of}");
    }
}

#[test]
fn a_recovery_of_before_that_changed_the_key_asks_once_for_all_that_there_is() {
    for (version, of) in [(50, 150), (101, 150), (120, 200)] {
        let relay = &mut Relay::default();
        let mut alice = Device::registered(relay, "alice", 1);
        bob_recovered(relay, version, of, false);
        let local_id = alice.send(relay, "bob", "hello");
        assert_eq!(held(&alice), of, "{version} of {of}");
        let list_hash = offered(&alice).unwrap();
        assert!(relay.sends.is_empty());
        assert_eq!(accept_list(&mut alice, relay, &list_hash), Ok(()));
        assert_eq!(held(&alice), of);
        let alice = alice.restarted(9);
        assert!(!is_offered(&alice));
        assert!(matches!(alice.state(local_id), MessageState::Pending));
    }
}

#[test]
fn nothing_is_sent_by_the_first_half_of_a_chain_also_after_a_crash_between_the_two() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    bob_recovered(relay, 120, 150, true);
    relay.instead = Some(Box::new(|request| {
        let second = request.path.ends_with("/v1/users/bob/devices?since=100");
        second.then(|| no(ErrorCode::Unavailable))
    }));
    relay.asked.clear();
    alice.send(relay, "bob", "hello");
    assert_eq!(held(&alice), 0);
    let asks_for_bundles = |relay: &Relay| {
        let mut asked = relay.asked.iter();
        asked.any(|path| path.contains("/v1/prekeys/query"))
    };
    assert!(relay.sends.is_empty() && !asks_for_bundles(relay));
    let mut alice = alice.restarted_at_its_time(9);
    alice.run(relay);
    alice.pass(relay, 60_000);
    assert!(relay.sends.is_empty() && !asks_for_bundles(relay));
    relay.instead = None;
    alice.pass(relay, 600_000);
    assert_eq!(held(&alice), 150);
    assert!(!is_offered(&alice));
    assert_eq!(offered(&alice), None);
    assert!(
        asks_for_bundles(relay),
        "now it is bob's newest device that is asked for"
    );
    alice.restarted(10);
}

/// Bob is known: what he did before he was is judged no more.
#[test]
fn once_a_chain_is_here_as_a_whole_a_recovery_asks_whatever_its_version() {
    for of in [99, 100, 150] {
        let relay = &mut Relay::default();
        let mut alice = Device::registered(relay, "alice", 1);
        let bob = Device::registered(relay, "bob", 2);
        while relay.lists[&user("bob")].len() < of {
            pretender_publishes(relay, &bob, Vec::new());
        }
        alice.send(relay, "bob", "hello");
        assert_eq!(held(&alice), of as u64);
        let row = bob.engine.store().account().unwrap().unwrap();
        let own = AccountKeyPair::from_secret_bytes(&row.account_secret.unwrap());
        pretender_under(relay, own, 66);
        let told = alice.frame(ServerEvent::Devices {
            user_id: user("bob"),
            version: of as u64 + 1,
        });
        alice.take_frames(relay, vec![told]);
        assert!(offered(&alice).is_some() && is_offered(&alice), "{of}");
        alice.restarted(9);
    }
}

/// Page 1 lists a device that page 2 recovers from: nobody reads it meanwhile, and nothing of its successor's overtakes anything.
#[test]
fn nothing_is_read_by_the_first_half_of_a_chain() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    let (mut before, mut bob) = bob_recovered(relay, 120, 150, true);
    before.send(relay, "alice", "from a device that is gone");
    let gone = relay.queues.remove(&alice.name()).unwrap_or_default();
    for text in ["first", "second"] {
        bob.send(relay, "alice", text);
    }
    let rows = relay.queues.remove(&alice.name()).unwrap();
    relay.instead = Some(Box::new(|request| {
        let second = request.path.ends_with("/v1/users/bob/devices?since=100");
        second.then(|| no(ErrorCode::Unavailable))
    }));
    alice.take_rows(relay, gone.into());
    alice.take_rows(relay, vec![rows[0].clone()]);
    alice.pass(relay, 60_000);
    alice.take_rows(relay, vec![rows[1].clone()]);
    assert!(alice.is_acknowledged());
    assert!(alice.texts("bob").is_empty(), "{:?}", alice.texts("bob"));
    relay.instead = None;
    alice.pass(relay, 600_000);
    let texts = alice.texts("bob");
    assert!(!texts.contains(&"from a device that is gone".to_owned()));
    assert!(
        texts.ends_with(&["first".to_owned(), "second".to_owned()]),
        "{texts:?}"
    );
    let reordered = |event: &Event| matches!(event, Event::MessageReordered { .. });
    assert!(!alice.events.iter().any(reordered));
    assert_eq!(alice.restarted(9).texts("bob"), texts);
}

#[test]
fn a_first_half_that_was_made_up_is_forgotten_once_the_relay_shows_what_is_true() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    let made_up = &mut Relay::default();
    let fake = Device::registered(made_up, "bob", 99);
    while made_up.lists[&user("bob")].len() < 100 {
        pretender_publishes(made_up, &fake, Vec::new());
    }
    let lists = made_up.lists[&user("bob")].clone();
    relay.instead = Some(Box::new(move |request| {
        let first = request.path.ends_with("/v1/users/bob/devices?since=0");
        first.then(|| {
            ok(&UserDeviceLists {
                user_id: user("bob"),
                version: lists.len() as u64,
                lists: lists.clone(),
            })
        })
    }));
    Device::registered(relay, "bob", 2);
    alice.send(relay, "bob", "hello");
    assert!(relay.sends.is_empty());
    relay.instead = None;
    alice.pass(relay, 600_000);
    assert_eq!(held(&alice), 1);
    assert_eq!(relay.sends.len(), 1);
    alice.restarted(9);
}
