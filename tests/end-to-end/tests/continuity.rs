//! What a conversation goes on through: a relay that makes way for its successor, one that asks to wait, a device that is
//! disabled, two devices that write at once, a thousand messages.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a step that fails here is the test failing"
)]

use sealwire::{ConnectionState, DeviceId, Event, ThreadId};
use sealwire_relay::{CallerPace, Pace, Paces, Relay, RelayConfig, RelayData};
use sealwire_tests::{Device, Fate, PATIENCE, pair, same_everywhere, soon, start_pair};
use sealwire_wire::contract::ErrorCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

fn disconnected(event: &Event) -> bool {
    matches!(event, Event::Connection(ConnectionState::Offline { .. }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_drains_makes_way_for_its_successor_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let on = |config: RelayConfig| Relay::start(config.without_limits());
    let config = RelayConfig::new(RelayData::Folder(folder.path().to_owned()));
    let relay = on(config.clone()).await.unwrap();
    let address = relay.addr();
    let (alice, bob, thread) = pair(relay.url()).await;
    let mut expected = Vec::new();
    for number in 0..40 {
        let text = format!("going on {number}");
        alice.write(thread, &text).await;
        expected.push(text);
    }
    bob.hears("going on 5").await;
    relay.shutdown().await;
    for device in [&alice, &bob] {
        device.events.until("sent away", disconnected).await;
    }
    expected.push("meanwhile".to_owned());
    alice.write(thread, "meanwhile").await;
    let _successor = on(config.listen(address)).await.unwrap();
    bob.hears("meanwhile").await;
    let expected: Vec<_> = expected.iter().map(String::as_str).collect();
    alice.online().await;
    same_everywhere(thread, vec![alice, bob], &expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_told_to_slow_down_goes_on_by_itself() {
    let slow = Pace::new(5.0, 3.0);
    let paces = Paces {
        sends: CallerPace {
            device: slow,
            account: slow,
        },
        ..Paces::unlimited()
    };
    let config = RelayConfig::new(RelayData::Memory).paces(paces);
    let relay = Relay::start(config).await.unwrap();
    let (alice, bob, thread) = pair(relay.url()).await;
    let refused = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&refused);
    alice.adversary.on_request(move |_| {
        let count = Arc::clone(&count);
        Fate::Rewritten(Box::new(move |answer| {
            if answer.status == 429 {
                count.fetch_add(1, Ordering::SeqCst);
            }
            answer
        }))
    });
    let words: Vec<_> = (0..15).map(|number| number.to_string()).collect();
    for word in &words {
        alice.write(thread, word).await;
    }
    bob.hears("14").await;
    let refused = refused.load(Ordering::SeqCst);
    assert!((1..=30).contains(&refused), "{refused} refusals");
    let failed = |event: &Event| matches!(event, Event::MessageFailed(_));
    assert_eq!(alice.events.count(failed), 0);
    let expected: Vec<_> = words.iter().map(String::as_str).collect();
    same_everywhere(thread, vec![alice, bob], &expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_device_is_cut_off_at_once_and_senders_go_on_without_it() {
    let (_relay, alice, bob, thread) = start_pair().await;
    let phone = bob.link().await;
    alice.say(thread, "to both").await;
    phone.hears("to both").await;
    let (_, lost) = phone.client.account().unwrap();
    let devices = bob.client.own_devices().await.unwrap();
    assert_eq!(devices.len(), 2);
    assert!(devices.iter().all(|device| device.active));
    assert!(devices.iter().all(|device| device.disabled_at.is_none()));
    bob.client.disable_device(lost).await.unwrap();
    phone.events.until("cut off", disconnected).await;
    let devices = bob.client.own_devices().await.unwrap();
    let disabled = devices.iter().find(|device| device.disabled_at.is_some());
    assert_eq!(disabled.unwrap().device_id, lost);
    alice.say(thread, "to one").await;
    bob.hears("to one").await;
    bob.say(thread, "and back").await;
    alice.hears("and back").await;
    // It comes again, and is not let in; what it writes goes nowhere.
    phone.write(thread, "me too?").await;
    phone.client.network_changed().await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    // It knows why, and does not knock again before an hour has passed.
    phone
        .events
        .until("disabled", |event| matches!(event, Event::DeviceRevoked))
        .await;
    let ConnectionState::Refused { code, .. } = phone.client.connection() else {
        panic!("{:?}", phone.client.connection());
    };
    assert_eq!(code, ErrorCode::DeviceRevoked);
    let refused = phone.client.own_devices().await.unwrap_err();
    assert_eq!(refused.code(), "device_revoked");
    let knocks = |phone: &Device| {
        let requests = phone.adversary.requests().into_iter();
        let knocks = requests.filter(|request| request.path == "/v1/auth/challenge");
        knocks.count()
    };
    let before = knocks(&phone);
    phone.client.network_changed().await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(knocks(&phone), before);
    let nobody = bob.client.disable_device(DeviceId::new(9).unwrap()).await;
    assert_eq!(nobody.unwrap_err().code(), "not_found");
    let cold = phone.cold().await;
    assert_eq!(cold.texts(thread)[0], "to both");
    assert_eq!(cold.texts(thread).len(), 2);
    let expected = ["to both", "to one", "and back"];
    same_everywhere(thread, vec![alice, bob], &expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_devices_of_one_user_that_send_at_once_show_one_order_everywhere() {
    let (_relay, alice, bob, thread) = start_pair().await;
    let phone = alice.link().await;
    phone.client.direct_thread("bob").await.unwrap();
    for number in 0..25 {
        let text = |of: &str| format!("{of} {number}");
        let (one, two, three) = (text("desk"), text("phone"), text("bob"));
        tokio::join!(
            alice.write(thread, &one),
            phone.write(thread, &two),
            bob.write(thread, &three),
        );
    }
    let devices = [&alice, &phone, &bob];
    for device in devices {
        device.until_messages(thread, 75).await;
        settled(device, thread).await;
    }
    let order = bob.texts(thread).await;
    for of in ["desk", "phone", "bob"] {
        let own = order.iter().filter(|text| text.starts_with(of));
        let expected = (0..25).map(|number| format!("{of} {number}"));
        assert!(own.cloned().eq(expected), "{order:?}");
    }
    let expected: Vec<_> = order.iter().map(String::as_str).collect();
    same_everywhere(thread, vec![alice, phone, bob], &expected).await;
}

/// Waits until nothing of this device in this thread is on its way to the relay.
async fn settled(device: &Device, thread: ThreadId) {
    let on_its_way = async || {
        let messages = device.messages(thread).await;
        messages.iter().any(|message| message.id.is_none())
    };
    soon("everything sent", async {
        while on_its_way().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn local_echoes_take_their_place_when_they_are_confirmed() {
    let (_relay, alice, bob, thread) = start_pair().await;
    alice.say(thread, "first").await;
    bob.hears("first").await;
    alice.adversary.on_request(|seen| match seen.is_send() {
        true => Fate::Lost,
        false => Fate::Passed,
    });
    alice.write(thread, "written second").await;
    bob.say(thread, "sent second").await;
    alice.hears("sent second").await;
    let shown = ["first", "sent second", "<pending> written second"];
    assert_eq!(alice.texts(thread).await, shown, "an echo stands last");
    bob.say(thread, "sent third").await;
    alice.hears("sent third").await;
    assert_eq!(alice.texts(thread).await[3], "<pending> written second");
    alice.adversary.rest();
    alice.client.network_changed().await.unwrap();
    bob.hears("written second").await;
    bob.say(thread, "last").await;
    alice.hears("last").await;
    let expected = [
        "first",
        "sent second",
        "sent third",
        "written second",
        "last",
    ];
    same_everywhere(thread, vec![alice, bob], &expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_messages_caught_up_through_the_queue_and_through_the_socket_give_equal_stores()
{
    const COUNT: u64 = 1_000;
    let config = RelayConfig::new(RelayData::Memory).without_limits();
    let relay = Relay::start(config).await.unwrap();
    let (alice, bob, thread) = pair(relay.url()).await;
    let phone = bob.link().await;
    phone.client.direct_thread("alice").await.unwrap();
    alice.say(thread, "0").await;
    for device in [&bob, &phone] {
        device.hears("0").await;
        device.offline().await;
    }
    for number in 1..COUNT {
        alice.write(thread, &number.to_string()).await;
    }
    let deadline = Instant::now() + 3 * PATIENCE;
    while alice.adversary.sends().len() < COUNT as usize {
        assert!(Instant::now() < deadline, "the sending takes too long");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    settled(&alice, thread).await;
    let fetched = soon("fetched", bob.client.fetch_queue()).await.unwrap();
    assert_eq!(fetched, COUNT - 1);
    phone.client.go_online().await.unwrap();
    phone.until_messages(thread, COUNT).await;
    phone.online().await;
    let (by_queue, by_socket) = (bob.cold().await, phone.cold().await);
    let (by_queue, by_socket) = (by_queue.messages(thread), by_socket.messages(thread));
    assert_eq!(by_queue.len() as u64, COUNT);
    assert_eq!(by_socket.len() as u64, COUNT);
    for (one, other) in by_queue.iter().zip(&by_socket) {
        assert_eq!(
            (one.id, one.client_seq, one.text(), one.created_at),
            (other.id, other.client_seq, other.text(), other.created_at)
        );
        assert!(one.state == other.state && one.content == other.content);
    }
    let texts: Vec<_> = by_queue.iter().filter_map(|one| one.text()).collect();
    let expected: Vec<_> = (0..COUNT).map(|number| number.to_string()).collect();
    assert_eq!(texts, expected);
    alice.cold().await;
}
