//! Protocol messages to single devices, and voided numbers.

use crate::world::*;
use reqwest::Response;
use sealwire_relay::{Relay, RelayConfig, RelayData};
use sealwire_wire::contract::{
    ControlMessage, DeviceEnvelope, ErrorCode, MessagePage, QueuePage, SendControl, SentControl,
    SentMessage, ServerEvent, VoidedSend,
};
use sealwire_wire::limits::CONTROL_MAX;
use sealwire_wire::{Base64, ThreadId};

async fn send_control(from: &Device, key: &str, to: &[&Device]) -> Response {
    let to = to.iter().map(|device| device.envelope()).collect();
    send_bodies(from, key, to).await
}

async fn send_bodies(from: &Device, key: &str, to: Vec<DeviceEnvelope>) -> Response {
    let request = from.post("/v1/control").header("idempotency-key", key);
    request.json(&SendControl { to }).send().await.unwrap()
}

async fn controls_of(device: &Device) -> Vec<ControlMessage> {
    let page: QueuePage = ok(device.get("/v1/me/queue").send().await.unwrap()).await;
    page.entries
        .into_iter()
        .filter_map(|entry| match entry.event {
            ServerEvent::Control { control } => Some(*control),
            _ => None,
        })
        .collect()
}

async fn void(device: &Device, thread: ThreadId, client_seq: u64) -> Response {
    let path = format!("/v1/threads/{thread}/sends/{client_seq}/void");
    device.post(&path).send().await.unwrap()
}

#[tokio::test]
async fn a_control_message_reaches_the_named_devices_alone_and_has_no_place_in_the_thread() {
    let relay = relay().await;
    let Pair {
        alice,
        bob,
        thread,
        mut bob_account,
        ..
    } = pair(&relay).await;
    let bob2 = bob.link(&mut bob_account).await;
    alice.sent(thread, 1, &[&bob, &bob2]).await;
    let mut socket = bob2.socket().await;
    socket.catch_up().await;
    let answer = send_control(&alice, "c1", &[&bob2]).await;
    assert_eq!(answer.status().as_u16(), 202);
    let sent: SentControl = ok(answer).await;
    let ServerEvent::Control { control } = socket.frame().await.event else {
        panic!("no control message")
    };
    assert_eq!((control.id, control.created_at), (sent.id, sent.created_at));
    assert_eq!(control.sender_id, alice.name.user_id);
    assert_eq!(control.sender_device_id, alice.name.device_id);
    assert_eq!(control.envelope.body, bob2.envelope().body);
    assert!(controls_of(&bob).await.is_empty());
    let path = format!("/v1/threads/{thread}/messages");
    let page: MessagePage = ok(bob.get(&path).send().await.unwrap()).await;
    assert_eq!(page.messages.len(), 1);
}

#[tokio::test]
async fn a_control_message_outlives_a_restart_and_goes_with_its_acknowledgement() {
    let folder = tempfile::TempDir::new().unwrap();
    let config = RelayConfig::new(RelayData::Folder(folder.path().to_owned()));
    let relay = Relay::start(config.clone()).await.unwrap();
    let Pair {
        alice, bob, thread, ..
    } = pair(&relay).await;
    alice.sent(thread, 1, &[&bob]).await;
    let sent: SentControl = ok(send_control(&alice, "c1", &[&bob]).await).await;
    relay.shutdown().await;
    let relay = Relay::start(config).await.unwrap();
    let (alice, bob) = (alice.moved_to(relay.url()), bob.moved_to(relay.url()));
    // The same key gets the same answer and queues nothing, also now.
    assert_eq!(
        ok::<SentControl>(send_control(&alice, "c1", &[&bob]).await).await,
        sent
    );
    let waiting = controls_of(&bob).await;
    assert_eq!(waiting.len(), 1);
    assert_eq!(waiting[0].id, sent.id);
    let mut socket = bob.socket().await;
    let (_, last) = socket.catch_up().await;
    socket.ack(last).await;
    for _ in 0..100 {
        if controls_of(&bob).await.is_empty() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the acknowledged control message stays");
}

#[tokio::test]
async fn control_messages_go_to_own_devices_and_people_who_share_a_thread() {
    let relay = relay().await;
    let Pair {
        alice,
        bob,
        thread,
        mut alice_account,
        ..
    } = pair(&relay).await;
    let alice2 = alice.link(&mut alice_account).await;
    assert_eq!(
        send_control(&alice, "own", &[&alice2])
            .await
            .status()
            .as_u16(),
        202
    );
    refused(
        send_control(&alice, "c", &[&bob]).await,
        403,
        ErrorCode::NoSharedThread,
    )
    .await;
    bob.sent(thread, 1, &[&alice, &alice2]).await;
    // A refusal is not kept under its key.
    let answer = send_control(&alice, "c", &[&bob, &alice2]).await;
    assert_eq!(answer.status().as_u16(), 202);
}

#[tokio::test]
async fn devices_that_are_not_live_or_of_another_registration_are_named_and_nothing_is_stored() {
    let relay = relay().await;
    let Pair {
        alice, bob, thread, ..
    } = pair(&relay).await;
    alice.sent(thread, 1, &[&bob]).await;
    let mut stale = bob.envelope();
    stale.registration_id += 1;
    let mut extra = bob.envelope();
    extra.device_id = sealwire_wire::DeviceId::new(7).unwrap();
    let answer = send_bodies(&alice, "c", vec![stale, extra.clone()]).await;
    let problem = problem(answer).await;
    assert_eq!(
        (problem.status, problem.code),
        (409, ErrorCode::DeviceMismatch)
    );
    let mismatch = problem.device_mismatch.unwrap();
    assert_eq!(mismatch.stale, std::slice::from_ref(&bob.name));
    assert_eq!(mismatch.extra[0].device_id, extra.device_id);
    assert!(mismatch.missing.is_empty());
    assert!(controls_of(&bob).await.is_empty());
    // The sending device has nothing to tell itself.
    let own = send_control(&alice, "c", &[&alice]).await;
    refused(own, 409, ErrorCode::DeviceMismatch).await;
}

#[tokio::test]
async fn control_messages_are_bounded() {
    let relay = relay().await;
    let Pair {
        alice, bob, thread, ..
    } = pair(&relay).await;
    alice.sent(thread, 1, &[&bob]).await;
    let of = |bytes: usize| {
        let mut envelope = bob.envelope();
        envelope.body = Base64(vec![0; bytes]);
        vec![envelope]
    };
    let many = vec![bob.envelope(); 101];
    let large = send_bodies(&alice, "a", of(CONTROL_MAX + 1)).await;
    refused(large, 413, ErrorCode::TooLarge).await;
    refused(
        send_bodies(&alice, "b", many).await,
        413,
        ErrorCode::TooLarge,
    )
    .await;
    for (key, to) in [
        ("c", vec![bob.envelope(); 2]),
        ("d", Vec::new()),
        ("e", of(0)),
    ] {
        let answer = send_bodies(&alice, key, to).await;
        refused(answer, 422, ErrorCode::Unprocessable).await;
    }
    let largest = send_bodies(&alice, "f", of(CONTROL_MAX)).await;
    assert_eq!(largest.status().as_u16(), 202);
    let without_key = alice.post("/v1/control").json(&SendControl { to: of(1) });
    refused(
        without_key.send().await.unwrap(),
        400,
        ErrorCode::IdempotencyKeyRequired,
    )
    .await;
    let key_of_a_message = send_bodies(&alice, "1-1", of(1)).await;
    refused(key_of_a_message, 422, ErrorCode::IdempotencyKeyReused).await;
}

#[tokio::test]
async fn a_number_that_was_voided_is_never_sent_also_the_first_of_a_thread() {
    let relay = relay().await;
    let Pair {
        alice, bob, thread, ..
    } = pair(&relay).await;
    for _ in 0..2 {
        let voided: VoidedSend = ok(void(&alice, thread, 1).await).await;
        assert_eq!(voided.message, None);
    }
    let late = alice.send(thread, 1, &[&bob]).await;
    refused(late, 409, ErrorCode::ClientSeqVoid).await;
    alice.sent(thread, 2, &[&bob]).await;
    // Numbers of other devices are theirs.
    bob.sent(thread, 1, &[&alice]).await;
}

#[tokio::test]
async fn voiding_what_was_stored_answers_it_and_changes_nothing() {
    let relay = relay().await;
    let Pair {
        alice, bob, thread, ..
    } = pair(&relay).await;
    let sent = alice.sent(thread, 1, &[&bob]).await;
    let voided: VoidedSend = ok(void(&alice, thread, 1).await).await;
    assert_eq!(voided.message.as_ref(), Some(&sent));
    assert_eq!(alice.sent(thread, 1, &[&bob]).await, sent);
    let (_, carol) = open_account(relay.url(), "carol").await;
    let foreign = void(&carol, thread, 1).await;
    refused(foreign, 403, ErrorCode::NotAParticipant).await;
    let path = format!("/v1/threads/{thread}/sends/x/void");
    refused(
        alice.post(&path).send().await.unwrap(),
        400,
        ErrorCode::InvalidId,
    )
    .await;
}

#[tokio::test]
async fn a_void_beside_a_send_in_flight_ends_in_one_of_the_two() {
    let relay = relay().await;
    let Pair {
        alice, bob, thread, ..
    } = pair(&relay).await;
    for client_seq in 1..=40 {
        let to = [&bob];
        let send = alice.send(thread, client_seq, &to);
        let (sent, voided) = if client_seq % 2 == 0 {
            futures_util::future::join(send, void(&alice, thread, client_seq)).await
        } else {
            let (voided, sent) =
                futures_util::future::join(void(&alice, thread, client_seq), send).await;
            (sent, voided)
        };
        let voided = ok::<VoidedSend>(voided).await.message;
        match voided {
            Some(message) => assert_eq!(ok::<SentMessage>(sent).await, message),
            None => refused(sent, 409, ErrorCode::ClientSeqVoid).await,
        }
    }
}
