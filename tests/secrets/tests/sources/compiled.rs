//! What the sources say of the crypto crate's keys, asked of the compiler too: those that a macro makes have no source of their own.

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

macro_rules! ask {
    ($($secret:ident),* $(,)?) => {
        /// What an app or the engine can hold.
        pub(super) const ASKED_ABOUT: &[&str] = &[$(stringify!($secret)),*];
        none_is!(core::fmt::Debug: $($secret),*);
        none_is!(serde::Serialize: $($secret),*);
    };
}

// Most are dropped and looked for in `wiped.rs`; the steps of a linking after the first hold the same channel.
ask!(
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
