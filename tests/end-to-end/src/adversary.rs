//! Somebody between a client and the relay who sees every request and frame, and does with them what a test says.

use futures_util::{SinkExt as _, StreamExt as _, stream};
use sealwire::attachments::Piece;
use sealwire::transport::{
    Download, HttpResponse, NativeTransport, Request, Socket, SocketItem, SocketRefused, Transport,
    TransportFailure,
};
use sealwire::{BoxFuture, BoxStream};
use sealwire_wire::contract::{ErrorCode, Problem};
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, oneshot, watch};
use url::Url;

/// A transport under the test's control. Until told otherwise it passes everything on.
pub struct Adversary {
    inner: Arc<NativeTransport>,
    shared: Arc<Shared>,
}

/// A request as it left the client.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenRequest {
    /// `GET`, `POST`, `PUT`.
    pub method: String,
    /// With its query.
    pub path: String,
    /// The body, if it had one.
    pub body: Value,
    /// The idempotency key, if it had one.
    pub idempotency_key: Option<String>,
}

/// What happens to a request.
pub enum Fate {
    /// It goes to the relay, its answer to the client.
    Passed,
    /// The relay never sees it.
    Lost,
    /// The relay acts on it; the client never hears.
    AnswerLost,
    /// The relay never sees it; the client gets this.
    Answered(HttpResponse),
    /// The relay acts on it; the client gets another answer.
    Rewritten(Box<dyn FnOnce(HttpResponse) -> HttpResponse + Send>),
    /// It goes on once this is released, or dropped.
    Held(oneshot::Receiver<()>),
    /// It goes on under another token.
    UnderToken(String),
}

type RequestRule = Box<dyn FnMut(&SeenRequest) -> Fate + Send>;
type FrameRule = Box<dyn FnMut(Value) -> Vec<Value> + Send>;
type DownloadRule = Box<dyn FnMut(u64, Download) -> Download + Send>;

struct Shared {
    requests: Mutex<Option<RequestRule>>,
    frames: Mutex<Option<FrameRule>>,
    downloads: Mutex<Option<DownloadRule>>,
    loses_client_frames: Mutex<bool>,
    seen: Mutex<Vec<SeenRequest>>,
    arrived: Mutex<Vec<Value>>,
    changed: watch::Sender<u64>,
    line: Mutex<Option<mpsc::UnboundedSender<Option<String>>>>,
}

impl Adversary {
    /// Harmless so far.
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            inner: Arc::new(NativeTransport::new().unwrap()),
            shared: Arc::new(Shared {
                requests: Mutex::default(),
                frames: Mutex::default(),
                downloads: Mutex::default(),
                loses_client_frames: Mutex::default(),
                seen: Mutex::default(),
                arrived: Mutex::default(),
                changed: watch::Sender::new(0),
                line: Mutex::default(),
            }),
        })
    }

    /// From now on each request's fate is this.
    pub fn on_request(&self, rule: impl FnMut(&SeenRequest) -> Fate + Send + 'static) {
        *lock(&self.shared.requests) = Some(Box::new(rule));
    }

    /// From now on these frames reach the client in place of each frame of the relay.
    pub fn on_frame(&self, rule: impl FnMut(Value) -> Vec<Value> + Send + 'static) {
        *lock(&self.shared.frames) = Some(Box::new(rule));
    }

    /// From now on the client gets this in place of each download, which begins at that byte.
    pub fn on_download(&self, rule: impl FnMut(u64, Download) -> Download + Send + 'static) {
        *lock(&self.shared.downloads) = Some(Box::new(rule));
    }

    /// From now on the relay hears nothing over the socket: no acknowledgement above all.
    pub fn lose_acknowledgements(&self, lose: bool) {
        *lock(&self.shared.loses_client_frames) = lose;
    }

    /// Harmless again.
    pub fn rest(&self) {
        *lock(&self.shared.requests) = None;
        *lock(&self.shared.frames) = None;
        *lock(&self.shared.downloads) = None;
        *lock(&self.shared.loses_client_frames) = false;
    }

    /// A frame that the relay never sent. There must be a socket.
    pub fn inject(&self, frame: &Value) {
        let line = lock(&self.shared.line);
        line.as_ref()
            .expect("a socket")
            .send(Some(frame.to_string()))
            .expect("a socket that listens");
    }

    /// The socket breaks, without a word.
    pub fn break_socket(&self) {
        if let Some(line) = lock(&self.shared.line).take() {
            let _ = line.send(None);
        }
    }

    /// Every request so far.
    pub fn requests(&self) -> Vec<SeenRequest> {
        lock(&self.shared.seen).clone()
    }

    /// The sends so far: requests that carry a message.
    pub fn sends(&self) -> Vec<SeenRequest> {
        self.requests()
            .into_iter()
            .filter(SeenRequest::is_send)
            .collect()
    }

    /// Every frame of the relay so far, as it came.
    pub fn frames(&self) -> Vec<Value> {
        lock(&self.shared.arrived).clone()
    }

    /// Waits until what was seen so far is enough.
    pub async fn until<T>(&self, what: &str, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        let mut changed = self.shared.changed.subscribe();
        crate::soon(what, async {
            loop {
                changed.borrow_and_update();
                if let Some(found) = look(self) {
                    return found;
                }
                changed.changed().await.unwrap();
            }
        })
        .await
    }
}

impl SeenRequest {
    /// Whether it is this method on a path that begins like this.
    pub fn is(&self, method: &str, path: &str) -> bool {
        self.method == method && self.path.starts_with(path)
    }

    /// Whether it carries a message.
    pub fn is_send(&self) -> bool {
        self.method == "POST" && self.path.ends_with("/messages")
    }
}

impl Shared {
    fn fate(&self, seen: &SeenRequest) -> Fate {
        lock(&self.seen).push(seen.clone());
        let fate = match &mut *lock(&self.requests) {
            Some(rule) => rule(seen),
            None => Fate::Passed,
        };
        self.changed.send_modify(|count| *count += 1);
        fate
    }

    /// What reaches the client of a frame that came.
    fn passed_on(&self, text: String) -> Vec<String> {
        let frame: Value = serde_json::from_str(&text).unwrap();
        lock(&self.arrived).push(frame.clone());
        let passed = match &mut *lock(&self.frames) {
            Some(rule) => rule(frame).iter().map(Value::to_string).collect(),
            None => vec![text],
        };
        self.changed.send_modify(|count| *count += 1);
        passed
    }
}

impl Transport for Adversary {
    fn suspend(&self) {
        self.inner.suspend();
    }

    fn request(
        &self,
        mut request: Request,
    ) -> BoxFuture<'static, Result<HttpResponse, TransportFailure>> {
        let path = match request.url.query() {
            Some(query) => format!("{}?{query}", request.url.path()),
            None => request.url.path().to_owned(),
        };
        let seen = SeenRequest {
            method: format!("{:?}", request.method).to_uppercase(),
            path,
            body: request
                .body
                .as_ref()
                .map_or(Value::Null, |body| serde_json::from_slice(body).unwrap()),
            idempotency_key: request.idempotency_key.as_ref().map(ToString::to_string),
        };
        let inner = Arc::clone(&self.inner);
        let fate = self.shared.fate(&seen);
        Box::pin(async move {
            match fate {
                Fate::Passed => inner.request(request).await,
                Fate::Lost => Err(failure()),
                Fate::AnswerLost => {
                    inner.request(request).await?;
                    Err(failure())
                }
                Fate::Answered(answer) => Ok(answer),
                Fate::Rewritten(rewrite) => Ok(rewrite(inner.request(request).await?)),
                Fate::Held(gate) => {
                    let _ = gate.await;
                    inner.request(request).await
                }
                Fate::UnderToken(token) => {
                    request.bearer = Some(token);
                    inner.request(request).await
                }
            }
        })
    }

    fn open_socket(
        &self,
        url: Url,
        bearer: String,
    ) -> BoxFuture<'static, Result<Socket, SocketRefused>> {
        let (inner, shared) = (Arc::clone(&self.inner), Arc::clone(&self.shared));
        Box::pin(async move {
            let Socket { sink, stream } = inner.open_socket(url, bearer).await?;
            let (line, injected) = mpsc::unbounded_channel();
            *lock(&shared.line) = Some(line);
            let injected = stream::unfold(injected, |mut injected| async {
                let text = injected.recv().await.flatten()?;
                Some((SocketItem::Text(text), injected))
            });
            let (out, back) = (Arc::clone(&shared), Arc::clone(&shared));
            let passed = stream.flat_map(move |item| {
                stream::iter(match item {
                    SocketItem::Text(text) => back
                        .passed_on(text)
                        .into_iter()
                        .map(SocketItem::Text)
                        .collect(),
                    closed => vec![closed],
                })
            });
            // The socket ends when either does: the relay's, or the adversary's patience.
            let both = stream::select(
                passed.map(Some).chain(stream::once(async { None })),
                injected.map(Some).chain(stream::once(async { None })),
            );
            let stream = both
                .take_while(|item| std::future::ready(item.is_some()))
                .filter_map(std::future::ready);
            let sink = sink.with_flat_map(move |text: String| {
                let lost = *lock(&out.loses_client_frames);
                stream::iter((!lost).then_some(Ok(text)))
            });
            Ok(Socket {
                sink: Box::pin(sink),
                stream: Box::pin(stream),
            })
        })
    }

    fn upload(
        &self,
        url: Url,
        body: BoxStream<Result<Piece, TransportFailure>>,
        size: u64,
    ) -> BoxFuture<'static, Result<HttpResponse, TransportFailure>> {
        self.inner.upload(url, body, size)
    }

    fn download(
        &self,
        url: Url,
        from: u64,
    ) -> BoxFuture<'static, Result<Download, TransportFailure>> {
        let (downloading, shared) = (self.inner.download(url, from), Arc::clone(&self.shared));
        Box::pin(async move {
            let download = downloading.await?;
            Ok(match &mut *lock(&shared.downloads) {
                Some(rule) => rule(from, download),
                None => download,
            })
        })
    }
}

/// An answer with this body.
pub fn answer(status: u16, body: impl Into<Vec<u8>>) -> HttpResponse {
    HttpResponse {
        status,
        retry_after_ms: None,
        body: body.into(),
    }
}

/// The relay's refusal with this code.
pub fn problem(code: ErrorCode) -> HttpResponse {
    let problem = Problem::new(code, "says the adversary");
    answer(problem.status, serde_json::to_vec(&problem).unwrap())
}

/// Another answer in place of the relay's: its JSON, edited.
pub fn edit(change: impl FnOnce(&mut Value) + Send + 'static) -> Fate {
    Fate::Rewritten(Box::new(|answer| {
        let mut body = fields_of(&answer);
        change(&mut body);
        HttpResponse {
            body: serde_json::to_vec(&body).unwrap(),
            ..answer
        }
    }))
}

/// The JSON of an answer.
pub fn fields_of(answer: &HttpResponse) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

fn failure() -> TransportFailure {
    TransportFailure {
        detail: "the adversary".to_owned(),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
