//! Attachments on their way to the relay and from it.

use crate::Stage;
use crate::everywhere::{Scene, kill_at};
use sealwire::{Attachment, ThreadId};
use sealwire_kill::{Home, Job};
use sealwire_tests::soon;
use std::path::PathBuf;

/// On the way to the relay.
pub(crate) const UPLOADING: &[&str] = &[
    "upload.room",
    "upload.sealed",
    "upload.piece",
    "upload.uploaded",
];
/// On the way from it.
pub(crate) const DOWNLOADING: &[&str] = &[
    "download.created",
    "download.chunk",
    "download.synced",
    "download.renamed",
];

/// More than is sealed in memory.
const SIZE: usize = 1_300_000;

fn bytes() -> Vec<u8> {
    (0..SIZE).map(|place| (place % 251) as u8).collect()
}

struct Uploading {
    stage: Stage,
    file: PathBuf,
}

impl Scene for Uploading {
    async fn next(&mut self) -> (Job, ThreadId) {
        let number = self.stage.said.len() as u32;
        self.stage.said.push(format!("file {number}"));
        let job = Job::Attach {
            to: "bob".to_owned(),
            file: self.file.clone(),
            number,
        };
        (job, self.stage.thread)
    }

    fn home(&self) -> &Home {
        &self.stage.alice
    }

    async fn check(&mut self) {
        self.stage.check().await;
        let bob = &self.stage.bob;
        let newest = bob.messages(self.stage.thread).await.pop().unwrap();
        let download = bob.client.download_attachment(&newest, |_| ());
        assert_eq!(soon("the file", download).await.unwrap(), bytes());
        // What was sealed for the upload is nowhere any more.
        let spooled = self.stage.alice.path().join("store.db-uploads");
        let left = std::fs::read_dir(spooled).map_or(0, |folder| folder.count());
        assert_eq!(left, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_uploads_a_client_sends_the_attachment_once_and_whole() {
    let stage = Stage::new().await;
    let file = stage.alice.path().join("file");
    std::fs::write(&file, bytes()).unwrap();
    kill_at(&mut Uploading { stage, file }, UPLOADING).await;
}

struct Downloading {
    stage: Stage,
    round: u32,
}

impl Downloading {
    fn file(&self) -> PathBuf {
        let name = format!("fetched-{}", self.round);
        self.stage.alice.path().join(name)
    }
}

impl Scene for Downloading {
    async fn next(&mut self) -> (Job, ThreadId) {
        self.round += 1;
        let job = Job::Fetch {
            with: "bob".to_owned(),
            file: self.file(),
        };
        (job, self.stage.thread)
    }

    fn home(&self) -> &Home {
        &self.stage.alice
    }

    /// Whole or not there.
    async fn killed(&mut self, job: Job) -> Job {
        if let Ok(found) = std::fs::read(self.file()) {
            assert_eq!(found, bytes());
        }
        job
    }

    async fn check(&mut self) {
        assert_eq!(std::fs::read(self.file()).unwrap(), bytes());
        let beside = self.file().with_extension("part");
        assert!(!beside.exists());
        self.stage.check().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_downloads_a_client_leaves_a_whole_file_or_none() {
    let mut stage = Stage::new().await;
    let attachment = Attachment::from_bytes(bytes()).caption("a file");
    let sent = stage
        .bob
        .client
        .send_attachment(stage.thread, attachment, |_| ())
        .await
        .unwrap();
    let id = sent.local_id;
    soon("sent", stage.bob.client.wait_until_sent(id))
        .await
        .unwrap();
    stage.said.push("a file".to_owned());
    let hears = stage.hears_all();
    stage.alice.start(&hears).done().await;
    kill_at(&mut Downloading { stage, round: 0 }, DOWNLOADING).await;
}
