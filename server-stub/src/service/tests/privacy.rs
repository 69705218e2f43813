use super::world::{key, run};
use super::{Account, World, on_both_engines, refused};
use sealwire_wire::ThreadId;
use sealwire_wire::contract::{
    AccountSettings, CreateThread, DirectMessages, ErrorCode, SentMessage,
};

fn send(world: &World, from: &Account, to: &Account, seq: u64) -> Result<SentMessage, ErrorCode> {
    let message = world.message(&from.name(1), &to.user, seq, "x");
    let thread = ThreadId::direct(&from.user, &to.user);
    let text = format!("{}-{seq}", to.user);
    let sent = run(world
        .service
        .send(&from.name(1), thread, &key(&text), &message));
    sent.map(|sent| sent.answer)
        .map_err(|refusal| refusal.code())
}

fn close_door(world: &World, of: &Account, direct_messages: DirectMessages) {
    let settings = AccountSettings {
        direct_messages,
        ..AccountSettings::default()
    };
    run(world.service.put_settings(&of.name(1), settings)).unwrap();
}

#[test]
fn settings_hold_until_they_are_set_anew() {
    on_both_engines(|world| {
        let alice = world.open_account("alice");
        let settings = || run(world.service.settings(&alice.name(1))).unwrap();
        assert_eq!(settings(), AccountSettings::default());
        let other = AccountSettings {
            direct_messages: DirectMessages::Verified,
            read_receipts: false,
            presence: false,
        };
        let holds = run(world.service.put_settings(&alice.name(1), other)).unwrap();
        assert_eq!((holds, settings()), (other, other));
    });
}

#[test]
fn nothing_goes_either_way_between_two_of_whom_one_has_blocked_the_other() {
    on_both_engines(|world| {
        let (alice, bob) = (world.open_account("alice"), world.open_account("bob"));
        send(&world, &alice, &bob, 0).unwrap();
        run(world.service.block(&bob.name(1), &alice.user)).unwrap();
        run(world.service.block(&bob.name(1), &alice.user)).unwrap();
        assert_eq!(send(&world, &alice, &bob, 1), Err(ErrorCode::Blocked));
        assert_eq!(send(&world, &bob, &alice, 0), Err(ErrorCode::Blocked));
        // What was sent before is answered as before.
        send(&world, &alice, &bob, 0).unwrap();
        let blocks = run(world.service.blocks(&bob.name(1))).unwrap();
        assert_eq!(blocks.users, std::slice::from_ref(&alice.user));
        run(world.service.unblock(&bob.name(1), &alice.user)).unwrap();
        run(world.service.unblock(&bob.name(1), &alice.user)).unwrap();
        send(&world, &alice, &bob, 1).unwrap();
        assert!(
            run(world.service.blocks(&bob.name(1)))
                .unwrap()
                .users
                .is_empty()
        );
    });
}

#[test]
fn a_block_of_somebody_unknown_or_of_oneself_is_refused() {
    on_both_engines(|world| {
        let alice = world.open_account("alice");
        let block = |user: &str| {
            refused(run(world
                .service
                .block(&alice.name(1), &user.parse().unwrap())))
        };
        assert_eq!(block("nobody"), ErrorCode::UserUnknown);
        assert_eq!(block("alice"), ErrorCode::Unprocessable);
    });
}

#[test]
fn a_blocked_user_begins_no_thread() {
    on_both_engines(|world| {
        let (alice, bob) = (world.open_account("alice"), world.open_account("bob"));
        run(world.service.block(&bob.name(1), &alice.user)).unwrap();
        let to = bob.user.clone();
        let made = run(world
            .service
            .create_thread(&alice.name(1), &CreateThread { to }));
        assert_eq!(refused(made), ErrorCode::Blocked);
        assert_eq!(send(&world, &alice, &bob, 0), Err(ErrorCode::Blocked));
    });
}

#[test]
fn who_takes_no_direct_messages_gets_none_but_answers_to_their_own() {
    for door in [
        DirectMessages::None,
        DirectMessages::Followers,
        DirectMessages::Verified,
    ] {
        on_both_engines(|world| {
            let (alice, bob) = (world.open_account("alice"), world.open_account("bob"));
            let carol = world.open_account("carol");
            close_door(&world, &bob, door);
            let closed = Err(ErrorCode::DirectMessagesClosed);
            assert_eq!(send(&world, &alice, &bob, 0), closed);
            let to = bob.user.clone();
            let made = run(world
                .service
                .create_thread(&alice.name(1), &CreateThread { to }));
            assert_eq!(refused(made), ErrorCode::DirectMessagesClosed);
            send(&world, &bob, &alice, 0).unwrap();
            send(&world, &alice, &bob, 0).unwrap();
            assert_eq!(send(&world, &carol, &bob, 0), closed);
            close_door(&world, &bob, DirectMessages::Everyone);
            send(&world, &carol, &bob, 0).unwrap();
        });
    }
}

#[test]
fn notes_to_oneself_pass_every_door() {
    on_both_engines(|world| {
        let mut alice = world.open_account("alice");
        world.link(&mut alice);
        close_door(&world, &alice, DirectMessages::None);
        send(&world, &alice, &alice, 0).unwrap();
    });
}
