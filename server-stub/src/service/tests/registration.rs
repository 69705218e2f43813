use super::people::travelling;
use super::world::run;
use super::{Account, World, on_both_engines, refused};
use crate::service::Publisher;
use sealwire_crypto::device::SignedDeviceList;
use sealwire_wire::Base64;
use sealwire_wire::contract::ErrorCode;

#[test]
fn the_first_device_opens_the_account_and_is_live() {
    on_both_engines(|world| {
        let alice = world.open_account("alice");
        run(world.service.authorise(&alice.name(1))).unwrap();
        let own = run(world.service.own_devices(&Publisher::Device(alice.name(1))))
            .unwrap()
            .devices;
        assert_eq!(
            own.iter()
                .map(|device| (device.device_id.get(), device.active))
                .collect::<Vec<_>>(),
            [(1, true)]
        );
    });
}

#[test]
fn an_account_is_opened_by_the_platforms_word_for_its_own_user_alone() {
    on_both_engines(|world| {
        let (alice, request) = Account::new("alice");
        let bob = "bob".parse().unwrap();
        assert_eq!(
            refused(run(world.service.register_device(&request, None))),
            ErrorCode::Unauthorized
        );
        assert_eq!(
            refused(run(world.service.register_device(&request, Some(&bob)))),
            ErrorCode::Forbidden
        );
        assert_eq!(
            refused(run(world.service.authorise(&alice.name(1)))),
            ErrorCode::DeviceRevoked
        );
    });
}

#[test]
fn a_second_registration_without_a_grant_is_refused() {
    on_both_engines(|world| {
        let alice = world.open_account("alice");
        let (mut thief, _) = Account::new("mallory");
        let mut request = thief.registration(1);
        request.user_id = alice.user.clone();
        assert_eq!(
            refused(run(world
                .service
                .register_device(&request, Some(&alice.user)))),
            ErrorCode::AccountExists
        );
        // Nothing of the first one changed.
        run(world.service.authorise(&alice.name(1))).unwrap();
    });
}

#[test]
fn a_registration_whose_answer_was_lost_is_answered_again() {
    on_both_engines(|world| {
        let (mut alice, request) = Account::new("alice");
        let first = run(world.service.register_device(&request, Some(&alice.user))).unwrap();
        assert_eq!(
            run(world.service.register_device(&request, Some(&alice.user))).unwrap(),
            first
        );

        let second = world.register_by_grant(&mut alice);
        assert!(
            !run(world.service.register_device(&second, None))
                .unwrap()
                .active
        );
        let list = alice.list_with(&[2], &[]);
        let publisher = Publisher::Device(alice.name(1));
        run(world.service.publish_list(&publisher, &list)).unwrap();
        // Also long after the grant ran out, and with the device as it stands by then.
        world.pass_ms(10_000_000);
        assert!(
            run(world.service.register_device(&second, None))
                .unwrap()
                .active
        );
    });
}

#[test]
fn a_grant_lets_in_one_device_once() {
    on_both_engines(|world| {
        let mut alice = world.open_account("alice");
        let first = world.register_by_grant(&mut alice);
        let mut other = alice.registration(3);
        other.device_id = first.device_id;
        other.grant = first.grant.clone();
        assert_eq!(
            refused(run(world.service.register_device(&other, None))),
            ErrorCode::GrantUsed
        );
        // A fresh grant for the same id does not push the device out either.
        other.grant = Some(alice.grant(2, world.clock_ms() + 1_000));
        assert_eq!(
            refused(run(world.service.register_device(&other, None))),
            ErrorCode::DeviceIdTaken
        );
    });
}

#[test]
fn a_grant_that_does_not_hold_lets_nobody_in() {
    on_both_engines(|world| {
        let mut alice = world.open_account("alice");
        let reserved = run(world.service.reserve_device_id(&alice.name(1)))
            .unwrap()
            .device_id;
        let id = reserved.get();
        let mut request = alice.registration(id);
        let good = alice.grant(id, world.clock_ms() + 1_000);

        let mut forged = good.clone();
        forged.account_signature = Base64(vec![1; 64]);
        let mut unsigned_by_device = good.clone();
        unsigned_by_device.device_signature = Base64(vec![1; 64]);
        let mut of_a_stranger = good.clone();
        of_a_stranger.signer_device_id = sealwire_wire::DeviceId::new(9).unwrap();
        let mut cut = good.clone();
        cut.payload.0.truncate(5);
        let expired = alice.grant(id, world.clock_ms());
        let other_id = alice.grant(id + 1, world.clock_ms() + 1_000);
        for bad in [
            forged,
            unsigned_by_device,
            of_a_stranger,
            cut,
            expired,
            other_id,
        ] {
            request.grant = Some(bad);
            assert_eq!(
                refused(run(world.service.register_device(&request, None))),
                ErrorCode::GrantInvalid
            );
        }
        // Each refusal left the good one unspent.
        request.grant = Some(good);
        run(world.service.register_device(&request, None)).unwrap();
    });
}

#[test]
fn an_id_that_was_never_reserved_is_refused() {
    on_both_engines(|world| {
        let mut alice = world.open_account("alice");
        let mut request = alice.registration(7);
        request.grant = Some(alice.grant(7, world.clock_ms() + 1_000));
        assert_eq!(
            refused(run(world.service.register_device(&request, None))),
            ErrorCode::GrantInvalid
        );
    });
}

#[test]
fn reserved_ids_never_come_again() {
    on_both_engines(|world| {
        let alice = world.open_account("alice");
        let ids: Vec<u32> = (0..5)
            .map(|_| {
                run(world.service.reserve_device_id(&alice.name(1)))
                    .unwrap()
                    .device_id
                    .get()
            })
            .collect();
        assert_eq!(ids, [2, 3, 4, 5, 6]);
    });
}

#[test]
fn forged_lists_and_prekeys_open_no_account() {
    on_both_engines(|world| {
        let (alice, good) = Account::new("alice");
        let mut forged_list = good.clone();
        forged_list.list.as_mut().unwrap().account_signature = Base64(vec![3; 64]);
        let mut foreign_key = good.clone();
        foreign_key.prekeys.signed_prekey.as_mut().unwrap().key.0[5] ^= 1;
        let mut no_key = good.clone();
        no_key.identity_key = Base64(vec![5; 12]);
        for bad in [forged_list, foreign_key, no_key] {
            let code = refused(run(world.service.register_device(&bad, Some(&alice.user))));
            assert_eq!(code, ErrorCode::InvalidSignature);
        }
        let mut nothing_signed = good.clone();
        nothing_signed.prekeys.signed_prekey = None;
        let mut no_list = good.clone();
        no_list.list = None;
        let mut other_registration = good.clone();
        other_registration.registration_id += 1;
        for bad in [nothing_signed, no_list, other_registration] {
            assert_eq!(
                refused(run(world.service.register_device(&bad, Some(&alice.user)))),
                ErrorCode::Unprocessable
            );
        }
        run(world.service.register_device(&good, Some(&alice.user))).unwrap();
    });
}

#[test]
fn a_list_of_another_user_opens_no_account() {
    on_both_engines(|world| {
        let (mut alice, mut request) = Account::new("alice");
        let entry =
            super::people::new_device(&alice.devices[&1], 1, "bob", &alice.key, &mut alice.rng);
        let identity = alice.devices[&1].identity.clone();
        let of_bob =
            SignedDeviceList::sign_first(&alice.key, &identity, "bob", &entry, 1, &mut alice.rng)
                .unwrap();
        request.list = Some(travelling(&of_bob));
        let code = refused(run(world
            .service
            .register_device(&request, Some(&alice.user))));
        assert_eq!(code, ErrorCode::InvalidSignature);
    });
}

#[test]
fn an_account_does_not_register_devices_without_end() {
    let world = World::memory(1);
    let mut alice = world.open_account("alice");
    for _ in 1..1_000 {
        world.register_by_grant(&mut alice);
    }
    let id = run(world.service.reserve_device_id(&alice.name(1))).unwrap();
    let id = id.device_id.get();
    let mut request = alice.registration(id);
    request.grant = Some(alice.grant(id, world.clock_ms() + 60_000));
    assert_eq!(
        refused(run(world.service.register_device(&request, None))),
        ErrorCode::DeviceLimit
    );
}
