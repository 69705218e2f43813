//! The relay's side of the contract in memory, as far as these measurements go.

use crate::trouble::{Done, said};
use sealwire_engine::{HttpMethod, HttpRequest, HttpResponse};
use sealwire_wire::contract::{
    Bundle, BundlesAnswer, BundlesQuery, Challenge, DeviceName, EnvelopeBody, MessageRow,
    RegisterDevice, SendMessage, SentMessage, SignedList, Stamp, Token, TokenRequest, UserBundles,
    UserDeviceLists,
};
use sealwire_wire::{Bytes32, MessageId, ThreadId, Timestamp, UserId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, VecDeque};

#[derive(Default)]
pub(super) struct Relay {
    pub(super) lists: BTreeMap<UserId, Vec<SignedList>>,
    pub(super) bundles: BTreeMap<DeviceName, Bundle>,
    pub(super) queues: BTreeMap<DeviceName, VecDeque<MessageRow>>,
    minted: u64,
}

impl Relay {
    /// A copy to which nothing was sent yet.
    pub(super) fn with_nothing_queued(&self) -> Self {
        Self {
            lists: self.lists.clone(),
            bundles: self.bundles.clone(),
            queues: BTreeMap::new(),
            minted: self.minted,
        }
    }

    pub(super) fn answer(&mut self, request: &HttpRequest) -> Done<HttpResponse> {
        let path = request.path.split('?').next().unwrap_or_default();
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let body = request.body.as_deref().unwrap_or_default();
        match (request.method, parts.as_slice()) {
            (HttpMethod::Post, ["v1", "dev", "platform-token"]) => ok(&token("platform")),
            (HttpMethod::Post, ["v1", "devices"]) => self.register(read(body)?),
            (HttpMethod::Post, ["v1", "auth", "challenge"]) => ok(&Challenge {
                nonce: [7; 32].into(),
                expires_at: Timestamp(u64::MAX),
            }),
            (HttpMethod::Post, ["v1", "auth", "token"]) => {
                let ask: TokenRequest = read(body)?;
                ok(&token(&format!("{}/{}", ask.user_id, ask.device_id)))
            }
            (HttpMethod::Get, ["v1", "users", user, "devices"]) => {
                self.lists_after(user.parse().map_err(said)?, &request.path)
            }
            (HttpMethod::Post, ["v1", "prekeys", "query"]) => self.hand_out(read(body)?),
            (HttpMethod::Post, ["v1", "threads", thread, "messages"]) => {
                let sender = name_of(request.bearer.as_deref().unwrap_or_default())?;
                self.send(sender, thread.parse().map_err(said)?, read(body)?)
            }
            // Whatever else a client tells its relay changes nothing here.
            _ => ok(&serde_json::json!({})),
        }
    }

    fn register(&mut self, device: RegisterDevice) -> Done<HttpResponse> {
        let name = DeviceName {
            user_id: device.user_id.clone(),
            device_id: device.device_id,
        };
        let signed_prekey = device
            .prekeys
            .signed_prekey
            .ok_or_else(|| said("a device without a signed prekey"))?;
        let bundle = Bundle {
            device_id: device.device_id,
            registration_id: device.registration_id,
            identity_key: device.identity_key,
            signed_prekey,
            one_time_prekey: None,
            kem_prekey: device.prekeys.last_resort_kem_prekey,
        };
        self.bundles.insert(name, bundle);
        self.lists
            .insert(device.user_id, device.list.into_iter().collect());
        ok(&())
    }

    fn lists_after(&self, user_id: UserId, path: &str) -> Done<HttpResponse> {
        let since = path
            .split("since=")
            .nth(1)
            .and_then(|since| since.parse().ok());
        let lists = self.lists.get(&user_id).cloned().unwrap_or_default();
        ok(&UserDeviceLists {
            user_id,
            version: lists.len() as u64,
            lists: lists.into_iter().skip(since.unwrap_or(0)).collect(),
        })
    }

    fn hand_out(&self, query: BundlesQuery) -> Done<HttpResponse> {
        let users = query.users.into_iter().map(|wanted| UserBundles {
            bundles: wanted
                .device_ids
                .iter()
                .filter_map(|device_id| {
                    let user_id = wanted.user_id.clone();
                    let device_id = *device_id;
                    self.bundles
                        .get(&DeviceName { user_id, device_id })
                        .cloned()
                })
                .collect(),
            user_id: wanted.user_id,
        });
        ok(&BundlesAnswer {
            users: users.collect(),
        })
    }

    fn send(
        &mut self,
        sender: DeviceName,
        thread_id: ThreadId,
        send: SendMessage,
    ) -> Done<HttpResponse> {
        self.minted += 1;
        let created_at = super::device::NOW.plus_ms(self.minted);
        let id = MessageId::from_parts(created_at.0, 0);
        for envelope in send.envelopes {
            let to = DeviceName {
                user_id: envelope.user_id,
                device_id: envelope.device_id,
            };
            self.queues.entry(to).or_default().push_back(MessageRow {
                id,
                thread_id,
                sender_id: sender.user_id.clone(),
                sender_device_id: sender.device_id,
                client_seq: send.client_seq,
                revision: 0,
                kind: send.kind,
                target_msg_id: None,
                ttl_seconds: None,
                ciphertext: send.ciphertext.clone(),
                commitment: send.commitment,
                stamp: Stamp {
                    key_id: 1,
                    mac: Bytes32([0; 32]),
                },
                created_at,
                envelope: Some(EnvelopeBody {
                    kind: envelope.kind,
                    body: envelope.body,
                }),
                removed: None,
                requeued_at: None,
            });
        }
        ok(&SentMessage {
            id,
            thread_id,
            sender_id: sender.user_id,
            sender_device_id: sender.device_id,
            client_seq: send.client_seq,
            created_at,
            requeued_at: None,
        })
    }
}

fn token(text: &str) -> Token {
    Token {
        token: text.to_owned(),
        expires_at: Timestamp(u64::MAX),
    }
}

/// Whose token it is: here a token says so.
fn name_of(token: &str) -> Done<DeviceName> {
    let (user, device) = token
        .split_once('/')
        .ok_or_else(|| said("a request without a token"))?;
    Ok(DeviceName {
        user_id: user.parse().map_err(said)?,
        device_id: device.parse().map_err(said)?,
    })
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Done<T> {
    serde_json::from_slice(body).map_err(said)
}

fn ok(body: &impl Serialize) -> Done<HttpResponse> {
    Ok(HttpResponse {
        status: 200,
        retry_after_ms: None,
        body: serde_json::to_vec(body).map_err(said)?,
    })
}
