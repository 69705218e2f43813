//! Streams of events: bounded, in order, and honest about what a slow reader missed.

use futures_core::Stream;
use sealwire_engine::Event;
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

/// So many events wait for a reader; what comes on top is counted in one [`Event::Lagged`].
pub const EVENT_BUFFER: usize = 1024;

/// What happens at a client, from the moment [`crate::Client::events`] was called until the client closes.
///
/// Up to [`EVENT_BUFFER`] events wait for their reader. When it is slower, [`Event::Lagged`] stands in the place of those
/// that did not fit, with their number. Nothing is lost by that: the store holds everything that events say, so read it.
/// The stream ends when the client closes. It keeps no client open.
pub struct EventStream {
    queue: Arc<Mutex<Queue>>,
}

/// Gives every event to every stream.
#[derive(Clone, Default)]
pub(crate) struct Publisher {
    streams: Arc<Mutex<Streams>>,
}

#[derive(Default)]
struct Streams {
    queues: Vec<Weak<Mutex<Queue>>>,
    ended: bool,
}

#[derive(Default)]
struct Queue {
    events: VecDeque<Event>,
    reader: Option<Waker>,
    ended: bool,
}

impl Publisher {
    pub(crate) fn subscribe(&self) -> EventStream {
        let mut streams = lock(&self.streams);
        let queue = Arc::new(Mutex::new(Queue {
            ended: streams.ended,
            ..Queue::default()
        }));
        streams.queues.push(Arc::downgrade(&queue));
        EventStream { queue }
    }

    pub(crate) fn publish(&self, event: &Event) {
        self.each(|queue| queue.push(event.clone()));
    }

    /// Every stream ends after what it holds.
    pub(crate) fn end(&self) {
        lock(&self.streams).ended = true;
        self.each(|queue| queue.ended = true);
    }

    fn each(&self, change: impl Fn(&mut Queue)) {
        let mut wakers = Vec::new();
        lock(&self.streams).queues.retain(|queue| {
            let Some(queue) = queue.upgrade() else {
                return false;
            };
            let mut queue = lock(&queue);
            change(&mut queue);
            wakers.extend(queue.reader.take());
            true
        });
        // Woken without a lock held: a waker may poll at once.
        for waker in wakers {
            waker.wake();
        }
    }
}

impl Queue {
    fn push(&mut self, event: Event) {
        if self.events.len() < EVENT_BUFFER {
            self.events.push_back(event);
        } else if let Some(Event::Lagged { missed }) = self.events.back_mut() {
            *missed += 1;
        } else {
            self.events.push_back(Event::Lagged { missed: 1 });
        }
    }
}

impl Stream for EventStream {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        let mut queue = lock(&self.queue);
        match queue.events.pop_front() {
            Some(event) => Poll::Ready(Some(event)),
            None if queue.ended => Poll::Ready(None),
            None => {
                queue.reader = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl EventStream {
    /// The next event, or `None` once the client is closed. The same as `StreamExt::next`, without the import.
    pub async fn next(&mut self) -> Option<Event> {
        futures_util::StreamExt::next(&mut *self).await
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every change is whole before anything in it can panic.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    fn next(stream: &mut EventStream) -> Option<Option<Event>> {
        stream.next().now_or_never()
    }

    #[test]
    fn a_slow_reader_is_told_in_its_place_how_many_it_missed() {
        let publisher = Publisher::default();
        let mut stream = publisher.subscribe();
        for _ in 0..EVENT_BUFFER + 7 {
            publisher.publish(&Event::CaughtUp);
        }
        for _ in 0..EVENT_BUFFER {
            assert_eq!(next(&mut stream), Some(Some(Event::CaughtUp)));
        }
        publisher.publish(&Event::DeviceRevoked);
        assert_eq!(next(&mut stream), Some(Some(Event::Lagged { missed: 7 })));
        assert_eq!(next(&mut stream), Some(Some(Event::DeviceRevoked)));
        assert_eq!(next(&mut stream), None);
    }

    #[test]
    fn streams_end_after_what_they_hold_also_those_of_later() {
        let publisher = Publisher::default();
        let mut stream = publisher.subscribe();
        publisher.publish(&Event::CaughtUp);
        publisher.end();
        assert_eq!(next(&mut stream), Some(Some(Event::CaughtUp)));
        assert_eq!(next(&mut stream), Some(None));
        assert_eq!(next(&mut publisher.subscribe()), Some(None));
    }

    #[test]
    fn a_dropped_stream_is_forgotten() {
        let publisher = Publisher::default();
        drop(publisher.subscribe());
        publisher.publish(&Event::CaughtUp);
        assert!(lock(&publisher.streams).queues.is_empty());
    }
}
