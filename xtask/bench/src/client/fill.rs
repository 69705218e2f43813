//! A store that has been in use for long: messages that can be searched, threads, sessions, device lists.

use super::device::{NOW, open};
use crate::trouble::{Done, said};
use sealwire_store::{
    DeviceListRow, MessageKind, MessageState, NewMessage, StoreError, ThreadKind, Transaction,
};
use sealwire_wire::content::Uid;
use sealwire_wire::{ClientSeq, DeviceId, MessageId, ThreadId, UserId};
use std::path::{Path, PathBuf};

const AT_ONCE: u64 = 1_000;
/// Messages for each person who writes.
const PER_PERSON: u64 = 100;

/// A closed store again, in this folder.
pub(super) fn copied(store: &Path, folder: &Path) -> Done<PathBuf> {
    let path = folder.join("store.db");
    std::fs::copy(store, &path).map_err(said)?;
    Ok(path)
}

/// Puts `rows` messages into a closed store, and what comes with them.
pub(super) fn fill(path: &Path, rows: u64) -> Done<()> {
    let mut store = open(path, false)?;
    for first in (0..rows).step_by(AT_ONCE as usize) {
        let numbers = first..rows.min(first + AT_ONCE);
        store
            .transaction(|tx| numbers.clone().try_for_each(|number| put(tx, number)))
            .map_err(said)?;
    }
    store.close().map_err(said)
}

fn put(tx: &mut Transaction<'_>, number: u64) -> Result<(), StoreError> {
    let person = number / PER_PERSON;
    let Ok(sender) = format!("contact-{person}").parse::<UserId>() else {
        return Ok(());
    };
    let mut id = [0; 16];
    id[..8].copy_from_slice(&person.to_be_bytes());
    let thread = ThreadId::from_bytes(id);
    if number.is_multiple_of(PER_PERSON) {
        tx.ensure_thread(thread, ThreadKind::Direct, Some(&sender), NOW)?;
        tx.save_session(&sender, DeviceId::FIRST, None, &[5; 450])?;
        tx.append_list(
            &sender,
            &DeviceListRow {
                version: 1,
                bytes: vec![6; 500],
                hash: [7; 32],
            },
        )?;
    }
    let mut uid = [0xf1; 16];
    uid[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    let text = line(number);
    tx.insert_message(&NewMessage {
        thread,
        sender,
        sender_device: DeviceId::FIRST,
        client_seq: ClientSeq(number % PER_PERSON + 1),
        revision: 0,
        message_id: Some(MessageId::from_parts(1_700_000_000_000 + number, 0)),
        uid: Some(Uid(uid)),
        kind: MessageKind::Text,
        state: MessageState::Received,
        reason: None,
        content: Some(text.as_bytes().to_vec().into()),
        text: Some(text),
        commitment: Some([1; 32]),
        stamp: None,
        digest: Some([2; 32]),
        prev: None,
        created_at: Some(NOW),
        local_at: NOW,
    })?;
    Ok(())
}

/// What people write, here in a few of their languages: the same text for the same number.
pub(super) fn line(number: u64) -> String {
    const WORDS: [&str; 32] = [
        "the",
        "ferry",
        "leaves",
        "at",
        "noon",
        "and",
        "we",
        "meet",
        "near",
        "lighthouse",
        "morgen",
        "früh",
        "am",
        "Bahnhof",
        "vielleicht",
        "später",
        "mañana",
        "por",
        "la",
        "tarde",
        "café",
        "cerca",
        "del",
        "río",
        "завтра",
        "утром",
        "у",
        "моста",
        "今日は",
        "東京駅",
        "で",
        "会おう",
    ];
    let mut seed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut words = Vec::new();
    for _ in 0..6 + number % 9 {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        words.push(WORDS[(seed % 32) as usize]);
    }
    format!("{} {number}", words.join(" "))
}
