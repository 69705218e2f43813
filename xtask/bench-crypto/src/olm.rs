//! The same with vodozemac, which stands beside every figure of a session.

use vodozemac::olm::{Account, OlmMessage, Session, SessionConfig};
use vodozemac::{Curve25519PublicKey, Ed25519PublicKey, Ed25519Signature};

use crate::trouble::{Done, said};

/// A one-time key as a Matrix server gives it out: signed, and the signature is checked before it is used.
pub(crate) struct Claimed {
    identity: Curve25519PublicKey,
    signer: Ed25519PublicKey,
    key: Curve25519PublicKey,
    signature: Ed25519Signature,
}

/// Publishes a new one-time key.
pub(crate) fn publish(account: &mut Account) -> Done<Claimed> {
    account.generate_one_time_keys(1);
    let key = account.one_time_keys().into_values().next();
    let key = key.ok_or_else(|| said("no one-time key"))?;
    account.mark_keys_as_published();
    Ok(Claimed {
        identity: account.curve25519_key(),
        signer: account.ed25519_key(),
        signature: account.sign(key.to_base64()),
        key,
    })
}

/// Both sides of a new session: the signature checked, the session begun, its first message opened.
pub(crate) fn establish(
    alice: &Account,
    bob: &mut Account,
    claimed: &Claimed,
    plaintext: &[u8],
) -> Done<(Session, Session)> {
    let text = claimed.key.to_base64();
    claimed
        .signer
        .verify(text.as_bytes(), &claimed.signature)
        .map_err(said)?;
    let config = SessionConfig::version_1();
    let mut alices = alice
        .create_outbound_session(config, claimed.identity, claimed.key)
        .map_err(said)?;
    let first = alices.encrypt(plaintext).map_err(said)?;
    let (kind, body) = first.to_parts();
    let OlmMessage::PreKey(first) = OlmMessage::from_parts(kind, &body).map_err(said)? else {
        return Err(said("the first message is no prekey message"));
    };
    let made = bob
        .create_inbound_session(config, alice.curve25519_key(), &first)
        .map_err(said)?;
    if made.plaintext != plaintext {
        return Err(said("the first message is not what was sealed"));
    }
    Ok((alices, made.session))
}

/// Two ends that both have heard of each other.
pub(crate) fn talking() -> Done<(Session, Session)> {
    let (alice, mut bob) = (Account::new(), Account::new());
    let claimed = publish(&mut bob)?;
    let (mut alice, mut bob) = establish(&alice, &mut bob, &claimed, b"hello")?;
    for _ in 0..6 {
        open(&mut alice, &seal(&mut bob, b"and")?)?;
        open(&mut bob, &seal(&mut alice, b"so on")?)?;
    }
    Ok((alice, bob))
}

pub(crate) type Body = (usize, Vec<u8>);

pub(crate) fn seal(session: &mut Session, plaintext: &[u8]) -> Done<Body> {
    Ok(session.encrypt(plaintext).map_err(said)?.to_parts())
}

pub(crate) fn open(session: &mut Session, (kind, body): &Body) -> Done<Vec<u8>> {
    let message = OlmMessage::from_parts(*kind, body).map_err(said)?;
    session.decrypt(&message).map_err(said)
}
