//! Why a relay did not start.

use crate::service::Refusal;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Why a relay did not start. Nothing listens.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Dev mode gives tokens to whoever asks, so it is for one machine alone.
    #[error(
        "without the platform's keys the relay is in dev mode and listens on loopback alone, not on {0}: \
         give it a JWK set (--platform-jwks), or listen on 127.0.0.1"
    )]
    NotLoopback(SocketAddr),
    /// Dev mode behind a public address would give tokens to the world.
    #[error(
        "without the platform's keys the relay is in dev mode, and {0} is not this machine: \
         give it a JWK set (--platform-jwks), or no public origin"
    )]
    PublicDevMode(String),
    /// Devices sign the origin that they connect to, and nobody connects to an unspecified address.
    #[error(
        "listening on {0} the relay cannot know what clients reach it by: say it (--public-origin)"
    )]
    NoOrigin(SocketAddr),
    /// The public origin is not one.
    #[error(
        "{0:?} is no origin: write scheme://host[:port], with http or https and nothing after it"
    )]
    Origin(String),
    /// What is to be let in from web pages is no origin that a browser sends.
    #[error(
        "{0:?} is no origin of web pages: write scheme://host[:port] in full, with nothing after it, once for each"
    )]
    CorsOrigin(String),
    /// The address is taken, or not this machine's.
    #[error("can not listen on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another relay serves the folder.
    #[error("another relay serves {}: end it first, or take another folder", .0.display())]
    FolderInUse(PathBuf),
    /// The folder, or what is in it, can not be used.
    #[error(
        "the data folder {} can not be used: name one that this user may write, or make, and that is empty or a relay's own",
        absolute(folder).display()
    )]
    Folder {
        /// Which.
        folder: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The platform's keys can not be read.
    #[error("the platform's keys in {} can not be used", file.display())]
    PlatformKeys {
        /// Which file.
        file: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The relay's own keys can not be made.
    #[error("the relay's keys can not be made")]
    Keys(#[source] Box<dyn Error + Send + Sync>),
    /// What storage holds can not be served.
    #[error("the relay's data can not be served")]
    Service(#[source] Refusal),
}

/// Said in full, since nobody sees where the process was started.
fn absolute(folder: &Path) -> PathBuf {
    std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned())
}
