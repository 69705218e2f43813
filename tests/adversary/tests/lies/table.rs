//! `docs/hostile-relay.md` says no more than the tests show.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a step that fails here is the test failing"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// A row of the page.
struct Row {
    lie: String,
    seen: String,
    test: String,
}

#[test]
fn every_row_of_the_page_is_shown_by_a_test_that_looks_for_what_it_says() {
    let rows = rows();
    assert!(rows.len() > 40, "the page has {} rows", rows.len());
    let mut wrong = Vec::new();
    for Row { lie, seen, test } in &rows {
        let (file, name) = test.rsplit_once("::").unwrap();
        let functions = functions_of(file);
        let Some(told) = story(&functions, name) else {
            wrong.push(format!("{lie}: there is no test {test}"));
            continue;
        };
        for token in in_ticks(seen) {
            if !told.contains(token) && !told.contains(&camel(token)) {
                wrong.push(format!("{lie}: {test} does not look for {token}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_test_of_a_lie_stands_in_the_page() {
    let shown: BTreeSet<String> = rows().into_iter().map(|row| row.test).collect();
    for file in [
        "accepting",
        "extremes",
        "files",
        "hanging",
        "history",
        "prekeys",
        "receipts",
    ] {
        for (name, text) in functions_of(file) {
            let test = format!("{file}::{name}");
            if text.contains("tokio::test") {
                assert!(shown.contains(&test), "{test} stands in no row");
            }
        }
    }
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn rows() -> Vec<Row> {
    let page = fs::read_to_string(root().join("docs/hostile-relay.md")).unwrap();
    let rows = page
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| lie |"));
    rows.map(|line| {
        let cells: Vec<_> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [lie, seen, test] = cells[..] else {
            panic!("three cells: {line}");
        };
        Row {
            lie: lie.to_owned(),
            seen: seen.to_owned(),
            test: in_ticks(test).next().unwrap().to_owned(),
        }
    })
    .collect()
}

fn in_ticks(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The functions of a file of tests, with what stands above each of them.
fn functions_of(file: &str) -> BTreeMap<String, String> {
    let path = match file.ends_with(".rs") {
        true => root().join(file),
        false => root().join(format!("tests/adversary/tests/lies/{file}.rs")),
    };
    let source = fs::read_to_string(&path).unwrap_or_else(|_| panic!("{}", path.display()));
    let mut functions = BTreeMap::new();
    // rustfmt ends every function at the left edge.
    for part in source.split("\n}\n") {
        let name = part
            .lines()
            .find_map(|line| {
                let line = line.strip_prefix("async ").unwrap_or(line);
                line.strip_prefix("fn ")
            })
            .and_then(|rest| rest.split(['(', '<']).next());
        if let Some(name) = name {
            functions.insert(name.to_owned(), part.to_owned());
        }
    }
    functions
}

/// The test's text and that of the functions of its file which it calls.
fn story(functions: &BTreeMap<String, String>, test: &str) -> Option<String> {
    let mut told = functions
        .get(test)
        .filter(|text| text.contains("test"))?
        .clone();
    let mut named = BTreeSet::from([test]);
    loop {
        let next = functions
            .iter()
            .find(|(name, _)| !named.contains(name.as_str()) && told.contains(name.as_str()));
        let Some((name, text)) = next else {
            return Some(told);
        };
        named.insert(name);
        told.push_str(text);
    }
}

/// `envelope_tampered` as the reason is called in Rust.
fn camel(token: &str) -> String {
    let words = token.split('_').map(|word| {
        let mut letters = word.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    });
    words.collect()
}
