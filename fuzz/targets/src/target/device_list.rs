//! The signed list of an account's devices, as the relay hands it over.
//!
//! The first byte says what the rest is: 0 a list as it travels, else a payload that the account and its device sign here, as a malicious
//! contact would: 1 for the first version, 2 for the next one, 3 for a recovery. Reading holds at most 128 times the input and 8 KiB: an empty entry
//! is two bytes there and a struct here. A list that holds is what was signed, and follows the one before.

use std::sync::LazyLock;

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use sealwire_crypto::device::{
    DeviceList, ListChange, MAX_DEVICES, MAX_FEATURE_BYTES, MAX_FEATURES, MAX_PROTOCOL_VERSIONS,
    NewDevice, SignedDeviceList, consent_to_listing,
};
use sealwire_crypto::keys::{AccountKeyPair, IdentityKeyPair};
use sealwire_crypto::primitives::sha256;
use sealwire_crypto::transcript::Transcript;

use crate::memory::peak_of;
use crate::{Bound, Target};

pub(super) const TARGET: Target = Target {
    name: "device_list",
    bound: Bound::new(8 * 1024, 128),
    run,
    seeds,
};

/// An account with two versions of its list.
struct Account {
    key: AccountKeyPair,
    device: IdentityKeyPair,
    first: SignedDeviceList,
    verified: DeviceList,
    next: SignedDeviceList,
    recovery: SignedDeviceList,
}

static ACCOUNT: LazyLock<Account> = LazyLock::new(|| {
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    let key = AccountKeyPair::generate(&mut rng);
    let [device, second, third] = std::array::from_fn(|_| IdentityKeyPair::generate(&mut rng));
    let listed = |id: u32, identity: &IdentityKeyPair| NewDevice {
        device_id: id,
        registration_id: 1000 + id,
        identity_key: identity.public(),
        added_at_ms: 5,
        protocol_versions: vec![3, 4],
        features: vec!["reactions".to_owned()],
        device_signature: consent_to_listing(
            identity,
            "alice",
            &key.public(),
            &mut ChaCha20Rng::seed_from_u64(id.into()),
        )
        .unwrap(),
    };
    let one = listed(1, &device);
    let first = SignedDeviceList::sign_first(&key, &device, "alice", &one, 6, &mut rng).unwrap();
    let verified = first.verify_first("alice").unwrap();
    let change = ListChange {
        put: vec![listed(2, &second)],
        remove: Vec::new(),
    };
    let next = verified
        .sign_next(&key, 1, &device, &change, 7, &mut rng)
        .unwrap();
    let new = listed(3, &third);
    let recovery = verified
        .sign_recovery(&key, &third, &new, 8, &mut rng)
        .unwrap();
    Account {
        key,
        device,
        first,
        verified,
        next,
        recovery,
    }
});

static FULLEST: LazyLock<SignedDeviceList> = LazyLock::new(fullest);

fn run(input: &[u8]) -> usize {
    let Some((kind, rest)) = input.split_first() else {
        return 0;
    };
    let account = &*ACCOUNT;
    let (list, peak) = if *kind == 0 {
        let (read, peak) = peak_of(|| SignedDeviceList::from_bytes(rest));
        let Ok(list) = read else { return peak };
        let again = SignedDeviceList::from_bytes(&list.to_bytes());
        assert_eq!(again.as_ref(), Ok(&list));
        (list, peak)
    } else if rest.len() <= usize::from(u16::MAX) {
        (signed(rest), 0)
    } else {
        return 0;
    };
    let (_, parsing) = peak_of(|| (list.claimed_version(), list.claims_recovery()));
    let (first, verifying) = peak_of(|| list.verify_first("alice"));
    let next = account.verified.verify_next(&list);
    let recovered = account
        .verified
        .verify_recovery(&list)
        .map(|done| done.list);
    let _ = DeviceList::danger_restore_verified(&list);
    for (held, version) in [(first, 1), (next, 2), (recovered, 2)] {
        let Ok(held) = held else { continue };
        assert_eq!(held.version, version);
        assert_eq!(list.claimed_version(), Ok(version));
        assert_eq!(held.hash, sha256(&list.payload));
        assert_eq!(held.user_id, "alice");
        assert!((1..=MAX_DEVICES).contains(&held.devices().len()));
        if *kind == 0 {
            let known = [&account.first, &account.next, &account.recovery];
            let fullest = FULLEST.payload == list.payload;
            assert!(fullest || known.iter().any(|known| known.payload == list.payload));
        }
    }
    peak.max(parsing).max(verifying)
}

/// The payload under both signatures of the account.
fn signed(payload: &[u8]) -> SignedDeviceList {
    let account = &*ACCOUNT;
    let rng = &mut ChaCha20Rng::seed_from_u64(6);
    let text = |label| Transcript::new(label);
    let by_account = text("Sealwire v1 device list").bytes(payload).finish();
    let by_device = text("Sealwire v1 list signer")
        .u32(1)
        .bytes(payload)
        .finish();
    let by_account = account.key.sign(rng, &by_account.unwrap());
    let by_device = account.device.sign(rng, &by_device.unwrap());
    SignedDeviceList {
        payload: payload.to_vec(),
        account_signature: by_account.to_bytes().to_vec(),
        signer_device_id: 1,
        signer_signature: by_device.to_bytes().to_vec(),
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let account = &*ACCOUNT;
    let lists = [&account.first, &account.next, &account.recovery];
    let travelling = lists.map(|list| [&[0][..], &list.to_bytes()].concat());
    let payloads = lists.map(|list| [&[1][..], &list.payload].concat());
    // Nothing but empty entries, two bytes each: the most that an input of its length can be read into.
    let crowded = [&[1][..], &[0x32, 0].repeat(2_000)].concat();
    let all = travelling.into_iter().chain(payloads);
    let full = [
        [&[0][..], &FULLEST.to_bytes()].concat(),
        [&[1][..], &FULLEST.payload].concat(),
    ];
    all.chain([crowded]).chain(full).collect()
}

/// As many devices as a list may have, each with as many versions and features as it may have, of the longest names.
fn fullest() -> SignedDeviceList {
    let account = &*ACCOUNT;
    let rng = &mut ChaCha20Rng::seed_from_u64(7);
    let mut put = Vec::new();
    for id in 2..=u32::try_from(MAX_DEVICES).unwrap() {
        let identity = IdentityKeyPair::generate(rng);
        let consent = consent_to_listing(&identity, "alice", &account.key.public(), rng);
        let name = |number: usize| format!("{number:0width$}", width = MAX_FEATURE_BYTES);
        put.push(NewDevice {
            device_id: id,
            registration_id: 1000 + id,
            identity_key: identity.public(),
            added_at_ms: u64::MAX >> 1,
            protocol_versions: (3..).take(MAX_PROTOCOL_VERSIONS).collect(),
            features: (0..MAX_FEATURES).map(name).collect(),
            device_signature: consent.unwrap(),
        });
    }
    let remove = Vec::new();
    let change = ListChange { put, remove };
    let list = account
        .verified
        .sign_next(&account.key, 1, &account.device, &change, 7, rng);
    list.unwrap()
}
