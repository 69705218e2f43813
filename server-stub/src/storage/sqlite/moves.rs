//! The moves of a mark, for the time at which it first covered a message: the newest in the mark's own row, the others in
//! `mark_move`, where each row has some that came one after the other. Those of a kind rise.

use crate::storage::Reached;
use rusqlite::{Connection, OptionalExtension as _, Result, params};
use sealwire_wire::{MessageId, ThreadId, Timestamp, UserId};

pub(super) const DELIVERED: u8 = 0;
pub(super) const READ: u8 = 1;
pub(super) const SHOWN_READ: u8 = 2;

/// So many stand in the mark's row: `mark_move` has a page for each thread, and that is written once for so many.
const KEPT: usize = 8;
/// The kind, then what is put away.
const MOVE: usize = 1 + REACHED;
/// The id, the time.
const REACHED: usize = 16 + 8;

/// The newest moves of a mark, oldest first.
#[derive(Default)]
pub(super) struct Moves(Vec<u8>);

impl Moves {
    pub(super) fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn push(&mut self, kind: u8, to: Reached) {
        self.0.push(kind);
        self.0.extend_from_slice(&to.up_to.to_bytes());
        self.0.extend_from_slice(&to.at.0.to_be_bytes());
    }

    /// Once there are many of them they go where they are found by their message.
    pub(super) fn put_away(
        &mut self,
        db: &Connection,
        thread: ThreadId,
        user: &UserId,
    ) -> Result<()> {
        if self.0.len() < KEPT * MOVE {
            return Ok(());
        }
        let mut put = db.prepare_cached(
            "INSERT OR IGNORE INTO mark_move (thread_id, user_id, kind, up_to, moves) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        for kind in [DELIVERED, READ, SHOWN_READ] {
            let mut moves = Vec::new();
            let mut last = None;
            for (_, to) in self.iter().filter(|(of, _)| *of == kind) {
                moves.extend_from_slice(&to.up_to.to_bytes());
                moves.extend_from_slice(&to.at.0.to_be_bytes());
                last = Some(to.up_to.to_bytes());
            }
            if last.is_some() {
                put.execute(params![thread.as_bytes(), user.as_str(), kind, last, moves])?;
            }
        }
        self.0.clear();
        Ok(())
    }

    fn iter(&self) -> impl Iterator<Item = (u8, Reached)> + '_ {
        self.0.chunks_exact(MOVE).filter_map(|bytes| {
            let (kind, rest) = bytes.split_first()?;
            Some((*kind, reached(rest)?))
        })
    }
}

/// When a mark first moved to a message or beyond.
pub(super) fn first_move(
    db: &Connection,
    thread: ThreadId,
    user: &UserId,
    newest: &Moves,
    kind: u8,
    id: MessageId,
) -> Result<Option<Timestamp>> {
    let put_away: Option<Vec<u8>> = db
        .prepare_cached(
            "SELECT moves FROM mark_move WHERE thread_id = ?1 AND user_id = ?2 AND kind = ?3 AND up_to >= ?4
             ORDER BY up_to LIMIT 1",
        )?
        .query_row(
            params![thread.as_bytes(), user.as_str(), kind, id.to_bytes()],
            |row| row.get(0),
        )
        .optional()?;
    let put_away = put_away.unwrap_or_default();
    let put_away = put_away.chunks_exact(REACHED).filter_map(reached);
    let of_kind = newest.iter().filter(|(of, _)| *of == kind);
    Ok(put_away
        .chain(of_kind.map(|(_, to)| to))
        .find(|to| to.up_to >= id)
        .map(|to| to.at))
}

fn reached(bytes: &[u8]) -> Option<Reached> {
    let (up_to, at) = bytes.split_first_chunk::<16>()?;
    Some(Reached {
        up_to: MessageId::from_bytes(*up_to),
        at: Timestamp(u64::from_be_bytes(at.try_into().ok()?)),
    })
}
