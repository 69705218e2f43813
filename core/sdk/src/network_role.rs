//! Which of several processes speaks for the device: the one that holds the lock beside the store.

#[cfg(not(target_family = "wasm"))]
use std::fs::{File, TryLockError};
use std::path::Path;

/// Whether this client may speak to the relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NetworkRole {
    /// It may.
    Held,
    /// Another process has the store open and speaks for the device; this client reads and queues, and takes over when
    /// that one ends. What it queued may lie until then.
    Waiting,
}

/// Held for as long as it lives; the system gives it back when a process dies.
pub(crate) struct NetworkLock {
    #[cfg(not(target_family = "wasm"))]
    _file: Option<File>,
}

impl NetworkLock {
    /// For a store that no other process can reach.
    pub(crate) fn unshared() -> Self {
        Self {
            #[cfg(not(target_family = "wasm"))]
            _file: None,
        }
    }

    /// The lock of this store, unless somebody has it.
    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn try_take(store: &Path) -> std::io::Result<Option<Self>> {
        // By whichever name the store is reached, its lock is one.
        let store = store.canonicalize().unwrap_or_else(|_| store.to_path_buf());
        let mut name = store.into_os_string();
        name.push("-network");
        let file = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .open(name)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: Some(file) })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// On the web the worker that leads has the store alone.
    #[cfg(target_family = "wasm")]
    pub(crate) fn try_take(_store: &Path) -> std::io::Result<Option<Self>> {
        Ok(Some(Self::unshared()))
    }
}

#[cfg(all(test, not(target_family = "wasm")))]
mod tests {
    use super::*;

    #[test]
    fn one_holds_it_until_it_lets_go() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("store.db");
        let held = NetworkLock::try_take(&store).unwrap();
        assert!(held.is_some());
        assert!(NetworkLock::try_take(&store).unwrap().is_none());
        drop(held);
        assert!(NetworkLock::try_take(&store).unwrap().is_some());
    }

    #[cfg(unix)]
    #[test]
    fn another_name_of_the_store_leads_to_the_same_lock() {
        let folder = tempfile::tempdir().unwrap();
        let (store, name) = (
            folder.path().join("store.db"),
            folder.path().join("name.db"),
        );
        std::fs::write(&store, "").unwrap();
        std::os::unix::fs::symlink(&store, &name).unwrap();
        let _held = NetworkLock::try_take(&store).unwrap();
        assert!(NetworkLock::try_take(&name).unwrap().is_none());
    }
}
