//! `cargo xtask readme`: README.md's quickstart is examples/quickstart.rs, letter by letter.
//!
//! The example is compiled and run by the tests, so what a newcomer copies from the README works.

use std::path::Path;

use crate::run::{Error, root};

const BEGIN: &str =
    "<!-- quickstart: examples/quickstart.rs, by `cargo xtask readme --write` -->\n```rust\n";
const END: &str = "```\n<!-- /quickstart -->\n";

/// What `cargo xtask readme` takes.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Put the example's code into README.md.
    #[arg(long)]
    write: bool,
}

pub(crate) fn main(args: &Args) -> Result<(), Error> {
    if !args.write {
        return check();
    }
    let path = root().join("README.md");
    let fresh = with_code(&read(&path)?, &example()?)?;
    std::fs::write(&path, fresh).map_err(|cause| Error::File { path, cause })
}

/// Fails if README.md shows other code than the example's.
pub(crate) fn check() -> Result<(), Error> {
    let readme = read(&root().join("README.md"))?;
    if with_code(&readme, &example()?)? == readme {
        return Ok(());
    }
    Err(Error::Told(
        "README.md shows another quickstart than examples/quickstart.rs: \
         run `cargo xtask readme --write` and commit README.md"
            .to_owned(),
    ))
}

fn example() -> Result<String, Error> {
    read(&root().join("examples/quickstart.rs"))
}

fn read(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|cause| Error::File {
        path: path.to_owned(),
        cause,
    })
}

/// The README with `code` between its markers.
fn with_code(readme: &str, code: &str) -> Result<String, Error> {
    let marked = readme
        .split_once(BEGIN)
        .and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) = marked.ok_or_else(|| {
        Error::Told(format!(
            "README.md lacks the markers of the quickstart:\n{BEGIN}{END}"
        ))
    })?;
    Ok(format!("{before}{BEGIN}{}\n{END}{after}", code.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readme(code: &str) -> String {
        format!("# Title\n{BEGIN}{code}{END}\nmore\n")
    }

    #[test]
    fn the_code_between_the_markers_is_replaced_and_nothing_else() {
        let fresh = with_code(&readme("stale();\n"), "fresh();\n").unwrap();
        assert_eq!(fresh, readme("fresh();\n"));
    }

    #[test]
    fn writing_twice_changes_nothing_more() {
        let once = with_code(&readme(""), "fresh();\n").unwrap();
        assert_eq!(with_code(&once, "fresh();\n").unwrap(), once);
    }

    #[test]
    fn a_readme_without_markers_is_an_error_that_shows_them() {
        let error = with_code("# Title\n", "code();").unwrap_err();
        assert!(error.to_string().contains("<!-- /quickstart -->"));
    }
}
