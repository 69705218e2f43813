use super::world::{key, run};
use super::{on_both_engines, refused};
use sealwire_wire::ThreadId;
use sealwire_wire::contract::{CreateAttachment, ErrorCode};

#[test]
fn only_the_uploader_and_the_readers_of_a_message_that_names_it_may_download() {
    on_both_engines(|world| {
        let (alice, bob, carol) = (
            world.open_account("alice"),
            world.open_account("bob"),
            world.open_account("carol"),
        );
        let facts = run(world
            .service
            .create_attachment(&alice.name(1), &CreateAttachment { size: 5 }))
        .unwrap();
        assert_eq!((facts.size, facts.completed), (5, None));
        let download = |name| run(world.service.attachment_download(&name, &facts.id));
        assert_eq!(
            refused(download(alice.name(1))),
            ErrorCode::NotFound,
            "not uploaded yet"
        );
        run(world.service.complete_attachment(&facts.id, [1; 32])).unwrap();
        assert_eq!(download(alice.name(1)).unwrap().completed, Some([1; 32]));
        assert_eq!(refused(download(bob.name(1))), ErrorCode::NotAParticipant);

        let thread = ThreadId::direct(&alice.user, &bob.user);
        let mut message = world.message(&alice.name(1), &bob.user, 1, "picture");
        message.attachment_ids = vec![facts.id.clone()];
        run(world
            .service
            .send(&alice.name(1), thread, &key("k"), &message))
        .unwrap();
        download(bob.name(1)).unwrap();
        assert_eq!(refused(download(carol.name(1))), ErrorCode::NotAParticipant);

        // Bob may pass on what he may read; Carol may not claim what she may not.
        let mut stolen = world.message(&carol.name(1), &bob.user, 1, "mine");
        stolen.attachment_ids = vec![facts.id.clone()];
        let with_bob = ThreadId::direct(&carol.user, &bob.user);
        let answer = run(world
            .service
            .send(&carol.name(1), with_bob, &key("k"), &stolen));
        assert_eq!(refused(answer), ErrorCode::Unprocessable);
        let mut forwarded = world.message(&bob.name(1), &carol.user, 1, "look");
        forwarded.attachment_ids = vec![facts.id.clone()];
        run(world
            .service
            .send(&bob.name(1), with_bob, &key("k"), &forwarded))
        .unwrap();
        download(carol.name(1)).unwrap();
    });
}

#[test]
fn the_same_bytes_again_are_a_success_and_others_a_conflict() {
    on_both_engines(|world| {
        let alice = world.open_account("alice");
        let id = run(world
            .service
            .create_attachment(&alice.name(1), &CreateAttachment { size: 5 }))
        .unwrap()
        .id;
        run(world.service.complete_attachment(&id, [1; 32])).unwrap();
        run(world.service.complete_attachment(&id, [1; 32])).unwrap();
        assert_eq!(
            refused(run(world.service.complete_attachment(&id, [2; 32]))),
            ErrorCode::AttachmentConflict
        );
        let unknown = "unknown".parse().unwrap();
        assert_eq!(
            refused(run(world.service.complete_attachment(&unknown, [2; 32]))),
            ErrorCode::NotFound
        );
        assert_eq!(
            refused(run(world.service.attachment_upload(&unknown))),
            ErrorCode::NotFound
        );
    });
}

#[test]
fn sizes_are_bounded() {
    on_both_engines(|world| {
        let alice = world.open_account("alice");
        let create = |size| {
            run(world
                .service
                .create_attachment(&alice.name(1), &CreateAttachment { size }))
        };
        assert_eq!(refused(create(0)), ErrorCode::Unprocessable);
        assert_eq!(refused(create(u64::MAX)), ErrorCode::TooLarge);
        create(100 * 1024 * 1024).unwrap();
    });
}

#[test]
fn one_that_no_message_names_is_swept_after_a_week() {
    on_both_engines(|world| {
        let (alice, bob) = (world.open_account("alice"), world.open_account("bob"));
        let make = || {
            let id = run(world
                .service
                .create_attachment(&alice.name(1), &CreateAttachment { size: 5 }))
            .unwrap()
            .id;
            run(world.service.complete_attachment(&id, [1; 32])).unwrap();
            id
        };
        let (forgotten, named) = (make(), make());
        let mut message = world.message(&alice.name(1), &bob.user, 1, "picture");
        message.attachment_ids = vec![named.clone()];
        let thread = ThreadId::direct(&alice.user, &bob.user);
        run(world
            .service
            .send(&alice.name(1), thread, &key("k"), &message))
        .unwrap();
        assert!(
            run(world.service.sweep())
                .unwrap()
                .answer
                .attachments
                .is_empty()
        );
        world.pass_ms(7 * 24 * 60 * 60 * 1000 + 1);
        assert_eq!(
            run(world.service.sweep()).unwrap().answer.attachments,
            [forgotten]
        );
        run(world.service.attachment_download(&bob.name(1), &named)).unwrap();
    });
}
