//! The relay lies about whose devices are whose: nothing is wrapped for a device that its account did not sign.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a step that fails here is the test failing"
)]

use sealwire::{Event, MessageState, ThreadId};
use sealwire_crypto::device::SignedDeviceList;
use sealwire_tests::{
    Adversary, ByHand, Device, Fate, answer, bundle, edit, lists_of, problem, same_everywhere,
    soon, start_pair, start_relay, stranger, strangers_bundle, user,
};
use sealwire_wire::contract::{
    DeviceMismatch, DeviceName, ErrorCode, Problem, SentMessage, UserDeviceLists,
};
use sealwire_wire::{DeviceId, MessageId, Timestamp};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn number(device: u32) -> DeviceId {
    DeviceId::new(device).unwrap()
}

/// The devices that anything was wrapped for so far.
fn wrapped_for(device: &Device) -> BTreeSet<(String, u64)> {
    let sends = device.adversary.sends();
    let envelopes = sends
        .iter()
        .flat_map(|send| send.body["envelopes"].as_array().unwrap());
    envelopes
        .map(|envelope| {
            let user = envelope["user_id"].as_str().unwrap().to_owned();
            (user, envelope["device_id"].as_u64().unwrap())
        })
        .collect()
}

fn is_rollback(event: &Event) -> bool {
    matches!(event, Event::DeviceListRollback { user_id } if user_id.as_str() == "bob")
}

fn has_lists_of(event: &Event, of: &str, at: u64) -> bool {
    matches!(event, Event::DevicesChanged { user_id, version } if user_id.as_str() == of && *version == at)
}

/// From now on the relay shows these lists of bob.
pub(crate) fn show(adversary: &Adversary, lists: UserDeviceLists) {
    adversary.on_request(move |seen| {
        if seen.is("GET", "/v1/users/bob/devices") {
            return Fate::Answered(answer(200, serde_json::to_vec(&lists).unwrap()));
        }
        Fate::Passed
    });
}

/// The relay says that there is something new about bob's devices.
pub(crate) fn announce(adversary: &Adversary) {
    adversary.inject(&json!({"t": "devices", "frame_seq": 0, "user_id": "bob", "version": 2}));
}

/// Shown such lists, alice tells so, sends nothing, and goes on when the relay is honest again.
async fn refused(forge: impl AsyncFnOnce(&Device) -> UserDeviceLists) {
    let (_relay, alice, bob, thread) = start_pair().await;
    alice.say(thread, "before").await;
    bob.hears("before").await;
    show(&alice.adversary, forge(&bob).await);
    announce(&alice.adversary);
    alice.events.until("rollback", is_rollback).await;
    let message = alice.write(thread, "not now").await;
    let sends = alice.adversary.sends().len();
    announce(&alice.adversary);
    alice
        .adversary
        .until("asked twice", |adversary| {
            let requests = adversary.requests();
            let asked = requests
                .iter()
                .filter(|seen| seen.is("GET", "/v1/users/bob/devices"));
            (asked.count() >= 3).then_some(())
        })
        .await;
    assert_eq!(alice.adversary.sends().len(), sends, "something was sent");
    assert_eq!(
        alice.events.count(is_rollback),
        1,
        "it was told again and again"
    );
    alice.adversary.rest();
    soon("sent", alice.client.wait_until_sent(message.local_id))
        .await
        .unwrap();
    bob.hears("not now").await;
    assert_eq!(wrapped_for(&alice), [("bob".to_owned(), 1)].into());
    same_everywhere(thread, vec![alice, bob], &["before", "not now"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_with_a_forged_account_signature_is_refused() {
    refused(async |bob| {
        let keys = bob.keys().await;
        let mut forged = keys.next(vec![keys.newcomer(2).0], vec![]);
        forged.account_signature[9] ^= 1;
        lists_of(&keys.user, &[&forged])
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_no_device_of_the_one_before_signed_is_refused() {
    refused(async |bob| {
        let keys = bob.keys().await;
        let mut forged = keys.next(vec![keys.newcomer(2).0], vec![]);
        forged.signer_signature[9] ^= 1;
        lists_of(&keys.user, &[&forged])
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_signed_by_the_account_key_alone_and_no_recovery_is_refused() {
    refused(async |bob| {
        let keys = bob.keys().await;
        let mut forged = keys.next(vec![keys.newcomer(2).0], vec![]);
        forged.signer_signature = Vec::new();
        lists_of(&keys.user, &[&forged])
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_signed_by_the_device_that_it_adds_is_refused() {
    refused(async |bob| {
        let keys = bob.keys().await;
        let mut forged = keys.next(vec![keys.newcomer(2).0], vec![]);
        forged.signer_device_id = 2;
        lists_of(&keys.user, &[&forged])
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_with_a_version_left_out_is_refused() {
    refused(async |bob| {
        let keys = bob.keys().await;
        let user = keys.user.clone();
        let second = keys.next(vec![keys.newcomer(2).0], vec![]);
        let keys = keys.at(second);
        let third = keys.next(vec![keys.newcomer(3).0], vec![]);
        lists_of(&user, &[&third])
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_is_claimed_and_not_shown_is_refused() {
    refused(async |bob| UserDeviceLists {
        version: 2,
        lists: Vec::new(),
        user_id: bob.keys().await.user,
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_account_under_the_same_name_is_refused() {
    refused(async |bob| {
        let keys = bob.keys().await;
        lists_of(&keys.user, &[&stranger(&keys.user)])
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_another_user_is_refused() {
    let (relay, alice, bob, thread) = start_pair().await;
    let carol = Device::register(relay.url(), "carol").await;
    alice.say(thread, "before").await;
    bob.hears("before").await;
    let carols = carol.keys().await.signed;
    show(&alice.adversary, lists_of(&user("bob"), &[&carols]));
    announce(&alice.adversary);
    alice.events.until("DeviceListRollback", is_rollback).await;
    let message = alice.write(thread, "later").await;
    alice.adversary.rest();
    soon("sent", alice.client.wait_until_sent(message.local_id))
        .await
        .unwrap();
    bob.hears("later").await;
    assert_eq!(wrapped_for(&alice), [("bob".to_owned(), 1)].into());
    carol.cold().await;
    same_everywhere(thread, vec![alice, bob], &["before", "later"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_list_than_the_one_held_is_refused_and_the_newer_one_stays() {
    let (_relay, alice, bob, thread) = start_pair().await;
    let phone = bob.link().await;
    alice.say(thread, "to both").await;
    alice
        .events
        .until("both listed", |event| has_lists_of(event, "bob", 2))
        .await;
    show(
        &alice.adversary,
        UserDeviceLists {
            user_id: user("bob"),
            version: 1,
            lists: Vec::new(),
        },
    );
    announce(&alice.adversary);
    alice.events.until("rollback", is_rollback).await;
    let message = alice.write(thread, "later").await;
    alice.adversary.rest();
    soon("sent", alice.client.wait_until_sent(message.local_id))
        .await
        .unwrap();
    phone.hears("later").await;
    same_everywhere(thread, vec![alice, bob, phone], &["to both", "later"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_of_the_chain_is_refused_and_its_device_gets_nothing() {
    let (_relay, alice, bob, thread) = start_pair().await;
    // Whoever stole the keys signs a second version of their own beside the true one.
    let stolen = bob.keys().await;
    let forked = stolen.next(vec![stolen.newcomer(7).0], vec![]);
    let stolen = stolen.at(forked);
    let forked_on = stolen.next(vec![stolen.newcomer(8).0], vec![]);
    let phone = bob.link().await;
    alice.say(thread, "to both").await;
    alice
        .events
        .until("both listed", |event| has_lists_of(event, "bob", 2))
        .await;
    show(&alice.adversary, lists_of(&user("bob"), &[&forked_on]));
    announce(&alice.adversary);
    alice.events.until("rollback", is_rollback).await;
    let message = alice.write(thread, "later").await;
    alice.adversary.rest();
    soon("sent", alice.client.wait_until_sent(message.local_id))
        .await
        .unwrap();
    let expected = [("bob".to_owned(), 1), ("bob".to_owned(), 2)];
    assert_eq!(wrapped_for(&alice), expected.into());
    same_everywhere(thread, vec![alice, bob, phone], &["to both", "later"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_the_relay_hides_is_known_by_what_its_devices_write() {
    let (_relay, alice, bob, thread) = start_pair().await;
    alice.say(thread, "before").await;
    bob.hears("before").await;
    show(
        &alice.adversary,
        UserDeviceLists {
            user_id: user("bob"),
            version: 1,
            lists: Vec::new(),
        },
    );
    let phone = bob.link().await;
    bob.say(thread, "from version 2").await;
    alice.events.until("rollback", is_rollback).await;
    assert_eq!(
        alice.texts(thread).await,
        ["before", "<device_list_rollback>"]
    );
    let message = alice.write(thread, "to all of bob").await;
    // Known also after a restart, when the relay goes on hiding it.
    let alice = alice.close().await.open().await;
    show(
        &alice.adversary,
        UserDeviceLists {
            user_id: user("bob"),
            version: 1,
            lists: Vec::new(),
        },
    );
    alice.online().await;
    alice.events.until("rollback", is_rollback).await;
    assert_eq!(alice.adversary.sends().len(), 0);
    // Shown at last, the list opens what had come before it.
    alice.adversary.rest();
    alice.hears("from version 2").await;
    soon("sent", alice.client.wait_until_sent(message.local_id))
        .await
        .unwrap();
    phone.hears("to all of bob").await;
    let cold = phone.cold().await;
    assert_eq!(cold.texts(thread), ["from version 2", "to all of bob"]);
    let all = ["before", "from version 2", "to all of bob"];
    same_everywhere(thread, vec![alice, bob], &all).await;
}

/// Bundles of bob are forged like this: nothing is wrapped from them.
async fn bundle_refused(forge: impl Fn(&mut Value) + Clone + Send + 'static) {
    let (_relay, alice, bob, thread) = start_pair().await;
    alice.adversary.on_request(move |seen| {
        if !seen.is("POST", "/v1/prekeys/query") {
            return Fate::Passed;
        }
        let forge = forge.clone();
        edit(move |answer| forge(&mut answer["users"][0]["bundles"][0]))
    });
    let message = alice.write(thread, "for bob alone").await;
    let told = alice.events.until("told", |event| {
        matches!(event, Event::RelayInconsistent { .. })
    });
    let expected = Event::RelayInconsistent {
        user_id: user("bob"),
        device_id: DeviceId::FIRST,
    };
    assert_eq!(told.await, expected);
    let held = alice.client.message(message.local_id).await.unwrap();
    assert_eq!(held.unwrap().state, MessageState::Pending);
    assert_eq!(wrapped_for(&alice), BTreeSet::new());
    // A device whose keys did not hold is left alone for a while; a restart looks anew.
    let alice = alice.close().await.open_online().await;
    soon("sent", alice.client.wait_until_sent(message.local_id))
        .await
        .unwrap();
    bob.hears("for bob alone").await;
    same_everywhere(thread, vec![alice, bob], &["for bob alone"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_with_a_forged_signature_is_refused() {
    bundle_refused(|bundle| {
        let signature = &mut bundle["signed_prekey"]["signature"];
        let text = signature.as_str().unwrap();
        let other = if text.starts_with('A') { "B" } else { "A" };
        *signature = json!(format!("{other}{}", &text[1..]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_of_another_identity_is_refused() {
    bundle_refused(|bundle| {
        let registration = u32::try_from(bundle["registration_id"].as_u64().unwrap()).unwrap();
        *bundle = serde_json::to_value(strangers_bundle(1, registration)).unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_under_the_right_identity_with_a_strangers_prekey_is_refused() {
    bundle_refused(|bundle| {
        let strange = serde_json::to_value(strangers_bundle(1, 1)).unwrap();
        bundle["signed_prekey"] = strange["signed_prekey"].clone();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_under_the_right_identity_with_a_strangers_kem_prekey_is_refused() {
    bundle_refused(|bundle| {
        let strange = serde_json::to_value(strangers_bundle(1, 1)).unwrap();
        bundle["kem_prekey"] = strange["kem_prekey"].clone();
    })
    .await;
}

fn mismatch(missing: &[(&str, u32)], extra: &[(&str, u32)]) -> Fate {
    let names = |devices: &[(&str, u32)]| {
        let name = |(of, device): &(&str, u32)| DeviceName {
            user_id: user(of),
            device_id: number(*device),
        };
        devices.iter().map(name).collect()
    };
    let problem = Problem {
        device_mismatch: Some(DeviceMismatch {
            missing: names(missing),
            extra: names(extra),
            stale: Vec::new(),
        }),
        ..Problem::new(ErrorCode::DeviceMismatch, "says the adversary")
    };
    Fate::Answered(answer(409, serde_json::to_vec(&problem).unwrap()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_no_list_holds_gets_nothing_however_often_the_relay_asks() {
    let (_relay, alice, bob, thread) = start_pair().await;
    alice.say(thread, "before").await;
    let mut asked = 0;
    alice.adversary.on_request(move |seen| {
        if !seen.is_send() || asked == 6 {
            return Fate::Passed;
        }
        asked += 1;
        mismatch(&[("bob", 9), ("alice", 4)], &[])
    });
    alice.say(thread, "for bob alone").await;
    let told: Vec<_> = alice
        .events
        .all()
        .into_iter()
        .filter_map(|event| match event {
            Event::RelayInconsistent { user_id, device_id } => {
                Some((user_id.to_string(), device_id.get()))
            }
            _ => None,
        })
        .collect();
    assert!(told.contains(&("bob".to_owned(), 9)), "{told:?}");
    assert!(told.contains(&("alice".to_owned(), 4)), "{told:?}");
    assert_eq!(wrapped_for(&alice), [("bob".to_owned(), 1)].into());
    same_everywhere(thread, vec![alice, bob], &["before", "for bob alone"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_with_a_device_that_never_registered_is_refused_by_the_relay() {
    let (relay, alice, bob, thread) = start_pair().await;
    let keys = bob.keys().await;
    let by_hand = ByHand::device(relay.url(), &keys).await;
    let list = keys.next(vec![keys.newcomer(2).0], vec![]);
    let refused = by_hand.publish(&list).await;
    assert_eq!(refused.status, 409);
    assert_eq!(ByHand::code(&refused), "device_not_registered");
    alice.say(thread, "to one device").await;
    bob.hears("to one device").await;
    assert_eq!(wrapped_for(&alice), [("bob".to_owned(), 1)].into());
    same_everywhere(thread, vec![alice, bob], &["to one device"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_lets_in_one_device_and_no_second_one() {
    let relay = start_relay().await;
    let bob = Device::register(relay.url(), "bob").await;
    let keys = bob.keys().await;
    let by_hand = ByHand::device(relay.url(), &keys).await;
    let reserved = by_hand.post("/v1/me/devices/reserve", &json!({})).await;
    let id = sealwire_tests::fields_of(&reserved)["device_id"]
        .as_u64()
        .unwrap();
    let id = u32::try_from(id).unwrap();
    let grant = keys.grant(id);
    let anybody = ByHand::nobody(relay.url());
    let (first, first_key) = keys.newcomer(id);
    let (second, second_key) = keys.newcomer(id);
    let registered = anybody
        .register(&keys.user, &first, &first_key, None, Some(grant.clone()))
        .await;
    assert_eq!(registered.status, 201);
    let refused = anybody
        .register(&keys.user, &second, &second_key, None, Some(grant))
        .await;
    assert_eq!(refused.status, 403);
    assert_eq!(ByHand::code(&refused), "grant_used");
    // Neither is a device of bob's before a list says so.
    let thread = bob.client.direct_thread("bob").await.unwrap();
    bob.say(thread, "to nobody else").await;
    assert_eq!(wrapped_for(&bob), BTreeSet::new());
    bob.cold().await;
}

/// Bob's phone is taken out of his list, by his first device's keys.
async fn remove_phone(relay: &str, bob: &Device, phone: u32) -> SignedDeviceList {
    let keys = bob.keys().await;
    let list = keys.next(vec![], vec![phone]);
    let published = ByHand::device(relay, &keys).await.publish(&list).await;
    assert_eq!(published.status, 204);
    list
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_device_gets_nothing_more_and_knows_it() {
    let (_relay, alice, bob, thread) = start_pair().await;
    let phone = bob.link().await;
    bob.events
        .until("two devices", |event| has_lists_of(event, "bob", 2))
        .await;
    alice.say(thread, "to both").await;
    phone.hears("to both").await;
    alice.offline().await;
    alice.write(thread, "to one").await;
    let (_, own) = bob.client.account().unwrap();
    let itself = bob.client.remove_device(own).await;
    assert_eq!(itself.unwrap_err().code(), "own_device");
    let (_, lost) = phone.client.account().unwrap();
    bob.client.remove_device(lost).await.unwrap();
    let again = bob.client.remove_device(lost).await;
    assert_eq!(again.unwrap_err().code(), "unknown_device");
    phone
        .events
        .until("revoked", |event| matches!(event, Event::DeviceRevoked))
        .await;
    alice.client.go_online().await.unwrap();
    bob.hears("to one").await;
    let sends = alice.adversary.sends();
    let last = sends.last().unwrap().body["envelopes"].as_array().unwrap();
    assert_eq!(last.len(), 1, "the phone still got an envelope");
    assert_eq!(last[0]["device_id"], 1);
    let refused = phone.client.send_text(thread, "me too?").await;
    assert_eq!(refused.unwrap_err().code(), "device_revoked");
    assert_eq!(phone.cold().await.texts(thread), ["to both"]);
    same_everywhere(thread, vec![alice, bob], &["to both", "to one"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_was_removed_while_it_was_off_knows_it_when_it_is_on_again() {
    let (relay, _alice, bob, thread) = start_pair().await;
    let phone = bob.link().await;
    bob.events
        .until("two devices", |event| has_lists_of(event, "bob", 2))
        .await;
    let phone = phone.close().await;
    remove_phone(relay.url(), &bob, 2).await;
    let phone = phone.open().await;
    phone
        .events
        .until("revoked", |event| matches!(event, Event::DeviceRevoked))
        .await;
    assert_eq!(phone.cold().await.texts(thread), [""; 0]);
}

/// The frame that the relay would make of a send for one device.
fn frame_of(send: &Value, thread: ThreadId, sender: (&str, u32), to: (&str, u64)) -> Value {
    let envelopes = send["envelopes"].as_array().unwrap();
    let envelope = envelopes
        .iter()
        .find(|envelope| envelope["user_id"] == to.0 && envelope["device_id"] == to.1)
        .unwrap();
    json!({"t": "msg", "frame_seq": 0, "message": {
        "id": MessageId::from_parts(u64::from(u32::MAX) << 9, 7),
        "thread_id": thread,
        "sender_id": sender.0,
        "sender_device_id": sender.1,
        "client_seq": send["client_seq"],
        "ciphertext": send["ciphertext"],
        "commitment": send["commitment"],
        "stamp": {"key_id": 1, "mac": send["commitment"]},
        "created_at": 1_900_000_000_000u64,
        "envelope": {"type": envelope["type"], "body": envelope["body"]},
    }})
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_removed_device_writes_afterwards_is_refused_by_contacts() {
    let (relay, alice, bob, thread) = start_pair().await;
    let phone = bob.link().await;
    bob.events
        .until("two devices", |event| has_lists_of(event, "bob", 2))
        .await;
    phone.client.direct_thread("alice").await.unwrap();
    phone.say(thread, "while it may").await;
    alice.hears("while it may").await;
    // Whoever has the phone wraps another message, which never goes through the relay's own checks.
    phone.adversary.on_request(|seen| match seen.is_send() {
        true => Fate::Lost,
        false => Fate::Passed,
    });
    phone.write(thread, "from a thief").await;
    let send = phone
        .adversary
        .until("a second send", |adversary| {
            adversary.sends().get(1).map(|send| send.body.clone())
        })
        .await;
    remove_phone(relay.url(), &bob, 2).await;
    alice
        .events
        .until("removed", |event| has_lists_of(event, "bob", 3))
        .await;
    // Everything from before the removal is here once alice has caught up again.
    let alice = alice.close().await.open_online().await;
    let forged = frame_of(&send, thread, ("bob", 2), ("alice", 1));
    alice.adversary.inject(&forged);
    alice
        .events
        .until("refused", |event| {
            matches!(event, Event::MessageUnreadable(_))
        })
        .await;
    bob.say(thread, "from bob himself").await;
    alice.hears("from bob himself").await;
    let cold = alice.cold().await;
    let mut texts = cold.texts(thread);
    texts.sort();
    assert_eq!(
        texts,
        ["<device_revoked>", "from bob himself", "while it may"]
    );
    let gone = cold.store.session(&user("bob"), number(2)).unwrap();
    assert!(
        gone.is_none(),
        "the removed device's session is still there"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_account_key_stops_sending_until_it_is_accepted() {
    let (_relay, alice, bob, thread) = start_pair().await;
    alice.say(thread, "before").await;
    bob.hears("before").await;
    // Bob lost every device; what came next is under another account key.
    let (recovery, _, identity) = bob.keys().await.recovery(5);
    let lists = lists_of(&user("bob"), &[&recovery]);
    let new_device = serde_json::to_value(bundle(5, 77, &identity)).unwrap();
    alice.adversary.on_request(move |seen| {
        if seen.is("GET", "/v1/users/bob/devices") {
            return Fate::Answered(answer(200, serde_json::to_vec(&lists).unwrap()));
        }
        if seen.is("POST", "/v1/prekeys/query") {
            let users = json!({"users": [{"user_id": "bob", "bundles": [new_device]}]});
            return Fate::Answered(answer(200, users.to_string()));
        }
        if seen.is_send() {
            let sent = SentMessage {
                id: MessageId::from_parts(1_900_000_000_000, 1),
                thread_id: thread,
                sender_id: user("alice"),
                sender_device_id: DeviceId::FIRST,
                client_seq: serde_json::from_value(seen.body["client_seq"].clone()).unwrap(),
                created_at: Timestamp(1_900_000_000_000),
                requeued_at: None,
            };
            return Fate::Answered(answer(202, serde_json::to_vec(&sent).unwrap()));
        }
        Fate::Passed
    });
    announce(&alice.adversary);
    // AccountKeyChanged, with what names the list.
    let list_hash = alice.events.until_offered("bob").await;
    let message = alice.write(thread, "is it you?").await;
    let sends = alice.adversary.sends().len();
    // Also after a restart.
    let alice_is_off = alice.close().await;
    let alice = alice_is_off.open_online().await;
    let held = alice.client.message(message.local_id).await.unwrap();
    assert_eq!(held.unwrap().state, MessageState::Pending);
    assert_eq!((sends, alice.adversary.sends().len()), (1, 0));
    let bundle = serde_json::to_value(bundle(5, 77, &identity)).unwrap();
    alice.adversary.on_request(move |seen| {
        if seen.is("POST", "/v1/prekeys/query") {
            let users = json!({"users": [{"user_id": "bob", "bundles": [bundle]}]});
            return Fate::Answered(answer(200, users.to_string()));
        }
        match seen.is_send() {
            true => Fate::Answered(problem(ErrorCode::Unavailable)),
            false => Fate::Passed,
        }
    });
    let guessed = alice.client.accept_account_key("bob", "").await;
    assert_eq!(guessed.unwrap_err().code(), "list_not_offered");
    alice
        .client
        .accept_account_key("bob", &list_hash)
        .await
        .unwrap();
    alice
        .adversary
        .until("sent", |adversary| {
            (!adversary.sends().is_empty()).then_some(())
        })
        .await;
    assert_eq!(wrapped_for(&alice), [("bob".to_owned(), 5)].into());
    let cold = alice.cold().await;
    assert_eq!(cold.texts(thread), ["before", "<pending> is it you?"]);
    let pinned = cold.store.pinned_account(&user("bob")).unwrap().unwrap();
    assert!(pinned.offered_key.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_falsely_called_gone_gets_its_message_when_the_relay_asks_for_it() {
    let (_relay, alice, bob, thread) = start_pair().await;
    let phone = bob.link().await;
    alice.say(thread, "before").await;
    let mut lied = false;
    alice.adversary.on_request(move |seen| {
        if seen.is_send() && !lied {
            lied = true;
            return mismatch(&[], &[("bob", 2)]);
        }
        Fate::Passed
    });
    alice.say(thread, "to both").await;
    phone.hears("to both").await;
    alice.say(thread, "and again").await;
    phone.hears("and again").await;
    let expected = ["before", "to both", "and again"];
    same_everywhere(thread, vec![alice, bob, phone], &expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn prekeys_that_run_low_are_made_anew_and_uploaded_once() {
    let (relay, alice, bob, thread) = start_pair().await;
    let keys = bob.keys().await;
    let (by_alice, by_bob) = (
        ByHand::device(relay.url(), &alice.keys().await).await,
        ByHand::device(relay.url(), &keys).await,
    );
    let count = async || {
        let answer = by_bob.get("/v1/prekeys/count").await;
        sealwire_tests::fields_of(&answer)["one_time_prekeys"]
            .as_u64()
            .unwrap()
    };
    assert_eq!(count().await, 100);
    // The answer to the upload is lost: the same keys are uploaded once more.
    let mut lost = false;
    bob.adversary.on_request(move |seen| {
        if seen.is("PUT", "/v1/prekeys") && !lost {
            lost = true;
            return Fate::AnswerLost;
        }
        Fate::Passed
    });
    let mut ids = BTreeSet::new();
    for _ in 0..82 {
        let answer = by_alice.get("/v1/users/bob/prekeys").await;
        let bundle = &sealwire_tests::fields_of(&answer)["bundles"][0];
        let id = bundle["one_time_prekey"]["id"].as_u64();
        assert!(ids.insert(id.unwrap()), "a key was given out twice");
    }
    let uploads = bob
        .adversary
        .until("two uploads", |adversary| {
            let requests = adversary.requests();
            let uploads: Vec<_> = requests
                .into_iter()
                .filter(|seen| seen.is("PUT", "/v1/prekeys"))
                .collect();
            (uploads.len() >= 2).then_some(uploads)
        })
        .await;
    let keys_of = |upload: &sealwire_tests::SeenRequest| upload.body["one_time_prekeys"].clone();
    let first = keys_of(&uploads[0]);
    let again = keys_of(&uploads[1]);
    let first = first.as_array().unwrap();
    // More may have been given out in between, but none of the first is another key now.
    assert!(
        first
            .iter()
            .all(|key| again.as_array().unwrap().contains(key))
    );
    let fresh = |key: &Value| !ids.contains(&key["id"].as_u64().unwrap());
    assert!(first.iter().all(fresh), "an id came back");
    alice.say(thread, "with a fresh key").await;
    bob.hears("with a fresh key").await;
    assert!(count().await >= 90);
    let cold = bob.cold().await;
    assert_eq!(cold.texts(thread), ["with a fresh key"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_message_without_a_one_time_key_is_read_once() {
    let (_relay, alice, bob, thread) = start_pair().await;
    let requests = bob.adversary.requests();
    let registered = requests.iter().find(|seen| seen.is("POST", "/v1/devices"));
    let last_resort = registered.unwrap().body["prekeys"]["last_resort_kem_prekey"].clone();
    assert!(last_resort.is_object());
    alice.adversary.on_request(move |seen| {
        if !seen.is("POST", "/v1/prekeys/query") {
            return Fate::Passed;
        }
        let last_resort = last_resort.clone();
        edit(move |answer| {
            let bundle = answer["users"][0]["bundles"][0].as_object_mut().unwrap();
            bundle.remove("one_time_prekey");
            bundle.insert("kem_prekey".to_owned(), last_resort);
        })
    });
    alice.say(thread, "first").await;
    bob.hears("first").await;
    alice.say(thread, "second").await;
    bob.hears("second").await;
    let frames = bob.adversary.frames();
    let first = frames.iter().find(|frame| frame["t"] == "msg").unwrap();
    bob.say(thread, "answer").await;
    alice.hears("answer").await;
    // Bob forgets the session, as after a removal; the base key of the first message is not forgotten.
    let mut home = bob.cold().await;
    let (alice_id, one) = (user("alice"), DeviceId::FIRST);
    home.store
        .transaction(|tx| tx.delete_sessions(&alice_id, one))
        .unwrap();
    let bob = home.close().open_online().await;
    let mut replayed = first.clone();
    replayed["message"]["client_seq"] = json!(99);
    replayed["message"]["id"] = json!(MessageId::from_parts(1_900_000_000_000, 9));
    bob.adversary.inject(&replayed);
    let told = bob.events.until("refused", |event| {
        matches!(event, Event::MessageUnreadable(_))
    });
    let Event::MessageUnreadable(message) = told.await else {
        panic!("another event");
    };
    assert_eq!(
        sealwire_tests::texts(&[*message]),
        ["<key_reused>".to_owned()]
    );
    bob.cold().await;
}
