//! Who a person asks when a device is linked: the question goes out, and the answer comes when there is one.

use super::CallbackError;
use crate::records::{AddDevice, JoinAccount};
use crate::running;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;

/// Is asked on the existing device.
#[uniffi::export(foreign)]
pub trait AddDeviceListener: Send + Sync {
    /// May this device join the account? Return soon; the answer may be given later.
    fn ask(&self, question: AddDevice, answer: Arc<Answer>) -> Result<(), CallbackError>;
}

/// Is asked on the new device.
#[uniffi::export(foreign)]
pub trait JoinAccountListener: Send + Sync {
    /// Is this the account that it is to join? Return soon; the answer may be given later.
    fn ask(&self, question: JoinAccount, answer: Arc<Answer>) -> Result<(), CallbackError>;
}

/// Takes one answer. Given none, it is a no once nobody holds it any more.
#[derive(uniffi::Object)]
pub struct Answer(Mutex<Option<oneshot::Sender<bool>>>);

#[uniffi::export]
impl Answer {
    /// Yes or no; only the first counts.
    pub fn give(&self, yes: bool) {
        let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(waiting) = waiting {
            // The linking may be over.
            let _ = waiting.send(yes);
        }
    }
}

/// A listener of either kind.
pub(crate) trait Confirm<Question>: Send + Sync {
    fn put(&self, question: Question, answer: Arc<Answer>) -> Result<(), CallbackError>;
}

impl Confirm<AddDevice> for Arc<dyn AddDeviceListener> {
    fn put(&self, question: AddDevice, answer: Arc<Answer>) -> Result<(), CallbackError> {
        self.ask(question, answer)
    }
}

impl Confirm<JoinAccount> for Arc<dyn JoinAccountListener> {
    fn put(&self, question: JoinAccount, answer: Arc<Answer>) -> Result<(), CallbackError> {
        self.ask(question, answer)
    }
}

/// What the app answered; no, where its code failed. It is asked on a thread that may be blocked: not one of the client's, which
/// the app may close meanwhile, and wait for it.
pub(crate) async fn ask<Question: Send + 'static>(
    listener: impl Confirm<Question> + 'static,
    question: Question,
) -> bool {
    let (answer, answered) = oneshot::channel();
    let answer = Arc::new(Answer(Mutex::new(Some(answer))));
    let Ok(runtime) = running::runtime() else {
        return false;
    };
    let put = runtime.spawn_blocking(move || listener.put(question, answer));
    match put.await {
        Ok(Ok(())) => answered.await.unwrap_or(false),
        Ok(Err(error)) => {
            tracing::warn!(%error, "the app's code failed when it was asked: taken as a no");
            false
        }
        Err(_) => false,
    }
}
