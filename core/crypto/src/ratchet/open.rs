//! Decrypting a message of a session that is held.

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::chain_key::MAX_STEPS_PER_MESSAGE;
use super::message::RatchetMessage;
use super::record::{Place, SessionRecord};
use super::session::SessionOpened;
use super::skipped_key::SkippedKey;
use super::version::ParseError;
use crate::keys::{BaseKey, RatchetKey};

/// Why a message was not opened. Nothing has changed: the same record may try the next message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Not the format, or a key in it is no key.
    #[error("the message is malformed")]
    Malformed,
    /// A version that this build does not speak.
    #[error("protocol version {0} is not spoken here")]
    UnknownVersion(u8),
    /// A key encapsulation that this build does not have.
    #[error("KEM type {0:#04x} is not known")]
    UnknownKem(u8),
    /// It begins a session without a post-quantum part, and the [`SessionPolicy`](super::SessionPolicy) refuses that.
    #[error("the message begins an X3DH session, and the policy asks for PQXDH")]
    X3dhRefused,
    /// No session held could have made it.
    #[error("there is no session for this message")]
    NoSession,
    /// The MAC is wrong: altered, of a session (or a chain) that is no longer held, or made by somebody else.
    #[error("the message is not authentic for any session held")]
    NotAuthentic,
    /// Its chain has passed it and no key was kept: it was opened before, or so late that its key was let go.
    #[error("the message was used before")]
    AlreadyUsed,
    /// More than [`MAX_FORWARD_JUMP`](super::MAX_FORWARD_JUMP) messages of its chain are missing before it, or so many that not
    /// all sessions could be tried within [`MAX_STEPS_PER_MESSAGE`].
    #[error("the message is too far ahead of its chain")]
    TooFarAhead,
    /// The sender's identity key is not the one expected: decide about the change first.
    #[error("the sender's identity key is not the one expected")]
    IdentityChanged,
    /// The sender's registration is not the one expected: fetch its device list.
    #[error("the sender's registration is not the one expected")]
    RegistrationChanged,
    /// A prekey that the message names was not handed in: used up, or deleted after its time.
    #[error("a prekey of the message is missing")]
    PreKeyMissing,
}

/// An opened message, and everything that has to be stored with it in one transaction.
pub struct Opened {
    /// The record in its new state.
    pub record: SessionRecord,
    /// What the peer sealed.
    pub plaintext: Zeroizing<Vec<u8>>,
    /// New rows: keys of the messages passed.
    pub keep: Vec<SkippedKey>,
    /// The row that opened this message, to be deleted.
    pub forget: Option<(RatchetKey, u32)>,
    /// Chains no longer held, whose rows are to be deleted.
    pub forget_chains: Vec<RatchetKey>,
    /// The one-time prekey that is used up, to be deleted.
    pub consumed_one_time: Option<u32>,
    /// The one-time KEM prekey that is used up, to be deleted.
    pub consumed_one_time_kem: Option<u32>,
    /// The session that this message began.
    pub began: Option<BeganSession>,
}

/// What must be remembered of a session that a peer began. Without a prekey that is deleted nothing else keeps its first message
/// from beginning it a second time, once the session itself is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BeganSession {
    /// The session's name.
    pub base_key: BaseKey,
    /// The signed prekey it used: the name must be remembered as long as this key is held.
    pub signed_prekey_id: u32,
    /// The KEM prekey it used, in a session of PQXDH: the name may be forgotten once either key is gone.
    pub kem_prekey_id: Option<u32>,
    /// Whether a one-time prekey, of either kind, went into it.
    pub had_one_time: bool,
}

/// Opens a message with the session it belongs to, current or archived.
///
/// `kept` is the row that the store held for the message's ratchet key and counter. An archived session that opens a message
/// in order becomes the current one: it is the one that the peer uses. A late message says nothing about that.
pub fn open(
    record: &SessionRecord,
    message: &RatchetMessage,
    kept: Option<SkippedKey>,
    rng: &mut impl CryptoRng,
) -> Result<Opened, OpenError> {
    if let Some(opened) = open_late(record, message, kept) {
        return opened;
    }
    let owner = record
        .places()
        .find(|(_, session)| session.holds_chain(&message.ratchet_key()));
    if let Some((place, session)) = owner {
        let opened = session.open(&record.ends, message, rng)?;
        return Ok(Opened::in_order(record, place, opened));
    }
    // A ratchet key never seen: the next turn of whichever session the MAC fits. Each try steps a new chain to the message's number.
    let mut first_error = None;
    let mut steps_left = MAX_STEPS_PER_MESSAGE;
    for (place, session) in record.places() {
        let speaks_it = session.version == message.version();
        let steps = if speaks_it { message.counter() } else { 0 };
        let Some(left) = steps_left.checked_sub(steps) else {
            return Err(OpenError::TooFarAhead);
        };
        steps_left = left;
        match session.open(&record.ends, message, rng) {
            Ok(opened) => return Ok(Opened::in_order(record, place, opened)),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    Err(first_error.unwrap_or(OpenError::NoSession))
}

/// Opens a message with its kept key; `None` if the key is not for it.
pub(super) fn open_late(
    record: &SessionRecord,
    message: &RatchetMessage,
    kept: Option<SkippedKey>,
) -> Option<Result<Opened, OpenError>> {
    let name = (message.ratchet_key(), message.counter());
    let kept = kept.filter(|kept| (kept.ratchet_key(), kept.counter()) == name)?;
    let (_, session) = record.place_of(&kept.session())?;
    let plaintext = session.open_late(&record.ends, message, &kept);
    Some(plaintext.map(|plaintext| Opened {
        forget: Some(name),
        ..Opened::new(record.clone(), plaintext)
    }))
}

impl Opened {
    pub(super) fn new(record: SessionRecord, plaintext: Zeroizing<Vec<u8>>) -> Self {
        Self {
            record,
            plaintext,
            keep: Vec::new(),
            forget: None,
            forget_chains: Vec::new(),
            consumed_one_time: None,
            consumed_one_time_kem: None,
            began: None,
        }
    }

    /// A message that moved its session: the session is the one to send on from now.
    pub(super) fn in_order(record: &SessionRecord, place: Place, opened: SessionOpened) -> Self {
        let (record, mut forget_chains) = record.moved(place, opened.session);
        forget_chains.extend(opened.dropped_chain);
        Self {
            keep: opened.keep,
            forget_chains,
            ..Self::new(record, opened.plaintext)
        }
    }
}

impl From<ParseError> for OpenError {
    fn from(error: ParseError) -> Self {
        match error {
            ParseError::Malformed => Self::Malformed,
            ParseError::Version(version) => Self::UnknownVersion(version),
            ParseError::UnknownKem(kind) => Self::UnknownKem(kind),
        }
    }
}
