//! Requests to the service's methods, as the relay's own HTTP floor leads them there.

use super::{Inside, ORIGIN, Seen};
use sealwire_crypto::device::{DeviceList, SignedDeviceList};
use sealwire_engine::{HttpMethod, HttpRequest, HttpResponse};
use sealwire_relay::service::{Answer, HistoryQuery, Publisher, Refusal};
use sealwire_wire::contract::*;
use sealwire_wire::{ClientSeq, DeviceId, IdempotencyKey, Timestamp, UserId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::str::FromStr;

/// A signed URL is good for so long.
const URL_TTL_MS: u64 = 3_600_000;

/// What the relay answers.
pub(super) async fn answer(inside: &Inside, request: HttpRequest) -> HttpResponse {
    match routed(inside, &request).await {
        Ok(body) => HttpResponse {
            status: 200,
            retry_after_ms: None,
            body,
        },
        Err(refusal) => {
            let problem = refusal.into_problem();
            HttpResponse {
                status: problem.status,
                retry_after_ms: problem.retry_after_ms,
                body: serde_json::to_vec(&problem).unwrap_or_default(),
            }
        }
    }
}

/// A value of a path's query.
pub(super) fn query<'a>(path: &'a str, name: &str) -> Option<&'a str> {
    let (_, query) = path.split_once('?')?;
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

async fn routed(inside: &Inside, request: &HttpRequest) -> Answer<Vec<u8>> {
    use HttpMethod::{Delete, Get, Post, Put};
    let service = inside.service();
    let path = request.path.split('?').next().unwrap_or_default();
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').skip(1).collect();
    let caller = || device(inside, request);
    match (request.method, parts.as_slice()) {
        (Post, ["dev", "platform-token"]) => {
            let asked: PlatformTokenRequest = body(request)?;
            json(&Token {
                token: format!("platform:{}", asked.user_id),
                expires_at: Timestamp(u64::MAX >> 1),
            })
        }
        (Post, ["devices"]) => {
            let (asked, platform) = (body(request)?, platform(request));
            json(&service.register_device(&asked, platform.as_ref()).await?)
        }
        (Post, ["auth", "challenge"]) => json(&service.challenge(&body(request)?).await?),
        (Post, ["auth", "token"]) => {
            let device = service.answer_challenge(&body(request)?, ORIGIN).await?;
            let (token, ends) = inside.make_token(&device);
            json(&Token {
                token,
                expires_at: Timestamp(ends),
            })
        }
        (Get, ["users", user, "devices"]) => {
            let since = query(&request.path, "since").map_or(Ok(0), part)?;
            let user: UserId = part(user)?;
            let mut lists = service.device_lists(&caller()?, &user, since).await?;
            // As from a copy that was made before the newest list came, to somebody who knows that one.
            if lists.version > 1 && lists.lists.is_empty() && inside.shows_old_lists() {
                lists.version -= 1;
                inside.saw(Seen::ShowedOldLists(user));
            }
            json(&lists)
        }
        (Get, ["me", "devices"]) => {
            json(&service.own_devices(&Publisher::Device(caller()?)).await?)
        }
        (Delete, ["devices", id]) => {
            let holder = Publisher::Device(caller()?);
            let disabled = service.disable_device(&holder, part(id)?).await?;
            inside.wake(&disabled.wake);
            json(&())
        }
        (Post, ["me", "devices", "reserve"]) => json(&service.reserve_device_id(&caller()?).await?),
        (Put, ["me", "devices", "list"]) => {
            let publish: PublishDeviceList = body(request)?;
            let device = caller()?;
            let user = device.user_id.clone();
            let publisher = Publisher::Device(device);
            let published = service.publish_list(&publisher, &publish.list).await?;
            inside.wake(&published.wake);
            inside.saw(Seen::Listed(user, listed(&publish.list)));
            json(&())
        }
        (Put, ["prekeys"]) => json(&service.upload_prekeys(&caller()?, &body(request)?).await?),
        (Post, ["prekeys", "check"]) => {
            json(&service.check_prekeys(&caller()?, &body(request)?).await?)
        }
        (Post, ["prekeys", "query"]) => {
            let found = service.query_bundles(&caller()?, &body(request)?).await?;
            inside.prekeys_taken(found.users.iter().flat_map(|bundles| {
                bundles.bundles.iter().map(|bundle| DeviceName {
                    user_id: bundles.user_id.clone(),
                    device_id: bundle.device_id,
                })
            }));
            json(&found)
        }
        (Post, ["threads", thread, "messages"]) => {
            let (caller, message): (_, SendMessage) = (caller()?, body(request)?);
            let (thread, key) = (part(thread)?, key(request)?);
            inside.saw(Seen::Comes {
                sender: caller.clone(),
                thread,
                client_seq: message.client_seq,
            });
            let sent = service.send(&caller, thread, &key, &message).await?;
            inside.wake(&sent.wake);
            inside.saw(Seen::Accepted {
                sender: caller,
                thread,
                client_seq: message.client_seq,
                id: sent.answer.id,
            });
            json(&sent.answer)
        }
        (Get, ["threads", thread, "messages"]) => {
            let asked = match query(&request.path, "since") {
                Some(since) => HistoryQuery::Changed {
                    since: Some(since.to_owned()),
                },
                None => HistoryQuery::Newest {
                    cursor: query(&request.path, "cursor").map(str::to_owned),
                },
            };
            let size = query(&request.path, "page_size").map(part).transpose()?;
            let (caller, thread) = (caller()?, part(thread)?);
            json(&service.history(&caller, thread, &asked, size).await?)
        }
        (Get, ["messages", id]) => json(&service.message(&caller()?, part(id)?).await?),
        (Post, ["threads", thread, "sends", client_seq, "void"]) => {
            let (caller, thread) = (caller()?, part(thread)?);
            let client_seq = ClientSeq(part(client_seq)?);
            json(&service.void_send(&caller, thread, client_seq).await?)
        }
        (Post, ["threads", thread, "read"]) => {
            let read: MarkRead = body(request)?;
            let caller = caller()?;
            let marked = service.mark_read(&caller, part(thread)?, read.up_to_msg_id);
            inside.wake(&marked.await?);
            json(&())
        }
        (Post, ["control"]) => {
            let (caller, control): (_, SendControl) = (caller()?, body(request)?);
            let key = key(request)?;
            let sent = service.send_control(&caller, &key, &control).await?;
            inside.wake(&sent.wake);
            json(&sent.answer)
        }
        (Get, ["me", "queue"]) => {
            let limit = query(&request.path, "limit").map(part).transpose()?;
            let after = query(&request.path, "after");
            let since = query(&request.path, "marks_since");
            json(&service.poll_queue(&caller()?, after, limit, since).await?)
        }
        (Post, ["me", "queue", "ack"]) => {
            let caller = caller()?;
            let wake = service
                .acknowledge_entries(&caller, &body(request)?)
                .await?;
            inside.wake(&wake);
            json(&())
        }
        (Post, ["attachments"]) => {
            let (caller, wanted) = (caller()?, body(request)?);
            let id = service.create_attachment(&caller, &wanted).await?.id;
            json(&AttachmentUpload {
                upload_url: format!("{ORIGIN}/v1/blobs/{id}"),
                expires_at: inside.now().plus_ms(URL_TTL_MS),
                id,
            })
        }
        (Get, ["attachments", id]) => {
            let facts = service.attachment_download(&caller()?, &part(id)?).await?;
            json(&AttachmentDownload {
                download_url: format!("{ORIGIN}/v1/blobs/{}", facts.id),
                expires_at: inside.now().plus_ms(URL_TTL_MS),
                size: facts.size,
                id: facts.id,
            })
        }
        (Get, ["threads"]) => {
            let cursor = query(&request.path, "cursor");
            let limit = query(&request.path, "limit").map(part).transpose()?;
            json(&service.inbox(&caller()?, cursor, limit).await?)
        }
        (Put, ["threads", thread, "me"]) => {
            let caller = caller()?;
            let put = service.put_preferences(&caller, part(thread)?, body(request)?);
            let put = put.await?;
            inside.wake(&put.wake);
            json(&put.answer)
        }
        (Get, ["me", "settings"]) => json(&service.settings(&caller()?).await?),
        (Put, ["me", "settings"]) => json(&service.put_settings(&caller()?, body(request)?).await?),
        (Get, ["blocks"]) => json(&service.blocks(&caller()?).await?),
        (Put, ["blocks", user]) => {
            inside.wake(&service.block(&caller()?, &part(user)?).await?);
            json(&())
        }
        (Delete, ["blocks", user]) => json(&service.unblock(&caller()?, &part(user)?).await?),
        (Post, ["provisioning"]) => json(&service.create_mailbox().await?),
        (Put, ["provisioning", mailbox, slot]) => {
            let content = body(request)?;
            json(&service.put_slot(mailbox, part(slot)?, &content).await?)
        }
        (Get, ["provisioning", mailbox, slot]) => {
            let reader = request.idempotency_key.as_ref();
            json(&service.take_slot(mailbox, part(slot)?, reader).await?)
        }
        _ => Err(Refusal::new(ErrorCode::NotFound, "there is no such path")),
    }
}

/// Which devices a list that was published holds.
pub(super) fn listed(list: &SignedList) -> Vec<DeviceId> {
    let signed = SignedDeviceList {
        payload: list.payload.0.clone(),
        account_signature: list.account_signature.0.clone(),
        signer_device_id: list.signer_device_id.get(),
        signer_signature: list.signer_signature.0.clone(),
    };
    // The relay has verified it.
    let list = DeviceList::danger_restore_verified(&signed);
    let devices = list.map(|list| list.devices().to_vec());
    let ids = devices.unwrap_or_default();
    let ids = ids
        .iter()
        .filter_map(|entry| DeviceId::new(entry.device_id).ok());
    ids.collect()
}

fn json(answer: &impl Serialize) -> Answer<Vec<u8>> {
    serde_json::to_vec(answer)
        .map_err(|error| Refusal::new(ErrorCode::Unavailable, error.to_string()))
}

fn body<T: DeserializeOwned>(request: &HttpRequest) -> Answer<T> {
    let bytes = request.body.as_deref().unwrap_or_default();
    read_json(bytes).map_err(|error| Refusal::new(ErrorCode::InvalidBody, error.to_string()))
}

fn part<T: FromStr>(text: &str) -> Answer<T> {
    let refused = || Refusal::new(ErrorCode::InvalidId, "a part of the path");
    text.parse().map_err(|_| refused())
}

fn key(request: &HttpRequest) -> Answer<IdempotencyKey> {
    let missing = || Refusal::new(ErrorCode::IdempotencyKeyRequired, "none came");
    request.idempotency_key.clone().ok_or_else(missing)
}

fn device(inside: &Inside, request: &HttpRequest) -> Answer<DeviceName> {
    let token = request.bearer.as_deref().unwrap_or_default();
    inside.read_token(token).map(|(device, _)| device)
}

fn platform(request: &HttpRequest) -> Option<UserId> {
    let token = request.bearer.as_deref()?.strip_prefix("platform:")?;
    token.parse().ok()
}
