//! Whose device this is: making an account, joining one, letting another device in.

mod access;
mod join;
mod let_in;
mod linking;
mod listing;
mod me;
mod own_devices;
mod publishing;
mod register;
mod remove_device;

pub(crate) use register::internal;

pub(crate) use access::AccessToken;
pub(crate) use linking::{LinkStep, Linking};
pub(crate) use listing::{Listing, speaks_pqxdh};
pub(crate) use me::Me;
pub(crate) use remove_device::Removal;
