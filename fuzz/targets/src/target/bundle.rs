//! The keys that a device publishes, as the relay hands them out.
//!
//! An input that begins with `{` is the JSON of a bundle. Any other is keys: 33 bytes of a signed prekey, 33 of a one-time prekey and the rest
//! a KEM prekey, under signatures that are real, as a malicious contact would publish them. Reading the JSON holds at most 8 times the input
//! and 2 KiB. A bundle that was altered begins nothing; one of a contact begins a session or is refused.

use sealwire_crypto::bundle::PreKeyBundle;
use sealwire_crypto::keys::{IdentityKey, KemPublicKey, OneTimePreKey, SignedPreKey};
use sealwire_crypto::ratchet::{SessionPolicy, SessionRecord, begin, seal};
use sealwire_crypto::signature::Signature;
use sealwire_wire::contract::{
    Bundle, PublicKemPrekey, PublicPrekey, PublicSignedPrekey, read_json,
};
use sealwire_wire::{Base64, DeviceId};

use crate::device::{LAST_RESORT, OLD_STRANGERS, STRANGERS};
use crate::memory::peak_of;
use crate::{Bound, Target};

pub(super) const TARGET: Target = Target {
    name: "bundle",
    bound: Bound::new(2 * 1024, 8),
    run,
    seeds,
};

fn run(input: &[u8]) -> usize {
    if input.first() != Some(&b'{') {
        return of_a_contact(input);
    }
    let (read, peak) = peak_of(|| read_json::<Bundle>(input));
    let Ok(bundle) = read else { return peak };
    let written = serde_json::to_vec(&bundle).unwrap();
    assert!(read_json::<Bundle>(&written).is_ok_and(|again| again == bundle));
    let (alice, bob) = &*STRANGERS;
    if let Some(checked) = verified(&bundle, bob.identity.public()) {
        assert_eq!(checked.signed_prekey(), bob.signed.public());
        if let Some((_, key)) = checked.kem_prekey() {
            assert!(bob.kem.values().any(|pair| pair.public() == *key));
        }
        let begun = alice.clone();
        begin_with(&checked, begun.record.as_ref());
    }
    peak
}

/// Anything at all, signed by the one who offers it.
fn of_a_contact(input: &[u8]) -> usize {
    let Some((signed, rest)) = input.split_at_checked(33) else {
        return 0;
    };
    let Some((one_time, kem)) = rest.split_at_checked(33) else {
        return 0;
    };
    let mut eve = STRANGERS.1.clone();
    let (Ok(signed), Ok(one_time)) = (
        SignedPreKey::from_bytes(signed),
        OneTimePreKey::from_bytes(one_time),
    ) else {
        return 0;
    };
    let signature = eve.identity.sign_prekey(&mut eve.rng, &signed);
    let identity = eve.identity.public();
    let once = Some((2, one_time));
    let bundle = PreKeyBundle::new(3, 1, identity, 1, signed, &signature, once).unwrap();
    let (kem, peak) = peak_of(|| KemPublicKey::from_bytes(kem));
    let bundle = match kem {
        Ok(kem) => {
            let signature = eve.identity.sign_kem_prekey(&mut eve.rng, &kem);
            bundle.with_kem_prekey(4, kem, &signature).unwrap()
        }
        Err(_) => bundle,
    };
    begin_with(&bundle, None);
    peak
}

fn begin_with(bundle: &PreKeyBundle, record: Option<&SessionRecord>) {
    let mut alice = STRANGERS.0.clone();
    let (now, policy) = (alice.now_ms, SessionPolicy::allow_x3dh());
    let identity = &alice.identity;
    if let Ok(begun) = begin(record, identity, 1, bundle, policy, now, &mut alice.rng) {
        assert!(seal(&begun, now, b"hello").is_ok());
    }
}

/// The bundle with its signatures checked, as the engine checks it.
fn verified(bundle: &Bundle, identity: IdentityKey) -> Option<PreKeyBundle> {
    let one_time = match &bundle.one_time_prekey {
        Some(prekey) => Some((
            prekey.id,
            OneTimePreKey::from_bytes(prekey.key.as_slice()).ok()?,
        )),
        None => None,
    };
    let signed = &bundle.signed_prekey;
    let checked = PreKeyBundle::new(
        bundle.registration_id,
        bundle.device_id.get(),
        identity,
        signed.id,
        SignedPreKey::from_bytes(signed.key.as_slice()).ok()?,
        &Signature::from_bytes(signed.signature.as_slice()).ok()?,
        one_time,
    )
    .ok()?;
    let Some(kem) = &bundle.kem_prekey else {
        return Some(checked);
    };
    let key = KemPublicKey::from_bytes(kem.key.as_slice()).ok()?;
    let signature = Signature::from_bytes(kem.signature.as_slice()).ok()?;
    checked.with_kem_prekey(kem.id, key, &signature).ok()
}

fn seeds() -> Vec<Vec<u8>> {
    let bytes = |bytes: &[u8]| Base64(bytes.to_vec());
    let mut bob = STRANGERS.1.clone();
    let (signed, one_time) = (bob.signed.public(), bob.one_time[&100].public());
    let kem = bob.kem[&LAST_RESORT].public();
    let signature = bob.identity.sign_prekey(&mut bob.rng, &signed);
    let by_kem = bob.identity.sign_kem_prekey(&mut bob.rng, &kem);
    let whole = Bundle {
        device_id: DeviceId::FIRST,
        registration_id: bob.registration_id,
        identity_key: bytes(&bob.identity.public().to_bytes()),
        signed_prekey: PublicSignedPrekey {
            id: bob.signed.id(),
            key: bytes(&signed.to_bytes()),
            signature: bytes(&signature.to_bytes()),
        },
        one_time_prekey: Some(PublicPrekey {
            id: 100,
            key: bytes(&one_time.to_bytes()),
        }),
        kem_prekey: Some(PublicKemPrekey {
            id: LAST_RESORT,
            key: bytes(&kem.to_bytes()),
            signature: bytes(&by_kem.to_bytes()),
        }),
    };
    let old = Bundle {
        one_time_prekey: None,
        kem_prekey: None,
        ..whole.clone()
    };
    let keys = [
        &signed.to_bytes()[..],
        &one_time.to_bytes(),
        &kem.to_bytes(),
    ]
    .concat();
    let other = OLD_STRANGERS.0.signed.public().to_bytes();
    // u = 0 is of small order.
    let zero = [&[5; 1][..], &[0; 32], &other].concat();
    let json = |bundle| serde_json::to_vec(bundle).unwrap();
    vec![json(&whole), json(&old), keys, zero]
}
