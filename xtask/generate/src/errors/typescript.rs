//! `bindings/web/src/error-table.ts`.

use super::groups;
use std::fmt::Write as _;

const HEAD: &str = "/** Every error code, what it is about, and what to do. */

// Made of core/sdk/src/errors/table.rs by `cargo run -p sealwire-generate`.

/** What an error is about. */
export type ErrorGroup = ";

pub(crate) fn text() -> String {
    let mut file = HEAD.to_owned();
    let names: Vec<_> = groups()
        .iter()
        .map(|(group, _)| format!("\"{}\"", format!("{group:?}").to_lowercase()))
        .collect();
    let _ = write!(
        file,
        "{};\n\n/** A row of the table. */\nexport interface ErrorRow {{\n  readonly group: ErrorGroup;\n  readonly retryable: boolean;\n  readonly text: string;\n}}\n\n/** @internal */\nexport const ERRORS = {{\n",
        names.join(" | ")
    );
    for (group, infos) in groups() {
        let group = format!("{group:?}").to_lowercase();
        for info in infos {
            let _ = writeln!(
                file,
                "  {}: {{\n    group: \"{group}\",\n    retryable: {},\n    text: {:?},\n  }},",
                info.code, info.retryable, info.text
            );
        }
    }
    file += "} as const satisfies Record<string, ErrorRow>;\n\n/** Every code of this version; later ones may add codes. */\nexport type ErrorCode = keyof typeof ERRORS;\n";
    file
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_code_is_a_name_and_every_text_a_plain_string_of_typescript() {
        let file = super::text();
        for info in sealwire::Error::table() {
            let name = info.code;
            assert!(
                name.bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'_' || byte.is_ascii_digit()),
                "{name}"
            );
            assert!(file.contains(&format!("\n  {name}: {{\n")), "{name}");
        }
        // Rust's way to write what is not ASCII, which TypeScript reads as well.
        assert!(!file.contains("\\u{") || file.is_ascii());
    }
}
