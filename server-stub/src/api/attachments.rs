//! Attachments: room for one, where to get one, and the bytes themselves behind signed URLs.

use super::openapi::{Routes, about};
use super::owned::owned;
use super::request::{
    Anybody, Arriving, Body as JsonBody, Params, PathIds, Reader, Writer, announced_length,
    refuse_compressed,
};
use super::state::ApiState;
use crate::blobs::{Action, BlobError, ByteRange, NotSatisfiable, SignedUrl, UrlRefused};
use crate::service::{Answer, Refusal};
use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use futures_util::{Stream, stream};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use sealwire_wire::AttachmentId;
use sealwire_wire::contract::{AttachmentDownload, AttachmentUpload, CreateAttachment, ErrorCode};
use sha2::{Digest as _, Sha256};
use std::io::{self, SeekFrom};
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

/// What is read of a blob at once.
const READ_SIZE: u64 = 64 * 1024;

pub(super) fn routes(routes: Routes) -> Routes {
    use ErrorCode::*;
    routes
        .tag("attachments")
        .post(
            "/v1/attachments",
            create,
            about("Room for one encrypted attachment").refuses(&[Unprocessable]),
        )
        .get(
            "/v1/attachments/{id}",
            locate,
            about("Where to get an attachment").refuses(&[NotAParticipant, NotFound]),
        )
        .put(
            "/v1/blobs/{id}",
            upload,
            about("Puts the bytes, by a signed URL")
                .takes_bytes()
                .refuses(&[
                    Forbidden,
                    UrlExpired,
                    NotFound,
                    RequestTimeout,
                    InvalidBody,
                    UnsupportedMediaType,
                    AttachmentConflict,
                    Unprocessable,
                ]),
        )
        .get(
            "/v1/blobs/{id}",
            download,
            about("Gets the bytes or a range of them, by a signed URL")
                .answers_with("application/octet-stream")
                .status(&[200, 206])
                .refuses(&[Forbidden, UrlExpired, NotFound, RangeNotSatisfiable]),
        )
}

/// `POST /v1/attachments`
pub(super) async fn create(
    Writer(caller): Writer,
    State(state): State<ApiState>,
    JsonBody(request): JsonBody<CreateAttachment>,
) -> Answer<(StatusCode, Json<AttachmentUpload>)> {
    let facts = state.service().create_attachment(&caller, &request).await?;
    let expires_at = state.url_end();
    let path = state
        .url_signer()
        .sign(Action::Put, &facts.id, facts.size, expires_at);
    let upload = AttachmentUpload {
        id: facts.id,
        upload_url: format!("{}{path}", state.public_origin()),
        expires_at,
    };
    Ok((StatusCode::CREATED, Json(upload)))
}

/// `GET /v1/attachments/{id}`
pub(super) async fn locate(
    Reader(caller): Reader,
    State(state): State<ApiState>,
    PathIds(id): PathIds<AttachmentId>,
) -> Answer<Json<AttachmentDownload>> {
    let facts = state.service().attachment_download(&caller, &id).await?;
    if facts.completed.is_none() {
        return Err(BlobError::Absent.into());
    }
    let expires_at = state.url_end();
    let path = state
        .url_signer()
        .sign(Action::Get, &facts.id, facts.size, expires_at);
    Ok(Json(AttachmentDownload {
        id: facts.id,
        download_url: format!("{}{path}", state.public_origin()),
        size: facts.size,
        expires_at,
    }))
}

/// `PUT` of a signed URL: the bytes, as many as were announced.
pub(super) async fn upload(
    _: Anybody,
    State(state): State<ApiState>,
    PathIds(id): PathIds<AttachmentId>,
    Params(url): Params<SignedUrl>,
    request: Request,
) -> Answer<StatusCode> {
    check(&state, &id, &url, Action::Put)?;
    refuse_compressed(request.headers())?;
    let facts = state.service().attachment_upload(&id).await?;
    if announced_length(request.headers()).is_some_and(|length| length != facts.size) {
        return Err(BlobError::WrongSize.into());
    }
    let _under_way = state.load().begin_upload(&id)?;
    let mut upload = state.blobs().upload(facts.size).await?;
    let mut digest = Sha256::new();
    let mut arriving = Arriving::new(request, state.timings().request_stall_max);
    while let Some(chunk) = arriving.next().await? {
        digest.update(&chunk);
        upload.write(&chunk).await?;
    }
    let digest = digest.finalize().into();
    owned(async move {
        upload.finish(&id).await?;
        state.service().complete_attachment(&id, digest).await?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// `GET` of a signed URL: all the bytes, or the range asked for.
pub(super) async fn download(
    _: Anybody,
    State(state): State<ApiState>,
    PathIds(id): PathIds<AttachmentId>,
    Params(url): Params<SignedUrl>,
    headers: HeaderMap,
) -> Answer<Response> {
    check(&state, &id, &url, Action::Get)?;
    let (mut file, size) = state.blobs().read(&id).await?;
    let asked = headers
        .get(header::RANGE)
        .and_then(|value| value.to_str().ok());
    let range = match asked.map(|header| ByteRange::read(header, size)) {
        None | Some(Ok(None)) => None,
        Some(Ok(Some(range))) => Some(range),
        Some(Err(NotSatisfiable)) => return Ok(not_satisfiable(size)),
    };
    let (status, start, length) = match range {
        Some(range) => (StatusCode::PARTIAL_CONTENT, range.start, range.length),
        None => (StatusCode::OK, 0, size),
    };
    file.seek(SeekFrom::Start(start))
        .await
        .map_err(BlobError::from)?;
    let mut response = Response::new(Body::from_stream(bytes_of(file, length)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let sealed = HeaderValue::from_static("application/octet-stream");
    headers.insert(header::CONTENT_TYPE, sealed);
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Some(range) = range
        && let Ok(value) = HeaderValue::try_from(range.content_range(size))
    {
        headers.insert(header::CONTENT_RANGE, value);
    }
    Ok(response)
}

fn check(state: &ApiState, id: &AttachmentId, url: &SignedUrl, action: Action) -> Answer<()> {
    let tampered = || Refusal::new(ErrorCode::Forbidden, "the relay did not make this URL");
    if url.action != action {
        return Err(tampered());
    }
    match state.url_signer().check(id, url, state.now()) {
        Ok(()) => Ok(()),
        Err(UrlRefused::Tampered) => Err(tampered()),
        Err(UrlRefused::Expired) => Err(Refusal::new(
            ErrorCode::UrlExpired,
            "the URL has ended: ask for another",
        )),
    }
}

/// The next `length` bytes of a file, read as the client takes them.
fn bytes_of(file: File, length: u64) -> impl Stream<Item = io::Result<Bytes>> {
    stream::try_unfold((file, length), |(mut file, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let mut chunk = vec![0; left.min(READ_SIZE) as usize];
        file.read_exact(&mut chunk).await?;
        let left = left - chunk.len() as u64;
        Ok(Some((Bytes::from(chunk), (file, left))))
    })
}

fn not_satisfiable(size: u64) -> Response {
    use axum::response::IntoResponse as _;
    let detail = format!("the attachment has {size} bytes");
    let mut response = Refusal::new(ErrorCode::RangeNotSatisfiable, detail).into_response();
    if let Ok(value) = HeaderValue::try_from(format!("bytes */{size}")) {
        response.headers_mut().insert(header::CONTENT_RANGE, value);
    }
    response
}

impl From<BlobError> for Refusal {
    fn from(error: BlobError) -> Self {
        let code = match &error {
            BlobError::WrongSize => ErrorCode::Unprocessable,
            BlobError::OtherBytes => ErrorCode::AttachmentConflict,
            BlobError::Absent => ErrorCode::NotFound,
            BlobError::Full => ErrorCode::StorageFull,
            BlobError::Io(cause) => {
                tracing::error!(%cause, "the blob folder failed");
                ErrorCode::Unavailable
            }
        };
        Self::new(code, error.to_string())
    }
}
