//! Sockets on their way through the network: frames in order, each with its delay, until one end hears that it is over.

use crate::relay::LinkId;
use std::collections::{BTreeMap, VecDeque};

/// What travels to a device.
pub(crate) enum Down {
    Opened,
    Frame(String),
    Closed {
        code: Option<u16>,
        status: Option<u16>,
    },
}

/// What travels to the relay.
pub(crate) enum Up {
    Open { path: String, bearer: String },
    Frame(String),
    Closed,
}

/// One socket.
pub(crate) struct Link {
    pub(crate) device: usize,
    /// Of the device's processes.
    pub(crate) life: u64,
    /// Whether its device knows that it is open: until then it does not wait for ever.
    pub(crate) is_open: bool,
    /// Nothing passes any more.
    pub(crate) is_cut: bool,
    pub(crate) down: VecDeque<(u64, Down)>,
    pub(crate) up: VecDeque<(u64, Up)>,
    last_down: u64,
    last_up: u64,
}

/// Every socket that somebody still believes in.
#[derive(Default)]
pub(crate) struct Links {
    last: LinkId,
    all: BTreeMap<LinkId, Link>,
}

impl Links {
    pub(crate) fn open(&mut self, device: usize, life: u64) -> LinkId {
        self.last += 1;
        let link = Link {
            device,
            life,
            is_open: false,
            is_cut: false,
            down: VecDeque::new(),
            up: VecDeque::new(),
            last_down: 0,
            last_up: 0,
        };
        self.all.insert(self.last, link);
        self.last
    }

    pub(crate) fn get(&mut self, id: LinkId) -> Option<&mut Link> {
        self.all.get_mut(&id)
    }

    pub(crate) fn ids(&self) -> Vec<LinkId> {
        self.all.keys().copied().collect()
    }

    pub(crate) fn forget(&mut self, id: LinkId) {
        self.all.remove(&id);
    }
}

impl Link {
    /// When it arrives: never before what was sent earlier.
    pub(crate) fn send_down(&mut self, at: u64, what: Down) -> u64 {
        self.last_down = self.last_down.max(at);
        self.down.push_back((self.last_down, what));
        self.last_down
    }

    /// The same the other way.
    pub(crate) fn send_up(&mut self, at: u64, what: Up) -> u64 {
        self.last_up = self.last_up.max(at);
        self.up.push_back((self.last_up, what));
        self.last_up
    }
}
