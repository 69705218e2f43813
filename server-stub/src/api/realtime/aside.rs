//! What a socket says beside its messages: subscriptions, typing and presence. They ask storage for who may know what, in a turn
//! of their own, so that no frame waits for them.

use super::passing;
use super::sockets::Place;
use crate::api::state::ApiState;
use crate::service::Answer;
use sealwire_wire::ThreadId;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;

/// Something to be passed on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Word {
    Subscribe(Vec<ThreadId>),
    Typing { thread_id: ThreadId, typing: bool },
    Presence { online: bool },
}

/// One is under way, the newest of each kind wait in their order.
pub(super) struct Aside<'a> {
    under_way: Option<Pin<Box<dyn Future<Output = Answer<()>> + Send + 'a>>>,
    waiting: VecDeque<Word>,
}

impl<'a> Aside<'a> {
    pub(super) fn new() -> Self {
        Self {
            under_way: None,
            waiting: VecDeque::new(),
        }
    }

    /// Takes a word to be passed on. One that waits gives way to a newer one of its kind: for typing, in its thread.
    ///
    /// A socket that typed in too many threads of late says no more of it, so that few wait.
    pub(super) fn put(&mut self, word: Word) {
        match self.waiting.iter_mut().find(|older| word.replaces(older)) {
            Some(older) => *older = word,
            None => self.waiting.push_back(word),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.under_way.is_none() && self.waiting.is_empty()
    }

    /// Passes on the next word. Dropped before its end, it goes on with the next call.
    pub(super) async fn pass_next(&mut self, state: &ApiState, place: &'a Place) {
        self.next(|word| Box::pin(pass(state.clone(), place, word)))
            .await;
    }

    async fn next(
        &mut self,
        pass: impl FnOnce(Word) -> Pin<Box<dyn Future<Output = Answer<()>> + Send + 'a>>,
    ) {
        if self.under_way.is_none() {
            self.under_way = self.waiting.pop_front().map(pass);
        }
        let Some(under_way) = &mut self.under_way else {
            return;
        };
        // What could not be passed on now is no reason to end a socket.
        if let Err(refusal) = under_way.await {
            tracing::debug!(%refusal, "typing or presence was not passed on");
        }
        self.under_way = None;
        if self.waiting.is_empty() {
            // An idle socket holds no memory for what it may say.
            self.waiting = VecDeque::new();
        }
    }
}

impl Word {
    fn replaces(&self, older: &Self) -> bool {
        match (self, older) {
            (Self::Subscribe(_), Self::Subscribe(_))
            | (Self::Presence { .. }, Self::Presence { .. }) => true,
            (Self::Typing { thread_id, .. }, Self::Typing { thread_id: of, .. }) => thread_id == of,
            _ => false,
        }
    }
}

async fn pass(state: ApiState, place: &Place, word: Word) -> Answer<()> {
    match word {
        Word::Subscribe(threads) => passing::subscribe(&state, place, threads).await,
        Word::Typing { thread_id, typing } => {
            passing::typing(&state, place, thread_id, typing).await
        }
        Word::Presence { online } => passing::say(&state, place, online).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;
    use std::sync::{Arc, Mutex};
    use tokio::sync::Semaphore;

    fn typing(number: u8, typing: bool) -> Word {
        Word::Typing {
            thread_id: ThreadId::from_bytes([number; 16]),
            typing,
        }
    }

    #[tokio::test]
    async fn a_word_that_takes_long_goes_on_where_it_was_and_the_newest_of_the_others_follow() {
        let (passed, slow) = (Mutex::new(Vec::new()), Arc::new(Semaphore::new(0)));
        let mut aside = Aside::new();
        aside.put(Word::Subscribe(Vec::new()));
        let pass = |word| -> Pin<Box<dyn Future<Output = Answer<()>> + Send + '_>> {
            let (passed, slow) = (&passed, Arc::clone(&slow));
            Box::pin(async move {
                slow.acquire().await.unwrap().forget();
                passed.lock().unwrap().push(word);
                Ok(())
            })
        };
        assert!(aside.next(pass).now_or_never().is_none());
        for word in [typing(1, true), Word::Presence { online: true }] {
            aside.put(word);
        }
        for word in [typing(2, true), Word::Presence { online: false }] {
            aside.put(word);
        }
        aside.put(typing(1, false));
        assert!(aside.next(pass).now_or_never().is_none());
        slow.add_permits(9);
        while !aside.is_empty() {
            aside.next(pass).await;
        }
        let expected = [
            Word::Subscribe(Vec::new()),
            typing(1, false),
            Word::Presence { online: false },
            typing(2, true),
        ];
        assert_eq!(*passed.lock().unwrap(), expected);
    }
}
