//! Questions to the app on the way of a call, put to whoever the call brought along.

use super::{Inbox, Work};
use crate::bounds::BoxFuture;
use crate::runtime::Tasks;
use futures_util::FutureExt as _;
use sealwire_engine::{CallId, Input, Question, QuestionId};
use std::panic::AssertUnwindSafe;

/// Answers one question; brought along by the call that may lead to it.
pub(crate) struct Asker {
    /// Whether this one answers such a question.
    pub(crate) takes: fn(&Question) -> bool,
    pub(crate) answer: Answer,
}

#[cfg(not(target_family = "wasm"))]
pub(crate) type Answer = Box<dyn FnOnce(Question) -> BoxFuture<'static, bool> + Send>;
#[cfg(target_family = "wasm")]
pub(crate) type Answer = Box<dyn FnOnce(Question) -> BoxFuture<'static, bool>>;

/// The questions of the engine and those who can answer them; either may be there first.
pub(crate) struct Questions {
    inbox: Inbox,
    askers: Vec<(CallId, Asker)>,
    open: Vec<(QuestionId, Question)>,
}

impl Questions {
    pub(crate) fn new(inbox: Inbox) -> Self {
        Self {
            inbox,
            askers: Vec::new(),
            open: Vec::new(),
        }
    }

    pub(crate) fn ask_through(&mut self, call: CallId, asker: Asker, tasks: &Tasks) {
        match self
            .open
            .iter()
            .position(|(_, question)| (asker.takes)(question))
        {
            Some(at) => {
                let (id, question) = self.open.remove(at);
                self.put(id, question, asker, tasks);
            }
            None => self.askers.push((call, asker)),
        }
    }

    pub(crate) fn ask(&mut self, id: QuestionId, question: Question, tasks: &Tasks) {
        match self
            .askers
            .iter()
            .position(|(_, asker)| (asker.takes)(&question))
        {
            Some(at) => {
                let (_, asker) = self.askers.remove(at);
                self.put(id, question, asker, tasks);
            }
            None => self.open.push((id, question)),
        }
    }

    /// What was not asked by the end of its call is not asked any more.
    pub(crate) fn call_is_done(&mut self, call: CallId) {
        self.askers.retain(|(of, _)| *of != call);
    }

    /// Another linking begins, or this one was given up.
    pub(crate) fn forget(&mut self) {
        self.open.clear();
    }

    fn put(&self, id: QuestionId, question: Question, asker: Asker, tasks: &Tasks) {
        let inbox = self.inbox.clone();
        tasks.spawn(async move {
            // An app that panics over a question has not said yes.
            let answer = AssertUnwindSafe(async move { (asker.answer)(question).await });
            let accepted = answer.catch_unwind().await.unwrap_or(false);
            inbox.put(Work::Hand(Input::Decided { id, accepted }));
        });
    }
}
