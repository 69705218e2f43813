//! A person before a terminal: presses keys, looks at the screen.

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use sealwire::Client;
use sealwire_relay::Relay;
use std::time::{Duration, Instant};
use terminal_chat::app::{App, Dialog, News};
use terminal_chat::screen;
use terminal_chat::session::Session;
use tokio::sync::mpsc::UnboundedReceiver;

const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Person {
    app: App,
    session: Session,
    news: UnboundedReceiver<News>,
    terminal: Terminal<TestBackend>,
}

impl Person {
    pub(crate) async fn open(relay: &Relay) -> Self {
        let client = Client::builder(relay.url())
            .in_memory()
            .open()
            .await
            .unwrap();
        let app = App::new(client.account(), client.connection());
        let (session, news) = Session::start(client);
        let terminal = Terminal::new(TestBackend::new(100, 34)).unwrap();
        Self {
            app,
            session,
            news,
            terminal,
        }
    }

    pub(crate) async fn register(&mut self, name: &str) {
        self.press(&format!("{name}<Enter>")).await;
        self.sees(&format!("{name} · device 1")).await;
        self.sees("● online").await;
    }

    pub(crate) async fn write_to(&mut self, name: &str, text: &str) {
        self.press(&format!("<Ctrl-n>{name}<Enter>")).await;
        self.sees(&format!("┌ {name}")).await;
        self.press(&format!("{text}<Enter>")).await;
        self.sees(text).await;
    }

    /// Letters as they are; `<Enter>`, `<Tab>`, `<Esc>`, `<Ctrl-x>` as keys.
    pub(crate) async fn press(&mut self, keys: &str) {
        let mut rest = keys;
        while let Some(first) = rest.chars().next() {
            let name = rest
                .strip_prefix('<')
                .and_then(|after| after.split_once('>'));
            let key = match name {
                Some((name, after)) => {
                    rest = after;
                    named(name)
                }
                None => {
                    rest = &rest[first.len_utf8()..];
                    KeyEvent::new(KeyCode::Char(first), KeyModifiers::NONE)
                }
            };
            self.on_terminal(Event::Key(key));
        }
    }

    pub(crate) async fn paste(&mut self, text: &str) {
        self.on_terminal(Event::Paste(text.to_owned()));
    }

    pub(crate) async fn sees(&mut self, text: &str) {
        self.waits_until(|screen| screen.contains(text), text).await;
    }

    pub(crate) async fn does_not_see(&mut self, text: &str) {
        self.waits_until(|screen| !screen.contains(text), text)
            .await;
    }

    /// The line behind these words, once they are there.
    pub(crate) async fn shown_after(&mut self, words: &str) -> String {
        self.sees(words).await;
        let screen = self.screen();
        let after = screen.split_once(words).unwrap().1;
        after.split(['\n', '│']).next().unwrap().trim().to_owned()
    }

    pub(crate) fn link_code(&self) -> String {
        match &self.app.dialog {
            Some(Dialog::Code(code)) => code.clone(),
            _ => panic!("no code is shown"),
        }
    }

    pub(crate) fn buffer(&mut self) -> Buffer {
        self.screen();
        self.terminal.backend().buffer().clone()
    }

    pub(crate) async fn close(self) {
        self.session.client().close().await.unwrap();
    }

    async fn waits_until(&mut self, is_so: impl Fn(&str) -> bool, what: &str) {
        let until = Instant::now() + PATIENCE;
        loop {
            let screen = self.screen();
            if is_so(&screen) {
                return;
            }
            assert!(Instant::now() < until, "{what:?} on this screen:\n{screen}");
            let wait = tokio::time::timeout(Duration::from_millis(100), self.news.recv());
            if let Ok(Some(news)) = wait.await {
                self.app.on_news(news, Instant::now());
            }
            self.app.fade(Instant::now());
        }
    }

    fn on_terminal(&mut self, event: Event) {
        for wish in self.app.on_terminal(&event) {
            self.session.carry_out(wish);
        }
    }

    fn screen(&mut self) -> String {
        self.terminal
            .draw(|frame| screen::draw(&self.app, frame))
            .unwrap();
        let buffer = self.terminal.backend().buffer();
        let width = usize::from(buffer.area.width);
        let rows = buffer.content().chunks(width);
        rows.map(|row| {
            row.iter()
                .map(ratatui::buffer::Cell::symbol)
                .collect::<String>()
        })
        .collect::<Vec<_>>()
        .join("\n")
    }
}

fn named(name: &str) -> KeyEvent {
    let plain = |code| KeyEvent::new(code, KeyModifiers::NONE);
    match name {
        "Enter" => plain(KeyCode::Enter),
        "Tab" => plain(KeyCode::Tab),
        "Esc" => plain(KeyCode::Esc),
        _ => match name
            .strip_prefix("Ctrl-")
            .and_then(|key| key.chars().next())
        {
            Some(key) => KeyEvent::new(KeyCode::Char(key), KeyModifiers::CONTROL),
            None => panic!("no key is called {name}"),
        },
    }
}
