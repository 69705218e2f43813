//! Every type of wire, crypto, store, engine and SDK that holds a secret, private ones too, is on a list here; none of them can be printed or
//! serialised, and what it holds wipes itself. The sources are read as they stand, so that a new type fails until somebody has looked at it.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod reader;

use std::collections::BTreeSet;

use reader::{Name, Sources, named_as_secret, sources, wipes};

/// All of them. `wiped.rs` drops those that an app can hold and looks for what is left.
const HOLDING: [(&str, &[&str]); 5] = [
    (
        "crypto",
        &[
            "AccountKeyPair",
            "AttachmentKey",
            "AttachmentPlan",
            "ChainKey",
            "Channel",
            "ChunkOpener",
            "ChunkSealer",
            "CipherKey",
            "Content",
            "ContentKey",
            "EnvelopePlaintext",
            "EphemeralKeyPair",
            "Finish",
            "FrankingKey",
            "HmacSha256",
            "IdentityKeyPair",
            "KemKeyPair",
            "KeyPair",
            "LinkConfirmer",
            "LinkFinisher",
            "LinkJoiner",
            "LinkKeyPair",
            "LinkSecret",
            "LinkSender",
            "LinkWaiter",
            "Message",
            "MessageKeys",
            "MessageSeed",
            "OneTimePreKeyPair",
            "Opened",
            "OpenedContent",
            "PreparedSecret",
            "RatchetKeyPair",
            "ReceiverChain",
            "RootKey",
            "Scalar",
            "SealedContent",
            "SendingChain",
            "Session",
            "SessionOpened",
            "SessionRecord",
            "SignedPreKeyPair",
            "SkippedKey",
            "Step",
            "Turn",
            "Writer",
            "X25519Secret",
        ],
    ),
    (
        "wire",
        &[
            "AccountKeyAnswer",
            "Body",
            "ClientFrame",
            "Control",
            "Kind",
            "ResendAnswer",
            "Token",
        ],
    ),
    (
        "store",
        &[
            "Account",
            "KemPrekeyRow",
            "NewOutboxEntry",
            "OpenFile",
            "OutboxEntry",
            "Reader",
            "SealedSend",
            "SendLogEntry",
            "SessionRow",
            "SignedPrekeyRow",
            "SkippedKeyRow",
            "Store",
            "StoreKey",
            "UnreadRow",
        ],
    ),
    (
        "engine",
        &[
            "AccessToken",
            "Call",
            "Connection",
            "Engine",
            "HttpRequest",
            "Input",
            "JoinStage",
            "Lease",
            "LetInStage",
            "Linking",
            "Me",
            "OpenedEnvelope",
            "OpenedRow",
            "Output",
            "Receiver",
            "Session",
            "Stage",
        ],
    ),
    (
        "sdk",
        &[
            "AnchorKeeper",
            "Client",
            "Download",
            "Driver",
            "Driving",
            "Gear",
            "Inbox",
            "Linking",
            "MemoryKeyStore",
            "NativeTransport",
            "Opened",
            "Over",
            "Piece",
            "Queries",
            "Questions",
            "Received",
            "Request",
            "Sealed",
            "SealedChunk",
            "Shared",
            "Slot",
            "Spool",
            "Suspended",
            "Turn",
            "Upload",
            "Way",
            "Work",
        ],
    ),
];

/// Printed or serialised all the same, and why that shows nothing.
const SHOWN: [(&str, &str); 5] = [
    ("sdk Client: Debug by hand", "says that it is one"),
    ("wire ClientFrame: Debug by hand", "leaves the token out"),
    ("wire ClientFrame: Serialize", "travels to the relay"),
    ("wire Token: Debug by hand", "leaves the token out"),
    ("wire Token: Serialize", "travels from the relay"),
];

/// Lie in memory that nobody wipes, and why.
const NOT_WIPED: [(&str, &str); 6] = [
    (
        "engine Call.platform_token",
        "the app's, which holds it itself",
    ),
    ("engine HttpRequest.bearer", TOKEN),
    ("engine Output.bearer", TOKEN),
    ("sdk Request.bearer", TOKEN),
    ("wire ClientFrame.token", TOKEN),
    ("wire Token.token", TOKEN),
];
const TOKEN: &str = "ends after 15 minutes, opens no message, and is copied by HTTP and TLS";

fn named(list: &[(&str, &[&str])]) -> BTreeSet<Name> {
    let names = list.iter().flat_map(|(krate, names)| {
        names
            .iter()
            .map(|name| ((*krate).to_owned(), (*name).to_owned()))
    });
    names.collect()
}

#[test]
fn every_type_that_holds_a_secret_is_listed() {
    let (found, listed) = (sources().holding(), named(&HOLDING));
    let missing: Vec<_> = found.difference(&listed).collect();
    let too_many: Vec<_> = listed.difference(&found).collect();
    assert!(
        missing.is_empty() && too_many.is_empty(),
        "hold a secret and are not listed: {missing:?}; are listed and hold none: {too_many:?}"
    );
}

#[test]
fn none_of_them_can_be_printed_or_serialised() {
    let sources = sources();
    let shown = sources.holding().into_iter().flat_map(|name| {
        let traits = sources.0[&name].shown.iter().cloned();
        traits
            .map(|shown| format!("{} {}: {shown}", name.0, name.1))
            .collect::<Vec<_>>()
    });
    let shown: BTreeSet<_> = shown.collect();
    let allowed = SHOWN.iter().map(|(what, _)| (*what).to_owned());
    assert_eq!(shown, allowed.collect());
}

#[test]
fn what_they_hold_wipes_itself() {
    let sources = sources();
    let unwiped = sources.0.iter().filter(|(_, kind)| !kind.zeroize_on_drop);
    let unwiped = unwiped.flat_map(|((krate, name), kind)| {
        let fields = kind.fields.iter();
        fields
            .filter(|(field, types)| named_as_secret(field, types) && !wipes(types))
            .map(|(field, _)| format!("{krate} {name}.{field}"))
            .collect::<Vec<_>>()
    });
    let unwiped: BTreeSet<_> = unwiped.collect();
    let allowed = NOT_WIPED.iter().map(|(what, _)| (*what).to_owned());
    assert_eq!(unwiped, allowed.collect());
}

/// What each rule is there for is found in a source that has it.
#[test]
fn a_type_that_nobody_looked_at_is_found() {
    let mut sources = Sources::default();
    let text = r#"
        mod inner {
            #[derive(Debug)]
            struct Plain { name: String, count: u32 }
            #[derive(Clone, Debug)]
            struct ByName { refresh_token: Option<String> }
            struct ByType(zeroize::Zeroizing<Vec<u8>>);
            pub enum Nested { Nothing, Some(std::sync::Arc<ByType>) }
            #[derive(prost::Message)]
            struct Sent { #[prost(bytes)] seed: Vec<u8> }
            struct Borrowing<'a> { of: &'a ByType }
            impl fmt::Display for Nested {}
            #[cfg(test)]
            struct OfATest { secret: Vec<u8> }
        }
    "#;
    sources.items("store", syn::parse_file(text).unwrap().items);
    let holding: Vec<_> = sources
        .holding()
        .into_iter()
        .map(|(_, name)| name)
        .collect();
    assert_eq!(holding, ["ByName", "ByType", "Nested", "Sent"]);
    let shown = |name: &str| {
        let kind = &sources.0[&("store".to_owned(), name.to_owned())];
        kind.shown.iter().cloned().collect::<Vec<_>>()
    };
    assert_eq!(shown("ByName"), ["Debug"]);
    assert_eq!(shown("Nested"), ["Display by hand"]);
    assert_eq!(shown("Sent"), ["Debug"]);
}
