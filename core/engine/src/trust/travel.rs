//! Signed structures between their JSON form and the form that is verified.

use crate::EngineError;
use sealwire_crypto::device::{SignedDeviceList, SignedRegistrationGrant};
use sealwire_wire::DeviceId;
use sealwire_wire::contract::{SignedGrant, SignedList};

/// For a request.
pub(crate) fn to_wire(list: &SignedDeviceList) -> Result<SignedList, EngineError> {
    Ok(SignedList {
        payload: list.payload.clone().into(),
        account_signature: list.account_signature.clone().into(),
        signer_device_id: device_id(list.signer_device_id)?,
        signer_signature: list.signer_signature.clone().into(),
    })
}

/// From an answer; nothing is verified yet.
pub(crate) fn from_wire(list: &SignedList) -> SignedDeviceList {
    SignedDeviceList {
        payload: list.payload.0.clone(),
        account_signature: list.account_signature.0.clone(),
        signer_device_id: list.signer_device_id.get(),
        signer_signature: list.signer_signature.0.clone(),
    }
}

/// For a request.
pub(crate) fn grant_to_wire(grant: &SignedRegistrationGrant) -> Result<SignedGrant, EngineError> {
    Ok(SignedGrant {
        payload: grant.payload.clone().into(),
        account_signature: grant.account_signature.clone().into(),
        signer_device_id: device_id(grant.signer_device_id)?,
        device_signature: grant.device_signature.clone().into(),
    })
}

fn device_id(number: u32) -> Result<DeviceId, EngineError> {
    DeviceId::new(number).map_err(|error| EngineError::Internal(error.to_string()))
}
