//! Pictures: files of bytes that nobody looks at.

use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// A file to send.
pub struct Picture {
    /// Where it lies.
    pub path: PathBuf,
    /// What arrives must have it.
    pub digest: String,
}

impl Picture {
    /// 300,000 bytes into this file; another seed makes another picture.
    pub fn make(path: &Path, seed: u32) -> Self {
        let bytes: Vec<u8> = (0..300_000_u32)
            .map(|at| (at.wrapping_add(seed).wrapping_mul(2_654_435_761) >> 24) as u8)
            .collect();
        std::fs::write(path, &bytes).unwrap();
        Self {
            path: path.to_owned(),
            digest: digest(&bytes),
        }
    }
}

/// SHA-256 in hex.
pub fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
