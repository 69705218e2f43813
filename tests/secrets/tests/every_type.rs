//! Every type of the crypto crate that holds a secret is on a list here, and nothing prints or serialises one.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use sealwire_crypto::attachment::{AttachmentKey, AttachmentPlan, ChunkOpener, ChunkSealer};
use sealwire_crypto::content::{ContentKey, FrankingKey, OpenedContent, SealedContent};
use sealwire_crypto::envelope::EnvelopePlaintext;
use sealwire_crypto::keys::{
    AccountKeyPair, EphemeralKeyPair, IdentityKeyPair, KemKeyPair, OneTimePreKeyPair,
    RatchetKeyPair, SignedPreKeyPair,
};
use sealwire_crypto::linking::{
    LinkCode, LinkConfirmer, LinkFinisher, LinkJoiner, LinkKeyPair, LinkSecret, LinkSender,
    LinkWaiter,
};
use sealwire_crypto::primitives::edwards::Scalar;
use sealwire_crypto::primitives::{HmacSha256, X25519Secret};
use sealwire_crypto::ratchet::{Opened, SessionRecord, SkippedKey};

/// Does not compile if a type has the trait: then both implementations fit, and neither is chosen.
macro_rules! none_is {
    ($trait:path: $($secret:ty),* $(,)?) => {
        $(const _: fn() = || {
            trait Ambiguous<Case> {
                fn chosen() {}
            }
            struct Has;
            impl<T: ?Sized> Ambiguous<()> for T {}
            impl<T: ?Sized + $trait> Ambiguous<Has> for T {}
            let _ = <$secret as Ambiguous<_>>::chosen;
        };)*
    };
}

macro_rules! public {
    ($($secret:ident),* $(,)?) => {
        /// What an app or the engine can hold.
        const PUBLIC: &[&str] = &[$(stringify!($secret)),*];
        none_is!(core::fmt::Debug: $($secret),*);
        none_is!(serde::Serialize: $($secret),*);
    };
}

// Each is dropped and looked for in `wiped.rs`; the steps of a linking after the first hold the same channel.
public!(
    AccountKeyPair,
    AttachmentKey,
    AttachmentPlan,
    ChunkOpener,
    ChunkSealer,
    ContentKey,
    EnvelopePlaintext,
    EphemeralKeyPair,
    FrankingKey,
    HmacSha256,
    IdentityKeyPair,
    KemKeyPair,
    LinkConfirmer,
    LinkFinisher,
    LinkJoiner,
    LinkKeyPair,
    LinkSecret,
    LinkSender,
    LinkWaiter,
    OneTimePreKeyPair,
    Opened,
    OpenedContent,
    RatchetKeyPair,
    Scalar,
    SealedContent,
    SessionRecord,
    SignedPreKeyPair,
    SkippedKey,
    X25519Secret,
);

// No secret by itself, but who reads it in a log can answer in the new device's place.
none_is!(core::fmt::Debug: LinkCode);
none_is!(serde::Serialize: LinkCode);

/// Inside of the crate: parts of the public ones, and what lives as long as one call.
const PRIVATE: &[&str] = &[
    "ChainKey",
    "Channel",
    "CipherKey",
    "Content",
    "Finish",
    "KeyPair",
    "Message",
    "MessageKeys",
    "MessageSeed",
    "ReceiverChain",
    "RootKey",
    "SendingChain",
    "Session",
    "SessionOpened",
    "Step",
    "Turn",
    "Writer",
];

/// A struct or enum, as its source has it.
struct Declared {
    name: String,
    text: String,
}

#[test]
fn no_type_that_holds_a_secret_is_missing_here() {
    let mut declared = Vec::new();
    read(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("../../core/crypto/src"),
        &mut declared,
    );
    let mut holding: BTreeSet<String> = BTreeSet::new();
    loop {
        let more: Vec<_> = declared
            .iter()
            .filter(|kind| !holding.contains(&kind.name) && holds_a_secret(kind, &holding))
            .map(|kind| kind.name.clone())
            .collect();
        if more.is_empty() {
            break;
        }
        holding.extend(more);
    }
    let listed = PUBLIC.iter().chain(PRIVATE).map(ToString::to_string);
    assert_eq!(holding, listed.collect());
}

/// It says so, or a field of it is of a type that does.
fn holds_a_secret(kind: &Declared, holding: &BTreeSet<String>) -> bool {
    kind.text.lines().any(|line| {
        let line = line.trim_start();
        if line.starts_with("#[") {
            return line.contains("ZeroizeOnDrop");
        }
        // What stands behind a field's or variant's name. What is only borrowed is wiped by its owner.
        let of_types = line.find([':', '(']).map_or("", |start| &line[start..]);
        let mut words = of_types.split(|c: char| !c.is_alphanumeric() && c != '_');
        !line.starts_with("//")
            && !of_types.contains("&'a")
            && words.any(|word| {
                ["Zeroizing", "SecretByMacro", "Hmac"].contains(&word)
                    || word != kind.name && holding.contains(word)
            })
    })
}

/// All declarations of a folder, save those of tests.
fn read(folder: &Path, declared: &mut Vec<Declared>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.file_stem().is_some_and(|stem| stem == "tests") {
            continue;
        }
        if path.is_dir() {
            read(&path, declared);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).unwrap();
            let shipped = source.split("#[cfg(test)]\nmod ").next().unwrap();
            declarations(shipped, declared);
        }
    }
}

/// Those written out, with the attributes above, and those that the macros for keys make.
fn declarations(source: &str, declared: &mut Vec<Declared>) {
    let lines: Vec<_> = source.lines().collect();
    for (index, line) in lines.iter().enumerate() {
        if let Some(made) = made_by_macro(&lines, index) {
            declared.push(Declared {
                name: made,
                text: ": SecretByMacro".to_owned(),
            });
        }
        let mut words = line
            .split_whitespace()
            .skip_while(|word| word.starts_with("pub"));
        let (Some("struct" | "enum"), Some(name)) = (words.next(), words.next()) else {
            continue;
        };
        let name: String = name
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect();
        if name.is_empty() {
            continue; // `$name`, inside of a macro
        }
        let above = lines[..index]
            .iter()
            .rev()
            .take_while(|line| line.starts_with("#[") || line.starts_with("///"));
        let indent = line.len() - line.trim_start().len();
        let body = match line.trim_end().ends_with('{') && indent == 0 {
            true => lines[index..]
                .iter()
                .position(|line| *line == "}")
                .unwrap_or(0),
            false => 0,
        };
        let text: Vec<_> = above.chain(&lines[index..=index + body]).copied().collect();
        declared.push(Declared {
            name,
            text: text.join("\n"),
        });
    }
}

/// The name that `role!(…)` gives its pair, or `secret32!(…)` its key: the first line below that is no comment.
fn made_by_macro(lines: &[&str], index: usize) -> Option<String> {
    if !["role!(", "secret32!("].contains(&lines[index]) {
        return None;
    }
    let mut below = lines[index + 1..].iter().map(|line| line.trim());
    let name = below.find(|line| !line.starts_with("//"))?;
    Some(name.trim_end_matches(',').to_owned())
}
