//! The places at which a client can be killed: in the sources, in the table of the docs, and as an argument.

use sealwire_store::crash;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// A place that a process comes to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// Of the step.
    pub name: String,
    /// Of a commit: before it or after it.
    pub side: Option<Side>,
}

/// On which side of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Side {
    /// Everything is written, nothing committed.
    Before,
    /// It is committed, and nobody was told.
    After,
}

impl Place {
    /// As a client passes it.
    pub fn new(name: &str, place: crash::Place) -> Self {
        let side = match place {
            crash::Place::Here => None,
            crash::Place::BeforeCommit => Some(Side::Before),
            crash::Place::AfterCommit => Some(Side::After),
        };
        Self {
            name: name.to_owned(),
            side,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = match self.side {
            None => "",
            Some(Side::Before) => "/before",
            Some(Side::After) => "/after",
        };
        write!(out, "{}{side}", self.name)
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, side) = match text.split_once('/') {
            None => (text, None),
            Some((name, "before")) => (name, Some(Side::Before)),
            Some((name, "after")) => (name, Some(Side::After)),
            Some(_) => return Err(format!("{text}: neither before nor after")),
        };
        let name = name.to_owned();
        Ok(Self { name, side })
    }
}

/// Every step that the sources of the core name.
pub fn places_in_the_sources() -> BTreeSet<String> {
    let core = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../core");
    let mut names = BTreeSet::new();
    collect(&core, &mut names);
    names
}

/// Every step in the table of docs/testing.md: the rows under "places", first column.
pub fn places_of_the_table() -> BTreeSet<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/testing.md");
    let page = std::fs::read_to_string(page).unwrap();
    let rows = page
        .lines()
        .skip_while(|line| !line.starts_with("| place |"));
    rows.skip(2)
        .take_while(|line| line.starts_with("| "))
        .filter_map(|line| line.split('`').nth(1))
        .map(str::to_owned)
        .collect()
}

fn collect(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, names);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            for call in ["crash::point(\"", ".step(\""] {
                let named = text.split(call).skip(1);
                names.extend(
                    named
                        .filter_map(|rest| rest.split('"').next())
                        .map(str::to_owned),
                );
            }
        }
    }
}
