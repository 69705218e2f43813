//! The relay's one secret of 32 bytes, from which its keys are made: a file of the data folder that only its owner reads.

use sealwire_crypto::primitives::hmac_sha256;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use zeroize::{ZeroizeOnDrop, Zeroizing};

const FILE: &str = "relay.key";

/// The secret itself.
#[derive(ZeroizeOnDrop)]
pub(crate) struct RelaySecret([u8; 32]);

/// What a key is made for; no two purposes share one.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    /// Signing access tokens.
    AccessTokens,
    /// Signing platform tokens in dev mode.
    DevPlatformTokens,
    /// Signing attachment URLs.
    AttachmentUrls,
}

/// Keys for one purpose, each for a period; none of them leads to another.
pub(crate) struct KeysInTurn(Zeroizing<[u8; 32]>);

/// Why there is no secret. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SecretError {
    #[error("the relay's key file {FILE} can not be read or made")]
    Io(#[from] io::Error),
    #[error(
        "the relay's key file {FILE} is not 32 bytes: restore it, or remove it to end all tokens"
    )]
    Malformed,
    #[error("the system gives no randomness")]
    NoRandomness,
}

impl RelaySecret {
    /// The folder's secret; a new one if it has none.
    pub(crate) fn open(folder: &Path) -> Result<Self, SecretError> {
        let path = folder.join(FILE);
        match File::open(&path) {
            Ok(file) => read(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let secret = Self::random()?;
                write(folder, &path, &secret)?;
                Ok(secret)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A secret that ends with this process.
    pub(crate) fn random() -> Result<Self, SecretError> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|_| SecretError::NoRandomness)?;
        Ok(Self(bytes))
    }

    /// The keys for one purpose that take turns.
    pub(crate) fn keys_in_turn(&self, purpose: Purpose) -> KeysInTurn {
        KeysInTurn(self.key_for(purpose))
    }

    /// The key for one purpose: HMAC-SHA256 of its label under the secret.
    pub(crate) fn key_for(&self, purpose: Purpose) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(hmac_sha256(&self.0, label(purpose)))
    }
}

impl KeysInTurn {
    /// The key of one period: HMAC-SHA256 of its number, 8 bytes big-endian.
    pub(crate) fn of_period(&self, period: u64) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(hmac_sha256(self.0.as_slice(), &period.to_be_bytes()))
    }
}

fn label(purpose: Purpose) -> &'static [u8] {
    match purpose {
        Purpose::AccessTokens => b"Sealwire v1 relay access tokens",
        Purpose::DevPlatformTokens => b"Sealwire v1 relay dev platform tokens",
        Purpose::AttachmentUrls => b"Sealwire v1 relay attachment urls",
    }
}

fn read(file: File) -> Result<RelaySecret, SecretError> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(33));
    file.take(33).read_to_end(&mut bytes)?;
    let secret = bytes.as_slice().try_into();
    secret.map(RelaySecret).map_err(|_| SecretError::Malformed)
}

/// Whole or not at all: a file cut short would end every token at the next start.
fn write(folder: &Path, path: &Path, secret: &RelaySecret) -> io::Result<()> {
    let temporary = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&temporary)?;
    file.write_all(&secret.0)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_keeps_its_secret_and_only_its_owner_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let first = RelaySecret::open(folder.path()).unwrap();
        let again = RelaySecret::open(folder.path()).unwrap();
        assert_eq!(first.0, again.0);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(folder.path().join(FILE))
                .unwrap()
                .permissions();
            assert_eq!(mode.mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_file_of_another_length_is_refused_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        for length in [0, 31, 33] {
            fs::write(&path, vec![1; length]).unwrap();
            let refused = RelaySecret::open(folder.path()).err();
            assert!(matches!(refused, Some(SecretError::Malformed)));
            assert_eq!(fs::read(&path).unwrap().len(), length);
        }
    }

    #[test]
    fn no_two_purposes_share_a_key() {
        let secret = RelaySecret([7; 32]);
        let access = secret.key_for(Purpose::AccessTokens);
        assert_ne!(access, secret.key_for(Purpose::DevPlatformTokens));
        assert_ne!(access, secret.key_for(Purpose::AttachmentUrls));
        let keys = secret.keys_in_turn(Purpose::AccessTokens);
        let [first, second] = [1, 2].map(|period| keys.of_period(period));
        assert!(first != second && first != access && second != access);
    }
}
