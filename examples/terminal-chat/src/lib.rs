//! A chat in the terminal: what an app on the `sealwire` crate looks like when it is whole.
//!
//! Three parts, and nothing else: [`app`] is what is on the screen and what a key does to it, without any I/O;
//! [`session`] carries out what the app asks for and brings back what happened; [`screen`] draws.
#![forbid(unsafe_code)]

pub mod app;
pub mod screen;
pub mod session;
