//! What a key does.

use super::{App, Dialog, Focus, Wish};
use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use tui_input::Input;
use tui_input::backend::crossterm::EventHandler as _;

impl App {
    /// What the terminal said: wishes come back.
    pub fn on_terminal(&mut self, event: &Event) -> Vec<Wish> {
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => self.on_key(*key),
            Event::Paste(text) => self.on_paste(text),
            _ => Vec::new(),
        }
    }

    fn on_key(&mut self, key: KeyEvent) -> Vec<Wish> {
        let quits = matches!(key.code, KeyCode::Char('c' | 'q'));
        if key.modifiers.contains(KeyModifiers::CONTROL) && quits {
            self.over = true;
            return Vec::new();
        }
        self.notice = None;
        match self.dialog.take() {
            Some(dialog) => self.in_dialog(dialog, key),
            None if key.modifiers.contains(KeyModifiers::CONTROL) => self.on_shortcut(key),
            None if self.focus == Focus::Inbox => self.in_inbox(key),
            None => self.in_compose(key),
        }
    }

    /// A terminal pastes a whole text at once: a link code has no newline, and a message keeps none.
    fn on_paste(&mut self, text: &str) -> Vec<Wish> {
        let input = match &mut self.dialog {
            Some(Dialog::Welcome { name }) => name,
            Some(Dialog::NewChat(input) | Dialog::LinkDevice(input)) => input,
            Some(Dialog::Search { words, .. }) => words,
            Some(_) => return Vec::new(),
            None => {
                self.focus = Focus::Compose;
                &mut self.compose
            }
        };
        let pasted: String = text
            .trim()
            .chars()
            .map(|letter| if letter.is_control() { ' ' } else { letter })
            .collect();
        // Put in as one: letter by letter, each would copy all before it.
        let letters = input.value().chars();
        let (before, after) = (
            letters.clone().take(input.cursor()),
            letters.skip(input.cursor()),
        );
        let value: String = before.chain(pasted.chars()).chain(after).collect();
        let cursor = input.cursor() + pasted.chars().count();
        *input = Input::new(value).with_cursor(cursor);
        Vec::new()
    }

    fn on_shortcut(&mut self, key: KeyEvent) -> Vec<Wish> {
        match key.code {
            KeyCode::Char('n') => self.dialog = Some(Dialog::NewChat(Default::default())),
            KeyCode::Char('f') => self.dialog = Some(Dialog::search()),
            KeyCode::Char('l') => self.dialog = Some(Dialog::LinkDevice(Default::default())),
            KeyCode::Char('o') => return vec![Wish::GoOnline(self.is_offline())],
            KeyCode::Char('k') => {
                let name = self.open.as_ref().map(|open| open.name.clone());
                return name.map(Wish::AcceptKey).into_iter().collect();
            }
            KeyCode::Char('r') => {
                return self
                    .newest_failed()
                    .map(|message| Wish::Retry(message.local_id))
                    .into_iter()
                    .collect();
            }
            KeyCode::Char('x') => {
                return self
                    .newest_unsent()
                    .map(|message| Wish::Cancel(message.local_id))
                    .into_iter()
                    .collect();
            }
            _ if self.focus == Focus::Compose => return self.in_compose(key),
            _ => {}
        }
        Vec::new()
    }

    fn in_inbox(&mut self, key: KeyEvent) -> Vec<Wish> {
        match key.code {
            KeyCode::Up => self.marked = self.marked.saturating_sub(1),
            KeyCode::Down => {
                self.marked = (self.marked + 1).min(self.inbox.len().saturating_sub(1));
            }
            KeyCode::Tab | KeyCode::Right if self.open.is_some() => self.focus = Focus::Compose,
            KeyCode::Enter => {
                if let Some(line) = self.inbox.get(self.marked) {
                    return self.leave_for(Wish::Open(line.thread));
                }
            }
            KeyCode::Char('?') | KeyCode::F(1) => self.dialog = Some(Dialog::Help),
            KeyCode::Char(_) if self.marks_the_open_thread() => {
                self.focus = Focus::Compose;
                return self.in_compose(key);
            }
            _ => {}
        }
        Vec::new()
    }

    /// Then whoever types can mean no other thread.
    fn marks_the_open_thread(&self) -> bool {
        let marked = self.inbox.get(self.marked).map(|line| line.thread);
        marked.is_some() && marked == self.open.as_ref().map(|open| open.thread)
    }

    /// The thread that was open is left at once: what is typed from now on must not go there.
    fn leave_for(&mut self, wish: Wish) -> Vec<Wish> {
        self.keep_draft();
        self.open = None;
        self.focus = Focus::Inbox;
        vec![wish]
    }

    fn in_compose(&mut self, key: KeyEvent) -> Vec<Wish> {
        let Some(open) = &mut self.open else {
            self.focus = Focus::Inbox;
            return Vec::new();
        };
        let thread = open.thread;
        match key.code {
            KeyCode::Tab | KeyCode::Esc => self.focus = Focus::Inbox,
            KeyCode::F(1) => self.dialog = Some(Dialog::Help),
            KeyCode::PageUp => {
                open.scrolled += 10;
                if open.has_older
                    && open.scrolled + 10 > open.messages.len()
                    && let Some(first) = open.messages.first()
                {
                    return vec![Wish::Older(thread, first.local_id)];
                }
            }
            KeyCode::PageDown => open.scrolled = open.scrolled.saturating_sub(10),
            KeyCode::Enter => {
                let text = self.compose.value().trim().to_owned();
                if !text.is_empty() {
                    open.scrolled = 0;
                    self.compose.reset();
                    return vec![Wish::Send(thread, text)];
                }
            }
            _ => {
                let before = self.compose.value().is_empty();
                self.compose.handle_event(&Event::Key(key));
                let now = self.compose.value().is_empty();
                if !now || before != now {
                    return vec![Wish::Typing(thread, !now)];
                }
            }
        }
        Vec::new()
    }

    fn in_dialog(&mut self, dialog: Dialog, key: KeyEvent) -> Vec<Wish> {
        let leave = key.code == KeyCode::Esc;
        match dialog {
            Dialog::Welcome { mut name } => {
                if key.code == KeyCode::Tab {
                    return vec![Wish::StartLinking];
                }
                let text = name.value().trim().to_owned();
                if key.code == KeyCode::Enter && !text.is_empty() {
                    self.dialog = Some(Dialog::Busy("Making the account …".to_owned()));
                    return vec![Wish::Register(text)];
                }
                name.handle_event(&Event::Key(key));
                self.dialog = Some(Dialog::Welcome { name });
            }
            Dialog::Code(_) if leave => {
                self.dialog = Some(Dialog::welcome());
                return vec![Wish::CancelLinking];
            }
            Dialog::Busy(_) | Dialog::Code(_) => self.dialog = Some(dialog),
            Dialog::Question { text, then } => match key.code {
                KeyCode::Char('y' | 'Y') => {
                    self.dialog = Some(Dialog::Busy(then));
                    return vec![Wish::Answer(true)];
                }
                KeyCode::Char('n' | 'N') | KeyCode::Esc => return vec![Wish::Answer(false)],
                _ => self.dialog = Some(Dialog::Question { text, then }),
            },
            Dialog::Help => {}
            Dialog::NewChat(_) | Dialog::LinkDevice(_) | Dialog::Search { .. } if leave => {}
            Dialog::NewChat(mut name) => {
                let text = name.value().trim().to_owned();
                if key.code == KeyCode::Enter && !text.is_empty() {
                    return self.leave_for(Wish::OpenWith(text));
                }
                name.handle_event(&Event::Key(key));
                self.dialog = Some(Dialog::NewChat(name));
            }
            Dialog::LinkDevice(mut code) => {
                let text = whole(code.value());
                if key.code == KeyCode::Enter && !text.is_empty() {
                    self.dialog = Some(Dialog::Busy("Waiting for the new device …".to_owned()));
                    return vec![Wish::LinkDevice(text)];
                }
                code.handle_event(&Event::Key(key));
                self.dialog = Some(Dialog::LinkDevice(code));
            }
            Dialog::Search {
                mut words,
                found,
                mut marked,
            } => {
                match key.code {
                    KeyCode::Up => marked = marked.saturating_sub(1),
                    KeyCode::Down => marked = (marked + 1).min(found.len().saturating_sub(1)),
                    KeyCode::Enter => {
                        if let Some(message) = found.get(marked) {
                            return self.leave_for(Wish::Open(message.thread));
                        }
                    }
                    _ => {
                        words.handle_event(&Event::Key(key));
                        let text = words.value().to_owned();
                        self.dialog = Some(Dialog::Search {
                            words,
                            found,
                            marked: 0,
                        });
                        return vec![Wish::Search(text)];
                    }
                }
                self.dialog = Some(Dialog::Search {
                    words,
                    found,
                    marked,
                });
            }
        }
        Vec::new()
    }
}

/// A code as it was before a narrow terminal broke it into lines with a border around them.
fn whole(code: &str) -> String {
    code.chars()
        .filter(|letter| !letter.is_whitespace() && *letter != '│')
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{Conversation, InboxLine};
    use sealwire::{ConnectionState, ThreadId};

    fn press(app: &mut App, code: KeyCode) -> Vec<Wish> {
        app.on_terminal(&Event::Key(KeyEvent::new(code, KeyModifiers::NONE)))
    }

    #[test]
    fn who_types_beside_the_inbox_writes_to_the_open_thread_if_it_is_the_marked_one() {
        let offline = ConnectionState::Offline {
            next_try_at_ms: None,
        };
        let me = "alice".parse().unwrap();
        let mut app = App::new(Some((me, sealwire::DeviceId::new(1).unwrap())), offline);
        let line = |name: &str| InboxLine {
            thread: ThreadId::direct(&"alice".parse().unwrap(), &name.parse().unwrap()),
            name: name.to_owned(),
            last: None,
            unread: 0,
        };
        app.inbox = vec![line("bob"), line("carol")];
        app.open = Some(Conversation {
            thread: line("bob").thread,
            name: "bob".to_owned(),
            messages: Vec::new(),
            has_older: false,
            scrolled: 0,
        });
        press(&mut app, KeyCode::Down);
        press(&mut app, KeyCode::Char('h'));
        assert!(app.compose.value().is_empty() && app.focus == Focus::Inbox);
        press(&mut app, KeyCode::Up);
        press(&mut app, KeyCode::Char('h'));
        assert!(app.compose.value() == "h" && app.focus == Focus::Compose);
    }

    #[test]
    fn whatever_is_open_ctrl_q_and_ctrl_c_quit() {
        for letter in ['q', 'c'] {
            for dialog in [
                None,
                Some(Dialog::Welcome {
                    name: Default::default(),
                }),
                Some(Dialog::NewChat(Default::default())),
            ] {
                let offline = ConnectionState::Offline {
                    next_try_at_ms: None,
                };
                let mut app = App::new(None, offline);
                app.dialog = dialog;
                let key = KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL);
                app.on_terminal(&Event::Key(key));
                assert!(app.over);
            }
        }
    }

    #[test]
    fn a_long_paste_is_put_in_at_once_where_the_cursor_is() {
        let offline = ConnectionState::Offline {
            next_try_at_ms: None,
        };
        let mut app = App::new(None, offline);
        app.dialog = Some(Dialog::NewChat("ad".into()));
        press(&mut app, KeyCode::Left);
        let began = std::time::Instant::now();
        app.on_terminal(&Event::Paste("é\n".repeat(100_000)));
        // Letter by letter it takes minutes.
        assert!(began.elapsed().as_secs() < 30);
        press(&mut app, KeyCode::Char('c'));
        let Some(Dialog::NewChat(input)) = &app.dialog else {
            panic!("the dialog is open");
        };
        assert!(input.value().starts_with("aé é"));
        assert!(input.value().ends_with("é écd"));
        assert_eq!(input.value().chars().count(), 199_999 + 3);
    }

    #[test]
    fn a_link_code_that_is_copied_over_two_lines_is_whole_again() {
        let offline = ConnectionState::Offline {
            next_try_at_ms: None,
        };
        let mut app = App::new(None, offline);
        app.dialog = Some(Dialog::LinkDevice(Default::default()));
        app.on_terminal(&Event::Paste(
            "sealwire://link?v=1&id=ab  │ │\n│ │cd&k=ef  │".to_owned(),
        ));
        assert_eq!(
            press(&mut app, KeyCode::Enter),
            [Wish::LinkDevice(
                "sealwire://link?v=1&id=abcd&k=ef".to_owned()
            )]
        );
    }
}
