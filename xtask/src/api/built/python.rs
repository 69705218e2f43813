//! Python: what `inspect` sees in the installed wheel.

use std::path::Path;

use super::page::page;
use super::{compare, type_row};
use crate::api::surface::Language;
use crate::run::{Error, output};

/// One operation a line, as the page shows it.
const INSPECT: &str = "
import inspect, re, sealwire
for owner in (sealwire.Client, sealwire.Linking):
    for name, member in vars(owner).items():
        if name.startswith('_'):
            continue
        if isinstance(member, property):
            print(name + ': ' + inspect.signature(member.fget).return_annotation)
            continue
        member = getattr(member, '__func__', member)
        if not inspect.isfunction(member):
            continue
        text = str(inspect.signature(member)).replace(chr(39), '')
        text = re.sub(r'^\\((self|cls)(, \\*(?=,))?(, )?', lambda m: '(*' if m.group(2) else '(', text)
        text = re.sub(r'<(\\w+\\.\\w+): [^>]*>', r'\\1', text)
        print(name + text)
";

/// One type a line, with its fields or its cases.
const TYPES: &str = "
import dataclasses, enum, sealwire, sys, typing
def fields(kind):
    return [field.name for field in dataclasses.fields(kind)]
def case(kind):
    inside = ', '.join(fields(kind))
    return f'{kind.__name__}({inside})' if inside else kind.__name__
def members(kind):
    if isinstance(kind, enum.EnumMeta):
        return [''.join(word.capitalize() for word in member.name.split('_')) for member in kind]
    if typing.get_args(kind):
        return [case(each) for each in typing.get_args(kind)]
    return fields(kind)
for name in sys.argv[1:]:
    kind = getattr(sealwire, name, None) or getattr(sealwire.errors, name)
    print(name + ': ' + ', '.join(sorted(members(kind))))
";

/// Named arguments of the calls, which the operations show.
const ARGUMENTS: [&str; 4] = [
    "OpenOptions",
    "StoreLocation",
    "SendOptions",
    "AttachmentOptions",
];

/// Holds the page to the package that this interpreter has installed.
pub(crate) fn check(python: &Path) -> Result<(), Error> {
    let page = page(Language::Python)?;
    let asked = |program: &str, names: &[&str]| {
        let mut arguments = vec!["-I", "-c", program];
        arguments.extend(names);
        let text = output(&python.to_string_lossy(), &arguments).ok_or_else(|| {
            let what = "the installed wheel lacks a type of docs/api.md, or there is none";
            Error::Told(format!("{what}: cargo xtask test python"))
        })?;
        Ok(text.lines().map(str::to_owned).collect())
    };
    compare("Python's operations", page.operations, asked(INSPECT, &[])?)?;
    let types = page.types.iter();
    let types = types.filter(|(name, _)| !ARGUMENTS.contains(&name.as_str()));
    let (names, shown): (Vec<_>, Vec<_>) = types
        .map(|(name, members)| (name.as_str(), type_row(name, members.clone())))
        .unzip();
    compare("Python's types", shown, asked(TYPES, &names)?)
}
