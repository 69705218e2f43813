//! Figures: as a table for people, as JSON, and as a section of the book.

use crate::trouble::{Done, io, said};
use serde::Serialize;
use std::fs;
use std::path::Path;

/// One figure, beside its goal.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Figure {
    /// What was measured.
    pub(crate) figure: String,
    /// How much.
    pub(crate) value: f64,
    /// Of what.
    pub(crate) unit: &'static str,
    /// What stands beside it, measured in the same run on the same machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) peer_value: Option<f64>,
    /// The value over that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ratio: Option<f64>,
    /// What it has to be.
    pub(crate) goal: Goal,
    /// Whether it is.
    pub(crate) holds: bool,
    /// What stands beside it and what bounds it, for the book.
    #[serde(skip)]
    pub(crate) note: String,
}

/// What a figure has to be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Goal {
    /// This or more.
    AtLeast(f64),
    /// This or less.
    AtMost(f64),
    /// This or less, and not of a run that stopped before it was as large as it was to be.
    #[allow(dead_code, reason = "the client's runs have one size")]
    AtMostAt {
        /// Of the value.
        bound: f64,
        /// What the run was to be.
        size: &'static str,
        /// Whether it was.
        reached: bool,
    },
    /// Nothing: it explains another.
    None,
}

impl Figure {
    pub(crate) fn new(figure: &str, value: f64, unit: &'static str, goal: Goal) -> Self {
        Self {
            figure: figure.to_owned(),
            value,
            unit,
            peer_value: None,
            ratio: None,
            goal,
            holds: match goal {
                Goal::AtLeast(bound) => value >= bound,
                Goal::AtMost(bound) => value <= bound,
                Goal::AtMostAt { bound, reached, .. } => reached && value <= bound,
                Goal::None => true,
            },
            note: String::new(),
        }
    }

    pub(crate) fn beside(mut self, peer: f64) -> Self {
        self.peer_value = Some(peer);
        self.ratio = Some(self.value / peer);
        self
    }

    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }
}

impl Serialize for Goal {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => to.serialize_none(),
            goal => to.serialize_some(&goal.to_string()),
        }
    }
}

impl std::fmt::Display for Goal {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtLeast(bound) => write!(out, "≥ {}", shown(*bound)),
            Self::AtMost(bound) => write!(out, "≤ {}", shown(*bound)),
            Self::AtMostAt { bound, size, .. } => write!(out, "≤ {} at {size}", shown(*bound)),
            Self::None => Ok(()),
        }
    }
}

/// A Markdown table, wide enough to be read as it stands.
pub(crate) fn table(figures: &[Figure]) -> String {
    let mut rows = vec![
        [
            "figure",
            "measured",
            "goal",
            "holds",
            "beside it and what bounds it",
        ]
        .map(str::to_owned),
    ];
    rows.extend(figures.iter().map(|figure| {
        [
            figure.figure.clone(),
            format!("{} {}", shown(figure.value), figure.unit),
            figure.goal.to_string(),
            match (figure.goal, figure.holds) {
                (Goal::None, _) => String::new(),
                (_, true) => "yes".to_owned(),
                (_, false) => "no".to_owned(),
            },
            figure.note.clone(),
        ]
    }));
    let widths = [0, 1, 2, 3].map(|column| {
        let lengths = rows.iter().map(|row| row[column].chars().count());
        lengths.max().unwrap_or_default()
    });
    let mut text = String::new();
    for (number, row) in rows.iter().enumerate() {
        text.push('|');
        for (column, cell) in row.iter().enumerate() {
            let width = widths.get(column).copied().unwrap_or_default();
            text += &format!(" {cell:width$} |");
        }
        text.push('\n');
        if number == 0 {
            text += "|---|---|---|---|---|\n";
        }
    }
    text
}

pub(crate) fn write_json(path: &Path, figures: &[Figure]) -> Done<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(io("the folder of the figures"))?;
    }
    let mut text = serde_json::to_string_pretty(figures)?;
    text.push('\n');
    fs::write(path, text).map_err(io(&path.display().to_string()))
}

/// Puts a text between the two markers of a section, which have to stand there.
pub(crate) fn write_section(path: &Path, name: &str, text: &str) -> Done<()> {
    let book = fs::read_to_string(path).map_err(io(&path.display().to_string()))?;
    let book = with_section(&book, name, text)
        .ok_or_else(|| said(format!("{}: no markers of `{name}`", path.display())))?;
    fs::write(path, book).map_err(io(&path.display().to_string()))
}

fn with_section(book: &str, name: &str, text: &str) -> Option<String> {
    let (begin, end) = (
        format!("<!-- {name}: begin -->"),
        format!("<!-- {name}: end -->"),
    );
    let (before, rest) = book.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n{}\n{end}{after}", text.trim()))
}

/// Thousands apart, no more digits than mean something.
pub(crate) fn shown(value: f64) -> String {
    if value.abs() < 10.0 {
        let text = format!("{value:.2}");
        return text.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    if value.abs() < 100.0 {
        let text = format!("{value:.1}");
        return text.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_replaced_and_nothing_around_it() {
        let book = "a\n<!-- x: begin -->\nold\n<!-- x: end -->\nb";
        let new = with_section(book, "x", "new\n").unwrap();
        assert_eq!(new, "a\n<!-- x: begin -->\nnew\n<!-- x: end -->\nb");
        assert!(with_section(book, "y", "new").is_none());
    }

    #[test]
    fn numbers_are_shown_with_thousands_apart() {
        let texts = [0.3, 5.0, 40.0, 99.95, 20_000.0, 1_234_567.8].map(shown);
        assert_eq!(
            texts,
            ["0.3", "5", "40", "99.95", "20,000", "1,234,568"]
                .map(|text| { if text == "99.95" { "100" } else { text } })
        );
    }

    #[test]
    fn a_figure_that_misses_its_goal_does_not_hold() {
        assert!(Figure::new("a", 5.0, "ms", Goal::AtMost(5.0)).holds);
        assert!(!Figure::new("a", 5.1, "ms", Goal::AtMost(5.0)).holds);
        assert!(!Figure::new("a", 9.0, "/s", Goal::AtLeast(10.0)).holds);
        for (value, reached) in [(1.2, false), (1.4, true)] {
            let goal = Goal::AtMostAt {
                bound: 1.3,
                size: "10 × the rows",
                reached,
            };
            assert!(!Figure::new("a", value, "×", goal).holds);
            assert_eq!(goal.to_string(), "≤ 1.3 at 10 × the rows");
        }
    }
}
