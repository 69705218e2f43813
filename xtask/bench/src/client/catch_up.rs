//! Catching up: what ten people wrote while this device was away, taken in at one go.

use super::device::{Device, in_memory, open};
use super::fill::{copied, fill, line};
use super::relay::Relay;
use crate::machine;
use crate::trouble::{Done, said};
use sealwire_engine::{Input, SocketInput};
use sealwire_wire::contract::{ServerEvent, ServerFrame};
use std::path::{Path, PathBuf};
use std::time::Instant;

const PEOPLE: usize = 10;
/// As many as the SDK hands in at once.
const FRAMES_AT_ONCE: usize = 64;

/// A device's store and what waits for it.
pub(super) struct Waiting {
    store: PathBuf,
    relay: Relay,
    frames: Vec<String>,
}

/// One catch-up.
pub(super) struct Run {
    pub(super) seconds: f64,
    pub(super) cpu_seconds: Option<f64>,
}

/// Everybody has written before and was answered: the sessions are under way.
pub(super) fn prepare(folder: &Path, messages: usize) -> Done<Waiting> {
    let mut relay = Relay::default();
    let store = folder.join("catch-up.db");
    let mut bob = Device::registered(open(&store, true)?, &mut relay, "bob", 1)?;
    let mut people = Vec::new();
    for number in 0..PEOPLE {
        let (name, seed) = (format!("friend-{number}"), 100 + number as u64);
        let mut friend = Device::registered(in_memory()?, &mut relay, &name, seed)?;
        let thread = friend.thread_with("bob")?;
        friend.send(&mut relay, thread, "are you there?".to_owned())?;
        take_queue(&mut bob, &mut relay)?;
        bob.send(&mut relay, thread, "I am".to_owned())?;
        take_queue(&mut friend, &mut relay)?;
        people.push((friend, thread));
    }
    for number in 0..messages {
        // Not one after the other, and not at random: the same in every run.
        let (friend, thread) = &mut people[(number * 7 + number / 13) % PEOPLE];
        friend.send(&mut relay, *thread, line(number as u64))?;
    }
    let frames = frames(&mut bob, &mut relay)?;
    if frames.len() != messages {
        return Err(said(format!(
            "{} frames of {messages} messages",
            frames.len()
        )));
    }
    bob.close()?;
    Ok(Waiting {
        store,
        relay,
        frames,
    })
}

impl Waiting {
    pub(super) fn run(&self, rows: u64) -> Done<Run> {
        let folder = tempfile::tempdir().map_err(said)?;
        let path = copied(&self.store, folder.path())?;
        fill(&path, rows)?;
        let mut relay = self.relay.with_nothing_queued();
        let mut bob = Device::over(open(&path, false)?, 2)?;
        bob.run(&mut relay)?;
        let batches: Vec<_> = self
            .frames
            .chunks(FRAMES_AT_ONCE)
            .map(<[String]>::to_vec)
            .collect();

        let (began, cpu_before) = (Instant::now(), machine::cpu_time());
        for batch in batches {
            bob.hand_in(Input::Socket(SocketInput::Frames(batch)))?;
        }
        let cpu = machine::cpu_time().zip(cpu_before);
        let run = Run {
            seconds: began.elapsed().as_secs_f64(),
            cpu_seconds: cpu.map(|(after, before)| (after - before).as_secs_f64()),
        };
        self.everything_is_there(bob, &path, rows)?;
        Ok(run)
    }

    /// Told, acknowledged, and in the store when it is opened cold.
    fn everything_is_there(&self, bob: Device, path: &Path, rows: u64) -> Done<()> {
        let expected = self.frames.len();
        let acknowledged = bob.events.frames_sent.last().cloned().unwrap_or_default();
        if bob.events.received != expected || !acknowledged.contains(&format!(":{expected}}}")) {
            return Err(said(format!(
                "{} of {expected} messages came, the last acknowledgement is {acknowledged}; {:?}",
                bob.events.received,
                bob.events.others.first()
            )));
        }
        bob.close()?;
        let store = open(path, false)?;
        let held = store.count_messages(None).map_err(said)?;
        let before = rows + 2 * PEOPLE as u64;
        let found = store.search("lighthouse", None, None, 10).map_err(said)?;
        if held != before + expected as u64 || found.is_empty() {
            return Err(said(format!(
                "{held} messages in the store, {} found",
                found.len()
            )));
        }
        Ok(())
    }
}

/// What the relay has for this device, as frames of a new connection.
fn frames(device: &mut Device, relay: &mut Relay) -> Done<Vec<String>> {
    let queue = relay.queues.remove(&device.name()?).unwrap_or_default();
    let frames = queue.into_iter().zip(1..).map(|(row, frame_seq)| {
        let event = ServerEvent::Msg {
            message: Box::new(row),
        };
        serde_json::to_string(&ServerFrame { frame_seq, event }).map_err(said)
    });
    frames.collect()
}

fn take_queue(device: &mut Device, relay: &mut Relay) -> Done<()> {
    let frames = frames(device, relay)?;
    device.hand_in(Input::Socket(SocketInput::Frames(frames)))?;
    device.run(relay)
}
