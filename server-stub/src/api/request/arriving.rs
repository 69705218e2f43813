//! A body as it comes in: given up when nothing comes for too long, and when it trickles.

use crate::service::Refusal;
use axum::body::BodyDataStream;
use axum::extract::Request;
use bytes::Bytes;
use futures_util::StreamExt as _;
use hyper::body::Body as _;
use sealwire_wire::contract::ErrorCode;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// A body that comes slower than this, all in all, holds its connection for nothing. Far below any network that works.
const SLOWEST_BYTES_PER_SECOND: u64 = 1024;

/// The bytes of a request that are still on their way.
pub(crate) struct Arriving {
    chunks: BodyDataStream,
    stall_max: Duration,
    /// When the whole would be behind the slowest pace; each byte puts it off.
    due: Instant,
}

impl Arriving {
    /// The body of this request. Nothing for `stall_max`, at the beginning or later, ends it.
    pub(crate) fn new(request: Request, stall_max: Duration) -> Self {
        Self {
            chunks: request.into_body().into_data_stream(),
            stall_max,
            due: Instant::now() + stall_max,
        }
    }

    /// The next bytes; none at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Refusal> {
        // Known from the announced length: the end does not have to be waited for.
        if self.chunks.is_end_stream() {
            return Ok(None);
        }
        let until = self.due.min(Instant::now() + self.stall_max);
        let chunk = timeout_at(until, self.chunks.next())
            .await
            .map_err(|_| {
                Refusal::new(ErrorCode::RequestTimeout, "the body did not arrive in time")
            })?
            .transpose()
            .map_err(|_| Refusal::new(ErrorCode::InvalidBody, "the body broke off"))?;
        if let Some(chunk) = &chunk {
            let ms = (chunk.len() as u64).saturating_mul(1000) / SLOWEST_BYTES_PER_SECOND;
            self.due += Duration::from_millis(ms);
        }
        Ok(chunk)
    }
}
