//! Swift: the plain types that the generated sources declare. No compiler reads them here.

use super::page::page;
use super::{call, compare, split, type_row, without_comments};
use crate::api::surface::{Language, snake};
use crate::run::{Error, root};

/// Holds the page to the sources that the package is compiled of.
pub(crate) fn check() -> Result<(), Error> {
    let page = page(Language::Swift)?;
    let path = root().join("bindings/swift/Sources/SealwireCore/SealwireCore.swift");
    let text = std::fs::read_to_string(&path).map_err(|cause| Error::File { path, cause })?;
    let declared = types(&text);
    let named = |name: &String| page.types.iter().any(|(shown, _)| shown == name);
    let built = declared.into_iter().filter(|(name, _)| named(name));
    let built = built.map(|(name, members)| type_row(&name, members));
    let shown = page.types.iter();
    let shown = shown.map(|(name, members)| type_row(name, members.clone()));
    compare("Swift's types", shown.collect(), built.collect())
}

/// Every struct with its fields, every enum with its cases, under the names of the page.
fn types(source: &str) -> Vec<(String, Vec<String>)> {
    let source = without_comments(source);
    let mut types: Vec<(String, Vec<String>)> = Vec::new();
    let mut inside = false;
    let mut at = 0;
    for line in source.split_inclusive('\n') {
        let from = at;
        at += line.len();
        let head = line.strip_prefix("public struct ");
        if let Some(rest) = head.or_else(|| line.strip_prefix("public enum ")) {
            let name = rest.split([':', ' ', '{']).next().unwrap_or_default();
            types.push((name.to_owned(), Vec::new()));
            inside = true;
        } else if line.starts_with('}') {
            inside = false;
        } else if let (true, Some((_, members))) = (inside, types.last_mut()) {
            members.extend(field(line).or_else(|| case(&source[from..])));
        }
    }
    types
}

fn field(line: &str) -> Option<String> {
    let (name, kind) = line.strip_prefix("    public var ")?.split_once(':')?;
    // What has a body is computed.
    (!kind.contains('{')).then(|| snake(name.trim_matches('`')))
}

fn case(text: &str) -> Option<String> {
    let line = text.lines().next()?.strip_prefix("    case ")?;
    let (name, fields) = match line.contains('(') {
        true => {
            let (name, fields, _) = call(text.strip_prefix("    case ")?)?;
            (name, split(fields))
        }
        false => (line, Vec::new()),
    };
    let mut letters = name.trim().trim_matches('`').chars();
    let first = letters.next()?.to_uppercase();
    let name: String = first.chain(letters).collect();
    let fields = fields.into_iter().filter_map(|field| field.split_once(':'));
    let fields: Vec<_> = fields
        .map(|(field, _)| snake(field.trim().trim_matches('`')))
        .collect();
    Some(match fields.is_empty() {
        true => name,
        false => format!("{name}({})", fields.join(", ")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structs_show_their_fields_and_enums_their_cases() {
        let source = "public struct Account: Equatable {\n    /**\n     * Doc: a.\n     */\n    public var user: String\n    public var lastSeenMs: Int64?\n    public var debugDescription: String {\n        return \"\"\n    }\n}\npublic enum State: Equatable {\n    case sent\n    case `failed`(\n        /**\n         * Why.\n         */errorCode: String, \n        tries: [Int64]\n    )\n}\nprivate struct Other {\n    public var x: Int\n}\n";
        let of = |members: &[&str]| members.iter().map(|one| (*one).to_owned()).collect();
        assert_eq!(
            types(source),
            [
                ("Account".to_owned(), of(&["user", "last_seen_ms"])),
                (
                    "State".to_owned(),
                    of(&["Sent", "Failed(error_code, tries)"])
                ),
            ]
        );
    }
}
