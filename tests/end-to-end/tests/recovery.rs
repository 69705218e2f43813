//! Sessions break, prekeys are gone, a relay lies: what could not be read comes back, and costs little.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a step that fails here is the test failing"
)]

use sealwire::{Event, ThreadId};
use sealwire_store::{PrekeyKind, StoreError, Transaction};
use sealwire_tests::{Device, acquainted, same_everywhere, start_pair, start_relay, user};
use sealwire_wire::DeviceId;
use serde_json::Value;

/// Switches the device off, changes its store, and switches it on again.
async fn operate(device: Device, change: impl FnOnce(&mut Transaction<'_>)) -> Device {
    let mut cold = device.cold().await;
    let done = cold.store.transaction(|tx| -> Result<(), StoreError> {
        change(tx);
        Ok(())
    });
    done.unwrap();
    cold.close().open_online().await
}

fn lose_session(tx: &mut Transaction<'_>, with: &str) {
    tx.delete_sessions(&user(with), DeviceId::FIRST).unwrap();
}

fn spoil_session(tx: &mut Transaction<'_>, with: &str) {
    let (with, device) = (user(with), DeviceId::FIRST);
    let held = tx.session(&with, device).unwrap().unwrap();
    let spoilt: Vec<u8> = held.record.iter().rev().copied().collect();
    tx.save_session(&with, device, Some(held.version), &spoilt)
        .unwrap();
}

fn controls_of(device: &Device) -> usize {
    let requests = device.adversary.requests();
    requests
        .iter()
        .filter(|seen| seen.is("POST", "/v1/control"))
        .count()
}

async fn recovered(device: &Device, count: usize) {
    let is = |event: &Event| matches!(event, Event::MessageRecovered(_));
    device.events.until_count("recovered", count, is).await;
    assert_eq!(device.events.count(is), count);
}

/// Both can go on, and each store, opened cold, says the same.
async fn all_is_well(alice: Device, bob: Device, thread: ThreadId, before: &[&str]) {
    alice.say(thread, "we go").await;
    bob.hears("we go").await;
    bob.say(thread, "on").await;
    alice.hears("on").await;
    for device in [&alice, &bob] {
        let cold = device.snapshot().await.cold().await;
        assert_eq!(cold.store.count_unread_rows().unwrap(), 0);
        assert!(cold.store.outgoing_controls(9).unwrap().is_empty());
    }
    let all: Vec<_> = before.iter().copied().chain(["we go", "on"]).collect();
    same_everywhere(thread, vec![alice, bob], &all).await;
}

async fn a_broken_session_repairs_itself(spoil: fn(&mut Transaction<'_>, &str)) {
    let (_relay, alice, bob, thread) = acquainted(&["one", "two", "three"]).await;
    let bob = bob.close().await;
    for text in ["four", "five", "six"] {
        alice.say(thread, text).await;
    }
    let mut cold = bob.cold().await;
    let done = cold.store.transaction(|tx| -> Result<(), StoreError> {
        spoil(tx, "alice");
        Ok(())
    });
    done.unwrap();
    let bob = cold.close().open_online().await;
    recovered(&bob, 3).await;
    assert_eq!((controls_of(&bob), controls_of(&alice)), (1, 1));
    let all = ["one", "two", "three", "four", "five", "six"];
    all_is_well(alice, bob, thread, &all).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_lost_at_the_receiver_repairs_itself_with_one_request() {
    a_broken_session_repairs_itself(lose_session).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_spoilt_at_the_receiver_repairs_itself_with_one_request() {
    a_broken_session_repairs_itself(spoil_session).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_lost_at_the_sender_is_begun_anew() {
    let (_relay, alice, bob, thread) = acquainted(&["one", "two", "three"]).await;
    let alice = operate(alice, |tx| lose_session(tx, "bob")).await;
    alice.say(thread, "four").await;
    bob.hears("four").await;
    all_is_well(alice, bob, thread, &["one", "two", "three", "four"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn recovery_works_when_both_sides_reset_at_once() {
    let (_relay, alice, bob, thread) = acquainted(&["one", "two", "three"]).await;
    // What each says reaches the other's relay queue, and no further.
    for device in [&alice, &bob] {
        device.adversary.on_frame(|_| Vec::new());
        device.adversary.lose_acknowledgements(true);
    }
    alice.say(thread, "from alice").await;
    bob.say(thread, "from bob").await;
    let mut devices = Vec::new();
    for (device, peer) in [(alice, "bob"), (bob, "alice")] {
        let mut cold = device.cold().await;
        let done = cold.store.transaction(|tx| -> Result<(), StoreError> {
            lose_session(tx, peer);
            Ok(())
        });
        done.unwrap();
        devices.push(cold.close());
    }
    let (bob, alice) = (devices.pop().unwrap(), devices.pop().unwrap());
    let (alice, bob) = tokio::join!(alice.open_online(), bob.open_online());
    alice.hears("from bob").await;
    bob.hears("from alice").await;
    alice.say(thread, "again").await;
    bob.hears("again").await;
    let all = ["one", "two", "three", "from alice", "from bob", "again"];
    all_is_well(alice, bob, thread, &all).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn recovery_works_when_the_first_session_was_the_broken_one() {
    let (_relay, alice, bob, thread) = start_pair().await;
    // The relay gives out one-time prekeys that bob no longer has.
    let bob = operate(bob, |tx| {
        let ids = tx.prekey_ids(PrekeyKind::OneTime).unwrap();
        for id in 1..ids.next {
            tx.delete_one_time_prekey(id).unwrap();
        }
    })
    .await;
    alice.say(thread, "hello").await;
    recovered(&bob, 1).await;
    bob.hears("hello").await;
    all_is_well(alice, bob, thread, &["hello"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_own_device_recovers_what_another_own_device_sent() {
    let (_relay, alice, bob, thread) = acquainted(&["one", "two", "three"]).await;
    let tablet = alice.link().await;
    alice.say(thread, "four").await;
    tablet.hears("four").await;
    let tablet = operate(tablet, |tx| lose_session(tx, "alice")).await;
    alice.say(thread, "five").await;
    recovered(&tablet, 1).await;
    bob.hears("five").await;
    tablet.say(thread, "six").await;
    alice.hears("six").await;
    let cold = tablet.cold().await;
    assert_eq!(cold.texts(thread), ["four", "five", "six"]);
    bob.hears("six").await;
    let all = ["one", "two", "three", "four", "five", "six"];
    all_is_well(alice, bob, thread, &all).await;
}

fn is_control(frame: &Value) -> bool {
    frame["t"] == "control"
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_and_answers_that_come_twice_are_heeded_once() {
    let (_relay, alice, bob, thread) = acquainted(&["one", "two", "three"]).await;
    let bob = operate(bob, |tx| lose_session(tx, "alice")).await;
    for device in [&alice, &bob] {
        device.adversary.on_frame(|frame| {
            let times = if is_control(&frame) { 3 } else { 1 };
            vec![frame; times]
        });
    }
    alice.say(thread, "four").await;
    recovered(&bob, 1).await;
    assert_eq!((controls_of(&bob), controls_of(&alice)), (1, 1));
    let before = ["one", "two", "three", "four"];
    all_is_well(alice, bob, thread, &before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_corrupts_every_frame_is_asked_three_times_and_harms_nothing_for_good() {
    let (_relay, alice, bob, thread) = acquainted(&["one", "two", "three"]).await;
    for device in [&alice, &bob] {
        device.adversary.on_frame(|mut frame| {
            let part = if is_control(&frame) {
                "control"
            } else {
                "message"
            };
            if let Some(body) = frame[part]["envelope"]["body"].as_str() {
                let other = if body.as_bytes()[60] == b'A' {
                    "B"
                } else {
                    "A"
                };
                let changed = [&body[..60], other, &body[61..]].concat();
                frame[part]["envelope"]["body"] = changed.into();
            }
            vec![frame]
        });
    }
    for text in ["four", "five", "six", "seven", "eight"] {
        alice.say(thread, text).await;
    }
    let is = |event: &Event| matches!(event, Event::MessageUnreadable(_));
    bob.events.until_count("unreadable", 5, is).await;
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    assert!((1..=3).contains(&controls_of(&bob)));
    assert!(controls_of(&alice) <= 3 + 3);
    // Honest again: what is said now is read at once.
    alice.adversary.rest();
    bob.adversary.rest();
    alice.say(thread, "nine").await;
    bob.hears("nine").await;
    bob.say(thread, "ten").await;
    alice.hears("ten").await;
    let cold = bob.cold().await;
    assert_eq!(
        cold.store.count_unread_rows().unwrap(),
        5,
        "they are asked for later"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_whose_store_was_lost_is_linked_anew_and_messages_after_that_flow_both_ways() {
    let (relay, alice, bob, thread) = acquainted(&["one", "two", "three"]).await;
    let tablet = bob.link().await;
    alice.say(thread, "four").await;
    tablet.hears("four").await;
    drop(tablet);
    alice.say(thread, "five").await;
    let tablet = bob.link().await;
    alice.say(thread, "six").await;
    tablet.hears("six").await;
    tablet.say(thread, "seven").await;
    alice.hears("seven").await;
    bob.hears("seven").await;
    // Older ones are not resent.
    assert_eq!(tablet.cold().await.texts(thread), ["six", "seven"]);
    let all = ["one", "two", "three", "four", "five", "six", "seven"];
    all_is_well(alice, bob, thread, &all).await;
    drop(relay);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listed_device_that_missed_the_account_key_gets_it_from_an_own_device() {
    let relay = start_relay().await;
    let phone = Device::register(relay.url(), "alice").await;
    let tablet = phone.link().await;
    let tablet = operate(tablet, |tx| {
        let mut account = tx.account().unwrap().unwrap();
        account.account_secret = None;
        tx.save_account(&account).unwrap();
    })
    .await;
    let answered = |seen: &sealwire_tests::Adversary| {
        let requests = seen.requests();
        requests
            .iter()
            .any(|seen| seen.is("POST", "/v1/control"))
            .then_some(())
    };
    phone.adversary.until("an answer", answered).await;
    tablet
        .adversary
        .until("it came", |seen| {
            seen.frames().iter().any(is_control).then_some(())
        })
        .await;
    let laptop = tablet.link().await;
    assert!(
        laptop
            .cold()
            .await
            .store
            .account()
            .unwrap()
            .unwrap()
            .account_secret
            .is_some()
    );
}
