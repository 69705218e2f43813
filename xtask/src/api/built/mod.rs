//! What was really built, held to docs/api.md: the compilers' own account of each operation and each plain type.
//!
//! The page is made of the sources, in a moment and without a build. Whether the languages' own tools see the same is asked
//! here, by the suite of each language, once it has built its package.

mod kotlin;
mod page;
mod python;
mod swift;
mod typescript;

pub(crate) use kotlin::check as kotlin;
pub(crate) use python::check as python;
pub(crate) use swift::check as swift;
pub(crate) use typescript::check as typescript;

use std::collections::BTreeSet;

use crate::run::Error;

/// Fails with whatever is on one side alone.
fn compare(what: &str, page: Vec<String>, built: Vec<String>) -> Result<(), Error> {
    let page: BTreeSet<_> = page.into_iter().collect();
    let built: BTreeSet<_> = built.into_iter().collect();
    let mut differ = Vec::new();
    differ.extend(
        page.difference(&built)
            .map(|one| format!("  only on the page: {one}")),
    );
    differ.extend(
        built
            .difference(&page)
            .map(|one| format!("  only in what was built: {one}")),
    );
    if page.is_empty() || !differ.is_empty() {
        return Err(Error::Told(format!(
            "docs/api.md and {what} differ ({} entries on the page):\n{}",
            page.len(),
            differ.join("\n")
        )));
    }
    println!("api: {} entries of {what} are as the page says", page.len());
    Ok(())
}

/// A type with its members, without regard to order, which classes do not have.
fn type_row(name: &str, mut members: Vec<String>) -> String {
    members.sort();
    format!("{name}: {}", members.join(", "))
}

fn without_comments(source: &str) -> String {
    let mut parts = source.split("/*");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text += part.split_once("*/").map_or("", |(_, after)| after);
    }
    text
}

/// At commas outside of all brackets.
fn split(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut from) = (0_i32, 0);
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        match c {
            '(' | '<' | '[' | '{' => depth += 1,
            // An arrow closes nothing.
            '>' if matches!(before, '-' | '=') => {}
            ')' | '>' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(text[from..at].trim());
                from = at + 1;
            }
            _ => {}
        }
        before = c;
    }
    parts.push(text[from..].trim());
    parts.retain(|part| !part.is_empty());
    parts
}

/// `name(parameters)` and what follows the bracket that closes them.
fn call(signature: &str) -> Option<(&str, &str, &str)> {
    let open = signature.find('(')?;
    let mut depth = 0_i32;
    for (at, c) in signature[open..].char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            let close = open + at;
            let (name, parameters) = (&signature[..open], &signature[open + 1..close]);
            return Some((name, parameters, signature[close + 1..].trim()));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_one_side_alone_is_named() {
        let some = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        assert!(compare("x", some(&["a", "b"]), some(&["b", "a"])).is_ok());
        let error = compare("x", some(&["a", "b"]), some(&["b", "c"])).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("only on the page: a") && text.contains("built: c"));
        assert!(
            compare("x", some(&[]), some(&[])).is_err(),
            "nothing compared"
        );
    }

    #[test]
    fn parameters_end_at_commas_outside_of_brackets() {
        assert_eq!(
            split("a: (B, C) -> D, e: F<G, H>, i = {}"),
            ["a: (B, C) -> D", "e: F<G, H>", "i = {}"]
        );
        assert_eq!(
            call("f(a: (B) -> C): D<E>"),
            Some(("f", "a: (B) -> C", ": D<E>"))
        );
    }
}
