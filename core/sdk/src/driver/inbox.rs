//! What reaches the driver, from the app and from its own tasks.

use super::Asker;
use crate::Error;
use crate::network_role::NetworkLock;
use async_channel::Sender;
use sealwire_engine::{Call, Input, Reply};
use sealwire_store::Rows;

/// How a call ended.
pub(crate) type CallDone = Result<Reply, Error>;
/// A read of the store on the driver's own connection, where there is no other.
pub(crate) type Query = Box<dyn FnOnce(&Rows) + Send>;

/// Something for the driver to do.
pub(crate) enum Work {
    /// The app wants something.
    Call {
        call: Call,
        /// Answers what the engine may ask on the way.
        asker: Option<Asker>,
        done: Sender<CallDone>,
    },
    /// What came of something that the engine asked for.
    Hand(Input),
    /// The app wants to read.
    Query(Query),
    /// No other process speaks for this device any more.
    MaySpeak(NetworkLock),
    /// Let go of everything but the place in memory; answers once that is done.
    Suspend(Sender<Result<(), Error>>),
    /// Take everything up again.
    Resume(Sender<Result<(), Error>>),
    /// No more work.
    Close,
}

/// The way in. Unbounded: what fills it waits for its answer or was asked for by the driver itself.
#[derive(Clone)]
pub(crate) struct Inbox(pub(crate) Sender<Work>);

impl Inbox {
    /// For tasks: a driver that is gone needs nothing any more.
    pub(crate) fn put(&self, work: Work) {
        let _ = self.0.try_send(work);
    }

    /// Hands the call over at once; whoever awaits the answer may stop doing so at any time.
    pub(crate) fn call(
        &self,
        call: Call,
        asker: Option<Asker>,
    ) -> impl Future<Output = CallDone> + use<> {
        let (done, answer) = async_channel::bounded(1);
        let accepted = self.0.try_send(Work::Call { call, asker, done }).is_ok();
        async move {
            if !accepted {
                return Err(Error::Closed);
            }
            answer.recv().await.unwrap_or(Err(Error::Closed))
        }
    }
}
