//! One engine and whoever drives it: requests are answered at once, frames come when the test says so.

use crate::relay::Relay;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use sealwire_crypto::device::{DeviceList, ListChange, SignedDeviceList};
use sealwire_crypto::keys::{AccountKeyPair, IdentityKeyPair};
use sealwire_engine::{
    Call, CallId, Engine, EngineConfig, EngineError, Event, HttpRequest, Input, Message,
    MessageContent, MessageState, Output, Reply, SessionPolicy, SocketInput, TransportFailure,
};
use sealwire_store::{LocalId, Location, Store, StoreError, StoreKey, Transaction};
use sealwire_wire::contract::{
    ClientFrame, ControlMessage, DeviceName, MessageRow, ServerEvent, ServerFrame,
};
use sealwire_wire::{ThreadId, Timestamp, UserId};
use std::collections::{BTreeMap, VecDeque};

pub(crate) struct Device {
    pub(crate) engine: Engine,
    pub(crate) now: Timestamp,
    pub(crate) events: Vec<Event>,
    /// Frames that it sent over its socket.
    pub(crate) sent_frames: Vec<ClientFrame>,
    /// Requests that nobody has answered yet.
    pub(crate) requests: VecDeque<HttpRequest>,
    pub(crate) sockets_opened: u32,
    /// Where the last socket was opened.
    pub(crate) socket_path: String,
    pub(crate) sockets_closed: u32,
    /// Whether sockets do not open by themselves.
    pub(crate) sockets_stay_shut: bool,
    /// Whether it says yes when it is asked.
    pub(crate) agrees: bool,
    done: BTreeMap<CallId, Result<Reply, EngineError>>,
    last_call: u64,
    frame_seq: u64,
    /// When something was last handed in.
    looked_at: Timestamp,
}

/// The engine takes no socket for what it was after a longer time without a look at the clock.
const GAP_MAX_MS: u64 = 15 * 60 * 1000;

/// One-time prekeys of each kind that the relay has of a device in these tests: each KEM prekey takes a while.
pub(crate) const STOCK: usize = 10;

/// The settings of these tests.
pub(crate) fn config() -> EngineConfig {
    EngineConfig {
        one_time_prekeys: STOCK as u32,
        ..EngineConfig::new("https://relay.test")
    }
}

pub(crate) fn user(text: &str) -> UserId {
    text.parse().unwrap()
}

impl Device {
    pub(crate) fn new(seed: u64) -> Self {
        let key = StoreKey::new([7; 32], [9; 16]);
        let store = Store::open(&Location::Memory, &key, None).unwrap();
        Self::over(store, seed)
    }

    pub(crate) fn over(store: Store, seed: u64) -> Self {
        Self::at(store, seed, Timestamp(1_800_000_000_000))
    }

    pub(crate) fn at(store: Store, seed: u64, now: Timestamp) -> Self {
        Self::set(store, seed, now, config())
    }

    /// Registered and connected, with as many one-time prekeys as an app has.
    pub(crate) fn with_a_hundred_prekeys(relay: &mut Relay, name: &str, seed: u64) -> Self {
        let store = Store::open(&Location::Memory, &StoreKey::new([7; 32], [9; 16]), None).unwrap();
        let usual = EngineConfig::new("https://relay.test");
        let mut device = Self::set(store, seed, Timestamp(1_800_000_000_000), usual);
        device.is_registered_as(relay, name);
        device
    }

    /// An app that lets X3DH sessions begin.
    pub(crate) fn allowing_x3dh(store: Store, seed: u64) -> Self {
        let mut config = config();
        config.session_policy = SessionPolicy::allow_x3dh();
        Self::set(store, seed, Timestamp(1_800_000_000_000), config)
    }

    /// With settings of its own.
    pub(crate) fn set(store: Store, seed: u64, now: Timestamp, config: EngineConfig) -> Self {
        let rng = Box::new(ChaCha20Rng::seed_from_u64(seed));
        Self {
            engine: Engine::new(store, config, rng, now).unwrap(),
            now,
            events: Vec::new(),
            sent_frames: Vec::new(),
            requests: VecDeque::new(),
            sockets_opened: 0,
            socket_path: String::new(),
            sockets_closed: 0,
            sockets_stay_shut: false,
            agrees: true,
            done: BTreeMap::new(),
            last_call: 0,
            frame_seq: 0,
            looked_at: now,
        }
    }

    /// Registered and connected.
    pub(crate) fn registered(relay: &mut Relay, name: &str, seed: u64) -> Self {
        let mut device = Self::new(seed);
        device.is_registered_as(relay, name);
        device
    }

    fn is_registered_as(&mut self, relay: &mut Relay, name: &str) {
        let call = self.register(name);
        self.run(relay);
        self.result(call).unwrap().unwrap();
    }

    /// The process ended, and another one opened the store.
    pub(crate) fn restarted(self, seed: u64) -> Self {
        Self::over(self.engine.into_store(), seed)
    }

    /// The same, without the clock going back to where the tests begin.
    pub(crate) fn restarted_at_its_time(self, seed: u64) -> Self {
        let now = self.now;
        let mut device = Self::at(self.engine.into_store(), seed, now);
        device.carry_out();
        device
    }

    pub(crate) fn register(&mut self, name: &str) -> CallId {
        self.call(Call::Register {
            user_id: user(name),
            platform_token: None,
        })
    }

    pub(crate) fn call(&mut self, call: Call) -> CallId {
        self.last_call += 1;
        let id = CallId(self.last_call);
        self.hand_in(Input::Call { id, call });
        id
    }

    pub(crate) fn result(&mut self, call: CallId) -> Option<Result<Reply, EngineError>> {
        self.done.remove(&call)
    }

    pub(crate) fn hand_in(&mut self, input: Input) {
        self.looked_at = self.now;
        self.engine.handle(self.now, input);
        self.carry_out();
    }

    pub(crate) fn carry_out(&mut self) {
        while let Some(output) = self.engine.next_output() {
            match output {
                Output::Request(request) => self.requests.push_back(request),
                Output::OpenSocket { path, .. } => {
                    self.socket_path = path;
                    self.sockets_opened += 1;
                    self.frame_seq = 0;
                    if self.sockets_stay_shut {
                        continue;
                    }
                    self.hand_in(Input::Socket(SocketInput::Opened));
                }
                Output::SendFrame(text) => {
                    self.sent_frames.push(serde_json::from_str(&text).unwrap());
                }
                Output::CloseSocket => self.sockets_closed += 1,
                Output::Ask { id, .. } => {
                    let accepted = self.agrees;
                    self.hand_in(Input::Decided { id, accepted });
                }
                Output::Done { id, result } => drop(self.done.insert(id, result)),
                Output::Event(event) => self.events.push(event),
                Output::KeepAnchor { generation } => {
                    self.hand_in(Input::AnchorKept { generation });
                }
            }
        }
    }

    /// Answers requests until there are none, but not without end.
    pub(crate) fn run(&mut self, relay: &mut Relay) {
        self.carry_out();
        for _ in 0..500 {
            let Some(request) = self.requests.pop_front() else {
                return;
            };
            let result = Ok(relay.answer(&request));
            self.hand_in(Input::Response {
                id: request.id,
                result,
            });
        }
        panic!(
            "requests without end: {:?}",
            &relay.asked[relay.asked.len() - 20..]
        );
    }

    /// The network takes its requests, and perhaps their answers alone; what it waits for ends with nothing.
    pub(crate) fn lose(&mut self, relay: &mut Relay, reached: bool) {
        self.carry_out();
        for request in std::mem::take(&mut self.requests) {
            if reached {
                relay.answer(&request);
            }
            let detail = "by the test".to_owned();
            self.hand_in(Input::Response {
                id: request.id,
                result: Err(TransportFailure { detail }),
            });
        }
    }

    /// A text that is taken in; nothing is answered yet.
    pub(crate) fn queue(&mut self, peer: &str, text: &str) -> i64 {
        let thread = self.thread_with(peer);
        let call = self.call(Call::SendText {
            thread,
            text: text.to_owned(),
            ttl_seconds: None,
            key: None,
        });
        match self.result(call) {
            Some(Ok(Reply::Queued(message))) => message.local_id,
            _ => panic!("not queued"),
        }
    }

    /// How a message stands.
    pub(crate) fn message(&self, local_id: i64) -> Message {
        let row = self.engine.store().message(LocalId(local_id)).unwrap();
        Message::from_row(row.unwrap())
    }

    pub(crate) fn state(&self, local_id: i64) -> MessageState {
        self.message(local_id).state
    }

    /// A little time passes and one request is answered, if there is one.
    pub(crate) fn step(&mut self, relay: &mut Relay, ms: u64) {
        self.now = self.now.plus_ms(ms);
        self.hand_in(Input::Tick);
        if let Some(request) = self.requests.pop_front() {
            let result = Ok(relay.answer(&request));
            self.hand_in(Input::Response {
                id: request.id,
                result,
            });
        }
    }

    /// The next version of its own list, as it would sign it.
    pub(crate) fn next_list(&self, change: ListChange) -> SignedDeviceList {
        let store = self.engine.store();
        let account = store.account().unwrap().unwrap();
        let row = store.newest_list(&account.user_id).unwrap().unwrap();
        let signed = SignedDeviceList::from_bytes(&row.bytes).unwrap();
        let list = DeviceList::danger_restore_verified(&signed).unwrap();
        let keys = AccountKeyPair::from_secret_bytes(&account.account_secret.unwrap());
        let identity = IdentityKeyPair::from_secret_bytes(&account.identity_secret);
        let device = account.device_id.get();
        let rng = &mut ChaCha20Rng::seed_from_u64(7);
        list.sign_next(&keys, device, &identity, &change, self.now.0, rng)
            .unwrap()
    }

    /// Time passes, tick by tick as the engine asks for it.
    pub(crate) fn pass(&mut self, relay: &mut Relay, ms: u64) {
        let end = self.now.plus_ms(ms);
        for _ in 0..10_000 {
            let wake = self
                .engine
                .wake_at()
                .unwrap_or(end)
                .max(self.now.plus_ms(1));
            self.now = wake.min(end);
            self.hand_in(Input::Tick);
            self.run(relay);
            if self.now >= end {
                return;
            }
        }
        panic!("it wakes without end");
    }

    /// Time passes while nobody answers: it looks at its clock often enough to know that it does.
    pub(crate) fn age(&mut self, ms: u64) {
        let end = self.now.plus_ms(ms);
        while self.now < end {
            self.now = self.now.plus_ms(GAP_MAX_MS).min(end);
            self.hand_in(Input::Tick);
        }
    }

    /// The relay says that everything queued is here.
    pub(crate) fn catch_up(&mut self, relay: &mut Relay) {
        let caught_up = self.frame(ServerEvent::CaughtUp { replayed: 0 });
        self.take_frames(relay, vec![caught_up]);
    }

    pub(crate) fn lose_socket(&mut self, code: Option<u16>, status: Option<u16>) {
        self.hand_in(Input::Socket(SocketInput::Closed {
            code,
            status,
            retry_after_ms: None,
        }));
    }

    /// Time passes until it wants to send a message; whatever else it asks for is answered.
    pub(crate) fn pass_until_sends(&mut self, relay: &mut Relay) {
        for _ in 0..1_000 {
            let is_send = |request: &HttpRequest| request.path.ends_with("/messages");
            while let Some(at) = self.requests.iter().position(|request| !is_send(request)) {
                let request = self.requests.remove(at).unwrap();
                let result = Ok(relay.answer(&request));
                self.hand_in(Input::Response {
                    id: request.id,
                    result,
                });
            }
            if !self.requests.is_empty() {
                return;
            }
            let wake = self.engine.wake_at().unwrap();
            self.now = wake.max(self.now.plus_ms(1));
            self.hand_in(Input::Tick);
        }
        panic!("it sends nothing");
    }

    /// What is queued for it comes in as one batch of frames.
    pub(crate) fn deliver(&mut self, relay: &mut Relay) {
        let queue = relay.queues.remove(&self.name()).unwrap_or_default();
        self.take_rows(relay, queue.into());
        let controls = relay.controls.remove(&self.name()).unwrap_or_default();
        for control in controls {
            self.take_control(relay, control);
        }
    }

    pub(crate) fn take_control(&mut self, relay: &mut Relay, control: ControlMessage) {
        let frame = self.frame(ServerEvent::Control {
            control: Box::new(control),
        });
        self.take_frames(relay, vec![frame]);
    }

    /// Everything that was queued is here.
    pub(crate) fn caught_up(&mut self, relay: &mut Relay) {
        let frame = self.frame(ServerEvent::CaughtUp { replayed: 0 });
        self.take_frames(relay, vec![frame]);
    }

    /// The process ended, this happened to the store, and another process opened it, at the same time of day.
    pub(crate) fn after_surgery(
        self,
        relay: &mut Relay,
        seed: u64,
        change: impl FnOnce(&mut Transaction<'_>),
    ) -> Self {
        let now = self.now;
        let mut store = self.engine.into_store();
        let done = store.transaction(|tx| -> Result<(), StoreError> {
            change(tx);
            Ok(())
        });
        done.unwrap();
        let mut device = Self::over(store, seed);
        device.now = now;
        device.hand_in(Input::Tick);
        device.run(relay);
        device.caught_up(relay);
        device
    }

    pub(crate) fn take_rows(&mut self, relay: &mut Relay, rows: Vec<MessageRow>) {
        let frames = rows.into_iter().map(|row| {
            self.frame(ServerEvent::Msg {
                message: Box::new(row),
            })
        });
        let frames = frames.collect::<Vec<_>>();
        self.take_frames(relay, frames);
    }

    /// Over the socket that it has now: a device that was frozen opens another one first.
    pub(crate) fn take_frames(&mut self, relay: &mut Relay, frames: Vec<String>) {
        if self.now.since_ms(self.looked_at) > GAP_MAX_MS {
            self.hand_in(Input::Tick);
            self.run(relay);
        }
        self.hand_in(Input::Socket(SocketInput::Frames(frames)));
        self.run(relay);
    }

    pub(crate) fn frame(&mut self, event: ServerEvent) -> String {
        self.frame_seq += 1;
        let frame_seq = self.frame_seq;
        serde_json::to_string(&ServerFrame { frame_seq, event }).unwrap()
    }

    /// The number of the last acknowledgement, and of the last frame made.
    pub(crate) fn acknowledged(&self) -> (Option<u64>, u64) {
        let mut acks = self.sent_frames.iter().filter_map(|frame| match frame {
            ClientFrame::ClientAck { frame_seq } => Some(*frame_seq),
            _ => None,
        });
        (acks.next_back(), self.frame_seq)
    }

    pub(crate) fn is_acknowledged(&self) -> bool {
        let (acknowledged, made) = self.acknowledged();
        acknowledged == Some(made)
    }

    pub(crate) fn name(&self) -> DeviceName {
        let (user_id, device_id) = self.engine.account().unwrap();
        DeviceName { user_id, device_id }
    }

    pub(crate) fn thread_with(&mut self, peer: &str) -> ThreadId {
        let call = self.call(Call::DirectThread {
            user_id: user(peer),
        });
        match self.result(call) {
            Some(Ok(Reply::Thread(thread))) => thread,
            _ => panic!("no thread"),
        }
    }

    pub(crate) fn send(&mut self, relay: &mut Relay, peer: &str, text: &str) -> i64 {
        let local_id = self.queue(peer, text);
        self.run(relay);
        local_id
    }

    /// The texts of a thread, oldest first; a placeholder is its reason.
    pub(crate) fn texts(&self, peer: &str) -> Vec<String> {
        let thread = ThreadId::direct(&self.name().user_id, &user(peer));
        let page = self.engine.store().page(thread, None, 1_000).unwrap();
        let messages = page.into_iter().rev().map(Message::from_row);
        messages
            .map(|message| match message.content {
                MessageContent::Text(text) => text,
                MessageContent::Unreadable(reason) => format!("<{}>", reason.as_str()),
                MessageContent::Removed => "<removed>".to_owned(),
                _ => "<other>".to_owned(),
            })
            .collect()
    }
}
