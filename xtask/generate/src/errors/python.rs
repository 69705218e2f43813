//! `bindings/python/src/sealwire/errors.py`: an exception for each group, and one of those for each code.

use super::{about, groups};
use sealwire::{ErrorInfo, Field};
use std::fmt::Write as _;

const HEAD: &str = r#""""Why an operation failed: an exception for each group of errors, and one of those for each code."""

# Made of core/sdk/src/errors/table.rs by `cargo run -p sealwire-generate`.

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class SealwireError(Exception):
    """Why an operation failed. What it was to do was not done, unless ``text`` says otherwise.

    No part of a message needs to be read by a program: everything is an attribute.
    """

    def __init__(self, info: ErrorInfo) -> None:
        super().__init__(info)
        self._info = info

    @property
    def code(self) -> str:
        """Stable, the same in every language. Later versions may add codes."""
        return self._info.code

    @property
    def group(self) -> ErrorGroup:
        """What it is about."""
        return self._info.group

    @property
    def text(self) -> str:
        """What happened and what to do, for a developer."""
        return self._info.text

    @property
    def detail(self) -> str:
        """This error in its own words, with what lies behind it."""
        return self._info.detail

    @property
    def retryable(self) -> bool:
        """Whether the same call may succeed later."""
        return self._info.retryable

    @property
    def retry_after_ms(self) -> int | None:
        """Not before so many milliseconds, where the relay said so."""
        return self._info.retry_after_ms

    @property
    def fields(self) -> ErrorFields:
        """Every value of this error; those that its code does not have are none."""
        return self._info.fields

    def __str__(self) -> str:
        return f"{self.text} [{self.code}: {self.detail}]"


class UnknownCodeError(SealwireError):
    """A code of a later version."""

"#;

const TAIL: &str = r#"

class ErrorGroup(Enum):
    """What an error is about."""
"#;

const RECORDS: &str = r#"

@dataclass(frozen=True, slots=True)
class ErrorFields:
    """The values of an error; those that its code does not have are none."""

"#;

const INFO: &str = r#"

@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """What an error is made of."""

    code: str
    group: ErrorGroup
    text: str
    detail: str
    retryable: bool
    retry_after_ms: int | None
    fields: ErrorFields


CLASSES: dict[str, type[SealwireError]] = {
"#;

const FIELDS: [Field; 8] = [
    Field::Bytes,
    Field::MaxBytes,
    Field::Max,
    Field::Found,
    Field::Expected,
    Field::Status,
    Field::UserId,
    Field::Reason,
];

pub(crate) fn text() -> String {
    let mut file = HEAD.to_owned();
    for (group, infos) in groups() {
        let about = about(group);
        let _ = write!(
            file,
            "\nclass {group:?}Error(SealwireError):\n    \"\"\"{about}.\"\"\"\n\n"
        );
        for info in infos {
            class(&mut file, info, &format!("{group:?}Error"));
        }
    }
    file.truncate(file.trim_end().len());
    file += "\n";
    file += TAIL;
    for (group, _) in groups() {
        let name = format!("{group:?}");
        let (upper, lower) = (name.to_uppercase(), name.to_lowercase());
        let _ = write!(
            file,
            "\n    {upper} = \"{lower}\"\n    \"\"\"{}.\"\"\"\n",
            about(group)
        );
    }
    file += RECORDS;
    let fields = FIELDS.map(|field| {
        let (about, kind) = described(field);
        format!(
            "    {}: {kind} | None\n    \"\"\"{about}\"\"\"\n",
            field.name()
        )
    });
    file += &fields.join("\n");
    file += INFO;
    for info in sealwire::Error::table() {
        let _ = writeln!(file, "    \"{}\": {},", info.code, name(info.code));
    }
    file + "}\n\"\"\"The exception of each code.\"\"\"\n"
}

fn class(file: &mut String, info: &ErrorInfo, group: &str) {
    let _ = write!(
        file,
        "\nclass {}({group}):\n    \"\"\"{}\"\"\"\n",
        name(info.code),
        info.text
    );
    for field in info.fields {
        let (about, kind) = described(*field);
        let name = field.name();
        let _ = write!(
            file,
            "\n    @property\n    def {name}(self) -> {kind} | None:\n        \"\"\"{about}\"\"\"\n        return self.fields.{name}\n"
        );
    }
    *file += "\n";
}

fn described(field: Field) -> (&'static str, &'static str) {
    match field {
        Field::Bytes => ("How large it was.", "int"),
        Field::MaxBytes => ("How large it may be.", "int"),
        Field::Max => ("How many, or how long in seconds, it may be.", "int"),
        Field::Found => ("What the store is: its schema, or its generation.", "int"),
        Field::Expected => ("What it should be, at most or at least.", "int"),
        Field::Status => ("The HTTP status of the answer.", "int"),
        Field::UserId => ("Whose.", "str"),
        _ => ("In the system's or the relay's words, or a code.", "str"),
    }
}

/// `StoreWrongKeyError` of `store_wrong_key`.
fn name(code: &str) -> String {
    match code {
        // The group of that name stands above it.
        "network" => return "NoNetworkError".to_owned(),
        // Python's own of that name is something else.
        "system" => return "OperatingSystemError".to_owned(),
        _ => {}
    }
    let words = code.split('_').map(|word| {
        let (first, rest) = word.split_at(1);
        first.to_uppercase() + rest
    });
    words.collect::<String>() + "Error"
}

#[cfg(test)]
mod tests {
    use super::{FIELDS, groups, name};
    use std::collections::HashSet;

    #[test]
    fn every_code_has_a_class_of_its_own_and_every_value_a_field() {
        let mut names: HashSet<_> = groups()
            .iter()
            .map(|(group, _)| format!("{group:?}Error"))
            .collect();
        for info in sealwire::Error::table() {
            assert!(names.insert(name(info.code)), "{}", info.code);
            let known = |field| FIELDS.iter().any(|known| known.name() == field);
            assert!(info.fields.iter().all(|field| known(field.name())));
        }
    }
}
