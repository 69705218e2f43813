//! People with several devices talk, and nothing goes wrong but what goes wrong every day.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a step that fails here is the test failing"
)]

use sealwire::{ConnectionState, Event};
use sealwire_tests::{Device, same_everywhere, soon, start_pair, start_relay, texts};

#[tokio::test(flavor = "multi_thread")]
async fn two_people_write_to_each_other() {
    let (_relay, alice, bob, thread) = start_pair().await;
    alice.say(thread, "Grüezi, wie goht's?").await;
    bob.hears("Grüezi, wie goht's?").await;
    bob.say(thread, "好的，谢谢 🙂").await;
    alice.hears("好的，谢谢 🙂").await;
    alice.say(thread, "שלום").await;
    let expected = ["Grüezi, wie goht's?", "好的，谢谢 🙂", "שלום"];
    same_everywhere(thread, vec![alice, bob], &expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thread_with_oneself_reaches_the_other_devices() {
    let relay = start_relay().await;
    let desk = Device::register(relay.url(), "alice").await;
    let thread = desk.client.direct_thread("alice").await.unwrap();
    desk.say(thread, "alone so far").await;
    let phone = desk.link().await;
    desk.say(thread, "milk, bread").await;
    phone.hears("milk, bread").await;
    phone.say(thread, "and butter").await;
    desk.hears("and butter").await;
    let cold = phone.cold().await;
    assert_eq!(cold.texts(thread), ["milk, bread", "and butter"]);
    let cold = desk.cold().await;
    assert_eq!(
        cold.texts(thread),
        ["alone so far", "milk, bread", "and butter"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_other_device_of_both_people_gets_each_message_once_and_in_one_order() {
    let (_relay, alice, bob, thread) = start_pair().await;
    let (alice_phone, bob_phone) = tokio::join!(alice.link(), bob.link());
    let bob_tablet = bob_phone.link().await;
    for device in [&alice_phone, &bob_phone, &bob_tablet] {
        let other = if device.client.account().unwrap().0.as_str() == "alice" {
            "bob"
        } else {
            "alice"
        };
        device.client.direct_thread(other).await.unwrap();
    }
    let devices = vec![alice, alice_phone, bob, bob_phone, bob_tablet];
    let mut expected = Vec::new();
    for turn in 0..15 {
        let text = format!("turn {turn}");
        devices[turn % devices.len()].say(thread, &text).await;
        expected.push(text);
    }
    let expected: Vec<_> = expected.iter().map(String::as_str).collect();
    for device in &devices {
        device.until_messages(thread, 15).await;
        let told = |event: &Event| matches!(event, Event::MessageReceived(_));
        device.events.until_count("received", 12, told).await;
        let wrong = |event: &Event| {
            matches!(
                event,
                Event::DuplicateDropped { .. } | Event::MessageUnreadable(_)
            )
        };
        assert_eq!(device.events.count(wrong), 0);
        assert_eq!(device.events.count(told), 12);
    }
    same_everywhere(thread, devices, &expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_that_write_at_the_same_time_end_in_one_order() {
    let (_relay, alice, bob, thread) = start_pair().await;
    let bob_phone = bob.link().await;
    bob_phone.client.direct_thread("alice").await.unwrap();
    let devices = vec![alice, bob, bob_phone];
    let write = |device: usize| {
        let device = &devices[device];
        async move {
            for number in 0..10 {
                let who = device.client.account().unwrap();
                let text = format!("{} {} {number}", who.0, who.1);
                device.write(thread, &text).await;
            }
        }
    };
    tokio::join!(write(0), write(1), write(2));
    let mut orders = Vec::new();
    for device in devices {
        device.until_messages(thread, 30).await;
        for message in device.messages(thread).await {
            if message.id.is_none() {
                soon("sent", device.client.wait_until_sent(message.local_id))
                    .await
                    .unwrap();
            }
        }
        let cold = device.cold().await;
        orders.push(cold.texts(thread));
        let messages = cold.messages(thread);
        for sender in ["alice", "bob"] {
            for number in 1..=2 {
                let of_one: Vec<_> = messages
                    .iter()
                    .filter(|message| {
                        message.sender.as_str() == sender && message.sender_device.get() == number
                    })
                    .map(|message| message.client_seq)
                    .collect();
                assert!(of_one.is_sorted(), "{of_one:?}");
            }
        }
    }
    assert_eq!(orders[0].len(), 30);
    assert!(orders.iter().all(|order| *order == orders[0]), "{orders:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_linked_later_gets_what_is_sent_later_and_writes_itself() {
    let (_relay, alice, bob, thread) = start_pair().await;
    alice.say(thread, "before").await;
    bob.hears("before").await;
    bob.say(thread, "before too").await;
    let phone = bob.link().await;
    alice.say(thread, "after").await;
    phone.hears("after").await;
    phone.say(thread, "from the phone").await;
    alice.hears("from the phone").await;
    bob.hears("from the phone").await;
    assert_eq!(phone.client.sync_thread(thread).await.unwrap(), 0);
    let cold = phone.cold().await;
    assert_eq!(cold.texts(thread), ["after", "from the phone"]);
    let all = ["before", "before too", "after", "from the phone"];
    same_everywhere(thread, vec![alice, bob], &all).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_was_offline_catches_up() {
    let (_relay, alice, bob, thread) = start_pair().await;
    alice.say(thread, "0").await;
    bob.hears("0").await;
    bob.offline().await;
    for number in 1..20 {
        alice.say(thread, &number.to_string()).await;
    }
    bob.write(thread, "written offline").await;
    assert_eq!(bob.client.count_messages(None).await.unwrap(), 2);
    bob.client.go_online().await.unwrap();
    bob.online().await;
    alice.hears("written offline").await;
    let mut expected: Vec<_> = (0..20).map(|number| number.to_string()).collect();
    expected.push("written offline".to_owned());
    let expected: Vec<_> = expected.iter().map(String::as_str).collect();
    same_everywhere(thread, vec![alice, bob], &expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_was_closed_goes_on_from_its_file() {
    let (_relay, alice, bob, thread) = start_pair().await;
    alice.say(thread, "one").await;
    bob.hears("one").await;
    bob.say(thread, "two").await;
    let bob = bob.close().await;
    alice.say(thread, "three").await;
    let bob = bob.open_online().await;
    bob.hears("three").await;
    let alice = alice.close().await.open_online().await;
    bob.say(thread, "four").await;
    alice.hears("four").await;
    alice.say(thread, "five").await;
    same_everywhere(
        thread,
        vec![alice, bob],
        &["one", "two", "three", "four", "five"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_begun_by_both_at_once_carry_on() {
    let (_relay, alice, bob, thread) = start_pair().await;
    alice.offline().await;
    bob.offline().await;
    alice.write(thread, "from alice").await;
    bob.write(thread, "from bob").await;
    alice.client.go_online().await.unwrap();
    bob.client.go_online().await.unwrap();
    alice.hears("from bob").await;
    bob.hears("from alice").await;
    for round in 0..3 {
        let (asked, answered) = (format!("ask {round}"), format!("answer {round}"));
        alice.say(thread, &asked).await;
        bob.hears(&asked).await;
        bob.say(thread, &answered).await;
        alice.hears(&answered).await;
    }
    let (alice, bob) = (alice.cold().await, bob.cold().await);
    let order = alice.texts(thread);
    assert_eq!(order.len(), 8);
    assert_eq!(
        order[2..],
        [
            "ask 0", "answer 0", "ask 1", "answer 1", "ask 2", "answer 2"
        ]
    );
    assert_eq!(order, bob.texts(thread));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_is_whole_for_a_reader_that_never_looked() {
    let (_relay, alice, bob, thread) = start_pair().await;
    // Nobody reads this stream until all is over.
    let mut slow = bob.client.events();
    let mut last = None;
    for number in 0..300 {
        last = Some(alice.write(thread, &format!("burst {number}")).await);
    }
    let last = last.unwrap();
    soon("sent", alice.client.wait_until_sent(last.local_id))
        .await
        .unwrap();
    bob.hears("burst 299").await;
    let expected: Vec<_> = (0..300).map(|number| format!("burst {number}")).collect();
    assert_eq!(texts(&bob.messages(thread).await), expected);
    let mut told = Vec::new();
    while told.len() < 300 {
        match soon("an event", slow.next()).await.unwrap() {
            Event::MessageReceived(message) => told.push(message.text().unwrap().to_owned()),
            Event::Lagged { missed } => panic!("{missed} events missed"),
            _ => {}
        }
    }
    assert_eq!(told, expected);
    let expected: Vec<_> = expected.iter().map(String::as_str).collect();
    same_everywhere(thread, vec![alice, bob], &expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_absence_is_caught_up_in_order_over_a_socket_that_breaks() {
    let (_relay, alice, bob, thread) = start_pair().await;
    bob.offline().await;
    let mut last = None;
    for number in 0..200 {
        last = Some(alice.write(thread, &format!("{number}")).await);
    }
    let last = last.unwrap().local_id;
    soon("sent", alice.client.wait_until_sent(last))
        .await
        .unwrap();
    // Broken in the middle of the replay, twice, before what came was acknowledged.
    let mut frames = 0;
    let line = std::sync::Arc::downgrade(&bob.adversary);
    bob.adversary.on_frame(move |frame| {
        frames += 1;
        if frames == 60 || frames == 150 {
            line.upgrade().unwrap().break_socket();
        }
        vec![frame]
    });
    bob.client.go_online().await.unwrap();
    bob.online().await;
    let expected: Vec<_> = (0..200).map(|number| number.to_string()).collect();
    let expected: Vec<_> = expected.iter().map(String::as_str).collect();
    let told = |event: &Event| matches!(event, Event::MessageReceived(_));
    bob.events.until_count("all", 200, told).await;
    assert_eq!(bob.events.count(told), 200);
    same_everywhere(thread, vec![alice, bob], &expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_of_two_instances_of_a_device_is_connected() {
    let (_relay, alice, bob, thread) = start_pair().await;
    alice.say(thread, "one").await;
    bob.hears("one").await;
    // As if the device's files had been copied to another machine.
    let copy = bob.snapshot().await.open_online().await;
    bob.events
        .until("replaced", |event| {
            matches!(event, Event::Connection(ConnectionState::Replaced))
        })
        .await;
    assert_eq!(bob.client.connection(), ConnectionState::Replaced);
    copy.close().await;
    alice.say(thread, "two").await;
    bob.client.go_online().await.unwrap();
    bob.hears("two").await;
    same_everywhere(thread, vec![alice, bob], &["one", "two"]).await;
}
