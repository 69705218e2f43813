//! `terminal-chat`: register or link this device, then write.
#![allow(clippy::print_stderr, reason = "a program's last word")]

use clap::Parser;
use ratatui::crossterm::event::{self, DisableBracketedPaste, EnableBracketedPaste};
use ratatui::crossterm::execute;
use sealwire::{Client, Error, FileKeyStore};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use terminal_chat::app::App;
use terminal_chat::screen;
use terminal_chat::session::{Session, said};
use tokio::sync::mpsc::unbounded_channel;

/// How often what fades is looked at.
const BEAT: Duration = Duration::from_millis(500);

/// End-to-end encrypted chat in the terminal.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Where the relay is.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    relay: String,
    /// This device's folder: its encrypted store, and the key to it. Each folder is a device of its own.
    #[arg(long, default_value = "terminal-chat-device")]
    folder: PathBuf,
}

#[tokio::main]
async fn main() -> ExitCode {
    match chat(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("terminal-chat: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn chat(arguments: Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let folder = arguments.folder.display();
    std::fs::create_dir_all(&arguments.folder)
        .map_err(|error| format!("the folder {folder} cannot be made: {error}"))?;
    let keys = Arc::new(FileKeyStore::new(arguments.folder.join("store.keys")));
    let client = Client::builder(&arguments.relay)
        .store(arguments.folder.join("store.db"))
        .key_store(keys)
        .open()
        .await
        .map_err(|error| match error {
            Error::KeyMissing => format!(
                "{folder} holds store.db, and store.keys has no key to it: put the store.keys back that was made with it, \
                 or become a new device with another --folder"
            ),
            error => said(&error),
        })?;
    let mut terminal =
        ratatui::try_init().map_err(|error| format!("this needs a terminal: {error}"))?;
    // A terminal without bracketed paste types what is pasted.
    let _ = execute!(std::io::stdout(), EnableBracketedPaste);
    let ended = run(&mut terminal, client.clone()).await;
    let _ = execute!(std::io::stdout(), DisableBracketedPaste);
    ratatui::restore();
    client.close().await.map_err(|error| said(&error))?;
    ended
}

async fn run(
    terminal: &mut ratatui::DefaultTerminal,
    client: Client,
) -> Result<(), Box<dyn std::error::Error>> {
    let mut app = App::new(client.account(), client.connection());
    let (session, mut news) = Session::start(client);
    let (keys, mut pressed) = unbounded_channel();
    // Reading the terminal blocks: it has a thread, which ends with the process.
    std::thread::spawn(move || {
        while let Ok(event) = event::read() {
            if keys.send(event).is_err() {
                return;
            }
        }
    });
    while !app.over {
        terminal.draw(|frame| screen::draw(&app, frame))?;
        tokio::select! {
            event = pressed.recv() => match event {
                Some(event) => app.on_terminal(&event).into_iter().for_each(|wish| session.carry_out(wish)),
                None => app.over = true,
            },
            Some(item) = news.recv() => app.on_news(item, Instant::now()),
            () = tokio::time::sleep(BEAT) => {}
        }
        // What is there already is shown at once, not one by one: a terminal without bracketed paste types thousands of keys.
        while let Ok(event) = pressed.try_recv() {
            let wishes = app.on_terminal(&event);
            wishes.into_iter().for_each(|wish| session.carry_out(wish));
        }
        while let Ok(item) = news.try_recv() {
            app.on_news(item, Instant::now());
        }
        app.fade(Instant::now());
    }
    Ok(())
}
