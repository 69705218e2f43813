//! Sizes, counts and windows that client and relay both hold to.

/// A user id: at most this many characters.
pub const USER_ID_MAX: usize = 64;
/// Live devices of one user.
pub const DEVICES_MAX: usize = 10;
/// A message's ciphertext in bytes; the relay answers 413 above it.
pub const CIPHERTEXT_MAX: usize = 64 * 1024;
/// One envelope's body in bytes.
pub const ENVELOPE_MAX: usize = 4 * 1024;
/// Envelopes of one send: 250 participants with 10 devices each.
pub const ENVELOPES_MAX: usize = 2_500;
/// The body of a request that carries envelopes, in bytes.
pub const SEND_BODY_MAX: usize = 12 * 1024 * 1024;
/// The body of a prekey upload or a device registration, in bytes. The largest upload, 200 one-time prekeys of each kind, is some
/// 465 KB: a KEM key of 1,569 bytes with its signature is 2,230 in base64.
pub const PREKEY_BODY_MAX: usize = 512 * 1024;
/// The body of every other request, in bytes.
pub const BODY_MAX: usize = 64 * 1024;
/// An Idempotency-Key: at most this many visible ASCII characters.
pub const IDEMPOTENCY_KEY_MAX: usize = 64;
/// One-time prekeys in one upload, of each kind.
pub const ONE_TIME_PREKEYS_MAX: usize = 200;
/// A device with fewer one-time prekeys than this is told so (`prekeys_low`).
pub const PREKEYS_LOW: u32 = 20;
/// Users in one query for lists or bundles.
pub const QUERY_USERS_MAX: usize = 50;
/// Versions of one user's device list in one answer: at most. Whoever gets so many asks for those after them.
pub const LISTS_PER_ANSWER: usize = 100;
/// Slots of a linking mailbox.
pub const PROVISIONING_SLOTS: u8 = 8;
/// One slot of a linking mailbox, in bytes.
pub const PROVISIONING_SLOT_MAX: usize = 4 * 1024;
/// How long a linking mailbox lives, in milliseconds.
pub const PROVISIONING_TTL_MS: u64 = 10 * 60 * 1000;
/// How long an access token lives, in milliseconds.
pub const TOKEN_TTL_MS: u64 = 15 * 60 * 1000;
/// How long a challenge may be answered, in milliseconds.
pub const CHALLENGE_TTL_MS: u64 = 60 * 1000;
/// How long a 202 is kept under its Idempotency-Key, in milliseconds.
pub const IDEMPOTENCY_TTL_MS: u64 = 24 * 60 * 60 * 1000;
/// How long an undelivered queue entry and its envelope are kept, in milliseconds.
pub const QUEUE_TTL_MS: u64 = 45 * 24 * 60 * 60 * 1000;
/// Rows of one history page: at most.
pub const PAGE_SIZE_MAX: u32 = 100;
/// Rows of one history page when the request names no size.
pub const PAGE_SIZE_DEFAULT: u32 = 50;
/// The relay pings an idle socket this often, in milliseconds.
pub const PING_INTERVAL_MS: u64 = 30_000;
/// A socket silent for this long is dropped, in milliseconds.
pub const SILENCE_MAX_MS: u64 = 75_000;
/// One attachment as uploaded (encrypted), in bytes, unless the deployment sets another limit.
pub const ATTACHMENT_MAX: u64 = 100 * 1024 * 1024;
/// Attachments that one message may name.
pub const ATTACHMENTS_PER_MESSAGE_MAX: usize = 32;
/// One control message's body for one device, in bytes: 100 answers, and the beginning of a session with its KEM ciphertext.
pub const CONTROL_MAX: usize = 18 * 1024;
/// Devices that one control message goes to.
pub const CONTROL_DEVICES_MAX: usize = 100;
/// Message ids that one resend request names.
pub const RESEND_IDS_MAX: usize = 100;
/// Entries of one page of a device's queue, and of one acknowledgement of it.
pub const QUEUE_PAGE_MAX: u32 = 1_000;
/// Entries of one page of a device's queue when the request names no limit.
pub const QUEUE_PAGE_DEFAULT: u32 = 100;
/// Threads of one page of the inbox: at most.
pub const INBOX_PAGE_MAX: u32 = 100;
/// Threads that one socket gets typing and presence of.
pub const SUBSCRIPTIONS_MAX: usize = 20;
/// Typing is sent, and passed on, at most this often a thread, in milliseconds.
pub const TYPING_INTERVAL_MS: u64 = 3_000;
/// Typing fades this long after the last word of it, in milliseconds.
pub const TYPING_SHOWN_MS: u64 = 5_000;
/// Users that one user may block.
pub const BLOCKS_MAX: usize = 10_000;
/// The longest time to live of a message: a year, in seconds.
pub const TTL_MAX_SECONDS: u32 = 366 * 24 * 60 * 60;
