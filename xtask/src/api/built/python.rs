//! Python: what `inspect` sees in the installed wheel.

use std::path::Path;

use super::compare;
use super::page::page;
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
            member = member.fget
        member = getattr(member, '__func__', member)
        if not inspect.isfunction(member):
            continue
        text = str(inspect.signature(member)).replace(chr(39), '')
        text = re.sub(r'^\\((self|cls)(, \\*(?=,))?(, )?', lambda m: '(*' if m.group(2) else '(', text)
        print(name + text)
";

/// Holds the page to the package that this interpreter has installed.
pub(crate) fn check(python: &Path) -> Result<(), Error> {
    let page = page(Language::Python)?;
    let text = output(&python.to_string_lossy(), &["-I", "-c", INSPECT]);
    let text = text.ok_or_else(|| {
        Error::Told("the wheel is not installed: cargo xtask test python".to_owned())
    })?;
    let built = text.lines().map(str::to_owned).collect();
    compare("Python's operations", page.operations, built)
}
