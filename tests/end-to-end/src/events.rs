//! Everything that a client told, to look back at and to wait for.

use sealwire::{Event, EventStream, Message};
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

/// The events of one client since it was opened.
#[derive(Clone)]
pub struct EventLog {
    told: Arc<Mutex<Vec<Event>>>,
    changed: watch::Receiver<u64>,
}

impl EventLog {
    pub(crate) fn of(mut events: EventStream) -> Self {
        let told = Arc::new(Mutex::new(Vec::new()));
        let (change, changed) = watch::channel(0);
        let into = Arc::clone(&told);
        tokio::spawn(async move {
            while let Some(event) = events.next().await {
                into.lock().unwrap().push(event);
                change.send_modify(|count| *count += 1);
            }
        });
        Self { told, changed }
    }

    /// What was told so far.
    pub fn all(&self) -> Vec<Event> {
        self.told.lock().unwrap().clone()
    }

    /// How many events of a kind were told so far.
    pub fn count(&self, is: impl Fn(&Event) -> bool) -> usize {
        self.told
            .lock()
            .unwrap()
            .iter()
            .filter(|event| is(event))
            .count()
    }

    /// Waits until an event of a kind was told, now or before.
    pub async fn until(&self, what: &str, is: impl Fn(&Event) -> bool) -> Event {
        self.until_all(what, |events| {
            events.iter().find(|event| is(event)).cloned()
        })
        .await
    }

    /// Waits until so many events of a kind were told.
    pub async fn until_count(&self, what: &str, count: usize, is: impl Fn(&Event) -> bool) {
        self.until_all(what, |events| {
            (events.iter().filter(|event| is(event)).count() >= count).then_some(())
        })
        .await;
    }

    /// Waits until this user's list is to be accepted: what names it.
    pub async fn until_offered(&self, user: &str) -> String {
        self.until_all("a changed account key", |events| {
            events.iter().rev().find_map(|event| match event {
                Event::AccountKeyChanged { user_id, list_hash } if user_id.as_str() == user => {
                    Some(list_hash.clone())
                }
                _ => None,
            })
        })
        .await
    }

    /// Waits until a message with this text was received or recovered.
    pub async fn until_text(&self, text: &str) -> Message {
        self.until_all(text, |events| {
            events.iter().find_map(|event| match event {
                Event::MessageReceived(message) | Event::MessageRecovered(message)
                    if message.text() == Some(text) =>
                {
                    Some((**message).clone())
                }
                _ => None,
            })
        })
        .await
    }

    async fn until_all<T>(&self, what: &str, look: impl Fn(&[Event]) -> Option<T>) -> T {
        let mut changed = self.changed.clone();
        let found = tokio::time::timeout(crate::PATIENCE, async {
            loop {
                changed.borrow_and_update();
                if let Some(found) = look(&self.told.lock().unwrap()) {
                    return found;
                }
                assert!(changed.changed().await.is_ok(), "closed before: {what}");
            }
        })
        .await;
        found.unwrap_or_else(|_| panic!("waited in vain for {what}; told: {:#?}", self.all()))
    }
}

/// That this message was delivered.
pub fn delivered(id: i64) -> impl Fn(&Event) -> bool {
    move |event| matches!(event, Event::MessageDelivered(message) if message.local_id == id)
}

/// That this message was read.
pub fn read(id: i64) -> impl Fn(&Event) -> bool {
    move |event| matches!(event, Event::MessageRead(message) if message.local_id == id)
}

/// That this message failed.
pub fn failed(id: i64) -> impl Fn(&Event) -> bool {
    move |event| matches!(event, Event::MessageFailed(message) if message.local_id == id)
}
