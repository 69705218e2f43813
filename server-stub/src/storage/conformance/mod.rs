//! What every engine must do, step by step, below the rules: the same suite runs against each.

mod accounts;
mod attachments;
mod controls;
mod failures;
mod inbox;
mod marks;
mod messages;
mod numbers;
mod queues;

use super::memory::Memory;
use super::sqlite::{Sqlite, SqliteOptions, Threading};
use super::*;
use sealwire_wire::contract::{
    DeviceEnvelope, DeviceName, EnvelopeType, MessageKind, MessageRow, PrekeyUpload,
    PublicKemPrekey, PublicPrekey, PublicSignedPrekey, ServerEvent, SignedList, Stamp, ThreadKind,
};
use sealwire_wire::{
    Base64, Bytes32, ClientSeq, DeviceId, IdempotencyKey, MessageId, ThreadId, Timestamp, UserId,
};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

const NOW: Timestamp = Timestamp(1_000_000);
const LATER: Timestamp = Timestamp(2_000_000);

fn on_every_engine(story: impl Fn(&dyn Storage)) {
    let folder = tempfile::TempDir::new().unwrap();
    let options = SqliteOptions {
        threading: Threading::Inline,
        ..SqliteOptions::default()
    };
    story(&Sqlite::open_with(folder.path(), options).unwrap());
    for seed in 0..3 {
        story(&Memory::seeded(seed));
    }
}

/// Both engines are done when their future is made: no executor is needed at all.
fn done<T>(mut step: Pending<'_, T>) -> T {
    match step.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer.unwrap(),
        Poll::Pending => panic!("an inline step waited"),
    }
}

fn user(name: &str) -> UserId {
    name.parse().unwrap()
}

fn name(of: &str, device: u32) -> DeviceName {
    DeviceName {
        user_id: user(of),
        device_id: DeviceId::new(device).unwrap(),
    }
}

fn key(text: &str) -> IdempotencyKey {
    text.parse().unwrap()
}

fn device(id: u32, state: DeviceState) -> DeviceRecord {
    DeviceRecord {
        device_id: DeviceId::new(id).unwrap(),
        registration_id: id + 100,
        identity_key: [id as u8; 33],
        registered_by: [id as u8; 32],
        registered_at: NOW,
        state,
        disabled_at: None,
    }
}

fn list(version: u64) -> ListRecord {
    ListRecord {
        version,
        hash: [version as u8; 32],
        signed: SignedList {
            payload: Base64(vec![version as u8; 9]),
            account_signature: Base64(vec![1; 64]),
            signer_device_id: DeviceId::FIRST,
            signer_signature: Base64(vec![2; 64]),
        },
    }
}

fn prekeys(signed: u32, one_time: std::ops::RangeInclusive<u32>) -> PrekeyUpload {
    PrekeyUpload {
        signed_prekey: Some(PublicSignedPrekey {
            id: signed,
            key: Base64(vec![signed as u8; 33]),
            signature: Base64(vec![9; 64]),
        }),
        one_time_prekeys: one_time
            .map(|id| PublicPrekey {
                id,
                key: Base64(vec![id as u8; 33]),
            })
            .collect(),
        ..PrekeyUpload::default()
    }
}

fn kem_prekeys(last_resort: u32, one_time: std::ops::RangeInclusive<u32>) -> PrekeyUpload {
    let kem = |id: u32| PublicKemPrekey {
        id,
        key: Base64(vec![id as u8; 1_569]),
        signature: Base64(vec![9; 64]),
    };
    PrekeyUpload {
        last_resort_kem_prekey: Some(kem(last_resort)),
        one_time_kem_prekeys: one_time.map(kem).collect(),
        ..PrekeyUpload::default()
    }
}

fn open(storage: &dyn Storage, of: &str) {
    let step = OpenAccount {
        user_id: user(of),
        device: device(1, DeviceState::Live),
        list: list(1),
        prekeys: prekeys(1, 1..=2),
    };
    assert_eq!(done(storage.open_account(step)), Opened::Opened);
}

fn admit(of: &str, id: u32, nonce: u8) -> AdmitDevice {
    AdmitDevice {
        user_id: user(of),
        device: device(id, DeviceState::Registered),
        nonce: [nonce; 16],
        prekeys: prekeys(1, 1..=1),
    }
}

fn append(of: &str, version: u64, holds: &[u32]) -> AppendList {
    AppendList {
        user_id: user(of),
        prev_hash: [version as u8 - 1; 32],
        list: list(version),
        holds: holds.iter().map(|id| DeviceId::new(*id).unwrap()).collect(),
    }
}

fn thread(one: &str, other: &str) -> ThreadRecord {
    ThreadRecord {
        id: ThreadId::direct(&user(one), &user(other)),
        kind: ThreadKind::Direct,
        participants: vec![user(one), user(other)],
        created_at: NOW,
        last_id: None,
    }
}

/// A message of `from`'s device 1 to device 1 of `to`, its number and id the same.
fn message(from: &str, to: &str, number: u64) -> AcceptMessage {
    AcceptMessage {
        row: MessageRow {
            id: MessageId::from_u128(number.into()),
            thread_id: ThreadId::direct(&user(from), &user(to)),
            sender_id: user(from),
            sender_device_id: DeviceId::FIRST,
            client_seq: ClientSeq(number),
            revision: 0,
            kind: MessageKind::Message,
            target_msg_id: None,
            ttl_seconds: Some(7),
            ciphertext: Base64(vec![number as u8; 3]),
            commitment: Bytes32([4; 32]),
            stamp: Stamp {
                key_id: 1,
                mac: Bytes32([5; 32]),
            },
            created_at: NOW,
            envelope: None,
            requeued_at: None,
            removed: None,
        },
        fingerprint: [number as u8; 32],
        envelopes: vec![DeviceEnvelope {
            user_id: user(to),
            device_id: DeviceId::FIRST,
            registration_id: 101,
            kind: EnvelopeType::Ratchet,
            body: Base64(vec![number as u8; 4]),
        }],
        key: key(&format!("{from}-{to}-{number}")),
        key_expires_at: LATER,
    }
}

fn source(step: &AcceptMessage) -> QueueSource {
    QueueSource::Message {
        thread_id: step.row.thread_id,
        id: step.row.id,
    }
}

fn queued(storage: &dyn Storage, device: &DeviceName) -> Vec<MessageId> {
    done(storage.queue_after(device.clone(), 0, 1_000))
        .into_iter()
        .filter_map(|entry| match entry.event {
            ServerEvent::Msg { message } => Some(message.id),
            _ => None,
        })
        .collect()
}
