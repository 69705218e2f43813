//! What is taken in is sent: nothing that cannot be sealed gets in front of the others of its thread.

use crate::device::Device;
use crate::relay::Relay;
use sealwire_engine::{Call, EngineConfig, EngineError, MessageState, NewAttachment, Reply};
use sealwire_wire::content::{AttachmentPointer, MediaFacts, Uid};

fn attachment(blurhash: usize, caption: usize) -> Box<NewAttachment> {
    let pointer = AttachmentPointer {
        attachment_id: "a1".parse().unwrap(),
        key: [1; 32],
        nonce_prefix: [2; 7],
        digest: [3; 32],
        size: 10,
        chunk_size: 65_536,
        mime: "image/png".to_owned(),
        name: "picture.png".to_owned(),
        media: MediaFacts {
            blurhash: Some("b".repeat(blurhash)),
            ..MediaFacts::default()
        },
        thumbnail: None,
    };
    Box::new(NewAttachment {
        pointer,
        caption: "c".repeat(caption),
        key: None,
        ttl_seconds: None,
    })
}

#[test]
fn the_largest_body_is_sent_and_a_larger_one_refused_at_once() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    let mut bob = Device::registered(relay, "bob", 2);
    let thread = alice.thread_with("bob");
    let mut taken = 0;
    let around = EngineConfig::max_text_bytes();
    for (blurhash, caption) in [(around, 0), (0, around)] {
        for more in [0, 50, 100, 150, 200, 250, 300, 350, 400, 450, 500, 1_000] {
            let size = |part: usize| if part == 0 { 0 } else { part - 200 + more };
            let attachment = attachment(size(blurhash), size(caption));
            let call = alice.call(Call::SendAttachment { thread, attachment });
            match alice.result(call) {
                Some(Ok(Reply::Queued(_))) => taken += 1,
                Some(Err(EngineError::TextTooLong { .. })) => {}
                _ => panic!("neither"),
            }
        }
    }
    assert!((4..24).contains(&taken), "{taken}");
    let text = "x".repeat(around);
    alice.send(relay, "bob", &text);
    assert_eq!(relay.sends.len(), taken + 1);
    bob.deliver(relay);
    assert_eq!(bob.texts("alice").last(), Some(&text));
}

#[test]
fn a_key_names_one_message_and_another_one_under_it_is_a_conflict() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    let (bob, carol) = (alice.thread_with("bob"), alice.thread_with("carol"));
    let key = Some(Uid([7; 16]));
    let text = |thread, text: &str, ttl_seconds| Call::SendText {
        thread,
        text: text.to_owned(),
        ttl_seconds,
        key,
    };
    let file = |caption| {
        let mut attachment = attachment(0, caption);
        attachment.key = Some(Uid([8; 16]));
        attachment
    };
    let answer = |alice: &mut Device, call| {
        let call = alice.call(call);
        match alice.result(call) {
            Some(Ok(Reply::Queued(message))) => Ok(message.local_id),
            Some(Err(error)) => Err(error.code().as_str()),
            _ => panic!("neither"),
        }
    };
    let first = answer(&mut alice, text(bob, "first", None));
    let attachment = file(3);
    let with_file = answer(
        &mut alice,
        Call::SendAttachment {
            thread: bob,
            attachment,
        },
    );
    assert!(first.is_ok() && with_file.is_ok());
    let mut alice = alice.restarted(2);
    let mut sealed_again = file(3);
    sealed_again.pointer.key = [5; 32];
    sealed_again.pointer.attachment_id = "a2".parse().unwrap();
    let mut larger = file(3);
    larger.pointer.size += 1;
    for (call, expected) in [
        (text(bob, "first", None), first),
        (text(bob, "second", None), Err("send_key_reused")),
        (text(carol, "first", None), Err("send_key_reused")),
        (text(bob, "first", Some(9)), Err("send_key_reused")),
        (
            Call::SendAttachment {
                thread: bob,
                attachment: sealed_again,
            },
            with_file,
        ),
        (
            Call::SendAttachment {
                thread: bob,
                attachment: larger,
            },
            Err("send_key_reused"),
        ),
        (
            Call::SendAttachment {
                thread: bob,
                attachment: file(4),
            },
            Err("send_key_reused"),
        ),
    ] {
        assert_eq!(answer(&mut alice, call), expected);
    }
    let (first, with_file) = (first.unwrap(), with_file.unwrap());
    assert_eq!(alice.message(first).text(), Some("first"));
    assert_eq!(alice.message(with_file).text(), Some("ccc"));
    assert_eq!(alice.texts("bob").len(), 2);
    assert!(alice.texts("carol").is_empty());
}

#[test]
fn what_was_sealed_under_another_registration_is_given_up_and_stands_before_no_other() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    let mut bob = Device::registered(relay, "bob", 2);
    alice.send(relay, "bob", "hello");
    let old = alice.queue("bob", "of then");
    alice.lose(relay, false);
    alice.queue("bob", "of now");
    let mut alice = alice.after_surgery(relay, 3, |tx| {
        let mut account = tx.account().unwrap().unwrap();
        account.registration_id ^= 1;
        tx.save_account(&account).unwrap();
    });
    alice.pass(relay, 61_000);
    let given_up = MessageState::Failed {
        code: "gave_up".to_owned(),
    };
    assert_eq!(alice.state(old), given_up);
    bob.deliver(relay);
    assert_eq!(bob.texts("alice"), ["hello", "of now"]);
    assert_eq!(alice.restarted(9).state(old), given_up);
}
