//! What is secret has no `Debug`: it cannot end up in a log or a panic message by accident.

use sealwire_crypto::attachment::{AttachmentKey, AttachmentPlan};
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
use sealwire_crypto::ratchet::{Opened, SessionRecord, SkippedKey};

/// Does not compile if a type can be printed: then both implementations fit, and neither is chosen.
macro_rules! cannot_be_printed {
    ($($secret:ty),* $(,)?) => {
        $(const _: fn() = || {
            trait Ambiguous<Case> {
                fn chosen() {}
            }
            struct Printable;
            impl<T: ?Sized> Ambiguous<()> for T {}
            impl<T: ?Sized + core::fmt::Debug> Ambiguous<Printable> for T {}
            let _ = <$secret as Ambiguous<_>>::chosen;
        };)*
    };
}

cannot_be_printed!(
    AccountKeyPair,
    EphemeralKeyPair,
    IdentityKeyPair,
    KemKeyPair,
    OneTimePreKeyPair,
    RatchetKeyPair,
    SignedPreKeyPair,
    SessionRecord,
    SkippedKey,
    Opened,
    ContentKey,
    FrankingKey,
    SealedContent,
    OpenedContent,
    EnvelopePlaintext,
    AttachmentKey,
    AttachmentPlan,
    LinkCode,
    LinkKeyPair,
    LinkSecret,
    LinkSender,
    LinkJoiner,
    LinkConfirmer,
    LinkFinisher,
    LinkWaiter,
);

/// Wiping is part of the types' contract.
#[test]
fn key_pairs_wipe_themselves() {
    fn wiped<T: zeroize::ZeroizeOnDrop>() {}
    wiped::<AccountKeyPair>();
    wiped::<EphemeralKeyPair>();
    wiped::<IdentityKeyPair>();
    wiped::<KemKeyPair>();
    wiped::<OneTimePreKeyPair>();
    wiped::<RatchetKeyPair>();
    wiped::<SignedPreKeyPair>();
    wiped::<LinkKeyPair>();
    wiped::<ContentKey>();
    wiped::<FrankingKey>();
    wiped::<AttachmentKey>();
}
