//! Which store files this process has open: a second client on one file would work against the first.

use crate::OpenError;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

static OPEN: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// The claim on a path, given up on drop. Readers share it, so that a file counts as open until the last has gone.
pub(crate) struct OpenPath(PathBuf);

impl OpenPath {
    /// Claims the file, by whichever name it is reached.
    pub(crate) fn claim(path: &Path) -> Result<Self, OpenError> {
        let path = canonical(path)?;
        if open().insert(path.clone()) {
            Ok(Self(path))
        } else {
            Err(OpenError::InUse)
        }
    }

    /// The name that all names of the file lead to.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for OpenPath {
    fn drop(&mut self) {
        open().remove(&self.0);
    }
}

fn open() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    // The set is whole after every statement: a panic elsewhere while it was held has not torn it.
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The file may not exist yet: its folder must.
#[cfg(not(target_family = "wasm"))]
fn canonical(path: &Path) -> Result<PathBuf, OpenError> {
    use crate::header::io_error;
    use std::io::ErrorKind::NotFound;
    match path.canonicalize() {
        Ok(found) => Ok(found),
        Err(error) if error.kind() == NotFound => {
            let name = path.file_name().ok_or_else(|| OpenError::Io {
                detail: "the path names no file".to_owned(),
            })?;
            let folder = match path.parent() {
                Some(folder) if !folder.as_os_str().is_empty() => folder,
                _ => Path::new("."),
            };
            Ok(folder
                .canonicalize()
                .map_err(|error| match error.kind() {
                    NotFound => OpenError::Io {
                        detail: format!("make its folder first: {} is not there", folder.display()),
                    },
                    _ => io_error(&error),
                })?
                .join(name))
        }
        Err(error) => Err(io_error(&error)),
    }
}

#[cfg(target_family = "wasm")]
fn canonical(path: &Path) -> Result<PathBuf, OpenError> {
    Ok(path.to_path_buf())
}
