//! Which device has a socket: one each, the newest.

use super::bells::{Bell, Bells};
use super::watches::{SocketId, Watchable, Watches, Whereabouts};
use crate::newest::Newest;
use crate::service::{Push, Wake};
use sealwire_wire::contract::{CloseCode, DeviceName, ServerEvent};
use sealwire_wire::{ThreadId, Timestamp, UserId};
use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;

/// All open sockets.
#[derive(Default)]
pub(crate) struct Sockets(Arc<Inner>);

#[derive(Default)]
struct Inner {
    registry: Mutex<Registry>,
    /// Told whenever a socket ends, or has settled.
    ended: Notify,
}

#[derive(Default)]
struct Registry {
    by_device: Newest<Arc<Bells>>,
    watches: Watches,
    /// Those that were replaced and may still delete what was acknowledged on them.
    unsettled: BTreeSet<SocketId>,
    /// Of every socket that has not ended, also those that were replaced.
    open: usize,
    going_away: bool,
}

/// A socket's place among the open ones; dropped, it is gone from there.
pub(super) struct Place {
    sockets: Arc<Inner>,
    device: DeviceName,
    generation: u64,
    bells: Arc<Bells>,
}

impl Sockets {
    /// The socket of this device from now on; an older one is closed with 4001.
    pub(super) fn enter(&self, device: &DeviceName) -> Place {
        let mut registry = self.0.lock();
        registry.open += 1;
        let bells = Arc::new(Bells::default());
        if registry.going_away {
            bells.close(CloseCode::GoingAway);
        }
        let (generation, older) = registry.by_device.enter(device, Arc::clone(&bells));
        if let Some((older_generation, older)) = older {
            older.close(CloseCode::Replaced);
            registry
                .unsettled
                .insert((device.clone(), older_generation));
        }
        Place {
            sockets: Arc::clone(&self.0),
            device: device.clone(),
            generation,
            bells,
        }
    }

    /// Lets the sockets of these devices look again, or closes them; tells open sockets what is told live.
    pub(crate) fn wake(&self, wake: &Wake) {
        let registry = self.0.lock();
        let ring = |device: &DeviceName, message: Option<Push>| {
            if let Some(bells) = registry.by_device.get(device) {
                bells.push(message);
            }
        };
        match &wake.pushed {
            Some(pushed) => {
                for (device, place) in &pushed.places {
                    ring(device, pushed.push(*place));
                }
            }
            None => wake.queues.iter().for_each(|device| ring(device, None)),
        }
        for device in &wake.revoked {
            if let Some(bells) = registry.by_device.get(device) {
                bells.close(CloseCode::DeviceRevoked);
            }
        }
        for told in &wake.live {
            for user in &told.to {
                for (device, bells) in registry.by_device.of_user(user) {
                    if Some(device) != told.except.as_ref() {
                        bells.tell(told.event.clone());
                    }
                }
            }
        }
    }

    /// From now on this socket watches these threads, and no others any more.
    pub(super) fn watch(&self, place: &Place, threads: Vec<Watchable>) {
        self.0.lock().watches.watch(&place.id(), threads);
    }

    pub(super) fn watchers_of_thread(&self, thread: ThreadId) -> BTreeSet<DeviceName> {
        self.0.lock().watches.of_thread(thread)
    }

    pub(super) fn watchers_of_user(&self, user: &UserId) -> BTreeSet<DeviceName> {
        self.0.lock().watches.of_user(user)
    }

    /// A socket says whether its user is there. What changed for others, if anything did.
    pub(super) fn say(
        &self,
        place: &Place,
        there: bool,
        now: Timestamp,
        grace_ms: u64,
    ) -> Option<Whereabouts> {
        let mut registry = self.0.lock();
        registry.watches.say(&place.id(), there, now, grace_ms)
    }

    /// A socket has ended. Whether its user fades from now on.
    pub(super) fn left(&self, place: &Place, now: Timestamp) -> bool {
        self.0.lock().watches.leave(&place.id(), now)
    }

    /// Where a user is who has faded just now.
    pub(super) fn faded(
        &self,
        user: &UserId,
        now: Timestamp,
        grace_ms: u64,
    ) -> Option<Whereabouts> {
        let watches = &mut self.0.lock().watches;
        let faded = watches.faded(user, now, grace_ms);
        faded.then(|| watches.whereabouts(user, now, grace_ms))
    }

    pub(super) fn whereabouts(&self, user: &UserId, now: Timestamp, grace_ms: u64) -> Whereabouts {
        self.0.lock().watches.whereabouts(user, now, grace_ms)
    }

    /// Tells the socket of a device, if it has one.
    pub(super) fn tell(&self, device: &DeviceName, event: &ServerEvent) {
        if let Some(bells) = self.0.lock().by_device.get(device) {
            bells.tell(event.clone());
        }
    }

    /// Lets these devices' sockets count their one-time prekeys.
    pub(crate) fn prekeys_taken(&self, devices: impl IntoIterator<Item = DeviceName>) {
        let registry = self.0.lock();
        for device in devices {
            if let Some(bells) = registry.by_device.get(&device) {
                bells.ring(Bell::PrekeyTaken);
            }
        }
    }

    /// Closes every socket with 1001, also those to come.
    pub(crate) fn send_away(&self) {
        let mut registry = self.0.lock();
        registry.going_away = true;
        for (_, bells) in registry.by_device.iter() {
            bells.close(CloseCode::GoingAway);
        }
    }

    /// How many are open.
    pub(crate) fn open(&self) -> usize {
        self.0.lock().open
    }

    /// Waits until every socket has ended.
    pub(crate) async fn all_ended(&self) {
        loop {
            let ended = self.0.ended.notified();
            if self.0.lock().open == 0 {
                return;
            }
            ended.await;
        }
    }
}

impl Inner {
    fn lock(&self) -> std::sync::MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    pub(super) fn device(&self) -> &DeviceName {
        &self.device
    }

    /// What was acknowledged on this socket is deleted.
    pub(super) fn settle(&self) {
        if self.sockets.lock().unsettled.remove(&self.id()) {
            self.sockets.ended.notify_waiters();
        }
    }

    /// Waits until what was acknowledged on older sockets of this device is deleted: it does not come again on this one.
    pub(super) async fn older_settled(&self) {
        loop {
            let ended = self.sockets.ended.notified();
            let first = (self.device.clone(), 0);
            let settled = self
                .sockets
                .lock()
                .unsettled
                .range(first..self.id())
                .next()
                .is_none();
            if settled {
                return;
            }
            ended.await;
        }
    }

    fn id(&self) -> SocketId {
        (self.device.clone(), self.generation)
    }
}

impl Deref for Place {
    type Target = Bells;

    fn deref(&self) -> &Bells {
        &self.bells
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut registry = self.sockets.lock();
        registry.open -= 1;
        // Said before by a socket that ended in order.
        registry.watches.leave(&self.id(), Timestamp(0));
        registry.unsettled.remove(&self.id());
        registry.by_device.leave(&self.device, self.generation);
        drop(registry);
        self.sockets.ended.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;
    use sealwire_wire::DeviceId;

    fn device() -> DeviceName {
        DeviceName {
            user_id: "alice".parse().unwrap(),
            device_id: DeviceId::FIRST,
        }
    }

    fn woken() -> Wake {
        Wake {
            queues: vec![device()],
            ..Wake::default()
        }
    }

    #[tokio::test]
    async fn a_newer_socket_takes_the_place_and_keeps_it_when_the_older_ends() {
        let sockets = Sockets::default();
        let older = sockets.enter(&device());
        let newer = sockets.enter(&device());
        assert_eq!(older.closing(), Some(CloseCode::Replaced));
        drop(older);
        sockets.wake(&woken());
        assert!(newer.answer(Bell::Queue));
        assert_eq!(newer.closing(), None);
    }

    #[tokio::test]
    async fn a_newer_socket_begins_when_what_was_acknowledged_on_the_older_is_deleted() {
        let sockets = Sockets::default();
        let first = sockets.enter(&device());
        first.older_settled().await;
        let second = sockets.enter(&device());
        let third = sockets.enter(&device());
        let mut begins = Box::pin(third.older_settled());
        assert!(begins.as_mut().now_or_never().is_none());
        // One that has settled still has to say goodbye.
        first.settle();
        assert!(begins.as_mut().now_or_never().is_none());
        // One that ended without a word has settled too.
        drop(second);
        assert!(begins.as_mut().now_or_never().is_some());
        drop(first);
    }

    #[tokio::test]
    async fn a_wake_up_before_the_wait_is_not_lost() {
        let sockets = Sockets::default();
        let place = sockets.enter(&device());
        sockets.wake(&woken());
        assert!(place.rings().now_or_never().is_some());
    }

    #[tokio::test]
    async fn going_away_waits_for_the_last_socket() {
        let sockets = Sockets::default();
        let place = sockets.enter(&device());
        sockets.send_away();
        let mut ended = Box::pin(sockets.all_ended());
        assert!(ended.as_mut().now_or_never().is_none());
        assert_eq!(place.closing(), Some(CloseCode::GoingAway));
        drop(place);
        ended.await;
        assert_eq!(
            sockets.enter(&device()).closing(),
            Some(CloseCode::GoingAway)
        );
    }
}
