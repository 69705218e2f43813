//! A soak from its beginning to its end.

use crate::act::Actor;
use crate::chance::Chance;
use crate::check::check;
use crate::device::Device;
use crate::figures::{Figures, rows};
use crate::flat::{HEAD, line, restart_due, what_grew};
use crate::sent::Sent;
use crate::warnings::{Log, not_understood};
use sealwire_tests::RelayProcess;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

/// What is asked for.
pub struct Plan {
    /// Every tenth is the second device of somebody.
    pub clients: usize,
    /// How long they are busy.
    pub time: Duration,
    /// Between two things that a client does, on average.
    pub pace: Duration,
    /// Between two looks at the figures.
    pub sample: Duration,
    /// How often the relay is ended: killed the last time, else told to end.
    pub restarts: u32,
    /// What chance comes from.
    pub seed: u64,
    /// The relay's program.
    pub relay: PathBuf,
}

/// How long the relay is away.
const AWAY: Duration = Duration::from_secs(3);
/// So many devices come to be at once.
const AT_ONCE: usize = 4;

/// Runs it, prints the figures, and panics with everything that is not as it should be.
pub async fn soak(plan: Plan) {
    let log = Log::start();
    let folder = tempfile::tempdir().unwrap();
    let at_relay = folder.path().join("relay");
    std::fs::create_dir(&at_relay).unwrap();
    let relay_log = folder.path().join("relay.log");
    let mut relay = Some(start(&plan, &at_relay, &relay_log, None).await);
    let running = relay.as_ref().unwrap();
    let (url, address) = (running.url.clone(), running.address());
    let sent = Arc::new(Sent::default());
    let begun = Instant::now();
    let devices = devices(&plan, folder.path(), &url, &sent).await;
    println!(
        "{} devices after {:.0} s",
        devices.len(),
        begun.elapsed().as_secs_f64()
    );

    let begun = Instant::now();
    let ends = begun + plan.time;
    let mut people = JoinSet::new();
    for device in &devices {
        let (device, sent) = (Arc::clone(device), Arc::clone(&sent));
        let chance = Chance::new(plan.seed, device.number);
        let pace = plan.pace;
        people.spawn(async move {
            let mut actor = Actor {
                device: &device,
                sent: &sent,
                chance,
                pace,
                said: 0,
            };
            actor.act(ends).await;
        });
    }
    println!("{HEAD}");
    let mut samples = Vec::new();
    let mut look = async |relay: Option<&RelayProcess>| {
        let now = Figures::take(begun.elapsed(), relay, &at_relay, &devices).await;
        println!(
            "{}",
            line(&now, samples.last().unwrap_or(&Figures::default()))
        );
        samples.push(now);
    };
    let mut restarts = 0;
    let mut next_look = begun;
    while Instant::now() < ends {
        if Instant::now() >= next_look {
            look(relay.as_ref()).await;
            next_look += plan.sample;
        }
        let due = begun + restart_due(restarts + 1, plan.restarts, plan.time);
        if restarts < plan.restarts && Instant::now() >= due {
            restarts += 1;
            let ending = relay.take().unwrap();
            match restarts == plan.restarts {
                true => ending.kill().await,
                false => ending.end().await,
            }
            sleep(AWAY).await;
            relay = Some(start(&plan, &at_relay, &relay_log, Some(address)).await);
        }
        sleep(Duration::from_millis(100)).await;
    }
    look(relay.as_ref()).await;
    while let Some(ended) = people.join_next().await {
        ended.unwrap();
    }
    check(&devices, &at_relay, &sent).await;
    let (total, there) = (sent.total(), rows(&at_relay, "message"));
    println!("{total} messages were sent, {there} stand at the relay");
    if total as u64 != there {
        sent.found(format!(
            "{total} messages were sent, {there} stand at the relay"
        ));
    }
    relay.unwrap().end().await;

    let logged = std::fs::read_to_string(&relay_log).unwrap() + &log.text();
    let mut findings = sent.findings();
    findings.extend(not_understood(&logged));
    findings.extend(what_grew(&samples, plan.time));
    assert!(findings.is_empty(), "{}", findings.join("\n"));
    println!("nothing lost, nothing doubled, no warning that is not understood");
}

async fn start(
    plan: &Plan,
    folder: &Path,
    log: &Path,
    listen: Option<std::net::SocketAddr>,
) -> RelayProcess {
    let log = File::options().create(true).append(true).open(log).unwrap();
    RelayProcess::start_logged(&plan.relay, folder, listen, log).await
}

/// Everybody, each in threads with the next one and the one after.
async fn devices(plan: &Plan, folder: &Path, url: &str, sent: &Arc<Sent>) -> Vec<Arc<Device>> {
    let accounts = plan.clients - plan.clients / 10;
    let at_once = Arc::new(Semaphore::new(AT_ONCE));
    let mut coming = JoinSet::new();
    for number in 0..accounts {
        let (at_once, sent) = (Arc::clone(&at_once), Arc::clone(sent));
        let (home, url) = (folder.join(number.to_string()), url.to_owned());
        coming.spawn(async move {
            let _turn = at_once.acquire().await.unwrap();
            let device = Device::open(number, number, home, &url, &sent).await;
            device.client().register(&name(number)).await.unwrap();
            device.client().wait_until_caught_up().await.unwrap();
            device
        });
    }
    let mut devices = coming.join_all().await;
    devices.sort_by_key(|device| device.number);
    for number in accounts..plan.clients {
        let home = folder.join(number.to_string());
        let old = &devices[number - accounts];
        let new = Device::open(number, old.user, home, url, sent).await;
        let linking = new.client().start_linking().await.unwrap();
        let code = linking.code().to_owned();
        let letting_in = old.client();
        let (joined, added) = tokio::join!(
            linking.finish(|_| async { true }),
            letting_in.link_device(&code, |_| async { true })
        );
        assert_eq!(joined.unwrap().1, added.unwrap());
        new.client().wait_until_caught_up().await.unwrap();
        devices.push(new);
    }
    for device in &devices {
        for step in [1, 2, accounts - 1, accounts - 2] {
            let other = name((device.user + step) % accounts);
            let thread = device.client().direct_thread(&other).await.unwrap();
            if !device.threads().contains(&thread) {
                device.talks_in(thread);
            }
        }
    }
    devices.into_iter().map(Arc::new).collect()
}

fn name(account: usize) -> String {
    format!("person-{account}")
}
