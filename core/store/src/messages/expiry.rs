//! Messages that carry a time to live, and when it is over.

use super::{LocalId, MessageKind, Reached};
use crate::columns::Col;
use crate::{Rows, StoreError, Transaction};
use rusqlite::params;
use sealwire_wire::Timestamp;

impl Rows {
    /// When the next message's time is over, by the clock that [`Transaction::set_expiry`] was given.
    pub fn next_expiry(&self) -> Result<Option<Timestamp>, StoreError> {
        let next: Option<Col<Timestamp>> = self
            .statement("SELECT min(expires_at_ms) FROM messages WHERE expires_at_ms IS NOT NULL")?
            .query_row([], |row| row.get(0))?;
        Ok(next.map(|next| next.0))
    }

    /// When this message's time is over; none where its content carries no time to live.
    pub fn expiry(&self, id: LocalId) -> Result<Option<Timestamp>, StoreError> {
        let expiry: Option<Col<Timestamp>> = self
            .statement("SELECT expires_at_ms FROM messages WHERE local_id = ?1")?
            .query_row([id.0], |row| row.get(0))?;
        Ok(expiry.map(|expiry| expiry.0))
    }
}

impl Transaction<'_> {
    /// A message's content carries a time to live, which is over then, by whatever clock the caller keeps.
    pub fn set_expiry(&mut self, id: LocalId, at: Timestamp) -> Result<(), StoreError> {
        let changed = self
            .statement("UPDATE messages SET expires_at_ms = ?2 WHERE local_id = ?1 AND kind <> 5")?
            .execute(params![id.0, Col(at)])?;
        if changed == 1 {
            Ok(())
        } else {
            Err(StoreError::NoSuch("message"))
        }
    }

    /// Takes away what messages say whose time is over by then, at most so many; which.
    pub fn expire_messages(
        &mut self,
        by: Timestamp,
        limit: u32,
    ) -> Result<Vec<LocalId>, StoreError> {
        let due: Vec<LocalId> = self
            .statement(
                "SELECT local_id FROM messages WHERE expires_at_ms <= ?1 ORDER BY expires_at_ms LIMIT ?2",
            )?
            .query_map(params![Col(by), limit], |row| row.get(0).map(LocalId))?
            .collect::<Result<_, _>>()?;
        due.iter().try_for_each(|id| self.expire_message(*id))?;
        Ok(due)
    }

    /// Takes away what this message says: its words, its content, what finds it, and what sent it. Of an own one that is not
    /// known to have reached its recipients the sealed send stays, shown to nobody: it may be repeated, until
    /// [`Self::clear_sealed_before`] clears it.
    pub fn expire_message(&mut self, id: LocalId) -> Result<(), StoreError> {
        let may_be_repeated = self
            .message(id)?
            .is_some_and(|message| matches!(message.reached, Reached::Relay | Reached::Failed(_)));
        self.bury_message(id)?;
        self.statement("UPDATE messages SET expires_at_ms = NULL WHERE local_id = ?1")?
            .execute([id.0])?;
        match may_be_repeated {
            true => self.delete_logged_sends(id),
            false => self.delete_send(id),
        }
    }

    /// An own message whose time was over is on its way once more, and says what it said.
    pub fn restore_expired(
        &mut self,
        id: LocalId,
        kind: MessageKind,
        content: &[u8],
        text: Option<&str>,
    ) -> Result<(), StoreError> {
        let changed = self
            .statement("UPDATE messages SET kind = ?2, content = ?3, text = ?4 WHERE local_id = ?1 AND kind = ?5")?
            .execute(params![id.0, kind, content, text, MessageKind::Tombstone])?;
        if changed != 1 {
            return Err(StoreError::NoSuch("expired message"));
        }
        if let Some(text) = text {
            self.index_text(id, text);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;
    use crate::testing::{text, with_thread, write};

    #[test]
    fn what_is_over_goes_with_what_finds_it_and_its_mark_stays() {
        let mut store = with_thread();
        let ids = write(&mut store, |tx| {
            let put = |tx: &mut Transaction<'_>, number, words| {
                Ok::<_, StoreError>(tx.insert_message(&text(number, words))?.local_id())
            };
            let ids = [
                put(tx, 1, "brief")?,
                put(tx, 2, "longer")?,
                put(tx, 3, "stays")?,
            ];
            tx.set_expiry(ids[0], Timestamp(100))?;
            tx.set_expiry(ids[1], Timestamp(200))?;
            Ok(ids)
        });
        assert_eq!(store.next_expiry().unwrap(), Some(Timestamp(100)));
        let gone = |store: &mut Store, by| write(store, |tx| tx.expire_messages(Timestamp(by), 9));
        assert_eq!(gone(&mut store, 99), []);
        assert_eq!(gone(&mut store, 100), [ids[0]]);
        assert_eq!(gone(&mut store, 100), [], "once");
        assert_eq!(store.next_expiry().unwrap(), Some(Timestamp(200)));
        let row = store.message(ids[0]).unwrap().unwrap();
        assert_eq!((&row.content, &row.text), (&None, &None));
        let finds = |word| store.search(word, None, None, 9).unwrap().len();
        assert_eq!((finds("brief"), finds("longer")), (0, 1));
        let again = write(&mut store, |tx| tx.insert_message(&text(1, "brief")));
        assert_eq!(again, crate::Inserted::Duplicate(ids[0]));
        let back = store.transaction(|tx| tx.set_expiry(ids[0], Timestamp(300)));
        assert_eq!(back, Err(StoreError::NoSuch("message")), "nor comes back");
    }
}
