//! Restarts, crashes between two steps, and a full disk.

use super::World;
use super::world::{key, run};
use crate::service::{HistoryQuery, Publisher};
use crate::storage::sqlite::{OpenError, Sqlite, SqliteOptions, Threading};
use crate::storage::{AcceptMessage, Accepted};
use sealwire_wire::contract::{ErrorCode, MessageRow, ServerEvent, Stamp};
use sealwire_wire::{Base64, Bytes32, MessageId, ThreadId, Timestamp};
use tempfile::TempDir;

const INLINE: SqliteOptions = SqliteOptions {
    threading: Threading::Inline,
    max_page_count: None,
};

#[test]
fn everything_is_there_after_a_restart_and_ids_go_on_rising() {
    let world = World::threaded();
    let mut alice = world.open_account("alice");
    let bob = world.open_account("bob");
    world.link(&mut alice);
    let before = world.say(&alice.name(1), &bob.user, 1, "before");
    let first_page = run(world.service.history(
        &bob.name(1),
        ThreadId::direct(&alice.user, &bob.user),
        &HistoryQuery::Changed { since: None },
        None,
    ))
    .unwrap();
    let challenge = world.token_request(&mut alice, 2);

    let world = world.restarted(SqliteOptions::default());
    world.step_back_ms(3_600_000);
    let after = world.say(&alice.name(1), &bob.user, 2, "after");
    assert!(after > before);
    // Cursors, nonces and numbers hold across it.
    let since = HistoryQuery::Changed {
        since: first_page.next_cursor,
    };
    let page = run(world.service.history(
        &bob.name(1),
        ThreadId::direct(&alice.user, &bob.user),
        &since,
        None,
    ))
    .unwrap();
    assert_eq!(
        page.messages.iter().map(|row| row.id).collect::<Vec<_>>(),
        [after]
    );
    assert_eq!(
        run(world
            .service
            .answer_challenge(&challenge, super::world::ORIGIN))
        .unwrap(),
        alice.name(2)
    );
    assert_eq!(world.say(&alice.name(1), &bob.user, 1, "before"), before);
    assert_eq!(run(world.service.queue_length(&bob.name(1))).unwrap(), 2);
}

#[test]
fn the_relays_keys_are_the_same_after_a_restart_and_differ_from_each_other() {
    let world = World::sqlite();
    let secret =
        |world: &World, name: &str| run(world.storage.secret(name.to_owned(), [0; 32])).unwrap();
    let (stamps, nonces) = ("franking 1", "nonces and cursors");
    let before = secret(&world, stamps);
    let world = world.restarted(INLINE);
    assert_eq!(secret(&world, stamps), before);
    assert_ne!(secret(&world, nonces), before);
    assert_ne!(before, [0; 32]);
}

#[test]
fn a_message_whose_end_cannot_be_written_takes_no_word_from_those_that_ended() {
    let world = World::sqlite();
    let (alice, bob) = (world.open_account("alice"), world.open_account("bob"));
    let thread = ThreadId::direct(&alice.user, &bob.user);
    for seq in 1..=3 {
        let mut message = world.message(&alice.name(1), &bob.user, seq, "soon gone");
        message.ttl_seconds = Some(60);
        let under = key(&seq.to_string());
        run(world.service.send(&alice.name(1), thread, &under, &message)).unwrap();
    }
    let path = world.folder.as_ref().unwrap().path().join("relay.db");
    rusqlite::Connection::open(path)
        .unwrap()
        .execute_batch(
            "CREATE TRIGGER broken BEFORE UPDATE ON message WHEN old.client_seq = 2
             BEGIN SELECT raise(ABORT, 'a bad page'); END",
        )
        .unwrap();
    world.pass_ms(60_000);
    let wake = run(world.service.expire_messages()).unwrap();
    let told = wake.live.iter().filter(|live| match &live.event {
        ServerEvent::Marks { marks } => !marks.failed.is_empty(),
        _ => false,
    });
    assert_eq!(told.count(), 2);
    run(world.service.expire_messages()).unwrap_err();
}

#[test]
fn a_crash_between_row_and_queue_is_mended_at_the_next_start() {
    let world = World::sqlite();
    let (alice, bob) = (world.open_account("alice"), world.open_account("bob"));
    world.say(&alice.name(1), &bob.user, 1, "whole");
    let thread = ThreadId::direct(&alice.user, &bob.user);
    let message = world.message(&alice.name(1), &bob.user, 2, "cut");
    let cut = AcceptMessage {
        row: MessageRow {
            id: MessageId::from_parts(1_900_000_000_000, 1),
            thread_id: thread,
            sender_id: alice.user.clone(),
            sender_device_id: alice.name(1).device_id,
            client_seq: message.client_seq,
            revision: 0,
            kind: message.kind,
            target_msg_id: None,
            ttl_seconds: None,
            ciphertext: Base64(b"cut".to_vec()),
            commitment: Bytes32([0; 32]),
            stamp: Stamp {
                key_id: 1,
                mac: Bytes32([0; 32]),
            },
            created_at: Timestamp(1_900_000_000_000),
            envelope: None,
            requeued_at: None,
            removed: None,
        },
        fingerprint: [0; 32],
        envelopes: message.envelopes,
        key: key("cut"),
        key_expires_at: Timestamp(u64::MAX >> 1),
    };
    let id = cut.row.id;
    assert_eq!(
        run(world.storage.accept_message(cut)).unwrap(),
        Accepted::Accepted
    );
    assert_eq!(run(world.service.queue_length(&bob.name(1))).unwrap(), 1);

    let world = world.restarted(INLINE);
    let entries = run(world
        .service
        .queue_page(&bob.name(1), Default::default(), 10))
    .unwrap()
    .entries;
    assert_eq!(super::queues::message_ids(&entries)[1], id);
    // Once, and in order before what follows.
    let world = world.restarted(INLINE);
    world.say(&alice.name(1), &bob.user, 3, "next");
    assert_eq!(run(world.service.queue_length(&bob.name(1))).unwrap(), 3);
}

#[test]
fn a_list_whose_entries_were_cut_is_announced_at_the_next_start() {
    let world = World::sqlite();
    let mut alice = world.open_account("alice");
    world.register_by_grant(&mut alice);
    let list = alice.list_with(&[2], &[]);
    let verified = alice
        .list
        .verify_next(&crate::service::public_data::list(&list))
        .unwrap();
    let step = crate::storage::AppendList {
        user_id: alice.user.clone(),
        prev_hash: verified.prev_hash,
        list: crate::storage::ListRecord {
            version: 2,
            hash: verified.hash,
            signed: list.clone(),
        },
        holds: vec![alice.name(1).device_id, alice.name(2).device_id],
    };
    run(world.storage.append_list(step)).unwrap();
    let world = world.restarted(INLINE);
    for device in [1, 2] {
        let entries = run(world
            .service
            .queue_page(&alice.name(device), Default::default(), 10))
        .unwrap()
        .entries;
        assert_eq!(entries.len(), 1);
        assert_eq!(
            entries[0].event,
            ServerEvent::Devices {
                user_id: alice.user.clone(),
                version: 2
            }
        );
    }
    run(world
        .service
        .publish_list(&Publisher::Device(alice.name(1)), &list))
    .unwrap();
    assert_eq!(run(world.service.queue_length(&alice.name(2))).unwrap(), 1);
}

#[test]
fn a_full_disk_refuses_a_send_stores_nothing_and_the_relay_lives_on() {
    for threading in [Threading::Inline, Threading::Threads] {
        let world = World::sqlite();
        let (alice, bob) = (world.open_account("alice"), world.open_account("bob"));
        world.say(&alice.name(1), &bob.user, 0, "before");
        let thread = ThreadId::direct(&alice.user, &bob.user);
        // The next pages that the database asks for are not there.
        let world = world.restarted(SqliteOptions {
            threading,
            max_page_count: Some(1),
        });
        let text = "x".repeat(60_000);
        let mut stored = 0;
        let refusal = loop {
            let message = world.message(&alice.name(1), &bob.user, 1 + stored, &text[..4_000]);
            let mut message = message;
            message.ciphertext = Base64(text.clone().into_bytes());
            let answer = run(world.service.send(
                &alice.name(1),
                thread,
                &key(&format!("f{stored}")),
                &message,
            ));
            match answer {
                Ok(_) => stored += 1,
                Err(refusal) => break refusal,
            }
            assert!(stored < 50, "the disk never filled");
        };
        assert_eq!(refusal.code(), ErrorCode::StorageFull);
        assert!(refusal.problem().retryable && refusal.problem().retry_after_ms.is_some());
        let query = HistoryQuery::Changed { since: None };
        let page = run(world.service.history(&bob.name(1), thread, &query, None)).unwrap();
        assert_eq!(
            page.messages.len() as u64,
            1 + stored,
            "reads go on, and nothing of the refused one is there"
        );

        // Room again: the same request goes through, once.
        let world = world.restarted(SqliteOptions {
            threading,
            max_page_count: None,
        });
        let mut message = world.message(&alice.name(1), &bob.user, 1 + stored, "x");
        message.ciphertext = Base64(text.clone().into_bytes());
        run(world
            .service
            .send(&alice.name(1), thread, &key("again"), &message))
        .unwrap();
        assert_eq!(
            run(world.service.queue_length(&bob.name(1))).unwrap(),
            2 + stored
        );
    }
}

#[test]
fn one_folder_is_served_by_one_relay() {
    let folder = TempDir::new().unwrap();
    let first = Sqlite::open(folder.path()).unwrap();
    assert!(matches!(Sqlite::open(folder.path()), Err(OpenError::InUse)));
    drop(first);
    Sqlite::open(folder.path()).unwrap();
}

#[cfg(unix)]
#[test]
fn only_the_relays_own_user_reads_its_database_whatever_the_folder_allows() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = TempDir::new().unwrap();
    let open_to_all = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder.path(), open_to_all).unwrap();
    let storage = Sqlite::open(folder.path()).unwrap();
    for file in ["relay.db", "relay.db-wal", "relay.db-shm"] {
        let mode = folder.path().join(file).metadata().unwrap().permissions();
        assert_eq!(mode.mode() & 0o077, 0, "{file}");
    }
    drop(storage);
}

#[test]
fn a_file_that_is_no_database_or_from_a_later_relay_is_not_touched() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("relay.db");
    std::fs::write(&path, vec![7; 10_000]).unwrap();
    assert!(matches!(
        Sqlite::open(folder.path()),
        Err(OpenError::Database(_))
    ));
    assert_eq!(std::fs::read(&path).unwrap(), vec![7; 10_000]);

    let folder = TempDir::new().unwrap();
    drop(Sqlite::open(folder.path()).unwrap());
    let later = rusqlite::Connection::open(folder.path().join("relay.db")).unwrap();
    later.pragma_update(None, "user_version", 99).unwrap();
    drop(later);
    assert!(matches!(
        Sqlite::open(folder.path()),
        Err(OpenError::Newer { found: 99, .. })
    ));
}

#[test]
fn a_file_whose_tables_another_build_made_is_refused_at_once_and_not_by_a_request() {
    let folder = TempDir::new().unwrap();
    drop(Sqlite::open(folder.path()).unwrap());
    drop(Sqlite::open(folder.path()).unwrap());
    let other = rusqlite::Connection::open(folder.path().join("relay.db")).unwrap();
    other
        .execute_batch("ALTER TABLE thread_preference ADD COLUMN set_by INTEGER")
        .unwrap();
    drop(other);
    assert!(matches!(
        Sqlite::open(folder.path()),
        Err(OpenError::OtherTables)
    ));
}
