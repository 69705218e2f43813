//! What docs/api.md says, read again.

use super::super::surface::Language;
use crate::run::{Error, root};

/// The page's operations of one language, and the plain types of all.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) operations: Vec<String>,
    /// Each with its fields, or its cases as `Case(field, field)`.
    pub(super) types: Vec<(String, Vec<String>)>,
}

pub(super) fn page(language: Language) -> Result<Page, Error> {
    let path = root().join("docs/api.md");
    let text = std::fs::read_to_string(&path).map_err(|cause| Error::File { path, cause })?;
    read(&text, language)
        .ok_or_else(|| Error::Told(format!("docs/api.md has no column for {language:?}")))
}

fn read(text: &str, language: Language) -> Option<Page> {
    let (operations, types) = text.split_once("\n## Types\n")?;
    let mut rows = rows(operations);
    let titles = rows.next()?;
    let column = titles
        .iter()
        .position(|title| *title == format!("{language:?}"))?;
    let operations = rows.filter_map(|row| code(row.get(column)?));
    // A name alone says where to look instead.
    let operations = operations
        .filter(|text| text.contains(['(', ':']))
        .collect();
    let types = self::rows(types).skip(1).filter_map(|row| {
        let members = row.get(1)?.split("`, `").map(|part| part.replace('`', ""));
        Some((code(row.first()?)?, members.collect()))
    });
    Some(Page {
        operations,
        types: types.collect(),
    })
}

/// The cells of each row but the line below the titles.
fn rows(text: &str) -> impl Iterator<Item = Vec<String>> {
    let lines = text.lines().filter(|line| line.starts_with("| "));
    lines.map(|line| {
        let line = line.replace("\\|", "\u{0}");
        let cells = line.trim_matches('|').split(" | ");
        cells
            .map(|cell| cell.trim().replace('\u{0}', "|"))
            .collect()
    })
}

/// A cell that shows a signature; others say in words why there is none.
fn code(cell: &str) -> Option<String> {
    let inside = cell.strip_prefix('`')?.strip_suffix('`')?;
    (!inside.contains('`')).then(|| inside.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_read_as_it_is_written() {
        let text = "\n## Operations\n\n| Rust | Kotlin |\n|---|---|\n| `a() -> X \\| Y` | `a(): X` |\n| `b()` | the options of `a` |\n| `c()` | `a` |\n\n### Of one\n\n| Rust | Kotlin |\n|---|---|\n| `d() -> X` | `d: X` |\n\n## Types\n\nWords.\n\n| type | fields, or cases |\n|---|---|\n| `T` | `One(x, y)`, `Two` |\n";
        let kotlin = read(text, Language::Kotlin).unwrap();
        assert_eq!(kotlin.operations, ["a(): X", "d: X"]);
        let cases = vec!["One(x, y)".to_owned(), "Two".to_owned()];
        assert_eq!(kotlin.types, [("T".to_owned(), cases)]);
        assert_eq!(
            read(text, Language::Rust).unwrap().operations,
            ["a() -> X | Y", "b()", "c()", "d() -> X"]
        );
        assert_eq!(read(text, Language::Swift), None);
    }
}
