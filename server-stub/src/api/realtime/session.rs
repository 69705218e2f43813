//! One socket from its upgrade to its close.

use super::ended::Ended;
use super::live::Overflow;
use super::outgoing::Outgoing;
use super::passing::{self, Typed};
use super::pushes::{self, Waiting, message_frame, whole_frame};
use super::sockets::Place;
use super::unacknowledged::Unacknowledged;
use crate::api::pace::Bucket;
use crate::api::request::socket_access;
use crate::api::state::{ApiState, as_ms};
use crate::config::Timings;
use crate::service::{ACKNOWLEDGE_MAX, Answer, MarksCursor, PushedMessage, QueuePosition};
use crate::tokens::Access;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use futures_util::StreamExt as _;
use futures_util::stream::{SplitSink, SplitStream};
use sealwire_wire::Timestamp;
use sealwire_wire::contract::{
    ClientFrame, CloseCode, DeviceName, ErrorCode, ServerEvent, ServerFrame,
};
use sealwire_wire::limits::{PREKEYS_LOW, SUBSCRIPTIONS_MAX};
use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior};

/// Queue entries read at once: each may hold 64 KiB. Twice as many after a page of small ones, up to the largest.
const PAGE: usize = 20;
const PAGE_MAX: usize = 100;
/// Ciphertext of a page of small ones, at most.
const SMALL_PAGE: usize = 128 * 1024;
/// A closing socket gets this long to take its last frames.
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);

/// Serves a device's socket until it ends. Split before anything waits: a future keeps room for each argument for as long as it
/// lives, and a whole socket is large.
pub(super) fn serve(
    state: ApiState,
    access: Access,
    marks_since: MarksCursor,
    socket: WebSocket,
) -> impl Future<Output = ()> + Send {
    let (sink, incoming) = socket.split();
    serve_halves(state, access, marks_since, sink, incoming)
}

async fn serve_halves(
    state: ApiState,
    access: Access,
    marks_since: MarksCursor,
    sink: SplitSink<WebSocket, Message>,
    incoming: SplitStream<WebSocket>,
) {
    let token_ends = closing_time(&state, access.expires_at);
    let device = access.into_device();
    // Entered before the first look at the queue: what comes after it rings.
    let place = state.sockets().enter(&device);
    let outgoing = Outgoing::start(sink, state.timings().send_stall_max);
    tracing::debug!(user = %device.user_id, device = %device.device_id, "socket opened");
    let mut session = Session {
        pace: Bucket::new(state.limits().frames),
        state,
        device,
        token_ends,
        last_heard: Instant::now(),
        position: QueuePosition::default(),
        behind: true,
        page: PAGE,
        replayed: Some(0),
        marks_since,
        frames: Unacknowledged::default(),
        unfinished: Vec::new(),
        deleting: None,
        ready: VecDeque::new(),
        typed: Typed::default(),
    };
    let ended = session.run(incoming, &place, &outgoing).await;
    passing::left(&session.state, &place);
    session.delete_the_rest().await;
    let (user, device) = (&session.device.user_id, session.device.device_id);
    tracing::debug!(%user, %device, code = ended.code.to_u16(), reason = ended.reason, "socket closed");
    if let Some(code) = ended.error {
        let detail = ended.reason.to_owned();
        let error = Ready::new(ServerEvent::Error { code, detail });
        if let Ok(room) = outgoing.frames.try_reserve()
            && let Ok(frame) = session.frame(error)
        {
            room.send(Box::new(frame));
        }
    }
    outgoing
        .close(ended.code, ended.reason, CLOSE_PATIENCE)
        .await;
}

/// An event that waits for its frame.
struct Ready {
    what: What,
    /// The entry of the queue that it is, if it is one.
    entry: Option<QueuePosition>,
}

/// The first of the unfinished entries, under way.
struct Deleting {
    some: usize,
    task: JoinHandle<Answer<()>>,
}

enum What {
    Event(ServerEvent),
    /// A message that did not come from storage.
    Pushed(Arc<PushedMessage>),
}

struct Session {
    state: ApiState,
    device: DeviceName,
    /// When the socket is closed for want of a newer token.
    token_ends: Instant,
    last_heard: Instant,
    /// How many frames the client may send.
    pace: Bucket,
    /// The last entry of the queue that was framed here.
    position: QueuePosition,
    /// Whether the queue may hold more after it.
    behind: bool,
    /// How many entries are read next.
    page: usize,
    /// How many entries were replayed; none once the client was told that it has caught up.
    replayed: Option<u64>,
    /// Marks that changed after it are told before `caught_up`.
    marks_since: MarksCursor,
    frames: Unacknowledged,
    /// Acknowledged entries that storage has not deleted yet.
    unfinished: Vec<QueuePosition>,
    deleting: Option<Deleting>,
    /// What is to be framed next. A frame has no number before it is on its way.
    ready: VecDeque<Ready>,
    typed: Typed,
}

impl Session {
    async fn run(
        &mut self,
        mut incoming: SplitStream<WebSocket>,
        place: &Place,
        outgoing: &Outgoing,
    ) -> Ended {
        let Timings {
            ping_interval,
            silence_max,
            ..
        } = *self.state.timings();
        let mut ping = tokio::time::interval_at(Instant::now() + ping_interval, ping_interval);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        if let Err(ended) = self.greet().await {
            return ended;
        }
        let mut deadline = pin!(tokio::time::sleep_until(self.deadline(silence_max)));
        loop {
            while self.ready.is_empty() {
                let read = if self.behind && self.frames.room() > 0 {
                    self.read_on().await
                } else if !self.behind && self.replayed.is_some() {
                    self.catch_up_marks().await
                } else {
                    break;
                };
                if let Err(ended) = read {
                    return ended;
                }
            }
            tokio::select! {
                biased;
                code = place.told_to_close() => return Ended::told(code),
                message = incoming.next() => {
                    self.last_heard = Instant::now();
                    if let Err(ended) = self.hear(message, place).await {
                        return ended;
                    }
                    // A timer that goes off too early costs less than one that is set anew at every frame.
                    if self.token_ends < deadline.deadline() {
                        deadline.as_mut().reset(self.token_ends);
                    }
                }
                room = outgoing.frames.reserve(), if !self.ready.is_empty() => {
                    let Ok(first) = room else { return Ended::stalled() };
                    let mut next = Some(first);
                    while let Some(room) = next
                        && let Some(ready) = self.ready.pop_front()
                    {
                        match self.frame(ready) {
                            Ok(frame) => room.send(Box::new(frame)),
                            Err(ended) => return ended,
                        }
                        next = outgoing.frames.try_reserve().ok();
                    }
                    if self.ready.is_empty() {
                        // An idle socket holds no memory for what it may say.
                        self.ready = VecDeque::new();
                    }
                }
                deleted = finished(&mut self.deleting), if self.deleting.is_some() => {
                    if let Err(ended) = self.deleted(deleted) {
                        return ended;
                    }
                }
                () = outgoing.frames.closed() => return Ended::stalled(),
                () = place.wake.notified(), if !self.behind && self.ready.len() < PAGE => {
                    self.take_pushes(place.pushes.take());
                }
                // After every message that is there, and after the marks of the catch-up: none that moves meanwhile is lost.
                () = place.live.told.notified(),
                    if !self.behind && self.replayed.is_none() && self.ready.is_empty() =>
                {
                    match place.live.take() {
                        Ok(events) => events.into_iter().for_each(|event| self.say(event)),
                        Err(Overflow) => {
                            return Ended::new(CloseCode::CatchUp, "more marks moved than the socket took");
                        }
                    }
                }
                () = place.prekey_taken.notified(), if self.ready.is_empty() => {
                    if let Err(ended) = self.count_prekeys().await {
                        return ended;
                    }
                }
                _ = ping.tick() => {
                    if let Err(ended) = self.ping().await {
                        return ended;
                    }
                }
                () = deadline.as_mut() => {
                    let now = Instant::now();
                    if now >= self.token_ends {
                        return Ended::told(CloseCode::TokenExpired);
                    }
                    if now >= self.last_heard + silence_max {
                        return Ended::new(CloseCode::CatchUp, "nothing came for too long");
                    }
                    deadline.as_mut().reset(self.deadline(silence_max));
                }
            }
        }
    }

    /// When the socket ends if nothing comes, neither a frame nor a token.
    fn deadline(&self, silence_max: Duration) -> Instant {
        self.token_ends.min(self.last_heard + silence_max)
    }

    /// The first frame: how much there is to replay.
    async fn greet(&mut self) -> Result<(), Ended> {
        let queued = self
            .state
            .service()
            .queue_length(&self.device)
            .await
            .map_err(Ended::refused)?;
        let now = Some(self.state.now());
        self.say(ServerEvent::CatchingUp { queued, now });
        Ok(())
    }

    /// Frames the next entries of the queue.
    async fn read_on(&mut self) -> Result<(), Ended> {
        let limit = self.frames.room().min(self.page) as u32;
        let page = self
            .state
            .service()
            .queue_page(&self.device, self.position, limit)
            .await
            .map_err(Ended::refused)?;
        self.behind = page.has_more;
        if let Some(replayed) = &mut self.replayed {
            *replayed += page.entries.len() as u64;
        }
        let sizes = page.entries.iter().map(|entry| match &entry.event {
            ServerEvent::Msg { message } => message.ciphertext.0.len(),
            _ => 0,
        });
        self.page = if sizes.sum::<usize>() <= SMALL_PAGE {
            (self.page * 2).min(PAGE_MAX)
        } else {
            PAGE
        };
        for entry in page.entries {
            self.position = entry.position;
            self.ready.push_back(Ready {
                what: What::Event(entry.event),
                entry: Some(entry.position),
            });
        }
        Ok(())
    }

    /// At the end of the queue: the marks that moved since the client last heard of them, then that it has caught up.
    async fn catch_up_marks(&mut self) -> Result<(), Ended> {
        let page = self
            .state
            .service()
            .marks_after(&self.device, self.marks_since)
            .await
            .map_err(Ended::refused)?;
        self.marks_since = page.cursor;
        for marks in page.threads {
            let marks = Box::new(marks);
            self.say(ServerEvent::Marks { marks });
        }
        if !page.has_more
            && let Some(replayed) = self.replayed.take()
        {
            let metrics = self.state.metrics();
            metrics.replays.add(1);
            metrics.replayed.add(replayed);
            let cursor = self
                .state
                .service()
                .write_marks_cursor(&self.device.user_id, self.marks_since)
                .map_err(Ended::refused)?;
            self.say(ServerEvent::MarksEnd { cursor });
            self.say(ServerEvent::CaughtUp { replayed });
            self.count_prekeys().await?;
        }
        Ok(())
    }

    /// Frames what was pushed, as far as it is the next after what was framed; the rest is read from storage.
    fn take_pushes(&mut self, pushed: Waiting) {
        self.behind = pushed.look;
        for push in pushed.messages {
            if push.position <= self.position {
                continue;
            }
            if push.after > self.position || self.frames.room() <= self.ready.len() {
                self.behind = true;
                return;
            }
            self.position = push.position;
            self.ready.push_back(Ready {
                entry: Some(push.position),
                what: What::Pushed(push.message),
            });
        }
    }

    /// Tells the client when its one-time prekeys run low. Told again at the next key given out, so none is waited for.
    async fn count_prekeys(&mut self) -> Result<(), Ended> {
        let count = self
            .state
            .service()
            .prekey_count(&self.device)
            .await
            .map_err(Ended::refused)?;
        let remaining = count.one_time_prekeys;
        if remaining < PREKEYS_LOW {
            self.say(ServerEvent::PrekeysLow { remaining });
        }
        Ok(())
    }

    /// Pings, and looks at the queue in case a wake-up was lost.
    async fn ping(&mut self) -> Result<(), Ended> {
        self.state
            .service()
            .authorise(&self.device)
            .await
            .map_err(Ended::refused)?;
        self.behind = true;
        // Frames that wait are as good a sign of life, and they must not pile up.
        if self.ready.is_empty() {
            let now = self.state.now();
            self.say(ServerEvent::Ping { now });
        }
        Ok(())
    }

    async fn hear(
        &mut self,
        message: Option<Result<Message, axum::Error>>,
        place: &Place,
    ) -> Result<(), Ended> {
        if self.pace.take().is_err() {
            return Err(Ended::flooding());
        }
        let text = match message {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => return Ok(()),
            Some(Ok(Message::Binary(_))) => {
                return Err(Ended::protocol("frames are text, not binary"));
            }
            Some(Ok(Message::Close(_))) | None => {
                return Err(Ended::new(CloseCode::GoingAway, "closed by the client"));
            }
            Some(Err(_)) => {
                return Err(Ended::new(
                    CloseCode::ProtocolError,
                    "no WebSocket frame, or one too large",
                ));
            }
        };
        let frame = serde_json::from_str(&text)
            .map_err(|_| Ended::protocol("not a frame that this relay knows"))?;
        match frame {
            ClientFrame::ClientAck { frame_seq } => self.acknowledge(frame_seq),
            ClientFrame::Pong {} => Ok(()),
            ClientFrame::Subscribe { thread_ids } if thread_ids.len() > SUBSCRIPTIONS_MAX => Err(
                Ended::protocol("subscribe to more threads than a socket may watch"),
            ),
            ClientFrame::Subscribe { thread_ids } => {
                best_effort(passing::subscribe(&self.state, place, thread_ids).await)
            }
            ClientFrame::Typing { thread_id, typing } => {
                if !self.typed.passes(thread_id, typing, Instant::now()) {
                    return Ok(());
                }
                best_effort(passing::typing(&self.state, place, thread_id, typing).await)
            }
            ClientFrame::Presence { online } => {
                best_effort(passing::say(&self.state, place, online).await)
            }
            ClientFrame::Auth { token } => self.renew(&token),
        }
    }

    fn acknowledge(&mut self, frame_seq: u64) -> Result<(), Ended> {
        let entries = self
            .frames
            .acknowledge(frame_seq)
            .map_err(|_| Ended::protocol("client_ack of a frame that was never sent"))?;
        self.unfinished.extend(entries);
        self.delete_acknowledged();
        Ok(())
    }

    /// Begins to delete what is acknowledged, beside everything else; what is acknowledged meanwhile goes with the next.
    fn delete_acknowledged(&mut self) {
        if self.deleting.is_some() || self.unfinished.is_empty() {
            return;
        }
        let some = self.unfinished.len().min(ACKNOWLEDGE_MAX);
        let positions = self.unfinished[..some].to_vec();
        let (state, device) = (self.state.clone(), self.device.clone());
        let task = tokio::spawn(async move {
            let wake = state.service().acknowledge(&device, &positions).await?;
            state.sockets().wake(&wake);
            Ok(())
        });
        self.deleting = Some(Deleting { some, task });
    }

    /// Takes note of what became of it.
    fn deleted(&mut self, deleted: Option<Answer<()>>) -> Result<(), Ended> {
        let some = self.deleting.take().map_or(0, |deleting| deleting.some);
        match deleted {
            Some(Ok(())) => {
                self.unfinished.drain(..some);
                self.delete_acknowledged();
                Ok(())
            }
            Some(Err(refusal)) if refusal.code() == ErrorCode::DeviceRevoked => {
                Err(Ended::refused(refusal))
            }
            // What stays undeleted is replayed at the next connection, where the client drops it as a repeat.
            Some(Err(refusal)) if self.unfinished.len() > ACKNOWLEDGE_MAX => {
                Err(Ended::refused(refusal))
            }
            _ => Ok(()),
        }
    }

    /// What the client acknowledged before it went does not come again.
    async fn delete_the_rest(&mut self) {
        while self.deleting.is_some() {
            let deleted = finished(&mut self.deleting).await;
            if self.deleted(deleted).is_err() {
                return;
            }
        }
    }

    fn renew(&mut self, token: &str) -> Result<(), Ended> {
        let access = socket_access(token, &self.state).map_err(|refusal| Ended {
            code: CloseCode::TokenExpired,
            reason: "the new token does not count",
            error: Some(refusal.code()),
        })?;
        let ends = closing_time(&self.state, access.expires_at);
        if access.into_device() != self.device {
            return Err(Ended::protocol("the new token is another device's"));
        }
        self.token_ends = ends;
        Ok(())
    }

    fn say(&mut self, event: ServerEvent) {
        self.ready.push_back(Ready::new(event));
    }

    /// The frame of an event, numbered: from now on it can be acknowledged.
    fn frame(&mut self, Ready { what, entry }: Ready) -> Result<Utf8Bytes, Ended> {
        let frame_seq = match entry {
            Some(position) => self.frames.next_frame_of(position),
            None => self.frames.next_frame(),
        };
        let text = match what {
            What::Event(event) => serde_json::to_string(&ServerFrame { frame_seq, event }),
            What::Pushed(message) => {
                let envelope = message.envelope_of(&self.device);
                match message.common(pushes::common) {
                    Some(common) => message_frame(frame_seq, common, envelope.as_ref()),
                    None => whole_frame(frame_seq, message.row(), envelope),
                }
            }
        };
        text.map(Utf8Bytes::from).map_err(|error| {
            tracing::error!(%error, "a frame has no JSON form");
            Ended::new(CloseCode::CatchUp, "a frame could not be written")
        })
    }
}

impl Ready {
    fn new(event: ServerEvent) -> Self {
        Self {
            what: What::Event(event),
            entry: None,
        }
    }
}

/// How the deletion under way ended; none when it broke off.
async fn finished(deleting: &mut Option<Deleting>) -> Option<Answer<()>> {
    match deleting {
        Some(deleting) => (&mut deleting.task).await.ok(),
        None => std::future::pending().await,
    }
}

/// Typing and presence that could not be passed on now are no reason to end a socket.
fn best_effort(passed: Answer<()>) -> Result<(), Ended> {
    if let Err(refusal) = passed {
        tracing::debug!(%refusal, "typing or presence was not passed on");
    }
    Ok(())
}

/// When a socket with a token that ends then is closed.
fn closing_time(state: &ApiState, expires_at: Timestamp) -> Instant {
    let left_ms = expires_at.since_ms(state.now());
    let grace_ms = as_ms(state.timings().token_grace);
    Instant::now() + Duration::from_millis(left_ms.saturating_add(grace_ms))
}
