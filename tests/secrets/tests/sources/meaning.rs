//! What a path in a type means, and which types hold a secret because of what they hold.

use std::collections::BTreeSet;

use super::held::{Field, names_a_secret};
use super::reader::{Declared, Name, Sources, inside, last};

impl Sources {
    /// The types that a path may mean where it stands. If it cannot be told, all of that name, so that none is missed.
    pub(super) fn meant(&self, at: &(String, String), path: &[String]) -> Vec<Name> {
        let (krate, module) = at;
        let Some(first) = path.first() else {
            return Vec::new();
        };
        let here = (krate.clone(), inside(module, first));
        if path.len() == 1 && self.types.contains_key(&here) {
            return vec![here];
        }
        let used = self
            .uses
            .get(&here)
            .filter(|used| used.first() != Some(first));
        let path: Vec<_> = match used {
            Some(used) => used.iter().chain(&path[1..]).cloned().collect(),
            None => path.to_vec(),
        };
        let (Some(name), Some(first)) = (path.last(), path.first()) else {
            return Vec::new();
        };
        let within = of_crate(first);
        let known = |of: &&Name| of.0 == *krate || self.types[*of].public;
        let called = self.called.get(name).into_iter().flatten();
        let all: Vec<_> = called.filter(known).cloned().collect();
        let nearest = |of: &Name| of.0 == within.unwrap_or(krate);
        let near: Vec<_> = all.iter().filter(|of| nearest(of)).cloned().collect();
        let all = if near.is_empty() { all } else { near };
        // `proto::Message` is not the `Message` of another module.
        let before = path.len().checked_sub(2).map(|index| &path[index]);
        let written = before.map(|before| inside(before, name));
        let ends = |of: &Name| {
            let written = written.as_deref().unwrap_or(name);
            of.1 == written || of.1.ends_with(&format!("::{written}"))
        };
        let exact: Vec<_> = all.iter().filter(|of| ends(of)).cloned().collect();
        if exact.is_empty() { all } else { exact }
    }

    /// Bytes or text that nobody wipes, in the field itself or in a type of one field that only gives them a name.
    fn bare(&self, of: &Name, field: &Field, depth: usize) -> bool {
        let at = module_of(of);
        field.holds.bare
            || depth > 0
                && field.holds.paths.iter().any(|path| {
                    self.meant(&at, path).iter().any(|name| {
                        let declared = &self.types[name];
                        let wraps = declared.alias
                            || declared.fields.len() == 1 && !names_a_secret(last(&name.1));
                        wraps
                            && !declared.zeroize_on_drop
                            && declared
                                .fields
                                .iter()
                                .any(|inner| self.bare(name, inner, depth - 1))
                    })
                })
    }

    /// Holds a secret by its name: one that the list of public fields has to name, or it counts.
    pub(super) fn counts(&self, of: &Name, field: &Field) -> bool {
        let wiping = self.types[of].zeroize_on_drop;
        field.named_as_secret && self.bare(of, field, 4)
            || wiping && field.skipped && self.bare(of, field, 4)
    }

    /// All that hold a secret, be it in a field of a field. `public` says which fields are none.
    pub(super) fn holding(&self, public: &impl Fn(&Name, &Field) -> bool) -> BTreeSet<Name> {
        let mut holding = BTreeSet::new();
        loop {
            let before = holding.len();
            for (name, declared) in &self.types {
                if declared.zeroize_on_drop
                    || declared.fields.iter().any(|field| {
                        field.holds.wiping
                            || self.counts(name, field) && !public(name, field)
                            || self.holds_one_of(&holding, name, field)
                    })
                {
                    holding.insert(name.clone());
                }
            }
            if holding.len() == before {
                holding.retain(|name| !self.types[name].alias);
                return holding;
            }
        }
    }

    fn holds_one_of(&self, holding: &BTreeSet<Name>, of: &Name, field: &Field) -> bool {
        let at = module_of(of);
        let mut paths = field.holds.paths.iter();
        paths.any(|path| {
            self.meant(&at, path)
                .iter()
                .any(|name| holding.contains(name))
        })
    }

    /// All fields of all types.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&Name, &Declared, &Field)> {
        let types = self.types.iter().filter(|(_, declared)| !declared.alias);
        types.flat_map(|(name, declared)| {
            let fields = declared.fields.iter();
            fields.map(move |field| (name, declared, field))
        })
    }
}

pub(super) fn module_of(name: &Name) -> (String, String) {
    let module = name.1.rsplit_once("::").map_or("", |(module, _)| module);
    (name.0.clone(), module.to_owned())
}

/// As other crates call ours.
fn of_crate(word: &str) -> Option<&str> {
    match word {
        "sealwire" => Some("sdk"),
        word => word.strip_prefix("sealwire_"),
    }
}
