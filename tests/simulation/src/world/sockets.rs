//! Sockets: frames in order, until one end hears that it is over.

use super::{Happening, World};
use crate::Broken;
use crate::faults::Fault;
use crate::links::{Down, Up};
use crate::relay::{Heard, LinkId};
use sealwire_engine::{Input, SocketInput};
use sealwire_wire::contract::CloseCode;
use sealwire_wire::limits::{PING_INTERVAL_MS, SILENCE_MAX_MS};

/// The relay honours a socket's token for so long after its end.
const TOKEN_GRACE_MS: u64 = 60_000;
/// Frames that an engine is handed at once.
const FRAMES_AT_ONCE: usize = 64;

impl World {
    pub(super) fn say_up(&mut self, link: LinkId, what: Up) {
        let at = self.now + self.chance.between(1, 40);
        if let Some(found) = self.links.get(link)
            && !found.is_cut
        {
            let at = found.send_up(at, what);
            self.plan_at(at, Happening::Up(link));
        }
    }

    pub(super) fn say_down(&mut self, link: LinkId, what: Down) {
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

    pub(super) fn up(&mut self, id: LinkId) {
        let cuts = self.goes_wrong(Fault::SocketCut);
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

    pub(super) fn down(&mut self, id: LinkId) -> Result<(), Broken> {
        let now = self.now;
        let cuts = self.goes_wrong(Fault::SocketCut);
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
    pub(super) fn cut(&mut self, id: LinkId) {
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

    /// Nobody believes any longer in a socket that passes nothing: with the network back, either end is told by the other's machine.
    pub(crate) fn cuts_are_heard_of(&mut self) {
        for id in self.links.ids() {
            if self.links.get(id).is_some_and(|link| link.is_cut) {
                self.plan(500, Happening::LinkLost(id));
                self.plan(500, Happening::SeatLost(id));
            }
        }
    }

    pub(super) fn link_is_lost(&mut self, id: LinkId) -> Result<(), Broken> {
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

    pub(super) fn ping(&mut self, link: LinkId) {
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
}
