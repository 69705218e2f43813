//! Prekeys: enough of them, fresh ones, the same here and at the relay, and none gone before its time.

use crate::device::{Device, STOCK};
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

/// How many of each kind the relay can still give out.
fn left(relay: &Relay, device: &Device) -> (usize, usize) {
    let held = &relay.registered[&device.name()].prekeys;
    (held.one_time_prekeys.len(), held.one_time_kem_prekeys.len())
}

/// Others take keys until so many of each kind are left.
fn leave(relay: &mut Relay, device: &Device, ec: usize, kem: usize) {
    let held = relay.registered.get_mut(&device.name()).unwrap();
    held.prekeys.one_time_prekeys.truncate(ec);
    held.prekeys.one_time_kem_prekeys.truncate(kem);
}

#[test]
fn a_hundred_one_time_keys_of_each_kind_at_registration_and_after_each_top_up() {
    let relay = &mut Relay::default();
    let mut alice = Device::with_a_hundred_prekeys(relay, "alice", 1);
    assert_eq!(left(relay, &alice), (100, 100));
    leave(relay, &alice, 19, 90);
    let low = alice.frame(ServerEvent::PrekeysLow {
        remaining: 19,
        remaining_kem: Some(90),
    });
    alice.take_frames(relay, vec![low]);
    assert_eq!(left(relay, &alice), (100, 100));
    leave(relay, &alice, 100, 19);
    let low = alice.frame(ServerEvent::PrekeysLow {
        remaining: 100,
        remaining_kem: Some(19),
    });
    alice.take_frames(relay, vec![low]);
    assert_eq!(left(relay, &alice), (100, 100));
    // Nobody tells: what is below 20 is seen at the next connect, of either kind.
    leave(relay, &alice, 20, 20);
    reconnect(relay, &mut alice);
    assert_eq!(left(relay, &alice), (20, 20));
    leave(relay, &alice, 20, 19);
    reconnect(relay, &mut alice);
    assert_eq!(left(relay, &alice), (100, 100));
    leave(relay, &alice, 19, 20);
    reconnect(relay, &mut alice);
    assert_eq!(left(relay, &alice), (100, 100));
    let ids = uploads(relay, &alice).into_iter().flat_map(|upload| {
        let kem = upload.one_time_kem_prekeys.into_iter();
        kem.map(|prekey| prekey.id)
    });
    let mut ids = ids.collect::<Vec<_>>();
    ids.sort_unstable();
    let made = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), made, "no id names two keys");
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
    for id in STOCK as u32 + 1..3_000 {
        let key: Base64 = vec![5; 33].into();
        relay.one_time.insert((alice.name(), id), key);
    }
    tell_low(relay, &mut alice, 3);
    alice.pass(relay, 200_000);
    let all = uploads(relay, &alice);
    let last = all.last().unwrap();
    assert_eq!((all.len(), last.one_time_prekeys.len()), (2, STOCK));
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

/// One-time prekeys of one kind, drawn in bulk by somebody who never writes.
struct Drawn {
    kem: bool,
}

impl Drawn {
    fn all(&self, relay: &mut Relay, device: &Device) -> usize {
        let held = relay.registered.get_mut(&device.name()).unwrap();
        match self.kem {
            true => std::mem::take(&mut held.prekeys.one_time_kem_prekeys).len(),
            false => std::mem::take(&mut held.prekeys.one_time_prekeys).len(),
        }
    }

    fn tell_low(&self, relay: &mut Relay, device: &mut Device) {
        let (ec, kem) = left(relay, device);
        let low = device.frame(ServerEvent::PrekeysLow {
            remaining: ec as u32,
            remaining_kem: Some(kem as u32),
        });
        device.take_frames(relay, vec![low]);
    }

    fn held(&self, device: &Device) -> u64 {
        let store = device.engine.store();
        match self.kem {
            true => store.count_one_time_kem_prekeys().unwrap(),
            false => store.count_one_time_prekeys().unwrap(),
        }
    }

    /// Whether the one that was made as the nth is held. The first KEM prekey is the last resort.
    fn holds(&self, device: &Device, nth: u32) -> bool {
        let store = device.engine.store();
        match self.kem {
            true => store.kem_prekey(nth + 1).unwrap().is_some(),
            false => store.one_time_prekey(nth).unwrap().is_some(),
        }
    }
}

fn are_not_used_up_for_good(drawn: Drawn) {
    const HOUR_MS: u64 = DAY_MS / 24;
    const HELD_MAX: u64 = 50 * STOCK as u64;
    let first_of_second = STOCK as u32 + 1;
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    let mut rounds = 0;
    while drawn.held(&alice) < HELD_MAX {
        assert_eq!(drawn.all(relay, &alice), STOCK);
        drawn.tell_low(relay, &mut alice);
        rounds += 1;
    }
    assert_eq!(rounds, 49);
    drawn.all(relay, &alice);
    // What still comes in may name the oldest.
    drawn.tell_low(relay, &mut alice);
    assert_eq!(
        (drawn.all(relay, &alice), drawn.holds(&alice, 1)),
        (0, true)
    );
    alice.caught_up(relay);
    alice.pass(relay, 2 * 60_000);
    assert_eq!(
        (drawn.all(relay, &alice), drawn.holds(&alice, 1)),
        (STOCK, false)
    );
    assert!(drawn.holds(&alice, first_of_second));
    let mut alice = alice.after_surgery(relay, 3, |_| {});
    drawn.tell_low(relay, &mut alice);
    alice.pass(relay, HOUR_MS / 2);
    assert_eq!(
        (
            drawn.all(relay, &alice),
            drawn.holds(&alice, first_of_second)
        ),
        (0, true)
    );
    // The relay says it once.
    alice.pass(relay, HOUR_MS);
    alice.caught_up(relay);
    alice.pass(relay, 2 * 60_000);
    assert_eq!(drawn.held(&alice), HELD_MAX);
    let mut bob = Device::registered(relay, "bob", 2);
    bob.send(relay, "alice", "hello");
    alice.deliver(relay);
    let alice = alice.after_surgery(relay, 4, |_| {});
    assert_eq!(alice.texts("bob"), ["hello"]);
    assert_eq!(
        (drawn.held(&alice), drawn.holds(&alice, first_of_second)),
        (HELD_MAX - 1, false)
    );
    let store = alice.engine.store();
    assert_eq!(store.last_resort_kem_prekeys().unwrap().len(), 1);
}

#[test]
fn one_time_prekeys_are_not_used_up_for_good_and_the_oldest_make_room_at_a_pace() {
    are_not_used_up_for_good(Drawn { kem: false });
}

#[test]
fn kem_prekeys_are_not_used_up_for_good_and_the_oldest_make_room_at_a_pace() {
    are_not_used_up_for_good(Drawn { kem: true });
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
    assert_eq!((all.len(), all[1].one_time_prekeys.len()), (2, STOCK - 3));
    assert!(
        all[1]
            .one_time_prekeys
            .iter()
            .all(|prekey| (11..18).contains(&prekey.id))
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
