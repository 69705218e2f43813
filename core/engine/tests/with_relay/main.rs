//! Whole engines against a relay that answers at once and can be made to lie.
#![allow(clippy::unwrap_used, clippy::panic)]

mod account;
mod cancelling;
mod company;
mod connection;
mod crashes;
mod device;
mod disappearing;
mod giving_up;
mod history;
mod inbox;
mod lies;
mod marks;
mod outbox;
mod pqxdh;
mod prekeys;
mod queue;
mod receiving;
mod recipients;
mod recovery;
mod relay;
mod repeating;
mod resync;
mod sending;
mod time;
mod trust;
