//! A session with both its sides, fed honest messages and arbitrary bytes by turns.
//!
//! The input is a program; an operation is a byte, its operands follow. What must hold at every step:
//!
//! - An honest message opens once, with what was sealed, in whatever order it comes, unless its chain is older than the five newest
//!   that its receiver has seen of that session.
//! - Whatever else comes does not open, and after it the receiver's record, rows and prekeys are what they were.
//! - A record that is written and read again is the same, and no longer than its sessions may be.
//! - Receiving one message holds at most 8 times its length and 512 KiB: the keys of 2,000 messages passed, and a copy of the record.

use std::collections::HashMap;

use sealwire_crypto::keys::{BaseKey, RatchetKey};
use sealwire_crypto::ratchet::{
    MAX_RECEIVER_CHAINS, MessageKind, PreKeyMessage, RatchetMessage, SealError, SealedMessage,
    UNACKNOWLEDGED_LIFETIME_MS,
};

use crate::device::{Device, OLD_STRANGERS, OLD_TALKING, STRANGERS, TALKING};
use crate::{Bound, Target};

pub(super) const TARGET: Target = Target {
    name: "session",
    bound: Bound::new(512 * 1024, 8),
    run,
    seeds,
};

/// New sessions that one program begins: fewer than a record keeps.
const MAX_BEGUN: usize = 6;
/// Messages that one program sends.
const MAX_SENT: usize = 200;
/// A session's stored form: what `stored.rs` reserves for one, and the beginning that only the current one carries.
const SESSION_BYTES: usize = 640;
const BEGINNING_BYTES: usize = 2_048;

/// One honest message.
struct Sent {
    by_alice: bool,
    number: u32,
    session: BaseKey,
    chain: RatchetKey,
    message: SealedMessage,
}

/// What one side has seen of the other: of each session its chains, oldest first.
type Seen = HashMap<BaseKey, Vec<RatchetKey>>;

struct World {
    /// Alice and Bob.
    devices: [Device; 2],
    seen: [Seen; 2],
    under_way: Vec<Sent>,
    arrived: Vec<Sent>,
    sent: u32,
    begun: usize,
}

fn run(input: &[u8]) -> usize {
    let mut program = Program { rest: input };
    let start = program.byte();
    let (alice, bob) = match start % 4 {
        0 => &*TALKING,
        1 => &*STRANGERS,
        2 => &*OLD_TALKING,
        _ => &*OLD_STRANGERS,
    };
    let mut world = World {
        devices: [alice.clone(), bob.clone()],
        seen: [Seen::new(), Seen::new()],
        under_way: Vec::new(),
        arrived: Vec::new(),
        sent: 0,
        begun: 0,
    };
    for side in 0..2 {
        world.devices[side].peak = 0;
        world.has_seen(side);
    }
    while !program.rest.is_empty() {
        world.step(&mut program);
    }
    world.deliver_all();
    world
        .devices
        .iter()
        .map(|device| device.peak)
        .max()
        .unwrap_or_default()
}

impl World {
    fn step(&mut self, program: &mut Program<'_>) {
        let operation = program.byte();
        let by_alice = operation & 0x80 != 0;
        let side = usize::from(!by_alice);
        match operation & 0x0f {
            0..=2 => self.send(by_alice, usize::from(program.byte())),
            3..=5 => {
                if let Some(at) = program.choose(self.under_way.len()) {
                    self.deliver(at);
                }
            }
            6 => {
                // Lost for ever: a jump of its chain.
                for _ in 0..=program.byte() % 64 {
                    self.send(by_alice, 0);
                    self.under_way.pop();
                }
            }
            7 => {
                if let Some(at) = program.choose(self.arrived.len()) {
                    let again = self.arrived[at].message.clone();
                    self.refuse(self.arrived[at].by_alice, &again);
                }
            }
            8 => self.alter(program),
            9 => {
                let kind = match program.byte() % 2 {
                    0 => MessageKind::Ratchet,
                    _ => MessageKind::PreKey,
                };
                let length = usize::from(program.byte());
                let body = program.take(length).to_vec();
                self.refuse(by_alice, &SealedMessage { kind, body });
            }
            10 => self.splice(program),
            11 => self.reopen(side),
            12 => self.begin(side, program.byte().is_multiple_of(2)),
            13 => {
                let device = &mut self.devices[side];
                device.record = device
                    .record
                    .as_ref()
                    .map(|record| record.archive_current());
            }
            14 => self.devices[side].now_ms += UNACKNOWLEDGED_LIFETIME_MS,
            // Back to its sender.
            _ => {
                if let Some(at) = program.choose(self.under_way.len()) {
                    let sent = &self.under_way[at];
                    let (by_alice, message) = (!sent.by_alice, sent.message.clone());
                    self.refuse(by_alice, &message);
                }
            }
        }
    }

    /// The chain that the peer sends on, where the two have talked.
    fn has_seen(&mut self, side: usize) {
        let mut peer = self.devices[1 - side].clone();
        if let Ok(next) = peer.send(b"")
            && let Some(session) = peer
                .record
                .as_ref()
                .and_then(|record| record.sessions().next())
            && self.devices[side].record.is_some()
        {
            self.seen[side].insert(session, vec![inner(&next).ratchet_key()]);
        }
    }

    fn send(&mut self, by_alice: bool, length: usize) {
        if self.sent as usize >= MAX_SENT {
            return;
        }
        let device = &mut self.devices[usize::from(!by_alice)];
        let before = device.stored();
        let plaintext = plaintext(self.sent, length);
        let usable = device
            .record
            .as_ref()
            .map(|record| record.is_usable_for_sending(device.now_ms));
        match device.send(&plaintext) {
            Ok(message) => {
                let session = device
                    .record
                    .as_ref()
                    .and_then(|record| record.sessions().next());
                let chain = inner(&message).ratchet_key();
                self.under_way.push(Sent {
                    by_alice,
                    number: self.sent,
                    session: session.unwrap(),
                    chain,
                    message,
                });
                self.sent += 1;
            }
            Err(error) => {
                assert!(matches!(
                    error,
                    SealError::NoSession | SealError::Unanswered
                ));
                assert_ne!(usable, Some(true));
                assert!(device.stored() == before);
            }
        }
    }

    /// An honest message arrives.
    fn deliver(&mut self, at: usize) {
        let sent = self.under_way.remove(at);
        let receiver = usize::from(sent.by_alice);
        let from = self.devices[1 - receiver].as_sender();
        let before = self.devices[receiver].stored();
        let chains = self.seen[receiver].entry(sent.session).or_default();
        let age = chains.iter().rev().position(|chain| *chain == sent.chain);
        match self.devices[receiver].receive(&from, &sent.message) {
            Ok(opened) => {
                assert_eq!(opened, plaintext(sent.number, opened.len()));
                if age.is_none() {
                    chains.push(sent.chain);
                }
            }
            Err(error) => {
                let within = age.is_none_or(|age| age < MAX_RECEIVER_CHAINS);
                assert!(!within, "an honest message did not open: {error}");
                assert!(self.devices[receiver].stored() == before);
            }
        }
        self.arrived.push(sent);
        self.check_size(receiver);
    }

    /// Something arrives that the other side did not send, or that has arrived before.
    fn refuse(&mut self, as_if_by_alice: bool, message: &SealedMessage) {
        let receiver = usize::from(as_if_by_alice);
        let sent = |sent: &Sent| sent.by_alice == as_if_by_alice && sent.message == *message;
        if self.under_way.iter().any(sent) {
            return;
        }
        let from = self.devices[1 - receiver].as_sender();
        let device = &mut self.devices[receiver];
        let before = device.stored();
        assert!(device.receive(&from, message).is_err());
        assert!(device.stored() == before);
    }

    /// An honest message with one byte changed. Of a first message what stands around the MAC may change in spelling: then it is that
    /// message, and opens as it.
    fn alter(&mut self, program: &mut Program<'_>) {
        let Some(at) = program.choose(self.under_way.len()) else {
            return;
        };
        let place = usize::from(program.byte()) << 8 | usize::from(program.byte());
        let change = program.byte().max(1);
        let sent = &self.under_way[at];
        let mut altered = sent.message.clone();
        let place = place % altered.body.len();
        altered.body[place] ^= change;
        self.arrives_altered(at, altered);
    }

    /// The beginning of one message and the end of another.
    fn splice(&mut self, program: &mut Program<'_>) {
        let Some(at) = program.choose(self.under_way.len()) else {
            return;
        };
        let other = program.choose(self.under_way.len()).unwrap_or(at);
        let (head, tail) = (&self.under_way[at].message, &self.under_way[other].message);
        let cut =
            (usize::from(program.byte()) << 8 | usize::from(program.byte())) % head.body.len();
        let from = cut.min(tail.body.len());
        let body = [&head.body[..cut], &tail.body[from..]].concat();
        if body == head.body || body == tail.body {
            return;
        }
        let kind = head.kind;
        self.arrives_altered(at, SealedMessage { kind, body });
    }

    fn arrives_altered(&mut self, at: usize, altered: SealedMessage) {
        let sent = &self.under_way[at];
        let same_inside = altered.kind == MessageKind::PreKey
            && PreKeyMessage::parse(&altered.body)
                .is_ok_and(|parsed| parsed.message().as_bytes() == inner(&sent.message).as_bytes());
        if same_inside {
            let receiver = usize::from(sent.by_alice);
            let from = self.devices[1 - receiver].as_sender();
            // Tried on a copy: the honest one is still to come.
            let mut device = self.devices[receiver].clone();
            let before = device.stored();
            match device.receive(&from, &altered) {
                Ok(opened) => assert_eq!(opened, plaintext(sent.number, opened.len())),
                Err(_) => assert!(device.stored() == before),
            }
        } else {
            self.refuse(sent.by_alice, &altered);
        }
    }

    fn begin(&mut self, side: usize, with_one_time: bool) {
        if self.begun >= MAX_BEGUN {
            return;
        }
        self.begun += 1;
        // Each is handed out once; at last there is none.
        let one_time = 100 + u32::try_from(self.begun).unwrap_or_default();
        let bundle = self.devices[1 - side].bundle(Some(one_time).filter(|_| with_one_time));
        self.devices[side].begin(&bundle);
        self.check_size(side);
    }

    fn reopen(&mut self, side: usize) {
        let device = &mut self.devices[side];
        let before = device.stored();
        device.reopen();
        assert!(device.stored() == before);
    }

    fn check_size(&self, side: usize) {
        let device = &self.devices[side];
        let sessions = device
            .record
            .as_ref()
            .map_or(0, |record| record.sessions().count());
        let allowed = 128 + sessions * SESSION_BYTES + BEGINNING_BYTES;
        assert!(device.stored().0.len() <= allowed);
    }

    /// What is still under way arrives, oldest first, and then everything once more.
    fn deliver_all(&mut self) {
        while !self.under_way.is_empty() {
            self.deliver(0);
        }
        let arrived = std::mem::take(&mut self.arrived);
        for sent in arrived.iter().rev().take(16) {
            self.refuse(sent.by_alice, &sent.message);
        }
        (0..2).for_each(|side| self.reopen(side));
    }
}

/// The bytes that are still to be run.
struct Program<'a> {
    rest: &'a [u8],
}

impl<'a> Program<'a> {
    fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or_default()
    }

    /// As many as there are.
    fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(length.min(self.rest.len()));
        self.rest = rest;
        taken
    }

    fn choose(&mut self, among: usize) -> Option<usize> {
        usize::from(self.byte()).checked_rem(among)
    }
}

/// The text of a message: its number, up to a length.
fn plaintext(number: u32, length: usize) -> Vec<u8> {
    number
        .to_be_bytes()
        .into_iter()
        .cycle()
        .take(length.max(4))
        .collect()
}

fn inner(message: &SealedMessage) -> RatchetMessage {
    match message.kind {
        MessageKind::Ratchet => RatchetMessage::parse(&message.body).unwrap(),
        MessageKind::PreKey => PreKeyMessage::parse(&message.body)
            .unwrap()
            .message()
            .clone(),
    }
}

fn seeds() -> Vec<Vec<u8>> {
    const ALICE: u8 = 0x80;
    const BOB: u8 = 0;
    let ping_pong = [ALICE, 9, 3, 0, BOB, 9, 3, 0].repeat(8);
    let begin = [ALICE | 12, 0, BOB | 12, 1];
    let shuffled = [
        ALICE,
        1,
        ALICE,
        20,
        ALICE,
        200,
        3,
        2,
        3,
        0,
        7,
        0,
        3,
        0,
        11,
        ALICE | 11,
    ];
    let hostile = [
        ALICE, 40, BOB, 40, 8, 0, 0, 60, 1, 8, 1, 0, 3, 255, 9, 0, 4, 0x44, 10, 33, 5,
    ];
    let spliced = [
        ALICE,
        40,
        ALICE,
        40,
        10,
        0,
        1,
        0,
        30,
        15,
        0,
        ALICE | 6,
        40,
        ALICE,
        5,
    ];
    let old = [
        BOB | 14,
        BOB | 12,
        0,
        BOB,
        7,
        BOB | 14,
        BOB,
        7,
        ALICE | 13,
        ALICE,
        3,
    ];
    (0..4u8)
        .map(|start| {
            let parts: [&[u8]; 7] = [
                &[start],
                &begin,
                &ping_pong,
                &shuffled,
                &hostile,
                &spliced,
                &old,
            ];
            parts.concat()
        })
        .collect()
}
