//! Two processes on one store, and one that is killed while it holds what the other waits for.

use crate::Stage;
use sealwire_kill::{Home, How, Job, Told};
use std::time::{Duration, Instant};

/// To start a process of a debug build and open its store, on a machine that does much else.
const AT_ONCE: Duration = Duration::from_secs(20);

fn opens(told: &Told) -> Option<bool> {
    match told {
        Told::Open { speaks } => Some(*speaks),
        _ => None,
    }
}

fn refused(told: &Told) -> Option<String> {
    match told {
        Told::Refused(code) => Some(code.clone()),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_process_on_a_store_queues_and_is_told_why_it_may_not_speak_until_the_first_is_killed()
 {
    let mut stage = Stage::new().await;
    let mut first = stage.alice.start(&Job::Stay);
    assert_eq!(first.until(opens).await, Some(true));

    let sync = Job::Sync {
        with: "bob".to_owned(),
    };
    let mut second = stage.alice.start(&sync);
    assert_eq!(second.until(opens).await, Some(false));
    assert_eq!(
        second.until(refused).await.as_deref(),
        Some("network_role_taken")
    );
    second.ended().await;

    let said = stage.alice_says(2);
    let mut second = stage.alice.start(&said);
    assert_eq!(second.until(opens).await, Some(false));
    let queued = |told: &Told| matches!(told, Told::Queued(_)).then_some(());
    assert_eq!(second.until(queued).await, Some(()));
    let begun = Instant::now();
    first.kill();
    assert_eq!(first.ended().await.how, How::Killed);
    second.done().await;
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    stage.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_whose_process_was_killed_in_a_transaction_opens_at_once() {
    let mut stage = Stage::new().await;
    for place in [
        "send.queued/before",
        "send.sealed/before",
        "receive.frames/before",
    ] {
        let text = format!("bob {}", stage.said.len());
        stage.bob_says(&text).await;
        // It may hear before it writes: what it says has its place after that.
        let hears = stage.hears_all();
        if !place.starts_with("receive") {
            stage.alice.start(&hears).done().await;
        }
        let job = match place.starts_with("receive") {
            true => hears,
            false => stage.alice_says(1),
        };
        let place = place.parse().unwrap();
        let killed = stage.alice.start_to_die(&job, &place, 1).ended().await;
        assert_eq!(killed.how, How::Killed);
        let begun = Instant::now();
        let mut next = stage.alice.start(&job);
        assert_eq!(next.until(opens).await, Some(true));
        assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
        next.done().await;
        stage.check().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_processes_that_open_a_new_store_at_once_one_makes_it() {
    let stage = Stage::new().await;
    for round in 0..4 {
        let home = Home::new(&stage.relay.url);
        let mut processes = [home.start(&Job::Stay), home.start(&Job::Stay)];
        let mut speakers = 0;
        for process in &mut processes {
            let outcome = |told: &Told| match told {
                Told::Open { speaks } => Some(Ok(*speaks)),
                Told::Refused(code) => Some(Err(code.clone())),
                _ => None,
            };
            match process.until(outcome).await {
                Some(Ok(speaks)) => speakers += u32::from(speaks),
                Some(Err(code)) => assert_eq!(code, "store_in_use"),
                None => panic!("round {round}: a process ended without a word"),
            }
        }
        assert_eq!(speakers, 1, "round {round}");
        for process in &mut processes {
            process.kill();
        }
        for process in processes {
            process.ended().await;
        }
        // Whole, under one key.
        let begin = Job::Begin {
            user: format!("late-{round}"),
            to: "bob".to_owned(),
        };
        home.start(&begin).done().await;
    }
}
