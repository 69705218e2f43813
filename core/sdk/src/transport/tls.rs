//! TLS for HTTP and the socket alike: rustls, with Mozilla's roots built in and its provider named.

use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use std::sync::Arc;

/// Named here and not taken from the process: an app that links two providers, or none, gets this one.
/// ALPN offers HTTP/1.1 alone, which both the requests and the socket's upgrade speak.
pub(super) fn config() -> Result<Arc<ClientConfig>, rustls::Error> {
    let roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
