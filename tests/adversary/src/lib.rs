//! Nothing: the lies are in `tests/`, the people who are lied to in `sealwire-tests`.
