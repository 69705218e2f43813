//! A relay that holds no key of anybody, and a device that was linked a moment ago.

use crate::account::link;
use crate::device::{Device, user};
use crate::relay::{Relay, no, ok};
use crate::trust::pretender_publishes;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use sealwire_crypto::bundle::PreKeyBundle;
use sealwire_crypto::device::{NewDevice, consent_to_listing};
use sealwire_crypto::keys::{
    AccountKeyPair, IdentityKey, IdentityKeyPair, KemPublicKey, SignedPreKey,
};
use sealwire_crypto::ratchet::{self, SessionPolicy};
use sealwire_crypto::signature::Signature;
use sealwire_wire::contract::{
    ControlMessage, DeviceName, EnvelopeBody, EnvelopeType, ErrorCode, UserDeviceLists,
};
use sealwire_wire::control::Control;
use sealwire_wire::{DeviceId, MessageId};

#[test]
fn a_relay_without_any_key_gets_no_account_key_out_of_a_device_just_linked() {
    for of in [99, 100] {
        asks_for_the_account_key_behind_so_many_lists(of);
    }
}

fn asks_for_the_account_key_behind_so_many_lists(of: usize) {
    let rng = &mut ChaCha20Rng::seed_from_u64(1_000);
    // The relay's own bob: an account key, a first device and a device 2 that it made up.
    let made_up = &mut Relay::default();
    let fake = Device::registered(made_up, "bob", 99);
    let row = fake.engine.store().account().unwrap().unwrap();
    let account = AccountKeyPair::from_secret_bytes(&row.account_secret.unwrap());
    let second = IdentityKeyPair::generate(rng);
    let consent = consent_to_listing(&second, "bob", &account.public(), rng).unwrap();
    pretender_publishes(
        made_up,
        &fake,
        vec![NewDevice {
            device_id: 2,
            registration_id: 7,
            identity_key: second.public(),
            added_at_ms: 1,
            protocol_versions: vec![3, 4],
            features: Vec::new(),
            device_signature: consent,
        }],
    );
    while made_up.lists[&user("bob")].len() < of {
        pretender_publishes(made_up, &fake, Vec::new());
    }
    let lists = made_up.lists[&user("bob")].clone();

    let relay = &mut Relay::default();
    let mut bob = Device::registered(relay, "bob", 2);
    let mut phone = Device::new(3);
    relay.instead = Some(Box::new(move |request| {
        if request.path.ends_with("/v1/users/bob/devices?since=0") {
            return Some(ok(&UserDeviceLists {
                user_id: user("bob"),
                version: lists.len() as u64,
                lists: lists.clone(),
            }));
        }
        let more = request.path.ends_with("/v1/users/bob/devices?since=100");
        more.then(|| no(ErrorCode::Unavailable))
    }));
    assert!(link(relay, &mut bob, &mut phone).unwrap().is_ok());

    let name = DeviceName {
        user_id: user("bob"),
        device_id: DeviceId::new(2).unwrap(),
    };
    let registered = relay.registered[&name].clone();
    let signed = registered.prekeys.signed_prekey.clone().unwrap();
    let kem = registered.prekeys.last_resort_kem_prekey.clone().unwrap();
    let bundle = PreKeyBundle::new(
        registered.registration_id,
        2,
        IdentityKey::from_bytes(registered.identity_key.as_slice()).unwrap(),
        signed.id,
        SignedPreKey::from_bytes(signed.key.as_slice()).unwrap(),
        &Signature::from_bytes(signed.signature.as_slice()).unwrap(),
        None,
    )
    .unwrap()
    .with_kem_prekey(
        kem.id,
        KemPublicKey::from_bytes(kem.key.as_slice()).unwrap(),
        &Signature::from_bytes(kem.signature.as_slice()).unwrap(),
    )
    .unwrap();
    let identity = IdentityKeyPair::from_secret_bytes(&row.identity_secret);
    let record = ratchet::begin(
        None,
        &identity,
        row.registration_id,
        &bundle,
        SessionPolicy::default(),
        phone.now.0,
        rng,
    )
    .unwrap();
    let asks = Control::AccountKeyRequest.encode().unwrap();
    let (_, sealed) = ratchet::seal(&record, phone.now.0, &asks).unwrap();
    let so_far = relay.told.len();
    phone.take_control(
        relay,
        ControlMessage {
            id: MessageId::from_parts(90_000, 0),
            sender_id: user("bob"),
            sender_device_id: DeviceId::FIRST,
            envelope: EnvelopeBody {
                kind: EnvelopeType::Prekey,
                body: sealed.body.into(),
            },
            created_at: phone.now,
        },
    );
    phone.pass(relay, 5_000);
    assert_eq!(relay.told.len(), so_far, "something was answered");

    // The lie ends: the device is one like any other.
    relay.instead = None;
    Device::registered(relay, "alice", 1);
    phone.send(relay, "alice", "hello");
    phone.pass(relay, 3_600_000);
    assert_eq!(relay.sends.len(), 1, "behind {of} lists");
    let secret = |device: &Device| {
        device
            .engine
            .store()
            .account()
            .unwrap()
            .unwrap()
            .account_secret
    };
    assert_eq!(
        secret(&phone).map(|key| key.to_vec()),
        secret(&bob).map(|key| key.to_vec())
    );
    assert!(
        phone
            .restarted(9)
            .texts("alice")
            .contains(&"hello".to_owned())
    );
}
