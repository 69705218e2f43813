//! Whatever comes in, it ends in its place, as a placeholder or as nothing, and what comes behind it comes through.

use crate::device::{Device, user};
use crate::relay::Relay;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use sealwire_crypto::content::{ContentKind, Position, seal};
use sealwire_crypto::device::ListChange;
use sealwire_crypto::envelope::EnvelopePlaintext;
use sealwire_crypto::ratchet::{self, SessionRecord};
use sealwire_engine::{Event, HttpRequest, Input, SocketInput};
use sealwire_store::{DeviceListRow, Location, Store, StoreKey};
use sealwire_wire::content::{Body, Kind, Previous, ThreadFacts, Uid};
use sealwire_wire::contract::{EnvelopeBody, EnvelopeType, MessageRow, ServerEvent};
use sealwire_wire::{Base64, ClientSeq, MessageId, ThreadId, Timestamp};

/// Alice and bob, who have talked before.
fn acquainted(relay: &mut Relay) -> (Device, Device) {
    let mut alice = Device::registered(relay, "alice", 1);
    let mut bob = Device::registered(relay, "bob", 2);
    bob.send(relay, "alice", "first");
    alice.deliver(relay);
    assert_eq!(alice.texts("bob"), ["first"]);
    (alice, bob)
}

/// The row that bob's next text becomes.
fn next_row(relay: &mut Relay, alice: &Device, bob: &mut Device, text: &str) -> MessageRow {
    bob.send(relay, "alice", text);
    relay
        .queues
        .get_mut(&alice.name())
        .unwrap()
        .pop_back()
        .unwrap()
}

#[test]
fn numbers_that_no_store_holds_hold_nothing_up() {
    let relay = &mut Relay::default();
    let (mut alice, mut bob) = acquainted(relay);
    let good = next_row(relay, &alice, &mut bob, "behind them");
    let mut numbered = good.clone();
    numbered.client_seq = ClientSeq(u64::MAX);
    let mut timed = good.clone();
    timed.created_at = Timestamp(u64::MAX);
    let mut own = good.clone();
    own.sender_id = alice.name().user_id;
    own.client_seq = ClientSeq(u64::MAX);
    alice.take_rows(relay, vec![numbered, timed, own, good]);
    assert_eq!(alice.texts("bob"), ["first", "behind them"]);
    assert!(alice.is_acknowledged() && alice.sockets_closed == 0);
}

#[test]
fn a_frame_that_cannot_be_read_holds_nothing_up() {
    let relay = &mut Relay::default();
    let (mut alice, mut bob) = acquainted(relay);
    let good = next_row(relay, &alice, &mut bob, "behind them");
    let strange = [
        r#"{"frame_seq":1,"t":"msg","message":{"id":7}}"#,
        r#"{"frame_seq":2,"t":"devices","user_id":"a/b","version":1}"#,
        r#"{"frame_seq":3,"t":"later","what":[1,{"x":null}]}"#,
        r#"{"frame_seq":4}"#,
        r#"{"frame_seq":5,"t":"prekeys_low","remaining":1e99}"#,
    ];
    for frame in strange {
        alice.take_frames(relay, vec![frame.to_owned()]);
    }
    alice.take_rows(relay, vec![good]);
    assert_eq!(alice.texts("bob"), ["first", "behind them"]);
    assert!(alice.is_acknowledged() && alice.sockets_closed == 0);
    let refused = alice
        .events
        .iter()
        .filter(|event| **event == Event::FrameRefused);
    assert_eq!(refused.count(), 4, "what a later version has is no fault");
}

#[test]
fn a_frame_that_fails_does_not_take_the_others_of_its_batch_with_it() {
    let relay = &mut Relay::default();
    let (alice, mut bob) = acquainted(relay);
    // What stands here as carol's list is none: nothing of hers can be judged.
    let mut store = alice.engine.into_store();
    let damaged = DeviceListRow {
        version: 1,
        bytes: vec![0xff; 9],
        hash: [0; 32],
    };
    let kept = store.transaction(|tx| tx.append_list(&user("carol"), &damaged));
    kept.unwrap();
    let mut alice = Device::over(store, 3);
    alice.run(relay);
    let [before, between, after] =
        ["before", "between", "after"].map(|text| next_row(relay, &alice, &mut bob, text));
    let mut hers = before.clone();
    hers.sender_id = user("carol");
    hers.thread_id = ThreadId::direct(&user("alice"), &user("carol"));
    alice.take_rows(relay, vec![before, hers.clone(), between, hers, after]);
    let texts = ["first", "before", "between", "after"];
    assert_eq!(alice.texts("bob"), texts);
    assert!(alice.is_acknowledged() && alice.sockets_closed == 0);
    assert!(alice.events.contains(&Event::FrameRefused));
    let alice = alice.restarted(4);
    assert_eq!(alice.texts("bob"), texts);
}

#[test]
fn a_batch_in_which_sessions_begin_turn_and_skip_is_as_good_as_one_frame_at_a_time() {
    let texts = |at_once: usize| {
        let relay = &mut Relay::default();
        let (mut alice, mut bob) = acquainted(relay);
        let mut carol = Device::registered(relay, "carol", 4);
        carol.send(relay, "alice", "first");
        alice.deliver(relay);
        let mut rows = Vec::new();
        for round in 0..4 {
            for text in ["one", "two", "three", "four"] {
                rows.push(next_row(
                    relay,
                    &alice,
                    &mut bob,
                    &format!("{text} {round}"),
                ));
                rows.push(next_row(
                    relay,
                    &alice,
                    &mut carol,
                    &format!("{text} {round}"),
                ));
            }
            // Late ones, one of them from the turn before, and one twice.
            let last = rows.len() - 1;
            rows.swap(last, last - 4);
            rows.swap(last - 1, last.saturating_sub(9));
            rows.push(rows[last].clone());
            for rows in rows.chunks(at_once) {
                alice.take_rows(relay, rows.to_vec());
            }
            rows.clear();
            assert!(alice.is_acknowledged());
            // The ratchets turn.
            for friend in [&mut bob, &mut carol] {
                alice.send(relay, friend.name().user_id.as_str(), "I see");
                friend.deliver(relay);
            }
        }
        // That a thread shows otherwise is told once a batch.
        let of_messages = alice
            .events
            .iter()
            .filter(|event| !matches!(event, Event::InboxChanged { .. }));
        let kinds: Vec<_> = of_messages.map(std::mem::discriminant).collect();
        let alice = alice.restarted(9);
        (alice.texts("bob"), alice.texts("carol"), kinds)
    };
    let one_at_a_time = texts(1);
    assert_eq!(one_at_a_time.0.len(), 1 + 4 * 5);
    assert!(!one_at_a_time.0.iter().any(|text| text.starts_with('<')));
    assert_eq!(texts(64), one_at_a_time);
    assert_eq!(texts(3), one_at_a_time);
}

#[test]
fn a_forged_row_takes_no_true_message_s_place() {
    let relay = &mut Relay::default();
    let (mut alice, mut bob) = acquainted(relay);
    let good = next_row(relay, &alice, &mut bob, "true");
    let mut by_id = good.clone();
    by_id.client_seq = ClientSeq(900);
    let mut by_number = good.clone();
    by_number.id = MessageId::from_parts(9_000, 0);
    by_number.ciphertext = vec![1; 200].into();
    let mut by_revision = by_number.clone();
    by_revision.revision = 7;
    by_revision.id = MessageId::from_parts(9_001, 0);
    alice.take_rows(relay, vec![by_id, by_revision, by_number, good.clone()]);
    let held = alice.engine.store().message_by_id(good.thread_id, good.id);
    assert_eq!(held.unwrap().unwrap().text.as_deref(), Some("true"));
    assert!(alice.is_acknowledged() && alice.sockets_closed == 0);
}

#[test]
fn two_messages_under_one_id_are_both_here() {
    let relay = &mut Relay::default();
    let (mut alice, mut bob) = acquainted(relay);
    let one = next_row(relay, &alice, &mut bob, "one");
    let mut two = next_row(relay, &alice, &mut bob, "two");
    two.id = one.id;
    alice.take_rows(relay, vec![one, two]);
    assert_eq!(alice.texts("bob"), ["first", "one", "two"]);
}

/// A row that bob's device made, but his client would not.
fn by_hand(bob: &Device, relay: &Relay, prev: u64, list_version: u64) -> MessageRow {
    let rng = &mut ChaCha20Rng::seed_from_u64(99);
    let store = bob.engine.store();
    let account = store.account().unwrap().unwrap();
    let (_, send) = relay.sends.last().unwrap();
    let alice = send.envelopes[0].clone();
    let thread = ThreadId::direct(&account.user_id, &alice.user_id);
    let body = Body {
        uid: Uid([9; 16]),
        target: None,
        ttl_seconds: None,
        prev: Some(Previous {
            client_seq: ClientSeq(prev),
            digest: [1; 32],
        }),
        thread: ThreadFacts::Direct {
            to: alice.user_id.clone(),
        },
        kind: Kind::Text("by hand".to_owned()),
    };
    let position = Position {
        thread_id: thread.as_bytes(),
        sender: account.user_id.as_str(),
        device: account.device_id.get(),
        client_seq: 500,
        kind: ContentKind::Message,
    };
    let sealed = seal(position, &body.encode(), rng).unwrap();
    let plaintext = EnvelopePlaintext {
        key: sealed.key,
        digest: sealed.digest,
        commitment: sealed.commitment,
        thread_id: *thread.as_bytes(),
        client_seq: 500,
        revision: 0,
        device_list_version: list_version,
    };
    let session = store.session(&alice.user_id, alice.device_id);
    let record = SessionRecord::from_bytes(&session.unwrap().unwrap().record).unwrap();
    let (_, wrapped) = ratchet::seal(&record, bob.now.0, &plaintext.encode()).unwrap();
    let kind = match wrapped.kind {
        ratchet::MessageKind::PreKey => EnvelopeType::Prekey,
        ratchet::MessageKind::Ratchet => EnvelopeType::Ratchet,
    };
    MessageRow {
        id: MessageId::from_parts(8_000, 0),
        thread_id: thread,
        sender_id: account.user_id,
        sender_device_id: account.device_id,
        client_seq: ClientSeq(500),
        revision: 0,
        kind: send.kind,
        target_msg_id: None,
        ttl_seconds: None,
        ciphertext: Base64(sealed.ciphertext),
        commitment: sealed.commitment.into(),
        stamp: sealwire_wire::contract::Stamp {
            key_id: 1,
            mac: [0; 32].into(),
        },
        created_at: Timestamp(1),
        envelope: Some(EnvelopeBody {
            kind,
            body: wrapped.body.into(),
        }),
        requeued_at: None,
        removed: None,
    }
}

#[test]
fn a_peer_s_impossible_numbers_end_as_a_placeholder() {
    for (prev, list_version) in [(u64::MAX, 1), (1, u64::MAX)] {
        let relay = &mut Relay::default();
        let (mut alice, bob) = acquainted(relay);
        let row = by_hand(&bob, relay, prev, list_version);
        alice.take_rows(relay, vec![row]);
        assert!(alice.texts("bob").contains(&"<malformed>".to_owned()));
        assert!(alice.is_acknowledged() && alice.sockets_closed == 0);
    }
}

#[test]
fn a_list_that_is_kept_back_stops_sending_until_it_is_shown_and_no_longer() {
    let relay = &mut Relay::default();
    let (mut alice, bob) = acquainted(relay);
    let row = by_hand(&bob, relay, 1, 2);
    alice.take_rows(relay, vec![row]);
    let rollback = Event::DeviceListRollback {
        user_id: bob.name().user_id,
    };
    assert!(alice.events.contains(&rollback));
    assert!(
        alice
            .texts("bob")
            .contains(&"<device_list_rollback>".to_owned())
    );
    let before = relay.sends.len();
    alice.send(relay, "bob", "to whom?");
    let mut alice = alice.restarted(11);
    alice.run(relay);
    alice.pass(relay, 120_000);
    assert_eq!(
        relay.sends.len(),
        before,
        "bob has devices that are not known here"
    );
    let newer = bob.next_list(ListChange {
        put: Vec::new(),
        remove: Vec::new(),
    });
    relay.publish(&bob.name().user_id, &newer);
    alice.pass(relay, 120_000);
    assert_eq!(relay.sends.len(), before + 1);
    let recovered = |event: &Event| matches!(event, Event::MessageRecovered(_));
    assert_eq!(
        alice.events.iter().filter(|event| recovered(event)).count(),
        1
    );
    assert!(alice.texts("bob").contains(&"by hand".to_owned()));
    assert_eq!(alice.engine.store().count_parked().unwrap(), 0);
}

#[test]
fn threads_are_not_made_for_people_who_do_not_exist() {
    let relay = &mut Relay::default();
    let (mut alice, mut bob) = acquainted(relay);
    let good = next_row(relay, &alice, &mut bob, "behind them");
    let rows = (0..30).map(|number| {
        let nobody = user(&format!("nobody{number}"));
        let mut row = good.clone();
        row.thread_id = ThreadId::direct(&alice.name().user_id, &nobody);
        row.sender_id = nobody;
        row
    });
    let rows = rows.chain([good.clone()]).collect();
    alice.take_rows(relay, rows);
    assert_eq!(alice.texts("bob"), ["first", "behind them"]);
    assert_eq!(alice.engine.store().threads(None, 100).unwrap().len(), 1);
    assert_eq!(alice.engine.store().count_parked().unwrap(), 0);
    assert!(alice.is_acknowledged());
}

#[test]
fn a_device_that_was_away_for_too_long_is_told_and_asks_for_what_it_missed_of_lists() {
    let relay = &mut Relay::default();
    let (mut alice, bob) = acquainted(relay);
    let newer = bob.next_list(ListChange {
        put: Vec::new(),
        remove: Vec::new(),
    });
    relay.publish(&bob.name().user_id, &newer);
    let resync = alice.frame(ServerEvent::Resync {});
    alice.take_frames(relay, vec![resync]);
    assert!(alice.events.contains(&Event::QueueExpired) && alice.is_acknowledged());
    let held = alice.engine.store().newest_list(&bob.name().user_id);
    assert_eq!(held.unwrap().unwrap().version, 2);
}

#[test]
fn after_a_long_absence_lists_are_asked_for_a_few_at_a_time() {
    let relay = &mut Relay::default();
    let (alice, bob) = acquainted(relay);
    let bobs = alice.engine.store().newest_list(&bob.name().user_id);
    let bobs = bobs.unwrap().unwrap();
    let mut store = alice.engine.into_store();
    let peers: Vec<_> = (0..200).map(|n| user(&format!("peer-{n}"))).collect();
    let kept = store.transaction(|tx| {
        peers
            .iter()
            .try_for_each(|peer| tx.append_list(peer, &bobs))
    });
    kept.unwrap();
    let mut alice = Device::over(store, 3);
    alice.run(relay);
    relay.asked.clear();
    let resync = alice.frame(ServerEvent::Resync {});
    alice.hand_in(Input::Socket(SocketInput::Frames(vec![resync])));
    let lists = |request: &&HttpRequest| request.path.starts_with("/v1/users/");
    let at_once = alice.requests.iter().filter(lists).count();
    assert!((1..=16).contains(&at_once), "{at_once}");
    for _ in 0..5_000 {
        let Some(request) = alice.requests.pop_front() else {
            break;
        };
        let result = Ok(relay.answer(&request));
        let id = request.id;
        alice.hand_in(Input::Response { id, result });
    }
    for peer in peers {
        let path = format!("/v1/users/{peer}/");
        assert!(
            relay.asked.iter().any(|asked| asked.contains(&path)),
            "{peer}"
        );
    }
}

#[test]
fn another_message_under_the_number_that_the_next_one_names_is_a_gap() {
    let relay = &mut Relay::default();
    let mut bob = Device::registered(relay, "bob", 2);
    let folder = tempfile::tempdir().unwrap();
    let open = |name: &str, anchor| {
        let place = Location::File(folder.path().join(name));
        Store::open(&place, &StoreKey::new([7; 32], [9; 16]), anchor).unwrap()
    };
    let mut alice = Device::over(open("store", None), 1);
    let call = alice.register("alice");
    alice.run(relay);
    alice.result(call).unwrap().unwrap();
    alice.send(relay, "bob", "hello");
    bob.deliver(relay);
    let store = alice.engine.into_store();
    store.close().unwrap();
    std::fs::copy(folder.path().join("store"), folder.path().join("copy")).unwrap();
    let told = |bob: &Device| {
        let missing = bob.events.iter().filter_map(|event| match event {
            Event::MessageMissing { client_seq, .. } => Some(*client_seq),
            _ => None,
        });
        missing.collect::<Vec<_>>()
    };
    let mut one = Device::over(open("store", Some(1)), 3);
    one.send(relay, "bob", "one");
    one.send(relay, "bob", "two");
    bob.deliver(relay);
    assert_eq!(told(&bob), []);
    // The copy gives the numbers once more, and the relay helps it.
    relay.forgets_what_was_sent();
    let mut other = Device::over(open("copy", Some(1)), 4);
    let queued = other.queue("bob", "other");
    let number = other.message(queued).client_seq;
    other.run(relay);
    relay.queues.clear();
    other.send(relay, "bob", "two again");
    relay.queues.clear();
    other.send(relay, "bob", "three");
    bob.deliver(relay);
    assert_eq!(told(&bob), [ClientSeq(number.0 + 1)]);
    let bob = bob.restarted(5);
    assert_eq!(bob.texts("alice"), ["hello", "one", "two", "three"]);
}
