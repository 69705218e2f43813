//! Typing and presence: passed on to sockets that watch a thread, and to nobody else. Never stored, and never in the way of
//! a message.

use super::sockets::Place;
use super::watches::{Watchable, Whereabouts};
use crate::api::state::{ApiState, as_ms};
use crate::service::Answer;
use sealwire_wire::contract::{DeviceName, ServerEvent};
use sealwire_wire::limits::{SUBSCRIPTIONS_MAX, TYPING_INTERVAL_MS};
use sealwire_wire::{ThreadId, UserId};
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;
use tokio::time::Instant;

/// Others whose presence a socket is told when it begins to watch, at most.
const TOLD_AT_ONCE_MAX: usize = 200;

/// What a socket has typed of late.
#[derive(Default)]
pub(super) struct Typed(HashMap<ThreadId, (Instant, bool)>);

impl Typed {
    /// Whether this is to be passed on: that somebody types once every three seconds a thread, that they stopped once after it.
    pub(super) fn passes(&mut self, thread: ThreadId, typing: bool, now: Instant) -> bool {
        let interval = Duration::from_millis(TYPING_INTERVAL_MS);
        self.0
            .retain(|of, (at, typing)| (*of == thread && *typing) || now - *at < interval);
        let others = self.0.len();
        match self.0.get_mut(&thread) {
            Some((_, was_typing)) if !typing => std::mem::replace(was_typing, false),
            Some((at, was_typing)) => {
                let passes = now - *at >= interval;
                if passes {
                    (*at, *was_typing) = (now, true);
                }
                passes
            }
            None if typing && others < SUBSCRIPTIONS_MAX => {
                self.0.insert(thread, (now, true));
                true
            }
            None => false,
        }
    }
}

/// Begins to watch these threads, those of them that are the caller's own, and tells the socket who is there.
pub(super) async fn subscribe(
    state: &ApiState,
    place: &Place,
    thread_ids: Vec<ThreadId>,
) -> Answer<()> {
    let own = &place.device().user_id;
    let mut threads: Vec<Watchable> = Vec::new();
    for thread in BTreeSet::from_iter(thread_ids) {
        // One that is not there yet, or not the caller's, is passed over: nobody learns which of the two.
        if let Some(participants) = state.service().participants(own, thread).await? {
            threads.push((thread, participants));
        }
    }
    let others: BTreeSet<UserId> = threads
        .iter()
        .flat_map(|(_, participants)| participants.iter())
        .filter(|user| *user != own)
        .take(TOLD_AT_ONCE_MAX)
        .cloned()
        .collect();
    state.sockets().watch(place, threads);
    for user in others {
        if state.service().sees_presence(own, &user).await? {
            let whereabouts = state
                .sockets()
                .whereabouts(&user, state.now(), grace(state));
            place.tell(presence(&user, whereabouts));
        }
    }
    Ok(())
}

/// Passes on that somebody types, or stopped to.
pub(super) async fn typing(
    state: &ApiState,
    place: &Place,
    thread_id: ThreadId,
    typing: bool,
) -> Answer<()> {
    let own = &place.device().user_id;
    if state
        .service()
        .participants(own, thread_id)
        .await?
        .is_none()
    {
        return Ok(());
    }
    let event = ServerEvent::Typing {
        thread_id,
        user_id: own.clone(),
        typing,
    };
    for device in state.sockets().watchers_of_thread(thread_id) {
        if device.user_id != *own && !state.service().are_blocked(own, &device.user_id).await? {
            state.sockets().tell(&device, &event);
        }
    }
    Ok(())
}

/// Passes on that somebody came or went, if they did.
pub(super) async fn say(state: &ApiState, place: &Place, online: bool) -> Answer<()> {
    let changed = state
        .sockets()
        .say(place, online, state.now(), grace(state));
    match changed {
        Some(whereabouts) => announce(state, &place.device().user_id, whereabouts).await,
        None => Ok(()),
    }
}

/// A socket has ended: its user still counts as there for a while.
pub(super) fn left(state: &ApiState, place: &Place) {
    if !state.sockets().left(place, state.now()) {
        return;
    }
    let (later, user) = (state.downgrade(), place.device().user_id.clone());
    let wait = state.timings().presence_grace;
    tokio::spawn(async move {
        tokio::time::sleep(wait).await;
        let Some(state) = later.upgrade() else {
            return;
        };
        let whereabouts = state.sockets().faded(&user, state.now(), grace(&state));
        if let Some(whereabouts) = whereabouts
            && let Err(refusal) = announce(&state, &user, whereabouts).await
        {
            tracing::debug!(%refusal, "nobody was told that somebody went");
        }
    });
}

/// Whoever may no longer see a user hears of it as if the user had gone, without when.
pub(in crate::api) fn conceal(state: &ApiState, user: &UserId, from: Option<&UserId>) {
    let event = presence(user, Whereabouts::Away(None));
    for device in state.sockets().watchers_of_user(user) {
        if from.is_none_or(|from| device.user_id == *from) {
            state.sockets().tell(&device, &event);
        }
    }
}

async fn announce(state: &ApiState, user: &UserId, whereabouts: Whereabouts) -> Answer<()> {
    let event = presence(user, whereabouts);
    let watchers: BTreeSet<DeviceName> = state.sockets().watchers_of_user(user);
    for device in watchers {
        if state.service().sees_presence(&device.user_id, user).await? {
            state.sockets().tell(&device, &event);
        }
    }
    Ok(())
}

fn presence(user: &UserId, whereabouts: Whereabouts) -> ServerEvent {
    let (online, last_seen_at) = match whereabouts {
        Whereabouts::There => (true, None),
        Whereabouts::Away(last) => (false, last),
    };
    ServerEvent::Presence {
        user_id: user.clone(),
        online,
        last_seen_at,
    }
}

fn grace(state: &ApiState) -> u64 {
    as_ms(state.timings().presence_grace)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thread(number: u8) -> ThreadId {
        ThreadId::from_bytes([number; 16])
    }

    #[test]
    fn typing_is_passed_on_at_most_every_three_seconds_a_thread() {
        let (mut typed, start) = (Typed::default(), Instant::now());
        let mut passes =
            |number, ms| typed.passes(thread(number), true, start + Duration::from_millis(ms));
        assert!(passes(1, 0));
        assert!(!passes(1, 1));
        assert!(passes(2, 1));
        assert!(!passes(1, 2_999));
        assert!(passes(1, 3_000));
    }

    #[test]
    fn that_somebody_stopped_is_passed_on_once_after_they_typed() {
        let (mut typed, start) = (Typed::default(), Instant::now());
        let mut passes =
            |typing, ms| typed.passes(thread(1), typing, start + Duration::from_millis(ms));
        assert!(!passes(false, 0));
        assert!(passes(true, 0));
        assert!(passes(false, 4_000));
        assert!(!passes(false, 4_001));
        // And typing anew waits for its time.
        assert!(passes(true, 5_000));
        assert!(passes(false, 5_001));
        assert!(!passes(true, 5_002));
    }

    #[test]
    fn typing_in_ever_new_threads_is_bounded() {
        let (mut typed, now) = (Typed::default(), Instant::now());
        let passed = (0..200).filter(|number| typed.passes(thread(*number), true, now));
        assert_eq!(passed.count(), SUBSCRIPTIONS_MAX);
    }
}
