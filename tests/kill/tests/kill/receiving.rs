//! Receiving: what was queued, and what waits for the list of the device that sent it.

use crate::Stage;
use crate::everywhere::{Scene, kill_at};
use sealwire::ThreadId;
use sealwire_kill::{Home, Job};
use sealwire_tests::Device;

/// Whatever is received.
pub(crate) const RECEIVING: &[&str] = &[
    "receive.frames",
    "receive.marks",
    "receive.to_acknowledge",
    "read.marked",
    "read.told",
];
/// What waits for a list besides.
pub(crate) const PARKING: &[&str] = &["lists.kept", "receive.parked"];

struct Receiving(Stage);

impl Scene for Receiving {
    async fn next(&mut self) -> (Job, ThreadId) {
        for _ in 0..3 {
            let text = format!("bob {}", self.0.said.len());
            self.0.bob_says(&text).await;
        }
        (self.0.hears_all(), self.0.thread)
    }

    fn home(&self) -> &Home {
        &self.0.alice
    }

    async fn check(&mut self) {
        self.0.check().await;
        // What was marked as read before a kill is told after it.
        let read = |message: &sealwire::Message| message.state == sealwire::MessageState::Read;
        let newest = self.0.bob.messages(self.0.thread).await.pop().unwrap();
        let mut events = self.0.bob.client.events();
        let told = async {
            while !read(
                &self
                    .0
                    .bob
                    .client
                    .message(newest.local_id)
                    .await
                    .unwrap()
                    .unwrap(),
            ) {
                events.next().await.unwrap();
            }
        };
        sealwire_tests::soon("read", told).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_receives_a_client_shows_each_message_once() {
    kill_at(&mut Receiving(Stage::new().await), RECEIVING).await;
}

/// A device of bob's that alice does not know yet has written to her.
struct Parking {
    stage: Stage,
    new: Option<Device>,
}

impl Parking {
    async fn says(&mut self, count: usize) {
        let new = self.new.as_ref().unwrap();
        for _ in 0..count {
            let text = format!("bob's new device {}", self.stage.said.len());
            new.say(self.stage.thread, &text).await;
            self.stage.said.push(text);
        }
    }
}

impl Scene for Parking {
    async fn next(&mut self) -> (Job, ThreadId) {
        if let Some(before) = self.new.take() {
            let (_, device) = before.client.account().unwrap();
            before.close().await;
            self.stage.bob.client.remove_device(device).await.unwrap();
        }
        let new = self.stage.bob.link().await;
        new.client.direct_thread("alice").await.unwrap();
        self.new = Some(new);
        self.says(3).await;
        (self.stage.hears_all(), self.stage.thread)
    }

    fn home(&self) -> &Home {
        &self.stage.alice
    }

    /// What it says now needs no wait any more where the list is kept.
    async fn killed(&mut self, _job: Job) -> Job {
        self.says(2).await;
        self.stage.hears_all()
    }

    async fn check(&mut self) {
        self.stage.check().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_messages_wait_for_a_list_a_client_shows_them_in_their_order() {
    let mut parking = Parking {
        stage: Stage::new().await,
        new: None,
    };
    kill_at(&mut parking, PARKING).await;
}
