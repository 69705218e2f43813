//! What is due when: everything that happens goes through one queue, in the order of the world's time.

mod app;
mod files;
mod lists;
mod marks;
mod process;
mod relay_side;
mod requests;
mod sockets;

use crate::Broken;
use crate::chance::Chance;
use crate::device::{Asked, Device};
use crate::faults::{Fault, Storm};
use crate::files::SealedFile;
use crate::journal::Journal;
use crate::keys::UsedKeys;
use crate::links::Links;
use crate::relay::{LinkId, Relay, Ticket};
use crate::truth::Truth;
pub(crate) use process::End;
use requests::Waiting;
use sealwire_engine::planted::Planted;
use sealwire_engine::{
    Call, HttpRequest, HttpResponse, Input, QuestionId, RequestId, TransportFailure,
};
use sealwire_wire::UserId;
use sealwire_wire::contract::CloseCode;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// When every run begins, in milliseconds since the Unix epoch.
pub(crate) const BEGINNING: u64 = 1_800_000_000_000;

/// The world of one run.
pub(crate) struct World {
    pub(crate) now: u64,
    pub(crate) steps: u64,
    pub(crate) chance: Chance,
    pub(crate) storm: Storm,
    /// Where every device has its folder.
    pub(crate) root: PathBuf,
    pub(crate) devices: Vec<Device>,
    pub(crate) relay: Relay,
    pub(crate) relay_ahead: i64,
    pub(crate) truth: Truth,
    pub(crate) keys: UsedKeys,
    pub(crate) journal: Journal,
    /// Nobody does anything any more, and nothing goes wrong.
    pub(crate) is_calm: bool,
    /// Of people, so far.
    pub(crate) actions: u64,
    pub(crate) actions_left_out: BTreeSet<u64>,
    /// Chance of the people's own: each action has a stream, which takes nothing from any other.
    pub(crate) people: Chance,
    pub(crate) planted: Option<Planted>,
    queue: BTreeMap<(u64, u64), Happening>,
    last_planned: u64,
    links: Links,
    tickets: BTreeMap<Ticket, Waiting>,
    last_ticket: Ticket,
    relay_turn_is_due: bool,
    pub(crate) relay_life: u64,
}

/// Something that is due.
pub(crate) enum Happening {
    /// A person does something.
    Act,
    Tick {
        device: usize,
        wake: u64,
    },
    Input {
        device: usize,
        life: u64,
        input: Given,
    },
    RequestArrives {
        device: usize,
        life: u64,
        request: Box<HttpRequest>,
        answer_is_lost: bool,
    },
    AnswerArrives {
        device: usize,
        life: u64,
        id: RequestId,
        result: Result<HttpResponse, TransportFailure>,
    },
    /// The bytes of a message's file come to the relay.
    Upload {
        device: usize,
        life: u64,
        number: u64,
        file: Box<SealedFile>,
    },
    Down(LinkId),
    Up(LinkId),
    /// A device hears that its socket is gone.
    LinkLost(LinkId),
    /// The relay does.
    SeatLost(LinkId),
    Ping(LinkId),
    RelayTurn,
    RelayStarts,
    RelayDiskHasRoom(u64),
    Sweep(u64),
    DeviceStarts(usize),
    /// A person has waited for long enough.
    GivesLinkingUp(usize),
    /// A person connects, or disconnects.
    Connects {
        device: usize,
        online: bool,
    },
}

/// An input that a device's own surroundings give.
pub(crate) enum Given {
    AnchorKept(u64),
    Decided(QuestionId),
}

impl World {
    pub(crate) fn new(
        root: &Path,
        devices: Vec<Device>,
        relay: Relay,
        mut chance: Chance,
        storm: Storm,
        journal: Journal,
    ) -> Self {
        Self {
            people: chance.apart(),
            now: BEGINNING,
            steps: 0,
            chance,
            storm,
            root: root.to_owned(),
            devices,
            relay,
            relay_ahead: 0,
            truth: Truth::default(),
            keys: UsedKeys::new(),
            journal,
            is_calm: false,
            actions: 0,
            actions_left_out: BTreeSet::new(),
            planted: None,
            queue: BTreeMap::new(),
            last_planned: 0,
            links: Links::default(),
            tickets: BTreeMap::new(),
            last_ticket: 0,
            relay_turn_is_due: false,
            relay_life: 0,
        }
    }

    pub(crate) fn plan(&mut self, after_ms: u64, happening: Happening) {
        self.plan_at(self.now + after_ms, happening);
    }

    fn plan_at(&mut self, at: u64, happening: Happening) {
        self.last_planned += 1;
        self.queue.insert((at, self.last_planned), happening);
    }

    /// The next thing that is due happens; its time, if there is one.
    pub(crate) fn step(&mut self) -> Result<bool, Broken> {
        let Some(((at, _), happening)) = self.queue.pop_first() else {
            return Ok(false);
        };
        self.now = self.now.max(at);
        self.steps += 1;
        if let Some(after) = self.held_up(&happening) {
            self.plan(after, happening);
            return Ok(true);
        }
        self.set_relay_clock();
        self.happens(happening)?;
        self.look_at_relay()?;
        Ok(true)
    }

    /// When the next thing is due.
    pub(crate) fn next_at(&self) -> Option<u64> {
        self.queue.first_key_value().map(|((at, _), _)| *at)
    }

    pub(crate) fn set_relay_clock(&mut self) {
        let at = self.now.saturating_add_signed(self.relay_ahead);
        self.relay.set_clock(at);
    }

    pub(crate) fn place(&self) -> (u64, u64) {
        (self.steps, self.now)
    }

    fn happens(&mut self, happening: Happening) -> Result<(), Broken> {
        match happening {
            Happening::Act => self.act()?,
            Happening::Tick { device, wake } => {
                if self.devices[device].wake == wake {
                    self.hand_in(device, Input::Tick)?;
                }
            }
            Happening::Input {
                device,
                life,
                input,
            } if self.devices[device].life == life => {
                let input = match input {
                    Given::AnchorKept(generation) => Input::AnchorKept { generation },
                    Given::Decided(id) => Input::Decided { id, accepted: true },
                };
                self.hand_in(device, input)?;
            }
            Happening::Input { .. } => {}
            Happening::RequestArrives {
                device,
                life,
                request,
                answer_is_lost,
            } => self.request_arrives(device, life, *request, answer_is_lost),
            Happening::AnswerArrives {
                device,
                life,
                id,
                result,
            } if self.devices[device].life == life => {
                self.hand_in(device, Input::Response { id, result })?;
            }
            Happening::AnswerArrives { .. } => {}
            Happening::Upload {
                device,
                life,
                number,
                file,
            } => self.uploads(device, life, number, file)?,
            Happening::Down(link) => self.down(link)?,
            Happening::Up(link) => self.up(link),
            Happening::LinkLost(link) => self.link_is_lost(link)?,
            Happening::SeatLost(link) => {
                if let Some(seat) = self.relay.seat(link) {
                    seat.close(CloseCode::GoingAway);
                }
            }
            Happening::Ping(link) => self.ping(link),
            Happening::RelayTurn => {
                self.relay_turn_is_due = false;
                self.relay_turns()?;
            }
            Happening::RelayDiskHasRoom(life) if life == self.relay_life => {
                self.relay.fill_disk(false)?;
            }
            Happening::RelayDiskHasRoom(_) => {}
            Happening::RelayStarts => self.relay_starts()?,
            Happening::Sweep(life) if life == self.relay_life && self.relay.is_up() => {
                self.relay.sweep()?;
                self.plan(relay_side::SWEEP_EVERY_MS, Happening::Sweep(life));
            }
            Happening::Sweep(_) => {}
            Happening::DeviceStarts(device) => self.device_starts(device)?,
            Happening::GivesLinkingUp(device) => {
                self.call(device, Call::CancelLinking, Asked::Nothing)?;
            }
            Happening::Connects { device, online } => self.connects(device, online)?,
        }
        Ok(())
    }

    /// Whether this goes wrong now.
    pub(crate) fn goes_wrong(&mut self, fault: Fault) -> bool {
        !self.is_calm && self.storm.strikes(fault)
    }

    /// A request that is on its way, or that the relay works on.
    pub(crate) fn is_asked(&self) -> Option<String> {
        if let Some(waiting) = self.tickets.values().next() {
            let label = self.devices[waiting.device].label();
            let id = waiting.id.0;
            return Some(format!(
                "the relay has yet to answer request {id} of {label}"
            ));
        }
        if self.relay.has_work() {
            return Some("the relay works".to_owned());
        }
        self.queue.values().find_map(|happening| match happening {
            Happening::RequestArrives {
                device, request, ..
            } => {
                let label = self.devices[*device].label();
                Some(format!("request {} of {label} is on its way", request.id.0))
            }
            Happening::AnswerArrives { device, id, .. } => {
                let label = self.devices[*device].label();
                Some(format!(
                    "the answer to request {} of {label} is on its way",
                    id.0
                ))
            }
            _ => None,
        })
    }

    pub(crate) fn users(&self) -> Vec<UserId> {
        let users: BTreeSet<_> = self.devices.iter().map(|device| &device.user).collect();
        users.into_iter().cloned().collect()
    }
}
