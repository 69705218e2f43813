//! A file that is there whole or not at all.
#![cfg(not(target_family = "wasm"))]

use crate::Error;
use crate::runtime::{Runtime, blocking};
use sealwire_store::crash;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::PathBuf;
use zeroize::Zeroizing;

/// Written beside its place; removed again when it is dropped before it is finished.
pub(super) struct Part {
    file: Option<File>,
    path: PathBuf,
    beside: PathBuf,
}

impl Part {
    pub(super) async fn create(path: PathBuf, runtime: &dyn Runtime) -> Result<Self, Error> {
        on(runtime, move || {
            let mut name = path.clone().into_os_string();
            name.push(".part");
            let beside = PathBuf::from(name);
            let file = Some(File::create(&beside)?);
            crash::point("download.created");
            Ok(Self { file, path, beside })
        })
        .await
    }

    pub(super) async fn write(
        mut self,
        chunk: Zeroizing<Vec<u8>>,
        runtime: &dyn Runtime,
    ) -> Result<Self, Error> {
        on(runtime, move || {
            if let Some(file) = &mut self.file {
                file.write_all(&chunk)?;
                crash::point("download.chunk");
            }
            Ok(self)
        })
        .await
    }

    pub(super) async fn finish(mut self, runtime: &dyn Runtime) -> Result<(), Error> {
        on(runtime, move || {
            if let Some(file) = self.file.take() {
                file.sync_all()
                    .inspect(|()| crash::point("download.synced"))
                    .and_then(|()| fs::rename(&self.beside, &self.path))
                    .inspect_err(|_| drop(fs::remove_file(&self.beside)))?;
                crash::point("download.renamed");
            }
            Ok(())
        })
        .await
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            // Nothing of it may be used, and nobody waits to be told that it is still there.
            let _ = fs::remove_file(&self.beside);
        }
    }
}

async fn on<T: Send + 'static>(
    runtime: &dyn Runtime,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Error> {
    match blocking(runtime, work).await {
        Some(done) => done.map_err(Error::AttachmentSink),
        None => Err(Error::Closed),
    }
}
