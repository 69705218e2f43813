//! `sealwire-relay`: the relay as a process of its own.
#![forbid(unsafe_code)]

use clap::{Parser, ValueEnum};
use sealwire_relay::{Connections, Pace, Paces, Relay, RelayConfig, RelayData};
use std::error::Error;
use std::io::{self, IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{FilterExt as _, LevelFilter, filter_fn};
use tracing_subscriber::prelude::*;

/// Stores and routes end-to-end encrypted messages that it can not read.
///
/// Prints `listening on http://ADDRESS` once it is ready. SIGTERM or SIGINT ends it: sockets are closed, requests under
/// way finish, and the exit code is 0. If it can not start, it says why and exits with 1.
///
/// Without --platform-jwks it runs in dev mode: it gives a platform token to whoever asks for one
/// (POST /v1/dev/platform-token), and therefore listens on loopback alone.
#[derive(Parser)]
#[command(name = "sealwire-relay", version)]
struct Arguments {
    /// Where the data lies: database, attachments, the relay's own key. Made if it is not there
    #[arg(long, value_name = "DIR")]
    data: PathBuf,

    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    listen: SocketAddr,

    /// What clients reach the relay by, if there is a proxy in front: scheme://host[:port].
    /// Devices sign it when they prove themselves. Default: http:// and the address it listens on
    #[arg(long, value_name = "URL")]
    public_origin: Option<String>,

    /// Takes clients' addresses, for their rates, from the last entry of X-Forwarded-For, which the proxy in front must set
    #[arg(long)]
    behind_proxy: bool,

    /// A JWK set with the platform's Ed25519 keys. Its tokens (claims sub = user id, exp, aud = sealwire) open and recover
    /// accounts. Ends dev mode
    #[arg(long, value_name = "FILE")]
    platform_jwks: Option<PathBuf>,

    /// Lets web pages of this origin use the relay; may be given several times.
    /// In dev mode pages from loopback may in any case
    #[arg(long, value_name = "ORIGIN")]
    cors_origin: Vec<String>,

    /// `off` lifts every rate and every bound on connections: for load tests
    #[arg(long, value_name = "LIMITS", default_value = "on")]
    limits: Switch,

    /// Another rate, as NAME=PER_SECOND/BURST; may be given several times. Names: anonymous, registrations, mailboxes (each
    /// address), sends, controls, bundles, sockets, requests (each device; for the account that devices share: account-sends
    /// and so on), lists (each user), frames (each socket)
    #[arg(long, value_name = "RATE", conflicts_with = "limits")]
    rate: Vec<Rate>,

    /// Connections open at once, in all [default: 50000]
    #[arg(long, value_name = "NUMBER")]
    connections_max: Option<usize>,

    /// Connections open at once from one address; not with --behind-proxy [default: 2000]
    #[arg(long, value_name = "NUMBER")]
    connections_per_address_max: Option<usize>,

    /// The largest attachment, in encrypted bytes [default: 104857600]
    #[arg(long, value_name = "BYTES")]
    attachment_max: Option<u64>,

    /// Answers 503 prekeys_exhausted where a device has no one-time prekey left, instead of a bundle without one
    #[arg(long)]
    demand_one_time_prekeys: bool,

    /// How many days what a device has not acknowledged is kept for it, or `for-ever` [default: 45]
    #[arg(long, value_name = "DAYS", value_parser = kept_for)]
    queue_days: Option<KeptFor>,

    /// All attachments of an account together, in encrypted bytes [default: 10737418240]
    #[arg(long, value_name = "BYTES")]
    attachment_quota: Option<u64>,

    /// A port of its own for /metrics, /healthz and /readyz, for whoever reaches it. Without it /metrics is on the relay's own
    /// port, for this machine alone
    #[arg(long, value_name = "ADDRESS:PORT")]
    metrics_listen: Option<SocketAddr>,

    /// How the log on stderr looks. It holds ids and sizes, never bodies or tokens.
    /// RUST_LOG sets what is logged; default: info. Below info only the relay's own lines are
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    log: LogFormat,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Switch {
    On,
    Off,
}

/// A rate as the command line names it.
#[derive(Clone)]
struct Rate {
    name: String,
    pace: Pace,
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = || "write NAME=PER_SECOND/BURST, such as sends=200/1000".to_owned();
        let (name, pace) = text.split_once('=').ok_or_else(form)?;
        let (per_second, burst) = pace.split_once('/').ok_or_else(form)?;
        let number = |text: &str| {
            let number: f64 = text.parse().map_err(|_| form())?;
            if number > 0.0 {
                Ok(number)
            } else {
                Err(format!("{text} is no rate: both numbers are above 0"))
            }
        };
        let rate = Self {
            name: name.to_owned(),
            pace: Pace::new(number(per_second)?, number(burst)?),
        };
        rate.set(&mut Paces::default())?;
        Ok(rate)
    }
}

impl Rate {
    fn set(&self, paces: &mut Paces) -> Result<(), String> {
        let place = match self.name.as_str() {
            "anonymous" => &mut paces.anonymous,
            "registrations" => &mut paces.registrations,
            "mailboxes" => &mut paces.mailboxes,
            "lists" => &mut paces.lists,
            "frames" => &mut paces.frames,
            name => {
                let (kind, is_account) = match name.strip_prefix("account-") {
                    Some(kind) => (kind, true),
                    None => (name, false),
                };
                let pace = match kind {
                    "sends" => &mut paces.sends,
                    "controls" => &mut paces.controls,
                    "bundles" => &mut paces.bundles,
                    "sockets" => &mut paces.sockets,
                    "requests" => &mut paces.requests,
                    _ => return Err(format!("there is no rate {name:?}; --help lists them")),
                };
                if is_account {
                    &mut pace.account
                } else {
                    &mut pace.device
                }
            }
        };
        *place = self.pace;
        Ok(())
    }
}

/// The system's allocator takes a quarter of a send's time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Clone, Copy, ValueEnum)]
enum LogFormat {
    /// Lines for people
    Text,
    /// One JSON object a line
    Json,
}

/// How long something is kept; none for ever.
#[derive(Clone, Copy)]
struct KeptFor(Option<Duration>);

fn kept_for(text: &str) -> Result<KeptFor, String> {
    if text == "for-ever" {
        return Ok(KeptFor(None));
    }
    let days: u32 = text
        .parse()
        .ok()
        .filter(|days| (1..=36_500).contains(days))
        .ok_or("a number of days from 1 to 36500, or for-ever")?;
    Ok(KeptFor(Some(Duration::from_secs(
        u64::from(days) * 24 * 60 * 60,
    ))))
}

/// SIGXFSZ (25 wherever Linux and the BSDs run): sent when a file would grow beyond RLIMIT_FSIZE.
const FILE_SIZE_LIMIT: i32 = 25;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    start_log(arguments.log);
    let served = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers())
        .enable_all()
        .build()
        .map_err(Into::into)
        .and_then(|runtime| runtime.block_on(serve(arguments)));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(error.as_ref());
            ExitCode::FAILURE
        }
    }
}

/// Threads for connections: a core is left to the thread that writes the database, which works as much as one of them. With as
/// many as there are cores they wake and wait for each other, at a tenth of a send's time.
fn workers() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    cores.saturating_sub(1).max(1)
}

async fn serve(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let mut ends = Ends::listen()?;
    // Handled, the signal no longer ends the process: the write fails instead and is answered with 503.
    let _file_size_limit = signal(SignalKind::from_raw(FILE_SIZE_LIMIT))?;
    let relay = Relay::start(arguments.into_config()).await?;
    let mut out = io::stdout();
    writeln!(out, "listening on {}", relay.url())?;
    out.flush()?;
    ends.wait().await;
    relay.shutdown().await;
    Ok(())
}

impl Arguments {
    fn into_config(self) -> RelayConfig {
        let mut config = RelayConfig::new(RelayData::Folder(self.data))
            .listen(self.listen)
            .behind_proxy(self.behind_proxy);
        if let Some(origin) = self.public_origin {
            config = config.public_origin(origin);
        }
        if let Some(file) = self.platform_jwks {
            config = config.platform_jwks(file);
        }
        if let Some(bytes) = self.attachment_max {
            config = config.attachment_max(bytes);
        }
        config = config.demand_one_time_prekeys(self.demand_one_time_prekeys);
        if let Some(KeptFor(lifetime)) = self.queue_days {
            config = config.queue_lifetime(lifetime);
        }
        if let Some(bytes) = self.attachment_quota {
            config = config.attachment_quota(bytes);
        }
        if let Some(address) = self.metrics_listen {
            config = config.metrics_listen(address);
        }
        let mut paces = Paces::default();
        for rate in &self.rate {
            // Its name was looked at when it was read.
            let _ = rate.set(&mut paces);
        }
        let usual = Connections::default();
        config = config.paces(paces).connections(Connections {
            total: self.connections_max.unwrap_or(usual.total),
            per_address: self
                .connections_per_address_max
                .unwrap_or(usual.per_address),
        });
        if self.limits == Switch::Off {
            config = config.without_limits();
        }
        self.cors_origin
            .into_iter()
            .fold(config, RelayConfig::cors_origin)
    }
}

/// The signals that end the relay.
struct Ends {
    terminate: Signal,
    interrupt: Signal,
}

impl Ends {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

fn start_log(format: LogFormat) {
    let wanted = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    // Below info the libraries log what passes through them: whole frames, with tokens.
    let harmless = filter_fn(|line| {
        *line.level() <= LevelFilter::INFO || line.target().starts_with("sealwire_relay")
    })
    // Without it everything counts as wanted until it is looked at: every frame would be.
    .with_max_level_hint(LevelFilter::TRACE);
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    let lines = match format {
        LogFormat::Text => lines.with_ansi(io::stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    tracing_subscriber::registry()
        .with(lines.with_filter(wanted.and(harmless)))
        .init();
}

/// The error and its causes, one line each.
#[allow(
    clippy::print_stderr,
    reason = "the last words of a process that could not start"
)]
fn report(error: &dyn Error) {
    eprintln!("sealwire-relay: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        eprintln!("  because: {error}");
        cause = error.source();
    }
}
