//! Sleeping and waking: nothing is in use meanwhile, and nothing is lost, whatever was under way.

use super::world::{Meddling, Network, World, received, soon, texts};
use sealwire::{Attachment, ConnectionState, Event, NetworkRole};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

#[tokio::test]
async fn every_call_while_suspended_gives_its_code_and_resume_catches_up() {
    let world = World::new().await;
    let ((device, alice), (_, bob), thread) = world.pair().await;
    soon(alice.wait_until_caught_up()).await.unwrap();
    let mut events = alice.events();
    soon(alice.suspend()).await.unwrap();
    soon(alice.suspend()).await.unwrap();
    let codes = [
        alice.send_text(thread, "no").await.unwrap_err(),
        alice.messages(thread, None, 1).await.unwrap_err(),
        alice.direct_thread("bob").await.unwrap_err(),
        alice.go_online().await.unwrap_err(),
        alice.network_changed().await.unwrap_err(),
        alice
            .send_attachment(thread, Attachment::from_bytes(vec![1]), |_| {})
            .await
            .unwrap_err(),
    ];
    for error in codes {
        assert_eq!((error.code(), error.retryable()), ("suspended", true));
    }
    assert!(matches!(
        alice.connection(),
        ConnectionState::Offline { .. }
    ));
    assert!(alice.account().is_some());
    bob.send_text(bob.direct_thread("alice").await.unwrap(), "meanwhile")
        .await
        .unwrap();

    soon(alice.resume()).await.unwrap();
    soon(alice.resume()).await.unwrap();
    assert_eq!(received(&mut events).await.text(), Some("meanwhile"));
    alice.send_text(thread, "awake").await.unwrap();
    soon(alice.wait_until_caught_up()).await.unwrap();
    assert_eq!(texts(&alice, thread).await, ["meanwhile", "awake"]);
    alice.close().await.unwrap();
    assert_eq!(
        device.texts_after_a_cold_reopen(thread).await,
        ["meanwhile", "awake"]
    );
}

#[tokio::test]
async fn while_one_sleeps_another_opens_the_store_and_speaks() {
    let world = World::new().await;
    let ((device, alice), (_, bob), thread) = world.pair().await;
    soon(alice.wait_until_caught_up()).await.unwrap();
    soon(alice.suspend()).await.unwrap();
    // Such as a notification extension would.
    let extension = device.builder().start_offline().open().await.unwrap();
    assert_eq!(extension.network_role(), NetworkRole::Held);
    let theirs = bob.direct_thread("alice").await.unwrap();
    let sent = bob.send_text(theirs, "wake up").await.unwrap();
    soon(bob.wait_until_sent(sent.local_id)).await.unwrap();
    assert_eq!(soon(extension.fetch_queue()).await.unwrap(), 1);
    assert_eq!(texts(&extension, thread).await, ["wake up"]);
    let refused = soon(alice.resume()).await.map_err(|error| error.code());
    assert_eq!(refused, Err("store_in_use"), "one process opens it once");
    extension.close().await.unwrap();
    soon(alice.resume()).await.unwrap();
    assert_eq!(texts(&alice, thread).await, ["wake up"]);
    soon(alice.suspend()).await.unwrap();
    soon(alice.close()).await.unwrap();
    assert_eq!(
        alice.send_text(thread, "no").await.unwrap_err().code(),
        "closed"
    );
    assert_eq!(alice.resume().await.unwrap_err().code(), "closed");
    assert_eq!(device.texts_after_a_cold_reopen(thread).await, ["wake up"]);
}

#[tokio::test]
async fn suspending_in_the_middle_of_sends_loses_and_doubles_none_and_keeps_their_order() {
    let world = World::new().await;
    let ((device, alice), (_, bob), thread) = world.pair().await;
    let mut expected = Vec::new();
    for round in 0..8u64 {
        for number in 0..3 {
            let text = format!("{round}.{number}");
            alice.send_text(thread, text.clone()).await.unwrap();
            expected.push(text);
        }
        // Each time a little further into what sending does.
        tokio::time::sleep(Duration::from_millis(round * 7)).await;
        soon(alice.suspend()).await.unwrap();
        soon(alice.resume()).await.unwrap();
    }
    let last = alice.send_text(thread, "last").await.unwrap();
    expected.push("last".to_owned());
    soon(alice.wait_until_sent(last.local_id)).await.unwrap();
    let mine = bob.direct_thread("alice").await.unwrap();
    soon(async {
        while texts(&bob, mine).await.len() < expected.len() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert_eq!(texts(&bob, mine).await, expected);
    alice.close().await.unwrap();
    assert_eq!(device.texts_after_a_cold_reopen(thread).await, expected);
}

#[tokio::test]
async fn suspending_in_the_middle_of_an_upload_says_so_and_leaves_nothing_behind() {
    let world = World::new().await;
    let (_, bob) = world.registered("bob").await;
    let (cut, begun) = (
        Arc::new(AtomicBool::new(true)),
        Arc::new(AtomicBool::new(false)),
    );
    let (cuts, begins) = (Arc::clone(&cut), Arc::clone(&begun));
    let device = world.device("alice");
    let network = Network {
        upload: Some(Box::new(move |_| {
            begins.store(true, Ordering::SeqCst);
            !cuts.load(Ordering::SeqCst)
        })),
        ..Network::default()
    };
    let transport = Meddling::with(network);
    let alice = device.builder().transport(transport).open().await.unwrap();
    alice.register("alice").await.unwrap();
    let thread = alice.direct_thread("bob").await.unwrap();
    let (sender, bytes) = (alice.clone(), vec![7; 300_000]);
    let sending = tokio::spawn(async move {
        let attachment = Attachment::from_bytes(bytes);
        sender.send_attachment(thread, attachment, |_| {}).await
    });
    soon(async {
        while !begun.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    soon(alice.suspend()).await.unwrap();
    let refused = soon(sending).await.unwrap();
    assert_eq!(refused.map_err(|error| error.code()), Err("suspended"));
    let uploads = format!("{}-uploads", device.store.display());
    let left = fs::read_dir(uploads).map_or(0, |files| files.count());
    assert_eq!(left, 0);

    cut.store(false, Ordering::SeqCst);
    soon(alice.resume()).await.unwrap();
    let mut events = bob.events();
    let again = Attachment::from_bytes(vec![7; 300_000]).caption("again");
    soon(alice.send_attachment(thread, again, |_| {}))
        .await
        .unwrap();
    let message = received(&mut events).await;
    let fetched = soon(bob.download_attachment(&message, |_| {})).await;
    assert!(fetched.unwrap() == vec![7; 300_000]);
    alice.close().await.unwrap();
    assert_eq!(device.texts_after_a_cold_reopen(thread).await, ["again"]);
}

#[tokio::test]
async fn suspending_in_the_middle_of_a_linking_ends_it_and_another_one_succeeds() {
    let world = World::new().await;
    let (_, phone) = world.registered("alice").await;
    let device = world.device("tablet");
    let tablet = device.open().await;
    let linking = soon(tablet.start_linking()).await.unwrap();
    let waiting = tokio::spawn(linking.finish(|_| async { true }));
    tokio::time::sleep(Duration::from_millis(50)).await;
    soon(tablet.suspend()).await.unwrap();
    let ended = soon(waiting).await.unwrap();
    assert_eq!(ended.map_err(|error| error.code()), Err("suspended"));
    soon(tablet.resume()).await.unwrap();
    let linking = soon(tablet.start_linking()).await.unwrap();
    let code = linking.code().to_owned();
    let (added, joined) = soon(async {
        tokio::join!(
            phone.link_device(&code, |_| async { true }),
            linking.finish(|_| async { true })
        )
    })
    .await;
    assert_eq!(joined.unwrap().1, added.unwrap());
    tablet.close().await.unwrap();
    let tablet = device.open().await;
    assert!(tablet.account().is_some());
    tablet.close().await.unwrap();
}

#[tokio::test]
async fn who_wanted_to_be_offline_wakes_offline() {
    let world = World::new().await;
    let ((device, alice), _, thread) = world.pair().await;
    alice.go_offline().await.unwrap();
    let mut events = alice.events();
    soon(alice.suspend()).await.unwrap();
    soon(alice.resume()).await.unwrap();
    alice.send_text(thread, "waits").await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(matches!(
        alice.connection(),
        ConnectionState::Offline {
            next_try_at_ms: None
        }
    ));
    alice.go_online().await.unwrap();
    soon(async { while !matches!(events.next().await, Some(Event::MessageSent(_))) {} }).await;
    alice.close().await.unwrap();
    assert_eq!(device.texts_after_a_cold_reopen(thread).await, ["waits"]);
}
