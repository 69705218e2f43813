//! Where a device's files lie, whether a process has them open or none.

use crate::{Job, Place, Running};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The folder of one device.
pub struct Home {
    folder: TempDir,
    moved: Option<PathBuf>,
    relay: String,
}

impl Home {
    /// An empty one.
    pub fn new(relay: &str) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            moved: None,
            relay: relay.to_owned(),
        }
    }

    /// Its files lie there from now on.
    pub fn move_to(&mut self, to: PathBuf) {
        for entry in std::fs::read_dir(self.path()).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
            }
        }
        self.moved = Some(to);
    }

    /// Where its files are.
    pub fn path(&self) -> &Path {
        match &self.moved {
            Some(folder) => folder,
            None => self.folder.path(),
        }
    }

    /// The store's file.
    pub fn store(&self) -> PathBuf {
        self.path().join("store.db")
    }

    /// The keys' file.
    pub fn keys(&self) -> PathBuf {
        self.path().join("keys")
    }

    /// Starts a process on it.
    pub fn start(&self, job: &Job) -> Running {
        Running::start(self.path(), &self.relay, job, None)
    }

    /// Starts a process that ends itself where it comes to this place for the nth time.
    pub fn start_to_die(&self, job: &Job, place: &Place, nth: u32) -> Running {
        Running::start(self.path(), &self.relay, job, Some((place, nth)))
    }
}
