//! What a field holds, as its type and its name say it.

use std::collections::BTreeSet;

use syn::{Attribute, GenericArgument, Meta, PathArguments, ReturnType, Type};

/// Types of other crates that wipe what they hold when they are dropped.
const WIPES: [&str; 3] = ["Zeroizing", "Hmac", "PrivateKey"];

/// A word of a name that has one of these in it names a secret: `prekeys`, `tokens`, `PASSPHRASE`.
const PART_OF_A_WORD: [&str; 7] = [
    "key",
    "secret",
    "seed",
    "token",
    "password",
    "passphrase",
    "bearer",
];

/// These are words of their own, in the singular or the plural: "pinned" is no PIN.
const WHOLE_WORD: [&str; 4] = ["root", "chain", "mac", "pin"];

/// One field of a struct or variant.
pub(super) struct Field {
    /// `root_key`; of a tuple its number; of a variant `Variant.field` or `Variant.0`.
    pub(super) name: String,
    /// Its name says so, or, where a type has but one field or none has a name, the type's or variant's does.
    pub(super) named_as_secret: bool,
    pub(super) holds: Holds,
    /// `#[zeroize(skip)]`: the type's drop passes it by.
    pub(super) skipped: bool,
}

/// The types in a type. What is only borrowed is its owner's to wipe; what a function takes or gives is not held.
#[derive(Default, Clone)]
pub(super) struct Holds {
    /// Bytes or text that nothing wraps: they are left where they were.
    pub(super) bare: bool,
    /// Something that wipes itself.
    pub(super) wiping: bool,
    /// Every other type, as its path is written.
    pub(super) paths: BTreeSet<Vec<String>>,
}

impl Holds {
    pub(super) fn of(of: &Type) -> Self {
        let mut holds = Self::default();
        holds.look(of);
        holds
    }

    fn look(&mut self, of: &Type) {
        match of {
            Type::Array(array) => self.row(&array.elem),
            Type::Slice(slice) => self.row(&slice.elem),
            Type::Group(group) => self.look(&group.elem),
            Type::Paren(paren) => self.look(&paren.elem),
            Type::Tuple(tuple) => tuple.elems.iter().for_each(|each| self.look(each)),
            Type::Path(path) => self.path(&path.path),
            _ => {}
        }
    }

    /// A row of bytes; a byte by itself is a number.
    fn row(&mut self, element: &Type) {
        match element {
            Type::Path(path) if path.path.is_ident("u8") => self.bare = true,
            other => self.look(other),
        }
    }

    fn path(&mut self, path: &syn::Path) {
        let names: Vec<_> = path
            .segments
            .iter()
            .map(|part| part.ident.to_string())
            .collect();
        let (Some(last), Some(segment)) = (names.last(), path.segments.last()) else {
            return;
        };
        if WIPES.contains(&last.as_str()) {
            self.wiping = true;
            return; // With all that is inside.
        }
        match last.as_str() {
            "String" | "str" | "Bytes" | "OsString" => self.bare = true,
            _ => {}
        }
        match &segment.arguments {
            PathArguments::AngleBracketed(inside) => {
                for argument in &inside.args {
                    match argument {
                        GenericArgument::Type(inner) if last == "Vec" => self.row(inner),
                        GenericArgument::Type(inner) => self.look(inner),
                        _ => {}
                    }
                }
            }
            PathArguments::Parenthesized(inside) => {
                if let ReturnType::Type(_, inner) = &inside.output {
                    self.look(inner);
                }
            }
            PathArguments::None => {}
        }
        self.paths.insert(names);
    }
}

/// All fields; `of` is the type's name, `variant` the variant's.
pub(super) fn fields(all: &syn::Fields, of: &str, variant: Option<&syn::Variant>) -> Vec<Field> {
    let skips_all = variant.is_some_and(|variant| skipped(&variant.attrs));
    let one = |(index, field): (usize, &syn::Field)| {
        let own = field.ident.as_ref().map(ToString::to_string);
        let of_the_type = own.is_none() || all.len() == 1;
        let variant = variant.map(|variant| variant.ident.to_string());
        let name = own.clone().unwrap_or_else(|| index.to_string());
        Field {
            named_as_secret: names_a_secret(&name)
                || of_the_type
                    && (names_a_secret(of) || variant.as_deref().is_some_and(names_a_secret)),
            name: match variant {
                Some(variant) => format!("{variant}.{name}"),
                None => name,
            },
            holds: Holds::of(&field.ty),
            skipped: skips_all || skipped(&field.attrs),
        }
    };
    all.iter().enumerate().map(one).collect()
}

pub(super) fn names_a_secret(name: &str) -> bool {
    words(name).iter().any(|word| {
        let singular = word.strip_suffix('s').unwrap_or(word);
        PART_OF_A_WORD.iter().any(|part| word.contains(part)) || WHOLE_WORD.contains(&singular)
    })
}

/// `root_key` and `RootKey`: "root", "key".
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = 'A';
    for letter in name.chars() {
        if letter == '_' || letter.is_uppercase() && !before.is_uppercase() {
            words.push(String::new());
        }
        if let (true, Some(word)) = (letter != '_', words.last_mut()) {
            word.extend(letter.to_lowercase());
        }
        before = letter;
    }
    words
}

fn skipped(attributes: &[Attribute]) -> bool {
    let mut skipped = false;
    each(attributes, &mut |attribute| {
        let list = attribute.require_list();
        skipped |= attribute.path().is_ident("zeroize")
            && list.is_ok_and(|list| list.tokens.to_string().contains("skip"));
    });
    skipped
}

/// The attributes, and those that a `cfg_attr` may add.
pub(super) fn each(attributes: &[Attribute], look: &mut dyn FnMut(&Meta)) {
    for attribute in attributes {
        unfold(&attribute.meta, look);
    }
}

fn unfold(attribute: &Meta, look: &mut dyn FnMut(&Meta)) {
    type Parts = syn::punctuated::Punctuated<Meta, syn::Token![,]>;
    match attribute.require_list() {
        Ok(list) if list.path.is_ident("cfg_attr") => {
            let parts = list.parse_args_with(Parts::parse_terminated).unwrap();
            parts.iter().skip(1).for_each(|part| unfold(part, look));
        }
        _ => look(attribute),
    }
}
