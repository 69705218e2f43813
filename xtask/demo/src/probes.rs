//! What is searched for, and in how many lines it stands.

use crate::conversation::Conversation;

const SHIPPED: &str = include_str!("../../assets/probes.tsv");

/// One search.
pub(crate) struct Probe {
    pub(crate) kind: String,
    pub(crate) query: String,
    pub(crate) lines: usize,
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
