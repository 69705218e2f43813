//! `SealwireError.swift`: one struct, with a name for each code.

use super::{about, camel, groups};
use std::fmt::Write as _;

const HEAD: &str = r#"// Made of core/sdk/src/errors/table.rs by `cargo run -p sealwire-generate`.
import Foundation
import SealwireCore

/// Why an operation failed. What it was to do was not done, unless ``text`` says otherwise.
///
/// ```swift
/// } catch let error as SealwireError where error.code == .textTooLong {
///     show("at most \(error.fields.maxBytes ?? 0) bytes")
/// }
/// ```
public struct SealwireError: Error, Sendable, Hashable, LocalizedError, CustomStringConvertible {
    private let info: ErrorInfo

    init(info: ErrorInfo) {
        self.info = info
    }

    /// Stable, the same in every language.
    public var code: Code { Code(rawValue: info.code) }

    /// What it is about.
    public var group: ErrorGroup { info.group }

    /// What happened and what to do, for a developer.
    public var text: String { info.text }

    /// This error in its own words, with what lies behind it.
    public var detail: String { info.detail }

    /// Whether the same call may succeed later.
    public var retryable: Bool { info.retryable }

    /// Not before so many milliseconds, where the relay said so.
    public var retryAfterMs: Int64? { info.retryAfterMs }

    /// Every value of this error; those that its code does not have are nil.
    public var fields: ErrorFields { info.fields }

    public var description: String { "\(info.text) [\(info.code): \(info.detail)]" }

    public var errorDescription: String? { description }

    /// What a program decides by. Later versions may have codes that are not named here.
    public struct Code: RawRepresentable, Hashable, Sendable {
        public let rawValue: String

        public init(rawValue: String) {
            self.rawValue = rawValue
        }
    }
}
"#;

pub(crate) fn text() -> String {
    let mut file = HEAD.to_owned();
    for (group, infos) in groups() {
        let _ = write!(
            file,
            "\n// {}.\nextension SealwireError.Code {{\n",
            about(group)
        );
        let names = infos.iter().map(|info| {
            let fields: Vec<_> = info
                .fields
                .iter()
                .map(|field| camel(field.name()))
                .collect();
            let fields = match fields.as_slice() {
                [] => String::new(),
                fields => format!(" Fields: `{}`.", fields.join("`, `")),
            };
            format!(
                "    /// {}{fields}\n    public static let {} = Self(rawValue: \"{}\")\n",
                info.text,
                name(info.code),
                info.code
            )
        });
        file += &names.collect::<Vec<_>>().join("\n");
        file += "}\n";
    }
    file
}

/// `storeWrongKey` of `store_wrong_key`; a word of the language stands in backquotes.
fn name(code: &str) -> String {
    match camel(code).as_str() {
        word @ ("internal" | "self" | "init" | "default" | "open" | "public" | "private") => {
            format!("`{word}`")
        }
        name => name.to_owned(),
    }
}
