//! Why a run could not be finished.

use std::io;

/// Why a run could not be finished.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// A file, a process or a connection failed.
    #[error("{what}: {cause}")]
    Io { what: String, cause: io::Error },
    /// The relay answered what it should not.
    #[error("{0}")]
    Said(String),
    /// The floor beside the figures could not be measured.
    #[error("SQLite: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// What travels has no JSON form, or not that one.
    #[error("JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// A step of the run.
pub(crate) type Done<T> = Result<T, Trouble>;

/// For `map_err` on what reads, writes or starts.
pub(crate) fn io(what: &str) -> impl FnOnce(io::Error) -> Trouble + '_ {
    move |cause| Trouble::Io {
        what: what.to_owned(),
        cause,
    }
}

/// For what a library says of its own refusals.
pub(crate) fn said(why: impl std::fmt::Display) -> Trouble {
    Trouble::Said(why.to_string())
}
