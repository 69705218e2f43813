//! Publishing and reading signed device lists.

use super::registration::fits;
use super::{Answer, Refusal, Service, Wake, Woken, public_data};
use crate::storage::{Account, AppendList, Appended, DeviceState, ListRecord, QueueSource};
use sealwire_crypto::device::DeviceList;
use sealwire_wire::contract::{
    DeviceListsAnswer, DeviceListsQuery, DeviceName, ErrorCode, SignedList, UserDeviceLists,
};
use sealwire_wire::limits::{LISTS_PER_ANSWER, QUERY_USERS_MAX};
use sealwire_wire::{DeviceId, UserId};

/// Who speaks for an account: publishes its lists, looks at its devices, disables them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Publisher {
    /// A live device of the account.
    Device(DeviceName),
    /// The holder of a platform token of this user. Of lists it publishes recoveries alone.
    Platform(UserId),
}

impl Service {
    /// Publishes version v+1. The newest version again, byte for byte, is a success.
    pub async fn publish_list(
        &self,
        publisher: &Publisher,
        list: &SignedList,
    ) -> Answer<Woken<()>> {
        let user = match publisher {
            Publisher::Device(caller) => &caller.user_id,
            Publisher::Platform(user) => user,
        };
        let _turn = self.change_list(user).await;
        let account = match publisher {
            Publisher::Device(caller) => self.live_account(caller).await?,
            Publisher::Platform(user) => self.existing_account(user).await?,
        };
        let before: Vec<DeviceName> = account
            .live()
            .map(|device| name(user, device.device_id))
            .collect();
        let source = |version| QueueSource::List {
            user_id: user.clone(),
            version,
        };
        if account.list.signed == *list {
            let queues = self.queue(source(account.list.version)).await;
            return Ok(Woken {
                answer: (),
                wake: Wake {
                    queues,
                    ..Wake::default()
                },
            });
        }
        let next = verify(publisher, &account, list)?;
        let holds = registered(&account, &next)?;
        let version = next.version;
        let revoked = before
            .into_iter()
            .filter(|device| !holds.contains(&device.device_id))
            .collect();
        let step = AppendList {
            user_id: user.clone(),
            prev_hash: next.prev_hash,
            list: ListRecord {
                version,
                hash: next.hash,
                signed: list.clone(),
            },
            holds,
        };
        match self.storage.append_list(step).await? {
            Appended::Appended => {}
            Appended::Conflict => {
                return Err(Refusal::new(
                    ErrorCode::DeviceListConflict,
                    "another version came first: fetch it and sign anew",
                ));
            }
            Appended::NotRegistered(device_id) => return Err(not_registered(device_id)),
        }
        let queues = self.queue(source(version)).await;
        Ok(Woken {
            answer: (),
            wake: Wake {
                queues,
                revoked,
                ..Wake::default()
            },
        })
    }

    /// Versions of one user's list after `since`, oldest first, at most [`LISTS_PER_ANSWER`] of them.
    pub async fn device_lists(
        &self,
        caller: &DeviceName,
        user: &UserId,
        since: u64,
    ) -> Answer<UserDeviceLists> {
        // A device may see for itself that it was removed.
        if caller.user_id != *user {
            self.authorise(caller).await?;
        }
        self.lists_of(user, since)
            .await?
            .ok_or_else(|| Refusal::new(ErrorCode::UserUnknown, "no such account"))
    }

    /// The same for up to 50 users; those without an account are left out.
    pub async fn query_device_lists(
        &self,
        caller: &DeviceName,
        query: &DeviceListsQuery,
    ) -> Answer<DeviceListsAnswer> {
        self.authorise(caller).await?;
        check_query(query.users.iter().map(|wanted| &wanted.user_id))?;
        let mut users = Vec::new();
        for wanted in &query.users {
            users.extend(self.lists_of(&wanted.user_id, wanted.known_version).await?);
        }
        Ok(DeviceListsAnswer { users })
    }

    pub(super) async fn existing_account(&self, user: &UserId) -> Answer<Account> {
        self.storage.account(user.clone()).await?.ok_or_else(|| {
            Refusal::new(
                ErrorCode::UserUnknown,
                format!("{user} has no account here"),
            )
        })
    }

    async fn lists_of(&self, user: &UserId, since: u64) -> Answer<Option<UserDeviceLists>> {
        let Some(account) = self.storage.account(user.clone()).await? else {
            return Ok(None);
        };
        let limit = u32::try_from(LISTS_PER_ANSWER).unwrap_or(u32::MAX);
        let newest = account.list.version;
        let mut lists = self.storage.lists_after(user.clone(), since, limit).await?;
        // One that was published in between comes with the next answer.
        lists.retain(|list| list.version <= newest);
        // An answer is whole in itself: `version` is the last one that it holds.
        let version = match lists.last() {
            Some(last) => last.version,
            None => newest,
        };
        Ok(Some(UserDeviceLists {
            user_id: user.clone(),
            version,
            lists: lists.into_iter().map(|list| list.signed).collect(),
        }))
    }
}

/// At most 50 users, each once.
pub(super) fn check_query<'a>(users: impl ExactSizeIterator<Item = &'a UserId>) -> Answer<()> {
    let asked = users.len();
    if asked > QUERY_USERS_MAX {
        return Err(Refusal::new(
            ErrorCode::Unprocessable,
            format!("at most {QUERY_USERS_MAX} users in one query"),
        ));
    }
    if users.collect::<std::collections::BTreeSet<_>>().len() < asked {
        return Err(Refusal::new(
            ErrorCode::Unprocessable,
            "a user stands twice in the query",
        ));
    }
    Ok(())
}

fn verify(publisher: &Publisher, account: &Account, list: &SignedList) -> Answer<DeviceList> {
    let newest = DeviceList::danger_restore_verified(&public_data::list(&account.list.signed))?;
    let next = public_data::list(list);
    Ok(match publisher {
        Publisher::Device(_) => newest.verify_next(&next)?,
        Publisher::Platform(_) => newest.verify_recovery(&next)?.list,
    })
}

/// The devices of a list, if each registered with exactly the keys that it is listed with.
fn registered(account: &Account, list: &DeviceList) -> Answer<Vec<DeviceId>> {
    list.devices()
        .iter()
        .map(|entry| {
            let device_id = DeviceId::new(entry.device_id)
                .map_err(|error| Refusal::new(ErrorCode::InvalidSignature, error.to_string()))?;
            account
                .device(device_id)
                .filter(|device| device.state != DeviceState::Removed)
                .filter(|device| fits(device, entry.registration_id, &entry.identity_key))
                .map(|_| device_id)
                .ok_or_else(|| not_registered(device_id))
        })
        .collect()
}

fn not_registered(device_id: DeviceId) -> Refusal {
    Refusal::new(
        ErrorCode::DeviceNotRegistered,
        format!("device {device_id} did not register with the keys that the list names"),
    )
}

fn name(user: &UserId, device_id: DeviceId) -> DeviceName {
    DeviceName {
        user_id: user.clone(),
        device_id,
    }
}
