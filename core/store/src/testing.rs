//! What the tests of this crate build their stores and rows with.

use crate::*;
use sealwire_wire::content::Uid;
use sealwire_wire::{ClientSeq, DeviceId, ThreadId, Timestamp, UserId};

pub(crate) fn user(text: &str) -> UserId {
    text.parse().unwrap()
}

pub(crate) fn device(number: u32) -> DeviceId {
    DeviceId::new(number).unwrap()
}

pub(crate) fn key() -> StoreKey {
    StoreKey::new([7; 32], [9; 16])
}

pub(crate) fn memory() -> Store {
    Store::open(&Location::Memory, &key(), None).unwrap()
}

pub(crate) fn thread() -> ThreadId {
    ThreadId::direct(&user("alice"), &user("bob"))
}

/// A store that has the thread of alice and bob.
pub(crate) fn with_thread() -> Store {
    let mut store = memory();
    add_thread(&mut store);
    store
}

pub(crate) fn add_thread(store: &mut Store) {
    write(store, |tx| {
        tx.ensure_thread(
            thread(),
            ThreadKind::Direct,
            Some(&user("bob")),
            Timestamp(1),
        )
    });
}

/// The store belongs to this user's first device.
pub(crate) fn account(store: &mut Store, name: &str) {
    let account = Account {
        user_id: user(name),
        device_id: device(1),
        registration_id: 7,
        identity_secret: [1; 32].into(),
        account_secret: None,
        relay_origin: "https://relay.test".to_owned(),
        state: AccountState::Registered,
    };
    write(store, |tx| tx.save_account(&account));
}

/// A transaction that is to end well.
pub(crate) fn write<T>(
    store: &mut Store,
    work: impl FnOnce(&mut Transaction<'_>) -> Result<T, StoreError>,
) -> T {
    store.transaction(work).unwrap()
}

/// A KEM prekey whose secret is made of its id.
pub(crate) fn kem_prekey(id: u32, last_resort: bool) -> KemPrekeyRow {
    KemPrekeyRow {
        id,
        seed: vec![id as u8; 64].into(),
        signature: [3; 64],
        last_resort,
        created_at: Timestamp(9),
    }
}

/// Bob's text with this number, read.
pub(crate) fn text(client_seq: u64, text: &str) -> NewMessage {
    let mut uid = [0xb0; 16];
    uid[8..].copy_from_slice(&client_seq.to_be_bytes());
    NewMessage {
        thread: thread(),
        sender: user("bob"),
        sender_device: device(1),
        client_seq: ClientSeq(client_seq),
        revision: 0,
        message_id: Some(sealwire_wire::MessageId::from_parts(
            client_seq.saturating_add(1_000),
            5,
        )),
        uid: Some(Uid(uid)),
        kind: MessageKind::Text,
        state: MessageState::Received,
        reason: None,
        content: Some(text.as_bytes().to_vec().into()),
        text: Some(text.to_owned()),
        commitment: Some([1; 32]),
        stamp: None,
        digest: Some([client_seq as u8; 32]),
        prev: None,
        created_at: Some(Timestamp(client_seq.saturating_add(1_000))),
        local_at: Timestamp(client_seq.saturating_add(2_000)),
    }
}

/// Alice's own text with this number, not sent yet.
pub(crate) fn pending(client_seq: u64, words: &str) -> NewMessage {
    NewMessage {
        sender: user("alice"),
        message_id: None,
        created_at: None,
        digest: None,
        commitment: None,
        content: None,
        state: MessageState::Pending,
        ..text(client_seq, words)
    }
}

/// Tables that grow with what people write.
const GROWING: [&str; 11] = [
    "messages",
    "m",
    "threads",
    "sessions",
    "skipped_keys",
    "used_base_keys",
    "device_lists",
    "send_log",
    "marks",
    "mark_moves",
    "unreached",
];

/// Every statement that any test runs goes by an index: reading a growing table from end to end, or sorting it, fails the test.
pub(crate) fn refuse_full_scan(connection: &rusqlite::Connection, sql: &str) {
    // On a file that a test damaged, the statement itself fails next.
    let Ok(mut explain) = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")) else {
        return;
    };
    let mut steps = explain.raw_query();
    while let Ok(Some(step)) = steps.next() {
        let step: String = step.get(3).unwrap();
        let table = step
            .strip_prefix("SCAN ")
            .and_then(|rest| rest.split(' ').next());
        let scans =
            table.is_some_and(|table| GROWING.contains(&table)) && !step.contains("COVERING INDEX");
        // It is asked at every input for what may go next, and may hold what was written in weeks without a network.
        let reads_outbox = table == Some("outbox")
            && !["UPDATE", "DELETE"]
                .iter()
                .any(|word| sql.starts_with(word))
            && !sql.contains("count(*)");
        assert!(!reads_outbox, "{step}: {sql}");
        let sorts = step.contains("TEMP B-TREE") && !sql.contains("FROM outbox");
        // Each thread is to be read again: each is looked at.
        let every_thread = sql.contains("INTO resyncs");
        assert!((!scans || every_thread) && !sorts, "{step}: {sql}");
    }
}

#[test]
#[should_panic(expected = "SCAN m")]
fn a_statement_that_reads_every_message_is_refused() {
    refuse_full_scan(
        &memory().connection,
        "SELECT * FROM messages m WHERE text = 'words'",
    );
}

#[test]
#[should_panic(expected = "TEMP B-TREE")]
fn a_statement_that_sorts_messages_is_refused() {
    refuse_full_scan(
        &memory().connection,
        "SELECT * FROM messages m WHERE thread_id = ?1 ORDER BY text",
    );
}
