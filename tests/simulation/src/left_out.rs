//! What a run leaves out of what its seed says: this is how a failing one is made short.

use crate::faults::Fault;
use std::collections::BTreeSet;

/// What is left out. All else happens as far as it can.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Whole kinds of faults.
    pub faults: BTreeSet<Fault>,
    /// Single strikes of the others, by number.
    pub strikes: BTreeSet<u64>,
    /// Actions of people, by number.
    pub actions: BTreeSet<u64>,
}
