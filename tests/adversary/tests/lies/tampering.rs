//! What lies between the devices changes messages: nothing false is shown, and nothing true is lost by it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a step that fails here is the test failing"
)]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sealwire::{Event, MessageContent, UnreadableReason};
use sealwire_tests::{Adversary, Device, acquainted, same_everywhere, start_pair};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

fn is_message(frame: &Value) -> bool {
    frame["t"] == "msg"
}

/// The next message reaches the client only as `change` makes it, and in its true form when that is asked for.
fn swap_next(device: &Device, mut change: impl FnMut(&mut Value) + Send + 'static) -> Truth {
    let truth = Truth::default();
    let kept = Arc::clone(&truth.0);
    device.adversary.on_frame(move |mut frame| {
        let mut kept = kept.lock().unwrap();
        if is_message(&frame) && kept.is_none() {
            *kept = Some(frame.clone());
            change(&mut frame["message"]);
        }
        vec![frame]
    });
    truth
}

/// The frame as the relay had it.
#[derive(Default)]
struct Truth(Arc<Mutex<Option<Value>>>);

impl Truth {
    async fn tell(&self, device: &Device) {
        let kept = |_: &Adversary| self.0.lock().unwrap().clone();
        let frame = device.adversary.until("the true frame", kept).await;
        device.adversary.inject(&frame);
    }
}

fn flip(field: &mut Value) {
    let mut bytes = STANDARD.decode(field.as_str().unwrap()).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    *field = json!(STANDARD.encode(bytes));
}

async fn unreadable(device: &Device) -> UnreadableReason {
    let told = device.events.until("a placeholder", |event| {
        matches!(event, Event::MessageUnreadable(_))
    });
    match told.await {
        Event::MessageUnreadable(message) => match message.content {
            MessageContent::Unreadable(reason) => reason,
            _ => panic!("it has content"),
        },
        _ => panic!("another event"),
    }
}

fn is_duplicate(event: &Event) -> bool {
    matches!(event, Event::DuplicateDropped { .. })
}

const REST: [&str; 2] = ["hello", "hello yourself"];

/// The changed message stands there as unreadable, the true one takes its place, and the conversation goes on.
async fn heals(change: impl FnMut(&mut Value) + Send + 'static, reason: UnreadableReason) {
    let (_relay, alice, bob, thread) = acquainted(&["hello", "hello yourself"]).await;
    let truth = swap_next(&bob, change);
    alice.say(thread, "the message").await;
    assert_eq!(unreadable(&bob).await, reason);
    let shown = bob.texts(thread).await;
    assert_eq!(shown[2], format!("<{}>", reason.as_str()));
    alice.say(thread, "a later one").await;
    bob.hears("a later one").await;
    truth.tell(&bob).await;
    bob.events
        .until("the true one", |event| {
            matches!(event, Event::MessageRecovered(_))
        })
        .await;
    bob.say(thread, "an answer").await;
    alice.hears("an answer").await;
    let expected = [&REST[..], &["the message", "a later one", "an answer"][..]].concat();
    same_everywhere(thread, vec![alice, bob], &expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_ciphertext_is_refused_and_the_true_one_read() {
    heals(
        |row| flip(&mut row["ciphertext"]),
        UnreadableReason::CiphertextTampered,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_envelope_is_refused_and_the_true_one_read() {
    heals(
        |row| flip(&mut row["envelope"]["body"]),
        UnreadableReason::EnvelopeTampered,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_envelope_cut_short_is_refused_and_the_true_one_read() {
    heals(
        |row| row["envelope"]["body"] = json!("AAAA"),
        UnreadableReason::UnknownVersion,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_envelope_of_the_other_type_is_refused_and_the_true_one_read() {
    heals(
        |row| row["envelope"]["type"] = json!("prekey"),
        UnreadableReason::EnvelopeTampered,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_commitment_is_refused_and_the_true_one_read() {
    heals(
        |row| flip(&mut row["commitment"]),
        UnreadableReason::Unfrankable,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_passed_off_as_an_edit_is_refused_and_the_true_one_read() {
    heals(
        |row| row["revision"] = json!(1),
        UnreadableReason::Misplaced,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_passed_off_as_a_reaction_is_refused_and_the_true_one_read() {
    heals(
        |row| row["kind"] = json!("reaction"),
        UnreadableReason::CiphertextTampered,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_a_device_that_never_was_is_refused() {
    let (_relay, alice, bob, thread) = acquainted(&["hello", "hello yourself"]).await;
    let truth = swap_next(&bob, |row| row["sender_device_id"] = json!(9));
    alice.say(thread, "the message").await;
    assert_eq!(unreadable(&bob).await, UnreadableReason::UnknownDevice);
    truth.tell(&bob).await;
    bob.hears("the message").await;
    alice.say(thread, "a later one").await;
    bob.hears("a later one").await;
    let cold = bob.cold().await;
    // The forged one gave up the place that the true one needed.
    let texts = cold.texts(thread);
    assert_eq!(
        texts,
        [&REST[..], &["the message", "a later one"][..]].concat()
    );
    assert_eq!(cold.parked(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_under_another_senders_name_is_refused() {
    let (relay, alice, bob, thread) = acquainted(&["hello", "hello yourself"]).await;
    let _carol = Device::register(relay.url(), "carol").await;
    let truth = swap_next(&bob, |row| row["sender_id"] = json!("carol"));
    alice.say(thread, "the message").await;
    truth.tell(&bob).await;
    bob.events
        .until("carol's list", |event| {
            matches!(event, Event::DevicesChanged { user_id, .. } if user_id.as_str() == "carol")
        })
        .await;
    bob.hears("the message").await;
    let cold = bob.cold().await;
    assert_eq!(
        cold.texts(thread),
        [&REST[..], &["the message"][..]].concat()
    );
    assert_eq!(cold.parked(), 0);
    let threads = cold.store.threads(None, 10).unwrap();
    assert_eq!(threads.len(), 1, "no thread with carol came of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_moved_to_another_thread_is_refused_there() {
    let (relay, alice, bob, thread) = acquainted(&["hello", "hello yourself"]).await;
    let carol = Device::register(relay.url(), "carol").await;
    let other = bob.client.direct_thread("carol").await.unwrap();
    carol.client.direct_thread("bob").await.unwrap();
    carol.say(other, "carol here").await;
    bob.hears("carol here").await;
    let truth = swap_next(&bob, move |row| row["thread_id"] = json!(other));
    alice.say(thread, "the message").await;
    assert_eq!(unreadable(&bob).await, UnreadableReason::Misplaced);
    truth.tell(&bob).await;
    bob.hears("the message").await;
    carol.say(other, "carol again").await;
    bob.hears("carol again").await;
    let cold = bob.cold().await;
    assert_eq!(
        cold.texts(thread),
        [&REST[..], &["the message"][..]].concat()
    );
    assert_eq!(
        cold.texts(other),
        ["carol here", "<misplaced>", "carol again"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_under_the_number_of_a_later_one_does_not_keep_that_one_away() {
    let (_relay, alice, bob, thread) = acquainted(&["hello", "hello yourself"]).await;
    let truth = swap_next(&bob, |row| {
        row["client_seq"] = json!(row["client_seq"].as_u64().unwrap() + 1);
    });
    alice.say(thread, "the message").await;
    assert_eq!(unreadable(&bob).await, UnreadableReason::Misplaced);
    alice.say(thread, "the one of that number").await;
    bob.hears("the one of that number").await;
    truth.tell(&bob).await;
    bob.hears("the message").await;
    let cold = bob.cold().await;
    let expected = [&REST[..], &["the message", "the one of that number"][..]].concat();
    assert_eq!(cold.texts(thread), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_message_under_a_true_ones_id_does_not_keep_that_one_away() {
    let (_relay, alice, bob, thread) = acquainted(&["hello", "hello yourself"]).await;
    // A number that alice will not use for long: the true message finds its id taken, not its number.
    let truth = swap_next(&bob, |row| row["client_seq"] = json!(500));
    alice.say(thread, "the message").await;
    assert_eq!(unreadable(&bob).await, UnreadableReason::Misplaced);
    truth.tell(&bob).await;
    bob.hears("the message").await;
    alice.say(thread, "a later one").await;
    bob.hears("a later one").await;
    let cold = bob.cold().await;
    let texts = cold.texts(thread);
    assert_eq!(
        texts,
        [&REST[..], &["the message", "a later one"][..]].concat()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_ciphertexts_swapped_are_both_refused_and_both_read_later() {
    let (_relay, alice, bob, thread) = acquainted(&["hello", "hello yourself"]).await;
    let kept: Arc<Mutex<Vec<Value>>> = Arc::default();
    let into = Arc::clone(&kept);
    bob.adversary.on_frame(move |frame| {
        let mut kept = into.lock().unwrap();
        if !is_message(&frame) || kept.len() == 2 {
            return vec![frame];
        }
        kept.push(frame);
        let [first, second] = &kept[..] else {
            return Vec::new();
        };
        let (mut swapped, mut other) = (first.clone(), second.clone());
        swapped["message"]["ciphertext"] = second["message"]["ciphertext"].clone();
        other["message"]["ciphertext"] = first["message"]["ciphertext"].clone();
        vec![swapped, other]
    });
    alice.say(thread, "first").await;
    alice.say(thread, "second").await;
    bob.events
        .until_count("two placeholders", 2, |event| {
            matches!(event, Event::MessageUnreadable(_))
        })
        .await;
    assert_eq!(
        bob.texts(thread).await[2..],
        ["<ciphertext_tampered>", "<ciphertext_tampered>"]
    );
    let kept: Vec<_> = kept.lock().unwrap().clone();
    for frame in &kept {
        bob.adversary.inject(frame);
    }
    bob.hears("second").await;
    bob.say(thread, "third").await;
    alice.hears("third").await;
    let expected = [&REST[..], &["first", "second", "third"][..]].concat();
    same_everywhere(thread, vec![alice, bob], &expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_envelope_under_another_message_opens_neither_wrongly() {
    let (_relay, alice, bob, thread) = acquainted(&["hello", "hello yourself"]).await;
    let first: Arc<Mutex<Option<Value>>> = Arc::default();
    let mut truth = None;
    let kept: Arc<Mutex<Option<Value>>> = Arc::default();
    let into = Arc::clone(&kept);
    bob.adversary.on_frame(move |mut frame| {
        if is_message(&frame) {
            let mut first = first.lock().unwrap();
            match &*first {
                None => *first = Some(frame["message"]["envelope"].clone()),
                Some(envelope) => {
                    *into.lock().unwrap() = Some(frame.clone());
                    frame["message"]["envelope"] = envelope.clone();
                }
            }
        }
        vec![frame]
    });
    alice.say(thread, "first").await;
    bob.hears("first").await;
    alice.say(thread, "second").await;
    assert_eq!(unreadable(&bob).await, UnreadableReason::KeyReused);
    truth.clone_from(&*kept.lock().unwrap());
    bob.adversary.rest();
    bob.adversary.inject(&truth.unwrap());
    bob.hears("second").await;
    let expected = [&REST[..], &["first", "second"][..]].concat();
    same_everywhere(thread, vec![alice, bob], &expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_delivered_four_times_is_one_message() {
    let (_relay, alice, bob, thread) = acquainted(&["hello", "hello yourself"]).await;
    bob.adversary.on_frame(|frame| vec![frame.clone(), frame]);
    alice.say(thread, "again").await;
    bob.hears("again").await;
    let frame = bob.adversary.frames().into_iter().rfind(is_message);
    let frame = frame.unwrap();
    bob.adversary.inject(&frame);
    bob.adversary.inject(&frame);
    bob.events
        .until_count("three repeats", 3, is_duplicate)
        .await;
    bob.adversary.rest();
    alice.say(thread, "once").await;
    bob.hears("once").await;
    let expected = [&REST[..], &["again", "once"][..]].concat();
    same_everywhere(thread, vec![alice, bob], &expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_message_delivered_again_begins_no_second_session() {
    let (_relay, alice, bob, thread) = start_pair().await;
    alice.say(thread, "first").await;
    bob.hears("first").await;
    let first = bob.adversary.frames().into_iter().rfind(is_message);
    bob.say(thread, "answer").await;
    alice.hears("answer").await;
    // The same envelope under another number: its one-time key and its place in the ratchet are used up.
    let mut forged = first.clone().unwrap();
    forged["message"]["client_seq"] = json!(40);
    bob.adversary.inject(&forged);
    bob.adversary.inject(&first.unwrap());
    bob.events.until("a repeat", is_duplicate).await;
    alice.say(thread, "second").await;
    bob.hears("second").await;
    let cold = bob.cold().await;
    let texts = cold.texts(thread);
    assert_eq!(texts, ["first", "answer", "second"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_come_in_reverse_all_open_and_stand_in_their_order() {
    let (_relay, alice, bob, thread) = acquainted(&["hello", "hello yourself"]).await;
    let held: Arc<Mutex<Vec<Value>>> = Arc::default();
    let into = Arc::clone(&held);
    bob.adversary.on_frame(move |frame| {
        if is_message(&frame) {
            into.lock().unwrap().push(frame);
            return Vec::new();
        }
        vec![frame]
    });
    for number in 0..6 {
        alice.say(thread, &number.to_string()).await;
    }
    let mut held_back = bob
        .adversary
        .until("six frames", |_| {
            let held = held.lock().unwrap();
            (held.len() == 6).then(|| held.clone())
        })
        .await;
    bob.adversary.rest();
    held_back.reverse();
    for frame in &held_back {
        bob.adversary.inject(frame);
    }
    bob.hears("0").await;
    let expected = [&REST[..], &["0", "1", "2", "3", "4", "5"][..]].concat();
    same_everywhere(thread, vec![alice, bob], &expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_are_no_frames_cost_a_reconnect_and_nothing_else() {
    let (_relay, alice, bob, thread) = acquainted(&["hello", "hello yourself"]).await;
    let mut broken = false;
    bob.adversary.on_frame(move |frame| {
        if is_message(&frame) && !broken {
            broken = true;
            return vec![json!({"t": "msg", "frame_seq": "many"})];
        }
        vec![frame]
    });
    alice.say(thread, "through noise").await;
    bob.hears("through noise").await;
    alice.say(thread, "and on").await;
    let expected = [&REST[..], &["through noise", "and on"][..]].concat();
    same_everywhere(thread, vec![alice, bob], &expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn history_changed_by_the_relay_is_held_to_the_same() {
    let (_relay, alice, bob, thread) = acquainted(&["hello", "hello yourself"]).await;
    bob.adversary.on_frame(|frame| {
        if is_message(&frame) {
            Vec::new()
        } else {
            vec![frame]
        }
    });
    bob.adversary.lose_acknowledgements(true);
    alice.say(thread, "held back").await;
    bob.adversary.on_request(|seen| {
        if !seen.is("GET", "/v1/threads/") {
            return sealwire_tests::Fate::Passed;
        }
        sealwire_tests::edit(|page| {
            for row in page["messages"].as_array_mut().unwrap() {
                flip(&mut row["ciphertext"]);
            }
        })
    });
    bob.client.sync_thread(thread).await.unwrap();
    assert_eq!(unreadable(&bob).await, UnreadableReason::CiphertextTampered);
    bob.adversary.rest();
    bob.adversary.break_socket();
    bob.hears("held back").await;
    let expected = [&REST[..], &["held back"][..]].concat();
    same_everywhere(thread, vec![alice, bob], &expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_held_back_is_missed_and_read_when_it_comes() {
    let (_relay, alice, bob, thread) = acquainted(&["hello", "hello yourself"]).await;
    let held: Arc<Mutex<Option<Value>>> = Arc::default();
    let into = Arc::clone(&held);
    bob.adversary.on_frame(move |frame| {
        let mut held = into.lock().unwrap();
        if is_message(&frame) && held.is_none() {
            *held = Some(frame);
            return Vec::new();
        }
        vec![frame]
    });
    let kept_back = alice.say(thread, "kept back").await;
    alice.say(thread, "let through").await;
    let number = kept_back.client_seq;
    bob.events
        .until("missed", |event| {
            matches!(event, Event::MessageMissing { client_seq, .. } if *client_seq == number)
        })
        .await;
    let frame = held.lock().unwrap().clone().unwrap();
    bob.adversary.inject(&frame);
    bob.events
        .until("late", |event| {
            matches!(event, Event::MessageReordered { client_seq, .. } if *client_seq == number)
        })
        .await;
    let expected = [&REST[..], &["kept back", "let through"][..]].concat();
    same_everywhere(thread, vec![alice, bob], &expected).await;
}
