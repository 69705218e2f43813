//! Messages that could not be read, and what brings them back.
//!
//! The device that could not read asks the very device that sent, in a session begun anew: for it alone, not for a
//! session, since the session may be what is broken (`ask`). The request carries a bundle whose one-time prekey no relay
//! has seen. The sender looks into its send log and answers in a session that it begins from that bundle (`resend`): so
//! the answer needs nothing of what either side had, neither the session of the request nor a prekey at the relay, and
//! when both sides begin at once each answer still opens, as both hold every session that was begun. The rows that were
//! delivered wait in the store, and open with the answer through the path of any other message (`receive/reopen`).

mod ask;
mod resend;

pub(crate) use ask::Recovery;
pub(crate) use resend::{answer_account_key, answer_resend};
