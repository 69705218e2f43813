//! Messages with a time to live, and messages that did not reach their recipient: over the real relay and its clock.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a step that fails here is the test failing"
)]

use sealwire::{Event, Message, MessageContent, MessageState, SendOptions, ThreadId};
use sealwire_tests::{ByHand, Device, delivered, fields_of, soon, start_pair};
use serde_json::json;

async fn say_for(device: &Device, thread: ThreadId, text: &str, seconds: u32) -> Message {
    let options = SendOptions::default().ttl_seconds(seconds);
    let message = device.client.send_text_with(thread, text, options).await;
    let id = message.unwrap().local_id;
    soon(text, device.client.wait_until_sent(id)).await.unwrap()
}

fn expired(text_id: Option<sealwire::MessageId>) -> impl Fn(&Event) -> bool {
    move |event| matches!(event, Event::MessageExpired(message) if message.id == text_id)
}

fn failed(id: i64, reason: &'static str) -> impl Fn(&Event) -> bool {
    move |event| matches!(event, Event::MessageFailed(message) if message.local_id == id && message.state == failure(reason))
}

fn failure(code: &str) -> MessageState {
    MessageState::Failed {
        code: code.to_owned(),
    }
}

async fn finds(device: &Device, word: &str) -> bool {
    let found = device.client.search(word, None, None, 10).await.unwrap();
    !found.is_empty()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_with_ttl_seconds_disappears_on_both_sides_and_at_the_relay() {
    let (relay, alice, bob, thread) = start_pair().await;
    let phone = alice.link().await;
    alice.say(thread, "stays").await;
    let brief = say_for(&alice, thread, "briefly", 4).await;
    let held = bob.hears("briefly").await;
    assert_eq!(held.ttl_seconds, Some(4));
    phone.hears("briefly").await;
    for device in [&alice, &bob, &phone] {
        assert!(finds(device, "briefly").await);
    }
    for device in [&alice, &bob, &phone] {
        device.events.until("expired", expired(brief.id)).await;
        assert!(!finds(device, "briefly").await);
    }
    // The relay serves a tombstone. It keeps no clock of ours: a second's sweep may be still to come.
    let by_bob = ByHand::device(relay.url(), &bob.keys().await).await;
    let path = format!("/v1/messages/{}", brief.id.unwrap());
    let row = soon("the relay's tombstone", async {
        loop {
            let row = fields_of(&by_bob.get(&path).await);
            if row.get("removed").is_some_and(|removed| !removed.is_null()) {
                return row;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    })
    .await;
    assert_eq!(row["removed"]["reason"], "expired");
    assert_eq!(row["ciphertext"], "");
    bob.say(thread, "after").await;
    for device in [&alice, &phone] {
        device.hears("after").await;
    }
    for device in [alice, bob, phone] {
        let texts = device.cold().await.texts(thread);
        assert_eq!(texts, ["stays", "<removed>", "after"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_del_for_a_message_whose_content_carries_no_ttl_takes_nothing_away() {
    let (_relay, alice, bob, thread) = start_pair().await;
    let sent = alice.say(thread, "stays").await;
    bob.hears("stays").await;
    let last = bob.adversary.frames().pop().unwrap();
    bob.adversary.inject(&json!({
        "t": "del", "frame_seq": last["frame_seq"], "thread_id": thread, "message_id": sent.id,
        "removed": {"reason": "expired", "at": sent.created_at},
    }));
    let refused = |event: &Event| matches!(event, Event::RemovalRefused { message_id, .. } if Some(*message_id) == sent.id);
    bob.events.until("refused", refused).await;
    alice.say(thread, "after").await;
    bob.hears("after").await;
    for device in [alice, bob] {
        assert_eq!(device.cold().await.texts(thread), ["stays", "after"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_ttl_ran_out_before_delivery_is_failed_and_a_repeat_brings_it() {
    for restart in [false, true] {
        let (_relay, mut alice, bob, thread) = start_pair().await;
        alice.say(thread, "before").await;
        bob.hears("before").await;
        bob.offline().await;
        let brief = say_for(&alice, thread, "briefly", 3).await;
        let id = brief.local_id;
        alice.events.until("failed", failed(id, "expired")).await;
        alice.events.until("expired", expired(brief.id)).await;
        assert!(!finds(&alice, "briefly").await);
        bob.client.go_online().await.unwrap();
        bob.online().await;
        assert!(!bob.texts(thread).await.contains(&"briefly".to_owned()));
        if restart {
            alice = alice.close().await.open_online().await;
        }
        let held = alice.client.message(id).await.unwrap().unwrap();
        assert_eq!(held.state, failure("expired"));
        assert!(held.content == MessageContent::Removed);
        alice.client.retry(id).await.unwrap();
        let heard = bob.hears("briefly").await;
        assert_eq!(heard.id, brief.id, "under the same id");
        alice.events.until("delivered", delivered(id)).await;
        // Its time runs anew, and is over once more.
        bob.events.until("expired", expired(brief.id)).await;
        alice.say(thread, "after").await;
        bob.hears("after").await;
        let later = || alice.client.message(id);
        soon("gone again", async {
            while later().await.unwrap().unwrap().content != MessageContent::Removed {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        })
        .await;
        let (alice, bob) = (alice.cold().await, bob.cold().await);
        for cold in [&alice, &bob] {
            assert_eq!(cold.texts(thread), ["before", "<removed>", "after"]);
        }
        assert_eq!(alice.messages(thread)[1].state, MessageState::Delivered);
        let entry = alice.store.outbox_entry(sealwire_store::LocalId(id));
        assert!(entry.unwrap().is_none(), "nothing of it is kept");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_was_over_before_it_was_fetched_has_its_place_and_counts_for_nothing_missing()
 {
    let (_relay, alice, bob, thread) = start_pair().await;
    alice.say(thread, "before").await;
    bob.hears("before").await;
    bob.offline().await;
    let brief = say_for(&alice, thread, "briefly", 2).await;
    alice.say(thread, "after").await;
    alice.events.until("expired", expired(brief.id)).await;
    let over = failed(brief.local_id, "expired");
    alice.events.until("failed", over).await;
    bob.client.go_online().await.unwrap();
    let after = bob.hears("after").await;
    let harm = |event: &Event| {
        matches!(
            event,
            Event::MessageMissing { .. } | Event::MessageReordered { .. }
        )
    };
    assert_eq!(bob.events.count(harm), 0);
    alice
        .events
        .until(
            "delivered",
            |event| matches!(event, Event::MessageDelivered(message) if message.id == after.id),
        )
        .await;
    let held = alice.client.message(brief.local_id).await.unwrap().unwrap();
    assert_eq!(held.state, failure("expired"), "the mark passed over it");
    for cold in [alice.cold().await, bob.cold().await] {
        assert_eq!(cold.texts(thread), ["before", "<removed>", "after"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_recipient_blocked_after_it_was_sent_is_failed_until_they_unblock() {
    let (relay, alice, bob, thread) = start_pair().await;
    let phone = bob.link().await;
    alice.say(thread, "before").await;
    for device in [&bob, &phone] {
        device.hears("before").await;
    }
    // Both are away, and the block comes from elsewhere.
    bob.offline().await;
    phone.offline().await;
    let by_bob = ByHand::device(relay.url(), &bob.keys().await).await;
    let sent = alice.say(thread, "too late").await;
    let id = sent.local_id;
    let answer = by_bob.put("/v1/blocks/alice", &json!({})).await;
    assert!(answer.status < 300, "{}", answer.status);
    alice.events.until("failed", failed(id, "blocked")).await;
    bob.client.go_online().await.unwrap();
    bob.online().await;
    assert_eq!(bob.texts(thread).await, ["before"]);
    // Blocked still: what was accepted is answered as it was, and goes no further.
    let tried = alice.adversary.sends().len();
    alice.client.retry(id).await.unwrap();
    alice
        .adversary
        .until("a repeat", |seen| {
            (seen.sends().len() > tried).then_some(())
        })
        .await;
    bob.client.unblock("alice").await.unwrap();
    soon("on its way", async {
        loop {
            match alice.client.retry(id).await {
                Ok(_) => {}
                Err(error) => assert_eq!(error.code(), "not_failed"),
            }
            let state = alice.client.message(id).await.unwrap().unwrap().state;
            if matches!(state, MessageState::Sent | MessageState::Delivered) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    })
    .await;
    assert_eq!(bob.hears("too late").await.id, sent.id);
    alice.events.until("delivered", delivered(id)).await;
    phone.client.go_online().await.unwrap();
    phone.hears("too late").await;
    let cold = alice.cold().await;
    assert_eq!(cold.messages(thread)[1].state, MessageState::Delivered);
    for device in [bob, phone] {
        let texts = device.cold().await.texts(thread);
        assert_eq!(texts, ["before", "too late"]);
    }
}
