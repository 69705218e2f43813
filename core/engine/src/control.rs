//! What two devices say to each other beside messages: sealed in their session, kept until the relay has it, opened and
//! acted upon in one commit.
//!
//! Outwards: sealed once, in the commit that steps the ratchet, and the same bytes under the same key at every try
//! (`send`). Inwards: the receiving path opens the envelope as it does a message's (`receive/control`). What is done only
//! so often a device is counted in the store (`limit`).

mod limit;
mod seal;
mod send;

pub(crate) use limit::{ANSWERING, ASKING, free_at, may};
pub(crate) use seal::seal_control;
pub(crate) use send::ControlSends;
