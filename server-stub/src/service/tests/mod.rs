//! The rules, each on both engines, on a bare executor.

mod any_bytes;
mod attachments;
mod challenges;
mod failures;
mod lists;
mod lives;
mod mailboxes;
mod marks;
mod people;
mod prekeys;
mod privacy;
mod queues;
mod reading;
mod registration;
mod sends;
mod survival;
mod turns;
mod world;

pub(super) use people::Account;
pub(crate) use world::run;
pub(super) use world::{World, on_both_engines, refused};
