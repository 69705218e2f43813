//! Prekeys: upload, counts, bundles.

use super::openapi::{Routes, about};
use super::owned::owned;
use super::request::{Body, BundleReader, Params, PathIds, Reader, Writer, query_id};
use super::state::ApiState;
use crate::service::Answer;
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use sealwire_wire::contract::{
    BundlesAnswer, BundlesQuery, DeviceName, ErrorCode, PrekeyCheck, PrekeyCheckAnswer,
    PrekeyCount, PrekeyUpload, UserBundles,
};
use sealwire_wire::limits::PREKEY_BODY_MAX;
use sealwire_wire::{DeviceId, UserId};
use serde::Deserialize;
use utoipa::IntoParams;

pub(super) fn routes(routes: Routes) -> Routes {
    use ErrorCode::*;
    routes
        .tag("prekeys")
        .put(
            "/v1/prekeys",
            upload,
            about("Adds one-time prekeys, replaces the signed one and the last-resort KEM one")
                .refuses(&[InvalidSignature, PrekeyIdConflict, Unprocessable]),
        )
        .get(
            "/v1/prekeys/count",
            count,
            about("How many one-time prekeys are left"),
        )
        .post(
            "/v1/prekeys/check",
            check,
            about("Whether the relay gives out the keys that this device believes it does")
                .status(&[200])
                .refuses(&[NotFound]),
        )
        .post(
            "/v1/prekeys/query",
            query,
            about("Bundles for devices of up to 50 users")
                .refuses(&[Unprocessable, PrekeysExhausted]),
        )
        .get(
            "/v1/users/{id}/prekeys",
            of_user,
            about("Bundles of a user's live devices, or of one of them").refuses(&[
                NotFound,
                UserUnknown,
                PrekeysExhausted,
            ]),
        )
}

/// `PUT /v1/prekeys`
pub(super) async fn upload(
    Writer(caller): Writer,
    State(state): State<ApiState>,
    Body(upload): Body<PrekeyUpload, PREKEY_BODY_MAX>,
) -> Answer<StatusCode> {
    state.service().upload_prekeys(&caller, &upload).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /v1/prekeys/count`
pub(super) async fn count(
    Reader(caller): Reader,
    State(state): State<ApiState>,
) -> Answer<Json<PrekeyCount>> {
    state.service().prekey_count(&caller).await.map(Json)
}

/// `POST /v1/prekeys/check`
pub(super) async fn check(
    Reader(caller): Reader,
    State(state): State<ApiState>,
    Body(check): Body<PrekeyCheck>,
) -> Answer<Json<PrekeyCheckAnswer>> {
    let answer = state.service().check_prekeys(&caller, &check);
    answer.await.map(Json)
}

/// The query of `GET /v1/users/{id}/prekeys`.
#[derive(Deserialize, IntoParams)]
pub(super) struct OfDevice {
    /// This one alone.
    #[param(value_type = Option<DeviceId>)]
    device_id: Option<String>,
}

/// `GET /v1/users/{id}/prekeys`
pub(super) async fn of_user(
    BundleReader(caller): BundleReader,
    State(state): State<ApiState>,
    PathIds(user): PathIds<UserId>,
    Params(OfDevice { device_id }): Params<OfDevice>,
) -> Answer<Json<UserBundles>> {
    let device = query_id(device_id.as_deref())?;
    owned(async move {
        let bundles = state.service().user_bundles(&caller, &user, device).await?;
        state.sockets().prekeys_taken(devices_of(&bundles));
        Ok(Json(bundles))
    })
    .await
}

/// `POST /v1/prekeys/query`
pub(super) async fn query(
    BundleReader(caller): BundleReader,
    State(state): State<ApiState>,
    Body(query): Body<BundlesQuery>,
) -> Answer<Json<BundlesAnswer>> {
    owned(async move {
        let found = state.service().query_bundles(&caller, &query).await?;
        let devices = found.users.iter().flat_map(devices_of);
        state.sockets().prekeys_taken(devices);
        Ok(Json(found))
    })
    .await
}

fn devices_of(bundles: &UserBundles) -> impl Iterator<Item = DeviceName> {
    bundles.bundles.iter().map(|bundle| DeviceName {
        user_id: bundles.user_id.clone(),
        device_id: bundle.device_id,
    })
}
