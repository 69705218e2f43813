//! A further device joins an account through a mailbox at the relay, which may read, swap, lose and lie.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a step that fails here is the test failing"
)]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sealwire::{DeviceId, Error, Event, UserId};
use sealwire_relay::Relay;
use sealwire_tests::{ByHand, Device, Fate, SeenRequest, edit, problem, soon, start_relay};
use sealwire_wire::contract::ErrorCode;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::oneshot;

type Joined = Result<(UserId, DeviceId), Error>;
type Added = Result<DeviceId, Error>;

/// Alice's desk, and a device of nobody yet.
async fn desk_and_new() -> (Relay, Device, Device) {
    let relay = start_relay().await;
    let desk = Device::register(relay.url(), "alice").await;
    let new = Device::fresh(relay.url()).await;
    (relay, desk, new)
}

/// One linking, with these answers of the two users.
async fn link(desk: &Device, new: &Device, joins: bool, adds: bool) -> (Joined, Added) {
    let linking = new.client.start_linking().await.unwrap();
    let code = linking.code().to_owned();
    soon("the linking ends", async {
        tokio::join!(
            linking.finish(move |_| async move { joins }),
            desk.client.link_device(&code, move |_| async move { adds })
        )
    })
    .await
}

/// The linking goes through, and the two devices of one account hear each other.
async fn links(desk: Device, new: Device) {
    let (joined, added) = link(&desk, &new, true, true).await;
    assert_eq!(joined.unwrap().1, added.unwrap());
    talks(desk, new).await;
}

async fn talks(desk: Device, new: Device) {
    soon("online", new.client.wait_until_caught_up())
        .await
        .unwrap();
    let thread = desk.client.direct_thread("alice").await.unwrap();
    desk.say(thread, "from the desk").await;
    new.hears("from the desk").await;
    new.say(thread, "from the new one").await;
    desk.hears("from the new one").await;
    for device in [desk, new] {
        let cold = device.cold().await;
        assert_eq!(cold.texts(thread), ["from the desk", "from the new one"]);
        let account = cold.store.account().unwrap().unwrap();
        assert!(account.account_secret.is_some());
    }
}

fn code_of<T: std::fmt::Debug>(result: Result<T, Error>) -> &'static str {
    result.unwrap_err().code()
}

fn slot(seen: &SeenRequest, method: &str, slot: &str) -> bool {
    seen.is(method, "/v1/provisioning/") && seen.path.ends_with(slot)
}

fn flip_slot(answer: &mut Value) {
    if let Some(text) = answer["data"].as_str() {
        let mut bytes = STANDARD.decode(text).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        answer["data"] = json!(STANDARD.encode(bytes));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_users_see_what_they_agree_to() {
    let (_relay, desk, new) = desk_and_new().await;
    let linking = new.client.start_linking().await.unwrap();
    let code = linking.code().to_owned();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (asked_new, asked_desk) = (Arc::clone(&asked), Arc::clone(&asked));
    let (joined, added) = soon("linking", async {
        tokio::join!(
            linking.finish(move |account| async move {
                let seen = format!("join {} as {}", account.user, account.device);
                asked_new.lock().unwrap().push(seen);
                true
            }),
            desk.client.link_device(&code, move |device| async move {
                let seen = format!("add {}", device.device);
                asked_desk.lock().unwrap().push(seen);
                true
            })
        )
    })
    .await;
    assert_eq!(joined.unwrap(), ("alice".parse().unwrap(), added.unwrap()));
    assert_eq!(*asked.lock().unwrap(), ["join alice as 2", "add 2"]);
    talks(desk, new).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_no_on_the_new_device_ends_it_on_both() {
    let (_relay, desk, new) = desk_and_new().await;
    let (joined, added) = link(&desk, &new, false, true).await;
    assert_eq!(
        (code_of(joined), code_of(added)),
        ("link_declined", "link_declined")
    );
    assert_eq!(new.client.account(), None);
    links(desk, new).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_no_on_the_existing_device_ends_it_on_both() {
    let (_relay, desk, new) = desk_and_new().await;
    let (joined, added) = link(&desk, &new, true, false).await;
    assert_eq!(
        (code_of(joined), code_of(added)),
        ("link_declined", "link_declined")
    );
    assert_eq!(new.client.account(), None);
    assert_eq!(desk.keys().await.list.version, 1);
    links(desk, new).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_of_another_account_is_shown_by_its_name_and_declined() {
    let (relay, desk, new) = desk_and_new().await;
    let mallory = Device::register(relay.url(), "mallory").await;
    let linking = new.client.start_linking().await.unwrap();
    let code = linking.code().to_owned();
    let (joined, added) = soon("linking", async {
        tokio::join!(
            linking.finish(|account| async move { account.user.as_str() == "alice" }),
            mallory.client.link_device(&code, |_| async { true })
        )
    })
    .await;
    assert_eq!(
        (code_of(joined), code_of(added)),
        ("link_declined", "link_declined")
    );
    links(desk, new).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_link_code_is_refused_before_anything_leaves() {
    let (_relay, desk, new) = desk_and_new().await;
    let linking = new.client.start_linking().await.unwrap();
    let good = linking.code().to_owned();
    let before = desk.adversary.requests().len();
    for bad in [
        good.replace("v=1", "v=2"),
        good.replace("sealwire://", "https://"),
        good.replace("link?", "join?"),
        good[..good.len() - 9].to_owned(),
        good.replace("&k=", "&q="),
        "hello".to_owned(),
        String::new(),
        "x".repeat(100_000),
    ] {
        let refused = desk.client.link_device(&bad, |_| async { true }).await;
        assert_eq!(code_of(refused), "link_code_invalid", "{bad:?}");
    }
    assert_eq!(desk.adversary.requests().len(), before);
    new.client.cancel_linking().await.unwrap();
    links(desk, new).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_that_somebody_else_read_first_ends_the_linking() {
    let (relay, desk, new) = desk_and_new().await;
    // The new device is kept from looking until somebody else has.
    let (release, gate) = oneshot::channel();
    let mut gate = Some(gate);
    new.adversary
        .on_request(move |seen| match slot(seen, "GET", "/0") {
            true => gate.take().map_or(Fate::Passed, Fate::Held),
            false => Fate::Passed,
        });
    let linking = new.client.start_linking().await.unwrap();
    let code = linking.code().to_owned();
    let path = new
        .adversary
        .until("the mailbox", |adversary| {
            let requests = adversary.requests();
            let mut reads = requests.iter().filter(|seen| slot(seen, "GET", "/0"));
            reads.next().map(|seen| seen.path.clone())
        })
        .await;
    let stranger = ByHand::nobody(relay.url());
    let spy = async {
        desk.adversary
            .until("the offer is written", |adversary| {
                let requests = adversary.requests();
                requests
                    .iter()
                    .any(|seen| slot(seen, "GET", "/1"))
                    .then_some(())
            })
            .await;
        let read = stranger.get(&path).await;
        assert_eq!(read.status, 200);
        release.send(()).unwrap();
    };
    let desk_side = async {
        let added = desk.client.link_device(&code, |_| async { true }).await;
        assert_eq!(code_of(added), "link_declined");
    };
    let new_side = async {
        let joined = linking.finish(|_| async { true }).await;
        assert_eq!(code_of(joined), "link_tampered");
        // The other side would wait for as long as the mailbox lives.
        desk.client.cancel_linking().await.unwrap();
    };
    soon("both end", async { tokio::join!(spy, desk_side, new_side) }).await;
    assert_eq!(new.client.account(), None);
    links(desk, new).await;
}

/// The slot is changed on its way to whoever reads it: that side says so, and no device is added.
async fn changed_slot(number: &'static str, reader_is_new: bool) {
    let (_relay, desk, new) = desk_and_new().await;
    let reader = if reader_is_new { &new } else { &desk };
    reader
        .adversary
        .on_request(move |seen| match slot(seen, "GET", number) {
            true => edit(flip_slot),
            false => Fate::Passed,
        });
    let linking = new.client.start_linking().await.unwrap();
    let code = linking.code().to_owned();
    let desk_client = desk.client.clone();
    let joining = tokio::spawn(linking.finish(|_| async { true }));
    let adding =
        tokio::spawn(async move { desk_client.link_device(&code, |_| async { true }).await });
    let ended = soon("the reader ends", async {
        match reader_is_new {
            true => code_of(joining.await.unwrap()),
            false => code_of(adding.await.unwrap()),
        }
    })
    .await;
    assert_eq!(ended, "link_tampered");
    assert_eq!(new.client.account(), None);
    reader.adversary.rest();
    new.client.cancel_linking().await.unwrap();
    desk.client.cancel_linking().await.unwrap();
    links(desk, new).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_offer_is_refused_by_the_new_device() {
    changed_slot("/0", true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_answer_is_refused_by_the_existing_device() {
    changed_slot("/1", false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_account_key_is_refused_by_the_new_device() {
    changed_slot("/2", true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_offer_given_back_as_the_answer_is_refused() {
    let (_relay, desk, new) = desk_and_new().await;
    let mut offer = Value::Null;
    desk.adversary.on_request(move |seen| {
        if slot(seen, "PUT", "/0") {
            offer = seen.body.clone();
        }
        match slot(seen, "GET", "/1") {
            true => Fate::Answered(sealwire_tests::answer(200, offer.to_string())),
            false => Fate::Passed,
        }
    });
    let linking = new.client.start_linking().await.unwrap();
    let added = desk.client.link_device(linking.code(), |_| async { true });
    assert_eq!(code_of(soon("refused", added).await), "link_tampered");
    assert_eq!(desk.keys().await.list.version, 1);
    new.client.cancel_linking().await.unwrap();
    desk.adversary.rest();
    links(desk, new).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_that_is_gone_means_that_the_code_is_no_longer_good() {
    let (_relay, desk, new) = desk_and_new().await;
    let linking = new.client.start_linking().await.unwrap();
    let code = linking.code().to_owned();
    for device in [&desk, &new] {
        device.adversary.on_request(|seen| {
            match seen.is("PUT", "/v1/provisioning/") || seen.is("GET", "/v1/provisioning/") {
                true => Fate::Answered(problem(ErrorCode::NotFound)),
                false => Fate::Passed,
            }
        });
    }
    let (joined, added) = soon("both end", async {
        tokio::join!(
            linking.finish(|_| async { true }),
            desk.client.link_device(&code, |_| async { true })
        )
    })
    .await;
    assert_eq!(
        (code_of(joined), code_of(added)),
        ("link_expired", "link_expired")
    );
    desk.adversary.rest();
    new.adversary.rest();
    links(desk, new).await;
}

/// The first such request of the device is answered, and the answer lost.
fn lose_first(device: &Device, is: impl Fn(&SeenRequest) -> bool + Send + 'static) {
    let mut lost = false;
    device.adversary.on_request(move |seen| {
        if is(seen) && !lost {
            lost = true;
            return Fate::AnswerLost;
        }
        Fate::Passed
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_to_the_publication_of_the_list_publishes_it_once() {
    let (_relay, desk, new) = desk_and_new().await;
    lose_first(&desk, |seen| seen.is("PUT", "/v1/me/devices/list"));
    let (joined, added) = link(&desk, &new, true, true).await;
    assert_eq!(joined.unwrap().1, added.unwrap());
    assert_eq!(desk.keys().await.list.version, 2);
    talks(desk, new).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_answers_to_what_the_existing_device_writes_stop_nothing() {
    let lost = async |step: &'static str| {
        let (_relay, desk, new) = desk_and_new().await;
        lose_first(&desk, move |seen| {
            seen.method != "GET" && seen.path.ends_with(step)
        });
        links(desk, new).await;
    };
    let [first, second, third] = ["/v1/me/devices/reserve", "/0", "/2"];
    tokio::join!(lost(first), lost(second), lost(third));
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_answers_to_what_the_new_device_writes_stop_nothing() {
    let lost = async |step: &'static str| {
        let (_relay, desk, new) = desk_and_new().await;
        lose_first(&new, move |seen| {
            seen.method != "GET" && seen.path.ends_with(step)
        });
        links(desk, new).await;
    };
    let [first, second, third] = ["/v1/provisioning", "/v1/devices", "/1"];
    tokio::join!(lost(first), lost(second), lost(third));
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_answers_to_slots_that_are_read_once_stop_nothing() {
    let (_relay, desk, new) = desk_and_new().await;
    // Empty so far is no loss: the first answer that held something is, for each slot and on both sides.
    for (device, slots) in [(&new, ["/0", "/2"]), (&desk, ["/1", "/1"])] {
        let lost: Arc<[AtomicBool; 2]> = Arc::default();
        device.adversary.on_request(move |seen| {
            let Some(at) = slots.iter().position(|name| slot(seen, "GET", name)) else {
                return Fate::Passed;
            };
            let lost = Arc::clone(&lost);
            Fate::Rewritten(Box::new(move |read| {
                match read.status == 200 && !lost[at].swap(true, Ordering::SeqCst) {
                    true => sealwire_tests::answer(502, "<html>"),
                    false => read,
                }
            }))
        });
    }
    links(desk, new).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_list_published_in_between_is_built_upon() {
    let (relay, desk, new) = desk_and_new().await;
    let keys = desk.keys().await;
    let relisted = keys.list.devices()[0]
        .relist(vec![4], vec!["between".to_owned()])
        .unwrap();
    let between = keys.next(vec![relisted], vec![]);
    let by_hand = ByHand::device(relay.url(), &keys).await;
    let (release, gate) = oneshot::channel();
    let mut gate = Some(gate);
    desk.adversary
        .on_request(move |seen| match seen.is("PUT", "/v1/me/devices/list") {
            true => gate.take().map_or(Fate::Passed, Fate::Held),
            false => Fate::Passed,
        });
    let in_between = async {
        desk.adversary
            .until("the publication", |adversary| {
                let requests = adversary.requests();
                requests
                    .iter()
                    .any(|seen| seen.is("PUT", "/v1/me/devices/list"))
                    .then_some(())
            })
            .await;
        assert_eq!(by_hand.publish(&between).await.status, 204);
        release.send(()).unwrap();
    };
    let ((joined, added), ()) = tokio::join!(link(&desk, &new, true, true), in_between);
    assert_eq!(joined.unwrap().1, added.unwrap());
    let list = desk.keys().await.list;
    assert_eq!((list.version, list.devices().len()), (3, 2));
    assert_eq!(list.device(1).unwrap().features, ["between"]);
    talks(desk, new).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_eleventh_device_is_refused() {
    let (relay, desk, new) = desk_and_new().await;
    let keys = desk.keys().await;
    let by_hand = ByHand::device(relay.url(), &keys).await;
    let anybody = ByHand::nobody(relay.url());
    let mut put = Vec::new();
    for _ in 0..9 {
        let reserved = by_hand.post("/v1/me/devices/reserve", &json!({})).await;
        let id = &sealwire_tests::fields_of(&reserved)["device_id"];
        let id = u32::try_from(id.as_u64().unwrap()).unwrap();
        let (device, identity) = keys.newcomer(id);
        let registered = anybody
            .register(&keys.user, &device, &identity, None, Some(keys.grant(id)))
            .await;
        assert_eq!(registered.status, 201);
        put.push(device);
    }
    // Nine more are listed while the user is asked about this one.
    let list = keys.next(put, vec![]);
    let (desk_client, events) = (desk.client.clone(), desk.events.clone());
    let linking = new.client.start_linking().await.unwrap();
    let code = linking.code().to_owned();
    let adding = async move {
        let asked = move |_| async move {
            assert_eq!(by_hand.publish(&list).await.status, 204);
            events
                .until("ten devices", |event| {
                    matches!(event, Event::DevicesChanged { version: 2, .. })
                })
                .await;
            true
        };
        desk_client.link_device(&code, asked).await
    };
    let (joined, added) = soon("both end", async {
        tokio::join!(linking.finish(|_| async { true }), adding)
    })
    .await;
    assert_eq!(
        (code_of(joined), code_of(added)),
        ("link_declined", "device_limit")
    );
    // From now on it is known before anything is asked.
    let linking = new.client.start_linking().await.unwrap();
    let added = desk.client.link_device(linking.code(), |_| async { true });
    assert_eq!(code_of(soon("refused", added).await), "device_limit");
    new.client.cancel_linking().await.unwrap();
    assert_eq!(desk.keys().await.list.devices().len(), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_device_of_an_account_links_and_only_one_of_none_is_linked() {
    let (relay, desk, new) = desk_and_new().await;
    let linking = new.client.start_linking().await.unwrap();
    let again = new.client.start_linking().await;
    assert_eq!(again.err().unwrap().code(), "link_state");
    let lost = Device::fresh(relay.url()).await;
    let refused = lost.client.link_device(linking.code(), |_| async { true });
    assert_eq!(code_of(refused.await), "not_registered");
    let refused = desk.client.start_linking().await;
    assert_eq!(refused.err().unwrap().code(), "already_registered");
    new.client.cancel_linking().await.unwrap();
    links(desk, new).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_linking_cut_off_by_a_restart_is_begun_anew() {
    let (_relay, desk, new) = desk_and_new().await;
    // The new device registers, and is gone before the account key comes.
    new.adversary
        .on_request(|seen| match slot(seen, "GET", "/2") {
            true => Fate::Lost,
            false => Fate::Passed,
        });
    let linking = new.client.start_linking().await.unwrap();
    let code = linking.code().to_owned();
    let joining = tokio::spawn(linking.finish(|_| async { true }));
    soon("added", desk.client.link_device(&code, |_| async { true }))
        .await
        .unwrap();
    let new = new.close().await.open().await;
    assert_eq!(code_of(joining.await.unwrap()), "closed");
    assert_eq!(new.client.account(), None);
    let (joined, added) = link(&desk, &new, true, true).await;
    assert_eq!(added.unwrap().get(), 3);
    assert_eq!(joined.unwrap().1.get(), 3);
    talks(desk, new).await;
}
