//! Two devices that talk: what the sessions promise, told as stories and as properties.

mod bad_input;
mod beginning;
mod crash;
mod device;
mod expected;
mod limits;
mod order;
mod post_quantum;
mod properties;
mod stolen_state;
mod stored;
mod tampering;
mod worked_example;

use device::{Device, LAST_RESORT, pair, pair_of, talking_pair, talking_pair_of};
