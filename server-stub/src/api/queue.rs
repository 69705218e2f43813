//! A device's queue without a socket.

use super::openapi::{Routes, about};
use super::owned::owned;
use super::request::{Body, Params, Reader};
use super::state::ApiState;
use crate::service::Answer;
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use sealwire_wire::contract::{AcknowledgeQueue, ErrorCode, QueuePage};
use serde::Deserialize;
use utoipa::IntoParams;

pub(super) fn routes(routes: Routes) -> Routes {
    use ErrorCode::*;
    routes
        .tag("queue")
        .get(
            "/v1/me/queue",
            page,
            about("What this device has yet to acknowledge, oldest first").refuses(&[InvalidCursor]),
        )
        .post(
            "/v1/me/queue/ack",
            acknowledge,
            about("Deletes exactly the named entries; what names none of this device's is passed over")
                .refuses(&[Unprocessable]),
        )
}

/// The query of `GET /v1/me/queue`.
#[derive(Deserialize, IntoParams)]
pub(super) struct Page {
    /// Entries of the page, at most; 100 without it. Large ones end it earlier.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// The `entry_id` to go on from without acknowledging.
    after: Option<String>,
    /// The last `marks_cursor`, empty for the beginning: marks that moved since come with the last page.
    marks_since: Option<String>,
}

/// `GET /v1/me/queue`
pub(super) async fn page(
    Reader(device): Reader,
    State(state): State<ApiState>,
    Params(page): Params<Page>,
) -> Answer<Json<QueuePage>> {
    let page = state
        .service()
        .poll_queue(
            &device,
            page.after.as_deref(),
            page.limit,
            page.marks_since.as_deref(),
        )
        .await?;
    Ok(Json(page))
}

/// `POST /v1/me/queue/ack`
pub(super) async fn acknowledge(
    Reader(device): Reader,
    State(state): State<ApiState>,
    Body(request): Body<AcknowledgeQueue>,
) -> Answer<StatusCode> {
    owned(async move {
        let service = state.service();
        let wake = service.acknowledge_entries(&device, &request).await?;
        state.sockets().wake(&wake);
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}
