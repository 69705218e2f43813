//! One socket from its upgrade to its close.

mod acknowledgements;
mod replay;

use acknowledgements::{Deleting, finished};
use replay::{PAGE, Reading, read};

use super::aside::{Aside, Word};
use super::bells::Bell;
use super::connection::{Connection, Turn};
use super::ended::Ended;
use super::passing::{self, Typed};
use super::pushes::{self, message_frame, whole_frame};
use super::sockets::Place;
use super::unacknowledged::Unacknowledged;
use crate::api::pace::Bucket;
use crate::api::request::socket_access;
use crate::api::state::{ApiState, as_ms};
use crate::door::Inside;
use crate::service::{MarksCursor, PushedMessage, QueuePosition};
use crate::tokens::Access;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use sealwire_wire::Timestamp;
use sealwire_wire::contract::{ClientFrame, CloseCode, DeviceName, ServerEvent, ServerFrame};
use sealwire_wire::limits::SUBSCRIPTIONS_MAX;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;

/// Serves a device's socket until it ends, and keeps its connection's place for so long. What an async block takes in stands there
/// once; arguments of an async function, and futures that are handed on to be awaited, stand there twice, and these are large.
pub(super) fn serve(
    state: ApiState,
    access: Access,
    marks_since: MarksCursor,
    socket: WebSocket,
    inside: Option<Arc<Inside>>,
) -> impl Future<Output = ()> + Send {
    let mut connection = Connection::new(socket, state.timings().send_stall_max);
    let token_ends = closing_time(&state, access.expires_at);
    let device = access.into_device();
    // Entered before the first look at the queue: what comes after it rings.
    let place = state.sockets().enter(&device);
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
        reading: None,
        replayed: Some(0),
        marks_since,
        frames: Unacknowledged::default(),
        unfinished: Vec::new(),
        deleting: None,
        ready: VecDeque::new(),
        typed: Typed::default(),
    };
    async move {
        let ended = session.run(&place, &mut connection).await;
        passing::left(&session.state, &place);
        session.delete_the_rest().await;
        place.settle();
        let (user, device) = (&session.device.user_id, session.device.device_id);
        tracing::debug!(%user, %device, code = ended.code.to_u16(), reason = ended.reason, "socket closed");
        let last_words = ended.error.and_then(|code| {
            let detail = ended.reason.to_owned();
            let error = Ready::new(ServerEvent::Error { code, detail });
            session.frame(error).ok()
        });
        let patience = session.state.timings().close_patience;
        connection
            .close(last_words, ended.code, ended.reason, patience)
            .await;
        drop(inside);
    }
}

/// An event that waits for its frame.
struct Ready {
    what: What,
    /// The entry of the queue that it is, if it is one.
    entry: Option<QueuePosition>,
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
    reading: Option<Reading>,
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
    /// Until it ends, be it by a panic: that is our bug, and what goes with the end is done all the same.
    async fn run(&mut self, place: &Place, connection: &mut Connection) -> Ended {
        let ended = {
            let mut aside = Aside::new();
            let mut serving = pin!(async {
                place.older_settled().await;
                let Err(ended) = self.serve(place, connection, &mut aside).await;
                // What the client said before it went is passed on.
                while !aside.is_empty() {
                    aside.pass_next(&self.state, place).await;
                }
                ended
            });
            or_panic(|context| serving.as_mut().poll(context)).await
        };
        ended.unwrap_or_else(|| {
            // It may be what panicked, and has no end then. The client gets again what is not deleted, and drops it.
            self.deleting = None;
            self.reading = None;
            self.state.metrics().panicked();
            Ended::panicked()
        })
    }

    async fn serve<'a>(
        &mut self,
        place: &'a Place,
        connection: &mut Connection,
        aside: &mut Aside<'a>,
    ) -> Result<Infallible, Ended> {
        let ping_interval = self.state.timings().ping_interval;
        let mut ping_at = Instant::now() + ping_interval;
        self.greet().await?;
        let mut timer = pin!(tokio::time::sleep_until(self.deadline().min(ping_at)));
        loop {
            if let Some(code) = place.closing() {
                return Err(Ended::told(code));
            }
            self.write(connection)?;
            let written = self.ready.is_empty();
            self.answer_bells(place).await?;
            self.read_on();
            if !self.behind && self.replayed.is_some() && self.ready.is_empty() {
                self.catch_up_marks().await?;
            }
            let more = !self.ready.is_empty();
            if written && more {
                continue;
            }
            tokio::select! {
                biased;
                () = timer.as_mut() => {
                    let now = Instant::now();
                    self.check_deadline(now)?;
                    if now >= ping_at {
                        self.ping().await?;
                        ping_at = now + ping_interval;
                    }
                    timer.as_mut().reset(self.deadline().min(ping_at));
                }
                page = read(&mut self.reading), if self.reading.is_some() => {
                    self.reading = None;
                    self.take_page(page.map_err(Ended::refused)?);
                }
                deleted = finished(&mut self.deleting), if self.deleting.is_some() => {
                    self.deleted(deleted)?;
                }
                () = aside.pass_next(&self.state, place), if !aside.is_empty() => {}
                turn = connection.turn(more) => match turn {
                    Turn::Written => {}
                    Turn::Stalled => return Err(Ended::stalled()),
                    Turn::Heard(message) => {
                        self.last_heard = Instant::now();
                        self.hear(message, aside)?;
                        // A timer that goes off too early costs less than one that is set anew at every frame.
                        if self.token_ends < timer.deadline() {
                            timer.as_mut().reset(self.token_ends);
                        }
                    }
                },
                () = place.rings() => {}
            }
        }
    }

    /// When the socket ends if nothing comes, neither a frame nor a token.
    fn deadline(&self) -> Instant {
        let silence_max = self.state.timings().silence_max;
        self.token_ends.min(self.last_heard + silence_max)
    }

    fn check_deadline(&self, now: Instant) -> Result<(), Ended> {
        if now >= self.token_ends {
            return Err(Ended::told(CloseCode::TokenExpired));
        }
        if now >= self.deadline() {
            return Err(Ended::new(CloseCode::CatchUp, "nothing came for too long"));
        }
        Ok(())
    }

    /// Looks at what rang, as far as there is room for what it brings.
    async fn answer_bells(&mut self, place: &Place) -> Result<(), Ended> {
        if !self.behind && self.ready.len() < PAGE && place.answer(Bell::Queue) {
            self.take_pushes(place.pushes.take());
        }
        // After every message that is there, and after the marks of the catch-up: none that moves meanwhile is lost.
        if !self.behind
            && self.replayed.is_none()
            && self.ready.is_empty()
            && place.answer(Bell::Live)
        {
            let Ok((events, more)) = place.live.take() else {
                let reason = "more marks moved than the socket took";
                return Err(Ended::new(CloseCode::CatchUp, reason));
            };
            events.into_iter().for_each(|event| self.say(event));
            if more {
                place.ring(Bell::Live);
            }
        }
        if self.ready.is_empty() && place.answer(Bell::PrekeyTaken) {
            self.count_prekeys().await?;
        }
        Ok(())
    }

    /// Frames what is ready, as far as the connection has room for it.
    fn write(&mut self, connection: &mut Connection) -> Result<(), Ended> {
        if self.ready.is_empty() {
            return Ok(());
        }
        while connection.has_room()
            && let Some(ready) = self.ready.pop_front()
        {
            connection.put(self.frame(ready)?);
        }
        if self.ready.is_empty() {
            // An idle socket holds no memory for what it may say.
            self.ready = VecDeque::new();
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

    fn hear(
        &mut self,
        message: Option<Result<Message, axum::Error>>,
        aside: &mut Aside<'_>,
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
                aside.put(Word::Subscribe(thread_ids));
                Ok(())
            }
            ClientFrame::Typing { thread_id, typing } => {
                if self.typed.passes(thread_id, typing, Instant::now()) {
                    aside.put(Word::Typing { thread_id, typing });
                }
                Ok(())
            }
            ClientFrame::Presence { online } => {
                aside.put(Word::Presence { online });
                Ok(())
            }
            ClientFrame::Auth { token } => self.renew(&token),
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

/// What comes of a future; nothing if it panics, and then it may not be polled again.
async fn or_panic<T>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Option<T> {
    std::future::poll_fn(|context| {
        // What it left half done is its own, and the caller's to look at.
        match catch_unwind(AssertUnwindSafe(|| poll(context))) {
            Ok(polled) => polled.map(Some),
            Err(_) => Poll::Ready(None),
        }
    })
    .await
}

/// When a socket with a token that ends then is closed.
fn closing_time(state: &ApiState, expires_at: Timestamp) -> Instant {
    let left_ms = expires_at.since_ms(state.now());
    let grace_ms = as_ms(state.timings().token_grace);
    Instant::now() + Duration::from_millis(left_ms.saturating_add(grace_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_end_like_any_other_and_what_goes_on_is_waited_for() {
        let mut goes_on = Box::pin(async {
            tokio::task::yield_now().await;
            7
        });
        let ended = or_panic(|context| goes_on.as_mut().poll(context)).await;
        assert_eq!(ended, Some(7));
        let mut panics = Box::pin(async {
            tokio::task::yield_now().await;
            panic!("a bug")
        });
        let ended: Option<()> = or_panic(|context| panics.as_mut().poll(context)).await;
        assert_eq!(ended, None);
    }
}
