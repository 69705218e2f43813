//! Drives the engine: hands it everything that happens, carries out everything it asks for.
//!
//! One driver owns one engine and runs until the client closes. It never waits for the network itself: requests, the
//! socket, the key store and the app's answers each have a task, which puts what comes of it into the inbox.

mod anchor;
mod inbox;
mod questions;
mod socket;
mod state;

pub(crate) use inbox::{CallDone, Inbox, Work};
pub(crate) use questions::Asker;
pub(crate) use state::{State, Status};

use crate::events::Publisher;
use crate::key_store::KeyStore;
use crate::network_role::NetworkLock;
use crate::queries::Queries;
use crate::runtime::{Stopper, Tasks, now};
use crate::transport::{Request, Transport};
use crate::{Error, NetworkRole};
use anchor::AnchorKeeper;
use async_channel::{Receiver, Sender};
use futures_util::{FutureExt as _, pin_mut, select};
use questions::Questions;
use sealwire_engine::{Call, CallId, Engine, Event, HttpRequest, Input, Output, SocketInput};
use sealwire_store::StoreError;
use socket::{OpenSocket, SocketEvent};
use std::collections::HashMap;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// So many frames at most are handed in at once: one commit serves them all.
const FRAMES_AT_ONCE: usize = 64;
/// A machine that slept, or a clock that was set, is noticed after this at the latest.
const SLEEP_MAX: Duration = Duration::from_secs(60);
/// The engine's clock has milliseconds: what is due now is due in the next one.
const SLEEP_MIN: Duration = Duration::from_millis(1);

/// Everything that a driver begins with.
pub(crate) struct Driver {
    pub(crate) engine: Engine,
    pub(crate) relay: Url,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) tasks: Tasks,
    pub(crate) events: Publisher,
    pub(crate) queries: Queries,
    pub(crate) status: Status,
    pub(crate) key_store: Arc<dyn KeyStore>,
    pub(crate) inbox: Inbox,
    pub(crate) work: Receiver<Work>,
    /// None while another process has it.
    pub(crate) network_lock: Option<NetworkLock>,
    pub(crate) wants_online: bool,
}

struct Driving {
    driver: Driver,
    anchor: AnchorKeeper,
    calls: HashMap<CallId, Sender<CallDone>>,
    last_call: u64,
    questions: Questions,
    socket: Option<OpenSocket>,
}

enum Turn {
    Work(Work),
    Socket(SocketEvent),
    Wake,
}

impl Driver {
    /// Runs until [`Work::Close`], then closes the socket, ends every task and closes the store.
    pub(crate) async fn run(self, stopper: Stopper) -> Result<(), StoreError> {
        let anchor = AnchorKeeper::new(Arc::clone(&self.key_store), self.inbox.clone());
        let mut driving = Driving {
            anchor,
            calls: HashMap::new(),
            last_call: 0,
            questions: Questions::new(self.inbox.clone()),
            socket: None,
            driver: self,
        };
        driving.until_closed().await;
        driving.shut_down(stopper).await
    }
}

impl Driving {
    async fn until_closed(&mut self) {
        self.carry_out();
        loop {
            let open = match self.next_turn().await {
                Turn::Work(work) => self.take_work(work),
                Turn::Socket(event) => {
                    self.take_socket(event);
                    true
                }
                Turn::Wake => {
                    self.hand_in(Input::Tick);
                    true
                }
            };
            if !open {
                return;
            }
        }
    }

    async fn next_turn(&mut self) -> Turn {
        let sleep = self.time_to_sleep();
        let work = self.driver.work.recv().fuse();
        let socket = async {
            match &mut self.socket {
                Some(socket) => socket.next().await,
                None => pending().await,
            }
        }
        .fuse();
        let wake = self.driver.tasks.runtime().sleep(sleep).fuse();
        pin_mut!(work, socket, wake);
        select! {
            // The driver holds a sender itself: the inbox never ends by itself.
            work = work => work.map_or(Turn::Work(Work::Close), Turn::Work),
            event = socket => Turn::Socket(event),
            () = wake => Turn::Wake,
        }
    }

    fn time_to_sleep(&self) -> Duration {
        let until = |at: sealwire_wire::Timestamp| Duration::from_millis(at.since_ms(now()));
        self.driver
            .engine
            .wake_at()
            .map_or(SLEEP_MAX, until)
            .clamp(SLEEP_MIN, SLEEP_MAX)
    }

    /// Whether the client stays open.
    fn take_work(&mut self, work: Work) -> bool {
        match work {
            Work::Close => return false,
            Work::Call { call, asker, done } => self.call(call, asker, done),
            Work::Response { id, result } => self.hand_in(Input::Response { id, result }),
            Work::Decided { id, accepted } => self.hand_in(Input::Decided { id, accepted }),
            Work::AnchorKept { generation } => self.hand_in(Input::AnchorKept { generation }),
            Work::Query(query) => query(self.driver.engine.store()),
            Work::NetworkRole(lock) => self.take_network_role(lock),
        }
        true
    }

    fn take_socket(&mut self, event: SocketEvent) {
        match event {
            SocketEvent::Opened => self.hand_in(Input::Socket(SocketInput::Opened)),
            SocketEvent::Closed { code, status } => {
                self.socket = None;
                self.hand_in(Input::Socket(SocketInput::Closed { code, status }));
            }
            SocketEvent::Frame(first) => {
                let mut frames = vec![first];
                if let Some(socket) = &mut self.socket {
                    frames.extend(
                        std::iter::from_fn(|| socket.ready_frame()).take(FRAMES_AT_ONCE - 1),
                    );
                }
                self.hand_in(Input::Socket(SocketInput::Frames(frames)));
            }
        }
    }

    fn call(&mut self, call: Call, asker: Option<Asker>, done: Sender<CallDone>) {
        match &call {
            Call::Connect => self.driver.wants_online = true,
            Call::Disconnect => self.driver.wants_online = false,
            Call::StartLinking | Call::CancelLinking => self.questions.forget(),
            _ => {}
        }
        if let (Call::Connect, None) = (&call, &self.driver.network_lock) {
            // Another process speaks for this device. This one begins when that one ends.
            let _ = done.try_send(Ok(sealwire_engine::Reply::Nothing));
            return;
        }
        self.last_call += 1;
        let id = CallId(self.last_call);
        if let Some(asker) = asker {
            self.questions.ask_through(id, asker, &self.driver.tasks);
        }
        self.calls.insert(id, done);
        self.hand_in(Input::Call { id, call });
    }

    fn take_network_role(&mut self, lock: NetworkLock) {
        self.driver.network_lock = Some(lock);
        self.driver
            .status
            .change(|state| state.role = NetworkRole::Held);
        if self.driver.wants_online {
            self.last_call += 1;
            self.hand_in(Input::Call {
                id: CallId(self.last_call),
                call: Call::Connect,
            });
        }
    }

    fn hand_in(&mut self, input: Input) {
        self.driver.engine.handle(now(), input);
        self.carry_out();
    }

    fn carry_out(&mut self) {
        // Before any answer: whoever registered sees the account.
        let account = self.driver.engine.account();
        self.driver.status.change(|state| state.account = account);
        while let Some(output) = self.driver.engine.next_output() {
            match output {
                Output::Request(request) => self.request(request),
                Output::OpenSocket { path, bearer } => {
                    let url = socket_url(&self.driver.relay, &path);
                    let transport = Arc::clone(&self.driver.transport);
                    self.socket =
                        Some(OpenSocket::open(transport, &self.driver.tasks, url, bearer));
                }
                Output::SendFrame(text) => {
                    if let Some(socket) = &self.socket {
                        socket.send(text);
                    }
                }
                Output::CloseSocket => self.socket = None,
                Output::Ask { id, question } => {
                    self.questions.ask(id, question, &self.driver.tasks)
                }
                Output::Done { id, result } => {
                    self.questions.call_is_done(id);
                    if let Some(done) = self.calls.remove(&id) {
                        // Whoever called may have stopped waiting.
                        let _ = done.try_send(result.map_err(Error::from));
                    }
                }
                Output::Event(event) => self.show(&event),
                Output::KeepAnchor { generation } => {
                    self.anchor.keep(generation, &self.driver.tasks)
                }
            }
        }
    }

    fn request(&self, request: HttpRequest) {
        let (transport, inbox) = (
            Arc::clone(&self.driver.transport),
            self.driver.inbox.clone(),
        );
        let outgoing = Request {
            method: request.method,
            url: below(&self.driver.relay, &request.path),
            body: request.body,
            bearer: request.bearer,
            idempotency_key: request.idempotency_key,
        };
        self.driver.tasks.spawn(async move {
            let result = transport.request(outgoing).await;
            inbox.put(Work::Response {
                id: request.id,
                result,
            });
        });
    }

    fn show(&self, event: &Event) {
        if let Event::Connection(connection) = event {
            self.driver
                .status
                .change(|state| state.connection = *connection);
        }
        self.driver.events.publish(event);
    }

    async fn shut_down(mut self, stopper: Stopper) -> Result<(), StoreError> {
        self.driver.work.close();
        // Answers to nobody: every call that waits learns that the client is closed.
        self.calls.clear();
        while self.driver.work.try_recv().is_ok() {}
        if let Some(socket) = self.socket.take() {
            socket.close(self.driver.tasks.runtime()).await;
        }
        stopper.stop().await;
        // The writer closes last: it writes the WAL back into the file.
        self.driver.queries.close();
        let closed = self.driver.engine.into_store().close();
        // Only now may another process speak for this device.
        drop(self.driver.network_lock);
        closed
    }
}

/// The engine's paths begin with a slash and may carry a query.
fn below(relay: &Url, path: &str) -> Url {
    relay.join(path).unwrap_or_else(|_| relay.clone())
}

fn socket_url(relay: &Url, path: &str) -> Url {
    let mut url = below(relay, path);
    // Between these schemes a change is always possible.
    let _ = url.set_scheme(if relay.scheme() == "https" {
        "wss"
    } else {
        "ws"
    });
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_goes_to_the_relay_over_its_own_kind_of_connection() {
        let path = "/v1/realtime?device_id=1";
        let url = |relay: &str| socket_url(&relay.parse().unwrap(), path).to_string();
        assert_eq!(
            url("https://relay.example"),
            "wss://relay.example/v1/realtime?device_id=1"
        );
        assert_eq!(
            url("http://127.0.0.1:8080"),
            "ws://127.0.0.1:8080/v1/realtime?device_id=1"
        );
    }
}
