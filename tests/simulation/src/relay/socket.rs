//! A socket's session over the real service: the rules of the relay's own, without a network.

use super::Inside;
use super::seat::{Heard, Out, Seat};
use sealwire_relay::service::{Answer, MarksCursor, QueuePosition, Refusal};
use sealwire_wire::contract::{ClientFrame, CloseCode, ErrorCode, ServerEvent, ServerFrame};
use sealwire_wire::limits::PREKEYS_LOW;
use std::collections::VecDeque;
use std::rc::Rc;

/// Entries framed and not acknowledged, at most.
const WINDOW: usize = 1_000;
/// Entries read at once.
const PAGE: u32 = 20;

struct Session {
    inside: Rc<Inside>,
    seat: Rc<Seat>,
    position: QueuePosition,
    behind: bool,
    replayed: Option<u64>,
    marks_since: MarksCursor,
    last_frame: u64,
    framed: VecDeque<(u64, QueuePosition)>,
}

/// Serves a socket to its end. It begins when what was acknowledged on the one before is deleted.
pub(super) async fn serve(
    inside: Rc<Inside>,
    seat: Rc<Seat>,
    generation: u64,
    older: Option<Rc<Seat>>,
    marks_since: MarksCursor,
) {
    let mut session = Session {
        inside,
        seat: Rc::clone(&seat),
        position: QueuePosition::default(),
        behind: true,
        replayed: Some(0),
        marks_since,
        last_frame: 0,
        framed: VecDeque::new(),
    };
    if let Some(older) = older {
        while !older.ended.get() {
            super::later().await;
        }
    }
    let code = session.run().await;
    let by_device = &session.inside.by_device;
    by_device.borrow_mut().leave(&seat.device, generation);
    seat.ended.set(true);
    seat.out.borrow_mut().push_back(Out::Closed(code));
}

impl Session {
    async fn run(&mut self) -> CloseCode {
        loop {
            match self.turn().await {
                Ok(None) => self.seat.rings().await,
                Ok(Some(code)) => return code,
                Err(refusal) => return code_of(&refusal),
            }
        }
    }

    /// Everything that there is to do now; a code if the socket is to end.
    async fn turn(&mut self) -> Answer<Option<CloseCode>> {
        if self.last_frame == 0 {
            self.greet().await?;
        }
        loop {
            if let Some(code) = self.seat.closing() {
                return Ok(Some(code));
            }
            let heard = self.seat.heard.borrow_mut().pop_front();
            match heard {
                Some(Heard::Closed) => return Ok(Some(CloseCode::GoingAway)),
                Some(Heard::Frame(frame)) => {
                    if let Some(code) = self.hear(frame).await? {
                        return Ok(Some(code));
                    }
                    continue;
                }
                None => {}
            }
            if self.seat.ping.take() {
                let service = self.inside.service();
                service.authorise(&self.seat.device).await?;
                self.behind = true;
                let now = self.inside.now();
                self.say(ServerEvent::Ping { now }, None);
            }
            if self.behind && self.framed.len() < WINDOW {
                self.read_on().await?;
                continue;
            }
            if !self.behind {
                self.take_pushes();
            }
            if self.behind {
                if self.framed.len() >= WINDOW {
                    return Ok(None);
                }
                continue;
            }
            if self.replayed.is_some() {
                self.catch_up_marks().await?;
                continue;
            }
            for event in self.seat.take_live() {
                self.say(event, None);
            }
            if self.seat.prekey_taken.take() {
                self.count_prekeys().await?;
            }
            return Ok(None);
        }
    }

    async fn greet(&mut self) -> Answer<()> {
        let device = self.seat.device.clone();
        let queued = self.inside.service().queue_length(&device).await?;
        let now = Some(self.inside.now());
        self.say(ServerEvent::CatchingUp { queued, now }, None);
        Ok(())
    }

    async fn hear(&mut self, frame: ClientFrame) -> Answer<Option<CloseCode>> {
        match frame {
            ClientFrame::ClientAck { frame_seq } if frame_seq > self.last_frame => {
                Ok(Some(CloseCode::ProtocolError))
            }
            ClientFrame::ClientAck { frame_seq } => {
                let covered = self
                    .framed
                    .partition_point(|(frame, _)| *frame <= frame_seq);
                let positions: Vec<_> = self.framed.drain(..covered).map(|(_, at)| at).collect();
                let device = self.seat.device.clone();
                match self.inside.service().acknowledge(&device, &positions).await {
                    Ok(wake) => self.inside.wake(&wake),
                    Err(refusal) if refusal.code() == ErrorCode::DeviceRevoked => {
                        return Err(refusal);
                    }
                    // What stays undeleted is replayed at the next connection.
                    Err(_) => {}
                }
                Ok(None)
            }
            ClientFrame::Auth { token } => match self.inside.read_token(&token) {
                Ok((device, ends)) if device == self.seat.device => {
                    self.seat.token_ends.set(ends);
                    Ok(None)
                }
                _ => Ok(Some(CloseCode::TokenExpired)),
            },
            // Typing and presence are the real socket's own.
            ClientFrame::Pong {}
            | ClientFrame::Subscribe { .. }
            | ClientFrame::Typing { .. }
            | ClientFrame::Presence { .. } => Ok(None),
        }
    }

    async fn read_on(&mut self) -> Answer<()> {
        let room = (WINDOW - self.framed.len()) as u32;
        let device = self.seat.device.clone();
        let service = self.inside.service();
        let page = service
            .queue_page(&device, self.position, room.min(PAGE))
            .await?;
        self.behind = page.has_more;
        if let Some(replayed) = &mut self.replayed {
            *replayed += page.entries.len() as u64;
        }
        for entry in page.entries {
            self.position = entry.position;
            self.say(entry.event, Some(entry.position));
        }
        Ok(())
    }

    fn take_pushes(&mut self) {
        let (pushes, look) = self.seat.take_pushes();
        self.behind |= look;
        for push in pushes {
            if push.position <= self.position {
                continue;
            }
            if push.after > self.position || self.framed.len() >= WINDOW {
                self.behind = true;
                return;
            }
            self.position = push.position;
            let envelope = push.message.envelope_of(&self.seat.device);
            let message = Box::new(sealwire_wire::contract::MessageRow {
                envelope,
                ..push.message.row().clone()
            });
            self.say(ServerEvent::Msg { message }, Some(push.position));
        }
    }

    async fn catch_up_marks(&mut self) -> Answer<()> {
        let device = self.seat.device.clone();
        let service = self.inside.service();
        let page = service.marks_after(&device, self.marks_since).await?;
        self.marks_since = page.cursor;
        for marks in page.threads {
            let marks = Box::new(marks);
            self.say(ServerEvent::Marks { marks }, None);
        }
        if !page.has_more
            && let Some(replayed) = self.replayed.take()
        {
            let cursor = service.write_marks_cursor(&device.user_id, self.marks_since)?;
            self.say(ServerEvent::MarksEnd { cursor }, None);
            self.say(ServerEvent::CaughtUp { replayed }, None);
            self.count_prekeys().await?;
        }
        Ok(())
    }

    async fn count_prekeys(&mut self) -> Answer<()> {
        let device = self.seat.device.clone();
        let count = self.inside.service().prekey_count(&device).await?;
        let remaining = count.one_time_prekeys;
        let kem = count.last_resort_kem_prekey_id;
        let remaining_kem = kem.map(|_| count.one_time_kem_prekeys);
        if remaining.min(remaining_kem.unwrap_or(u32::MAX)) < PREKEYS_LOW {
            let event = ServerEvent::PrekeysLow {
                remaining,
                remaining_kem,
            };
            self.say(event, None);
        }
        Ok(())
    }

    fn say(&mut self, event: ServerEvent, entry: Option<QueuePosition>) {
        self.last_frame += 1;
        let frame_seq = self.last_frame;
        if let Some(position) = entry {
            self.framed.push_back((frame_seq, position));
        }
        // Frames have no content that JSON could not hold.
        let text = serde_json::to_string(&ServerFrame { frame_seq, event }).unwrap_or_default();
        self.seat.out.borrow_mut().push_back(Out::Frame(text));
    }
}

fn code_of(refusal: &Refusal) -> CloseCode {
    match refusal.code() {
        ErrorCode::DeviceRevoked => CloseCode::DeviceRevoked,
        _ => CloseCode::CatchUp,
    }
}
