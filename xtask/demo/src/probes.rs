//! What is searched for, and in how many lines it stands.

use crate::conversation::Conversation;

const SHIPPED: &str = include_str!("../../assets/probes.tsv");

/// One search.
pub(crate) struct Probe {
    pub(crate) kind: String,
    pub(crate) query: String,
    pub(crate) lines: usize,
    /// Whether it is known to stand in no other line. The store also finds accented forms, which are not counted here.
    exact: bool,
}

/// So many hits are asked for.
pub(crate) const HITS_MAX: u32 = 100;

impl Probe {
    /// Whether so many hits are what was to be found.
    pub(crate) fn holds(&self, hits: usize) -> bool {
        if self.exact {
            hits == self.lines
        } else {
            hits >= self.lines.min(HITS_MAX as usize)
        }
    }
}

/// The shipped text's own searches; of another text, its longest word of letters and that word's beginning.
pub(crate) fn probes(conversation: &Conversation) -> Vec<Probe> {
    if conversation.shipped {
        return SHIPPED.lines().skip(1).filter_map(shipped).collect();
    }
    let words = conversation.lines.iter().flat_map(|line| words(line));
    let Some(word) = words
        .filter(|word| word.is_ascii())
        .max_by_key(|word| word.len())
    else {
        return Vec::new();
    };
    let prefix = word.get(..word.len() * 2 / 3).unwrap_or(&word).to_owned();
    [("word", word), ("prefix", prefix)]
        .into_iter()
        .map(|(kind, query)| Probe {
            kind: kind.to_owned(),
            lines: lines_with(conversation, &query),
            query,
            exact: false,
        })
        .collect()
}

fn shipped(row: &str) -> Option<Probe> {
    let mut cells = row.split('\t');
    let (kind, query) = (cells.next()?.to_owned(), cells.next()?.to_owned());
    Some(Probe {
        kind,
        query,
        lines: cells.next()?.trim().parse().ok()?,
        exact: true,
    })
}

fn lines_with(conversation: &Conversation, prefix: &str) -> usize {
    let holds = |line: &&String| words(line).any(|word| word.starts_with(prefix));
    conversation.lines.iter().filter(holds).count()
}

fn words(line: &str) -> impl Iterator<Item = String> {
    line.split(|letter: char| !letter.is_alphanumeric())
        .map(str::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accented_forms_in_somebody_s_own_text_are_no_failure() {
        let lines = ["representation of", "une représentation", "nothing"];
        let text = Conversation {
            lines: lines.map(str::to_owned).to_vec(),
            shipped: false,
        };
        let word = &probes(&text)[0];
        assert_eq!((word.query.as_str(), word.lines), ("representation", 1));
        assert!(word.holds(2) && word.holds(1) && !word.holds(0));
    }

    #[test]
    fn the_shipped_text_is_found_exactly() {
        let text = Conversation {
            lines: Vec::new(),
            shipped: true,
        };
        for probe in probes(&text) {
            assert!(probe.holds(probe.lines) && !probe.holds(probe.lines + 1));
        }
    }
}
