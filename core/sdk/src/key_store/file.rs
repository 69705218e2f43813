//! A key store in a file, for desktops and servers that have no better place.
#![cfg(not(target_family = "wasm"))]

use super::{KeyStore, KeyStoreError, Secret};
use crate::bounds::BoxFuture;
use sealwire_store::crash;
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use zeroize::Zeroizing;

/// Keeps secrets in a file that only its owner can read (mode 0600 on Unix).
///
/// This protects against other users of the machine and against whoever gets hold of the store's file alone: a backup, a
/// synchronised folder, a stolen disk image without this file. It does not protect against whoever can read both, which
/// is every program that runs as the same user. Where the system has a keychain, implement [`KeyStore`] over it. Keep the
/// file out of backups of the store.
///
/// Every write makes a new file durable and renames it over the old one: a crash leaves the one or the other.
pub struct FileKeyStore {
    path: PathBuf,
    writing: Mutex<()>,
}

/// The first line: what the file is, and the version of its form.
const HEADER: &str = "sealwire-keys 1";
/// No key store grows beyond a few lines; what is larger is something else.
const FILE_MAX: u64 = 64 * 1024;

type Secrets = BTreeMap<String, Secret>;

impl FileKeyStore {
    /// Over this file, which is made by the first `put`. Its folder must exist.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            writing: Mutex::new(()),
        }
    }

    fn load(&self) -> Result<Secrets, KeyStoreError> {
        match fs::metadata(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Secrets::new()),
            Err(error) => {
                return Err(KeyStoreError::caused_by(
                    "the key file cannot be read",
                    error,
                ));
            }
            Ok(found) if found.len() > FILE_MAX => return Err(not_ours()),
            Ok(_) => {}
        }
        let text = fs::read_to_string(&self.path)
            .map(Zeroizing::new)
            .map_err(|error| KeyStoreError::caused_by("the key file cannot be read", error))?;
        parse(&text).ok_or_else(not_ours)
    }

    fn save(&self, secrets: &Secrets) -> io::Result<()> {
        // Of this process alone: another one may write at the same time.
        let mut name = self.path.as_os_str().to_owned();
        name.push(format!(".{}.new", std::process::id()));
        let fresh = PathBuf::from(name);
        match fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&fresh)?;
        file.write_all(print(secrets).as_bytes())?;
        file.sync_all()?;
        drop(file);
        crash::point("keys.written");
        fs::rename(&fresh, &self.path)?;
        crash::point("keys.renamed");
        sync_folder(&self.path)
    }
}

// Reads and writes of a few hundred bytes: not worth a thread of their own.
impl KeyStore for FileKeyStore {
    fn get<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Secret>, KeyStoreError>> {
        Box::pin(async move { Ok(self.load()?.remove(name)) })
    }

    fn put<'a>(
        &'a self,
        name: &'a str,
        secret: Secret,
    ) -> BoxFuture<'a, Result<(), KeyStoreError>> {
        Box::pin(async move {
            if name.is_empty() || name.contains(char::is_whitespace) {
                return Err(KeyStoreError::new("a secret's name is one word"));
            }
            let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
            let mut secrets = self.load()?;
            secrets.insert(name.to_owned(), secret);
            self.save(&secrets)
                .map_err(|error| KeyStoreError::caused_by("the key file cannot be written", error))
        })
    }
}

/// A rename is durable when its folder is.
#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

#[cfg(not(unix))]
fn sync_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}

fn not_ours() -> KeyStoreError {
    KeyStoreError::new("the key file is damaged, or not a key file; it was left as it is")
}

/// One line a secret: name, space, hexadecimal.
fn print(secrets: &Secrets) -> Zeroizing<String> {
    let room = secrets
        .iter()
        .map(|(name, secret)| name.len() + 2 * secret.len() + 2)
        .sum::<usize>();
    let mut text = Zeroizing::new(String::with_capacity(HEADER.len() + 1 + room));
    text.push_str(HEADER);
    text.push('\n');
    for (name, secret) in secrets {
        text.push_str(name);
        text.push(' ');
        for byte in secret.iter() {
            for digit in [byte >> 4, byte & 15] {
                text.extend(char::from_digit(digit.into(), 16));
            }
        }
        text.push('\n');
    }
    text
}

fn parse(text: &str) -> Option<Secrets> {
    let lines = text.strip_suffix('\n')?.strip_prefix(HEADER)?;
    lines
        .split('\n')
        .skip(1)
        .map(|line| {
            let (name, digits) = line.split_once(' ')?;
            Some((name.to_owned(), unhex(digits)?))
        })
        .collect()
}

fn unhex(digits: &str) -> Option<Secret> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(digits.len() / 2));
    for pair in digits.as_bytes().chunks_exact(2) {
        bytes.push(digit(pair[0])? << 4 | digit(pair[1])?);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    fn put(keys: &FileKeyStore, name: &str, secret: &[u8]) -> Result<(), KeyStoreError> {
        keys.put(name, Zeroizing::new(secret.to_vec()))
            .now_or_never()
            .unwrap()
    }

    fn get(keys: &FileKeyStore, name: &str) -> Option<Vec<u8>> {
        keys.get(name)
            .now_or_never()
            .unwrap()
            .unwrap()
            .map(|secret| secret.to_vec())
    }

    #[test]
    fn what_was_put_is_there_for_the_next_process() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let keys = FileKeyStore::new(&path);
        assert_eq!(get(&keys, "a"), None);
        put(&keys, "a", &[0, 255, 16]).unwrap();
        put(&keys, "b", &[]).unwrap();
        put(&keys, "a", &[7]).unwrap();
        let next = FileKeyStore::new(&path);
        assert_eq!(get(&next, "a"), Some(vec![7]));
        assert_eq!(get(&next, "b"), Some(vec![]));
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_can_read_the_file() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        put(&FileKeyStore::new(&path), "a", &[1]).unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }

    #[test]
    fn a_damaged_file_is_an_error_and_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        for damaged in [
            "",
            "sealwire-keys 1",
            "sealwire-keys 2\n",
            "sealwire-keys 1\na 0\n",
            "sealwire-keys 1\na zz\n",
        ] {
            fs::write(&path, damaged).unwrap();
            let keys = FileKeyStore::new(&path);
            assert!(
                keys.get("a").now_or_never().unwrap().is_err(),
                "{damaged:?}"
            );
            assert!(put(&keys, "b", &[1]).is_err(), "{damaged:?}");
            assert_eq!(fs::read_to_string(&path).unwrap(), damaged);
        }
    }
}
