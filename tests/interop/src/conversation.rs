//! A conversation as a seed makes it: bursts of both sides, shuffled, some lost, some repeated, both states written down and read
//! back in between.

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use sealwire_crypto::keys::RatchetKey;
use sealwire_crypto::ratchet::{PreKeyMessage, RatchetMessage};

use crate::{Failure, KemRequest, Message, OurDevice, Peer, PeerKind, Refusal, devices};

const MESSAGES: u32 = 200;
const LONGEST: u64 = 20_000;

/// How many chains the peers keep: a message is not left behind further than that.
const CHAINS_KEPT: usize = 5;

/// Which conversations are played.
#[derive(Debug, Clone, Copy)]
pub struct Seeds {
    first: u64,
    count: u64,
}

impl Seeds {
    /// `SEALWIRE_INTEROP_SEED` or the clock's, and as many as `SEALWIRE_INTEROP_CONVERSATIONS` says or else a few.
    pub fn from_environment() -> Self {
        let number = |name| std::env::var(name).ok()?.parse().ok();
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed();
        Self {
            first: number("SEALWIRE_INTEROP_SEED")
                .unwrap_or(now.map_or(0, |now| now.as_secs() * 1_000)),
            count: number("SEALWIRE_INTEROP_CONVERSATIONS").unwrap_or(3),
        }
    }
}

impl IntoIterator for Seeds {
    type Item = u64;
    type IntoIter = std::ops::Range<u64>;

    fn into_iter(self) -> Self::IntoIter {
        self.first..self.first + self.count
    }
}

/// Two devices, and what is on its way between them.
pub struct Conversation {
    kind: PeerKind,
    us: OurDevice,
    peer: Peer,
    on_its_way: Vec<Sent>,
    arrived: Vec<Sent>,
    /// The chains of each sender, ours first, in the order in which they began.
    chains: [Vec<RatchetKey>; 2],
    /// Who holds a session to send on.
    can_send: [bool; 2],
    rng: ChaCha20Rng,
}

#[derive(Clone)]
struct Sent {
    from_us: bool,
    chain: usize,
    text: Vec<u8>,
    message: Message,
}

impl Conversation {
    /// Plays the conversation of a seed, of version 4 if there are to be KEM prekeys.
    pub fn play(kind: PeerKind, with_kem: bool, seed: u64) -> Result<(), Failure> {
        let mut conversation = Self::begin(kind, with_kem, seed)?;
        let mut sent = 0;
        while sent < MESSAGES {
            sent += conversation.burst()?;
            for _ in 0..conversation.below(8) {
                conversation.something_arrives()?;
            }
            match conversation.below(12) {
                0 => conversation.peer.restore()?,
                // Ours is written down after every step.
                1 => conversation.something_arrives_again()?,
                _ => {}
            }
        }
        while !conversation.on_its_way.is_empty() {
            conversation.something_arrives()?;
        }
        for sent in std::mem::take(&mut conversation.arrived) {
            conversation.refused_again(&sent)?;
        }
        // After all that both still talk.
        for from_us in [true, false] {
            if conversation.can_send[usize::from(!from_us)] {
                conversation.last_word(from_us)?;
            }
        }
        Ok(())
    }

    fn begin(kind: PeerKind, with_kem: bool, seed: u64) -> Result<Self, Failure> {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let choices = rng.next_u32();
        let chosen = |bit: u32| choices >> bit & 1 == 1;
        let (mut us, mut peer) = devices(
            kind,
            (chosen(0), chosen(1)),
            ChaCha20Rng::seed_from_u64(rng.next_u64()),
        )?;
        // Ours, theirs, and sometimes both at once.
        let begins = match choices >> 8 & 3 {
            0 => [true, true],
            1 => [false, true],
            _ => [true, false],
        };
        let one_time = chosen(2).then_some(31);
        let kem = with_kem.then_some(KemRequest {
            id: 51,
            last_resort: chosen(3),
        });
        if begins[0] {
            us.begin(&peer.bundle(7, one_time, kem)?)?;
        }
        if begins[1] {
            peer.begin(&us.bundle(9, one_time, kem))?;
        }
        Ok(Self {
            kind,
            us,
            peer,
            on_its_way: Vec::new(),
            arrived: Vec::new(),
            chains: [Vec::new(), Vec::new()],
            can_send: begins,
            rng,
        })
    }

    fn last_word(&mut self, from_us: bool) -> Result<(), Failure> {
        let text = b"to the end";
        let opened = if from_us {
            self.peer.open(&self.us.seal(text)?)?
        } else {
            self.us.open(&self.peer.seal(text)?)?
        };
        if opened != text {
            return Err("another text came out than went in".into());
        }
        Ok(())
    }

    /// A few messages of one side.
    fn burst(&mut self) -> Result<u32, Failure> {
        let from_us = match self.can_send {
            [true, true] => self.below(2) == 0,
            [us, _] => us,
        };
        let count = 1 + self.below(6);
        for _ in 0..count {
            let mut text = vec![0; self.below(LONGEST + 1) as usize];
            self.rng.fill_bytes(&mut text);
            let message = if from_us {
                self.us.seal(&text)?
            } else {
                self.peer.seal(&text)?
            };
            let key = ratchet_key(&message)?;
            let chains = &mut self.chains[usize::from(!from_us)];
            let known = chains.iter().position(|chain| *chain == key);
            let chain = known.unwrap_or_else(|| {
                chains.push(key);
                chains.len() - 1
            });
            self.on_its_way.push(Sent {
                from_us,
                chain,
                text,
                message,
            });
        }
        Ok(count as u32)
    }

    /// One of the messages on its way arrives, or is lost; one in ten comes a second time.
    fn something_arrives(&mut self) -> Result<(), Failure> {
        if self.on_its_way.is_empty() {
            return Ok(());
        }
        let chosen = self.below(self.on_its_way.len() as u64) as usize;
        let (side, chain) = {
            let sent = &self.on_its_way[chosen];
            (sent.from_us, sent.chain)
        };
        // The receiver is about to let go of the chains before these.
        let left_behind = self
            .on_its_way
            .iter()
            .position(|sent| sent.from_us == side && sent.chain + CHAINS_KEPT <= chain + 1);
        let sent = self.on_its_way.remove(left_behind.unwrap_or(chosen));
        if self.below(10) == 0 {
            return Ok(());
        }
        let opened = self.deliver(&sent)?;
        if opened != sent.text {
            return Err("another text came out than went in".into());
        }
        self.can_send[usize::from(sent.from_us)] = true;
        if self.below(10) == 0 {
            self.refused_again(&sent)?;
        }
        self.arrived.push(sent);
        Ok(())
    }

    fn something_arrives_again(&mut self) -> Result<(), Failure> {
        if self.arrived.is_empty() {
            return Ok(());
        }
        let chosen = self.below(self.arrived.len() as u64) as usize;
        let sent = self.arrived.swap_remove(chosen);
        self.refused_again(&sent)
    }

    /// What opened before does not open again, for that reason. Of a chain that the receiver has let go since it can say no more than
    /// that nothing fits.
    fn refused_again(&mut self, sent: &Sent) -> Result<(), Failure> {
        let kind = if sent.from_us {
            self.peer.refuses(&sent.message)?
        } else {
            self.us.refuses(&sent.message)?
        };
        let chains = self.chains[usize::from(!sent.from_us)].len();
        // The Python libraries look for a repetition in the newest chain alone.
        let knows_it =
            !(sent.from_us && self.kind == PeerKind::Python) && sent.chain + CHAINS_KEPT >= chains;
        match kind {
            Refusal::UsedBefore => Ok(()),
            Refusal::Undecipherable if !knows_it => Ok(()),
            kind => Err(format!("a repeated message was refused as {kind:?}").into()),
        }
    }

    fn deliver(&mut self, sent: &Sent) -> Result<Vec<u8>, Failure> {
        if sent.from_us {
            Ok(self.peer.open(&sent.message)?)
        } else {
            self.us.open(&sent.message)
        }
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.rng.next_u64() % bound
    }
}

fn ratchet_key(message: &Message) -> Result<RatchetKey, Failure> {
    let body = hex::decode(&message.body)?;
    Ok(match message.kind {
        2 => RatchetMessage::parse(&body)?.ratchet_key(),
        _ => PreKeyMessage::parse(&body)?.message().ratchet_key(),
    })
}
