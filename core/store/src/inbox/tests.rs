use super::*;
use crate::testing::{account, device, pending, text, thread, user, with_thread, write};
use crate::{LocalId, MessageKind, MessageState, NewMark, NewMessage, Reached, Store, ThreadKind};
use proptest::prelude::*;
use sealwire_wire::ClientSeq;
use sealwire_wire::content::Uid;

fn alice() -> Store {
    let mut store = with_thread();
    account(&mut store, "alice");
    store
}

fn placeholder(number: u64) -> NewMessage {
    NewMessage {
        kind: MessageKind::Placeholder,
        state: MessageState::Unreadable,
        uid: None,
        content: None,
        text: None,
        digest: None,
        commitment: None,
        ..text(number, "")
    }
}

fn of_kind(number: u64, kind: MessageKind) -> NewMessage {
    NewMessage {
        kind,
        ..text(number, "words")
    }
}

/// Own, from another device.
fn from_the_phone(number: u64) -> NewMessage {
    let mut message = text(number, "mine");
    message.sender = user("alice");
    message.sender_device = device(2);
    message
}

fn own_read(up_to: MessageId) -> NewMark {
    NewMark {
        thread: thread(),
        user: user("alice"),
        delivered: None,
        read: Some((up_to, Timestamp(1))),
        version: 1,
    }
}

fn unread(store: &Store) -> u64 {
    store.inbox_thread(thread()).unwrap().unwrap().unread
}

/// What a count over every row says.
fn recount(store: &Store) -> u64 {
    let read_up_to = store.inbox_thread(thread()).unwrap().unwrap().read_up_to;
    let all = store.page(thread(), None, 10_000).unwrap();
    let counts = |message: &Message| {
        message.sender != user("alice")
            && message.message_id.is_some_and(|id| Some(id) > read_up_to)
            && !matches!(message.kind, MessageKind::Tombstone | MessageKind::Reaction)
    };
    all.iter().filter(|message| counts(message)).count() as u64
}

#[test]
fn unread_is_what_others_sent_above_the_own_mark_and_neither_reactions_nor_tombstones() {
    let mut store = alice();
    let ids = write(&mut store, |tx| {
        tx.insert_message(&text(1, "one"))?;
        tx.insert_message(&of_kind(2, MessageKind::Reaction))?;
        tx.insert_message(&from_the_phone(3))?;
        tx.insert_message(&placeholder(4))?;
        let five = tx.insert_message(&text(5, "five"))?.local_id();
        tx.insert_message(&pending(6, "mine"))?;
        Ok(five)
    });
    assert_eq!(unread(&store), 3);
    write(&mut store, |tx| {
        tx.raise_marks(&own_read(text(1, "").message_id.unwrap()))
    });
    assert_eq!((unread(&store), store.count_unread().unwrap()), (2, 2));
    write(&mut store, |tx| tx.bury_message(ids));
    assert_eq!(unread(&store), 1);
    write(&mut store, |tx| {
        tx.raise_marks(&own_read(MessageId::from_parts(9_000, 0)))
    });
    assert_eq!((unread(&store), store.count_unread().unwrap()), (0, 0));
}

#[derive(Debug, Clone)]
enum Step {
    Theirs(u64, u8),
    Mine(u64),
    Bury(u8),
    Recover(u64),
    Read(u64),
    SendAndConfirm(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (1..40u64, 0..4u8).prop_map(|(number, kind)| Step::Theirs(number, kind)),
        (50..60u64).prop_map(Step::Mine),
        any::<u8>().prop_map(Step::Bury),
        (1..40u64).prop_map(Step::Recover),
        (1..45u64).prop_map(Step::Read),
        (1..40u64).prop_map(Step::SendAndConfirm),
    ]
}

fn take(store: &mut Store, step: &Step) {
    write(store, |tx| {
        match step {
            Step::Theirs(number, kind) => {
                let message = match kind {
                    0 => placeholder(*number),
                    1 => of_kind(*number, MessageKind::Reaction),
                    _ => text(*number, "words"),
                };
                tx.insert_message(&message)?;
            }
            Step::Mine(number) => {
                let _ = tx.insert_message(&from_the_phone(*number))?;
            }
            Step::Bury(place) => {
                let all = tx.page(thread(), None, 1_000)?;
                if let Some(message) = all.get(usize::from(*place) % all.len().max(1)) {
                    tx.bury_message(message.local_id)?;
                }
            }
            Step::Recover(number) => {
                let held = tx.message_by_client_seq(
                    thread(),
                    &user("bob"),
                    device(1),
                    ClientSeq(*number),
                )?;
                if let Some(held) = held.filter(|held| held.kind == MessageKind::Placeholder) {
                    tx.replace_placeholder(held.local_id, &text(*number, "late"))?;
                }
            }
            Step::Read(number) => {
                let _ = tx.raise_marks(&own_read(MessageId::from_parts(1_000 + number, 5)))?;
            }
            // The relay gives a place that somebody else's message stands in, too.
            Step::SendAndConfirm(number) => {
                let seq = tx.take_client_seq(thread())?;
                let mut message = pending(seq.0 + 500, "mine");
                message.uid = Some(Uid(u128::from(seq.0).to_be_bytes()));
                let id = tx.insert_message(&message)?.local_id();
                let _ = tx.confirm_sent(id, MessageId::from_parts(1_000 + number, 5), Timestamp(1));
            }
        }
        Ok(())
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn unread_counts_equal_a_recount(steps in prop::collection::vec(step(), 1..40)) {
        let mut store = alice();
        for step in &steps {
            take(&mut store, step);
            prop_assert_eq!(unread(&store), recount(&store), "after {:?} of {:?}", step, &steps);
        }
    }
}

#[test]
fn the_inbox_shows_what_was_said_last_and_where_the_last_own_message_stands() {
    let mut store = alice();
    let empty = store.inbox(None, 10).unwrap().pop().unwrap();
    assert!(empty.last.is_none() && empty.last_own.is_none() && empty.unread == 0);
    write(&mut store, |tx| {
        tx.insert_message(&from_the_phone(1))?;
        tx.insert_message(&text(2, "theirs"))?;
        tx.insert_message(&of_kind(3, MessageKind::Reaction))?;
        tx.raise_marks(&NewMark {
            user: user("bob"),
            ..own_read(MessageId::from_parts(1_001, 5))
        })
    });
    let shown = store.inbox(None, 10).unwrap().pop().unwrap();
    assert_eq!(shown.last.unwrap().text.as_deref(), Some("theirs"));
    assert_eq!(shown.last_own.unwrap().reached, Reached::Readers);
    write(&mut store, |tx| tx.insert_message(&pending(4, "waits")));
    let shown = store.inbox(None, 10).unwrap().pop().unwrap();
    assert_eq!(shown.last.unwrap().text.as_deref(), Some("waits"));
    assert_eq!(shown.last_own.unwrap().text.as_deref(), Some("waits"));
}

#[test]
fn pages_of_the_inbox_hold_every_thread_once() {
    let mut store = alice();
    write(&mut store, |tx| {
        for number in 1..=7u8 {
            let id = ThreadId::from_bytes([number; 16]);
            tx.ensure_thread(
                id,
                ThreadKind::Group,
                None,
                Timestamp(u64::from(number % 3)),
            )?;
        }
        Ok(())
    });
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let page = store.inbox(after, 3).unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.cursor());
        seen.extend(page.iter().map(|row| row.thread.id));
    }
    let all: Vec<_> = store
        .threads(None, 100)
        .unwrap()
        .iter()
        .map(|row| row.id)
        .collect();
    assert_eq!((seen.len(), &seen), (8, &all));
}

#[test]
fn a_thread_stands_by_the_relay_s_clock_once_its_message_is_confirmed() {
    let mut store = alice();
    let mut message = pending(1, "written under a clock that runs ahead");
    message.local_at = Timestamp(9_000_000);
    let activity = |store: &Store| store.thread(thread()).unwrap().unwrap().last_activity;
    let id = write(&mut store, |tx| Ok(tx.insert_message(&message)?.local_id()));
    assert_eq!(activity(&store), Timestamp(9_000_000));
    write(&mut store, |tx| {
        tx.confirm_sent(id, MessageId::from_parts(70, 0), Timestamp(70))
    });
    assert_eq!(activity(&store), Timestamp(70));
}

#[test]
fn local_echoes_stand_after_all_else_until_they_have_their_place_also_across_pages() {
    let mut store = alice();
    let echoes = write(&mut store, |tx| {
        let first = tx.insert_message(&pending(1, "echo 1"))?.local_id();
        let second = tx.insert_message(&pending(2, "echo 2"))?.local_id();
        for number in [10, 20, 30] {
            tx.insert_message(&text(number, &format!("theirs {number}")))?;
        }
        Ok([first, second])
    });
    let paged = |store: &Store, size: u32| {
        let (mut before, mut texts) = (None, Vec::new());
        loop {
            let page = store.page(thread(), before, size).unwrap();
            let Some(last) = page.last() else { break };
            before = Some(last.cursor());
            texts.extend(page.iter().filter_map(|message| message.text.clone()));
        }
        texts.reverse();
        texts
    };
    let waiting = ["theirs 10", "theirs 20", "theirs 30", "echo 1", "echo 2"];
    assert!((1..=6).all(|size| paged(&store, size) == waiting));
    let place = MessageId::from_parts(1_015, 0);
    write(&mut store, |tx| {
        tx.confirm_sent(echoes[0], place, Timestamp(1_015))
    });
    let confirmed = ["theirs 10", "echo 1", "theirs 20", "theirs 30", "echo 2"];
    assert!((1..=6).all(|size| paged(&store, size) == confirmed));
}

#[test]
fn of_the_read_marks_of_a_thread_only_the_highest_is_told() {
    let mut store = alice();
    let id = |ms| MessageId::from_parts(ms, 0);
    write(&mut store, |tx| {
        tx.want_read_told(thread(), id(5), Timestamp(1))?;
        tx.want_read_told(thread(), id(3), Timestamp(2))
    });
    let due = |store: &Store, now| store.read_uploads_due(Timestamp(now), 10).unwrap();
    assert_eq!((due(&store, 0).len(), due(&store, 1)[0].up_to), (0, id(5)));
    write(&mut store, |tx| {
        tx.rest_read_upload(thread(), Timestamp(50))
    });
    assert_eq!(store.read_uploads_next_due().unwrap(), Some(Timestamp(50)));
    write(&mut store, |tx| tx.wake_read_uploads(Timestamp(10)));
    assert_eq!(due(&store, 10)[0].attempts, 1);
    write(&mut store, |tx| {
        tx.want_read_told(thread(), id(9), Timestamp(10))?;
        tx.read_told(thread(), id(5))
    });
    assert_eq!(
        due(&store, 10)[0].up_to,
        id(9),
        "the higher one still waits"
    );
    write(&mut store, |tx| tx.raise_marks(&own_read(id(20))));
    assert!(
        due(&store, 99).is_empty(),
        "another device told a higher one"
    );
}

#[test]
fn preferences_of_a_thread_are_kept() {
    let mut store = alice();
    let wanted = ThreadPreferences {
        muted_until: Some(Timestamp(77)),
        notifications: Notifications::Mentions,
    };
    assert!(write(&mut store, |tx| tx.set_preferences(thread(), &wanted)));
    assert!(!write(&mut store, |tx| tx.set_preferences(thread(), &wanted)));
    assert_eq!(
        store.inbox_thread(thread()).unwrap().unwrap().preferences,
        wanted
    );
    let unknown = ThreadId::from_bytes([1; 16]);
    assert!(!write(&mut store, |tx| tx.set_preferences(unknown, &wanted)));
}

#[test]
fn preferences_of_a_thread_that_is_not_known_yet_hold_once_it_is() {
    let mut store = alice();
    let wanted = |until| ThreadPreferences {
        muted_until: Some(Timestamp(until)),
        notifications: Notifications::None,
    };
    let id = ThreadId::from_bytes([1; 16]);
    for until in [5, 6] {
        write(&mut store, |tx| tx.set_preferences(id, &wanted(until)));
    }
    assert!(store.inbox_thread(id).unwrap().is_none());
    write(&mut store, |tx| {
        tx.ensure_thread(id, ThreadKind::Direct, Some(&user("carol")), Timestamp(1))
    });
    let held = |store: &Store| store.inbox_thread(id).unwrap().unwrap().preferences;
    assert_eq!(held(&store), wanted(6));
    // It was taken once: what is said later stays.
    write(&mut store, |tx| tx.set_preferences(id, &wanted(7)));
    write(&mut store, |tx| {
        tx.ensure_thread(id, ThreadKind::Direct, Some(&user("carol")), Timestamp(1))
    });
    assert_eq!(held(&store), wanted(7));
}

#[test]
fn preferences_of_unknown_threads_are_kept_up_to_a_bound() {
    let mut store = alice();
    let wanted = ThreadPreferences {
        muted_until: None,
        notifications: Notifications::None,
    };
    let id = |number: u64| {
        let mut bytes = [1; 16];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        ThreadId::from_bytes(bytes)
    };
    write(&mut store, |tx| {
        for number in 0..=UNPLACED_PREFERENCES_MAX {
            tx.set_preferences(id(number), &wanted)?;
        }
        // One that is kept may still change.
        tx.set_preferences(id(0), &ThreadPreferences::default())
    });
    let held = |store: &mut Store, number| {
        write(store, |tx| {
            tx.ensure_thread(id(number), ThreadKind::Direct, None, Timestamp(1))
        });
        let row = store.inbox_thread(id(number)).unwrap();
        row.unwrap().preferences
    };
    assert_eq!(held(&mut store, 0), ThreadPreferences::default());
    assert_eq!(held(&mut store, UNPLACED_PREFERENCES_MAX - 1), wanted);
    assert_eq!(
        held(&mut store, UNPLACED_PREFERENCES_MAX),
        ThreadPreferences::default()
    );
}

#[test]
fn the_last_own_message_is_found_over_all_own_devices() {
    let mut store = alice();
    let last = |store: &Store| {
        store
            .inbox_thread(thread())
            .unwrap()
            .unwrap()
            .last_own
            .unwrap()
            .local_id
    };
    let ids = write(&mut store, |tx| {
        let mut ids = Vec::<LocalId>::new();
        for (on, number) in [(3, 30), (2, 10), (7, 20)] {
            let mut message = from_the_phone(number);
            message.sender_device = device(on);
            ids.push(tx.insert_message(&message)?.local_id());
        }
        Ok(ids)
    });
    assert_eq!(last(&store), ids[0]);
}
