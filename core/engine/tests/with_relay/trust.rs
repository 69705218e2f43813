//! Whose word counts: what a relay that makes up a recovery can and cannot do.

use crate::device::{Device, user};
use crate::relay::{Relay, no, ok};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use sealwire_crypto::device::{
    DeviceList, ListChange, NewDevice, SignedDeviceList, consent_to_listing,
};
use sealwire_crypto::keys::{AccountKeyPair, IdentityKeyPair};
use sealwire_engine::{Call, Event, Input, MessageState, SocketInput};
use sealwire_store::{Account, AccountState, Location, Store, StoreKey};
use sealwire_wire::DeviceId;
use sealwire_wire::contract::{ErrorCode, QueueItem, QueuePage, ServerEvent};

/// A device that says it is the only one left of bob, under an account key of its own.
pub(crate) fn pretender(relay: &mut Relay, _bob: &Device) -> Device {
    let account = AccountKeyPair::generate(&mut ChaCha20Rng::seed_from_u64(65));
    pretender_under(relay, account, 66)
}

/// The same under bob's own account key: somebody has a copy of it, as every device that bob ever removed.
pub(crate) fn pretender_with_bobs_key(relay: &mut Relay, bob: &Device) -> Device {
    let row = bob.engine.store().account().unwrap().unwrap();
    let account = AccountKeyPair::from_secret_bytes(&row.account_secret.unwrap());
    pretender_under(relay, account, 66)
}

/// Under any account key, with an identity of this seed, behind the newest list that the relay shows.
pub(crate) fn pretender_under(relay: &mut Relay, account: AccountKeyPair, seed: u64) -> Device {
    let rng = &mut ChaCha20Rng::seed_from_u64(seed);
    let list = newest_shown(relay);
    let device_id = if list.device(5).is_none() { 5 } else { 6 };
    let identity = IdentityKeyPair::generate(rng);
    let consent = consent_to_listing(&identity, "bob", &account.public(), rng).unwrap();
    let device = NewDevice {
        device_id,
        registration_id: 55,
        identity_key: identity.public(),
        added_at_ms: 1,
        protocol_versions: vec![3],
        features: Vec::new(),
        device_signature: consent,
    };
    let recovery = list.sign_recovery(&account, &identity, &device, 1, rng);
    relay.publish(&user("bob"), &recovery.unwrap());
    let key = StoreKey::new([7; 32], [9; 16]);
    let mut store = Store::open(&Location::Memory, &key, None).unwrap();
    let row = Account {
        user_id: user("bob"),
        device_id: DeviceId::new(device_id).unwrap(),
        registration_id: 55,
        identity_secret: identity.secret_bytes(),
        account_secret: Some(account.secret_bytes()),
        relay_origin: "https://relay.test".to_owned(),
        state: AccountState::Registered,
    };
    store.transaction(|tx| tx.save_account(&row)).unwrap();
    Device::over(store, 67)
}

fn newest_shown(relay: &Relay) -> DeviceList {
    let shown = relay.lists[&user("bob")].last().unwrap();
    let signed = SignedDeviceList {
        payload: shown.payload.0.clone(),
        account_signature: shown.account_signature.0.clone(),
        signer_device_id: shown.signer_device_id.get(),
        signer_signature: shown.signer_signature.0.clone(),
    };
    DeviceList::danger_restore_verified(&signed).unwrap()
}

/// What this device was told last of a list of bob's that is to be accepted.
pub(crate) fn offered(device: &Device) -> Option<String> {
    let mut newest_first = device.events.iter().rev();
    newest_first.find_map(|event| match event {
        Event::AccountKeyChanged { user_id, list_hash } if *user_id == user("bob") => {
            Some(list_hash.clone())
        }
        _ => None,
    })
}

/// Believes whatever it holds: told of it by asking for something else first.
pub(crate) fn accept(device: &mut Device, relay: &mut Relay) -> Result<(), String> {
    let refused = accept_list(device, relay, "nothing");
    assert_eq!(refused, Err("list_not_offered".to_owned()));
    let list_hash = offered(device).unwrap();
    accept_list(device, relay, &list_hash)
}

pub(crate) fn accept_list(
    device: &mut Device,
    relay: &mut Relay,
    list_hash: &str,
) -> Result<(), String> {
    let call = device.call(Call::AcceptAccountKey {
        user_id: user("bob"),
        list_hash: list_hash.to_owned(),
    });
    device.run(relay);
    let result = device.result(call).unwrap();
    result
        .map(drop)
        .map_err(|error| error.code().as_str().to_owned())
}

#[test]
fn a_recovery_that_nobody_accepted_puts_no_words_in_anybodys_mouth() {
    puts_no_words_in_anybodys_mouth(pretender);
}

#[test]
fn a_recovery_under_the_same_account_key_puts_no_words_in_anybodys_mouth_either() {
    puts_no_words_in_anybodys_mouth(pretender_with_bobs_key);
}

fn puts_no_words_in_anybodys_mouth(pretender: fn(&mut Relay, &Device) -> Device) {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    let mut bob = Device::registered(relay, "bob", 2);
    for (number, text) in ["first", "second", "third"].into_iter().enumerate() {
        bob.send(relay, "alice", text);
        if number == 0 {
            alice.deliver(relay);
        }
    }
    let of_bob = relay.queues.remove(&alice.name()).unwrap();

    let mut pretender = pretender(relay, &bob);
    pretender.run(relay);
    pretender.send(relay, "alice", "I am bob");
    let told = alice.frame(ServerEvent::Devices {
        user_id: user("bob"),
        version: 2,
    });
    alice.take_frames(relay, vec![told]);
    assert!(offered(&alice).is_some());
    let mut of_bob = of_bob.into_iter();
    alice.deliver(relay);
    alice.take_rows(relay, vec![of_bob.next().unwrap()]);
    let caught_up = alice.frame(ServerEvent::CaughtUp { replayed: 3 });
    alice.take_frames(relay, vec![caught_up]);
    alice.take_rows(relay, vec![of_bob.next().unwrap()]);
    let texts = alice.texts("bob");
    assert!(!texts.contains(&"I am bob".to_owned()), "{texts:?}");
    for text in ["first", "second", "third", "<identity_changed>"] {
        assert!(texts.contains(&text.to_owned()), "{text}: {texts:?}");
    }
    assert!(alice.is_acknowledged());

    alice = alice.restarted(8);
    alice.run(relay);
    assert!(accept(&mut alice, relay).is_ok());
    assert!(alice.texts("bob").contains(&"I am bob".to_owned()));
    assert_eq!(alice.engine.store().count_parked().unwrap(), 0);
}

#[test]
fn what_waits_for_a_key_that_nobody_accepts_fails_after_a_day_and_may_be_retried_then() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    let bob = Device::registered(relay, "bob", 2);
    alice.send(relay, "bob", "before");
    let mut pretender = pretender(relay, &bob);
    pretender.run(relay);
    let told = alice.frame(ServerEvent::Devices {
        user_id: user("bob"),
        version: 2,
    });
    alice.take_frames(relay, vec![told]);
    let before = relay.sends.len();
    let local_id = alice.send(relay, "bob", "to whom?");
    alice.pass(relay, 60_000);
    assert_eq!(alice.state(local_id), MessageState::Pending);
    alice.age(25 * 60 * 60 * 1000);
    alice.pass(relay, 60_000);
    let failed = MessageState::Failed {
        code: "account_key_changed".to_owned(),
    };
    assert_eq!(alice.state(local_id), failed);
    assert_eq!(relay.sends.len(), before);
    let mut alice = alice.restarted_at_its_time(8);
    assert_eq!(alice.state(local_id), failed);
    alice.run(relay);
    assert!(accept(&mut alice, relay).is_ok());
    let retry = alice.call(Call::Retry { local_id });
    assert!(alice.result(retry).unwrap().is_ok());
    alice.run(relay);
    assert_eq!(relay.sends[before].1.client_seq.0, 2, "now it leaves");
    assert_eq!(alice.restarted(9).texts("bob"), ["before", "to whom?"]);
}

#[test]
fn a_long_chain_is_taken_in_whole_and_in_pieces() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    let mut bob = Device::registered(relay, "bob", 2);
    for _ in 0..230 {
        let next = bob.next_list(ListChange {
            put: Vec::new(),
            remove: Vec::new(),
        });
        relay.publish(&user("bob"), &next);
        let told = bob.frame(ServerEvent::Devices {
            user_id: user("bob"),
            version: 0,
        });
        bob.take_frames(relay, vec![told]);
    }
    // Alice hears of bob first by a message that names the newest version.
    bob.send(relay, "alice", "after many changes");
    relay.asked.clear();
    alice.deliver(relay);
    assert_eq!(alice.texts("bob"), ["after many changes"]);
    assert!(!alice.events.iter().any(|event| matches!(
        event,
        Event::DeviceListRollback { .. } | Event::MessageUnreadable(_)
    )));
    let asked = relay
        .asked
        .iter()
        .filter(|path| path.contains("/devices?since="));
    assert_eq!(asked.count(), 3);
}

#[test]
fn a_recovery_that_the_relay_made_up_ends_no_device_for_good() {
    ends_no_device_for_good(pretender);
}

#[test]
fn a_recovery_under_the_same_account_key_ends_no_device_for_good_either() {
    ends_no_device_for_good(pretender_with_bobs_key);
}

fn ends_no_device_for_good(pretender: fn(&mut Relay, &Device) -> Device) {
    let relay = &mut Relay::default();
    let mut bob = Device::registered(relay, "bob", 2);
    let _alice = Device::registered(relay, "alice", 1);
    let _pretender = pretender(relay, &bob);
    let told = ServerEvent::Devices {
        user_id: user("bob"),
        version: 2,
    };
    let told = bob.frame(told);
    bob.take_frames(relay, vec![told]);
    assert!(bob.engine.account().is_some() && !bob.events.contains(&Event::DeviceRevoked));
    bob.send(relay, "alice", "waits");
    bob.pass(relay, 60_000);
    assert!(relay.sends.is_empty(), "not while the relay shows a fork");
    relay.lists.get_mut(&user("bob")).unwrap().pop();
    bob.pass(relay, 120_000);
    assert_eq!(relay.sends.len(), 1);
}

#[test]
fn a_recovery_that_was_made_up_gives_way_to_the_true_list() {
    gives_way_to_the_true_list(pretender);
}

#[test]
fn a_recovery_under_the_same_account_key_stops_sending_and_gives_way_to_the_true_list() {
    gives_way_to_the_true_list(pretender_with_bobs_key);
}

fn gives_way_to_the_true_list(pretender: fn(&mut Relay, &Device) -> Device) {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    let mut bob = Device::registered(relay, "bob", 2);
    bob.send(relay, "alice", "hello");
    alice.deliver(relay);
    let _pretender = pretender(relay, &bob);
    let told = ServerEvent::Devices {
        user_id: user("bob"),
        version: 2,
    };
    let frame = alice.frame(told.clone());
    alice.take_frames(relay, vec![frame]);
    let sent = relay.sends.len();
    alice.send(relay, "bob", "waits");
    alice.pass(relay, 60_000);
    assert_eq!(relay.sends.len(), sent, "not to whom nobody accepted");

    // The relay comes to its senses; after that bob changes his list.
    relay.lists.get_mut(&user("bob")).unwrap().pop();
    let next = bob.next_list(ListChange {
        put: Vec::new(),
        remove: Vec::new(),
    });
    relay.publish(&user("bob"), &next);
    alice = alice.restarted(8);
    alice.run(relay);
    let frame = alice.frame(told);
    alice.take_frames(relay, vec![frame]);
    alice.pass(relay, 120_000);
    assert_eq!(relay.sends.len(), sent + 1);
    bob.deliver(relay);
    assert_eq!(bob.texts("alice"), ["hello", "waits"]);
    let held = alice.engine.store().newest_list(&user("bob")).unwrap();
    assert_eq!(held.unwrap().bytes, next.to_bytes());
}

fn asks_for_bob(relay: &Relay) -> usize {
    let asks = |asked: &&String| asked.starts_with("Get /v1/users/bob/devices");
    relay.asked.iter().filter(asks).count()
}

/// It is acknowledged, so nobody says it again.
#[test]
fn word_of_a_new_list_is_kept_until_the_list_is_had() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    let mut bob = Device::registered(relay, "bob", 2);
    bob.send(relay, "alice", "hello");
    alice.deliver(relay);
    let next = bob.next_list(ListChange {
        put: Vec::new(),
        remove: Vec::new(),
    });
    relay.publish(&user("bob"), &next);
    let word = ServerEvent::Devices {
        user_id: user("bob"),
        version: 2,
    };
    // The process ends before anybody answers.
    let frame = alice.frame(word.clone());
    alice.hand_in(Input::Socket(SocketInput::Frames(vec![frame])));
    assert!(alice.is_acknowledged());
    alice = alice.restarted(8);
    alice.run(relay);
    let version = |device: &Device| {
        let newest = device.engine.store().newest_list(&user("bob")).unwrap();
        newest.unwrap().version
    };
    assert_eq!(version(&alice), 2);
    // It was had: nobody asks again.
    relay.asked.clear();
    alice = alice.restarted(9);
    alice.run(relay);
    assert_eq!(asks_for_bob(relay), 0);

    // The same without a socket, and the relay fails when it is asked.
    alice.call(Call::Disconnect);
    relay.instead = Some(Box::new(move |request| {
        if request.path.starts_with("/v1/users/bob") {
            return Some(no(ErrorCode::Unavailable));
        }
        let entry = QueueItem {
            entry_id: "word".to_owned(),
            event: word.clone(),
        };
        (request.path.starts_with("/v1/me/queue?")).then(|| {
            ok(&QueuePage {
                entries: vec![entry],
                has_more: false,
                marks: Vec::new(),
                marks_cursor: None,
            })
        })
    }));
    let call = alice.call(Call::FetchQueue);
    alice.run(relay);
    assert!(alice.result(call).unwrap().is_ok());
    relay.instead = None;
    relay.asked.clear();
    alice = alice.restarted(10);
    alice.run(relay);
    assert_eq!(asks_for_bob(relay), 1);
}

/// A further list of bob's that the pretender signs.
pub(crate) fn pretender_publishes(relay: &mut Relay, thief: &Device, put: Vec<NewDevice>) {
    let row = thief.engine.store().account().unwrap().unwrap();
    let account = AccountKeyPair::from_secret_bytes(&row.account_secret.unwrap());
    let identity = IdentityKeyPair::from_secret_bytes(&row.identity_secret);
    let list = newest_shown(relay);
    let rng = &mut ChaCha20Rng::seed_from_u64(71);
    let change = ListChange {
        put,
        remove: Vec::new(),
    };
    let next = list.sign_next(&account, row.device_id.get(), &identity, &change, 1, rng);
    relay.publish(&user("bob"), &next.unwrap());
}

#[test]
fn a_recovery_that_lists_this_device_again_behind_it_is_taken_no_more_than_one_that_drops_it() {
    let relay = &mut Relay::default();
    let mut bob = Device::registered(relay, "bob", 2);
    let mut alice = Device::registered(relay, "alice", 1);
    let row = bob.engine.store().newest_list(&user("bob")).unwrap();
    let signed = SignedDeviceList::from_bytes(&row.unwrap().bytes).unwrap();
    let before = DeviceList::danger_restore_verified(&signed).unwrap();
    let thief = pretender_with_bobs_key(relay, &bob);
    // The consent of bob's own device lies open in the list before.
    let entry = &before.devices()[0];
    let again = entry.relist(entry.protocol_versions.clone(), Vec::new());
    pretender_publishes(relay, &thief, vec![again.unwrap()]);
    let told = bob.frame(ServerEvent::Devices {
        user_id: user("bob"),
        version: 3,
    });
    bob.take_frames(relay, vec![told]);
    let held = bob.engine.store().newest_list(&user("bob")).unwrap();
    assert_eq!(held.unwrap().version, 1);
    let bobs = Event::DeviceListRollback {
        user_id: user("bob"),
    };
    assert!(bob.events.contains(&bobs));
    // What bob's device writes is for no device of the thief's.
    bob.queue("alice", "for alice alone");
    for _ in 0..10 {
        bob.pass(relay, 60_000);
    }
    let for_the_thief = |send: &&sealwire_wire::contract::SendMessage| {
        let mut envelopes = send.envelopes.iter();
        envelopes.any(|envelope| envelope.user_id == user("bob"))
    };
    assert_eq!(
        relay
            .sends
            .iter()
            .map(|send| &send.1)
            .filter(for_the_thief)
            .count(),
        0
    );
    alice.run(relay);
    bob.restarted(9);
}

#[test]
fn a_long_chain_behind_a_recovery_is_asked_for_once_and_had_when_it_is_accepted() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    let mut bob = Device::registered(relay, "bob", 2);
    bob.send(relay, "alice", "hello");
    alice.deliver(relay);
    let thief = pretender(relay, &bob);
    for _ in 0..149 {
        pretender_publishes(relay, &thief, Vec::new());
    }
    let told = alice.frame(ServerEvent::Devices {
        user_id: user("bob"),
        version: 151,
    });
    relay.asked.clear();
    alice.take_frames(relay, vec![told]);
    let asks = |relay: &Relay| {
        let mut asked = relay.asked.iter();
        asked
            .by_ref()
            .filter(|path| path.contains("/v1/users/bob/devices"))
            .count()
    };
    assert!(asks(relay) <= 3, "{} times", asks(relay));
    let held = |device: &Device| {
        let newest = device.engine.store().newest_list(&user("bob")).unwrap();
        newest.unwrap().version
    };
    assert_eq!(held(&alice), 101);
    assert!(accept(&mut alice, relay).is_ok());
    assert_eq!(held(&alice), 151);
    alice.restarted(9);
}
