//! Linking: an existing device (E) brings a new one (N) into the account, through a mailbox of the relay.
//!
//! N shows a code with a key that the relay never sees; everything in the mailbox is sealed to the agreement with that key.
//! Each step is a value that the next one consumes, so that no slot is ever sealed twice:
//!
//! | slot | new device | existing device |
//! |---|---|---|
//! | | [`LinkSecret::new`], shows [`LinkSecret::code`] | reads it, [`LinkSender::new`] |
//! | 0 | [`LinkSecret::open_offer`], asks its user | [`LinkSender::seal_offer`] |
//! | 1 | [`LinkJoiner::seal_answer`], registers | [`LinkConfirmer::open_answer`], asks its user, publishes the list |
//! | 2 | [`LinkWaiter::open_finish`] | [`LinkFinisher::seal_finish`] |
//!
//! A linking lives for ten minutes in memory; one that fails is begun anew with a new code.

mod channel;
mod code;
mod existing;
mod joining;
mod proto;

pub use channel::{LinkKey, LinkKeyPair, MAX_SLOT_BYTES};
pub use code::{LinkCode, LinkCodeError};
pub use existing::{LinkConfirmer, LinkFinisher, LinkSender};
pub use joining::{DeviceTraits, LinkJoiner, LinkSecret, LinkWaiter};

use crate::device::SignedRegistrationGrant;
use crate::keys::AccountKey;

/// What E offers N: the account that it would join, and the right to register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkOffer {
    /// Whose account it is: shown to N's user before anything is answered.
    pub user_id: String,
    /// The account's public key.
    pub account_key: AccountKey,
    /// The id reserved for N.
    pub device_id: u32,
    /// Lets N register at the relay, once.
    pub grant: SignedRegistrationGrant,
}

/// Why a linking failed. Nothing was linked; begin anew with a new code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// The other side's user said no.
    #[error("the other device declined")]
    Declined,
    /// Altered, moved to another slot or mailbox, or sealed by somebody without the code.
    #[error("the slot was not sealed by the other device for this place")]
    NotAuthentic,
    /// No slot, no message, or a field of the wrong length or beyond its bound.
    #[error("not a well-formed linking message")]
    Malformed,
    /// A well-formed message of another step.
    #[error("a linking message that does not belong to this step")]
    WrongStep,
    /// The message does not fit a slot of [`MAX_SLOT_BYTES`].
    #[error("the message does not fit a slot")]
    TooLarge,
    /// The key in the code or slot gives no shared secret: nobody honest makes one.
    #[error("the other side's key gives no shared secret")]
    BadKey,
    /// The grant was made for another account or device, or not by the account key.
    #[error("the registration grant does not belong to this offer")]
    Grant,
    /// The new device did not sign that it belongs to this account.
    #[error("the new device did not agree to be listed")]
    Consent,
    /// The secret account key is not that of the public one that was offered.
    #[error("the account key is not the one that was offered")]
    AccountKey,
}

#[cfg(test)]
mod tests;
