//! Linking: how a further device joins an account.

use super::{Client, OTHER_REPLY};
use crate::Error;
use crate::bounds::MaybeSend;
use crate::driver::Asker;
use sealwire_engine::{Call, Question, Reply};
use sealwire_wire::{DeviceId, UserId};
use std::future::Future;

/// A linking that this new device began.
pub struct Linking {
    client: Client,
    code: String,
}

/// On the new device: is this the account that it is to join?
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct JoinAccount {
    /// Whose account.
    pub user: UserId,
    /// The number that this device would have in it.
    pub device: DeviceId,
}

/// On the existing device: may this device join the account, and read its messages from now on?
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AddDevice {
    /// The number that it would have.
    pub device: DeviceId,
    /// Its public identity key, as it came over the agreement.
    pub identity_key: [u8; 33],
}

impl Client {
    /// Begins to make this device one of an existing account. Show [`Linking::code`] to one of its devices, which gives
    /// it to [`Client::link_device`]; then [`Linking::finish`].
    pub async fn start_linking(&self) -> Result<Linking, Error> {
        match self.call(Call::StartLinking).await? {
            Reply::LinkCode(code) => Ok(Linking {
                client: self.clone(),
                code,
            }),
            _ => Err(OTHER_REPLY),
        }
    }

    /// Lets the device that shows this code into the account, if `confirm` says yes.
    ///
    /// Codes: `link_code_invalid`, `link_expired`, `link_declined`, `link_tampered`, `device_limit`.
    pub async fn link_device<F>(
        &self,
        code: &str,
        confirm: impl FnOnce(AddDevice) -> F + MaybeSend + 'static,
    ) -> Result<DeviceId, Error>
    where
        F: Future<Output = bool> + MaybeSend + 'static,
    {
        let asker = Asker {
            takes: |question| matches!(question, Question::AddDevice { .. }),
            answer: Box::new(move |question| match question {
                Question::AddDevice {
                    device_id,
                    identity_key,
                } => Box::pin(confirm(AddDevice {
                    device: device_id,
                    identity_key,
                })),
                Question::JoinAccount { .. } => Box::pin(std::future::ready(false)),
            }),
        };
        let call = Call::LinkDevice {
            code: code.to_owned(),
        };
        match self.shared.inbox.call(call, Some(asker)).await? {
            Reply::Linked { device_id } => Ok(device_id),
            _ => Err(OTHER_REPLY),
        }
    }

    /// Gives up the linking that is under way, on either side.
    pub async fn cancel_linking(&self) -> Result<(), Error> {
        self.call(Call::CancelLinking).await.map(drop)
    }
}

impl Linking {
    /// `sealwire://link?…`, to be shown to the existing device as a QR code or text. Good for ten minutes.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// Waits until the existing device has let this one in, and `confirm` has said yes to its account.
    ///
    /// Codes: `link_expired`, `link_declined`, `link_tampered`.
    pub async fn finish<F>(
        self,
        confirm: impl FnOnce(JoinAccount) -> F + MaybeSend + 'static,
    ) -> Result<(UserId, DeviceId), Error>
    where
        F: Future<Output = bool> + MaybeSend + 'static,
    {
        let asker = Asker {
            takes: |question| matches!(question, Question::JoinAccount { .. }),
            answer: Box::new(move |question| match question {
                Question::JoinAccount { user_id, device_id } => Box::pin(confirm(JoinAccount {
                    user: user_id,
                    device: device_id,
                })),
                Question::AddDevice { .. } => Box::pin(std::future::ready(false)),
            }),
        };
        match self
            .client
            .shared
            .inbox
            .call(Call::FinishLinking, Some(asker))
            .await?
        {
            Reply::Registered { user_id, device_id } => Ok((user_id, device_id)),
            _ => Err(OTHER_REPLY),
        }
    }
}
