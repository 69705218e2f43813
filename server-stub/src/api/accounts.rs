//! Devices, their lists, and how a device gets a token.

use super::openapi::{Routes, about};
use super::owned::owned;
use super::request::{
    Anybody, Body, DevicesReader, DevicesWriter, ListPublisher, Params, PathIds, Platform, Reader,
    Registering, Writer,
};
use super::state::ApiState;
use crate::service::{Answer, Refusal};
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use sealwire_wire::contract::{
    Challenge, ChallengeRequest, DeviceListsAnswer, DeviceListsQuery, ErrorCode, OwnDevices,
    PublishDeviceList, RegisterDevice, RegisteredDevice, ReservedDevice, Token, TokenRequest,
    UserDeviceLists,
};
use sealwire_wire::limits::PREKEY_BODY_MAX;
use sealwire_wire::{DeviceId, UserId};
use serde::Deserialize;
use utoipa::IntoParams;

pub(super) fn routes(routes: Routes) -> Routes {
    use ErrorCode::*;
    routes
        .tag("devices")
        .post(
            "/v1/devices",
            register,
            about("Registers a device: the first of an account with list version 1, every other one with a grant").refuses(&[
                Forbidden,
                GrantInvalid,
                GrantUsed,
                InvalidSignature,
                UserUnknown,
                AccountExists,
                DeviceIdTaken,
                DeviceLimit,
                DeviceListConflict,
                DeviceRevoked,
                PrekeyIdConflict,
                Unprocessable,
            ]),
        )
        .delete(
            "/v1/devices/{id}",
            disable,
            about("Disables a device at once: no token, no socket, no queue. It stays in the list until a list removes it")
                .refuses(&[NotFound, UserUnknown]),
        )
        .post(
            "/v1/devices/query",
            query_device_lists,
            about("The device lists of up to 50 users").refuses(&[Unprocessable]),
        )
        .get(
            "/v1/me/devices",
            own_devices,
            about("The relay's view of one's own devices").refuses(&[UserUnknown]),
        )
        .post(
            "/v1/me/devices/reserve",
            reserve,
            about("The id of a device to come").refuses(&[DeviceLimit, UserUnknown]),
        )
        .put(
            "/v1/me/devices/list",
            publish_list,
            about("Publishes the next version of one's device list").refuses(&[
                InvalidSignature,
                UserUnknown,
                DeviceLimit,
                DeviceListConflict,
                DeviceNotRegistered,
                Unprocessable,
            ]),
        )
        .get(
            "/v1/users/{id}/devices",
            device_lists,
            about("Every version of a user's device list after one").refuses(&[UserUnknown]),
        )
        .tag("auth")
        .post(
            "/v1/auth/challenge",
            challenge,
            about("A nonce to sign with the device's key"),
        )
        .post(
            "/v1/auth/token",
            token,
            about("An access token for a signed nonce").refuses(&[
                Unauthorized,
                ChallengeInvalid,
                DeviceRevoked,
            ]),
        )
}

/// `POST /v1/devices`
pub(super) async fn register(
    _: Registering,
    Platform(user): Platform,
    State(state): State<ApiState>,
    Body(request): Body<RegisterDevice, PREKEY_BODY_MAX>,
) -> Answer<(StatusCode, Json<RegisteredDevice>)> {
    let registered = state
        .service()
        .register_device(&request, user.as_ref())
        .await?;
    Ok((StatusCode::CREATED, Json(registered)))
}

/// `POST /v1/me/devices/reserve`
pub(super) async fn reserve(
    Writer(caller): Writer,
    State(state): State<ApiState>,
) -> Answer<(StatusCode, Json<ReservedDevice>)> {
    let reserved = state.service().reserve_device_id(&caller).await?;
    Ok((StatusCode::CREATED, Json(reserved)))
}

/// `PUT /v1/me/devices/list`
pub(super) async fn publish_list(
    ListPublisher(publisher): ListPublisher,
    State(state): State<ApiState>,
    Body(request): Body<PublishDeviceList>,
) -> Answer<StatusCode> {
    owned(async move {
        let published = state
            .service()
            .publish_list(&publisher, &request.list)
            .await?;
        state.sockets().wake(&published.wake);
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// `GET /v1/me/devices`
pub(super) async fn own_devices(
    DevicesReader(holder): DevicesReader,
    State(state): State<ApiState>,
) -> Answer<Json<OwnDevices>> {
    state.service().own_devices(&holder).await.map(Json)
}

/// `DELETE /v1/devices/{id}`
pub(super) async fn disable(
    DevicesWriter(holder): DevicesWriter,
    State(state): State<ApiState>,
    PathIds(device): PathIds<DeviceId>,
) -> Answer<StatusCode> {
    owned(async move {
        let disabled = state.service().disable_device(&holder, device).await?;
        state.sockets().wake(&disabled.wake);
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// The query of `GET /v1/users/{id}/devices`.
#[derive(Deserialize, IntoParams)]
pub(super) struct Since {
    /// The newest version already held.
    #[serde(default)]
    since: u64,
}

/// `GET /v1/users/{id}/devices`
pub(super) async fn device_lists(
    Reader(caller): Reader,
    State(state): State<ApiState>,
    PathIds(user): PathIds<UserId>,
    Params(Since { since }): Params<Since>,
) -> Answer<Json<UserDeviceLists>> {
    let lists = state.service().device_lists(&caller, &user, since).await?;
    Ok(Json(lists))
}

/// `POST /v1/devices/query`
pub(super) async fn query_device_lists(
    Reader(caller): Reader,
    State(state): State<ApiState>,
    Body(query): Body<DeviceListsQuery>,
) -> Answer<Json<DeviceListsAnswer>> {
    let lists = state.service().query_device_lists(&caller, &query).await?;
    Ok(Json(lists))
}

/// `POST /v1/auth/challenge`
pub(super) async fn challenge(
    _: Anybody,
    State(state): State<ApiState>,
    Body(request): Body<ChallengeRequest>,
) -> Answer<Json<Challenge>> {
    state.service().challenge(&request).await.map(Json)
}

/// `POST /v1/auth/token`
pub(super) async fn token(
    _: Anybody,
    State(state): State<ApiState>,
    Body(request): Body<TokenRequest>,
) -> Answer<Json<Token>> {
    let device = state
        .service()
        .answer_challenge(&request, state.public_origin())
        .await?;
    state
        .access_tokens()
        .issue(&device.user_id, device.device_id, state.now())
        .map(Json)
        .map_err(|error| {
            tracing::error!(%error, "no token could be signed");
            Refusal::new(ErrorCode::Unavailable, "no token can be made now")
        })
}
