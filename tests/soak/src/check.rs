//! What has to be true once everybody is calm.

use crate::device::Device;
use crate::figures::rows;
use crate::sent::Sent;
use sealwire::{Client, Message, MessageId, MessageState, ThreadId};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// What is still under way when everybody stops comes within this, also where other builds keep the machine busy.
const CALM: Duration = Duration::from_secs(180);
const LOOK: Duration = Duration::from_millis(500);
/// So many stores are looked at without a client as well.
const COLD: usize = 20;

type Places = BTreeMap<ThreadId, Vec<(MessageId, String)>>;

/// Waits until everything has come, then looks at every row of every device.
pub(crate) async fn check(devices: &[Arc<Device>], relay: &Path, sent: &Sent) {
    let begun = Instant::now();
    for device in devices {
        for thread in device.threads() {
            let expected = sent.count(thread);
            while !has_come(&device.client(), thread, expected).await && begun.elapsed() < CALM {
                sleep(LOOK).await;
            }
        }
    }
    // What is in the queue of nobody any more was acknowledged by everybody.
    while rows(relay, "queue_entry") > 0 && begun.elapsed() < CALM {
        sleep(LOOK).await;
    }
    let waiting = rows(relay, "queue_entry");
    if waiting > 0 {
        sent.found(format!(
            "{waiting} rows wait at the relay for devices that are online"
        ));
    }
    println!("calm after {:.1} s", begun.elapsed().as_secs_f64());
    let mut places = Places::new();
    for device in devices {
        for thread in device.threads() {
            let messages = all(&device.client(), thread).await;
            look(device, thread, &messages, &mut places, sent);
        }
    }
    for device in devices {
        device.client().close().await.unwrap();
    }
    for device in devices.iter().step_by(devices.len().div_ceil(COLD)) {
        let store = device.cold().await;
        for thread in device.threads() {
            let mut rows = store.page(thread, None, u32::MAX).unwrap();
            rows.reverse();
            let messages: Vec<_> = rows.into_iter().map(Message::from_row).collect();
            look(device, thread, &messages, &mut places, sent);
        }
        let (unsent, parked) = (store.count_unsent().unwrap(), store.count_parked().unwrap());
        if (unsent, parked) != (0, 0) {
            let number = device.number;
            sent.found(format!("{number}: cold: {unsent} unsent, {parked} parked"));
        }
    }
}

async fn has_come(client: &Client, thread: ThreadId, expected: usize) -> bool {
    let messages = client.messages(thread, None, 1).await.unwrap();
    let count = client.count_messages(Some(thread)).await.unwrap();
    count as usize >= expected && messages.iter().all(|message| message.id.is_some())
}

/// A thread, oldest first.
async fn all(client: &Client, thread: ThreadId) -> Vec<Message> {
    let mut messages: Vec<Message> = Vec::new();
    loop {
        let before = messages.last().map(|message| message.local_id);
        let page = client.messages(thread, before, 500).await.unwrap();
        if page.is_empty() {
            messages.reverse();
            return messages;
        }
        messages.extend(page);
    }
}

/// Exactly what was sent, each once, under the same ids and in the same order as on every other device.
fn look(device: &Device, thread: ThreadId, messages: &[Message], places: &mut Places, sent: &Sent) {
    let number = device.number;
    let mut missing = sent.texts(thread);
    let mut here = Vec::new();
    for message in messages {
        let text = message.text().unwrap_or("<unreadable>").to_owned();
        if !missing.remove(&text) {
            sent.found(format!(
                "{number}: {thread}: twice, or sent by nobody: {text}"
            ));
        }
        match (message.id, &message.state) {
            (
                Some(id),
                MessageState::Sent
                | MessageState::Delivered
                | MessageState::Read
                | MessageState::Received,
            ) => here.push((id, text)),
            (id, state) => sent.found(format!("{number}: {text}: {id:?}, {state:?}")),
        }
    }
    if !missing.is_empty() {
        sent.found(format!("{number}: {thread}: not here: {missing:?}"));
    }
    if !here.is_sorted() {
        sent.found(format!("{number}: {thread}: not in order"));
    }
    let there = places.entry(thread).or_insert_with(|| here.clone());
    if *there != here {
        sent.found(format!("{number}: {thread}: other ids than elsewhere"));
    }
}
