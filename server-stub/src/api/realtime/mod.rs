//! `GET /v1/realtime`: each device's queue, pushed over a WebSocket.
//!
//! The queue in storage is the truth. A socket holds its own place in it and reads on when it is woken, so that replay
//! and live are one loop: no gap and no reordering between the two, and a wake-up lost costs time, not messages.

mod aside;
mod bells;
mod connection;
mod ended;
mod live;
mod passing;
mod pushes;
mod session;
mod sockets;
mod unacknowledged;
mod upgrade;
mod watches;

pub(super) use passing::conceal;
pub(crate) use sockets::Sockets;
pub(super) use upgrade::{SocketAccess, routes};
