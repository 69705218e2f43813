//! The rules, each on both engines, on a bare executor.

mod attachments;
mod challenges;
mod lists;
mod mailboxes;
mod prekeys;
mod queues;
mod reading;
mod registration;
mod sends;
mod survival;
mod world;

pub(super) use world::{Account, World, on_both_engines, refused};
