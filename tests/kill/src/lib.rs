//! Clients and relays as processes that are killed, what they said before, and what has to be true of what they left behind.
//!
//! A client is `client-to-kill`: the real SDK over a store and keys in files, told by its arguments what to do and at which of
//! the places of [`sealwire_store::crash`] to end itself by SIGKILL. What it is told it says in lines, so that whoever killed it
//! knows what an app would have shown its user by then.
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a step that fails here is the test failing"
)]

mod chance;
mod cold;
mod home;
mod job;
mod load;
mod places;
mod relay;
mod run;
mod volume;

// How the bench of the relay makes people and prepares their requests.
#[allow(dead_code, reason = "the bench asks for more")]
#[path = "../../../xtask/bench-relay/src/http.rs"]
mod http;
#[allow(dead_code, reason = "the bench asks for more")]
#[path = "../../../xtask/bench-relay/src/people.rs"]
mod people;
#[allow(dead_code, reason = "the bench asks for more")]
#[path = "../../../xtask/bench-relay/src/prepared.rs"]
mod prepared;
#[allow(dead_code, reason = "the bench asks for more")]
#[path = "../../../xtask/bench-relay/src/trouble.rs"]
mod trouble;

pub use chance::Chance;
pub use cold::{Cold, check_what_was_told, same_thread};
pub use home::Home;
pub use job::{Job, Texts, Told, key_of};
pub use load::{Acknowledged, Load};
pub use places::{Place, places_in_the_sources, places_of_the_table};
pub use relay::{messages_in, relay, relay_on, relay_on_at};
pub use run::{Ended, How, Running, limit_files};
pub use volume::Volume;
