//! One engine over one store, its requests answered at once.

use super::relay::Relay;
use crate::trouble::{Done, said};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use sealwire_engine::{
    Call, CallId, Engine, EngineConfig, Event, HttpRequest, Input, Output, Reply, SocketInput,
};
use sealwire_store::{Location, Store, StoreKey};
use sealwire_wire::contract::DeviceName;
use sealwire_wire::{ThreadId, Timestamp};
use std::collections::VecDeque;
use std::path::Path;

/// When every run begins. The clock of a device goes on with each call, and nothing waits for it.
pub(super) const NOW: Timestamp = Timestamp(1_800_000_000_000);

/// Between one call of a device and its next.
const CALL_MS: u64 = 10;

pub(super) struct Device {
    pub(super) engine: Engine,
    pub(super) requests: VecDeque<HttpRequest>,
    pub(super) events: Events,
    now: Timestamp,
    calls: u64,
    replies: Vec<Reply>,
}

/// What was told, counted.
#[derive(Default)]
pub(super) struct Events {
    pub(super) received: usize,
    pub(super) sent: usize,
    /// What should not happen here.
    pub(super) others: Vec<Event>,
    pub(super) frames_sent: Vec<String>,
}

/// A store that is made here, or one that is (its anchor is as old as can be).
pub(super) fn open(path: &Path, new: bool) -> Done<Store> {
    let key = StoreKey::new([7; 32], [9; 16]);
    let anchor = if new { None } else { Some(0) };
    Store::open(&Location::File(path.to_owned()), &key, anchor).map_err(said)
}

/// A store in memory.
pub(super) fn in_memory() -> Done<Store> {
    Store::open(&Location::Memory, &StoreKey::new([7; 32], [9; 16]), None).map_err(said)
}

impl Device {
    pub(super) fn over(store: Store, seed: u64) -> Done<Self> {
        let rng = Box::new(ChaCha20Rng::seed_from_u64(seed));
        let config = EngineConfig::new("https://relay.test");
        Ok(Self {
            engine: Engine::new(store, config, rng, NOW).map_err(said)?,
            requests: VecDeque::new(),
            events: Events::default(),
            now: NOW,
            calls: 0,
            replies: Vec::new(),
        })
    }

    /// Registered and connected.
    pub(super) fn registered(store: Store, relay: &mut Relay, name: &str, seed: u64) -> Done<Self> {
        let mut device = Self::over(store, seed)?;
        let user_id = name.parse().map_err(said)?;
        device.call(Call::Register {
            user_id,
            platform_token: None,
        })?;
        device.run(relay)?;
        device.name()?;
        Ok(device)
    }

    pub(super) fn name(&self) -> Done<DeviceName> {
        let (user_id, device_id) = self
            .engine
            .account()
            .ok_or_else(|| said("a device is not registered"))?;
        Ok(DeviceName { user_id, device_id })
    }

    pub(super) fn call(&mut self, call: Call) -> Done<()> {
        self.calls += 1;
        self.now = self.now.plus_ms(CALL_MS);
        self.hand_in(Input::Call {
            id: CallId(self.calls),
            call,
        })
    }

    pub(super) fn thread_with(&mut self, peer: &str) -> Done<ThreadId> {
        let user_id = peer.parse().map_err(said)?;
        self.call(Call::DirectThread { user_id })?;
        match self.replies.pop() {
            Some(Reply::Thread(thread)) => Ok(thread),
            _ => Err(said(format!("no thread with {peer}"))),
        }
    }

    pub(super) fn send(&mut self, relay: &mut Relay, thread: ThreadId, text: String) -> Done<()> {
        self.call(Call::SendText {
            thread,
            text,
            ttl_seconds: None,
            key: None,
        })?;
        self.run(relay)
    }

    pub(super) fn hand_in(&mut self, input: Input) -> Done<()> {
        self.engine.handle(self.now, input);
        self.carry_out()
    }

    pub(super) fn carry_out(&mut self) -> Done<()> {
        while let Some(output) = self.engine.next_output() {
            match output {
                Output::Request(request) => self.requests.push_back(request),
                Output::OpenSocket { .. } => self.hand_in(Input::Socket(SocketInput::Opened))?,
                Output::SendFrame(text) => self.events.frames_sent.push(text),
                Output::KeepAnchor { generation } => {
                    self.hand_in(Input::AnchorKept { generation })?
                }
                Output::Done { result, .. } => self.replies.push(result.map_err(said)?),
                Output::Event(Event::MessageReceived(_)) => self.events.received += 1,
                Output::Event(Event::MessageSent(_)) => self.events.sent += 1,
                Output::Event(
                    event @ (Event::MessageUnreadable(_)
                    | Event::MessageFailed(_)
                    | Event::MessageMissing { .. }
                    | Event::MessageReordered { .. }
                    | Event::DuplicateDropped { .. }
                    | Event::FrameRefused),
                ) => self.events.others.push(event),
                _ => {}
            }
        }
        Ok(())
    }

    /// Answers requests until there are none.
    pub(super) fn run(&mut self, relay: &mut Relay) -> Done<()> {
        self.carry_out()?;
        while let Some(request) = self.requests.pop_front() {
            let result = Ok(relay.answer(&request)?);
            self.hand_in(Input::Response {
                id: request.id,
                result,
            })?;
        }
        Ok(())
    }

    /// Ends the engine and closes its store.
    pub(super) fn close(self) -> Done<()> {
        self.engine.into_store().close().map_err(said)
    }
}
