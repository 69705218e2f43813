//! Typing and presence: on their own channel, for threads that a socket subscribes to, in memory alone.

use crate::world::*;
use sealwire_relay::Timings;
use sealwire_wire::contract::{AccountSettings, ClientFrame, ServerEvent};
use sealwire_wire::{ThreadId, UserId};
use std::time::Duration;

const GRACE: Duration = Duration::from_millis(500);

struct Story {
    alice: Device,
    bob: Device,
    thread: ThreadId,
    _relay: sealwire_relay::Relay,
}

/// Two who have written to each other, at a relay with a short grace.
async fn story() -> Story {
    let timings = Timings {
        presence_grace: GRACE,
        ..Timings::default()
    };
    let relay = relay_with(|config| config.timings(timings)).await;
    let Pair {
        alice, bob, thread, ..
    } = pair(&relay).await;
    alice.sent(thread, 1, &[&bob]).await;
    Story {
        alice,
        bob,
        thread,
        _relay: relay,
    }
}

async fn watching(device: &Device, thread_ids: &[ThreadId]) -> Socket {
    let mut socket = device.socket().await;
    let (_, last) = socket.catch_up().await;
    socket.ack(last).await;
    let thread_ids = thread_ids.to_vec();
    socket.say(&ClientFrame::Subscribe { thread_ids }).await;
    socket
}

/// The next frame that is typing or presence.
async fn passing(socket: &mut Socket) -> ServerEvent {
    loop {
        let event = socket.frame().await.event;
        if is_passing(&event) {
            return event;
        }
    }
}

fn is_passing(event: &ServerEvent) -> bool {
    matches!(
        event,
        ServerEvent::Typing { .. } | ServerEvent::Presence { .. }
    )
}

/// No typing or presence comes for a while.
async fn is_quiet(socket: &mut Socket) {
    let heard = async {
        loop {
            if let Heard::Frame(frame) = socket.hear().await
                && is_passing(&frame.event)
            {
                return frame;
            }
        }
    };
    let quiet = tokio::time::timeout(Duration::from_millis(400), heard).await;
    assert!(quiet.is_err(), "{quiet:?}");
}

fn presence(of: &Device, is_online: bool, event: &ServerEvent) -> bool {
    matches!(event, ServerEvent::Presence { user_id, online, .. }
        if *user_id == of.name.user_id && *online == is_online)
}

#[tokio::test]
async fn typing_reaches_sockets_that_subscribe_to_the_thread_and_is_passed_on_every_three_seconds()
{
    let Story {
        alice,
        bob,
        thread,
        _relay,
    } = story().await;
    let mut bobs = watching(&bob, &[thread]).await;
    assert!(presence(&alice, false, &passing(&mut bobs).await));
    let mut alices = alice.socket().await;
    // One word overtakes another that waits: each is heard before the next is said.
    for (is_typing, said) in [(true, [true, true, true]), (false, [false, false, true])] {
        for typing in said {
            alices
                .say(&ClientFrame::Typing {
                    thread_id: thread,
                    typing,
                })
                .await;
        }
        let ServerEvent::Typing {
            thread_id,
            user_id,
            typing,
        } = passing(&mut bobs).await
        else {
            panic!()
        };
        assert_eq!(
            (thread_id, &user_id, typing),
            (thread, &alice.name.user_id, is_typing)
        );
    }
    is_quiet(&mut bobs).await;
    // And nobody else: not one who does not subscribe.
    let mut bobs = watching(&bob, &[]).await;
    let mut alices = watching(&alice, &[]).await;
    let typing = ClientFrame::Typing {
        thread_id: thread,
        typing: true,
    };
    alices.say(&typing).await;
    is_quiet(&mut bobs).await;
}

#[tokio::test]
async fn nobody_watches_or_types_in_a_thread_of_others() {
    let Story {
        alice,
        bob,
        thread,
        _relay,
    } = story().await;
    let (_, carol) = open_account(_relay.url(), "carol").await;
    let mut carols = watching(&carol, &[thread]).await;
    let mut bobs = watching(&bob, &[thread]).await;
    passing(&mut bobs).await;
    let typing = ClientFrame::Typing {
        thread_id: thread,
        typing: true,
    };
    carols.say(&typing).await;
    is_quiet(&mut bobs).await;
    let mut alices = alice.socket().await;
    alices.say(&typing).await;
    passing(&mut bobs).await;
    is_quiet(&mut carols).await;
}

#[tokio::test]
async fn more_threads_than_twenty_end_the_socket() {
    let Story {
        alice,
        thread,
        _relay,
        ..
    } = story().await;
    let mut socket = watching(&alice, &vec![thread; 21]).await;
    assert_eq!(socket.close_code().await, 4004);
}

#[tokio::test]
async fn who_is_there_shows_and_goes_after_a_grace_with_when_they_were_last() {
    let Story {
        alice,
        bob,
        thread,
        _relay,
    } = story().await;
    let mut alices = alice.socket().await;
    alices.say(&ClientFrame::Presence { online: true }).await;
    alices.catch_up().await;
    let mut bobs = watching(&bob, &[thread]).await;
    assert!(presence(&alice, true, &passing(&mut bobs).await));
    // Who comes back within the grace never went.
    drop(alices);
    let mut alices = alice.socket().await;
    alices.say(&ClientFrame::Presence { online: true }).await;
    alices.catch_up().await;
    tokio::time::sleep(GRACE).await;
    is_quiet(&mut bobs).await;
    drop(alices);
    let gone = passing(&mut bobs).await;
    let ServerEvent::Presence {
        online: false,
        last_seen_at: Some(last_seen_at),
        ..
    } = gone
    else {
        panic!("{gone:?}")
    };
    assert!(now_ms() - last_seen_at.0 >= GRACE.as_millis() as u64);
}

#[tokio::test]
async fn an_app_that_leaves_the_screen_is_away_at_once() {
    let Story {
        alice,
        bob,
        thread,
        _relay,
    } = story().await;
    let mut bobs = watching(&bob, &[thread]).await;
    assert!(presence(&alice, false, &passing(&mut bobs).await));
    let mut alices = alice.socket().await;
    for online in [true, false] {
        alices.say(&ClientFrame::Presence { online }).await;
        assert!(presence(&alice, online, &passing(&mut bobs).await));
    }
}

#[tokio::test]
async fn presence_is_shown_where_both_sides_let_themselves_be_seen() {
    for hides in ["alice", "bob"] {
        let Story {
            alice,
            bob,
            thread,
            _relay,
        } = story().await;
        let settings = AccountSettings {
            presence: false,
            ..AccountSettings::default()
        };
        let hidden = if hides == "alice" { &alice } else { &bob };
        let answer = hidden.put("/v1/me/settings").json(&settings).send().await;
        ok::<AccountSettings>(answer.unwrap()).await;
        let mut bobs = watching(&bob, &[thread]).await;
        let mut alices = alice.socket().await;
        alices.say(&ClientFrame::Presence { online: true }).await;
        is_quiet(&mut bobs).await;
    }
}

#[tokio::test]
async fn a_blocked_user_hears_of_neither_typing_nor_presence() {
    let Story {
        alice,
        bob,
        thread,
        _relay,
    } = story().await;
    let mut bobs = watching(&bob, &[thread]).await;
    passing(&mut bobs).await;
    let mut alices = alice.socket().await;
    alices.say(&ClientFrame::Presence { online: true }).await;
    assert!(presence(&alice, true, &passing(&mut bobs).await));
    let blocked: UserId = "bob".parse().unwrap();
    let path = format!("/v1/blocks/{blocked}");
    assert!(alice.put(&path).send().await.unwrap().status().is_success());
    // As if she had gone, without when.
    let event = passing(&mut bobs).await;
    assert!(presence(&alice, false, &event));
    assert!(matches!(
        event,
        ServerEvent::Presence {
            last_seen_at: None,
            ..
        }
    ));
    let typing = ClientFrame::Typing {
        thread_id: thread,
        typing: true,
    };
    alices.say(&typing).await;
    alices.say(&ClientFrame::Presence { online: false }).await;
    is_quiet(&mut bobs).await;
}
