//! A socket's place at the relay: what rings there, what came in, what goes out.

use sealwire_relay::service::Push;
use sealwire_wire::contract::{ClientFrame, CloseCode, DeviceName, ServerEvent};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Poll, Waker};

/// Messages that wait for one socket, at most; what comes beyond is read from storage, as in the real one.
const WAITING_MAX: usize = 32;

/// A socket's place.
pub(crate) struct Seat {
    pub(crate) device: DeviceName,
    pub(crate) heard: RefCell<VecDeque<Heard>>,
    pub(crate) out: RefCell<VecDeque<Out>>,
    pub(crate) ended: Cell<bool>,
    pub(crate) token_ends: Cell<u64>,
    pub(crate) heard_at: Cell<u64>,
    pub(crate) ping: Cell<bool>,
    pub(crate) prekey_taken: Cell<bool>,
    closing: Cell<Option<CloseCode>>,
    look: Cell<bool>,
    pushes: RefCell<Vec<Push>>,
    live: RefCell<VecDeque<ServerEvent>>,
    rung: Cell<bool>,
    waiting: RefCell<Option<Waker>>,
}

/// What comes in on a socket, in order.
pub(crate) enum Heard {
    Frame(ClientFrame),
    /// The other end closed it: everything that it said before counts.
    Closed,
}

/// What a socket says.
pub(crate) enum Out {
    Frame(String),
    Closed(CloseCode),
}

impl Seat {
    pub(crate) fn new(device: DeviceName, token_ends: u64, now: u64) -> Self {
        Self {
            device,
            heard: RefCell::default(),
            out: RefCell::default(),
            ended: Cell::new(false),
            token_ends: Cell::new(token_ends),
            heard_at: Cell::new(now),
            ping: Cell::new(false),
            prekey_taken: Cell::new(false),
            closing: Cell::new(None),
            look: Cell::new(false),
            pushes: RefCell::default(),
            live: RefCell::default(),
            rung: Cell::new(false),
            waiting: RefCell::default(),
        }
    }

    /// A message is new in the device's queue; none: only storage knows it.
    pub(crate) fn push(&self, message: Option<Push>) {
        let mut pushes = self.pushes.borrow_mut();
        match message {
            Some(message) if !self.look.get() && pushes.len() < WAITING_MAX => pushes.push(message),
            _ => self.look.set(true),
        }
        drop(pushes);
        self.ring();
    }

    pub(crate) fn tell(&self, event: ServerEvent) {
        self.live.borrow_mut().push_back(event);
        self.ring();
    }

    pub(crate) fn hear(&self, heard: Heard, now: u64) {
        self.heard_at.set(now);
        self.heard.borrow_mut().push_back(heard);
        self.ring();
    }

    pub(crate) fn close(&self, code: CloseCode) {
        self.closing.set(Some(code));
        self.ring();
    }

    pub(crate) fn closing(&self) -> Option<CloseCode> {
        self.closing.get()
    }

    /// What was pushed, and whether storage has something that was not.
    pub(crate) fn take_pushes(&self) -> (Vec<Push>, bool) {
        (self.pushes.take(), self.look.take())
    }

    pub(crate) fn take_live(&self) -> VecDeque<ServerEvent> {
        self.live.take()
    }

    pub(crate) fn ring(&self) {
        self.rung.set(true);
        if let Some(waker) = self.waiting.borrow_mut().take() {
            waker.wake();
        }
    }

    pub(crate) async fn rings(&self) {
        poll_fn(|context| {
            if self.rung.take() {
                return Poll::Ready(());
            }
            *self.waiting.borrow_mut() = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}
