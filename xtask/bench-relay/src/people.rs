//! Users and devices, registered by the contract as clients would.

use crate::http::{Head, Http};
use crate::trouble::{Done, Trouble, said};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use sealwire_crypto::challenge::Challenge as SignedText;
use sealwire_crypto::device::{
    DeviceList, ListChange, NewDevice, RegistrationGrant, SignedDeviceList, consent_to_listing,
};
use sealwire_crypto::keys::{AccountKeyPair, IdentityKeyPair, OneTimePreKeyPair, SignedPreKeyPair};
use sealwire_wire::contract::{
    Challenge, ChallengeRequest, PlatformTokenRequest, PrekeyUpload, PublicPrekey,
    PublicSignedPrekey, PublishDeviceList, RegisterDevice, RegisteredDevice, ReservedDevice,
    SignedGrant, SignedList, Token, TokenRequest,
};
use sealwire_wire::limits::PREKEYS_LOW;
use sealwire_wire::{DeviceId, UserId};
use std::net::{Ipv4Addr, SocketAddr};

/// Registrations under way at once.
const AT_ONCE: usize = 8;
/// Long enough for every grant of a run.
const GRANT_MS: u64 = 600_000;

/// A user with devices, each with a token.
pub(crate) struct Person {
    pub(crate) user: UserId,
    pub(crate) devices: Vec<Device>,
}

/// What others wrap for, and what the device shows the relay.
pub(crate) struct Device {
    pub(crate) id: DeviceId,
    pub(crate) registration_id: u32,
    pub(crate) token: String,
}

/// Opens an account for each of these names, with that many devices, and gets them tokens.
pub(crate) fn register(
    relay: SocketAddr,
    names: &[String],
    devices: u32,
    one_time_keys: bool,
) -> Done<Vec<Person>> {
    let share = names.len().div_ceil(AT_ONCE).max(1);
    let mut people = Vec::with_capacity(names.len());
    std::thread::scope(|scope| {
        let workers: Vec<_> = names
            .chunks(share)
            .map(|names| {
                scope.spawn(move || {
                    let mut rng = rng()?;
                    names
                        .iter()
                        .map(|name| person(relay, name, devices, one_time_keys, &mut rng))
                        .collect::<Done<Vec<_>>>()
                })
            })
            .collect();
        for worker in workers {
            let done = worker.join();
            people.extend(done.unwrap_or_else(|_| Err(said("a registration panicked")))?);
        }
        Ok(people)
    })
}

fn rng() -> Done<ChaCha20Rng> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(said)?;
    Ok(ChaCha20Rng::from_seed(seed))
}

/// A device before it has a token.
struct Registering {
    identity: IdentityKeyPair,
    request: RegisterDevice,
}

fn person(
    relay: SocketAddr,
    name: &str,
    devices: u32,
    one_time_keys: bool,
    rng: &mut ChaCha20Rng,
) -> Done<Person> {
    let user: UserId = name.parse().map_err(said)?;
    let http = &mut Http::connect(relay, address_of(name))?;
    let account = AccountKeyPair::generate(rng);
    let mut first = registering(&user, DeviceId::FIRST, one_time_keys, rng);
    let entry = entry(&first, &account, rng)?;
    let signed = SignedDeviceList::sign_first(&account, &first.identity, name, &entry, 1, rng)
        .map_err(said)?;
    let list = signed.verify_first(name).map_err(said)?;
    first.request.list = Some(travelling(&signed)?);
    let platform: Token = http.call(
        "POST",
        "/v1/dev/platform-token",
        Head::default(),
        &PlatformTokenRequest {
            user_id: user.clone(),
        },
    )?;
    let by_platform = Head {
        token: Some(&platform.token),
        ..Head::default()
    };
    let _: RegisteredDevice = http.call("POST", "/v1/devices", by_platform, &first.request)?;
    let mut own = vec![with_token(http, relay, &first, rng)?];
    if devices > 1 {
        let more = link(http, devices - 1, &first, &own[0], (&account, &list), rng)?;
        for device in more {
            own.push(with_token(http, relay, &device, rng)?);
        }
    }
    Ok(Person { user, devices: own })
}

/// Further devices of an account: reserved, granted, registered, and listed all at once.
fn link(
    http: &mut Http,
    count: u32,
    first: &Registering,
    first_device: &Device,
    (account, list): (&AccountKeyPair, &DeviceList),
    rng: &mut ChaCha20Rng,
) -> Done<Vec<Registering>> {
    let own = Head {
        token: Some(&first_device.token),
        ..Head::default()
    };
    let user = &first.request.user_id;
    let mut linked = Vec::new();
    let mut change = ListChange::default();
    for _ in 0..count {
        let reserved: ReservedDevice = http.call("POST", "/v1/me/devices/reserve", own, &())?;
        let mut new = registering(user, reserved.device_id, false, rng);
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).map_err(said)?;
        let grant = RegistrationGrant {
            user_id: user.to_string(),
            device_id: reserved.device_id.get(),
            nonce,
            expires_at_ms: now_ms() + GRANT_MS,
        };
        let signed = grant
            .sign(account, DeviceId::FIRST.get(), &first.identity, rng)
            .map_err(said)?;
        new.request.grant = Some(SignedGrant {
            payload: signed.payload.into(),
            account_signature: signed.account_signature.into(),
            signer_device_id: DeviceId::FIRST,
            device_signature: signed.device_signature.into(),
        });
        let _: RegisteredDevice =
            http.call("POST", "/v1/devices", Head::default(), &new.request)?;
        change.put.push(entry(&new, account, rng)?);
        linked.push(new);
    }
    let next = list
        .sign_next(
            account,
            DeviceId::FIRST.get(),
            &first.identity,
            &change,
            2,
            rng,
        )
        .map_err(said)?;
    let list = travelling(&next)?;
    http.tell(
        "PUT",
        "/v1/me/devices/list",
        own,
        &PublishDeviceList { list },
    )?;
    Ok(linked)
}

fn registering(
    user: &UserId,
    device_id: DeviceId,
    one_time_keys: bool,
    rng: &mut ChaCha20Rng,
) -> Registering {
    let identity = IdentityKeyPair::generate(rng);
    let signed = SignedPreKeyPair::generate(1, rng).public().to_bytes();
    let signature = identity.sign(rng, &signed).to_bytes();
    // A device with enough of them is not told, in a frame of its own, that they run low.
    let keys = if one_time_keys { PREKEYS_LOW } else { 0 };
    let one_time_prekeys = (1..=keys)
        .map(|id| PublicPrekey {
            id,
            key: OneTimePreKeyPair::generate(id, rng)
                .public()
                .to_bytes()
                .into(),
        })
        .collect();
    let request = RegisterDevice {
        user_id: user.clone(),
        device_id,
        identity_key: identity.public().to_bytes().into(),
        registration_id: 1000 + device_id.get(),
        prekeys: PrekeyUpload {
            signed_prekey: Some(PublicSignedPrekey {
                id: 1,
                key: signed.into(),
                signature: signature.into(),
            }),
            one_time_prekeys,
            ..PrekeyUpload::default()
        },
        list: None,
        grant: None,
    };
    Registering { identity, request }
}

fn entry(device: &Registering, account: &AccountKeyPair, rng: &mut ChaCha20Rng) -> Done<NewDevice> {
    let user = device.request.user_id.as_str();
    Ok(NewDevice {
        device_id: device.request.device_id.get(),
        registration_id: device.request.registration_id,
        identity_key: device.identity.public(),
        added_at_ms: 1,
        protocol_versions: vec![3],
        features: Vec::new(),
        device_signature: consent_to_listing(&device.identity, user, &account.public(), rng)
            .map_err(said)?,
    })
}

fn travelling(list: &SignedDeviceList) -> Done<SignedList> {
    Ok(SignedList {
        payload: list.payload.clone().into(),
        account_signature: list.account_signature.clone().into(),
        signer_device_id: DeviceId::new(list.signer_device_id).map_err(said)?,
        signer_signature: list.signer_signature.clone().into(),
    })
}

fn with_token(
    http: &mut Http,
    relay: SocketAddr,
    device: &Registering,
    rng: &mut ChaCha20Rng,
) -> Done<Device> {
    let (user_id, device_id) = (device.request.user_id.clone(), device.request.device_id);
    let asked = ChallengeRequest {
        user_id: user_id.clone(),
        device_id,
    };
    let challenge: Challenge = http.call("POST", "/v1/auth/challenge", Head::default(), &asked)?;
    let nonce = challenge.nonce.as_slice();
    let text = SignedText {
        relay_origin: &format!("http://{relay}"),
        user_id: user_id.as_str(),
        device_id: device_id.get(),
        nonce: nonce
            .try_into()
            .map_err(|_| Trouble::Said("a nonce is not 32 bytes long".to_owned()))?,
    };
    let signature = text.sign(&device.identity, rng).map_err(said)?.to_bytes();
    let proof = TokenRequest {
        user_id,
        device_id,
        nonce: challenge.nonce.clone(),
        signature: signature.into(),
    };
    let token: Token = http.call("POST", "/v1/auth/token", Head::default(), &proof)?;
    Ok(Device {
        id: device_id,
        registration_id: device.request.registration_id,
        token: token.token,
    })
}

/// An address of this machine for each user.
fn address_of(name: &str) -> Ipv4Addr {
    let number = name.bytes().fold(7_u32, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(byte.into())
    });
    let [_, a, b, c] = number.to_be_bytes();
    // Neither the network's own address nor its broadcast.
    Ipv4Addr::new(127, a, b, c.clamp(1, 254))
}

fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}
