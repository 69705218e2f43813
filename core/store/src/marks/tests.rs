use super::*;
use crate::testing::{account, pending, text, thread, user, with_thread, write};
use crate::{Reached, Store};
use proptest::prelude::*;
use sealwire_wire::ClientSeq;

fn id(ms: u64) -> MessageId {
    MessageId::from_parts(ms, 0)
}

/// Alice's store with her messages 1 to 4, whose ids are as many milliseconds.
fn alice() -> (Store, Vec<LocalId>) {
    let mut store = with_thread();
    account(&mut store, "alice");
    let ids = write(&mut store, |tx| {
        (1..=4)
            .map(|number| {
                let mut message = pending(number, "words");
                message.digest = Some([1; 32]);
                let local_id = tx.insert_message(&message)?.local_id();
                tx.confirm_sent(local_id, id(number), Timestamp(number))?;
                Ok(local_id)
            })
            .collect()
    });
    (store, ids)
}

fn delivered(of: &str, up_to: u64, at: u64) -> NewMark {
    NewMark {
        thread: thread(),
        user: user(of),
        delivered: Some((id(up_to), Timestamp(at))),
        read: None,
        version: at,
    }
}

fn read(of: &str, up_to: u64, at: u64) -> NewMark {
    NewMark {
        read: Some((id(up_to), Timestamp(at))),
        delivered: None,
        ..delivered(of, 1, at)
    }
}

fn failed(message: u64, reason: Option<&str>, at: u64) -> NewUnreached {
    NewUnreached {
        thread: thread(),
        message: id(message),
        user: user("bob"),
        reason: reason.map(str::to_owned),
        at: Timestamp(at),
    }
}

fn reached(store: &Store, ids: &[LocalId]) -> Vec<Reached> {
    ids.iter()
        .map(|id| store.message(*id).unwrap().unwrap().reached)
        .collect()
}

#[test]
fn marks_say_how_far_each_message_is_and_when_it_got_there() {
    let (mut store, ids) = alice();
    write(&mut store, |tx| {
        tx.raise_marks(&delivered("bob", 1, 50))?;
        tx.raise_marks(&delivered("bob", 3, 60))?;
        tx.raise_marks(&read("bob", 2, 70))
    });
    use Reached::{Everybody, Readers, Relay};
    assert_eq!(reached(&store, &ids), [Readers, Readers, Everybody, Relay]);
    let receipt = |place: usize| store.receipts(ids[place]).unwrap().pop().unwrap();
    let times = |place| {
        let receipt = receipt(place);
        (receipt.state, receipt.delivered_at, receipt.read_at)
    };
    let at = |ms| Some(Timestamp(ms));
    assert_eq!(times(0), (RecipientState::Read, at(50), at(70)));
    assert_eq!(times(1), (RecipientState::Read, at(60), at(70)));
    assert_eq!(times(2), (RecipientState::Delivered, at(60), None));
    assert_eq!(times(3), (RecipientState::Sent, None, None));
}

#[test]
fn read_implies_delivered_in_one_write() {
    let (mut store, ids) = alice();
    let moved = write(&mut store, |tx| tx.raise_marks(&read("bob", 3, 9)));
    let after = moved.unwrap().after;
    assert_eq!(
        (after.delivered_up_to, after.delivered_at),
        (Some(id(3)), Some(Timestamp(9)))
    );
    let receipt = store.receipts(ids[0]).unwrap().pop().unwrap();
    assert_eq!(
        (receipt.delivered_at, receipt.read_at),
        (Some(Timestamp(9)), Some(Timestamp(9)))
    );
}

#[test]
fn a_message_that_failed_stays_failed_under_a_later_mark_until_it_is_queued_again() {
    let (mut store, ids) = alice();
    let state = |store: &Store| reached(store, &ids[1..2]).remove(0);
    write(&mut store, |tx| {
        tx.note_unreached(&failed(2, Some("expired"), 10))
    });
    write(&mut store, |tx| tx.raise_marks(&read("bob", 4, 11)));
    assert_eq!(state(&store), Reached::Failed("expired".to_owned()));
    let receipt = store.receipts(ids[1]).unwrap().pop().unwrap();
    assert_eq!(
        (receipt.state, receipt.reason),
        (RecipientState::Failed, Some(FailureReason::Expired))
    );
    assert!(write(&mut store, |tx| tx.note_unreached(&failed(2, None, 20))));
    assert_eq!(state(&store), Reached::Relay);
    assert!(
        !write(&mut store, |tx| tx.note_unreached(&failed(
            2,
            Some("expired"),
            10
        ))),
        "older"
    );
    assert_eq!(state(&store), Reached::Relay);
    write(&mut store, |tx| tx.raise_marks(&delivered("bob", 5, 30)));
    assert_eq!(
        state(&store),
        Reached::Readers,
        "what was on its way has come"
    );
}

#[test]
fn marks_and_failures_that_come_before_their_message_or_thread_count_once_it_comes() {
    let mut store = crate::testing::memory();
    account(&mut store, "alice");
    write(&mut store, |tx| {
        tx.raise_marks(&delivered("bob", 2, 5))?;
        tx.raise_marks(&NewMark {
            read: Some((MessageId::from_parts(1_001, 5), Timestamp(5))),
            ..read("alice", 1, 5)
        })?;
        tx.note_unreached(&failed(1, Some("blocked"), 6))
    });
    crate::testing::add_thread(&mut store);
    let ids = write(&mut store, |tx| {
        let mut ids = Vec::new();
        for number in [1, 2] {
            let local_id = tx.insert_message(&pending(number, "w"))?.local_id();
            tx.confirm_sent(local_id, id(number), Timestamp(1))?;
            ids.push(local_id);
        }
        tx.insert_message(&text(1, "read on another device"))?;
        tx.insert_message(&text(2, "not read"))?;
        Ok(ids)
    });
    assert_eq!(
        reached(&store, &ids),
        [Reached::Failed("blocked".to_owned()), Reached::Everybody]
    );
    assert_eq!(store.inbox_thread(thread()).unwrap().unwrap().unread, 1);
}

#[test]
fn of_threads_that_nobody_knows_only_so_many_marks_are_kept() {
    let mut store = with_thread();
    account(&mut store, "alice");
    let made_up = |number: u64| NewMark {
        thread: ThreadId::from_bytes(u128::from(number).to_be_bytes()),
        ..delivered("alice", 1, 1)
    };
    let kept = write(&mut store, |tx| {
        let mut kept = 0;
        for number in 1..=UNPLACED_MARKS_MAX + 5 {
            kept += u64::from(tx.raise_marks(&made_up(number))?.is_some());
        }
        Ok(kept)
    });
    assert_eq!(kept, UNPLACED_MARKS_MAX);
    assert!(write(&mut store, |tx| tx.raise_marks(&delivered("bob", 1, 1))).is_some());
}

#[test]
fn messages_of_the_other_own_devices_have_a_state_too() {
    let mut store = with_thread();
    account(&mut store, "alice");
    let mut by_phone = text(9, "from the phone");
    by_phone.sender = user("alice");
    let id = write(&mut store, |tx| {
        Ok(tx.insert_message(&by_phone)?.local_id())
    });
    assert_eq!(reached(&store, &[id]), [Reached::Relay]);
    write(&mut store, |tx| tx.raise_marks(&read("bob", 2_000, 1)));
    assert_eq!(reached(&store, &[id]), [Reached::Readers]);
    let theirs = write(&mut store, |tx| {
        Ok(tx.insert_message(&text(1, "bob's"))?.local_id())
    });
    assert_eq!(reached(&store, &[theirs]), [Reached::Nothing]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_mark_ever_falls_and_read_never_stands_above_delivered(
        words in prop::collection::vec((any::<bool>(), 1u64..6, 0u64..50), 1..30),
    ) {
        let (mut store, ids) = alice();
        let rank = |reached: &Reached| match reached {
            Reached::Nothing | Reached::Failed(_) => 0,
            Reached::Relay => 1,
            Reached::Everybody => 2,
            Reached::Readers => 3,
        };
        let mut last = vec![0; ids.len()];
        let mut times = vec![None; ids.len()];
        for (is_read, up_to, at) in words {
            let word = if is_read { read("bob", up_to, at) } else { delivered("bob", up_to, at) };
            let after = write(&mut store, |tx| tx.raise_marks(&word)).unwrap().after;
            prop_assert!(after.read_up_to <= after.delivered_up_to);
            let now: Vec<_> = reached(&store, &ids).iter().map(rank).collect();
            prop_assert!(now.iter().zip(&last).all(|(now, before)| now >= before));
            last = now;
            for (place, id) in ids.iter().enumerate() {
                let at = store.receipts(*id).unwrap()[0].delivered_at;
                prop_assert!(times[place].is_none() || times[place] == at, "a time that was told changed");
                times[place] = at;
            }
        }
    }
}

#[test]
fn a_number_of_nobody_has_no_receipts() {
    let (store, _) = alice();
    assert!(store.receipts(LocalId(999)).unwrap().is_empty());
    let mut store = store;
    let waiting = write(&mut store, |tx| {
        let mut message = pending(9, "waits");
        message.client_seq = ClientSeq(9);
        Ok(tx.insert_message(&message)?.local_id())
    });
    assert!(store.receipts(waiting).unwrap().is_empty());
}

fn rows(store: &Store, sql: &'static str) -> i64 {
    let mut count = store.statement(sql).unwrap();
    count.query_row([], |row| row.get(0)).unwrap()
}

#[test]
fn there_are_no_more_moves_than_messages_whatever_the_relay_says() {
    let (mut store, ids) = alice();
    write(&mut store, |tx| {
        for up_to in 1..=4 {
            tx.raise_marks(&delivered("bob", up_to, up_to * 10))?;
        }
        // Of messages that are not here.
        for up_to in 5..=500 {
            tx.raise_marks(&delivered("bob", up_to, up_to * 10))?;
        }
        Ok(())
    });
    assert_eq!(
        rows(
            &store,
            "SELECT count(*) FROM mark_moves WHERE thread_id > x''"
        ),
        5
    );
    let at = |id| store.receipts(id).unwrap()[0].delivered_at;
    let times: Vec<_> = ids.iter().map(|id| at(*id)).collect();
    assert_eq!(times, [10, 20, 30, 40].map(|at| Some(Timestamp(at))));
}

#[test]
fn words_on_messages_that_are_not_here_are_bounded_and_those_on_others_are_not() {
    let (mut store, ids) = alice();
    write(&mut store, |tx| {
        for message in 1..=1_500 {
            tx.note_unreached(&failed(message + 10, Some("expired"), 1))?;
        }
        tx.note_unreached(&failed(2, Some("expired"), 1))
    });
    assert_eq!(
        rows(
            &store,
            "SELECT count(*) FROM unreached WHERE thread_id > x''"
        ),
        1_001
    );
    let receipts = store.receipts(ids[1]).unwrap();
    assert_eq!(receipts[0].state, RecipientState::Failed);
}
