//! The pointer to an attachment inside a content, and the first chunk that it is said to open.
//!
//! Up to the first 0xff 0xff the input is the pointer's protobuf, after it an encrypted chunk. Decoding the pointer holds at most 4 times
//! the input and 40 KiB: a thumbnail inside a thumbnail is refused, but protobuf is read a hundred levels deep before that. A layout made
//! from any size covers the file without gap or overlap.

use sealwire_crypto::attachment::{AttachmentLayout, AttachmentPlan, OpenChunkError};
use sealwire_wire::content::{AttachmentPointer, Body, Kind, MediaFacts, ThreadFacts, Uid};

use crate::memory::peak_of;
use crate::{Bound, Target};

pub(super) const TARGET: Target = Target {
    name: "attachment_header",
    bound: Bound::new(40 * 1024, 4),
    run,
    seeds,
};

/// Between the pointer and the chunk: no varint of a length that fits has these.
const BETWEEN: [u8; 2] = [0xff, 0xff];

fn run(input: &[u8]) -> usize {
    let cut = input.windows(2).position(|pair| pair == BETWEEN);
    let (pointer, chunk) = match cut {
        Some(at) => (&input[..at], &input[at + 2..]),
        None => (input, [].as_slice()),
    };
    let body = body_around(pointer);
    let (decoded, peak) = peak_of(|| Body::decode(&body));
    let Ok(body) = decoded else { return peak };
    assert!(Body::decode(&body.encode()).is_ok_and(|again| again == body));
    let Kind::Attachment { file, .. } = body.kind else {
        return peak;
    };
    for pointer in [Some(&file), file.thumbnail.as_ref()].into_iter().flatten() {
        let plan = AttachmentPlan::from_pointer(
            pointer.size,
            pointer.chunk_size,
            &pointer.key,
            &pointer.nonce_prefix,
        );
        let Ok(plan) = plan else { continue };
        check_layout(plan.layout(), pointer.size);
        let last = plan.layout().chunk_count() - 1;
        for index in [0, 1, last, last.saturating_add(1), u32::MAX] {
            match plan.opener().open(index, chunk) {
                Ok(plain) => assert!(plain.len() <= chunk.len()),
                Err(OpenChunkError::NoSuchChunk { count }) => assert!(index >= count),
                Err(_) => {}
            }
        }
    }
    peak
}

fn check_layout(layout: &AttachmentLayout, size: u64) {
    assert_eq!(layout.plain_size(), size);
    assert!(layout.padded_size() >= size);
    let count = layout.chunk_count();
    for index in [0, 1, count / 2, count - 1] {
        let Some(range) = layout.encrypted_range(index) else {
            assert!(index >= count);
            continue;
        };
        let after = index
            .checked_add(1)
            .and_then(|next| layout.encrypted_range(next));
        let end = after.map_or(layout.encrypted_size(), |next| next.start);
        assert_eq!(range.end, end);
        let plain = layout.plain_range(index).unwrap();
        assert!(plain.start <= plain.end && plain.end <= size);
    }
    assert_eq!(layout.encrypted_range(count), None);
    let all = layout.chunks_for_range(0..u64::MAX);
    assert!(all.end <= count);
    assert_eq!(layout.plain_range(0).unwrap().start, 0);
}

/// A body whose attachment's file is these bytes: `Body { uid: 1, thread: 5 { to: 1 }, attachment: 17 { file: 1 } }`.
fn body_around(pointer: &[u8]) -> Vec<u8> {
    let mut attachment = field(1, pointer);
    attachment.extend(field(2, b"caption"));
    [
        field(1, &[5; 16]),
        field(5, &field(1, b"bob")),
        field(17, &attachment),
    ]
    .concat()
}

/// A field of protobuf that has a length.
fn field(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    prost::encoding::encode_varint(u64::from(tag) << 3 | 2, &mut bytes);
    prost::encoding::encode_varint(content.len() as u64, &mut bytes);
    bytes.extend(content);
    bytes
}

fn seeds() -> Vec<Vec<u8>> {
    let plan = AttachmentPlan::from_pointer(11, 65_536, &[1; 32], &[2; 7]).unwrap();
    let chunk = plan.sealer().seal(0, b"hello world").unwrap();
    let small = AttachmentPointer {
        attachment_id: "att_01jf8zxm9k4b2v7n3q5r6s8t0w".parse().unwrap(),
        key: [1; 32],
        nonce_prefix: [2; 7],
        digest: [3; 32],
        size: 11,
        chunk_size: 65_536,
        mime: "image/png".to_owned(),
        name: "a.png".to_owned(),
        media: MediaFacts {
            width: Some(64),
            height: Some(48),
            duration_ms: Some(1_000),
            blurhash: Some("LEHV6nWB2yk8".to_owned()),
            waveform: Some([4; 64]),
        },
        thumbnail: None,
    };
    let mut large = small.clone();
    large.size = u64::from(u32::MAX) * 65_536;
    large.thumbnail = Some(Box::new(small.clone()));
    let mut small = pointer_bytes(small);
    small.extend(BETWEEN);
    small.extend(chunk);
    // Thumbnails of thumbnails, as deep as protobuf is read: the most that an input of its length can be read into.
    let nested = (0..96).fold(Vec::new(), |inner, _| field(14, &inner));
    vec![small, pointer_bytes(large), nested]
}

/// The protobuf of a pointer, cut out of a body that ends with it and a caption.
fn pointer_bytes(pointer: AttachmentPointer) -> Vec<u8> {
    let begin = field(1, pointer.attachment_id.as_str().as_bytes());
    let body = Body {
        uid: Uid([5; 16]),
        target: None,
        ttl_seconds: None,
        prev: None,
        thread: ThreadFacts::Direct {
            to: "bob".parse().unwrap(),
        },
        kind: Kind::Attachment {
            file: Box::new(pointer),
            caption: "caption".to_owned(),
        },
    }
    .encode();
    let start = body.windows(begin.len()).position(|window| window == begin);
    let end = body.len() - field(2, b"caption").len();
    body[start.unwrap()..end].to_vec()
}
