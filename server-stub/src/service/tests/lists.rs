use super::people::travelling;
use super::world::run;
use super::{Account, World, on_both_engines, refused};
use crate::service::Publisher;
use sealwire_crypto::device::ListChange;
use sealwire_wire::Base64;
use sealwire_wire::contract::{
    DeviceListsQuery, ErrorCode, KnownDeviceList, ServerEvent, SignedList,
};
use sealwire_wire::limits::LISTS_PER_ANSWER;

fn publish(
    world: &World,
    account: &Account,
    list: &SignedList,
) -> crate::service::Answer<crate::service::Wake> {
    run(world
        .service
        .publish_list(&Publisher::Device(account.name(1)), list))
    .map(|woken| woken.wake)
}

#[test]
fn a_linked_device_is_live_once_a_list_holds_it() {
    on_both_engines(|world| {
        let mut alice = world.open_account("alice");
        world.register_by_grant(&mut alice);
        assert_eq!(
            refused(run(world.service.authorise(&alice.name(2)))),
            ErrorCode::DeviceRevoked
        );
        let list = alice.list_with(&[2], &[]);
        publish(&world, &alice, &list).unwrap();
        run(world.service.authorise(&alice.name(2))).unwrap();
    });
}

#[test]
fn every_version_is_served_after_the_known_one() {
    on_both_engines(|world| {
        let mut alice = world.open_account("alice");
        let bob = world.open_account("bob");
        world.link(&mut alice);
        world.link(&mut alice);
        let all = run(world.service.device_lists(&bob.name(1), &alice.user, 0)).unwrap();
        assert_eq!((all.version, all.lists.len()), (3, 3));
        let rest = run(world.service.device_lists(&bob.name(1), &alice.user, 2)).unwrap();
        assert_eq!(rest.lists, all.lists[2..]);
        let query = DeviceListsQuery {
            users: ["alice", "nobody", "bob"]
                .map(|user| KnownDeviceList {
                    user_id: user.parse().unwrap(),
                    known_version: 1,
                })
                .to_vec(),
        };
        let answer = run(world.service.query_device_lists(&bob.name(1), &query)).unwrap();
        let found: Vec<_> = answer
            .users
            .iter()
            .map(|user| (user.user_id.as_str(), user.lists.len()))
            .collect();
        assert_eq!(found, [("alice", 2), ("bob", 0)]);
        let nobody = "nobody".parse().unwrap();
        assert_eq!(
            refused(run(world.service.device_lists(&bob.name(1), &nobody, 0))),
            ErrorCode::UserUnknown
        );
    });
}

#[test]
fn a_long_chain_is_served_in_answers_that_are_whole_in_themselves() {
    on_both_engines(|world| {
        let mut alice = world.open_account("alice");
        for _ in 0..120 {
            let same = alice.list_with(&[], &[]);
            publish(&world, &alice, &same).unwrap();
            alice.take(&same);
        }
        let ask = |since| {
            run(world
                .service
                .device_lists(&alice.name(1), &alice.user, since))
            .unwrap()
        };
        let first = ask(0);
        assert_eq!((first.lists.len(), first.version), (LISTS_PER_ANSWER, 100));
        let rest = ask(first.version);
        assert_eq!((rest.lists.len(), rest.version), (21, 121));
        assert_eq!((ask(121).lists.len(), ask(121).version), (0, 121));
    });
}

#[test]
fn a_query_is_bounded() {
    on_both_engines(|world| {
        let bob = world.open_account("bob");
        let users = |count: usize| DeviceListsQuery {
            users: (0..count)
                .map(|n| KnownDeviceList {
                    user_id: format!("u{n}").parse().unwrap(),
                    known_version: 0,
                })
                .collect(),
        };
        run(world.service.query_device_lists(&bob.name(1), &users(50))).unwrap();
        assert_eq!(
            refused(run(world
                .service
                .query_device_lists(&bob.name(1), &users(51)))),
            ErrorCode::Unprocessable
        );
    });
}

#[test]
fn a_forged_list_is_refused() {
    on_both_engines(|world| {
        let mut alice = world.open_account("alice");
        world.register_by_grant(&mut alice);
        let good = alice.list_with(&[2], &[]);
        let mut by_nobody = good.clone();
        by_nobody.account_signature = Base64(vec![9; 64]);
        let mut by_account_alone = good.clone();
        by_account_alone.signer_signature = Base64(Vec::new());
        let mut by_a_stranger = good.clone();
        by_a_stranger.signer_device_id = sealwire_wire::DeviceId::new(2).unwrap();
        let mut changed = good.clone();
        let last = changed.payload.0.len() - 1;
        changed.payload.0[last] ^= 1;
        for bad in [by_nobody, by_account_alone, by_a_stranger] {
            assert_eq!(
                publish(&world, &alice, &bad).unwrap_err().code(),
                ErrorCode::InvalidSignature
            );
        }
        assert!(publish(&world, &alice, &changed).is_err());
        publish(&world, &alice, &good).unwrap();
    });
}

#[test]
fn a_lower_or_forked_version_is_a_conflict() {
    on_both_engines(|world| {
        let mut alice = world.open_account("alice");
        world.register_by_grant(&mut alice);
        world.register_by_grant(&mut alice);
        let one = alice.list_with(&[2], &[]);
        let fork = alice.list_with(&[3], &[]);
        publish(&world, &alice, &one).unwrap();
        assert_eq!(
            publish(&world, &alice, &fork).unwrap_err().code(),
            ErrorCode::DeviceListConflict
        );
        alice.take(&one);
        let next = alice.list_with(&[3], &[]);
        publish(&world, &alice, &next).unwrap();
        // The one before, once it is no longer the newest, is old.
        assert_eq!(
            publish(&world, &alice, &one).unwrap_err().code(),
            ErrorCode::DeviceListConflict
        );
    });
}

#[test]
fn a_list_whose_answer_was_lost_is_a_success_again() {
    on_both_engines(|world| {
        let mut alice = world.open_account("alice");
        world.register_by_grant(&mut alice);
        let list = alice.list_with(&[2], &[]);
        publish(&world, &alice, &list).unwrap();
        publish(&world, &alice, &list).unwrap();
        assert_eq!(
            run(world.service.device_lists(&alice.name(1), &alice.user, 0))
                .unwrap()
                .version,
            2
        );
    });
}

#[test]
fn a_list_naming_a_device_that_never_registered_is_refused() {
    on_both_engines(|world| {
        let mut alice = world.open_account("alice");
        run(world.service.reserve_device_id(&alice.name(1))).unwrap();
        alice.registration(2);
        let list = alice.list_with(&[2], &[]);
        assert_eq!(
            publish(&world, &alice, &list).unwrap_err().code(),
            ErrorCode::DeviceNotRegistered
        );

        // Nor one that registered with another registration id.
        world.register_by_grant(&mut alice);
        alice.devices.get_mut(&3).unwrap().registration_id += 1;
        let list = alice.list_with(&[3], &[]);
        assert_eq!(
            publish(&world, &alice, &list).unwrap_err().code(),
            ErrorCode::DeviceNotRegistered
        );
    });
}

#[test]
fn ten_devices_are_the_limit() {
    on_both_engines(|world| {
        let mut alice = world.open_account("alice");
        for _ in 2..=10 {
            world.link(&mut alice);
        }
        world.register_by_grant(&mut alice);
        // Signing refuses an eleventh too, so the relay is shown one with ten, of which one is swapped in.
        let swapped = alice.list_with(&[11], &[2]);
        publish(&world, &alice, &swapped).unwrap();
        assert_eq!(
            run(world.service.own_devices(&Publisher::Device(alice.name(1))))
                .unwrap()
                .devices
                .iter()
                .filter(|d| d.active)
                .count(),
            10
        );
    });
}

#[test]
fn a_removed_device_is_out_at_once_and_for_good() {
    on_both_engines(|world| {
        let mut alice = world.open_account("alice");
        let bob = world.open_account("bob");
        let second = world.link(&mut alice);
        world.say(&bob.name(1), &alice.user, 1, "hello");
        assert!(run(world.service.queue_length(&second)).unwrap() > 0);
        let without = alice.list_with(&[], &[2]);
        let wake = publish(&world, &alice, &without).unwrap();
        assert_eq!(wake.revoked, std::slice::from_ref(&second));
        assert_eq!(
            refused(run(world.service.authorise(&second))),
            ErrorCode::DeviceRevoked
        );
        assert_eq!(run(world.storage.queue_length(second.clone())).unwrap(), 0);
        alice.take(&without);
        let back = alice.list_with(&[2], &[]);
        assert_eq!(
            publish(&world, &alice, &back).unwrap_err().code(),
            ErrorCode::DeviceNotRegistered
        );
    });
}

#[test]
fn people_who_share_a_thread_are_told_and_others_are_not() {
    on_both_engines(|world| {
        let mut alice = world.open_account("alice");
        let bob = world.open_account("bob");
        let carol = world.open_account("carol");
        world.say(&bob.name(1), &alice.user, 1, "hello");
        world.register_by_grant(&mut alice);
        let list = alice.list_with(&[2], &[]);
        let wake = publish(&world, &alice, &list).unwrap();
        assert_eq!(wake.queues.len(), 3, "alice/1, alice/2, bob/1");
        let told = |name| {
            run(world.service.queue_page(&name, Default::default(), 100))
                .unwrap()
                .entries
        };
        let event = ServerEvent::Devices {
            user_id: alice.user.clone(),
            version: 2,
        };
        assert!(told(bob.name(1)).iter().any(|entry| entry.event == event));
        assert!(told(alice.name(1)).iter().any(|entry| entry.event == event));
        assert!(told(carol.name(1)).is_empty());
    });
}

#[test]
fn a_recovery_needs_the_platforms_word() {
    on_both_engines(|world| {
        let mut alice = world.open_account("alice");
        world.register_by_grant(&mut alice);
        let entry =
            super::people::new_device(&alice.devices[&2], 2, "alice", &alice.key, &mut alice.rng);
        let identity = alice.devices[&2].identity.clone();
        let recovery = alice
            .list
            .sign_recovery(&alice.key, &identity, &entry, 1, &mut alice.rng)
            .unwrap();
        let list = travelling(&recovery);
        assert_eq!(
            publish(&world, &alice, &list).unwrap_err().code(),
            ErrorCode::Forbidden
        );
        let platform = Publisher::Platform(alice.user.clone());
        let wake = run(world.service.publish_list(&platform, &list))
            .unwrap()
            .wake;
        assert_eq!(wake.revoked, [alice.name(1)]);
        // And the platform's word publishes nothing else.
        let world = World::memory(9);
        let mut alice = world.open_account("alice");
        world.register_by_grant(&mut alice);
        let plain = alice.list.sign_next(
            &alice.key,
            1,
            &alice.devices[&1].identity.clone(),
            &ListChange {
                put: vec![super::people::new_device(
                    &alice.devices[&2],
                    2,
                    "alice",
                    &alice.key,
                    &mut alice.rng,
                )],
                remove: vec![],
            },
            1,
            &mut alice.rng,
        );
        let answer = run(world
            .service
            .publish_list(&platform, &travelling(&plain.unwrap())));
        assert_eq!(refused(answer), ErrorCode::Forbidden);
    });
}
