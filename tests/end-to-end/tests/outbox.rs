//! Between the app's call and the relay's answer: cancelling, sleeping, catching up without a socket.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a step that fails here is the test failing"
)]

use sealwire::{Event, MessageContent, MessageState};
use sealwire_tests::{Device, Fate, is_quick_once, same_everywhere, soon, start_pair};
use std::time::{Duration, Instant};

/// No send gets through to where its fate says, until the adversary rests.
fn every_send(device: &Device, fate: impl Fn() -> Fate + Send + 'static) {
    device
        .adversary
        .on_request(move |seen| match seen.is_send() {
            true => fate(),
            false => Fate::Passed,
        });
}

/// Waits until this device has tried to send once more than so many times.
async fn until_tried(device: &Device, times: usize) {
    device
        .adversary
        .until("a send", |adversary| {
            (adversary.sends().len() > times).then_some(())
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cancel_of_a_message_whose_request_may_have_reached_the_relay_is_settled_by_void() {
    for (reached, restart) in [(false, false), (false, true), (true, false), (true, true)] {
        let (_relay, mut alice, bob, thread) = start_pair().await;
        alice.say(thread, "before").await;
        let tried = alice.adversary.sends().len();
        every_send(&alice, move || match reached {
            true => Fate::AnswerLost,
            false => Fate::Lost,
        });
        let message = alice.write(thread, "taken back").await;
        until_tried(&alice, tried).await;
        // Neither is the question heard yet.
        alice.adversary.on_request(|_| Fate::Lost);
        let asked = alice.client.cancel(message.local_id).await.unwrap();
        assert_eq!(asked.state, MessageState::Cancelling);
        alice.write(thread, "after").await;
        if restart {
            let home = alice.close().await;
            let cold = home.cold().await;
            assert_eq!(cold.unsent(), 1, "both are of one thread");
            alice = cold.close().open_online().await;
        }
        alice.adversary.rest();
        let settled = soon("settled", alice.client.wait_until_sent(message.local_id)).await;
        bob.hears("after").await;
        match reached {
            true => {
                assert_eq!(settled.unwrap().id.is_some(), reached);
                let refused = alice.client.cancel(message.local_id).await.unwrap_err();
                assert_eq!(refused.code(), "already_sent");
                let all = ["before", "taken back", "after"];
                same_everywhere(thread, vec![alice, bob], &all).await;
            }
            false => {
                assert_eq!(settled.unwrap_err().code(), "message_cancelled");
                let missing = |event: &Event| matches!(event, Event::MessageMissing { .. });
                assert_eq!(bob.events.count(missing), 0, "no chain names it");
                same_everywhere(thread, vec![alice, bob], &["before", "after"]).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_never_left_is_cancelled_without_a_word_to_the_relay() {
    let (_relay, alice, bob, thread) = start_pair().await;
    alice.say(thread, "before").await;
    alice.offline().await;
    let (one, two) = (
        alice.write(thread, "taken back").await,
        alice.write(thread, "stays").await,
    );
    let cancelled = alice.client.cancel(one.local_id).await.unwrap();
    assert_eq!(cancelled.state, MessageState::Cancelled);
    assert!(cancelled.content == MessageContent::Removed);
    alice.client.go_online().await.unwrap();
    soon("sent", alice.client.wait_until_sent(two.local_id))
        .await
        .unwrap();
    let asked = |path: &str| path.ends_with("/void");
    assert!(
        !alice
            .adversary
            .requests()
            .iter()
            .any(|seen| asked(&seen.path))
    );
    bob.hears("stays").await;
    same_everywhere(thread, vec![alice, bob], &["before", "stays"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_message_ever_can_be_cancelled_for_certain() {
    let (_relay, alice, bob, thread) = start_pair().await;
    every_send(&alice, || Fate::Lost);
    let first = alice.write(thread, "taken back").await;
    until_tried(&alice, 0).await;
    alice.client.cancel(first.local_id).await.unwrap();
    // The relay knows no such thread, and voids the number all the same.
    let settled = soon("settled", alice.client.wait_until_sent(first.local_id)).await;
    assert_eq!(settled.unwrap_err().code(), "message_cancelled");
    alice.adversary.rest();
    alice.say(thread, "the first").await;
    bob.hears("the first").await;
    same_everywhere(thread, vec![alice, bob], &["the first"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_is_fetched_without_a_socket_and_comes_no_second_time() {
    let (_relay, alice, bob, thread) = start_pair().await;
    alice.say(thread, "before").await;
    bob.hears("before").await;
    bob.offline().await;
    let words: Vec<_> = (0..120).map(|number| number.to_string()).collect();
    for word in &words {
        alice.write(thread, word).await;
    }
    let last = alice.write(thread, "last").await;
    soon("sent", alice.client.wait_until_sent(last.local_id))
        .await
        .unwrap();
    let fetched = soon("fetched", bob.client.fetch_queue()).await.unwrap();
    assert!(fetched >= 121, "{fetched}");
    let mut expected = vec!["before"];
    expected.extend(words.iter().map(String::as_str));
    expected.push("last");
    assert_eq!(bob.texts(thread).await, expected);
    assert_eq!(soon("again", bob.client.fetch_queue()).await.unwrap(), 0);
    bob.client.go_online().await.unwrap();
    bob.online().await;
    let again = |event: &Event| matches!(event, Event::DuplicateDropped { .. });
    assert_eq!(bob.events.count(again), 0);
    same_everywhere(thread, vec![alice, bob], &expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_sleeps_while_its_send_is_under_way_sends_it_once() {
    for fate in [|| Fate::Lost, || Fate::AnswerLost] {
        let (_relay, alice, bob, thread) = start_pair().await;
        alice.say(thread, "before").await;
        let tried = alice.adversary.sends().len();
        every_send(&alice, fate);
        alice.write(thread, "the one").await;
        until_tried(&alice, tried).await;
        soon("asleep", alice.client.suspend()).await.unwrap();
        bob.say(thread, "meanwhile").await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        alice.adversary.rest();
        soon("awake", alice.client.resume()).await.unwrap();
        alice.hears("meanwhile").await;
        bob.hears("the one").await;
        alice.say(thread, "after").await;
        bob.hears("after").await;
        alice.until_messages(thread, 4).await;
        let sends = alice.adversary.sends();
        let of_the_one = &sends[tried..sends.len() - 1];
        assert!(of_the_one.windows(2).all(|two| {
            let bytes = |at: usize| two[at].body["ciphertext"].clone();
            two[0].idempotency_key == two[1].idempotency_key && bytes(0) == bytes(1)
        }));
        let (mine, theirs) = (alice.texts(thread).await, bob.texts(thread).await);
        assert_eq!(mine, theirs);
        let expected: Vec<_> = mine.iter().map(String::as_str).collect();
        same_everywhere(thread, vec![alice, bob], &expected).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hint_that_the_network_is_back_ends_every_wait() {
    // The waits of a message and of the connection are longer by then than this.
    is_quick_once(Duration::from_secs(3), async || {
        let (_relay, alice, bob, thread) = start_pair().await;
        alice.say(thread, "before").await;
        alice.adversary.on_request(|_| Fate::Lost);
        alice.adversary.break_socket();
        alice.write(thread, "held up").await;
        tokio::time::sleep(Duration::from_secs(4)).await;
        alice.adversary.rest();
        let back = Instant::now();
        alice.client.network_changed().await.unwrap();
        bob.hears("held up").await;
        let took = back.elapsed();
        same_everywhere(thread, vec![alice, bob], &["before", "held up"]).await;
        took
    })
    .await;
}
