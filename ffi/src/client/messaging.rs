//! Sending.

use super::{ClientHandle, id, number};
use crate::records::{Message, SendOptions};
use crate::{CallError, CancelHandle, running};
use std::sync::Arc;

#[uniffi::export]
impl ClientHandle {
    /// The thread of this user with another one, or with themselves.
    pub async fn direct_thread(&self, user: String) -> Result<String, CallError> {
        let client = self.client()?;
        running::run(async move { Ok(client.direct_thread(&user).await?.to_string()) }).await
    }

    /// Sends words: durable here when this returns, on their way from then on, also across restarts.
    #[uniffi::method(default(options = None))]
    pub async fn send_text(
        &self,
        thread: String,
        text: String,
        options: Option<SendOptions>,
    ) -> Result<Message, CallError> {
        let client = self.client()?;
        running::run(async move {
            let options = options.unwrap_or_default().try_into()?;
            let message = client.send_text_with(id(&thread)?, text, options).await?;
            Ok(message.into())
        })
        .await
    }

    /// Tries a message that failed once more.
    pub async fn retry(&self, local_id: i64) -> Result<Message, CallError> {
        let client = self.client()?;
        running::run(async move { Ok(client.retry(local_id).await?.into()) }).await
    }

    /// Does not send a message after all; of what may have reached the relay it is asked.
    pub async fn cancel(&self, local_id: i64) -> Result<Message, CallError> {
        let client = self.client()?;
        running::run(async move { Ok(client.cancel(local_id).await?.into()) }).await
    }

    /// Waits until the relay has a message of this device, and gives it as it stands then.
    #[uniffi::method(default(cancel = None))]
    pub async fn wait_until_sent(
        &self,
        local_id: i64,
        cancel: Option<Arc<CancelHandle>>,
    ) -> Result<Message, CallError> {
        let client = self.client()?;
        let sent = async move { Ok(client.wait_until_sent(local_id).await?.into()) };
        running::wait_or_cancel(cancel, sent).await
    }

    /// Everything in a thread up to this message is read, or up to its newest.
    #[uniffi::method(default(up_to = None))]
    pub async fn mark_read(&self, thread: String, up_to: Option<String>) -> Result<(), CallError> {
        let client = self.client()?;
        running::run(async move {
            let up_to = up_to.map(|message| id(&message)).transpose()?;
            client.mark_read(id(&thread)?, up_to).await
        })
        .await
    }

    /// Takes in everything that waits for this device at the relay, without a socket and also while offline: for a
    /// background fetch. How many events that were.
    pub async fn fetch_queue(&self) -> Result<i64, CallError> {
        let client = self.client()?;
        running::run(async move { Ok(number(client.fetch_queue().await?)) }).await
    }

    /// Goes through a thread's history at the relay from where this device left off; how many messages were new.
    pub async fn sync_thread(&self, thread: String) -> Result<i64, CallError> {
        let client = self.client()?;
        running::run(async move { Ok(number(client.sync_thread(id(&thread)?).await?)) }).await
    }
}
