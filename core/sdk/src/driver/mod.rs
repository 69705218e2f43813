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
mod suspended;

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
use sealwire_store::{Location, Store, inside};
use sealwire_wire::ThreadId;
use std::collections::{HashMap, VecDeque};
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
    /// None while another process has it.
    pub(crate) network_lock: Option<NetworkLock>,
    pub(crate) gear: Gear,
}

/// What a driver keeps while it is suspended.
pub(crate) struct Gear {
    pub(crate) location: Location,
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
    pub(crate) wants_online: bool,
    pub(crate) wishes: Wishes,
    /// Done before anything that is in `work`.
    pub(crate) asked: VecDeque<Work>,
}

/// What the app said of itself, which a new engine is told again.
#[derive(Default)]
pub(crate) struct Wishes {
    watched: Option<Vec<ThreadId>>,
    in_use: Option<bool>,
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
    /// Everything is to be let go of, and this is to be told.
    Suspended(Sender<Result<(), Error>>),
}

/// An engine over this store, with the system's clock and randomness.
pub(crate) fn engine_over(store: Store, config: EngineConfig) -> Result<Engine, EngineError> {
    let _inside = inside();
    let random = Box::new(rand_core::UnwrapErr(getrandom::SysRng));
    Engine::new(store, config, random, now())
}

impl Driver {
    /// Runs until [`Work::Close`], then closes the socket, ends every task and closes the store.
    pub(crate) async fn run(self, mut stopper: Stopper) -> Result<(), Error> {
        let mut driving = Driving::of(self);
        loop {
            match driving.until_ended().await {
                Ended::MaySpeak(lock) => driving = driving.take_network_role(lock)?,
                Ended::Suspended(done) => {
                    let (suspended, closed) = driving.suspend(stopper).await;
                    let _ = done.try_send(closed);
                    match suspended.until_resumed().await {
                        Some((driver, next)) => {
                            driving = Driving::of(driver);
                            driving.tell_wishes();
                            stopper = next;
                        }
                        None => return Ok(()),
                    }
                }
                Ended::Closed => return driving.shut_down(stopper).await,
            }
        }
    }
}

impl Driving {
    fn of(driver: Driver) -> Self {
        let inbox = &driver.gear.inbox;
        Self {
            anchor: AnchorKeeper::new(Arc::clone(&driver.gear.key_store), inbox.clone()),
            calls: HashMap::new(),
            last_call: 0,
            questions: Questions::new(inbox.clone()),
            socket: None,
            driver,
        }
    }

    async fn until_ended(&mut self) -> Ended {
        self.carry_out();
        loop {
            match self.next_turn().await {
                Turn::Work(Work::Close) => return Ended::Closed,
                Turn::Work(Work::MaySpeak(lock)) => return Ended::MaySpeak(lock),
                Turn::Work(Work::Suspend(done)) => return Ended::Suspended(done),
                // It is as it should be.
                Turn::Work(Work::Resume(done)) => drop(done.try_send(Ok(()))),
                Turn::Work(Work::Call { call, asker, done }) => self.call(call, asker, done),
                Turn::Work(Work::Hand(input)) => self.hand_in(input),
                Turn::Work(Work::Query(query)) => {
                    let _inside = inside();
                    query(self.driver.engine.store());
                }
                Turn::Socket(event) => self.take_socket(event),
                Turn::Wake => self.hand_in(Input::Tick),
            }
        }
    }

    async fn next_turn(&mut self) -> Turn {
        if let Some(work) = self.driver.gear.asked.pop_front() {
            return Turn::Work(work);
        }
        let sleep = self.time_to_sleep();
        let work = self.driver.gear.work.recv().fuse();
        let socket = async {
            match &mut self.socket {
                Some(socket) => socket.next().await,
                None => pending().await,
            }
        }
        .fuse();
        let wake = self.driver.gear.tasks.runtime().sleep(sleep).fuse();
        pin_mut!(work, socket, wake);
        select! {
            // The driver holds a sender itself: the inbox never ends by itself.
            work = work => work.map_or(Turn::Work(Work::Close), Turn::Work),
            event = socket => Turn::Socket(event),
            () = wake => Turn::Wake,
        }
    }

    fn time_to_sleep(&self) -> Duration {
        // What is due stands in the store.
        let _inside = inside();
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
            SocketEvent::Closed {
                code,
                status,
                retry_after_ms,
            } => {
                self.socket = None;
                self.hand_in(Input::Socket(SocketInput::Closed {
                    code,
                    status,
                    retry_after_ms,
                }));
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
            Call::Connect => self.driver.gear.wants_online = true,
            Call::Disconnect => self.driver.gear.wants_online = false,
            Call::StartLinking | Call::CancelLinking => self.questions.forget(),
            Call::WatchThreads { threads } => {
                self.driver.gear.wishes.watched = Some(threads.clone());
            }
            Call::SetPresence { online } => self.driver.gear.wishes.in_use = Some(*online),
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
            self.questions
                .ask_through(id, asker, &self.driver.gear.tasks);
        }
        self.calls.insert(id, done);
        self.hand_in(Input::Call { id, call });
    }

    /// The process that spoke before may have changed anything: a new engine reads the store anew.
    fn take_network_role(mut self, lock: NetworkLock) -> Result<Self, Error> {
        let config = EngineConfig {
            start_offline: !self.driver.gear.wants_online,
            ..self.driver.gear.config.clone()
        };
        self.driver.engine = engine_over(self.driver.engine.into_store(), config)?;
        self.driver.network_lock = Some(lock);
        self.tell_wishes();
        self.driver
            .gear
            .status
            .change(|state| state.role = NetworkRole::Held);
        Ok(self)
    }

    /// A new engine knows nothing of what the app said before.
    fn tell_wishes(&mut self) {
        let wishes = &self.driver.gear.wishes;
        let watched = wishes.watched.clone();
        let calls = [
            watched.map(|threads| Call::WatchThreads { threads }),
            wishes.in_use.map(|online| Call::SetPresence { online }),
        ];
        for call in calls.into_iter().flatten() {
            self.last_call += 1;
            let id = CallId(self.last_call);
            self.hand_in(Input::Call { id, call });
        }
    }

    fn hand_in(&mut self, input: Input) {
        {
            let _inside = inside();
            self.driver.engine.handle(now(), input);
        }
        self.carry_out();
    }

    fn carry_out(&mut self) {
        // Before any answer: whoever registered sees the account.
        let account = self.driver.engine.account();
        self.driver
            .gear
            .status
            .change(|state| state.account = account);
        while let Some(output) = self.driver.engine.next_output() {
            match output {
                Output::Request(request) => self.request(request),
                Output::OpenSocket { path, bearer } => {
                    let url = self.driver.gear.relay.socket_url(&path);
                    let transport = Arc::clone(&self.driver.gear.transport);
                    self.socket = Some(OpenSocket::open(
                        transport,
                        &self.driver.gear.tasks,
                        url,
                        bearer,
                    ));
                }
                Output::SendFrame(text) => {
                    if let Some(socket) = &self.socket {
                        socket.send(text);
                    }
                }
                Output::CloseSocket => self.socket = None,
                Output::Ask { id, question } => {
                    self.questions.ask(id, question, &self.driver.gear.tasks)
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
                    self.anchor.keep(generation, &self.driver.gear.tasks)
                }
            }
        }
    }

    fn request(&self, request: HttpRequest) {
        let (transport, inbox) = (
            Arc::clone(&self.driver.gear.transport),
            self.driver.gear.inbox.clone(),
        );
        let outgoing = Request {
            method: request.method,
            url: self.driver.gear.relay.url(&request.path),
            body: request.body,
            bearer: request.bearer,
            idempotency_key: request.idempotency_key,
        };
        self.driver.gear.tasks.spawn(async move {
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
                .gear
                .status
                .change(|state| state.connection = *connection);
        }
        self.driver.gear.events.publish(event);
    }

    async fn shut_down(mut self, stopper: Stopper) -> Result<(), Error> {
        self.driver.gear.work.close();
        // Answers to nobody: every call that waits learns that the client is closed.
        self.calls.clear();
        while self.driver.gear.work.try_recv().is_ok() {}
        if let Some(socket) = self.socket.take() {
            socket.close(self.driver.gear.tasks.runtime()).await;
        }
        stopper.stop().await;
        // The writer closes last: it writes the WAL back into the file.
        self.driver.gear.queries.close();
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
        | Call::BlockedUsers
        | Call::OwnDevices
        | Call::DisableDevice { .. }
        | Call::RemoveDevice { .. } => true,
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
