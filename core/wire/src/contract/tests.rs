use super::*;
use crate::{Base64, Bytes32, ClientSeq, DeviceId, MessageId, ThreadId, Timestamp};
use proptest::prelude::*;

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

fn marks() -> ThreadMarks {
    ThreadMarks {
        thread_id: row().thread_id,
        marks: vec![UserMarks {
            user_id: row().sender_id,
            version: 4,
            delivered_up_to: Some(row().id),
            delivered_at: Some(Timestamp(1)),
            read_up_to: None,
            read_at: None,
        }],
        failed: vec![FailedRecipient {
            message_id: row().id,
            user_id: row().sender_id,
            reason: Some(FailureReason::Expired),
            at: Timestamp(2),
        }],
    }
}

#[test]
fn each_frame_survives_the_way_through_json() {
    let events = [
        ServerEvent::Msg {
            message: Box::new(row()),
        },
        ServerEvent::Devices {
            user_id: "bob".parse().unwrap(),
            version: 3,
        },
        ServerEvent::PrekeysLow {
            remaining: 2,
            remaining_kem: Some(1),
        },
        ServerEvent::CatchingUp {
            queued: 9,
            now: Some(Timestamp(5)),
        },
        ServerEvent::CaughtUp { replayed: 9 },
        ServerEvent::Del {
            thread_id: row().thread_id,
            message_id: row().id,
            removed: Removal {
                reason: RemovalReason::Expired,
                at: Timestamp(8),
            },
        },
        ServerEvent::Control {
            control: Box::new(ControlMessage {
                id: row().id,
                sender_id: row().sender_id,
                sender_device_id: DeviceId::FIRST,
                envelope: EnvelopeBody {
                    kind: EnvelopeType::Ratchet,
                    body: Base64(vec![1]),
                },
                created_at: Timestamp(3),
            }),
        },
        ServerEvent::Delivered {
            thread_id: row().thread_id,
            user_id: row().sender_id,
            up_to_msg_id: row().id,
            at: Timestamp(4),
            version: 2,
        },
        ServerEvent::Read {
            thread_id: row().thread_id,
            user_id: row().sender_id,
            up_to_msg_id: row().id,
            at: Timestamp(4),
            version: 3,
        },
        ServerEvent::Marks {
            marks: Box::new(marks()),
        },
        ServerEvent::MarksEnd {
            cursor: "17".to_owned(),
        },
        ServerEvent::Thread {
            thread_id: row().thread_id,
            mine: Some(ThreadPreferences::default()),
        },
        ServerEvent::Typing {
            thread_id: row().thread_id,
            user_id: row().sender_id,
            typing: true,
        },
        ServerEvent::Presence {
            user_id: row().sender_id,
            online: false,
            last_seen_at: Some(Timestamp(1)),
        },
        ServerEvent::Resync {},
        ServerEvent::Ping { now: Timestamp(5) },
        ServerEvent::Error {
            code: ErrorCode::InvalidRequest,
            detail: "no".to_owned(),
        },
    ];
    for (frame_seq, event) in (1..).zip(events) {
        let frame = ServerFrame { frame_seq, event };
        let json = serde_json::to_string(&frame).unwrap();
        let read: ServerFrame = serde_json::from_str(&json).unwrap();
        assert_eq!(read, frame, "{json}");
    }
    for frame in [
        ClientFrame::ClientAck { frame_seq: 4 },
        ClientFrame::Pong {},
        ClientFrame::Auth {
            token: "t".to_owned(),
        },
    ] {
        let json = serde_json::to_string(&frame).unwrap();
        assert_eq!(
            serde_json::from_str::<ClientFrame>(&json).unwrap(),
            frame,
            "{json}"
        );
    }
}

#[test]
fn a_token_is_not_printed_with_its_frame() {
    let token = "secret".to_owned();
    assert_eq!(format!("{:?}", ClientFrame::Auth { token }), "Auth");
}

#[test]
fn a_frame_looks_as_the_contract_draws_it() {
    let frame = ServerFrame {
        frame_seq: 12,
        event: ServerEvent::CaughtUp { replayed: 0 },
    };
    let json = serde_json::to_value(&frame).unwrap();
    assert_eq!(
        json,
        serde_json::json!({"t": "caught_up", "frame_seq": 12, "replayed": 0})
    );
}

#[test]
fn a_frame_of_a_later_version_is_read_and_counted() {
    let frame: ServerFrame =
        serde_json::from_str(r#"{"t":"hologram","frame_seq":3,"beam":[1]}"#).unwrap();
    assert_eq!(
        frame,
        ServerFrame {
            frame_seq: 3,
            event: ServerEvent::Unknown
        }
    );
}

#[test]
fn a_frame_that_lacks_what_its_kind_needs_is_refused_and_says_what() {
    let refusal = |text| serde_json::from_str::<ServerFrame>(text).unwrap_err();
    for (text, field) in [
        (r#"{"t":"ping","now":1}"#, "frame_seq"),
        (r#"{"t":"msg","frame_seq":1}"#, "message"),
        (
            r#"{"t":"devices","frame_seq":1,"user_id":"bob"}"#,
            "version",
        ),
        (r#"{"t":"typing","frame_seq":1,"typing":true}"#, "thread_id"),
        (r#"{"frame_seq":1}"#, "t"),
    ] {
        let said = refusal(text).to_string();
        assert!(said.contains(&format!("missing field `{field}`")), "{said}");
    }
    let twice = refusal(r#"{"t":"ping","frame_seq":1,"now":1,"now":2}"#).to_string();
    assert!(twice.contains("duplicate field `now`"), "{twice}");
}

#[test]
fn unknown_fields_of_a_request_are_ignored() {
    let read: ChallengeRequest =
        serde_json::from_str(r#"{"user_id":"bob","device_id":2,"colour":"red"}"#).unwrap();
    assert_eq!(read.device_id.get(), 2);
}

proptest! {
    #[test]
    fn any_json_text_is_a_frame_or_an_error(text in r#"[{}\[\]":,a-z0-9]{0,120}"#) {
        let _ = serde_json::from_str::<ServerFrame>(&text);
        let _ = serde_json::from_str::<SendMessage>(&text);
        let _ = serde_json::from_str::<Problem>(&text);
    }
}
