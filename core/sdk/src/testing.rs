//! For an app's own tests: a network that fails, as often as a test says. Behind the feature `testing`.
//!
//! What the SDK promises (a message that was taken in arrives once, in its place) holds over such a network too, so a test of an
//! app that passes on a sunny day has to pass in a storm. The SDK's own simulation goes further (`docs/testing.md`): there clocks,
//! disks and processes fail as well.
//!
//! ```
//! use sealwire::testing::{Storm, Weather};
//! # fn main() -> Result<(), sealwire::Error> {
//! let storm = std::sync::Arc::new(Storm::over_native(7)?);
//! let client = sealwire::Client::builder("http://127.0.0.1:8480")
//!     .in_memory()
//!     .transport(storm.clone());
//! // … whatever the app does; then everything has to come to rest:
//! storm.becomes(Weather::CALM);
//! # Ok(()) }
//! ```

use crate::Error;
use crate::attachments::Piece;
use crate::bounds::{BoxFuture, BoxStream};
use crate::transport::{
    Download, HttpResponse, NativeTransport, Request, Socket, SocketRefused, Transport,
    TransportFailure,
};
use futures_util::StreamExt as _;
use std::future::ready;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use url::Url;

/// How often each thing goes wrong, of a thousand times that it could.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weather {
    /// A request never reaches the relay.
    pub request_lost: u16,
    /// The relay does what was asked, and its answer is lost.
    pub answer_lost: u16,
    /// A request reaches the relay twice.
    pub duplicated: u16,
    /// A request takes up to `delay_max` longer.
    pub delayed: u16,
    /// The longest delay.
    pub delay_max: Duration,
    /// A socket, or the download of an attachment, is cut; for each frame or piece.
    pub cut: u16,
}

impl Weather {
    /// Nothing goes wrong.
    pub const CALM: Self = Self {
        request_lost: 0,
        answer_lost: 0,
        duplicated: 0,
        delayed: 0,
        delay_max: Duration::ZERO,
        cut: 0,
    };

    /// Every tenth request suffers in each way, and every fiftieth frame cuts its socket.
    pub const STORM: Self = Self {
        request_lost: 100,
        answer_lost: 100,
        duplicated: 100,
        delayed: 100,
        delay_max: Duration::from_secs(1),
        cut: 20,
    };
}

/// A transport over another one that fails as the weather is: [`Weather::STORM`] until it is told otherwise.
///
/// The same seed strikes the same of the things that happen, in their order. In which order they happen is up to the machine.
pub struct Storm {
    inner: Arc<dyn Transport>,
    sky: Arc<Sky>,
}

struct Sky {
    weather: Mutex<Weather>,
    drawn: AtomicU64,
    strikes: AtomicU64,
}

impl Storm {
    /// Over the transport that a client has of itself.
    pub fn over_native(seed: u64) -> Result<Self, Error> {
        let native = NativeTransport::new()?;
        Ok(Self::over(Arc::new(native), seed))
    }

    /// Over any transport.
    pub fn over(inner: Arc<dyn Transport>, seed: u64) -> Self {
        let sky = Sky {
            weather: Mutex::new(Weather::STORM),
            drawn: AtomicU64::new(seed),
            strikes: AtomicU64::new(0),
        };
        Self {
            inner,
            sky: Arc::new(sky),
        }
    }

    /// The weather from now on.
    pub fn becomes(&self, weather: Weather) {
        *self
            .sky
            .weather
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = weather;
    }

    /// How many times something went wrong: a test over a network that never failed has shown nothing.
    pub fn strikes(&self) -> u64 {
        self.sky.strikes.load(Ordering::Relaxed)
    }
}

impl Transport for Storm {
    fn request(
        &self,
        request: Request,
    ) -> BoxFuture<'static, Result<HttpResponse, TransportFailure>> {
        let (inner, sky) = (Arc::clone(&self.inner), Arc::clone(&self.sky));
        Box::pin(async move {
            sky.delays().await;
            if sky.strikes(|weather| weather.request_lost) {
                return Err(lost("the request was lost"));
            }
            if sky.strikes(|weather| weather.duplicated) {
                // What the relay says to the first one nobody hears.
                let _ = inner.request(copy_of(&request)).await;
            }
            let answer = inner.request(request).await;
            if sky.strikes(|weather| weather.answer_lost) {
                return Err(lost("the answer was lost"));
            }
            answer
        })
    }

    fn open_socket(
        &self,
        url: Url,
        bearer: String,
    ) -> BoxFuture<'static, Result<Socket, SocketRefused>> {
        let (inner, sky) = (Arc::clone(&self.inner), Arc::clone(&self.sky));
        Box::pin(async move {
            let Socket { sink, stream } = inner.open_socket(url, bearer).await?;
            let stays = move |_: &_| ready(!sky.strikes(|weather| weather.cut));
            let stream = Box::pin(stream.take_while(stays));
            Ok(Socket { sink, stream })
        })
    }

    fn upload(
        &self,
        url: Url,
        body: BoxStream<Result<Piece, TransportFailure>>,
        size: u64,
    ) -> BoxFuture<'static, Result<HttpResponse, TransportFailure>> {
        let (inner, sky) = (Arc::clone(&self.inner), Arc::clone(&self.sky));
        Box::pin(async move {
            sky.delays().await;
            if sky.strikes(|weather| weather.request_lost) {
                return Err(lost("the upload was lost"));
            }
            let answer = inner.upload(url, body, size).await;
            if sky.strikes(|weather| weather.answer_lost) {
                return Err(lost("the answer was lost"));
            }
            answer
        })
    }

    fn download(
        &self,
        url: Url,
        from: u64,
    ) -> BoxFuture<'static, Result<Download, TransportFailure>> {
        let (inner, sky) = (Arc::clone(&self.inner), Arc::clone(&self.sky));
        Box::pin(async move {
            if sky.strikes(|weather| weather.request_lost) {
                return Err(lost("the request was lost"));
            }
            let Download { status, body } = inner.download(url, from).await?;
            let cut = move |piece| match sky.strikes(|weather| weather.cut) {
                true => Err(lost("the download was cut")),
                false => piece,
            };
            let body = Box::pin(body.map(cut));
            Ok(Download { status, body })
        })
    }

    fn suspend(&self) {
        self.inner.suspend();
    }
}

impl Sky {
    fn weather(&self) -> Weather {
        *self.weather.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it strikes now.
    fn strikes(&self, of_a_thousand: impl FnOnce(&Weather) -> u16) -> bool {
        let struck = self.draw() % 1_000 < u64::from(of_a_thousand(&self.weather()));
        self.strikes.fetch_add(struck.into(), Ordering::Relaxed);
        struck
    }

    async fn delays(&self) {
        if self.strikes(|weather| weather.delayed) {
            let most = self.weather().delay_max.as_millis().max(1) as u64;
            tokio::time::sleep(Duration::from_millis(self.draw() % most)).await;
        }
    }

    /// SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
    fn draw(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut drawn = self
            .drawn
            .fetch_add(STEP, Ordering::Relaxed)
            .wrapping_add(STEP);
        drawn = (drawn ^ (drawn >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        drawn = (drawn ^ (drawn >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        drawn ^ (drawn >> 31)
    }
}

fn lost(detail: &str) -> TransportFailure {
    TransportFailure {
        detail: detail.to_owned(),
    }
}

fn copy_of(request: &Request) -> Request {
    Request {
        method: request.method,
        url: request.url.clone(),
        body: request.body.clone(),
        bearer: request.bearer.clone(),
        idempotency_key: request.idempotency_key.clone(),
    }
}
