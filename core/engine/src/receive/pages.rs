//! Pages of messages and of the queue as they came: each row and each entry is read by itself, so that one of a later version, or
//! one that is none at all, keeps nothing but itself back.

use crate::requests::Answer;
use crate::{Engine, EngineError, Event};
use sealwire_wire::contract::{MessagePage, QueueItem, QueuePage, ServerEvent, ThreadMarks};
use serde::Deserialize;
use serde_json::value::RawValue;

/// [`MessagePage`], its rows unread.
#[derive(Deserialize)]
struct HistoryAnswer {
    messages: Vec<Box<RawValue>>,
    #[serde(default)]
    next_cursor: Option<String>,
    #[serde(default)]
    has_more: bool,
}

/// [`QueuePage`], its entries' events unread.
#[derive(Deserialize)]
struct QueueAnswer {
    entries: Vec<RawItem>,
    has_more: bool,
    #[serde(default)]
    marks: Vec<ThreadMarks>,
    #[serde(default)]
    marks_cursor: Option<String>,
}

#[derive(Deserialize)]
struct RawItem {
    entry_id: String,
    event: Box<RawValue>,
}

impl Engine {
    /// A page of history without the rows that cannot be read: asked for again they would read no better.
    pub(super) fn read_history(&mut self, answer: Answer) -> Result<MessagePage, EngineError> {
        let page = answer.read::<HistoryAnswer>()?;
        let rows = page.messages.iter();
        let rows = rows.filter_map(|row| match serde_json::from_str(row.get()) {
            Ok(row) => Some(row),
            Err(_) => {
                self.event(Event::FrameRefused);
                None
            }
        });
        Ok(MessagePage {
            messages: rows.collect(),
            next_cursor: page.next_cursor,
            has_more: page.has_more,
        })
    }

    /// A page of the queue. An event that cannot be read is one of a later version: it is acknowledged, as its frame would be.
    pub(super) fn read_queue(&mut self, answer: Answer) -> Result<QueuePage, EngineError> {
        let page = answer.read::<QueueAnswer>()?;
        let entries = page.entries.into_iter().map(|item| QueueItem {
            entry_id: item.entry_id,
            event: serde_json::from_str(item.event.get()).unwrap_or_else(|_| {
                self.event(Event::FrameRefused);
                ServerEvent::Unknown
            }),
        });
        Ok(QueuePage {
            entries: entries.collect(),
            has_more: page.has_more,
            marks: page.marks,
            marks_cursor: page.marks_cursor,
        })
    }
}
