//! Typing and presence.

use super::Client;
use crate::Error;
use sealwire_engine::Call;
use sealwire_wire::ThreadId;

impl Client {
    /// Tells of typing ([`crate::Event::Typing`]) and presence ([`crate::Event::Presence`]) in these threads, and in no
    /// others any more: those that are on the screen. It holds across reconnects, until the client is closed.
    ///
    /// Codes: `too_many_threads` (more than 20).
    pub async fn watch_threads(&self, threads: &[ThreadId]) -> Result<(), Error> {
        let threads = threads.to_vec();
        self.call(Call::WatchThreads { threads }).await.map(drop)
    }

    /// Says that this user types; call it with every keystroke. The others are told at most every three seconds, and it
    /// fades five seconds after the last one. Nothing of it is stored, or sent later; a message that is sent ends it.
    /// What sending to the thread needs is fetched meanwhile.
    ///
    /// Codes: `unknown_thread`.
    pub async fn set_typing(&self, thread: ThreadId, typing: bool) -> Result<(), Error> {
        self.call(Call::SetTyping { thread, typing })
            .await
            .map(drop)
    }

    /// Says whether the app is in use on this device, as the account's settings let others know. It holds across reconnects.
    pub async fn set_presence(&self, online: bool) -> Result<(), Error> {
        self.call(Call::SetPresence { online }).await.map(drop)
    }
}
