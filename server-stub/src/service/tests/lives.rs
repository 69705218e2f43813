//! Everything that has a life is gone after it.

use super::World;
use super::world::{key, run};
use crate::storage::AcceptControl;
use sealwire_wire::contract::{
    CreateAttachment, DeviceEnvelope, EnvelopeType, MailboxSlot, SendControl, ServerEvent,
};
use sealwire_wire::{Base64, ClientSeq, MessageId, ThreadId, Timestamp};

const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = 24 * 60 * MINUTE_MS;

/// How many rows the tables have.
fn rows(world: &World, tables: &[&str]) -> Vec<i64> {
    let path = world.folder.as_ref().unwrap().path().join("relay.db");
    let db = rusqlite::Connection::open(path).unwrap();
    let count = |table: &&str| {
        let sql = format!("SELECT count(*) FROM {table}");
        db.query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    tables.iter().map(count).collect()
}

fn swept(world: &World) {
    run(world.service.sweep()).unwrap();
    run(world.service.expire_messages()).unwrap();
}

#[test]
fn every_life_has_its_sweeper() {
    let world = World::sqlite();
    let (mut alice, bob) = (world.open_account("alice"), world.open_account("bob"));
    let thread = ThreadId::direct(&alice.user, &bob.user);
    let (mailboxes, nonces, answers, queues, attachments) = (
        ["mailbox", "mailbox_slot"],
        ["spent_nonce"],
        ["recent_key"],
        ["envelope", "control"],
        ["attachment"],
    );
    let mailbox = run(world.service.create_mailbox()).unwrap().id;
    let slot = MailboxSlot {
        data: Base64(vec![1]),
    };
    run(world.service.put_slot(&mailbox, 0, &slot)).unwrap();
    let proof = world.token_request(&mut alice, 1);
    run(world.service.answer_challenge(&proof, super::world::ORIGIN)).unwrap();
    let file = CreateAttachment { size: 5 };
    run(world.service.create_attachment(&alice.name(1), &file)).unwrap();
    world.say(&alice.name(1), &bob.user, 1, "x");
    let control = SendControl {
        to: vec![envelope(&bob)],
    };
    run(world
        .service
        .send_control(&alice.name(1), &key("c"), &control))
    .unwrap();
    let mut short = world.message(&alice.name(1), &bob.user, 2, "short");
    short.ttl_seconds = Some(60);
    let short = run(world
        .service
        .send(&alice.name(1), thread, &key("s"), &short))
    .unwrap()
    .answer;

    run(world
        .service
        .void_send(&alice.name(1), thread, ClientSeq(9)))
    .unwrap();

    swept(&world);
    assert_eq!(rows(&world, &mailboxes), [1, 1]);
    world.pass_ms(MINUTE_MS + 1);
    swept(&world);
    assert_eq!(rows(&world, &nonces), [0]);
    let tombstone = run(world.service.message(&alice.name(1), short.id)).unwrap();
    assert!(tombstone.removed.is_some());
    world.pass_ms(10 * MINUTE_MS);
    swept(&world);
    assert_eq!(rows(&world, &mailboxes), [0, 0]);
    assert_eq!(rows(&world, &answers), [1]);
    // Those of one day go together, when it is over.
    world.pass_ms(2 * DAY_MS);
    swept(&world);
    assert_eq!(rows(&world, &answers), [0]);
    assert_eq!(rows(&world, &attachments), [1]);
    world.pass_ms(6 * DAY_MS);
    swept(&world);
    assert_eq!(rows(&world, &attachments), [0]);
    assert_eq!(rows(&world, &queues), [1, 1]);
    assert_eq!(rows(&world, &["void_send"]), [1]);
    world.pass_ms(45 * DAY_MS);
    swept(&world);
    assert_eq!(rows(&world, &queues), [0, 0]);
    assert_eq!(rows(&world, &["void_send"]), [0]);
    let page = run(world
        .service
        .queue_page(&bob.name(1), Default::default(), 100))
    .unwrap();
    let events: Vec<_> = page.entries.into_iter().map(|entry| entry.event).collect();
    assert_eq!(events, [ServerEvent::Resync {}]);
}

#[test]
fn a_control_message_cut_off_before_its_entries_is_queued_at_the_next_start_and_once() {
    let world = World::sqlite();
    let (alice, bob) = (world.open_account("alice"), world.open_account("bob"));
    let step = AcceptControl {
        id: MessageId::from_parts(world.clock_ms(), 1),
        sender: alice.name(1),
        envelopes: vec![envelope(&bob)],
        created_at: Timestamp(world.clock_ms()),
        key: key("c"),
        key_expires_at: Timestamp(world.clock_ms() + DAY_MS),
    };
    let id = step.id;
    run(world.storage.accept_control(step)).unwrap();
    assert_eq!(run(world.service.queue_length(&bob.name(1))).unwrap(), 0);
    let inline = crate::storage::sqlite::SqliteOptions {
        threading: crate::storage::sqlite::Threading::Inline,
        ..Default::default()
    };
    let world = world.restarted(inline).restarted(inline);
    assert_eq!(run(world.service.queue_length(&bob.name(1))).unwrap(), 1);
    let control = SendControl {
        to: vec![envelope(&bob)],
    };
    let again = run(world
        .service
        .send_control(&alice.name(1), &key("c"), &control))
    .unwrap();
    assert_eq!(again.answer.id, id);
    assert_eq!(run(world.service.queue_length(&bob.name(1))).unwrap(), 1);
}

fn envelope(to: &super::Account) -> DeviceEnvelope {
    DeviceEnvelope {
        user_id: to.user.clone(),
        device_id: to.name(1).device_id,
        registration_id: to.devices[&1].registration_id,
        kind: EnvelopeType::Ratchet,
        body: Base64(b"for you".to_vec()),
    }
}
