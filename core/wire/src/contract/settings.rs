//! What a user lets others do and see.

use crate::UserId;
use serde::{Deserialize, Serialize};

/// `GET` and `PUT /v1/me/settings` (200 with what holds now). A field left out of a `PUT` takes its default.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountSettings {
    /// Who may begin a 1:1 thread with this user.
    #[serde(default)]
    pub direct_messages: DirectMessages,
    /// Whether read receipts go out; without them none of others are shown either.
    #[serde(default = "on")]
    pub read_receipts: bool,
    /// Whether others see when this user is online or was; without it none of others is shown either.
    #[serde(default = "on")]
    pub presence: bool,
}

/// Who may begin a 1:1 thread with a user. Whoever the user has written to may always answer.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DirectMessages {
    /// Anybody.
    #[default]
    Everyone,
    /// Whom the platform counts as followers; a relay that is not told of any lets nobody through.
    Followers,
    /// Whom the platform has verified; a relay that is not told of any lets nobody through.
    Verified,
    /// Nobody.
    None,
}

/// `GET /v1/blocks`. `PUT` and `DELETE /v1/blocks/{uid}` (204) add to it and take from it.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Blocks {
    /// In byte order; at most [`crate::limits::BLOCKS_MAX`].
    pub users: Vec<UserId>,
}

fn on() -> bool {
    true
}

impl Default for AccountSettings {
    fn default() -> Self {
        Self {
            direct_messages: DirectMessages::default(),
            read_receipts: true,
            presence: true,
        }
    }
}
