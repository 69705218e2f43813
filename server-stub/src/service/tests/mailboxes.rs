use super::world::run;
use super::{World, on_both_engines, refused};
use crate::service::Rules;
use sealwire_wire::Base64;
use sealwire_wire::contract::{ErrorCode, MailboxSlot};

fn slot(bytes: &[u8]) -> MailboxSlot {
    MailboxSlot {
        data: Base64(bytes.to_vec()),
    }
}

#[test]
fn a_slot_is_written_once_and_read_once() {
    on_both_engines(|world| {
        let id = run(world.service.create_mailbox()).unwrap().id;
        assert_eq!(
            refused(run(world.service.take_slot(&id, 0, None))),
            ErrorCode::SlotEmpty
        );
        run(world.service.put_slot(&id, 0, &slot(b"sealed"))).unwrap();
        // The answer was lost: the same again.
        run(world.service.put_slot(&id, 0, &slot(b"sealed"))).unwrap();
        assert_eq!(
            refused(run(world.service.put_slot(&id, 0, &slot(b"swapped")))),
            ErrorCode::SlotTaken
        );
        assert_eq!(
            run(world.service.take_slot(&id, 0, None)).unwrap(),
            slot(b"sealed")
        );
        assert_eq!(
            refused(run(world.service.take_slot(&id, 0, None))),
            ErrorCode::SlotRead
        );
        assert_eq!(
            refused(run(world.service.put_slot(&id, 0, &slot(b"swapped")))),
            ErrorCode::SlotTaken
        );
        run(world.service.put_slot(&id, 0, &slot(b"sealed"))).unwrap();
        assert_eq!(
            refused(run(world.service.take_slot(&id, 0, None))),
            ErrorCode::SlotRead
        );
    });
}

#[test]
fn a_reader_that_names_itself_may_repeat_a_read_and_nobody_else() {
    on_both_engines(|world| {
        let id = run(world.service.create_mailbox()).unwrap().id;
        run(world.service.put_slot(&id, 0, &slot(b"sealed"))).unwrap();
        let (device, other) = ("device".parse().unwrap(), "other".parse().unwrap());
        for _ in 0..3 {
            let read = run(world.service.take_slot(&id, 0, Some(&device)));
            assert_eq!(read.unwrap(), slot(b"sealed"));
        }
        for reader in [Some(&other), None] {
            assert_eq!(
                refused(run(world.service.take_slot(&id, 0, reader))),
                ErrorCode::SlotRead
            );
        }
        run(world.service.put_slot(&id, 1, &slot(b"sealed"))).unwrap();
        run(world.service.take_slot(&id, 1, None)).unwrap();
        assert_eq!(
            refused(run(world.service.take_slot(&id, 1, Some(&device)))),
            ErrorCode::SlotRead
        );
    });
}

#[test]
fn a_mailbox_has_eight_slots_of_four_kibibytes() {
    on_both_engines(|world| {
        let id = run(world.service.create_mailbox()).unwrap().id;
        run(world.service.put_slot(&id, 7, &slot(&[1; 4096]))).unwrap();
        assert_eq!(
            refused(run(world.service.put_slot(&id, 6, &slot(&[1; 4097])))),
            ErrorCode::TooLarge
        );
        assert_eq!(
            refused(run(world.service.put_slot(&id, 8, &slot(b"x")))),
            ErrorCode::InvalidId
        );
    });
}

#[test]
fn a_mailbox_ends_after_ten_minutes() {
    on_both_engines(|world| {
        let mailbox = run(world.service.create_mailbox()).unwrap();
        run(world.service.put_slot(&mailbox.id, 0, &slot(b"x"))).unwrap();
        world.pass_ms(10 * 60 * 1000);
        assert_eq!(
            refused(run(world.service.take_slot(&mailbox.id, 0, None))),
            ErrorCode::NotFound
        );
        assert_eq!(
            refused(run(world.service.put_slot(&mailbox.id, 1, &slot(b"x")))),
            ErrorCode::NotFound
        );
        run(world.service.sweep()).unwrap();
        assert_eq!(
            refused(run(world.service.take_slot(&mailbox.id, 0, None))),
            ErrorCode::NotFound
        );
    });
}

#[test]
fn unknown_and_odd_mailboxes_are_not_found() {
    on_both_engines(|world| {
        for id in [
            "",
            "x",
            "../../etc/passwd",
            &"a".repeat(22),
            &"é".repeat(11),
        ] {
            assert_eq!(
                refused(run(world.service.take_slot(id, 0, None))),
                ErrorCode::NotFound,
                "{id}"
            );
        }
    });
}

#[test]
fn mailboxes_open_at_once_are_bounded() {
    let world = World::sqlite().with_rules(Rules {
        mailboxes_max: 2,
        ..Rules::default()
    });
    run(world.service.create_mailbox()).unwrap();
    run(world.service.create_mailbox()).unwrap();
    assert_eq!(
        refused(run(world.service.create_mailbox())),
        ErrorCode::RateLimited
    );
    world.pass_ms(10 * 60 * 1000);
    run(world.service.create_mailbox()).unwrap();
}
