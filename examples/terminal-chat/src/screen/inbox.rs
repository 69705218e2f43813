//! The list of threads.

use super::clock;
use crate::app::{App, Focus, InboxLine};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Block, List, ListItem, ListState};
use sealwire::{Message, MessageContent};

pub(super) fn draw(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let lines = app.inbox.iter().map(|line| item(app, line));
    let border = match app.focus {
        Focus::Inbox => Style::new().fg(Color::Cyan),
        Focus::Compose => Style::new().fg(Color::DarkGray),
    };
    let list = List::new(lines)
        .block(Block::bordered().title(" Inbox ").border_style(border))
        .highlight_style(Style::new().bg(Color::Indexed(238)));
    let mut state = ListState::default().with_selected(Some(app.marked));
    frame.render_stateful_widget(list, area, &mut state);
}

fn item<'a>(app: &App, line: &'a InboxLine) -> ListItem<'a> {
    let mut head = vec![Span::styled(
        line.name.as_str(),
        Style::new().add_modifier(Modifier::BOLD),
    )];
    if line.unread > 0 {
        head.push(Span::styled(
            format!(" ({})", line.unread),
            Style::new().fg(Color::Cyan).add_modifier(Modifier::BOLD),
        ));
    }
    let preview = match &line.last {
        Some(last) => {
            head.push(Span::styled(
                format!(" {}", clock(last.created_at)),
                Style::new().fg(Color::DarkGray),
            ));
            let mine = app.me.as_ref().is_some_and(|(me, _)| *me == last.sender);
            format!("{}{}", if mine { "you: " } else { "" }, words(last))
        }
        None => "nothing yet".to_owned(),
    };
    ListItem::new(Text::from(vec![
        Line::from(head),
        Line::styled(preview, Style::new().fg(Color::Gray)),
    ]))
}

/// A message on one line.
pub(super) fn words(message: &Message) -> String {
    match &message.content {
        MessageContent::Text(text) => text.replace('\n', " "),
        MessageContent::Attachment { file, caption } => format!("[{}] {caption}", file.name),
        MessageContent::Unreadable(reason) => format!("[cannot be read: {}]", reason.as_str()),
        MessageContent::Removed => "[gone]".to_owned(),
        _ => "[of a newer version]".to_owned(),
    }
}
