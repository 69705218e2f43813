//! A conversation with a peer, written down: it can be had again without the peer.
//!
//! Our side follows from the seed, so that every message of ours has to come out as it was, byte for byte; the peer's are read.

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use sealwire_crypto::keys::IdentityKey;
use serde::{Deserialize, Serialize};

use crate::{
    Bundle, Failure, KemRequest, Message, OUR_REGISTRATION, OurDevice, PEER_REGISTRATION, Peer,
    PeerKind, Refusal, identity_of_sign,
};

/// What was said, and all that our side needs to say it again.
#[derive(Debug, Serialize, Deserialize)]
pub struct Recorded {
    /// Whose device the peer was.
    pub peer: String,
    /// Of ChaCha20, which our identity, the peer's and everything else of ours is drawn from in this order.
    pub seed: u64,
    /// Whether our identity's Edwards point is negative, and the peer's.
    pub signs: (bool, bool),
    /// 33 bytes: the peer's public identity, to see that the seed was understood.
    pub peer_identity: String,
    /// The first is whose bundle began it.
    pub steps: Vec<Step>,
}

/// One thing that happened, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// We published these prekeys, and the peer began a session with them.
    OurBundle {
        /// The number of its signed prekey.
        signed: u32,
        /// The number of its one-time prekey.
        one_time: Option<u32>,
        /// The number of its KEM prekey, which is for one session.
        kem: Option<u32>,
        /// As published.
        bundle: Box<Fields>,
    },
    /// We began a session with the peer's prekeys.
    TheirBundle(Box<Fields>),
    /// We sealed this, and the peer opened it.
    Ours(Said),
    /// The peer sealed this; it reaches us now, which need not be the order it was sealed in.
    Theirs(Said),
}

/// A bundle in words that compare.
pub type Fields = serde_json::Map<String, serde_json::Value>;

/// A text and its message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// As hexadecimal.
    pub plaintext: String,
    /// As it travelled.
    pub message: Message,
}

impl Recorded {
    /// Has a short conversation with a peer and writes it down: both directions, several turns, some of the peer's out of order.
    pub fn with(
        kind: PeerKind,
        seed: u64,
        signs: (bool, bool),
        kem: bool,
        we_begin: bool,
    ) -> Result<Self, Failure> {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let ours = identity_of_sign(signs.0, &mut rng);
        let theirs = identity_of_sign(signs.1, &mut rng);
        let mut peer = Peer::start(kind, &theirs, PEER_REGISTRATION)?;
        let public = theirs.public();
        let mut us = OurDevice::new(ours, OUR_REGISTRATION, public, PEER_REGISTRATION, rng);
        let request = kem.then_some(KemRequest {
            id: 51,
            last_resort: false,
        });
        let mut steps = Vec::new();
        if we_begin {
            let bundle = peer.bundle(31, Some(41), request)?;
            us.begin(&bundle)?;
            steps.push(Step::TheirBundle(Box::new(fields(&bundle)?)));
        } else {
            let bundle = us.bundle(31, Some(41), request);
            peer.begin(&bundle)?;
            steps.push(Step::OurBundle {
                signed: 31,
                one_time: Some(41),
                kem: kem.then_some(51),
                bundle: Box::new(fields(&bundle)?),
            });
        }
        for turn in 0..6 {
            let ours_now = (turn % 2 == 0) == we_begin;
            let texts = (0..3).map(|index| text(turn, index));
            if ours_now {
                for plaintext in texts {
                    let message = us.seal(&plaintext)?;
                    if peer.open(&message)? != plaintext {
                        return Err("the peer opened another text".into());
                    }
                    steps.push(Step::Ours(said(&plaintext, message)));
                }
            } else {
                let mut sealed = texts
                    .map(|plaintext| Ok(said(&plaintext, peer.seal(&plaintext)?)))
                    .collect::<Result<Vec<_>, Failure>>()?;
                // The last arrives first.
                sealed.rotate_right(1);
                for said in sealed {
                    if hex::encode(us.open(&said.message)?) != said.plaintext {
                        return Err("we opened another text".into());
                    }
                    steps.push(Step::Theirs(said));
                }
            }
        }
        Ok(Self {
            peer: kind.name().to_owned(),
            seed,
            signs,
            peer_identity: hex::encode(public.to_bytes()),
            steps,
        })
    }

    /// Has it again without the peer; an error says which step came out otherwise.
    pub fn replay(&self) -> Result<(), Failure> {
        let mut rng = ChaCha20Rng::seed_from_u64(self.seed);
        let ours = identity_of_sign(self.signs.0, &mut rng);
        let theirs = identity_of_sign(self.signs.1, &mut rng).public();
        if theirs != IdentityKey::from_bytes(&hex::decode(&self.peer_identity)?)? {
            return Err("the seed gives another peer".into());
        }
        let mut us = OurDevice::new(ours, OUR_REGISTRATION, theirs, PEER_REGISTRATION, rng);
        for (number, step) in self.steps.iter().enumerate() {
            let came_out = self.again(&mut us, step);
            let same = came_out.map_err(|error| format!("step {number}: {error}"))?;
            if !same {
                return Err(format!("step {number} came out otherwise").into());
            }
        }
        Ok(())
    }

    /// Whether a step comes out as it did.
    fn again(&self, us: &mut OurDevice, step: &Step) -> Result<bool, Failure> {
        Ok(match step {
            Step::OurBundle {
                signed,
                one_time,
                kem,
                bundle,
            } => {
                let kem = kem.map(|id| KemRequest {
                    id,
                    last_resort: false,
                });
                fields(&us.bundle(*signed, *one_time, kem))? == **bundle
            }
            Step::TheirBundle(bundle) => {
                let bundle = (**bundle).clone();
                let bundle: Bundle = serde_json::from_value(bundle.into())?;
                us.begin(&bundle).map(|()| true)?
            }
            Step::Ours(said) => us.seal(&hex::decode(&said.plaintext)?)? == said.message,
            Step::Theirs(said) => {
                let opened = us.open(&said.message)?;
                // Once, and never again.
                hex::encode(opened) == said.plaintext
                    && us.refuses(&said.message)? == Refusal::UsedBefore
            }
        })
    }
}

fn fields(bundle: &Bundle) -> Result<Fields, serde_json::Error> {
    serde_json::from_value(serde_json::to_value(bundle)?)
}

fn said(plaintext: &[u8], message: Message) -> Said {
    Said {
        plaintext: hex::encode(plaintext),
        message,
    }
}

/// Of several lengths, the empty one among them.
fn text(turn: u8, index: u8) -> Vec<u8> {
    vec![turn << 4 | index; usize::from(turn) * 40 + usize::from(index) * 15]
}
