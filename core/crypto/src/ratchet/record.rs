//! All sessions with one peer device: the one to send on, and those that late messages may still belong to.

use zeroize::Zeroizing;

use super::beginning::Beginning;
use super::message::RatchetMessage;
use super::session::{Ends, Session};
use super::stored::{self, RecordError};
use super::version::Version;
use crate::keys::{BaseKey, IdentityKey, RatchetKey};

/// How many sessions stay readable after another one took their place.
pub const MAX_ARCHIVED_SESSIONS: usize = 40;

/// How long a session is used for sending without a reply: 30 days. Its prekeys may be gone after that.
pub const UNACKNOWLEDGED_LIFETIME_MS: u64 = 30 * 24 * 60 * 60 * 1000;

/// The sessions of one device of ours with one device of a peer. Both identities are fixed for its life.
#[derive(Clone)]
pub struct SessionRecord {
    pub(super) ends: Ends,
    pub(super) current: Option<Session>,
    /// Newest first.
    pub(super) archived: Vec<Session>,
}

/// Where in a record a session is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Current,
    Archived(usize),
}

impl SessionRecord {
    /// The bytes for the encrypted store. They hold secrets.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        stored::write(self)
    }

    /// A record as it was stored.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RecordError> {
        stored::read(bytes)
    }

    /// The identity that the peer device has had since the record began.
    pub fn their_identity(&self) -> IdentityKey {
        self.ends.theirs
    }

    /// The identity of ours that the record belongs to.
    pub fn our_identity(&self) -> IdentityKey {
        self.ends.ours
    }

    /// The peer's registration that the current session was begun with.
    pub fn current_registration_id(&self) -> Option<u32> {
        self.current
            .as_ref()
            .map(|session| session.their_registration_id)
    }

    /// The agreement that the current session began with.
    pub fn current_version(&self) -> Option<Version> {
        self.current.as_ref().map(|session| session.version)
    }

    /// Whether a session with this name is held, current or archived.
    pub fn has_session(&self, base_key: &BaseKey) -> bool {
        self.place_of(base_key).is_some()
    }

    /// Whether this message still comes by stepping the chain that it names: no key was kept for it then.
    pub fn is_still_to_come(&self, message: &RatchetMessage) -> bool {
        let chains = self.places().flat_map(|(_, session)| &session.receiving);
        let mut named = chains
            .filter(|chain| chain.ratchet_key == message.ratchet_key())
            .map(|chain| chain.chain.next_message() <= message.counter())
            .peekable();
        named.peek().is_some() && named.all(|ahead| ahead)
    }

    /// The names of all sessions held, the current one first. Skipped keys of any other session are of no use.
    pub fn sessions(&self) -> impl Iterator<Item = BaseKey> + '_ {
        self.places().map(|(_, session)| session.base_key)
    }

    /// Whether the current session may send: the peer has answered, or 30 days have not passed.
    pub fn is_usable_for_sending(&self, now_ms: u64) -> bool {
        self.current
            .as_ref()
            .is_some_and(|session| match &session.beginning {
                Beginning::Unanswered(pending) => {
                    now_ms.saturating_sub(pending.began_at_ms) < UNACKNOWLEDGED_LIFETIME_MS
                }
                Beginning::Ours | Beginning::Theirs(_) => true,
            })
    }

    /// The record without a session to send on: the next message needs a new one, late ones still open.
    pub fn archive_current(&self) -> Self {
        let mut record = self.clone();
        record.retire_current();
        record
    }

    pub(super) fn new(ends: Ends) -> Self {
        Self {
            ends,
            current: None,
            archived: Vec::new(),
        }
    }

    pub(super) fn places(&self) -> impl Iterator<Item = (Place, &Session)> {
        let archived = self.archived.iter().enumerate();
        self.current
            .iter()
            .map(|session| (Place::Current, session))
            .chain(archived.map(|(index, session)| (Place::Archived(index), session)))
    }

    pub(super) fn place_of(&self, base_key: &BaseKey) -> Option<(Place, &Session)> {
        self.places()
            .find(|(_, session)| session.base_key == *base_key)
    }

    /// The record once a message moved a session of it, and the chains that it no longer holds. The session becomes the
    /// current one; of its state before nothing is copied.
    pub(super) fn moved(&self, place: Place, session: Session) -> (Self, Vec<RatchetKey>) {
        match place {
            Place::Current => {
                let record = Self {
                    ends: self.ends,
                    current: Some(session),
                    archived: self.archived.clone(),
                };
                (record, Vec::new())
            }
            Place::Archived(index) => {
                let mut record = self.clone();
                let dropped = record.promote(Some(index), session);
                (record, dropped)
            }
        }
    }

    /// Makes a session the current one, a new one or one of the archived. The chains of a session that falls off the end are
    /// named.
    pub(super) fn promote(&mut self, archived: Option<usize>, session: Session) -> Vec<RatchetKey> {
        if let Some(index) = archived
            && self.archived.get(index).is_some()
        {
            self.archived.remove(index);
        }
        let dropped = self.retire_current();
        self.current = Some(session);
        dropped
    }

    fn retire_current(&mut self) -> Vec<RatchetKey> {
        let Some(mut session) = self.current.take() else {
            return Vec::new();
        };
        // Nothing is sent on it unless a message brings it back, and that message is an answer.
        session.forget_beginning();
        self.archived.insert(0, session);
        self.archived
            .drain(MAX_ARCHIVED_SESSIONS.min(self.archived.len())..)
            .flat_map(|session| session.receiving)
            .map(|chain| chain.ratchet_key)
            .collect()
    }
}
