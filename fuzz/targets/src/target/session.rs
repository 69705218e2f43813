//! A session with both its sides, fed honest messages and arbitrary bytes by turns.
//!
//! The input is a program: its first byte says in which world it begins (see `worlds.rs`), then an operation is a byte, its operands follow.
//! What must hold at every step:
//!
//! - An honest message opens once, as it was sealed, in whatever order it comes, if the page's limits let it, and is refused if not.
//! - Whatever else comes does not open. After every refusal the receiver's record, rows and prekeys are what they were, byte for byte.
//! - As many keys are kept as messages were passed, and none that a limit has taken.
//! - A record that is written and read again is the same, and no longer than its sessions may be.
//! - Receiving one message holds at most 8 times its length and 512 KiB: the keys of 2,000 messages passed, and a copy of the record.

// What has to open is counted as it is for the properties of the crate itself.
#[path = "../../../../core/crypto/src/ratchet/tests/expected.rs"]
mod expected;
mod worlds;

use sealwire_crypto::ratchet::{
    MessageKind, PreKeyMessage, RatchetMessage, SealError, SealedMessage, SessionRecord,
    UNACKNOWLEDGED_LIFETIME_MS,
};

use self::expected::{Expected, Key, Name};
use crate::device::Device;
use crate::{Bound, Target};

pub(super) const TARGET: Target = Target {
    name: "session",
    bound: Bound::new(512 * 1024, 8),
    run,
    seeds,
};

/// New sessions that one program begins: a record of forty lets its oldest go.
const MAX_BEGUN: u32 = 6;
/// Messages that one program sends.
const MAX_SENT: u32 = 200;
/// A session's stored form: what `stored.rs` reserves for one, and the beginning that only the current one carries.
const SESSION_BYTES: usize = 640;
const BEGINNING_BYTES: usize = 2_048;

/// One honest message.
#[derive(Clone)]
struct Sent {
    by_alice: bool,
    text: Vec<u8>,
    name: Name,
    message: SealedMessage,
}

#[derive(Clone)]
struct World {
    /// Alice and Bob.
    devices: [Device; 2],
    /// What each has to open of the other's.
    expected: [Expected; 2],
    under_way: Vec<Sent>,
    arrived: Vec<Sent>,
    /// Honest messages beyond a limit.
    refused: u32,
    sent: u32,
    begun: u32,
    /// How many refusals one program may ask for: where one takes milliseconds, few.
    patience: u32,
    /// Whether a chain is near its last number.
    at_the_end: bool,
}

fn run(input: &[u8]) -> usize {
    let world = played(input);
    let peaks = world.devices.iter().map(|device| device.peak);
    peaks.max().unwrap_or_default()
}

/// The world at the end of a program.
fn played(input: &[u8]) -> World {
    let mut program = Program { rest: input };
    let mut world = worlds::of(program.byte()).clone();
    (world.sent, world.begun) = (0, 0);
    for device in &mut world.devices {
        device.peak = 0;
    }
    while !program.rest.is_empty() {
        world.step(&mut program);
    }
    world.deliver_all();
    world
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
                self.devices[side].archive();
                self.counted(side);
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

    fn send(&mut self, by_alice: bool, length: usize) {
        if self.sent >= MAX_SENT {
            return;
        }
        let device = &mut self.devices[usize::from(!by_alice)];
        let before = device.stored();
        let text = plaintext(self.sent, length);
        let usable = device
            .record
            .as_ref()
            .map(|record| record.is_usable_for_sending(device.now_ms));
        match device.send(&text) {
            Ok(message) => {
                let name = name(device, &message);
                self.under_way.push(Sent {
                    by_alice,
                    text,
                    name,
                    message,
                });
                self.sent += 1;
            }
            Err(error) => {
                match error {
                    SealError::NoSession | SealError::Unanswered => assert_ne!(usable, Some(true)),
                    SealError::Exhausted => assert!(self.at_the_end),
                }
                assert!(device.stored() == before);
            }
        }
    }

    /// An honest message arrives.
    fn deliver(&mut self, at: usize) {
        let sent = self.under_way.remove(at);
        let receiver = usize::from(sent.by_alice);
        let from = self.devices[1 - receiver].as_sender();
        let held = held(&self.devices[receiver]);
        let opens = self.expected[receiver].opens(&sent.name, held.into_iter());
        let before = self.devices[receiver].stored();
        match self.devices[receiver].receive(&from, &sent.message) {
            Ok(opened) => {
                assert!(opens, "{:?} opened beyond the limits", sent.name);
                assert!(opened == sent.text, "another text came out");
                self.expected[receiver].opened(&sent.name);
                self.arrived.push(sent);
            }
            Err(error) => {
                assert!(!opens, "an honest message did not open: {error}");
                self.refused += 1;
                assert!(self.devices[receiver].stored() == before);
            }
        }
        self.counted(receiver);
    }

    /// Something arrives that the other side did not send, or that has arrived before.
    fn refuse(&mut self, as_if_by_alice: bool, message: &SealedMessage) {
        let receiver = usize::from(as_if_by_alice);
        let sent = |sent: &Sent| sent.by_alice == as_if_by_alice && sent.message == *message;
        if self.patience == 0 || self.under_way.iter().any(sent) {
            return;
        }
        self.patience -= 1;
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
                Ok(opened) => assert!(opened == sent.text),
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
        let one_time = 100 + self.begun;
        self.begin_with(side, Some(one_time).filter(|_| with_one_time));
    }

    fn begin_with(&mut self, side: usize, one_time: Option<u32>) {
        let bundle = self.devices[1 - side].bundle(one_time);
        self.devices[side].begin(&bundle);
        self.counted(side);
    }

    fn reopen(&mut self, side: usize) {
        let device = &mut self.devices[side];
        let before = device.stored();
        device.reopen();
        assert!(device.stored() == before);
    }

    /// Record and rows are no more than what has to be kept.
    fn counted(&mut self, side: usize) {
        let device = &self.devices[side];
        let held = held(device);
        let allowed = 128 + held.len() * SESSION_BYTES + BEGINNING_BYTES;
        assert!(device.stored().record.len() <= allowed);
        self.expected[side].holds(held.into_iter());
        assert_eq!(device.rows.len(), self.expected[side].kept());
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

/// Which message it is that this device has just sealed.
fn name(sender: &Device, message: &SealedMessage) -> Name {
    let session = sender
        .record
        .as_ref()
        .and_then(|record| record.sessions().next());
    let inner = inner(message);
    Name {
        session: session.unwrap().to_bytes(),
        chain: inner.ratchet_key().to_bytes(),
        counter: inner.counter(),
        says_its_session: message.kind == MessageKind::PreKey,
    }
}

/// The names of the sessions held, in the order in which they are tried.
fn held(device: &Device) -> Vec<Key> {
    let sessions = device.record.iter().flat_map(SessionRecord::sessions);
    sessions.map(|session| session.to_bytes()).collect()
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
    let everywhere = (0..worlds::COUNT).map(|start| {
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
    });
    everywhere.chain(worlds::seeds()).collect()
}
