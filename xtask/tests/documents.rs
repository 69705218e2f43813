//! The documents hang together: a link that leads nowhere, or a page that no table of contents names, is found here.
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
