//! Linking: how a further device joins an account.

use super::{ClientHandle, Inner, lock};
use crate::callbacks::{AddDeviceListener, JoinAccountListener, ask};
use crate::records::Account;
use crate::{CallError, running};
use sealwire::{Error, Linking};
use std::sync::{Arc, Weak};

/// The linking that a client began, kept by it.
pub(super) struct Begun {
    code: String,
    linking: Linking,
}

/// A linking that this new device began. It holds no client.
#[derive(uniffi::Object)]
pub struct LinkingHandle {
    client: Weak<Inner>,
    code: String,
}

#[uniffi::export]
impl ClientHandle {
    /// Begins to make this device one of an existing account. Show the code to one of its devices, which gives it to
    /// `link_device`; then `finish`.
    pub async fn start_linking(&self) -> Result<Arc<LinkingHandle>, CallError> {
        let (client, inner) = (self.client()?, Arc::downgrade(&self.0));
        running::run(async move {
            let linking = client.start_linking().await?;
            let code = linking.code().to_owned();
            let kept = inner.upgrade().ok_or(Error::Closed)?;
            let mut begun = lock(&kept.linking);
            // An end that comes now takes it away: it looks here after it has begun.
            if kept.is_ended() {
                return Err(Error::Closed);
            }
            *begun = Some(Begun {
                code: code.clone(),
                linking,
            });
            drop(begun);
            Ok(Arc::new(LinkingHandle {
                client: inner,
                code,
            }))
        })
        .await
    }

    /// Lets the device that shows this code into the account, if the listener says yes; gives its number.
    pub async fn link_device(
        &self,
        code: String,
        confirm: Arc<dyn AddDeviceListener>,
    ) -> Result<i64, CallError> {
        let client = self.client()?;
        running::run(async move {
            let added = client.link_device(&code, |question| ask(confirm, question.into()));
            Ok(added.await?.get().into())
        })
        .await
    }

    /// Gives up the linking that is under way, on either side.
    pub async fn cancel_linking(&self) -> Result<(), CallError> {
        let client = self.client()?;
        running::run(async move { client.cancel_linking().await }).await
    }
}

#[uniffi::export]
impl LinkingHandle {
    /// `sealwire://link?…`, to be shown to the existing device as a QR code or text. Good for ten minutes.
    pub fn code(&self) -> String {
        self.code.clone()
    }

    /// Waits until the existing device has let this one in, and the listener has said yes to its account. Once.
    pub async fn finish(
        &self,
        confirm: Arc<dyn JoinAccountListener>,
    ) -> Result<Account, CallError> {
        let linking = self.take()?;
        running::run(async move {
            let joined = linking.finish(|question| ask(confirm, question.into()));
            Ok(joined.await?.into())
        })
        .await
    }
}

impl LinkingHandle {
    fn take(&self) -> Result<Linking, Error> {
        let client = self.client.upgrade().ok_or(Error::Closed)?;
        if client.is_ended() {
            return Err(Error::Closed);
        }
        let mut begun = lock(&client.linking);
        match begun.take() {
            Some(ours) if ours.code == self.code => Ok(ours.linking),
            other => {
                *begun = other;
                let why = "this linking was finished, or another one was begun";
                Err(sealwire::EngineError::LinkState(why).into())
            }
        }
    }
}
