//! Linking: the new device is killed, and the one that lets it in.

use crate::Stage;
use crate::everywhere::{Scene, kill_at};
use sealwire::ThreadId;
use sealwire_kill::{Ended, Home, Job, Running, Told};
use sealwire_tests::{Device, soon};
use tokio::task::JoinHandle;

/// What the new device passes.
pub(crate) const JOINING: &[&str] = &["link.join_answered", "link.joined"];
/// What the other one passes.
pub(crate) const LETTING_IN: &[&str] = &["link.let_in_answered"];

/// Dora's first device in the test; each further one is a process.
struct Joining {
    stage: Stage,
    first: Device,
    thread: ThreadId,
    new: Home,
    said: u32,
}

impl Scene for Joining {
    async fn next(&mut self) -> (Job, ThreadId) {
        self.new = Home::new(&self.stage.relay.url);
        (Job::Join, self.thread)
    }

    fn home(&self) -> &Home {
        &self.new
    }

    async fn ended(&mut self, mut process: Running) -> Ended {
        let code = process.until(|told| match told {
            Told::Code(code) => Some(code.clone()),
            _ => None,
        });
        let letting_in = code.await.map(|code| {
            let first = self.first.client.clone();
            tokio::spawn(async move { first.link_device(&code, |_| async { true }).await })
        });
        let ended = process.ended().await;
        if let Some(letting_in) = letting_in {
            // Nobody answers it any more where the new device was killed.
            let _ = self.first.client.cancel_linking().await;
            let _ = soon("the end of a linking", letting_in).await;
        }
        ended
    }

    async fn check(&mut self) {
        self.said += 1;
        let text = format!("to dora {}", self.said);
        self.stage.bob.say(self.thread, &text).await;
        self.first.hears(&text).await;
        let mut process = self.new.start(&Job::Stay);
        let heard = process.until(|told| (*told == Told::Shown(text.clone())).then_some(()));
        assert_eq!(heard.await, Some(()));
        let device = self.first.client.own_devices().await.unwrap();
        process.kill();
        process.ended().await;
        let others = device.iter().filter(|device| device.device_id.get() != 1);
        for other in others {
            // Killed in the middle it may be a device that is in no list.
            let _ = self.first.client.remove_device(other.device_id).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_is_linked_a_device_is_linked_by_another_code() {
    let stage = Stage::new().await;
    let first = Device::register(&stage.relay.url, "dora").await;
    let thread = stage.bob.client.direct_thread("dora").await.unwrap();
    let new = Home::new(&stage.relay.url);
    let mut joining = Joining {
        stage,
        first,
        thread,
        new,
        said: 0,
    };
    kill_at(&mut joining, JOINING).await;
}

/// Alice's process lets devices of the test in.
struct LettingIn {
    stage: Stage,
    new: Option<(Device, JoinHandle<Result<(), sealwire::Error>>)>,
}

impl LettingIn {
    async fn new_device(&mut self) -> Job {
        if let Some((device, joining)) = self.new.take() {
            let _ = device.client.cancel_linking().await;
            joining.abort();
            device.close().await;
        }
        let device = Device::fresh(&self.stage.relay.url).await;
        let linking = device.client.start_linking().await.unwrap();
        let code = linking.code().to_owned();
        let joining =
            tokio::spawn(async move { linking.finish(|_| async { true }).await.map(drop) });
        self.new = Some((device, joining));
        Job::LetIn { code }
    }
}

impl Scene for LettingIn {
    async fn next(&mut self) -> (Job, ThreadId) {
        (self.new_device().await, self.stage.thread)
    }

    fn home(&self) -> &Home {
        &self.stage.alice
    }

    /// Which code was shown, is over.
    async fn killed(&mut self, _job: Job) -> Job {
        self.new_device().await
    }

    async fn check(&mut self) {
        let (device, joining) = self.new.take().unwrap();
        soon("linked", joining).await.unwrap().unwrap();
        device.online().await;
        let text = format!("bob {}", self.stage.said.len());
        self.stage.bob_says(&text).await;
        device.hears(&text).await;
        let own = device.client.account().unwrap().1;
        for other in device.client.own_devices().await.unwrap() {
            if other.device_id.get() != 1 && other.device_id != own {
                let _ = device.client.remove_device(other.device_id).await;
            }
        }
        device.close().await;
        let hears = self.stage.hears_all();
        self.stage.alice.start(&hears).done().await;
        self.stage.check().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_lets_a_device_in_a_device_lets_in_the_next_that_asks() {
    let mut letting_in = LettingIn {
        stage: Stage::new().await,
        new: None,
    };
    kill_at(&mut letting_in, LETTING_IN).await;
}
