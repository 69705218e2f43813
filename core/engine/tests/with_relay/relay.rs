//! A relay of the contract in memory, which a test can make say anything.

use sealwire_crypto::device::{DeviceList, SignedDeviceList};
use sealwire_engine::{HttpMethod, HttpRequest, HttpResponse};
use sealwire_wire::contract::*;
use sealwire_wire::limits::LISTS_PER_ANSWER;
use sealwire_wire::{Base64, Bytes32, DeviceId, MessageId, ThreadId, Timestamp, UserId};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Looked at first: what it answers is the answer.
pub(crate) type Instead = Box<dyn FnMut(&HttpRequest) -> Option<HttpResponse>>;

#[derive(Default)]
pub(crate) struct Relay {
    pub(crate) lists: BTreeMap<UserId, Vec<SignedList>>,
    pub(crate) registered: BTreeMap<DeviceName, RegisterDevice>,
    pub(crate) queues: BTreeMap<DeviceName, VecDeque<MessageRow>>,
    pub(crate) controls: BTreeMap<DeviceName, VecDeque<ControlMessage>>,
    /// Every control message that came in, with its key, also those that were refused.
    pub(crate) told: Vec<(DeviceName, Option<String>, SendControl)>,
    /// Every prekey upload that was taken, also those of registrations.
    pub(crate) uploads: Vec<(DeviceName, PrekeyUpload)>,
    /// The one-time prekeys that a device ever brought.
    pub(crate) one_time: BTreeMap<(DeviceName, u32), Base64>,
    /// Every row, without envelopes.
    pub(crate) rows: BTreeMap<MessageId, MessageRow>,
    /// Every send that came in, also those that were refused.
    pub(crate) sends: Vec<(DeviceName, SendMessage)>,
    /// Method and path of every request.
    pub(crate) asked: Vec<String>,
    pub(crate) instead: Option<Instead>,
    /// Numbers that no send may have any more.
    pub(crate) voided: BTreeSet<(ThreadId, DeviceName, u64)>,
    /// What its clock shows at the first message.
    pub(crate) clock: u64,
    /// Whether a repeat reaches those whom the send did not reach.
    pub(crate) requeues: bool,
    /// Whether bundles come without their KEM prekeys.
    pub(crate) strips_kem: bool,
    pub(crate) last_sent: Option<SentMessage>,
    stored: BTreeMap<(ThreadId, DeviceName, u64), (Vec<u8>, SentMessage)>,
    slots: BTreeMap<String, Base64>,
    control_keys: BTreeMap<String, SentControl>,
    minted: u64,
}

pub(crate) fn ok(body: &impl Serialize) -> HttpResponse {
    HttpResponse {
        status: 200,
        retry_after_ms: None,
        body: serde_json::to_vec(body).unwrap(),
    }
}

pub(crate) fn refusal(problem: Problem) -> HttpResponse {
    HttpResponse {
        status: problem.status,
        ..ok(&problem)
    }
}

pub(crate) fn no(code: ErrorCode) -> HttpResponse {
    refusal(Problem::new(code, "by the test"))
}

impl Relay {
    pub(crate) fn answer(&mut self, request: &HttpRequest) -> HttpResponse {
        let path = request.path.split('?').next().unwrap_or_default();
        self.asked
            .push(format!("{:?} {}", request.method, request.path));
        if path == "/v1/control" {
            let caller = name_of(request.bearer.as_deref().unwrap());
            let key = request.idempotency_key.as_ref().map(ToString::to_string);
            let body = read(request.body.as_deref().unwrap());
            self.told.push((caller, key, body));
        }
        if let Some(answer) = self.instead.as_mut().and_then(|instead| instead(request)) {
            return answer;
        }
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let body = request.body.as_deref().unwrap_or_default();
        let caller = || name_of(request.bearer.as_deref().unwrap());
        match (request.method, parts.as_slice()) {
            (HttpMethod::Post, ["v1", "dev", "platform-token"]) => ok(&token("platform")),
            (HttpMethod::Post, ["v1", "devices"]) => self.register(read(body)),
            (HttpMethod::Post, ["v1", "auth", "challenge"]) => ok(&Challenge {
                nonce: [7; 32].into(),
                expires_at: Timestamp(u64::MAX),
            }),
            (HttpMethod::Post, ["v1", "auth", "token"]) => {
                let ask: TokenRequest = read(body);
                ok(&token(&format!("{}/{}", ask.user_id, ask.device_id)))
            }
            (HttpMethod::Get, ["v1", "users", user, "devices"]) => {
                self.lists_after(&user.parse().unwrap(), since(&request.path))
            }
            (HttpMethod::Post, ["v1", "prekeys", "query"]) => self.bundles(read(body)),
            (HttpMethod::Put, ["v1", "prekeys"]) => self.upload(&caller(), read(body)),
            (HttpMethod::Post, ["v1", "prekeys", "check"]) => self.check(&caller(), &read(body)),
            (HttpMethod::Post, ["v1", "control"]) => {
                let key = request.idempotency_key.as_ref().unwrap().to_string();
                self.control(caller(), key, read(body))
            }
            (HttpMethod::Get, ["v1", "messages", id]) => {
                match self.rows.get(&id.parse().unwrap()) {
                    Some(row) => ok(row),
                    None => no(ErrorCode::NotFound),
                }
            }
            (HttpMethod::Post, ["v1", "threads", thread, "messages"]) => {
                self.send(caller(), thread.parse().unwrap(), read(body))
            }
            (HttpMethod::Get, ["v1", "me", "queue"]) => {
                let queue = self.queues.entry(caller()).or_default();
                let entries = queue.iter().take(3).map(|row| QueueItem {
                    entry_id: row.id.to_string(),
                    event: ServerEvent::Msg {
                        message: Box::new(row.clone()),
                    },
                });
                ok(&QueuePage {
                    entries: entries.collect(),
                    has_more: queue.len() > 3,
                    marks: Vec::new(),
                    marks_cursor: None,
                })
            }
            (HttpMethod::Post, ["v1", "me", "queue", "ack"]) => {
                let named = read::<AcknowledgeQueue>(body).entry_ids;
                let queue = self.queues.entry(caller()).or_default();
                queue.retain(|row| !named.contains(&row.id.to_string()));
                ok(&())
            }
            (HttpMethod::Post, ["v1", "threads", thread, "sends", client_seq, "void"]) => {
                let number = (
                    thread.parse().unwrap(),
                    caller(),
                    client_seq.parse().unwrap(),
                );
                let message = self.stored.get(&number).map(|(_, sent)| sent.clone());
                if message.is_none() {
                    self.voided.insert(number);
                }
                ok(&VoidedSend { message })
            }
            (HttpMethod::Get, ["v1", "threads"]) => ok(&Inbox {
                threads: Vec::new(),
                next_cursor: None,
            }),
            (HttpMethod::Get, ["v1", "threads", _, "messages"]) => ok(&MessagePage {
                messages: Vec::new(),
                next_cursor: None,
                has_more: false,
            }),
            (HttpMethod::Get, ["v1", "me", "settings"]) => ok(&AccountSettings::default()),
            (HttpMethod::Post, ["v1", "threads", _, "read"]) => ok(&()),
            (HttpMethod::Post, ["v1", "me", "devices", "reserve"]) => {
                let devices = self.registered.keys();
                let own = devices.filter(|device| device.user_id == caller().user_id);
                let device_id = DeviceId::new(own.count() as u32 + 1).unwrap();
                ok(&ReservedDevice { device_id })
            }
            (HttpMethod::Put, ["v1", "me", "devices", "list"]) => {
                let list: PublishDeviceList = read(body);
                self.lists
                    .get_mut(&caller().user_id)
                    .unwrap()
                    .push(list.list);
                ok(&())
            }
            (HttpMethod::Post, ["v1", "provisioning"]) => {
                self.minted += 1;
                ok(&Mailbox {
                    id: format!("{:022}", self.minted * 100).replace('0', "A"),
                    expires_at: Timestamp(u64::MAX),
                })
            }
            (HttpMethod::Put, ["v1", "provisioning", ..]) => {
                let slot: MailboxSlot = read(body);
                self.slots.insert(path.to_owned(), slot.data);
                ok(&())
            }
            (HttpMethod::Get, ["v1", "provisioning", ..]) => match self.slots.get(path) {
                Some(data) => ok(&MailboxSlot { data: data.clone() }),
                None => no(ErrorCode::SlotEmpty),
            },
            other => panic!("no such endpoint: {other:?}"),
        }
    }

    /// Devices of the newest list.
    pub(crate) fn live(&self, user: &UserId) -> Vec<DeviceName> {
        let Some(newest) = self.lists.get(user).and_then(|lists| lists.last()) else {
            return Vec::new();
        };
        let newest = DeviceList::danger_restore_verified(&signed(newest)).unwrap();
        let devices = newest.devices().iter();
        devices
            .map(|entry| DeviceName {
                user_id: user.clone(),
                device_id: DeviceId::new(entry.device_id).unwrap(),
            })
            .collect()
    }

    /// Ids of rows that are minted from now on come after so many.
    pub(crate) fn starts_behind(&mut self, minted: u64) {
        self.minted = minted;
    }

    pub(crate) fn publish(&mut self, user: &UserId, list: &SignedDeviceList) {
        self.lists.get_mut(user).unwrap().push(SignedList {
            payload: list.payload.clone().into(),
            account_signature: list.account_signature.clone().into(),
            signer_device_id: DeviceId::new(list.signer_device_id).unwrap(),
            signer_signature: list.signer_signature.clone().into(),
        });
    }

    fn register(&mut self, device: RegisterDevice) -> HttpResponse {
        let name = DeviceName {
            user_id: device.user_id.clone(),
            device_id: device.device_id,
        };
        let identity =
            sealwire_crypto::keys::IdentityKey::from_bytes(device.identity_key.as_slice()).unwrap();
        let signed_prekey = device.prekeys.signed_prekey.clone().unwrap();
        let signature =
            sealwire_crypto::signature::Signature::from_bytes(signed_prekey.signature.as_slice());
        if identity
            .verify(signed_prekey.key.as_slice(), &signature.unwrap())
            .is_err()
        {
            return no(ErrorCode::InvalidSignature);
        }
        if let Some(list) = &device.list {
            let verified = signed(list).verify_first(device.user_id.as_str());
            if verified.is_err() {
                return no(ErrorCode::InvalidSignature);
            }
            self.lists
                .insert(device.user_id.clone(), vec![list.clone()]);
        }
        for prekey in &device.prekeys.one_time_prekeys {
            self.one_time
                .insert((name.clone(), prekey.id), prekey.key.clone());
        }
        self.uploads.push((name.clone(), device.prekeys.clone()));
        self.registered.insert(name, device);
        ok(&())
    }

    fn upload(&mut self, caller: &DeviceName, upload: PrekeyUpload) -> HttpResponse {
        let name = |prekey: &PublicPrekey| (caller.clone(), prekey.id);
        let collides = |prekey: &PublicPrekey| {
            let held = self.one_time.get(&name(prekey));
            held.is_some_and(|held| *held != prekey.key)
        };
        if upload.one_time_prekeys.iter().any(collides) {
            return no(ErrorCode::PrekeyIdConflict);
        }
        let Some(RegisterDevice { prekeys: held, .. }) = self.registered.get_mut(caller) else {
            return no(ErrorCode::NotFound);
        };
        if let Some(signed) = &upload.signed_prekey {
            held.signed_prekey = Some(signed.clone());
        }
        if let Some(kem) = &upload.last_resort_kem_prekey {
            held.last_resort_kem_prekey = Some(kem.clone());
        }
        held.one_time_kem_prekeys
            .extend(upload.one_time_kem_prekeys.iter().cloned());
        for prekey in &upload.one_time_prekeys {
            if self
                .one_time
                .insert(name(prekey), prekey.key.clone())
                .is_none()
            {
                held.one_time_prekeys.push(prekey.clone());
            }
        }
        self.uploads.push((caller.clone(), upload));
        ok(&())
    }

    fn check(&self, caller: &DeviceName, check: &PrekeyCheck) -> HttpResponse {
        let Some(device) = self.registered.get(caller) else {
            return no(ErrorCode::NotFound);
        };
        let Some(signed) = device.prekeys.signed_prekey.as_ref() else {
            return no(ErrorCode::NotFound);
        };
        let text = [
            b"Sealwire v1 repeated-use keys",
            device.identity_key.as_slice(),
            &device.registration_id.to_be_bytes(),
            &signed.id.to_be_bytes(),
            signed.key.as_slice(),
            signed.signature.as_slice(),
        ];
        let mut text = text.concat();
        if let Some(kem) = &device.prekeys.last_resort_kem_prekey {
            text.extend(kem.id.to_be_bytes());
            text.extend_from_slice(kem.key.as_slice());
            text.extend_from_slice(kem.signature.as_slice());
        }
        ok(&PrekeyCheckAnswer {
            matches: check.digest.0 == sealwire_crypto::primitives::sha256(&text),
            count: PrekeyCount {
                one_time_prekeys: device.prekeys.one_time_prekeys.len() as u32,
                signed_prekey_id: signed.id,
                one_time_kem_prekeys: device.prekeys.one_time_kem_prekeys.len() as u32,
                last_resort_kem_prekey_id: device
                    .prekeys
                    .last_resort_kem_prekey
                    .as_ref()
                    .map(|kem| kem.id),
            },
        })
    }

    fn lists_after(&self, user: &UserId, since: usize) -> HttpResponse {
        let Some(lists) = self.lists.get(user) else {
            return no(ErrorCode::UserUnknown);
        };
        let until = lists.len().min(since + LISTS_PER_ANSWER);
        ok(&UserDeviceLists {
            user_id: user.clone(),
            version: until as u64,
            lists: lists[since.min(until)..until].to_vec(),
        })
    }

    fn bundles(&mut self, query: BundlesQuery) -> HttpResponse {
        let mut users = Vec::new();
        for wanted in query.users {
            let bundles = wanted.device_ids.iter().filter_map(|device_id| {
                let device = self.registered.get_mut(&DeviceName {
                    user_id: wanted.user_id.clone(),
                    device_id: *device_id,
                })?;
                let kem = device.prekeys.one_time_kem_prekeys.pop();
                let last_resort = || device.prekeys.last_resort_kem_prekey.clone();
                let kem_prekey = kem.or_else(last_resort).filter(|_| !self.strips_kem);
                Some(Bundle {
                    kem_prekey,
                    device_id: *device_id,
                    registration_id: device.registration_id,
                    identity_key: device.identity_key.clone(),
                    signed_prekey: device.prekeys.signed_prekey.clone()?,
                    one_time_prekey: device.prekeys.one_time_prekeys.pop(),
                })
            });
            let bundles = bundles.collect();
            users.push(UserBundles {
                user_id: wanted.user_id,
                bundles,
            });
        }
        ok(&BundlesAnswer { users })
    }

    /// It takes any number again, as if nothing had been sent under it.
    pub(crate) fn forgets_what_was_sent(&mut self) {
        self.stored.clear();
    }

    fn send(&mut self, sender: DeviceName, thread: ThreadId, send: SendMessage) -> HttpResponse {
        self.sends.push((sender.clone(), send.clone()));
        let number = (thread, sender.clone(), send.client_seq.0);
        if let Some((ciphertext, answer)) = self.stored.get(&number) {
            return if *ciphertext == send.ciphertext.0 {
                let requeued_at = self.requeues.then(|| Timestamp(self.clock + 50_000));
                ok(&SentMessage {
                    requeued_at,
                    ..answer.clone()
                })
            } else {
                no(ErrorCode::ClientSeqConflict)
            };
        }
        if self.voided.contains(&number) {
            return no(ErrorCode::ClientSeqVoid);
        }
        let users: BTreeSet<_> = [sender.user_id.clone(), send.to.clone().unwrap()].into();
        let live: BTreeSet<_> = users.iter().flat_map(|user| self.live(user)).collect();
        let live: BTreeSet<_> = live
            .into_iter()
            .filter(|device| *device != sender)
            .collect();
        let given: BTreeSet<_> = send.envelopes.iter().map(name).collect();
        if live != given {
            let mismatch = DeviceMismatch {
                missing: live.difference(&given).cloned().collect(),
                extra: given.difference(&live).cloned().collect(),
                stale: Vec::new(),
            };
            return self::mismatch(mismatch);
        }
        let row = self.row(&sender, thread, &send);
        self.rows.insert(row.id, row.clone());
        for envelope in &send.envelopes {
            let row = MessageRow {
                envelope: Some(EnvelopeBody {
                    kind: envelope.kind,
                    body: envelope.body.clone(),
                }),
                ..row.clone()
            };
            self.queues
                .entry(name(envelope))
                .or_default()
                .push_back(row);
        }
        let answer = SentMessage {
            id: row.id,
            thread_id: thread,
            sender_id: sender.user_id,
            sender_device_id: sender.device_id,
            client_seq: send.client_seq,
            created_at: row.created_at,
            requeued_at: None,
        };
        let response = ok(&answer);
        self.last_sent = Some(answer.clone());
        self.stored.insert(number, (send.ciphertext.0, answer));
        response
    }

    fn control(&mut self, sender: DeviceName, key: String, control: SendControl) -> HttpResponse {
        if let Some(answer) = self.control_keys.get(&key) {
            return ok(answer);
        }
        let extra: Vec<_> = control.to.iter().map(name).collect();
        let extra = extra.into_iter();
        let extra: Vec<_> = extra
            .filter(|device| !self.live(&device.user_id).contains(device))
            .collect();
        if !extra.is_empty() {
            return mismatch(DeviceMismatch {
                extra,
                ..DeviceMismatch::default()
            });
        }
        self.minted += 1;
        let answer = SentControl {
            id: MessageId::from_parts(1_000 + self.minted, 0),
            created_at: Timestamp(1_000 + self.minted),
        };
        for envelope in control.to {
            let queue = self.controls.entry(name(&envelope)).or_default();
            queue.push_back(ControlMessage {
                id: answer.id,
                sender_id: sender.user_id.clone(),
                sender_device_id: sender.device_id,
                envelope: EnvelopeBody {
                    kind: envelope.kind,
                    body: envelope.body,
                },
                created_at: answer.created_at,
            });
        }
        self.control_keys.insert(key, answer.clone());
        ok(&answer)
    }

    fn row(&mut self, sender: &DeviceName, thread: ThreadId, send: &SendMessage) -> MessageRow {
        self.minted += 1;
        MessageRow {
            id: MessageId::from_parts(1_000 + self.minted, 0),
            thread_id: thread,
            sender_id: sender.user_id.clone(),
            sender_device_id: sender.device_id,
            client_seq: send.client_seq,
            revision: 0,
            kind: send.kind,
            target_msg_id: None,
            ttl_seconds: send.ttl_seconds,
            ciphertext: send.ciphertext.clone(),
            commitment: send.commitment,
            stamp: Stamp {
                key_id: 1,
                mac: Bytes32([0; 32]),
            },
            created_at: Timestamp(self.clock + 1_000 + self.minted),
            envelope: None,
            requeued_at: None,
            removed: None,
        }
    }
}

pub(crate) fn mismatch(devices: DeviceMismatch) -> HttpResponse {
    let mut problem = Problem::new(ErrorCode::DeviceMismatch, "by the test");
    problem.device_mismatch = Some(devices);
    refusal(problem)
}

pub(crate) fn token(text: &str) -> Token {
    Token {
        token: text.to_owned(),
        expires_at: Timestamp(u64::MAX),
    }
}

fn name(envelope: &DeviceEnvelope) -> DeviceName {
    DeviceName {
        user_id: envelope.user_id.clone(),
        device_id: envelope.device_id,
    }
}

fn name_of(token: &str) -> DeviceName {
    let (user, device) = token.split_once('/').unwrap();
    DeviceName {
        user_id: user.parse().unwrap(),
        device_id: device.parse().unwrap(),
    }
}

pub(crate) fn signed(list: &SignedList) -> SignedDeviceList {
    SignedDeviceList {
        payload: list.payload.0.clone(),
        account_signature: list.account_signature.0.clone(),
        signer_device_id: list.signer_device_id.get(),
        signer_signature: list.signer_signature.0.clone(),
    }
}

fn since(path: &str) -> usize {
    path.split("since=").nth(1).unwrap().parse().unwrap()
}

fn read<T: serde::de::DeserializeOwned>(body: &[u8]) -> T {
    serde_json::from_slice(body).unwrap()
}
