//! The table of limits in docs/protocol.md has the numbers of the code.

use sealwire_crypto::attachment::{CHUNK_BYTES, MAX_ATTACHMENT_BYTES};
use sealwire_crypto::content::{MAX_BODY_BYTES, MAX_CIPHERTEXT_BYTES};
use sealwire_crypto::device::{
    MAX_DEVICES, MAX_ENTRY_BYTES, MAX_FEATURE_BYTES, MAX_FEATURES, MAX_LIST_BYTES,
    MAX_PROTOCOL_VERSIONS,
};
use sealwire_crypto::envelope::MAX_ENVELOPE_PLAINTEXT_BYTES;
use sealwire_crypto::linking::MAX_SLOT_BYTES;
use sealwire_crypto::ratchet::{
    MAX_ARCHIVED_SESSIONS, MAX_FORWARD_JUMP, MAX_RECEIVER_CHAINS, MAX_SKIPPED_KEYS,
    MAX_STEPS_PER_MESSAGE, UNACKNOWLEDGED_LIFETIME_MS,
};

const PAGE: &str = include_str!("../../../docs/protocol.md");

/// `25000` as the page writes it: `25,000`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev();
    let groups: Vec<_> = groups.map(String::from_utf8_lossy).collect();
    groups.join(",")
}

#[test]
fn the_limits_of_the_page_are_those_of_the_code() {
    let days = UNACKNOWLEDGED_LIFETIME_MS / (24 * 60 * 60 * 1000);
    let jump = grouped(MAX_FORWARD_JUMP.into());
    let steps = grouped(MAX_STEPS_PER_MESSAGE.into());
    let skipped = grouped(MAX_SKIPPED_KEYS.into());
    let ciphertext = grouped(MAX_CIPHERTEXT_BYTES as u64);
    let body = grouped(MAX_BODY_BYTES as u64);
    let (list, entry, slot) = (
        MAX_LIST_BYTES / 1024,
        MAX_ENTRY_BYTES / 1024,
        MAX_SLOT_BYTES / 1024,
    );
    let chunk = grouped(CHUNK_BYTES);
    let rows = [
        format!("| forward jump in one chain | {jump} messages |"),
        format!("| chain steps of one message, over all sessions tried | {steps} |"),
        format!("| skipped message keys kept | {skipped} of one session |"),
        format!("| receiving chains kept | {MAX_RECEIVER_CHAINS} |"),
        format!("| archived sessions of one peer device | {MAX_ARCHIVED_SESSIONS} |"),
        format!("| an unanswered session is sent on for | {days} days |"),
        format!("| ciphertext of a content | {ciphertext} bytes |"),
        format!("| body of a content | {body} bytes;"),
        format!("| envelope: plaintext; as sealed | {MAX_ENVELOPE_PLAINTEXT_BYTES} bytes;"),
        format!("| devices of a user | {MAX_DEVICES} |"),
        format!("| a signed list; a signed entry; a grant | {list} KiB; {entry} KiB;"),
        format!(
            "| protocol versions of an entry; features | {MAX_PROTOCOL_VERSIONS}; {MAX_FEATURES} of 1 to {MAX_FEATURE_BYTES} bytes |"
        ),
        format!("| slot of a linking; a linking code | {slot} KiB;"),
        format!("chunks of {chunk} bytes, padding included"),
    ];
    for row in rows {
        assert!(PAGE.contains(&row), "docs/protocol.md lacks: {row}");
    }
    assert_eq!(MAX_ATTACHMENT_BYTES, u64::from(u32::MAX) * CHUNK_BYTES);
    assert_eq!(grouped(1_234_567), "1,234,567");
}
