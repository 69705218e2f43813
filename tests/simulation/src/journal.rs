//! Everything that happens, in words, and a hash over all of it.

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hasher as _};

/// A run's journal. Its hash is always made; its words are kept where somebody wants to read them.
pub(crate) struct Journal {
    hash: DefaultHasher,
    line: String,
    kept: Option<Vec<Line>>,
}

/// One line.
pub(crate) struct Line {
    step: u64,
    at_ms: u64,
    about: Option<u64>,
    /// What everybody's story has: ends of processes, cut sockets, clocks.
    is_turn: bool,
    text: String,
}

impl Journal {
    pub(crate) fn new(keeps: bool) -> Self {
        Self {
            // Fixed keys: the same words give the same number in every build.
            hash: DefaultHasher::new(),
            line: String::new(),
            kept: keeps.then(Vec::new),
        }
    }

    /// Notes a line, about this message if it is about one.
    pub(crate) fn note(
        &mut self,
        (step, at_ms): (u64, u64),
        about: Option<u64>,
        words: std::fmt::Arguments<'_>,
    ) {
        self.write(step, at_ms, about, false, words);
    }

    /// Notes what matters to every message.
    pub(crate) fn turn(&mut self, (step, at_ms): (u64, u64), words: std::fmt::Arguments<'_>) {
        self.write(step, at_ms, None, true, words);
    }

    fn write(
        &mut self,
        step: u64,
        at_ms: u64,
        about: Option<u64>,
        is_turn: bool,
        words: std::fmt::Arguments<'_>,
    ) {
        self.line.clear();
        // Writing into memory does not fail.
        let _ = self.line.write_fmt(words);
        self.hash.write_u64(step);
        self.hash.write_u64(at_ms);
        self.hash.write(self.line.as_bytes());
        if let Some(kept) = &mut self.kept {
            kept.push(Line {
                step,
                at_ms,
                about,
                is_turn,
                text: self.line.clone(),
            });
        }
    }

    /// Bytes that went somewhere: in the hash alone.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.hash.write(bytes);
    }

    pub(crate) fn hash(&self) -> u64 {
        self.hash.finish()
    }

    /// The story of a message, or the last of what happened where it is about none.
    pub(crate) fn story(&self, of: Option<u64>) -> String {
        const LAST: usize = 60;
        let kept = self.kept.as_deref().unwrap_or_default();
        let told: Vec<&Line> = match of {
            Some(number) => {
                let is_of = |line: &&Line| line.about == Some(number);
                let first = kept.iter().find(is_of).map_or(u64::MAX, |line| line.step);
                let belongs = |line: &&Line| is_of(line) || (line.is_turn && line.step >= first);
                kept.iter().filter(belongs).collect()
            }
            None => kept.iter().skip(kept.len().saturating_sub(LAST)).collect(),
        };
        let begun = kept.first().map_or(0, |line| line.at_ms);
        let mut story = String::new();
        for line in told {
            let seconds = line.at_ms.saturating_sub(begun) as f64 / 1000.0;
            let _ = writeln!(
                story,
                "{seconds:>12.3} s  step {:>6}  {}",
                line.step, line.text
            );
        }
        story
    }
}
