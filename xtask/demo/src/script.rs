//! What happens, in order: five devices, the conversation in turns, a picture, three faults in the middle, the episodes.

use crate::conversation::{Conversation, Picture, sha256};
use crate::devices::Device;
use crate::episodes;
use crate::leaks;
use crate::relay::Relay;
use crate::report::Expectations;
use crate::{Done, Trouble, client};
use sealwire::{Attachment, DeviceId, Message};
use std::path::Path;
use std::time::{Duration, Instant};

/// How long anything may take that is to come by itself.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The devices after the conversation, closed, and what was measured.
pub(crate) struct Played {
    pub(crate) devices: Vec<Device>,
    /// From the app's call to the relay's 202, without faults in between.
    pub(crate) send_to_stored: Vec<Duration>,
    /// From the app's call to the message in another device's store, without faults in between.
    pub(crate) send_to_decrypted: Vec<Duration>,
}

/// One line on its way.
struct Sent {
    device: usize,
    message: Message,
    line: String,
    at: Instant,
    /// Whether nothing was broken meanwhile.
    calm: bool,
}

pub(crate) async fn play(
    folder: &Path,
    conversation: &Conversation,
    picture: &Picture,
    expect: &mut Expectations,
) -> Done<Played> {
    // The last lines are the episodes'.
    let (lines, episodes) = conversation
        .lines
        .split_at(conversation.lines.len().saturating_sub(episodes::LINES));
    let (third, half) = (lines.len() / 3, lines.len() / 2);
    let (picture_at, closed_from, closed_to) = (
        half + lines.len() / 8,
        3 * lines.len() / 4,
        7 * lines.len() / 8,
    );
    let mut relay = Relay::start(&folder.join("relay"))?;
    println!("relay      {} on a fresh folder", relay.url());
    let mut devices = open_devices(folder, &relay.url()).await?;
    // Bob's third device misses a third of the run; Alice's second one is closed for an eighth.
    let (absent, closed) = (4, 1);

    let mut sent: Vec<Sent> = Vec::with_capacity(lines.len());
    for (turn, line) in lines.iter().enumerate() {
        if turn == third {
            println!("offline    {} from line {turn} on", devices[absent].name);
            devices[absent]
                .client()?
                .go_offline()
                .await
                .map_err(client("going offline"))?;
        }
        if turn == 2 * third {
            devices[absent]
                .client()?
                .go_online()
                .await
                .map_err(client("going online"))?;
            println!(
                "online     {} catches up with {third} lines",
                devices[absent].name
            );
        }
        if turn == closed_from {
            devices[closed].close().await?;
            println!(
                "closed     {} for {} lines",
                devices[closed].name,
                closed_to - closed_from
            );
        }
        if turn == closed_to {
            devices[closed].open(false).await?;
            println!("opened     {} again from its file", devices[closed].name);
        }
        if turn == picture_at {
            send_picture(&mut devices[0], picture).await?;
        }
        let away = |device: usize| {
            (device == absent && (third..2 * third).contains(&turn)) || !devices[device].is_open()
        };
        let Some(device) = (turn..turn + devices.len())
            .map(|n| n % devices.len())
            .find(|n| !away(*n))
        else {
            return Err(Trouble::Said("no device is left to send".to_owned()));
        };
        let at = Instant::now();
        let message = devices[device].send(line).await?;
        let mut calm = true;
        if turn == half {
            // The line just sent may be on its way, stored, or stored with its answer lost.
            relay = relay.kill_and_start_again()?;
            println!(
                "killed     the relay with SIGKILL at line {turn}, started again on its folder"
            );
            calm = false;
        }
        // The next line is the next in everybody's order only once the relay has this one.
        let stored = devices[device].client()?.wait_until_sent(message.local_id);
        let message = patiently("a line's 202", stored)
            .await?
            .map_err(client("waiting for the relay"))?;
        calm &= !(half..half + devices.len()).contains(&turn);
        sent.push(Sent {
            device,
            message,
            line: line.clone(),
            at,
            calm,
        });
        if turn % 50 == 49 {
            println!("sent       {} of {} lines", turn + 1, lines.len());
        }
    }
    everything_arrives(&devices, lines.len() + 1).await;
    episodes::play(&mut devices, episodes, expect).await?;
    everything_arrives(&devices, conversation.lines.len() + 1).await;
    compare_pictures(&devices, picture, expect).await?;
    tell_protocols(&devices, expect).await?;
    let measured = measure(&devices, &sent, absent, third..2 * third + 1, closed);
    check_order(&devices, conversation, expect).await?;
    // While everything runs, what was written last still lies in the write-ahead logs.
    leaks::look(folder, "while it runs", conversation, picture, expect)?;
    for device in &mut devices {
        device.close().await?;
    }
    expect.that("the relay ends cleanly on SIGTERM", relay.stop()?);
    Ok(Played {
        devices,
        send_to_stored: measured.0,
        send_to_decrypted: measured.1,
    })
}

/// Alice on two devices, Bob on three: the first registers, the others are linked.
async fn open_devices(folder: &Path, relay: &str) -> Done<Vec<Device>> {
    let mut devices = Vec::new();
    for (user, peer, count) in [("alice", "bob", 2), ("bob", "alice", 3)] {
        let first = devices.len();
        for number in 1..=count {
            let mut device = Device::new(folder, user, peer, number, relay);
            device.open(false).await?;
            if number == 1 {
                device.register().await?;
            } else {
                device.link_to(&devices[first]).await?;
            }
            println!(
                "{} {}",
                if number == 1 {
                    "registered"
                } else {
                    "linked    "
                },
                device.name
            );
            devices.push(device);
        }
    }
    for device in &mut devices {
        device.open_thread().await?;
    }
    Ok(devices)
}

async fn send_picture(device: &mut Device, picture: &Picture) -> Done<()> {
    let attachment = Attachment::from_bytes(picture.bytes.clone())
        .mime(picture.mime)
        .name(&picture.name);
    let thread = device.thread()?;
    let sending = device.client()?.send_attachment(thread, attachment, |_| {});
    let message = patiently("the picture's upload", sending)
        .await?
        .map_err(client("sending the picture"))?;
    let stored = device.client()?.wait_until_sent(message.local_id);
    patiently("the picture's 202", stored)
        .await?
        .map_err(client("sending the picture"))?;
    device.sent += 1;
    println!(
        "picture    {} bytes from {}, encrypted",
        picture.bytes.len(),
        device.name
    );
    Ok(())
}

/// Which protocol the sessions between the devices have. Device ids count from 1 as the names do.
async fn tell_protocols(devices: &[Device], expect: &mut Expectations) -> Done<()> {
    let mut all_post_quantum = true;
    for device in devices {
        let mut sessions = Vec::new();
        for (user, count) in [("alice", 2), ("bob", 3)] {
            for number in 1..=count {
                let name = format!("{user}-{number}");
                let Ok(id) = DeviceId::new(number) else {
                    continue;
                };
                if name == device.name {
                    continue;
                }
                let protocol = device.client()?.session_protocol(user, id).await;
                let protocol = protocol.map_err(client("asking for a session's protocol"))?;
                all_post_quantum &= protocol.is_none_or(|version| version == 4);
                sessions.push(match protocol {
                    Some(4) => format!("{name} PQXDH"),
                    Some(3) => format!("{name} X3DH"),
                    Some(other) => format!("{name} version {other}"),
                    None => format!("{name} none"),
                });
            }
        }
        println!("protocol   {} with {}", device.name, sessions.join(", "));
    }
    expect.that("every session is of PQXDH (version 4)", all_post_quantum);
    Ok(())
}

/// Waits until every device holds everything, or until patience ends; what is missing is found afterwards.
async fn everything_arrives(devices: &[Device], count: usize) {
    let until = Instant::now() + PATIENCE;
    for device in devices {
        loop {
            let held = match device.client() {
                Ok(open) => open.count_messages(None).await.unwrap_or(0),
                Err(_) => 0,
            };
            if held >= count as u64 || Instant::now() > until {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// The same picture, byte for byte, on every device.
async fn compare_pictures(
    devices: &[Device],
    picture: &Picture,
    expect: &mut Expectations,
) -> Done<()> {
    for device in devices {
        let history = device.history().await?;
        let with_file = history
            .iter()
            .find(|message| message.attachment().is_some());
        let same = match with_file {
            Some(message) => match device.client()?.download_attachment(message, |_| {}).await {
                Ok(bytes) => sha256(&bytes) == picture.sha256(),
                Err(error) => {
                    println!("  {}: the picture did not come: {error}", device.name);
                    false
                }
            },
            None => false,
        };
        expect.that(
            &format!("{} has the picture, equal by SHA-256", device.name),
            same,
        );
    }
    Ok(())
}

/// Every line on every device exactly once, in the order of the text, the picture where it was sent.
async fn check_order(
    devices: &[Device],
    conversation: &Conversation,
    expect: &mut Expectations,
) -> Done<()> {
    let mut ids: Option<Vec<_>> = None;
    for device in devices {
        let history = device.history().await?;
        let texts: Vec<_> = history
            .iter()
            .filter(|message| message.attachment().is_none())
            .map(|message| message.text())
            .collect();
        let whole = texts.len() == conversation.lines.len()
            && texts
                .iter()
                .zip(&conversation.lines)
                .all(|(text, line)| *text == Some(line.as_str()));
        expect.that(
            &format!("{} has every line once, in order", device.name),
            whole,
        );
        let order: Vec<_> = history.iter().map(|message| message.id).collect();
        let same = ids.as_ref().is_none_or(|ids| *ids == order);
        expect.that(
            &format!("{} shows the same order as the others", device.name),
            same,
        );
        ids.get_or_insert(order);
    }
    Ok(())
}

/// Times of lines that nothing broke, to devices that were there.
fn measure(
    devices: &[Device],
    sent: &[Sent],
    absent: usize,
    away: std::ops::Range<usize>,
    closed: usize,
) -> (Vec<Duration>, Vec<Duration>) {
    let (mut stored, mut decrypted) = (Vec::new(), Vec::new());
    for (turn, line) in sent.iter().enumerate().filter(|(_, line)| line.calm) {
        if let Some(at) = devices[line.device]
            .seen()
            .stored_at
            .get(&line.message.local_id)
        {
            stored.push(at.saturating_duration_since(line.at));
        }
        for (number, device) in devices.iter().enumerate() {
            let was_away = (number == absent && away.contains(&turn)) || number == closed;
            if was_away || number == line.device {
                continue;
            }
            if let Some(at) = device.seen().decrypted_at.get(&line.line) {
                decrypted.push(at.saturating_duration_since(line.at));
            }
        }
    }
    (stored, decrypted)
}

pub(crate) async fn patiently<T>(what: &str, work: impl Future<Output = T>) -> Done<T> {
    tokio::time::timeout(PATIENCE, work)
        .await
        .map_err(|_| Trouble::Said(format!("{what} did not come in {} s", PATIENCE.as_secs())))
}
