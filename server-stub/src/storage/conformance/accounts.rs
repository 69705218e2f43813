//! Accounts, prekeys, secrets.

use super::*;

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
fn a_disabled_device_has_nothing_left_and_stays_so_in_later_lists() {
    on_every_engine(|storage| {
        open(storage, "alice");
        open(storage, "bob");
        done(storage.create_thread(thread("alice", "bob")));
        let before = message("alice", "bob", 1);
        done(storage.accept_message(before.clone()));
        done(storage.queue(source(&before), NOW));
        let bob = name("bob", 1);
        done(storage.disable_device(bob.clone(), NOW));
        done(storage.disable_device(bob.clone(), LATER));
        done(storage.disable_device(name("nobody", 1), NOW));
        assert_eq!(done(storage.queue_length(bob.clone())), 0);
        assert_eq!(done(storage.take_prekeys(bob.clone())), None);
        let row = done(storage.message(before.row.thread_id, before.row.id, bob.clone()));
        assert_eq!(row.unwrap().envelope, None);
        // One that was wrapped for it nonetheless is not queued.
        let after = message("alice", "bob", 2);
        done(storage.accept_message(after.clone()));
        assert!(done(storage.queue(source(&after), NOW)).is_empty());
        // A list that still holds it changes nothing, and one without it removes it.
        done(storage.append_list(append("bob", 2, &[1])));
        let state = || done(storage.account(user("bob"))).unwrap().devices[0].clone();
        assert_eq!(
            (state().state, state().disabled_at, state().is_live()),
            (DeviceState::Live, Some(NOW), false)
        );
        let list = QueueSource::List {
            user_id: user("bob"),
            version: 2,
        };
        assert_eq!(done(storage.queue(list, NOW)), [name("alice", 1)]);
        done(storage.append_list(append("bob", 3, &[])));
        assert_eq!(state().state, DeviceState::Removed);
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
fn kem_prekeys_are_taken_once_and_then_the_last_resort_again_and_again() {
    on_every_engine(|storage| {
        open(storage, "alice");
        let alice = name("alice", 1);
        let store = |upload, max| done(storage.store_prekeys(alice.clone(), upload, max));
        let take = || {
            let taken = done(storage.take_prekeys(alice.clone())).unwrap();
            taken.kem.map(|kem| kem.id)
        };
        assert_eq!(take(), None, "it never uploaded one");
        assert_eq!(store(kem_prekeys(1, 2..=3), 2), PrekeysStored::Stored);
        assert_eq!(
            [take(), take(), take(), take()],
            [Some(2), Some(3), Some(1), Some(1)]
        );
        // Stored again they are not given out again, and the other last resort takes the first one's place for good.
        assert_eq!(store(kem_prekeys(4, 2..=3), 2), PrekeysStored::Stored);
        assert_eq!(store(kem_prekeys(1, 2..=3), 2), PrekeysStored::Stored);
        assert_eq!(take(), Some(4));
        let count = done(storage.prekey_count(alice.clone())).unwrap();
        assert_eq!(
            (count.one_time_kem_prekeys, count.last_resort_kem_prekey_id),
            (0, Some(4))
        );
        let repeated = done(storage.repeated_prekeys(alice.clone())).unwrap();
        assert_eq!(repeated.signed.id, 1);
        assert_eq!(
            repeated.last_resort_kem,
            kem_prekeys(4, 5..=5).last_resort_kem_prekey
        );
        done(storage.disable_device(alice.clone(), NOW));
        assert_eq!(done(storage.take_prekeys(alice.clone())), None);
    });
}

#[test]
fn kem_prekeys_are_stored_whole_or_not() {
    on_every_engine(|storage| {
        open(storage, "alice");
        let alice = name("alice", 1);
        let store = |upload, max| done(storage.store_prekeys(alice.clone(), upload, max));
        assert_eq!(store(kem_prekeys(1, 2..=3), 10), PrekeysStored::Stored);
        let before = done(storage.prekey_count(alice.clone()));
        assert_eq!(store(kem_prekeys(4, 5..=13), 10), PrekeysStored::TooMany);
        let mut other_key = kem_prekeys(4, 5..=6);
        other_key.one_time_kem_prekeys[1].id = 3;
        assert_eq!(store(other_key, 10), PrekeysStored::Conflict(3));
        // The same key, but to be given out again and again; and the other way round.
        assert_eq!(store(kem_prekeys(2, 5..=6), 10), PrekeysStored::Conflict(2));
        assert_eq!(store(kem_prekeys(4, 1..=1), 10), PrekeysStored::Conflict(1));
        done(storage.take_prekeys(alice.clone()));
        let mut given_out = kem_prekeys(4, 2..=2);
        given_out.one_time_kem_prekeys[0].key.0[5] ^= 1;
        assert_eq!(store(given_out, 10), PrekeysStored::Conflict(2));
        let after = done(storage.prekey_count(alice)).unwrap();
        let before = before.unwrap();
        assert_eq!(after.one_time_kem_prekeys, before.one_time_kem_prekeys - 1);
        assert_eq!(
            after.last_resort_kem_prekey_id,
            before.last_resort_kem_prekey_id
        );
    });
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
