//! One socket from its upgrade to its close.

use super::ended::Ended;
use super::outgoing::Outgoing;
use super::sockets::Place;
use super::unacknowledged::Unacknowledged;
use crate::api::pace::Bucket;
use crate::api::request::access;
use crate::api::state::{ApiState, as_ms};
use crate::service::{ACKNOWLEDGE_MAX, QueuePosition};
use crate::tokens::{Access, Scope};
use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use futures_util::StreamExt as _;
use futures_util::stream::SplitStream;
use sealwire_wire::Timestamp;
use sealwire_wire::contract::{
    ClientFrame, CloseCode, DeviceName, ErrorCode, ServerEvent, ServerFrame,
};
use sealwire_wire::limits::PREKEYS_LOW;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};

/// Queue entries read at once: each may hold 64 KiB.
const PAGE: usize = 20;
/// A closing socket gets this long to take its last frames.
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);

/// Serves a device's socket until it ends.
pub(super) async fn serve(state: ApiState, access: Access, socket: WebSocket) {
    let token_ends = closing_time(&state, access.expires_at);
    let device = access.into_device();
    // Entered before the first look at the queue: what comes after it rings.
    let place = state.sockets().enter(&device);
    let (sink, incoming) = socket.split();
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
        replayed: Some(0),
        frames: Unacknowledged::default(),
        unfinished: Vec::new(),
        ready: VecDeque::new(),
    };
    let ended = session.run(incoming, &place, &outgoing).await;
    let (user, device) = (&session.device.user_id, session.device.device_id);
    tracing::debug!(%user, %device, code = ended.code.to_u16(), reason = ended.reason, "socket closed");
    if let Some(code) = ended.error {
        let detail = ended.reason.to_owned();
        let error = Ready::new(ServerEvent::Error { code, detail });
        if let Ok(room) = outgoing.frames.try_reserve()
            && let Ok(frame) = session.frame(error)
        {
            room.send(frame);
        }
    }
    outgoing
        .close(ended.code, ended.reason, CLOSE_PATIENCE)
        .await;
}

/// An event that waits for its frame.
struct Ready {
    event: ServerEvent,
    /// The entry of the queue that it is, if it is one.
    entry: Option<QueuePosition>,
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
    /// How many entries were replayed; none once the client was told that it has caught up.
    replayed: Option<u64>,
    frames: Unacknowledged,
    /// Acknowledged entries that storage could not delete yet.
    unfinished: Vec<QueuePosition>,
    /// What is to be framed next. A frame has no number before it is on its way.
    ready: VecDeque<Ready>,
}

impl Session {
    async fn run(
        &mut self,
        mut incoming: SplitStream<WebSocket>,
        place: &Place,
        outgoing: &Outgoing,
    ) -> Ended {
        let timings = *self.state.timings();
        let mut close = place.close.clone();
        let mut ping = tokio::time::interval_at(
            Instant::now() + timings.ping_interval,
            timings.ping_interval,
        );
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        if let Err(ended) = self.greet().await {
            return ended;
        }
        loop {
            if self.behind
                && self.ready.is_empty()
                && self.frames.room() > 0
                && let Err(ended) = self.read_on().await
            {
                return ended;
            }
            tokio::select! {
                biased;
                code = told_to_close(&mut close) => return Ended::told(code),
                message = incoming.next() => {
                    self.last_heard = Instant::now();
                    if let Err(ended) = self.hear(message).await {
                        return ended;
                    }
                }
                room = outgoing.frames.reserve(), if !self.ready.is_empty() => {
                    let Ok(room) = room else { return Ended::stalled() };
                    if let Some(ready) = self.ready.pop_front() {
                        match self.frame(ready) {
                            Ok(frame) => room.send(frame),
                            Err(ended) => return ended,
                        }
                    }
                }
                () = outgoing.frames.closed() => return Ended::stalled(),
                () = place.wake.notified(), if !self.behind => self.behind = true,
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
                () = tokio::time::sleep_until(self.last_heard + timings.silence_max) => {
                    return Ended::new(CloseCode::CatchUp, "nothing came for too long");
                }
                () = tokio::time::sleep_until(self.token_ends) => {
                    return Ended::told(CloseCode::TokenExpired);
                }
            }
        }
    }

    /// The first frame: how much there is to replay.
    async fn greet(&mut self) -> Result<(), Ended> {
        let queued = self
            .state
            .service()
            .queue_length(&self.device)
            .await
            .map_err(Ended::refused)?;
        self.say(ServerEvent::CatchingUp { queued });
        Ok(())
    }

    /// Frames the next entries of the queue; at its end tells the client that it has caught up.
    async fn read_on(&mut self) -> Result<(), Ended> {
        let limit = self.frames.room().min(PAGE) as u32;
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
        for entry in page.entries {
            self.position = entry.position;
            self.ready.push_back(Ready {
                event: entry.event,
                entry: Some(entry.position),
            });
        }
        if !self.behind
            && let Some(replayed) = self.replayed.take()
        {
            let metrics = self.state.metrics();
            metrics.replays.add(1);
            metrics.replayed.add(replayed);
            self.say(ServerEvent::CaughtUp { replayed });
            self.count_prekeys().await?;
        }
        Ok(())
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

    async fn hear(&mut self, message: Option<Result<Message, axum::Error>>) -> Result<(), Ended> {
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
            ClientFrame::ClientAck { frame_seq } => self.acknowledge(frame_seq).await,
            ClientFrame::Pong {} => Ok(()),
            ClientFrame::Subscribe { .. } => Ok(()),
            ClientFrame::Typing { .. } | ClientFrame::Presence { .. } => Ok(()),
            ClientFrame::Auth { token } => self.renew(&token),
        }
    }

    async fn acknowledge(&mut self, frame_seq: u64) -> Result<(), Ended> {
        let entries = self
            .frames
            .acknowledge(frame_seq)
            .map_err(|_| Ended::protocol("client_ack of a frame that was never sent"))?;
        self.unfinished.extend(entries);
        while !self.unfinished.is_empty() {
            let some = self.unfinished.len().min(ACKNOWLEDGE_MAX);
            let deleted = self
                .state
                .service()
                .acknowledge(&self.device, &self.unfinished[..some])
                .await;
            match deleted {
                Ok(()) => drop(self.unfinished.drain(..some)),
                Err(refusal) if refusal.code() == ErrorCode::DeviceRevoked => {
                    return Err(Ended::refused(refusal));
                }
                // What stays undeleted is replayed at the next connection, where the client drops it as a repeat.
                Err(refusal) if self.unfinished.len() > ACKNOWLEDGE_MAX => {
                    return Err(Ended::refused(refusal));
                }
                Err(_) => break,
            }
        }
        Ok(())
    }

    fn renew(&mut self, token: &str) -> Result<(), Ended> {
        let access = access(token, &self.state, Scope::Read).map_err(|refusal| Ended {
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
    fn frame(&mut self, Ready { event, entry }: Ready) -> Result<Utf8Bytes, Ended> {
        let frame_seq = match entry {
            Some(position) => self.frames.next_frame_of(position),
            None => self.frames.next_frame(),
        };
        serde_json::to_string(&ServerFrame { frame_seq, event })
            .map(Utf8Bytes::from)
            .map_err(|error| {
                tracing::error!(%error, "a frame has no JSON form");
                Ended::new(CloseCode::CatchUp, "a frame could not be written")
            })
    }
}

impl Ready {
    fn new(event: ServerEvent) -> Self {
        Self { event, entry: None }
    }
}

async fn told_to_close(close: &mut watch::Receiver<Option<CloseCode>>) -> CloseCode {
    let told = close.wait_for(Option::is_some).await;
    told.ok()
        .and_then(|code| *code)
        .unwrap_or(CloseCode::GoingAway)
}

/// When a socket with a token that ends then is closed.
fn closing_time(state: &ApiState, expires_at: Timestamp) -> Instant {
    let left_ms = expires_at.since_ms(state.now());
    let grace_ms = as_ms(state.timings().token_grace);
    Instant::now() + Duration::from_millis(left_ms.saturating_add(grace_ms))
}
