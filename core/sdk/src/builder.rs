//! How a client is opened.

use crate::attachments::{ChunkCipher, RustCipher};
use crate::driver::RelayAddress;
use crate::key_store::{KeyStore, MemoryKeyStore};
use crate::open::{OpenPlan, open};
use crate::transport::Transport;
use crate::{Client, Error};
use sealwire_engine::SessionPolicy;
use sealwire_store::Location;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use url::{Host, Url};

/// What a client is opened with; see [`Client::builder`].
#[must_use = "nothing is opened before `open`"]
pub struct ClientBuilder {
    relay: String,
    location: Option<Location>,
    key_store: Option<Arc<dyn KeyStore>>,
    transport: Option<Arc<dyn Transport>>,
    cipher: Arc<dyn ChunkCipher>,
    #[cfg(target_family = "wasm")]
    runtime: Option<Arc<dyn crate::runtime::Runtime>>,
    start_offline: bool,
    give_up_after: Option<Duration>,
    session_policy: SessionPolicy,
    danger_allow_http: bool,
}

impl ClientBuilder {
    pub(crate) fn new(relay: String) -> Self {
        Self {
            relay,
            location: None,
            key_store: None,
            transport: None,
            cipher: Arc::new(RustCipher),
            #[cfg(target_family = "wasm")]
            runtime: None,
            start_offline: false,
            give_up_after: None,
            session_policy: SessionPolicy::default(),
            danger_allow_http: false,
        }
    }

    /// The store's file. It is made by the first open; its folder must exist. Beside it lie `-wal` and `-shm` while it is
    /// open, `-network` (the lock of the process that speaks for the device), and `-uploads` while attachments are sent.
    pub fn store(mut self, path: impl Into<PathBuf>) -> Self {
        self.location = Some(Location::File(path.into()));
        self
    }

    /// A store that is gone when the client closes, and the device with it. For tests.
    pub fn in_memory(mut self) -> Self {
        self.location = Some(Location::Memory);
        self
    }

    /// Keeps the store's key. Needed with [`ClientBuilder::store`].
    pub fn key_store(mut self, key_store: Arc<dyn KeyStore>) -> Self {
        self.key_store = Some(key_store);
        self
    }

    /// Another way to the network. Natively the SDK brings its own.
    pub fn transport(mut self, transport: Arc<dyn Transport>) -> Self {
        self.transport = Some(transport);
        self
    }

    /// Another cipher for attachments' chunks, such as a browser's own.
    pub fn chunk_cipher(mut self, cipher: Arc<dyn ChunkCipher>) -> Self {
        self.cipher = cipher;
        self
    }

    /// What tasks run on.
    #[cfg(target_family = "wasm")]
    pub fn runtime(mut self, runtime: Arc<dyn crate::runtime::Runtime>) -> Self {
        self.runtime = Some(runtime);
        self
    }

    /// Connects to nothing until [`Client::go_online`].
    pub fn start_offline(mut self) -> Self {
        self.start_offline = true;
        self
    }

    /// For how long a message that cannot leave is tried before it fails with its reason (`gave_up`); a day unless this is
    /// called. [`Client::retry`] tries it anew, for as long again.
    pub fn give_up_after(mut self, time: Duration) -> Self {
        self.give_up_after = Some(time);
        self
    }

    /// What new sessions must have. Unless this is called, a post-quantum part (PQXDH): devices that publish no KEM prekey are
    /// neither written to nor read in a new session, and messages for them wait. [`SessionPolicy::allow_x3dh`] lets sessions
    /// with such devices begin; with devices whose signed list says that they speak PQXDH it changes nothing. Sessions that
    /// are held go on until the other device speaks it.
    pub fn session_policy(mut self, policy: SessionPolicy) -> Self {
        self.session_policy = policy;
        self
    }

    /// Allows `http://` to other hosts than this one. Messages stay encrypted, but tokens and who writes to whom can then
    /// be read, and used, by anybody on the way.
    pub fn danger_allow_http(mut self) -> Self {
        self.danger_allow_http = true;
        self
    }

    /// Opens the store and starts the client. It connects by itself if the device belongs to an account.
    ///
    /// A store is made only where there never was one. Codes: `configuration`, `key_missing` (a store without its key),
    /// `store_missing` (a key whose store was there once), `store_in_use`, and those of a store that does not open.
    pub async fn open(self) -> Result<Client, Error> {
        let location = self.location.ok_or_else(|| {
            Error::Configuration("say where the store lies: `store`, or `in_memory`".to_owned())
        })?;
        let plan = OpenPlan {
            relay: RelayAddress::new(relay_url(&self.relay, self.danger_allow_http)?),
            key_store: key_store(&location, self.key_store)?,
            location,
            transport: match self.transport {
                Some(transport) => transport,
                None => own_transport()?,
            },
            cipher: self.cipher,
            start_offline: self.start_offline,
            give_up_after: self.give_up_after,
            session_policy: self.session_policy,
        };
        #[cfg(not(target_family = "wasm"))]
        return open(plan).await;
        #[cfg(target_family = "wasm")]
        return match self.runtime {
            Some(runtime) => open(plan, runtime).await,
            None => Err(Error::Configuration(
                "on the web, hand in a runtime".to_owned(),
            )),
        };
    }
}

/// The origin alone: it is part of every proof that a device gives of itself, and both sides must write it alike.
fn relay_url(text: &str, allow_http: bool) -> Result<Url, Error> {
    let refuse = |why: &str| {
        Err(Error::Configuration(format!(
            "the relay's address {text:?} {why}"
        )))
    };
    let Ok(url) = Url::parse(text) else {
        return refuse("is not a URL (a name outside of ASCII: write its xn-- form)");
    };
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" => {}
        "http" if loopback || allow_http => {}
        "http" => return refuse("must begin with https, as it is not on this machine"),
        _ => return refuse("must begin with https"),
    }
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if !bare || !url.username().is_empty() || url.password().is_some() {
        return refuse("must be scheme, host and port alone");
    }
    Ok(url)
}

fn key_store(
    location: &Location,
    key_store: Option<Arc<dyn KeyStore>>,
) -> Result<Arc<dyn KeyStore>, Error> {
    match (location, key_store) {
        // Its own one, also when another was handed in: a key there belongs to a file.
        (Location::Memory, _) => Ok(Arc::new(MemoryKeyStore::new())),
        (_, Some(key_store)) => Ok(key_store),
        (_, None) => Err(Error::Configuration(
            "say what keeps the store's key: `key_store`".to_owned(),
        )),
    }
}

#[cfg(not(target_family = "wasm"))]
fn own_transport() -> Result<Arc<dyn Transport>, Error> {
    Ok(Arc::new(crate::transport::NativeTransport::new()?))
}

#[cfg(target_family = "wasm")]
fn own_transport() -> Result<Arc<dyn Transport>, Error> {
    Err(Error::Configuration(
        "on the web, hand in a transport".to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relay_is_scheme_host_and_port_alone() {
        for good in [
            "https://relay.example",
            "https://relay.example:8443/",
            "http://127.0.0.1:80",
            "http://[::1]:1",
        ] {
            assert!(relay_url(good, false).is_ok(), "{good}");
        }
        for bad in [
            "relay.example",
            "ftp://relay.example",
            "https://relay.example/a",
            "https://u:p@relay.example",
        ] {
            assert_eq!(
                relay_url(bad, true).unwrap_err().code(),
                "configuration",
                "{bad}"
            );
        }
    }

    #[test]
    fn a_name_outside_of_ascii_is_asked_for_in_its_other_form() {
        let refused = relay_url("https://bücher.example", false).unwrap_err();
        assert_eq!(refused.code(), "configuration");
        assert!(refused.to_string().contains("xn--"), "{refused}");
        assert!(relay_url("https://xn--bcher-kva.example", false).is_ok());
    }

    #[tokio::test]
    async fn what_is_missing_is_named_one_after_the_other() {
        let builder = || Client::builder("https://relay.example");
        let missing = builder().open().await.err().unwrap().to_string();
        assert!(missing.contains("`store`"), "{missing}");
        let missing = builder().store("x.db").open().await.err().unwrap();
        assert!(missing.to_string().contains("`key_store`"), "{missing}");
    }

    #[test]
    fn plain_http_leaves_the_machine_only_when_it_is_asked_for() {
        assert!(relay_url("http://relay.example", false).is_err());
        assert!(relay_url("http://relay.example", true).is_ok());
    }
}
