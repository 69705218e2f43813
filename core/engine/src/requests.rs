//! Requests under way: what each was for, and what its answer means before anybody looks into it.

use crate::account::LinkStep;
use crate::prekeys::UploadEnds;
use crate::receive::HistoryProgress;
use crate::{
    CallId, Engine, EngineError, HttpMethod, HttpRequest, HttpResponse, Output, RequestId,
    TransportFailure,
};
use sealwire_store::LocalId;
use sealwire_wire::contract::{BundlesQuery, ErrorCode, Problem, read_json};
use sealwire_wire::{DeviceId, IdempotencyKey, MessageId, ThreadId, UserId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

/// What a request is for: who gets its answer.
#[derive(Clone)]
pub(crate) enum Purpose {
    PlatformToken {
        call: CallId,
    },
    Register {
        call: CallId,
    },
    Challenge,
    Token,
    Lists {
        user: UserId,
    },
    Bundles(BundlesQuery),
    Send {
        local_id: LocalId,
        thread: ThreadId,
    },
    Void {
        local_id: LocalId,
        thread: ThreadId,
    },
    UploadPrekeys {
        ends: UploadEnds,
    },
    ListVersions,
    CheckPrekeys,
    Control {
        id: i64,
    },
    RecoveryBundle {
        user: UserId,
        device: DeviceId,
    },
    TrueRow,
    History {
        call: CallId,
        thread: ThreadId,
        progress: HistoryProgress,
    },
    QueuePage,
    QueueAck {
        has_more: bool,
    },
    ResyncThreads,
    ResyncHistory {
        thread: ThreadId,
    },
    TellRead {
        thread: ThreadId,
        up_to: MessageId,
    },
    Settings {
        call: Option<CallId>,
    },
    ThreadPreferences {
        call: CallId,
        thread: ThreadId,
    },
    Block {
        call: CallId,
    },
    Blocks {
        call: CallId,
    },
    OwnDevices {
        call: CallId,
    },
    DisableDevice {
        call: CallId,
    },
    RemoveDevice {
        call: CallId,
    },
    CreateAttachment {
        call: CallId,
    },
    LocateAttachment {
        call: CallId,
    },
    Link(LinkStep),
}

/// Which token a request carries.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Access {
    /// None.
    Open,
    /// The platform's.
    Platform(String),
    /// This device's: the request waits until there is one.
    Device,
}

/// A request to be made.
#[derive(Clone)]
pub(crate) struct Outgoing {
    pub(crate) method: HttpMethod,
    pub(crate) path: String,
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) access: Access,
    pub(crate) idempotency_key: Option<IdempotencyKey>,
    pub(crate) purpose: Purpose,
    /// Whether a fresh token was tried for it already.
    retried: bool,
}

/// What came back, told apart.
pub(crate) enum Answer {
    /// 2xx.
    Fine(Vec<u8>),
    /// An error of the contract.
    Refused(Problem),
    /// Something that the contract does not have: the request may or may not have been done.
    Garbage {
        status: u16,
        /// Of the header Retry-After: whoever stands before the relay may answer for it.
        retry_after_ms: Option<u64>,
    },
    /// Nothing: the request may or may not have been done.
    Lost(String),
}

/// The requests under way.
#[derive(Default)]
pub(crate) struct Requests {
    last_id: u64,
    under_way: BTreeMap<RequestId, Outgoing>,
    waiting_for_token: Vec<Outgoing>,
}

impl Outgoing {
    pub(crate) fn new(method: HttpMethod, path: impl Into<String>, purpose: Purpose) -> Self {
        Self {
            method,
            path: path.into(),
            body: None,
            access: Access::Device,
            idempotency_key: None,
            purpose,
            retried: false,
        }
    }

    pub(crate) fn get(path: impl Into<String>, purpose: Purpose) -> Self {
        Self::new(HttpMethod::Get, path, purpose)
    }

    pub(crate) fn post(path: impl Into<String>, purpose: Purpose) -> Self {
        Self::new(HttpMethod::Post, path, purpose)
    }

    pub(crate) fn put(path: impl Into<String>, purpose: Purpose) -> Self {
        Self::new(HttpMethod::Put, path, purpose)
    }

    pub(crate) fn json(mut self, body: &impl Serialize) -> Self {
        // The contract's types have no map with keys that JSON cannot hold: writing them cannot fail.
        self.body = Some(serde_json::to_vec(body).unwrap_or_default());
        self
    }

    pub(crate) fn with(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    pub(crate) fn once(mut self, key: IdempotencyKey) -> Self {
        self.idempotency_key = Some(key);
        self
    }
}

impl Answer {
    fn judge(result: Result<HttpResponse, TransportFailure>) -> Self {
        match result {
            Err(failure) => Self::Lost(failure.detail),
            Ok(response) if (200..300).contains(&response.status) => Self::Fine(response.body),
            Ok(response) => match read_json::<Problem>(&response.body) {
                Ok(problem)
                    if problem.status == response.status && problem.code != ErrorCode::Unknown =>
                {
                    let retry_after_ms = problem.retry_after_ms.or(response.retry_after_ms);
                    Self::Refused(Problem {
                        retry_after_ms,
                        ..problem
                    })
                }
                _ => Self::Garbage {
                    status: response.status,
                    retry_after_ms: response.retry_after_ms,
                },
            },
        }
    }

    /// The JSON of a good answer.
    pub(crate) fn read<T: DeserializeOwned>(self) -> Result<T, EngineError> {
        match self {
            Self::Fine(body) => {
                read_json(&body).map_err(|_| EngineError::RelayGarbage { status: 200 })
            }
            other => Err(other.into_error()),
        }
    }

    /// A good answer whose body does not matter.
    pub(crate) fn done(self) -> Result<(), EngineError> {
        match self {
            Self::Fine(_) => Ok(()),
            other => Err(other.into_error()),
        }
    }

    fn into_error(self) -> EngineError {
        match self {
            Self::Fine(_) => EngineError::RelayGarbage { status: 200 },
            Self::Refused(Problem {
                code: ErrorCode::DeviceRevoked,
                ..
            }) => EngineError::DeviceRevoked,
            Self::Refused(problem) => EngineError::Relay {
                code: problem.code,
                detail: problem.detail,
                retry_after_ms: problem.retry_after_ms,
            },
            Self::Garbage {
                status,
                retry_after_ms: Some(retry_after_ms),
            } if status == 429 || status >= 500 => EngineError::RelayBusy {
                status,
                retry_after_ms,
            },
            Self::Garbage { status, .. } => EngineError::RelayGarbage { status },
            Self::Lost(detail) => EngineError::Network(detail),
        }
    }
}

impl Engine {
    /// Makes the request, or keeps it until there is a token for it.
    pub(crate) fn request(&mut self, outgoing: Outgoing) {
        let bearer = match &outgoing.access {
            Access::Open => None,
            Access::Platform(token) => Some(token.clone()),
            Access::Device => match self.access_token() {
                Some(token) => Some(token),
                None => {
                    self.requests.waiting_for_token.push(outgoing);
                    return;
                }
            },
        };
        self.requests.last_id += 1;
        let id = RequestId(self.requests.last_id);
        self.output(Output::Request(HttpRequest {
            id,
            method: outgoing.method,
            path: outgoing.path.clone(),
            body: outgoing.body.clone(),
            bearer,
            idempotency_key: outgoing.idempotency_key.clone(),
        }));
        self.requests.under_way.insert(id, outgoing);
    }

    /// Whether the relay may be about to make an account with this device's keys.
    pub(crate) fn registers(&self) -> bool {
        self.requests.under_way.values().any(|outgoing| {
            matches!(
                outgoing.purpose,
                Purpose::PlatformToken { .. } | Purpose::Register { .. }
            )
        })
    }

    /// Makes the requests that waited for a token.
    pub(crate) fn requests_have_token(&mut self) {
        for outgoing in std::mem::take(&mut self.requests.waiting_for_token) {
            self.request(outgoing);
        }
    }

    /// Whether a request waits for a token.
    pub(crate) fn requests_wait_for_token(&self) -> bool {
        !self.requests.waiting_for_token.is_empty()
    }

    /// No token can be had: whatever waits for one ends with the reason.
    pub(crate) fn requests_get_no_token(&mut self, answer: impl Fn() -> Answer) {
        for outgoing in std::mem::take(&mut self.requests.waiting_for_token) {
            self.answered(outgoing.purpose, answer());
        }
    }

    pub(crate) fn on_response(
        &mut self,
        id: RequestId,
        result: Result<HttpResponse, TransportFailure>,
    ) {
        // A response that was asked for by nobody has nobody to go to.
        let Some(mut outgoing) = self.requests.under_way.remove(&id) else {
            return;
        };
        let answer = Answer::judge(result);
        let token_refused = matches!(&answer, Answer::Refused(problem)
            if matches!(problem.code, ErrorCode::TokenExpired | ErrorCode::Unauthorized));
        if token_refused
            && outgoing.access == Access::Device
            && !outgoing.retried
            && self.may_ask_for_token()
        {
            self.drop_access_token();
            outgoing.retried = true;
            self.requests.waiting_for_token.push(outgoing);
            return;
        }
        self.answered(outgoing.purpose, answer);
    }

    fn answered(&mut self, purpose: Purpose, answer: Answer) {
        match purpose {
            Purpose::PlatformToken { call } => self.on_platform_token(call, answer),
            Purpose::Register { call } => self.on_registered(call, answer),
            Purpose::Challenge => self.on_challenge(answer),
            Purpose::Token => self.on_token(answer),
            Purpose::Lists { user } => self.on_lists(user, answer),
            Purpose::Bundles(asked) => self.on_bundles(asked, answer),
            Purpose::Send { local_id, thread } => self.on_send_answer(local_id, thread, answer),
            Purpose::Void { local_id, thread } => self.on_void_answer(local_id, thread, answer),
            Purpose::UploadPrekeys { ends } => self.on_prekeys_uploaded(ends, answer),
            Purpose::ListVersions => self.on_versions_listed(answer),
            Purpose::CheckPrekeys => self.on_prekeys_checked(answer),
            Purpose::Control { id } => self.on_control_sent(id, answer),
            Purpose::RecoveryBundle { user, device } => {
                self.on_recovery_bundle(user, device, answer);
            }
            Purpose::TrueRow => self.on_true_row(answer),
            Purpose::History {
                call,
                thread,
                progress,
            } => self.on_history(call, thread, progress, answer),
            Purpose::QueuePage => self.on_queue_page(answer),
            Purpose::QueueAck { has_more } => self.on_queue_acknowledged(has_more, answer),
            Purpose::ResyncThreads => self.on_resync_threads(answer),
            Purpose::ResyncHistory { thread } => self.on_resync_history(thread, answer),
            Purpose::TellRead { thread, up_to } => self.on_read_told(thread, up_to, answer),
            Purpose::Settings { call } => self.on_settings(call, answer),
            Purpose::ThreadPreferences { call, thread } => {
                self.on_thread_preferences(call, thread, answer);
            }
            Purpose::Block { call } => self.on_block_set(call, answer),
            Purpose::Blocks { call } => self.on_blocks(call, answer),
            Purpose::OwnDevices { call } => self.on_own_devices(call, answer),
            Purpose::DisableDevice { call } => self.on_device_disabled(call, answer),
            Purpose::RemoveDevice { call } => self.on_list_without(call, answer),
            Purpose::CreateAttachment { call } => self.on_attachment_created(call, answer),
            Purpose::LocateAttachment { call } => self.on_attachment_located(call, answer),
            Purpose::Link(step) => self.on_link_answer(step, answer),
        }
    }
}
