//! The documents hang together: a link that leads nowhere, a page that no table of contents names, a test that is named and is
//! not there, a claim that names none, or a label of the protocol that no page has is found here.
//!
//! An unwrap that fails here is the test failing.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// Every page: those at the root and all below docs/.
fn pages() -> Vec<PathBuf> {
    let mut pages = Vec::new();
    let mut folders = vec![root().join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            match path.extension() {
                _ if path.is_dir() => folders.push(path),
                Some(kind) if kind == "md" => pages.push(path),
                _ => {}
            }
        }
    }
    let at_root = ["README.md", "SECURITY.md", "CHANGELOG.md"];
    pages.extend(at_root.map(|name| root().join(name)));
    pages
}

/// The targets of `[text](target)` in a page, without their anchors and without those on other sites.
fn links(page: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(page).unwrap();
    let targets = text.split("](").skip(1);
    let targets = targets.filter_map(|rest| rest.split([')', '#']).next());
    let ours = targets.filter(|target| !target.is_empty() && !target.contains("://"));
    ours.map(str::to_owned).collect()
}

#[test]
fn every_link_of_a_document_leads_to_a_file() {
    for page in pages() {
        for link in links(&page) {
            let target = page.parent().unwrap().join(&link);
            assert!(target.exists(), "{} links to {link}", page.display());
        }
    }
}

/// The names by which a page's headings are linked to: lower case, without what is no letter, digit, `_` or `-`, and with `-` for spaces.
fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let words = headings.map(|line| line.trim_start_matches('#').trim().to_lowercase());
    words
        .map(|heading| {
            let kept = |sign: &char| sign.is_alphanumeric() || matches!(sign, '_' | '-' | ' ');
            heading.chars().filter(kept).collect::<String>()
        })
        .map(|heading| heading.replace(' ', "-"))
        .collect()
}

#[test]
fn every_link_to_a_heading_leads_to_one() {
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        let targets = text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.contains("://")) {
            let Some((path, heading)) = target.split_once('#') else {
                continue;
            };
            let there = match path {
                "" => text.clone(),
                path => std::fs::read_to_string(page.parent().unwrap().join(path)).unwrap(),
            };
            assert!(
                anchors(&there).iter().any(|anchor| anchor == heading),
                "{} links to {target}, and there is no such heading",
                page.display()
            );
        }
    }
}

#[test]
fn the_table_of_contents_names_every_page_of_the_book() {
    let docs = root().join("docs");
    let summary = docs.join("SUMMARY.md");
    let named: Vec<_> = links(&summary).iter().map(|link| docs.join(link)).collect();
    for page in pages() {
        let in_book = page.starts_with(&docs) && page != summary;
        assert!(
            !in_book || named.contains(&page),
            "{} is not in SUMMARY.md",
            page.display()
        );
    }
}

/// The tests that a text names as `path.rs::name` in code type.
fn named_tests(text: &str) -> Vec<(&str, &str)> {
    let spans = text.split('`').skip(1).step_by(2);
    let named = spans.filter_map(|span| span.split_once("::"));
    named.filter(|(path, _)| path.ends_with(".rs")).collect()
}

/// Whether a file has a test of this name: a function whose attributes, right above it, say so.
fn is_test(source: &str, name: &str) -> bool {
    let begins = |line: &str| {
        let line = line.trim_start();
        let line = line.strip_prefix("async ").unwrap_or(line);
        line.strip_prefix("fn ").is_some_and(|rest| {
            rest.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with('('))
        })
    };
    let lines: Vec<_> = source.lines().collect();
    let Some(at) = lines.iter().position(|line| begins(line)) else {
        return false;
    };
    let above = lines[..at].iter().rev().map(|line| line.trim_start());
    let attributes = above.take_while(|line| line.starts_with('#') || line.starts_with("//"));
    attributes.into_iter().any(|line| {
        line.starts_with("#[test]") || (line.starts_with("#[") && line.contains("::test"))
    })
}

#[test]
fn every_test_that_a_document_names_is_there() {
    let mut missing = Vec::new();
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        for (path, name) in named_tests(&text) {
            let source = std::fs::read_to_string(root().join(path)).unwrap_or_default();
            if !is_test(&source, name) {
                missing.push(format!("{} names {path}::{name}", page.display()));
            }
        }
    }
    assert!(missing.is_empty(), "no such test:\n{}", missing.join("\n"));
}

#[test]
fn every_claim_of_the_threat_model_and_every_refusal_names_a_test_or_says_that_none_shows_it() {
    for page in ["docs/threat-model.md", "docs/protocol/refusals.md"] {
        each_claim_is_shown(&std::fs::read_to_string(root().join(page)).unwrap());
    }
}

fn each_claim_is_shown(page: &str) {
    let mut claims = 0;
    let mut shown_by = false;
    for line in page.lines() {
        if !line.starts_with('|') {
            shown_by = false;
        } else if line.ends_with("| shown by |") {
            shown_by = true;
        } else if shown_by && !line.starts_with("|---") {
            claims += 1;
            let shown = !named_tests(line).is_empty() || line.contains("not shown");
            assert!(shown, "nothing shows: {line}");
        }
    }
    assert!(claims > 40, "the tables of claims were not found");
}

#[test]
fn a_name_without_its_test_is_found() {
    let source = "/// A story.\n#[tokio::test]\nasync fn there(x: u8) {}\n\nfn helper() {}\n";
    assert!(is_test(source, "there"));
    for name in ["helper", "the", "there_too", "gone"] {
        assert!(!is_test(source, name), "{name}");
    }
    let text = "| a | `a/b.rs::there`, `Type::method`, b.rs::not_in_code_type |";
    assert_eq!(named_tests(text), [("a/b.rs", "there")]);
}

/// The labels of derivations and signed texts in a source: string literals that begin like one, up to its tests.
fn labels(source: &str) -> Vec<&str> {
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = code.lines().map(str::trim_start);
    let lines = lines.filter(|line| !line.starts_with("//"));
    let literals = lines.flat_map(|line| line.split('"').skip(1).step_by(2));
    let bare = literals.map(|literal| literal.strip_prefix("\\0").unwrap_or(literal));
    let label = |text: &&str| {
        ["Sealwire v1 ", "Sealwire_", "Whisper"]
            .iter()
            .any(|beginning| text.starts_with(beginning))
    };
    bare.filter(label).collect()
}

#[test]
fn every_label_of_the_code_stands_in_the_protocol() {
    let docs = root().join("docs");
    let pages = pages().into_iter().filter(|page| {
        page.starts_with(docs.join("protocol")) || *page == docs.join("protocol.md")
    });
    let protocol: String = pages
        .map(|page| std::fs::read_to_string(page).unwrap())
        .collect();
    let mut found = 0;
    let folders = [
        "core/crypto/src",
        "core/wire/src",
        "core/engine/src",
        "server-stub/src/service",
    ];
    let mut folders: Vec<_> = folders.map(|folder| root().join(folder)).into();
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("tests") {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs")
                && !path.ends_with("tests.rs")
            {
                let source = std::fs::read_to_string(&path).unwrap();
                for label in labels(&source) {
                    found += 1;
                    let stands = protocol.contains(&format!("`{label}`"));
                    assert!(stands, "{label} of {} is on no page", path.display());
                }
            }
        }
    }
    assert!(found >= 20, "{found} labels are not all that there are");
}
