//! Reading a thread's history, from a relay that means well or does not.

use crate::device::Device;
use crate::relay::{Relay, no, ok};
use sealwire_engine::{Call, EngineError, Reply};
use sealwire_wire::contract::{ErrorCode, MessagePage};

fn page(cursor: &str) -> MessagePage {
    MessagePage {
        messages: Vec::new(),
        next_cursor: Some(cursor.to_owned()),
        has_more: false,
    }
}

#[test]
fn a_place_that_the_relay_no_longer_knows_is_given_up_for_the_beginning() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    let thread = alice.thread_with("bob");
    relay.instead = Some(Box::new(|request| {
        let (_, since) = request.path.split_once("?since=")?;
        Some(match since.split_once('&')?.0 {
            "" => ok(&page("new")),
            "old" => no(ErrorCode::InvalidCursor),
            _ => ok(&page("old")),
        })
    }));
    for _ in 0..3 {
        let sync = alice.call(Call::SyncThread { thread });
        alice.run(relay);
        assert!(matches!(
            alice.result(sync),
            Some(Ok(Reply::Synced { added: 0 }))
        ));
    }
    let asked = |place: &str| {
        let path = format!("?since={place}&");
        relay
            .asked
            .iter()
            .filter(|asked| asked.contains(&path))
            .count()
    };
    assert_eq!((asked(""), asked("new"), asked("old")), (2, 1, 1));
}

#[test]
fn a_place_that_would_be_a_path_of_its_own_is_refused() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    let thread = alice.thread_with("bob");
    for bad in ["a&b=c", "a b", "#", "ä", "../../me", &"x".repeat(129)] {
        let cursor = bad.to_owned();
        relay.instead = Some(Box::new(move |request| {
            request.path.contains("?since=").then(|| ok(&page(&cursor)))
        }));
        let sync = alice.call(Call::SyncThread { thread });
        alice.run(relay);
        let refused = matches!(
            alice.result(sync),
            Some(Err(EngineError::RelayGarbage { .. }))
        );
        assert!(refused, "{bad}");
    }
    assert!(relay.asked.iter().all(|path| !path.contains("since=a")));
}
