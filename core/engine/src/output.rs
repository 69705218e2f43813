//! What goes into the engine and what comes out of it.

use crate::{Call, CallId, EngineError, Event, Reply};
use sealwire_wire::{DeviceId, IdempotencyKey, UserId};

/// What can happen to a client.
pub enum Input {
    /// The app wants something; [`Output::Done`] answers, unless the call runs until something else ends it.
    Call {
        /// Chosen by the driver, never used twice.
        id: CallId,
        /// What it wants.
        call: Call,
    },
    /// The answer to an [`Output::Request`].
    Response {
        /// Of that request.
        id: RequestId,
        /// What came back, or why nothing did.
        result: Result<HttpResponse, TransportFailure>,
    },
    /// Something happened to the socket.
    Socket(SocketInput),
    /// The app's answer to an [`Output::Ask`].
    Decided {
        /// Of that question.
        id: QuestionId,
        /// Whether to go on.
        accepted: bool,
    },
    /// The app's KeyStore holds the generation of an [`Output::KeepAnchor`].
    AnchorKept {
        /// Which.
        generation: u64,
    },
    /// The time of [`crate::Engine::wake_at`] has come.
    Tick,
}

/// What happened to the socket that [`Output::OpenSocket`] asked for.
pub enum SocketInput {
    /// It is open.
    Opened,
    /// Text frames, in order: as many as were there, at most 64, so that one commit serves them all.
    Frames(Vec<String>),
    /// It is gone, or could not be opened.
    Closed {
        /// The close code, if one came.
        code: Option<u16>,
        /// The HTTP status, if the upgrade was refused.
        status: Option<u16>,
        /// Not before so many milliseconds, if the refusal says so.
        retry_after_ms: Option<u64>,
    },
}

/// What the driver is to do, in the order given.
pub enum Output {
    /// Send this to the relay and hand in the response.
    Request(HttpRequest),
    /// Open the socket to this path with this token; one socket at most is open.
    OpenSocket {
        /// Path and query below the relay's address.
        path: String,
        /// For the header `Authorization: Bearer` (or the subprotocol in a browser).
        bearer: String,
    },
    /// Send this text frame.
    SendFrame(String),
    /// Close the socket, if one is open; no [`SocketInput::Closed`] is due.
    CloseSocket,
    /// Ask the app and hand in [`Input::Decided`].
    Ask {
        /// Names the question.
        id: QuestionId,
        /// What to ask.
        question: Question,
    },
    /// A call ended.
    Done {
        /// Which.
        id: CallId,
        /// How.
        result: Result<Reply, EngineError>,
    },
    /// Something to show. The store holds it already.
    Event(Event),
    /// Put this generation into the app's KeyStore, then hand in [`Input::AnchorKept`]. Nothing is sent before.
    KeepAnchor {
        /// The store's generation, committed.
        generation: u64,
    },
}

/// Names a request among those under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(pub u64);

/// Names a question among those open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QuestionId(pub u64);

/// What a person is asked before the engine goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// On the new device: is this the account that you want this device to belong to?
    JoinAccount {
        /// As the existing device says.
        user_id: UserId,
        /// The id reserved for this device.
        device_id: DeviceId,
    },
    /// On the existing device: shall this device belong to your account and read its messages from now on?
    AddDevice {
        /// The id reserved for it.
        device_id: DeviceId,
        /// Its public identity key, 33 bytes, as it came over the agreement.
        identity_key: [u8; 33],
    },
}

/// One HTTP request to the relay.
#[derive(Clone)]
pub struct HttpRequest {
    /// For the response.
    pub id: RequestId,
    /// As HTTP has it.
    pub method: HttpMethod,
    /// Path and query below the relay's address.
    pub path: String,
    /// JSON.
    pub body: Option<Vec<u8>>,
    /// For the header `Authorization: Bearer`.
    pub bearer: Option<String>,
    /// For the header `Idempotency-Key`.
    pub idempotency_key: Option<IdempotencyKey>,
}

/// The methods of the contract that the engine uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpMethod {
    /// GET
    Get,
    /// POST
    Post,
    /// PUT
    Put,
    /// DELETE
    Delete,
}

/// What came back.
#[derive(Clone)]
pub struct HttpResponse {
    /// HTTP status.
    pub status: u16,
    /// Seconds of the header Retry-After, in milliseconds.
    pub retry_after_ms: Option<u64>,
    /// The whole body.
    pub body: Vec<u8>,
}

/// Why nothing came back: the relay may or may not have done what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransportFailure {
    /// For a developer: refused, timed out, cut off.
    pub detail: String,
}
