//! One kill at each place that a job passes, then the job again.

use crate::in_full;
use sealwire::ThreadId;
use sealwire_kill::{Ended, Home, How, Job, Place, Running, check_what_was_told};
use std::collections::{BTreeMap, BTreeSet};

/// Of a place that a job passes often so many visits are killed at, where all is asked for.
const VISITS_MAX: u32 = 5;
/// Every transaction that has no name of its own.
const UNNAMED: &str = "transaction";
/// Frames come together or apart: a place may be passed by once.
const TRIES: u32 = 3;

/// A job, time and again.
pub(crate) trait Scene {
    /// What is done this time, by whom, and in which thread what it says stands.
    async fn next(&mut self) -> (Job, ThreadId);

    /// Whose process it is.
    fn home(&self) -> &Home;

    /// What others do meanwhile; until the process has ended.
    async fn ended(&mut self, process: Running) -> Ended {
        process.ended().await
    }

    /// Before the job is done again; another job, where the same one cannot be.
    async fn killed(&mut self, job: Job) -> Job {
        job
    }

    /// What has to be true once the job is done.
    async fn check(&mut self);
}

/// Kills at each place of these steps, on either side of a commit. Every one of them has to be come to. In full, at each
/// transaction without a name as well.
#[allow(clippy::print_stdout, reason = "figures for the docs")]
pub(crate) async fn kill_at(scene: &mut impl Scene, steps: &[&str]) {
    let (job, _) = scene.next().await;
    let whole = done(scene, &job).await;
    let mut visits: BTreeMap<Place, u32> = BTreeMap::new();
    for place in whole.places() {
        if place.name == UNNAMED || steps.contains(&place.name.as_str()) {
            *visits.entry(place).or_default() += 1;
        }
    }
    let passed = visits.keys().map(|place| place.name.as_str());
    let passed: BTreeSet<_> = passed.filter(|name| *name != UNNAMED).collect();
    let wanted: BTreeSet<_> = steps.iter().copied().collect();
    assert_eq!(passed, wanted, "{}", whole.what);
    let (places, mut kills) = (visits.len(), 0);
    for (place, count) in visits {
        let all = match (in_full(), place.name == UNNAMED) {
            (true, false) => count.min(VISITS_MAX),
            (true, true) => count,
            (false, false) => 1,
            (false, true) => continue,
        };
        for nth in (1..=all).chain((count > all).then_some(count)) {
            kills += u32::from(kill_at_place(scene, &place, nth).await);
        }
    }
    println!("{kills} kills at {places} places: {}", steps.join(", "));
}

async fn done(scene: &mut impl Scene, job: &Job) -> Ended {
    let process = scene.home().start(job);
    let ended = scene.ended(process).await;
    assert_eq!(ended.how, How::Done, "{}: {:#?}", ended.what, ended.told);
    scene.check().await;
    ended
}

/// Whether the process came there.
async fn kill_at_place(scene: &mut impl Scene, place: &Place, nth: u32) -> bool {
    for _ in 0..TRIES {
        let (job, thread) = scene.next().await;
        let process = scene.home().start_to_die(&job, place, nth);
        let ended = scene.ended(process).await;
        if ended.how == How::Done {
            scene.check().await;
            continue;
        }
        assert_eq!(ended.how, How::Killed, "{}: {:#?}", ended.what, ended.told);
        check_what_was_told(scene.home(), thread, &ended).await;
        let job = scene.killed(job).await;
        done(scene, &job).await;
        return true;
    }
    // A later visit may need more to do than there was, and some transactions are made once.
    assert!(nth > 1 || place.name == UNNAMED, "nobody came to {place}");
    false
}
