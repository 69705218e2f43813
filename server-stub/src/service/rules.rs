//! What a deployment may set.

use sealwire_wire::limits;

/// The settings of a deployment; the default is the contract's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// One encrypted attachment, in bytes.
    pub attachment_max: u64,
    /// All attachments that an account's devices made, in bytes.
    pub attachment_quota: u64,
    /// Whether a bundle without a one-time prekey is refused (503 `prekeys_exhausted`) instead of given out.
    pub demand_one_time_prekeys: bool,
    /// Linking mailboxes open at once; 429 beyond. Anybody may open one, so their number is bounded.
    pub mailboxes_max: u64,
    /// How long an unacknowledged queue entry and its envelope are kept, in milliseconds; none for ever.
    pub queue_ttl_ms: Option<u64>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            attachment_max: limits::ATTACHMENT_MAX,
            attachment_quota: 10 * 1024 * 1024 * 1024,
            demand_one_time_prekeys: false,
            mailboxes_max: 10_000,
            queue_ttl_ms: Some(limits::QUEUE_TTL_MS),
        }
    }
}
