//! Reads the sources of the crates: every type, what it holds, and how it can be shown.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use syn::{Attribute, Fields, GenericArgument, Item, PathArguments, ReturnType, Type};

const CRATES: [&str; 5] = ["crypto", "wire", "store", "engine", "sdk"];

/// What wipes itself when it is dropped, of other crates.
const WIPES: [&str; 3] = ["Zeroizing", "Hmac", "PrivateKey"];

/// Names of fields that hold a secret whatever their type is called.
const SECRET_NAMES: [&str; 6] = ["secret", "seed", "bearer", "token", "password", "store_key"];

/// A type as its source has it.
#[derive(Default)]
pub(super) struct Declared {
    public: bool,
    pub(super) zeroize_on_drop: bool,
    /// `Debug`, `Display`, `Serialize`: derived, or written by hand.
    pub(super) shown: BTreeSet<String>,
    /// Name and the types in it, those behind a reference left out.
    pub(super) fields: Vec<(String, BTreeSet<String>)>,
}

pub(super) type Name = (String, String);

#[derive(Default)]
pub(super) struct Sources(pub(super) BTreeMap<Name, Declared>);

pub(super) fn sources() -> Sources {
    let mut sources = Sources::default();
    for krate in CRATES {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../core");
        sources.folder(krate, &folder.join(krate).join("src"));
    }
    sources
}

impl Sources {
    fn folder(&mut self, krate: &str, folder: &Path) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
            if stem == "tests" || stem == "testing" || stem == "differential" {
                continue;
            }
            if path.is_dir() {
                self.folder(krate, &path);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let file = syn::parse_file(&text);
                let file = file.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                self.items(krate, file.items);
                self.made_by_macros(krate, &text);
            }
        }
    }

    pub(super) fn items(&mut self, krate: &str, items: Vec<Item>) {
        for item in items {
            match item {
                Item::Mod(module) if !of_tests(&module.attrs) => {
                    let items = module.content.map(|(_, items)| items);
                    self.items(krate, items.unwrap_or_default());
                }
                Item::Struct(item) => {
                    let fields = fields(&item.fields, "");
                    self.declared(krate, &item.ident, &item.vis, &item.attrs, fields);
                }
                Item::Enum(item) => {
                    let variants = item.variants.iter();
                    let fields = variants
                        .flat_map(|variant| fields(&variant.fields, &variant.ident.to_string()));
                    let fields = fields.collect();
                    self.declared(krate, &item.ident, &item.vis, &item.attrs, fields);
                }
                Item::Impl(item) => {
                    let Some((path, _)) = &item.trait_ else {
                        continue;
                    };
                    let shows = path.segments.last().unwrap().ident.to_string();
                    if let (true, Type::Path(of)) = (shown(&shows), &*item.self_ty) {
                        let name = of.path.segments.last().unwrap().ident.to_string();
                        let by_hand = format!("{shows} by hand");
                        self.entry(krate, &name).shown.insert(by_hand);
                    }
                }
                _ => {}
            }
        }
    }

    fn declared(
        &mut self,
        krate: &str,
        name: &syn::Ident,
        visibility: &syn::Visibility,
        attributes: &[Attribute],
        fields: Vec<(String, BTreeSet<String>)>,
    ) {
        if of_tests(attributes) {
            return;
        }
        let mut derived = derived(attributes);
        // Prost's messages can be printed unless they say otherwise.
        if ["Message", "Oneof"]
            .iter()
            .any(|kind| derived.contains(*kind))
            && !attributes.iter().any(|attribute| {
                attribute.path().is_ident("prost")
                    && attribute
                        .parse_args::<syn::Ident>()
                        .is_ok_and(|word| word == "skip_debug")
            })
        {
            derived.insert("Debug".to_owned());
        }
        let entry = self.entry(krate, &name.to_string());
        entry.public |= matches!(visibility, syn::Visibility::Public(_));
        entry.zeroize_on_drop |= derived.contains("ZeroizeOnDrop");
        entry
            .shown
            .extend(derived.into_iter().filter(|name| shown(name)));
        entry.fields.extend(fields);
    }

    /// The pairs of `role!(…)` and the keys of `secret32!(…)`: the first line below that is no comment names one.
    fn made_by_macros(&mut self, krate: &str, text: &str) {
        let lines: Vec<_> = text.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            if !["role!(", "secret32!("].contains(line) {
                continue;
            }
            let mut below = lines[index + 1..].iter().map(|line| line.trim());
            let name = below.find(|line| !line.starts_with("//")).unwrap();
            let made = self.entry(krate, name.trim_end_matches(','));
            (made.public, made.zeroize_on_drop) = (true, true);
        }
    }

    fn entry(&mut self, krate: &str, name: &str) -> &mut Declared {
        let name = (krate.to_owned(), name.to_owned());
        self.0.entry(name).or_default()
    }

    /// What a word in a type means: of this crate, or else what another crate shows.
    fn meant(&self, krate: &str, word: &str) -> Option<Name> {
        let here = (krate.to_owned(), word.to_owned());
        if self.0.contains_key(&here) {
            return Some(here);
        }
        let mut elsewhere = self.0.iter();
        let (name, _) = elsewhere.find(|((_, name), kind)| name == word && kind.public)?;
        Some(name.clone())
    }

    /// All that hold a secret, be it in a field of a field.
    pub(super) fn holding(&self) -> BTreeSet<Name> {
        let mut holding = BTreeSet::new();
        loop {
            let before = holding.len();
            for (name, kind) in &self.0 {
                let secret = kind.zeroize_on_drop
                    || kind.fields.iter().any(|(field, types)| {
                        named_as_secret(field, types)
                            || wipes(types)
                            || types.iter().any(|word| {
                                let meant = self.meant(&name.0, word);
                                meant.is_some_and(|meant| holding.contains(&meant))
                            })
                    });
                if secret {
                    holding.insert(name.clone());
                }
            }
            if holding.len() == before {
                return holding;
            }
        }
    }
}

pub(super) fn wipes(types: &BTreeSet<String>) -> bool {
    let own = ["SecretBytes", "Secret32", "Secret"];
    types
        .iter()
        .any(|word| WIPES.contains(&word.as_str()) || own.contains(&word.as_str()))
}

fn shown(name: &str) -> bool {
    ["Debug", "Display", "Serialize"].contains(&name)
}

/// A name says so, and the type is one that can hold it.
pub(super) fn named_as_secret(field: &str, types: &BTreeSet<String>) -> bool {
    const HOLDS: [&str; 2] = ["String", "u8"];
    let named = SECRET_NAMES.iter().any(|name| {
        field == *name
            || field.ends_with(&format!("_{name}"))
            || field.starts_with(&format!("{name}_"))
    });
    named && types.iter().any(|word| HOLDS.contains(&word.as_str()))
}

fn of_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute
                .parse_args::<syn::Ident>()
                .is_ok_and(|word| word == "test")
    })
}

fn derived(attributes: &[Attribute]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for attribute in attributes {
        if attribute.path().is_ident("derive") {
            attribute
                .parse_nested_meta(|meta| {
                    let last = meta.path.segments.last().unwrap();
                    names.insert(last.ident.to_string());
                    Ok(())
                })
                .unwrap();
        }
    }
    names
}

fn fields(fields: &Fields, variant: &str) -> Vec<(String, BTreeSet<String>)> {
    let one = |field: &syn::Field| {
        let mut words = BTreeSet::new();
        types(&field.ty, &mut words);
        let name = field.ident.as_ref();
        (name.map_or(variant.to_owned(), ToString::to_string), words)
    };
    fields.iter().map(one).collect()
}

/// The names in a type. What is only borrowed is its owner's to wipe; what a function takes or gives is not held.
fn types(of: &Type, words: &mut BTreeSet<String>) {
    match of {
        Type::Array(array) => types(&array.elem, words),
        Type::Slice(slice) => types(&slice.elem, words),
        Type::Group(group) => types(&group.elem, words),
        Type::Paren(paren) => types(&paren.elem, words),
        Type::Tuple(tuple) => tuple.elems.iter().for_each(|each| types(each, words)),
        Type::Path(path) => {
            let last = path.path.segments.last().unwrap();
            words.insert(last.ident.to_string());
            match &last.arguments {
                PathArguments::AngleBracketed(inside) => {
                    for argument in &inside.args {
                        if let GenericArgument::Type(inner) = argument {
                            types(inner, words);
                        }
                    }
                }
                PathArguments::Parenthesized(inside) => {
                    if let ReturnType::Type(_, inner) = &inside.output {
                        types(inner, words);
                    }
                }
                PathArguments::None => {}
            }
        }
        _ => {}
    }
}
