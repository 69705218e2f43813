//! Reading messages: one, a page back in time, or what changed since.

use super::{Answer, Refusal, Service};
use sealwire_wire::contract::{DeviceName, ErrorCode, MessagePage, MessageRow};
use sealwire_wire::{MessageId, ThreadId};

/// Which page of a thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HistoryQuery {
    /// Newest first; `cursor` is a page's `next_cursor`, none for the newest page.
    Newest {
        /// Where to go on.
        cursor: Option<String>,
    },
    /// Oldest change first; `since` is a page's `next_cursor`, none or empty for the beginning.
    Changed {
        /// Where to go on.
        since: Option<String>,
    },
}

impl Service {
    /// One message.
    pub async fn message(&self, caller: &DeviceName, message: MessageId) -> Answer<MessageRow> {
        Err(Refusal::new(ErrorCode::Unavailable, "not served yet"))
    }

    /// A page of a thread; `page_size` 1 to 100, 50 by default.
    pub async fn history(
        &self,
        caller: &DeviceName,
        thread: ThreadId,
        query: &HistoryQuery,
        page_size: Option<u32>,
    ) -> Answer<MessagePage> {
        Err(Refusal::new(ErrorCode::Unavailable, "not served yet"))
    }
}
