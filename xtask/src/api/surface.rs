//! What a language's source declares: each operation's name and signature, read from the hand-written layers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::run::{Error, root};

/// A language that has a door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Language {
    Rust,
    Kotlin,
    Swift,
    Python,
    TypeScript,
}

/// Every operation by its Rust name; those of a linking as `Linking.name`.
pub(super) type Surface = BTreeMap<String, String>;

impl Language {
    pub(super) const ALL: [Self; 5] = [
        Self::Rust,
        Self::Kotlin,
        Self::Swift,
        Self::Python,
        Self::TypeScript,
    ];

    /// Where its layer lies, and how its files end.
    fn source(self) -> (&'static str, &'static str) {
        match self {
            Self::Rust => ("core/sdk/src/client", "rs"),
            Self::Kotlin => ("bindings/kotlin/src/main/kotlin", "kt"),
            Self::Swift => ("bindings/swift/Sources/Sealwire", "swift"),
            Self::Python => ("bindings/python", "py"),
            Self::TypeScript => ("bindings/web/src", "ts"),
        }
    }

    /// How a class begins whose functions are operations.
    fn class(self, name: &str) -> Vec<String> {
        match self {
            Self::Rust => vec![format!("impl {name} {{")],
            Self::Kotlin => vec![format!("public class {name} ")],
            Self::Swift => vec![
                format!("public actor {name}"),
                format!("public final class {name}"),
                format!("extension {name}"),
                format!("public extension {name}"),
            ],
            Self::Python => vec![format!("class {name}:"), format!("class {name}(")],
            Self::TypeScript => vec![format!("export class {name} ")],
        }
    }

    /// How a function of such a class begins, without its indentation.
    fn function(self, line: &str) -> Option<&str> {
        let text = line.trim_start();
        let indent = line.len() - text.len();
        let after = |starts: &[&str]| starts.iter().find_map(|start| text.strip_prefix(start));
        match self {
            Self::Rust => after(&["pub async fn ", "pub fn "]),
            Self::Kotlin if indent == 4 && text.starts_with("public val ") => {
                after(&["public val "])
            }
            Self::Kotlin if indent == 4 && text.starts_with("override fun ") => {
                after(&["override fun "])
            }
            Self::Kotlin => after(&["public suspend fun ", "public fun "]),
            Self::Swift => after(&[
                "public static func ",
                "public func ",
                "public nonisolated func ",
                "public nonisolated var ",
                "public var ",
                "public let ",
            ]),
            Self::Python => (indent == 4)
                .then(|| after(&["async def ", "def "]))
                .flatten()
                .filter(|rest| !rest.starts_with('_')),
            Self::TypeScript => {
                let text = (indent == 2).then_some(text)?;
                let text = text.strip_prefix("static ").unwrap_or(text);
                let text = text.strip_prefix("async ").unwrap_or(text);
                let text = text.strip_prefix("get ").unwrap_or(text);
                let text = text.strip_prefix("readonly ").unwrap_or(text);
                let name: String = text.chars().take_while(|c| c.is_alphanumeric()).collect();
                let rest = &text[name.len()..];
                let callable = rest.starts_with('(') || (name == "code" && rest.starts_with(':'));
                let keyword = [
                    "constructor",
                    "if",
                    "for",
                    "while",
                    "switch",
                    "catch",
                    "return",
                ];
                (callable && !keyword.contains(&name.as_str())).then_some(text)
            }
        }
    }

    /// What ends a signature outside of all brackets.
    fn ends(self, c: char) -> bool {
        match self {
            Self::Rust | Self::TypeScript => matches!(c, '{' | ';'),
            Self::Kotlin => matches!(c, '=' | '{'),
            Self::Swift => c == '{',
            Self::Python => false,
        }
    }
}

/// None where the language has no layer yet.
pub(super) fn of(language: Language) -> Result<Option<Surface>, Error> {
    let (folder, kind) = language.source();
    let mut files = Vec::new();
    collect(&root().join(folder), kind, &mut files)?;
    files.sort();
    let mut surface = Surface::new();
    for path in files {
        let text = std::fs::read_to_string(&path).map_err(|cause| Error::File { path, cause })?;
        read(language, &text, &mut surface);
    }
    Ok((!surface.is_empty()).then_some(surface))
}

fn collect(folder: &Path, kind: &str, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    if !folder.exists() {
        return Ok(());
    }
    let entries = folder.read_dir().map_err(|cause| Error::File {
        path: folder.to_owned(),
        cause,
    })?;
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let ours = !matches!(
            name.as_str(),
            "target" | "node_modules" | "tests" | "test" | "core" | "dist"
        ) && !name.starts_with(['.', '_']);
        if path.is_dir() && ours {
            collect(&path, kind, files)?;
        } else if ours && path.extension().is_some_and(|found| found == kind) {
            files.push(path);
        }
    }
    Ok(())
}

pub(super) fn read(language: Language, text: &str, surface: &mut Surface) {
    let mut class = None;
    let mut at = 0;
    let mut before = "";
    for line in text.split_inclusive('\n') {
        let begin = at;
        at += line.len();
        let is_property = std::mem::replace(&mut before, line.trim()) == "@property";
        if line.starts_with(|c: char| !c.is_whitespace() && !"})@/#*".contains(c)) {
            let is = |name| {
                language
                    .class(name)
                    .iter()
                    .any(|start| line.starts_with(start.as_str()))
            };
            class = ["Client", "Linking"].into_iter().find(|name| is(*name));
        }
        let (Some(class), Some(rest)) = (class, language.function(line)) else {
            continue;
        };
        let offset = line.len() - line.trim_start().len()
            + line.trim_start().find(rest.trim_end()).unwrap_or(0);
        let mut signature = signature(language, &text[begin + offset..]);
        // A body in braces gives nothing unless it says so.
        if language == Language::Kotlin && signature.ends_with(')') {
            signature += ": Unit";
        }
        if is_property {
            signature = signature.replacen("() -> ", ": ", 1);
        }
        let name: String = signature
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect();
        let name = snake(&name);
        let key = if class == "Linking" {
            format!("Linking.{name}")
        } else {
            name
        };
        surface.entry(key).or_insert(signature);
    }
}

/// Up to where the body begins, on one line, as the page shows it.
fn signature(language: Language, text: &str) -> String {
    let mut depth = 0_i32;
    let mut end = text.len();
    for (at, c) in text.char_indices() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            ':' if language == Language::Python && depth == 0 => {
                end = at;
                break;
            }
            _ if depth == 0
                && (language.ends(c) || (c == '\n' && language == Language::Kotlin)) =>
            {
                end = at;
                break;
            }
            _ => {}
        }
    }
    let words: Vec<_> = text[..end].split_whitespace().collect();
    let text = words.join(" ");
    let text = text.split(" where ").next().unwrap_or_default();
    let mut text = text
        .replace("( ", "(")
        .replace(", )", ")")
        .replace(",)", ")")
        .replace(" )", ")");
    if language == Language::Rust {
        text = text
            .replace("&self, ", "")
            .replace("&self", "")
            .replace("(self, ", "(");
        if let Some((head, result)) = text.split_once("-> Result<")
            && let Some(given) = result.strip_suffix(", Error>")
        {
            text = if given == "()" {
                head.trim_end().to_owned()
            } else {
                format!("{head}-> {given}")
            };
        }
    }
    if language == Language::Python {
        text = text
            .replace("(self, *, ", "(*, ")
            .replace("(self, ", "(")
            .replace("(cls, ", "(")
            .replace("(self)", "()");
    }
    text
}

/// `send_text` of `sendText`.
pub(super) fn snake(name: &str) -> String {
    let mut snake = String::new();
    for c in name.chars() {
        if c.is_uppercase() {
            snake.push('_');
        }
        snake.extend(c.to_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surface(language: Language, text: &str) -> Vec<(String, String)> {
        let mut surface = Surface::new();
        read(language, text, &mut surface);
        surface.into_iter().collect()
    }

    #[test]
    fn operations_are_read_in_each_language() {
        let cases = [
            (
                Language::Rust,
                "impl Client {\n    pub async fn send_text(\n        &self,\n        thread: ThreadId,\n    ) -> Result<Message, Error> {\n    }\n}\n",
                "send_text(thread: ThreadId) -> Message",
            ),
            (
                Language::Kotlin,
                "public class Client private constructor() {\n    public suspend fun sendText(thread: String, n: Long = 5): Message =\n",
                "sendText(thread: String, n: Long = 5): Message",
            ),
            (
                Language::TypeScript,
                "export class Client {\n  sendText(thread: string, o: O = {}): Promise<Message> {\n",
                "sendText(thread: string, o: O = {}): Promise<Message>",
            ),
            (
                Language::Python,
                "class Client:\n    async def send_text(self, thread: str) -> Message:\n",
                "send_text(thread: str) -> Message",
            ),
            (
                Language::Swift,
                "public final class Client: Sendable {\n    public func sendText(thread: String) async throws(SealwireError) -> Message {\n",
                "sendText(thread: String) async throws(SealwireError) -> Message",
            ),
        ];
        for (language, text, shown) in cases {
            assert_eq!(
                surface(language, text),
                [("send_text".to_owned(), shown.to_owned())],
                "{language:?}"
            );
        }
    }

    #[test]
    fn a_kotlin_function_with_a_body_alone_gives_unit() {
        let text = "public class Client private constructor() {\n    override fun close() {\n        end()\n    }\n";
        assert_eq!(
            surface(Language::Kotlin, text),
            [("close".to_owned(), "close(): Unit".to_owned())]
        );
    }

    #[test]
    fn a_property_is_shown_as_one() {
        let cases = [
            (
                Language::Kotlin,
                "public class Linking internal constructor() {\n    public val code: String = handle.code()\n",
            ),
            (
                Language::Swift,
                "public final class Linking: Sendable {\n    public var code: String { handle.code() }\n",
            ),
            (
                Language::TypeScript,
                "export class Linking {\n  readonly code: string;\n",
            ),
            (
                Language::Python,
                "class Linking:\n    @property\n    def code(self) -> str:\n        return 1\n",
            ),
        ];
        for (language, text) in cases {
            let shown = surface(language, text)
                .into_iter()
                .map(|(name, signature)| (name, signature.to_lowercase()))
                .collect::<Vec<_>>();
            let (name, kind) = match language {
                Language::Python => ("Linking.code", "code: str"),
                _ => ("Linking.code", "code: string"),
            };
            assert_eq!(shown, [(name.to_owned(), kind.to_owned())], "{language:?}");
        }
    }

    #[test]
    fn what_is_not_public_or_of_another_class_is_no_operation() {
        let text = "impl Message {\n    pub fn text(&self) {}\n}\nimpl Client {\n    fn call(&self) {}\n    pub(crate) fn new() {}\n}\n";
        assert_eq!(surface(Language::Rust, text), []);
    }
}
