//! The table in the form of each reader.

pub(crate) mod kotlin;
pub(crate) mod page;
pub(crate) mod python;
pub(crate) mod swift;
pub(crate) mod typescript;

use sealwire::{Error, ErrorGroup, ErrorInfo};

/// Every group in the table's order, with its name, what it is about, and its codes.
fn groups() -> Vec<(ErrorGroup, Vec<&'static ErrorInfo>)> {
    let mut groups: Vec<(ErrorGroup, Vec<&'static ErrorInfo>)> = Vec::new();
    for info in Error::table() {
        match groups.last_mut() {
            Some((group, infos)) if *group == info.group => infos.push(info),
            _ => groups.push((info.group, vec![info])),
        }
    }
    groups
}

/// What a group is about, in a few words.
fn about(group: ErrorGroup) -> &'static str {
    match group {
        ErrorGroup::Client => "The client itself: how it was opened, and that it lives",
        ErrorGroup::Store => "The store's file and its key",
        ErrorGroup::Network => "The way to the relay, and whether it can serve now",
        ErrorGroup::Account => "The account and its devices",
        ErrorGroup::Linking => "Linking a further device",
        ErrorGroup::Message => "A message or its thread",
        ErrorGroup::Attachment => "A file",
        ErrorGroup::Contract => {
            "The relay's contract: client and relay do not fit together, or the client mends it by itself"
        }
        _ => "Others",
    }
}

/// `maxBytes` of `max_bytes`.
fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let (first, rest) = word.split_at(1);
        name + &first.to_uppercase() + rest
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_codes_of_a_group_stand_together() {
        let names: Vec<_> = groups().iter().map(|(group, _)| *group).collect();
        let distinct: HashSet<_> = names.iter().collect();
        assert_eq!(distinct.len(), names.len());
        assert!(names.iter().all(|group| about(*group) != "Others"));
    }
}
