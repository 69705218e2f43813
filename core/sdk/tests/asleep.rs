//! A process of its own, so that what is open in it is this client's: nothing of a suspended client is in use.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg(target_os = "linux")]

#[path = "client/world.rs"]
#[allow(dead_code)]
mod world;

use std::fs;
use std::path::Path;
use std::time::Duration;
use world::{World, received, soon, texts};

/// Open files of the process below this path.
fn open_files(below: &Path) -> Vec<String> {
    let files = fs::read_dir("/proc/self/fd").unwrap();
    let targets = files.filter_map(|file| fs::read_link(file.unwrap().path()).ok());
    targets
        .map(|target| target.display().to_string())
        .filter(|target| target.starts_with(&below.display().to_string()))
        .collect()
}

/// Connections to this relay that are open (`st` 01 of proc_net_tcp(5)), from whatever end of them is ours.
fn open_sockets(relay: &str) -> usize {
    let port: u16 = relay.rsplit_once(':').unwrap().1.parse().unwrap();
    let there = format!(":{port:04X}");
    let table = fs::read_to_string("/proc/self/net/tcp").unwrap();
    let rows = table.lines().skip(1).map(|row| row.split_whitespace());
    rows.filter(|row| {
        let fields: Vec<_> = row.clone().collect();
        fields[2].ends_with(&there) && fields[3] == "01"
    })
    .count()
}

/// How many threads the clients have, and for how many ticks they ran.
fn threads() -> (usize, u64) {
    let (mut count, mut ticks) = (0, 0);
    for task in fs::read_dir("/proc/self/task").unwrap() {
        let Ok(stat) = fs::read_to_string(task.unwrap().path().join("stat")) else {
            continue;
        };
        let (name, rest) = stat.rsplit_once(')').unwrap();
        if name.contains("(sealwire") {
            // Fields 14 and 15 of proc(5): utime and stime.
            let fields: Vec<_> = rest.split_whitespace().collect();
            count += 1;
            ticks += fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
        }
    }
    (count, ticks)
}

#[tokio::test]
async fn after_suspend_returns_no_lock_socket_or_thread_is_in_use() {
    let world = World::new().await;
    let (device, alice) = world.registered("alice").await;
    soon(alice.wait_until_caught_up()).await.unwrap();
    let thread = alice.direct_thread("bob").await.unwrap();
    alice.send_text(thread, "to nobody yet").await.unwrap();
    assert!(!open_files(&device.store).is_empty());
    assert!(open_sockets(world.relay.url()) > 0);
    for _ in 0..3 {
        soon(alice.suspend()).await.unwrap();
        let store = device.store.display().to_string();
        let lock = fs::File::open(format!("{store}-network")).unwrap();
        lock.try_lock().expect("nobody holds the lock");
        let held = open_files(&device.store);
        assert_eq!(held, [format!("{store}-network")], "this test's own");
        drop(lock);
        assert!(!fs::exists(format!("{store}-wal")).unwrap());
        // The tasks of kept connections end when they see that nobody keeps them.
        soon(async {
            while open_sockets(world.relay.url()) > 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
        let asleep = threads();
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        let later = threads();
        assert!(later.0 <= asleep.0, "no thread begins");
        assert!(later.1 - asleep.1 <= 1, "{asleep:?} {later:?}: none runs");
        soon(alice.resume()).await.unwrap();
        soon(alice.wait_until_caught_up()).await.unwrap();
    }
    let (_, bob) = world.registered("bob").await;
    let mut events = alice.events();
    let theirs = bob.direct_thread("alice").await.unwrap();
    bob.send_text(theirs, "hello").await.unwrap();
    assert_eq!(received(&mut events).await.text(), Some("hello"));
    assert!(texts(&alice, thread).await.contains(&"hello".to_owned()));
    alice.close().await.unwrap();
    let again = device.texts_after_a_cold_reopen(thread).await;
    assert!(again.contains(&"hello".to_owned()));
}
