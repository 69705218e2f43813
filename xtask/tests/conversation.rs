//! The demo's text and picture are what the demo takes them for.
//!
//! An unwrap that fails here is the test failing.
#![allow(clippy::unwrap_used)]

use std::collections::HashSet;
use std::path::PathBuf;

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};
use unicode_segmentation::UnicodeSegmentation;

fn asset(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("assets")
        .join(name)
}

fn conversation() -> Vec<String> {
    let text = std::fs::read_to_string(asset("conversation.txt")).unwrap();
    text.lines().map(str::to_owned).collect()
}

struct Probe {
    kind: String,
    query: String,
    lines: usize,
}

fn probes() -> Vec<Probe> {
    let table = std::fs::read_to_string(asset("probes.tsv")).unwrap();
    let rows = table.lines().skip(1).map(|row| row.split('\t'));
    rows.map(|mut cells| Probe {
        kind: cells.next().unwrap().to_owned(),
        query: cells.next().unwrap().to_owned(),
        lines: cells.next().unwrap().parse().unwrap(),
    })
    .collect()
}

/// Lower case, without Latin accents and without Arabic vowel marks.
fn folded(text: &str) -> String {
    text.nfkd()
        .filter(|c| !is_combining_mark(*c))
        .collect::<String>()
        .to_lowercase()
}

fn words(text: &str) -> Vec<String> {
    folded(text).unicode_words().map(str::to_owned).collect()
}

/// How many lines a person would say the probe finds, counted without any index.
fn lines_found(probe: &Probe) -> usize {
    let wanted = words(&probe.query);
    let found = |line: &&String| match probe.kind.as_str() {
        "word" | "without accents" | "Arabic word" => {
            let held = words(line);
            wanted.iter().all(|word| held.contains(word))
        }
        "prefix" => words(line).iter().any(|word| word.starts_with(&wanted[0])),
        _ => line.contains(&probe.query),
    };
    conversation().iter().filter(found).count()
}

#[test]
fn every_probe_finds_the_number_of_lines_it_names() {
    for probe in probes() {
        assert_eq!(lines_found(&probe), probe.lines, "{}", probe.query);
    }
}

#[test]
fn there_is_a_probe_of_each_kind() {
    let kinds: HashSet<_> = probes().into_iter().map(|probe| probe.kind).collect();
    assert_eq!(kinds.len(), 8);
}

#[test]
fn no_line_is_another_or_part_of_another() {
    let lines = conversation();
    assert!((299..=305).contains(&lines.len()), "{} lines", lines.len());
    for (number, line) in lines.iter().enumerate() {
        let holders = lines.iter().enumerate();
        let twice = holders
            .filter(|(other, text)| *other != number && text.contains(line.as_str()))
            .count();
        assert_eq!(twice, 0, "line {}", number + 1);
    }
}

#[test]
fn lines_are_long_enough_to_be_no_chance_hit() {
    for line in conversation() {
        assert!(line.len() >= 24, "{line}");
        assert_eq!(line, line.nfc().collect::<String>());
        assert_eq!(line, line.trim());
    }
}

#[test]
fn the_text_holds_every_script_that_search_must_know() {
    let text = conversation().concat();
    let scripts = [
        ("Latin with accents", 'é'..='ż'),
        ("Chinese", '\u{4e00}'..='\u{9fff}'),
        ("Japanese", '\u{3041}'..='\u{30ff}'),
        ("Korean", '\u{ac00}'..='\u{d7a3}'),
        ("Arabic", '\u{0620}'..='\u{06ff}'),
        ("Hebrew", '\u{05d0}'..='\u{05ea}'),
        ("Hindi", '\u{0904}'..='\u{0939}'),
        ("Thai", '\u{0e01}'..='\u{0e3a}'),
        ("emoji", '\u{1f300}'..='\u{1faff}'),
    ];
    for (name, range) in scripts {
        let held = text.chars().filter(|c| range.contains(c)).count();
        assert!(held >= 20, "{name}: {held} characters");
    }
}

#[test]
fn the_picture_is_a_png_of_at_least_300_kilobytes() {
    let picture = std::fs::read(asset("picture.png")).unwrap();
    assert!(picture.starts_with(b"\x89PNG\r\n\x1a\n"));
    assert!((300_000..900_000).contains(&picture.len()));
}
