//! The encrypted bytes of an upload, kept until the relay has them: each try sends the same ones.
//!
//! They could not be made anew: a source may be read once only, and a file that changed between two tries would be
//! encrypted under one key and nonce twice.

use super::piece::Piece;
use crate::runtime::{Runtime, blocking};
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// What fits into this stays in memory.
const MEMORY_MAX: u64 = 1024 * 1024;

/// Written once from beginning to end, then read by each try.
pub(super) enum Spool {
    /// As they came: each but the last has the same length.
    Memory(Vec<Piece>),
    File {
        file: Option<File>,
        _path: TemporaryPath,
    },
}

/// Written no more.
#[derive(Clone)]
pub(super) enum Sealed {
    Memory(Arc<Vec<Piece>>),
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
            return Ok(Self::Memory(Vec::new()));
        }
        let folder = folder.to_path_buf();
        let (file, path) = run(runtime, move || {
            fs::create_dir_all(&folder)?;
            let name = getrandom::u64().map_err(io::Error::other)?;
            let path = TemporaryPath(folder.join(format!("sealwire-{name:016x}")));
            let file = File::options()
                .read(true)
                .write(true)
                .create_new(true)
                .open(&path.0)?;
            Ok((file, path))
        })
        .await?;
        Ok(Self::File {
            file: Some(file),
            _path: path,
        })
    }

    pub(super) async fn append(&mut self, chunk: Piece, runtime: &dyn Runtime) -> io::Result<()> {
        match self {
            Self::Memory(chunks) => chunks.push(chunk),
            Self::File { file, .. } => {
                let Some(mut open) = file.take() else {
                    return Err(ended());
                };
                let chunk = chunk.into_vec();
                let open = run(runtime, move || open.write_all(&chunk).map(|()| open)).await?;
                *file = Some(open);
            }
        }
        Ok(())
    }

    pub(super) fn seal(self) -> io::Result<Sealed> {
        match self {
            Self::Memory(chunks) => Ok(Sealed::Memory(Arc::new(chunks))),
            Self::File { file, _path } => {
                let file = file.ok_or_else(ended)?;
                let file = Mutex::new(file);
                Ok(Sealed::File(Arc::new(SealedFile { file, _path })))
            }
        }
    }
}

impl Sealed {
    /// Some bytes from this place on, from a file at most so many. Empty beyond the end.
    pub(super) async fn read(
        &self,
        at: u64,
        length: usize,
        runtime: &dyn Runtime,
    ) -> io::Result<Piece> {
        match self {
            Self::Memory(chunks) => Ok(chunk_from(chunks, at)),
            Self::File(sealed) => {
                let sealed = Arc::clone(sealed);
                let bytes: Vec<u8> = run(runtime, move || {
                    let mut file = sealed.file.lock().unwrap_or_else(PoisonError::into_inner);
                    file.seek(SeekFrom::Start(at))?;
                    let mut bytes = Vec::with_capacity(length);
                    (&mut *file).take(length as u64).read_to_end(&mut bytes)?;
                    Ok(bytes)
                })
                .await?;
                Ok(bytes.into())
            }
        }
    }
}

/// The chunk around this place, from there on. Whoever reads from the beginning gets each as it came.
fn chunk_from(chunks: &[Piece], at: u64) -> Piece {
    let whole = chunks.first().map_or(1, Piece::len).max(1) as u64;
    let found = usize::try_from(at / whole)
        .ok()
        .and_then(|index| chunks.get(index));
    let within = usize::try_from(at % whole).unwrap_or_default();
    match found {
        None => Vec::new().into(),
        Some(chunk) if within == 0 => chunk.clone(),
        Some(chunk) => {
            let bytes = chunk.clone().into_vec();
            bytes.get(within..).unwrap_or_default().to_vec().into()
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
