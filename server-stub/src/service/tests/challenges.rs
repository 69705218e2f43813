use super::world::{ORIGIN, run};
use super::{on_both_engines, refused};
use sealwire_wire::contract::ErrorCode;
use sealwire_wire::{Base64, DeviceId};

#[test]
fn a_live_device_proves_its_key_once_a_nonce() {
    on_both_engines(|world| {
        let mut alice = world.open_account("alice");
        let request = world.token_request(&mut alice, 1);
        assert_eq!(
            run(world.service.answer_challenge(&request, ORIGIN)).unwrap(),
            alice.name(1)
        );
        assert_eq!(
            refused(run(world.service.answer_challenge(&request, ORIGIN))),
            ErrorCode::ChallengeInvalid
        );
    });
}

#[test]
fn an_answer_after_a_minute_is_too_late() {
    on_both_engines(|world| {
        let mut alice = world.open_account("alice");
        let request = world.token_request(&mut alice, 1);
        world.pass_ms(60_000);
        assert_eq!(
            refused(run(world.service.answer_challenge(&request, ORIGIN))),
            ErrorCode::ChallengeInvalid
        );
    });
}

#[test]
fn a_nonce_that_the_relay_did_not_make_for_this_device_is_refused() {
    on_both_engines(|world| {
        let mut alice = world.open_account("alice");
        let mut request = world.token_request(&mut alice, 1);
        request.device_id = DeviceId::new(2).unwrap();
        assert_eq!(
            refused(run(world.service.answer_challenge(&request, ORIGIN))),
            ErrorCode::ChallengeInvalid
        );
        for nonce in [vec![], vec![0; 31], vec![0xff; 32], vec![0; 33]] {
            let mut request = world.token_request(&mut alice, 1);
            request.nonce = Base64(nonce);
            assert_eq!(
                refused(run(world.service.answer_challenge(&request, ORIGIN))),
                ErrorCode::ChallengeInvalid
            );
        }
    });
}

#[test]
fn a_signature_of_another_key_or_for_another_relay_is_refused_and_spends_nothing() {
    on_both_engines(|world| {
        let mut alice = world.open_account("alice");
        let request = world.token_request(&mut alice, 1);
        let mut forged = request.clone();
        forged.signature.0[3] ^= 1;
        let mut short = request.clone();
        short.signature.0.pop();
        for bad in [forged, short] {
            assert_eq!(
                refused(run(world.service.answer_challenge(&bad, ORIGIN))),
                ErrorCode::Unauthorized
            );
        }
        let elsewhere = "https://evil.example";
        assert_eq!(
            refused(run(world.service.answer_challenge(&request, elsewhere))),
            ErrorCode::Unauthorized
        );
        run(world.service.answer_challenge(&request, ORIGIN)).unwrap();
    });
}

#[test]
fn a_device_in_no_list_gets_nothing() {
    on_both_engines(|world| {
        let mut alice = world.open_account("alice");
        world.register_by_grant(&mut alice);
        let request = world.token_request(&mut alice, 2);
        assert_eq!(
            refused(run(world.service.answer_challenge(&request, ORIGIN))),
            ErrorCode::DeviceRevoked
        );
    });
}
