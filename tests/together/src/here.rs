//! The peer in Rust: the driver of the other languages, in the test itself.

use crate::{History, LAST_PATIENCE, Request, Row, digest};
use sealwire::{Attachment, Client, Error, FileKeyStore, Linking, Message, ThreadId};
use sealwire::{MessageContent, MessageState};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// A device, once it is opened.
#[derive(Default)]
pub(crate) struct Here {
    client: Option<Client>,
    linking: Option<Linking>,
}

/// More than the story has.
const PAGE: u32 = 200;

impl Here {
    /// Does it.
    pub(crate) async fn answer(&mut self, request: Request) -> Result<Value, String> {
        let words = |error: Error| format!("{}: {error}", error.code());
        match tokio::time::timeout(LAST_PATIENCE, self.run(request)).await {
            Ok(done) => done.map_err(words)?,
            Err(_) => Err(format!("nothing within {LAST_PATIENCE:?}")),
        }
    }

    async fn run(&mut self, request: Request) -> Result<Result<Value, String>, Error> {
        if let Request::Open { relay, folder } = request {
            let keys = FileKeyStore::new(folder.join("keys"));
            let builder = Client::builder(relay).store(folder.join("store.db"));
            self.client = Some(builder.key_store(Arc::new(keys)).open().await?);
            return Ok(Ok(Value::Null));
        }
        let client = self.client.clone().unwrap();
        let done = match request {
            Request::Open { .. } => Value::Null,
            Request::Register { user } => json!(client.register(&user).await?.get()),
            Request::StartLinking => {
                let linking = self.linking.insert(client.start_linking().await?);
                json!(linking.code())
            }
            Request::FinishLinking => {
                let linking = self.linking.take().unwrap();
                let (_, device) = linking.finish(|_| async { true }).await?;
                client.wait_until_caught_up().await?;
                json!(device.get())
            }
            Request::LinkDevice { code } => {
                json!(client.link_device(&code, |_| async { true }).await?.get())
            }
            Request::DirectThread { user } => json!(client.direct_thread(&user).await?.to_string()),
            Request::SendText { thread, text } => {
                client.send_text(id(&thread), text).await?;
                Value::Null
            }
            Request::SendPicture {
                thread,
                path,
                caption,
            } => {
                let picture = Attachment::from_path(path)
                    .mime("image/png")
                    .caption(caption);
                client.send_attachment(id(&thread), picture, |_| ()).await?;
                Value::Null
            }
            Request::GoOffline => {
                client.go_offline().await?;
                Value::Null
            }
            Request::GoOnline => {
                client.go_online().await?;
                client.wait_until_caught_up().await?;
                Value::Null
            }
            Request::WaitForMessages {
                thread,
                count,
                within_ms,
            } => {
                let there = async || Ok(page(&client, &thread).await?.len());
                return wait("messages", count, within_ms, &client, there).await;
            }
            Request::WaitUntilRead {
                thread,
                count,
                within_ms,
            } => {
                let read = async || {
                    let page = page(&client, &thread).await?;
                    let read = page
                        .iter()
                        .filter(|message| message.state == MessageState::Read);
                    Ok(read.count())
                };
                return wait("read messages", count, within_ms, &client, read).await;
            }
            Request::MarkRead { thread } => {
                client.mark_read(id(&thread), None).await?;
                Value::Null
            }
            Request::CountMessages { thread } => {
                json!(client.count_messages(Some(id(&thread))).await?)
            }
            Request::CountUnread => json!(client.count_unread().await?),
            Request::History { thread } => json!(history(&client, &thread).await?),
            Request::Close => {
                client.close().await?;
                self.client = None;
                Value::Null
            }
        };
        Ok(Ok(done))
    }
}

fn id(thread: &str) -> ThreadId {
    thread.parse().unwrap()
}

/// Newest first.
async fn page(client: &Client, thread: &str) -> Result<Vec<Message>, Error> {
    client.messages(id(thread), None, PAGE).await
}

/// Looks again with each event.
async fn wait(
    what: &str,
    count: usize,
    within_ms: u64,
    client: &Client,
    mut there: impl AsyncFnMut() -> Result<usize, Error>,
) -> Result<Result<Value, String>, Error> {
    // From before the first look.
    let mut events = client.events();
    let looking = async {
        while there().await? < count {
            if events.next().await.is_none() {
                return Err(Error::Closed);
            }
        }
        Ok(())
    };
    match tokio::time::timeout(Duration::from_millis(within_ms), looking).await {
        Ok(done) => done.map(|()| Ok(Value::Null)),
        Err(_) => {
            let so_many = there().await?;
            let words = format!("waited {within_ms} ms for {count} {what}: there are {so_many}");
            Ok(Err(words))
        }
    }
}

async fn history(client: &Client, thread: &str) -> Result<History, Error> {
    let mut history = History {
        rows: Vec::new(),
        states: Vec::new(),
    };
    for message in page(client, thread).await?.into_iter().rev() {
        let (text, picture) = match &message.content {
            MessageContent::Text(text) => (text.clone(), None),
            MessageContent::Attachment { caption, .. } => {
                let bytes = client.download_attachment(&message, |_| ()).await?;
                (caption.clone(), Some(digest(&bytes)))
            }
            MessageContent::Unreadable(reason) => (format!("<{}>", reason.as_str()), None),
            _ => ("<nothing to show>".to_owned(), None),
        };
        history.rows.push(Row {
            id: message.id.map(|id| id.to_string()).unwrap_or_default(),
            sender: message.sender.to_string(),
            device: message.sender_device.get(),
            text,
            picture,
        });
        history
            .states
            .push(format!("{:?}", message.state).to_lowercase());
    }
    Ok(history)
}
