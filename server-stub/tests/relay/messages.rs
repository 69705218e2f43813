//! Sending and reading back.

use crate::world::*;
use reqwest::StatusCode;
use sealwire_relay::{Pace, Paces};
use sealwire_wire::contract::{
    CreateThread, ErrorCode, MessagePage, MessageRow, SentMessage, Thread,
};
use sealwire_wire::{Base64, ThreadId};

#[tokio::test]
async fn a_message_reaches_the_other_device_with_its_own_envelope() {
    let relay = relay().await;
    let Pair {
        alice, bob, thread, ..
    } = pair(&relay).await;
    let sent = alice.sent(thread, 1, &[&bob]).await;
    let answer = bob
        .get(&format!("/v1/messages/{}", sent.id))
        .send()
        .await
        .unwrap();
    let row: MessageRow = ok(answer).await;
    assert_eq!(row.ciphertext, message(1, &[]).ciphertext);
    assert_eq!(row.envelope.unwrap().body, bob.envelope().body);
    assert_eq!(
        (row.sender_id, row.created_at),
        (alice.name.user_id.clone(), sent.created_at)
    );
    let answer = alice
        .get(&format!("/v1/messages/{}", sent.id))
        .send()
        .await
        .unwrap();
    assert_eq!(ok::<MessageRow>(answer).await.envelope, None);
}

#[tokio::test]
async fn a_repeat_gets_the_first_answer_and_another_content_a_conflict() {
    let relay = relay().await;
    let Pair {
        alice, bob, thread, ..
    } = pair(&relay).await;
    let first = alice.sent(thread, 1, &[&bob]).await;
    assert_eq!(alice.sent(thread, 1, &[&bob]).await, first);
    let mut other = message(1, &[&bob]);
    let again: SentMessage = ok(alice.send_under(thread, &other, "another-key").await).await;
    assert_eq!(again, first);
    other.ciphertext = Base64(vec![1]);
    refused(
        alice.send_under(thread, &other, "third-key").await,
        409,
        ErrorCode::ClientSeqConflict,
    )
    .await;
    let next = message(2, &[&bob]);
    refused(
        alice.send_under(thread, &next, "1-1").await,
        422,
        ErrorCode::IdempotencyKeyReused,
    )
    .await;
}

#[tokio::test]
async fn envelopes_that_are_not_those_of_the_live_devices_are_named() {
    let relay = relay().await;
    let Pair {
        alice,
        bob,
        thread,
        mut bob_account,
        ..
    } = pair(&relay).await;
    let bob2 = bob.link(&mut bob_account).await;
    let answer = problem(alice.send(thread, 1, &[&bob]).await).await;
    assert_eq!(
        (answer.status, answer.code, answer.retryable),
        (409, ErrorCode::DeviceMismatch, true)
    );
    let mismatch = answer.device_mismatch.unwrap();
    assert_eq!(
        (mismatch.missing, mismatch.extra),
        (vec![bob2.name.clone()], vec![])
    );

    let mut old = message(1, &[&bob, &bob2]);
    old.envelopes[1].registration_id += 1;
    let answer = problem(alice.send_message(thread, &old).await).await;
    assert_eq!(
        answer.device_mismatch.unwrap().stale,
        vec![bob2.name.clone()]
    );
    alice.sent(thread, 1, &[&bob, &bob2]).await;
}

#[tokio::test]
async fn a_send_that_the_contract_does_not_allow_is_refused() {
    let relay = relay().await;
    let Pair {
        alice, bob, thread, ..
    } = pair(&relay).await;
    let (_, carol) = open_account(relay.url(), "carol").await;

    let mut large = message(1, &[&bob]);
    large.ciphertext = Base64(vec![0; 64 * 1024 + 1]);
    refused(
        alice.send_message(thread, &large).await,
        413,
        ErrorCode::TooLarge,
    )
    .await;
    large.ciphertext = Base64(vec![0; 64 * 1024]);
    assert_eq!(
        alice.send_message(thread, &large).await.status(),
        StatusCode::ACCEPTED
    );

    let mut fat = message(2, &[&bob]);
    fat.envelopes[0].body = Base64(vec![0; 4097]);
    refused(
        alice.send_message(thread, &fat).await,
        413,
        ErrorCode::TooLarge,
    )
    .await;

    let foreign = ThreadId::direct(&"alice".parse().unwrap(), &"carol".parse().unwrap());
    refused(
        alice.send(foreign, 3, &[&bob]).await,
        400,
        ErrorCode::ThreadIdMismatch,
    )
    .await;
    let mut unknown = message(4, &[&bob]);
    unknown.to = None;
    refused(
        alice.send_message(foreign, &unknown).await,
        404,
        ErrorCode::NotFound,
    )
    .await;

    let answer = problem(carol.send(thread, 1, &[&bob]).await).await;
    assert!([400, 403].contains(&answer.status), "{}", answer.detail);
    let answer = carol
        .get(&format!("/v1/threads/{thread}/messages"))
        .send()
        .await
        .unwrap();
    let answer = problem(answer).await;
    assert!([403, 404].contains(&answer.status), "{}", answer.detail);
}

#[tokio::test]
async fn a_send_names_an_idempotency_key() {
    let relay = relay().await;
    let Pair {
        alice, bob, thread, ..
    } = pair(&relay).await;
    let path = format!("/v1/threads/{thread}/messages");
    let send = || alice.post(&path).json(&message(1, &[&bob]));
    refused(
        send().send().await.unwrap(),
        400,
        ErrorCode::IdempotencyKeyRequired,
    )
    .await;
    for key in ["", "a b", &"k".repeat(65), "ключ"] {
        let answer = send().header("idempotency-key", key).send().await.unwrap();
        refused(answer, 400, ErrorCode::IdempotencyKeyRequired).await;
    }
    let twice = send()
        .header("idempotency-key", "a")
        .header("idempotency-key", "b");
    refused(
        twice.send().await.unwrap(),
        400,
        ErrorCode::IdempotencyKeyRequired,
    )
    .await;
}

#[tokio::test]
async fn history_is_read_back_in_time_and_forward_by_change() {
    let relay = relay().await;
    let Pair {
        alice, bob, thread, ..
    } = pair(&relay).await;
    for client_seq in 1..=7 {
        alice.sent(thread, client_seq, &[&bob]).await;
    }
    let page = async |query: String| -> MessagePage {
        let path = format!("/v1/threads/{thread}/messages?{query}");
        ok(bob.get(&path).send().await.unwrap()).await
    };
    let seqs = |page: &MessagePage| -> Vec<u64> {
        page.messages.iter().map(|row| row.client_seq.0).collect()
    };
    let newest = page("page_size=3".to_owned()).await;
    assert_eq!(seqs(&newest), [7, 6, 5]);
    let older = page(format!(
        "page_size=10&cursor={}",
        newest.next_cursor.unwrap()
    ))
    .await;
    assert_eq!((seqs(&older), older.next_cursor), (vec![4, 3, 2, 1], None));

    let changed = page("since=&page_size=5".to_owned()).await;
    assert_eq!(
        (seqs(&changed), changed.has_more),
        (vec![1, 2, 3, 4, 5], true)
    );
    let rest = page(format!("since={}", changed.next_cursor.unwrap())).await;
    assert_eq!(seqs(&rest), [6, 7]);
    let end = page(format!("since={}", rest.next_cursor.unwrap())).await;
    assert!(end.messages.is_empty() && end.next_cursor.is_some());

    let answer = bob
        .get(&format!("/v1/threads/{thread}/messages?cursor=rubbish"))
        .send()
        .await;
    refused(answer.unwrap(), 400, ErrorCode::InvalidCursor).await;
    for query in [
        "page_size=0",
        "page_size=101",
        "page_size=many",
        "cursor=a&since=b",
    ] {
        let answer = bob
            .get(&format!("/v1/threads/{thread}/messages?{query}"))
            .send()
            .await;
        assert_eq!(problem(answer.unwrap()).await.status, 400, "{query}");
    }
}

#[tokio::test]
async fn a_thread_is_there_once_both_know_it() {
    let relay = relay().await;
    let Pair {
        alice, bob, thread, ..
    } = pair(&relay).await;
    let path = format!("/v1/threads/{thread}");
    refused(
        alice.get(&path).send().await.unwrap(),
        404,
        ErrorCode::NotFound,
    )
    .await;
    let create = || {
        alice
            .post("/v1/threads")
            .json(&CreateThread {
                to: bob.name.user_id.clone(),
            })
            .send()
    };
    let answer = create().await.unwrap();
    assert_eq!(answer.status(), StatusCode::CREATED);
    let made: Thread = ok(answer).await;
    assert_eq!(made.id, thread);
    assert_eq!(create().await.unwrap().status(), StatusCode::OK);
    let seen: Thread = ok(bob.get(&path).send().await.unwrap()).await;
    assert_eq!(seen, made);
    let nobody = CreateThread {
        to: "nobody".parse().unwrap(),
    };
    let answer = alice
        .post("/v1/threads")
        .json(&nobody)
        .send()
        .await
        .unwrap();
    refused(answer, 404, ErrorCode::UserUnknown).await;
}

#[tokio::test]
async fn too_many_sends_are_told_when_to_come_back() {
    let sends = Pace {
        per_second: 0.5,
        burst: 2.0,
    };
    let paces = Paces {
        sends: sends.into(),
        ..Paces::default()
    };
    let relay = relay_with(|config| config.paces(paces)).await;
    let Pair {
        alice, bob, thread, ..
    } = pair(&relay).await;
    alice.sent(thread, 1, &[&bob]).await;
    alice.sent(thread, 2, &[&bob]).await;
    let answer = problem(alice.send(thread, 3, &[&bob]).await).await;
    assert_eq!((answer.status, answer.code), (429, ErrorCode::RateLimited));
    assert!((1..=2000).contains(&answer.retry_after_ms.unwrap()));
    bob.sent(thread, 1, &[&alice]).await;
}

#[tokio::test]
async fn strangers_are_held_to_a_pace() {
    let anonymous = Pace {
        per_second: 0.1,
        burst: 3.0,
    };
    let paces = Paces {
        anonymous,
        ..Paces::default()
    };
    let relay = relay_with(|config| config.paces(paces)).await;
    let url = format!("{}/v1/provisioning", relay.url());
    let mut last = StatusCode::OK;
    for _ in 0..4 {
        last = reqwest::Client::new()
            .post(&url)
            .send()
            .await
            .unwrap()
            .status();
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn tokens_of_dev_mode_are_given_at_the_pace_of_strangers() {
    let anonymous = Pace {
        per_second: 0.1,
        burst: 2.0,
    };
    let paces = Paces {
        anonymous,
        ..Paces::default()
    };
    let relay = relay_with(|config| config.paces(paces)).await;
    let mut answers = Vec::new();
    for _ in 0..3 {
        let ask = reqwest::Client::new().post(format!("{}/v1/dev/platform-token", relay.url()));
        let ask = ask.json(&serde_json::json!({"user_id": "alice"})).send();
        answers.push(ask.await.unwrap().status().as_u16());
    }
    assert_eq!(answers, [200, 200, 429]);
}

#[tokio::test]
async fn one_address_does_not_take_every_mailbox() {
    let relay = relay().await;
    let url = format!("{}/v1/provisioning", relay.url());
    let http = reqwest::Client::new();
    let mut opened = 0;
    let refused = loop {
        let answer = http.post(&url).send().await.unwrap();
        if answer.status() != StatusCode::CREATED {
            break problem(answer).await;
        }
        opened += 1;
        assert!(opened < 200);
    };
    assert_eq!(refused.code, ErrorCode::RateLimited);
    // What needs no mailbox goes on.
    open_account(relay.url(), "alice").await;
}

#[tokio::test]
async fn behind_a_proxy_each_client_has_its_own_pace() {
    let anonymous = Pace {
        per_second: 0.1,
        burst: 1.0,
    };
    let paces = Paces {
        anonymous,
        ..Paces::default()
    };
    let open = async |url: &str, forwarded: &str| {
        let request = reqwest::Client::new().post(format!("{url}/v1/provisioning"));
        let request = request.header("x-forwarded-for", forwarded);
        request.send().await.unwrap().status().as_u16()
    };
    let relay = relay_with(|config| config.paces(paces).behind_proxy(true)).await;
    assert_eq!(open(relay.url(), "192.0.2.1").await, 201);
    assert_eq!(open(relay.url(), "192.0.2.2").await, 201);
    // The proxy's word is the last one; what stands before it, anybody could have written.
    assert_eq!(open(relay.url(), "192.0.2.9, 192.0.2.1").await, 429);
    let relay = relay_with(|config| config.paces(paces)).await;
    assert_eq!(open(relay.url(), "192.0.2.1").await, 201);
    assert_eq!(open(relay.url(), "192.0.2.2").await, 429);
}
