//! A send and a new device list at the same time, at every point where one can come between the steps of the other.

use super::World;
use super::world::{key, run};
use crate::service::{Publisher, QueuedEvent};
use futures_util::future::{join, poll_immediate};
use sealwire_wire::ThreadId;
use sealwire_wire::contract::{DeviceName, ErrorCode, ServerEvent};
use std::time::Duration;

fn queue_of(world: &World, device: &DeviceName) -> Vec<QueuedEvent> {
    run(world.service.queue_page(device, Default::default(), 100))
        .unwrap()
        .entries
}

fn place(queue: &[QueuedEvent], wanted: fn(&ServerEvent) -> bool) -> Option<usize> {
    queue.iter().position(|entry| wanted(&entry.event))
}

/// Whether the message came in after the list, as Bob's first device is told.
fn message_after_list(steps_before: usize) -> bool {
    let world = World::threaded();
    let (alice, mut bob) = (world.open_account("alice"), world.open_account("bob"));
    world.register_by_grant(&mut bob);
    let list = bob.list_with(&[2], &[]);
    let publisher = Publisher::Device(bob.name(1));
    let message = world.message(&alice.name(1), &bob.user, 1, "hi");
    let (from, key) = (alice.name(1), key("k"));
    let thread = ThreadId::direct(&alice.user, &bob.user);

    let mut send = Box::pin(world.service.send(&from, thread, &key, &message));
    for _ in 0..steps_before {
        if run(poll_immediate(&mut send)).is_some() {
            return false;
        }
        // The step that it waits for is done meanwhile.
        std::thread::sleep(Duration::from_millis(10));
    }
    // The list asks for its turn now, whatever the send does.
    let (published, sent) = run(join(world.service.publish_list(&publisher, &list), send));
    published.unwrap();
    let first = queue_of(&world, &bob.name(1));
    let told_of_list = place(&first, |event| matches!(event, ServerEvent::Devices { .. }));
    let told_of_message = place(&first, |event| matches!(event, ServerEvent::Msg { .. }));
    match sent {
        Ok(_) => {
            assert!(told_of_message.is_some() && told_of_message < told_of_list);
            false
        }
        Err(refusal) => {
            assert_eq!(refusal.code(), ErrorCode::DeviceMismatch);
            assert_eq!(told_of_message, None);
            true
        }
    }
}

#[test]
fn no_list_comes_between_the_look_at_the_devices_and_the_accept() {
    let after = (0..14).filter(|steps| message_after_list(*steps)).count();
    assert!(after > 0, "the list never came first");
}
