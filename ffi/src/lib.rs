//! The SDK for other languages: plain values, one object for a client, errors with a code.

pub mod records;

uniffi::setup_scaffolding!("sealwire");
