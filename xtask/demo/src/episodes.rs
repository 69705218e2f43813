//! What happens to single lines after the conversation: one is watched until it is read, some wait out a flight and an
//! ended app, one cannot be read and repairs itself.

use crate::devices::Device;
use crate::report::Expectations;
use crate::script::patiently;
use crate::{Done, Trouble, client};
use sealwire::{Event, EventStream, Message, MessageState};
use std::time::Instant;

/// Lines that the episodes send: the last ones of the text.
pub(crate) const LINES: usize = 6;

/// Alice on devices 0 and 1, Bob on 2, 3 and 4, all online; `lines` are the last [`LINES`] of the text.
pub(crate) async fn play(
    devices: &mut [Device],
    lines: &[String],
    expect: &mut Expectations,
) -> Done<()> {
    let [watched, flown @ .., broken, last] = lines else {
        return Err(Trouble::Said("the episodes need more lines".to_owned()));
    };
    states(devices, watched, expect).await?;
    flight(&mut devices[1], flown, expect).await?;
    broken_session(devices, broken, last, expect).await
}

/// Pending, sent, delivered, read: told to the sending device in this order, and held by the sender's other device too.
async fn states(devices: &mut [Device], line: &str, expect: &mut Expectations) -> Done<()> {
    let mut events = devices[0].client()?.events();
    let message = devices[0].send(line).await?;
    let mut turns = vec![message.state.clone()];
    let delivered = follow(&mut events, message.local_id, &MessageState::Delivered);
    turns.extend(patiently("the line's delivery", delivered).await?);
    let (bob, thread) = (devices[2].client()?, devices[2].thread()?);
    bob.mark_read(thread, None)
        .await
        .map_err(client("marking as read"))?;
    let read = follow(&mut events, message.local_id, &MessageState::Read);
    turns.extend(patiently("the line's receipt", read).await?);
    println!("states     {turns:?}");
    expect.that(
        "a line is pending, sent, delivered and read, in this order",
        turns
            == [
                MessageState::Pending,
                MessageState::Sent,
                MessageState::Delivered,
                MessageState::Read,
            ],
    );
    let receipts = devices[0]
        .client()?
        .receipts(message.local_id)
        .await
        .map_err(client("reading receipts"))?;
    expect.that(
        "one recipient is named as having read it",
        receipts.len() == 1 && receipts.iter().all(|receipt| receipt.read_at.is_some()),
    );
    let same_elsewhere = eventually(async || {
        let history = devices[1].history().await?;
        Ok(history
            .iter()
            .any(|here| is_same(here, &message) && here.state == MessageState::Read))
    });
    expect.that("alice-2 shows it as read too", same_elsewhere.await?);
    for device in &devices[2..] {
        let nothing_unread = eventually(async || {
            let unread = device.client()?.count_unread().await;
            Ok(unread.map_err(client("counting the unread"))? == 0)
        });
        expect.that(
            &format!("{} has nothing unread", device.name),
            nothing_unread.await?,
        );
    }
    Ok(())
}

/// Lines written without a network wait, also through the end of the app, and go out in order when it is back.
async fn flight(device: &mut Device, lines: &[String], expect: &mut Expectations) -> Done<()> {
    let going = client("flight mode");
    device.client()?.go_offline().await.map_err(going)?;
    let mut waiting = Vec::new();
    for line in lines {
        waiting.push(device.send(line).await?.local_id);
    }
    device.close().await?;
    device.open(true).await?;
    let mut pending = 0;
    for local_id in &waiting {
        let held = device.client()?.message(*local_id).await;
        let held = held.map_err(client("reading what waits"))?;
        pending += usize::from(held.is_some_and(|held| held.state == MessageState::Pending));
    }
    println!(
        "flight     {} wrote {} lines without a network, was closed and opened: {pending} wait",
        device.name,
        lines.len()
    );
    expect.that("what waits outlives the app", pending == lines.len());
    let landing = client("the end of flight mode");
    device.client()?.go_online().await.map_err(landing)?;
    let mut places = Vec::new();
    for local_id in waiting {
        let stored = device.client()?.wait_until_sent(local_id);
        let message = patiently("a waiting line's 202", stored).await?;
        places.push(message.map_err(client("sending what waited"))?.id);
    }
    println!("landed     they went out by themselves");
    expect.that(
        "what waited went out in the order of writing",
        places.is_sorted() && places.iter().all(Option::is_some),
    );
    Ok(())
}

/// A device loses the session with another one: what comes next cannot be read, is asked for, and comes.
async fn broken_session(
    devices: &mut [Device],
    line: &str,
    last: &str,
    expect: &mut Expectations,
) -> Done<()> {
    let (alice, bob) = (0, 3);
    let lost = devices[alice].client()?.account();
    let (user, number) = lost.ok_or_else(|| Trouble::Said("alice has no account".to_owned()))?;
    devices[bob].lose_session(&user, number).await?;
    println!(
        "broken     {} lost its session with {}",
        devices[bob].name, devices[alice].name
    );
    let before = devices[bob].seen().unreadable;
    let at = Instant::now();
    let asked_for = devices[alice].send(line).await?;
    let repaired = eventually(async || {
        let history = devices[bob].history().await?;
        Ok(history.iter().any(|message| is_same(message, &asked_for)))
    });
    let repaired = repaired.await?;
    println!(
        "repaired   after {:.0} ms",
        at.elapsed().as_secs_f64() * 1e3
    );
    expect.that(
        "a line that could not be read was asked for, and came",
        repaired && devices[bob].seen().unreadable == before + 1,
    );
    // Both ways work again: the answer goes through the session that the repair made.
    let answer = devices[bob].send(last).await?;
    let answered = eventually(async || {
        let history = devices[alice].history().await?;
        Ok(history.iter().any(|message| is_same(message, &answer)))
    });
    expect.that("the answer comes back", answered.await?);
    Ok(())
}

/// Whether a message came as it was sent. A text may have the same line twice: its device's number tells which this is.
fn is_same(here: &Message, sent: &Message) -> bool {
    let place = |message: &Message| {
        (
            message.sender.clone(),
            message.sender_device,
            message.client_seq,
        )
    };
    place(here) == place(sent) && here.text() == sent.text()
}

/// The states that a message turns to, as events tell them, until this one.
async fn follow(
    events: &mut EventStream,
    local_id: i64,
    until: &MessageState,
) -> Vec<MessageState> {
    let mut turns = Vec::new();
    while turns.last() != Some(until) {
        match events.next().await {
            Some(
                Event::MessageSent(message)
                | Event::MessageDelivered(message)
                | Event::MessageRead(message)
                | Event::MessageFailed(message),
            ) if message.local_id == local_id => turns.push(message.state.clone()),
            Some(_) => {}
            None => break,
        }
    }
    turns
}

/// Whether it becomes so before patience ends.
async fn eventually(is_so: impl AsyncFn() -> Done<bool>) -> Done<bool> {
    let until = Instant::now() + crate::script::PATIENCE;
    loop {
        if is_so().await? {
            return Ok(true);
        }
        if Instant::now() > until {
            return Ok(false);
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
