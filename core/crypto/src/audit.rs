//! For simulations: which message key sealed which message. In no build that an app carries.

use crate::primitives::sha256;
use std::cell::RefCell;
use zeroize::Zeroizing;

/// A message that was sealed, told by hashes alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealedWith {
    /// SHA-256 over the message's keys.
    pub key: [u8; 32],
    /// SHA-256 over the message as it travels.
    pub message: [u8; 32],
}

/// Whoever is told.
pub type Listener = Box<dyn FnMut(SealedWith)>;

thread_local! {
    static LISTENER: RefCell<Option<Listener>> = const { RefCell::new(None) };
}

/// From now on every message that this thread seals is told to `listener`, and to no other.
pub fn listen(listener: Option<Listener>) {
    LISTENER.set(listener);
}

/// Tells of a message, if anybody listens.
pub(crate) fn tell(keys: [&[u8]; 3], message: &[u8]) {
    LISTENER.with_borrow_mut(|listener| {
        if let Some(listener) = listener {
            listener(SealedWith {
                key: sha256(&Zeroizing::new(keys.concat())),
                message: sha256(message),
            });
        }
    });
}
