//! The WebSocket: replay, live, acknowledgements, and every way in which a socket ends.

use crate::world::*;
use reqwest::StatusCode;
use sealwire_relay::Timings;
use sealwire_wire::contract::{ClientFrame, CloseCode, ErrorCode, ServerEvent};
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

#[tokio::test]
async fn what_was_queued_comes_first_then_caught_up_then_live() {
    let relay = relay().await;
    let Pair {
        alice, bob, thread, ..
    } = pair(&relay).await;
    for client_seq in 1..=50 {
        alice.sent(thread, client_seq, &[&bob]).await;
    }
    let mut socket = bob.socket().await;
    let (replayed, _) = socket.catch_up().await;
    assert_eq!(replayed, Vec::from_iter(1..=50));
    alice.sent(thread, 51, &[&bob]).await;
    assert_eq!(socket.message().await.1, 51);
}

#[tokio::test]
async fn frames_are_numbered_from_one_on_each_connection() {
    let relay = relay().await;
    let Pair {
        alice, bob, thread, ..
    } = pair(&relay).await;
    alice.sent(thread, 1, &[&bob]).await;
    for _ in 0..2 {
        let mut socket = bob.socket().await;
        let frames = [
            socket.frame().await,
            socket.frame().await,
            socket.frame().await,
            socket.frame().await,
        ];
        assert_eq!(frames.each_ref().map(|frame| frame.frame_seq), [1, 2, 3, 4]);
        assert!(matches!(frames[2].event, ServerEvent::MarksEnd { .. }));
        assert_eq!(frames[3].event, ServerEvent::CaughtUp { replayed: 1 });
    }
}

#[tokio::test]
async fn an_acknowledgement_deletes_exactly_what_was_framed_up_to_it() {
    let relay = relay().await;
    let Pair {
        alice, bob, thread, ..
    } = pair(&relay).await;
    for client_seq in 1..=5 {
        alice.sent(thread, client_seq, &[&bob]).await;
    }
    let mut socket = bob.socket().await;
    socket.catch_up().await;
    // The first frame says how much is to come.
    socket.ack(4).await;
    socket.ack(3).await;
    alice.sent(thread, 6, &[&bob]).await;
    socket.message().await;
    // Frames are handled in order: whoever reads this answer has had the acknowledgements done.
    socket.ack(1).await;
    drop(socket);
    let replayed = eventually_replayed(&bob, 3).await;
    assert_eq!(replayed, [4, 5, 6]);
}

/// What a new socket replays, once that is this many messages.
async fn eventually_replayed(device: &Device, count: usize) -> Vec<u64> {
    for _ in 0..50 {
        let (replayed, _) = device.socket().await.catch_up().await;
        if replayed.len() == count {
            return replayed;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    device.socket().await.catch_up().await.0
}

#[tokio::test]
async fn an_acknowledged_message_keeps_its_row_and_loses_its_envelope() {
    let relay = relay().await;
    let Pair {
        alice, bob, thread, ..
    } = pair(&relay).await;
    let sent = alice.sent(thread, 1, &[&bob]).await;
    let mut socket = bob.socket().await;
    let (_, last) = socket.catch_up().await;
    socket.ack(last).await;
    assert!(eventually_replayed(&bob, 0).await.is_empty());
    let answer = bob
        .get(&format!("/v1/messages/{}", sent.id))
        .send()
        .await
        .unwrap();
    let row: sealwire_wire::contract::MessageRow = ok(answer).await;
    assert_eq!(row.envelope, None);
}

#[tokio::test]
async fn no_message_is_lost_or_moved_between_replay_and_live() {
    let relay = relay().await;
    let Pair {
        alice, bob, thread, ..
    } = pair(&relay).await;
    let all = 150;
    let sending = tokio::spawn(async move {
        for client_seq in 1..=all {
            let bob = Vec::new();
            let mut message = message(client_seq, &bob);
            message.to = Some("bob".parse().unwrap());
            message.envelopes = vec![envelope_for_bob()];
            let answer = alice.send_message(thread, &message).await;
            assert_eq!(answer.status(), StatusCode::ACCEPTED);
        }
    });
    let mut seen = Vec::new();
    while seen.len() < all as usize {
        // A socket that comes and goes, and acknowledges some of what it saw.
        let mut socket = bob.socket().await;
        for _ in 0..40 {
            if seen.len() == all as usize {
                break;
            }
            let frame = socket.frame().await;
            if let ServerEvent::Msg { message } = frame.event {
                let number = message.client_seq.0;
                match seen.last() {
                    Some(last) if number <= *last => {}
                    last => {
                        assert_eq!(number, last.map_or(1, |last| last + 1));
                        seen.push(number);
                    }
                }
                if number % 3 == 0 {
                    socket.ack(frame.frame_seq).await;
                }
            }
        }
    }
    sending.await.unwrap();
}

fn envelope_for_bob() -> sealwire_wire::contract::DeviceEnvelope {
    sealwire_wire::contract::DeviceEnvelope {
        user_id: "bob".parse().unwrap(),
        device_id: sealwire_wire::DeviceId::FIRST,
        registration_id: 1001,
        kind: sealwire_wire::contract::EnvelopeType::Ratchet,
        body: vec![1; 50].into(),
    }
}

#[tokio::test]
async fn a_window_of_a_thousand_unacknowledged_messages_waits_for_the_client() {
    let relay = relay().await;
    let Pair {
        alice, bob, thread, ..
    } = pair(&relay).await;
    let count = 1010;
    for first in (1..=count).step_by(10) {
        let sends = (first..first + 10).map(|client_seq| {
            let mut message = message(client_seq, &[]);
            message.to = Some(bob.name.user_id.clone());
            message.envelopes = vec![bob.envelope()];
            let alice = &alice;
            async move { alice.send_message(thread, &message).await }
        });
        for answer in futures_util::future::join_all(sends).await {
            assert_eq!(answer.status(), StatusCode::ACCEPTED);
        }
    }
    let mut socket = bob.socket().await;
    let first = socket.frame().await.event;
    let ServerEvent::CatchingUp { queued, now } = first else {
        panic!("{first:?}");
    };
    assert!(queued == count && now.is_some());
    for _ in 0..1000 {
        socket.message().await;
    }
    let waits = tokio::time::timeout(Duration::from_millis(300), socket.frame()).await;
    assert!(waits.is_err(), "{waits:?}");
    socket.ack(500).await;
    let (rest, _) = socket.catch_up().await;
    assert_eq!(rest.len(), 10);
}

#[tokio::test]
async fn a_newer_socket_of_a_device_replaces_the_older_and_stays() {
    let relay = relay().await;
    let Pair {
        alice, bob, thread, ..
    } = pair(&relay).await;
    let mut older = bob.socket().await;
    older.catch_up().await;
    let mut newer = bob.socket().await;
    newer.catch_up().await;
    assert_eq!(older.close_code().await, 4001);
    alice.sent(thread, 1, &[&bob]).await;
    assert_eq!(newer.message().await.1, 1);
}

#[tokio::test]
async fn each_device_of_a_user_has_its_own_queue() {
    let relay = relay().await;
    let Pair {
        alice,
        bob,
        thread,
        mut bob_account,
        ..
    } = pair(&relay).await;
    let bob2 = bob.link(&mut bob_account).await;
    let mut first = bob.socket().await;
    alice.sent(thread, 1, &[&bob, &bob2]).await;
    let (_, caught_up) = first.catch_up().await;
    first.ack(caught_up).await;
    let (replayed, _) = bob2.socket().await.catch_up().await;
    assert_eq!(replayed, [1]);
}

#[tokio::test]
async fn a_peer_hears_of_a_new_device_list() {
    let relay = relay().await;
    let Pair {
        alice,
        bob,
        thread,
        mut bob_account,
        ..
    } = pair(&relay).await;
    alice.sent(thread, 1, &[&bob]).await;
    let mut socket = alice.socket().await;
    socket.catch_up().await;
    bob.link(&mut bob_account).await;
    let frame = socket.frame().await;
    let user_id = bob.name.user_id.clone();
    assert_eq!(
        frame.event,
        ServerEvent::Devices {
            user_id,
            version: 2
        }
    );
}

#[tokio::test]
async fn a_frame_that_the_contract_does_not_have_ends_the_socket_with_a_reason() {
    let relay = relay().await;
    let (_, alice) = open_account(relay.url(), "alice").await;
    let wrong = [
        Message::text("no json"),
        Message::text("{}"),
        Message::text(r#"{"t":"hologram"}"#),
        Message::text(r#"{"t":"client_ack"}"#),
        Message::text(r#"{"t":"client_ack","frame_seq":-1}"#),
        Message::text(r#"{"t":"client_ack","frame_seq":99}"#),
        Message::text("[".repeat(2000)),
        Message::binary(vec![1, 2, 3]),
    ];
    for message in wrong {
        let mut socket = alice.socket().await;
        socket.catch_up().await;
        socket.say_raw(message.clone()).await;
        let frame = socket.frame().await;
        let ServerEvent::Error { code, detail } = frame.event else {
            panic!("{message:?}: {frame:?}");
        };
        assert_eq!(code, ErrorCode::InvalidRequest, "{detail}");
        assert_eq!(socket.close_code().await, 4004, "{message:?}");
    }
    let mut socket = alice.socket().await;
    socket.say_raw(Message::text(" ".repeat(65 * 1024))).await;
    assert!([4004, 0].contains(&socket.close_code().await));
}

fn quick() -> Timings {
    Timings {
        ping_interval: Duration::from_millis(100),
        silence_max: Duration::from_secs(2),
        ..Timings::default()
    }
}

#[tokio::test]
async fn a_silent_socket_is_dropped_and_one_that_answers_stays() {
    let relay = relay_with(|config| config.timings(quick())).await;
    let (_, alice) = open_account(relay.url(), "alice").await;
    let mut socket = alice.socket().await;
    for _ in 0..25 {
        if let ServerEvent::Ping { .. } = socket.frame().await.event {
            socket.say(&ClientFrame::Pong {}).await;
        }
    }
    assert_ne!(socket.close_code().await, 1001);
}

#[tokio::test]
async fn a_socket_is_closed_some_time_after_its_token_unless_it_gets_another() {
    let timings = Timings {
        token_lifetime: Duration::from_secs(4),
        token_grace: Duration::from_millis(500),
        ..Timings::default()
    };
    let relay = relay_with(|config| config.timings(timings)).await;
    let (_, alice) = open_account(relay.url(), "alice").await;
    let (_, bob) = open_account(relay.url(), "bob").await;
    let (mut kept, mut left) = (alice.socket().await, bob.socket().await);
    kept.catch_up().await;
    // Two seconds later than the other, whatever the fractions of a second that a token does not name.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let token = alice.fresh_token().await;
    kept.say(&ClientFrame::Auth { token }).await;
    assert_eq!(left.close_code().await, 4002);
    assert!(
        tokio::time::timeout(Duration::from_millis(200), kept.hear())
            .await
            .is_err()
    );

    kept.say(&ClientFrame::Auth {
        token: "rubbish".to_owned(),
    })
    .await;
    assert_eq!(kept.close_code().await, 4002);
}

#[tokio::test]
async fn another_devices_token_does_not_renew_a_socket() {
    let relay = relay().await;
    let Pair { alice, bob, .. } = pair(&relay).await;
    let mut socket = alice.socket().await;
    socket
        .say(&ClientFrame::Auth {
            token: bob.token.clone(),
        })
        .await;
    assert_eq!(socket.close_code().await, 4004);
}

#[tokio::test]
async fn a_relay_that_ends_says_that_it_goes_away() {
    let relay = relay().await;
    let (_, alice) = open_account(relay.url(), "alice").await;
    let mut socket = alice.socket().await;
    socket.catch_up().await;
    relay.shutdown().await;
    assert_eq!(socket.close_code().await, 1001);
}

#[tokio::test]
async fn a_relay_that_is_dropped_goes_away_too_and_nothing_hangs() {
    let relay = relay().await;
    let (_, alice) = open_account(relay.url(), "alice").await;
    let mut socket = alice.socket().await;
    socket.catch_up().await;
    drop(relay);
    assert_eq!(socket.close_code().await, 1001);
}

#[tokio::test]
async fn an_upgrade_without_a_token_or_for_another_device_is_refused() {
    let relay = relay().await;
    let (_, alice) = open_account(relay.url(), "alice").await;
    let open = async |query: &str, token: &str| {
        let (status, body) = Socket::try_open(relay.url(), query, token)
            .await
            .err()
            .unwrap();
        let problem: sealwire_wire::contract::Problem = serde_json::from_str(&body).unwrap();
        (status, problem.code)
    };
    assert_eq!(open("", "rubbish").await, (401, ErrorCode::Unauthorized));
    assert_eq!(
        open("?device_id=2", &alice.token).await,
        (403, ErrorCode::Forbidden)
    );
    assert_eq!(
        open("?device_id=0", &alice.token).await,
        (400, ErrorCode::InvalidId)
    );
    assert_eq!(
        open("?last_seen_id=x", &alice.token).await,
        (400, ErrorCode::InvalidId)
    );
    assert!(
        Socket::try_open(relay.url(), "?device_id=1", &alice.token)
            .await
            .is_ok()
    );

    let plain = alice.get("/v1/realtime").send().await.unwrap();
    refused(plain, 400, ErrorCode::InvalidRequest).await;
}

#[tokio::test]
async fn a_browser_shows_its_token_as_a_subprotocol() {
    let relay = relay().await;
    let (_, alice) = open_account(relay.url(), "alice").await;
    let url = format!("{}/v1/realtime", relay.url().replace("http", "ws"));
    let mut request = url.into_client_request().unwrap();
    let offered = format!("sealwire.v1, bearer.{}", alice.token)
        .parse()
        .unwrap();
    request
        .headers_mut()
        .insert("sec-websocket-protocol", offered);
    let (socket, answer) = tokio_tungstenite::connect_async(request).await.unwrap();
    assert_eq!(answer.headers()["sec-websocket-protocol"], "sealwire.v1");
    Socket::of(socket).catch_up().await;
}

#[tokio::test]
async fn a_socket_is_for_pages_of_configured_origins_and_for_what_is_no_page() {
    let relay = relay_with(|config| config.cors_origin("https://chat.example")).await;
    let (_, alice) = open_account(relay.url(), "alice").await;
    let opened = async |origin| {
        let opened = Socket::try_open_as(relay.url(), "", &alice.token, origin).await;
        opened.map(drop)
    };
    let own = relay.url();
    for origin in [None, Some("https://chat.example"), Some(own)] {
        assert_eq!(opened(origin).await, Ok(()), "{origin:?}");
    }
    for origin in ["https://other.example", "http://chat.example", "null"] {
        let (status, body) = opened(Some(origin)).await.unwrap_err();
        let problem: sealwire_wire::contract::Problem = serde_json::from_str(&body).unwrap();
        assert_eq!((status, problem.code), (403, ErrorCode::Forbidden));
    }
}

#[tokio::test]
async fn a_slow_socket_is_closed_with_4000_and_does_not_delay_another() {
    let timings = Timings {
        send_stall_max: Duration::from_millis(300),
        // Until this test reads what was on its way: on a busy machine all that it sends before takes long.
        close_patience: Duration::from_secs(600),
        ..Timings::default()
    };
    let relay = relay_with(|config| config.timings(timings)).await;
    let Pair {
        alice,
        bob,
        thread,
        mut bob_account,
        ..
    } = pair(&relay).await;
    let bob2 = bob.link(&mut bob_account).await;
    let mut stuck = bob.socket().await;
    let mut reads = bob2.socket().await;
    reads.catch_up().await;
    // More than the buffers of both ends hold.
    for client_seq in 1..=150 {
        let mut message = message(client_seq, &[&bob, &bob2]);
        message.ciphertext = vec![client_seq as u8; 64 * 1024].into();
        assert_eq!(
            alice.send_message(thread, &message).await.status(),
            StatusCode::ACCEPTED
        );
        assert_eq!(reads.message().await.1, client_seq);
    }
    tokio::time::sleep(4 * timings.send_stall_max).await;
    assert_eq!(stuck.close_code().await, CloseCode::CatchUp.to_u16());
    // Nothing was lost for the one that was stuck.
    let (replayed, _) = bob.socket().await.catch_up().await;
    assert_eq!(replayed, Vec::from_iter(1..=150));
}

#[tokio::test]
async fn a_device_is_told_when_its_one_time_prekeys_run_low() {
    let relay = relay().await;
    let Pair { alice, bob, .. } = pair(&relay).await;
    let mut socket = bob.socket().await;
    socket.catch_up().await;
    // Of the twenty one is given out.
    let take = async || alice.get("/v1/users/bob/prekeys").send().await.unwrap();
    assert_eq!(take().await.status(), StatusCode::OK);
    let told = socket.frame().await.event;
    let low = ServerEvent::PrekeysLow {
        remaining: 19,
        remaining_kem: None,
    };
    assert_eq!(told, low);
    // Told again after a reconnect, until there are more.
    let mut socket = bob.socket().await;
    socket.catch_up().await;
    let told = socket.frame().await.event;
    assert_eq!(told, low);
    let more = prekeys(&bob.identity, 2, 21..=30);
    bob.put("/v1/prekeys").json(&more).send().await.unwrap();
    assert_eq!(take().await.status(), StatusCode::OK);
    let quiet = tokio::time::timeout(Duration::from_millis(200), socket.hear()).await;
    assert!(quiet.is_err(), "{quiet:?}");
}

#[tokio::test]
async fn a_device_is_told_when_its_one_time_kem_prekeys_run_low() {
    let relay = relay().await;
    let Pair { alice, bob, .. } = pair(&relay).await;
    let more = prekeys(&bob.identity, 2, 21..=60);
    let kem = kem_prekeys(&bob.identity, 1, 2..=21);
    for upload in [more, kem] {
        let stored = bob.put("/v1/prekeys").json(&upload).send().await.unwrap();
        assert_eq!(stored.status(), StatusCode::NO_CONTENT);
    }
    let mut socket = bob.socket().await;
    socket.catch_up().await;
    let taken = alice.get("/v1/users/bob/prekeys").send().await.unwrap();
    assert_eq!(taken.status(), StatusCode::OK);
    let told = socket.frame().await.event;
    let low = ServerEvent::PrekeysLow {
        remaining: 59,
        remaining_kem: Some(19),
    };
    assert_eq!(told, low);
}
