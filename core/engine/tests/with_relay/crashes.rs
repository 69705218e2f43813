//! Three devices whose processes end at any moment, over a network that loses requests, answers and acknowledgements: every
//! message is everywhere once, and no key of a message is used twice.

use crate::account::link;
use crate::device::Device;
use crate::relay::Relay;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};
use sealwire_crypto::ratchet::{PreKeyMessage, RatchetMessage};
use sealwire_engine::{Call, Event, Input, SocketInput, TransportFailure};
use sealwire_wire::contract::{EnvelopeType, ServerEvent};
use std::collections::BTreeMap;

const ROUNDS: u32 = 120;

fn below(rng: &mut ChaCha20Rng, end: usize) -> usize {
    (rng.next_u32() as usize) % end.max(1)
}

/// One step of whatever may happen; the text that was taken in by it, if one was.
fn step(
    relay: &mut Relay,
    device: &mut Device,
    rng: &mut ChaCha20Rng,
    number: u32,
) -> Option<String> {
    device.now = device.now.plus_ms(u64::from(rng.next_u32() % 700));
    match below(rng, 10) {
        0..=2 => {
            let peer = if device.name().user_id.as_str() == "alice" {
                "bob"
            } else {
                "alice"
            };
            let thread = device.thread_with(peer);
            let text = format!(
                "{number} of {}/{}",
                device.name().user_id,
                device.name().device_id
            );
            let call = Call::SendText {
                thread,
                text: text.clone(),
                ttl_seconds: None,
                key: None,
            };
            device.call(call);
            return Some(text);
        }
        3..=6 => {
            let Some(request) = device.requests.pop_front() else {
                device.hand_in(Input::Tick);
                return None;
            };
            let lost = TransportFailure {
                detail: "by chance".to_owned(),
            };
            let result = match below(rng, 5) {
                0 => Err(lost),
                1 => {
                    relay.answer(&request);
                    Err(lost)
                }
                _ => Ok(relay.answer(&request)),
            };
            device.hand_in(Input::Response {
                id: request.id,
                result,
            });
        }
        7..=8 => {
            let name = device.name();
            let queue = relay.queues.get(&name).cloned().unwrap_or_default();
            let taken = below(rng, queue.len() + 1);
            let frames = queue.iter().take(taken).map(|row| {
                device.frame(ServerEvent::Msg {
                    message: Box::new(row.clone()),
                })
            });
            let frames = frames.collect::<Vec<_>>();
            let frames = Input::Socket(SocketInput::Frames(frames));
            if below(rng, 4) == 0 {
                // The process ends between the commit and what follows from it.
                device.engine.handle(device.now, frames);
                restart(device, rng);
            } else {
                device.hand_in(frames);
                if taken > 0 && device.is_acknowledged() {
                    relay.queues.entry(name).or_default().drain(..taken);
                }
            }
        }
        _ => restart(device, rng),
    }
    None
}

fn restart(device: &mut Device, rng: &mut ChaCha20Rng) {
    let now = device.now;
    let ended = std::mem::replace(device, Device::new(0));
    *device = ended.restarted(rng.next_u64());
    device.now = now;
    device.carry_out();
}

/// Ratchet messages by device, chain and number: one body for each.
fn no_key_is_used_twice(relay: &Relay) {
    let mut used = BTreeMap::new();
    for (sender, send) in &relay.sends {
        for envelope in &send.envelopes {
            let body = envelope.body.as_slice();
            let message = match envelope.kind {
                EnvelopeType::Prekey => PreKeyMessage::parse(body).unwrap().message().clone(),
                EnvelopeType::Ratchet => RatchetMessage::parse(body).unwrap(),
            };
            let place = (
                sender.clone(),
                (envelope.user_id.clone(), envelope.device_id),
                message.ratchet_key().to_bytes(),
                message.counter(),
            );
            let first = used.entry(place.clone()).or_insert_with(|| body.to_vec());
            assert!(first == body, "two messages under one key: {place:?}");
        }
    }
}

#[test]
fn whatever_ends_or_is_lost_each_message_is_everywhere_once() {
    for seed in 0..12 {
        let rng = &mut ChaCha20Rng::seed_from_u64(seed);
        let relay = &mut Relay::default();
        let mut alice = Device::registered(relay, "alice", 10 + seed);
        let bob = Device::registered(relay, "bob", 30 + seed);
        let mut second = Device::new(50 + seed);
        assert!(matches!(link(relay, &mut alice, &mut second), Some(Ok(_))));
        let mut devices = [alice, second, bob];
        let mut texts = Vec::new();
        for number in 0..ROUNDS {
            let device = below(rng, devices.len());
            texts.extend(step(relay, &mut devices[device], rng, number));
        }
        for _ in 0..3 {
            for device in &mut devices {
                device.run(relay);
                device.pass(relay, 120_000);
            }
            for device in &mut devices {
                device.deliver(relay);
            }
        }
        assert!(texts.len() > 10);
        no_key_is_used_twice(relay);
        texts.sort();
        let orders = devices.each_ref().map(|device| {
            let peer = if device.name().user_id.as_str() == "alice" {
                "bob"
            } else {
                "alice"
            };
            device.texts(peer)
        });
        for (order, device) in orders.iter().zip(&devices) {
            let mut held = order.clone();
            held.sort();
            assert_eq!(held, texts, "seed {seed}, {:?}", device.name());
            assert_eq!(*order, orders[0], "seed {seed}, {:?}", device.name());
            let bad = |event: &&Event| {
                matches!(
                    event,
                    Event::MessageFailed(_)
                        | Event::MessageMissing { .. }
                        | Event::MessageReordered { .. }
                        | Event::MessageUnreadable(_)
                        | Event::RelayInconsistent { .. }
                )
            };
            assert_eq!(device.events.iter().find(bad), None, "seed {seed}");
        }
    }
}
