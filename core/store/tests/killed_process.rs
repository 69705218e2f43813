//! A process that is killed while it writes loses nothing that it was told is committed, and leaves no half of anything.
//!
//! An unwrap that fails here is the test failing.
#![allow(clippy::unwrap_used)]

use sealwire_store::{
    Location, MessageKind, MessageState, NewMessage, NewOutboxEntry, Store, StoreError, StoreKey,
    ThreadKind,
};
use sealwire_wire::content::Uid;
use sealwire_wire::{ClientSeq, DeviceId, ThreadId, Timestamp, UserId};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Where the child writes; without it, the child's part of this file does nothing.
const STORE_PATH: &str = "SEALWIRE_KILLED_STORE";

fn open(path: PathBuf) -> Store {
    Store::open(
        &Location::File(path),
        &StoreKey::new([1; 32], [2; 16]),
        None,
    )
    .unwrap()
}

fn alice() -> UserId {
    "alice".parse().unwrap()
}

fn thread() -> ThreadId {
    ThreadId::direct(&alice(), &"bob".parse().unwrap())
}

/// What a send commits at once: its number, the ratchet's step, the message, the outbox entry.
fn send(store: &mut Store, session: Option<u64>) -> Result<(ClientSeq, u64), StoreError> {
    store.transaction(|tx| {
        let client_seq = tx.take_client_seq(thread())?;
        let step = format!("step {}", client_seq.0);
        let version = tx.save_session(&alice(), DeviceId::FIRST, session, step.as_bytes())?;
        let mut uid = [0; 16];
        uid[..8].copy_from_slice(&client_seq.0.to_be_bytes());
        let message = NewMessage {
            thread: thread(),
            sender: alice(),
            sender_device: DeviceId::FIRST,
            client_seq,
            revision: 0,
            message_id: None,
            uid: Some(Uid(uid)),
            kind: MessageKind::Text,
            state: MessageState::Pending,
            reason: None,
            content: None,
            text: Some("words to send".to_owned()),
            commitment: None,
            stamp: None,
            digest: None,
            prev: None,
            created_at: None,
            local_at: Timestamp(client_seq.0),
        };
        let local_id = tx.insert_message(&message)?.local_id();
        tx.enqueue(&NewOutboxEntry {
            local_id,
            thread: thread(),
            client_seq,
            idempotency_key: format!("key-{}", client_seq.0).parse().unwrap(),
            next_attempt_at: Timestamp(0),
            waits_since: Timestamp(1),
            body: b"words to send".to_vec().into(),
        })?;
        Ok((client_seq, version))
    })
}

#[test]
fn the_child_writes_until_it_is_killed() {
    let Some(path) = std::env::var_os(STORE_PATH) else {
        return;
    };
    let mut store = open(path.into());
    store
        .transaction(|tx| tx.ensure_thread(thread(), ThreadKind::Direct, None, Timestamp(1)))
        .unwrap();
    let mut session = store
        .session(&alice(), DeviceId::FIRST)
        .unwrap()
        .map(|held| held.version);
    let mut out = std::io::stdout();
    loop {
        let (client_seq, version) = send(&mut store, session).unwrap();
        session = Some(version);
        writeln!(out, "\ncommitted {}", client_seq.0).unwrap();
        out.flush().unwrap();
    }
}

#[test]
fn what_was_committed_before_a_kill_is_there_after_it_whole_and_once() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("alice.store");
    let mut last = 0;
    for kill_after in [1, 3, 17, 40, 2] {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "the_child_writes_until_it_is_killed",
                "--nocapture",
            ])
            .env(STORE_PATH, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // Read from until the kill: a closed pipe would end the child before it.
        let mut committed = lines
            .map(Result::unwrap)
            .filter_map(|line| line.strip_prefix("committed ")?.parse().ok());
        let told: u64 = committed.by_ref().take(kill_after).last().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();

        let store = open(path.clone());
        store.check().unwrap();
        let messages = store.count_messages(None).unwrap();
        assert!(
            messages >= told && told >= last + kill_after as u64,
            "{messages} {told}"
        );
        assert_eq!(store.count_unsent().unwrap(), messages);
        assert_eq!(
            store.thread(thread()).unwrap().unwrap().next_client_seq,
            ClientSeq(messages + 1)
        );
        let step = store
            .session(&alice(), DeviceId::FIRST)
            .unwrap()
            .unwrap()
            .record;
        assert_eq!(step.as_slice(), format!("step {messages}").as_bytes());
        assert_eq!(
            store.search("words", None, None, u32::MAX).unwrap().len() as u64,
            messages
        );
        last = messages;
    }
}
