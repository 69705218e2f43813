//! One session: a root, one chain to send on and the chains that the peer sent on lately.
//!
//! Double Ratchet, revision 4, section 3. One thing differs from its text: when a new chain of the peer begins, the keys of the
//! old chain's late messages are not derived at once from the header's PN. The old chain itself is kept and stepped when
//! such a message comes, since the deployed protocol's PN is one short.

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::beginning::{Beginning, Pending};
use super::chain_key::{ChainKey, MessageSeed, StepError};
use super::message::RatchetMessage;
use super::message_key::MessageKeys;
use super::open::OpenError;
use super::prekey_message::PreKeyMessage;
use super::root_key::RootKey;
use super::skipped_key::SkippedKey;
use super::version::Version;
use crate::keys::{BaseKey, IdentityKey, RatchetKey, RatchetKeyPair};
use crate::primitives::NoSharedSecret;

/// How many chains of the peer a session keeps; late messages of older ones cannot be opened.
pub const MAX_RECEIVER_CHAINS: usize = 5;

/// The two ends of a session, both in every MAC.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Ends {
    pub(super) ours: IdentityKey,
    pub(super) theirs: IdentityKey,
}

/// The state of one session. Its secrets are in types that wipe themselves.
#[derive(Clone)]
pub(super) struct Session {
    pub(super) version: Version,
    pub(super) base_key: BaseKey,
    pub(super) their_registration_id: u32,
    pub(super) root: RootKey,
    pub(super) sending: SendingChain,
    /// Oldest first.
    pub(super) receiving: Vec<ReceiverChain>,
    pub(super) beginning: Beginning,
}

/// Our turn of the ratchet.
#[derive(Clone)]
pub(super) struct SendingChain {
    pub(super) pair: RatchetKeyPair,
    pub(super) chain: ChainKey,
    pub(super) previous_counter: u32,
}

/// A turn of the peer's ratchet.
#[derive(Clone)]
pub(super) struct ReceiverChain {
    pub(super) ratchet_key: RatchetKey,
    pub(super) chain: ChainKey,
}

/// What opening a message with one session gave.
pub(super) struct SessionOpened {
    pub(super) session: Session,
    pub(super) plaintext: Zeroizing<Vec<u8>>,
    pub(super) keep: Vec<SkippedKey>,
    pub(super) dropped_chain: Option<RatchetKey>,
}

impl Session {
    /// The initiator's session (Double Ratchet, section 3.3, `RatchetInitAlice`).
    pub(super) fn initiate(
        root: &RootKey,
        base_key: BaseKey,
        their_registration_id: u32,
        their_prekey: RatchetKey,
        pending: Pending,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, NoSharedSecret> {
        let (root, sending) = SendingChain::begin(root, &their_prekey, 0, rng)?;
        Ok(Self {
            version: pending.prekeys.version(),
            base_key,
            their_registration_id,
            root,
            sending,
            receiving: Vec::new(),
            beginning: Beginning::Unanswered(pending),
        })
    }

    /// The responder's session (`RatchetInitBob`), which begins by opening the message that came.
    pub(super) fn respond(
        root: &RootKey,
        prekey: &RatchetKeyPair,
        message: &PreKeyMessage,
        ends: &Ends,
        rng: &mut impl CryptoRng,
    ) -> Result<SessionOpened, OpenError> {
        let turn = Turn::receive(root, prekey, message.message(), message.base_key(), ends)?;
        let theirs = turn.chain.ratchet_key;
        let (root, sending) = SendingChain::begin(&turn.root, &theirs, 0, rng)?;
        Ok(SessionOpened {
            session: Self {
                version: message.message().version(),
                base_key: message.base_key(),
                their_registration_id: message.registration_id(),
                root,
                sending,
                receiving: vec![turn.chain],
                beginning: Beginning::Theirs(message.prekeys.fingerprint()),
            },
            plaintext: turn.plaintext,
            keep: turn.keep,
            dropped_chain: None,
        })
    }

    /// The next message of our chain; `None` when the chain has no numbers left.
    pub(super) fn seal(&mut self, ends: &Ends, plaintext: &[u8]) -> Option<RatchetMessage> {
        let counter = self.sending.chain.next_message();
        let seed = self.sending.chain.step()?;
        Some(RatchetMessage::seal(
            self.version,
            &MessageKeys::from_seed(&seed),
            (&ends.ours, &ends.theirs),
            self.sending.pair.public(),
            (counter, self.sending.previous_counter),
            plaintext,
        ))
    }

    /// Opens a message with the chain it belongs to, or with a new turn of the ratchet.
    pub(super) fn open(
        &self,
        ends: &Ends,
        message: &RatchetMessage,
        rng: &mut impl CryptoRng,
    ) -> Result<SessionOpened, OpenError> {
        if message.version() != self.version {
            return Err(OpenError::NoSession);
        }
        let mut session = self.answered();
        let position = self
            .receiving
            .iter()
            .position(|chain| chain.ratchet_key == message.ratchet_key());
        if let Some(chain) = position.and_then(|index| session.receiving.get_mut(index)) {
            let (plaintext, keep) = chain.open(message, self.base_key, ends)?;
            return Ok(SessionOpened {
                session,
                plaintext,
                keep,
                dropped_chain: None,
            });
        }

        let turn = Turn::receive(&self.root, &self.sending.pair, message, self.base_key, ends)?;
        // The deployed protocol's number: one less than the chain's length, and never below zero.
        let previous_counter = self.sending.chain.next_message().saturating_sub(1);
        (session.root, session.sending) =
            SendingChain::begin(&turn.root, &turn.chain.ratchet_key, previous_counter, rng)?;
        session.receiving.push(turn.chain);
        let dropped_chain = (session.receiving.len() > MAX_RECEIVER_CHAINS)
            .then(|| session.receiving.remove(0).ratchet_key);
        Ok(SessionOpened {
            session,
            plaintext: turn.plaintext,
            keep: turn.keep,
            dropped_chain,
        })
    }

    /// Opens a late message with the key that was kept for it. Nothing of the session changes: a key was kept when a message of the
    /// peer opened, so that the session counts as answered already.
    pub(super) fn open_late(
        &self,
        ends: &Ends,
        message: &RatchetMessage,
        kept: &SkippedKey,
    ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        if message.version() != self.version {
            return Err(OpenError::NoSession);
        }
        decrypt(kept.seed(), message, ends)
    }

    /// The session that the peer has shown to hold.
    fn answered(&self) -> Self {
        let mut session = self.clone();
        session.forget_beginning();
        session
    }

    /// No message carries the beginning any more.
    pub(super) fn forget_beginning(&mut self) {
        if matches!(self.beginning, Beginning::Unanswered(_)) {
            self.beginning = Beginning::Ours;
        }
    }

    pub(super) fn holds_chain(&self, ratchet_key: &RatchetKey) -> bool {
        self.receiving
            .iter()
            .any(|chain| chain.ratchet_key == *ratchet_key)
    }
}

impl SendingChain {
    /// A new pair, and the chain that it makes with the peer's newest key.
    fn begin(
        root: &RootKey,
        theirs: &RatchetKey,
        previous_counter: u32,
        rng: &mut impl CryptoRng,
    ) -> Result<(RootKey, Self), NoSharedSecret> {
        let pair = RatchetKeyPair::generate(rng);
        let (root, chain) = root.step(&pair, theirs)?;
        let sending = Self {
            pair,
            chain,
            previous_counter,
        };
        Ok((root, sending))
    }
}

impl ReceiverChain {
    /// Steps to the message and opens it; the keys of the messages passed are to be kept. On an error the chain is spoilt:
    /// callers work on a copy.
    fn open(
        &mut self,
        message: &RatchetMessage,
        session: BaseKey,
        ends: &Ends,
    ) -> Result<(Zeroizing<Vec<u8>>, Vec<SkippedKey>), OpenError> {
        let (skipped, seed) = self.chain.step_to(message.counter())?;
        let plaintext = decrypt(&seed, message, ends)?;
        let keep = skipped
            .into_iter()
            .map(|(counter, seed)| SkippedKey::of_seed(session, self.ratchet_key, counter, seed))
            .collect();
        Ok((plaintext, keep))
    }
}

/// The receiving half of a turn of the ratchet: the peer's new chain, and the message that brought it.
struct Turn {
    root: RootKey,
    chain: ReceiverChain,
    plaintext: Zeroizing<Vec<u8>>,
    keep: Vec<SkippedKey>,
}

impl Turn {
    fn receive(
        root: &RootKey,
        ours: &RatchetKeyPair,
        message: &RatchetMessage,
        session: BaseKey,
        ends: &Ends,
    ) -> Result<Self, OpenError> {
        let ratchet_key = message.ratchet_key();
        let (root, chain) = root.step(ours, &ratchet_key)?;
        let mut chain = ReceiverChain { ratchet_key, chain };
        let (plaintext, keep) = chain.open(message, session, ends)?;
        Ok(Self {
            root,
            chain,
            plaintext,
            keep,
        })
    }
}

fn decrypt(
    seed: &MessageSeed,
    message: &RatchetMessage,
    ends: &Ends,
) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let keys = MessageKeys::from_seed(seed);
    if !message.is_authentic(&keys, &ends.theirs, &ends.ours) {
        return Err(OpenError::NotAuthentic);
    }
    keys.decrypt(message.ciphertext())
        .map_err(|_| OpenError::Malformed)
}

impl From<StepError> for OpenError {
    fn from(error: StepError) -> Self {
        match error {
            StepError::Passed => Self::AlreadyUsed,
            StepError::TooFar => Self::TooFarAhead,
        }
    }
}

/// A ratchet key of small order: no honest peer sends one.
impl From<NoSharedSecret> for OpenError {
    fn from(_: NoSharedSecret) -> Self {
        Self::Malformed
    }
}
