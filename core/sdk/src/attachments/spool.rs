//! The encrypted bytes of an upload, kept until the relay has them: each try sends the same ones.
//!
//! They could not be made anew: a source may be read once only, and a file that changed between two tries would be
//! encrypted under one key and nonce twice.

use crate::runtime::{Runtime, blocking};
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// What fits into this stays in memory.
const MEMORY_MAX: u64 = 1024 * 1024;

/// Written once from beginning to end, then read by each try.
pub(super) enum Spool {
    Memory(Vec<u8>),
    File {
        file: Option<File>,
        _path: TemporaryPath,
    },
}

/// Written no more.
#[derive(Clone)]
pub(super) enum Sealed {
    Memory(Arc<Vec<u8>>),
    File(Arc<SealedFile>),
}

pub(super) struct SealedFile {
    /// Held from seek to read: what is left of one try may still read while the next begins.
    file: Mutex<File>,
    _path: TemporaryPath,
}

/// Removed when nobody reads it any more.
pub(super) struct TemporaryPath(PathBuf);

impl Spool {
    pub(super) async fn new(size: u64, folder: &Path, runtime: &dyn Runtime) -> io::Result<Self> {
        if size <= MEMORY_MAX || cfg!(target_family = "wasm") {
            let mut bytes = Vec::new();
            // Grown piece by piece it would be copied over and over; where there is no room, that shows soon enough.
            let _ = bytes.try_reserve_exact(usize::try_from(size).unwrap_or_default());
            return Ok(Self::Memory(bytes));
        }
        let folder = folder.to_path_buf();
        run(runtime, move || {
            fs::create_dir_all(&folder)?;
            let name = getrandom::u64().map_err(io::Error::other)?;
            let path = TemporaryPath(folder.join(format!("sealwire-{name:016x}")));
            let file = File::options()
                .read(true)
                .write(true)
                .create_new(true)
                .open(&path.0)?;
            Ok(Self::File {
                file: Some(file),
                _path: path,
            })
        })
        .await
    }

    pub(super) async fn append(&mut self, chunk: Vec<u8>, runtime: &dyn Runtime) -> io::Result<()> {
        match self {
            Self::Memory(bytes) => bytes.extend_from_slice(&chunk),
            Self::File { file, .. } => {
                let Some(mut open) = file.take() else {
                    return Err(ended());
                };
                let open = run(runtime, move || open.write_all(&chunk).map(|()| open)).await?;
                *file = Some(open);
            }
        }
        Ok(())
    }

    pub(super) fn seal(self) -> io::Result<Sealed> {
        match self {
            Self::Memory(bytes) => Ok(Sealed::Memory(Arc::new(bytes))),
            Self::File { file, _path } => {
                let file = file.ok_or_else(ended)?;
                let file = Mutex::new(file);
                Ok(Sealed::File(Arc::new(SealedFile { file, _path })))
            }
        }
    }
}

impl Sealed {
    /// At most so many bytes from this place on.
    pub(super) async fn read(
        &self,
        at: u64,
        length: usize,
        runtime: &dyn Runtime,
    ) -> io::Result<Vec<u8>> {
        match self {
            Self::Memory(bytes) => {
                let start = usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
                let end = start.saturating_add(length).min(bytes.len());
                Ok(bytes[start..end].to_vec())
            }
            Self::File(sealed) => {
                let sealed = Arc::clone(sealed);
                run(runtime, move || {
                    let mut file = sealed.file.lock().unwrap_or_else(PoisonError::into_inner);
                    file.seek(SeekFrom::Start(at))?;
                    let mut bytes = Vec::with_capacity(length);
                    (&mut *file).take(length as u64).read_to_end(&mut bytes)?;
                    Ok(bytes)
                })
                .await
            }
        }
    }
}

impl Drop for TemporaryPath {
    fn drop(&mut self) {
        // What stays is removed by the next open.
        let _ = fs::remove_file(&self.0);
    }
}

/// What a process that was killed left behind. Called by the one process that sends.
pub(crate) fn remove_leftovers(folder: &Path) {
    if folder
        .file_name()
        .is_some_and(|name| name.to_string_lossy().ends_with("-uploads"))
    {
        let _ = fs::remove_dir_all(folder);
    }
}

async fn run<T: Send + 'static>(
    runtime: &dyn Runtime,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    blocking(runtime, work)
        .await
        .unwrap_or_else(|| Err(ended()))
}

fn ended() -> io::Error {
    io::Error::other("the client was closed")
}
