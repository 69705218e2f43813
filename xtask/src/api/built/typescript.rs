//! TypeScript: the declarations that the compiler wrote for apps.

use std::collections::BTreeSet;

use super::page::page;
use super::{call, compare, split};
use crate::api::surface::{self, Language, Surface};
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

    // What differs on the web by intent stands in its own options.
    let path = root().join("bindings/web/dist/records.d.ts");
    let text = std::fs::read_to_string(&path).map_err(|cause| Error::File { path, cause })?;
    let words: BTreeSet<_> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let declared = |name: &str| {
        [format!("interface {name} "), format!("type {name} ")]
            .iter()
            .any(|start| text.contains(start.as_str()))
    };
    let mut lacking = Vec::new();
    let here = page.types.iter().filter(|(name, _)| declared(name));
    let mut types = 0;
    for (name, members) in here {
        types += 1;
        let names = members
            .iter()
            .flat_map(|member| member.split(['(', ',', ')', ' ']));
        let missing =
            names.filter(|part| !part.is_empty() && !words.contains(lower(part).as_str()));
        lacking.extend(missing.map(|part| format!("{name}: {part}")));
    }
    if types < 10 || !lacking.is_empty() {
        let lacking = lacking.join(", ");
        return Err(Error::Told(format!(
            "docs/api.md names {types} types of records.d.ts; of these it lacks: {lacking}"
        )));
    }
    println!("api: {types} types of TypeScript have the fields and cases of the page");
    Ok(())
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

/// `catchingUp` of `CatchingUp` and of `catching_up`.
fn lower(name: &str) -> String {
    let mut text = String::new();
    let mut up = false;
    for c in name.chars() {
        if c == '_' {
            up = true;
        } else if text.is_empty() {
            text.extend(c.to_lowercase());
        } else if std::mem::take(&mut up) {
            text.extend(c.to_uppercase());
        } else {
            text.push(c);
        }
    }
    text
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
    fn names_are_in_the_manner_of_the_language() {
        assert_eq!(lower("CatchingUp"), "catchingUp");
        assert_eq!(lower("next_try_at_ms"), "nextTryAtMs");
    }
}
