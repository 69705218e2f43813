//! The library as another language holds it, without one: handles, children, callbacks that fail.
//!
//! An unwrap that fails here is the test failing.
#![allow(clippy::unwrap_used, clippy::panic)]

use futures_util::FutureExt as _;
use sealwire_ffi::records::{AddDevice, JoinAccount, Progress};
use sealwire_ffi::records::{Event, MessageState, OpenOptions, SessionPolicy, StoreLocation};
use sealwire_ffi::{
    AddDeviceListener, Answer, AttachmentSource, CallError, CallbackError, ClientHandle,
    JoinAccountListener, KeyStore, ProgressListener, file_key_store, live_clients,
};
use sealwire_relay::{Relay, RelayConfig, RelayData};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::timeout;

/// Clients are counted in the whole process: one test at a time.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
const SOON: Duration = Duration::from_secs(20);

struct Says(bool);

impl AddDeviceListener for Says {
    fn ask(&self, _: AddDevice, answer: Arc<Answer>) -> Result<(), CallbackError> {
        answer.give(self.0);
        Ok(())
    }
}

impl JoinAccountListener for Says {
    fn ask(&self, _: JoinAccount, answer: Arc<Answer>) -> Result<(), CallbackError> {
        answer.give(self.0);
        Ok(())
    }
}

/// An app whose every callback fails.
struct Fails;

fn failed() -> CallbackError {
    CallbackError::Failed {
        reason: "the app's own fault".to_owned(),
    }
}

impl ProgressListener for Fails {
    fn on_progress(&self, _: Progress) -> Result<(), CallbackError> {
        Err(failed())
    }
}

impl JoinAccountListener for Fails {
    fn ask(&self, _: JoinAccount, _: Arc<Answer>) -> Result<(), CallbackError> {
        Err(failed())
    }
}

impl KeyStore for Fails {
    fn get(&self, _: String) -> Result<Option<Vec<u8>>, CallbackError> {
        Err(failed())
    }
    fn put(&self, _: String, _: Vec<u8>) -> Result<(), CallbackError> {
        Err(failed())
    }
}

fn in_memory(relay: &Relay) -> OpenOptions {
    OpenOptions {
        relay: relay.url().to_owned(),
        store: StoreLocation::Memory,
        start_offline: false,
        danger_allow_http: false,
        give_up_after_ms: None,
        session_policy: SessionPolicy::default(),
    }
}

async fn relay() -> Relay {
    Relay::start(RelayConfig::new(RelayData::Memory))
        .await
        .unwrap()
}

async fn registered(relay: &Relay, user: &str) -> Arc<ClientHandle> {
    let client = ClientHandle::open(in_memory(relay), None).await.unwrap();
    client.register(user.to_owned()).await.unwrap();
    client
}

fn code<T>(result: Result<T, CallError>) -> String {
    result.err().unwrap().info().code.clone()
}

#[tokio::test]
async fn closing_a_client_frees_it_although_its_children_are_held() {
    let _alone = ALONE.lock().await;
    let relay = relay().await;
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let options = || OpenOptions {
        store: StoreLocation::File { path: file("a.db") },
        ..in_memory(&relay)
    };
    let keys = file_key_store(file("a.keys"));
    assert_eq!(live_clients(), 0);
    let client = ClientHandle::open(options(), Some(Arc::clone(&keys)))
        .await
        .unwrap();
    assert_eq!(live_clients(), 1);
    let again = ClientHandle::open(options(), Some(Arc::clone(&keys))).await;
    assert_eq!(code(again), "store_in_use");

    let events = client.events().unwrap();
    let linking = client.start_linking().await.unwrap();
    client.end().await.unwrap();
    assert_eq!(live_clients(), 0, "although its handle is held");
    let again = ClientHandle::open(options(), Some(Arc::clone(&keys)))
        .await
        .unwrap();
    assert_eq!(live_clients(), 1);
    again.end().await.unwrap();
    assert_eq!(live_clients(), 0);

    assert_eq!(code(linking.finish(Arc::new(Says(true))).await), "closed");
    while !timeout(SOON, events.next())
        .await
        .unwrap()
        .unwrap()
        .is_empty()
    {}

    // Let go of without being closed: its store is given back too.
    let client = ClientHandle::open(options(), Some(Arc::clone(&keys)))
        .await
        .unwrap();
    drop(client);
    let reopened = async {
        while ClientHandle::open(options(), Some(Arc::clone(&keys)))
            .await
            .is_err()
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(SOON, reopened).await.unwrap();
    relay.shutdown().await;
}

#[tokio::test]
async fn a_closed_client_answers_every_call_with_closed() {
    let _alone = ALONE.lock().await;
    let relay = relay().await;
    let client = registered(&relay, "alice").await;
    client.end().await.unwrap();
    client.end().await.unwrap();
    assert_eq!(code(client.direct_thread("bob".to_owned()).await), "closed");
    assert_eq!(code(client.account()), "closed");
    relay.shutdown().await;
}

#[tokio::test]
async fn whoever_ends_a_client_once_more_waits_until_its_store_is_given_back() {
    let _alone = ALONE.lock().await;
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let keys = file_key_store(file("a.keys"));
    for _ in 0..10 {
        let options = OpenOptions {
            relay: "http://127.0.0.1:1".to_owned(),
            store: StoreLocation::File { path: file("a.db") },
            start_offline: true,
            danger_allow_http: false,
            give_up_after_ms: None,
            session_policy: SessionPolicy::default(),
        };
        let client = ClientHandle::open(options, Some(Arc::clone(&keys)))
            .await
            .unwrap();
        // A first call that is cancelled, and one that waits beside the second.
        let _ = Box::pin(client.end()).now_or_never();
        let (one, other) = tokio::join!(client.end(), client.end());
        one.and(other).unwrap();
        assert_eq!(live_clients(), 0);
    }
}

#[tokio::test]
async fn a_message_sent_by_a_cancelled_call_arrives_once() {
    let _alone = ALONE.lock().await;
    let relay = relay().await;
    let (alice, bob) = (
        registered(&relay, "alice").await,
        registered(&relay, "bob").await,
    );
    let events = bob.events().unwrap();
    let thread = alice.direct_thread("bob".to_owned()).await.unwrap();
    {
        let sending = alice.send_text(thread.clone(), "cancelled".to_owned(), None);
        let mut sending = Box::pin(sending);
        let _ = (&mut sending).now_or_never();
    }
    alice
        .send_text(thread.clone(), "after it".to_owned(), None)
        .await
        .unwrap();
    let received = async {
        let mut received = 0;
        while received < 2 {
            let news = events.next().await.unwrap();
            received += news
                .iter()
                .filter(|event| matches!(event, Event::MessageReceived { .. }))
                .count();
        }
    };
    timeout(SOON, received).await.unwrap();
    let held = bob.messages(thread, None, 10).await.unwrap();
    assert_eq!(held.len(), 2);
    assert!(
        held.iter()
            .all(|message| message.state == MessageState::Received)
    );
    for client in [alice, bob] {
        client.end().await.unwrap();
    }
    relay.shutdown().await;
}

#[tokio::test]
async fn a_reader_that_is_closed_ends_who_waits_for_it() {
    let _alone = ALONE.lock().await;
    let relay = relay().await;
    let client = ClientHandle::open(in_memory(&relay), None).await.unwrap();
    let events = client.events().unwrap();
    let mut waiting = Box::pin(events.next());
    assert!((&mut waiting).now_or_never().is_none(), "it waits");
    events.end();
    assert_eq!(timeout(SOON, waiting).await.unwrap(), Ok(Vec::new()));
    client.end().await.unwrap();
    relay.shutdown().await;
}

#[tokio::test]
async fn a_callback_that_fails_is_an_error_or_a_no_and_never_a_panic() {
    let _alone = ALONE.lock().await;
    let relay = relay().await;
    let folder = tempfile::tempdir().unwrap();
    let options = OpenOptions {
        store: StoreLocation::File {
            path: folder.path().join("a.db").to_string_lossy().into_owned(),
        },
        ..in_memory(&relay)
    };
    let refused = ClientHandle::open(options, Some(Arc::new(Fails))).await;
    let CallError::Failed { info } = refused.err().unwrap();
    assert_eq!(info.code, "key_store");
    assert_eq!(info.fields.reason.as_deref(), Some("the app's own fault"));

    let alice = registered(&relay, "alice").await;
    let thread = alice.direct_thread("alice".to_owned()).await.unwrap();
    let source = AttachmentSource::Bytes {
        bytes: vec![7; 100_000],
    };
    let sent = alice.send_attachment(thread, source, None, Some(Arc::new(Fails)));
    let sent = sent.await.unwrap();
    let path = folder.path().join("copy");
    let to = path.to_string_lossy().into_owned();
    alice
        .download_attachment_to_file(sent.local_id, to, Some(Arc::new(Fails)), None)
        .await
        .unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), vec![7; 100_000]);
    let beside = folder.path().read_dir().unwrap().flatten();
    assert!(
        !beside
            .map(|entry| entry.path())
            .any(|path| path.extension().is_some_and(|kind| kind == "part"))
    );

    let new = ClientHandle::open(in_memory(&relay), None).await.unwrap();
    let linking = new.start_linking().await.unwrap();
    let link_code = linking.code();
    let (joined, added) = tokio::join!(
        linking.finish(Arc::new(Fails)),
        alice.link_device(link_code, Arc::new(Says(true)))
    );
    assert_eq!(code(joined), "link_declined");
    assert_eq!(code(added), "link_declined");
    for client in [alice, new] {
        client.end().await.unwrap();
    }
    relay.shutdown().await;
}

/// Closes the client inside the callback, and waits for it: as a foreign `close` that blocks its thread does.
struct Closes(Arc<ClientHandle>);

impl Closes {
    fn close(&self) {
        let client = Arc::clone(&self.0);
        let closing = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            runtime.unwrap().block_on(client.end()).unwrap();
        });
        closing.join().unwrap();
    }
}

impl ProgressListener for Closes {
    fn on_progress(&self, _: Progress) -> Result<(), CallbackError> {
        self.close();
        Ok(())
    }
}

impl AddDeviceListener for Closes {
    fn ask(&self, _: AddDevice, _: Arc<Answer>) -> Result<(), CallbackError> {
        self.close();
        Ok(())
    }
}

#[tokio::test]
async fn a_callback_may_close_its_client_and_wait_for_it() {
    let _alone = ALONE.lock().await;
    let relay = relay().await;
    let alice = registered(&relay, "alice").await;
    let thread = alice.direct_thread("alice".to_owned()).await.unwrap();
    let source = AttachmentSource::Bytes {
        bytes: vec![7; 1_000_000],
    };
    let closes = Arc::new(Closes(Arc::clone(&alice)));
    let sending = alice.send_attachment(thread, source, None, Some(closes));
    // Sent or not: it was under way.
    let _ = timeout(SOON, sending).await.unwrap();
    alice.end().await.unwrap();
    assert_eq!(live_clients(), 0);

    let bob = registered(&relay, "bob").await;
    let new = ClientHandle::open(in_memory(&relay), None).await.unwrap();
    let linking = new.start_linking().await.unwrap();
    let link_code = linking.code();
    let closes = Arc::new(Closes(Arc::clone(&bob)));
    let joining = tokio::spawn(async move { linking.finish(Arc::new(Says(true))).await });
    let added = timeout(SOON, bob.link_device(link_code, closes));
    assert_eq!(code(added.await.unwrap()), "closed");
    new.end().await.unwrap();
    assert_eq!(code(joining.await.unwrap()), "closed");
    bob.end().await.unwrap();
    assert_eq!(live_clients(), 0);
    relay.shutdown().await;
}

#[tokio::test]
async fn a_linked_device_tells_whose_it_is() {
    let _alone = ALONE.lock().await;
    let relay = relay().await;
    let alice = registered(&relay, "alice").await;
    let new = ClientHandle::open(in_memory(&relay), None).await.unwrap();
    let linking = new.start_linking().await.unwrap();
    let link_code = linking.code();
    let (joined, added) = tokio::join!(
        linking.finish(Arc::new(Says(true))),
        alice.link_device(link_code, Arc::new(Says(true)))
    );
    let joined = joined.unwrap();
    assert_eq!(
        (joined.user.as_str(), joined.device),
        ("alice", added.unwrap())
    );
    assert_eq!(new.account().unwrap(), Some(joined));
    for client in [alice, new] {
        client.end().await.unwrap();
    }
    relay.shutdown().await;
}

#[tokio::test]
async fn progress_and_errors_carry_their_values() {
    let _alone = ALONE.lock().await;
    struct Seen(Mutex<Vec<Progress>>);
    impl ProgressListener for Seen {
        fn on_progress(&self, progress: Progress) -> Result<(), CallbackError> {
            self.0.lock().unwrap().push(progress);
            Ok(())
        }
    }
    let relay = relay().await;
    let alice = registered(&relay, "alice").await;
    let thread = alice.direct_thread("alice".to_owned()).await.unwrap();
    let most = alice.max_text_bytes().unwrap();
    let long = "x".repeat(usize::try_from(most).unwrap() + 1);
    let CallError::Failed { info } = alice
        .send_text(thread.clone(), long, None)
        .await
        .unwrap_err();
    assert_eq!(info.code, "text_too_long");
    assert_eq!(
        (info.fields.bytes, info.fields.max_bytes),
        (Some(most + 1), Some(most))
    );

    let seen = Arc::new(Seen(Mutex::default()));
    let listener: Arc<dyn ProgressListener> = Arc::<Seen>::clone(&seen);
    let source = AttachmentSource::Bytes {
        bytes: vec![1; 300_000],
    };
    alice
        .send_attachment(thread, source, None, Some(listener))
        .await
        .unwrap();
    let last = *seen.0.lock().unwrap().last().unwrap();
    assert!(last.done == last.total && last.total >= 300_000, "{last:?}");
    alice.end().await.unwrap();
    relay.shutdown().await;
}
