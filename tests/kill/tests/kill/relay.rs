//! The relay's process, killed under load.

use crate::kills;
use sealwire::Attachment;
use sealwire_kill::{Chance, Load, relay};
use sealwire_tests::{pair, same_everywhere, soon};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Messages a second that the senders would like to send.
const RATE: u32 = 2_000;
/// Each with one request under way.
const SENDERS: usize = 48;
/// Between two texts of people with the SDK.
const TYPING: Duration = Duration::from_millis(40);
/// Attachments, each with one kill on its way.
const UPLOADS: u8 = 5;
/// Of many pieces.
const FILE: usize = 3_000_000;
/// So many more are acknowledged before the next kill.
const AT_LEAST: u64 = 100;

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::print_stdout, reason = "figures for the docs")]
async fn a_relay_killed_under_load_keeps_what_it_acknowledged_once_and_in_order_and_clients_come_back()
 {
    let (mut chance, folder) = (Chance::new(), tempfile::tempdir().unwrap());
    let mut process = relay(folder.path(), None).await;
    let address = process.address();
    let (alice, bob, thread) = pair(&process.url).await;
    let load = tokio::task::spawn_blocking(move || Load::start(address, SENDERS, RATE));
    let load = load.await.unwrap();

    let ends = Arc::<AtomicBool>::default();
    let over = Arc::clone(&ends);
    let (of_alice, of_bob) = (alice.client.clone(), bob.client.clone());
    let typing = tokio::spawn(async move {
        let mut said = Vec::new();
        while !over.load(Ordering::Relaxed) {
            let client = [&of_alice, &of_bob][said.len() % 2];
            let text = format!("text {}", said.len());
            client.send_text(thread, text.clone()).await.unwrap();
            said.push(text);
            tokio::time::sleep(TYPING).await;
        }
        said
    });

    let (begun, mut away) = (Instant::now(), Duration::ZERO);
    let kills = kills("SEALWIRE_RELAY_KILLS", 4);
    for _ in 0..kills {
        tokio::time::sleep(chance.ms(200, 1_500)).await;
        process.kill().await;
        let gone = Instant::now();
        tokio::time::sleep(chance.ms(0, 200)).await;
        process = relay(folder.path(), Some(address)).await;
        away += gone.elapsed();
        let before = load.acknowledged();
        let goes_on = async {
            while load.acknowledged() < before + AT_LEAST {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        soon("senders go on", goes_on).await;
    }
    let took = begun.elapsed();
    let acknowledged = tokio::task::spawn_blocking(move || load.end())
        .await
        .unwrap();
    acknowledged.check(folder.path()).await;
    println!(
        "{kills} kills: {} messages acknowledged, {:.0}/s while the relay was there, {} requests made again",
        acknowledged.count(),
        acknowledged.count() as f64 / (took - away).as_secs_f64(),
        acknowledged.again()
    );

    ends.store(true, Ordering::Relaxed);
    let mut said = typing.await.unwrap();
    for device in [&alice, &bob] {
        device.until_messages(thread, said.len() as u64).await;
        let own = device.messages(thread).await;
        for message in own {
            let sent = device.client.wait_until_sent(message.local_id);
            soon("sent", sent).await.unwrap();
        }
    }
    let texts = bob.texts(thread).await;
    let mut sorted = texts.clone();
    sorted.sort();
    said.sort();
    assert_eq!(sorted, said);
    let texts: Vec<_> = texts.iter().map(String::as_str).collect();
    same_everywhere(thread, vec![alice, bob], &texts).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_cut_short_by_the_relays_end_is_made_again_and_is_whole() {
    let (mut chance, folder) = (Chance::new(), tempfile::tempdir().unwrap());
    let mut process = relay(folder.path(), None).await;
    let address = process.address();
    let (alice, bob, thread) = pair(&process.url).await;
    for number in 0..UPLOADS {
        let bytes = vec![number; FILE];
        let caption = format!("file {number}");
        let file = Attachment::from_bytes(bytes.clone()).caption(&caption);
        let client = alice.client.clone();
        let sending =
            tokio::spawn(async move { client.send_attachment(thread, file, |_| ()).await });
        tokio::time::sleep(chance.ms(0, 150)).await;
        process.kill().await;
        process = relay(folder.path(), Some(address)).await;
        let sent = soon("uploaded", sending).await.unwrap().unwrap();
        let sent = alice.client.wait_until_sent(sent.local_id);
        soon("sent", sent).await.unwrap();
        let heard = bob.hears(&caption).await;
        let file = bob.client.download_attachment(&heard, |_| ());
        assert_eq!(soon("the file", file).await.unwrap(), bytes);
    }
}
