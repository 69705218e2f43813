//! Two devices that talk: what the sessions promise, told as stories and as properties.

mod beginning;
mod device;
mod limits;
mod order;
mod properties;
mod stored;
mod tampering;

use device::{Device, pair, talking_pair};
