//! Disks that are full, and disks that fail: at a client, at the relay.

use crate::Stage;
use sealwire::{Attachment, MessageState};
use sealwire_kill::{Job, Running, Told, Volume, relay_on};
use sealwire_tests::{Device, same_everywhere, soon};
use std::time::Duration;

/// Megabytes: what a client or a relay needs to begin, and a little more.
const ROOM: u32 = 16;

/// More than is sealed in memory.
const SIZE: usize = 1_300_000;

fn refused(with: &str) -> impl Fn(&Told) -> Option<()> {
    move |told| (*told == Told::Refused(with.to_owned())).then_some(())
}

fn shown(told: &Told) -> Option<()> {
    matches!(told, Told::Shown(_)).then_some(())
}

/// Alice speaks while nothing can be written, and bob writes to her; then there is room again.
async fn without_room(
    stage: &mut Stage,
    mut process: Running,
    code: &str,
    give_room: impl AsyncFnOnce(),
) {
    // Neither is taken in: the one is refused, the other not acknowledged.
    assert_eq!(process.until(refused(code)).await, Some(()));
    let id = stage.bob.write(stage.thread, "from bob").await.local_id;
    soon("sent", stage.bob.client.wait_until_sent(id))
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    give_room().await;
    assert_eq!(process.until(shown).await, Some(()));
    process.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_whose_disk_fails_says_so_and_loses_nothing() {
    let mut stage = Stage::new().await;
    let talk = talk(&stage);
    let mut process = stage.alice.start(&talk);
    let caught_up = |told: &Told| (*told == Told::CaughtUp).then_some(());
    process.until(caught_up).await;
    process.limit_files(Some(1));
    let id = process.id();
    without_room(&mut stage, process, "store_io", async || {
        sealwire_kill::limit_files(id, None);
    })
    .await;
    everything_is_there(&stage).await;
}

fn talk(stage: &Stage) -> Job {
    Job::talk(
        "bob",
        stage.said.len() as u32,
        30,
        stage.said.len() as u64 + 31,
    )
}

/// In the relay's order, which is whose message came first.
async fn everything_is_there(stage: &Stage) {
    let mut expected: Vec<_> = (0..30)
        .map(|number| format!("alice {}", stage.said.len() + number))
        .collect();
    expected.extend(stage.said.iter().cloned());
    expected.push("from bob".to_owned());
    expected.sort();
    let count = expected.len() as u64;
    stage.bob.until_messages(stage.thread, count).await;
    let in_order = stage.bob.texts(stage.thread).await;
    let mut sorted = in_order.clone();
    sorted.sort();
    assert_eq!(sorted, expected);
    sealwire_kill::same_thread(&stage.alice, stage.thread, &stage.bob, &in_order).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_on_a_full_disk_says_so_and_loses_nothing() {
    let Some(volume) = Volume::new(ROOM) else {
        return no_volume();
    };
    let mut stage = Stage::new().await;
    stage.alice.move_to(volume.outside());
    let talk = talk(&stage);
    let mut process = volume.start(&stage.relay.url, &talk);
    let caught_up = |told: &Told| (*told == Told::CaughtUp).then_some(());
    process.until(caught_up).await;
    volume.fill();
    without_room(&mut stage, process, "disk_full", async || volume.free()).await;
    everything_is_there(&stage).await;

    // Killed while there is no room, it opens again when there is.
    volume.fill();
    let said = stage.bob.texts(stage.thread).await;
    stage.said = said;
    let job = stage.alice_says(1);
    let mut process = volume.start(&stage.relay.url, &job);
    let told = process.until(refused("disk_full")).await;
    process.kill();
    let killed = process.ended().await;
    assert_eq!(told, Some(()), "{:#?}", killed.told);
    volume.free();
    volume.start(&stage.relay.url, &job).done().await;
    stage.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_set_up_where_there_is_little_room_says_so_and_is_set_up_when_there_is_more()
 {
    let stage = Stage::new().await;
    for room in [0, 4, 12, 40, 120] {
        let Some(volume) = Volume::new(ROOM) else {
            return no_volume();
        };
        volume.fill_but(room * 1024);
        let user = format!("late-{room}");
        let to = "bob".to_owned();
        let begin = Job::Begin { user, to };
        let ended = volume.start(&stage.relay.url, &begin).ended().await;
        let code = ended.told.iter().find_map(|told| match told {
            Told::Refused(code) => Some(code.as_str()),
            _ => None,
        });
        // The key file is the app's own, and says what its system said.
        assert!(
            matches!(code, Some("disk_full" | "key_store")),
            "{room}: {:#?}",
            ended.told
        );
        volume.free();
        volume.start(&stage.relay.url, &begin).done().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attachment_that_finds_no_room_is_refused_and_nothing_of_it_stays() {
    let Some(volume) = Volume::new(ROOM) else {
        return no_volume();
    };
    let mut stage = Stage::new().await;
    stage.alice.move_to(volume.outside());
    let sent = Attachment::from_bytes(vec![7; SIZE]).caption("a file");
    let sent = stage.bob.client.send_attachment(stage.thread, sent, |_| ());
    let id = sent.await.unwrap().local_id;
    soon("sent", stage.bob.client.wait_until_sent(id))
        .await
        .unwrap();
    stage.said.push("a file".to_owned());
    let url = &stage.relay.url;
    volume.start(url, &stage.hears_all()).done().await;

    // Room for the store, and not for the file.
    volume.fill_but(SIZE as u64 / 2);
    let file = volume.inside().join("fetched");
    let with = "bob".to_owned();
    let fetch = Job::Fetch { with, file };
    let mut process = volume.start(url, &fetch);
    assert_eq!(process.until(refused("attachment_sink")).await, Some(()));
    process.ended().await;
    let attach = Job::Attach {
        to: "bob".to_owned(),
        file: volume.inside().join("original"),
        number: 1,
    };
    volume.free();
    std::fs::write(volume.outside().join("original"), vec![8; SIZE]).unwrap();
    volume.fill_but(SIZE as u64 / 2);
    let mut process = volume.start(url, &attach);
    assert_eq!(process.until(refused("system")).await, Some(()));
    process.ended().await;
    for left in ["fetched", "fetched.part"] {
        assert!(!volume.outside().join(left).exists());
    }
    let spool = std::fs::read_dir(volume.outside().join("store.db-uploads"));
    assert_eq!(spool.map_or(0, |folder| folder.count()), 0);

    volume.free();
    volume.start(url, &fetch).done().await;
    let fetched = std::fs::read(volume.outside().join("fetched")).unwrap();
    assert_eq!(fetched, vec![7; SIZE]);
    volume.start(url, &attach).done().await;
    stage.said.push("file 1".to_owned());
    stage.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_on_a_full_disk_lives_and_takes_what_waited_when_it_has_room() {
    let Some(volume) = Volume::new(ROOM) else {
        return no_volume();
    };
    let mut relay = relay_on(&volume).await;
    let (alice, bob, thread) = sealwire_tests::pair(&relay.url).await;
    alice.say(thread, "before").await;
    bob.hears("before").await;
    volume.fill();
    let mut waiting = Vec::new();
    for number in 0..10 {
        waiting.push(
            alice
                .write(thread, &format!("waits {number}"))
                .await
                .local_id,
        );
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(relay.is_alive());
    assert_eq!(state(&alice, waiting[9]).await, MessageState::Pending);
    // What was not acknowledged is not there after a kill either.
    let (address, sent_before) = (relay.address(), sent(&alice, &waiting).await);
    relay.kill().await;
    volume.free();
    let _relay = sealwire_kill::relay_on_at(&volume, address).await;
    for id in &waiting {
        soon("sent", alice.client.wait_until_sent(*id))
            .await
            .unwrap();
    }
    assert!(sent_before < 10);
    alice.say(thread, "after").await;
    let texts: Vec<_> = std::iter::once("before".to_owned())
        .chain((0..10).map(|number| format!("waits {number}")))
        .chain(["after".to_owned()])
        .collect();
    let texts: Vec<_> = texts.iter().map(String::as_str).collect();
    same_everywhere(thread, vec![alice, bob], &texts).await;
}

async fn state(device: &Device, id: i64) -> MessageState {
    device.client.message(id).await.unwrap().unwrap().state
}

async fn sent(device: &Device, ids: &[i64]) -> usize {
    let mut sent = 0;
    for id in ids {
        sent += usize::from(state(device, *id).await != MessageState::Pending);
    }
    sent
}

#[allow(clippy::print_stderr, reason = "a test that could not be made says so")]
fn no_volume() {
    let reason = "this system allows no user namespace with a tmpfs in it";
    // Whoever asks for the whole run wants to know that this part of it cannot be had.
    assert!(std::env::var_os("SEALWIRE_KILLS").is_none(), "{reason}");
    eprintln!("skipped: {reason}");
}
