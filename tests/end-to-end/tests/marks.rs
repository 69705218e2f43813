//! What became of a message, who has read what, what is unread: the same on every device, live, after being away, and cold.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a step that fails here is the test failing"
)]

use sealwire::{
    AccountSettings, Event, Message, MessageContent, MessageId, MessageState, Notifications,
    RecipientState, ThreadId, ThreadPreferences, UserId,
};
use sealwire_relay::{Relay, RelayConfig, RelayData};
use sealwire_tests::{ByHand, Device, Fate, delivered, pair, read, soon, start_pair, start_relay};
use serde_json::json;
use std::time::Duration;

/// Waits until the store says so: events notify, the store is the truth.
async fn until_unread(device: &Device, thread: ThreadId, count: u64) {
    let mut events = device.client.events();
    soon("unread", async {
        while unread(device, thread).await != count {
            events.next().await.unwrap();
        }
    })
    .await;
}

async fn unread(device: &Device, thread: ThreadId) -> u64 {
    let shown = device.client.inbox_thread(thread).await.unwrap();
    shown.map_or(0, |shown| shown.unread)
}

/// What a count over every message says.
fn recount(messages: &[Message], own: &UserId, read_up_to: Option<MessageId>) -> u64 {
    let counts = |message: &&Message| message.sender != *own && message.id > read_up_to;
    messages.iter().filter(counts).count() as u64
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_turns_from_sent_to_delivered_to_read_on_every_device_of_its_sender() {
    let (_relay, alice, bob, thread) = start_pair().await;
    let phone = alice.link().await;
    bob.offline().await;
    let sent = alice.say(thread, "are you there?").await;
    assert_eq!(sent.state, MessageState::Sent);
    let there = phone.hears("are you there?").await;
    assert_eq!(there.state, MessageState::Sent);
    bob.client.go_online().await.unwrap();
    bob.hears("are you there?").await;
    alice
        .events
        .until("delivered", delivered(sent.local_id))
        .await;
    phone
        .events
        .until("delivered", delivered(there.local_id))
        .await;
    bob.client.mark_read(thread, None).await.unwrap();
    alice.events.until("read", read(sent.local_id)).await;
    phone.events.until("read", read(there.local_id)).await;
    let receipts = alice.client.receipts(sent.local_id).await.unwrap();
    assert_eq!((receipts.len(), receipts[0].user_id.as_str()), (1, "bob"));
    assert_eq!(receipts[0].state, RecipientState::Read);
    assert!(receipts[0].delivered_at <= receipts[0].read_at && receipts[0].delivered_at.is_some());
    for device in [alice, phone] {
        let cold = device.cold().await;
        assert_eq!(cold.messages(thread)[0].state, MessageState::Read);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_while_the_sender_was_away_is_there_before_the_catch_up_ends() {
    let (_relay, alice, bob, thread) = start_pair().await;
    let first = alice.say(thread, "one").await;
    bob.hears("one").await;
    alice
        .events
        .until("delivered", delivered(first.local_id))
        .await;
    let second = alice.say(thread, "two").await;
    let home = alice.close().await;
    bob.hears("two").await;
    bob.client.mark_read(thread, first.id).await.unwrap();
    // Told once, in the order of what bob did: behind it the mark stands at the relay.
    bob.say(thread, "I have read one of them").await;
    let alice = home.open_online().await;
    // A reader that missed every event sees the same by querying.
    let state = |id: i64| alice.client.message(id);
    soon("read", async {
        let mut events = alice.client.events();
        while state(first.local_id).await.unwrap().unwrap().state != MessageState::Read {
            events.next().await.unwrap();
        }
    })
    .await;
    assert_eq!(
        state(second.local_id).await.unwrap().unwrap().state,
        MessageState::Delivered
    );
    let cold = alice.cold().await;
    let states: Vec<_> = cold
        .messages(thread)
        .into_iter()
        .map(|message| message.state)
        .collect();
    assert_eq!(states[..2], [MessageState::Read, MessageState::Delivered]);
}

#[tokio::test(flavor = "multi_thread")]
async fn unread_counts_are_in_step_on_all_own_devices_and_equal_a_recount() {
    let (_relay, alice, bob, thread) = start_pair().await;
    let phone = alice.link().await;
    for number in 0..5 {
        bob.say(thread, &format!("number {number}")).await;
    }
    phone.hears("number 4").await;
    alice.hears("number 4").await;
    phone.say(thread, "mine").await;
    alice.hears("mine").await;
    for device in [&alice, &phone] {
        assert_eq!(unread(device, thread).await, 5);
    }
    let second = alice.messages(thread).await[1].id;
    alice.client.mark_read(thread, second).await.unwrap();
    assert_eq!(unread(&alice, thread).await, 3, "here at once");
    until_unread(&phone, thread, 3).await;
    // Offline: here at once, there when the network is back.
    phone.offline().await;
    phone.client.mark_read(thread, None).await.unwrap();
    assert_eq!(unread(&phone, thread).await, 0);
    bob.say(thread, "one more").await;
    alice.hears("one more").await;
    assert_eq!(unread(&alice, thread).await, 4);
    let phone = phone.close().await.open_online().await;
    phone.hears("one more").await;
    until_unread(&alice, thread, 1).await;
    until_unread(&phone, thread, 1).await;
    let own: UserId = "alice".parse().unwrap();
    for device in [alice, phone] {
        let cold = device.cold().await;
        let shown = cold.store.inbox_thread(thread).unwrap().unwrap();
        let counted = recount(&cold.messages(thread), &own, shown.read_up_to);
        assert_eq!((shown.unread, counted), (1, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_receipts_off_nobody_learns_what_was_read_and_own_devices_still_do() {
    let (_relay, alice, bob, thread) = start_pair().await;
    let phone = bob.link().await;
    let off = AccountSettings {
        read_receipts: false,
        ..AccountSettings::default()
    };
    assert_eq!(bob.client.set_settings(off).await.unwrap(), off);
    assert_eq!(bob.client.settings().await.unwrap(), off);
    let to_bob = alice.say(thread, "to bob").await;
    phone.hears("to bob").await;
    bob.hears("to bob").await;
    bob.client.mark_read(thread, None).await.unwrap();
    until_unread(&phone, thread, 0).await;
    // Symmetric: nor does bob learn what alice has read.
    let to_alice = bob.say(thread, "to alice").await;
    alice.hears("to alice").await;
    alice.client.mark_read(thread, None).await.unwrap();
    let later = alice.say(thread, "later").await;
    bob.hears("later").await;
    alice
        .events
        .until("delivered", delivered(later.local_id))
        .await;
    bob.events
        .until("delivered", delivered(to_alice.local_id))
        .await;
    // With the next connection the other own devices know of the setting.
    let phone = phone.close().await.open_online().await;
    soon("settings", async {
        let mut events = phone.client.events();
        while phone.client.settings().await.unwrap() != off {
            events.next().await.unwrap();
        }
    })
    .await;
    let state = |cold: &sealwire_tests::Cold, id: Option<MessageId>| {
        let messages = cold.messages(thread);
        let held = messages.into_iter().find(|message| message.id == id);
        held.unwrap().state
    };
    let cold = alice.cold().await;
    assert_eq!(state(&cold, to_bob.id), MessageState::Delivered);
    let cold = bob.cold().await;
    assert_eq!(state(&cold, to_alice.id), MessageState::Delivered);
    phone.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_inbox_shows_threads_newest_first_with_last_message_unread_and_state_by_pages() {
    let relay = start_relay().await;
    let alice = Device::register(relay.url(), "alice").await;
    let mut threads = Vec::new();
    let friends = ["bob", "carol", "dave"];
    for name in friends {
        let friend = Device::register(relay.url(), name).await;
        let thread = friend.client.direct_thread("alice").await.unwrap();
        friend.say(thread, &format!("{name} writes")).await;
        alice.hears(&format!("{name} writes")).await;
        threads.push((thread, friend));
    }
    // The oldest thread comes to the top by an answer, which waits to be sent.
    alice.offline().await;
    let (bobs, bob) = &threads[0];
    let answer = alice.write(*bobs, "an answer").await;
    let names = |page: &sealwire::InboxPage| -> Vec<String> {
        let users = page.threads.iter().filter_map(|thread| thread.user.clone());
        users.map(|user| user.to_string()).collect()
    };
    let first = alice.client.inbox(2, None).await.unwrap();
    let second = alice.client.inbox(2, first.next).await.unwrap();
    assert_eq!(
        (names(&first), names(&second)),
        (
            vec!["bob".to_owned(), "dave".to_owned()],
            vec!["carol".to_owned()]
        )
    );
    assert!(second.next.is_none());
    let top = &first.threads[0];
    let last = top.last_message.as_ref().unwrap();
    assert_eq!(
        (last.text(), &last.state),
        (Some("an answer"), &MessageState::Pending)
    );
    assert_eq!((top.unread, first.threads[1].unread), (1, 1));
    assert_eq!(alice.client.count_unread().await.unwrap(), 3);
    alice.client.go_online().await.unwrap();
    bob.hears("an answer").await;
    alice
        .events
        .until("delivered", delivered(answer.local_id))
        .await;
    let changed = |event: &Event| *event == Event::InboxChanged { thread: *bobs };
    assert!(alice.events.count(changed) >= 3, "received, queued, sent");
    let shown = alice.client.inbox_thread(*bobs).await.unwrap().unwrap();
    assert_eq!(shown.last_sent.unwrap().state, MessageState::Delivered);
    let cold = alice.cold().await;
    let rows = cold.store.inbox(None, 10).unwrap();
    assert_eq!(rows[0].thread.id, *bobs);
    assert_eq!(rows.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_is_told_while_a_device_catches_up() {
    let (_relay, alice, bob, thread) = start_pair().await;
    // They know each other's devices: nothing waits for a list.
    bob.say(thread, "good night").await;
    alice.hears("good night").await;
    let home = alice.close().await;
    for number in 0..70 {
        bob.say(thread, &format!("number {number}")).await;
    }
    let alice = home.open_online().await;
    alice.until_messages(thread, 71).await;
    let is_over = |event: &Event| *event == Event::CaughtUp;
    alice.events.until("caught up", is_over).await;
    let told = alice.events.all();
    let progress: Vec<_> = told
        .iter()
        .filter_map(|event| match event {
            Event::CatchUp { done, total } => Some((*done, *total)),
            _ => None,
        })
        .collect();
    assert_eq!(progress.first(), Some(&(0, 70)));
    assert!(
        progress
            .last()
            .is_some_and(|(done, total)| done == total && *done >= 70)
    );
    let last = told
        .iter()
        .rposition(|event| matches!(event, Event::MessageReceived(_)));
    let end = told.iter().position(|event| *event == Event::CaughtUp);
    assert!(
        last.is_some() && last < end,
        "caught up when all of it is here"
    );
    assert_eq!(alice.cold().await.messages(thread).len(), 71);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_blocked_cannot_write_until_they_are_not() {
    let (_relay, alice, bob, thread) = start_pair().await;
    bob.client.block("alice").await.unwrap();
    let blocked: Vec<_> = bob.client.blocked_users().await.unwrap();
    assert_eq!(
        blocked.iter().map(UserId::as_str).collect::<Vec<_>>(),
        ["alice"]
    );
    let message = alice.write(thread, "hello?").await;
    let failed = soon("refused", alice.client.wait_until_sent(message.local_id)).await;
    assert_eq!(failed.unwrap_err().code(), "message_failed");
    let held = alice
        .client
        .message(message.local_id)
        .await
        .unwrap()
        .unwrap();
    let code = "blocked".to_owned();
    assert_eq!(held.state, MessageState::Failed { code });
    bob.client.unblock("alice").await.unwrap();
    assert!(bob.client.blocked_users().await.unwrap().is_empty());
    alice.client.retry(message.local_id).await.unwrap();
    bob.hears("hello?").await;
    alice
        .events
        .until("delivered", delivered(message.local_id))
        .await;
    let cold = alice.cold().await;
    assert_eq!(cold.messages(thread)[0].state, MessageState::Delivered);
}

#[tokio::test(flavor = "multi_thread")]
async fn on_resync_every_history_is_read_before_the_catch_up_ends() {
    let (_relay, alice, bob, thread) = start_pair().await;
    alice.say(thread, "good night").await;
    bob.hears("good night").await;
    bob.offline().await;
    for text in ["one", "two", "three"] {
        alice.say(thread, text).await;
    }
    // What waited is gone from the queue, as the relay says; nothing of it is acknowledged.
    bob.adversary.lose_acknowledgements(true);
    bob.adversary.on_frame(|frame| match frame["t"].as_str() {
        Some("msg") => Vec::new(),
        Some("caught_up") => {
            let resync = json!({ "t": "resync", "frame_seq": frame["frame_seq"] });
            vec![resync, frame]
        }
        _ => vec![frame],
    });
    bob.client.go_online().await.unwrap();
    bob.events
        .until_count("caught up twice", 2, |event| *event == Event::CaughtUp)
        .await;
    let told = bob.events.all();
    let received = told
        .iter()
        .rposition(|event| matches!(event, Event::MessageReceived(_)));
    let end = told.iter().rposition(|event| *event == Event::CaughtUp);
    assert!(told.contains(&Event::QueueExpired) && received < end);
    let cold = bob.cold().await;
    assert_eq!(cold.texts(thread), ["good night", "one", "two", "three"]);
    assert_eq!(cold.store.count_resyncs().unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_sweeper_took_shows_expired_and_counts_as_it_does_everywhere() {
    let folder = tempfile::tempdir().unwrap();
    let config = RelayConfig::new(RelayData::Folder(folder.path().to_owned())).without_limits();
    let relay = Relay::start(config.clone()).await.unwrap();
    let address = relay.addr();
    let (alice, bob, thread) = pair(relay.url()).await;
    let phone = bob.link().await;
    alice.say(thread, "good night").await;
    bob.hears("good night").await;
    phone.hears("good night").await;
    bob.offline().await;
    for text in ["one", "two"] {
        alice.say(thread, text).await;
        phone.hears(text).await;
    }
    relay.shutdown().await;
    // It sweeps as soon as it starts.
    let shortly = Some(Duration::from_millis(1));
    let config = config.listen(address).queue_lifetime(shortly);
    let successor = Relay::start(config).await.unwrap();
    let operator = ByHand::nobody(successor.url());
    soon("the first sweep", async {
        loop {
            let metrics = operator.get("/metrics").await;
            let swept = String::from_utf8(metrics.body).unwrap();
            if !swept.contains("\nsealwire_sweeps_total 0\n") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    bob.client.go_online().await.unwrap();
    bob.events
        .until("expired", |event| *event == Event::QueueExpired)
        .await;
    bob.events
        .until_count("caught up twice", 2, |event| *event == Event::CaughtUp)
        .await;
    let expected = ["good night", "<expired>", "<expired>"];
    let shown = |messages: &[Message]| {
        let shown = messages.iter().map(|message| match &message.content {
            MessageContent::Text(text) => text.clone(),
            MessageContent::Unreadable(reason) => format!("<{}>", reason.as_str()),
            _ => "<other>".to_owned(),
        });
        shown.collect::<Vec<_>>()
    };
    assert_eq!(shown(&bob.messages(thread).await), expected);
    assert_eq!(unread(&bob, thread).await, 3);
    assert_eq!(unread(&phone, thread).await, 3);
    let cold = bob.cold().await;
    assert_eq!(shown(&cold.messages(thread)), expected);
    assert_eq!(cold.store.count_unread().unwrap(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_account_wants_of_a_thread_follows_on_its_other_devices() {
    let (_relay, alice, bob, thread) = start_pair().await;
    let phone = alice.link().await;
    bob.say(thread, "hello").await;
    alice.hears("hello").await;
    phone.hears("hello").await;
    let wanted = ThreadPreferences {
        muted_until: None,
        notifications: Notifications::Mentions,
    };
    let held = alice.client.set_thread_preferences(thread, wanted).await;
    assert_eq!(held.unwrap(), wanted);
    let preferences = async |device: &Device| {
        let shown = device.client.inbox_thread(thread).await.unwrap();
        shown.unwrap().preferences
    };
    assert_eq!(preferences(&alice).await, wanted);
    let mut events = phone.client.events();
    soon("preferences", async {
        while preferences(&phone).await != wanted {
            events.next().await.unwrap();
        }
    })
    .await;
    let cold = phone.cold().await;
    let shown = cold.store.inbox_thread(thread).unwrap().unwrap();
    assert_eq!(shown.preferences, wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_mark_whose_request_or_answer_was_lost_is_told_after_a_restart() {
    for reached in [false, true] {
        let (_relay, alice, bob, thread) = start_pair().await;
        let message = alice.say(thread, "hello").await;
        bob.hears("hello").await;
        bob.adversary
            .on_request(move |seen| match (seen.path.ends_with("/read"), reached) {
                (true, true) => Fate::AnswerLost,
                (true, false) => Fate::Lost,
                _ => Fate::Passed,
            });
        bob.client.mark_read(thread, None).await.unwrap();
        bob.adversary
            .until("told", |adversary| {
                let mut requests = adversary.requests().into_iter();
                requests.find(|seen| seen.path.ends_with("/read"))
            })
            .await;
        let cold = bob.close().await.cold().await;
        let shown = cold.store.inbox_thread(thread).unwrap().unwrap();
        assert_eq!(shown.unread, 0, "durable here first");
        let bob = cold.close().open_online().await;
        bob.adversary.rest();
        alice.events.until("read", read(message.local_id)).await;
        assert_eq!(alice.events.count(read(message.local_id)), 1, "once");
        let cold = alice.cold().await;
        assert_eq!(cold.messages(thread)[0].state, MessageState::Read);
        let cold = bob.cold().await;
        assert_eq!(cold.store.inbox_thread(thread).unwrap().unwrap().unread, 0);
    }
}
