//! The ciphertext-only relay: REST for state, WebSocket for delivery.

pub mod service;
pub mod storage;
