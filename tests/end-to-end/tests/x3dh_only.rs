//! A device that speaks X3DH alone, at a real relay: written to only where an app says so, and in version 4 once it was updated.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a step that fails here is the test failing"
)]

use sealwire::{Error, MessageState, SessionPolicy};
use sealwire_tests::{
    Device, PATIENCE, device_of_before, failed, register_people_of_before, soon, start_relay,
};
use sealwire_wire::DeviceId;

/// The version of its session with the first device of somebody.
async fn speaks(device: &Device, with: &str) -> Option<u8> {
    let asked = device.client.session_protocol(with, DeviceId::FIRST);
    asked.await.unwrap()
}

/// A new device of an app that lets X3DH sessions begin.
async fn allowing_x3dh(relay: &str, name: &str) -> Device {
    let home = Device::fresh(relay).await.close().await;
    let device = home
        .open_with(|builder| builder.session_policy(SessionPolicy::allow_x3dh()))
        .await;
    device.client.register(name).await.unwrap();
    device.online().await;
    device
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_to_a_device_of_x3dh_alone_fails_with_its_reason_and_goes_where_the_policy_lets_it()
 {
    let relay = start_relay().await;
    register_people_of_before(relay.url()).await;
    let dora = Device::register(relay.url(), "dora").await;
    let with_dora = dora.client.direct_thread("bob").await.unwrap();
    let refused = dora.write(with_dora, "for version 4 alone").await;
    dora.events.until("failed", failed(refused.local_id)).await;
    let error = dora.client.wait_until_sent(refused.local_id).await;
    let Err(Error::MessageFailed(code)) = error else {
        panic!("{error:?}");
    };
    assert_eq!(code, "post_quantum_keys_missing");
    assert_eq!(speaks(&dora, "bob").await, None);

    let erin = allowing_x3dh(relay.url(), "erin").await;
    let with_erin = erin.client.direct_thread("bob").await.unwrap();
    erin.say(with_erin, "in version 3").await;
    assert_eq!(speaks(&erin, "bob").await, Some(3));

    // Updated, it reads what was sent before, publishes what it speaks, and everybody begins anew.
    let bob = device_of_before(relay.url(), "bob")
        .await
        .open_online()
        .await;
    bob.hears("in version 3").await;
    assert_eq!(speaks(&bob, "erin").await, Some(3));
    let published = |adversary: &sealwire_tests::Adversary| {
        let requests = adversary.requests();
        let mut lists = requests
            .iter()
            .filter(|seen| seen.is("PUT", "/v1/me/devices/list"));
        lists.next().map(|_| ())
    };
    bob.adversary.until("a list is published", published).await;
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let mut said = vec!["in version 3".to_owned()];
    while speaks(&erin, "bob").await != Some(4) {
        assert!(tokio::time::Instant::now() < deadline);
        said.push(format!("number {}", said.len()));
        erin.say(with_erin, said.last().unwrap()).await;
    }
    bob.hears(said.last().unwrap()).await;
    assert_eq!(speaks(&bob, "erin").await, Some(4));
    bob.say(with_erin, "in version 4").await;
    erin.hears("in version 4").await;
    said.push("in version 4".to_owned());

    // What failed for its reason goes when it is asked for again.
    let retried = dora.client.retry(refused.local_id).await.unwrap();
    assert_eq!(retried.state, MessageState::Pending);
    soon("sent", dora.client.wait_until_sent(refused.local_id))
        .await
        .unwrap();
    bob.hears("for version 4 alone").await;
    assert_eq!(speaks(&dora, "bob").await, Some(4));

    let (bob, dora, erin) = (bob.cold().await, dora.cold().await, erin.cold().await);
    assert_eq!(bob.texts(with_erin), said);
    assert_eq!(erin.texts(with_erin), said);
    for store in [&bob, &dora] {
        assert_eq!(store.texts(with_dora), ["for version 4 alone"]);
    }
}
