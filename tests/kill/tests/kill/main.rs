//! Clients and relays that are killed in the middle of what they do.
//!
//! A share of the kills in each test; `SEALWIRE_KILLS=200 SEALWIRE_RELAY_KILLS=50` (`cargo xtask kill`) asks for more.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a step that fails here is the test failing"
)]

mod attachments;
mod conversation;
mod disk;
mod everywhere;
mod linking;
mod locks;
mod migration;
mod places;
mod prekeys;
mod receiving;
mod relay;

use sealwire::ThreadId;
use sealwire_kill::{Home, Job, relay};
use sealwire_tests::{Device, RelayProcess};
use tempfile::TempDir;

/// How many kills a test makes that could go on for ever.
fn kills(variable: &str, share: u32) -> u32 {
    let asked = std::env::var(variable).ok();
    asked.map_or(share, |number| number.parse().unwrap())
}

/// Whether more was asked for than a share.
fn in_full() -> bool {
    std::env::var_os("SEALWIRE_KILLS").is_some()
}

/// A relay in a process, bob's device in the test, and alice's in a process that is killed.
struct Stage {
    data: TempDir,
    relay: RelayProcess,
    bob: Device,
    alice: Home,
    thread: ThreadId,
    /// What their thread holds.
    said: Vec<String>,
}

impl Stage {
    /// They have greeted each other.
    async fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let relay = relay(data.path(), None).await;
        let bob = Device::register(&relay.url, "bob").await;
        let alice = Home::new(&relay.url);
        let begin = Job::Begin {
            user: "alice".to_owned(),
            to: "bob".to_owned(),
        };
        alice.start(&begin).done().await;
        let thread = bob.hears("hello").await.thread;
        let mut stage = Self {
            data,
            relay,
            bob,
            alice,
            thread,
            said: vec!["hello".to_owned()],
        };
        stage.bob_says("hello to you").await;
        let heard = stage.hears_all();
        stage.alice.start(&heard).done().await;
        stage
    }

    async fn bob_says(&mut self, text: &str) {
        self.bob.say(self.thread, text).await;
        self.said.push(text.to_owned());
    }

    /// Alice's next texts, whose numbers go on from those before.
    fn alice_says(&mut self, count: u32) -> Job {
        let from = self.said.len() as u32;
        let numbers = from..from + count;
        self.said
            .extend(numbers.map(|number| format!("alice {number}")));
        Job::say("bob", from, count)
    }

    /// Alice waits for everything.
    fn hears_all(&self) -> Job {
        Job::Hear {
            with: "bob".to_owned(),
            count: self.said.len() as u64,
        }
    }

    async fn bob_heard_all(&self) {
        let count = self.said.len() as u64;
        self.bob.until_messages(self.thread, count).await;
    }

    /// Each message once, in one order, in both stores and at the relay.
    async fn check(&self) {
        self.bob_heard_all().await;
        sealwire_kill::same_thread(&self.alice, self.thread, &self.bob, &self.said).await;
        let at_the_relay = sealwire_kill::messages_in(self.data.path(), self.thread);
        assert_eq!(at_the_relay, self.said.len() as u64);
    }
}
