//! Which web pages may use the relay.

use http::{HeaderName, HeaderValue, Method, header};
use std::time::Duration;
use tower_http::cors::{AllowOrigin, CorsLayer};

/// Browsers keep the answer to a preflight for so long (they cap it themselves, most at two hours).
const PREFLIGHT_KEPT: Duration = Duration::from_secs(2 * 60 * 60);

/// Lets these origins in, and with `loopback` whatever page this machine itself serves.
pub(super) fn layer(origins: &[String], loopback: bool) -> CorsLayer {
    let origins = origins.to_vec();
    let allowed = move |origin: &HeaderValue, _: &http::request::Parts| {
        is_allowed(origin, &origins, loopback)
    };
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(allowed))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::RANGE,
            HeaderName::from_static("idempotency-key"),
        ])
        .expose_headers([
            header::RETRY_AFTER,
            header::CONTENT_RANGE,
            header::ACCEPT_RANGES,
        ])
        .max_age(PREFLIGHT_KEPT)
}

/// Whether pages of this origin may use the relay.
pub(super) fn is_allowed(origin: &HeaderValue, origins: &[String], loopback: bool) -> bool {
    origin.to_str().is_ok_and(|origin| {
        origins.iter().any(|allowed| allowed == origin) || (loopback && is_loopback(origin))
    })
}

/// Whether an origin is this machine's.
pub(crate) fn is_loopback(origin: &str) -> bool {
    url::Url::parse(origin).is_ok_and(|url| is_loopback_host(url.host()))
}

/// Whether a URL's host is this machine.
pub(super) fn is_loopback_host(host: Option<url::Host<&str>>) -> bool {
    match host {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_loopback;

    #[test]
    fn only_pages_of_this_machine_are_loopback() {
        for origin in [
            "http://localhost:5173",
            "http://127.0.0.1",
            "http://[::1]:80",
        ] {
            assert!(is_loopback(origin), "{origin}");
        }
        for origin in [
            "http://localhost.evil.example",
            "https://127.0.0.1.nip.io",
            "null",
            "",
        ] {
            assert!(!is_loopback(origin), "{origin}");
        }
    }
}
