//! What a file's clear first bytes and its length say, before a key is tried: no store, a damaged one, or nothing yet.

use crate::OpenError;
use crate::connection::PLAINTEXT_HEADER;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// The first bytes of every SQLite file (SQLite file format, section 1.3).
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// Bytes 16 and 17: page size. SQLCipher 4 writes 4096.
const PAGE_SIZE: u64 = 4096;
/// Byte 20: what SQLCipher 4 keeps at the end of each page, 16 bytes of IV and 64 of HMAC-SHA512.
const RESERVED: u8 = 80;

/// What the file looks like before it is opened.
enum Found {
    NoFile,
    EmptyFile,
    /// The clear part of a store's header, and a length that a store can have.
    Store,
}

/// Refuses what is no store, and what is gone although its key store holds an anchor. Changes nothing.
pub(crate) fn refuse_what_is_no_store(path: &Path, expected: bool) -> Result<(), OpenError> {
    match look_at(path)? {
        Found::NoFile if expected => Err(OpenError::FileMissing),
        Found::EmptyFile if expected => Err(OpenError::Corrupt {
            detail: "truncated to 0 bytes".to_owned(),
        }),
        Found::NoFile | Found::EmptyFile | Found::Store => Ok(()),
    }
}

fn look_at(path: &Path) -> Result<Found, OpenError> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Found::NoFile);
        }
        Err(error) => return Err(io_error(&error)),
    };
    let length = file.metadata().map_err(|error| io_error(&error))?.len();
    let mut head = Vec::with_capacity(PLAINTEXT_HEADER as usize);
    file.by_ref()
        .take(PLAINTEXT_HEADER as u64)
        .read_to_end(&mut head)
        .map_err(|error| io_error(&error))?;
    // While a WAL lies there, a checkpoint may have been cut short: the WAL has the rest.
    let wal = std::fs::metadata(beside(path, "-wal")).is_ok_and(|wal| wal.len() > 0);
    judge(&head, length, wal)
}

fn judge(head: &[u8], length: u64, wal: bool) -> Result<Found, OpenError> {
    if head.is_empty() && !wal {
        return Ok(Found::EmptyFile);
    }
    let same = head.len().min(MAGIC.len());
    if head[..same] != MAGIC[..same] || head.get(20).is_some_and(|reserved| *reserved != RESERVED) {
        return Err(OpenError::NotAStore);
    }
    if !wal && (length < PAGE_SIZE || !length.is_multiple_of(PAGE_SIZE)) {
        return Err(OpenError::Corrupt {
            detail: format!("truncated to {length} bytes"),
        });
    }
    Ok(Found::Store)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// The file system's refusals that an app can do something about, each by its own name.
pub(crate) fn io_error(error: &io::Error) -> OpenError {
    match error.kind() {
        io::ErrorKind::PermissionDenied => OpenError::Locked,
        io::ErrorKind::StorageFull => OpenError::DiskFull,
        _ => OpenError::Io {
            detail: error.to_string(),
        },
    }
}
