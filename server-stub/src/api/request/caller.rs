//! Who asks: by bearer token, by the platform's word, or only by address.

use crate::api::state::ApiState;
use crate::service::{Publisher, Refusal};
use crate::tokens::{Access, Scope, TokenRefused};
use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use sealwire_wire::UserId;
use sealwire_wire::contract::{DeviceName, ErrorCode};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The user that a platform's token names, if one was shown.
pub(crate) struct Platform(pub(crate) Option<UserId>);

/// Whoever may publish a device list: a device, or the platform's word for a user.
pub(crate) struct ListPublisher(pub(crate) Publisher);

/// Whoever may look at an account's devices: one of them, or the platform's word for the user.
pub(crate) struct DevicesReader(pub(crate) Publisher);

/// Whoever may disable an account's devices: one of them, or the platform's word for the user.
pub(crate) struct DevicesWriter(pub(crate) Publisher);

/// The address at the other end of the connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// Somebody without a token, held to the pace of such. An address with too many requests gets 429.
pub(crate) struct Anybody;

/// Somebody without a device's token who registers one.
pub(crate) struct Registering;

/// Somebody without a token who opens a linking mailbox: their number is bounded for all, so each address has few.
pub(crate) struct Linking;

/// Devices by what their token lets them do, each held to its pace before a body is read.
macro_rules! callers {
    ($($(#[$about:meta])+ $name:ident: $scope:ident, $pace:ident;)*) => {$(
        $(#[$about])+
        pub(crate) struct $name(pub(crate) DeviceName);

        impl FromRequestParts<ApiState> for $name {
            type Rejection = Refusal;

            async fn from_request_parts(
                parts: &mut Parts,
                state: &ApiState,
            ) -> Result<Self, Refusal> {
                let device = access(bearer(parts)?, state, Scope::$scope)?.into_device();
                state.limits().$pace.take(&device)?;
                Ok(Self(device))
            }
        }
    )*};
}

callers! {
    /// A device whose token lets it read.
    Reader: Read, requests;
    /// A device whose token lets it write.
    Writer: Write, requests;
    /// A device that sends a message.
    Sender: Write, sends;
    /// A device that sends a control message.
    ControlSender: Write, controls;
    /// A device that asks for bundles.
    BundleReader: Read, bundles;
}

impl FromRequestParts<ApiState> for Platform {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Refusal> {
        if !parts.headers.contains_key(AUTHORIZATION) {
            return Ok(Self(None));
        }
        let read = state.platform().read(bearer(parts)?, state.now());
        read.map(|user| Self(Some(user))).map_err(refusal)
    }
}

impl FromRequestParts<ApiState> for ListPublisher {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Refusal> {
        let publisher = publisher(parts, state, Scope::Write)?;
        let by = match &publisher {
            Publisher::Platform(user) => (user, None),
            Publisher::Device(device) => (&device.user_id, Some(device.device_id)),
        };
        // Every contact is told of each version, keeps it for ever and verifies it. Each publisher has a rate of its own: the
        // device that floods is the one that the others want to remove.
        state.limits().lists.take(&by)?;
        Ok(Self(publisher))
    }
}

impl FromRequestParts<ApiState> for DevicesReader {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Refusal> {
        paced_publisher(parts, state, Scope::Read).map(Self)
    }
}

impl FromRequestParts<ApiState> for DevicesWriter {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Refusal> {
        paced_publisher(parts, state, Scope::Write).map(Self)
    }
}

fn paced_publisher(parts: &Parts, state: &ApiState, scope: Scope) -> Result<Publisher, Refusal> {
    let publisher = publisher(parts, state, scope)?;
    match &publisher {
        Publisher::Device(device) => state.limits().requests.take(device)?,
        Publisher::Platform(user) => state.limits().requests.take_for_platform(user)?,
    }
    Ok(publisher)
}

fn publisher(parts: &Parts, state: &ApiState, scope: Scope) -> Result<Publisher, Refusal> {
    let token = bearer(parts)?;
    // A token that the platform signed is recognised as such; any other answers as a device's.
    Ok(match state.platform().read(token, state.now()) {
        Ok(user) => Publisher::Platform(user),
        Err(_) => Publisher::Device(access(token, state, scope)?.into_device()),
    })
}

impl FromRequestParts<ApiState> for Anybody {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Refusal> {
        let address = client_address(parts, state);
        state.limits().anonymous.take(&address)?;
        Ok(Self)
    }
}

impl FromRequestParts<ApiState> for Linking {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Refusal> {
        let address = client_address(parts, state);
        state.limits().anonymous.take(&address)?;
        state.limits().mailboxes.take(&address)?;
        Ok(Self)
    }
}

impl FromRequestParts<ApiState> for Registering {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Refusal> {
        let address = client_address(parts, state);
        state.limits().anonymous.take(&address)?;
        state.limits().registrations.take(&address)?;
        Ok(Self)
    }
}

/// Where a client is, as far as the relay can know: what its rate is counted under.
fn client_address(parts: &Parts, state: &ApiState) -> IpAddr {
    // What a client itself wrote there stands before what the proxy adds.
    let forwarded = parts
        .headers
        .get_all("x-forwarded-for")
        .iter()
        .next_back()
        .filter(|_| state.behind_proxy())
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.rsplit(',').next())
        .and_then(|address| address.trim().parse().ok());
    rated(forwarded.unwrap_or_else(|| Peer::of(parts).0.ip()))
}

/// An IPv6 client has a whole /64 to itself (RFC 6177), and would have as many rates as addresses there.
pub(crate) fn rated(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !0 << 64)),
        v4 => v4,
    }
}

impl Peer {
    /// Whoever has no address (there is none outside of a connection) counts as one stranger.
    pub(crate) fn of(parts: &Parts) -> Self {
        let nowhere = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
        parts.extensions.get().copied().unwrap_or(Self(nowhere))
    }
}

/// The token of the Authorization header.
pub(crate) fn bearer(parts: &Parts) -> Result<&str, Refusal> {
    parts
        .headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .ok_or_else(|| {
            Refusal::new(
                ErrorCode::Unauthorized,
                "show a token: Authorization: Bearer <token>",
            )
        })
}

/// What a device's token says, if it counts for this scope.
pub(crate) fn access(token: &str, state: &ApiState, scope: Scope) -> Result<Access, Refusal> {
    let read = state.access_tokens().read(token, state.now());
    allowed(read.map_err(refusal)?, scope)
}

/// The same where a token is shown once: at a socket.
pub(crate) fn socket_access(token: &str, state: &ApiState) -> Result<Access, Refusal> {
    let read = state.access_tokens().read_once(token, state.now());
    allowed(read.map_err(refusal)?, Scope::Read)
}

fn allowed(access: Access, scope: Scope) -> Result<Access, Refusal> {
    if access.allows(scope) {
        Ok(access)
    } else {
        Err(Refusal::new(
            ErrorCode::Forbidden,
            "the token has not the scope for this",
        ))
    }
}

/// The problem of a token that does not count.
pub(crate) fn refusal(refused: TokenRefused) -> Refusal {
    match refused {
        TokenRefused::Forged => Refusal::new(
            ErrorCode::Unauthorized,
            "the token is not one that this relay takes here",
        ),
        TokenRefused::Expired => {
            Refusal::new(ErrorCode::TokenExpired, "the token has ended: get another")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_client_has_one_rate_for_its_whole_network() {
        let rate = |text: &str| rated(text.parse().unwrap());
        assert_eq!(rate("2001:db8:0:1::1"), rate("2001:db8:0:1:ffff::9"));
        assert_ne!(rate("2001:db8:0:1::1"), rate("2001:db8:0:2::1"));
        assert_eq!(rate("::ffff:192.0.2.1"), rate("192.0.2.1"));
        assert_ne!(rate("192.0.2.1"), rate("192.0.2.2"));
    }
}
