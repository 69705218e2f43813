//! `docs/api.md`: every operation in every language, side by side, and a check that no door lacks one.

pub(crate) mod built;
mod surface;

use std::collections::BTreeSet;
use std::path::Path;

use surface::{Language, Surface};

use crate::run::{Error, root};
use crate::setup::python::PACKAGE;

/// What `cargo xtask api` takes.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Write the page instead of comparing it.
    #[arg(long)]
    write: bool,

    /// Compare it with what was built of this language, as the suite of the language does.
    #[arg(long, conflicts_with = "write")]
    built: Option<Built>,
}

/// A language whose own tools say what was built.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Built {
    /// The compiled classes.
    Kotlin,
    /// The installed wheel.
    Python,
    /// The declarations of the npm package.
    Typescript,
}

/// Operations that a language has under another name or in another shape, and why.
const OTHERWISE: &[(&str, &[Language], &str)] = &[
    (
        "builder",
        &[
            Language::Kotlin,
            Language::Swift,
            Language::Python,
            Language::TypeScript,
        ],
        "`open`",
    ),
    ("open", &[Language::Rust], "`builder(…).open()`"),
    (
        "send_text_with",
        &[
            Language::Kotlin,
            Language::Swift,
            Language::Python,
            Language::TypeScript,
        ],
        "the options of `send_text`",
    ),
    (
        "download_attachment_to",
        &[Language::Kotlin, Language::Swift, Language::Python],
        "to a file, below",
    ),
    (
        "download_attachment_to_file",
        &[Language::TypeScript],
        "a page has no files: `downloadAttachmentTo`",
    ),
    (
        "suspend",
        &[Language::TypeScript],
        "a hidden page hands over by itself",
    ),
    (
        "resume",
        &[Language::TypeScript],
        "a shown page takes over by itself",
    ),
];

/// Operations that a language has under a name of its own: shown in the row of the others' name.
const RENAMED: &[(Language, &str, &str)] = &[(Language::TypeScript, "leads", "network_role")];

const HEAD: &str = "# One API, five accents

Every operation has one name, in the manner of its language, and the same defaults, limits and errors ([errors](errors.md)). What each does stands
in the documentation of its language. All but those that only look wait: `async` in Rust, `suspend` in Kotlin, `async throws` in Swift, `async` in
Python, a `Promise` in TypeScript; in Rust each gives `Result<…, Error>`, elsewhere errors are thrown.

Cancelling a call means to stop waiting. Events are a `Stream`, a `Flow`, an `AsyncSequence`, an async iterator or an
`AsyncIterable`, with room for 1,024 events; what a slow reader missed is told as `Lagged`, and the client can be
asked for it. Python takes options as named arguments, and a path in place of `StoreLocation` and `AttachmentSource`.

Pages have 50 entries where no `limit` is given; Rust, which has no defaults, always says it.

<!-- Made of the sources by `cargo xtask api --write`; `cargo xtask api` compares. -->
";

/// As [`main`] without arguments.
pub(crate) fn check() -> Result<(), Error> {
    main(&Args {
        write: false,
        built: None,
    })
}

pub(crate) fn main(args: &Args) -> Result<(), Error> {
    match args.built {
        Some(Built::Kotlin) => return built::kotlin(),
        Some(Built::Python) => return built::python(Path::new(&PACKAGE.program("python"))),
        Some(Built::Typescript) => return built::typescript(),
        None => {}
    }
    let page = page()?;
    let path = root().join("docs/api.md");
    if args.write {
        return std::fs::write(&path, page).map_err(|cause| Error::File { path, cause });
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    if there == page {
        Ok(())
    } else {
        Err(Error::Told(
            "docs/api.md is not what the languages declare: cargo xtask api --write, and look at what changed".to_owned(),
        ))
    }
}

fn page() -> Result<String, Error> {
    let mut doors = Vec::new();
    for language in Language::ALL {
        match surface::of(language)? {
            Some(surface) => doors.push((language, renamed(language, surface))),
            None => println!("api: {language:?} has no layer yet: skipped"),
        }
    }
    let lacking = lacking(&doors);
    if !lacking.is_empty() {
        return Err(Error::Told(format!(
            "these doors lack an operation: {}",
            lacking.join(", ")
        )));
    }
    let (linking, client): (Vec<_>, Vec<_>) = names(&doors)
        .into_iter()
        .partition(|name| name.starts_with("Linking."));
    let mut page = HEAD.to_owned();
    page += "\n## Operations\n\n";
    page += &table(&doors, client);
    page += "\n### Of a `Linking`, which `start_linking` gives\n\n";
    page += &table(&doors, linking);
    Ok(page + &types()?)
}

/// A row for each operation, a column for each language.
fn table(doors: &[(Language, Surface)], names: Vec<String>) -> String {
    let mut page = "|".to_owned();
    for (language, _) in doors {
        page += &format!(" {language:?} |");
    }
    page += &format!("\n|{}\n", "---|".repeat(doors.len()));
    for name in names {
        page += "|";
        for (language, surface) in doors {
            let cell = match surface.get(&name) {
                Some(signature) => format!("`{}`", signature.replace('|', "\\|")),
                None => instead(&name, *language).unwrap_or_default().to_owned(),
            };
            page += &format!(" {cell} |");
        }
        page += "\n";
    }
    page
}

fn renamed(language: Language, mut surface: Surface) -> Surface {
    for (_, own, name) in RENAMED.iter().filter(|row| row.0 == language) {
        if let Some(signature) = surface.remove(*own) {
            surface.insert((*name).to_owned(), signature);
        }
    }
    surface
}

/// In the order of the alphabet.
fn names(doors: &[(Language, Surface)]) -> BTreeSet<String> {
    let surfaces = doors.iter().map(|(_, surface)| surface);
    surfaces
        .flat_map(|surface| surface.keys().cloned())
        .collect()
}

fn instead(name: &str, language: Language) -> Option<&'static str> {
    let mut rows = OTHERWISE.iter();
    let row =
        rows.find(|(operation, languages, _)| *operation == name && languages.contains(&language));
    row.map(|(_, _, why)| *why)
}

fn lacking(doors: &[(Language, Surface)]) -> Vec<String> {
    let mut lacking = Vec::new();
    for name in names(doors) {
        for (language, surface) in doors {
            if !surface.contains_key(&name) && instead(&name, *language).is_none() {
                lacking.push(format!("{language:?} {name}"));
            }
        }
    }
    lacking
}

/// The plain values, from the records that every language shares.
fn types() -> Result<String, Error> {
    let mut text = "\n## Types\n\nPlain values. Names of fields are camelCase in Kotlin, Swift and TypeScript. Ids of users, threads, messages and \
attachments are texts; numbers of devices, counts, sizes in bytes and times in milliseconds since 1970 (`…_ms`) are whole numbers.\n\n| type | fields, or cases |\n|---|---|\n"
        .to_owned();
    let folder = root().join("ffi/src/records");
    for file in [
        "options",
        "device",
        "message",
        "attachment",
        "inbox",
        "settings",
        "event",
        "error",
    ] {
        let path = folder.join(file).with_extension("rs");
        let source = std::fs::read_to_string(&path).map_err(|cause| Error::File { path, cause })?;
        for (name, members) in records(&source) {
            text += &format!("| `{name}` | {} |\n", members.join(", "));
        }
    }
    Ok(text)
}

/// Every record with the names of its fields, or of its cases with theirs.
fn records(source: &str) -> Vec<(String, Vec<String>)> {
    let mut records: Vec<(String, Vec<String>)> = Vec::new();
    let mut inside = false;
    for line in source.lines() {
        if let Some(rest) = line
            .strip_prefix("pub struct ")
            .or(line.strip_prefix("pub enum "))
        {
            let name = rest.trim_end_matches([' ', '{']).to_owned();
            records.push((name, Vec::new()));
            inside = true;
        } else if line.starts_with('}') {
            inside = false;
        } else if let (true, Some((_, members))) = (inside, records.last_mut()) {
            member(line, members);
        }
    }
    records
}

fn member(line: &str, members: &mut Vec<String>) {
    let text = line.trim_start();
    let indent = line.len() - text.len();
    if let Some(field) = text
        .strip_prefix("pub ")
        .and_then(|field| field.split_once(':'))
    {
        members.push(format!("`{}`", field.0));
    } else if indent == 4 && text.starts_with(|c: char| c.is_uppercase()) {
        members.push(format!("`{}`", text.trim_end_matches([',', '{', ' '])));
    } else if indent == 8
        && let Some((field, _)) = text.split_once(':')
        && field.chars().all(|c| c.is_lowercase() || c == '_')
        && let Some(case) = members.last_mut()
    {
        let inner = case.trim_matches('`');
        *case = match inner.strip_suffix(')') {
            Some(open) => format!("`{open}, {field})`"),
            None => format!("`{inner}({field})`"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_door_that_lacks_an_operation_is_named() {
        let door = |names: &[&str]| -> Surface {
            names
                .iter()
                .map(|name| ((*name).to_owned(), String::new()))
                .collect()
        };
        let doors = vec![
            (Language::Rust, door(&["builder", "close", "send_text"])),
            (Language::Kotlin, door(&["open", "close"])),
        ];
        assert_eq!(lacking(&doors), ["Kotlin send_text"]);
    }

    #[test]
    fn what_a_door_calls_otherwise_stands_in_the_row_of_the_others_name() {
        let leads = || Surface::from([("leads".to_owned(), "leads(): boolean".to_owned())]);
        assert_eq!(
            renamed(Language::TypeScript, leads()),
            Surface::from([("network_role".to_owned(), "leads(): boolean".to_owned())])
        );
        assert_eq!(renamed(Language::Kotlin, leads()), leads());
    }

    #[test]
    fn a_record_shows_its_fields_and_an_enum_its_cases() {
        let source = "pub struct A {\n    pub one: i64,\n    pub two: String,\n}\npub enum B {\n    /// Doc.\n    Plain,\n    Full {\n        /// Doc.\n        x: i64,\n        y_z: i64,\n    },\n}\n";
        let text = |words: &[&str]| {
            words
                .iter()
                .map(|word| (*word).to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            records(source),
            [
                ("A".to_owned(), text(&["`one`", "`two`"])),
                ("B".to_owned(), text(&["`Plain`", "`Full(x, y_z)`"])),
            ]
        );
    }
}
