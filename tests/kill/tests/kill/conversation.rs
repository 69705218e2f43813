//! Two clients that talk, each killed again and again, whenever chance has it.

use crate::kills;
use sealwire::{MessageState, ThreadId};
use sealwire_kill::{Chance, Cold, Home, How, Job, check_what_was_told, messages_in, relay};
use std::collections::BTreeMap;

/// Texts of each in a round.
const TEXTS: u32 = 12;
/// What each waits for at the end of a round, and then everybody is killed no more.
const ROUND: u64 = 2 * TEXTS as u64;

/// How far messages of a store had come the last time that it was looked at.
#[derive(Default)]
struct States(BTreeMap<String, u8>);

impl States {
    fn never_go_back(&mut self, cold: &Cold, thread: ThreadId) {
        let mut now = BTreeMap::new();
        for message in cold.messages(thread) {
            let rank = match message.state {
                MessageState::Pending => 0,
                MessageState::Sent => 1,
                MessageState::Delivered => 2,
                MessageState::Read => 3,
                MessageState::Received => 4,
                other => panic!("{other:?}"),
            };
            now.insert(message.text().unwrap().to_owned(), rank);
        }
        for (text, before) in &self.0 {
            assert!(now.get(text) >= Some(before), "{text}: {before} {now:?}");
        }
        self.0 = now;
    }
}

struct Person {
    home: Home,
    job: Job,
    states: States,
    done: bool,
}

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::print_stdout, reason = "figures for the docs")]
async fn two_clients_killed_at_any_time_end_with_one_conversation() {
    let (mut chance, data) = (Chance::new(), tempfile::tempdir().unwrap());
    let relay = relay(data.path(), None).await;
    let homes = [Home::new(&relay.url), Home::new(&relay.url)];
    for (home, name) in homes.iter().zip(["alice", "bob"]) {
        // The other one may not be there yet: everybody greets themselves.
        let (user, to) = (name.to_owned(), name.to_owned());
        home.start(&Job::Begin { user, to }).done().await;
    }
    let thread = ThreadId::direct(&"alice".parse().unwrap(), &"bob".parse().unwrap());
    let wanted = kills("SEALWIRE_KILLS", 10);
    let (mut killed, mut round) = (0, 0);
    let mut people = homes.map(|home| Person {
        home,
        job: Job::Look,
        states: States::default(),
        done: false,
    });
    while killed < wanted {
        round += 1;
        let until = ROUND * u64::from(round);
        for (person, other) in people.iter_mut().zip(["bob", "alice"]) {
            person.job = Job::talk(other, (round - 1) * TEXTS, TEXTS, until);
            person.done = false;
        }
        while killed < wanted && people.iter().any(|person| !person.done) {
            killed += one_turn(&mut people, thread, &mut chance).await;
        }
        let [alice, bob] = &people;
        let (alice, bob) = (alice.home.start(&alice.job), bob.home.start(&bob.job));
        tokio::join!(alice.done(), bob.done());
    }
    println!("{killed} kills in {round} rounds");

    let [alice, bob] = &people;
    let (alice, bob) = (
        Cold::of(&alice.home).await.unwrap(),
        Cold::of(&bob.home).await.unwrap(),
    );
    let ids = |cold: &Cold| -> Vec<_> {
        let messages = cold.messages(thread).into_iter();
        messages
            .map(|row| (row.id.unwrap(), row.text().unwrap().to_owned()))
            .collect()
    };
    let (told, there) = (ids(&alice), ids(&bob));
    assert_eq!(told, there);
    assert!(told.is_sorted());
    let count = ROUND * u64::from(round);
    assert_eq!(told.len() as u64, count);
    assert_eq!(messages_in(data.path(), thread), count);
    for cold in [alice, bob] {
        assert_eq!(cold.store.count_unsent().unwrap(), 0);
        assert_eq!(cold.store.count_parked().unwrap(), 0);
    }
}

/// Both at work until one is killed, or both are; how many were.
async fn one_turn(people: &mut [Person; 2], thread: ThreadId, chance: &mut Chance) -> u32 {
    let mut processes = people
        .each_ref()
        .map(|person| person.home.start(&person.job));
    tokio::time::sleep(chance.ms(30, 700)).await;
    let (first, second) = match chance.coin() {
        true => (0, 1),
        false => (1, 0),
    };
    processes[first].kill();
    // The other one goes on for a while, alone.
    tokio::time::sleep(chance.ms(0, 100)).await;
    processes[second].kill();
    let mut killed = 0;
    for (person, process) in people.iter_mut().zip(processes) {
        let ended = process.ended().await;
        match ended.how {
            How::Killed => killed += 1,
            How::Done => person.done = true,
            How::Otherwise(_) => panic!("{}: {:#?}", ended.what, ended.told),
        }
        check_what_was_told(&person.home, thread, &ended).await;
        if let Some(cold) = Cold::of(&person.home).await {
            person.states.never_go_back(&cold, thread);
        }
    }
    killed
}
