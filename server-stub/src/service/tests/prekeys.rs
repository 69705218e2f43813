use super::world::run;
use super::{World, on_both_engines, refused};
use crate::service::Rules;
use sealwire_crypto::primitives::sha256;
use sealwire_wire::contract::{BundlesQuery, ErrorCode, PrekeyCheck, WantedBundles};
use sealwire_wire::{Base64, Bytes32};
use std::collections::BTreeSet;

#[test]
fn a_one_time_key_is_given_out_once_and_then_there_is_none() {
    on_both_engines(|world| {
        let alice = world.open_account("alice");
        let bob = world.open_account("bob");
        let ids: Vec<_> = (0..4)
            .map(|_| {
                let bundle = run(world.service.user_bundles(&bob.name(1), &alice.user, None))
                    .unwrap()
                    .bundles
                    .remove(0);
                bundle.one_time_prekey.map(|key| key.id)
            })
            .collect();
        assert_eq!(ids, [Some(1), Some(2), Some(3), None]);
        assert_eq!(
            run(world.service.prekey_count(&alice.name(1)))
                .unwrap()
                .one_time_prekeys,
            0
        );
    });
}

#[test]
fn a_key_is_given_out_once_however_many_ask_at_once() {
    let world = World::threaded();
    let mut alice = world.open_account("alice");
    let bob = world.open_account("bob");
    let more = alice.prekeys(1, 2, 10..=59);
    run(world.service.upload_prekeys(&alice.name(1), &more)).unwrap();
    let taken: Vec<u32> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..6)
            .map(|_| {
                scope.spawn(|| {
                    let take = || {
                        run(world.service.user_bundles(&bob.name(1), &alice.user, None)).unwrap()
                    };
                    (0..10)
                        .filter_map(|_| take().bundles.remove(0).one_time_prekey.map(|key| key.id))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    assert_eq!(taken.len(), 53);
    assert_eq!(taken.iter().collect::<BTreeSet<_>>().len(), 53);
}

#[test]
fn the_same_keys_again_are_a_success_and_come_not_back() {
    on_both_engines(|world| {
        let mut alice = world.open_account("alice");
        let bob = world.open_account("bob");
        let upload = alice.prekeys(1, 2, 10..=11);
        run(world.service.upload_prekeys(&alice.name(1), &upload)).unwrap();
        for _ in 0..5 {
            run(world.service.user_bundles(&bob.name(1), &alice.user, None)).unwrap();
        }
        run(world.service.upload_prekeys(&alice.name(1), &upload)).unwrap();
        let count = run(world.service.prekey_count(&alice.name(1))).unwrap();
        assert_eq!((count.one_time_prekeys, count.signed_prekey_id), (0, 2));
    });
}

#[test]
fn another_key_under_a_known_id_is_a_conflict_and_nothing_is_kept() {
    on_both_engines(|world| {
        let mut alice = world.open_account("alice");
        let before = run(world.service.prekey_count(&alice.name(1))).unwrap();
        // Key 3 is known with other bytes; 4 and 5 and the signed one are new.
        let clashing = alice.prekeys(1, 2, 3..=5);
        assert_eq!(
            refused(run(world.service.upload_prekeys(&alice.name(1), &clashing))),
            ErrorCode::PrekeyIdConflict
        );
        let signed_clash = alice.prekeys(1, 1, 6..=7);
        let answer = run(world.service.upload_prekeys(&alice.name(1), &signed_clash));
        assert_eq!(refused(answer), ErrorCode::PrekeyIdConflict);
        assert_eq!(
            run(world.service.prekey_count(&alice.name(1))).unwrap(),
            before
        );
    });
}

#[test]
fn a_late_repeat_does_not_bring_an_old_signed_prekey_back() {
    on_both_engines(|world| {
        let mut alice = world.open_account("alice");
        let second = alice.prekeys(1, 2, 4..=4);
        let third = alice.prekeys(1, 3, 5..=5);
        for upload in [&second, &third, &second] {
            run(world.service.upload_prekeys(&alice.name(1), upload)).unwrap();
        }
        assert_eq!(
            run(world.service.prekey_count(&alice.name(1)))
                .unwrap()
                .signed_prekey_id,
            3
        );
    });
}

#[test]
fn keys_that_are_none_and_forged_signatures_are_refused() {
    on_both_engines(|world| {
        let mut alice = world.open_account("alice");
        let good = alice.prekeys(1, 2, 10..=11);
        let mut forged = good.clone();
        forged.signed_prekey.as_mut().unwrap().signature.0[0] ^= 1;
        let mut short = good.clone();
        short.one_time_prekeys[0].key = Base64(vec![5; 32]);
        let mut low_order = good.clone();
        low_order.one_time_prekeys[0].key = Base64([&[5][..], &[0; 32]].concat());
        for bad in [forged, short, low_order] {
            assert_eq!(
                refused(run(world.service.upload_prekeys(&alice.name(1), &bad))),
                ErrorCode::InvalidSignature
            );
        }
        let mut twice = good.clone();
        twice.one_time_prekeys[1].id = 10;
        let mut many = good.clone();
        many.one_time_prekeys = vec![good.one_time_prekeys[0].clone(); 201];
        for bad in [twice, many] {
            assert_eq!(
                refused(run(world.service.upload_prekeys(&alice.name(1), &bad))),
                ErrorCode::Unprocessable
            );
        }
    });
}

#[test]
fn a_bundle_carries_a_one_time_kem_prekey_while_there_is_one_and_then_the_last_resort() {
    on_both_engines(|world| {
        let mut alice = world.open_account("alice");
        let bob = world.open_account("bob");
        let bundle = || {
            run(world.service.user_bundles(&bob.name(1), &alice.user, None))
                .unwrap()
                .bundles
                .remove(0)
                .kem_prekey
        };
        assert_eq!(bundle(), None, "a device of before is served as before");
        let upload = alice.kem_prekeys(1, 1, 2..=2);
        run(world.service.upload_prekeys(&alice.name(1), &upload)).unwrap();
        let bundle = || {
            run(world.service.user_bundles(&bob.name(1), &alice.user, None))
                .unwrap()
                .bundles
                .remove(0)
                .kem_prekey
        };
        assert_eq!(bundle().as_ref(), upload.one_time_kem_prekeys.first());
        assert_eq!(bundle(), upload.last_resort_kem_prekey);
        assert_eq!(bundle(), upload.last_resort_kem_prekey);
    });
}

#[test]
fn a_kem_prekey_that_is_none_or_not_signed_or_stands_twice_is_refused() {
    on_both_engines(|world| {
        let mut alice = world.open_account("alice");
        let good = alice.kem_prekeys(1, 1, 2..=3);
        let mut unsigned = good.clone();
        unsigned.one_time_kem_prekeys[1].signature.0[3] ^= 1;
        let mut last_unsigned = good.clone();
        last_unsigned
            .last_resort_kem_prekey
            .as_mut()
            .unwrap()
            .signature
            .0[3] ^= 1;
        let mut other_type = good.clone();
        other_type.one_time_kem_prekeys[0].key.0[0] = 0x08;
        let mut long = good.clone();
        long.one_time_kem_prekeys[0].key.0.push(0);
        let mut not_reduced = good.clone();
        not_reduced.one_time_kem_prekeys[0].key.0[1..4].fill(0xff);
        for bad in [unsigned, last_unsigned, other_type, long, not_reduced] {
            let refusal = refused(run(world.service.upload_prekeys(&alice.name(1), &bad)));
            assert_eq!(refusal, ErrorCode::InvalidSignature);
        }
        let mut twice = good.clone();
        twice.one_time_kem_prekeys[0] = good.last_resort_kem_prekey.clone().unwrap();
        let mut many = good.clone();
        many.one_time_kem_prekeys = vec![good.one_time_kem_prekeys[0].clone(); 201];
        for bad in [twice, many] {
            let refusal = refused(run(world.service.upload_prekeys(&alice.name(1), &bad)));
            assert_eq!(refusal, ErrorCode::Unprocessable);
        }
        let count = run(world.service.prekey_count(&alice.name(1))).unwrap();
        assert_eq!(count.last_resort_kem_prekey_id, None, "nothing was kept");
    });
}

#[test]
fn the_largest_upload_fits_its_body() {
    let world = World::threaded();
    let mut alice = world.open_account("alice");
    let mut upload = alice.prekeys(1, 2, 10..=10);
    upload.one_time_prekeys = vec![upload.one_time_prekeys[0].clone(); 200];
    let kem = alice.kem_prekeys(1, 1, 2..=2);
    upload.one_time_kem_prekeys = vec![kem.one_time_kem_prekeys[0].clone(); 200];
    upload.last_resort_kem_prekey = kem.last_resort_kem_prekey;
    // Every id as long as it can be.
    upload
        .one_time_prekeys
        .iter_mut()
        .for_each(|key| key.id = u32::MAX);
    upload
        .one_time_kem_prekeys
        .iter_mut()
        .for_each(|key| key.id = u32::MAX);
    let length = serde_json::to_vec(&upload).unwrap().len();
    assert!(length <= sealwire_wire::limits::PREKEY_BODY_MAX, "{length}");
    assert!(length < 480_000, "{length}");
}

#[test]
fn unused_keys_of_a_device_are_bounded() {
    on_both_engines(|world| {
        let mut alice = world.open_account("alice");
        for round in 0..4 {
            let upload = alice.prekeys(1, 2 + round, (10 + round * 200)..=(209 + round * 200));
            run(world.service.upload_prekeys(&alice.name(1), &upload)).unwrap();
        }
        let beyond = alice.prekeys(1, 50, 5_000..=5_197);
        assert_eq!(
            refused(run(world.service.upload_prekeys(&alice.name(1), &beyond))),
            ErrorCode::Unprocessable
        );
        assert_eq!(
            run(world.service.prekey_count(&alice.name(1)))
                .unwrap()
                .one_time_prekeys,
            803
        );
    });
}

#[test]
fn bundles_are_of_live_devices_and_never_of_the_asking_one() {
    on_both_engines(|world| {
        let mut alice = world.open_account("alice");
        let bob = world.open_account("bob");
        world.link(&mut alice);
        world.register_by_grant(&mut alice);
        let ids = |by, user| -> Vec<u32> {
            let bundles = run(world.service.user_bundles(&by, user, None))
                .unwrap()
                .bundles;
            bundles
                .iter()
                .map(|bundle| bundle.device_id.get())
                .collect()
        };
        assert_eq!(ids(bob.name(1), &alice.user), [1, 2]);
        assert_eq!(ids(alice.name(1), &alice.user), [2]);
        let third = alice.name(3).device_id;
        let inactive = run(world
            .service
            .user_bundles(&bob.name(1), &alice.user, Some(third)));
        assert_eq!(refused(inactive), ErrorCode::NotFound);
        let query = BundlesQuery {
            users: vec![
                WantedBundles {
                    user_id: alice.user.clone(),
                    device_ids: vec![alice.name(2).device_id, third],
                },
                WantedBundles {
                    user_id: "nobody".parse().unwrap(),
                    device_ids: vec![],
                },
            ],
        };
        let answer = run(world.service.query_bundles(&bob.name(1), &query)).unwrap();
        assert_eq!(answer.users.len(), 1);
        assert_eq!(answer.users[0].bundles.len(), 1);
        assert_eq!(answer.users[0].bundles[0].registration_id, 1_002);
    });
}

#[test]
fn a_deployment_may_demand_one_time_keys() {
    let world = World::sqlite().with_rules(Rules {
        demand_one_time_prekeys: true,
        ..Rules::default()
    });
    let alice = world.open_account("alice");
    let bob = world.open_account("bob");
    for _ in 0..3 {
        run(world.service.user_bundles(&bob.name(1), &alice.user, None)).unwrap();
    }
    let refusal = run(world.service.user_bundles(&bob.name(1), &alice.user, None)).unwrap_err();
    assert_eq!(refusal.code(), ErrorCode::PrekeysExhausted);
    assert!(refusal.problem().retry_after_ms.is_some());
}

#[test]
fn a_refusal_for_want_of_a_one_time_key_takes_none_from_other_devices() {
    let world = World::sqlite().with_rules(Rules {
        demand_one_time_prekeys: true,
        ..Rules::default()
    });
    let (alice, bob) = (world.open_account("alice"), world.open_account("bob"));
    let carol = world.open_account("carol");
    for _ in 0..3 {
        run(world.service.user_bundles(&bob.name(1), &alice.user, None)).unwrap();
    }
    let query = BundlesQuery {
        users: [&carol.user, &alice.user]
            .map(|user| WantedBundles {
                user_id: user.clone(),
                device_ids: vec![],
            })
            .to_vec(),
    };
    let answer = run(world.service.query_bundles(&bob.name(1), &query));
    assert_eq!(refused(answer), ErrorCode::PrekeysExhausted);
    let left = run(world.service.prekey_count(&carol.name(1))).unwrap();
    assert_eq!(left.one_time_prekeys, 3);
}

#[test]
fn a_device_learns_whether_the_relay_gives_out_the_keys_that_it_believes() {
    on_both_engines(|world| {
        let mut alice = world.open_account("alice");
        let upload = alice.prekeys(1, 7, 10..=12);
        run(world.service.upload_prekeys(&alice.name(1), &upload)).unwrap();
        let signed = upload.signed_prekey.unwrap();
        let device = &alice.devices[&1];
        // As the contract writes it.
        let mut text = [
            &b"Sealwire v1 repeated-use keys"[..],
            &device.identity.public().to_bytes(),
            &device.registration_id.to_be_bytes(),
            &7_u32.to_be_bytes(),
            signed.key.as_slice(),
            signed.signature.as_slice(),
        ]
        .concat();
        let check = |digest| {
            let check = PrekeyCheck {
                digest: Bytes32(digest),
            };
            run(world.service.check_prekeys(&alice.name(1), &check)).unwrap()
        };
        let answer = check(sha256(&text));
        assert!(answer.matches);
        assert_eq!(
            (answer.count.one_time_prekeys, answer.count.signed_prekey_id),
            (6, 7)
        );
        assert!(!check([0; 32]).matches);
        // The last-resort KEM prekey is one of them, from the first on.
        let kem = alice.kem_prekeys(1, 9, 10..=10);
        run(world.service.upload_prekeys(&alice.name(1), &kem)).unwrap();
        let kem = kem.last_resort_kem_prekey.unwrap();
        let check = |digest| {
            let check = PrekeyCheck {
                digest: Bytes32(digest),
            };
            run(world.service.check_prekeys(&alice.name(1), &check)).unwrap()
        };
        assert!(!check(sha256(&text)).matches);
        text.extend_from_slice(&9_u32.to_be_bytes());
        text.extend_from_slice(kem.key.as_slice());
        text.extend_from_slice(kem.signature.as_slice());
        assert!(check(sha256(&text)).matches);
    });
}
