//! Answers get lost, relays die, disks fill, tokens end: each message arrives once all the same.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a step that fails here is the test failing"
)]

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};
use sealwire::{Client, Event, MessageState, Timestamp};
use sealwire_relay::{Relay, RelayConfig, RelayData};
use sealwire_tests::{
    ByHand, Device, Fate, RelayProcess, SeenRequest, answer, is_quick_once, pair, problem,
    relay_program, same_everywhere, soon, start_pair, start_relay,
};
use sealwire_wire::contract::{ErrorCode, SendMessage};
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Notify, oneshot};

/// Every send after the first is the first one again: same bytes, same number, same key.
fn assert_all_alike(sends: &[SeenRequest]) {
    assert!(sends.len() > 1, "it was sent once");
    let fields = |send: &SeenRequest| -> Vec<Value> {
        ["client_seq", "ciphertext", "commitment", "envelopes"]
            .iter()
            .map(|field| send.body[field].clone())
            .collect()
    };
    for send in sends {
        assert_eq!(send.idempotency_key, sends[0].idempotency_key);
        assert_eq!(send.path, sends[0].path);
        assert_eq!(fields(send), fields(&sends[0]));
    }
}

/// The first send meets this fate, the others pass.
fn first_send(device: &Device, fate: impl Fn() -> Fate + Send + 'static) {
    let mut first = true;
    device.adversary.on_request(move |seen| {
        if seen.is_send() && first {
            first = false;
            return fate();
        }
        Fate::Passed
    });
}

/// Whatever became of the first try, the message is one message, with one id, made of the same bytes.
async fn arrives_once(fate: impl Fn() -> Fate + Send + 'static) {
    let (_relay, alice, bob, thread) = start_pair().await;
    alice.say(thread, "before").await;
    first_send(&alice, fate);
    let sends_before = alice.adversary.sends().len();
    alice.say(thread, "the one").await;
    assert_all_alike(&alice.adversary.sends()[sends_before..]);
    bob.hears("the one").await;
    alice.say(thread, "after").await;
    same_everywhere(thread, vec![alice, bob], &["before", "the one", "after"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_lost_after_the_relay_stored_the_message_makes_no_second_one() {
    arrives_once(|| Fate::AnswerLost).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_never_arrived_is_made_again_with_the_same_bytes() {
    arrives_once(|| Fate::Lost).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn half_an_answer_is_asked_for_again() {
    arrives_once(|| {
        Fate::Rewritten(Box::new(|mut whole| {
            whole.body.truncate(whole.body.len() / 2);
            whole
        }))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_html_page_in_place_of_the_answer_is_no_answer() {
    arrives_once(|| {
        Fate::Rewritten(Box::new(|_| {
            answer(200, "<html>Sign in to the hotel</html>")
        }))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_500_after_the_message_was_stored_makes_no_second_one() {
    arrives_once(|| Fate::Rewritten(Box::new(|_| answer(500, "oops")))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_400_that_is_not_of_the_contract_does_not_give_the_message_up() {
    arrives_once(|| Fate::Answered(answer(400, "<html>Bad gateway settings</html>"))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_to_another_message_is_no_answer() {
    arrives_once(|| sealwire_tests::edit(|sent| sent["client_seq"] = 77.into())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_is_busy_gets_the_message_later() {
    arrives_once(|| Fate::Answered(problem(ErrorCode::Unavailable))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_for_good_fails_the_message_and_a_retry_sends_it() {
    let (_relay, alice, bob, thread) = start_pair().await;
    alice.say(thread, "before").await;
    first_send(&alice, || Fate::Answered(problem(ErrorCode::Unprocessable)));
    let message = alice.write(thread, "refused once").await;
    let failed = alice
        .events
        .until("failed", |event| matches!(event, Event::MessageFailed(_)));
    let Event::MessageFailed(failed) = failed.await else {
        panic!("another event");
    };
    let code = "unprocessable".to_owned();
    assert_eq!(failed.state, MessageState::Failed { code });
    // The thread goes on without it.
    alice.say(thread, "overtakes").await;
    alice.client.retry(message.local_id).await.unwrap();
    soon("sent", alice.client.wait_until_sent(message.local_id))
        .await
        .unwrap();
    bob.hears("refused once").await;
    let sends = alice.adversary.sends();
    let alike = |send: &&SeenRequest| send.body["client_seq"] == message.client_seq.0;
    let same: Vec<_> = sends.iter().filter(alike).cloned().collect();
    assert_all_alike(&same);
    same_everywhere(
        thread,
        vec![alice, bob],
        &["before", "overtakes", "refused once"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_in_the_middle_of_sending_sends_the_same_bytes_again() {
    let (_relay, alice, bob, thread) = start_pair().await;
    alice.say(thread, "before").await;
    // The relay stores it, the answer never comes, and then the power goes.
    alice.adversary.on_request(|seen| {
        if seen.is_send() {
            Fate::AnswerLost
        } else {
            Fate::Passed
        }
    });
    alice.write(thread, "in the middle").await;
    bob.hears("in the middle").await;
    let mut sends = alice.adversary.sends().split_off(1);
    let crashed = alice.snapshot().await;
    alice.close().await;
    let alice = crashed.open_online().await;
    alice.say(thread, "after").await;
    sends.push(alice.adversary.sends()[0].clone());
    assert_all_alike(&sends);
    same_everywhere(
        thread,
        vec![alice, bob],
        &["before", "in the middle", "after"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_written_right_before_a_crash_is_sent_after_it() {
    let (_relay, alice, bob, thread) = start_pair().await;
    alice.adversary.on_request(|_| Fate::Lost);
    alice.write(thread, "first of all").await;
    alice.write(thread, "and another").await;
    let crashed = alice.snapshot().await;
    alice.close().await;
    let alice = crashed.open_online().await;
    bob.hears("and another").await;
    let last = alice.messages(thread).await.pop().unwrap();
    soon("sent", alice.client.wait_until_sent(last.local_id))
        .await
        .unwrap();
    same_everywhere(thread, vec![alice, bob], &["first of all", "and another"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_commit_and_acknowledgement_delivers_no_message_twice() {
    let (_relay, alice, bob, thread) = start_pair().await;
    alice.say(thread, "before").await;
    bob.hears("before").await;
    bob.adversary.lose_acknowledgements(true);
    alice.say(thread, "not acknowledged").await;
    bob.hears("not acknowledged").await;
    let crashed = bob.snapshot().await;
    bob.close().await;
    let bob = crashed.open_online().await;
    bob.events
        .until("the repeat", |event| {
            matches!(event, Event::DuplicateDropped { .. })
        })
        .await;
    alice.say(thread, "after").await;
    same_everywhere(
        thread,
        vec![alice, bob],
        &["before", "not acknowledged", "after"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_is_killed_while_messages_are_sent_loses_and_doubles_none() {
    let folder = tempfile::tempdir().unwrap();
    let relay = RelayProcess::start(relay_program!(), folder.path(), None).await;
    let address = relay.address();
    let (alice, bob, thread) = pair(&relay.url).await;
    let mut expected = Vec::new();
    for number in 0..40 {
        let text = format!("under fire {number}");
        alice.write(thread, &text).await;
        expected.push(text);
    }
    // In the middle: some answered, more to come.
    bob.hears("under fire 7").await;
    relay.kill().await;
    let sent = |event: &Event| matches!(event, Event::MessageSent(_));
    assert!(alice.events.count(sent) < 40, "it was too late to kill it");
    alice
        .events
        .until("the relay is gone", |event| {
            matches!(
                event,
                Event::Connection(sealwire::ConnectionState::Offline { .. })
            )
        })
        .await;
    let _relay = RelayProcess::start(relay_program!(), folder.path(), Some(address)).await;
    alice.events.until_count("all sent", 40, sent).await;
    bob.hears("under fire 39").await;
    let expected: Vec<_> = expected.iter().map(String::as_str).collect();
    same_everywhere(thread, vec![alice, bob], &expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_with_a_full_disk_gets_the_message_once_it_has_room() {
    let folder = tempfile::tempdir().unwrap();
    let mut relay = RelayProcess::start(relay_program!(), folder.path(), None).await;
    let (alice, bob, thread) = pair(&relay.url).await;
    alice.say(thread, "before").await;
    bob.hears("before").await;
    relay.limit_files(Some(4096)).await;
    let refused = Arc::new(Notify::new());
    let noted = Arc::clone(&refused);
    alice.adversary.on_request(move |seen| {
        if !seen.is_send() {
            return Fate::Passed;
        }
        let noted = Arc::clone(&noted);
        Fate::Rewritten(Box::new(move |answer| {
            if answer.status == 503 {
                assert_eq!(ByHand::code(&answer), "storage_full");
                noted.notify_one();
            }
            answer
        }))
    });
    let message = alice.write(thread, "no room yet").await;
    soon("refused", refused.notified()).await;
    assert!(relay.is_alive());
    let held = alice.client.message(message.local_id).await.unwrap();
    assert_eq!(held.unwrap().state, MessageState::Pending);
    relay.limit_files(None).await;
    soon("sent", alice.client.wait_until_sent(message.local_id))
        .await
        .unwrap();
    bob.hears("no room yet").await;
    assert_all_alike(&alice.adversary.sends()[1..]);
    alice.say(thread, "after").await;
    same_everywhere(
        thread,
        vec![alice, bob],
        &["before", "no room yet", "after"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_is_slow_holds_up_no_other_thread() {
    let (relay, alice, bob, thread) = start_pair().await;
    let carol = Device::register(relay.url(), "carol").await;
    let other = alice.client.direct_thread("carol").await.unwrap();
    let (release, gate) = oneshot::channel();
    let mut gate = Some(gate);
    let slow_path = format!("/v1/threads/{thread}/");
    alice.adversary.on_request(move |seen| {
        match seen.path.starts_with(&slow_path) && seen.is_send() {
            true => gate.take().map_or(Fate::Passed, Fate::Held),
            false => Fate::Passed,
        }
    });
    let slow = alice.write(thread, "slow").await;
    alice.say(other, "fast").await;
    carol.hears("fast").await;
    let held = alice.client.message(slow.local_id).await.unwrap().unwrap();
    assert_eq!(held.state, MessageState::Pending);
    release.send(()).unwrap();
    bob.hears("slow").await;
    assert_eq!(carol.cold().await.texts(other), ["fast"]);
    soon("sent", alice.client.wait_until_sent(slow.local_id))
        .await
        .unwrap();
    same_everywhere(thread, vec![alice, bob], &["slow"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_breaks_again_and_again_loses_nothing() {
    let (_relay, alice, bob, thread) = start_pair().await;
    let mut expected = Vec::new();
    for round in 0..4 {
        for number in 0..3 {
            let text = format!("{round}.{number}");
            alice.say(thread, &text).await;
            expected.push(text);
        }
        bob.hears(expected.last().unwrap()).await;
        let online = |event: &Event| matches!(event, Event::CaughtUp);
        let before = bob.events.count(online);
        bob.adversary.break_socket();
        bob.events.until_count("online", before + 1, online).await;
    }
    let expected: Vec<_> = expected.iter().map(String::as_str).collect();
    same_everywhere(thread, vec![alice, bob], &expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_is_replaced_by_a_new_one() {
    let (_relay, alice, bob, thread) = start_pair().await;
    alice.say(thread, "before").await;
    first_send(&alice, || Fate::Answered(problem(ErrorCode::TokenExpired)));
    let is_challenge = |seen: &SeenRequest| seen.is("POST", "/v1/auth/challenge");
    let count = |device: &Device| {
        let requests = device.adversary.requests();
        requests.iter().filter(|seen| is_challenge(seen)).count()
    };
    let before = count(&alice);
    alice.say(thread, "under a new token").await;
    assert_eq!(count(&alice), before + 1);
    assert_eq!(alice.adversary.sends().len(), 3);
    assert_all_alike(&alice.adversary.sends()[1..]);
    same_everywhere(thread, vec![alice, bob], &["before", "under a new token"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_token_is_refused_and_the_client_gets_a_true_one() {
    let (relay, alice, bob, thread) = start_pair().await;
    alice.say(thread, "before").await;
    first_send(&alice, || {
        // Of the right form, signed by nobody.
        Fate::UnderToken("eyJhbGciOiJub25lIn0.eyJ1c2VyIjoiYWxpY2UifQ.".to_owned())
    });
    alice.say(thread, "after all").await;
    let forged = ByHand::with_token(relay.url(), "eyJhbGciOiJub25lIn0.eyJ1c2VyIjoiYWxpY2UifQ.");
    let answered = forged.get("/v1/me/devices").await;
    assert_eq!(answered.status, 401);
    assert_eq!(ByHand::code(&answered), "unauthorized");
    assert_eq!(alice.adversary.sends().len(), 3);
    same_everywhere(thread, vec![alice, bob], &["before", "after all"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_ends_costs_a_reconnect_and_nothing_else() {
    let timings = sealwire_relay::Timings {
        token_lifetime: Duration::from_secs(1),
        token_grace: Duration::from_millis(200),
        ..sealwire_relay::Timings::default()
    };
    let config = RelayConfig::new(RelayData::Memory).timings(timings);
    let relay = Relay::start(config).await.unwrap();
    let (alice, bob, thread) = pair(relay.url()).await;
    alice.say(thread, "under the first").await;
    bob.hears("under the first").await;
    let online = |event: &Event| matches!(event, Event::CaughtUp);
    bob.events.until_count("a second socket", 2, online).await;
    alice.say(thread, "under another").await;
    bob.hears("under another").await;
    same_everywhere(
        thread,
        vec![alice, bob],
        &["under the first", "under another"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_made_once() {
    let relay = start_relay().await;
    let first = Device::register(relay.url(), "alice").await;
    let second = Device::fresh(relay.url()).await;
    let refused = second.client.register("alice").await.unwrap_err();
    assert_eq!(
        (refused.code(), refused.retryable()),
        ("account_exists", false)
    );
    assert_eq!(second.client.account(), None);
    // Nothing of the attempt stays: the device may become somebody else.
    second.client.register("alison").await.unwrap();
    let cold = second.cold().await;
    assert_eq!(
        cold.store.account().unwrap().unwrap().user_id.as_str(),
        "alison"
    );
    assert!(first.client.account().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_whose_answer_was_lost_is_repeated_with_the_same_keys() {
    let relay = start_relay().await;
    let alice = Device::fresh(relay.url()).await;
    let mut first = true;
    alice.adversary.on_request(move |seen| {
        if seen.is("POST", "/v1/devices") && first {
            first = false;
            return Fate::AnswerLost;
        }
        Fate::Passed
    });
    let lost = alice.client.register("alice").await.unwrap_err();
    assert_eq!((lost.code(), lost.retryable()), ("network", true));
    assert_eq!(alice.client.account(), None);
    // Also after the app was restarted.
    let alice = alice.close().await.open().await;
    alice.client.register("alice").await.unwrap();
    alice.online().await;
    let bob = Device::register(relay.url(), "bob").await;
    let thread = bob.client.direct_thread("alice").await.unwrap();
    bob.say(thread, "there you are").await;
    alice.hears("there you are").await;
    same_everywhere(thread, vec![alice, bob], &["there you are"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_platforms_token_no_account_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("platform.json");
    let jwks = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","use":"sig","kid":"a",
        "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    std::fs::write(&keys, jwks).unwrap();
    let config = RelayConfig::new(RelayData::Memory).platform_jwks(keys);
    let relay = Relay::start(config).await.unwrap();
    let alice = Device::fresh(relay.url()).await;
    let refused = alice.client.register("alice").await.unwrap_err();
    assert_eq!(refused.code(), "platform_token_required");
    let forged = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9.";
    let refused = alice
        .client
        .register_with_platform_token("alice", forged)
        .await
        .unwrap_err();
    assert_eq!(refused.code(), "unauthorized");
    assert_eq!(alice.client.account(), None);
    alice.cold().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_text_goes_through_and_one_byte_more_does_not() {
    let (_relay, alice, bob, thread) = start_pair().await;
    let longest = "ß".repeat(alice.client.max_text_bytes() / 2);
    alice.say(thread, &longest).await;
    assert_eq!(
        bob.hears(&longest).await.text().unwrap().len(),
        longest.len()
    );
    let too_long = format!("{}x", "y".repeat(alice.client.max_text_bytes()));
    let refused = alice.client.send_text(thread, too_long).await.unwrap_err();
    assert_eq!(
        (refused.code(), refused.retryable()),
        ("text_too_long", false)
    );
    same_everywhere(thread, vec![alice, bob], &[&longest]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_of_nothing_is_refused() {
    let (_relay, alice, _bob, thread) = start_pair().await;
    let refused = alice.client.send_text(thread, "").await.unwrap_err();
    assert_eq!(refused.code(), "empty_text");
    assert_eq!(alice.cold().await.texts(thread), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_id_that_is_none_is_refused_before_anything_leaves() {
    let relay = start_relay().await;
    let alice = Device::fresh(relay.url()).await;
    for bad in ["alice/devices", "", "älice", "a b", "../bob", "alice?x=1"] {
        let refused = alice.client.register(bad).await.unwrap_err();
        assert_eq!(refused.code(), "invalid_id", "{bad:?}");
    }
    alice.client.register("alice").await.unwrap();
    for bad in ["bob/1", "", &"b".repeat(65)] {
        let refused = alice.client.direct_thread(bad).await.unwrap_err();
        assert_eq!(refused.code(), "invalid_id", "{bad:?}");
        let refused = alice.client.accept_account_key(bad, "").await.unwrap_err();
        assert_eq!(refused.code(), "invalid_id", "{bad:?}");
    }
    assert!(
        alice
            .cold()
            .await
            .store
            .threads(None, 9)
            .unwrap()
            .is_empty()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_to_nobody_is_given_up_and_sent_once_they_exist() {
    let relay = start_relay().await;
    let alice = Device::register(relay.url(), "alice").await;
    let thread = alice.client.direct_thread("bob").await.unwrap();
    let message = alice.write(thread, "anybody there?").await;
    let failed = soon("failed", alice.client.wait_until_sent(message.local_id)).await;
    assert_eq!(failed.unwrap_err().code(), "message_failed");
    let bob = Device::register(relay.url(), "bob").await;
    alice.client.retry(message.local_id).await.unwrap();
    soon("sent", alice.client.wait_until_sent(message.local_id))
        .await
        .unwrap();
    bob.hears("anybody there?").await;
    same_everywhere(thread, vec![alice, bob], &["anybody there?"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_relay_takes_no_ciphertext_beyond_64_kib() {
    let (relay, alice, bob, thread) = start_pair().await;
    alice.say(thread, "a true one").await;
    let by_hand = ByHand::device(relay.url(), &alice.keys().await).await;
    let mut body: SendMessage =
        serde_json::from_value(alice.adversary.sends()[0].body.clone()).unwrap();
    let path = format!("/v1/threads/{thread}/messages");
    for (bytes, status, code) in [(65_537, 413, "too_large"), (65_536, 202, "")] {
        body.client_seq.0 += 10;
        body.ciphertext = vec![7; bytes].into();
        let json = serde_json::to_vec(&body).unwrap();
        let key = format!("key{bytes}");
        let sent = by_hand
            .ask(
                sealwire::transport::HttpMethod::Post,
                &path,
                Some(json),
                Some(&key),
            )
            .await;
        assert_eq!(sent.status, status);
        if status != 202 {
            assert_eq!(ByHand::code(&sent), code);
        }
    }
    // What the relay stored of it is nothing that bob could read, and nothing that stops him.
    bob.hears("a true one").await;
    alice.say(thread, "another").await;
    bob.hears("another").await;
    let texts = bob.cold().await.texts(thread);
    assert_eq!(texts.len(), 3);
    assert!(texts[1].starts_with('<'), "{texts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_answers_nothing_of_use_leaves_a_client_that_can_be_used() {
    let (_relay, alice, bob, thread) = start_pair().await;
    let alice = alice.close().await.open().await;
    let mut turn = 0;
    alice.adversary.on_request(move |_| {
        turn += 1;
        match turn % 5 {
            1 => Fate::Answered(answer(200, "<html></html>")),
            2 => Fate::Answered(answer(200, "{")),
            3 => Fate::Answered(answer(500, "{}")),
            4 => Fate::Answered(answer(204, "")),
            _ => Fate::Lost,
        }
    });
    alice.write(thread, "patience").await;
    alice
        .adversary
        .until("three tries", |adversary| {
            (adversary.requests().len() >= 3).then_some(())
        })
        .await;
    assert_eq!(alice.texts(thread).await, ["<pending> patience"]);
    let never = alice.client.sync_thread(thread).await.unwrap_err();
    assert!(never.retryable(), "{never}");
    alice.adversary.rest();
    bob.hears("patience").await;
    let sent = |event: &Event| matches!(event, Event::MessageSent(_));
    alice.events.until("sent", sent).await;
    same_everywhere(thread, vec![alice, bob], &["patience"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_closes_in_the_middle_of_everything() {
    let (_relay, alice, bob, thread) = start_pair().await;
    let (_never, gate) = oneshot::channel();
    let mut gate = Some(gate);
    alice
        .adversary
        .on_request(move |seen| match seen.is_send() {
            true => gate.take().map_or(Fate::Lost, Fate::Held),
            false => Fate::Passed,
        });
    alice.write(thread, "half way").await;
    let clone: Client = alice.client.clone();
    let home = alice.close().await;
    assert_eq!(
        clone.send_text(thread, "late").await.unwrap_err().code(),
        "closed"
    );
    let alice = home.open_online().await;
    bob.hears("half way").await;
    let sent = |event: &Event| matches!(event, Event::MessageSent(_));
    alice.events.until("sent", sent).await;
    let stamped = alice.messages(thread).await[0].created_at;
    assert!(stamped > Timestamp(0));
    same_everywhere(thread, vec![alice, bob], &["half way"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_answers_are_all_lost_is_confirmed_by_history() {
    let (_relay, alice, bob, thread) = start_pair().await;
    alice.say(thread, "before").await;
    alice.adversary.on_request(|seen| match seen.is_send() {
        true => Fate::AnswerLost,
        false => Fate::Passed,
    });
    let message = alice.write(thread, "never answered").await;
    let received = bob.hears("never answered").await;
    alice.client.sync_thread(thread).await.unwrap();
    let held = alice
        .client
        .message(message.local_id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(held.id, received.id);
    // Bob's device may have said by now that it has the message.
    assert!(matches!(
        held.state,
        MessageState::Sent | MessageState::Delivered
    ));
    alice.adversary.rest();
    alice.say(thread, "after").await;
    same_everywhere(
        thread,
        vec![alice, bob],
        &["before", "never answered", "after"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_relays_wish_to_wait_is_obeyed() {
    let (_relay, alice, bob, thread) = start_pair().await;
    alice.say(thread, "before").await;
    first_send(&alice, || {
        let mut later = problem(ErrorCode::RateLimited);
        later.retry_after_ms = Some(1_500);
        Fate::Answered(later)
    });
    let begun = Instant::now();
    alice.say(thread, "patiently").await;
    assert!(begun.elapsed().as_millis() >= 1_500);
    assert_eq!(alice.adversary.sends().len(), 3);
    same_everywhere(thread, vec![alice, bob], &["before", "patiently"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_network_held_up_leaves_as_soon_as_the_relay_is_heard_again() {
    is_quick_once(Duration::from_secs(4), async || {
        let (_relay, alice, bob, thread) = start_pair().await;
        alice.adversary.on_request(|seen| match seen.is_send() {
            true => Fate::Lost,
            false => Fate::Passed,
        });
        let message = alice.write(thread, "held up").await;
        // By now the next try is some seconds away.
        alice
            .adversary
            .until("five tries", |adversary| {
                (adversary.sends().len() >= 5).then_some(())
            })
            .await;
        alice.adversary.rest();
        let back = Instant::now();
        alice.adversary.break_socket();
        soon("sent", alice.client.wait_until_sent(message.local_id))
            .await
            .unwrap();
        let took = back.elapsed();
        same_everywhere(thread, vec![alice, bob], &["held up"]).await;
        took
    })
    .await;
}

/// Every third thing goes wrong, one way or another.
fn storm(device: &Device, seed: u64) {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    device
        .adversary
        .on_request(move |_| match rng.next_u64() % 12 {
            0 => Fate::Lost,
            1 => Fate::AnswerLost,
            2 => Fate::Answered(problem(ErrorCode::Unavailable)),
            3 => Fate::Rewritten(Box::new(|_| answer(200, "{\"half\":"))),
            _ => Fate::Passed,
        });
    let mut rng = ChaCha20Rng::seed_from_u64(seed + 100);
    let line = Arc::downgrade(&device.adversary);
    device.adversary.on_frame(move |frame| {
        match rng.next_u64() % 12 {
            0 => line.upgrade().unwrap().break_socket(),
            1 => return vec![frame.clone(), frame],
            _ => {}
        }
        vec![frame]
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn three_devices_in_a_storm_end_with_the_same_messages() {
    let (_relay, alice, bob, thread) = start_pair().await;
    let phone = bob.link().await;
    phone.client.direct_thread("alice").await.unwrap();
    let mut devices = vec![alice, bob, phone];
    for round in 0..3 {
        for (seed, device) in devices.iter().enumerate() {
            storm(device, 10 * round + seed as u64);
        }
        for number in 0..5 {
            for (name, device) in devices.iter().enumerate() {
                let text = format!("{name} in round {round}: {number}");
                device.write(thread, &text).await;
            }
        }
        // Whichever way things stand just then.
        let off = devices.pop().unwrap().close().await;
        devices.insert(0, off.open().await);
        devices.rotate_left(1);
    }
    let mut orders = Vec::new();
    for device in &devices {
        device.until_messages(thread, 25).await;
    }
    for device in &devices {
        device.adversary.rest();
    }
    for device in &devices {
        device.until_messages(thread, 45).await;
        for message in device.messages(thread).await {
            if message.id.is_none() {
                soon("sent", device.client.wait_until_sent(message.local_id))
                    .await
                    .unwrap();
            }
        }
    }
    for device in devices {
        let cold = device.cold().await;
        assert_eq!((cold.unsent(), cold.parked()), (0, 0));
        orders.push(cold.texts(thread));
    }
    assert_eq!(orders[0].len(), 45);
    assert!(orders[0].iter().all(|text| !text.starts_with('<')));
    assert!(orders.iter().all(|order| *order == orders[0]));
}
