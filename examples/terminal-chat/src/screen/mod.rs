//! Draws the app. Reads it, changes nothing.

mod dialog;
mod inbox;
mod qr;
mod thread;

use crate::app::App;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use sealwire::{ConnectionState, NetworkRole, Timestamp};
use std::time::SystemTime;

/// What is said longest has so many rows; the chat needs the others.
const FOOT_MAX: u16 = 5;
const KEYS: &str =
    "Tab switch · ^N new chat · ^F search · ^L link · ^O offline · F1 help · ^Q quit";

/// Draws everything.
pub fn draw(app: &App, frame: &mut Frame<'_>) {
    let foot = foot(app, frame.area().width);
    let rows = u16::try_from(foot.len()).unwrap_or(1).min(FOOT_MAX);
    let [top, middle, bottom] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Min(3),
        Constraint::Length(rows),
    ])
    .areas(frame.area());
    let [left, right] =
        Layout::horizontal([Constraint::Percentage(30), Constraint::Min(20)]).areas(middle);
    title(app, frame, top);
    inbox::draw(app, frame, left);
    thread::draw(app, frame, right);
    frame.render_widget(Paragraph::new(foot), bottom);
    if let Some(dialog) = &app.dialog {
        dialog::draw(dialog, app.notice.as_deref(), frame, middle);
    }
}

/// Who this is, and the connection line.
fn title(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let who = match &app.me {
        Some((user, device)) => format!(" {user} · device {}", device.get()),
        None => " no account yet".to_owned(),
    };
    let (sign, color) = match app.connection {
        ConnectionState::Online => ("●", Color::Green),
        ConnectionState::Connecting | ConnectionState::CatchingUp => ("◐", Color::Yellow),
        _ => ("○", Color::Red),
    };
    let connection = Line::from(vec![
        Span::styled(sign, Style::new().fg(color)),
        Span::raw(format!(" {} ", connection_words(app))),
    ])
    .right_aligned();
    let bar = Style::new().bg(Color::Indexed(236)).fg(Color::White);
    frame.render_widget(
        Paragraph::new(who).style(bar.add_modifier(Modifier::BOLD)),
        area,
    );
    let width = u16::try_from(connection.width()).unwrap_or(area.width);
    let [_, right] =
        Layout::horizontal([Constraint::Min(0), Constraint::Length(width)]).areas(area);
    frame.render_widget(Paragraph::new(connection).style(bar), right);
}

fn connection_words(app: &App) -> String {
    if app.role == NetworkRole::Waiting {
        return "another window has this device: close one".to_owned();
    }
    match (app.connection, app.catch_up) {
        (ConnectionState::Online, _) => "online".to_owned(),
        (ConnectionState::Connecting, _) => "connecting …".to_owned(),
        (ConnectionState::CatchingUp, Some((done, total))) => {
            format!("catching up {done} of {total}")
        }
        (ConnectionState::CatchingUp, None) => "catching up …".to_owned(),
        (ConnectionState::Replaced, _) => "another instance took over (Ctrl-O)".to_owned(),
        (
            ConnectionState::Refused {
                code,
                next_try_at_ms,
            },
            _,
        ) => format!("refused: {code}{}", next_try(next_try_at_ms)),
        (
            ConnectionState::Offline {
                next_try_at_ms: Some(at),
            },
            _,
        ) => format!("offline{}", next_try(at)),
        (ConnectionState::Offline { .. }, _) if app.me.is_none() => "not connected".to_owned(),
        (ConnectionState::Offline { .. }, _) => "flight mode (Ctrl-O ends it)".to_owned(),
    }
}

fn next_try(at_ms: u64) -> String {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_millis());
    match u128::from(at_ms).saturating_sub(now).div_ceil(1000) {
        0 => String::new(),
        seconds => format!(", next try in {seconds} s"),
    }
}

/// What went wrong, or what keys there are, on as many rows as it takes.
fn foot(app: &App, width: u16) -> Vec<Line<'static>> {
    let (text, color) = match &app.notice {
        Some(notice) => (notice.as_str(), Color::Yellow),
        None => (KEYS, Color::DarkGray),
    };
    let rows = thread::wrapped(text, usize::from(width).saturating_sub(1));
    rows.into_iter()
        .map(|row| Line::styled(format!(" {row}"), Style::new().fg(color)))
        .collect()
}

/// Hours and minutes, UTC: a terminal tells no time zone.
fn clock(at: Timestamp) -> String {
    let minutes = at.0 / 60_000;
    format!("{:02}:{:02}", minutes / 60 % 24, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::News;
    use std::time::Instant;

    #[test]
    fn the_last_line_is_cut_on_no_terminal() {
        let offline = ConnectionState::Offline {
            next_try_at_ms: None,
        };
        let mut app = App::new(None, offline);
        let text = |app: &App, width| {
            let rows = foot(app, width);
            assert!(rows.iter().all(|row| row.width() <= usize::from(width)));
            let text = rows.iter().map(|row| row.to_string().trim().to_owned());
            (rows.len(), text.collect::<Vec<_>>().join(" "))
        };
        assert_eq!(text(&app, 80), (1, KEYS.to_owned()));
        assert_eq!(text(&app, 40).1, KEYS);
        let long = "bob has another account key than before: nothing is sent to them. Ask them over another way";
        app.notice = Some(long.to_owned());
        assert_eq!(text(&app, 80), (2, long.to_owned()));
    }

    #[test]
    fn a_device_that_another_process_speaks_for_is_not_said_to_be_in_flight_mode() {
        let offline = ConnectionState::Offline {
            next_try_at_ms: None,
        };
        let me = (
            "alice".parse().unwrap(),
            sealwire::DeviceId::new(1).unwrap(),
        );
        let mut app = App::new(Some(me), offline);
        assert!(connection_words(&app).starts_with("flight mode"));
        app.on_news(
            News::Connection(offline, NetworkRole::Waiting),
            Instant::now(),
        );
        assert!(connection_words(&app).starts_with("another window"));
    }
}
