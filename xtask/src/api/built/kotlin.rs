//! Kotlin: what `javap` sees in the compiled classes.

use std::path::Path;

use super::page::page;
use super::{call, compare, split, type_row};
use crate::api::surface::{Language, snake};
use crate::run::{Error, output, root};

const PACKAGE: &str = "io.github.sealwire";
/// Whose public functions are the operations.
const LAYER: [&str; 3] = ["Client", "Client$Companion", "Linking"];

/// A class as `javap` shows it: names without their packages.
struct Class {
    name: String,
    is_enum: bool,
    members: Vec<String>,
}

/// Holds the page to what Maven built.
pub(crate) fn check() -> Result<(), Error> {
    let classes = &root().join("bindings/kotlin/target/classes");
    let page = page(Language::Kotlin)?;
    let layer = LAYER.map(|class| format!("{PACKAGE}.{class}"));
    let mut built = Vec::new();
    for class in javap(classes, &layer)? {
        built.extend(class.members.iter().filter_map(|member| operation(member)));
    }
    let shown = page.operations.iter();
    let shown = shown.map(|signature| as_compiled(signature).ok_or_else(|| unread(signature)));
    compare(
        "Kotlin's operations",
        shown.collect::<Result<_, _>>()?,
        built,
    )?;

    let names: Vec<_> = page.types.iter().map(|(name, _)| name.as_str()).collect();
    let types = javap(classes, &with_cases(classes, &names)?)?;
    let shown = page.types.iter();
    let shown = shown.map(|(name, members)| type_row(name, members.clone()));
    let built = names.iter().map(|name| a_type(name, &types));
    compare("Kotlin's types", shown.collect(), built.collect())
}

fn unread(signature: &str) -> Error {
    Error::Told(format!("not a Kotlin signature: {signature}"))
}

/// The classes of these types and of their cases.
fn with_cases(classes: &Path, names: &[&str]) -> Result<Vec<String>, Error> {
    let folder = classes.join(PACKAGE.replace('.', "/")).join("core");
    let files = folder.read_dir().map_err(|cause| Error::File {
        path: folder.clone(),
        cause,
    })?;
    let files = files
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned());
    let wanted = files.filter_map(|file| {
        let class = file.strip_suffix(".class")?;
        let mut parts = class.split('$');
        let of = parts.next()?;
        let case = parts.next();
        let is_wanted = names.contains(&of) && case != Some("Companion") && parts.next().is_none();
        is_wanted.then(|| format!("{PACKAGE}.core.{class}"))
    });
    let mut wanted: Vec<_> = wanted.collect();
    wanted.sort();
    Ok(wanted)
}

fn javap(classes: &Path, names: &[String]) -> Result<Vec<Class>, Error> {
    let path = classes.to_string_lossy();
    let mut arguments = vec!["-public", "-cp", &path];
    arguments.extend(names.iter().map(String::as_str));
    let text = output("javap", &arguments).ok_or_else(|| {
        Error::Told(format!(
            "javap reads no classes in {path}: is the package built?"
        ))
    })?;
    Ok(read(&text))
}

fn read(text: &str) -> Vec<Class> {
    let mut classes: Vec<Class> = Vec::new();
    for line in text.lines() {
        let line = without_packages(line);
        if let Some(member) = line.strip_prefix("  ") {
            if let Some(class) = classes.last_mut() {
                class.members.push(member.trim_end_matches(';').to_owned());
            }
        } else if let Some((_, rest)) = line.split_once("class ") {
            let name = rest
                .split([' ', '<', '{'])
                .next()
                .unwrap_or_default()
                .to_owned();
            classes.push(Class {
                name,
                is_enum: rest.contains(" extends Enum<"),
                members: Vec::new(),
            });
        }
    }
    classes
}

/// `List<Message>` of `java.util.List<? extends io.github.sealwire.core.Message>`.
fn without_packages(line: &str) -> String {
    let mut text = String::new();
    let mut word = String::new();
    for c in line.chars().chain(std::iter::once('\n')) {
        if c.is_alphanumeric() || matches!(c, '.' | '_' | '$') {
            word.push(c);
            continue;
        }
        text += word.rsplit('.').next().unwrap_or_default();
        word.clear();
        text.push(c);
    }
    text.truncate(text.trim_end().len());
    text.replace("? super ", "").replace("? extends ", "")
}

/// A function that an app calls, as `name(types): result`; what the compiler made for itself has a `$` in its name.
fn operation(member: &str) -> Option<String> {
    let member = member.strip_prefix("public ")?;
    let member = member.strip_prefix("final ").unwrap_or(member);
    let (head, parameters, _) = call(member)?;
    let (result, name) = head.rsplit_once(' ')?;
    if name.contains('$') || result.contains("static") {
        return None;
    }
    let mut parameters = split(parameters);
    let waits = parameters
        .last()
        .and_then(|last| last.strip_prefix("Continuation<"))
        .and_then(|last| last.strip_suffix('>'));
    let result = waits.unwrap_or(result);
    if waits.is_some() {
        parameters.pop();
    }
    // A property is read by a getter.
    let name = match name
        .strip_prefix("get")
        .filter(|_| waits.is_none() && parameters.is_empty())
    {
        Some(property) => {
            let mut letters = property.chars();
            let first = letters.next().map(|c| c.to_ascii_lowercase());
            let name: String = first.into_iter().chain(letters).collect();
            return Some(format!("{name}: {}", boxed(result)));
        }
        None => name,
    };
    Some(format!(
        "{name}({}): {}",
        parameters.join(", "),
        boxed(result)
    ))
}

/// The same of a signature of the page.
fn as_compiled(signature: &str) -> Option<String> {
    let Some((name, parameters, result)) = call(signature) else {
        let (property, kind) = signature.split_once(':')?;
        return Some(format!("{property}: {}", boxed(&jvm(kind))));
    };
    let mut types = Vec::new();
    for parameter in split(parameters) {
        let (_, kind) = parameter.split_once(':')?;
        types.push(jvm(kind.split(" = ").next()?));
    }
    let result = match result.strip_prefix(':') {
        Some(result) => format!(": {}", boxed(&jvm(result))),
        None => String::new(),
    };
    Some(format!("{name}({}){result}", types.join(", ")))
}

/// What a Kotlin type is to the JVM.
fn jvm(kind: &str) -> String {
    let kind = kind.trim();
    if let Some(function) = kind.strip_prefix("suspend (")
        && let Some((given, result)) = function.split_once(") -> ")
    {
        let result = boxed(&jvm(result));
        return format!("Function2<{}, Continuation<{result}>, Object>", jvm(given));
    }
    let (plain, is_optional) = match kind.strip_suffix('?') {
        Some(plain) => (plain, true),
        None => (kind, false),
    };
    if let Some((outer, inner)) = plain.split_once('<') {
        let inner = boxed(&jvm(inner.trim_end_matches('>')));
        return format!("{outer}<{inner}>");
    }
    match (plain, is_optional) {
        ("Long", false) => "long",
        ("Boolean", false) => "boolean",
        ("ByteArray", _) => "byte[]",
        _ => plain,
    }
    .to_owned()
}

/// As it stands between angle brackets, where no plain number may.
fn boxed(kind: &str) -> String {
    match kind {
        "long" => "Long",
        "boolean" => "Boolean",
        "void" => "Unit",
        other => other,
    }
    .to_owned()
}

fn a_type(name: &str, classes: &[Class]) -> String {
    let Some(class) = classes.iter().find(|class| class.name == name) else {
        return format!("{name} is not there");
    };
    let prefix = format!("{name}$");
    let cases = classes
        .iter()
        .filter_map(|case| Some((case.name.strip_prefix(&prefix)?, case)));
    let mut members: Vec<String> = cases.map(|(case, class)| a_case(case, class)).collect();
    if class.is_enum {
        let constant = format!("public static final {name} ");
        let constants = class
            .members
            .iter()
            .filter_map(|member| member.strip_prefix(&constant));
        members.extend(constants.map(camel));
    } else if members.is_empty() {
        members = fields(class);
    }
    type_row(name, members)
}

fn a_case(name: &str, class: &Class) -> String {
    let fields = fields(class);
    if fields.is_empty() {
        name.to_owned()
    } else {
        format!("{name}({})", fields.join(", "))
    }
}

/// By their getters, in the order of the source.
fn fields(class: &Class) -> Vec<String> {
    let getters = class.members.iter().filter_map(|member| {
        let member = member.strip_prefix("public final ")?.strip_suffix("()")?;
        let (_, name) = member.split_once(" get")?;
        Some(snake(name).trim_start_matches('_').to_owned())
    });
    getters.collect()
}

/// `CatchingUp` of `CATCHING_UP`.
fn camel(constant: &str) -> String {
    let words = constant.split('_').map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_owned() + &rest.to_lowercase()
    });
    words.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_and_what_the_compiler_made_of_it_read_alike() {
        let cases = [
            (
                "sendText(thread: String, options: SendOptions = SendOptions()): Message",
                "  public final java.lang.Object sendText(java.lang.String, io.github.sealwire.core.SendOptions, kotlin.coroutines.Continuation<? super io.github.sealwire.core.Message>);",
            ),
            (
                "messages(before: Long? = null, limit: Long = 50): List<Message>",
                "  public final java.lang.Object messages(java.lang.Long, long, kotlin.coroutines.Continuation<? super java.util.List<io.github.sealwire.core.Message>>);",
            ),
            (
                "linkDevice(confirm: suspend (AddDevice) -> Boolean): Long",
                "  public final java.lang.Object linkDevice(kotlin.jvm.functions.Function2<? super io.github.sealwire.core.AddDevice, ? super kotlin.coroutines.Continuation<? super java.lang.Boolean>, ? extends java.lang.Object>, kotlin.coroutines.Continuation<? super java.lang.Long>);",
            ),
            (
                "download(progress: MutableStateFlow<Progress?>? = null): ByteArray",
                "  public final java.lang.Object download(kotlinx.coroutines.flow.MutableStateFlow<io.github.sealwire.core.Progress>, kotlin.coroutines.Continuation<? super byte[]>);",
            ),
            ("close(): Unit", "  public void close();"),
            (
                "maxTextBytes(): Long",
                "  public final long maxTextBytes();",
            ),
            ("code: String", "  public final java.lang.String getCode();"),
        ];
        for (shown, compiled) in cases {
            let compiled = without_packages(compiled);
            let compiled = compiled.trim().trim_end_matches(';');
            assert_eq!(as_compiled(shown), operation(compiled), "{shown}");
            assert!(operation(compiled).is_some(), "{shown}");
        }
    }

    #[test]
    fn another_type_or_name_or_number_of_parameters_is_another_operation() {
        let compiled = operation("public final Object retry(long, Continuation<Message>)");
        assert_eq!(as_compiled("retry(localId: Long): Message"), compiled);
        for shown in [
            "retry(localId: Long?): Message",
            "retry(localId: Long): Long",
            "again(localId: Long): Message",
            "retry(): Message",
            "retry: Message",
        ] {
            assert_ne!(as_compiled(shown), compiled, "{shown}");
        }
    }

    #[test]
    fn types_show_their_fields_cases_and_constants() {
        let text = "Compiled from \"x.kt\"\npublic final class io.github.sealwire.core.Account {\n  public static final io.github.sealwire.core.Account$Companion Companion;\n  public final java.lang.String getUser();\n  public final long getLastSeenMs();\n  public final void setUser(java.lang.String);\n}\npublic final class io.github.sealwire.core.Role extends java.lang.Enum<io.github.sealwire.core.Role> {\n  public static final io.github.sealwire.core.Role CATCHING_UP;\n  public static io.github.sealwire.core.Role[] values();\n}\npublic abstract class io.github.sealwire.core.State {\n}\npublic final class io.github.sealwire.core.State$Failed extends io.github.sealwire.core.State {\n  public final java.lang.String getCode();\n}\npublic final class io.github.sealwire.core.State$Sent extends io.github.sealwire.core.State {\n}\n";
        let classes = read(text);
        assert_eq!(a_type("Account", &classes), "Account: last_seen_ms, user");
        assert_eq!(a_type("Role", &classes), "Role: CatchingUp");
        assert_eq!(a_type("State", &classes), "State: Failed(code), Sent");
        assert_eq!(a_type("None", &classes), "None is not there");
    }
}
