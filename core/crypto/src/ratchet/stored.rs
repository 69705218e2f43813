//! The stored form of a record: a format byte, then fixed-width fields, big-endian.
//!
//! Format 3. Still read are format 2, which wrote keys with their type byte and a peer's beginning in full, and format 1, which
//! lacked the public half of the sending pair too. Skipped keys are no part of a record: they are rows of their own, so that it
//! stays small.

use zeroize::Zeroizing;

use super::beginning::{Beginning, Encapsulation, Fingerprint, NamedPreKeys, Pending};
use super::chain_key::ChainKey;
use super::record::{MAX_ARCHIVED_SESSIONS, SessionRecord};
use super::root_key::RootKey;
use super::session::{Ends, MAX_RECEIVER_CHAINS, ReceiverChain, SendingChain, Session};
use super::version::Version;
use crate::keys::{
    BaseKey, IdentityKey, KemCiphertext, KemError, KeyError, PublicKey, RatchetKey, RatchetKeyPair,
};

const FORMAT: u8 = 3;
const BEFORE_PQXDH: u8 = 2;
const WITHOUT_PUBLIC_HALF: u8 = 1;

// How a session began.
const OURS: u8 = 0;
const UNANSWERED: u8 = 1;
const THEIRS: u8 = 2;

/// More than any session takes, so that the buffer never moves and leaves a copy of its secrets behind: only the current one
/// can carry its beginning.
const SESSION_CAPACITY: usize = 640;
const BEGINNING_CAPACITY: usize = 64 + KemCiphertext::LENGTH;

/// Why stored bytes are no record. They are unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Written by a newer version of this library.
    #[error("session record format {0} is not known")]
    Format(u8),
    /// Cut, altered, or never a record.
    #[error("the session record is corrupt")]
    Corrupt,
}

pub(super) fn write(record: &SessionRecord) -> Zeroizing<Vec<u8>> {
    let sessions = record.archived.len() + 1;
    let mut out = Writer(Zeroizing::new(Vec::with_capacity(
        sessions * SESSION_CAPACITY + BEGINNING_CAPACITY,
    )));
    out.u8(FORMAT);
    out.key(record.ends.ours.as_public_key());
    out.key(record.ends.theirs.as_public_key());
    out.option(record.current.as_ref(), Writer::session);
    out.list(&record.archived, Writer::session);
    out.0
}

pub(super) fn read(bytes: &[u8]) -> Result<SessionRecord, RecordError> {
    let (format, rest) = bytes.split_first().ok_or(RecordError::Corrupt)?;
    let mut input = Reader {
        rest,
        format: match *format {
            format @ (WITHOUT_PUBLIC_HALF | BEFORE_PQXDH | FORMAT) => format,
            format => return Err(RecordError::Format(format)),
        },
    };
    let record = SessionRecord {
        ends: Ends {
            ours: IdentityKey::from_bytes(&input.key()?)?,
            theirs: IdentityKey::from_bytes(&input.key()?)?,
        },
        current: input.option(Reader::session)?,
        archived: input.list(MAX_ARCHIVED_SESSIONS, Reader::session)?,
    };
    match input.rest {
        [] => Ok(record),
        _ => Err(RecordError::Corrupt),
    }
}

struct Writer(Zeroizing<Vec<u8>>);

impl Writer {
    fn session(&mut self, session: &Session) {
        self.u8(session.version as u8);
        self.key(session.base_key.as_public_key());
        self.u32(session.their_registration_id);
        self.bytes(session.root.as_bytes());
        self.bytes(&*session.sending.pair.secret_bytes());
        self.key(session.sending.pair.public().as_public_key());
        self.chain(&session.sending.chain);
        self.u32(session.sending.previous_counter);
        self.list(&session.receiving, |out, receiver| {
            out.key(receiver.ratchet_key.as_public_key());
            out.chain(&receiver.chain);
        });
        match &session.beginning {
            Beginning::Ours => self.u8(OURS),
            Beginning::Unanswered(pending) => {
                self.u8(UNANSWERED);
                self.prekeys(&pending.prekeys);
                self.u32(pending.our_registration_id);
                self.bytes(&pending.began_at_ms.to_be_bytes());
            }
            Beginning::Theirs(fingerprint) => {
                self.u8(THEIRS);
                self.bytes(&fingerprint.0);
            }
        }
    }

    fn prekeys(&mut self, prekeys: &NamedPreKeys) {
        self.u32(prekeys.signed);
        self.option(prekeys.one_time.as_ref(), |out, id| out.u32(*id));
        self.option(prekeys.kem.as_ref(), |out, kem| {
            out.u32(kem.prekey_id);
            out.bytes(&kem.ciphertext.to_bytes());
        });
    }

    /// There is one curve: its type byte is left out.
    fn key(&mut self, key: &PublicKey) {
        self.bytes(key.u_coordinate());
    }

    fn chain(&mut self, chain: &ChainKey) {
        self.bytes(chain.as_bytes());
        self.u32(chain.next_message());
    }

    fn option<T>(&mut self, value: Option<&T>, write: impl FnOnce(&mut Self, &T)) {
        self.u8(value.is_some().into());
        if let Some(value) = value {
            write(self, value);
        }
    }

    /// The lists of a record hold at most forty items.
    fn list<T>(&mut self, items: &[T], write: impl Fn(&mut Self, &T)) {
        self.u8(items.len().try_into().unwrap_or(u8::MAX));
        for item in items {
            write(self, item);
        }
    }

    fn u8(&mut self, value: u8) {
        self.bytes(&[value]);
    }

    fn u32(&mut self, value: u32) {
        self.bytes(&value.to_be_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    format: u8,
}

impl Reader<'_> {
    fn session(&mut self) -> Result<Session, RecordError> {
        let session = Session {
            version: Version::from_number(self.u8()?).ok_or(RecordError::Corrupt)?,
            base_key: BaseKey::from_bytes(&self.key()?)?,
            their_registration_id: self.u32()?,
            root: RootKey::new(*self.secret()?),
            sending: SendingChain {
                pair: self.sending_pair()?,
                chain: self.chain()?,
                previous_counter: self.u32()?,
            },
            receiving: self.list(MAX_RECEIVER_CHAINS, |input| {
                Ok(ReceiverChain {
                    ratchet_key: RatchetKey::from_bytes(&input.key()?)?,
                    chain: input.chain()?,
                })
            })?,
            beginning: self.beginning()?,
        };
        match &session.beginning {
            Beginning::Unanswered(pending) if pending.prekeys.version() != session.version => {
                Err(RecordError::Corrupt)
            }
            _ => Ok(session),
        }
    }

    fn sending_pair(&mut self) -> Result<RatchetKeyPair, RecordError> {
        let secret = self.secret()?;
        if self.format == WITHOUT_PUBLIC_HALF {
            return Ok(RatchetKeyPair::from_secret_bytes(&secret));
        }
        let public = RatchetKey::from_bytes(&self.key()?)?;
        Ok(RatchetKeyPair::danger_restore(&secret, public))
    }

    fn beginning(&mut self) -> Result<Beginning, RecordError> {
        match self.u8()? {
            OURS => Ok(Beginning::Ours),
            UNANSWERED => Ok(Beginning::Unanswered(Pending {
                prekeys: self.prekeys()?,
                our_registration_id: self.u32()?,
                began_at_ms: u64::from_be_bytes(self.take()?),
            })),
            THEIRS => self.fingerprint().map(Beginning::Theirs),
            _ => Err(RecordError::Corrupt),
        }
    }

    fn prekeys(&mut self) -> Result<NamedPreKeys, RecordError> {
        Ok(NamedPreKeys {
            signed: self.u32()?,
            one_time: self.option(Self::u32)?,
            kem: match self.format {
                FORMAT => self.option(Self::encapsulation)?,
                _ => None,
            },
        })
    }

    fn encapsulation(&mut self) -> Result<Encapsulation, RecordError> {
        Ok(Encapsulation {
            prekey_id: self.u32()?,
            ciphertext: KemCiphertext::from_bytes(&self.take::<{ KemCiphertext::LENGTH }>()?)?,
        })
    }

    fn fingerprint(&mut self) -> Result<Fingerprint, RecordError> {
        match self.format {
            FORMAT => self.take().map(Fingerprint),
            _ => self.prekeys().map(|prekeys| prekeys.fingerprint()),
        }
    }

    /// The 33 bytes of a key.
    fn key(&mut self) -> Result<[u8; PublicKey::LENGTH], RecordError> {
        if self.format != FORMAT {
            return self.take();
        }
        Ok(PublicKey::spelled_out(self.take()?))
    }

    fn chain(&mut self) -> Result<ChainKey, RecordError> {
        Ok(ChainKey::restore(*self.secret()?, self.u32()?))
    }

    fn secret(&mut self) -> Result<Zeroizing<[u8; 32]>, RecordError> {
        self.take().map(Zeroizing::new)
    }

    fn option<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, RecordError>,
    ) -> Result<Option<T>, RecordError> {
        match self.u8()? {
            0 => Ok(None),
            1 => read(self).map(Some),
            _ => Err(RecordError::Corrupt),
        }
    }

    fn list<T>(
        &mut self,
        limit: usize,
        read: impl Fn(&mut Self) -> Result<T, RecordError>,
    ) -> Result<Vec<T>, RecordError> {
        let length = usize::from(self.u8()?);
        if length > limit {
            return Err(RecordError::Corrupt);
        }
        (0..length).map(|_| read(self)).collect()
    }

    fn u8(&mut self) -> Result<u8, RecordError> {
        self.take().map(u8::from_be_bytes)
    }

    fn u32(&mut self) -> Result<u32, RecordError> {
        self.take().map(u32::from_be_bytes)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], RecordError> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(RecordError::Corrupt)?;
        self.rest = rest;
        Ok(*taken)
    }
}

impl From<KeyError> for RecordError {
    fn from(_: KeyError) -> Self {
        Self::Corrupt
    }
}

impl From<KemError> for RecordError {
    fn from(_: KemError) -> Self {
        Self::Corrupt
    }
}
