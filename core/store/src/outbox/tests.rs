use super::*;
use crate::testing::{device, pending, text, user, with_thread, write};
use crate::{SendLogEntry, Store, StoreError, ThreadKind, Transaction};

/// Alice's text with this number, in the outbox.
fn enqueue(
    tx: &mut Transaction<'_>,
    thread: ThreadId,
    number: u64,
    due: u64,
) -> Result<LocalId, StoreError> {
    let mut message = pending(number, "words");
    message.thread = thread;
    if let Some(uid) = &mut message.uid {
        uid.0[0] = thread.as_bytes()[0];
    }
    let local_id = tx.insert_message(&message)?.local_id();
    tx.enqueue(&NewOutboxEntry {
        local_id,
        thread,
        client_seq: ClientSeq(number),
        idempotency_key: format!("key-{number}").parse().unwrap(),
        next_attempt_at: Timestamp(due),
        waits_since: Timestamp(1),
        body: b"plain".to_vec().into(),
    })?;
    Ok(local_id)
}

fn sealed() -> SealedSend {
    SealedSend {
        key: [6; 32].into(),
        ciphertext: vec![7; 200],
        digest: [8; 32],
        commitment: [9; 32],
        registration_id: 77,
    }
}

fn envelope(number: u32, body: &[u8]) -> OutboxEnvelope {
    OutboxEnvelope {
        user: user("bob"),
        device: device(number),
        registration_id: 5,
        kind: EnvelopeType::Prekey,
        body: body.to_vec(),
    }
}

fn one_entry() -> (Store, LocalId) {
    let mut store = with_thread();
    let id = write(&mut store, |tx| enqueue(tx, crate::testing::thread(), 1, 0));
    (store, id)
}

#[test]
fn the_heads_are_the_first_unsent_of_each_thread() {
    let mut store = with_thread();
    let (one, two) = (ThreadId::from_bytes([1; 16]), ThreadId::from_bytes([2; 16]));
    let ids = write(&mut store, |tx| {
        tx.ensure_thread(one, ThreadKind::Group, None, Timestamp(1))?;
        tx.ensure_thread(two, ThreadKind::Group, None, Timestamp(1))?;
        [(one, 1, 50), (one, 2, 10), (two, 1, 30), (two, 2, 20)]
            .into_iter()
            .map(|(thread, number, due)| enqueue(tx, thread, number, due))
            .collect::<Result<Vec<_>, _>>()
    });
    let heads = |store: &Store| {
        store
            .outbox_heads()
            .unwrap()
            .iter()
            .map(|head| head.local_id)
            .collect::<Vec<_>>()
    };
    assert_eq!(heads(&store), [ids[2], ids[0]], "by their time");
    assert_eq!(
        store.outbox_next_due().unwrap(),
        Some(Timestamp(30)),
        "the second of a thread does not count"
    );
    write(&mut store, |tx| tx.mark_outbox_sent(ids[2], Timestamp(31)));
    assert_eq!(heads(&store), [ids[3], ids[0]]);
    write(&mut store, |tx| tx.set_outbox_failed(ids[0], true));
    assert!(
        heads(&store).contains(&ids[1]),
        "given up, it holds nobody back"
    );
    write(&mut store, |tx| tx.set_outbox_failed(ids[0], false));
    assert!(heads(&store).contains(&ids[0]) && !heads(&store).contains(&ids[1]));
    assert_eq!(store.count_unsent().unwrap(), 3);
    write(&mut store, |tx| {
        ids.iter()
            .try_for_each(|id| tx.mark_outbox_sent(*id, Timestamp(40)))
    });
    assert_eq!(heads(&store), []);
    assert_eq!(store.outbox_next_due().unwrap(), None);
}

#[test]
fn a_send_is_sealed_once_and_every_attempt_reads_the_same_bytes() {
    let (mut store, id) = one_entry();
    assert!(store.outbox_entry(id).unwrap().unwrap().sealed.is_none());
    write(&mut store, |tx| tx.save_sealed(id, &sealed()));
    let mut other = sealed();
    other.ciphertext = vec![0];
    let again = store.transaction(|tx| tx.save_sealed(id, &other));
    assert_eq!(again, Err(StoreError::Conflict("sealed send")));
    let unknown = store.transaction(|tx| tx.save_sealed(LocalId(99), &other));
    assert_eq!(unknown, Err(StoreError::NoSuch("outbox entry")));
    let held = store.outbox_entry(id).unwrap().unwrap();
    let kept = held.sealed.as_ref().unwrap();
    assert_eq!(*kept.key, [6; 32]);
    assert_eq!(
        (
            kept.ciphertext.len(),
            kept.digest,
            kept.commitment,
            kept.registration_id
        ),
        (200, [8; 32], [9; 32], 77)
    );
    assert_eq!(
        held.body.as_slice(),
        b"plain",
        "the plaintext stays beside it"
    );
    assert_eq!(held.idempotency_key.as_str(), "key-1");
}

#[test]
fn an_envelope_is_wrapped_again_for_its_device_alone() {
    let (mut store, id) = one_entry();
    write(&mut store, |tx| {
        tx.save_sealed(id, &sealed())?;
        tx.save_envelope(id, &envelope(1, b"one"))?;
        tx.save_envelope(id, &envelope(2, b"two"))?;
        tx.save_envelope(
            id,
            &OutboxEnvelope {
                registration_id: 6,
                ..envelope(2, b"two again")
            },
        )
    });
    let renewed = OutboxEnvelope {
        registration_id: 6,
        ..envelope(2, b"two again")
    };
    assert_eq!(
        store.outbox_envelopes(id).unwrap(),
        [envelope(1, b"one"), renewed.clone()]
    );
    assert!(write(&mut store, |tx| tx.delete_envelope(
        id,
        &user("bob"),
        device(1)
    )));
    assert!(!write(&mut store, |tx| tx.delete_envelope(
        id,
        &user("bob"),
        device(1)
    )));
    assert_eq!(store.outbox_envelopes(id).unwrap(), [renewed]);
    let orphan = store.transaction(|tx| tx.save_envelope(LocalId(99), &envelope(1, b"")));
    assert_eq!(orphan, Err(StoreError::NoSuch("outbox entry")));
}

#[test]
fn the_sealed_send_outlives_its_acceptance_until_it_is_cleared() {
    let (mut store, id) = one_entry();
    write(&mut store, |tx| {
        tx.save_sealed(id, &sealed())?;
        tx.save_envelope(id, &envelope(1, b"one"))?;
        tx.mark_outbox_sent(id, Timestamp(100))?;
        tx.mark_outbox_sent(id, Timestamp(200))
    });
    let held = store.outbox_entry(id).unwrap().unwrap();
    assert_eq!(
        (held.state, held.sent_at),
        (OutboxState::Sent, Some(Timestamp(100))),
        "a second answer changes no time"
    );
    assert_eq!(
        write(&mut store, |tx| tx.clear_sealed_before(Timestamp(100))),
        0
    );
    assert_eq!(store.outbox_envelopes(id).unwrap().len(), 1);
    assert_eq!(
        write(&mut store, |tx| tx.clear_sealed_before(Timestamp(101))),
        1
    );
    assert!(store.outbox_entry(id).unwrap().is_none());
    assert_eq!(store.outbox_envelopes(id).unwrap(), []);
    assert!(store.message(id).unwrap().is_some(), "the message stays");
}

#[test]
fn attempts_are_counted_and_the_next_has_its_time() {
    let (mut store, id) = one_entry();
    write(&mut store, |tx| tx.note_attempt(id, 3, 1, Timestamp(500)));
    let held = store.outbox_entry(id).unwrap().unwrap();
    assert_eq!(
        (held.attempts, held.rounds, held.next_attempt_at),
        (3, 1, Timestamp(500))
    );
    assert_eq!(store.outbox_next_due().unwrap(), Some(Timestamp(500)));
    write(&mut store, |tx| tx.mark_outbox_sent(id, Timestamp(600)));
    write(&mut store, |tx| tx.clear_sealed_before(Timestamp(601)));
    let gone = store.transaction(|tx| tx.note_attempt(id, 4, 1, Timestamp(500)));
    assert_eq!(gone, Err(StoreError::NoSuch("outbox entry")));
}

#[test]
fn one_message_and_one_number_enter_the_outbox_once() {
    let (mut store, _) = one_entry();
    let again = store.transaction(|tx| enqueue(tx, crate::testing::thread(), 1, 0));
    assert_eq!(again, Err(StoreError::Conflict("outbox entry")));
    let other = write(&mut store, |tx| tx.insert_message(&text(9, "theirs"))).local_id();
    let same_number = store.transaction(|tx| {
        tx.enqueue(&NewOutboxEntry {
            local_id: other,
            thread: crate::testing::thread(),
            client_seq: ClientSeq(1),
            idempotency_key: "k".parse().unwrap(),
            next_attempt_at: Timestamp(0),
            waits_since: Timestamp(1),
            body: Vec::new().into(),
        })
    });
    assert_eq!(same_number, Err(StoreError::Conflict("outbox entry")));
}

#[test]
fn an_accepted_send_is_not_given_up_any_more() {
    let (mut store, id) = one_entry();
    write(&mut store, |tx| tx.mark_outbox_sent(id, Timestamp(5)));
    let refused = store.transaction(|tx| tx.set_outbox_failed(id, true));
    assert_eq!(refused, Err(StoreError::NoSuch("unsent outbox entry")));
}

#[test]
fn what_is_to_be_settled_stays_first_of_its_thread_until_it_is() {
    let (mut store, one) = one_entry();
    let two = write(&mut store, |tx| enqueue(tx, crate::testing::thread(), 2, 0));
    write(&mut store, |tx| {
        tx.save_sealed(one, &sealed())?;
        tx.note_attempt(one, 7, 2, Timestamp(99))?;
        tx.begin_to_cancel_message(one)?;
        tx.set_outbox_cancelling(one, Timestamp(5))
    });
    let held = store.outbox_entry(one).unwrap().unwrap();
    assert_eq!(
        (held.state, held.attempts, held.next_attempt_at),
        (OutboxState::Cancelling, 0, Timestamp(5))
    );
    let head = |store: &Store| store.outbox_heads().unwrap()[0].local_id;
    assert_eq!(head(&store), one);
    write(&mut store, |tx| tx.cancel_message(one));
    assert_eq!(head(&store), two);
    assert!(store.outbox_entry(one).unwrap().is_none());
    let row = store.message(one).unwrap().unwrap();
    assert_eq!(row.state, crate::MessageState::Cancelled);
    assert_eq!((row.digest, &row.content, &row.text), (None, &None, &None));
    let again = store.transaction(|tx| tx.cancel_message(one));
    assert_eq!(again, Err(StoreError::NoSuch("unsent message")));
}

#[test]
fn a_repeat_keeps_the_sealed_send_and_drops_the_envelopes_of_those_it_did_not_reach() {
    let (mut store, id) = one_entry();
    let early =
        store.transaction(|tx| tx.set_outbox_repeating(id, &[], Timestamp(1), Timestamp(1)));
    assert_eq!(early, Err(StoreError::NoSuch("sealed send")));
    let carol = OutboxEnvelope {
        user: user("carol"),
        ..envelope(1, b"carol's")
    };
    write(&mut store, |tx| {
        tx.save_sealed(id, &sealed())?;
        tx.save_envelope(id, &envelope(1, b"one"))?;
        tx.save_envelope(id, &carol)?;
        tx.mark_outbox_sent(id, Timestamp(5))?;
        tx.set_outbox_repeating(id, &[user("bob")], Timestamp(4), Timestamp(6))
    });
    assert_eq!(store.outbox_heads().unwrap()[0].local_id, id);
    assert_eq!(store.outbox_envelopes(id).unwrap(), [carol]);
    let cleared = write(&mut store, |tx| tx.clear_sealed_before(Timestamp(100)));
    assert_eq!(cleared, 0, "not while it is under way");
    write(&mut store, |tx| tx.mark_outbox_sent(id, Timestamp(7)));
    let held = store.outbox_entry(id).unwrap().unwrap();
    assert_eq!(held.sent_at, Some(Timestamp(5)), "its day began then");
    assert_eq!(held.waits_since, Timestamp(4));
}

#[test]
fn what_devices_were_given_of_a_message_whose_time_was_over_goes_with_its_sealed_send() {
    let (mut store, id) = one_entry();
    let logged = |store: &Store| store.logged_send(id, &user("bob"), device(1)).unwrap();
    write(&mut store, |tx| {
        tx.save_sealed(id, &sealed())?;
        tx.confirm_sent(id, sealwire_wire::MessageId::from_parts(9, 9), Timestamp(5))?;
        tx.mark_outbox_sent(id, Timestamp(5))?;
        tx.expire_message(id)
    });
    assert!(
        store.outbox_entry(id).unwrap().is_some(),
        "it may be repeated"
    );
    write(&mut store, |tx| {
        tx.log_send(&SendLogEntry {
            local_id: id,
            user: user("bob"),
            device: device(1),
            envelope: b"wrapped for a repeat".to_vec().into(),
            created_at: Timestamp(6),
        })
    });
    write(&mut store, |tx| tx.clear_sealed_before(Timestamp(5)));
    assert!(logged(&store).is_some());
    write(&mut store, |tx| tx.clear_sealed_before(Timestamp(6)));
    assert!(logged(&store).is_none());
    assert!(store.outbox_entry(id).unwrap().is_none());
}
