//! The size of the library that apps carry: printed with what takes the space, and held by a gate.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::run::{Error, cargo, command, output, root, run};

/// In Cargo.toml, with the reasons.
const PROFILE: &str = "library";
/// Stripped, for Linux on x86-64. Everything is in it but OpenSSL's libcrypto, which is the system's there.
const LIMIT: u64 = 9_000_000;
/// Segments begin at multiples of it, or Android 15 and later does not load the library on devices with pages of 16 KiB.
const PAGE: u64 = 16 * 1024;
/// What symbols begin with, and what they are of. What is in none is `other`.
const PARTS: [(&str, &[&str]); 9] = [
    (
        "SQLite and SQLCipher",
        &["sqlite3", "sqlcipher", "fts5", "rusqlite", "libsqlite3"],
    ),
    ("AWS-LC (TLS)", &["aws_lc", "rustls", "webpki"]),
    (
        "HTTP and sockets",
        &[
            "reqwest",
            "hyper",
            "tungstenite",
            "tokio_tungstenite",
            "http",
            "h2",
            "tower",
            "url",
            "idna",
            "icu",
        ],
    ),
    ("tokio", &["tokio", "mio"]),
    ("UniFFI's scaffolding", &["uniffi", "sealwire_ffi"]),
    ("Sealwire", &["sealwire"]),
    ("serialising", &["serde", "serde_json", "prost"]),
    (
        "ciphers and curves",
        &[
            "curve25519",
            "aes",
            "ghash",
            "polyval",
            "sha2",
            "hkdf",
            "hmac",
            "cbc",
        ],
    ),
    (
        "Rust's own",
        &[
            "core",
            "alloc",
            "std",
            "hashbrown",
            "gimli",
            "addr2line",
            "rustc_demangle",
            "miniz",
        ],
    ),
];

/// The library as it is released.
pub(crate) struct Library {
    /// With its symbols, which say what it exports.
    pub(crate) whole: PathBuf,
    /// As apps carry it.
    pub(crate) stripped: PathBuf,
}

impl Library {
    /// Builds it, and the stripped copy beside it.
    pub(crate) fn built() -> Result<Self, Error> {
        let folder = folder()?;
        run(&mut cargo([
            "build",
            "--locked",
            "--profile",
            PROFILE,
            "-p",
            "sealwire-ffi",
        ]))?;
        let whole = folder.join("libsealwire_ffi.so");
        let stripped = folder.join("libsealwire_ffi.stripped.so");
        let mut strip = command("strip");
        strip.arg("--strip-unneeded").arg("-o");
        run(strip.arg(&stripped).arg(&whole))?;
        Ok(Self { whole, stripped })
    }

    /// Prints the size and what takes the space; fails above the limit.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let path = &self.stripped;
        let length = path.metadata().map_err(|cause| Error::File {
            path: path.clone(),
            cause,
        })?;
        let bytes = length.len();
        println!("libsealwire_ffi.so, stripped: {bytes} bytes (limit {LIMIT})");
        for (part, size) in parts(&self.whole) {
            println!("  {part:24} {:>6} KB", size / 1000);
        }
        if bytes > LIMIT {
            return Err(Error::Told(format!(
                "the library has {bytes} bytes, more than {LIMIT}"
            )));
        }
        let headers = output("readelf", &["-lW", &path.to_string_lossy()]).unwrap_or_default();
        let alignments = segment_alignments(&headers);
        if alignments.is_empty() || alignments.iter().any(|alignment| alignment % PAGE != 0) {
            return Err(Error::Told(format!(
                "segments are aligned to {alignments:?} bytes: each has to be to a multiple of {PAGE}"
            )));
        }
        Ok(())
    }
}

pub(crate) fn check() -> Result<(), Error> {
    Library::built()?.check()
}

/// The profile's folder, beside the one that we were built in.
fn folder() -> Result<PathBuf, Error> {
    let ours = std::env::current_exe().map_err(|cause| Error::NotStarted {
        program: "xtask".to_owned(),
        cause,
    })?;
    let target = ours.parent().and_then(Path::parent).unwrap_or(root());
    Ok(target.join(PROFILE))
}

/// Of what is loaded, as `readelf -lW` prints it.
fn segment_alignments(headers: &str) -> Vec<u64> {
    let loaded = headers
        .lines()
        .filter(|line| line.trim_start().starts_with("LOAD "));
    let alignment = |line: &str| {
        let last = line.split_whitespace().last()?;
        u64::from_str_radix(last.strip_prefix("0x")?, 16).ok()
    };
    loaded.map(|line| alignment(line).unwrap_or(0)).collect()
}

/// Where the bytes of code and data are, largest first.
fn parts(library: &Path) -> Vec<(&'static str, u64)> {
    let path = library.to_string_lossy();
    let symbols = output("nm", &["-C", "-S", "--radix=d", &path]).unwrap_or_default();
    let mut sizes = BTreeMap::<&str, u64>::new();
    for line in symbols.lines() {
        let mut words = line.splitn(4, ' ');
        let (Some(_), Some(size), Some(_), Some(name)) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            continue;
        };
        if let Ok(size) = size.parse::<u64>() {
            *sizes.entry(part(name)).or_default() += size;
        }
    }
    let mut sizes: Vec<_> = sizes.into_iter().collect();
    sizes.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
    sizes
}

fn part(symbol: &str) -> &'static str {
    let name = symbol.trim_start_matches(['<', '&', '_', '*']);
    let name = name.strip_prefix("dyn ").unwrap_or(name);
    let of = |(_, starts): &&(&str, &[&str])| starts.iter().any(|start| name.starts_with(start));
    PARTS.iter().find(of).map_or("other", |(part, _)| part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_tell_their_alignment() {
        let headers = "  Type Offset VirtAddr PhysAddr FileSiz MemSiz Flg Align
  LOAD           0x000000 0x0000000000000000 0x0000000000000000 0x23bd10 0x23bd10 R   0x4000
  LOAD           0x23c000 0x000000000023c000 0x000000000023c000 0x4d1000 0x4d1000 R E 0x1000
  GNU_STACK      0x000000 0x0000000000000000 0x0000000000000000 0x000000 0x000000 RW  0x10";
        assert_eq!(segment_alignments(headers), [0x4000, 0x1000]);
    }

    #[test]
    fn a_symbol_is_of_its_crate() {
        for (symbol, expected) in [
            ("sqlite3VdbeExec", "SQLite and SQLCipher"),
            (
                "<sealwire_ffi::client::ClientHandle>::open",
                "UniFFI's scaffolding",
            ),
            ("<sealwire_engine::engine::Engine>::handle", "Sealwire"),
            ("aws_lc_0_47_0_ECDSA_verify", "AWS-LC (TLS)"),
            ("memcpy", "other"),
        ] {
            assert_eq!(part(symbol), expected, "{symbol}");
        }
    }
}
