//! Control messages and voided numbers.

use super::*;

fn control(number: u128, to: &[(&str, u32)]) -> AcceptControl {
    AcceptControl {
        id: MessageId::from_u128(number),
        sender: name("alice", 1),
        envelopes: to
            .iter()
            .map(|(user_id, device)| DeviceEnvelope {
                user_id: user(user_id),
                device_id: DeviceId::new(*device).unwrap(),
                registration_id: 1,
                kind: EnvelopeType::Ratchet,
                body: Base64(vec![number as u8; 5]),
            })
            .collect(),
        created_at: NOW,
        key: key(&format!("control-{number}")),
        key_expires_at: LATER,
    }
}

fn controls_of(storage: &dyn Storage, of: &str) -> Vec<(u64, Vec<u8>)> {
    done(storage.queue_after(name(of, 1), 0, 100))
        .into_iter()
        .filter_map(|entry| match entry.event {
            ServerEvent::Control { control } => {
                Some((entry.position, control.envelope.body.as_slice().to_vec()))
            }
            _ => None,
        })
        .collect()
}

#[test]
fn a_control_message_is_accepted_once_under_its_key_and_queued_once() {
    on_every_engine(|storage| {
        open(storage, "alice");
        open(storage, "bob");
        let step = control(5, &[("bob", 1), ("bob", 9)]);
        assert_eq!(
            done(storage.accept_control(step.clone())),
            ControlAccepted::Accepted
        );
        let mut again = control(6, &[("bob", 1)]);
        again.key = step.key.clone();
        let ControlAccepted::Earlier(earlier) = done(storage.accept_control(again)) else {
            panic!("accepted twice")
        };
        assert_eq!(earlier.id, step.id);
        let source = QueueSource::Control { id: step.id };
        assert_eq!(
            done(storage.not_yet_queued()),
            std::slice::from_ref(&source)
        );
        assert_eq!(
            done(storage.queue(source.clone(), NOW)),
            [name("bob", 1)],
            "the other one is not live"
        );
        assert!(done(storage.queue(source, NOW)).is_empty());
        assert!(done(storage.not_yet_queued()).is_empty());
        let waiting = controls_of(storage, "bob");
        assert_eq!(waiting.len(), 1);
        assert_eq!(waiting[0].1, [5; 5]);
        done(storage.acknowledge(name("bob", 1), vec![waiting[0].0], NOW));
        assert!(controls_of(storage, "bob").is_empty());
    });
}

#[test]
fn a_key_belongs_to_one_kind_of_request() {
    on_every_engine(|storage| {
        done(storage.create_thread(thread("alice", "bob")));
        let sent = message("alice", "bob", 1);
        done(storage.accept_message(sent.clone()));
        let mut step = control(2, &[("bob", 1)]);
        step.key = sent.key.clone();
        assert_eq!(
            done(storage.accept_control(step)),
            ControlAccepted::KeyReused
        );
        let step = control(3, &[("bob", 1)]);
        done(storage.accept_control(step.clone()));
        let mut next = message("alice", "bob", 2);
        next.key = step.key.clone();
        assert_eq!(done(storage.accept_message(next)), Accepted::KeyReused);
        let asked = |at| done(storage.earlier_control(name("alice", 1), step.key.clone(), at));
        assert!(matches!(asked(NOW), Some(ControlAccepted::Earlier(_))));
        assert_eq!(asked(LATER), None);
    });
}

#[test]
fn control_messages_expire_with_their_entries() {
    on_every_engine(|storage| {
        open(storage, "bob");
        let step = control(5, &[("bob", 1)]);
        done(storage.accept_control(step.clone()));
        done(storage.queue(QueueSource::Control { id: step.id }, NOW));
        done(storage.sweep(SweepBounds {
            now: LATER,
            queued_before: LATER,
            unnamed_before: NOW,
            at_most: 100,
        }));
        let events: Vec<_> = done(storage.queue_after(name("bob", 1), 0, 9))
            .into_iter()
            .map(|entry| entry.event)
            .collect();
        assert_eq!(events, [ServerEvent::Resync {}]);
        assert!(done(storage.not_yet_queued()).is_empty());
    });
}

#[test]
fn people_share_a_thread_or_do_not() {
    on_every_engine(|storage| {
        done(storage.create_thread(thread("alice", "bob")));
        let others = vec![user("bob"), user("carol")];
        assert_eq!(
            done(storage.sharing_a_thread(user("alice"), others)),
            [user("bob")]
        );
    });
}

#[test]
fn a_number_is_void_or_names_its_message() {
    on_every_engine(|storage| {
        let step = message("alice", "bob", 5);
        // Before its thread is there.
        assert_eq!(done(storage.void_send(step.name(), LATER)), None);
        assert_eq!(done(storage.void_send(step.name(), LATER)), None);
        done(storage.create_thread(thread("alice", "bob")));
        assert_eq!(
            done(storage.earlier_send(step.name(), key("another"), NOW)),
            Some(Accepted::Void)
        );
        assert_eq!(done(storage.accept_message(step.clone())), Accepted::Void);
        assert_eq!(
            done(storage.thread(step.row.thread_id)).unwrap().last_id,
            None
        );
        // Of this device, thread and number alone.
        let other = message("bob", "alice", 5);
        assert_eq!(
            done(storage.accept_message(other.clone())),
            Accepted::Accepted
        );
        let stored = done(storage.void_send(other.name(), LATER)).unwrap();
        assert_eq!(stored.id, other.row.id);
        assert!(matches!(
            done(storage.accept_message(other)),
            Accepted::Earlier(_)
        ));
    });
}

#[test]
fn a_void_number_is_kept_until_its_time_is_over_and_no_longer() {
    on_every_engine(|storage| {
        let step = message("alice", "bob", 5);
        done(storage.create_thread(thread("alice", "bob")));
        assert_eq!(done(storage.void_send(step.name(), LATER)), None);
        // Said again with less time left, by a clock that stepped back.
        assert_eq!(done(storage.void_send(step.name(), NOW)), None);
        let sweep = |now| {
            done(storage.sweep(SweepBounds {
                now,
                queued_before: Timestamp(0),
                unnamed_before: Timestamp(0),
                at_most: 100,
            }))
        };
        sweep(Timestamp(LATER.0 - 1));
        assert_eq!(done(storage.accept_message(step.clone())), Accepted::Void);
        sweep(LATER);
        assert_eq!(done(storage.accept_message(step)), Accepted::Accepted);
    });
}
