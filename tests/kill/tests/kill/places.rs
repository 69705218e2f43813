//! A kill at every place that the sources name; here those of setting up and sending.

use crate::Stage;
use crate::attachments::{DOWNLOADING, UPLOADING};
use crate::everywhere::{Scene, kill_at};
use crate::linking::{JOINING, LETTING_IN};
use crate::prekeys::TOPPING_UP;
use crate::receiving::{PARKING, RECEIVING};
use sealwire::ThreadId;
use sealwire_kill::{Home, How, Job, places_in_the_sources, places_of_the_table};
use std::collections::BTreeSet;

/// The steps that each test below kills at.
const BEGINNING: &[&str] = &[
    "keys.written",
    "keys.renamed",
    "migration.written",
    "migration.committed",
    "open.generation",
    "device.keys",
    "register.list",
    "register.answered",
    "register.done",
    "send.sessions",
];
const SENDING: &[&str] = &[
    "send.queued",
    "send.sealed",
    "send.answered",
    "send.confirmed",
];
const WRAPPING_AGAIN: &[&str] = &["send.wrapped_again"];

#[test]
fn every_place_of_the_sources_is_in_the_table_and_is_killed_at() {
    let in_tests = [
        BEGINNING,
        SENDING,
        WRAPPING_AGAIN,
        RECEIVING,
        PARKING,
        TOPPING_UP,
        JOINING,
        LETTING_IN,
        UPLOADING,
        DOWNLOADING,
    ]
    .concat();
    let in_tests: BTreeSet<_> = in_tests.into_iter().map(str::to_owned).collect();
    assert_eq!(places_in_the_sources(), in_tests);
    assert_eq!(places_of_the_table(), in_tests);
}

struct Sending(Stage);

impl Scene for Sending {
    async fn next(&mut self) -> (Job, ThreadId) {
        (self.0.alice_says(3), self.0.thread)
    }

    fn home(&self) -> &Home {
        &self.0.alice
    }

    async fn check(&mut self) {
        self.0.check().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_sends_a_client_sends_each_message_once() {
    kill_at(&mut Sending(Stage::new().await), SENDING).await;
}

/// Fewer than an account may have.
const DEVICES: usize = 4;

/// A message is sealed and not sent; then bob has one more device, for which there is no envelope.
struct WrappingAgain {
    stage: Stage,
    more: Vec<sealwire_tests::Device>,
}

impl Scene for WrappingAgain {
    async fn next(&mut self) -> (Job, ThreadId) {
        let job = self.stage.alice_says(1);
        let sealed = "send.sealed/after".parse().unwrap();
        let killed = self
            .stage
            .alice
            .start_to_die(&job, &sealed, 1)
            .ended()
            .await;
        assert_eq!(killed.how, How::Killed);
        if self.more.len() == DEVICES {
            for device in self.more.drain(..) {
                let (_, id) = device.client.account().unwrap();
                device.close().await;
                self.stage.bob.client.remove_device(id).await.unwrap();
            }
        }
        self.more.push(self.stage.bob.link().await);
        (job, self.stage.thread)
    }

    fn home(&self) -> &Home {
        &self.stage.alice
    }

    async fn check(&mut self) {
        self.stage.check().await;
        let newest = self.stage.said.last().unwrap();
        for device in &self.more {
            device.hears(newest).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_wraps_for_one_more_device_a_client_reaches_it_too() {
    let mut wrapping = WrappingAgain {
        stage: Stage::new().await,
        more: Vec::new(),
    };
    kill_at(&mut wrapping, WRAPPING_AGAIN).await;
}

/// Everybody who begins is somebody else.
struct Beginning {
    stage: Stage,
    newcomer: Home,
    newcomers: u32,
}

impl Scene for Beginning {
    async fn next(&mut self) -> (Job, ThreadId) {
        self.newcomers += 1;
        self.newcomer = Home::new(&self.stage.relay.url);
        let user = format!("newcomer-{}", self.newcomers);
        let bob = sealwire_tests::user("bob");
        let thread = ThreadId::direct(&user.parse().unwrap(), &bob);
        let to = "bob".to_owned();
        (Job::Begin { user, to }, thread)
    }

    fn home(&self) -> &Home {
        &self.newcomer
    }

    async fn check(&mut self) {
        let user = sealwire_tests::user(&format!("newcomer-{}", self.newcomers));
        let thread = ThreadId::direct(&user, &sealwire_tests::user("bob"));
        let bob = &self.stage.bob;
        let hello = ["hello".to_owned()];
        bob.until_messages(thread, 1).await;
        sealwire_kill::same_thread(&self.newcomer, thread, bob, &hello).await;
        assert_eq!(
            sealwire_kill::messages_in(self.stage.data.path(), thread),
            1
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_is_set_up_a_device_is_set_up_all_the_same() {
    let stage = Stage::new().await;
    let newcomer = Home::new(&stage.relay.url);
    let mut beginning = Beginning {
        stage,
        newcomer,
        newcomers: 0,
    };
    kill_at(&mut beginning, BEGINNING).await;
}
