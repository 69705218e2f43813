//! Where a store's file lies: OPFS, through a pool of files that SQLite sees as its default VFS.
//!
//! The pool belongs to one worker at a time: the browser refuses a second one until the first let go of it. And a worker has
//! one pool at a time: SQLite knows one default VFS.

use crate::js::name;
use crate::runtime::sleep;
use sealwire::{Error, OpenError};
use sqlite_wasm_rs::WasmOsCallback;
use sqlite_wasm_vfs::sahpool::{OpfsSAHError, OpfsSAHPoolCfgBuilder, OpfsSAHPoolUtil, install};
use std::cell::Cell;
use std::time::Duration;

/// The pool of one store. Dropped, it gives the files back, if nothing in them is open.
pub(crate) struct Pool {
    files: OpfsSAHPoolUtil,
    held: Cell<bool>,
}

thread_local! {
    /// Whether this worker holds a pool.
    static HOLDS_ONE: Cell<bool> = const { Cell::new(false) };
}

/// The store's file inside its pool.
pub(crate) const FILE: &str = "store.db";

/// The file, its WAL, a rollback journal while WAL is not on yet, and one to spare.
const FILES: usize = 4;
/// A worker that was ended gives its files back a moment later.
const TRIES: u32 = 20;
const BETWEEN_TRIES: Duration = Duration::from_millis(50);

impl Pool {
    /// Takes the store's files, and makes them on the first time.
    pub(crate) async fn take(store: &str) -> Result<Self, Error> {
        if !is_name(store) {
            return Err(Error::Configuration(
                "a store's name has 1 to 64 letters, digits, '-' and '_'".to_owned(),
            ));
        }
        let claim = Claim::make()?;
        let mut tries = 1;
        let files = loop {
            match take(store).await {
                Err(error) if is_held(&error) && tries < TRIES => tries += 1,
                Err(error) => return Err(failure(&error)),
                Ok(files) => break files,
            }
            sleep(BETWEEN_TRIES).await;
        };
        claim.stays();
        Ok(Self {
            files,
            held: Cell::new(true),
        })
    }

    /// Takes the files again.
    pub(crate) async fn resume(&self) -> Result<(), Error> {
        if self.held.get() {
            return Ok(());
        }
        let claim = Claim::make()?;
        self.files.resume().await.map_err(|error| failure(&error))?;
        claim.stays();
        self.held.set(true);
        Ok(())
    }

    /// Gives the files back, so that another worker may take them. Nothing in them may be open.
    pub(crate) fn give_back(&self) -> Result<(), Error> {
        if self.held.get() {
            self.files.pause().map_err(|error| failure(&error))?;
            self.held.set(false);
            HOLDS_ONE.set(false);
        }
        Ok(())
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // What is still open keeps them until the worker ends.
        let _ = self.give_back();
    }
}

/// The claim to be the worker's one pool; given up on drop, unless it stays.
struct Claim;

impl Claim {
    fn make() -> Result<Self, Error> {
        match HOLDS_ONE.replace(true) {
            true => Err(OpenError::InUse.into()),
            false => Ok(Self),
        }
    }

    fn stays(self) {
        std::mem::forget(self);
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        HOLDS_ONE.set(false);
    }
}

async fn take(store: &str) -> Result<OpfsSAHPoolUtil, OpfsSAHError> {
    let config = OpfsSAHPoolCfgBuilder::new()
        .vfs_name(&format!("sealwire-{store}"))
        .directory(&format!("sealwire/{store}"))
        .initial_capacity(FILES)
        .build();
    // As the default: SQLite is told a file's name alone.
    let pool = install::<WasmOsCallback>(&config, true).await?;
    pool.resume().await?;
    Ok(pool)
}

fn is_name(store: &str) -> bool {
    (1..=64).contains(&store.len())
        && store
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

fn is_held(error: &OpfsSAHError) -> bool {
    thrown_name(error).as_deref() == Some("NoModificationAllowedError")
}

fn thrown_name(error: &OpfsSAHError) -> Option<String> {
    match error {
        OpfsSAHError::Opfs { value, .. } => name(value),
        _ => None,
    }
}

fn failure(error: &OpfsSAHError) -> Error {
    match (error, thrown_name(error).as_deref()) {
        (OpfsSAHError::NotSupported, _) => Error::StorageUnavailable(error.to_string()),
        (_, Some("NoModificationAllowedError")) => OpenError::InUse.into(),
        (_, Some("QuotaExceededError")) => OpenError::DiskFull.into(),
        // Private windows, blocked site data, a page that is not secure.
        (_, Some("SecurityError" | "NotSupportedError" | "UnknownError" | "TypeError")) => {
            Error::StorageUnavailable(error.to_string())
        }
        _ => OpenError::Io {
            detail: error.to_string(),
        }
        .into(),
    }
}
