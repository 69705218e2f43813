//! `docs/errors.md`.

use super::{about, groups};
use sealwire::ErrorInfo;
use std::fmt::Write as _;

const HEAD: &str = "# Errors

Every operation that fails gives one error with the same parts in every language: a stable `code`, a message for a developer,
whether trying again may help, after how long (where the relay said so: `retryAfterMs`), and the values that the code
has. No part of a message needs to be read by a program. Kotlin, Swift and TypeScript write the fields in camelCase.

What the operation was to do was not done, unless the text says otherwise. A failed message carries a code of this table as
its reason. Later versions may add codes.

<!-- Made of core/sdk/src/errors/table.rs by `cargo run -p sealwire-generate`. -->
";

pub(crate) fn text() -> String {
    let mut page = HEAD.to_owned();
    for (group, infos) in groups() {
        let _ = write!(
            page,
            "\n## {group:?}\n\n{}.\n\n| code | again? | fields | what to do |\n|---|---|---|---|\n",
            about(group)
        );
        for info in infos {
            let _ = writeln!(
                page,
                "| `{}` | {} | {} | {} |",
                info.code,
                if info.retryable { "yes" } else { "no" },
                fields(info),
                info.text
            );
        }
    }
    page
}

fn fields(info: &ErrorInfo) -> String {
    let names: Vec<_> = info
        .fields
        .iter()
        .map(|field| format!("`{}`", field.name()))
        .collect();
    names.join(", ")
}
