//! What a session remembers of how it began: until it is answered all of it, afterwards what keeps its name honest.

/// Who began a session, and what is left of its beginning.
#[derive(Clone)]
pub(super) enum Beginning {
    /// We did, and the peer has not answered: its messages carry the beginning.
    Unanswered(Pending),
    /// We did, and the peer has answered.
    Answered,
    /// The peer did, with these prekeys of ours. Its further messages must name the same: no MAC covers the names.
    Theirs(NamedPreKeys),
}

/// The prekeys that a session began with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NamedPreKeys {
    pub(super) signed: u32,
    pub(super) one_time: Option<u32>,
}

/// What goes with every message until the peer has answered.
#[derive(Clone)]
pub(super) struct Pending {
    pub(super) our_registration_id: u32,
    pub(super) prekeys: NamedPreKeys,
    pub(super) began_at_ms: u64,
}
