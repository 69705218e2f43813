//! Requests and frames made ready before a clock starts. Replaying one patches two numbers in it and does nothing else.

use crate::http::{Head, find, request};
use crate::people::Person;
use crate::trouble::{Done, said};
use sealwire_wire::contract::{DeviceEnvelope, EnvelopeType, MessageKind, SendMessage};
use sealwire_wire::{Base64, Bytes32, ClientSeq, ThreadId};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// A ciphertext: a text of up to some 200 bytes, sealed.
const CIPHERTEXT: usize = 300;
/// A ratchet message around a content key and a digest.
const ENVELOPE: usize = 200;
/// The first client_seq: as many digits as the last one.
const FIRST_SEQ: u64 = 1_000_000_000;

/// One sender's request, to be sent again and again under rising numbers.
pub(crate) struct Prepared {
    bytes: Vec<u8>,
    key_at: usize,
    seq_at: usize,
    next: u64,
}

impl Prepared {
    /// From the first device of a person to every device of others.
    pub(crate) fn send(
        relay: SocketAddr,
        thread: ThreadId,
        from: &Person,
        to: &[&Person],
    ) -> Done<Self> {
        let sender = from
            .devices
            .first()
            .ok_or_else(|| said("a person without a device"))?;
        let own = from.devices.iter().skip(1).map(|device| (from, device));
        let others = to
            .iter()
            .flat_map(|person| person.devices.iter().map(move |device| (*person, device)));
        let mut envelopes = Vec::new();
        for (person, device) in own.chain(others) {
            envelopes.push(DeviceEnvelope {
                user_id: person.user.clone(),
                device_id: device.id,
                registration_id: device.registration_id,
                kind: EnvelopeType::Ratchet,
                body: Base64(random(ENVELOPE)?),
            });
        }
        let message = SendMessage {
            client_seq: ClientSeq(FIRST_SEQ),
            ciphertext: Base64(random(CIPHERTEXT)?),
            commitment: Bytes32([3; 32]),
            envelopes,
            device_list_versions: BTreeMap::new(),
            kind: MessageKind::Message,
            target_msg_id: None,
            ttl_seconds: None,
            attachment_ids: Vec::new(),
            urgent: false,
            to: match to {
                [one] if ThreadId::direct(&from.user, &one.user) == thread => {
                    Some(one.user.clone())
                }
                _ => None,
            },
        };
        let key = format!("{thread}-{FIRST_SEQ}");
        let head = Head {
            token: Some(&sender.token),
            key: Some(&key),
        };
        let path = format!("/v1/threads/{thread}/messages");
        let body = serde_json::to_vec(&message)?;
        let bytes = request(relay, "POST", &path, head, &body);
        let digits = FIRST_SEQ.to_string();
        let key_at = find(&bytes, format!("-{digits}\r\n").as_bytes()).map(|at| at + 1);
        let field = b"\"client_seq\":";
        let seq_at = find(&bytes, field).map(|at| at + field.len());
        let (Some(key_at), Some(seq_at)) = (key_at, seq_at) else {
            return Err(said("a prepared request has not the form that it should"));
        };
        Ok(Self {
            bytes,
            key_at,
            seq_at,
            next: FIRST_SEQ,
        })
    }

    /// The bytes of the next send: its own client_seq, its own Idempotency-Key.
    pub(crate) fn next(&mut self) -> &[u8] {
        let mut number = self.next;
        self.next += 1;
        for place in (0..10).rev() {
            let digit = b'0' + (number % 10) as u8;
            number /= 10;
            self.bytes[self.key_at + place] = digit;
            self.bytes[self.seq_at + place] = digit;
        }
        &self.bytes
    }
}

/// The upgrade to a device's socket.
pub(crate) fn upgrade(relay: SocketAddr, token: &str) -> Vec<u8> {
    // The key of RFC 6455's example: what the relay makes of it is checked by its tests, not here.
    format!(
        "GET /v1/realtime HTTP/1.1\r\nhost: {relay}\r\nauthorization: Bearer {token}\r\nconnection: upgrade\r\n\
         upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    .into_bytes()
}

/// A client_ack as a masked text frame. A mask of zeros is a mask (RFC 6455, section 5.3), and costs nothing.
pub(crate) fn acknowledge(frame_seq: u64, out: &mut Vec<u8>) {
    let text = format!("{{\"t\":\"client_ack\",\"frame_seq\":{frame_seq}}}");
    out.extend_from_slice(&[0x81, 0x80 | text.len() as u8, 0, 0, 0, 0]);
    out.extend_from_slice(text.as_bytes());
}

fn random(length: usize) -> Done<Vec<u8>> {
    let mut bytes = vec![0; length];
    getrandom::fill(&mut bytes).map_err(said)?;
    Ok(bytes)
}
