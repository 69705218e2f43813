//! A running relay: started from its config, ended once.

use crate::api::{
    self, ApiState, Limits, Load, Metrics, Parts, Readiness, Sockets, as_ms, is_loopback,
};
use crate::blobs::{BlobFolder, UrlSigner};
use crate::config::{Connections, RelayConfig, RelayData};
use crate::door::Door;
use crate::serve::{Patience, serve, stopped};
use crate::service::{Rules, Service, SystemClock, SystemRandom};
use crate::start_error::StartError;
use crate::storage::Storage;
use crate::storage::sqlite::{Commits, OpenError, Sqlite, SqliteOptions};
use crate::tokens::{AccessTokens, PlatformTokens, Purpose, RelaySecret};
use std::error::Error;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

/// Mailboxes, nonces and whatever else has had its time are looked for this often.
const SWEEP_INTERVAL: Duration = Duration::from_secs(5 * 60);

/// Messages whose time to live is over are looked for this often.
const EXPIRY_INTERVAL: Duration = Duration::from_secs(1);

/// A relay that listens. Dropped, it ends by itself, without waiting; [`Relay::shutdown`] waits.
pub struct Relay {
    address: SocketAddr,
    metrics_address: Option<SocketAddr>,
    url: String,
    running: Option<Running>,
}

struct Running {
    stop: watch::Sender<bool>,
    state: ApiState,
    server: JoinHandle<()>,
    operators: Option<JoinHandle<()>>,
    sweeper: JoinHandle<()>,
}

impl Relay {
    /// Opens the data, listens, and serves from now on, in tasks of the runtime that this is called on.
    pub async fn start(config: RelayConfig) -> Result<Self, StartError> {
        if config.platform_jwks.is_none() && !config.listen.ip().is_loopback() {
            return Err(StartError::NotLoopback(config.listen));
        }
        let origin = config.public_origin.as_deref().map(origin).transpose()?;
        if config.platform_jwks.is_none()
            && let Some(public) = origin.as_deref().filter(|origin| !is_loopback(origin))
        {
            return Err(StartError::PublicDevMode(public.to_owned()));
        }
        let cors_origins = config.cors_origins.iter().map(|text| cors_origin(text));
        let cors_origins = cors_origins.collect::<Result<_, _>>()?;
        if origin.is_none() && config.listen.ip().is_unspecified() {
            return Err(StartError::NoOrigin(config.listen));
        }
        let listen_error = |source| StartError::Listen {
            address: config.listen,
            source,
        };
        let Opened {
            folder,
            secret,
            storage,
            commits,
            blobs,
        } = open(&config).await?;
        let platform = match &config.platform_jwks {
            Some(file) => {
                PlatformTokens::from_jwks(file).map_err(|source| StartError::PlatformKeys {
                    file: file.clone(),
                    source: source.into(),
                })?
            }
            None => {
                PlatformTokens::dev(&secret).map_err(|source| StartError::Keys(source.into()))?
            }
        };
        let access_tokens = AccessTokens::new(&secret, config.timings.token_lifetime)
            .map_err(|source| StartError::Keys(source.into()))?;
        let rules = Rules {
            attachment_max: config.attachment_max,
            attachment_quota: config.attachment_quota,
            demand_one_time_prekeys: config.demand_one_time_prekeys,
            queue_ttl_ms: config.queue_lifetime.map(as_ms),
            ..Rules::default()
        };
        let clock = Arc::new(SystemClock);
        let service = Service::start(storage, clock.clone(), Arc::new(SystemRandom), rules)
            .await
            .map_err(StartError::Service)?;
        let listener = TcpListener::bind(config.listen)
            .await
            .map_err(listen_error)?;
        let address = listener.local_addr().map_err(listen_error)?;
        let operators = match config.metrics_listen {
            Some(address) => {
                let listen_error = |source| StartError::Listen { address, source };
                let listener = TcpListener::bind(address).await.map_err(listen_error)?;
                let address = listener.local_addr().map_err(listen_error)?;
                Some((listener, address))
            }
            None => None,
        };
        let metrics_address = operators.as_ref().map(|(_, address)| *address);
        let url = format!("http://{address}");
        let door = Door::new(config.connections, config.behind_proxy);
        let patience = Patience {
            head: config.timings.idle_max,
            // Beyond a socket's own patience, so that it can still be told why it is closed.
            write: config
                .timings
                .send_stall_max
                .saturating_add(config.timings.close_patience),
            shutdown: config.timings.shutdown_grace,
        };
        let state = ApiState::new(Parts {
            service,
            clock,
            access_tokens,
            platform,
            url_signer: UrlSigner::new(secret.key_for(Purpose::AttachmentUrls)),
            blobs: Arc::new(blobs),
            sockets: Sockets::default(),
            limits: Limits::new(&config.paces),
            load: Load::default(),
            metrics: Metrics::new(commits, door.turned_away()),
            readiness: Readiness::default(),
            public_origin: origin.unwrap_or_else(|| url.clone()),
            cors_origins,
            timings: config.timings,
            behind_proxy: config.behind_proxy,
            document: OnceLock::new(),
            _temporary_folder: folder,
        });
        let (stop, stopped) = watch::channel(false);
        let operators = operators.map(|(listener, _)| {
            let router = api::operators_router(state.clone());
            let door = Door::new(Connections::default(), false);
            tokio::spawn(serve(listener, router, stopped.clone(), patience, door))
        });
        let router = api::router(state.clone()).map_err(|error| StartError::Keys(error.into()))?;
        let server = tokio::spawn(serve(listener, router, stopped.clone(), patience, door));
        let sweeper = tokio::spawn(sweep(state.clone(), stopped));
        tracing::info!(%address, dev_mode = state.is_dev_mode(), "the relay listens");
        Ok(Self {
            address,
            metrics_address,
            url,
            running: Some(Running {
                stop,
                state,
                server,
                operators,
                sweeper,
            }),
        })
    }

    /// `http://` and the address that the relay listens on.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address that the relay listens on.
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// The address of the port for operators, if it has one.
    pub fn metrics_addr(&self) -> Option<SocketAddr> {
        self.metrics_address
    }

    /// Ends the relay: new requests are refused with 503, sockets are closed with 1001, requests under way finish, commits are
    /// durable, the folder is free. Who takes longer than [`crate::Timings::shutdown_grace`] is cut off.
    pub async fn shutdown(mut self) {
        let Some(running) = self.running.take() else {
            return;
        };
        running.refuse_new_work();
        let state = &running.state;
        let finished = async {
            state.load().idle().await;
            state.sockets().all_ended().await;
        };
        let grace = state.timings().shutdown_grace;
        if tokio::time::timeout(grace, finished).await.is_err() {
            tracing::warn!("requests or sockets are cut off");
        }
        running.stop.send_replace(true);
        let _ = running.server.await;
        if let Some(operators) = running.operators {
            let _ = operators.await;
        }
        let _ = running.sweeper.await;
        running.state.released().await;
        tracing::info!("the relay has ended");
    }
}

impl Running {
    /// Those who still come are told so, until what is under way is done.
    fn refuse_new_work(&self) {
        self.state.load().drain();
        self.state.sockets().send_away();
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        if let Some(running) = &self.running {
            running.refuse_new_work();
            running.stop.send_replace(true);
        }
    }
}

/// What a relay's data folder holds.
struct Opened {
    folder: Option<TemporaryFolder>,
    secret: RelaySecret,
    storage: Arc<dyn Storage>,
    commits: Arc<Commits>,
    blobs: BlobFolder,
}

/// The folder of a relay that keeps nothing: gone when the relay ends.
pub(crate) struct TemporaryFolder(PathBuf);

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

async fn open(config: &RelayConfig) -> Result<Opened, StartError> {
    let (data, pages) = (config.data.clone(), config.database_pages_max);
    let opened = tokio::task::spawn_blocking(move || open_now(data, pages)).await;
    opened.unwrap_or_else(|error| Err(StartError::Keys(error.into())))
}

fn open_now(data: RelayData, max_page_count: Option<u32>) -> Result<Opened, StartError> {
    let (path, temporary) = match data {
        RelayData::Folder(path) => (path, None),
        RelayData::Memory => {
            let path = temporary_path().map_err(|error| StartError::Keys(error.into()))?;
            (path.clone(), Some(TemporaryFolder(path)))
        }
    };
    let unusable = |source: Box<dyn Error + Send + Sync>| StartError::Folder {
        folder: path.clone(),
        source,
    };
    make_private(&path).map_err(|error| unusable(error.into()))?;
    // First, since it says whether another relay serves the folder.
    let options = SqliteOptions {
        max_page_count,
        ..SqliteOptions::default()
    };
    let storage = Sqlite::open_with(&path, options).map_err(|error| match error {
        OpenError::InUse => StartError::FolderInUse(path.clone()),
        other => unusable(other.into()),
    })?;
    let secret = RelaySecret::open(&path).map_err(|error| unusable(error.into()))?;
    let blobs = BlobFolder::open(&path).map_err(|error| unusable(error.into()))?;
    Ok(Opened {
        folder: temporary,
        secret,
        commits: storage.commits(),
        storage: Arc::new(storage),
        blobs,
    })
}

/// Nobody but the relay's own user looks into its folder.
fn make_private(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn temporary_path() -> Result<PathBuf, getrandom::Error> {
    let mut name = [0; 8];
    getrandom::fill(&mut name)?;
    let name = format!("sealwire-relay-{:016x}", u64::from_be_bytes(name));
    Ok(std::env::temp_dir().join(name))
}

/// `scheme://host[:port]` as devices sign it: lower case, without a default port or a slash at the end.
fn origin(text: &str) -> Result<String, StartError> {
    let refused = || StartError::Origin(text.to_owned());
    let url = url::Url::parse(text).map_err(|_| refused())?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let is_web = matches!(url.scheme(), "http" | "https") && url.username().is_empty();
    if bare && is_web {
        Ok(url.origin().ascii_serialization())
    } else {
        Err(refused())
    }
}

/// An origin as browsers send it. Those of apps around a web view (`capacitor://localhost`) have schemes of their own.
fn cors_origin(text: &str) -> Result<String, StartError> {
    let refused = || StartError::CorsOrigin(text.to_owned());
    if let Ok(web) = origin(text) {
        // A pattern would be taken for a host of that name, and let nobody in.
        return Some(web)
            .filter(|web| !web.contains('*'))
            .ok_or_else(refused);
    }
    let url = url::Url::parse(text).map_err(|_| refused())?;
    let (false, Some(host)) = (url.is_special(), url.host_str()) else {
        return Err(refused());
    };
    let port = url.port().map(|port| format!(":{port}"));
    let origin = format!("{}://{host}{}", url.scheme(), port.unwrap_or_default());
    let said = text.strip_suffix('/').unwrap_or(text);
    if said.eq_ignore_ascii_case(&origin) && !host.contains('*') {
        Ok(said.to_owned())
    } else {
        Err(refused())
    }
}

async fn sweep(state: ApiState, mut stop: watch::Receiver<bool>) {
    let mut interval = tokio::time::interval(SWEEP_INTERVAL);
    let mut expiry = tokio::time::interval(EXPIRY_INTERVAL);
    expiry.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = stopped(&mut stop) => return,
            _ = expiry.tick() => {
                match state.service().expire_messages().await {
                    Ok(wake) => state.sockets().wake(&wake),
                    Err(refusal) => tracing::warn!(%refusal, "messages outlive their time"),
                }
                continue;
            }
            _ = interval.tick() => {}
        }
        match state.service().sweep().await {
            Ok(swept) => {
                let metrics = state.metrics();
                metrics.sweeps.add(1);
                metrics
                    .attachments_swept
                    .add(swept.answer.attachments.len() as u64);
                state.sockets().wake(&swept.wake);
                if swept.answer.has_more {
                    interval.reset_immediately();
                }
                for id in &swept.answer.attachments {
                    if let Err(error) = state.blobs().remove(id).await {
                        tracing::warn!(%id, %error, "a forgotten attachment stays on disk");
                    }
                }
            }
            Err(refusal) => {
                state.metrics().sweeps_failed.add(1);
                tracing::warn!(%refusal, "nothing could be swept");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_one_spelling() {
        let same = ["https://Relay.example", "https://relay.example:443/"];
        for text in same {
            assert_eq!(origin(text).unwrap(), "https://relay.example");
        }
        let refused = [
            "relay.example",
            "ftp://relay.example",
            "https://relay.example/v1",
            "https://a@relay.example",
        ];
        for text in refused {
            assert!(matches!(origin(text), Err(StartError::Origin(_))), "{text}");
        }
    }

    #[test]
    fn an_origin_of_web_pages_is_as_browsers_send_it() {
        for (said, sent) in [
            ("https://Chat.example:443/", "https://chat.example"),
            ("http://localhost:5173", "http://localhost:5173"),
            ("http://[::1]:80/", "http://[::1]"),
            ("capacitor://localhost", "capacitor://localhost"),
        ] {
            assert_eq!(cors_origin(said).unwrap(), sent);
        }
        for text in [
            "nope",
            "",
            "*",
            "null",
            "chat.example",
            "localhost:5173",
            "https://*.example",
            "https://chat.example/app",
            "https://a@chat.example",
            "ftp://chat.example",
            "app://a@host",
            "app://host/x",
        ] {
            let refused = cors_origin(text);
            assert!(
                matches!(refused, Err(StartError::CorsOrigin(ref said)) if said == text),
                "{text}: {refused:?}"
            );
        }
    }
}
