//! A relay without network, and a clock that goes where it is told.

use super::people::Account;
use crate::service::{Answer, Clock, NoRandomness, Publisher, Random, Rules, Service};
use crate::storage::Storage;
use crate::storage::memory::Memory;
use crate::storage::sqlite::{Sqlite, SqliteOptions, Threading};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};
use sealwire_crypto::challenge;
use sealwire_wire::contract::{
    ChallengeRequest, DeviceEnvelope, DeviceName, EnvelopeType, ErrorCode, RegisterDevice,
    SendMessage, TokenRequest,
};
use sealwire_wire::{Base64, Bytes32, ClientSeq, IdempotencyKey, ThreadId, Timestamp, UserId};
use std::collections::BTreeMap;
use std::future::Future;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use tempfile::TempDir;

pub(crate) const ORIGIN: &str = "https://relay.example";
pub(super) const START: u64 = 1_800_000_000_000;

/// Runs a future with no runtime at all.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::park(),
        }
    }
}

/// The code that a request was refused with.
#[track_caller]
pub(crate) fn refused<T: std::fmt::Debug>(answer: Answer<T>) -> ErrorCode {
    answer.expect_err("should have been refused").code()
}

/// The same story on the embedded engine and on the one that shuffles.
pub(crate) fn on_both_engines(story: impl Fn(World)) {
    story(World::sqlite());
    for seed in 0..4 {
        story(World::memory(seed));
    }
}

pub(crate) struct TestClock(AtomicU64);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

struct TestRandom(Mutex<ChaCha20Rng>);

impl Random for TestRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandomness> {
        self.0.lock().unwrap().fill_bytes(bytes);
        Ok(())
    }
}

pub(crate) struct World {
    pub(crate) service: Service,
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) clock: Arc<TestClock>,
    pub(super) folder: Option<TempDir>,
    seed: u64,
}

impl World {
    pub(crate) fn sqlite() -> Self {
        let folder = TempDir::new().unwrap();
        let storage = open(
            folder.path(),
            SqliteOptions {
                threading: Threading::Inline,
                ..SqliteOptions::default()
            },
        );
        Self::over(storage, Some(folder), Rules::default())
    }

    pub(crate) fn threaded() -> Self {
        let folder = TempDir::new().unwrap();
        let storage = open(folder.path(), SqliteOptions::default());
        Self::over(storage, Some(folder), Rules::default())
    }

    pub(crate) fn memory(seed: u64) -> Self {
        Self::over(Arc::new(Memory::seeded(seed)), None, Rules::default())
    }

    pub(crate) fn over(storage: Arc<dyn Storage>, folder: Option<TempDir>, rules: Rules) -> Self {
        let clock = Arc::new(TestClock(AtomicU64::new(START)));
        let service = run(start(&storage, &clock, 1, rules)).unwrap();
        Self {
            service,
            storage,
            clock,
            folder,
            seed: 1,
        }
    }

    /// The same folder, opened by a new process.
    pub(crate) fn restarted(self, options: SqliteOptions) -> Self {
        let Self {
            service,
            storage,
            clock,
            folder,
            seed,
        } = self;
        drop((service, storage));
        let storage = open(folder.as_ref().unwrap().path(), options);
        let service = run(start(&storage, &clock, seed + 1, Rules::default())).unwrap();
        Self {
            service,
            storage,
            clock,
            folder,
            seed: seed + 1,
        }
    }

    pub(crate) fn with_rules(self, rules: Rules) -> Self {
        let Self {
            service,
            storage,
            clock,
            folder,
            seed,
        } = self;
        drop(service);
        let service = run(start(&storage, &clock, seed + 1, rules)).unwrap();
        Self {
            service,
            storage,
            clock,
            folder,
            seed: seed + 1,
        }
    }

    pub(crate) fn pass_ms(&self, ms: u64) {
        self.clock.0.fetch_add(ms, Ordering::SeqCst);
    }

    pub(crate) fn clock_ms(&self) -> u64 {
        self.clock.now().0
    }

    pub(crate) fn step_back_ms(&self, ms: u64) {
        self.clock.0.fetch_sub(ms, Ordering::SeqCst);
    }

    /// An account with device 1.
    pub(crate) fn open_account(&self, name: &str) -> Account {
        let (account, request) = Account::new(name);
        let answer = run(self.service.register_device(&request, Some(&account.user))).unwrap();
        assert!(answer.active);
        account
    }

    /// A further device, from the reservation to the list that holds it.
    pub(crate) fn link(&self, account: &mut Account) -> DeviceName {
        let request = self.register_by_grant(account);
        let id = request.device_id.get();
        let list = account.list_with(&[id], &[]);
        run(self
            .service
            .publish_list(&Publisher::Device(account.name(1)), &list))
        .unwrap();
        account.take(&list);
        account.name(id)
    }

    /// A further device up to its registration: inactive.
    pub(crate) fn register_by_grant(&self, account: &mut Account) -> RegisterDevice {
        let id = run(self.service.reserve_device_id(&account.name(1)))
            .unwrap()
            .device_id;
        let grant = account.grant(id.get(), self.clock.now().0 + 60_000);
        let mut request = account.registration(id.get());
        request.grant = Some(grant);
        let answer = run(self.service.register_device(&request, None)).unwrap();
        assert!(!answer.active);
        request
    }

    /// A message with an envelope for every device that the service names as missing.
    pub(crate) fn message(
        &self,
        from: &DeviceName,
        to: &UserId,
        seq: u64,
        text: &str,
    ) -> SendMessage {
        let mut message = SendMessage {
            client_seq: ClientSeq(seq),
            ciphertext: Base64(text.as_bytes().to_vec()),
            commitment: Bytes32([7; 32]),
            envelopes: Vec::new(),
            device_list_versions: BTreeMap::new(),
            kind: Default::default(),
            target_msg_id: None,
            ttl_seconds: None,
            attachment_ids: Vec::new(),
            urgent: false,
            to: Some(to.clone()),
        };
        let users = std::collections::BTreeSet::from([&from.user_id, to]);
        for user in users {
            let Some(account) = run(self.storage.account(user.clone())).unwrap() else {
                continue;
            };
            for device in account.live() {
                let name = DeviceName {
                    user_id: user.clone(),
                    device_id: device.device_id,
                };
                if name != *from {
                    message
                        .envelopes
                        .push(envelope(&name, device.registration_id, text));
                }
            }
        }
        message
    }

    /// Sends a text and answers its id.
    pub(crate) fn say(
        &self,
        from: &DeviceName,
        to: &UserId,
        seq: u64,
        text: &str,
    ) -> sealwire_wire::MessageId {
        let message = self.message(from, to, seq, text);
        let thread = ThreadId::direct(&from.user_id, to);
        run(self.service.send(
            from,
            thread,
            &key(&format!("{to}-{}-{seq}", from.device_id)),
            &message,
        ))
        .unwrap()
        .answer
        .id
    }

    pub(crate) fn token_request(&self, account: &mut Account, device: u32) -> TokenRequest {
        let name = account.name(device);
        let asked = ChallengeRequest {
            user_id: name.user_id.clone(),
            device_id: name.device_id,
        };
        let challenge = run(self.service.challenge(&asked)).unwrap();
        let nonce: [u8; 32] = challenge.nonce.as_slice().try_into().unwrap();
        let identity = account.devices[&device].identity.clone();
        let signature = challenge::Challenge {
            relay_origin: ORIGIN,
            user_id: account.user.as_str(),
            device_id: device,
            nonce: &nonce,
        }
        .sign(&identity, &mut account.rng)
        .unwrap();
        TokenRequest {
            user_id: name.user_id,
            device_id: name.device_id,
            nonce: challenge.nonce,
            signature: Base64(signature.to_bytes().to_vec()),
        }
    }
}

pub(crate) fn envelope(to: &DeviceName, registration_id: u32, text: &str) -> DeviceEnvelope {
    DeviceEnvelope {
        user_id: to.user_id.clone(),
        device_id: to.device_id,
        registration_id,
        kind: EnvelopeType::Prekey,
        body: Base64(format!("{text} for {}/{}", to.user_id, to.device_id).into_bytes()),
    }
}

pub(crate) fn key(text: &str) -> IdempotencyKey {
    text.parse().unwrap()
}

fn open(folder: &Path, options: SqliteOptions) -> Arc<dyn Storage> {
    Arc::new(Sqlite::open_with(folder, options).unwrap())
}

async fn start(
    storage: &Arc<dyn Storage>,
    clock: &Arc<TestClock>,
    seed: u64,
    rules: Rules,
) -> Answer<Service> {
    let random = TestRandom(Mutex::new(ChaCha20Rng::seed_from_u64(seed)));
    Service::start(
        Arc::clone(storage),
        Arc::clone(clock) as Arc<dyn Clock>,
        Arc::new(random),
        rules,
    )
    .await
}
