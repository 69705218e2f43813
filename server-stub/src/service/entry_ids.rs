//! Opaque names of queue entries, each of one device: for a client that reads its queue without a socket.

use super::relay_key::RelayKey;
use super::{Answer, QueuePosition, Refusal};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sealwire_crypto::transcript::Transcript;
use sealwire_wire::contract::{DeviceName, ErrorCode};

const LABEL: &str = "Sealwire v1 queue entry";

/// The name of the entry at this position of the device's queue.
pub(super) fn write(
    key: &RelayKey,
    device: &DeviceName,
    position: QueuePosition,
) -> Answer<String> {
    let place = position.0.to_be_bytes();
    let mark: [u8; 8] = key.mark(&text(device, &place)?);
    Ok(URL_SAFE_NO_PAD.encode([place, mark].concat()))
}

/// The position that a name stands for; none if this relay never gave it to this device.
pub(super) fn read(
    key: &RelayKey,
    device: &DeviceName,
    entry_id: &str,
) -> Answer<Option<QueuePosition>> {
    let bytes: Option<[u8; 16]> = URL_SAFE_NO_PAD
        .decode(entry_id)
        .ok()
        .and_then(|bytes| bytes.try_into().ok());
    let Some(bytes) = bytes else { return Ok(None) };
    let (Some(place), Some(mark)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) else {
        return Ok(None);
    };
    let made = key.made(&text(device, place)?, mark);
    Ok(made.then(|| QueuePosition(u64::from_be_bytes(*place))))
}

fn text(device: &DeviceName, place: &[u8; 8]) -> Answer<Vec<u8>> {
    Transcript::new(LABEL)
        .bytes(device.user_id.as_str().as_bytes())
        .u32(device.device_id.get())
        .fixed(place)
        .finish()
        .map_err(|error| Refusal::new(ErrorCode::InvalidRequest, error.to_string()))
}
