//! What is taken in is sent: nothing that cannot be sealed gets in front of the others of its thread.

use crate::device::Device;
use crate::relay::Relay;
use sealwire_engine::{Call, EngineConfig, EngineError, NewAttachment, Reply};
use sealwire_wire::content::{AttachmentPointer, MediaFacts};

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
