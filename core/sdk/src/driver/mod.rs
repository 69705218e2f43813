//! Drives the engine: hands it everything that happens, carries out everything it asks for.
//!
//! One driver owns one engine and runs until the client closes. It never waits for the network itself: requests, the
//! socket, the key store and the app's answers each have a task, which puts what comes of it into the inbox.

mod address;
mod anchor;
mod connection;
mod inbox;
mod questions;
mod state;

pub(crate) use address::RelayAddress;
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
use connection::{OpenSocket, SocketEvent};
use futures_util::{FutureExt as _, pin_mut, select};
use questions::Questions;
use sealwire_engine::{
    Call, CallId, Engine, EngineConfig, EngineError, Event, HttpRequest, Input, Output, Reply,
    SocketInput,
};
use sealwire_store::Store;
use std::collections::HashMap;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

/// So many frames at most are handed in at once: one commit serves them all.
const FRAMES_AT_ONCE: usize = 64;
/// A machine that slept, or a clock that was set, is noticed after this at the latest.
const SLEEP_MAX: Duration = Duration::from_secs(60);
/// The engine's clock has milliseconds: what is due now is due in the next one.
const SLEEP_MIN: Duration = Duration::from_millis(1);

/// Everything that a driver begins with.
pub(crate) struct Driver {
    pub(crate) engine: Engine,
    pub(crate) config: EngineConfig,
    pub(crate) relay: RelayAddress,
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

/// Why turns end.
enum Ended {
    Closed,
    /// No other process speaks for the device any more.
    MaySpeak(NetworkLock),
}

/// An engine over this store, with the system's clock and randomness.
pub(crate) fn engine_over(store: Store, config: EngineConfig) -> Result<Engine, EngineError> {
    let random = Box::new(rand_core::UnwrapErr(getrandom::SysRng));
    Engine::new(store, config, random, now())
}

impl Driver {
    /// Runs until [`Work::Close`], then closes the socket, ends every task and closes the store.
    pub(crate) async fn run(self, stopper: Stopper) -> Result<(), Error> {
        let anchor = AnchorKeeper::new(Arc::clone(&self.key_store), self.inbox.clone());
        let mut driving = Driving {
            anchor,
            calls: HashMap::new(),
            last_call: 0,
            questions: Questions::new(self.inbox.clone()),
            socket: None,
            driver: self,
        };
        while let Ended::MaySpeak(lock) = driving.until_ended().await {
            driving = driving.take_network_role(lock)?;
        }
        driving.shut_down(stopper).await
    }
}

impl Driving {
    async fn until_ended(&mut self) -> Ended {
        self.carry_out();
        loop {
            match self.next_turn().await {
                Turn::Work(Work::Close) => return Ended::Closed,
                Turn::Work(Work::MaySpeak(lock)) => return Ended::MaySpeak(lock),
                Turn::Work(Work::Call { call, asker, done }) => self.call(call, asker, done),
                Turn::Work(Work::Hand(input)) => self.hand_in(input),
                Turn::Work(Work::Query(query)) => query(self.driver.engine.store()),
                Turn::Socket(event) => self.take_socket(event),
                Turn::Wake => self.hand_in(Input::Tick),
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
        if self.driver.network_lock.is_none() {
            let instead = match &call {
                // As soon as it may.
                Call::Connect => Some(Ok(Reply::Nothing)),
                call if speaks(call) => Some(Err(Error::NetworkRoleTaken)),
                _ => None,
            };
            if let Some(answer) = instead {
                let _ = done.try_send(answer);
                return;
            }
        }
        self.last_call += 1;
        let id = CallId(self.last_call);
        if let Some(asker) = asker {
            self.questions.ask_through(id, asker, &self.driver.tasks);
        }
        self.calls.insert(id, done);
        self.hand_in(Input::Call { id, call });
    }

    /// The process that spoke before may have changed anything: a new engine reads the store anew.
    fn take_network_role(mut self, lock: NetworkLock) -> Result<Self, Error> {
        let config = EngineConfig {
            start_offline: !self.driver.wants_online,
            ..self.driver.config.clone()
        };
        self.driver.engine = engine_over(self.driver.engine.into_store(), config)?;
        self.driver.network_lock = Some(lock);
        self.driver
            .status
            .change(|state| state.role = NetworkRole::Held);
        Ok(self)
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
                    let url = self.driver.relay.socket_url(&path);
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
            url: self.driver.relay.url(&request.path),
            body: request.body,
            bearer: request.bearer,
            idempotency_key: request.idempotency_key,
        };
        self.driver.tasks.spawn(async move {
            let result = transport.request(outgoing).await;
            inbox.put(Work::Hand(Input::Response {
                id: request.id,
                result,
            }));
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

    async fn shut_down(mut self, stopper: Stopper) -> Result<(), Error> {
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
        Ok(closed?)
    }
}

/// Whether a call itself goes to the relay, whatever else the client does.
fn speaks(call: &Call) -> bool {
    match call {
        Call::Register { .. }
        | Call::StartLinking
        | Call::FinishLinking
        | Call::LinkDevice { .. }
        | Call::CreateAttachment { .. }
        | Call::LocateAttachment { .. }
        | Call::SyncThread { .. }
        | Call::FetchQueue
        | Call::SetThreadPreferences { .. }
        | Call::SetSettings(_)
        | Call::SetBlock { .. }
        | Call::BlockedUsers => true,
        Call::CancelLinking
        | Call::DirectThread { .. }
        | Call::SendText { .. }
        | Call::SendAttachment { .. }
        | Call::MarkRead { .. }
        | Call::Retry { .. }
        | Call::Cancel { .. }
        | Call::NetworkReturned
        | Call::WatchThreads { .. }
        | Call::SetTyping { .. }
        | Call::SetPresence { .. }
        | Call::AcceptAccountKey { .. }
        | Call::Connect
        | Call::Disconnect => false,
    }
}
