//! The store, its one writer, and its readers apart.

use crate::connection::{Place, run_pragma};
use crate::migrations::{SCHEMA_VERSION, migrate, schema_of};
use crate::open_paths::OpenPath;
use crate::{LocalId, Location, OpenError, StoreError, StoreKey};
use rusqlite::{CachedStatement, Connection};
use sealwire_exit::{DroppedInside, inside};
use sealwire_wire::{ThreadId, Timestamp};
use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

/// An open store: the one writer of this process. Lends every read of [`Rows`] too.
pub struct Store {
    pub(crate) rows: Rows,
    file: Arc<OpenFile>,
    #[cfg(feature = "simulation")]
    pub(crate) disk: crate::simulation::Disk,
}

/// Every read of the store, over one connection.
pub struct Rows {
    pub(crate) connection: DroppedInside<Connection>,
}

/// A write under way: what it did is durable together when the closure of [`Store::transaction`] ends well, or gone.
///
/// Lends every read of [`Rows`], which see the transaction's own writes.
pub struct Transaction<'store> {
    rows: &'store Rows,
    /// Put into the search index at the end, one after the other: it writes to its file whenever another statement comes
    /// between.
    pub(crate) to_index: BTreeMap<LocalId, String>,
    /// When the newest message put into each thread came; written at the end, once a thread.
    pub(crate) activity: BTreeMap<ThreadId, Timestamp>,
    #[cfg(feature = "crash-points")]
    step: &'static str,
}

/// A second connection, for another thread: reads never wait for the writer, nor the writer for them.
pub struct Reader {
    rows: Rows,
    // Dropped after the connection: until then the file counts as open.
    _file: Arc<OpenFile>,
}

/// What every connection of one store needs. Holds the claim on the path.
struct OpenFile {
    place: Place,
    key: StoreKey,
    _claim: Option<OpenPath>,
}

impl Store {
    /// Opens the store, or makes it where none was.
    ///
    /// `anchor` is the generation that the key store holds beside the key, `None` if it holds none: then, and only then,
    /// a missing file is made. A store newer than its anchor opens (the anchor's last write was lost: write it again).
    pub fn open(
        location: &Location,
        key: &StoreKey,
        anchor: Option<u64>,
    ) -> Result<Self, OpenError> {
        let _inside = inside();
        let (place, claim) = match location {
            Location::Memory => (Place::memory(), None),
            Location::File(path) => {
                #[cfg(not(target_family = "wasm"))]
                crate::header::refuse_what_is_no_store(path, anchor.is_some())?;
                let claim = OpenPath::claim(path)?;
                (Place::File(claim.path().to_path_buf()), Some(claim))
            }
        };
        let connection = place.connect(key, anchor.is_none())?;
        let file = Arc::new(OpenFile {
            place,
            key: key.clone(),
            _claim: claim,
        });
        let rows = Rows {
            connection: DroppedInside::new(connection),
        };
        refuse_wrong_age(&rows, anchor)?;
        migrate(&rows.connection)?;
        Ok(Self {
            rows,
            file,
            #[cfg(feature = "simulation")]
            disk: crate::simulation::Disk::default(),
        })
    }

    /// Runs `work` as one transaction: committed and flushed to disk if it answers `Ok`, undone if it answers `Err` or panics.
    ///
    /// This is the only way to write. Nothing that awaits belongs inside: the writer's lock is held all the while.
    pub fn transaction<T, E: From<StoreError>>(
        &mut self,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let _inside = inside();
        // IMMEDIATE: a lock that is to be had is had at once, not halfway through.
        self.rows
            .connection
            .execute_batch("BEGIN IMMEDIATE")
            .map_err(StoreError::from)?;
        let undo = UndoUnlessCommitted(&self.rows.connection);
        let mut tx = Transaction {
            rows: &self.rows,
            to_index: BTreeMap::new(),
            activity: BTreeMap::new(),
            #[cfg(feature = "crash-points")]
            step: "transaction",
        };
        let done = work(&mut tx)?;
        #[cfg(feature = "simulation")]
        self.disk.take()?;
        #[cfg(feature = "crash-points")]
        let step = tx.step;
        tx.commit()?;
        drop(undo);
        #[cfg(feature = "crash-points")]
        crate::crash::armed::reached(step, crate::crash::Place::AfterCommit);
        Ok(done)
    }

    /// A connection apart, to read from another thread.
    pub fn reader(&self) -> Result<Reader, StoreError> {
        if cfg!(target_family = "wasm") {
            return Err(StoreError::NoReaders);
        }
        let _inside = inside();
        let connection = self.file.place.connect(&self.file.key, false)?;
        run_pragma(&connection, "query_only", "ON")?;
        Ok(Reader {
            rows: Rows {
                connection: DroppedInside::new(connection),
            },
            _file: Arc::clone(&self.file),
        })
    }

    /// [`Transaction::raise_generation`] in a transaction of its own.
    pub fn raise_generation(&mut self) -> Result<u64, StoreError> {
        self.transaction(|tx| {
            tx.step("open.generation");
            tx.raise_generation()
        })
    }

    /// Closes this connection; the last one to close writes the WAL back into the file.
    pub fn close(self) -> Result<(), StoreError> {
        let _inside = inside();
        self.rows
            .connection
            .into_inner()
            .close()
            .map_err(|(_, error)| error.into())
    }
}

impl Transaction<'_> {
    /// Names what this transaction does, for tests that end the process before and after its commit.
    #[doc(hidden)]
    #[inline(always)]
    pub fn step(&mut self, name: &'static str) {
        #[cfg(feature = "crash-points")]
        {
            self.step = name;
        }
        #[cfg(not(feature = "crash-points"))]
        let _ = name;
    }

    /// What is gathered until the end, and the end.
    #[inline(never)]
    fn commit(&mut self) -> Result<(), StoreError> {
        self.write_activity()?;
        self.index_texts()?;
        #[cfg(feature = "crash-points")]
        crate::crash::armed::reached(self.step, crate::crash::Place::BeforeCommit);
        Ok(self.rows.connection.execute_batch("COMMIT")?)
    }
}

/// Of a newer schema, or an older copy: told before anything is written.
fn refuse_wrong_age(rows: &Rows, anchor: Option<u64>) -> Result<(), OpenError> {
    let found = schema_of(&rows.connection)?;
    if found > SCHEMA_VERSION {
        return Err(OpenError::NewerSchema {
            found,
            known: SCHEMA_VERSION,
        });
    }
    let Some(anchor) = anchor else { return Ok(()) };
    let store_generation = if found == 0 { 0 } else { rows.generation()? };
    if store_generation < anchor {
        Err(OpenError::RolledBack {
            store_generation,
            anchor,
        })
    } else {
        Ok(())
    }
}

impl Rows {
    /// Reads every page and index of the file: [`StoreError::Corrupt`] names the first that is damaged.
    pub fn check(&self) -> Result<(), StoreError> {
        let found: String = self
            .connection
            .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if found == "ok" {
            Ok(())
        } else {
            Err(StoreError::corrupt(found))
        }
    }

    /// A statement by its text, prepared once a connection.
    pub(crate) fn statement(&self, sql: &'static str) -> Result<CachedStatement<'_>, StoreError> {
        #[cfg(test)]
        crate::testing::refuse_full_scan(&self.connection, sql);
        Ok(self.connection.prepare_cached(sql)?)
    }
}

impl Deref for Store {
    type Target = Rows;

    fn deref(&self) -> &Rows {
        &self.rows
    }
}

impl Deref for Transaction<'_> {
    type Target = Rows;

    fn deref(&self) -> &Rows {
        self.rows
    }
}

impl Deref for Reader {
    type Target = Rows;

    fn deref(&self) -> &Rows {
        &self.rows
    }
}

/// Ends a transaction that was not committed, also when the work inside panicked.
struct UndoUnlessCommitted<'a>(&'a Connection);

impl Drop for UndoUnlessCommitted<'_> {
    fn drop(&mut self) {
        if !self.0.is_autocommit() {
            // If even this fails, the next BEGIN fails and says why; nothing was committed.
            let _ = self.0.execute_batch("ROLLBACK");
        }
    }
}

#[cfg(test)]
mod tests;
