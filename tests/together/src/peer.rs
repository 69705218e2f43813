//! One device of somebody.

use crate::here::Here;
use crate::process::Process;
use crate::{Door, History, PATIENCE, Request};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::path::PathBuf;

/// A device that can be asked, whatever language it speaks.
pub struct Peer {
    door: Door,
    /// Its store's, from start to start.
    folder: PathBuf,
    side: Side,
}

enum Side {
    Here(Box<Here>),
    There(Box<Process>),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum Answer {
    Ok(Value),
    Error(String),
}

impl Peer {
    /// Starts a program in this language and opens the client whose store is in this folder.
    pub async fn start(door: Door, folder: PathBuf, relay: &str) -> Self {
        std::fs::create_dir_all(&folder).unwrap();
        let side = match door.command() {
            None => Side::Here(Box::default()),
            Some(command) => Side::There(Box::new(Process::start(door.name(), command))),
        };
        let mut peer = Self { door, folder, side };
        let open = Request::Open {
            relay: relay.to_owned(),
            folder: peer.folder.clone(),
        };
        peer.done(open).await;
        peer
    }

    /// Closes the client, ends the program, starts another one and opens the client again.
    pub async fn start_again(mut self, relay: &str) -> Self {
        self.done(Request::Close).await;
        let (door, folder) = (self.door, self.folder.clone());
        self.end().await;
        Self::start(door, folder, relay).await
    }

    /// Ends the program.
    pub async fn end(self) {
        if let Side::There(process) = self.side {
            process.end().await;
        }
    }

    /// For people.
    pub fn name(&self) -> &'static str {
        self.door.name()
    }

    /// Makes the account of this user.
    pub async fn register(&mut self, user: &str) {
        let user = user.to_owned();
        assert_eq!(self.ask::<u32>(Request::Register { user }).await, 1);
    }

    /// Makes the other one a further device of the same account.
    pub async fn let_in(&mut self, new: &mut Self) {
        let code: String = new.ask(Request::StartLinking).await;
        let (added, joined) = tokio::join!(
            self.ask::<u32>(Request::LinkDevice { code }),
            new.ask::<u32>(Request::FinishLinking)
        );
        assert_eq!((added, joined), (2, 2), "{} linked", new.name());
    }

    /// The thread with somebody.
    pub async fn direct_thread(&mut self, user: &str) -> String {
        let user = user.to_owned();
        self.ask(Request::DirectThread { user }).await
    }

    /// Sends words.
    pub async fn write(&mut self, thread: &str, text: &str) {
        let (thread, text) = (thread.to_owned(), text.to_owned());
        self.done(Request::SendText { thread, text }).await;
    }

    /// Sends a file.
    pub async fn show(&mut self, thread: &str, path: PathBuf, caption: &str) {
        let (thread, caption) = (thread.to_owned(), caption.to_owned());
        let picture = Request::SendPicture {
            thread,
            path,
            caption,
        };
        self.done(picture).await;
    }

    /// Disconnects.
    pub async fn go_offline(&mut self) {
        self.done(Request::GoOffline).await;
    }

    /// Connects, and catches up.
    pub async fn go_online(&mut self) {
        self.done(Request::GoOnline).await;
    }

    /// Waits until the thread holds so many messages.
    pub async fn wait_for_messages(&mut self, thread: &str, count: usize) {
        let wait = Request::WaitForMessages {
            thread: thread.to_owned(),
            count,
            within_ms: within_ms(),
        };
        self.done(wait).await;
    }

    /// Waits until so many messages of this account are read.
    pub async fn wait_until_read(&mut self, thread: &str, count: usize) {
        let wait = Request::WaitUntilRead {
            thread: thread.to_owned(),
            count,
            within_ms: within_ms(),
        };
        self.done(wait).await;
    }

    /// Marks the thread as read.
    pub async fn mark_read(&mut self, thread: &str) {
        let thread = thread.to_owned();
        self.done(Request::MarkRead { thread }).await;
    }

    /// How many messages the thread holds.
    pub async fn count_messages(&mut self, thread: &str) -> usize {
        let thread = thread.to_owned();
        self.ask(Request::CountMessages { thread }).await
    }

    /// How many messages are unread.
    pub async fn count_unread(&mut self) -> u64 {
        self.ask(Request::CountUnread).await
    }

    /// The thread as it is in the store.
    pub async fn history(&mut self, thread: &str) -> History {
        let thread = thread.to_owned();
        self.ask(Request::History { thread }).await
    }

    async fn done(&mut self, request: Request) {
        self.ask::<()>(request).await;
    }

    async fn ask<T: DeserializeOwned>(&mut self, request: Request) -> T {
        let asked = serde_json::to_string(&request).unwrap();
        let answer = match &mut self.side {
            Side::Here(here) => here.answer(request).await,
            Side::There(process) => {
                process.say(&asked).await;
                let line = process.next_line(&asked).await;
                match serde_json::from_str(&line) {
                    Ok(Answer::Ok(value)) => Ok(value),
                    Ok(Answer::Error(words)) => Err(words),
                    Err(error) => Err(format!("{line:?} is no answer: {error}")),
                }
            }
        };
        let name = self.name();
        let value = answer.unwrap_or_else(|words| panic!("{name}, asked for {asked}: {words}"));
        serde_json::from_value(value)
            .unwrap_or_else(|error| panic!("{name}, asked for {asked}, answers otherwise: {error}"))
    }
}

fn within_ms() -> u64 {
    PATIENCE.as_millis() as u64
}
