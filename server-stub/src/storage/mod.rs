//! What must survive: one trait whose operations are whole steps of the contract, each atomic within one conversation,
//! one account or one device, never across.

pub mod sqlite;

use std::future::Future;
use std::pin::Pin;

/// Why a step was not done. Nothing of it was stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StorageError {
    /// No room left to write.
    #[error("the disk is full")]
    Full,
    /// The engine failed; the text is for the log.
    #[error("storage failed: {0}")]
    Unavailable(String),
}

/// A step under way. Needs no runtime: any executor drives it.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, StorageError>> + Send + 'a>>;

/// Everything the relay keeps.
pub trait Storage: Send + Sync {}
