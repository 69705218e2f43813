//! People, their devices, and the relay between them.

use futures_util::SinkExt as _;
use sealwire::attachments::Piece;
use sealwire::transport::{
    Download, HttpResponse, NativeTransport, Request, Socket, SocketRefused, Transport,
    TransportFailure,
};
use sealwire::{
    BoxFuture, BoxStream, Client, ClientBuilder, Error, Event, EventStream, FileKeyStore, Message,
    ThreadId,
};
use sealwire_relay::{Relay, RelayConfig, RelayData};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::timeout;

/// Longer than anything here takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A folder for stores, and a relay.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) relay: Relay,
}

/// One device's files. Its client can be opened again and again.
pub(crate) struct Device {
    pub(crate) store: PathBuf,
    pub(crate) keys: PathBuf,
    pub(crate) url: String,
}

impl World {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let relay = start_relay(folder.path(), None).await;
        Self { folder, relay }
    }

    pub(crate) fn device(&self, name: &str) -> Device {
        Device {
            store: self.folder.path().join(format!("{name}.db")),
            keys: self.folder.path().join(format!("{name}.keys")),
            url: self.relay.url().to_owned(),
        }
    }

    /// A registered device of a new user.
    pub(crate) async fn registered(&self, user: &str) -> (Device, Client) {
        let device = self.device(user);
        let client = device.open().await;
        client.register(user).await.unwrap();
        (device, client)
    }

    /// Alice with a thread to Bob, and Bob.
    pub(crate) async fn pair(&self) -> ((Device, Client), (Device, Client), ThreadId) {
        let alice = self.registered("alice").await;
        let bob = self.registered("bob").await;
        let thread = alice.1.direct_thread("bob").await.unwrap();
        (alice, bob, thread)
    }
}

impl Device {
    pub(crate) fn builder(&self) -> ClientBuilder {
        Client::builder(&self.url)
            .store(&self.store)
            .key_store(Arc::new(FileKeyStore::new(&self.keys)))
    }

    pub(crate) async fn open(&self) -> Client {
        self.builder().open().await.unwrap()
    }

    pub(crate) async fn try_open(&self) -> Result<Client, Error> {
        self.builder().open().await
    }

    /// The texts that a new process finds in the store, oldest first, without asking anybody.
    pub(crate) async fn texts_after_a_cold_reopen(&self, thread: ThreadId) -> Vec<String> {
        let client = self.builder().start_offline().open().await.unwrap();
        let texts = texts(&client, thread).await;
        client.close().await.unwrap();
        texts
    }
}

/// A relay over a folder, on this port if one is given.
pub(crate) async fn start_relay(folder: &Path, address: Option<std::net::SocketAddr>) -> Relay {
    let mut config = RelayConfig::new(RelayData::Folder(folder.join("relay")));
    if let Some(address) = address {
        config = config.listen(address);
    }
    // The port of one that was just shut down may take a moment.
    for _ in 0..50 {
        match Relay::start(config.clone()).await {
            Ok(relay) => return relay,
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
    Relay::start(config).await.unwrap()
}

/// What a thread says, oldest first.
pub(crate) async fn texts(client: &Client, thread: ThreadId) -> Vec<String> {
    let mut page = client.messages(thread, None, 1000).await.unwrap();
    page.reverse();
    page.iter()
        .map(|message| message.text().unwrap_or("?").to_owned())
        .collect()
}

/// The next message that somebody else sent.
pub(crate) async fn received(events: &mut EventStream) -> Message {
    timeout(PATIENCE, async {
        loop {
            match events.next().await.expect("the stream goes on") {
                Event::MessageReceived(message) => return *message,
                Event::MessageUnreadable(message) => panic!("unreadable: {message:?}"),
                _ => {}
            }
        }
    })
    .await
    .expect("a message comes")
}

/// Within patience, or the test fails.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future)
        .await
        .expect("it does not take for ever")
}

/// What the network between a client and its relay does to the traffic.
#[derive(Default)]
pub(crate) struct Network {
    pub(crate) answer: Option<AnswerHook>,
    pub(crate) download: Option<DownloadHook>,
    pub(crate) upload: Option<UploadHook>,
    pub(crate) send: Option<SendHook>,
    pub(crate) frames: Option<FramesHook>,
    /// What the client says through a socket is lost.
    pub(crate) deaf: bool,
}

pub(crate) type Answered = Result<HttpResponse, TransportFailure>;
/// Path, answer of the relay; what arrives.
pub(crate) type AnswerHook = Box<dyn Fn(&str, Answered) -> Answered + Send + Sync>;
/// First byte asked for, answer; what arrives.
pub(crate) type DownloadHook = Box<dyn Fn(u64, Download) -> Download + Send + Sync>;
/// The bytes sent; whether they arrive.
pub(crate) type UploadHook = Box<dyn Fn(&[u8]) -> bool + Send + Sync>;

/// Whether a request reaches the relay at all.
pub(crate) type SendHook = Box<dyn Fn(&str) -> bool + Send + Sync>;
/// How many frames a new socket lives for.
pub(crate) type FramesHook = Box<dyn Fn() -> usize + Send + Sync>;

/// The real transport over such a network.
pub(crate) struct Meddling {
    inner: Arc<NativeTransport>,
    network: Arc<Network>,
}

impl Meddling {
    pub(crate) fn with(network: Network) -> Arc<Self> {
        Arc::new(Self {
            inner: Arc::new(NativeTransport::new().unwrap()),
            network: Arc::new(network),
        })
    }
}

impl Transport for Meddling {
    fn suspend(&self) {
        self.inner.suspend();
    }

    fn request(&self, request: Request) -> BoxFuture<'static, Answered> {
        let (path, network) = (request.url.path().to_owned(), Arc::clone(&self.network));
        if network.send.as_ref().is_some_and(|reaches| !reaches(&path)) {
            let lost = TransportFailure {
                detail: "the request was lost".to_owned(),
            };
            return Box::pin(async move { Err(lost) });
        }
        let answer = self.inner.request(request);
        Box::pin(async move {
            let answer = answer.await;
            match &network.answer {
                Some(hook) => hook(&path, answer),
                None => answer,
            }
        })
    }

    fn open_socket(
        &self,
        url: url::Url,
        bearer: String,
    ) -> BoxFuture<'static, Result<Socket, SocketRefused>> {
        let (opening, network) = (
            self.inner.open_socket(url, bearer),
            Arc::clone(&self.network),
        );
        Box::pin(async move {
            let Socket { sink, stream } = opening.await?;
            let stream: BoxStream<_> = match &network.frames {
                Some(frames) => Box::pin(futures_util::StreamExt::take(stream, frames())),
                None => stream,
            };
            let sink: sealwire::BoxSink<_, _> = match network.deaf {
                true => Box::pin(futures_util::sink::drain().sink_map_err(|never| match never {})),
                false => sink,
            };
            Ok(Socket { sink, stream })
        })
    }

    fn upload(
        &self,
        url: url::Url,
        mut body: BoxStream<Result<Piece, TransportFailure>>,
        size: u64,
    ) -> BoxFuture<'static, Answered> {
        let (inner, network) = (Arc::clone(&self.inner), Arc::clone(&self.network));
        Box::pin(async move {
            let Some(hook) = &network.upload else {
                return inner.upload(url, body, size).await;
            };
            let mut bytes = Vec::new();
            while let Some(piece) = futures_util::StreamExt::next(&mut body).await {
                bytes.extend_from_slice(&piece?.into_vec());
            }
            if !hook(&bytes) {
                return Err(TransportFailure {
                    detail: "the cable was cut".to_owned(),
                });
            }
            let whole = futures_util::stream::once(std::future::ready(Ok(bytes.into())));
            inner.upload(url, Box::pin(whole), size).await
        })
    }

    fn download(
        &self,
        url: url::Url,
        from: u64,
    ) -> BoxFuture<'static, Result<Download, TransportFailure>> {
        let (answer, network) = (self.inner.download(url, from), Arc::clone(&self.network));
        Box::pin(async move {
            let answer = answer.await?;
            Ok(match &network.download {
                Some(hook) => hook(from, answer),
                None => answer,
            })
        })
    }
}
