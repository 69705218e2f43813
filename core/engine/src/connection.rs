//! The socket: opened when there is a token, watched, opened again after a wait when it ends.

use crate::account::AccessToken;
use crate::backoff::Backoff;
use crate::requests::Answer;
use crate::{ConnectionState, Engine, EngineError, Event, Output, SocketInput};
use sealwire_store::AccountState;
use sealwire_wire::Timestamp;
use sealwire_wire::contract::{ClientFrame, CloseCode, ErrorCode, Problem};
use sealwire_wire::limits::SILENCE_MAX_MS;

/// A socket that was heard within this, in milliseconds, lives.
const HEARD_JUST_NOW_MS: u64 = 2_000;
/// A socket whose token ended is opened again at once, with another token; not twice within this, in milliseconds: a relay that
/// takes no token of its own would have it opened without end.
const RENEWED_JUST_NOW_MS: u64 = 60_000;
/// So many sockets in a row that open and end before everything queued came through one: what is queued is fetched without a
/// socket then. An acknowledgement means nothing beyond its socket, so a network that cuts each one early would have the
/// relay deliver the same frames without end.
const CUT_SHORT_MAX: u32 = 3;

/// The connection to the relay.
pub(crate) struct Connection {
    pub(crate) access: AccessToken,
    socket: Socket,
    state: ConnectionState,
    backoff: Backoff,
    heard_at: Timestamp,
    /// When a socket was last opened again at once because its token had ended.
    renewed_at: Option<Timestamp>,
    /// How many sockets in a row ended before everything queued had come.
    cut_short: u32,
    /// Another instance of this device took over: only the app's wish connects again.
    replaced: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Socket {
    Closed,
    Opening,
    Open,
}

impl Default for Connection {
    fn default() -> Self {
        Self {
            access: AccessToken::default(),
            socket: Socket::Closed,
            state: ConnectionState::Offline {
                next_try_at_ms: None,
            },
            backoff: Backoff::default(),
            heard_at: Timestamp::default(),
            renewed_at: None,
            cut_short: 0,
            replaced: false,
        }
    }
}

impl Connection {
    pub(crate) fn state(&self) -> ConnectionState {
        self.state
    }
}

impl Engine {
    pub(crate) fn connect(&mut self) {
        self.online = true;
        self.connection.replaced = false;
        self.connection.backoff.succeeded();
        self.connection.access.asks_anew();
    }

    pub(crate) fn disconnect(&mut self) {
        self.online = false;
        self.queue_is_wanted_no_more();
        self.close_socket();
        self.give_up_removal(EngineError::Offline);
        self.requests_get_no_token(|| Answer::Lost("the client went offline".to_owned()));
        self.set_connection_state(ConnectionState::Offline {
            next_try_at_ms: None,
        });
    }

    /// Another network than before: a socket of the old one may be dead without a word, and waits were for the old one too.
    pub(crate) fn network_returned(&mut self) {
        let now = self.now;
        if self.connection.socket == Socket::Open
            && now.since_ms(self.connection.heard_at) > HEARD_JUST_NOW_MS
        {
            self.close_socket();
        }
        self.connection.backoff.hurry(now);
        self.connection.access.hurry(now);
        self.trust.hurry(now);
        self.bundles.hurry(now);
        self.prekey_uploads.hurry(now);
        self.resync.hurry(now);
        self.recovery.hurry(now);
        self.outbox_is_heard();
        self.reads_are_heard();
    }

    /// Token first, then the socket.
    pub(crate) fn drive_connection(&mut self) {
        if self.connection.replaced {
            return;
        }
        // One that is asked for while the socket's wait is not over may have ended when it is.
        if self.connection.socket != Socket::Closed || self.connection.backoff.is_due(self.now) {
            self.drive_token();
        }
        let silent = self.now.since_ms(self.connection.heard_at) > SILENCE_MAX_MS;
        if self.connection.socket == Socket::Open && silent {
            self.close_socket();
            self.try_later(None);
        }
        if self.connection.socket == Socket::Closed && self.connection.backoff.is_due(self.now) {
            match self.access_token() {
                Some(bearer) => {
                    self.connection.socket = Socket::Opening;
                    self.set_connection_state(ConnectionState::Connecting);
                    let path = self.realtime_path();
                    self.output(Output::OpenSocket { path, bearer });
                }
                None => match self.connection.access.retry_at() {
                    Some(at) if at > self.now => {
                        self.set_connection_state(match self.connection.access.refused() {
                            Some(code) => ConnectionState::Refused {
                                code,
                                next_try_at_ms: at.0,
                            },
                            None => ConnectionState::Offline {
                                next_try_at_ms: Some(at.0),
                            },
                        });
                    }
                    _ => self.set_connection_state(ConnectionState::Connecting),
                },
            }
        }
    }

    pub(crate) fn on_socket(&mut self, input: SocketInput) {
        self.connection.heard_at = self.now;
        match input {
            // One that nobody waits for any more.
            SocketInput::Opened if self.connection.socket != Socket::Opening => {
                self.output(Output::CloseSocket);
            }
            SocketInput::Opened => {
                self.connection.socket = Socket::Open;
                self.resync_has_new_connection();
                self.set_connection_state(ConnectionState::CatchingUp);
                self.prekeys_are_to_be_checked();
            }
            SocketInput::Frames(frames) => self.on_frames(frames),
            SocketInput::Closed {
                code,
                status,
                retry_after_ms,
            } => self.on_socket_closed(code, status, retry_after_ms),
        }
    }

    /// A fresh token goes over an open socket, so that the relay does not close it with the old one's end.
    pub(crate) fn connection_has_token(&mut self) {
        if self.connection.socket == Socket::Open
            && let Some(token) = self.access_token()
        {
            self.send_frame(&ClientFrame::Auth { token });
        }
    }

    pub(crate) fn send_frame(&mut self, frame: &ClientFrame) {
        if self.connection.socket == Socket::Open {
            // Frames have no content that JSON could not hold.
            let text = serde_json::to_string(frame).unwrap_or_default();
            self.output(Output::SendFrame(text));
        }
    }

    pub(crate) fn is_caught_up(&mut self) {
        self.connection.backoff.succeeded();
        self.connection.cut_short = 0;
        self.set_connection_state(ConnectionState::Online);
        self.event(Event::CaughtUp);
        let now = self.now;
        self.trust.hurry(now);
        self.bundles.hurry(now);
        self.outbox_is_heard();
        self.company_is_heard();
        self.reads_are_heard();
        self.controls_are_heard();
        self.want_account_key();
        self.forget_old_signed_prekeys();
    }

    /// Whether everything that was queued is here.
    pub(crate) fn is_online(&self) -> bool {
        self.connection.state == ConnectionState::Online
    }

    /// Whether what was queued still comes in.
    pub(crate) fn is_catching_up(&self) -> bool {
        self.connection.state == ConnectionState::CatchingUp
    }

    /// The socket said something that the contract does not have.
    pub(crate) fn drop_socket(&mut self) {
        self.close_socket();
        self.try_later(None);
    }

    /// What comes through the socket may be old: another one takes its place, without a wait. Whether there was one.
    pub(crate) fn renew_socket(&mut self) -> bool {
        let had_one = self.connection.socket != Socket::Closed;
        if had_one {
            self.close_socket();
            self.set_connection_state(ConnectionState::Connecting);
        }
        had_one
    }

    /// The relay no longer takes this device. Only a signed list can say that it is removed: it is asked for.
    pub(crate) fn relay_says_revoked(&mut self) {
        if let Some(me) = &self.me
            && me.is_registered()
        {
            let user = me.user.clone();
            self.want_lists(user);
            self.connection.access.doubted = true;
        }
    }

    /// What the relay shows of this account's list, or that it shows nothing, was heard. It does not say that this device is
    /// removed: whether the relay gives another token is its plainest word then.
    pub(crate) fn own_list_was_asked_for(&mut self) {
        if std::mem::take(&mut self.connection.access.doubted) {
            self.drop_access_token();
        }
    }

    /// A signed list without this device: nothing is sent or received any more.
    pub(crate) fn device_is_revoked(&mut self) {
        let stored = self
            .store
            .transaction(|tx| tx.set_account_state(AccountState::Revoked));
        if let Some(me) = &mut self.me
            && stored.is_ok()
        {
            me.state = AccountState::Revoked;
        }
        self.give_up_removal(EngineError::DeviceRevoked);
        self.close_socket();
        self.drop_access_token();
        self.requests_get_no_token(|| {
            Answer::Refused(Problem::new(
                ErrorCode::DeviceRevoked,
                "this device is in no list",
            ))
        });
        self.set_connection_state(ConnectionState::Offline {
            next_try_at_ms: None,
        });
        self.event(Event::DeviceRevoked);
    }

    pub(crate) fn connection_wakes_at(&self) -> Option<Timestamp> {
        if !self.online || self.account().is_none() {
            return None;
        }
        let connection = &self.connection;
        let socket = match connection.socket {
            Socket::Open => Some(connection.heard_at.plus_ms(SILENCE_MAX_MS + 1)),
            Socket::Opening => None,
            Socket::Closed => connection.backoff.due_at().filter(|at| *at > self.now),
        };
        let token = [connection.access.renew_at(), connection.access.retry_at()];
        token
            .into_iter()
            .flatten()
            .filter(|at| *at > self.now)
            .chain(socket)
            .min()
    }

    fn on_socket_closed(
        &mut self,
        code: Option<u16>,
        status: Option<u16>,
        retry_after_ms: Option<u64>,
    ) {
        if self.connection.socket == Socket::Closed {
            return;
        }
        let cut_short = self.connection.socket == Socket::Open && self.is_catching_up();
        self.connection.socket = Socket::Closed;
        match code.map(CloseCode::from_u16) {
            Some(CloseCode::Replaced) => {
                self.connection.replaced = true;
                self.set_connection_state(ConnectionState::Replaced);
                return;
            }
            Some(CloseCode::DeviceRevoked) => self.relay_says_revoked(),
            Some(CloseCode::TokenExpired) => return self.token_has_ended(),
            _ => {}
        }
        match status {
            Some(401) => return self.token_has_ended(),
            Some(403) => self.relay_says_revoked(),
            // The place of the marks is all that the relay could find wrong with it.
            Some(400) => self.forget_marks_place(),
            _ => {}
        }
        self.try_later(retry_after_ms);
        if cut_short {
            self.socket_was_cut_short();
        }
    }

    fn socket_was_cut_short(&mut self) {
        let cut_short = &mut self.connection.cut_short;
        *cut_short = cut_short.saturating_add(1);
        if *cut_short >= CUT_SHORT_MAX {
            self.fetch_queue_unasked();
        }
    }

    /// It says nothing against the network or the relay: another token is had and the socket opened again, without a wait.
    fn token_has_ended(&mut self) {
        self.drop_access_token();
        let now = self.now;
        let just_now = |at: Timestamp| now.since_ms(at) < RENEWED_JUST_NOW_MS;
        if self.connection.renewed_at.is_some_and(just_now) {
            return self.try_later(None);
        }
        self.connection.renewed_at = Some(now);
        self.set_connection_state(ConnectionState::Connecting);
    }

    fn try_later(&mut self, at_least_ms: Option<u64>) {
        let Self {
            connection,
            rng,
            now,
            ..
        } = self;
        connection.backoff.failed(*now, at_least_ms, rng);
        let next = connection.backoff.due_at().map(|at| at.0);
        self.set_connection_state(ConnectionState::Offline {
            next_try_at_ms: next,
        });
    }

    fn close_socket(&mut self) {
        if self.connection.socket != Socket::Closed {
            self.connection.socket = Socket::Closed;
            self.output(Output::CloseSocket);
        }
    }

    fn set_connection_state(&mut self, state: ConnectionState) {
        if self.connection.state != state {
            let was_online = self.connection.state == ConnectionState::Online;
            self.connection.state = state;
            self.event(Event::Connection(state));
            if was_online {
                self.company_is_lost();
            }
        }
    }

    fn realtime_path(&self) -> String {
        let device = self.me.as_ref().map_or(0, |me| me.device.get());
        match self.marks_place() {
            Some(since) => format!("/v1/realtime?device_id={device}&marks_since={since}"),
            None => format!("/v1/realtime?device_id={device}"),
        }
    }
}
