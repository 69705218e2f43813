//! What every engine must do, step by step, below the rules: the same suite runs against each.

use super::memory::Memory;
use super::sqlite::{Sqlite, SqliteOptions, Threading};
use super::*;
use sealwire_wire::contract::{
    DeviceEnvelope, DeviceName, EnvelopeType, MessageKind, MessageRow, PrekeyUpload, PublicPrekey,
    PublicSignedPrekey, ServerEvent, SignedList, Stamp, ThreadKind,
};
use sealwire_wire::{
    Base64, Bytes32, ClientSeq, DeviceId, IdempotencyKey, MessageId, ThreadId, Timestamp, UserId,
};
use std::collections::BTreeSet;
use std::task::{Context, Poll, Waker};

const NOW: Timestamp = Timestamp(1_000_000);
const LATER: Timestamp = Timestamp(2_000_000);

fn on_every_engine(story: impl Fn(&dyn Storage)) {
    let folder = tempfile::TempDir::new().unwrap();
    let options = SqliteOptions {
        threading: Threading::Inline,
        ..SqliteOptions::default()
    };
    story(&Sqlite::open_with(folder.path(), options).unwrap());
    for seed in 0..3 {
        story(&Memory::seeded(seed));
    }
}

/// Both engines are done when their future is made: no executor is needed at all.
fn done<T>(mut step: Pending<'_, T>) -> T {
    match step.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer.unwrap(),
        Poll::Pending => panic!("an inline step waited"),
    }
}

fn user(name: &str) -> UserId {
    name.parse().unwrap()
}

fn name(of: &str, device: u32) -> DeviceName {
    DeviceName {
        user_id: user(of),
        device_id: DeviceId::new(device).unwrap(),
    }
}

fn key(text: &str) -> IdempotencyKey {
    text.parse().unwrap()
}

fn device(id: u32, state: DeviceState) -> DeviceRecord {
    DeviceRecord {
        device_id: DeviceId::new(id).unwrap(),
        registration_id: id + 100,
        identity_key: [id as u8; 33],
        registered_by: [id as u8; 32],
        registered_at: NOW,
        state,
    }
}

fn list(version: u64) -> ListRecord {
    ListRecord {
        version,
        hash: [version as u8; 32],
        signed: SignedList {
            payload: Base64(vec![version as u8; 9]),
            account_signature: Base64(vec![1; 64]),
            signer_device_id: DeviceId::FIRST,
            signer_signature: Base64(vec![2; 64]),
        },
    }
}

fn prekeys(signed: u32, one_time: std::ops::RangeInclusive<u32>) -> PrekeyUpload {
    PrekeyUpload {
        signed_prekey: Some(PublicSignedPrekey {
            id: signed,
            key: Base64(vec![signed as u8; 33]),
            signature: Base64(vec![9; 64]),
        }),
        one_time_prekeys: one_time
            .map(|id| PublicPrekey {
                id,
                key: Base64(vec![id as u8; 33]),
            })
            .collect(),
    }
}

fn open(storage: &dyn Storage, of: &str) {
    let step = OpenAccount {
        user_id: user(of),
        device: device(1, DeviceState::Live),
        list: list(1),
        prekeys: prekeys(1, 1..=2),
    };
    assert_eq!(done(storage.open_account(step)), Opened::Opened);
}

fn admit(of: &str, id: u32, nonce: u8) -> AdmitDevice {
    AdmitDevice {
        user_id: user(of),
        device: device(id, DeviceState::Registered),
        nonce: [nonce; 16],
        prekeys: prekeys(1, 1..=1),
    }
}

fn append(of: &str, version: u64, holds: &[u32]) -> AppendList {
    AppendList {
        user_id: user(of),
        prev_hash: [version as u8 - 1; 32],
        list: list(version),
        holds: holds.iter().map(|id| DeviceId::new(*id).unwrap()).collect(),
    }
}

fn thread(one: &str, other: &str) -> ThreadRecord {
    ThreadRecord {
        id: ThreadId::direct(&user(one), &user(other)),
        kind: ThreadKind::Direct,
        participants: vec![user(one), user(other)],
        created_at: NOW,
        last_id: None,
    }
}

/// A message of `from`'s device 1 to device 1 of `to`, its number and id the same.
fn message(from: &str, to: &str, number: u64) -> AcceptMessage {
    AcceptMessage {
        row: MessageRow {
            id: MessageId::from_u128(number.into()),
            thread_id: ThreadId::direct(&user(from), &user(to)),
            sender_id: user(from),
            sender_device_id: DeviceId::FIRST,
            client_seq: ClientSeq(number),
            revision: 0,
            kind: MessageKind::Message,
            target_msg_id: None,
            ttl_seconds: Some(7),
            ciphertext: Base64(vec![number as u8; 3]),
            commitment: Bytes32([4; 32]),
            stamp: Stamp {
                key_id: 1,
                mac: Bytes32([5; 32]),
            },
            created_at: NOW,
            envelope: None,
        },
        fingerprint: [number as u8; 32],
        envelopes: vec![DeviceEnvelope {
            user_id: user(to),
            device_id: DeviceId::FIRST,
            registration_id: 101,
            kind: EnvelopeType::Ratchet,
            body: Base64(vec![number as u8; 4]),
        }],
        key: key(&format!("{from}-{to}-{number}")),
        key_expires_at: LATER,
    }
}

fn source(step: &AcceptMessage) -> QueueSource {
    QueueSource::Message {
        thread_id: step.row.thread_id,
        id: step.row.id,
    }
}

fn queued(storage: &dyn Storage, device: &DeviceName) -> Vec<MessageId> {
    done(storage.queue_after(device.clone(), 0, 1_000))
        .into_iter()
        .filter_map(|entry| match entry.event {
            ServerEvent::Msg { message } => Some(message.id),
            _ => None,
        })
        .collect()
}

#[test]
fn an_account_is_made_once_and_comes_back_as_it_went_in() {
    on_every_engine(|storage| {
        assert_eq!(done(storage.account(user("alice"))), None);
        assert_eq!(done(storage.reserve_device_id(user("alice"))), None);
        open(storage, "alice");
        let again = OpenAccount {
            user_id: user("alice"),
            device: device(1, DeviceState::Live),
            list: list(1),
            prekeys: prekeys(7, 7..=7),
        };
        assert_eq!(done(storage.open_account(again)), Opened::Exists);
        let expected = Account {
            next_device_id: 2,
            devices: vec![device(1, DeviceState::Live)],
            list: list(1),
        };
        assert_eq!(done(storage.account(user("alice"))), Some(expected));
        assert_eq!(
            done(storage.prekey_count(name("alice", 1)))
                .unwrap()
                .signed_prekey_id,
            1
        );
    });
}

#[test]
fn a_grant_is_spent_with_its_device_or_not_at_all() {
    on_every_engine(|storage| {
        open(storage, "alice");
        assert_eq!(
            done(storage.admit_device(admit("alice", 2, 1))),
            Admitted::NotReserved
        );
        assert_eq!(
            done(storage.admit_device(admit("nobody", 1, 1))),
            Admitted::NotReserved
        );
        done(storage.reserve_device_id(user("alice")));
        done(storage.reserve_device_id(user("alice")));
        assert_eq!(
            done(storage.admit_device(admit("alice", 2, 1))),
            Admitted::Admitted
        );
        let repeated = Admitted::Repeated(DeviceState::Registered);
        assert_eq!(done(storage.admit_device(admit("alice", 2, 1))), repeated);
        assert_eq!(
            done(storage.admit_device(admit("alice", 3, 1))),
            Admitted::GrantUsed
        );
        let mut other = admit("alice", 2, 2);
        other.device.registered_by = [77; 32];
        assert_eq!(done(storage.admit_device(other)), Admitted::IdTaken);
        // The refused ones spent nothing.
        assert_eq!(
            done(storage.admit_device(admit("alice", 3, 2))),
            Admitted::Admitted
        );
    });
}

#[test]
fn a_list_is_appended_by_compare_and_set_and_moves_its_devices() {
    on_every_engine(|storage| {
        open(storage, "alice");
        done(storage.reserve_device_id(user("alice")));
        assert_eq!(
            done(storage.append_list(append("nobody", 2, &[1]))),
            Appended::Conflict
        );
        let unregistered = Appended::NotRegistered(DeviceId::new(2).unwrap());
        assert_eq!(
            done(storage.append_list(append("alice", 2, &[1, 2]))),
            unregistered
        );
        done(storage.admit_device(admit("alice", 2, 1)));
        let mut fork = append("alice", 2, &[1, 2]);
        fork.prev_hash = [99; 32];
        assert_eq!(done(storage.append_list(fork)), Appended::Conflict);
        assert_eq!(
            done(storage.append_list(append("alice", 3, &[1, 2]))),
            Appended::Conflict
        );
        assert_eq!(
            done(storage.append_list(append("alice", 2, &[1, 2]))),
            Appended::Appended
        );
        assert_eq!(
            done(storage.append_list(append("alice", 2, &[1, 2]))),
            Appended::Conflict
        );
        assert_eq!(
            done(storage.append_list(append("alice", 3, &[2]))),
            Appended::Appended
        );
        let states: Vec<_> = done(storage.account(user("alice")))
            .unwrap()
            .devices
            .iter()
            .map(|device| device.state)
            .collect();
        assert_eq!(states, [DeviceState::Removed, DeviceState::Live]);
        let removed = Appended::NotRegistered(DeviceId::FIRST);
        assert_eq!(
            done(storage.append_list(append("alice", 4, &[1, 2]))),
            removed
        );
        assert_eq!(
            done(storage.lists_after(user("alice"), 1, 100)),
            [list(2), list(3)]
        );
        assert_eq!(
            done(storage.lists_after(user("alice"), 0, 2)),
            [list(1), list(2)]
        );
        assert!(done(storage.lists_after(user("alice"), u64::MAX, 2)).is_empty());
    });
}

#[test]
fn prekeys_are_stored_whole_or_not_and_taken_once() {
    on_every_engine(|storage| {
        open(storage, "alice");
        let alice = name("alice", 1);
        let store = |upload, max| done(storage.store_prekeys(alice.clone(), upload, max));
        let unregistered = storage.store_prekeys(name("alice", 2), prekeys(1, 1..=1), 10);
        assert_eq!(done(unregistered), PrekeysStored::NoDevice);
        let mut clash = prekeys(2, 3..=5);
        clash.one_time_prekeys[2] = PublicPrekey {
            id: 1,
            key: Base64(vec![66; 33]),
        };
        assert_eq!(store(clash, 10), PrekeysStored::Conflict(1));
        assert_eq!(store(prekeys(2, 3..=11), 10), PrekeysStored::TooMany);
        let count = done(storage.prekey_count(alice.clone())).unwrap();
        assert_eq!((count.one_time_prekeys, count.signed_prekey_id), (2, 1));
        assert_eq!(store(prekeys(2, 1..=3), 3), PrekeysStored::Stored);
        let taken: Vec<_> = (0..4)
            .map(|_| {
                done(storage.take_prekeys(alice.clone()))
                    .unwrap()
                    .one_time
                    .map(|key| key.id)
            })
            .collect();
        assert_eq!(taken, [Some(1), Some(2), Some(3), None]);
        assert_eq!(store(prekeys(2, 1..=3), 3), PrekeysStored::Stored);
        assert_eq!(done(storage.take_prekeys(alice)).unwrap().one_time, None);
        assert_eq!(done(storage.take_prekeys(name("bob", 1))), None);
    });
}

#[test]
fn a_message_is_accepted_once_above_every_other() {
    on_every_engine(|storage| {
        assert_eq!(
            done(storage.accept_message(message("alice", "bob", 5))),
            Accepted::NoThread
        );
        assert!(done(storage.create_thread(thread("alice", "bob"))));
        assert!(!done(storage.create_thread(thread("alice", "bob"))));
        let step = message("alice", "bob", 5);
        assert_eq!(
            done(storage.earlier_send(step.name(), step.key.clone(), NOW)),
            None
        );
        assert_eq!(
            done(storage.accept_message(step.clone())),
            Accepted::Accepted
        );
        let Accepted::Earlier(earlier) = done(storage.accept_message(step.clone())) else {
            panic!("accepted twice")
        };
        assert_eq!(
            (earlier.fingerprint, earlier.answer.id),
            ([5; 32], step.row.id)
        );
        assert_eq!(
            done(storage.earlier_send(step.name(), key("another"), NOW)),
            Some(Accepted::Earlier(earlier))
        );
        for passed in [4, 5] {
            let mut late = message("alice", "bob", 6);
            late.row.id = MessageId::from_u128(passed);
            assert_eq!(
                done(storage.accept_message(late)),
                Accepted::IdPassed(step.row.id)
            );
        }
        assert_eq!(
            done(storage.thread(step.row.thread_id)).unwrap().last_id,
            Some(step.row.id)
        );
        // A number beyond i64 is a number like any other.
        let mut largest = message("alice", "bob", 7);
        largest.row.client_seq = ClientSeq(u64::MAX);
        assert_eq!(
            done(storage.accept_message(largest.clone())),
            Accepted::Accepted
        );
        assert!(matches!(
            done(storage.accept_message(largest)),
            Accepted::Earlier(_)
        ));
    });
}

#[test]
fn a_key_belongs_to_one_number_until_it_expires() {
    on_every_engine(|storage| {
        done(storage.create_thread(thread("alice", "bob")));
        let first = message("alice", "bob", 1);
        done(storage.accept_message(first.clone()));
        let mut second = message("alice", "bob", 2);
        second.key = first.key.clone();
        assert_eq!(
            done(storage.accept_message(second.clone())),
            Accepted::KeyReused
        );
        let asked = |at| done(storage.earlier_send(second.name(), first.key.clone(), at));
        assert_eq!(asked(NOW), Some(Accepted::KeyReused));
        assert_eq!(asked(LATER), None);
        // Another device may use the same text.
        let mut of_bob = message("bob", "alice", 3);
        of_bob.key = first.key.clone();
        assert_eq!(done(storage.accept_message(of_bob)), Accepted::Accepted);
        // A further key of the first number.
        done(storage.keep_key(first.name(), key("further"), LATER));
        second.key = key("further");
        assert_eq!(done(storage.accept_message(second)), Accepted::KeyReused);
    });
}

#[test]
fn a_row_comes_back_as_it_went_in_with_the_readers_envelope() {
    on_every_engine(|storage| {
        done(storage.create_thread(thread("alice", "bob")));
        let mut step = message("alice", "bob", 1);
        step.row.kind = MessageKind::Reaction;
        step.row.target_msg_id = Some(MessageId::from_u128(77));
        done(storage.accept_message(step.clone()));
        let (thread, id) = (step.row.thread_id, step.row.id);
        assert_eq!(done(storage.threads_of_message(id)), [thread]);
        assert_eq!(
            done(storage.message(thread, id, name("alice", 1))),
            Some(step.row.clone())
        );
        let bobs = done(storage.message(thread, id, name("bob", 1))).unwrap();
        assert_eq!(bobs.envelope.unwrap().body, step.envelopes[0].body);
        assert_eq!(
            done(storage.message(thread, MessageId::from_u128(2), name("bob", 1))),
            None
        );
    });
}

#[test]
fn pages_are_by_id_and_by_change() {
    on_every_engine(|storage| {
        done(storage.create_thread(thread("alice", "bob")));
        for number in 1..=5 {
            done(storage.accept_message(message("alice", "bob", number)));
        }
        let (thread, reader) = (thread("alice", "bob").id, name("bob", 1));
        let ids =
            |rows: Vec<MessageRow>| rows.iter().map(|row| row.id.as_u128()).collect::<Vec<_>>();
        assert_eq!(
            ids(done(storage.messages_before(
                thread,
                None,
                2,
                reader.clone()
            ))),
            [5, 4]
        );
        let before = Some(MessageId::from_u128(4));
        assert_eq!(
            ids(done(storage.messages_before(
                thread,
                before,
                9,
                reader.clone()
            ))),
            [3, 2, 1]
        );
        let changed = done(storage.messages_changed(thread, 0, 2, reader.clone()));
        let last = changed.last().unwrap().0;
        assert_eq!(
            ids(changed.into_iter().map(|(_, row)| row).collect()),
            [1, 2]
        );
        let rest = done(storage.messages_changed(thread, last, 9, reader));
        assert!(rest.is_sorted_by_key(|(change, _)| *change));
        assert_eq!(
            ids(rest.into_iter().map(|(_, row)| row).collect()),
            [3, 4, 5]
        );
    });
}

#[test]
fn queue_entries_derive_once_in_the_threads_order_whoever_comes_first() {
    on_every_engine(|storage| {
        open(storage, "bob");
        done(storage.create_thread(thread("alice", "bob")));
        let steps: Vec<_> = (1..=3)
            .map(|number| message("alice", "bob", number))
            .collect();
        for step in &steps {
            done(storage.accept_message(step.clone()));
        }
        let bob = name("bob", 1);
        assert_eq!(done(storage.not_yet_queued()).len(), 3);
        // The second is derived first, and takes the one before it along.
        assert_eq!(
            done(storage.queue(source(&steps[1]), NOW)),
            std::slice::from_ref(&bob)
        );
        assert!(done(storage.queue(source(&steps[0]), NOW)).is_empty());
        assert!(done(storage.queue(source(&steps[1]), NOW)).is_empty());
        assert_eq!(done(storage.not_yet_queued()), [source(&steps[2])]);
        done(storage.queue(source(&steps[2]), NOW));
        assert_eq!(
            queued(storage, &bob),
            steps.iter().map(|step| step.row.id).collect::<Vec<_>>()
        );
        assert_eq!(done(storage.queue_length(bob.clone())), 3);
        // What was acknowledged does not come back by deriving again.
        let first = done(storage.queue_after(bob.clone(), 0, 1))
            .remove(0)
            .position;
        done(storage.acknowledge(bob.clone(), vec![first, 1_000_000]));
        done(storage.queue(source(&steps[0]), NOW));
        assert_eq!(queued(storage, &bob), [steps[1].row.id, steps[2].row.id]);
        let row = done(storage.message(steps[0].row.thread_id, steps[0].row.id, bob)).unwrap();
        assert_eq!(row.envelope, None);
    });
}

#[test]
fn an_envelope_of_a_device_that_is_gone_is_dropped_and_not_queued() {
    on_every_engine(|storage| {
        done(storage.create_thread(thread("alice", "bob")));
        let step = message("alice", "bob", 1);
        done(storage.accept_message(step.clone()));
        assert!(done(storage.queue(source(&step), NOW)).is_empty());
        let row = done(storage.message(step.row.thread_id, step.row.id, name("bob", 1))).unwrap();
        assert_eq!(row.envelope, None);
    });
}

#[test]
fn reading_on_after_a_position_misses_nothing_that_comes_meanwhile() {
    on_every_engine(|storage| {
        open(storage, "bob");
        let bob = name("bob", 1);
        for from in ["alice", "carol", "dave"] {
            done(storage.create_thread(thread(from, "bob")));
        }
        let (mut after, mut seen) = (0, BTreeSet::new());
        for number in 1..=20 {
            for from in ["alice", "carol", "dave"] {
                let step = message(from, "bob", number);
                done(storage.accept_message(step.clone()));
                done(storage.queue(source(&step), NOW));
            }
            for entry in done(storage.queue_after(bob.clone(), after, 2)) {
                assert!(entry.position > after);
                after = entry.position;
                seen.insert(after);
            }
        }
        seen.extend(
            done(storage.queue_after(bob.clone(), after, 1_000))
                .iter()
                .map(|entry| entry.position),
        );
        assert_eq!(seen.len(), 60);
    });
}

#[test]
fn the_engine_that_shuffles_shuffles() {
    let orders: BTreeSet<Vec<u128>> = (0..8)
        .map(|seed| {
            let storage = Memory::seeded(seed);
            open(&storage, "bob");
            for from in ["alice", "carol"] {
                done(storage.create_thread(thread(from, "bob")));
            }
            for number in 1..=6 {
                let from = if number % 2 == 0 { "alice" } else { "carol" };
                let step = message(from, "bob", number);
                done(storage.accept_message(step.clone()));
                done(storage.queue(source(&step), NOW));
            }
            queued(&storage, &name("bob", 1))
                .into_iter()
                .map(MessageId::as_u128)
                .collect()
        })
        .collect();
    assert!(orders.len() > 1);
}

#[test]
fn a_nonce_is_spent_once_and_secrets_stay() {
    on_every_engine(|storage| {
        assert!(done(storage.spend_nonce([1; 32], LATER)));
        assert!(!done(storage.spend_nonce([1; 32], LATER)));
        assert_eq!(done(storage.secret("one".to_owned(), [1; 32])), [1; 32]);
        assert_eq!(done(storage.secret("one".to_owned(), [2; 32])), [1; 32]);
        assert_eq!(done(storage.secret("two".to_owned(), [2; 32])), [2; 32]);
    });
}
