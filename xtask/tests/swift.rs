//! No Swift compiler reads the Swift package here: what the hand-written layer calls is held to what the generated one
//! declares, name by name and label by label.
//!
//! An unwrap that fails here is the test failing.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

fn source(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    std::fs::read_to_string(root.join("bindings/swift/Sources").join(path)).unwrap()
}

fn generated() -> String {
    source("SealwireCore/SealwireCore.swift")
}

/// How a method is called: its labels, and what stands before the call.
#[derive(Debug, PartialEq, Eq)]
struct Shape {
    labels: Vec<String>,
    waits: bool,
    throws: bool,
}

/// The methods of every generated class; two of them may have one of the same name.
fn declared() -> BTreeMap<String, Vec<Shape>> {
    let mut declared = BTreeMap::<String, Vec<Shape>>::new();
    for line in generated().lines() {
        let Some(rest) = line.strip_prefix("open func ") else {
            continue;
        };
        let (name, rest) = rest.split_once('(').unwrap();
        let (arguments, rest) = rest.split_once(')').unwrap();
        let effects = rest.split(['{', '-']).next().unwrap();
        let shape = Shape {
            labels: labels(arguments),
            waits: effects.contains("async"),
            throws: effects.contains("throws"),
        };
        declared.entry(name.to_owned()).or_default().push(shape);
    }
    declared
}

/// What the hand-written files call on `handle` and `reader`.
fn called() -> Vec<(String, Shape)> {
    let files = ["Client", "Events", "Linking"];
    let text: String = files
        .iter()
        .map(|file| source(&format!("Sealwire/{file}.swift")))
        .collect();
    let mut calls = Vec::new();
    for receiver in ["handle.", "reader."] {
        for (at, _) in text.match_indices(receiver) {
            let rest = &text[at + receiver.len()..];
            let Some((name, rest)) = rest.split_once('(') else {
                continue;
            };
            if !name.chars().all(char::is_alphanumeric) {
                continue;
            }
            let before = text[..at].trim_end_matches("self.").trim_end();
            let shape = Shape {
                labels: labels(inside(rest)),
                waits: before.ends_with("await"),
                throws: before.ends_with("try") || before.ends_with("try await"),
            };
            calls.push((name.to_owned(), shape));
        }
    }
    calls
}

/// Up to the bracket that closes what was opened before `text`.
fn inside(text: &str) -> &str {
    let mut depth = 1;
    for (at, c) in text.char_indices() {
        depth += i32::from(c == '(') - i32::from(c == ')');
        if depth == 0 {
            return &text[..at];
        }
    }
    text
}

fn labels(arguments: &str) -> Vec<String> {
    let mut depth = 0;
    let apart = arguments.split(|c| {
        depth += i32::from(c == '(' || c == '[') - i32::from(c == ')' || c == ']');
        c == ',' && depth == 0
    });
    let named = apart.filter_map(|argument| argument.split_once(':'));
    named.map(|(label, _)| label.trim().to_owned()).collect()
}

#[test]
fn every_call_of_the_hand_written_layer_is_one_that_the_generated_code_declares() {
    let (declared, called) = (declared(), called());
    assert!(called.len() >= 50, "only {} calls were found", called.len());
    for (name, shape) in called {
        let known = declared.get(&name).is_some_and(|all| all.contains(&shape));
        assert!(known, "{name}: {shape:?}, not {:?}", declared.get(&name));
    }
}

#[test]
fn every_plain_value_of_the_generated_code_has_its_name_in_the_package() {
    // Those that only the hand-written layer sees.
    let inner = ["OpenOptions", "ErrorInfo"];
    let text = generated();
    let values: BTreeSet<_> = text
        .lines()
        .filter_map(|line| {
            let rest = line.strip_prefix("public struct ");
            let rest = rest.or_else(|| line.strip_prefix("public enum "))?;
            let (name, kind) = rest.split_once(": ")?;
            (kind.starts_with("Equatable") && !inner.contains(&name)).then(|| name.to_owned())
        })
        .collect();
    let types = source("Sealwire/Types.swift");
    let named: BTreeSet<_> = types
        .lines()
        .filter_map(|line| line.strip_prefix("public typealias "))
        .map(|line| {
            let (name, of) = line.split_once(" = SealwireCore.").unwrap();
            assert_eq!(name, of);
            name.to_owned()
        })
        .filter(|name| name != "KeyStore")
        .collect();
    assert!(values.len() >= 30, "{values:?}");
    assert_eq!(named, values);
}

#[test]
fn labels_are_read_through_brackets() {
    assert_eq!(
        labels("code: String, confirm: f(a: 1, b: 2), c: [1, 2]"),
        ["code", "confirm", "c"]
    );
    assert_eq!(inside("confirm: A(b), c: 1) } }"), "confirm: A(b), c: 1");
    assert!(labels("").is_empty());
}
