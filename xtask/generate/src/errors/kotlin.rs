//! `SealwireException.kt`: a sealed class, one of its kind for each group, one of those for each code.

use super::{about, camel, groups};
use sealwire::{ErrorInfo, Field};
use std::fmt::Write as _;

const HEAD: &str = r#"// Made of core/sdk/src/errors/table.rs by `cargo run -p sealwire-generate`.
package io.github.sealwire

import io.github.sealwire.core.ErrorFields
import io.github.sealwire.core.ErrorGroup
import io.github.sealwire.core.ErrorInfo

/** Why an operation failed. What it was to do was not done, unless [text] says otherwise. */
public sealed class SealwireException(private val info: ErrorInfo) :
    Exception("${info.text} [${info.code}: ${info.detail}]") {
    /** Stable, the same in every language. */
    public val code: String get() = info.code

    /** What it is about. */
    public val group: ErrorGroup get() = info.group

    /** What happened and what to do, for a developer. */
    public val text: String get() = info.text

    /** This error in its own words, with what lies behind it. */
    public val detail: String get() = info.detail

    /** Whether the same call may succeed later. */
    public val retryable: Boolean get() = info.retryable

    /** Not before so many milliseconds, where the relay said so. */
    public val retryAfterMs: Long? get() = info.retryAfterMs

    /** Every value of this error; those that its code does not have are null. */
    public val fields: ErrorFields get() = info.fields
}

/** A code of a later version. */
public class UnknownCodeException internal constructor(info: ErrorInfo) : SealwireException(info)
"#;

pub(crate) fn text() -> String {
    let mut file = HEAD.to_owned();
    for (group, infos) in groups() {
        let _ = write!(
            file,
            "\n/** {}. */\npublic sealed class {group:?}Exception(info: ErrorInfo) : SealwireException(info)\n",
            about(group)
        );
        for info in infos {
            class(&mut file, info, &format!("{group:?}Exception"));
        }
    }
    file += "\n/** The class of a code. */\ninternal fun exceptionOf(info: ErrorInfo): SealwireException = when (info.code) {\n";
    for info in sealwire::Error::table() {
        let _ = writeln!(file, "    \"{}\" -> {}(info)", info.code, name(info.code));
    }
    file + "    else -> UnknownCodeException(info)\n}\n"
}

fn class(file: &mut String, info: &ErrorInfo, group: &str) {
    let _ = write!(
        file,
        "\n/** {} */\npublic class {} internal constructor(info: ErrorInfo) : {group}(info)",
        info.text,
        name(info.code)
    );
    let fields: Vec<_> = info.fields.iter().map(|field| property(*field)).collect();
    if fields.is_empty() {
        *file += "\n";
    } else {
        let _ = writeln!(file, " {{\n{}}}", fields.join("\n"));
    }
}

fn property(field: Field) -> String {
    let (about, kind) = match field {
        Field::Bytes => ("How large it was.", "Long"),
        Field::MaxBytes => ("How large it may be.", "Long"),
        Field::Max => ("How many, or how long in seconds, it may be.", "Long"),
        Field::Found => ("What the store is: its schema, or its generation.", "Long"),
        Field::Expected => ("What it should be, at most or at least.", "Long"),
        Field::Status => ("The HTTP status of the answer.", "Long"),
        Field::UserId => ("Whose.", "String"),
        _ => ("In the system's or the relay's words, or a code.", "String"),
    };
    let name = camel(field.name());
    format!("    /** {about} */\n    public val {name}: {kind}? get() = fields.{name}\n")
}

/// `StoreWrongKeyException` of `store_wrong_key`. What its group is called already says what it is of.
fn name(code: &str) -> String {
    let words = code.split('_').map(|word| {
        let (first, rest) = word.split_at(1);
        first.to_uppercase() + rest
    });
    let name: String = words.collect();
    // The group of that name stands above it.
    match name.as_str() {
        "Network" => "NoNetworkException".to_owned(),
        _ => name + "Exception",
    }
}
