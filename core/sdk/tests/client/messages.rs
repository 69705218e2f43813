//! Texts: sent, received, paged, found.

use super::world::{World, received, soon, texts};
use sealwire::{Attachment, Event, MessageState, SendOptions};
use std::time::Duration;

#[tokio::test]
async fn a_text_arrives_and_both_find_it_after_a_cold_reopen() {
    let world = World::new().await;
    let ((alice_device, alice), (bob_device, bob), thread) = world.pair().await;
    let mut events = bob.events();
    let sent = alice.send_text(thread, "Grüße aus Köln").await.unwrap();
    assert_eq!(sent.state, MessageState::Pending);
    let message = received(&mut events).await;
    assert_eq!(
        (message.text(), message.thread),
        (Some("Grüße aus Köln"), thread)
    );
    let sent = soon(alice.wait_until_sent(sent.local_id)).await.unwrap();
    // Bob's acknowledgement may have come meanwhile.
    assert!(matches!(
        sent.state,
        MessageState::Sent | MessageState::Delivered
    ));
    assert_eq!(sent.id, message.id);

    for client in [&alice, &bob] {
        client.close().await.unwrap();
    }
    for device in [&alice_device, &bob_device] {
        let client = device.builder().start_offline().open().await.unwrap();
        let found = client.search("koln", None, None, 10).await.unwrap();
        assert_eq!(
            found
                .iter()
                .filter_map(|message| message.text())
                .collect::<Vec<_>>(),
            ["Grüße aus Köln"]
        );
        assert_eq!(client.count_messages(Some(thread)).await.unwrap(), 1);
        let threads = client.threads(None, 10).await.unwrap();
        assert_eq!(
            threads.iter().map(|thread| thread.id).collect::<Vec<_>>(),
            [thread]
        );
        client.close().await.unwrap();
    }
}

#[tokio::test]
async fn what_was_written_offline_goes_out_in_order_once_online() {
    let world = World::new().await;
    let ((_, alice), (bob_device, bob), thread) = world.pair().await;
    alice.go_offline().await.unwrap();
    let written: Vec<String> = (0..20).map(|number| format!("number {number}")).collect();
    for text in &written {
        alice.send_text(thread, text).await.unwrap();
    }
    let mut events = bob.events();
    alice.go_online().await.unwrap();
    for text in &written {
        assert_eq!(received(&mut events).await.text(), Some(text.as_str()));
    }
    bob.close().await.unwrap();
    assert_eq!(bob_device.texts_after_a_cold_reopen(thread).await, written);
}

#[tokio::test]
async fn both_sides_see_one_conversation() {
    let world = World::new().await;
    let ((_, alice), (_, bob), thread) = world.pair().await;
    let (mut to_alice, mut to_bob) = (alice.events(), bob.events());
    for round in 0..5 {
        let text = format!("{round} from alice");
        alice.send_text(thread, &text).await.unwrap();
        assert_eq!(received(&mut to_bob).await.text(), Some(text.as_str()));
        let text = format!("{round} from bob");
        bob.send_text(thread, &text).await.unwrap();
        assert_eq!(received(&mut to_alice).await.text(), Some(text.as_str()));
    }
    let (at_alice, at_bob) = (texts(&alice, thread).await, texts(&bob, thread).await);
    assert_eq!(at_alice.len(), 10);
    assert_eq!(at_alice, at_bob);
}

#[tokio::test]
async fn a_text_may_be_as_long_as_promised_and_no_longer_and_not_empty() {
    let world = World::new().await;
    let ((alice_device, alice), (_, bob), thread) = world.pair().await;
    let longest = "x".repeat(alice.max_text_bytes());
    let too_long = alice
        .send_text(thread, format!("{longest}x"))
        .await
        .unwrap_err();
    assert_eq!(
        (too_long.code(), too_long.retryable()),
        ("text_too_long", false)
    );
    assert_eq!(
        alice.send_text(thread, "").await.unwrap_err().code(),
        "empty_text"
    );
    let mut events = bob.events();
    alice.send_text(thread, &longest).await.unwrap();
    assert_eq!(received(&mut events).await.text(), Some(longest.as_str()));
    alice.close().await.unwrap();
    assert_eq!(
        alice_device.texts_after_a_cold_reopen(thread).await,
        [longest]
    );
}

#[tokio::test]
async fn ids_that_are_none_are_refused_by_name() {
    let world = World::new().await;
    let ((_, alice), _, _) = world.pair().await;
    for user in ["alice/bob", "", "é"] {
        let refused = alice.direct_thread(user).await.unwrap_err();
        assert_eq!(refused.code(), "invalid_id", "{user:?}");
        assert!(refused.fields().reason.unwrap().contains("user id"));
    }
    let elsewhere = world.device("carol").open().await;
    assert_eq!(
        elsewhere.register("carol/1").await.unwrap_err().code(),
        "invalid_id"
    );
    assert_eq!(
        elsewhere.direct_thread("bob").await.unwrap_err().code(),
        "not_registered"
    );
}

#[tokio::test]
async fn nobody_blocks_themselves() {
    let world = World::new().await;
    let (_, alice) = world.registered("alice").await;
    assert_eq!(alice.block("alice").await.unwrap_err().code(), "own_user");
    assert_eq!(alice.blocked_users().await.unwrap(), []);
    alice.unblock("alice").await.unwrap();
}

#[tokio::test]
async fn a_second_registration_is_told_to_link_instead() {
    let world = World::new().await;
    let (_, alice) = world.registered("alice").await;
    let device = world.device("another");
    let another = device.open().await;
    assert_eq!(
        another.register("alice").await.unwrap_err().code(),
        "account_exists"
    );
    assert_eq!(another.account(), None);
    assert_eq!(
        alice.register("alice").await.unwrap_err().code(),
        "already_registered"
    );
    another.close().await.unwrap();
    let again = device.open().await;
    assert_eq!(again.account(), None);
    again.register("dora").await.unwrap();
}

#[tokio::test]
async fn pages_reach_back_to_the_first_message() {
    let world = World::new().await;
    let ((_, alice), _, thread) = world.pair().await;
    alice.go_offline().await.unwrap();
    for number in 0..7 {
        alice.send_text(thread, format!("{number}")).await.unwrap();
    }
    let (mut before, mut seen) = (None, Vec::new());
    loop {
        let page = alice.messages(thread, before, 3).await.unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.local_id);
        seen.extend(
            page.iter()
                .filter_map(|message| message.text().map(str::to_owned)),
        );
    }
    assert_eq!(seen, ["6", "5", "4", "3", "2", "1", "0"]);
}

#[tokio::test]
async fn a_send_whose_future_is_dropped_is_sent_all_the_same() {
    let world = World::new().await;
    let ((_, alice), (bob_device, bob), thread) = world.pair().await;
    let mut events = bob.events();
    drop(alice.send_text(thread, "never polled: never begun"));
    let begun = alice.send_text(thread, "begun");
    // Polled once, then dropped.
    let _ = tokio::time::timeout(Duration::ZERO, begun).await;
    assert_eq!(received(&mut events).await.text(), Some("begun"));
    bob.close().await.unwrap();
    assert_eq!(
        bob_device.texts_after_a_cold_reopen(thread).await,
        ["begun"]
    );
}

#[tokio::test]
async fn a_reader_that_was_too_slow_is_told_and_the_store_has_everything() {
    let world = World::new().await;
    let alice = sealwire::Client::builder(world.relay.url())
        .in_memory()
        .open()
        .await
        .unwrap();
    alice.register("alice").await.unwrap();
    alice.go_offline().await.unwrap();
    let thread = alice.direct_thread("bob").await.unwrap();
    let mut events = alice.events();
    let count = sealwire::EVENT_BUFFER + 50;
    for number in 0..count {
        alice.send_text(thread, format!("{number}")).await.unwrap();
    }
    // A further answer: everything that the last send led to was told before it.
    alice.direct_thread("bob").await.unwrap();
    let mut seen = 0;
    let missed = loop {
        match soon(events.next()).await.unwrap() {
            Event::MessageQueued(_) | Event::InboxChanged { .. } => seen += 1,
            Event::Lagged { missed } => break missed,
            _ => {}
        }
    };
    assert_eq!(seen + missed as usize, 2 * count);
    assert_eq!(
        alice.count_messages(Some(thread)).await.unwrap(),
        count as u64
    );
}

#[tokio::test]
async fn what_is_sent_again_under_its_key_is_sent_once_also_after_a_cold_reopen() {
    let world = World::new().await;
    let ((alice_device, alice), (bob_device, bob), thread) = world.pair().await;
    let mut events = bob.events();
    let once = SendOptions::default().key([7; 16]);
    let file = || {
        Attachment::from_bytes("a file")
            .caption("a file")
            .key([8; 16])
    };
    let text = alice.send_text_with(thread, "once", once).await.unwrap();
    let sent = soon(alice.send_attachment(thread, file(), |_| {}))
        .await
        .unwrap();
    soon(alice.wait_until_sent(sent.local_id)).await.unwrap();
    alice.close().await.unwrap();

    let alice = alice_device.open().await;
    let again = alice.send_text_with(thread, "once", once).await.unwrap();
    assert_eq!(
        (again.local_id, again.text()),
        (text.local_id, Some("once"))
    );
    let again = soon(alice.send_attachment(thread, file(), |_| {}))
        .await
        .unwrap();
    assert_eq!(again.local_id, sent.local_id);
    let other = alice.send_text_with(thread, "another", once).await;
    assert_eq!(other.unwrap_err().code(), "send_key_reused");
    for other in [
        file().caption("another"),
        Attachment::from_bytes("another")
            .caption("a file")
            .key([8; 16]),
    ] {
        let other = alice.send_attachment(thread, other, |_| {}).await;
        assert_eq!(other.unwrap_err().code(), "send_key_reused");
    }
    alice.send_text(thread, "the end").await.unwrap();

    for expected in ["once", "a file", "the end"] {
        assert_eq!(received(&mut events).await.text(), Some(expected));
    }
    for (client, device) in [(alice, alice_device), (bob, bob_device)] {
        client.close().await.unwrap();
        assert_eq!(
            device.texts_after_a_cold_reopen(thread).await,
            ["once", "a file", "the end"]
        );
    }
}
