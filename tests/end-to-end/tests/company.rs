//! Typing and presence over the real relay: told to those who watch, faded in time, and never in a store.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a step that fails here is the test failing"
)]

use sealwire::{AccountSettings, Event, ThreadId};
use sealwire_relay::{Relay, RelayConfig, RelayData, Timings};
use sealwire_tests::{Device, PATIENCE, pair, same_everywhere, start_pair, start_relay};
use std::time::{Duration, Instant};

fn types(of: &'static str, typing: bool) -> impl Fn(&Event) -> bool {
    move |event| {
        matches!(event, Event::Typing { user, typing: shown, .. }
            if user.as_str() == of && *shown == typing)
    }
}

fn is_there(of: &'static str, there: bool) -> impl Fn(&Event) -> bool {
    move |event| {
        matches!(event, Event::Presence { user, online, .. }
            if user.as_str() == of && *online == there)
    }
}

/// Two who have written to each other, and have their thread on the screen.
async fn watching(relay: &Relay) -> (Device, Device, ThreadId) {
    let (alice, bob, thread) = pair(relay.url()).await;
    alice.say(thread, "before").await;
    bob.hears("before").await;
    for device in [&alice, &bob] {
        device.client.watch_threads(&[thread]).await.unwrap();
    }
    (alice, bob, thread)
}

/// Frames of this kind that reached a device so far.
fn frames(device: &Device, kind: &str) -> usize {
    let frames = device.adversary.frames();
    frames.iter().filter(|frame| frame["t"] == kind).count()
}

fn seen(event: &Event) -> bool {
    matches!(event, Event::Typing { typing: true, .. })
}

async fn until_nobody_types(device: &Device) {
    let began = Instant::now();
    let typing = |event: &Event| match event {
        Event::Typing { typing, .. } => Some(*typing),
        _ => None,
    };
    while device.events.all().iter().rev().find_map(typing) != Some(false) {
        assert!(began.elapsed() < PATIENCE, "it is shown for ever");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Types until the other one sees it: the subscription is on its way at first.
async fn until_seen(typist: &Device, thread: ThreadId, by: &Device, shown: usize) {
    let began = Instant::now();
    while by.events.count(seen) < shown {
        assert!(began.elapsed() < PATIENCE, "nobody sees it");
        typist.client.set_typing(thread, true).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The engine's own tests hold the exact times, on a clock that they turn; here it passes, however slow the machine is.
#[tokio::test(flavor = "multi_thread")]
async fn typing_is_sent_seldom_however_fast_somebody_types_and_ends_by_itself_or_with_the_message()
{
    let relay = start_relay().await;
    let (alice, bob, thread) = watching(&relay).await;
    until_seen(&bob, thread, &alice, 1).await;
    let began = Instant::now();
    let mut keys = 0;
    while frames(&alice, "typing") < 3 {
        assert!(began.elapsed() < PATIENCE, "it is not told again");
        bob.client.set_typing(thread, true).await.unwrap();
        keys += 1;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Every three seconds: two that were under way, and those of the time that passed.
    let at_most = usize::try_from(began.elapsed().as_secs()).unwrap() / 3 + 2;
    let told = frames(&alice, "typing");
    assert!(told <= at_most, "{told} frames for {keys} keys");
    until_nobody_types(&alice).await;

    until_seen(&bob, thread, &alice, alice.events.count(seen) + 1).await;
    bob.say(thread, "after").await;
    alice.hears("after").await;
    until_nobody_types(&alice).await;
    same_everywhere(thread, vec![alice, bob], &["before", "after"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn typing_is_told_to_nobody_who_does_not_watch_and_never_later() {
    let relay = start_relay().await;
    let (alice, bob, thread) = watching(&relay).await;
    let phone = alice.link().await;
    until_seen(&bob, thread, &alice, 1).await;
    assert_eq!(frames(&phone, "typing"), 0, "it does not watch");
    alice.events.until("faded", types("bob", false)).await;
    // Typed while the other one is away, it is nothing that waits for them.
    alice.offline().await;
    let before = frames(&alice, "typing");
    bob.client.set_typing(thread, true).await.unwrap();
    bob.say(thread, "after").await;
    alice.client.go_online().await.unwrap();
    alice.hears("after").await;
    assert_eq!(frames(&alice, "typing"), before);
    // The subscription held across the reconnect.
    until_seen(&bob, thread, &alice, 2).await;
    phone.hears("after").await;
    assert_eq!(phone.cold().await.texts(thread), ["after"]);
    same_everywhere(thread, vec![alice, bob], &["before", "after"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thread_that_is_watched_before_its_first_message_shows_who_types_after_it() {
    for bob_begins in [true, false] {
        let (_relay, alice, bob, thread) = start_pair().await;
        for device in [&alice, &bob] {
            device.client.watch_threads(&[thread]).await.unwrap();
        }
        let (from, to) = match bob_begins {
            true => (&bob, &alice),
            false => (&alice, &bob),
        };
        from.say(thread, "first").await;
        to.hears("first").await;
        until_seen(&bob, thread, &alice, 1).await;
        until_seen(&alice, thread, &bob, 1).await;
        same_everywhere(thread, vec![alice, bob], &["first"]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn presence_is_known_after_its_grace_and_last_seen_with_it() {
    let timings = Timings {
        presence_grace: Duration::from_millis(500),
        ..Timings::default()
    };
    let config = RelayConfig::new(RelayData::Memory).timings(timings);
    let relay = Relay::start(config).await.unwrap();
    let (alice, bob, thread) = watching(&relay).await;
    bob.client.set_presence(true).await.unwrap();
    alice.events.until("there", is_there("bob", true)).await;
    let gone = |event: &Event| {
        let gone = is_there("bob", false)(event);
        gone && matches!(
            event,
            Event::Presence {
                last_seen_ms: Some(_),
                ..
            }
        )
    };
    assert_eq!(alice.events.count(gone), 0);
    bob.offline().await;
    alice.events.until("gone", gone).await;
    bob.client.go_online().await.unwrap();
    alice
        .events
        .until_count("back", 2, is_there("bob", true))
        .await;
    bob.online().await;
    same_everywhere(thread, vec![alice, bob], &["before"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn presence_that_is_off_is_off_for_both_sides() {
    let (_relay, alice, bob, thread) = start_pair().await;
    alice.say(thread, "before").await;
    bob.hears("before").await;
    let off = AccountSettings {
        presence: false,
        ..bob.client.settings().await.unwrap()
    };
    bob.client.set_settings(off).await.unwrap();
    for device in [&alice, &bob] {
        device.client.watch_threads(&[thread]).await.unwrap();
        device.client.set_presence(true).await.unwrap();
    }
    // What is told, is told before typing that comes after it; and typing is not what was switched off.
    until_seen(&bob, thread, &alice, 1).await;
    until_seen(&alice, thread, &bob, 1).await;
    for device in [&alice, &bob] {
        let told = |event: &Event| matches!(event, Event::Presence { online: true, .. });
        assert_eq!(device.events.count(told), 0);
    }
    let on = AccountSettings {
        presence: true,
        ..off
    };
    bob.client.set_settings(on).await.unwrap();
    for device in [&bob, &alice] {
        device.client.set_presence(false).await.unwrap();
        device.client.set_presence(true).await.unwrap();
    }
    alice.events.until("bob", is_there("bob", true)).await;
    bob.events.until("alice", is_there("alice", true)).await;
    same_everywhere(thread, vec![alice, bob], &["before"]).await;
}
