//! The ciphertext-only relay: REST for state, WebSocket for delivery.
