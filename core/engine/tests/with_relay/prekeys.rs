//! Prekeys: enough of them, fresh ones, the same here and at the relay, and none gone before its time.

use crate::device::Device;
use crate::relay::{Relay, no};
use sealwire_engine::{Event, Input, SocketInput};
use sealwire_store::PrekeyKind;
use sealwire_wire::contract::{ErrorCode, PrekeyUpload, ServerEvent};
use sealwire_wire::{Base64, Timestamp};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// Ids of the signed prekeys that it holds, newest first.
fn signed(device: &Device) -> Vec<u32> {
    let held = device.engine.store().signed_prekeys().unwrap();
    held.iter().map(|row| row.id).collect()
}

fn uploads(relay: &Relay, device: &Device) -> Vec<PrekeyUpload> {
    let name = device.name();
    let uploads = relay.uploads.iter().filter(|(of, _)| *of == name);
    uploads.map(|(_, upload)| upload.clone()).collect()
}

fn signed_of(upload: &PrekeyUpload) -> Option<u32> {
    upload.signed_prekey.as_ref().map(|prekey| prekey.id)
}

/// Days go by, with a look at each.
fn days(relay: &mut Relay, device: &mut Device, days: u64) {
    for _ in 0..days {
        device.now = device.now.plus_ms(DAY_MS);
        device.hand_in(Input::Tick);
        device.run(relay);
    }
}

/// The socket breaks and comes back.
fn reconnect(relay: &mut Relay, device: &mut Device) {
    device.hand_in(Input::Socket(SocketInput::Closed {
        code: None,
        status: None,
        retry_after_ms: None,
    }));
    device.pass(relay, 70_000);
    device.caught_up(relay);
}

fn tell_low(relay: &mut Relay, device: &mut Device, remaining: u32) {
    let low = device.frame(ServerEvent::PrekeysLow {
        remaining,
        remaining_kem: None,
    });
    device.take_frames(relay, vec![low]);
}

#[test]
fn a_hundred_one_time_keys_at_registration_and_after_each_top_up() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    assert_eq!(uploads(relay, &alice)[0].one_time_prekeys.len(), 100);
    let held = |relay: &mut Relay, device: &Device| {
        let device = relay.registered.get_mut(&device.name()).unwrap();
        device.prekeys.one_time_prekeys.truncate(19);
        device.prekeys.one_time_prekeys.len() as u32
    };
    let remaining = held(relay, &alice);
    tell_low(relay, &mut alice, remaining);
    let all = |relay: &Relay| {
        relay.registered[&alice.name()]
            .prekeys
            .one_time_prekeys
            .len()
    };
    assert_eq!(all(relay), 100);
    held(relay, &alice);
    // Nobody tells: it is seen at the next connect.
    reconnect(relay, &mut alice);
    let all = relay.registered[&alice.name()]
        .prekeys
        .one_time_prekeys
        .len();
    assert_eq!(all, 100);
}

#[test]
fn the_signed_prekey_is_replaced_every_week_and_the_old_one_goes_after_a_month_and_a_catch_up() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    alice.caught_up(relay);
    days(relay, &mut alice, 6);
    assert_eq!(signed(&alice), [1]);
    days(relay, &mut alice, 1);
    assert_eq!(signed(&alice), [2, 1]);
    assert_eq!(signed_of(uploads(relay, &alice).last().unwrap()), Some(2));
    let mut alice = alice.after_surgery(relay, 3, |_| {});
    days(relay, &mut alice, 28);
    assert_eq!(
        signed(&alice),
        [6, 5, 4, 3, 2, 1],
        "none goes before its time"
    );
    alice.caught_up(relay);
    assert_eq!(signed(&alice), [6, 5, 4, 3, 2, 1]);
    days(relay, &mut alice, 3);
    assert_eq!(
        signed(&alice),
        [6, 5, 4, 3, 2, 1],
        "none goes before a catch-up"
    );
    alice.caught_up(relay);
    assert_eq!(signed(&alice), [6, 5, 4, 3, 2]);
    assert_eq!(uploads(relay, &alice).len(), 6);
}

#[test]
fn a_signed_prekey_goes_a_month_after_the_relay_gives_out_another_however_long_it_did_not() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    let mut bob = Device::registered(relay, "bob", 2);
    alice.caught_up(relay);
    relay.instead = Some(Box::new(|request| {
        (request.path == "/v1/prekeys").then(|| no(ErrorCode::Unavailable))
    }));
    days(relay, &mut alice, 38);
    relay.instead = None;
    // Until then bob was given the first.
    bob.send(relay, "alice", "hello");
    let late = relay.queues.remove(&alice.name()).unwrap();
    days(relay, &mut alice, 1);
    let given_out = relay.registered[&alice.name()]
        .prekeys
        .signed_prekey
        .clone();
    assert_ne!(given_out.unwrap().id, 1);
    alice.caught_up(relay);
    let mut alice = alice.after_surgery(relay, 3, |_| {});
    assert_eq!(signed(&alice).last(), Some(&1));
    alice.take_rows(relay, late.into());
    assert_eq!(alice.texts("bob"), ["hello"]);
    days(relay, &mut alice, 31);
    alice.caught_up(relay);
    assert!(!signed(&alice).contains(&1));
}

#[test]
fn a_message_that_names_the_signed_prekey_of_last_month_opens() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    let mut bob = Device::registered(relay, "bob", 2);
    bob.send(relay, "alice", "hello");
    days(relay, &mut alice, 29);
    alice.deliver(relay);
    alice.caught_up(relay);
    assert_eq!(alice.texts("bob"), ["hello"]);
}

#[test]
fn a_clock_that_jumps_makes_one_new_key_a_jump_and_keeps_the_old_ones() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    alice.caught_up(relay);
    let there = alice.now;
    let mut alice = alice.after_surgery(relay, 2, |_| {});
    alice.now = there.plus_ms(400 * DAY_MS);
    alice.hand_in(Input::Tick);
    alice.run(relay);
    assert_eq!(signed(&alice), [2, 1]);
    alice.now = there;
    let mut alice = alice.after_surgery(relay, 3, |_| {});
    assert_eq!(
        signed(&alice),
        [3, 2, 1],
        "a key from the future would stay too long"
    );
    days(relay, &mut alice, 6);
    alice.caught_up(relay);
    assert_eq!(signed(&alice), [3, 2, 1]);
    days(relay, &mut alice, 2);
    assert_eq!(signed(&alice), [4, 3, 2, 1]);
}

#[test]
fn a_collision_of_ids_skips_ahead() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    // As if another copy of this device had gone on.
    for id in 101..3_000 {
        let key: Base64 = vec![5; 33].into();
        relay.one_time.insert((alice.name(), id), key);
    }
    tell_low(relay, &mut alice, 3);
    alice.pass(relay, 200_000);
    let all = uploads(relay, &alice);
    let last = all.last().unwrap();
    assert_eq!((all.len(), last.one_time_prekeys.len()), (2, 100));
    assert!(
        last.one_time_prekeys
            .iter()
            .all(|prekey| prekey.id >= 3_000)
    );
    let tries = relay
        .asked
        .iter()
        .filter(|asked| *asked == "Put /v1/prekeys");
    assert!((2..=4).contains(&tries.count()));
    // Sessions begin with what is there now.
    let mut bob = Device::registered(relay, "bob", 2);
    bob.send(relay, "alice", "hello");
    alice.deliver(relay);
    assert_eq!(alice.texts("bob"), ["hello"]);
}

#[test]
fn a_relay_that_always_sees_collisions_gets_an_end_of_it() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    relay.instead = Some(Box::new(|request| {
        (request.path == "/v1/prekeys").then(|| no(ErrorCode::PrekeyIdConflict))
    }));
    tell_low(relay, &mut alice, 3);
    alice.pass(relay, DAY_MS / 12);
    let store = alice.engine.store();
    assert!(store.count_one_time_prekeys().unwrap() <= 5_200);
    assert!(signed(&alice).len() <= 64);
    assert!(store.prekey_ids(PrekeyKind::OneTime).unwrap().next < u32::MAX / 2);
}

#[test]
fn one_time_prekeys_are_not_used_up_for_good_and_the_oldest_make_room_at_a_pace() {
    const HOUR_MS: u64 = DAY_MS / 24;
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    let given_out = |relay: &mut Relay, device: &Device| {
        let held = relay.registered.get_mut(&device.name()).unwrap();
        std::mem::take(&mut held.prekeys.one_time_prekeys).len()
    };
    let held = |device: &Device| device.engine.store().count_one_time_prekeys().unwrap();
    let has = |device: &Device, id| {
        let key = device.engine.store().one_time_prekey(id).unwrap();
        key.is_some()
    };
    let mut rounds = 0;
    while held(&alice) < 5_000 {
        assert_eq!(given_out(relay, &alice), 100);
        tell_low(relay, &mut alice, 0);
        rounds += 1;
    }
    assert_eq!(rounds, 49);
    given_out(relay, &alice);
    // What still comes in may name the oldest.
    tell_low(relay, &mut alice, 0);
    assert_eq!((given_out(relay, &alice), has(&alice, 1)), (0, true));
    alice.caught_up(relay);
    alice.pass(relay, 2 * 60_000);
    assert_eq!((given_out(relay, &alice), has(&alice, 1)), (100, false));
    assert!(has(&alice, 101));
    let mut alice = alice.after_surgery(relay, 3, |_| {});
    tell_low(relay, &mut alice, 0);
    alice.pass(relay, HOUR_MS / 2);
    assert_eq!((given_out(relay, &alice), has(&alice, 101)), (0, true));
    // The relay says it once.
    alice.pass(relay, HOUR_MS);
    alice.caught_up(relay);
    alice.pass(relay, 2 * 60_000);
    assert_eq!(held(&alice), 5_000);
    let mut bob = Device::registered(relay, "bob", 2);
    bob.send(relay, "alice", "hello");
    alice.deliver(relay);
    let alice = alice.after_surgery(relay, 4, |_| {});
    assert_eq!(alice.texts("bob"), ["hello"]);
    assert_eq!((held(&alice), has(&alice, 101)), (4_999, false));
}

#[test]
fn keys_made_before_a_crash_are_uploaded_after_it_and_once_more_if_the_answer_was_lost() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    let low = alice.frame(ServerEvent::PrekeysLow {
        remaining: 3,
        remaining_kem: Some(3),
    });
    alice.hand_in(Input::Socket(SocketInput::Frames(vec![low])));
    alice.requests.clear();
    let mut alice = alice.after_surgery(relay, 2, |_| {});
    let all = uploads(relay, &alice);
    assert_eq!((all.len(), all[1].one_time_prekeys.len()), (2, 97));
    assert!(
        all[1]
            .one_time_prekeys
            .iter()
            .all(|prekey| (101..198).contains(&prekey.id))
    );
    // The relay has them; the answer never came.
    let low = alice.frame(ServerEvent::PrekeysLow {
        remaining: 3,
        remaining_kem: Some(3),
    });
    alice.hand_in(Input::Socket(SocketInput::Frames(vec![low])));
    let upload = alice.requests.pop_front().unwrap();
    assert_eq!(relay.answer(&upload).status, 200);
    let alice = alice.after_surgery(relay, 3, |_| {});
    let all = uploads(relay, &alice);
    assert_eq!(all.len(), 4);
    assert_eq!(all[2], all[3], "the same keys under the same ids");
    let next = alice
        .engine
        .store()
        .prekey_ids(PrekeyKind::OneTime)
        .unwrap();
    assert_eq!(next.next, next.first_not_uploaded);
}

#[test]
fn keys_that_the_relay_does_not_have_as_this_device_does_are_replaced_at_the_next_connect() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    reconnect(relay, &mut alice);
    assert_eq!(uploads(relay, &alice).len(), 1);
    let held = relay.registered.get_mut(&alice.name()).unwrap();
    held.prekeys.signed_prekey.as_mut().unwrap().id = 77;
    reconnect(relay, &mut alice);
    let all = uploads(relay, &alice);
    assert_eq!((all.len(), signed_of(&all[1])), (2, Some(2)));
    reconnect(relay, &mut alice);
    assert_eq!(uploads(relay, &alice).len(), 2);
}

#[test]
fn a_relay_that_never_agrees_makes_no_keys_without_end() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    for _ in 0..70 {
        let held = relay.registered.get_mut(&alice.name()).unwrap();
        held.prekeys.signed_prekey.as_mut().unwrap().id = 77_000;
        reconnect(relay, &mut alice);
    }
    assert!(signed(&alice).len() <= 64);
    assert!(alice.sockets_opened >= 70);
}

#[test]
fn a_failed_decrypt_uses_no_one_time_key_up() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    let mut bob = Device::registered(relay, "bob", 2);
    bob.send(relay, "alice", "hello");
    let row = relay
        .queues
        .remove(&alice.name())
        .unwrap()
        .pop_back()
        .unwrap();
    let count = |device: &Device| device.engine.store().count_one_time_prekeys().unwrap();
    let before = count(&alice);
    for at in [40, 90, 200] {
        let mut changed = row.clone();
        let body = &mut changed.envelope.as_mut().unwrap().body.0;
        let at = at % body.len();
        body[at] ^= 1;
        alice.take_rows(relay, vec![changed]);
    }
    assert_eq!(count(&alice), before);
    let alice = &mut alice.after_surgery(relay, 3, |_| {});
    // What it asks for names a key of its own beside those.
    let asked = count(alice) - before;
    alice.take_rows(relay, vec![row]);
    assert_eq!(alice.texts("bob"), ["hello"]);
    assert_eq!(count(alice), before + asked - 1);
    let recovered = |event: &&Event| matches!(event, Event::MessageRecovered(_));
    assert_eq!(alice.events.iter().filter(recovered).count(), 1);
}

#[test]
fn a_message_waits_for_the_peers_prekeys_and_no_other_thread_waits_for_it() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    let mut bob = Device::registered(relay, "bob", 2);
    let mut carol = Device::registered(relay, "carol", 3);
    relay.instead = Some(Box::new(|request| {
        let body = String::from_utf8_lossy(request.body.as_deref().unwrap_or_default());
        let exhausted = request.path == "/v1/prekeys/query" && body.contains("bob");
        exhausted.then(|| {
            let mut refusal = no(ErrorCode::PrekeysExhausted);
            refusal.retry_after_ms = Some(20_000);
            refusal
        })
    }));
    alice.send(relay, "bob", "to bob");
    alice.send(relay, "carol", "to carol");
    carol.deliver(relay);
    assert_eq!(carol.texts("alice"), ["to carol"]);
    alice.pass(relay, 60_000);
    assert!(!relay.queues.contains_key(&bob.name()));
    relay.instead = None;
    tell_low(relay, &mut bob, 0);
    alice.pass(relay, 60_000);
    bob.deliver(relay);
    assert_eq!(bob.texts("alice"), ["to bob"]);
    assert!(alice.now < Timestamp(1_800_000_000_000).plus_ms(10 * 60_000));
}
