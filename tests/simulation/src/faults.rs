//! What goes wrong, and how often: drawn once a run, so that some runs are rough in one way and smooth in all others.

use crate::chance::Chance;
use crate::left_out::LeftOut;

macro_rules! faults {
    ($($(#[doc = $doc:literal])+ $name:ident = $rare:literal, $frequent:literal;)*) => {
        /// Something that can go wrong.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Fault {
            $($(#[doc = $doc])+ $name,)*
        }

        impl Fault {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// How often it happens where it is rare and where it is frequent, of [`crate::chance::CERTAIN`] times that it could.
            fn often(self) -> (u32, u32) {
                match self { $(Self::$name => ($rare, $frequent),)* }
            }
        }
    };
}

faults! {
    /// A request never reaches the relay.
    RequestLost = 100, 1_500;
    /// The relay does what was asked, and its answer is lost.
    AnswerLost = 100, 1_500;
    /// A request reaches the relay twice.
    Duplicated = 100, 1_500;
    /// A request or an answer takes up to a minute and a half; its sender gives up after half a minute.
    Delayed = 100, 1_500;
    /// A socket is cut; for each frame on it, in either direction.
    SocketCut = 20, 500;
    /// A client's process ends; for each input.
    ClientCrash = 10, 300;
    /// A client's device loses its power: what no sync put on the disk is gone; for each input.
    PowerLoss = 5, 100;
    /// A device is slow for up to a minute: what comes to it waits for seconds; for each input.
    SlowDevice = 5, 100;
    /// A client's disk takes nothing for a while; for each input.
    DiskFull = 5, 60;
    /// The relay's process ends, in half of the cases with its machine's power; for each turn of one of its tasks.
    RelayCrash = 3, 60;
    /// The relay's disk takes nothing for a while; for each turn of one of its tasks.
    RelayDiskFull = 3, 40;
    /// A token ends within two minutes, whatever its device was told; for each token.
    TokenEnds = 500, 5_000;
    /// Somebody takes all one-time prekeys of a device; for each action of a person.
    PrekeysTaken = 100, 800;
    /// What the relay shows of a user's lists is older than what it showed before, as from a copy; for each time that it shows them.
    OldLists = 100, 1_000;
    /// A clock is set, by up to three hours; for each action of a person.
    ClockSet = 100, 1_000;
}

/// What goes wrong in one run.
pub(crate) struct Storm {
    chance: Chance,
    often: Vec<(Fault, u32)>,
    /// How many times something went wrong, or would have.
    strikes: u64,
    left_out: LeftOut,
}

impl Storm {
    /// Nothing goes wrong.
    pub(crate) fn none() -> Self {
        Self {
            chance: Chance::new(0),
            often: Vec::new(),
            strikes: 0,
            left_out: LeftOut::default(),
        }
    }

    pub(crate) fn drawn(chance: &mut Chance, left_out: LeftOut) -> Self {
        let mut draw = |fault: Fault| {
            let (rare, frequent) = fault.often();
            // Each is absent in a third of the runs, and rare, usual or frequent in the others.
            let often = match chance.below(6) {
                0 | 1 => 0,
                2 | 3 => rare,
                4 => rare.midpoint(frequent),
                _ => frequent,
            };
            let is_left_out = left_out.faults.contains(&fault);
            (fault, if is_left_out { 0 } else { often })
        };
        let often = Fault::ALL.iter().map(|fault| draw(*fault)).collect();
        Self {
            often,
            chance: chance.apart(),
            strikes: 0,
            left_out,
        }
    }

    /// Whether it goes wrong now.
    pub(crate) fn strikes(&mut self, fault: Fault) -> bool {
        if !self.chance.happens(self.often(fault)) {
            return false;
        }
        self.strikes += 1;
        !self.left_out.strikes.contains(&self.strikes)
    }

    /// How many times something went wrong.
    pub(crate) fn count(&self) -> u64 {
        self.strikes
    }

    pub(crate) fn often(&self, fault: Fault) -> u32 {
        let found = self.often.iter().find(|(named, _)| *named == fault);
        found.map_or(0, |(_, often)| *often)
    }

    /// Those that this run has.
    pub(crate) fn words(&self) -> String {
        let some = self.often.iter().filter(|(_, often)| *often > 0);
        let each = some.map(|(fault, often)| format!("{fault:?} {often}"));
        each.collect::<Vec<_>>().join(", ")
    }
}
