use super::*;
use crate::StoreError;
use crate::testing::{device, memory, pending, text, thread, user, with_thread, write};

#[test]
fn unconfirmed_messages_stand_after_all_others_in_the_order_of_their_making() {
    let mut store = with_thread();
    write(&mut store, |tx| {
        tx.insert_message(&pending(1, "mine 1"))?;
        tx.insert_message(&text(2, "theirs 2"))?;
        tx.insert_message(&pending(2, "mine 2"))?;
        tx.insert_message(&text(1, "theirs 1"))
    });
    let texts = |page: Vec<Message>| {
        page.iter()
            .filter_map(|message| message.text.clone())
            .collect::<Vec<_>>()
    };
    let all = store.page(thread(), None, 10).unwrap();
    assert_eq!(texts(all), ["mine 2", "mine 1", "theirs 2", "theirs 1"]);
    let mut paged = Vec::new();
    let mut before = None;
    while let Some(message) = store.page(thread(), before, 1).unwrap().pop() {
        before = Some(message.cursor());
        paged.push(message);
    }
    assert_eq!(texts(paged), ["mine 2", "mine 1", "theirs 2", "theirs 1"]);
}

fn placeholder(client_seq: u64) -> NewMessage {
    NewMessage {
        uid: None,
        kind: MessageKind::Placeholder,
        state: MessageState::Unreadable,
        reason: Some("no_session".to_owned()),
        content: None,
        text: None,
        commitment: None,
        ..text(client_seq, "")
    }
}

fn found(store: &crate::Store, query: &str) -> usize {
    store.search(query, None, None, 10).unwrap().len()
}

#[test]
fn every_field_comes_back_as_it_went_in() {
    let mut store = with_thread();
    let mut message = text(1, "wörds \0 with a NUL");
    message.stamp = Some(Stamp {
        key_id: 3,
        mac: Bytes32([5; 32]),
    });
    message.prev = Some(Previous {
        client_seq: ClientSeq(7),
        digest: [6; 32],
    });
    message.reason = Some("why".to_owned());
    let id = write(&mut store, |tx| tx.insert_message(&message)).local_id();
    assert!(store.message(id).unwrap().unwrap().row == message);
    let mut bare = placeholder(2);
    bare.message_id = None;
    bare.digest = None;
    bare.created_at = None;
    let id = write(&mut store, |tx| tx.insert_message(&bare)).local_id();
    assert!(store.message(id).unwrap().unwrap().row == bare);
}

#[test]
fn a_message_is_found_by_each_of_its_names() {
    let mut store = with_thread();
    let message = text(4, "words");
    let id = write(&mut store, |tx| tx.insert_message(&message)).local_id();
    let (bob, one) = (user("bob"), device(1));
    let by_id = store
        .message_by_id(thread(), message.message_id.unwrap())
        .unwrap();
    let by_uid = store.message_by_uid(&bob, message.uid.unwrap()).unwrap();
    let by_seq = store
        .message_by_client_seq(thread(), &bob, one, ClientSeq(4))
        .unwrap();
    for held in [by_id, by_uid, by_seq] {
        assert_eq!(held.unwrap().local_id, id);
    }
    assert!(
        store
            .message_by_uid(&user("alice"), message.uid.unwrap())
            .unwrap()
            .is_none()
    );
    assert!(
        store
            .message_by_client_seq(thread(), &bob, device(2), ClientSeq(4))
            .unwrap()
            .is_none()
    );
}

#[test]
fn a_repeat_under_any_of_its_names_changes_nothing() {
    let mut store = with_thread();
    let first = write(&mut store, |tx| tx.insert_message(&text(1, "first"))).local_id();
    let same_uid = NewMessage {
        uid: text(1, "").uid,
        ..text(50, "relinked")
    };
    let same_seq = NewMessage {
        uid: text(60, "").uid,
        message_id: text(60, "").message_id,
        ..text(1, "replayed")
    };
    let same_id = NewMessage {
        message_id: text(1, "").message_id,
        ..placeholder(70)
    };
    for repeat in [text(1, "again"), same_uid, same_seq, same_id] {
        assert_eq!(
            write(&mut store, |tx| tx.insert_message(&repeat)),
            Inserted::Duplicate(first)
        );
    }
    assert_eq!(store.count_messages(None).unwrap(), 1);
    assert_eq!((found(&store, "first"), found(&store, "again")), (1, 0));
}

#[test]
fn a_tombstone_still_marks_its_message_against_repeats() {
    let mut store = with_thread();
    let id = write(&mut store, |tx| tx.insert_message(&text(1, "secret"))).local_id();
    write(&mut store, |tx| tx.bury_message(id));
    assert_eq!(
        write(&mut store, |tx| tx.insert_message(&text(1, "secret"))),
        Inserted::Duplicate(id)
    );
    let held = store.message(id).unwrap().unwrap();
    assert!(held.kind == MessageKind::Tombstone && held.text.is_none() && held.content.is_none());
    assert_eq!(found(&store, "secret"), 0);
    assert_eq!(store.count_messages(Some(thread())).unwrap(), 0);
    let gone = store.transaction(|tx| tx.bury_message(LocalId(99)));
    assert_eq!(gone, Err(StoreError::NoSuch("message")));
}

#[test]
fn the_same_number_of_another_device_or_thread_is_another_message() {
    let mut store = with_thread();
    let elsewhere = ThreadId::from_bytes([4; 16]);
    let mut other_device = text(1, "two");
    other_device.sender_device = device(2);
    other_device.uid = text(2, "").uid;
    other_device.message_id = text(2, "").message_id;
    let mut other_thread = text(1, "three");
    other_thread.thread = elsewhere;
    other_thread.uid = text(3, "").uid;
    let inserted = write(&mut store, |tx| {
        tx.ensure_thread(elsewhere, crate::ThreadKind::Group, None, Timestamp(1))?;
        [text(1, "one"), other_device, other_thread]
            .iter()
            .map(|row| tx.insert_message(row))
            .collect::<Result<Vec<_>, _>>()
    });
    assert!(
        inserted
            .iter()
            .all(|result| matches!(result, Inserted::New(_))),
        "{inserted:?}"
    );
    assert_eq!(store.count_messages(None).unwrap(), 3);
    assert_eq!(store.count_messages(Some(elsewhere)).unwrap(), 1);
}

#[test]
fn a_message_of_no_thread_is_refused() {
    let mut store = memory();
    let refused = store.transaction(|tx| tx.insert_message(&text(1, "words")));
    assert_eq!(refused, Err(StoreError::NoSuch("thread")));
}

#[test]
fn an_own_message_goes_from_pending_to_sent_and_the_same_answer_twice_is_one() {
    let mut store = with_thread();
    let id = write(&mut store, |tx| tx.insert_message(&pending(1, "mine"))).local_id();
    let given = MessageId::from_parts(5_000, 1);
    write(&mut store, |tx| {
        tx.note_sealed(id, b"content", &[2; 32], &[3; 32], None)
    });
    assert!(
        store
            .last_sent(thread(), &user("alice"), device(1))
            .unwrap()
            .is_none()
    );
    write(&mut store, |tx| {
        tx.confirm_sent(id, given, Timestamp(5_000))
    });
    write(&mut store, |tx| {
        tx.confirm_sent(id, given, Timestamp(5_000))
    });
    let held = store.message(id).unwrap().unwrap();
    assert!(held.state == MessageState::Sent && held.message_id == Some(given));
    assert!(
        held.content
            .as_ref()
            .is_some_and(|content| **content == b"content")
            && held.created_at == Some(Timestamp(5_000))
    );
    let prev = store
        .last_sent(thread(), &user("alice"), device(1))
        .unwrap()
        .unwrap();
    assert_eq!((prev.client_seq, prev.digest), (ClientSeq(1), [2; 32]));
    let other =
        store.transaction(|tx| tx.confirm_sent(id, MessageId::from_parts(6_000, 1), Timestamp(1)));
    assert_eq!(other, Err(StoreError::Conflict("message")));
    let theirs = write(&mut store, |tx| tx.insert_message(&text(9, "theirs"))).local_id();
    let not_own = store.transaction(|tx| tx.confirm_sent(theirs, given, Timestamp(1)));
    assert_eq!(not_own, Err(StoreError::NoSuch("own message")));
    let late = store.transaction(|tx| tx.fail_message(id, "gave_up"));
    assert_eq!(
        late,
        Err(StoreError::NoSuch("unsent message")),
        "what was sent did not fail"
    );
}

#[test]
fn an_id_that_another_message_has_is_a_conflict() {
    let mut store = with_thread();
    write(&mut store, |tx| tx.insert_message(&text(1, "theirs")));
    let id = write(&mut store, |tx| tx.insert_message(&pending(1, "mine"))).local_id();
    let taken = text(1, "").message_id.unwrap();
    let refused = store.transaction(|tx| tx.confirm_sent(id, taken, Timestamp(1)));
    assert_eq!(refused, Err(StoreError::Conflict("message")));
}

#[test]
fn a_failed_message_may_be_tried_again() {
    let mut store = with_thread();
    let id = write(&mut store, |tx| tx.insert_message(&pending(1, "mine"))).local_id();
    write(&mut store, |tx| tx.fail_message(id, "blocked"));
    let held = store.message(id).unwrap().unwrap();
    assert!(held.state == MessageState::Failed && held.reason.as_deref() == Some("blocked"));
    write(&mut store, |tx| tx.retry_message(id, Timestamp(9_000)));
    let held = store.message(id).unwrap().unwrap();
    assert!(held.state == MessageState::Pending && held.reason.is_none());
    let twice = store.transaction(|tx| tx.retry_message(id, Timestamp(9_000)));
    assert_eq!(twice, Err(StoreError::NoSuch("failed message")));
}

#[test]
fn a_placeholder_becomes_the_message_in_its_place_and_is_found_by_search() {
    let mut store = with_thread();
    let (before, id) = write(&mut store, |tx| {
        let before = tx.insert_message(&text(1, "before"))?.local_id();
        let id = tx.insert_message(&placeholder(2))?.local_id();
        tx.insert_message(&text(3, "after"))?;
        tx.set_placeholder_reason(id, "asked_again")?;
        Ok((before, id))
    });
    assert_eq!(
        store.message(id).unwrap().unwrap().reason.as_deref(),
        Some("asked_again")
    );
    let late = text(2, "readable after all");
    assert_eq!(
        write(&mut store, |tx| tx.replace_placeholder(id, &late)),
        Replaced::Readable
    );
    let held = store.message(id).unwrap().unwrap();
    assert!(
        held.state == MessageState::Received && held.reason.is_none() && held.text == late.text
    );
    assert_eq!(found(&store, "readable"), 1);
    let order: Vec<_> = store
        .page(thread(), None, 10)
        .unwrap()
        .iter()
        .map(|held| held.client_seq.0)
        .collect();
    assert_eq!(order, [3, 2, 1]);
    for wrong in [id, before, LocalId(99)] {
        let refused = store.transaction(|tx| tx.replace_placeholder(wrong, &late));
        assert_eq!(refused, Err(StoreError::NoSuch("placeholder")));
    }
}

#[test]
fn a_placeholder_of_a_message_that_is_held_becomes_a_tombstone() {
    let mut store = with_thread();
    let held = write(&mut store, |tx| tx.insert_message(&text(1, "held"))).local_id();
    let id = write(&mut store, |tx| tx.insert_message(&placeholder(2))).local_id();
    let same = text(1, "held");
    assert_eq!(
        write(&mut store, |tx| tx.replace_placeholder(id, &same)),
        Replaced::Duplicate(held)
    );
    assert!(store.message(id).unwrap().unwrap().kind == MessageKind::Tombstone);
    assert_eq!(found(&store, "held"), 1);
}

#[test]
fn gaps_and_late_messages_show_in_the_numbers_held() {
    let mut store = with_thread();
    let (bob, one) = (user("bob"), device(1));
    assert_eq!(store.client_seq_range(thread(), &bob, one).unwrap(), None);
    let mut fifth = text(5, "five");
    fifth.prev = Some(Previous {
        client_seq: ClientSeq(4),
        digest: [4; 32],
    });
    write(&mut store, |tx| {
        tx.insert_message(&text(3, "three"))?;
        tx.insert_message(&fifth)
    });
    assert_eq!(
        store.client_seq_range(thread(), &bob, one).unwrap(),
        Some(HeldRange {
            lowest: ClientSeq(3),
            highest: ClientSeq(5),
            digest_of_highest: fifth.digest,
        })
    );
    let named = |number| {
        store
            .named_as_prev(thread(), &bob, one, ClientSeq(number))
            .unwrap()
    };
    assert_eq!((named(3), named(4), named(5)), (false, true, false));
}

#[test]
fn the_newest_revision_answers_for_its_message() {
    let mut store = with_thread();
    let edited = NewMessage {
        revision: 1,
        client_seq: ClientSeq(2),
        uid: text(2, "").uid,
        ..text(1, "edited")
    };
    write(&mut store, |tx| {
        tx.insert_message(&text(1, "first"))?;
        tx.insert_message(&edited)
    });
    let held = store
        .message_by_id(thread(), edited.message_id.unwrap())
        .unwrap()
        .unwrap();
    assert_eq!(held.revision, 1);
}

#[test]
fn a_number_beyond_what_the_database_holds_is_refused_and_not_wrapped() {
    let mut store = with_thread();
    let refused = store.transaction(|tx| tx.insert_message(&text(u64::MAX, "words")));
    assert_eq!(refused, Err(StoreError::OutOfRange("a number")));
    assert_eq!(store.count_messages(None).unwrap(), 0);
}

#[test]
fn a_placeholder_takes_over_all_that_came_with_its_message() {
    let mut store = with_thread();
    let bare = NewMessage {
        message_id: None,
        digest: None,
        created_at: None,
        ..placeholder(2)
    };
    let id = write(&mut store, |tx| tx.insert_message(&bare)).local_id();
    let mut late = text(2, "readable after all");
    late.stamp = Some(Stamp {
        key_id: 3,
        mac: Bytes32([5; 32]),
    });
    write(&mut store, |tx| tx.replace_placeholder(id, &late));
    let held = store.message(id).unwrap().unwrap().row;
    assert!(
        held == NewMessage {
            local_at: bare.local_at,
            ..late
        }
    );
}

#[test]
fn a_placeholder_keeps_its_place_when_another_message_holds_the_place_named() {
    let mut store = with_thread();
    write(&mut store, |tx| {
        tx.insert_message(&text(1, "holds its place"))
    });
    let id = write(&mut store, |tx| tx.insert_message(&placeholder(2))).local_id();
    let late = NewMessage {
        message_id: text(1, "").message_id,
        ..text(2, "readable after all")
    };
    assert_eq!(
        write(&mut store, |tx| tx.replace_placeholder(id, &late)),
        Replaced::Readable
    );
    let held = store.message(id).unwrap().unwrap();
    assert!(held.message_id == placeholder(2).message_id && held.text == late.text);
}

#[test]
fn a_message_takes_its_place_from_a_placeholder_that_was_given_it() {
    let mut store = with_thread();
    let false_one = |client_seq: u64, of: u64| NewMessage {
        message_id: text(of, "").message_id,
        ..placeholder(client_seq)
    };
    write(&mut store, |tx| tx.insert_message(&false_one(70, 1)));
    let inserted = write(&mut store, |tx| tx.insert_message(&text(1, "the true one")));
    assert!(matches!(inserted, Inserted::New(_)));

    write(&mut store, |tx| tx.insert_message(&false_one(71, 2)));
    let mine = write(&mut store, |tx| tx.insert_message(&pending(2, "mine"))).local_id();
    let place = text(2, "").message_id.unwrap();
    write(&mut store, |tx| tx.confirm_sent(mine, place, Timestamp(1)));

    write(&mut store, |tx| tx.insert_message(&false_one(72, 3)));
    let late = NewMessage {
        message_id: None,
        ..placeholder(3)
    };
    let late = write(&mut store, |tx| tx.insert_message(&late)).local_id();
    write(&mut store, |tx| {
        tx.replace_placeholder(late, &text(3, "late"))
    });

    for (number, words) in [(1, "the true one"), (2, "mine"), (3, "late")] {
        let place = text(number, "").message_id.unwrap();
        let held = store.message_by_id(thread(), place).unwrap().unwrap();
        assert_eq!(held.text.as_deref(), Some(words));
    }
    assert_eq!(store.count_messages(None).unwrap(), 3);
}

#[test]
fn a_message_whose_place_another_one_holds_is_kept_without_a_place() {
    let mut store = with_thread();
    write(&mut store, |tx| {
        tx.insert_message(&text(1, "holds the place"))
    });
    let second = NewMessage {
        message_id: text(1, "").message_id,
        ..text(2, "was given the same")
    };
    let id = write(&mut store, |tx| tx.insert_message(&second)).local_id();
    let held = store.message(id).unwrap().unwrap();
    assert_eq!(held.text.as_deref(), Some("was given the same"));
    assert_eq!(held.message_id, None);
}
