//! Every type of the crates that an app carries that holds a secret, private ones too, is on a list here; none of them can be printed
//! or serialised, and what it holds wipes itself. The sources are read as they stand, so that a new type fails until somebody has
//! looked at it.
//!
//! What counts as a secret: what wipes itself, and every field of bytes or text whose name says so (`held.rs` has the words), unless
//! `looked_at.rs` names it as public and why. Not seen: what lies in a local variable, behind a `dyn` or a type parameter, in a type
//! declared in a block inside of a function, and a secret that nothing calls one.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod compiled;
mod held;
mod looked_at;
mod made_by_macros;
mod meaning;
mod reader;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use held::{Field, names_a_secret};
use looked_at::{FOREIGN, HOLDING, NOT_WIPED, PUBLIC, SHOWN};
use meaning::module_of;
use reader::{Name, Sources};

static SOURCES: LazyLock<Sources> = LazyLock::new(reader::sources);

static PUBLIC_FIELDS: LazyLock<BTreeSet<&str>> = LazyLock::new(|| {
    PUBLIC
        .iter()
        .flat_map(|(_, fields)| fields.iter().copied())
        .collect()
});

fn is_public(of: &Name, field: &Field) -> bool {
    PUBLIC_FIELDS.contains(path(of, field).as_str())
}

fn path(of: &Name, field: &Field) -> String {
    format!("{} {}.{}", of.0, of.1, field.name)
}

fn holding(sources: &Sources) -> BTreeSet<String> {
    let names = sources.holding(&is_public).into_iter();
    names
        .map(|(krate, path)| format!("{krate} {path}"))
        .collect()
}

/// What is found and what is on the list are the same.
fn same(what: &str, found: BTreeSet<String>, listed: impl Iterator<Item = String>) {
    let listed = listed.collect();
    let new: Vec<_> = found.difference(&listed).collect();
    let gone: Vec<_> = listed.difference(&found).collect();
    assert!(
        new.is_empty() && gone.is_empty(),
        "{what}: not on the list: {new:#?}; on the list and not there: {gone:#?}"
    );
}

#[test]
fn every_type_that_holds_a_secret_is_listed() {
    let listed = HOLDING.iter().flat_map(|(krate, paths)| {
        let paths = paths.iter();
        paths.map(move |path| format!("{krate} {path}"))
    });
    same("holds a secret", holding(&SOURCES), listed);
}

#[test]
fn none_of_them_can_be_printed_or_serialised() {
    let held = SOURCES.holding(&is_public).into_iter();
    let shown = held.flat_map(|name| {
        let shown = SOURCES.types[&name].shown.iter();
        shown
            .map(|shown| format!("{} {}: {shown}", name.0, name.1))
            .collect::<Vec<_>>()
    });
    let allowed = SHOWN.iter().map(|(what, _)| (*what).to_owned());
    same("is shown", shown.collect(), allowed);
}

/// Whatever a macro or another crate does for them: none has `Debug` or `Serialize` that the compiler knows of.
#[test]
fn the_compiler_is_asked_about_every_key_of_the_crypto_crate() {
    let held = SOURCES.holding(&is_public).into_iter();
    let held = held.filter(|name| name.0 == "crypto" && SOURCES.types[name].public);
    let asked = compiled::ASKED_ABOUT.iter().map(ToString::to_string);
    let names = held.map(|(_, path)| reader::last(&path).to_owned());
    same("can be held", names.collect(), asked);
}

#[test]
fn what_they_hold_wipes_itself() {
    let unwiped = SOURCES
        .fields()
        .filter(|(name, declared, field)| {
            SOURCES.counts(name, field) && !is_public(name, field) && !declared.wipes(field)
        })
        .map(|(name, _, field)| path(name, field));
    let allowed = NOT_WIPED.iter().map(|(what, _)| (*what).to_owned());
    same("is not wiped", unwiped.collect(), allowed);
}

/// A field that was renamed, or is wrapped by now, leaves the list of public ones: the next of that name is looked at again.
#[test]
fn what_is_listed_as_public_looks_like_a_secret() {
    let counted = SOURCES
        .fields()
        .filter(|(name, _, field)| SOURCES.counts(name, field))
        .map(|(name, _, field)| path(name, field));
    let counted: BTreeSet<_> = counted.collect();
    let stale: Vec<_> = PUBLIC_FIELDS
        .iter()
        .filter(|field| !counted.contains(**field))
        .collect();
    assert!(stale.is_empty(), "{stale:?}");
}

/// What other crates hold for us under such a name, and whether we could wipe it.
#[test]
fn types_of_other_crates_that_sound_like_secrets_are_known() {
    let unknown = SOURCES.fields().flat_map(|(of, _, field)| {
        let paths = field.holds.paths.iter().filter(|path| {
            let sounds = path.last().is_some_and(|name| names_a_secret(name));
            sounds && SOURCES.meant(&module_of(of), path).is_empty()
        });
        paths.map(|path| format!("{}: {}", self::path(of, field), path.join("::")))
    });
    let known = FOREIGN.iter().map(|(what, _)| (*what).to_owned());
    same("is of another crate", unknown.collect(), known);
}

/// What they make is not seen where they are called. Two make types that wipe themselves, which the compiler is asked about; the others make names of errors and bugs, and a type inside of a function that holds nothing.
#[test]
fn macros_that_declare_types_are_known() {
    let known = ["role", "secret32", "bugs", "codes", "travels_as_text"];
    let known = known.iter().map(ToString::to_string);
    same("declares types", SOURCES.declaring.clone(), known);
}

/// What each rule is there for is found in a source that has it.
#[test]
fn a_type_that_nobody_looked_at_is_found() {
    let sources = read(
        r#"
        mod inner {
            #[derive(Debug, Clone)]
            pub struct PlantedKeys { root_key: [u8; 32], key: [u8; 32], mac: Vec<u8> }
            #[derive(Debug)]
            struct Plain { name: String, count: u32, key_type: u8, turnkey: &'static [u8] }
            #[derive(Clone, Debug)]
            struct ByName { refresh_token: Option<String> }
            struct ByType(zeroize::Zeroizing<Vec<u8>>);
            struct MacKey([u8; 32]);
            struct Pin { digits: Box<[u8]> }
            enum Step { Sending { chains: Vec<[u8; 32]> }, Root([u8; 32]) }
            type Bytes32 = [u8; 32];
            struct Block(Bytes32);
            struct Alias { seed: Block }
            pub enum Nested { Nothing, Some(std::sync::Arc<ByType>) }
            #[derive(prost::Message)]
            struct Sent { #[prost(bytes)] seed: Vec<u8> }
            #[cfg_attr(feature = "shown", derive(Debug))]
            struct Conditional { secret: [u8; 32] }
            struct Borrowing<'a> { of: &'a ByType }
            impl fmt::Display for Nested {}
            #[cfg(test)]
            struct OfATest { secret: Vec<u8> }
            fn inside() { struct Local { password: String } }
        }
        use inner::ByType as Renamed;
        struct Holds(Renamed);
    "#,
    );
    let found = [
        "Holds",
        "inner::Alias",
        "inner::ByName",
        "inner::ByType",
        "inner::Conditional",
        "inner::inside::Local",
        "inner::MacKey",
        "inner::Nested",
        "inner::Pin",
        "inner::PlantedKeys",
        "inner::Sent",
        "inner::Step",
    ];
    let found = found.iter().map(|path| format!("store {path}"));
    same("holds a secret", holding(&sources), found);
    let shown = |path: &str| {
        let declared = &sources.types[&("store".to_owned(), path.to_owned())];
        declared.shown.iter().cloned().collect::<Vec<_>>()
    };
    assert_eq!(shown("inner::PlantedKeys"), ["Debug"]);
    assert_eq!(shown("inner::ByName"), ["Debug"]);
    assert_eq!(shown("inner::Nested"), ["Display by hand"]);
    assert_eq!(shown("inner::Sent"), ["Debug"]);
    assert_eq!(shown("inner::Conditional"), ["Debug"]);
}

/// A field counts as wiped if the drop reaches it, and for nothing that another type of its name does.
#[test]
fn a_field_that_no_drop_wipes_is_found() {
    let sources = read(
        r#"
        pub struct PlantedKeys { root_key: [u8; 32], key: [u8; 32], mac: Vec<u8> }
        mod wiped {
            #[derive(ZeroizeOnDrop)]
            pub struct Twin { key: [u8; 32] }
        }
        mod bare {
            pub struct Twin { key: [u8; 32] }
        }
        #[derive(ZeroizeOnDrop)]
        struct Skips { key: [u8; 32], #[zeroize(skip)] other: [u8; 32], #[zeroize(skip)] number: u32 }
        struct ByHand { key: [u8; 32], seed: [u8; 32], mac: [u8; 32], name: String }
        impl Drop for ByHand {
            fn drop(&mut self) {
                self.key.zeroize();
                if self.name.is_empty() { self.mac.zeroize(); }
            }
        }
        #[cfg(unix)]
        #[derive(ZeroizeOnDrop)]
        struct Either { key: [u8; 32] }
        #[cfg(windows)]
        struct Either { key: [u8; 32] }
        struct Marked { key: [u8; 32] }
        impl zeroize::ZeroizeOnDrop for Marked {}
        struct Half { keys: (Zeroizing<[u8; 32]>, [u8; 32]) }
        struct Whole { keys: Option<Zeroizing<Vec<[u8; 32]>>> }
    "#,
    );
    let unwiped = sources
        .fields()
        .filter(|(name, declared, field)| sources.counts(name, field) && !declared.wipes(field))
        .map(|(name, _, field)| path(name, field));
    let expected = [
        "PlantedKeys.root_key",
        "PlantedKeys.key",
        "PlantedKeys.mac",
        "bare::Twin.key",
        "Skips.other",
        "ByHand.seed",
        "ByHand.mac",
        "Either.key",
        "Marked.key",
        "Half.keys",
    ];
    let expected = expected.iter().map(|path| format!("store {path}"));
    same("is not wiped", unwiped.collect(), expected);
}

fn read(text: &str) -> Sources {
    let mut sources = Sources::default();
    sources.items("store", "", None, &syn::parse_file(text).unwrap().items);
    sources.settle();
    sources
}
