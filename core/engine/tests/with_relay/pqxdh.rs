//! Sessions of version 4: from the first message on, after an upgrade, and against a relay that would rather have version 3.

use crate::device::{Device, STOCK, user};
use crate::relay::Relay;
use rand_core::SeedableRng as _;
use sealwire_crypto::device::{DeviceList, NewDevice, SignedDeviceList, consent_to_listing};
use sealwire_crypto::keys::{AccountKeyPair, IdentityKeyPair};
use sealwire_engine::{Call, Event, MessageState};
use sealwire_store::{DeviceListRow, Location, Store, StoreKey};
use sealwire_wire::Timestamp;
use sealwire_wire::contract::{
    DeviceName, EnvelopeType, MessageRow, RegisterDevice, ServerEvent, SignedList,
};
use serde::Deserialize;
use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

/// Devices and a relay as they were before there were KEM prekeys.
struct Before {
    relay: Relay,
    alice: Device,
    bob: Device,
    _folder: tempfile::TempDir,
}

#[derive(Deserialize)]
struct RelayBefore {
    lists: BTreeMap<sealwire_wire::UserId, Vec<SignedList>>,
    registered: Vec<RegisterDevice>,
    queues: Vec<(DeviceName, VecDeque<MessageRow>)>,
}

fn fixture(name: &str) -> std::path::PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/before_kem");
    folder.join(name)
}

impl Before {
    /// Both open their stores with this build; nobody is told anything yet.
    fn new() -> Self {
        let before = std::fs::read(fixture("relay.json")).unwrap();
        let before: RelayBefore = serde_json::from_slice(&before).unwrap();
        let mut relay = Relay::default();
        relay.lists = before.lists;
        relay.queues = before.queues.into_iter().collect();
        // Ids of rows rise.
        relay.starts_behind(1_000);
        for device in before.registered {
            let name = DeviceName {
                user_id: device.user_id.clone(),
                device_id: device.device_id,
            };
            for prekey in &device.prekeys.one_time_prekeys {
                relay
                    .one_time
                    .insert((name.clone(), prekey.id), prekey.key.clone());
            }
            relay.registered.insert(name, device);
        }
        let folder = tempfile::tempdir().unwrap();
        let open = |name: &str, seed| {
            let file = format!("{name}.store");
            let copy = folder.path().join(&file);
            std::fs::copy(fixture(&file), &copy).unwrap();
            let key = StoreKey::new([7; 32], [9; 16]);
            let store = Store::open(&Location::File(copy), &key, Some(1)).unwrap();
            Device::at(store, seed, Timestamp(1_800_000_100_000))
        };
        Self {
            relay,
            alice: open("alice", 11),
            bob: open("bob", 12),
            _folder: folder,
        }
    }
}

/// What the newest list that the relay has says that the first device speaks.
fn listed(relay: &Relay, name: &str) -> (u64, Vec<u32>) {
    let lists = &relay.lists[&user(name)];
    let newest = lists.last().unwrap();
    let signed = SignedDeviceList {
        payload: newest.payload.0.clone(),
        account_signature: newest.account_signature.0.clone(),
        signer_device_id: newest.signer_device_id.get(),
        signer_signature: newest.signer_signature.0.clone(),
    };
    let list = DeviceList::danger_restore_verified(&signed).unwrap();
    let entry = list.device(1).unwrap();
    (list.version, entry.protocol_versions.clone())
}

fn hear_of_list(relay: &mut Relay, device: &mut Device, of: &str) {
    let changed = device.frame(ServerEvent::Devices {
        user_id: user(of),
        version: 2,
    });
    device.take_frames(relay, vec![changed]);
}

/// The version of its session with the first device of somebody.
fn speaks(device: &Device, with: &str) -> Option<u8> {
    let first = sealwire_wire::DeviceId::FIRST;
    sealwire_engine::session_protocol(device.engine.store(), &user(with), first).unwrap()
}

fn accuses(device: &Device) -> usize {
    let accuses = |event: &&Event| matches!(event, Event::RelayInconsistent { .. });
    device.events.iter().filter(accuses).count()
}

#[test]
fn a_first_session_is_of_version_4_and_uses_up_one_kem_prekey() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    let mut bob = Device::registered(relay, "bob", 2);
    assert_eq!(listed(relay, "alice"), (1, vec![4]));
    bob.send(relay, "alice", "hello");
    alice.deliver(relay);
    alice.send(relay, "bob", "hello to you");
    bob.deliver(relay);
    assert_eq!(
        (speaks(&alice, "bob"), speaks(&bob, "alice")),
        (Some(4), Some(4))
    );
    let left = alice.engine.store().count_one_time_kem_prekeys().unwrap();
    assert_eq!(left, STOCK as u64 - 1);
    let alice = alice.restarted(3);
    assert_eq!(alice.texts("bob"), ["hello", "hello to you"]);
    assert_eq!(speaks(&alice, "bob"), Some(4));
}

#[test]
fn a_failed_first_message_uses_up_no_kem_prekey() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    let mut bob = Device::registered(relay, "bob", 2);
    bob.send(relay, "alice", "hello");
    let mut spoilt = relay.queues[&alice.name()][0].clone();
    let body = &mut spoilt.envelope.as_mut().unwrap().body.0;
    let last = body.len() - 20;
    body[last] ^= 1;
    alice.take_rows(relay, vec![spoilt]);
    let left = alice.engine.store().count_one_time_kem_prekeys().unwrap();
    // Its own request for the message names one more, which the relay never sees.
    assert!(left >= STOCK as u64, "{left}");
}

#[test]
fn when_all_one_time_keys_are_gone_the_last_resort_serves_and_a_replay_opens_nothing_twice() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    let mut bob = Device::registered(relay, "bob", 2);
    let held = relay.registered.get_mut(&alice.name()).unwrap();
    held.prekeys.one_time_prekeys.clear();
    held.prekeys.one_time_kem_prekeys.clear();
    bob.send(relay, "alice", "hello");
    let row = relay.queues[&alice.name()][0].clone();
    alice.deliver(relay);
    assert_eq!(speaks(&alice, "bob"), Some(4));
    let (of_bob, first) = (user("bob"), sealwire_wire::DeviceId::FIRST);
    let store = alice.engine.store();
    assert_eq!(store.count_used_base_keys(&of_bob, first).unwrap(), 1);
    assert_eq!(store.count_one_time_kem_prekeys().unwrap(), STOCK as u64);
    // The session is gone, its name is not.
    let mut alice = alice.after_surgery(relay, 3, |tx| {
        tx.delete_sessions(&of_bob, first).unwrap();
    });
    let again = MessageRow {
        id: sealwire_wire::MessageId::from_parts(2_000_000, 0),
        client_seq: sealwire_wire::ClientSeq(77),
        ..row
    };
    alice.take_rows(relay, vec![again]);
    assert_eq!(alice.texts("bob"), ["hello", "<key_reused>"]);
}

#[test]
fn a_relay_that_takes_the_kem_prekey_away_gets_no_message_and_is_told_of() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    let mut bob = Device::registered(relay, "bob", 2);
    relay.strips_kem = true;
    let waiting = bob.send(relay, "alice", "hello");
    assert!(relay.queues.is_empty());
    assert_eq!(speaks(&bob, "alice"), None);
    assert_eq!(bob.state(waiting), MessageState::Pending);
    assert_eq!(accuses(&bob), 1);
    relay.strips_kem = false;
    bob.pass(relay, 120_000);
    alice.deliver(relay);
    assert_eq!(alice.texts("bob"), ["hello"]);
    assert_eq!(speaks(&alice, "bob"), Some(4));
}

fn allowing_x3dh(relay: &mut Relay, name: &str, seed: u64) -> Device {
    let key = StoreKey::new([7; 32], [9; 16]);
    let store = Store::open(&Location::Memory, &key, None).unwrap();
    let mut device = Device::allowing_x3dh(store, seed);
    device.register(name);
    device.run(relay);
    device
}

/// The same first list of a device, but that it speaks X3DH alone.
fn first_list_with_x3dh_alone(device: &Device) -> DeviceListRow {
    let rng = &mut rand_chacha::ChaCha20Rng::seed_from_u64(9);
    let held = device.engine.store().account().unwrap().unwrap();
    let account = AccountKeyPair::from_secret_bytes(&held.account_secret.unwrap());
    let identity = IdentityKeyPair::from_secret_bytes(&held.identity_secret);
    let name = held.user_id.as_str();
    let entry = NewDevice {
        device_id: 1,
        registration_id: held.registration_id,
        identity_key: identity.public(),
        added_at_ms: 1,
        protocol_versions: vec![3],
        features: Vec::new(),
        device_signature: consent_to_listing(&identity, name, &account.public(), rng).unwrap(),
    };
    let signed = SignedDeviceList::sign_first(&account, &identity, name, &entry, 1, rng).unwrap();
    DeviceListRow {
        version: 1,
        bytes: signed.to_bytes(),
        hash: signed.verify_first(name).unwrap().hash,
    }
}

#[test]
fn a_session_of_version_3_that_both_lists_rule_out_is_refused_whatever_the_policy() {
    let relay = &mut Relay::default();
    let mut alice = allowing_x3dh(relay, "alice", 1);
    let mut bob = allowing_x3dh(relay, "bob", 2);
    assert_eq!(listed(relay, "alice"), (1, vec![3, 4]));
    // The relay takes the KEM prekeys away: where the list promises them, the policy changes nothing.
    relay.strips_kem = true;
    bob.send(relay, "alice", "hello");
    assert!(relay.queues.is_empty());
    // Bob believes that there never were any, as nobody honest does who sees Alice's list.
    let forged = first_list_with_x3dh_alone(&alice);
    let changed = bob.engine.into_store();
    let mut changed = changed;
    let done = changed.transaction(|tx| -> Result<(), sealwire_store::StoreError> {
        tx.withdraw_lists_after(&user("alice"), 0)?;
        tx.append_list(&user("alice"), &forged)
    });
    done.unwrap();
    let mut bob = Device::allowing_x3dh(changed, 3);
    bob.pass(relay, 120_000);
    assert_eq!(speaks(&bob, "alice"), Some(3));
    alice.deliver(relay);
    assert_eq!(alice.texts("bob"), ["<unknown_version>"]);
    assert_eq!(speaks(&alice, "bob"), None);
}

#[test]
fn a_device_of_before_uploads_kem_prekeys_and_only_then_lists_what_it_speaks() {
    let Before {
        mut relay,
        mut alice,
        ..
    } = Before::new();
    let relay = &mut relay;
    assert_eq!(listed(relay, "alice"), (1, vec![3]));
    alice.run(relay);
    alice.caught_up(relay);
    let at = |what: &str| relay.asked.iter().position(|asked| asked.contains(what));
    let (uploaded, published) = (at("Put /v1/prekeys"), at("Put /v1/me/devices/list"));
    assert!(uploaded.unwrap() < published.unwrap(), "{:?}", relay.asked);
    assert_eq!(listed(relay, "alice"), (2, vec![4]));
    let prekeys = &relay.registered[&alice.name()].prekeys;
    assert_eq!(prekeys.one_time_kem_prekeys.len(), STOCK);
    assert!(prekeys.last_resort_kem_prekey.is_some());
    // From the list on: another signed prekey, that no message of before names.
    let held = alice.engine.store().signed_prekeys().unwrap();
    assert_eq!((held[0].listed_version, held[1].listed_version), (4, 3));
    let lists = relay.lists[&user("alice")].len();
    let mut alice = alice.restarted_at_its_time(21);
    alice.run(relay);
    alice.caught_up(relay);
    assert_eq!(relay.lists[&user("alice")].len(), lists, "once");
    assert_eq!(
        alice.texts("bob")[..3],
        ["hello", "hello to you", "read before"]
    );
}

#[test]
fn an_upload_that_fails_keeps_the_list_as_it_was() {
    let Before {
        mut relay,
        mut alice,
        ..
    } = Before::new();
    relay.instead = Some(Box::new(|request| {
        let upload = request.path == "/v1/prekeys";
        upload.then(|| crate::relay::no(sealwire_wire::contract::ErrorCode::RateLimited))
    }));
    alice.run(&mut relay);
    alice.caught_up(&mut relay);
    assert_eq!(listed(&relay, "alice"), (1, vec![3]));
    relay.instead = None;
    alice.pass(&mut relay, 600_000);
    assert_eq!(listed(&relay, "alice"), (2, vec![4]));
}

#[test]
fn messages_queued_before_the_upgrade_open_after_it() {
    let Before {
        mut relay,
        mut alice,
        ..
    } = Before::new();
    let relay = &mut relay;
    alice.run(relay);
    alice.caught_up(relay);
    assert_eq!(listed(relay, "alice"), (2, vec![4]));
    alice.deliver(relay);
    assert_eq!(alice.texts("carol"), ["from before"]);
    assert_eq!(
        speaks(&alice, "carol"),
        Some(3),
        "it began with what there was"
    );
    assert!(alice.texts("bob").contains(&"also from before".to_owned()));
    let alice = alice.restarted_at_its_time(22);
    assert_eq!(alice.texts("carol"), ["from before"]);
}

#[test]
fn when_a_peer_gains_version_4_the_session_is_begun_anew_with_the_next_message() {
    let Before {
        mut relay,
        mut alice,
        mut bob,
        ..
    } = Before::new();
    let relay = &mut relay;
    alice.run(relay);
    alice.caught_up(relay);
    // Bob was not upgraded yet: what was written before goes to him in the session that there is.
    alice.deliver(relay);
    assert_eq!(speaks(&alice, "bob"), Some(3));
    bob.run(relay);
    bob.caught_up(relay);
    bob.deliver(relay);
    assert!(bob.texts("alice").contains(&"written before".to_owned()));
    assert_eq!(listed(relay, "bob"), (2, vec![4]));
    hear_of_list(relay, &mut alice, "bob");
    hear_of_list(relay, &mut bob, "alice");
    alice.send(relay, "bob", "anew");
    let row = relay.queues[&bob.name()].back().unwrap();
    assert_eq!(row.envelope.as_ref().unwrap().kind, EnvelopeType::Prekey);
    assert_eq!(speaks(&alice, "bob"), Some(4));
    bob.deliver(relay);
    bob.send(relay, "alice", "anew to you");
    alice.deliver(relay);
    assert_eq!(
        (speaks(&alice, "bob"), speaks(&bob, "alice")),
        (Some(4), Some(4))
    );
    let alice = alice.restarted_at_its_time(23);
    assert!(
        alice
            .texts("bob")
            .ends_with(&["anew".to_owned(), "anew to you".to_owned()])
    );
}

/// Dora, who asks for PQXDH, writes to Bob, who was never updated.
fn dora_writes_to_one_of_before(text: &str) -> (Before, Device, i64) {
    let mut before = Before::new();
    let mut dora = Device::registered(&mut before.relay, "dora", 31);
    let local_id = dora.send(&mut before.relay, "bob", text);
    (before, dora, local_id)
}

#[test]
fn a_message_to_a_device_without_kem_prekeys_fails_with_its_reason_and_is_not_tried_without_end() {
    let (mut before, mut dora, local_id) = dora_writes_to_one_of_before("hello");
    let relay = &mut before.relay;
    let failed = MessageState::Failed {
        code: "post_quantum_keys_missing".to_owned(),
    };
    assert_eq!(dora.state(local_id), failed);
    let told =
        |event: &&Event| matches!(event, Event::MessageFailed(message) if message.state == failed);
    assert_eq!(dora.events.iter().filter(told).count(), 1);
    assert_eq!(accuses(&dora), 0, "the relay did nothing wrong");
    let bobs = relay.queues.keys().find(|name| name.user_id == user("bob"));
    let waiting = bobs.map_or(0, |name| {
        let of_dora = |row: &&MessageRow| row.sender_id == user("dora");
        relay.queues[name].iter().filter(of_dora).count()
    });
    assert_eq!(waiting, 0);
    let asked = relay.asked.len();
    dora.pass(relay, 60 * 60 * 1000);
    let tries = relay.asked[asked..]
        .iter()
        .filter(|asked| asked.ends_with("/messages") || asked.ends_with("/prekeys/query"));
    assert_eq!(tries.count(), 0);
    // Asked for once more too early: the same answer, and not after a day.
    let call = dora.call(Call::Retry { local_id });
    assert!(dora.result(call).unwrap().is_ok());
    dora.run(relay);
    assert_eq!(dora.state(local_id), failed);
    assert_eq!(dora.restarted(32).state(local_id), failed);
}

#[test]
fn once_the_peer_gains_version_4_what_failed_is_sent_by_retry_and_what_comes_after_goes_by_itself()
{
    let (mut before, dora, local_id) = dora_writes_to_one_of_before("hello");
    let mut dora = dora.restarted_at_its_time(33);
    let relay = &mut before.relay;
    before.bob.run(relay);
    before.bob.caught_up(relay);
    assert_eq!(listed(relay, "bob"), (2, vec![4]));
    dora.run(relay);
    hear_of_list(relay, &mut dora, "bob");
    let call = dora.call(Call::Retry { local_id });
    assert!(dora.result(call).unwrap().is_ok());
    dora.run(relay);
    dora.send(relay, "bob", "and more");
    assert_eq!(dora.state(local_id), MessageState::Sent);
    before.bob.deliver(relay);
    assert_eq!(before.bob.texts("dora"), ["hello", "and more"]);
    assert_eq!(speaks(&dora, "bob"), Some(4));
    assert_eq!(dora.restarted(34).state(local_id), MessageState::Sent);
}

#[test]
fn a_version_or_kem_type_that_was_altered_on_the_way_costs_no_message() {
    for alter in [
        |body: &mut Vec<u8>| body[0] = 0x54,
        |body: &mut Vec<u8>| {
            // Field 8 of the prekey message, of 1,569 bytes, and its type.
            let kem = [0x42, 0xa1, 0x0c, 0x0a];
            let at = body.windows(4).position(|bytes| bytes == kem).unwrap();
            body[at + 3] = 0x0b;
        },
    ] {
        let relay = &mut Relay::default();
        let mut alice = Device::registered(relay, "alice", 1);
        let mut bob = Device::registered(relay, "bob", 2);
        bob.send(relay, "alice", "hello");
        let mut row = relay
            .queues
            .remove(&alice.name())
            .unwrap()
            .remove(0)
            .unwrap();
        alter(&mut row.envelope.as_mut().unwrap().body.0);
        alice.take_rows(relay, vec![row]);
        assert_eq!(alice.texts("bob"), ["<unknown_version>"]);
        for _ in 0..3 {
            alice.pass(relay, 5_000);
            bob.deliver(relay);
            bob.pass(relay, 5_000);
            alice.deliver(relay);
        }
        assert_eq!(alice.restarted(7).texts("bob"), ["hello"]);
    }
}

#[test]
fn where_the_policy_lets_it_a_device_that_was_never_updated_is_written_to_in_version_3_until_it_is()
{
    let mut before = Before::new();
    let relay = &mut before.relay;
    let mut dora = allowing_x3dh(relay, "dora", 31);
    let local_id = dora.send(relay, "bob", "hello");
    assert_eq!(dora.state(local_id), MessageState::Sent);
    assert_eq!(speaks(&dora, "bob"), Some(3));
    assert_eq!((accuses(&dora), listed(relay, "bob")), (0, (1, vec![3])));
    // What opens it speaks version 4 by then, and answers in it.
    let bob = &mut before.bob;
    bob.run(relay);
    bob.caught_up(relay);
    bob.deliver(relay);
    assert_eq!(bob.texts("dora"), ["hello"]);
    assert_eq!(speaks(bob, "dora"), Some(3));
    bob.send(relay, "dora", "hello to you");
    dora.deliver(relay);
    hear_of_list(relay, &mut dora, "bob");
    dora.send(relay, "bob", "in version 4");
    bob.deliver(relay);
    assert_eq!(
        (speaks(&dora, "bob"), speaks(bob, "dora")),
        (Some(4), Some(4))
    );
    let words = ["hello", "hello to you", "in version 4"];
    assert_eq!(dora.texts("bob"), words);
    assert_eq!(before.bob.restarted_at_its_time(35).texts("dora"), words);
}
