//! Carries out what the app wishes for on a [`Client`], and brings back what happened as [`News`].

use crate::app::{Conversation, InboxLine, News, PAGE, Wish};
use sealwire::{
    Client, ConnectionState, Error, Event, InboxThread, MessageState, NetworkRole, ThreadId, UserId,
};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

/// Threads that the inbox shows.
const INBOX: u32 = 100;
/// How often a window that another one speaks for looks into the store.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Messages that a search shows.
const FOUND: u32 = 50;

/// A client, and whoever waits for its news.
#[derive(Clone)]
pub struct Session {
    client: Client,
    news: UnboundedSender<News>,
    open: Arc<Mutex<Option<ThreadId>>>,
    /// Where the answer to the open question goes.
    question: Arc<Mutex<Option<oneshot::Sender<bool>>>>,
    /// What names the list that is to be accepted of each user.
    offered: Arc<Mutex<BTreeMap<String, String>>>,
}

impl Session {
    /// Watches the client from now on. News ends with the session.
    pub fn start(client: Client) -> (Self, UnboundedReceiver<News>) {
        let (news, receiver) = unbounded_channel();
        let session = Self {
            client,
            news,
            open: Arc::default(),
            question: Arc::default(),
            offered: Arc::default(),
        };
        let watching = session.clone();
        tokio::spawn(async move { watching.watch().await });
        (session, receiver)
    }

    /// The client.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Begins what the app wishes for.
    pub fn carry_out(&self, wish: Wish) {
        let session = self.clone();
        tokio::spawn(async move {
            if let Err(error) = session.do_it(wish).await {
                session.tell(News::Failed(said(&error)));
            }
        });
    }

    async fn do_it(&self, wish: Wish) -> Result<(), Error> {
        match wish {
            Wish::Register(name) => {
                self.client.register(&name).await?;
                self.tell_account();
            }
            Wish::StartLinking => self.join().await?,
            Wish::LinkDevice(code) => self.let_in(&code).await?,
            Wish::Answer(yes) => {
                if let Some(answer) = self.waiting_question().take() {
                    // Whoever asked may have given up.
                    let _ = answer.send(yes);
                }
            }
            Wish::AcceptKey(name) => self.accept_key(&name).await?,
            Wish::CancelLinking => self.client.cancel_linking().await?,
            Wish::OpenWith(name) => {
                let thread = self.client.direct_thread(&name).await?;
                self.show(thread, name).await?;
            }
            Wish::Open(thread) => {
                let name = self.name_of(thread).await?;
                self.show(thread, name).await?;
            }
            Wish::Older(thread, before) => {
                let mut page = self.client.messages(thread, Some(before), PAGE).await?;
                page.reverse();
                self.tell(News::Older(thread, page));
            }
            Wish::Send(thread, text) => {
                if let Err(error) = self.client.send_text(thread, text.clone()).await {
                    self.tell(News::NotSent(thread, text, said(&error)));
                }
            }
            Wish::Retry(local_id) => {
                self.client.retry(local_id).await?;
            }
            Wish::Cancel(local_id) => {
                self.client.cancel(local_id).await?;
            }
            Wish::Typing(thread, typing) => self.client.set_typing(thread, typing).await?,
            Wish::Search(words) => {
                let found = self.client.search(&words, None, None, FOUND).await?;
                self.tell(News::Found(words, found));
            }
            Wish::GoOnline(true) => self.client.go_online().await?,
            Wish::GoOnline(false) => self.client.go_offline().await?,
        }
        Ok(())
    }

    async fn watch(&self) {
        let mut events = self.client.events();
        self.tell_connection(self.client.connection());
        self.reload(None).await;
        let mut role = self.client.network_role();
        loop {
            let Ok(event) = tokio::time::timeout(LOOK_AGAIN, events.next()).await else {
                // What another window does to the store is no event here.
                let before = std::mem::replace(&mut role, self.client.network_role());
                if before == NetworkRole::Waiting {
                    let open = *self.open_thread();
                    self.reload(open).await;
                }
                continue;
            };
            let Some(event) = event else {
                return;
            };
            match event {
                Event::Connection(state) => self.tell_connection(state),
                Event::CaughtUp => {
                    self.tell(News::CaughtUp);
                    self.reload(None).await;
                }
                Event::MessageQueued(message)
                | Event::MessageSent(message)
                | Event::MessageFailed(message)
                | Event::MessageReceived(message)
                | Event::MessageUnreadable(message)
                | Event::MessageRecovered(message)
                | Event::MessageCancelled(message)
                | Event::MessageDelivered(message)
                | Event::MessageRead(message)
                | Event::MessageExpired(message) => self.reload(Some(message.thread)).await,
                Event::Typing {
                    thread,
                    user,
                    typing,
                } => self.tell(News::Typing(thread, user, typing)),
                Event::Presence {
                    user,
                    online,
                    last_seen_ms,
                } => self.tell(News::Presence(user, online, last_seen_ms)),
                Event::AccountKeyChanged { user_id, list_hash } => {
                    self.offered().insert(user_id.to_string(), list_hash);
                    self.tell(News::Notice(format!(
                        "{user_id} has another account key than before: nothing is sent to them. Ask them over another way; Ctrl-K believes it."
                    )));
                }
                Event::DeviceRevoked => self.tell(News::Notice(
                    "This device was removed from its account.".to_owned(),
                )),
                Event::DeviceLinked { device_id } => self.tell(News::Notice(format!(
                    "Device {} belongs to this account now.",
                    device_id.get()
                ))),
                Event::InboxChanged { .. } => self.reload(None).await,
                Event::CatchUp { done, total } => self.tell(News::CatchUp(done, total)),
                Event::Lagged { .. } => {
                    let open = *self.open_thread();
                    self.reload(open).await;
                }
                _ => {}
            }
        }
    }

    /// The store is the truth: the inbox is read again, and the open thread if something happened in it.
    async fn reload(&self, changed: Option<ThreadId>) {
        let open = *self.open_thread();
        if let Some(thread) = changed.filter(|thread| Some(*thread) == open)
            && let Ok(mut page) = self.client.messages(thread, None, PAGE).await
        {
            let unread = page
                .first()
                .is_some_and(|newest| newest.state == MessageState::Received);
            page.reverse();
            self.tell(News::Newest(thread, page));
            // What is on the screen is read; that it is told later, or that it was read before, changes nothing here.
            if unread && let Err(error) = self.client.mark_read(thread, None).await {
                self.tell(News::Notice(said(&error)));
            }
        }
        match self.inbox().await {
            Ok(lines) => self.tell(News::Inbox(lines)),
            Err(error) => self.tell(News::Notice(said(&error))),
        }
    }

    async fn inbox(&self) -> Result<Vec<InboxLine>, Error> {
        let page = self.client.inbox(INBOX, None).await?;
        let line = |thread: InboxThread| InboxLine {
            thread: thread.id,
            name: name(thread.user.as_ref()),
            last: thread.last_message,
            unread: thread.unread,
        };
        Ok(page.threads.into_iter().map(line).collect())
    }

    async fn name_of(&self, thread: ThreadId) -> Result<String, Error> {
        let known = self.client.inbox_thread(thread).await?;
        Ok(name(known.and_then(|known| known.user).as_ref()))
    }

    async fn show(&self, thread: ThreadId, name: String) -> Result<(), Error> {
        *self.open_thread() = Some(thread);
        self.client.watch_threads(&[thread]).await?;
        let mut messages = self.client.messages(thread, None, PAGE).await?;
        messages.reverse();
        let has_older = messages.len() >= PAGE as usize;
        self.tell(News::Opened(Conversation {
            thread,
            name,
            messages,
            has_older,
            scrolled: 0,
        }));
        self.client.mark_read(thread, None).await?;
        self.reload(None).await;
        Ok(())
    }

    async fn join(&self) -> Result<(), Error> {
        let linking = self.client.start_linking().await?;
        self.tell(News::LinkCode(linking.code().to_owned()));
        let asker = self.clone();
        let end = end_of_key(linking.code());
        linking
            .finish(move |account| async move {
                let text = format!("Join the account of {}?", account.user);
                let then = format!("Your other device asks next, and must show: {end}");
                asker.ask(text, then).await
            })
            .await?;
        self.tell_account();
        Ok(())
    }

    async fn let_in(&self, code: &str) -> Result<(), Error> {
        let asker = self.clone();
        let end = end_of_key(code);
        let device = self
            .client
            .link_device(code, move |device| async move {
                let number = device.device.get();
                let text = format!(
                    "Add device {number} to your account? It will read what is written from now on. Yes only if the new device shows: {end}"
                );
                asker.ask(text, "One moment …".to_owned()).await
            })
            .await?;
        self.tell(News::Done(format!("Device {} is linked.", device.get())));
        Ok(())
    }

    async fn accept_key(&self, name: &str) -> Result<(), Error> {
        let question = format!(
            "Believe the account key that {name} has now? Only if they told you of it over another way than this one."
        );
        // After a restart nothing is known of it here: then the client refuses, and tells of it again.
        let list_hash = self.offered().get(name).cloned().unwrap_or_default();
        if self.ask(question, "One moment …".to_owned()).await {
            self.client.accept_account_key(name, &list_hash).await?;
            self.tell(News::Done(format!(
                "The key of {name} is believed: what waits is sent, what failed with Ctrl-R."
            )));
        }
        Ok(())
    }

    async fn ask(&self, text: String, then: String) -> bool {
        let (answer, answered) = oneshot::channel();
        *self.waiting_question() = Some(answer);
        self.tell(News::Question(text, then));
        answered.await.unwrap_or(false)
    }

    fn tell_connection(&self, state: ConnectionState) {
        self.tell(News::Connection(state, self.client.network_role()));
    }

    fn tell_account(&self) {
        if let Some((user, device)) = self.client.account() {
            self.tell(News::Account(user, device));
        }
    }

    fn tell(&self, news: News) {
        // Nobody listens any more only when the app ends.
        let _ = self.news.send(news);
    }

    fn open_thread(&self) -> MutexGuard<'_, Option<ThreadId>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waiting_question(&self) -> MutexGuard<'_, Option<oneshot::Sender<bool>>> {
        self.question.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn offered(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.offered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn name(user: Option<&UserId>) -> String {
    user.map_or_else(|| "a group".to_owned(), ToString::to_string)
}

/// The last 72 bits of the key in a link code, for people to compare: nobody makes a key of their own that ends like it.
fn end_of_key(code: &str) -> String {
    let values = code.trim().split(['?', '&']);
    let key = values.filter_map(|value| value.strip_prefix("k=")).next();
    let mut letters: Vec<char> = key.unwrap_or_default().chars().rev().take(12).collect();
    letters.reverse();
    let groups: Vec<String> = letters
        .chunks(4)
        .map(|four| four.iter().collect())
        .collect();
    groups.join(" ")
}

/// What a person is told of an error.
pub fn said(error: &Error) -> String {
    format!("{error} ({})", error.code())
}

#[cfg(test)]
mod tests {
    use super::end_of_key;

    #[test]
    fn both_devices_show_the_same_end_of_the_key_however_the_code_is_written() {
        let key = "BRy7abcdefghijklmnopqrstuvwxyzABCDEF12345-_Z";
        for code in [
            format!("sealwire://link?v=1&id=aaaa&k={key}"),
            format!(" sealwire://link?k={key}&id=aaaa&v=1\n"),
        ] {
            assert_eq!(end_of_key(&code), "CDEF 1234 5-_Z");
        }
        assert_eq!(end_of_key("nonsense"), "");
    }
}
