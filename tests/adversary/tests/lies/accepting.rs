//! The relay lies about what a person is asked to believe: what they compared is what counts, or nothing.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a step that fails here is the test failing"
)]

use crate::trust::{announce, show};
use sealwire::{Event, MessageState};
use sealwire_tests::{lists_of, same_everywhere, soon, start_pair, user};

#[tokio::test(flavor = "multi_thread")]
async fn a_list_swapped_while_people_compare_is_not_the_one_accepted() {
    let (_relay, alice, bob, thread) = start_pair().await;
    alice.say(thread, "before").await;
    bob.hears("before").await;
    let keys = bob.keys().await;
    show(
        &alice.adversary,
        lists_of(&user("bob"), &[&keys.recovery(5).0]),
    );
    announce(&alice.adversary);
    let compared = alice.events.until_offered("bob").await;
    show(
        &alice.adversary,
        lists_of(&user("bob"), &[&keys.recovery(5).0]),
    );
    announce(&alice.adversary);
    let is_offered = |event: &Event| matches!(event, Event::AccountKeyChanged { list_hash, .. } if *list_hash != compared);
    alice.events.until("the other one", is_offered).await;

    let refused = alice.client.accept_account_key("bob", &compared).await;
    assert_eq!(refused.unwrap_err().code(), "list_not_offered");
    alice.events.until_count("told again", 2, is_offered).await;
    let message = alice.write(thread, "is it you?").await;
    let held = alice.client.message(message.local_id).await.unwrap();
    assert_eq!(held.unwrap().state, MessageState::Pending);

    // The relay is honest again, and bob's true list has another version.
    alice.adversary.rest();
    let phone = bob.link().await;
    soon("sent", alice.client.wait_until_sent(message.local_id))
        .await
        .unwrap();
    bob.hears("is it you?").await;
    phone.hears("is it you?").await;
    same_everywhere(thread, vec![alice, bob], &["before", "is it you?"]).await;
    assert_eq!(phone.cold().await.texts(thread), ["is it you?"]);
}
