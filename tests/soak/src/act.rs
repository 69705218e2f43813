//! What people do, one thing after the other, until the time is over.

use crate::chance::Chance;
use crate::device::Device;
use crate::sent::Sent;
use sealwire::{Attachment, Client, ThreadId};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// What one does, and has done.
pub(crate) struct Actor<'a> {
    pub(crate) device: &'a Device,
    pub(crate) sent: &'a Sent,
    pub(crate) chance: Chance,
    pub(crate) pace: Duration,
    pub(crate) said: u64,
}

/// From a picture that is a thumbnail to one that takes several chunks.
const FILE_BYTES: [u64; 3] = [2_000, 60_000, 300_000];
const PAGE: u32 = 20;

impl Actor<'_> {
    /// Until then.
    pub(crate) async fn act(&mut self, ends: Instant) {
        loop {
            let pause = self.chance.about(self.pace);
            if Instant::now() + pause >= ends {
                return;
            }
            sleep(pause).await;
            self.do_something().await;
        }
    }

    async fn do_something(&mut self) {
        let device = self.device;
        let thread = *self.chance.of(&device.threads());
        match self.chance.below(100) {
            0..60 => self.write(thread).await,
            60..63 => self.send_file(thread).await,
            63..83 => self.read(thread).await,
            83..94 => {
                let types = self.chance.below(2) == 0;
                let step =
                    move |client: Client| async move { client.set_typing(thread, types).await };
                let _ = device.until_done("typing", step).await;
            }
            94..98 => {
                let offline = |client: Client| async move { client.go_offline().await };
                let _ = device.until_done("offline", offline).await;
                for _ in 0..self.chance.below(3) {
                    self.write(thread).await;
                }
                sleep(self.chance.about(self.pace * 2)).await;
                let online = |client: Client| async move { client.go_online().await };
                let _ = device.until_done("online", online).await;
            }
            _ => {
                let time = self.chance.about(self.pace);
                device.close_for(time).await;
            }
        }
    }

    fn next_text(&mut self) -> String {
        self.said += 1;
        let (number, said) = (self.device.number, self.said);
        format!(
            "Nr. {said} von {number}: {}",
            "Gruß ".repeat(1 + (said % 12) as usize)
        )
    }

    async fn write(&mut self, thread: ThreadId) {
        let text = self.next_text();
        // Durable when it returns, with or without a relay.
        match self.device.client().send_text(thread, text.clone()).await {
            Ok(_) => self.sent.taken_in(thread, text),
            Err(error) => self.sent.found(format!("not taken in: {text}: {error}")),
        }
    }

    async fn send_file(&mut self, thread: ThreadId) {
        let caption = self.next_text();
        let size = *self.chance.of(&FILE_BYTES);
        let mut key = [0; 16];
        key[..8].copy_from_slice(&(self.device.number as u64).to_be_bytes());
        key[8..].copy_from_slice(&self.said.to_be_bytes());
        let step = |client: Client| {
            let file = Attachment::from_bytes(bytes(size)).caption(&caption);
            async move { client.send_attachment(thread, file.key(key), |_| ()).await }
        };
        if self.device.until_done("a file", step).await.is_some() {
            self.sent.taken_in(thread, caption);
        }
    }

    /// Marks as read, looks at the newest page, fetches what file stands there.
    async fn read(&mut self, thread: ThreadId) {
        let device = self.device;
        let marks = move |client: Client| async move { client.mark_read(thread, None).await };
        let _ = device.until_done("reading", marks).await;
        let page = move |client: Client| async move { client.messages(thread, None, PAGE).await };
        let Some(page) = device.until_done("a page", page).await else {
            return;
        };
        let files = page.iter().filter(|message| message.attachment().is_some());
        let Some(message) = files.into_iter().find(|message| message.id.is_some()) else {
            return;
        };
        let fetch =
            |client: Client| async move { client.download_attachment(message, |_| ()).await };
        if let Some(file) = device.until_done("a download", fetch).await
            && file != bytes(file.len() as u64)
        {
            self.sent
                .found(format!("{}: a file is another one", device.number));
        }
    }
}

fn bytes(size: u64) -> Vec<u8> {
    (0..size).map(|at| (at * 31 % 251) as u8).collect()
}
