//! Reads the sources of the crates, module by module: every type, what it holds, what its drop wipes, and how it can be shown.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use syn::{Attribute, Item, Type, UseTree};

use super::held::{Field, Holds, each, fields};

/// Name and folder.
const CRATES: [(&str, &str); 7] = [
    ("crypto", "core/crypto"),
    ("wire", "core/wire"),
    ("store", "core/store"),
    ("engine", "core/engine"),
    ("sdk", "core/sdk"),
    ("ffi", "ffi"),
    ("wasm", "wasm"),
];

/// Traits that show what a type holds.
pub(super) const SHOWING: [&str; 5] = ["Debug", "Display", "Serialize", "LowerHex", "UpperHex"];

/// A crate and a path in it: `("crypto", "keys::kem::KemKeyPair")`.
pub(super) type Name = (String, String);

/// A type as its source has it.
#[derive(Default)]
pub(super) struct Declared {
    pub(super) public: bool,
    /// `type A = B;`: not judged itself, but whoever names it holds what it stands for.
    pub(super) alias: bool,
    /// Derived, by each declaration of the name. The marker written by hand wipes nothing.
    pub(super) zeroize_on_drop: bool,
    /// How often it is declared: more than once under a `cfg`.
    times: usize,
    /// Fields that a drop written by hand wipes.
    drop_wipes: BTreeSet<String>,
    /// Derived, or written by hand.
    pub(super) shown: BTreeSet<String>,
    pub(super) fields: Vec<Field>,
}

/// `impl Trait for Type`, as it stands in a module.
struct ByHand {
    at: (String, String),
    of: Vec<String>,
    which: String,
    wiped: BTreeSet<String>,
}

#[derive(Default)]
pub(super) struct Sources {
    pub(super) types: BTreeMap<Name, Declared>,
    /// By their last name, once all are read.
    pub(super) called: BTreeMap<String, Vec<Name>>,
    /// Crate, and name in a module: the path that it stands for there.
    pub(super) uses: BTreeMap<Name, Vec<String>>,
    /// Macros whose text declares a type.
    pub(super) declaring: BTreeSet<String>,
    /// Macros whose text shows one.
    pub(super) showing: BTreeSet<String>,
    /// Crate, macro and the words that it was given.
    pub(super) calls: Vec<(String, String, BTreeSet<String>)>,
    by_hand: Vec<ByHand>,
}

pub(super) fn sources() -> Sources {
    let mut sources = Sources::default();
    for (krate, folder) in CRATES {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../..")
            .join(folder);
        sources.file(krate, "", &folder.join("src/lib.rs"));
    }
    sources.settle();
    sources
}

impl Sources {
    fn file(&mut self, krate: &str, module: &str, path: &Path) {
        let text = fs::read_to_string(path);
        let text = text.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let file = syn::parse_file(&text);
        let file = file.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let folder = match path.file_stem().and_then(|stem| stem.to_str()) {
            Some("lib" | "mod") => path.with_file_name(""),
            _ => path.with_extension(""),
        };
        self.items(krate, module, Some(&folder), &file.items);
    }

    /// `folder` is where the modules lie that have a file of their own.
    pub(super) fn items(
        &mut self,
        krate: &str,
        module: &str,
        folder: Option<&Path>,
        items: &[Item],
    ) {
        for item in items {
            match item {
                Item::Mod(inner) if !of_tests(&inner.attrs) => {
                    let name = inner.ident.to_string();
                    let path = inside(module, &name);
                    let folder = folder.map(|folder| folder.join(&name));
                    match (&inner.content, folder) {
                        (Some((_, items)), folder) => {
                            self.items(krate, &path, folder.as_deref(), items);
                        }
                        // A `#[path]` leads into a folder that is read by itself.
                        (None, Some(folder))
                            if !inner
                                .attrs
                                .iter()
                                .any(|attribute| attribute.path().is_ident("path")) =>
                        {
                            let beside = folder.with_extension("rs");
                            match beside.exists() {
                                true => self.file(krate, &path, &beside),
                                false => self.file(krate, &path, &folder.join("mod.rs")),
                            }
                        }
                        _ => {}
                    }
                }
                Item::Use(used) => self.used(krate, module, &mut Vec::new(), &used.tree),
                Item::Struct(item) if !of_tests(&item.attrs) => {
                    let held = fields(&item.fields, &item.ident.to_string(), None);
                    let declared = self.entry(krate, module, &item.ident.to_string());
                    declared.written(&item.vis, &item.attrs, held);
                }
                Item::Enum(item) if !of_tests(&item.attrs) => {
                    let of = item.ident.to_string();
                    let variants = item.variants.iter();
                    let held =
                        variants.flat_map(|variant| fields(&variant.fields, &of, Some(variant)));
                    let held = held.collect();
                    let declared = self.entry(krate, module, &of);
                    declared.written(&item.vis, &item.attrs, held);
                }
                Item::Type(item) => {
                    let declared = self.entry(krate, module, &item.ident.to_string());
                    declared.alias = true;
                    declared.public |= matches!(item.vis, syn::Visibility::Public(_));
                    declared.fields.push(Field {
                        name: String::new(),
                        named_as_secret: false,
                        holds: Holds::of(&item.ty),
                        skipped: false,
                    });
                }
                Item::Impl(item) if !of_tests(&item.attrs) => {
                    self.implementation(krate, module, item)
                }
                Item::Fn(item) if !of_tests(&item.attrs) => {
                    let within = inside(module, &item.sig.ident.to_string());
                    self.body(krate, &within, &item.block);
                }
                Item::Macro(item) if !of_tests(&item.attrs) => self.called(krate, module, item),
                _ => {}
            }
        }
    }

    /// What is declared inside of a function, but for blocks in it.
    fn body(&mut self, krate: &str, module: &str, block: &syn::Block) {
        for statement in &block.stmts {
            if let syn::Stmt::Item(item) = statement {
                self.items(krate, module, None, std::slice::from_ref(item));
            }
        }
    }

    /// Kept until all types are read: what it is for may stand in another module.
    fn implementation(&mut self, krate: &str, module: &str, item: &syn::ItemImpl) {
        let functions = item.items.iter().filter_map(|inside| match inside {
            syn::ImplItem::Fn(function) => Some(function),
            _ => None,
        });
        let wiped = functions.flat_map(|function| {
            let within = inside(module, &function.sig.ident.to_string());
            self.body(krate, &within, &function.block);
            function.block.stmts.iter().filter_map(wiped_by)
        });
        let wiped = wiped.collect();
        if let (Some((path, _)), Type::Path(of)) = (&item.trait_, &*item.self_ty) {
            self.by_hand.push(ByHand {
                at: (krate.to_owned(), module.to_owned()),
                of: segments(&of.path),
                which: segments(path).pop().unwrap_or_default(),
                wiped,
            });
        }
    }

    fn used(&mut self, krate: &str, module: &str, so_far: &mut Vec<String>, tree: &UseTree) {
        let mut stands_for = |name: &syn::Ident, of: &syn::Ident| {
            let path = so_far.iter().cloned().chain([of.to_string()]).collect();
            let at = (krate.to_owned(), inside(module, &name.to_string()));
            self.uses.insert(at, path);
        };
        match tree {
            UseTree::Name(used) => stands_for(&used.ident, &used.ident),
            UseTree::Rename(used) => stands_for(&used.rename, &used.ident),
            UseTree::Path(path) => {
                so_far.push(path.ident.to_string());
                self.used(krate, module, so_far, &path.tree);
                so_far.pop();
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.used(krate, module, so_far, tree);
                }
            }
            _ => {}
        }
    }

    pub(super) fn entry(&mut self, krate: &str, module: &str, name: &str) -> &mut Declared {
        self.types
            .entry((krate.to_owned(), inside(module, name)))
            .or_default()
    }

    /// Brings to the types what was written for them, once all are read.
    pub(super) fn settle(&mut self) {
        for name in self.types.keys() {
            let called = self.called.entry(last(&name.1).to_owned());
            called.or_default().push(name.clone());
        }
        for written in std::mem::take(&mut self.by_hand) {
            let meant = self.meant(&written.at, &written.of);
            let sure = meant.len() == 1;
            for name in meant {
                let declared = self.types.entry(name).or_default();
                if SHOWING.contains(&written.which.as_str()) {
                    declared.shown.insert(format!("{} by hand", written.which));
                }
                if written.which == "Drop" && sure {
                    declared.drop_wipes.extend(written.wiped.iter().cloned());
                }
            }
        }
        for (krate, name, given) in std::mem::take(&mut self.calls) {
            if self.showing.contains(&name) {
                let of = |(of, path): &Name| *of == krate && given.contains(last(path));
                let shown = self.types.iter_mut().filter(|(name, _)| of(name));
                shown.for_each(|(_, declared)| {
                    declared.shown.insert(format!("by {name}!"));
                });
            }
        }
    }
}

impl Declared {
    fn written(
        &mut self,
        visibility: &syn::Visibility,
        attributes: &[Attribute],
        held: Vec<Field>,
    ) {
        let (mut derived, mut silent) = (BTreeSet::new(), false);
        each(attributes, &mut |attribute| {
            let Ok(list) = attribute.require_list() else {
                return;
            };
            silent |= list.path.is_ident("prost") && list.tokens.to_string() == "skip_debug";
            if list.path.is_ident("derive") {
                let parsed = list.parse_nested_meta(|meta| {
                    derived.extend(segments(&meta.path).pop());
                    Ok(())
                });
                parsed.unwrap();
            }
        });
        // Prost's messages can be printed unless they say otherwise.
        if !silent
            && ["Message", "Oneof"]
                .iter()
                .any(|kind| derived.contains(*kind))
        {
            derived.insert("Debug".to_owned());
        }
        self.public |= matches!(visibility, syn::Visibility::Public(_));
        let wipes = derived.contains("ZeroizeOnDrop");
        self.zeroize_on_drop = wipes && (self.times == 0 || self.zeroize_on_drop);
        self.times += 1;
        derived.retain(|name| SHOWING.contains(&name.as_str()));
        self.shown.extend(derived);
        self.fields.extend(held);
    }

    /// The type's drop wipes the field, whatever it is made of.
    pub(super) fn wipes(&self, field: &Field) -> bool {
        let by_hand = self.times == 1 && self.drop_wipes.contains(&field.name);
        self.zeroize_on_drop && !field.skipped || by_hand
    }
}

/// Of a module, or of a type in it, the path of what is in it.
pub(super) fn inside(module: &str, name: &str) -> String {
    match module {
        "" => name.to_owned(),
        module => format!("{module}::{name}"),
    }
}

pub(super) fn last(path: &str) -> &str {
    path.rsplit("::").next().unwrap_or(path)
}

pub(super) fn segments(path: &syn::Path) -> Vec<String> {
    path.segments
        .iter()
        .map(|part| part.ident.to_string())
        .collect()
}

/// The field that a statement `self.field.zeroize();` wipes. One in a branch is none: it may not be reached.
fn wiped_by(statement: &syn::Stmt) -> Option<String> {
    let syn::Stmt::Expr(syn::Expr::MethodCall(call), _) = statement else {
        return None;
    };
    let syn::Expr::Field(field) = &*call.receiver else {
        return None;
    };
    let of_self = matches!(&*field.base, syn::Expr::Path(path) if path.path.is_ident("self"));
    (of_self && call.method == "zeroize").then(|| match &field.member {
        syn::Member::Named(name) => name.to_string(),
        syn::Member::Unnamed(index) => index.index.to_string(),
    })
}

fn of_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let only = |word: syn::Ident| word == "test";
        attribute.path().is_ident("cfg") && attribute.parse_args().is_ok_and(only)
    })
}
