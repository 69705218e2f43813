//! Whatever bytes a client sends, the answer is its own fault: never a 500, never a panic.

use super::world::{ORIGIN, key, run};
use super::{Account, World};
use crate::service::{Answer, HistoryQuery, Publisher};
use proptest::prelude::*;
use sealwire_wire::contract::{
    DeviceEnvelope, EnvelopeType, MailboxSlot, PrekeyUpload, PublicKemPrekey, PublicPrekey,
    PublicSignedPrekey, SendMessage, SignedGrant, SignedList, TokenRequest,
};
use sealwire_wire::{Base64, Bytes32, ClientSeq, DeviceId, ThreadId};
use std::cell::RefCell;

fn bytes() -> impl Strategy<Value = Base64> {
    let lengths = prop_oneof![Just(0_usize), Just(32), Just(33), Just(64), 0..200_usize];
    lengths
        .prop_flat_map(|length| proptest::collection::vec(any::<u8>(), length))
        .prop_map(Base64)
}

fn device() -> impl Strategy<Value = DeviceId> {
    prop_oneof![1..4_u32, Just(u32::MAX)].prop_map(|id| DeviceId::new(id).unwrap())
}

fn list() -> impl Strategy<Value = SignedList> {
    (bytes(), bytes(), device(), bytes()).prop_map(
        |(payload, account_signature, signer_device_id, signer_signature)| SignedList {
            payload,
            account_signature,
            signer_device_id,
            signer_signature,
        },
    )
}

fn grant() -> impl Strategy<Value = SignedGrant> {
    list().prop_map(|list| SignedGrant {
        payload: list.payload,
        account_signature: list.account_signature,
        signer_device_id: list.signer_device_id,
        device_signature: list.signer_signature,
    })
}

fn upload() -> impl Strategy<Value = PrekeyUpload> {
    let signed = (any::<u32>(), bytes(), bytes())
        .prop_map(|(id, key, signature)| PublicSignedPrekey { id, key, signature });
    let one_time = (any::<u32>(), bytes()).prop_map(|(id, key)| PublicPrekey { id, key });
    let kem = (any::<u32>(), bytes(), bytes()).prop_map(|(id, key, signature)| PublicKemPrekey {
        id,
        key,
        signature,
    });
    (
        proptest::option::of(signed),
        proptest::collection::vec(one_time, 0..4),
        proptest::collection::vec(kem, 0..4),
    )
        .prop_map(|(signed_prekey, one_time_prekeys, kem)| PrekeyUpload {
            signed_prekey,
            one_time_prekeys,
            last_resort_kem_prekey: kem.first().cloned(),
            one_time_kem_prekeys: kem.into_iter().skip(1).collect(),
        })
}

fn envelopes() -> impl Strategy<Value = Vec<DeviceEnvelope>> {
    let user = prop_oneof![Just("alice"), Just("bob"), Just("nobody")];
    let one = (user, device(), any::<u32>(), bytes()).prop_map(
        |(user, device_id, registration_id, body)| DeviceEnvelope {
            user_id: user.parse().unwrap(),
            device_id,
            registration_id,
            kind: EnvelopeType::Ratchet,
            body,
        },
    );
    proptest::collection::vec(one, 0..5)
}

fn at_fault<T>(answer: Answer<T>) {
    if let Err(refusal) = answer {
        assert!(refusal.problem().status < 500, "{refusal}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn any_bytes_are_the_clients_own_fault(
        list in list(), grant in grant(), upload in upload(), envelopes in envelopes(), some in bytes(), other in bytes(),
        seq: u64, text in ".{0,60}", number: u8, slot: u8,
    ) {
        thread_local!(static WORLD: RefCell<Option<(World, Account)>> = const { RefCell::new(None) });
        WORLD.with_borrow_mut(|kept| {
            let (world, alice) = kept.get_or_insert_with(|| {
                let world = World::sqlite();
                let alice = world.open_account("alice");
                world.open_account("bob");
                (world, alice)
            });
            let (service, caller) = (&world.service, alice.name(1));
            let mut request = alice.registration(2);
            request.prekeys = upload.clone();
            at_fault(run(service.register_device(&request, None)));
            let mut request = alice.registration(2);
            request.grant = Some(grant);
            at_fault(run(service.register_device(&request, None)));
            request.grant = None;
            request.list = Some(list.clone());
            at_fault(run(service.register_device(&request, Some(&alice.user))));
            request.user_id = "carol".parse().unwrap();
            at_fault(run(service.register_device(&request, Some(&request.user_id.clone()))));
            at_fault(run(service.publish_list(&Publisher::Device(caller.clone()), &list)));
            at_fault(run(service.publish_list(&Publisher::Platform(alice.user.clone()), &list)));
            at_fault(run(service.upload_prekeys(&caller, &upload)));
            let token = TokenRequest { user_id: caller.user_id.clone(), device_id: caller.device_id, nonce: some.clone(), signature: other.clone() };
            at_fault(run(service.answer_challenge(&token, ORIGIN)));
            at_fault(run(service.put_slot(&text, slot, &MailboxSlot { data: some.clone() })));
            at_fault(run(service.take_slot(&text, slot, None)));
            let bob = "bob".parse().unwrap();
            let thread = ThreadId::direct(&caller.user_id, &bob);
            let message = SendMessage {
                client_seq: ClientSeq(seq),
                ciphertext: some,
                commitment: Bytes32([number; 32]),
                envelopes,
                device_list_versions: Default::default(),
                kind: Default::default(),
                target_msg_id: None,
                ttl_seconds: Some(u32::from(number)),
                attachment_ids: Vec::new(),
                urgent: false,
                to: Some(bob),
            };
            at_fault(run(service.send(&caller, thread, &key("k"), &message)));
            let query = HistoryQuery::Newest { cursor: Some(text.clone()) };
            at_fault(run(service.history(&caller, thread, &query, Some(number.into()))));
            let query = HistoryQuery::Changed { since: Some(text) };
            at_fault(run(service.history(&caller, thread, &query, Some(number.into()))));
        });
    }
}
