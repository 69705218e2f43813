//! Opaque places in a thread, or in all of a user's. A cursor of another thread or user, or one that this relay never gave out, is refused.

use super::relay_key::RelayKey;
use super::{Answer, Refusal};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sealwire_crypto::transcript::Transcript;
use sealwire_wire::ThreadId;
use sealwire_wire::contract::ErrorCode;

const LABEL: &str = "Sealwire v1 cursor";

/// What a cursor counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A message id: older ones come after it.
    Older = 1,
    /// A change number: later ones come after it.
    Changed = 2,
    /// A change number of marks: later ones come after it.
    Marks = 3,
    /// A place in an inbox: older ones come after it.
    Inbox = 4,
}

/// The place as text.
pub(super) fn write(key: &RelayKey, kind: Kind, thread: ThreadId, place: u128) -> Answer<String> {
    let place = place.to_be_bytes();
    let mark: [u8; 8] = key.mark(&text(kind, thread, &place)?);
    Ok(URL_SAFE_NO_PAD.encode([&place[..], &mark[..]].concat()))
}

/// The place that a text names.
pub(super) fn read(key: &RelayKey, kind: Kind, thread: ThreadId, cursor: &str) -> Answer<u128> {
    let invalid = || Refusal::new(ErrorCode::InvalidCursor, "begin again without a cursor");
    let bytes: [u8; 24] = URL_SAFE_NO_PAD
        .decode(cursor)
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(invalid)?;
    let (Some(place), Some(mark)) = (bytes.first_chunk::<16>(), bytes.last_chunk::<8>()) else {
        return Err(invalid());
    };
    if key.made(&text(kind, thread, place)?, mark) {
        Ok(u128::from_be_bytes(*place))
    } else {
        Err(invalid())
    }
}

fn text(kind: Kind, thread: ThreadId, place: &[u8; 16]) -> Answer<Vec<u8>> {
    Transcript::new(LABEL)
        .u8(kind as u8)
        .fixed(thread.as_bytes())
        .fixed(place)
        .finish()
        .map_err(|error| Refusal::new(ErrorCode::InvalidCursor, error.to_string()))
}
