use super::world::{key, run};
use super::{on_both_engines, refused};
use crate::service::HistoryQuery;
use sealwire_wire::ThreadId;
use sealwire_wire::contract::ErrorCode;

#[test]
fn pages_go_back_newest_first_and_end() {
    on_both_engines(|world| {
        let (alice, bob) = (world.open_account("alice"), world.open_account("bob"));
        let thread = ThreadId::direct(&alice.user, &bob.user);
        let sent: Vec<_> = (0..7)
            .map(|seq| world.say(&alice.name(1), &bob.user, seq, "x"))
            .collect();
        let mut read = Vec::new();
        let mut cursor = None;
        loop {
            let query = HistoryQuery::Newest { cursor };
            let page = run(world.service.history(&bob.name(1), thread, &query, Some(3))).unwrap();
            assert_eq!(page.has_more, page.next_cursor.is_some());
            read.extend(page.messages.iter().map(|row| row.id));
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(read, sent.into_iter().rev().collect::<Vec<_>>());
    });
}

#[test]
fn since_brings_what_came_after_oldest_first_and_always_a_cursor() {
    on_both_engines(|world| {
        let (alice, bob) = (world.open_account("alice"), world.open_account("bob"));
        let thread = ThreadId::direct(&alice.user, &bob.user);
        let first = world.say(&alice.name(1), &bob.user, 0, "x");
        let since = |since: Option<String>| {
            run(world.service.history(
                &bob.name(1),
                thread,
                &HistoryQuery::Changed { since },
                Some(2),
            ))
            .unwrap()
        };
        let page = since(None);
        assert_eq!(
            page.messages.iter().map(|row| row.id).collect::<Vec<_>>(),
            [first]
        );
        let later: Vec<_> = (1..4)
            .map(|seq| world.say(&alice.name(1), &bob.user, seq, "x"))
            .collect();
        let page = since(page.next_cursor);
        assert_eq!(
            (
                page.messages.iter().map(|row| row.id).collect::<Vec<_>>(),
                page.has_more
            ),
            (later[..2].to_vec(), true)
        );
        let page = since(page.next_cursor);
        assert_eq!(
            (
                page.messages.iter().map(|row| row.id).collect::<Vec<_>>(),
                page.has_more
            ),
            (later[2..].to_vec(), false)
        );
        let page = since(page.next_cursor);
        assert!(page.messages.is_empty() && page.next_cursor.is_some());
        assert!(!since(Some(String::new())).messages.is_empty());
    });
}

#[test]
fn a_cursor_that_this_relay_never_gave_out_is_refused() {
    on_both_engines(|world| {
        let (alice, bob) = (world.open_account("alice"), world.open_account("bob"));
        let thread = ThreadId::direct(&alice.user, &bob.user);
        for seq in 0..2 {
            world.say(&alice.name(1), &bob.user, seq, "x");
            world.say(&alice.name(1), &alice.user, seq, "note");
        }
        let page = |thread, query| {
            run(world
                .service
                .history(&alice.name(1), thread, &query, Some(1)))
        };
        let real = page(thread, HistoryQuery::Newest { cursor: None })
            .unwrap()
            .next_cursor;
        for cursor in [
            "x",
            "....",
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "\u{1F600}",
            &"A".repeat(100_000),
        ] {
            let query = HistoryQuery::Newest {
                cursor: Some(cursor.to_owned()),
            };
            assert_eq!(refused(page(thread, query)), ErrorCode::InvalidCursor);
        }
        let own = ThreadId::direct(&alice.user, &alice.user);
        let elsewhere = page(
            own,
            HistoryQuery::Newest {
                cursor: real.clone(),
            },
        );
        assert_eq!(refused(elsewhere), ErrorCode::InvalidCursor);
        assert_eq!(
            refused(page(thread, HistoryQuery::Changed { since: real })),
            ErrorCode::InvalidCursor
        );
    });
}

#[test]
fn a_page_is_one_to_a_hundred_rows() {
    on_both_engines(|world| {
        let (alice, bob) = (world.open_account("alice"), world.open_account("bob"));
        let thread = ThreadId::direct(&alice.user, &bob.user);
        world.say(&alice.name(1), &bob.user, 0, "x");
        for size in [0, 101, u32::MAX] {
            let page = run(world.service.history(
                &bob.name(1),
                thread,
                &HistoryQuery::Newest { cursor: None },
                Some(size),
            ));
            assert_eq!(refused(page), ErrorCode::InvalidRequest);
        }
    });
}

#[test]
fn a_row_comes_with_the_readers_own_envelope_until_it_is_acknowledged() {
    on_both_engines(|world| {
        let (alice, bob) = (world.open_account("alice"), world.open_account("bob"));
        let id = world.say(&alice.name(1), &bob.user, 0, "hello");
        let row = run(world.service.message(&bob.name(1), id)).unwrap();
        assert_eq!(row.envelope.unwrap().body.as_slice(), b"hello for bob/1");
        assert_eq!(row.ciphertext.as_slice(), b"hello");
        assert!(
            run(world.service.message(&alice.name(1), id))
                .unwrap()
                .envelope
                .is_none()
        );
        let entries = run(world
            .service
            .queue_page(&bob.name(1), Default::default(), 10))
        .unwrap()
        .entries;
        run(world
            .service
            .acknowledge(&bob.name(1), &[entries[0].position]))
        .unwrap();
        let row = run(world.service.message(&bob.name(1), id)).unwrap();
        assert!(row.envelope.is_none());
        assert_eq!(row.ciphertext.as_slice(), b"hello");
    });
}

#[test]
fn unknown_messages_and_threads_are_not_found() {
    on_both_engines(|world| {
        let alice = world.open_account("alice");
        let id = sealwire_wire::MessageId::from_u128(5);
        assert_eq!(
            refused(run(world.service.message(&alice.name(1), id))),
            ErrorCode::NotFound
        );
        let thread = ThreadId::from_bytes([0; 16]);
        let page = run(world.service.history(
            &alice.name(1),
            thread,
            &HistoryQuery::Newest { cursor: None },
            None,
        ));
        assert_eq!(refused(page), ErrorCode::NotFound);
    });
}

#[test]
fn a_page_of_large_messages_ends_early_and_the_next_goes_on() {
    let world = super::World::sqlite();
    let (alice, bob) = (world.open_account("alice"), world.open_account("bob"));
    let thread = ThreadId::direct(&alice.user, &bob.user);
    let sent: Vec<_> = (0..40)
        .map(|seq| {
            let mut large = world.message(&alice.name(1), &bob.user, seq, "x");
            large.ciphertext = vec![7; 64 * 1024].into();
            let (sender, key) = (alice.name(1), key(&seq.to_string()));
            let sent = world.service.send(&sender, thread, &key, &large);
            run(sent).unwrap().answer.id
        })
        .collect();
    let read = |query| {
        run(world
            .service
            .history(&bob.name(1), thread, &query, Some(100)))
        .unwrap()
    };
    let ids = |page: &sealwire_wire::contract::MessagePage| -> Vec<_> {
        page.messages.iter().map(|row| row.id).collect()
    };
    let first = read(HistoryQuery::Newest { cursor: None });
    assert!(first.has_more && first.messages.len() == 32);
    let cursor = first.next_cursor.clone();
    let second = read(HistoryQuery::Newest { cursor });
    assert!(!second.has_more);
    let mut all = [ids(&first), ids(&second)].concat();
    all.reverse();
    assert_eq!(all, sent);
    let first = read(HistoryQuery::Changed { since: None });
    assert!(first.has_more);
    let since = first.next_cursor.clone();
    let second = read(HistoryQuery::Changed { since });
    assert!(!second.has_more);
    assert_eq!([ids(&first), ids(&second)].concat(), sent);
}
