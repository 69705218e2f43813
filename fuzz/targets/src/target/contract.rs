//! The JSON of the relay contract: frames of the socket both ways, bodies of requests, answers.
//!
//! The first byte says which type the rest is read as. Reading holds at most 80 times the input and 4 KiB: an empty object of a list can be two or three bytes
//! there and a struct here, and a frame is read twice. What is read is written back to the same meaning.

use serde::Serialize;
use serde::de::DeserializeOwned;

use sealwire_wire::contract::{
    BundlesAnswer, ClientFrame, DeviceEnvelope, DeviceListsAnswer, EnvelopeBody, EnvelopeType,
    ErrorCode, FailedRecipient, FailureReason, Inbox, MessageKind, MessagePage, MessageRow,
    PrekeyUpload, Problem, QueueItem, QueuePage, Receipts, RegisterDevice, SendControl,
    SendMessage, ServerEvent, ServerFrame, Stamp, ThreadMarks, UserMarks, read_json,
};
use sealwire_wire::{Base64, Bytes32, ClientSeq, DeviceId, MessageId, ThreadId, Timestamp};

use crate::memory::peak_of;
use crate::{Bound, Target};

pub(super) const TARGET: Target = Target {
    name: "contract",
    bound: Bound::new(4 * 1024, 80),
    run,
    seeds,
};

/// What reads one type.
type Read = fn(&[u8]) -> usize;

const TYPES: [Read; 13] = [
    frame,
    read::<ClientFrame>,
    read::<SendMessage>,
    read::<MessagePage>,
    read::<QueuePage>,
    read::<DeviceListsAnswer>,
    read::<BundlesAnswer>,
    read::<PrekeyUpload>,
    read::<RegisterDevice>,
    read::<SendControl>,
    read::<Inbox>,
    read::<Receipts>,
    read::<Problem>,
];

fn run(input: &[u8]) -> usize {
    let Some((kind, rest)) = input.split_first() else {
        return 0;
    };
    TYPES[usize::from(*kind) % TYPES.len()](rest)
}

fn read<T: DeserializeOwned + Serialize + PartialEq>(bytes: &[u8]) -> usize {
    let (read, peak) = peak_of(|| read_json::<T>(bytes));
    if let Ok(value) = read {
        let written = serde_json::to_vec(&value).unwrap();
        assert!(read_json::<T>(&written).is_ok_and(|again| again == value));
    }
    peak
}

fn frame(bytes: &[u8]) -> usize {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return 0;
    };
    let (read, peak) = peak_of(|| serde_json::from_str::<ServerFrame>(text));
    if let Ok(frame) = read {
        let written = serde_json::to_string(&frame).unwrap();
        assert!(serde_json::from_str::<ServerFrame>(&written).is_ok_and(|again| again == frame));
    }
    peak
}

fn seeds() -> Vec<Vec<u8>> {
    let row = row();
    let event = |event| ServerFrame {
        frame_seq: 4,
        event,
    };
    let frames = [
        event(ServerEvent::Msg {
            message: Box::new(row.clone()),
        }),
        event(ServerEvent::CaughtUp { replayed: 9 }),
        event(ServerEvent::Marks {
            marks: Box::new(marks(&row)),
        }),
        event(ServerEvent::Presence {
            user_id: row.sender_id.clone(),
            online: false,
            last_seen_at: Some(Timestamp(1)),
        }),
    ];
    let frames = frames.iter().map(|frame| seed(0, frame));
    let envelope = DeviceEnvelope {
        user_id: row.sender_id.clone(),
        device_id: DeviceId::FIRST,
        registration_id: 7,
        kind: EnvelopeType::Ratchet,
        body: Base64(vec![1; 20]),
    };
    let send = SendMessage {
        client_seq: row.client_seq,
        ciphertext: row.ciphertext.clone(),
        commitment: row.commitment,
        envelopes: vec![envelope.clone()],
        device_list_versions: [(row.sender_id.clone(), 3)].into(),
        kind: row.kind,
        target_msg_id: Some(row.id),
        ttl_seconds: Some(60),
        attachment_ids: vec!["att_1".parse().unwrap()],
        urgent: true,
        to: Some("bob".parse().unwrap()),
    };
    let page = MessagePage {
        messages: vec![row.clone()],
        next_cursor: Some("c".to_owned()),
        has_more: true,
    };
    let queue = QueuePage {
        entries: vec![QueueItem {
            entry_id: "e".to_owned(),
            event: ServerEvent::Resync {},
        }],
        has_more: false,
        marks: vec![marks(&row)],
        marks_cursor: Some("17".to_owned()),
    };
    let bodies = [
        seed(1, &ClientFrame::ClientAck { frame_seq: 4 }),
        seed(2, &send),
        seed(3, &page),
        seed(4, &queue),
        seed(9, &SendControl { to: vec![envelope] }),
        seed(12, &Problem::new(ErrorCode::DeviceMismatch, "wrap again")),
    ];
    frames.chain(bodies).collect()
}

/// The number of a type in [`TYPES`], and JSON of it.
fn seed(kind: u8, value: &impl Serialize) -> Vec<u8> {
    let mut seed = vec![kind];
    serde_json::to_writer(&mut seed, value).unwrap();
    seed
}

fn row() -> MessageRow {
    let (alice, bob) = ("alice".parse().unwrap(), "bob".parse().unwrap());
    MessageRow {
        id: MessageId::from_u128(77),
        thread_id: ThreadId::direct(&alice, &bob),
        sender_id: alice,
        sender_device_id: DeviceId::FIRST,
        client_seq: ClientSeq(u64::MAX),
        revision: 0,
        kind: MessageKind::Message,
        target_msg_id: None,
        ttl_seconds: None,
        ciphertext: Base64(vec![1, 2, 3]),
        commitment: Bytes32([4; 32]),
        stamp: Stamp {
            key_id: 1,
            mac: Bytes32([5; 32]),
        },
        created_at: Timestamp(1_700_000_000_000),
        envelope: Some(EnvelopeBody {
            kind: EnvelopeType::Prekey,
            body: Base64(vec![9]),
        }),
        requeued_at: None,
        removed: None,
    }
}

fn marks(row: &MessageRow) -> ThreadMarks {
    ThreadMarks {
        thread_id: row.thread_id,
        marks: vec![UserMarks {
            user_id: row.sender_id.clone(),
            version: 4,
            delivered_up_to: Some(row.id),
            delivered_at: Some(Timestamp(1)),
            read_up_to: None,
            read_at: None,
        }],
        failed: vec![FailedRecipient {
            message_id: row.id,
            user_id: row.sender_id.clone(),
            reason: Some(FailureReason::Expired),
            at: Timestamp(2),
        }],
    }
}
