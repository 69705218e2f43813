//! TypeScript: the declarations that the compiler wrote for apps.

use super::page::page;
use super::{call, compare, split, type_row, without_comments};
use crate::api::surface::{self, Language, Surface, snake};
use crate::run::{Error, root};

/// Holds the page to the npm package as it was built.
pub(crate) fn check() -> Result<(), Error> {
    let page = page(Language::TypeScript)?;
    let mut built = Surface::new();
    for file in ["client.d.ts", "linking.d.ts"] {
        let path = root().join("bindings/web/dist").join(file);
        let text = std::fs::read_to_string(&path).map_err(|cause| Error::File { path, cause })?;
        // As in the sources, which the same reader knows.
        let text = text.replace("export declare class ", "export class ");
        let text = text.replace("\n    ", "\n  ");
        surface::read(Language::TypeScript, &text, &mut built);
    }
    let shown = page.operations.iter().map(|text| as_declared(text));
    let built = built.values().map(|text| as_declared(text));
    compare("TypeScript's operations", shown.collect(), built.collect())?;

    let mut declared = Vec::new();
    for file in [
        "records.d.ts",
        "options.d.ts",
        "errors.d.ts",
        "error-table.d.ts",
    ] {
        let path = root().join("bindings/web/dist").join(file);
        let text = std::fs::read_to_string(&path).map_err(|cause| Error::File { path, cause })?;
        declared.extend(types(&without_comments(&text)));
    }
    inherit(&mut declared);
    let shown = page.types.iter().map(|(name, members)| {
        let mut members = members.clone();
        members.extend(of_the_web(name).iter().map(|&one| one.to_owned()));
        (name, members)
    });
    let shown = shown.filter(|(name, _)| !ELSEWHERE.contains(&name.as_str()));
    let shown: Vec<_> = shown
        .map(|(name, members)| type_row(name, members))
        .collect();
    let named = |name: &str| page.types.iter().any(|(shown, _)| shown == name);
    let built = declared.into_iter().filter(|(name, _)| named(name));
    let built = built.map(|(name, members)| type_row(&name, members));
    compare("TypeScript's types", shown, built.collect())
}

/// What the web has in another shape: a store's name, which tab leads, and an error's information as the error.
const ELSEWHERE: [&str; 3] = ["StoreLocation", "NetworkRole", "ErrorInfo"];

/// Enums that stand where they are used, without a name of their own.
const UNNAMED: [(&str, &str, &str); 4] = [
    ("Receipt", "state", "RecipientState"),
    ("Receipt", "reason", "FailureReason"),
    ("AccountSettings", "direct_messages", "DirectMessages"),
    ("ThreadPreferences", "notifications", "Notifications"),
];

/// What exists in a browser alone, or stands there in the options of a call and elsewhere among its arguments.
fn of_the_web(name: &str) -> &'static [&'static str] {
    match name {
        "ConnectionState" => &["WaitingForTab"],
        "OpenOptions" => &["key", "key_store", "in_memory", "on_waiting", "signal"],
        "SendOptions" => &["signal"],
        "AttachmentOptions" => &["signal", "size", "on_progress"],
        _ => &[],
    }
}

/// Has every interface show the fields of the one that it extends.
fn inherit(types: &mut [(String, Vec<String>)]) {
    for at in 0..types.len() {
        while let Some((name, parent)) = types[at].0.split_once(" extends ") {
            let (name, parent) = (name.to_owned(), parent.to_owned());
            let of_parent = types.iter().find(|(declared, _)| {
                let own = declared.split(" extends ").next();
                own == Some(parent.as_str())
            });
            let (above, fields) = of_parent.cloned().unwrap_or_default();
            types[at].1.extend(fields);
            types[at].0 = match above.split_once(" extends ") {
                Some((_, above)) => format!("{name} extends {above}"),
                None => name,
            };
        }
    }
}

/// Every interface with its fields, every union with its cases, under the names of the page.
fn types(source: &str) -> Vec<(String, Vec<String>)> {
    let mut types = Vec::new();
    for declaration in source.split("\nexport ") {
        if let Some((name, body)) = declared(declaration, "interface ", " {") {
            let fields = fields(body);
            for (_, field, kind) in UNNAMED.iter().filter(|(owner, ..)| *owner == name) {
                let cases = fields.iter().find(|(name, _)| name == field);
                types.extend(cases.map(|(_, cases)| ((*kind).to_owned(), literals(cases))));
            }
            types.push((name, fields.into_iter().map(|(name, _)| name).collect()));
        } else if let Some((name, body)) = declared(declaration, "type ", " =") {
            types.push((name, cases(body)));
        }
    }
    types
}

/// The name of a declaration and what it stands for.
fn declared<'a>(text: &'a str, word: &str, before: &str) -> Option<(String, &'a str)> {
    let text = text.trim_start().trim_start_matches("export ");
    let (name, body) = text.strip_prefix(word)?.split_once(before)?;
    Some((name.to_owned(), body))
}

/// Up to the bracket that closes: each field with its type.
fn fields(body: &str) -> Vec<(String, &str)> {
    let body = body.split('}').next().unwrap_or_default();
    let fields = body.split(';').filter_map(|field| field.split_once(':'));
    fields
        .map(|(name, kind)| {
            let name = name.trim().trim_start_matches("readonly ");
            (snake(name.trim_end_matches('?')), kind)
        })
        .collect()
}

fn cases(body: &str) -> Vec<String> {
    if !body.contains('{') {
        return literals(body);
    }
    let mut cases = Vec::new();
    for one in body.split('{').skip(1) {
        let fields = fields(one);
        let names = fields.iter().filter(|(name, _)| name == "type");
        let inside = fields.iter().filter(|(name, _)| name != "type");
        let inside: Vec<_> = inside.map(|(name, _)| name.as_str()).collect();
        for name in names.flat_map(|(_, kind)| literals(kind)) {
            cases.push(match inside.is_empty() {
                true => name,
                false => format!("{name}({})", inside.join(", ")),
            });
        }
    }
    cases
}

/// `CatchingUp` of `"catchingUp"`.
fn literals(kind: &str) -> Vec<String> {
    let texts = kind.split('"').skip(1).step_by(2);
    texts
        .map(|text| {
            let mut letters = text.chars();
            let first = letters.next().map(|c| c.to_ascii_uppercase());
            first.into_iter().chain(letters).collect()
        })
        .collect()
}

/// A default makes a parameter optional, and its type goes without saying.
fn as_declared(signature: &str) -> String {
    let Some((name, parameters, result)) = call(signature) else {
        return signature.to_owned();
    };
    let parameters = split(parameters).into_iter().map(|parameter| {
        let Some((left, default)) = parameter.split_once(" = ") else {
            return parameter.to_owned();
        };
        match left.split_once(':') {
            Some((name, kind)) => format!("{name}?:{kind}"),
            None if default.parse::<f64>().is_ok() => format!("{left}?: number"),
            None => parameter.to_owned(),
        }
    });
    let parameters: Vec<_> = parameters.collect();
    format!("{name}({}){result}", parameters.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_is_an_optional_parameter() {
        assert_eq!(
            as_declared("f(a?: string, limit = 50, o: O = {}): Promise<void>"),
            "f(a?: string, limit?: number, o?: O): Promise<void>"
        );
        assert_eq!(as_declared("code: string"), "code: string");
    }

    #[test]
    fn an_interface_shows_what_it_extends() {
        let source = "export interface C extends B {\n    c?: string;\n}\nexport interface A {\n    a: number;\n}\nexport interface B extends A {\n    b: number;\n}\n";
        let mut types = types(source);
        inherit(&mut types);
        let of = |members: &[&str]| members.iter().map(|one| (*one).to_owned()).collect();
        assert_eq!(
            types,
            [
                ("C".to_owned(), of(&["c", "b", "a"])),
                ("A".to_owned(), of(&["a"])),
                ("B".to_owned(), of(&["b", "a"])),
            ]
        );
    }

    #[test]
    fn interfaces_show_their_fields_and_unions_their_cases() {
        let source = "export interface Receipt {\n    userId: string;\n    readonly state: \"sent\" | \"catchingUp\";\n    readAtMs?: number;\n}\nexport type State = {\n    type: \"sent\" | \"read\";\n}\n | {\n    type: \"failed\";\n    errorCode: string;\n};\nexport type Flat = \"one\" | \"other\";\n";
        let of = |members: &[&str]| members.iter().map(|one| (*one).to_owned()).collect();
        assert_eq!(
            types(source),
            [
                ("RecipientState".to_owned(), of(&["Sent", "CatchingUp"])),
                (
                    "Receipt".to_owned(),
                    of(&["user_id", "state", "read_at_ms"])
                ),
                (
                    "State".to_owned(),
                    of(&["Sent", "Read", "Failed(error_code)"])
                ),
                ("Flat".to_owned(), of(&["One", "Other"])),
            ]
        );
    }
}
