//! Every target, each in a file of its name.

mod attachment_header;
mod bundle;
mod content;
mod contract;
mod control;
mod device_list;
mod envelope;
mod link_code;
mod message;
mod prekey_message;
mod safety_number;
mod session;
mod stored_session;

use crate::Target;

/// Every target, in the order in which the fuzzers run.
pub const ALL: &[Target] = &[
    session::TARGET,
    prekey_message::TARGET,
    message::TARGET,
    stored_session::TARGET,
    bundle::TARGET,
    device_list::TARGET,
    content::TARGET,
    envelope::TARGET,
    attachment_header::TARGET,
    safety_number::TARGET,
    control::TARGET,
    contract::TARGET,
    link_code::TARGET,
];
