//! What every handler shares.

use super::load::Load;
use super::metrics::Metrics;
use super::operations::Readiness;
use super::pace::Limits;
use super::realtime::Sockets;
use crate::blobs::{BlobFolder, UrlSigner};
use crate::config::Timings;
use crate::relay::TemporaryFolder;
use crate::service::{Clock, Service};
use crate::tokens::{AccessTokens, PlatformTokens};
use bytes::Bytes;
use sealwire_wire::Timestamp;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

/// Tasks that end with the relay have ended after so many looks, so far apart.
const RELEASE_TRIES: u32 = 200;
const RELEASE_PAUSE: Duration = Duration::from_millis(5);

/// A handle to the relay's parts.
#[derive(Clone)]
pub(crate) struct ApiState(Arc<Parts>);

/// The relay's parts.
pub(crate) struct Parts {
    pub(crate) service: Service,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) access_tokens: AccessTokens,
    pub(crate) platform: PlatformTokens,
    pub(crate) url_signer: UrlSigner,
    pub(crate) blobs: Arc<BlobFolder>,
    pub(crate) sockets: Sockets,
    pub(crate) limits: Limits,
    pub(crate) load: Load,
    pub(crate) metrics: Metrics,
    pub(crate) readiness: Readiness,
    pub(crate) public_origin: String,
    pub(crate) cors_origins: Vec<String>,
    pub(crate) timings: Timings,
    pub(crate) behind_proxy: bool,
    /// `/openapi.json`, once the routes are known.
    pub(crate) document: OnceLock<Bytes>,
    /// Last, so that it goes when nothing is open in it any more.
    pub(crate) _temporary_folder: Option<TemporaryFolder>,
}

/// A handle for later, if the relay is still there then.
pub(crate) struct LaterState(Weak<Parts>);

impl LaterState {
    pub(crate) fn upgrade(&self) -> Option<ApiState> {
        self.0.upgrade().map(ApiState)
    }
}

impl ApiState {
    pub(crate) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// A handle that does not keep the relay.
    pub(crate) fn downgrade(&self) -> LaterState {
        LaterState(Arc::downgrade(&self.0))
    }

    /// Waits until this is the last handle, for a moment, and lets go of everything.
    pub(crate) async fn released(self) {
        for _ in 0..RELEASE_TRIES {
            if Arc::strong_count(&self.0) == 1 {
                break;
            }
            tokio::time::sleep(RELEASE_PAUSE).await;
        }
        // Closing the database takes a while.
        let _ = tokio::task::spawn_blocking(move || drop(self)).await;
    }

    pub(crate) fn service(&self) -> &Service {
        &self.0.service
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    pub(crate) fn access_tokens(&self) -> &AccessTokens {
        &self.0.access_tokens
    }

    pub(crate) fn platform(&self) -> &PlatformTokens {
        &self.0.platform
    }

    /// Without the platform's keys the relay stands in for it, for whoever is on this machine.
    pub(crate) fn is_dev_mode(&self) -> bool {
        self.0.platform.dev_issuer().is_some()
    }

    pub(crate) fn blobs(&self) -> &Arc<BlobFolder> {
        &self.0.blobs
    }

    pub(crate) fn url_signer(&self) -> &UrlSigner {
        &self.0.url_signer
    }

    /// When a URL signed now ends.
    pub(crate) fn url_end(&self) -> Timestamp {
        self.now().plus_ms(as_ms(self.0.timings.url_lifetime))
    }

    pub(crate) fn sockets(&self) -> &Sockets {
        &self.0.sockets
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.0.limits
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    pub(crate) fn readiness(&self) -> &Readiness {
        &self.0.readiness
    }

    /// The requests under way.
    pub(crate) fn load(&self) -> &Load {
        &self.0.load
    }

    /// What devices reach this relay by, as they sign it.
    pub(crate) fn public_origin(&self) -> &str {
        &self.0.public_origin
    }

    pub(crate) fn cors_origins(&self) -> &[String] {
        &self.0.cors_origins
    }

    /// The OpenAPI document of the routes.
    pub(crate) fn document(&self) -> Bytes {
        self.0.document.get().cloned().unwrap_or_default()
    }

    pub(crate) fn set_document(&self, document: String) {
        // The routes are made once.
        let _ = self.0.document.set(Bytes::from(document));
    }

    /// Whether a proxy says who clients are.
    pub(crate) fn behind_proxy(&self) -> bool {
        self.0.behind_proxy
    }

    pub(crate) fn timings(&self) -> &Timings {
        &self.0.timings
    }
}

/// A duration in whole milliseconds.
pub(crate) fn as_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
