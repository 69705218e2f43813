//! End-to-end encrypted messaging: the async client.
