//! Rows and answers changed at random: nothing panics, nothing is held up, and once the relay is honest all is as it should be.

use crate::device::{Device, user};
use crate::relay::Relay;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};
use sealwire_engine::{Call, Input, Message, MessageContent, MessageState, Reply};
use sealwire_wire::contract::{EnvelopeType, MessageKind, MessageRow};
use sealwire_wire::{ClientSeq, DeviceId, MessageId, ThreadId, Timestamp};
use serde_json::{Value, json};

fn below(rng: &mut ChaCha20Rng, end: usize) -> usize {
    (rng.next_u32() as usize) % end.max(1)
}

fn flip(bytes: &mut Vec<u8>, rng: &mut ChaCha20Rng) {
    match below(rng, 4) {
        0 => bytes.clear(),
        1 => bytes.truncate(bytes.len() / 2),
        _ if bytes.is_empty() => bytes.push(1),
        _ => {
            let at = below(rng, bytes.len());
            bytes[at] ^= 1 << below(rng, 8);
        }
    }
}

/// A row that the relay made of a true one and of another.
fn changed(row: &MessageRow, other: &MessageRow, rng: &mut ChaCha20Rng) -> MessageRow {
    let mut row = row.clone();
    for _ in 0..=below(rng, 3) {
        match below(rng, 15) {
            0 => row.client_seq = ClientSeq(rng.next_u64() >> below(rng, 64)),
            1 => row.client_seq = other.client_seq,
            2 => row.id = other.id,
            3 => row.id = MessageId::from_u128(u128::from(rng.next_u64())),
            4 => row.revision = rng.next_u32() % 3,
            5 => flip(&mut row.ciphertext.0, rng),
            6 => row.ciphertext = other.ciphertext.clone(),
            7 => row.envelope = other.envelope.clone(),
            8 => row.sender_id = user(["alice", "bob", "nobody"][below(rng, 3)]),
            9 => row.sender_device_id = DeviceId::new(1 + rng.next_u32() % 3).unwrap(),
            10 => row.thread_id = ThreadId::direct(&user("alice"), &row.sender_id),
            11 => row.created_at = Timestamp(rng.next_u64()),
            12 => row.commitment.0[0] ^= 1,
            13 => row.kind = MessageKind::Reaction,
            _ => {
                if let Some(envelope) = &mut row.envelope {
                    flip(&mut envelope.body.0, rng);
                    if below(rng, 3) == 0 {
                        envelope.kind = EnvelopeType::Prekey;
                    }
                }
            }
        }
    }
    row
}

fn readable(device: &Device, peer: &str) -> Vec<String> {
    let mut texts = device.texts(peer);
    texts.retain(|text| !text.starts_with('<'));
    texts.sort();
    texts
}

#[test]
fn rows_changed_at_random_take_nothing_away() {
    for seed in 0..15 {
        let rng = &mut ChaCha20Rng::seed_from_u64(seed);
        let relay = &mut Relay::default();
        let mut alice = Device::registered(relay, "alice", 1);
        let mut bob = Device::registered(relay, "bob", 2);
        let mut texts = Vec::new();
        for number in 0..30 {
            let text = format!("{number:02}");
            bob.send(relay, "alice", &text);
            texts.push(text);
            if number % 7 == 3 {
                alice.send(relay, "bob", "so?");
                bob.deliver(relay);
            }
            if below(rng, 3) > 0 {
                continue;
            }
            let queue = relay.queues.remove(&alice.name()).unwrap_or_default();
            let mut rows = Vec::new();
            for row in &queue {
                for _ in 0..below(rng, 4) {
                    let other = &queue[below(rng, queue.len())];
                    rows.push(changed(row, other, rng));
                }
                rows.push(row.clone());
            }
            alice.take_rows(relay, rows);
        }
        alice.deliver(relay);
        alice.pass(relay, 60_000);
        assert!(
            alice.is_acknowledged() && alice.sockets_closed == 0,
            "{seed}"
        );
        let mut held = readable(&alice, "bob");
        held.retain(|text| text != "so?");
        assert_eq!(held, texts, "seed {seed}");
        assert_eq!(alice.engine.store().count_parked().unwrap(), 0, "{seed}");
    }
}

/// One value somewhere in it is another one.
fn change(value: &mut Value, rng: &mut ChaCha20Rng) {
    match value {
        Value::Object(fields) if !fields.is_empty() && below(rng, 6) > 0 => {
            let at = below(rng, fields.len());
            if let Some(field) = fields.values_mut().nth(at) {
                change(field, rng);
            }
        }
        Value::Array(items) if !items.is_empty() && below(rng, 6) > 0 => {
            let at = below(rng, items.len());
            match below(rng, 4) {
                0 => drop(items.remove(at)),
                1 => items.push(items[at].clone()),
                _ => change(&mut items[at], rng),
            }
        }
        other => {
            let choices = [
                json!(null),
                json!(-1),
                json!(u64::MAX),
                json!(1e300),
                json!(""),
                json!("AAAA"),
                json!([]),
                json!({}),
                json!(true),
                json!(0),
            ];
            *other = choices[below(rng, choices.len())].clone();
        }
    }
}

#[test]
fn answers_changed_at_random_leave_a_client_that_recovers() {
    for seed in 0..25 {
        let rng = &mut ChaCha20Rng::seed_from_u64(seed);
        let relay = &mut Relay::default();
        let mut alice = Device::registered(relay, "alice", 1);
        let mut bob = Device::registered(relay, "bob", 2);
        let mut texts = Vec::new();
        for number in 0..40 {
            if number % 4 == 0 {
                let text = format!("{number:02}");
                let thread = alice.thread_with("bob");
                alice.call(Call::SendText {
                    thread,
                    text: text.clone(),
                    ttl_seconds: None,
                    key: None,
                });
                texts.push(text);
            }
            if let Some(request) = alice.requests.pop_front() {
                let mut answer = relay.answer(&request);
                if below(rng, 2) == 0
                    && let Ok(mut body) = serde_json::from_slice(&answer.body)
                {
                    change(&mut body, rng);
                    answer.body = serde_json::to_vec(&body).unwrap();
                    answer.status = [answer.status, 200, 400, 403, 409, 500][below(rng, 6)];
                }
                alice.hand_in(Input::Response {
                    id: request.id,
                    result: Ok(answer),
                });
            }
            alice.now = alice.now.plus_ms(u64::from(rng.next_u32() % 3_000));
            alice.hand_in(Input::Tick);
        }
        alice.pass(relay, 3 * 60 * 60 * 1000);
        for message in pages(&alice) {
            if matches!(message.state, MessageState::Failed { .. }) {
                let local_id = message.local_id;
                alice.call(Call::Retry { local_id });
            }
        }
        alice.pass(relay, 3 * 60 * 60 * 1000);
        for message in pages(&alice) {
            assert!(
                matches!(message.content, MessageContent::Text(_))
                    && message.state == MessageState::Sent,
                "seed {seed}: {message:?}"
            );
        }
        bob.deliver(relay);
        assert_eq!(readable(&bob, "alice"), texts, "seed {seed}");
    }
}

fn pages(device: &Device) -> Vec<Message> {
    let thread = ThreadId::direct(&user("alice"), &user("bob"));
    let page = device.engine.store().page(thread, None, 1_000).unwrap();
    page.into_iter().map(Message::from_row).collect()
}

/// Answers what is asked, with lies as long as there are any left, while time passes.
fn lied_to(relay: &mut Relay, device: &mut Device, lies: &mut u32, rng: &mut ChaCha20Rng) {
    for _ in 0..4 {
        device.now = device.now.plus_ms(400);
        device.hand_in(Input::Tick);
        let Some(request) = device.requests.pop_front() else {
            continue;
        };
        let mut answer = relay.answer(&request);
        if *lies > 0
            && below(rng, 3) == 0
            && let Ok(mut body) = serde_json::from_slice(&answer.body)
        {
            *lies -= 1;
            change(&mut body, rng);
            answer.body = serde_json::to_vec(&body).unwrap();
        }
        device.hand_in(Input::Response {
            id: request.id,
            result: Ok(answer),
        });
    }
}

#[test]
fn a_device_that_was_lied_to_while_it_joined_can_join_after_it() {
    for seed in 0..40 {
        let rng = &mut ChaCha20Rng::seed_from_u64(seed);
        let relay = &mut Relay::default();
        let mut lies = 6;
        let mut alice = Device::new(100 + seed);
        while alice.engine.account().is_none() {
            let call = alice.register("alice");
            while alice.result(call).is_none() {
                lied_to(relay, &mut alice, &mut lies, rng);
            }
        }
        let (mut lies, mut new) = (6, Device::new(200 + seed));
        for _ in 0..20 {
            if new.engine.account().is_some() {
                break;
            }
            let start = new.call(Call::StartLinking);
            let mut code = None;
            for _ in 0..5 {
                lied_to(relay, &mut new, &mut lies, rng);
                code = code.or_else(|| new.result(start));
            }
            let Some(Ok(Reply::LinkCode(code))) = code else {
                new.call(Call::CancelLinking);
                continue;
            };
            let finish = new.call(Call::FinishLinking);
            let letting = alice.call(Call::LinkDevice { code });
            let mut ended = false;
            for _ in 0..40 {
                lied_to(relay, &mut new, &mut lies, rng);
                lied_to(relay, &mut alice, &mut lies, rng);
                ended = ended || new.result(finish).is_some();
            }
            if !ended {
                new.call(Call::CancelLinking);
            }
            if alice.result(letting).is_none() {
                alice.call(Call::CancelLinking);
            }
        }
        assert!(new.engine.account().is_some(), "seed {seed}");
        new.pass(relay, 60_000);
        new.send(relay, "alice", "here I am");
        alice.pass(relay, 60_000);
        alice.deliver(relay);
        assert!(
            alice.texts("alice").contains(&"here I am".to_owned()),
            "seed {seed}"
        );
    }
}
