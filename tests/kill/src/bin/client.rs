//! `client-to-kill`: one device, one job, and what it was told in lines of JSON.
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    reason = "a line that cannot be written, or a clock without a runtime, ends the process: its test sees that"
)]

use clap::Parser;
use rustix::process::{Signal, getpid, kill_process};
use sealwire::{
    Attachment, Client, Error, Event, FileKeyStore, Message, MessageState, NetworkRole,
    SendOptions, ThreadId,
};
use sealwire_kill::{Job, Place, Texts, Told, key_of};
use sealwire_store::crash;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

#[derive(Parser)]
struct Arguments {
    /// Where its store and its keys are
    #[arg(long)]
    folder: PathBuf,
    /// Where its relay is
    #[arg(long)]
    relay: String,
    /// Where it ends itself
    #[arg(long)]
    die_at: Option<Place>,
    /// When it comes there for this time
    #[arg(long, default_value_t = 1)]
    nth: u32,
    #[command(subcommand)]
    job: Job,
}

/// SIGXFSZ (25 wherever Linux and the BSDs run): sent when a file would grow beyond RLIMIT_FSIZE.
const FILE_SIZE_LIMIT: i32 = 25;
/// What follows a job by itself, such as telling the relay what was read, has this long, if there is anything to do.
const LINGERS: Duration = Duration::from_secs(1);
/// Between two texts of somebody who types fast.
const TYPING: Duration = Duration::from_millis(15);

static DIES_AT: OnceLock<(Place, u32)> = OnceLock::new();
static PASSED: AtomicU32 = AtomicU32::new(0);
static LAST_STEPS: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(place) = arguments.die_at.clone() {
        let _ = DIES_AT.set((place, arguments.nth));
    }
    crash::on_point(come_to);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    match runtime.block_on(run(arguments)) {
        Ok(()) => {
            say(&Told::Done);
            ExitCode::SUCCESS
        }
        Err(error) => {
            say(&Told::Refused(error.code().to_owned()));
            ExitCode::FAILURE
        }
    }
}

fn come_to(name: &'static str, place: crash::Place) {
    if place == crash::Place::AfterCommit {
        LAST_STEPS.lock().unwrap().insert(name);
    }
    let place = Place::new(name, place);
    say(&Told::At(place.clone()));
    let Some((dies_at, nth)) = DIES_AT.get() else {
        return;
    };
    if *dies_at == place && PASSED.fetch_add(1, Ordering::SeqCst) + 1 == *nth {
        // No other thread says or does anything between this and the end.
        let _ = kill_process(getpid(), Signal::KILL);
        loop {
            std::thread::park();
        }
    }
}

/// One write, so that a kill leaves the line or nothing of it.
fn say(told: &Told) {
    let line = serde_json::to_string(told).unwrap() + "\n";
    let mut out = std::io::stdout().lock();
    out.write_all(line.as_bytes()).unwrap();
    out.flush().unwrap();
}

async fn run(arguments: Arguments) -> Result<(), Error> {
    // Handled, the signal no longer ends the process: the write fails instead.
    let _file_size_limit = signal(SignalKind::from_raw(FILE_SIZE_LIMIT)).unwrap();
    let keys = FileKeyStore::new(arguments.folder.join("keys"));
    let client = Client::builder(&arguments.relay)
        .store(arguments.folder.join("store.db"))
        .key_store(Arc::new(keys))
        .start_offline()
        .open()
        .await?;
    say(&Told::Open {
        speaks: client.network_role() == NetworkRole::Held,
    });
    let mut events = client.events();
    let telling = tokio::spawn(async move {
        while let Some(event) = events.next().await {
            tell(&event);
        }
    });
    if !matches!(arguments.job, Job::Look) {
        client.go_online().await?;
    }
    work(&client, arguments.job).await?;
    client.close().await?;
    telling.await.unwrap();
    Ok(())
}

fn tell(event: &Event) {
    match event {
        Event::MessageSent(message) => say(&Told::Sent(words(message))),
        Event::MessageReceived(message) => say(&Told::Shown(words(message))),
        Event::CaughtUp => say(&Told::CaughtUp),
        Event::MessageUnreadable(_)
        | Event::MessageMissing { .. }
        | Event::MessageReordered { .. }
        | Event::FrameRefused
        | Event::RemovalRefused { .. }
        | Event::DeviceListRollback { .. }
        | Event::RelayInconsistent { .. }
        | Event::QueueExpired
        | Event::MessageFailed(_) => say(&Told::Harm(format!("{event:?}"))),
        _ => {}
    }
}

fn words(message: &Message) -> String {
    message.text().unwrap_or("<no words>").to_owned()
}

async fn work(client: &Client, job: Job) -> Result<(), Error> {
    match job {
        Job::Begin { user, to } => {
            let device = match client.account() {
                Some((_, device)) => device,
                None => client.register(&user).await?,
            };
            say(&Told::Device(device.get()));
            send(client, &to, &["hello".to_owned()], Duration::ZERO).await
        }
        Job::Say(texts) => send(client, &texts.to, &numbered(client, &texts), Duration::ZERO).await,
        Job::Hear { with, count } => {
            let thread = client.direct_thread(&with).await?;
            holds(client, thread, count).await?;
            client.mark_read(thread, None).await?;
            until_committed("read.told").await;
            Ok(())
        }
        Job::Talk { texts, until } => {
            let thread = client.direct_thread(&texts.to).await?;
            let said = numbered(client, &texts);
            tokio::try_join!(
                send(client, &texts.to, &said, TYPING),
                holds(client, thread, until)
            )?;
            Ok(())
        }
        Job::Join => {
            if client.account().is_none() {
                let linking = client.start_linking().await?;
                say(&Told::Code(linking.code().to_owned()));
                linking.finish(|_| async { true }).await?;
            }
            client.wait_until_caught_up().await?;
            if let Some((_, device)) = client.account() {
                say(&Told::Device(device.get()));
            }
            Ok(())
        }
        Job::LetIn { code } => {
            client.wait_until_caught_up().await?;
            let device = client.link_device(&code, |_| async { true }).await?;
            say(&Told::Device(device.get()));
            Ok(())
        }
        Job::Attach { to, file, number } => {
            let thread = client.direct_thread(&to).await?;
            let caption = format!("file {number}");
            let attachment = Attachment::from_path(file)
                .key(key_of(&caption))
                .caption(caption);
            client.wait_until_caught_up().await?;
            let queued = client.send_attachment(thread, attachment, |_| ()).await?;
            say(&Told::Queued(words(&queued)));
            client.wait_until_sent(queued.local_id).await.map(drop)
        }
        Job::Fetch { with, file } => {
            client.wait_until_caught_up().await?;
            let thread = client.direct_thread(&with).await?;
            let newest = client.messages(thread, None, 100).await?;
            let Some(message) = newest.iter().find(|row| row.attachment().is_some()) else {
                return Err(Error::NoAttachment);
            };
            client
                .download_attachment_to_file(message, file, |_| ())
                .await
        }
        Job::TopUp => {
            client.wait_until_caught_up().await?;
            // Of two kinds, one upload after the other.
            tokio::time::sleep(LINGERS).await;
            Ok(())
        }
        Job::Stay => std::future::pending().await,
        Job::Sync { with } => {
            let thread = client.direct_thread(&with).await?;
            client.sync_thread(thread).await.map(drop)
        }
        Job::Look => look(client).await,
    }
}

/// Each once, whatever was taken in before a kill; then until the relay has them.
async fn send(client: &Client, to: &str, texts: &[String], between: Duration) -> Result<(), Error> {
    let thread = client.direct_thread(to).await?;
    let mut queued = Vec::new();
    for text in texts {
        let once = SendOptions::default().key(key_of(text));
        let message = loop {
            match client.send_text_with(thread, text.clone(), once).await {
                Ok(message) => break message,
                // Room may come, and a disk may recover.
                Err(error) if matches!(error.code(), "disk_full" | "store_io") => {
                    say(&Told::Refused(error.code().to_owned()));
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                Err(error) => return Err(error),
            }
        };
        say(&Told::Queued(text.clone()));
        queued.push(message.local_id);
        tokio::time::sleep(between).await;
    }
    for id in queued {
        client.wait_until_sent(id).await?;
    }
    Ok(())
}

fn numbered(client: &Client, texts: &Texts) -> Vec<String> {
    let me = client.account().map(|(user, _)| user.to_string());
    let me = me.unwrap_or_default();
    let numbers = texts.from..texts.from + texts.count;
    numbers.map(|number| format!("{me} {number}")).collect()
}

/// The last transaction of what follows a job; after a kill it may have been made before.
async fn until_committed(step: &str) {
    let committed = async {
        while !LAST_STEPS.lock().unwrap().contains(step) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let _ = tokio::time::timeout(LINGERS, committed).await;
}

async fn holds(client: &Client, thread: ThreadId, count: u64) -> Result<(), Error> {
    let mut events = client.events();
    while client.count_messages(Some(thread)).await? < count {
        if events.next().await.is_none() {
            return Err(Error::Closed);
        }
    }
    Ok(())
}

async fn look(client: &Client) -> Result<(), Error> {
    for thread in client.threads(None, 100).await? {
        let mut page = client.messages(thread.id, None, 1_000).await?;
        page.reverse();
        for message in page {
            let state = match &message.state {
                MessageState::Failed { code } => code.clone(),
                state => format!("{state:?}"),
            };
            say(&Told::Held(words(&message), state));
        }
    }
    Ok(())
}
