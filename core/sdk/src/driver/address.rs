//! Where the relay's paths lie.

use url::Url;

/// A relay by its origin: `https://relay.example`.
pub(crate) struct RelayAddress(Url);

impl RelayAddress {
    pub(crate) fn new(origin: Url) -> Self {
        Self(origin)
    }

    /// `scheme://host[:port]`, as a device's proofs name it.
    pub(crate) fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }

    /// The engine's paths begin with a slash and may carry a query.
    pub(crate) fn url(&self, path: &str) -> Url {
        self.0.join(path).unwrap_or_else(|_| self.0.clone())
    }

    /// Whether nothing is sent to it in the clear.
    pub(crate) fn is_private(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// The same place over a WebSocket.
    pub(crate) fn socket_url(&self, path: &str) -> Url {
        let mut url = self.url(path);
        let scheme = if url.scheme() == "https" { "wss" } else { "ws" };
        // Between these schemes a change is always possible.
        let _ = url.set_scheme(scheme);
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_goes_to_the_relay_over_its_own_kind_of_connection() {
        let url = |relay: &str| {
            let relay = RelayAddress::new(relay.parse().unwrap());
            relay.socket_url("/v1/realtime?device_id=1").to_string()
        };
        assert_eq!(
            url("https://relay.example"),
            "wss://relay.example/v1/realtime?device_id=1"
        );
        assert_eq!(
            url("http://127.0.0.1:8080"),
            "ws://127.0.0.1:8080/v1/realtime?device_id=1"
        );
    }

    #[test]
    fn the_origin_has_no_slash_at_its_end() {
        let relay = RelayAddress::new("https://relay.example/".parse().unwrap());
        assert_eq!(relay.origin(), "https://relay.example");
    }
}
