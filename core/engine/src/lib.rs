//! The client as a state machine without I/O: calls, responses, frames and the clock go in; requests and events come out.
//!
//! Clock and randomness are handed in, and the store is the only thing it touches, so that a whole network of clients runs
//! in one deterministic test. Whoever drives it does three things: hand in every [`Input`] with the time, carry out
//! every [`Output`] that [`Engine::next_output`] gives, and come back at [`Engine::wake_at`].
//!
//! Two rules hold everywhere: what a request says is committed in the store before the request comes out, and what a frame
//! said is committed before its acknowledgement comes out.
#![forbid(unsafe_code)]

mod account;
mod attachments;
mod backoff;
mod call;
mod company;
mod connection;
mod control;
mod engine;
mod error;
mod event;
mod expiry;
mod fanout;
mod outbox;
mod output;
#[cfg(feature = "planted")]
pub mod planted;
mod prekeys;
mod reading;
mod receive;
mod recovery;
mod requests;
mod settings;
mod trust;
mod view;

pub use call::{Call, CallId, NewAttachment, Reply};
pub use engine::{Engine, EngineConfig};
pub use error::{Code, EngineError};
pub use event::{ConnectionState, Event, UnreadableReason};
pub use fanout::session_protocol;
pub use output::{
    HttpMethod, HttpRequest, HttpResponse, Input, Output, Question, QuestionId, RequestId,
    SocketInput, TransportFailure,
};
pub use sealwire_crypto::ratchet::SessionPolicy;
pub use view::{Message, MessageContent, MessageState};
