//! Catching up: how far it is, and the histories that are read again when the relay no longer holds everything.

use crate::device::{Device, user};
use crate::marks::tell;
use crate::relay::{Relay, no, ok};
use sealwire_engine::{ConnectionState, Event, HttpMethod};
use sealwire_wire::contract::*;
use sealwire_wire::{ThreadId, Timestamp};
use std::cell::RefCell;
use std::rc::Rc;

fn direct(peer: &str) -> ThreadId {
    ThreadId::direct(&user("alice"), &user(peer))
}

fn listed(peer: &str, id: ThreadId) -> InboxThread {
    InboxThread {
        thread: Thread {
            id,
            kind: ThreadKind::Direct,
            participants: vec![user("alice"), user(peer)],
            created_at: Timestamp(1),
        },
        last_msg_id: None,
        unread: 0,
        mine: ThreadPreferences::default(),
        marks: Vec::new(),
    }
}

fn caught_up(device: &Device) -> usize {
    let told = |event: &&Event| **event == Event::CaughtUp;
    device.events.iter().filter(told).count()
}

fn catch_up_with_resync(device: &mut Device, relay: &mut Relay) {
    let frames = [
        ServerEvent::CatchingUp {
            queued: 0,
            now: None,
        },
        ServerEvent::Resync {},
        ServerEvent::CaughtUp { replayed: 0 },
    ];
    let frames = frames
        .into_iter()
        .map(|event| device.frame(event))
        .collect();
    device.hand_in(sealwire_engine::Input::Socket(
        sealwire_engine::SocketInput::Frames(frames),
    ));
    let _ = relay;
}

#[test]
fn progress_is_told_while_it_comes_in_but_not_with_every_frame() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    alice.events.clear();
    tell(
        &mut alice,
        relay,
        vec![ServerEvent::CatchingUp {
            queued: 40,
            now: None,
        }],
    );
    let devices = || ServerEvent::Devices {
        user_id: user("bob"),
        version: 0,
    };
    for _ in 0..20 {
        alice.now = alice.now.plus_ms(50);
        tell(&mut alice, relay, vec![devices(), devices()]);
    }
    tell(
        &mut alice,
        relay,
        vec![ServerEvent::CaughtUp { replayed: 40 }],
    );
    let told: Vec<_> = alice
        .events
        .iter()
        .filter_map(|event| match event {
            Event::CatchUp { done, total } => Some((*done, *total)),
            _ => None,
        })
        .collect();
    assert_eq!((told[0], *told.last().unwrap()), ((0, 40), (40, 40)));
    assert!(
        (4..=8).contains(&told.len()) && told.is_sorted(),
        "{told:?}"
    );
    let last = alice
        .events
        .iter()
        .rposition(|event| matches!(event, Event::CatchUp { .. }));
    let end = alice
        .events
        .iter()
        .position(|event| *event == Event::CaughtUp);
    assert!(last < end && caught_up(&alice) == 1);
}

#[test]
fn every_known_and_every_listed_thread_is_read_again_before_the_catch_up_ends() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    let mut carol = Device::registered(relay, "carol", 2);
    alice.thread_with("bob");
    carol.send(relay, "alice", "while you were away");
    let rows = relay.queues.remove(&alice.name()).unwrap();
    alice.events.clear();
    relay.asked.clear();
    let carols = direct("carol");
    relay.instead = Some(Box::new(move |request| {
        if request.path.starts_with("/v1/threads?") {
            let first = Inbox {
                threads: vec![listed("bob", direct("bob"))],
                next_cursor: Some("page-2".to_owned()),
            };
            let second = Inbox {
                // One that is not what it is made of is nobody's.
                threads: vec![
                    listed("carol", carols),
                    listed("dave", ThreadId::from_bytes([4; 16])),
                ],
                next_cursor: None,
            };
            return Some(ok(match request.path.contains("cursor=page-2") {
                true => &second,
                false => &first,
            }));
        }
        let (path, _) = request.path.split_once("/messages?since=")?;
        let is_carols = path.contains(&carols.to_string());
        Some(ok(&MessagePage {
            messages: is_carols.then(|| rows[0].clone()).into_iter().collect(),
            next_cursor: Some("here".to_owned()),
            has_more: false,
        }))
    }));
    catch_up_with_resync(&mut alice, relay);
    assert!(
        alice.is_acknowledged() && caught_up(&alice) == 0,
        "histories come first"
    );
    assert!(alice.events.contains(&Event::QueueExpired));
    alice.run(relay);
    assert_eq!(caught_up(&alice), 1);
    assert!(
        alice
            .events
            .contains(&Event::Connection(ConnectionState::Online))
    );
    assert_eq!(alice.texts("carol"), ["while you were away"]);
    let read: Vec<_> = relay
        .asked
        .iter()
        .filter(|asked| asked.contains("messages?since="))
        .collect();
    assert_eq!(read.len(), 2, "bob's and carol's: {read:?}");
    let mut cold = alice.restarted(3);
    relay.asked.clear();
    cold.run(relay);
    assert!(
        relay
            .asked
            .iter()
            .all(|asked| !asked.contains("/v1/threads")),
        "it is over"
    );
    assert_eq!(cold.texts("carol"), ["while you were away"]);
}

#[test]
fn reading_again_goes_on_after_a_restart_and_over_a_bad_network() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    let peers = ["bob", "carol", "dave", "erin", "frank"];
    let threads: Vec<_> = peers.iter().map(|peer| alice.thread_with(peer)).collect();
    let works = Rc::new(RefCell::new(false));
    let (now_works, pages) = (Rc::clone(&works), Rc::new(RefCell::new(Vec::new())));
    let read = Rc::clone(&pages);
    relay.instead = Some(Box::new(move |request| {
        if request.method != HttpMethod::Get || !request.path.starts_with("/v1/threads") {
            return None;
        }
        if request.path.starts_with("/v1/threads?") {
            return Some(ok(&Inbox {
                threads: Vec::new(),
                next_cursor: None,
            }));
        }
        if !*now_works.borrow() {
            return Some(no(ErrorCode::Unavailable));
        }
        let (thread, query) = request.path.split_once("/messages?since=")?;
        let since = query.split('&').next()?.to_owned();
        read.borrow_mut().push((thread.to_owned(), since.clone()));
        Some(ok(&MessagePage {
            messages: Vec::new(),
            next_cursor: Some(format!("{since}x")),
            has_more: since.len() < 2,
        }))
    }));
    catch_up_with_resync(&mut alice, relay);
    assert!(
        alice.requests.len() <= 5,
        "a few at a time: {}",
        alice.requests.len()
    );
    alice.pass(relay, 3_000);
    assert_eq!(caught_up(&alice), 0);
    // Some pages, and the process ends.
    *works.borrow_mut() = true;
    for _ in 0..200 {
        if pages.borrow().len() >= 5 {
            break;
        }
        alice.step(relay, 500);
    }
    let mut alice = alice.restarted_at_its_time(3);
    let end = vec![
        ServerEvent::CatchingUp {
            queued: 0,
            now: None,
        },
        ServerEvent::CaughtUp { replayed: 0 },
    ];
    let frames = end.into_iter().map(|event| alice.frame(event)).collect();
    alice.run(relay);
    alice.take_frames(relay, frames);
    alice.pass(relay, 1_000);
    assert_eq!(caught_up(&alice), 1);
    let pages = pages.borrow();
    for thread in threads {
        let path = format!("/v1/threads/{thread}");
        let of = pages
            .iter()
            .filter(|(of, _)| *of == path)
            .map(|(_, since)| since.as_str());
        let mut of: Vec<_> = of.collect();
        // One page more than once at most: the one that was under way when the process ended.
        of.dedup();
        assert_eq!(of, ["", "x", "xx"]);
    }
    let cold = alice.restarted(5);
    assert_eq!(cold.engine.store().count_resyncs().unwrap(), 0);
}

#[test]
fn a_thread_that_cannot_be_read_again_holds_nothing_up() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    alice.thread_with("bob");
    relay.instead = Some(Box::new(|request| {
        request
            .path
            .starts_with("/v1/threads")
            .then(|| no(ErrorCode::NotFound))
    }));
    alice.events.clear();
    catch_up_with_resync(&mut alice, relay);
    alice.run(relay);
    assert_eq!(caught_up(&alice), 1);
    let cold = alice.restarted(3);
    assert_eq!(cold.engine.store().count_resyncs().unwrap(), 0);
}

/// One thread's page holds a row of a kind that this version does not know, the others' pages are none.
#[test]
fn histories_that_cannot_be_read_hold_up_neither_the_others_nor_the_end() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    let mut carol = Device::registered(relay, "carol", 2);
    for text in ["one", "of tomorrow", "three"] {
        carol.send(relay, "alice", text);
    }
    let rows = relay.queues.remove(&alice.name()).unwrap();
    let page = serde_json::to_value(MessagePage {
        messages: rows.into(),
        next_cursor: Some("here".to_owned()),
        has_more: false,
    });
    let mut page = page.unwrap();
    page["messages"][1]["kind"] = "poll".into();
    for peer in ["bob", "carol", "dave", "erin"] {
        alice.thread_with(peer);
    }
    let readable = direct("carol").to_string();
    relay.instead = Some(Box::new(move |request| {
        let (path, _) = request.path.split_once("/messages?since=")?;
        Some(match path.ends_with(&readable) {
            true => ok(&page),
            false => ok(&serde_json::json!({ "messages": "later" })),
        })
    }));
    alice.events.clear();
    catch_up_with_resync(&mut alice, relay);
    alice.run(relay);
    alice.pass(relay, 60_000);
    assert_eq!(alice.texts("carol"), ["one", "three"]);
    assert_eq!(caught_up(&alice), 1);
    let refused = |event: &&Event| **event == Event::FrameRefused;
    assert_eq!(alice.events.iter().filter(refused).count(), 1 + 3);
    let cold = alice.restarted(3);
    assert_eq!(cold.engine.store().count_resyncs().unwrap(), 0);
    assert_eq!(cold.texts("carol"), ["one", "three"]);
}

/// What the relay keeps of them has no envelope any more.
#[test]
fn what_expired_at_the_relay_shows_so_in_its_place_and_counts_as_unread() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    let mut bob = Device::registered(relay, "bob", 2);
    let mut carol = Device::registered(relay, "carol", 3);
    bob.send(relay, "alice", "before there was this device");
    relay.clock = alice.now.0;
    bob.send(relay, "alice", "read in time");
    let mut held = relay.queues.remove(&alice.name()).unwrap();
    alice.take_rows(relay, vec![held.pop_back().unwrap()]);
    bob.send(relay, "alice", "too late");
    carol.send(relay, "alice", "too late, and new");
    relay.queues.clear();
    let rows: Vec<_> = relay.rows.values().cloned().collect();
    relay.instead = Some(Box::new(move |request| {
        if request.path.starts_with("/v1/threads?") {
            return Some(ok(&Inbox {
                threads: vec![listed("carol", direct("carol"))],
                next_cursor: None,
            }));
        }
        let (path, _) = request.path.split_once("/messages?since=")?;
        let of = rows.iter();
        let of = of.filter(|row| path.ends_with(&row.thread_id.to_string()));
        Some(ok(&MessagePage {
            messages: of.cloned().collect(),
            next_cursor: Some("here".to_owned()),
            has_more: false,
        }))
    }));
    for _ in 0..2 {
        catch_up_with_resync(&mut alice, relay);
        alice.run(relay);
        let alice = &alice;
        assert_eq!(alice.texts("bob"), ["read in time", "<expired>"]);
        assert_eq!(alice.texts("carol"), ["<expired>"]);
        assert_eq!(alice.engine.store().count_unread().unwrap(), 3);
    }
    // Told once each, and nobody is asked for what nobody can have.
    let told = |event: &&Event| matches!(event, Event::MessageUnreadable(_));
    assert_eq!(alice.events.iter().filter(told).count(), 2);
    alice.pass(relay, 60_000);
    assert!(relay.told.is_empty());
    let cold = alice.restarted(4);
    assert_eq!(cold.texts("bob"), ["read in time", "<expired>"]);
    assert_eq!(cold.texts("carol"), ["<expired>"]);
    assert_eq!(cold.engine.store().count_unread().unwrap(), 3);
}

#[test]
fn a_token_that_is_refused_for_a_while_ends_no_history() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    let mut bob = Device::registered(relay, "bob", 2);
    bob.send(relay, "alice", "while you were away");
    let rows = relay.queues.remove(&alice.name()).unwrap();
    alice.thread_with("bob");
    let taken = Rc::new(RefCell::new(false));
    let is_taken = Rc::clone(&taken);
    relay.instead = Some(Box::new(move |request| {
        let history = request.path.starts_with("/v1/threads");
        if history && !*is_taken.borrow() {
            return Some(no(ErrorCode::Unauthorized));
        }
        let is_page = history && request.path.contains("/messages?since=");
        is_page.then(|| {
            ok(&MessagePage {
                messages: rows.iter().cloned().collect(),
                next_cursor: Some("here".to_owned()),
                has_more: false,
            })
        })
    }));
    alice.events.clear();
    catch_up_with_resync(&mut alice, relay);
    alice.pass(relay, 10_000);
    assert_eq!(caught_up(&alice), 0);
    *taken.borrow_mut() = true;
    alice.pass(relay, 120_000);
    assert_eq!(alice.texts("bob"), ["while you were away"]);
    assert_eq!(caught_up(&alice), 1);
    let cold = alice.restarted(3);
    assert_eq!(cold.engine.store().count_resyncs().unwrap(), 0);
}

#[test]
fn preferences_that_the_relay_told_of_while_it_listed_the_threads_are_newer_than_its_list() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    let bobs = alice.thread_with("bob");
    let carols = alice.thread_with("carol");
    let [before, wanted] =
        [Notifications::Mentions, Notifications::None].map(|notifications| ThreadPreferences {
            muted_until: None,
            notifications,
        });
    relay.instead = Some(Box::new(move |request| {
        let page = Inbox {
            threads: [("bob", bobs), ("carol", carols)]
                .map(|(peer, id)| InboxThread {
                    mine: before,
                    ..listed(peer, id)
                })
                .to_vec(),
            next_cursor: None,
        };
        let is_it = request.path.starts_with("/v1/threads?");
        is_it.then(|| ok(&page))
    }));
    catch_up_with_resync(&mut alice, relay);
    alice.carry_out();
    let frame = alice.frame(ServerEvent::Thread {
        thread_id: bobs,
        mine: Some(wanted),
    });
    alice.hand_in(sealwire_engine::Input::Socket(
        sealwire_engine::SocketInput::Frames(vec![frame]),
    ));
    alice.run(relay);
    let cold = alice.restarted(3);
    let held = |thread| {
        let row = cold.engine.store().inbox_thread(thread).unwrap();
        row.unwrap().preferences
    };
    assert_eq!((held(bobs), held(carols)), (wanted, before));
}
