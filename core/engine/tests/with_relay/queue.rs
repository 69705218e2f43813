//! The queue without a socket.

use crate::device::Device;
use crate::relay::{Relay, no, ok};
use sealwire_engine::{Call, EngineError, Event, Reply};
use sealwire_wire::contract::{ErrorCode, MessagePage, QueueItem, QueuePage, ServerEvent};
use std::cell::Cell;
use std::rc::Rc;

/// Bob is offline by his app's wish, and Alice has written to him.
fn pair(relay: &mut Relay, messages: u32) -> (Device, Device) {
    let mut alice = Device::registered(relay, "alice", 1);
    let mut bob = Device::registered(relay, "bob", 2);
    bob.call(Call::Disconnect);
    for number in 0..messages {
        alice.send(relay, "bob", &format!("{number}"));
    }
    (alice, bob)
}

fn fetch(device: &mut Device, relay: &mut Relay) -> Result<u64, EngineError> {
    let call = device.call(Call::FetchQueue);
    device.run(relay);
    match device.result(call).unwrap()? {
        Reply::Fetched { entries } => Ok(entries),
        _ => panic!("another reply"),
    }
}

#[test]
fn catch_up_without_a_socket_goes_on_until_the_queue_is_empty_and_acknowledges_after_the_commit() {
    let relay = &mut Relay::default();
    let (_alice, mut bob) = pair(relay, 10);
    let sockets = bob.sockets_opened;
    // An hour later the token has ended.
    bob.now = bob.now.plus_ms(60 * 60 * 1000);
    // Alice's list was never needed: what came from her is parked, and read before the fetch ends.
    assert_eq!(fetch(&mut bob, relay).unwrap(), 10);
    let expected: Vec<_> = (0..10).map(|number| number.to_string()).collect();
    assert_eq!(bob.texts("alice"), expected);
    assert!(relay.queues[&bob.name()].is_empty());
    assert_eq!(bob.sockets_opened, sockets);
    assert_eq!(fetch(&mut bob, relay).unwrap(), 0);
    assert_eq!(bob.restarted(9).texts("alice"), expected);
}

#[test]
fn nothing_else_leaves_while_the_app_wants_to_be_offline() {
    let relay = &mut Relay::default();
    let (_alice, mut bob) = pair(relay, 1);
    bob.queue("alice", "waits");
    relay.asked.clear();
    fetch(&mut bob, relay).unwrap();
    assert!(!relay.asked.iter().any(|path| path.ends_with("/messages")));
    relay.asked.clear();
    bob.pass(relay, 60 * 60 * 1000);
    assert!(relay.asked.is_empty(), "{:?}", relay.asked);
    assert_eq!(bob.restarted(9).texts("alice"), ["0", "waits"]);
}

#[test]
fn what_was_not_acknowledged_comes_again_and_counts_once() {
    let relay = &mut Relay::default();
    let (_alice, mut bob) = pair(relay, 5);
    let mut times = 1;
    relay.instead = Some(Box::new(move |request| {
        let refuses = request.path.ends_with("/ack") && times > 0;
        refuses.then(|| {
            times -= 1;
            no(ErrorCode::Unavailable)
        })
    }));
    assert!(fetch(&mut bob, relay).is_err());
    let mut bob = bob.restarted(9);
    bob.call(Call::Disconnect);
    assert_eq!(fetch(&mut bob, relay).unwrap(), 5);
    assert_eq!(bob.texts("alice"), ["0", "1", "2", "3", "4"]);
    let again = |event: &&Event| matches!(event, Event::DuplicateDropped { .. });
    assert_eq!(bob.events.iter().filter(again).count(), 3);
    bob.restarted(10);
}

#[test]
fn a_fetch_beside_an_open_socket_loses_and_doubles_nothing() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    let mut bob = Device::registered(relay, "bob", 2);
    for number in 0..4 {
        alice.send(relay, "bob", &format!("{number}"));
    }
    let rows: Vec<_> = relay.queues[&bob.name()].iter().take(2).cloned().collect();
    bob.take_rows(relay, rows);
    let (one, two) = (bob.call(Call::FetchQueue), bob.call(Call::FetchQueue));
    bob.run(relay);
    for call in [one, two] {
        let fetched = bob.result(call).unwrap();
        assert!(matches!(fetched, Ok(Reply::Fetched { entries: 4 })));
    }
    assert_eq!(bob.restarted(9).texts("alice"), ["0", "1", "2", "3"]);
}

#[test]
fn a_relay_that_lies_about_the_queue_ends_the_fetch_and_nothing_else() {
    let more_behind_nothing = QueuePage {
        entries: Vec::new(),
        has_more: true,
        marks: Vec::new(),
        marks_cursor: None,
    };
    let long_id = QueuePage {
        entries: vec![QueueItem {
            entry_id: "x".repeat(1_000_000),
            event: ServerEvent::Resync {},
        }],
        ..more_behind_nothing.clone()
    };
    for page in [more_behind_nothing, long_id] {
        let relay = &mut Relay::default();
        let (_alice, mut bob) = pair(relay, 1);
        relay.instead = Some(Box::new(move |request| {
            request.path.starts_with("/v1/me/queue?").then(|| ok(&page))
        }));
        let fetched = fetch(&mut bob, relay);
        assert!(matches!(fetched, Err(EngineError::RelayGarbage { .. })));
        relay.instead = None;
        assert_eq!(fetch(&mut bob, relay).unwrap(), 1);
        assert_eq!(bob.restarted(9).texts("alice"), ["0"]);
    }
}

#[test]
fn after_a_long_absence_a_fetch_without_a_socket_reads_the_histories_too() {
    let relay = &mut Relay::default();
    let (mut alice, mut bob) = pair(relay, 1);
    let thread = bob.thread_with("alice");
    let row = relay.queues.remove(&bob.name()).unwrap().remove(0).unwrap();
    alice.now = bob.now;
    let works = Rc::new(Cell::new(false));
    let now_works = Rc::clone(&works);
    let expired = Rc::new(Cell::new(true));
    let is_expired = Rc::clone(&expired);
    relay.instead = Some(Box::new(move |request| {
        if request.path.starts_with("/v1/me/queue?") && is_expired.get() {
            return Some(ok(&QueuePage {
                entries: vec![QueueItem {
                    entry_id: "resync".to_owned(),
                    event: ServerEvent::Resync {},
                }],
                has_more: false,
                marks: Vec::new(),
                marks_cursor: None,
            }));
        }
        let is_history = request.path.starts_with(&format!("/v1/threads/{thread}/"));
        is_history.then(|| match now_works.get() {
            true => ok(&MessagePage {
                messages: vec![row.clone()],
                next_cursor: Some("here".to_owned()),
                has_more: false,
            }),
            false => no(ErrorCode::Unavailable),
        })
    }));
    let failed = fetch(&mut bob, relay);
    assert!(
        matches!(failed, Err(EngineError::Network(_))),
        "not all is here"
    );
    works.set(true);
    expired.set(false);
    bob.now = bob.now.plus_ms(60_000);
    fetch(&mut bob, relay).unwrap();
    assert_eq!(bob.texts("alice"), ["0"]);
    let cold = bob.restarted(9);
    assert_eq!(cold.engine.store().count_resyncs().unwrap(), 0);
    assert_eq!(cold.texts("alice"), ["0"]);
}

#[test]
fn an_entry_of_a_later_version_holds_no_fetch_up() {
    let relay = &mut Relay::default();
    let (_alice, mut bob) = pair(relay, 2);
    let rows = &relay.queues[&bob.name()];
    let entries = rows.iter().map(|row| QueueItem {
        entry_id: row.id.to_string(),
        event: ServerEvent::Msg {
            message: Box::new(row.clone()),
        },
    });
    let page = serde_json::to_value(QueuePage {
        entries: entries.collect(),
        has_more: false,
        marks: Vec::new(),
        marks_cursor: None,
    });
    let mut page = page.unwrap();
    page["entries"][0]["event"]["message"]["kind"] = "poll".into();
    relay.instead = Some(Box::new(move |request| {
        request.path.starts_with("/v1/me/queue?").then(|| ok(&page))
    }));
    assert_eq!(fetch(&mut bob, relay).unwrap(), 2);
    assert!(relay.queues[&bob.name()].is_empty(), "both acknowledged");
    assert!(bob.events.contains(&Event::FrameRefused));
    assert_eq!(bob.restarted(9).texts("alice"), ["1"]);
}

#[test]
fn a_fetch_ends_with_an_error_when_there_is_no_network() {
    let relay = &mut Relay::default();
    let (_alice, mut bob) = pair(relay, 1);
    bob.now = bob.now.plus_ms(60 * 60 * 1000);
    let call = bob.call(Call::FetchQueue);
    bob.lose(relay, false);
    assert!(matches!(
        bob.result(call),
        Some(Err(EngineError::Network(_)))
    ));
    bob.now = bob.now.plus_ms(60_000);
    assert_eq!(fetch(&mut bob, relay).unwrap(), 1);
    assert_eq!(bob.restarted(9).texts("alice"), ["0"]);
}

/// Sockets that end before everything queued was here, until the engine fetches the queue over HTTP.
fn sockets_are_cut_short(device: &mut Device, relay: &mut Relay) {
    let fetches = |device: &Device| {
        let mut paths = device.requests.iter().map(|request| &request.path);
        paths.any(|path| path.starts_with("/v1/me/queue?"))
    };
    for _ in 0..10 {
        device.lose_socket(None, None);
        if fetches(device) {
            return;
        }
        device.pass(relay, 120_000);
    }
    panic!("it fetches nothing: {:?}", relay.asked);
}

#[test]
fn what_sockets_never_bring_is_fetched_unless_the_app_wants_to_be_offline() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    let mut bob = Device::registered(relay, "bob", 2);
    for number in 0..7 {
        alice.send(relay, "bob", &format!("{number}"));
    }
    sockets_are_cut_short(&mut bob, relay);
    bob.call(Call::Disconnect);
    relay.asked.clear();
    // Its first page was on its way.
    bob.run(relay);
    bob.pass(relay, 60 * 60 * 1000);
    let asked = relay.asked.iter();
    let pages = asked.filter(|path| path.contains("/v1/me/queue"));
    assert_eq!(pages.count(), 1, "{:?}", relay.asked);
    assert_eq!(relay.queues[&bob.name()].len(), 7);

    // Whoever asks for it then gets all of it.
    assert_eq!(fetch(&mut bob, relay).unwrap(), 7);
    let expected: Vec<_> = (0..7).map(|number| number.to_string()).collect();
    assert_eq!(bob.restarted(9).texts("alice"), expected);
}

#[test]
fn what_sockets_never_bring_is_fetched() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    let mut bob = Device::registered(relay, "bob", 2);
    for number in 0..7 {
        alice.send(relay, "bob", &format!("{number}"));
    }
    sockets_are_cut_short(&mut bob, relay);
    bob.run(relay);
    bob.pass(relay, 1_000);
    assert!(relay.queues[&bob.name()].is_empty());
    let expected: Vec<_> = (0..7).map(|number| number.to_string()).collect();
    assert_eq!(bob.restarted(9).texts("alice"), expected);
}
