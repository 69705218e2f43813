//! Linking over a real mailbox: who is asked, and what a no does.

use super::world::{World, received, soon, texts};
use sealwire::Event;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[tokio::test]
async fn a_linked_device_is_asked_about_receives_and_sends() {
    let world = World::new().await;
    let ((_, phone), (_, bob), thread) = world.pair().await;
    let tablet_device = world.device("tablet");
    let tablet = tablet_device.open().await;
    let linking = tablet.start_linking().await.unwrap();
    let code = linking.code().to_owned();
    let asked = Arc::new(AtomicBool::new(false));
    let noted = Arc::clone(&asked);
    let added = phone.link_device(&code, move |added| async move {
        noted.store(true, Ordering::SeqCst);
        added.device.get() == 2
    });
    let joined = linking.finish(|account| async move { account.user.as_str() == "alice" });
    let (added, joined) = soon(async { tokio::join!(added, joined) }).await;
    assert_eq!(joined.unwrap(), ("alice".parse().unwrap(), added.unwrap()));
    assert!(asked.load(Ordering::SeqCst));

    let (mut to_tablet, mut to_bob) = (tablet.events(), bob.events());
    phone.send_text(thread, "from the phone").await.unwrap();
    assert_eq!(
        received(&mut to_tablet).await.text(),
        Some("from the phone")
    );
    assert_eq!(received(&mut to_bob).await.text(), Some("from the phone"));
    let same = tablet.direct_thread("bob").await.unwrap();
    assert_eq!(same, thread);
    tablet.send_text(thread, "from the tablet").await.unwrap();
    assert_eq!(received(&mut to_bob).await.text(), Some("from the tablet"));
    tablet.close().await.unwrap();
    assert_eq!(
        tablet_device.texts_after_a_cold_reopen(thread).await,
        ["from the phone", "from the tablet"]
    );
    assert_eq!(
        texts(&bob, thread).await,
        ["from the phone", "from the tablet"]
    );
}

#[tokio::test]
async fn a_no_of_the_existing_device_links_nothing() {
    let world = World::new().await;
    let (_, phone) = world.registered("alice").await;
    let tablet = world.device("tablet").open().await;
    let linking = tablet.start_linking().await.unwrap();
    let code = linking.code().to_owned();
    let waiting = tokio::spawn(linking.finish(|_| async { true }));
    let refused = soon(phone.link_device(&code, |_| async { false }))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), "link_declined");
    tablet.cancel_linking().await.unwrap();
    assert!(soon(waiting).await.unwrap().is_err());
    assert_eq!(tablet.account(), None);
}

#[tokio::test]
async fn a_no_of_the_new_device_links_nothing() {
    let world = World::new().await;
    let (_, phone) = world.registered("alice").await;
    let tablet = world.device("tablet").open().await;
    let linking = tablet.start_linking().await.unwrap();
    let code = linking.code().to_owned();
    let phone_waits = phone.clone();
    let waiting =
        tokio::spawn(async move { phone_waits.link_device(&code, |_| async { true }).await });
    let declined = soon(linking.finish(|_| async { false })).await.unwrap_err();
    assert_eq!(declined.code(), "link_declined");
    assert_eq!(tablet.account(), None);
    phone.cancel_linking().await.unwrap();
    assert!(soon(waiting).await.unwrap().is_err());
}

#[tokio::test]
async fn a_code_that_is_none_is_refused() {
    let world = World::new().await;
    let (_, phone) = world.registered("alice").await;
    for code in ["", "hello", "sealwire://link?v=9", "https://example.com"] {
        let refused = phone
            .link_device(code, |_| async { true })
            .await
            .unwrap_err();
        assert_eq!(refused.code(), "link_code_invalid", "{code:?}");
    }
}

#[tokio::test]
async fn the_account_learns_of_its_new_device() {
    let world = World::new().await;
    let (_, phone) = world.registered("alice").await;
    let mut events = phone.events();
    let tablet = world.device("tablet").open().await;
    let linking = tablet.start_linking().await.unwrap();
    let code = linking.code().to_owned();
    let (added, joined) = soon(async {
        tokio::join!(
            phone.link_device(&code, |_| async { true }),
            linking.finish(|_| async { true })
        )
    })
    .await;
    let device = added.unwrap();
    joined.unwrap();
    soon(async {
        while let Some(event) = events.next().await {
            if event == (Event::DeviceLinked { device_id: device }) {
                return;
            }
        }
        panic!("the stream ended");
    })
    .await;
}

#[tokio::test]
async fn an_app_that_panics_over_the_question_has_not_said_yes() {
    let world = World::new().await;
    let (_, phone) = world.registered("alice").await;
    let tablet = world.device("tablet").open().await;
    let linking = tablet.start_linking().await.unwrap();
    let code = linking.code().to_owned();
    let waiting = tokio::spawn(linking.finish(|_| async { true }));
    let refused = soon(phone.link_device(&code, |_| async { panic!("a bug of the app") })).await;
    assert_eq!(refused.unwrap_err().code(), "link_declined");
    assert_eq!(
        soon(waiting).await.unwrap().unwrap_err().code(),
        "link_declined"
    );
}
