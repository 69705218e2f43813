//! What lies over the chat.

use super::inbox::words;
use super::{clock, qr};
use crate::app::Dialog;
use ratatui::Frame;
use ratatui::layout::{Constraint, Flex, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::{Block, Clear, Paragraph, Wrap};
use tui_input::Input;

const HELP: &[&str] = &[
    "Enter         open the marked thread, send what is written",
    "Tab           switch between inbox and message",
    "PageUp/Down   older and newer messages",
    "Ctrl-N        write to somebody",
    "Ctrl-F        search all messages",
    "Ctrl-L        link a further device of yours",
    "Ctrl-R        try again what failed",
    "Ctrl-K        believe a person's new account key",
    "Ctrl-X        take back what is not sent yet",
    "Ctrl-O        flight mode on and off",
    "Ctrl-Q        quit",
    "",
    "… waiting   ✓ sent   ✓✓ delivered   ✓✓ read (blue)   ✗ failed",
];

pub(super) fn draw(dialog: &Dialog, notice: Option<&str>, frame: &mut Frame<'_>, area: Rect) {
    let (title, mut lines) = content(dialog, area);
    if let Some(notice) = notice {
        lines.push(Line::raw(""));
        lines.push(Line::styled(
            notice.to_owned(),
            Style::new().fg(Color::Yellow),
        ));
    }
    let widest = lines.iter().map(Line::width).max().unwrap_or(0).max(40);
    let width = u16::try_from(widest + 4)
        .unwrap_or(area.width)
        .min(area.width);
    // A line that does not fit takes as many as it needs.
    let inside = usize::from(width.saturating_sub(2)).max(1);
    let rows: usize = lines
        .iter()
        .map(|line| line.width().div_ceil(inside).max(1))
        .sum();
    let height = u16::try_from(rows + 2)
        .unwrap_or(area.height)
        .min(area.height);
    let [middle] = Layout::vertical([Constraint::Length(height)])
        .flex(Flex::Center)
        .areas(area);
    let [place] = Layout::horizontal([Constraint::Length(width)])
        .flex(Flex::Center)
        .areas(middle);
    let block = Block::bordered()
        .title(format!(" {title} "))
        .border_style(Style::new().fg(Color::Cyan));
    frame.render_widget(Clear, place);
    frame.render_widget(
        Paragraph::new(lines)
            .wrap(Wrap { trim: false })
            .block(block),
        place,
    );
}

fn content(dialog: &Dialog, area: Rect) -> (&'static str, Vec<Line<'static>>) {
    match dialog {
        Dialog::Welcome { name } => (
            "Welcome",
            vec![
                Line::raw("A new account: type your user id, then Enter."),
                written(name),
                Line::raw(""),
                Line::raw("You have one on another device: press Tab to link this one."),
            ],
        ),
        Dialog::Busy(what) => ("One moment", vec![Line::raw(what.clone())]),
        Dialog::Code(code) => {
            // The words below it take five rows, the border two.
            let room = usize::from(area.height.saturating_sub(7));
            let fits = |lines: &Vec<Line<'_>>| {
                lines.len() <= room
                    && lines
                        .iter()
                        .all(|line| line.width() + 4 <= usize::from(area.width))
            };
            let mut lines = qr::lines(code)
                .filter(fits)
                .unwrap_or_else(|| vec![Line::raw("(A larger terminal shows a QR code here.)")]);
            lines.push(Line::raw(
                "On your other device: Ctrl-L, then scan or paste",
            ));
            lines.push(Line::raw(code.clone()));
            lines.push(Line::raw("Good for ten minutes. Esc ends it."));
            ("Link this device", lines)
        }
        Dialog::Question { text, .. } => (
            "Please confirm",
            vec![Line::raw(text.clone()), Line::raw("y / n")],
        ),
        Dialog::NewChat(name) => (
            "New chat",
            vec![
                Line::raw("With whom? Their user id, then Enter."),
                written(name),
            ],
        ),
        Dialog::LinkDevice(code) => (
            "Link a device",
            vec![
                Line::raw("Paste the code that the new device shows, then Enter."),
                written(code),
            ],
        ),
        Dialog::Search {
            words: looked_for,
            found,
            marked,
        } => {
            let mut lines = vec![written(looked_for), Line::raw("")];
            for (at, message) in found.iter().enumerate().take(12) {
                let style = match at == *marked {
                    true => Style::new().bg(Color::Indexed(238)),
                    false => Style::new(),
                };
                lines.push(Line::styled(
                    format!(
                        "{} {}: {}",
                        clock(message.created_at),
                        message.sender,
                        words(message)
                    ),
                    style,
                ));
            }
            if found.is_empty() && !looked_for.value().is_empty() {
                lines.push(Line::styled(
                    "nothing found",
                    Style::new().fg(Color::DarkGray),
                ));
            }
            ("Search", lines)
        }
        Dialog::Help => ("Keys", HELP.iter().map(|line| Line::raw(*line)).collect()),
    }
}

fn written(input: &Input) -> Line<'static> {
    Line::styled(
        format!("> {}▏", input.value()),
        Style::new().add_modifier(Modifier::BOLD),
    )
}
