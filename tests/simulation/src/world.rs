//! What is due when: everything that happens goes through one queue, in the order of the world's time.

use crate::Broken;
use crate::chance::Chance;
use crate::device::{Asked, Device, word};
use crate::faults::Faults;
use crate::journal::Journal;
use crate::links::{Down, Links, Up};
use crate::relay::{Heard, LinkId, Out, Relay, Seen, Ticket};
use crate::truth::Truth;
use sealwire_engine::{
    Call, Event, HttpRequest, HttpResponse, Input, Output, QuestionId, Reply, RequestId,
    SocketInput, TransportFailure,
};
use sealwire_wire::contract::{CloseCode, DeviceName};
use sealwire_wire::limits::{PING_INTERVAL_MS, SILENCE_MAX_MS};
use sealwire_wire::{ClientSeq, DeviceId, ThreadId, UserId};
use std::collections::{BTreeMap, BTreeSet};

/// When every run begins, in milliseconds since the Unix epoch.
pub(crate) const BEGINNING: u64 = 1_800_000_000_000;
/// A client waits no longer for an answer.
const PATIENCE_MS: u64 = 30_000;
/// The relay honours a socket's token for so long after its end.
const TOKEN_GRACE_MS: u64 = 60_000;
const SWEEP_EVERY_MS: u64 = 5 * 60 * 1000;
/// Frames that an engine is handed at once.
const FRAMES_AT_ONCE: usize = 64;

/// The world of one run.
pub(crate) struct World {
    pub(crate) now: u64,
    pub(crate) steps: u64,
    pub(crate) chance: Chance,
    pub(crate) faults: Faults,
    pub(crate) devices: Vec<Device>,
    pub(crate) relay: Relay,
    pub(crate) relay_ahead: i64,
    pub(crate) truth: Truth,
    pub(crate) journal: Journal,
    /// Nobody does anything any more, and nothing goes wrong.
    pub(crate) is_calm: bool,
    queue: BTreeMap<(u64, u64), Happening>,
    last_planned: u64,
    links: Links,
    tickets: BTreeMap<Ticket, Waiting>,
    last_ticket: Ticket,
    relay_turn_is_due: bool,
    pub(crate) relay_life: u64,
}

/// Who waits for the answer to a request that reached the relay.
struct Waiting {
    device: usize,
    life: u64,
    id: RequestId,
    answer_is_lost: bool,
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
    Down(LinkId),
    Up(LinkId),
    /// A device hears that its socket is gone.
    LinkLost(LinkId),
    /// The relay does.
    SeatLost(LinkId),
    Ping(LinkId),
    RelayTurn,
    RelayStarts,
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

/// When a process ends.
#[derive(Debug, Clone, Copy)]
enum EndsAt {
    BeforeTheInput,
    AfterCommits(u64),
    AfterOutputs(u64),
}

impl World {
    pub(crate) fn new(
        devices: Vec<Device>,
        relay: Relay,
        chance: Chance,
        faults: Faults,
        journal: Journal,
    ) -> Self {
        Self {
            now: BEGINNING,
            steps: 0,
            chance,
            faults,
            devices,
            relay,
            relay_ahead: 0,
            truth: Truth::default(),
            journal,
            is_calm: false,
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
                if !self.is_calm && self.chance.happens(self.faults.relay_crash) {
                    self.relay_ends();
                } else {
                    self.relay.turn(&mut self.chance);
                }
            }
            Happening::RelayStarts => self.relay_starts()?,
            Happening::Sweep(life) if life == self.relay_life && self.relay.is_up() => {
                self.relay.sweep()?;
                self.plan(SWEEP_EVERY_MS, Happening::Sweep(life));
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

    /// Hands an input in, carries out what comes of it, and perhaps ends the process on the way.
    pub(crate) fn hand_in(&mut self, at: usize, input: Input) -> Result<(), Broken> {
        let place = self.place();
        let ends = self.process_ends();
        let fills = !self.is_calm && self.chance.happens(self.faults.disk_full);
        let fills_for = if fills {
            self.chance.between(50, 20_000)
        } else {
            0
        };
        let (now, calm) = (self.now, self.is_calm);
        let device = &mut self.devices[at];
        if device.engine.is_none() {
            return Ok(());
        }
        if let Some(EndsAt::BeforeTheInput) = ends {
            return self.device_ends(at);
        }
        if fills {
            device.disk_full_until = now + fills_for;
            self.journal.turn(
                place,
                format_args!("the disk of {} is full", device.label()),
            );
        }
        let full = !calm && device.disk_full_until > now;
        let time = device.time(now);
        device.inputs += 1;
        let Some(engine) = &mut device.engine else {
            return Ok(());
        };
        engine.store().refuse_commits_after(match ends {
            _ if full => Some(0),
            Some(EndsAt::AfterCommits(commits)) => Some(commits),
            _ => None,
        });
        engine.handle(time, input);
        // However it came to know: by an answer, or by a list that it looked up after a start.
        if device.name.is_none()
            && let Some((user_id, device_id)) = engine.account()
        {
            device.name = Some(DeviceName { user_id, device_id });
        }
        let cut_short = engine.store().refuses_commits();
        engine.store().refuse_commits_after(None);
        if matches!(ends, Some(EndsAt::AfterCommits(_))) && cut_short {
            return self.device_ends(at);
        }
        let mut outputs = Vec::new();
        while let Some(output) = engine.next_output() {
            outputs.push(output);
        }
        for (carried_out, output) in (0..).zip(outputs) {
            if let Some(EndsAt::AfterOutputs(last)) = ends
                && carried_out == last
            {
                return self.device_ends(at);
            }
            self.carry_out(at, output)?;
        }
        if ends.is_some() {
            return self.device_ends(at);
        }
        self.plan_wake(at);
        Ok(())
    }

    fn process_ends(&mut self) -> Option<EndsAt> {
        if self.is_calm || !self.chance.happens(self.faults.client_crash) {
            return None;
        }
        Some(match self.chance.below(8) {
            0 => EndsAt::BeforeTheInput,
            1..=4 => EndsAt::AfterCommits(self.chance.below(4)),
            _ => EndsAt::AfterOutputs(self.chance.below(6)),
        })
    }

    fn plan_wake(&mut self, at: usize) {
        let device = &mut self.devices[at];
        let Some(engine) = &device.engine else { return };
        device.wake += 1;
        let wake = device.wake;
        let time = device.time(self.now);
        if let Some(due) = engine.wake_at() {
            // As an app's driver sleeps: never for nothing.
            let after = due.since_ms(time).max(10);
            self.plan(after, Happening::Tick { device: at, wake });
        }
    }

    /// The process of a device ends, and begins anew after a while.
    pub(crate) fn device_ends(&mut self, at: usize) -> Result<(), Broken> {
        let place = self.place();
        let device = &mut self.devices[at];
        let link = device.link;
        device.ends();
        self.journal
            .turn(place, format_args!("{} ends", device.label()));
        if let Some(link) = link {
            self.cut(link);
        }
        let after = match self.chance.below(4) {
            0 => self.chance.between(1, 50),
            1 | 2 => self.chance.between(50, 10_000),
            _ => self.chance.between(10_000, 600_000),
        };
        self.plan(after, Happening::DeviceStarts(at));
        Ok(())
    }

    pub(crate) fn device_starts(&mut self, at: usize) -> Result<(), Broken> {
        let (place, now) = (self.place(), self.now);
        let device = &mut self.devices[at];
        if device.engine.is_some() {
            return Ok(());
        }
        device.start(now)?;
        let label = device.label();
        self.journal.turn(place, format_args!("{label} starts"));
        self.nothing_vanished(at)?;
        self.hand_in(at, Input::Tick)?;
        self.ask_again(at)
    }

    pub(crate) fn connects(&mut self, at: usize, online: bool) -> Result<(), Broken> {
        self.devices[at].wants_online = online;
        let call = if online {
            Call::Connect
        } else {
            Call::Disconnect
        };
        self.call(at, call, Asked::Nothing)
    }

    /// An app calls.
    pub(crate) fn call(&mut self, at: usize, call: Call, asked: Asked) -> Result<(), Broken> {
        let place = self.place();
        let device = &mut self.devices[at];
        if device.engine.is_none() {
            return Ok(());
        }
        let about = match &asked {
            Asked::Send(number) => Some(*number),
            _ => None,
        };
        let label = device.label();
        self.journal
            .note(place, about, format_args!("{label} calls: {}", word(&call)));
        let id = device.numbered(asked);
        self.hand_in(at, Input::Call { id, call })
    }

    fn carry_out(&mut self, at: usize, output: Output) -> Result<(), Broken> {
        let place = self.place();
        let device = &mut self.devices[at];
        let (life, label) = (device.life, device.label());
        match output {
            Output::Request(request) => self.send(at, request),
            Output::OpenSocket { path, bearer } => {
                let link = self.links.open(at, life);
                self.devices[at].link = Some(link);
                self.say_up(link, Up::Open { path, bearer });
            }
            Output::SendFrame(text) => {
                self.journal.bytes(text.as_bytes());
                if let Some(link) = self.devices[at].link {
                    self.say_up(link, Up::Frame(text));
                }
            }
            Output::CloseSocket => {
                if let Some(link) = self.devices[at].link.take() {
                    self.say_up(link, Up::Closed);
                }
            }
            Output::Ask { id, .. } => {
                let input = Given::Decided(id);
                let after = self.chance.between(5, 2_000);
                self.plan(
                    after,
                    Happening::Input {
                        device: at,
                        life,
                        input,
                    },
                );
            }
            Output::Done { id, result } => {
                let asked = device.calls.remove(&id);
                self.is_done(at, asked.unwrap_or(Asked::Nothing), result)?;
            }
            Output::Event(event) => {
                if let Event::Connection(state) = &event {
                    device.connection = Some(*state);
                }
                let name = device.name.clone().unwrap_or(DeviceName {
                    user_id: device.user.clone(),
                    device_id: DeviceId::FIRST,
                });
                let heard = self.truth.hears(at, &name, &event);
                let about = match &heard {
                    Ok(about) => *about,
                    Err(broken) => broken.message,
                };
                self.journal
                    .note(place, about, format_args!("{label} hears: {event:?}"));
                heard?;
            }
            Output::KeepAnchor { generation } => {
                device.anchor = device.anchor.max(Some(generation));
                let input = Given::AnchorKept(generation);
                let after = self.chance.between(0, 5);
                self.plan(
                    after,
                    Happening::Input {
                        device: at,
                        life,
                        input,
                    },
                );
            }
        }
        Ok(())
    }

    fn is_done(
        &mut self,
        at: usize,
        asked: Asked,
        result: Result<Reply, sealwire_engine::EngineError>,
    ) -> Result<(), Broken> {
        let place = self.place();
        let label = self.devices[at].label();
        let about = match &asked {
            Asked::Send(number) => Some(*number),
            _ => None,
        };
        match &result {
            Ok(_) => {
                self.journal
                    .note(place, about, format_args!("{label} is answered: {asked:?}"));
            }
            Err(error) => {
                self.journal.note(
                    place,
                    about,
                    format_args!("{label} is refused: {asked:?}: {error}"),
                );
            }
        }
        match (asked, result) {
            (Asked::Send(number), Ok(Reply::Queued(message))) => {
                self.truth.is_queued(number, &message)?;
            }
            (Asked::StartLinking, Ok(Reply::LinkCode(code))) => self.shows_code(at, code)?,
            _ => {}
        }
        Ok(())
    }

    /// A request begins its way.
    fn send(&mut self, at: usize, request: HttpRequest) {
        let place = self.place();
        let device = &mut self.devices[at];
        device.requests += 1;
        let (life, label, id) = (device.life, device.label(), request.id);
        let path = request.path.split('?').next().unwrap_or_default();
        self.journal.note(
            place,
            None,
            format_args!("{label} asks {:?} {path} ({})", request.method, id.0),
        );
        self.journal
            .bytes(request.body.as_deref().unwrap_or_default());
        let lost = |detail: &str| TransportFailure {
            detail: detail.to_owned(),
        };
        if self.goes_wrong(self.faults.request_lost) {
            let after = self.chance.between(1, PATIENCE_MS);
            self.journal.note(
                place,
                None,
                format_args!("request {} of {label} is lost", id.0),
            );
            let result = Err(lost("lost"));
            self.plan(
                after,
                Happening::AnswerArrives {
                    device: at,
                    life,
                    id,
                    result,
                },
            );
            return;
        }
        let answer_is_lost = self.goes_wrong(self.faults.answer_lost);
        let after = self.latency();
        if answer_is_lost || after > PATIENCE_MS {
            let given_up = self
                .chance
                .between(1, PATIENCE_MS)
                .max(after.min(PATIENCE_MS));
            let result = Err(lost("no answer came"));
            self.plan(
                given_up,
                Happening::AnswerArrives {
                    device: at,
                    life,
                    id,
                    result,
                },
            );
        }
        if self.goes_wrong(self.faults.duplicated) {
            let later = after + self.latency();
            let again = Box::new(request.clone());
            self.plan(
                later,
                Happening::RequestArrives {
                    device: at,
                    life,
                    request: again,
                    answer_is_lost: true,
                },
            );
        }
        let request = Box::new(request);
        self.plan(
            after,
            Happening::RequestArrives {
                device: at,
                life,
                request,
                answer_is_lost: answer_is_lost || after > PATIENCE_MS,
            },
        );
    }

    fn goes_wrong(&mut self, probability: u32) -> bool {
        !self.is_calm && self.chance.happens(probability)
    }

    fn latency(&mut self) -> u64 {
        if self.goes_wrong(self.faults.delayed) {
            self.chance.between(1_000, 90_000)
        } else {
            self.chance.between(1, 40)
        }
    }

    fn request_arrives(
        &mut self,
        device: usize,
        life: u64,
        request: HttpRequest,
        answer_is_lost: bool,
    ) {
        let id = request.id;
        if !self.relay.is_up() {
            let after = self.chance.between(1, 200);
            let detail = "refused: nobody listens".to_owned();
            let result = Err(TransportFailure { detail });
            if !answer_is_lost {
                self.plan(
                    after,
                    Happening::AnswerArrives {
                        device,
                        life,
                        id,
                        result,
                    },
                );
            }
            return;
        }
        self.last_ticket += 1;
        self.tickets.insert(
            self.last_ticket,
            Waiting {
                device,
                life,
                id,
                answer_is_lost,
            },
        );
        self.relay.ask(self.last_ticket, request);
    }

    /// What the relay did, answered and said since the last look.
    fn look_at_relay(&mut self) -> Result<(), Broken> {
        for seen in self.relay.seen() {
            self.relay_did(seen)?;
        }
        for (ticket, response) in self.relay.answers() {
            let Some(waiting) = self.tickets.remove(&ticket) else {
                continue;
            };
            let place = self.place();
            let label = self.devices[waiting.device].label();
            self.journal.note(
                place,
                None,
                format_args!(
                    "{} for request {} of {label}",
                    response.status, waiting.id.0
                ),
            );
            self.journal.bytes(&response.body);
            if waiting.answer_is_lost {
                continue;
            }
            let after = self.latency();
            let late = after > PATIENCE_MS;
            let detail = "no answer came in time".to_owned();
            self.plan(
                after.min(PATIENCE_MS),
                Happening::AnswerArrives {
                    device: waiting.device,
                    life: waiting.life,
                    id: waiting.id,
                    result: if late {
                        Err(TransportFailure { detail })
                    } else {
                        Ok(response)
                    },
                },
            );
        }
        for (link, out) in self.relay.said() {
            let what = match out {
                Out::Frame(text) => Down::Frame(text),
                Out::Closed(code) => Down::Closed {
                    code: Some(code.to_u16()),
                    status: None,
                },
            };
            self.say_down(link, what);
        }
        if !self.relay_turn_is_due && self.relay.has_work() {
            self.relay_turn_is_due = true;
            let after = self.chance.below(2);
            self.plan(after, Happening::RelayTurn);
        }
        Ok(())
    }

    fn relay_did(&mut self, seen: Seen) -> Result<(), Broken> {
        let place = self.place();
        match seen {
            Seen::Broken(broken) => Err(broken),
            Seen::Listed(user) => {
                self.journal
                    .turn(place, format_args!("a list of {user} is published"));
                Ok(())
            }
            Seen::Comes {
                sender,
                thread,
                client_seq,
            } => {
                if let Some(number) = self.number_of(&sender, thread, client_seq) {
                    let members = self.members(number);
                    self.truth.is_coming(number, members);
                }
                Ok(())
            }
            Seen::Accepted {
                sender,
                thread,
                client_seq,
                id,
            } => {
                let Some(number) = self.number_of(&sender, thread, client_seq) else {
                    return Ok(());
                };
                self.journal.note(
                    place,
                    Some(number),
                    format_args!("the relay has it as {id}"),
                );
                self.truth.has_place(number, id)
            }
        }
    }

    fn number_of(
        &self,
        sender: &DeviceName,
        thread: ThreadId,
        client_seq: ClientSeq,
    ) -> Option<u64> {
        let at = self.device_named(sender)?;
        self.truth.number_of_send(at, thread, client_seq)
    }

    /// The devices of both people of a message's thread that are listed.
    fn members(&self, number: u64) -> BTreeSet<usize> {
        let Some(typed) = self.truth.get(number) else {
            return BTreeSet::new();
        };
        let users = [&self.devices[typed.device].user, &typed.peer];
        let all = self.devices.iter().enumerate();
        let listed =
            all.filter(|(_, device)| users.contains(&&device.user) && device.name.is_some());
        listed.map(|(at, _)| at).collect()
    }

    pub(crate) fn device_named(&self, name: &DeviceName) -> Option<usize> {
        let is_it = |device: &Device| device.name.as_ref() == Some(name);
        self.devices.iter().position(is_it)
    }

    fn say_up(&mut self, link: LinkId, what: Up) {
        let at = self.now + self.chance.between(1, 40);
        if let Some(found) = self.links.get(link)
            && !found.is_cut
        {
            let at = found.send_up(at, what);
            self.plan_at(at, Happening::Up(link));
        }
    }

    fn say_down(&mut self, link: LinkId, what: Down) {
        let at = self.now + self.chance.between(1, 40);
        if let Down::Frame(text) = &what {
            self.journal.bytes(text.as_bytes());
        }
        if let Some(found) = self.links.get(link)
            && !found.is_cut
        {
            let at = found.send_down(at, what);
            self.plan_at(at, Happening::Down(link));
        }
    }

    fn up(&mut self, id: LinkId) {
        let cuts = self.goes_wrong(self.faults.socket_cut);
        let Some(link) = self.links.get(id).filter(|link| !link.is_cut) else {
            return;
        };
        let Some((_, what)) = link.up.pop_front() else {
            return;
        };
        match what {
            Up::Open { path, bearer } => match self.relay.open_socket(id, &path, &bearer) {
                Ok(()) => {
                    self.say_down(id, Down::Opened);
                    self.plan(PING_INTERVAL_MS, Happening::Ping(id));
                }
                Err(status) => {
                    let status = Some(status).filter(|_| self.relay.is_up());
                    self.say_down(id, Down::Closed { code: None, status });
                }
            },
            Up::Frame(text) => {
                if let Some(seat) = self.relay.seat(id)
                    && let Ok(frame) = serde_json::from_str(&text)
                {
                    let now = self.now.saturating_add_signed(self.relay_ahead);
                    seat.hear(Heard::Frame(frame), now);
                }
            }
            Up::Closed => {
                if let Some(seat) = self.relay.seat(id) {
                    let now = self.now.saturating_add_signed(self.relay_ahead);
                    seat.hear(Heard::Closed, now);
                }
            }
        }
        if cuts {
            self.cut(id);
        }
    }

    fn down(&mut self, id: LinkId) -> Result<(), Broken> {
        let now = self.now;
        let cuts = self.goes_wrong(self.faults.socket_cut);
        let kept = self.chance.below(FRAMES_AT_ONCE as u64 / 4) as usize;
        let Some(link) = self.links.get(id).filter(|link| !link.is_cut) else {
            return Ok(());
        };
        let (at, life) = (link.device, link.life);
        let mut frames = Vec::new();
        let mut other = None;
        while frames.len() < FRAMES_AT_ONCE && link.down.front().is_some_and(|(due, _)| *due <= now)
        {
            match link.down.pop_front() {
                Some((_, Down::Frame(text))) => frames.push(text),
                Some((_, what)) if frames.is_empty() => {
                    link.is_open = true;
                    other = Some(what);
                    break;
                }
                Some(later) => {
                    link.down.push_front(later);
                    break;
                }
                None => break,
            }
        }
        if cuts {
            frames.truncate(kept);
            self.cut(id);
        }
        let device = &self.devices[at];
        if device.life != life || device.link != Some(id) {
            return Ok(());
        }
        match other {
            Some(Down::Opened) => self.hand_in(at, Input::Socket(SocketInput::Opened)),
            Some(Down::Closed { code, status }) => {
                self.links.forget(id);
                self.socket_closed(at, code, status)
            }
            _ if frames.is_empty() => Ok(()),
            _ => self.hand_in(at, Input::Socket(SocketInput::Frames(frames))),
        }
    }

    fn socket_closed(
        &mut self,
        at: usize,
        code: Option<u16>,
        status: Option<u16>,
    ) -> Result<(), Broken> {
        let place = self.place();
        let label = self.devices[at].label();
        self.journal.turn(
            place,
            format_args!("the socket of {label} is closed: {code:?} {status:?}"),
        );
        self.devices[at].link = None;
        let closed = SocketInput::Closed {
            code,
            status,
            retry_after_ms: None,
        };
        self.hand_in(at, Input::Socket(closed))
    }

    /// Nothing passes through this socket any more. Each end hears of it after a while, or never.
    fn cut(&mut self, id: LinkId) {
        let place = self.place();
        let Some(link) = self.links.get(id) else {
            return;
        };
        if std::mem::replace(&mut link.is_cut, true) {
            return;
        }
        (link.down, link.up) = Default::default();
        let is_open = link.is_open;
        let label = self.devices[link.device].label();
        self.journal
            .turn(place, format_args!("the socket of {label} is cut"));
        if !is_open || !self.chance.happens(3_000) {
            let after = self.chance.between(1, 20_000);
            self.plan(after, Happening::LinkLost(id));
        }
        if !self.chance.happens(5_000) {
            let after = self.chance.between(1, 20_000);
            self.plan(after, Happening::SeatLost(id));
        }
    }

    fn link_is_lost(&mut self, id: LinkId) -> Result<(), Broken> {
        let Some(link) = self.links.get(id) else {
            return Ok(());
        };
        let (at, life) = (link.device, link.life);
        self.links.forget(id);
        let device = &self.devices[at];
        if device.life == life && device.link == Some(id) {
            return self.socket_closed(at, None, None);
        }
        Ok(())
    }

    fn ping(&mut self, link: LinkId) {
        let Some(seat) = self.relay.seat(link) else {
            return;
        };
        let now = self.now.saturating_add_signed(self.relay_ahead);
        if now > seat.token_ends.get() + TOKEN_GRACE_MS {
            seat.close(CloseCode::TokenExpired);
        } else if now > seat.heard_at.get() + SILENCE_MAX_MS {
            seat.close(CloseCode::CatchUp);
        } else {
            seat.ping.set(true);
            seat.ring();
            self.plan(PING_INTERVAL_MS, Happening::Ping(link));
        }
    }

    pub(crate) fn relay_ends(&mut self) {
        let place = self.place();
        self.journal.turn(place, format_args!("the relay ends"));
        self.relay.crash();
        for link in self.links.ids() {
            self.cut(link);
        }
        for waiting in std::mem::take(&mut self.tickets).into_values() {
            if waiting.answer_is_lost {
                continue;
            }
            let after = self.chance.between(1, 5_000);
            let detail = "cut off".to_owned();
            self.plan(
                after,
                Happening::AnswerArrives {
                    device: waiting.device,
                    life: waiting.life,
                    id: waiting.id,
                    result: Err(TransportFailure { detail }),
                },
            );
        }
        let after = self.chance.between(50, 30_000);
        self.plan(after, Happening::RelayStarts);
    }

    pub(crate) fn relay_starts(&mut self) -> Result<(), Broken> {
        if self.relay.is_up() {
            return Ok(());
        }
        let place = self.place();
        self.relay.start()?;
        self.relay_life += 1;
        self.journal.turn(place, format_args!("the relay starts"));
        self.plan(SWEEP_EVERY_MS, Happening::Sweep(self.relay_life));
        Ok(())
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
