//! Files that come back whole, from the middle, and after an interruption; and chunks that were tampered with.

use super::*;
use crate::primitives::{aes256_gcm_open, sha256};
use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

const CHUNK: usize = CHUNK_BYTES as usize;

fn plan(plain_size: usize) -> AttachmentPlan {
    AttachmentPlan::new(plain_size as u64, &mut ChaCha20Rng::seed_from_u64(1))
        .ok()
        .unwrap()
}

fn file(length: usize) -> Vec<u8> {
    (0..length).map(|byte| (byte % 251) as u8 + 1).collect()
}

fn slice(file: &[u8], range: std::ops::Range<u64>) -> &[u8] {
    &file[range.start as usize..range.end as usize]
}

fn seal_all(plan: &AttachmentPlan, file: &[u8]) -> Vec<Vec<u8>> {
    let sealer = plan.sealer();
    (0..plan.layout().chunk_count())
        .map(|index| {
            let range = plan.layout().plain_range(index).unwrap();
            sealer.seal(index, slice(file, range)).unwrap()
        })
        .collect()
}

fn open_all(plan: &AttachmentPlan, chunks: &[Vec<u8>]) -> Result<Vec<u8>, OpenChunkError> {
    let opener = plan.opener();
    let mut file = Vec::new();
    for (index, chunk) in (0..).zip(chunks) {
        file.extend_from_slice(&opener.open(index, chunk)?);
    }
    Ok(file)
}

#[test]
fn files_of_every_shape_come_back() {
    for length in [
        0,
        1,
        2,
        1000,
        CHUNK - 1,
        CHUNK,
        CHUNK + 1,
        300_000,
        1_000_000,
    ] {
        let (plan, file) = (plan(length), file(length));
        let chunks = seal_all(&plan, &file);
        assert_eq!(chunks.len(), plan.layout().chunk_count() as usize);
        let encrypted: usize = chunks.iter().map(Vec::len).sum();
        assert_eq!(encrypted as u64, plan.layout().encrypted_size());
        assert!(open_all(&plan, &chunks) == Ok(file), "{length}");
    }
}

#[test]
fn a_received_pointer_opens_what_was_sealed() {
    let sender = plan(100_000);
    let chunks = seal_all(&sender, &file(100_000));
    let (key, prefix) = (sender.key().as_bytes(), sender.nonce_prefix());
    let receiver = AttachmentPlan::from_pointer(100_000, 65_536, key, prefix);
    assert!(open_all(&receiver.ok().unwrap(), &chunks) == Ok(file(100_000)));
}

#[test]
fn a_chunk_is_plain_aes_gcm_under_the_published_nonce() {
    let plan = plan(100_000);
    let chunks = seal_all(&plan, &file(100_000));
    let nonce = |counter: u8, last: u8| {
        let mut nonce = [0; 12];
        nonce[..7].copy_from_slice(plan.nonce_prefix());
        (nonce[10], nonce[11]) = (counter, last);
        nonce
    };
    let key = plan.key().as_bytes();
    let first = aes256_gcm_open(key, &nonce(0, 0), b"", &chunks[0]).unwrap();
    assert_eq!(first.as_slice(), &file(100_000)[..CHUNK]);
    let last = aes256_gcm_open(key, &nonce(1, 1), b"", &chunks[1]).unwrap();
    assert_eq!(&last[..100_000 - CHUNK], &file(100_000)[CHUNK..]);
    assert!(last[100_000 - CHUNK..].iter().all(|byte| *byte == 0));
    // 100,000 = 0x186a0 keeps five leading bits after the first: padded to a multiple of 2,048.
    assert_eq!(CHUNK + last.len(), 100_352);
}

#[test]
fn an_interrupted_transfer_goes_on_at_a_chunk() {
    let (plan, file) = (plan(200_000), file(200_000));
    let whole = seal_all(&plan, &file);
    let key = plan.key().as_bytes();
    let resumed = AttachmentPlan::from_pointer(200_000, 65_536, key, plan.nonce_prefix());
    let sealer = resumed.ok().unwrap().sealer();
    let range = plan.layout().plain_range(2).unwrap();
    assert_eq!(sealer.seal(2, slice(&file, range)).unwrap(), whole[2]);

    let mut digest = DigestBuilder::new();
    digest.push_hash(&chunk_hash(&whole[0]));
    digest.push_hash(&chunk_hash(&whole[1]));
    whole[2..].iter().for_each(|chunk| digest.push(chunk));
    let hashes: Vec<u8> = whole.iter().flat_map(|chunk| sha256(chunk)).collect();
    assert_eq!(digest.finish(), sha256(&hashes));
}

#[test]
fn chunks_in_another_order_or_of_another_file_do_not_open() {
    let (plan, file) = (plan(300_000), file(300_000));
    let mut chunks = seal_all(&plan, &file);
    chunks.swap(1, 2);
    assert_eq!(open_all(&plan, &chunks), Err(OpenChunkError::NotAuthentic));
    let other = AttachmentPlan::new(300_000, &mut ChaCha20Rng::seed_from_u64(2));
    let others = seal_all(&other.ok().unwrap(), &file);
    assert_eq!(
        plan.opener().open(0, &others[0]).err(),
        Some(OpenChunkError::NotAuthentic)
    );
}

#[test]
fn a_cut_file_does_not_open_at_its_new_end() {
    let whole = plan(CHUNK * 3);
    let chunks = seal_all(&whole, &file(CHUNK * 3));
    let (key, prefix) = (whole.key().as_bytes(), whole.nonce_prefix());
    let shorter = AttachmentPlan::from_pointer(CHUNK_BYTES * 2, 65_536, key, prefix);
    let opener = shorter.ok().unwrap().opener();
    assert!(opener.open(0, &chunks[0]).is_ok());
    assert_eq!(
        opener.open(1, &chunks[1]).err(),
        Some(OpenChunkError::NotAuthentic)
    );
    assert_eq!(
        opener.open(2, &chunks[2]).err(),
        Some(OpenChunkError::NoSuchChunk { count: 2 })
    );
}

#[test]
fn an_altered_or_cut_chunk_does_not_open() {
    let plan = plan(1000);
    let chunk = seal_all(&plan, &file(1000)).remove(0);
    let opener = plan.opener();
    for position in [0, 500, chunk.len() - 1] {
        let mut altered = chunk.clone();
        altered[position] ^= 1;
        assert_eq!(
            opener.open(0, &altered).err(),
            Some(OpenChunkError::NotAuthentic)
        );
    }
    for cut in [&chunk[..0], &chunk[..15], &chunk[..chunk.len() - 1]] {
        assert_eq!(
            opener.open(0, cut).err(),
            Some(OpenChunkError::NotAuthentic)
        );
    }
}

#[test]
fn another_cipher_gets_the_same_chunks_and_gives_them_back() {
    let file = file(CHUNK + 1_000);
    let plan = plan(file.len());
    let layout = plan.layout();
    assert_eq!(layout.plain_size(), 66_536);
    assert_eq!(layout.padded_size(), 67_584, "Padmé keeps six bits of it");
    let opener = plan.opener();
    for index in 0..layout.chunk_count() {
        let plain = slice(&file, layout.plain_range(index).unwrap());
        let padded = plan.pad(index, plain).unwrap();
        let sealed = layout.encrypted_range(index).unwrap();
        assert_eq!(padded.len() as u64 + 16, sealed.end - sealed.start);
        assert_eq!(
            padded
                .strip_prefix(plain)
                .map(|rest| rest.iter().all(|byte| *byte == 0)),
            Some(true)
        );
        let ours = plan.sealer().seal(index, plain).unwrap();
        assert_eq!(*opener.open(index, &ours).unwrap(), *plain);
        assert_eq!(*plan.unpad(index, padded).unwrap(), *plain);
    }
}

#[test]
fn bytes_hidden_in_the_padding_are_refused() {
    // 161 and 170 bytes are padded to the same length: the longer file, announced as the shorter.
    let sender = plan(170);
    let chunks = seal_all(&sender, &file(170));
    let (key, prefix) = (sender.key().as_bytes(), sender.nonce_prefix());
    let announced = AttachmentPlan::from_pointer(161, 65_536, key, prefix);
    assert_eq!(
        open_all(&announced.ok().unwrap(), &chunks),
        Err(OpenChunkError::Padding)
    );
}

#[test]
fn a_file_that_changed_its_length_is_not_sealed() {
    let sealer = plan(100).sealer();
    assert_eq!(
        sealer.seal(0, &[1; 101]),
        Err(SealChunkError::Length {
            expected: 100,
            found: 101
        })
    );
    assert_eq!(
        sealer.seal(1, b""),
        Err(SealChunkError::NoSuchChunk { count: 1 })
    );
}

#[test]
fn a_range_names_the_chunks_to_fetch() {
    let plan = plan(CHUNK * 3 + 10);
    let layout = plan.layout();
    let chunk = CHUNK_BYTES;
    assert_eq!(layout.chunks_for_range(0..1), 0..1);
    assert_eq!(layout.chunks_for_range(chunk - 1..chunk + 1), 0..2);
    assert_eq!(layout.chunks_for_range(chunk..chunk * 2), 1..2);
    assert_eq!(layout.chunks_for_range(chunk * 3..u64::MAX), 3..4);
    assert_eq!(layout.chunks_for_range(5..5), 0..0);
    assert_eq!(layout.chunks_for_range(chunk * 4..chunk * 5), 0..0);
    assert_eq!(layout.encrypted_range(1), Some(chunk + 16..chunk * 2 + 32));
    assert_eq!(layout.encrypted_range(layout.chunk_count()), None);
    assert_eq!(layout.plain_range(layout.chunk_count()), None);
}

#[test]
fn chunks_of_padding_alone_hold_nothing_of_the_file() {
    // Just above 2^25: the next Padmé length is a megabyte away.
    let plan = plan((1 << 25) + 1);
    let layout = plan.layout();
    let last = layout.chunk_count() - 1;
    assert!(layout.plain_range(last).unwrap().is_empty());
    let sealed = plan.sealer().seal(last, b"").unwrap();
    assert_eq!(plan.opener().open(last, &sealed).unwrap().len(), 0);
}

#[test]
fn what_a_counter_cannot_reach_is_refused() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let too_large = Some(PlanError::TooLarge {
        max: MAX_ATTACHMENT_BYTES,
    });
    let size = MAX_ATTACHMENT_BYTES + 1;
    assert_eq!(AttachmentPlan::new(size, &mut rng).err(), too_large);
    assert_eq!(AttachmentPlan::new(u64::MAX, &mut rng).err(), too_large);
    // Fits as it is, but not once it is padded.
    let size = MAX_ATTACHMENT_BYTES - 1;
    assert_eq!(AttachmentPlan::new(size, &mut rng).err(), too_large);
}

#[test]
fn the_limits_are_those_of_the_protocol() {
    // 2^32 - 1 chunks of 64 KiB.
    assert_eq!(MAX_ATTACHMENT_BYTES, 281_474_976_645_120);
    let layout = AttachmentLayout::new((1 << 48) - (1 << 42)).unwrap();
    assert_eq!(layout.chunk_count(), 0xfc00_0000);
}

#[test]
fn another_chunk_size_says_so() {
    assert_eq!(
        AttachmentPlan::from_pointer(1, 4096, &[0; 32], &[0; 7]).err(),
        Some(PlanError::UnknownChunkSize { chunk_size: 4096 })
    );
}

proptest! {
    #[test]
    fn the_chunks_cover_the_file_once_and_in_order(plain_size in 0..50_000_000_u64) {
        let layout = AttachmentLayout::new(plain_size).unwrap();
        let (mut plain, mut encrypted) = (0, 0);
        for index in 0..layout.chunk_count() {
            let range = layout.plain_range(index).unwrap();
            prop_assert_eq!(range.start, plain);
            plain = range.end;
            let range = layout.encrypted_range(index).unwrap();
            prop_assert_eq!(range.start, encrypted);
            prop_assert!(range.end - range.start <= CHUNK_BYTES + 16);
            encrypted = range.end;
        }
        prop_assert_eq!(plain, plain_size);
        prop_assert_eq!(encrypted, layout.encrypted_size());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_range_opens_alone(length in 1..200_000_usize, from: u32, long in 0..70_000_u64) {
        let (plan, file) = (plan(length), file(length));
        let chunks = seal_all(&plan, &file);
        let start = u64::from(from) % length as u64;
        let end = (start + long).min(length as u64);
        let mut opened = Vec::new();
        let wanted = plan.layout().chunks_for_range(start..end);
        let skipped = u64::from(wanted.start) * CHUNK_BYTES;
        for index in wanted {
            opened.extend_from_slice(&plan.opener().open(index, &chunks[index as usize]).unwrap());
        }
        if start < end {
            let range = start - skipped..end - skipped;
            prop_assert!(slice(&opened, range) == slice(&file, start..end));
        } else {
            prop_assert!(opened.is_empty());
        }
    }
}
