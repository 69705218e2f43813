//! Two people, two terminals, one relay: everything a person does is a key, everything they see is on the screen.

#![allow(clippy::unwrap_used, clippy::panic)]

mod person;
mod picture;

use person::Person;
use sealwire_relay::{Relay, RelayConfig, RelayData};

async fn relay() -> Relay {
    Relay::start(RelayConfig::new(RelayData::Memory))
        .await
        .unwrap()
}

async fn two_people(relay: &Relay) -> (Person, Person) {
    let mut alice = Person::open(relay).await;
    let mut bob = Person::open(relay).await;
    alice.register("alice").await;
    bob.register("bob").await;
    (alice, bob)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_person_registers_writes_and_is_answered() {
    let relay = relay().await;
    let (mut alice, mut bob) = two_people(&relay).await;
    alice.write_to("bob", "Hello Bob").await;
    alice.sees("✓✓ delivered").await;
    bob.sees("alice (1)").await;
    bob.press("<Enter>").await;
    bob.sees("┌ alice").await;
    bob.sees("Hello Bob").await;
    bob.does_not_see("(1)").await;
    alice.sees("✓✓ read").await;
    bob.press("Hello y").await;
    alice.sees("bob is typing").await;
    bob.press("ourself<Enter>").await;
    alice.sees("Hello yourself").await;
    alice.does_not_see("is typing").await;
    bob.sees("✓✓ read").await;
    alice.close().await;
    bob.close().await;
    relay.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_device_is_linked_by_the_code_on_its_screen() {
    let relay = relay().await;
    let (mut alice, mut bob) = two_people(&relay).await;
    let mut laptop = Person::open(&relay).await;
    laptop.press("<Tab>").await;
    laptop.sees("Link this device").await;
    let code = laptop.link_code();
    alice.press("<Ctrl-l>").await;
    alice.paste(&code).await;
    alice.press("<Enter>").await;
    laptop.sees("Join the account of alice?").await;
    laptop.press("y").await;
    alice.sees("to your account?").await;
    let end = laptop.shown_after("and must show: ").await;
    assert_eq!(end.chars().filter(|letter| *letter != ' ').count(), 12);
    alice.sees(&end).await;
    alice.press("y").await;
    laptop.sees("alice · device 2").await;
    bob.write_to("alice", "to all your devices").await;
    for device in [&mut alice, &mut laptop] {
        device.sees("to all your devices").await;
    }
    for person in [alice, bob, laptop] {
        person.close().await;
    }
    relay.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_in_flight_mode_goes_out_when_it_ends() {
    let relay = relay().await;
    let (mut alice, mut bob) = two_people(&relay).await;
    alice.press("<Ctrl-o>").await;
    alice.sees("flight mode").await;
    alice.write_to("bob", "from the plane").await;
    alice.sees("…").await;
    alice.press("<Ctrl-o>").await;
    alice.sees("✓").await;
    bob.sees("from the plane").await;
    alice.close().await;
    bob.close().await;
    relay.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_sent_yet_is_taken_back() {
    let relay = relay().await;
    let (mut alice, mut bob) = two_people(&relay).await;
    alice.press("<Ctrl-o>").await;
    alice.sees("flight mode").await;
    alice.write_to("bob", "on second thought").await;
    alice.press("<Ctrl-x>").await;
    alice.does_not_see("on second thought").await;
    alice.press("<Ctrl-o>").await;
    alice.sees("● online").await;
    alice.press("hello instead<Enter>").await;
    bob.sees("hello instead").await;
    bob.does_not_see("on second thought").await;
    alice.close().await;
    bob.close().await;
    relay.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_key_is_believed_only_after_a_question_and_where_it_changed() {
    let relay = relay().await;
    let (mut alice, bob) = two_people(&relay).await;
    alice.write_to("bob", "is it you?").await;
    alice.press("<Ctrl-k>").await;
    alice
        .sees("Believe the account key that bob has now?")
        .await;
    alice.press("n").await;
    alice.does_not_see("Believe").await;
    alice.press("<Ctrl-k>").await;
    alice.sees("Believe").await;
    alice.press("y").await;
    // Bob has the one that he had.
    alice.sees("(list_not_offered)").await;
    alice.press("still you?<Enter>").await;
    alice.sees("still you?").await;
    for person in [alice, bob] {
        person.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_finds_what_was_said_and_opens_its_thread() {
    let relay = relay().await;
    let (mut alice, bob) = two_people(&relay).await;
    alice.write_to("bob", "Grüße aus Köln").await;
    alice.sees("✓").await;
    alice.press("<Ctrl-f>koln").await;
    alice.sees("alice: Grüße aus Köln").await;
    alice.press("<Enter>").await;
    alice.does_not_see("Search").await;
    alice.close().await;
    bob.close().await;
    relay.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn words_that_are_too_many_stay_in_the_line_and_can_be_made_fewer() {
    let relay = relay().await;
    let (mut alice, mut bob) = two_people(&relay).await;
    alice.write_to("bob", "first").await;
    alice.paste(&"long ".repeat(20_000)).await;
    alice.press("<Enter>").await;
    alice.sees("(text_too_long)").await;
    alice.sees("long long").await;
    alice.press("<Ctrl-u>short<Enter>").await;
    bob.press("<Enter>").await;
    bob.sees("short").await;
    alice.close().await;
    bob.close().await;
    relay.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_work_is_said_in_words() {
    let relay = relay().await;
    let (alice, mut bob) = two_people(&relay).await;
    let mut other = Person::open(&relay).await;
    other.press("alice<Enter>").await;
    other.sees("account_exists").await;
    bob.write_to("nobody", "is anybody there").await;
    bob.sees("✗ user_unknown").await;
    for person in [alice, bob, other] {
        person.close().await;
    }
    relay.shutdown().await;
}
