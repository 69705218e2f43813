//! docs/scenario.md in Rust, step by step: what every other language's tests tell too.
//!
//! An unwrap that fails here is the test failing.
#![allow(clippy::unwrap_used, clippy::panic)]

use sealwire::key_store::KeyStore;
use sealwire::{
    Attachment, Client, ConnectionState, Error, Event, FileKeyStore, MemoryKeyStore, Message,
    MessageContent, MessageState, Progress, ThreadId,
};
use sealwire_tests::{RelayProcess, relay_program, soon};
use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;

const LINES: [&str; 8] = [
    "Ein Gruß aus Köln, Straße am Dom 👋",
    "Rendez-vous à la gare, dès l'été",
    "東京で会いましょう",
    "你好，明天见",
    "서울에서 만나요",
    "مرحبا، أراك غدا",
    "נתראה מחר בבוקר",
    "कल सुबह मिलते हैं",
];

struct World {
    folder: TempDir,
    relay: RelayProcess,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("relay");
        let relay = RelayProcess::start(relay_program!(), &data, None).await;
        Self { folder, relay }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn open(&self, name: &str, keys: Arc<dyn KeyStore>) -> Result<Client, Error> {
        let builder = Client::builder(&self.relay.url).store(self.path(&format!("{name}.db")));
        builder.key_store(keys).open().await
    }

    async fn device(&self, name: &str) -> Client {
        let keys = FileKeyStore::new(self.path(&format!("{name}.keys")));
        self.open(name, Arc::new(keys)).await.unwrap()
    }

    async fn registered(&self, user: &str) -> Client {
        let client = self.device(user).await;
        client.register(user).await.unwrap();
        client
    }

    async fn pair(&self) -> (Client, Client, ThreadId) {
        let (alice, bob) = (self.registered("alice").await, self.registered("bob").await);
        let thread = alice.direct_thread("bob").await.unwrap();
        (alice, bob, thread)
    }
}

/// The thread once it holds so many messages, oldest first.
async fn holds(client: &Client, count: usize, thread: ThreadId) -> Vec<Message> {
    let mut held = 0;
    while held < count as u64 {
        // How long all of them take is the machine's affair.
        held = soon("further messages", more_than(client, held)).await;
    }
    let mut messages = client
        .messages(thread, None, count as u32 + 10)
        .await
        .unwrap();
    messages.reverse();
    messages
}

async fn more_than(client: &Client, held: u64) -> u64 {
    loop {
        let there = client.count_messages(None).await.unwrap();
        if there > held {
            return there;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn words(messages: &[Message]) -> Vec<&str> {
    messages
        .iter()
        .map(|message| message.text().unwrap())
        .collect()
}

async fn until(client: &Client, message: &Message, state: MessageState) {
    let there = async {
        while client
            .message(message.local_id)
            .await
            .unwrap()
            .unwrap()
            .state
            != state
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    soon("the state", there).await;
}

async fn newest(client: &Client, thread: ThreadId) -> Message {
    client.messages(thread, None, 1).await.unwrap().remove(0)
}

fn code<T>(result: Result<T, Error>) -> &'static str {
    result.err().unwrap().code()
}

#[tokio::test]
async fn steps_1_and_2_an_account_is_made_and_a_second_device_linked() {
    let world = World::new().await;
    let alice = world.device("alice").await;
    assert_eq!(alice.account(), None);
    assert_eq!(alice.register("alice").await.unwrap().get(), 1);
    assert_eq!(code(alice.register("alice").await), "already_registered");
    let tablet = world.device("tablet").await;

    let linking = tablet.start_linking().await.unwrap();
    let shown = linking.code().to_owned();
    let (declined, refused) = tokio::join!(
        linking.finish(|_| async { false }),
        alice.link_device(&shown, |_| async { true })
    );
    assert_eq!(
        (code(declined), code(refused)),
        ("link_declined", "link_declined")
    );
    assert_eq!(tablet.account(), None);

    let linking = tablet.start_linking().await.unwrap();
    let shown = linking.code().to_owned();
    assert!(shown.starts_with("sealwire://link?"));
    let (joined, added) = tokio::join!(
        linking.finish(|account| async move { account.user.as_str() == "alice" }),
        alice.link_device(
            &shown,
            |device| async move { device.identity_key.len() == 33 }
        )
    );
    let (joined, added) = (joined.unwrap(), added.unwrap());
    assert_eq!((joined.0.as_str(), joined.1), ("alice", added));
    assert_eq!(tablet.account(), Some(joined));
    let devices = alice.own_devices().await.unwrap();
    let numbers: Vec<_> = devices
        .iter()
        .map(|device| device.device_id.get())
        .collect();
    assert_eq!(numbers, [1, added.get()]);
}

#[tokio::test]
async fn steps_3_6_and_10_text_goes_both_ways_is_found_and_is_there_after_a_restart() {
    let world = World::new().await;
    let (alice, bob, thread) = world.pair().await;
    for line in LINES {
        alice.send_text(thread, line).await.unwrap();
    }
    let received = holds(&bob, LINES.len(), thread).await;
    assert_eq!(words(&received), LINES);
    assert!(
        received
            .iter()
            .all(|message| message.state == MessageState::Received)
    );
    let last = newest(&alice, thread).await;
    until(&alice, &last, MessageState::Delivered).await;
    assert_eq!(bob.count_unread().await.unwrap(), 8);
    bob.mark_read(thread, None).await.unwrap();
    until(&alice, &last, MessageState::Read).await;
    assert_eq!(bob.count_unread().await.unwrap(), 0);
    bob.send_text(thread, "Danke, gelesen: ✅").await.unwrap();
    assert_eq!(
        words(&holds(&alice, 9, thread).await).last(),
        Some(&"Danke, gelesen: ✅")
    );
    assert_eq!(alice.inbox(50, None).await.unwrap().threads.len(), 1);
    let receipts = alice.receipts(last.local_id).await.unwrap();
    assert_eq!(receipts.len(), 1);
    assert_eq!(receipts[0].user_id.as_str(), "bob");

    for (query, line) in [
        ("köln", 0),
        ("koln", 0),
        ("Straß", 0),
        ("gare", 1),
        ("東京", 2),
        ("好", 3),
        ("서울", 4),
    ] {
        let found = alice.search(query, None, None, 50).await.unwrap();
        assert_eq!(words(&found), [LINES[line]], "{query}");
    }
    assert!(
        alice
            .search("nirgends", None, None, 50)
            .await
            .unwrap()
            .is_empty()
    );

    until(&bob, &newest(&bob, thread).await, MessageState::Delivered).await;
    let before = [holds(&alice, 9, thread).await, holds(&bob, 9, thread).await];
    alice.close().await.unwrap();
    bob.close().await.unwrap();
    let (alice, bob) = (world.device("alice").await, world.device("bob").await);
    assert_eq!(
        [holds(&alice, 9, thread).await, holds(&bob, 9, thread).await],
        before
    );
    assert_eq!(alice.account().unwrap().0.as_str(), "alice");
}

#[tokio::test]
async fn step_4_a_picture_of_300_kb_arrives_byte_by_byte() {
    let world = World::new().await;
    let (alice, bob, thread) = world.pair().await;
    let picture: Vec<u8> = (0..300_000_u32).map(|i| (i * 31 + i / 251) as u8).collect();
    let seen: Arc<Mutex<Option<Progress>>> = Arc::default();
    let told = Arc::clone(&seen);
    let attachment = Attachment::from_bytes(picture.clone()).mime("image/png");
    let attachment = attachment.name("Strand ☀.png").caption("Am Strand");
    let sent = alice.send_attachment(thread, attachment, move |progress| {
        *told.lock().unwrap() = Some(progress);
    });
    sent.await.unwrap();
    let last = seen.lock().unwrap().unwrap();
    assert!(last.done == last.total && last.total >= 300_000);
    let message = holds(&bob, 1, thread).await.remove(0);
    let MessageContent::Attachment { file, caption } = &message.content else {
        panic!("{message:?}")
    };
    assert_eq!(
        (file.mime.as_str(), file.name.as_str()),
        ("image/png", "Strand ☀.png")
    );
    assert_eq!((caption.as_str(), file.size), ("Am Strand", 300_000));
    assert!(bob.download_attachment(&message, |_| ()).await.unwrap() == picture);
    let copy = world.path("copy.png");
    bob.download_attachment_to_file(&message, &copy, |_| ())
        .await
        .unwrap();
    assert!(std::fs::read(copy).unwrap() == picture);
    let none = alice.send_text(thread, "none").await.unwrap();
    assert_eq!(
        code(alice.download_attachment(&none, |_| ()).await),
        "no_attachment"
    );
}

#[tokio::test]
async fn step_5_a_device_that_was_offline_catches_up_in_order() {
    let world = World::new().await;
    let (alice, bob, thread) = world.pair().await;
    soon("online", bob.wait_until_caught_up()).await.unwrap();
    bob.go_offline().await.unwrap();
    let offline = ConnectionState::Offline {
        next_try_at_ms: None,
    };
    assert_eq!(bob.connection(), offline);
    let lines: Vec<_> = (1..=30).map(|number| format!("offline {number}")).collect();
    for line in &lines {
        alice.send_text(thread, line).await.unwrap();
    }
    let last = newest(&alice, thread).await;
    soon("sent", alice.wait_until_sent(last.local_id))
        .await
        .unwrap();
    assert_eq!(bob.count_messages(None).await.unwrap(), 0);
    bob.go_online().await.unwrap();
    assert_eq!(words(&holds(&bob, 30, thread).await), lines);
}

#[tokio::test]
async fn step_7_each_error_has_its_code_and_its_values() {
    let world = World::new().await;
    let (alice, _bob, thread) = world.pair().await;
    let most = alice.max_text_bytes();
    let long = alice
        .send_text(thread, "x".repeat(most + 1))
        .await
        .unwrap_err();
    assert_eq!((long.code(), long.retryable()), ("text_too_long", false));
    let fields = long.fields();
    assert_eq!(
        (fields.bytes, fields.max_bytes),
        (Some(most as u64 + 1), Some(most as u64))
    );
    assert_eq!(code(alice.send_text(thread, "").await), "empty_text");
    assert_eq!(code(alice.direct_thread("not a name").await), "invalid_id");
    alice.close().await.unwrap();
    assert_eq!(code(alice.direct_thread("bob").await), "closed");

    let other = MemoryKeyStore::new();
    other.put("store-salt", vec![2; 16].into()).await.unwrap();
    other.put("store-key", vec![1; 32].into()).await.unwrap();
    assert_eq!(
        code(world.open("alice", Arc::new(other)).await),
        "store_wrong_key"
    );
    let empty = Arc::new(MemoryKeyStore::new());
    assert_eq!(code(world.open("alice", empty).await), "key_missing");

    let carol = world.device("carol").await;
    world.relay.kill().await;
    let down = soon("an answer", carol.register("carol"))
        .await
        .unwrap_err();
    assert_eq!((down.code(), down.retryable()), ("network", true));
}

#[tokio::test]
async fn step_8_a_message_whose_call_was_cancelled_arrives_once() {
    let world = World::new().await;
    let (alice, bob, thread) = world.pair().await;
    alice.go_offline().await.unwrap();
    let sending = async {
        let message = alice.send_text(thread, "cancelled").await.unwrap();
        alice.wait_until_sent(message.local_id).await
    };
    let cancelled = tokio::time::timeout(Duration::from_millis(200), sending).await;
    assert!(cancelled.is_err());
    alice.go_online().await.unwrap();
    alice.send_text(thread, "after it").await.unwrap();
    assert_eq!(
        words(&holds(&bob, 2, thread).await),
        ["cancelled", "after it"]
    );
}

#[tokio::test]
async fn step_9_a_client_that_closes_ends_its_events_and_nothing_hangs() {
    let world = World::new().await;
    let alice = world.registered("alice").await;
    let mut events = alice.events();
    let reading = tokio::spawn(async move { while events.next().await.is_some() {} });
    alice.go_offline().await.unwrap();
    let thread = alice.direct_thread("bob").await.unwrap();
    let message = alice.send_text(thread, "x").await.unwrap();
    let waiting = tokio::spawn({
        let alice = alice.clone();
        async move { alice.wait_until_sent(message.local_id).await }
    });
    alice.close().await.unwrap();
    soon("the events end", reading).await.unwrap();
    assert_eq!(
        code(soon("the call ends", waiting).await.unwrap()),
        "closed"
    );
}

#[tokio::test]
async fn step_11_of_a_thousand_messages_none_is_lost_to_a_slow_reader() {
    let world = World::new().await;
    let (alice, bob, thread) = world.pair().await;
    let mut events = bob.events();
    let reader = bob.clone();
    let reading = tokio::spawn(async move {
        let (mut known, mut told) = (BTreeMap::new(), HashSet::new());
        while known.len() < 1000 {
            match events.next().await.unwrap() {
                Event::MessageReceived(message) => {
                    assert!(told.insert(message.local_id), "told twice");
                    known.insert(message.local_id, *message);
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                Event::Lagged { missed } => {
                    assert!(missed > 0);
                    let held = reader.messages(thread, None, 1010).await.unwrap();
                    known.extend(held.into_iter().map(|message| (message.local_id, message)));
                }
                _ => {}
            }
        }
        known.into_values().collect::<Vec<_>>()
    });
    let lines: Vec<_> = (1..=1000).map(|number| format!("burst {number}")).collect();
    for line in &lines {
        alice.send_text(thread, line).await.unwrap();
    }
    let held = holds(&bob, 1000, thread).await;
    assert_eq!(words(&held), lines);
    let known = soon("the reader has them all", reading).await.unwrap();
    assert_eq!(words(&known), lines, "each once");
    bob.close().await.unwrap();
}
