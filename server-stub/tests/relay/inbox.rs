//! The inbox over HTTP.

use crate::world::*;
use sealwire_wire::contract::{
    ErrorCode, Inbox, MarkRead, Notifications, ServerEvent, ThreadPreferences,
};
use sealwire_wire::{ThreadId, Timestamp};
use std::collections::BTreeSet;

async fn inbox(device: &Device, query: &str) -> Inbox {
    let answer = device.get(&format!("/v1/threads{query}")).send().await;
    ok(answer.unwrap()).await
}

#[tokio::test]
async fn the_inbox_counts_what_others_wrote_and_one_has_not_read() {
    let relay = relay().await;
    let Pair {
        alice, bob, thread, ..
    } = pair(&relay).await;
    let mut ids = Vec::new();
    for client_seq in 1..=5 {
        ids.push(alice.sent(thread, client_seq, &[&bob]).await.id);
    }
    let own = bob.sent(thread, 1, &[&alice]).await.id;
    let page = inbox(&bob, "").await;
    assert_eq!((page.threads.len(), page.next_cursor), (1, None));
    let first = &page.threads[0];
    assert_eq!((first.unread, first.last_msg_id), (5, Some(own)));
    assert_eq!(first.mine, ThreadPreferences::default());
    let read = MarkRead {
        up_to_msg_id: ids[2],
    };
    bob.post(&format!("/v1/threads/{thread}/read"))
        .json(&read)
        .send()
        .await
        .unwrap();
    let first = inbox(&bob, "").await.threads.remove(0);
    assert_eq!(first.unread, 2);
    assert_eq!(first.marks[0].read_up_to, Some(ids[2]));
    assert_eq!(inbox(&alice, "").await.threads[0].unread, 1);
}

#[tokio::test]
async fn pages_of_the_inbox_stay_whole_while_messages_arrive() {
    let relay = relay().await;
    let (_, alice) = open_account(relay.url(), "alice").await;
    let mut others = Vec::new();
    for number in 1..=7 {
        let (_, other) = open_account(relay.url(), &format!("user{number}")).await;
        let thread = ThreadId::direct(&alice.name.user_id, &other.name.user_id);
        other.sent(thread, 1, &[&alice]).await;
        others.push((other, thread));
    }
    let (mut seen, mut query) = (Vec::new(), "?limit=3".to_owned());
    loop {
        let page = inbox(&alice, &query).await;
        seen.extend(page.threads.iter().map(|thread| thread.thread.id));
        // A thread that was seen moves to the top.
        let (other, thread) = &others[6];
        let client_seq = seen.len() as u64 + 1;
        other.sent(*thread, client_seq, &[&alice]).await;
        let Some(cursor) = page.next_cursor else {
            break;
        };
        query = format!("?limit=3&cursor={cursor}");
    }
    let expected: Vec<_> = others.iter().rev().map(|(_, thread)| *thread).collect();
    assert_eq!(seen, expected);
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 7);
}

#[tokio::test]
async fn every_own_device_is_told_that_a_thread_is_muted() {
    let relay = relay().await;
    let Pair {
        alice,
        bob,
        thread,
        mut bob_account,
        ..
    } = pair(&relay).await;
    let bob2 = bob.link(&mut bob_account).await;
    alice.sent(thread, 1, &[&bob, &bob2]).await;
    let mine = ThreadPreferences {
        muted_until: Some(Timestamp(99)),
        notifications: Notifications::None,
    };
    let answer = bob
        .put(&format!("/v1/threads/{thread}/me"))
        .json(&mine)
        .send()
        .await;
    assert_eq!(ok::<ThreadPreferences>(answer.unwrap()).await, mine);
    // The one that set it hears of it as well: what it was answered may be older than what another set.
    for device in [&bob2, &bob] {
        let mut socket = device.socket().await;
        loop {
            match socket.frame().await.event {
                ServerEvent::Thread {
                    thread_id,
                    mine: told,
                } => {
                    assert_eq!((thread_id, told), (thread, Some(mine)));
                    break;
                }
                ServerEvent::CaughtUp { .. } => panic!("not told"),
                _ => {}
            }
        }
    }
    assert_eq!(inbox(&bob2, "").await.threads[0].mine, mine);
    assert_eq!(
        inbox(&alice, "").await.threads[0].mine,
        ThreadPreferences::default()
    );
}

#[tokio::test]
async fn a_bad_page_of_the_inbox_or_a_foreign_thread_is_refused() {
    let relay = relay().await;
    let Pair {
        alice, bob, thread, ..
    } = pair(&relay).await;
    alice.sent(thread, 1, &[&bob]).await;
    for (query, code) in [
        ("?limit=0", ErrorCode::InvalidRequest),
        ("?limit=101", ErrorCode::InvalidRequest),
        ("?limit=x", ErrorCode::InvalidRequest),
        ("?cursor=x", ErrorCode::InvalidCursor),
    ] {
        let answer = alice.get(&format!("/v1/threads{query}")).send().await;
        refused(answer.unwrap(), 400, code).await;
    }
    let (_, carol) = open_account(relay.url(), "carol").await;
    let answer = carol
        .put(&format!("/v1/threads/{thread}/me"))
        .json(&ThreadPreferences::default())
        .send()
        .await;
    refused(answer.unwrap(), 403, ErrorCode::NotAParticipant).await;
}
