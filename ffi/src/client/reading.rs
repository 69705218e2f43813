//! Reading what the store holds. Nothing here needs the network.

use super::{ClientHandle, id, limit, number};
use crate::records::{InboxPage, InboxThread, Message, Receipt, Thread};
use crate::{CallError, running};

#[uniffi::export]
impl ClientHandle {
    /// A page of a thread, newest first: the newest, or those before the message with this local id.
    pub async fn messages(
        &self,
        thread: String,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<Message>, CallError> {
        let client = self.client()?;
        running::wait(async move {
            let page = client.messages(id(&thread)?, before, self::limit(limit));
            Ok(page.await?.into_iter().map(Message::from).collect())
        })
        .await
    }

    /// One message by its local id.
    pub async fn message(&self, local_id: i64) -> Result<Option<Message>, CallError> {
        let client = self.client()?;
        running::wait(async move { Ok(client.message(local_id).await?.map(Message::from)) }).await
    }

    /// The threads, the one with the newest message first: from the top, or those after the thread with this id.
    pub async fn threads(
        &self,
        after: Option<String>,
        limit: i64,
    ) -> Result<Vec<Thread>, CallError> {
        let client = self.client()?;
        running::wait(async move {
            let after = after.map(|thread| id(&thread)).transpose()?;
            let threads = client.threads(after, self::limit(limit)).await?;
            Ok(threads.into_iter().map(Thread::from).collect())
        })
        .await
    }

    /// The messages that hold every word of `text`, newest first; in one thread or in all; the newest, or those before the
    /// message with this local id.
    pub async fn search(
        &self,
        text: String,
        thread: Option<String>,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<Message>, CallError> {
        let client = self.client()?;
        running::wait(async move {
            let thread = thread.map(|thread| id(&thread)).transpose()?;
            let found = client.search(&text, thread, before, self::limit(limit));
            Ok(found.await?.into_iter().map(Message::from).collect())
        })
        .await
    }

    /// How many messages this device holds, in one thread or in all.
    pub async fn count_messages(&self, thread: Option<String>) -> Result<i64, CallError> {
        let client = self.client()?;
        running::wait(async move {
            let thread = thread.map(|thread| id(&thread)).transpose()?;
            Ok(number(client.count_messages(thread).await?))
        })
        .await
    }

    /// A page of the inbox: the threads with the newest messages, or those that come after a page's `next`.
    pub async fn inbox(&self, limit: i64, after: Option<String>) -> Result<InboxPage, CallError> {
        let client = self.client()?;
        running::wait(async move {
            let after = after.map(|cursor| id(&cursor)).transpose()?;
            Ok(client.inbox(self::limit(limit), after).await?.into())
        })
        .await
    }

    /// One thread as the inbox shows it.
    pub async fn inbox_thread(&self, thread: String) -> Result<Option<InboxThread>, CallError> {
        let client = self.client()?;
        running::wait(async move {
            let thread = client.inbox_thread(id(&thread)?).await?;
            Ok(thread.map(InboxThread::from))
        })
        .await
    }

    /// Messages of others that no device of this account has read, in all threads.
    pub async fn count_unread(&self) -> Result<i64, CallError> {
        let client = self.client()?;
        running::wait(async move { Ok(number(client.count_unread().await?)) }).await
    }

    /// How far a message of this account is with each recipient.
    pub async fn receipts(&self, local_id: i64) -> Result<Vec<Receipt>, CallError> {
        let client = self.client()?;
        running::wait(async move {
            let receipts = client.receipts(local_id).await?;
            Ok(receipts.into_iter().map(Receipt::from).collect())
        })
        .await
    }
}
