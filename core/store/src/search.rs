//! Search over messages in any script: our own tokens in an FTS5 index, newest message first.

use crate::columns::Col;
use crate::messages::{message_columns, read_message};
use crate::{LocalId, Message, Rows, StoreError, Transaction};
use rusqlite::params;
use sealwire_wire::ThreadId;

mod fold;
mod query;
mod scripts;
mod segment;

impl Rows {
    /// The messages that hold every word of `text`, newest in this store first, in one thread or in all; those that
    /// came before `before` when it is given.
    ///
    /// Case, accents and vowel points do not matter. A word of two letters or more also finds longer words that begin
    /// with it, and the last word does so from its first letter on, since it may still be typed. In scripts that write
    /// without spaces, and in Korean, any part of a run is found. An emoji finds itself in any skin tone. Words joined
    /// by punctuation, as in an address, are found in that order. A text without any letter, number or emoji finds nothing.
    pub fn search(
        &self,
        text: &str,
        thread: Option<ThreadId>,
        before: Option<LocalId>,
        limit: u32,
    ) -> Result<Vec<Message>, StoreError> {
        let Some(expression) = query::match_expression(text) else {
            return Ok(Vec::new());
        };
        let below = before.map_or(i64::MAX, |id| id.0);
        match thread {
            None => self
                .statement(concat!(
                    "SELECT ",
                    message_columns!(),
                    " FROM search_index s JOIN messages m ON m.local_id = s.rowid
                     WHERE search_index MATCH ?1 AND s.rowid < ?2 ORDER BY s.rowid DESC LIMIT ?3"
                ))?
                .query_map(params![expression, below, limit], read_message)?
                .map(|row| Ok(row?))
                .collect(),
            Some(thread) => self
                .statement(concat!(
                    "SELECT ",
                    message_columns!(),
                    " FROM search_index s JOIN messages m ON m.local_id = s.rowid
                     WHERE search_index MATCH ?1 AND s.rowid < ?2 AND m.thread_id = ?4
                     ORDER BY s.rowid DESC LIMIT ?3"
                ))?
                .query_map(params![expression, below, limit, Col(thread)], read_message)?
                .map(|row| Ok(row?))
                .collect(),
        }
    }
}

impl Transaction<'_> {
    /// Makes a message found by its text, once this is committed; once, since no number of a message returns.
    pub(crate) fn index_text(&mut self, id: LocalId, text: &str) {
        let tokens = segment::index_tokens(text);
        if !tokens.is_empty() {
            self.to_index.insert(id, tokens);
        }
    }

    /// Writes what [`Transaction::index_text`] gathered.
    pub(crate) fn index_texts(&mut self) -> Result<(), StoreError> {
        let texts = std::mem::take(&mut self.to_index);
        if texts.is_empty() {
            return Ok(());
        }
        let mut insert =
            self.statement("INSERT INTO search_index (rowid, tokens) VALUES (?1, ?2)")?;
        for (id, tokens) in texts {
            insert.execute(params![id.0, tokens])?;
        }
        Ok(())
    }

    /// Makes a message found no more.
    pub(crate) fn unindex(&mut self, id: LocalId) -> Result<(), StoreError> {
        self.to_index.remove(&id);
        self.statement("DELETE FROM search_index WHERE rowid = ?1")?
            .execute([id.0])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
