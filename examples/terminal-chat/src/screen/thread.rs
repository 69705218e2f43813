//! The open thread: messages, their states, who types, and the line that is being written.

use super::clock;
use super::inbox::words;
use crate::app::{App, Conversation, Focus};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph};
use sealwire::{Message, MessageContent, MessageState, Timestamp, UserId};
use unicode_width::UnicodeWidthChar as _;

pub(super) fn draw(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let [upper, lower] = Layout::vertical([Constraint::Min(1), Constraint::Length(3)]).areas(area);
    match &app.open {
        Some(open) => messages(app, open, frame, upper),
        None => frame.render_widget(
            Paragraph::new("Choose a thread, or begin one with Ctrl-N.")
                .block(Block::bordered())
                .style(Style::new().fg(Color::DarkGray)),
            upper,
        ),
    }
    compose(app, frame, lower);
}

fn messages(app: &App, open: &Conversation, frame: &mut Frame<'_>, area: Rect) {
    let mut block = Block::bordered()
        .title(format!(" {}{} ", open.name, presence(app, open)))
        .border_style(Style::new().fg(Color::DarkGray));
    if let Some(user) = app.who_types() {
        block = block.title_bottom(Line::styled(
            format!(" {user} is typing … "),
            Style::new().fg(Color::Cyan),
        ));
    }
    let inside = block.inner(area);
    frame.render_widget(block, area);
    let shown = open.messages.len().saturating_sub(open.scrolled);
    let me = app.me.as_ref().map(|(user, _)| user);
    let mut lines = Vec::new();
    // From the newest up, until the area is full.
    for message in open.messages.iter().take(shown).rev() {
        if lines.len() >= usize::from(inside.height) {
            break;
        }
        let mut rows = rows(message, me, usize::from(inside.width));
        rows.reverse();
        lines.extend(rows);
    }
    lines.truncate(usize::from(inside.height));
    lines.reverse();
    frame.render_widget(Paragraph::new(lines), inside);
}

/// Whether the other side is there.
fn presence(app: &App, open: &Conversation) -> String {
    let known = open
        .name
        .parse::<UserId>()
        .ok()
        .and_then(|user| app.presence.get(&user));
    match known {
        Some((true, _)) => " · online".to_owned(),
        Some((false, Some(at))) => format!(" · last seen {}", clock(Timestamp(*at))),
        _ => String::new(),
    }
}

/// One message: a head with who and when and how far, then its words.
fn rows(message: &Message, me: Option<&UserId>, width: usize) -> Vec<Line<'static>> {
    let mine = me == Some(&message.sender);
    let color = if mine { Color::Green } else { Color::Magenta };
    let (sign, style) = state(&message.state);
    let head = Line::from(vec![
        Span::styled(
            if mine {
                "you".to_owned()
            } else {
                message.sender.to_string()
            },
            Style::new().fg(color).add_modifier(Modifier::BOLD),
        ),
        Span::styled(
            format!(" {} ", clock(message.created_at)),
            Style::new().fg(Color::DarkGray),
        ),
        Span::styled(sign, style),
    ]);
    let text = match &message.content {
        MessageContent::Text(text) => text.clone(),
        _ => words(message),
    };
    let mut rows = vec![head];
    rows.extend(
        wrapped(&text, width.saturating_sub(2))
            .into_iter()
            .map(|row| Line::raw(format!("  {row}"))),
    );
    rows
}

/// How far a message is: what the other side has, in the usual signs.
fn state(state: &MessageState) -> (String, Style) {
    match state {
        MessageState::Pending => ("…".to_owned(), Style::new().fg(Color::DarkGray)),
        MessageState::Sent => ("✓ sent".to_owned(), Style::new().fg(Color::DarkGray)),
        MessageState::Delivered => ("✓✓ delivered".to_owned(), Style::new().fg(Color::DarkGray)),
        MessageState::Read => ("✓✓ read".to_owned(), Style::new().fg(Color::Blue)),
        MessageState::Failed { code } => (
            format!("✗ {code} (Ctrl-R tries again)"),
            Style::new().fg(Color::Red),
        ),
        MessageState::Cancelling => ("taking back …".to_owned(), Style::new().fg(Color::DarkGray)),
        MessageState::Cancelled => ("taken back".to_owned(), Style::new().fg(Color::DarkGray)),
        _ => (String::new(), Style::new()),
    }
}

/// Lines of at most `width` cells, broken at spaces where there are any.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut rows = Vec::new();
    for line in text.lines() {
        let (mut row, mut cells) = (String::new(), 0);
        for word in line.split_inclusive(' ') {
            let long: usize = word.chars().map(|c| c.width().unwrap_or(0)).sum();
            if cells > 0 && cells + long > width {
                rows.push(std::mem::take(&mut row));
                cells = 0;
            }
            for letter in word.chars() {
                let wide = letter.width().unwrap_or(0);
                if cells + wide > width && cells > 0 {
                    rows.push(std::mem::take(&mut row));
                    cells = 0;
                }
                // What moves the cursor is not for strangers to send.
                if !letter.is_control() {
                    row.push(letter);
                    cells += wide;
                }
            }
        }
        rows.push(row);
    }
    rows
}

fn compose(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let focused = app.focus == Focus::Compose && app.open.is_some();
    let style = match focused {
        true => Style::new().fg(Color::Cyan),
        false => Style::new().fg(Color::DarkGray),
    };
    let block = Block::bordered().title(" Message ").border_style(style);
    let inside = block.inner(area);
    let scroll = app
        .compose
        .visual_scroll(usize::from(inside.width.saturating_sub(1)));
    let column = u16::try_from(scroll).unwrap_or(0);
    frame.render_widget(
        Paragraph::new(app.compose.value())
            .scroll((0, column))
            .block(block),
        area,
    );
    if focused && app.dialog.is_none() {
        let cursor = app.compose.visual_cursor().saturating_sub(scroll);
        let x = inside.x + u16::try_from(cursor).unwrap_or(0);
        frame.set_cursor_position(Position::new(x.min(inside.right()), inside.y));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_break_at_spaces_and_long_ones_anywhere_and_wide_letters_count_twice() {
        assert_eq!(wrapped("one two three", 8), ["one two ", "three"]);
        assert_eq!(wrapped("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrapped("日本語", 4), ["日本", "語"]);
        assert_eq!(wrapped("a\n\nb", 4), ["a", "", "b"]);
    }

    #[test]
    fn what_a_stranger_sends_cannot_move_the_cursor() {
        assert_eq!(wrapped("a\u{1b}[2Jb", 20), ["a[2Jb"]);
    }
}
