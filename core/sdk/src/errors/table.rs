//! The one table of errors: every code that any layer can give, what a developer should do, and whether trying again may help.
//!
//! The other languages' error classes, `docs/errors.md` and [`Error`](crate::Error)'s own answers are made of it.

use super::{ErrorGroup, ErrorInfo, Field};

macro_rules! table {
    ($($group:ident { $($name:ident $code:literal $retryable:literal [$($field:ident),*] $text:literal;)* })*) => {
        $($(pub(super) const $name: &ErrorInfo = &ErrorInfo {
            code: $code,
            group: ErrorGroup::$group,
            text: $text,
            retryable: $retryable,
            fields: &[$(Field::$field),*],
        };)*)*

        /// Every code, by group.
        pub(super) const TABLE: &[&ErrorInfo] = &[$($($name,)*)*];
    };
}

table! {
    Client {
        CLOSED "closed" false []
            "The client is closed: open another.";
        SUSPENDED "suspended" true []
            "The client is suspended: resume it first. An attachment that was on its way was not sent, a linking is over; messages lie in the outbox.";
        CONFIGURATION "configuration" false [Reason]
            "The client cannot be opened like this: put right what the reason names.";
        NETWORK_ROLE_TAKEN "network_role_taken" true []
            "Another process speaks for this device: ask it, or try again when it has ended.";
        SYSTEM "system" true [Reason]
            "The system gave no threads, timers or randomness: try again later.";
        INTERNAL "internal" false [Reason]
            "A fault of the SDK; what is durable is unharmed. Please report it.";
    }
    Store {
        KEY_STORE "key_store" true [Reason]
            "The key store did not work: see its reason, and try again when it does.";
        KEY_MISSING "key_missing" false []
            "There is a file where the store is to be, and no key to it in the key store: put the key back, or become a new device with another file. Nothing was changed.";
        STORE_WRONG_KEY "store_wrong_key" false []
            "The key does not open this store: look for the right key, or restore the file. Nothing was changed.";
        STORE_FOREIGN "store_foreign" false []
            "This file is not a store: choose another path. Nothing was changed.";
        STORE_MISSING "store_missing" false []
            "The key is of a store that is not in this place: name the right file, or become a new device with another key store.";
        STORE_CORRUPT "store_corrupt" false [Reason]
            "The store is damaged: become a new device.";
        STORE_NEWER "store_newer" false [Found, Expected]
            "The store was written by a newer version: update the app.";
        STORE_ROLLED_BACK "store_rolled_back" false [Found, Expected]
            "The store is an old copy, and its sessions must not be used again: become a new device.";
        STORE_IN_USE "store_in_use" true []
            "This process has the store open already: close the other client first.";
        STORE_LOCKED "store_locked" true []
            "Another process writes, or the system denies access as on a locked phone: try again later.";
        STORE_IO "store_io" false [Reason]
            "The file system refused the store's file: see its reason.";
        STORAGE_UNAVAILABLE "storage_unavailable" false [Reason]
            "This browser or window has no private file system to keep a store in: use another, or ask for a store in memory.";
        DISK_FULL "disk_full" true []
            "No room: free some space and try again. Nothing was changed.";
    }
    Network {
        NETWORK "network" true [Reason]
            "The relay cannot be reached: try again when there is a network.";
        OFFLINE "offline" true []
            "The client is offline by the app's wish: go online first.";
        RELAY_GARBAGE "relay_garbage" true [Status]
            "What answered is not the relay, or not of its contract: look at the relay's address and at what stands before it.";
        UNAVAILABLE "unavailable" true [Status]
            "The relay cannot do it now; nothing was stored. Try again.";
        RATE_LIMITED "rate_limited" true []
            "Too many requests: try again after the time that is named.";
        REQUEST_TIMEOUT "request_timeout" true []
            "The request did not reach the relay in time: try again.";
        STORAGE_FULL "storage_full" true []
            "The relay has no room; nothing was stored. Try again later.";
    }
    Account {
        NOT_REGISTERED "not_registered" false []
            "This device belongs to no account yet: register or link it first.";
        ALREADY_REGISTERED "already_registered" false []
            "This device already belongs to an account: another one needs another store.";
        ACCOUNT_EXISTS "account_exists" false []
            "The account exists: link this device from one of its devices.";
        PLATFORM_TOKEN_REQUIRED "platform_token_required" false []
            "The relay makes accounts only for a token of the platform: register with one.";
        DEVICE_REVOKED "device_revoked" false []
            "This device was removed from its account, or disabled: become a new device.";
        OWN_DEVICE "own_device" false []
            "This is the device that is asked: remove it from another one, or disable it.";
        OWN_USER "own_user" false []
            "This is the account's own user, who cannot be blocked: name somebody else.";
        UNKNOWN_DEVICE "unknown_device" false []
            "The account's list holds no such device: look at own_devices.";
        DEVICE_LIMIT "device_limit" false [Max]
            "The account has as many devices as it may: remove one first.";
        DEVICE_LIST_INVALID "device_list_invalid" false [UserId, Reason]
            "The relay's device list of this user does not hold: nothing is sent to devices that it names.";
        LIST_NOT_OFFERED "list_not_offered" false []
            "Another device list of this user is offered by now, or none: nothing was accepted. Compare again, and accept what the last event names.";
        ACCOUNT_KEY_MISSING "account_key_missing" false []
            "This device does not hold the account key yet: try from another device of the account.";
        INVALID_ID "invalid_id" false [Reason]
            "Not an id, or not the key of a send: the reason says how one is written.";
        UNAUTHORIZED "unauthorized" false []
            "The token is not valid: get another from the platform.";
        TOKEN_EXPIRED "token_expired" true []
            "The token has ended: get another.";
        FORBIDDEN "forbidden" false []
            "A token of another kind or scope is needed.";
        USER_UNKNOWN "user_unknown" false []
            "The user has no account at this relay.";
    }
    Linking {
        LINK_CODE_INVALID "link_code_invalid" false [Reason]
            "That code links no device: scan it again.";
        LINK_STATE "link_state" false [Reason]
            "A linking or a registration is under way already, or no linking is: see the reason.";
        LINK_EXPIRED "link_expired" false []
            "The link code is no longer good: show a new one.";
        LINK_DECLINED "link_declined" false []
            "A person said no. Nothing was changed.";
        LINK_TAMPERED "link_tampered" false [Reason]
            "The linking was interfered with: nothing was linked. Show a new code.";
    }
    Message {
        EMPTY_TEXT "empty_text" false []
            "A message needs at least one character.";
        TEXT_TOO_LONG "text_too_long" false [Bytes, MaxBytes]
            "Longer than a message can be (of a file: caption, name and type together): shorten it, or send it as a file.";
        TTL_INVALID "ttl_invalid" false [Max]
            "A message's time to live is between one second and the most that is named.";
        TOO_MANY_THREADS "too_many_threads" false [Max]
            "More threads than are watched at once: watch those on the screen.";
        UNKNOWN_THREAD "unknown_thread" false []
            "This device does not know that thread: open it with the other user's id first.";
        UNKNOWN_MESSAGE "unknown_message" false []
            "This device does not know that message, or it is somebody else's where an own one is meant.";
        ALREADY_SENT "already_sent" false []
            "The relay has the message already: it cannot be cancelled any more.";
        SEND_KEY_REUSED "send_key_reused" false []
            "This key was used for another message, and nothing was queued: send this one under a key of its own.";
        REPEAT_TOO_LATE "repeat_too_late" false []
            "The relay accepted the message more than a day ago: send it anew.";
        NOT_FAILED "not_failed" false []
            "Only a message that failed can be retried.";
        MESSAGE_FAILED "message_failed" true [Reason]
            "The message was given up, for the reason that is named. It stands in the thread and may be retried.";
        MESSAGE_CANCELLED "message_cancelled" false []
            "The message was cancelled: nobody got it.";
        EXPIRED "expired" false []
            "The message's time to live, or the recipient's queue, ran out first. It may be retried for a day.";
        GAVE_UP "gave_up" true []
            "Tried for a day, and still not at the relay: retry when there is a network.";
        ACCOUNT_KEY_CHANGED "account_key_changed" true []
            "The recipient's account key changed and was not accepted for a day: compare it with them, accept it, then retry.";
        POST_QUANTUM_KEYS_MISSING "post_quantum_keys_missing" true []
            "A device of the recipient, or another one of this account, has no post-quantum keys, and the session policy asks for them: nothing was sent. Retry when that device is updated.";
        BLOCKED "blocked" false []
            "One of the two has blocked the other.";
        DIRECT_MESSAGES_CLOSED "direct_messages_closed" false []
            "The user does not take direct messages from this one.";
        NOT_A_PARTICIPANT "not_a_participant" false []
            "This user is not in the thread.";
    }
    Attachment {
        ATTACHMENT_SOURCE "attachment_source" false [Reason]
            "What the attachment is read from ended early, held more than announced, or could not be read.";
        ATTACHMENT_SINK "attachment_sink" false [Reason]
            "What the attachment is written to did not take it: throw away what was written.";
        ATTACHMENT_TOO_LARGE "attachment_too_large" false [Bytes]
            "Larger than this relay takes: send a smaller one.";
        ATTACHMENT_UNSUPPORTED "attachment_unsupported" false [Reason]
            "Made by a newer version of the SDK: update the app.";
        ATTACHMENT_TAMPERED "attachment_tampered" false []
            "The attachment was changed after it was sent: nothing of it may be used.";
        ATTACHMENT_GONE "attachment_gone" false []
            "The relay does not hold the attachment any more: ask its sender for it.";
        NO_ATTACHMENT "no_attachment" false []
            "This message carries no attachment.";
        ATTACHMENT_TRANSFER "attachment_transfer" true [Reason]
            "The bytes of the attachment did not get through: try again.";
        ATTACHMENT_CONFLICT "attachment_conflict" false []
            "The upload was completed with other bytes: send the attachment anew.";
        URL_EXPIRED "url_expired" true []
            "The attachment's address has ended: try again.";
        TOO_LARGE "too_large" false []
            "The relay takes nothing as large as this.";
    }
    Contract {
        INVALID_REQUEST "invalid_request" false [] "The relay says that the request is not of its contract: update relay and app to versions that fit.";
        INVALID_BODY "invalid_body" false [] "The relay could not read the request's body: update relay and app to versions that fit.";
        IDEMPOTENCY_KEY_REQUIRED "idempotency_key_required" false [] "The relay missed the request's key: update relay and app to versions that fit.";
        IDEMPOTENCY_KEY_REUSED "idempotency_key_reused" false [] "A request's key was used for another message. Please report it.";
        INVALID_CURSOR "invalid_cursor" false [] "The relay never gave out that place in a list: begin at its start.";
        INVALID_SIGNATURE "invalid_signature" false [] "The relay says that a signature, key or signed structure does not hold.";
        THREAD_ID_MISMATCH "thread_id_mismatch" false [] "The thread is not that of the two users.";
        CHALLENGE_INVALID "challenge_invalid" true [] "The relay's challenge is used or too old: try again.";
        NO_SHARED_THREAD "no_shared_thread" false [] "The other user shares no thread with this one.";
        GRANT_INVALID "grant_invalid" false [] "The registration's grant does not hold: link again.";
        GRANT_USED "grant_used" false [] "The registration's grant was used before: link again.";
        NOT_FOUND "not_found" false [] "The relay has nothing of that name.";
        SLOT_EMPTY "slot_empty" true [] "The other device has not answered yet.";
        SLOT_TAKEN "slot_taken" false [] "Somebody else wrote to the linking's mailbox: show a new code.";
        SLOT_READ "slot_read" false [] "Somebody else read the linking's mailbox: show a new code.";
        METHOD_NOT_ALLOWED "method_not_allowed" false [] "The relay does not know that request: update it.";
        DEVICE_ID_TAKEN "device_id_taken" false [] "A device of that number registered with other keys: link again.";
        DEVICE_LIST_CONFLICT "device_list_conflict" true [] "Another change of the device list came first: try again.";
        DEVICE_NOT_REGISTERED "device_not_registered" false [] "The device list names a device that never registered.";
        DEVICE_MISMATCH "device_mismatch" true [] "The recipient's devices changed: the client wraps anew by itself.";
        CLIENT_SEQ_CONFLICT "client_seq_conflict" false [] "The message's number was used for another content: send it anew.";
        CLIENT_SEQ_VOID "client_seq_void" false [] "The message's number was given up: send it anew.";
        PREKEY_ID_CONFLICT "prekey_id_conflict" false [] "A prekey's id was used before: the client skips ahead by itself.";
        PREKEYS_EXHAUSTED "prekeys_exhausted" true [] "The recipient's device has run out of one-time keys, and this relay demands one: it is tried again.";
        UNSUPPORTED_MEDIA_TYPE "unsupported_media_type" false [] "The relay reads JSON alone: look at what stands before it.";
        RANGE_NOT_SATISFIABLE "range_not_satisfiable" false [] "The attachment is shorter than the message says.";
        UNPROCESSABLE "unprocessable" false [] "The request is against the contract's rules. Please report it.";
        UNKNOWN "unknown" false [] "The relay gave a code of a later version: update the app.";
    }
}
