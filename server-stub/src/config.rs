//! What a relay is started with.

use crate::service::Rules;
use sealwire_wire::limits::{
    ATTACHMENT_MAX, PING_INTERVAL_MS, QUEUE_TTL_MS, SILENCE_MAX_MS, TOKEN_TTL_MS,
};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// Everything that a relay is started with. Only the data's place has to be given.
#[derive(Debug, Clone)]
pub struct RelayConfig {
    pub(crate) data: RelayData,
    pub(crate) listen: SocketAddr,
    pub(crate) public_origin: Option<String>,
    pub(crate) cors_origins: Vec<String>,
    pub(crate) attachment_max: u64,
    pub(crate) queue_lifetime: Option<Duration>,
    pub(crate) attachment_quota: u64,
    pub(crate) demand_one_time_prekeys: bool,
    pub(crate) metrics_listen: Option<SocketAddr>,
    pub(crate) platform_jwks: Option<PathBuf>,
    pub(crate) timings: Timings,
    pub(crate) paces: Paces,
    pub(crate) connections: Connections,
    pub(crate) database_pages_max: Option<u32>,
    pub(crate) behind_proxy: bool,
}

/// Where a relay keeps its data.
#[derive(Debug, Clone)]
pub enum RelayData {
    /// In this folder, which is made if it is not there.
    Folder(PathBuf),
    /// Nowhere to stay: in a folder of the system's temporary ones, which goes when the relay ends.
    Memory,
}

/// How long the relay waits for what.
#[derive(Debug, Clone, Copy)]
pub struct Timings {
    /// A socket is pinged this often.
    pub ping_interval: Duration,
    /// A socket from which nothing came for so long is dropped.
    pub silence_max: Duration,
    /// A socket that takes no frame for so long is closed with 4000; a client that takes nothing of an answer is cut
    /// off after this time and that of `close_patience`.
    pub send_stall_max: Duration,
    /// A socket that is closed gets this long to take its last frames.
    pub close_patience: Duration,
    /// A socket is closed so long after its token ended.
    pub token_grace: Duration,
    /// An access token lives for so long.
    pub token_lifetime: Duration,
    /// A signed attachment URL lives for so long.
    pub url_lifetime: Duration,
    /// A connection is closed when its next request's head is not there within this time. Longer than clients keep idle
    /// connections (90 s is common), so that none is closed while a request is on its way.
    pub idle_max: Duration,
    /// A request is given up when nothing more of its body comes for so long, or when the whole comes slower than 1 KiB a
    /// second beyond it.
    pub request_stall_max: Duration,
    /// Somebody whose last socket ended counts as there for so long.
    pub presence_grace: Duration,
    /// When the relay ends, requests under way get this long.
    pub shutdown_grace: Duration,
}

/// How often things may be asked for: a steady rate, and how many at once after a rest.
#[derive(Debug, Clone, Copy)]
pub struct Paces {
    /// Requests without a token (registrations, challenges, mailboxes), for each address (for IPv6: each /64).
    pub anonymous: Pace,
    /// Devices registered, for each address.
    pub registrations: Pace,
    /// Linking mailboxes opened, for each address. All share one bound, which one address must not fill.
    pub mailboxes: Pace,
    /// Sends.
    pub sends: CallerPace,
    /// Control messages.
    pub controls: CallerPace,
    /// Requests for bundles: each takes one-time prekeys that others need.
    pub bundles: CallerPace,
    /// Sockets opened.
    pub sockets: CallerPace,
    /// Every other request with a token.
    pub requests: CallerPace,
    /// Device lists published, by each device and by the platform for each user: every contact has to fetch and verify each of them.
    pub lists: Pace,
    /// Frames from a client, for each socket; beyond it the socket is closed with 4004.
    pub frames: Pace,
}

/// A rate for each device, and one that the devices of an account share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CallerPace {
    /// Each device.
    pub device: Pace,
    /// All devices of an account together.
    pub account: Pace,
}

/// How many connections are open at once; those beyond it are answered with 503 and closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connections {
    /// All of them.
    pub total: usize,
    /// From one address (for IPv6: each /64). Behind a proxy, where all have its address, it is the proxy's to bound.
    pub per_address: usize,
}

/// One rate, of which [`Pace::UNLIMITED`] is none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// Steadily, each second.
    pub per_second: f64,
    /// At once, after a rest.
    pub burst: f64,
}

impl RelayConfig {
    /// A relay over this data, on a free port of the loopback address, in dev mode.
    pub fn new(data: RelayData) -> Self {
        Self {
            data,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            public_origin: None,
            cors_origins: Vec::new(),
            attachment_max: ATTACHMENT_MAX,
            queue_lifetime: Some(Duration::from_millis(QUEUE_TTL_MS)),
            attachment_quota: Rules::default().attachment_quota,
            demand_one_time_prekeys: false,
            metrics_listen: None,
            platform_jwks: None,
            timings: Timings::default(),
            paces: Paces::default(),
            connections: Connections::default(),
            database_pages_max: None,
            behind_proxy: false,
        }
    }

    /// Listens here; port 0 takes a free one.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// What clients reach this relay by (`https://relay.example`). Devices sign it when they prove themselves.
    /// Without it: `http://` and the address it listens on. In dev mode it must be this machine's.
    pub fn public_origin(mut self, origin: impl Into<String>) -> Self {
        self.public_origin = Some(origin.into());
        self
    }

    /// Takes clients' addresses, for their rates, from the last entry of `X-Forwarded-For`, which the proxy in front must set.
    pub fn behind_proxy(mut self, behind_proxy: bool) -> Self {
        self.behind_proxy = behind_proxy;
        self
    }

    /// Web pages of this origin (`https://chat.example`) may use the relay. In dev mode those from loopback may in any case.
    pub fn cors_origin(mut self, origin: impl Into<String>) -> Self {
        self.cors_origins.push(origin.into());
        self
    }

    /// The largest attachment in encrypted bytes.
    pub fn attachment_max(mut self, bytes: u64) -> Self {
        self.attachment_max = bytes;
        self
    }

    /// Answers 503 `prekeys_exhausted` where a device has no one-time prekey left, instead of a bundle without one.
    pub fn demand_one_time_prekeys(mut self, demand: bool) -> Self {
        self.demand_one_time_prekeys = demand;
        self
    }

    /// All attachments of an account together, in encrypted bytes.
    pub fn attachment_quota(mut self, bytes: u64) -> Self {
        self.attachment_quota = bytes;
        self
    }

    /// A port of its own for `/metrics`, `/healthz` and `/readyz`, open to whoever reaches it. Without it `/metrics` is there on
    /// the relay's own port, for this machine alone.
    pub fn metrics_listen(mut self, address: SocketAddr) -> Self {
        self.metrics_listen = Some(address);
        self
    }

    /// How long what a device has not acknowledged is kept for it: 45 days, if nothing is said; none for ever. Then its queue says
    /// `resync`, and messages that reached none of their recipient's devices are failures.
    pub fn queue_lifetime(mut self, lifetime: Option<Duration>) -> Self {
        self.queue_lifetime = lifetime;
        self
    }

    /// A JWK set with the platform's EdDSA keys. With it the platform's tokens count and dev mode is off.
    pub fn platform_jwks(mut self, file: impl Into<PathBuf>) -> Self {
        self.platform_jwks = Some(file.into());
        self
    }

    /// Other waiting times.
    pub fn timings(mut self, timings: Timings) -> Self {
        self.timings = timings;
        self
    }

    /// Other rates.
    pub fn paces(mut self, paces: Paces) -> Self {
        self.paces = paces;
        self
    }

    /// Other bounds on open connections.
    pub fn connections(mut self, connections: Connections) -> Self {
        self.connections = connections;
        self
    }

    /// No rates, and no bound on connections: for load tests.
    pub fn without_limits(self) -> Self {
        self.paces(Paces::unlimited())
            .connections(Connections::unlimited())
    }

    /// The most pages of 4 KiB that the database may grow to; beyond it writes answer 503 `storage_full`.
    pub fn database_pages_max(mut self, pages: u32) -> Self {
        self.database_pages_max = Some(pages);
        self
    }
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            ping_interval: Duration::from_millis(PING_INTERVAL_MS),
            silence_max: Duration::from_millis(SILENCE_MAX_MS),
            send_stall_max: Duration::from_secs(30),
            close_patience: Duration::from_secs(1),
            token_grace: Duration::from_secs(60),
            token_lifetime: Duration::from_millis(TOKEN_TTL_MS),
            url_lifetime: Duration::from_secs(60 * 60),
            idle_max: Duration::from_secs(120),
            request_stall_max: Duration::from_secs(30),
            presence_grace: Duration::from_secs(10),
            shutdown_grace: Duration::from_secs(5),
        }
    }
}

impl Pace {
    /// No limit.
    pub const UNLIMITED: Self = Self::new(f64::INFINITY, f64::INFINITY);

    /// So many a second, and so many at once.
    pub const fn new(per_second: f64, burst: f64) -> Self {
        Self { per_second, burst }
    }
}

impl CallerPace {
    /// An account gets what four busy devices would.
    const fn of_device(per_second: f64, burst: f64) -> Self {
        Self {
            device: Pace::new(per_second, burst),
            account: Pace::new(per_second * 4.0, burst * 4.0),
        }
    }

    const UNLIMITED: Self = Self {
        device: Pace::UNLIMITED,
        account: Pace::UNLIMITED,
    };
}

/// The same for a device and for all devices of an account together.
impl From<Pace> for CallerPace {
    fn from(pace: Pace) -> Self {
        Self {
            device: pace,
            account: pace,
        }
    }
}

impl Paces {
    /// No limits.
    pub const fn unlimited() -> Self {
        Self {
            anonymous: Pace::UNLIMITED,
            registrations: Pace::UNLIMITED,
            mailboxes: Pace::UNLIMITED,
            sends: CallerPace::UNLIMITED,
            controls: CallerPace::UNLIMITED,
            bundles: CallerPace::UNLIMITED,
            sockets: CallerPace::UNLIMITED,
            requests: CallerPace::UNLIMITED,
            lists: Pace::UNLIMITED,
            frames: Pace::UNLIMITED,
        }
    }
}

impl Default for Paces {
    fn default() -> Self {
        Self {
            anonymous: Pace::new(50.0, 500.0),
            registrations: Pace::new(5.0, 200.0),
            mailboxes: Pace::new(0.2, 50.0),
            sends: CallerPace::of_device(200.0, 1000.0),
            controls: CallerPace::of_device(20.0, 400.0),
            bundles: CallerPace::of_device(20.0, 400.0),
            sockets: CallerPace::of_device(1.0, 120.0),
            requests: CallerPace::of_device(100.0, 1000.0),
            lists: Pace::new(1.0 / 60.0, 100.0),
            // An acknowledgement for every frame of a fast replay passes for a moment; one for every 64 of them, always.
            frames: Pace::new(2_000.0, 4_000.0),
        }
    }
}

impl Connections {
    /// No bound.
    pub const fn unlimited() -> Self {
        Self {
            total: usize::MAX,
            per_address: usize::MAX,
        }
    }
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            total: 50_000,
            per_address: 2_000,
        }
    }
}
