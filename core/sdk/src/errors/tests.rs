use super::*;
use sealwire_engine::Code;
use sealwire_wire::contract::ErrorCode;
use std::collections::HashSet;

/// The codes that a message which failed carries besides the relay's own (`MessageState::Failed`).
const REASONS: [&str; 6] = [
    "expired",
    "blocked",
    "user_unknown",
    "gave_up",
    "account_key_changed",
    "post_quantum_keys_missing",
];

#[test]
fn every_code_that_a_layer_can_give_is_in_the_table() {
    let relay = ErrorCode::ALL.iter().map(|code| code.as_str());
    let engine = Code::ALL.iter().map(|code| code.as_str());
    for code in relay.chain(engine).chain(REASONS).chain(["unknown"]) {
        assert!(
            Error::describe(code).is_some(),
            "{code} is not in the table"
        );
    }
}

/// One of each variant whose code is this crate's own.
fn own_errors() -> Vec<Error> {
    let text = || "why".to_owned();
    let io = || io::Error::other("why");
    vec![
        Error::Closed,
        Error::Suspended,
        Error::Configuration(text()),
        Error::KeyMissing,
        Error::InvalidId(ParseIdError::User),
        Error::NetworkRoleTaken,
        Error::KeyStore(KeyStoreError::new("why")),
        Error::StorageUnavailable(text()),
        Error::System(io()),
        Error::AttachmentSource(io()),
        Error::AttachmentSink(io()),
        Error::AttachmentTooLarge { bytes: 7 },
        Error::AttachmentUnsupported(text()),
        Error::AttachmentTampered,
        Error::AttachmentGone,
        Error::NoAttachment,
        Error::AttachmentTransfer(text()),
        Error::MessageFailed(text()),
        Error::MessageCancelled,
        Error::Internal("why"),
    ]
}

#[test]
fn every_code_of_the_table_is_one_that_a_layer_can_give() {
    let relay = ErrorCode::ALL.iter().map(|code| code.as_str());
    let engine = Code::ALL.iter().map(|code| code.as_str());
    let own = own_errors();
    let own = own.iter().map(Error::code);
    let given: HashSet<_> = relay.chain(engine).chain(REASONS).chain(own).collect();
    let none: Vec<_> = Error::table()
        .iter()
        .map(|info| info.code)
        .filter(|code| !given.contains(code))
        .collect();
    assert_eq!(
        none,
        ["unknown"],
        "what a later version gives stands for itself"
    );
}

#[test]
fn the_relay_and_the_table_agree_on_what_may_be_tried_again() {
    for code in ErrorCode::ALL {
        let info = Error::describe(code.as_str()).unwrap();
        assert_eq!(info.retryable, code.retryable(), "{code}");
    }
}

#[test]
fn a_code_stands_in_the_table_once_and_says_what_to_do() {
    let mut seen = HashSet::new();
    for info in Error::table() {
        assert!(seen.insert(info.code), "{} stands twice", info.code);
        assert!(
            info.text.len() > 15 && info.text.is_ascii(),
            "{}",
            info.code
        );
        let plain = |c: char| c.is_ascii_lowercase() || c == '_';
        assert!(info.code.chars().all(plain), "{}", info.code);
    }
}

#[test]
fn the_text_of_an_id_that_is_none_fits_every_kind_of_id() {
    let text = Error::InvalidId(ParseIdError::SendKey).info().text;
    assert!(text.contains("the reason says"), "{text}");
    for word in ["user", "thread", "64"] {
        assert!(!text.contains(word), "{text}");
    }
}

#[test]
fn what_the_relay_answered_is_said_without_its_code_which_stands_beside_it() {
    let refused = Error::from(EngineError::Relay {
        code: ErrorCode::Unprocessable,
        detail: "it has no such field".to_owned(),
        retry_after_ms: None,
    });
    assert_eq!(refused.code(), "unprocessable");
    assert!(!refused.to_string().contains("unprocessable"));
    assert!(refused.to_string().contains("it has no such field"));
}

#[test]
fn an_error_carries_no_field_that_its_row_does_not_name() {
    let text = || "why".to_owned();
    let io = || io::Error::other("why");
    let errors: Vec<Error> = vec![
        Error::Configuration(text()),
        Error::StorageUnavailable(text()),
        Error::KeyStore(KeyStoreError::new("why")),
        Error::InvalidId(ParseIdError::User),
        Error::System(io()),
        Error::AttachmentSource(io()),
        Error::AttachmentSink(io()),
        Error::AttachmentTooLarge { bytes: 7 },
        Error::AttachmentUnsupported(text()),
        Error::AttachmentTransfer(text()),
        Error::MessageFailed(text()),
        Error::Internal("why"),
        EngineError::TextTooLong { bytes: 2, max: 1 }.into(),
        EngineError::TooManyThreads { max: 1 }.into(),
        EngineError::TtlInvalid.into(),
        EngineError::DeviceLimit.into(),
        EngineError::DeviceList(text(), text()).into(),
        EngineError::RelayGarbage { status: 502 }.into(),
        EngineError::RelayBusy {
            status: 503,
            retry_after_ms: 1,
        }
        .into(),
        EngineError::LinkCodeInvalid(text()).into(),
        EngineError::LinkState("why").into(),
        EngineError::LinkTampered("why").into(),
        EngineError::Network(text()).into(),
        EngineError::Internal(text()).into(),
        StoreError::Corrupt { detail: text() }.into(),
        StoreError::Io { detail: text() }.into(),
        StoreError::StaleSession.into(),
        OpenError::NewerSchema { found: 2, known: 1 }.into(),
        OpenError::RolledBack {
            store_generation: 1,
            anchor: 2,
        }
        .into(),
        OpenError::Corrupt { detail: text() }.into(),
        OpenError::Io { detail: text() }.into(),
    ];
    for error in errors {
        let present = error.fields().present();
        assert!(!present.is_empty(), "{error} was listed for its fields");
        for field in present {
            assert!(error.info().fields.contains(&field), "{error}: {field:?}");
        }
    }
}

#[test]
fn an_answer_of_the_relay_keeps_its_code_and_its_wait() {
    let error = Error::from(EngineError::Relay {
        code: ErrorCode::RateLimited,
        detail: "later".to_owned(),
        retry_after_ms: Some(1500),
    });
    assert_eq!(error.code(), "rate_limited");
    assert!(error.retryable());
    assert_eq!(error.retry_after(), Some(Duration::from_millis(1500)));
}

#[test]
fn the_cause_can_be_walked_to() {
    let error = Error::System(io::Error::other("no threads"));
    assert_eq!(
        std::error::Error::source(&error).unwrap().to_string(),
        "no threads"
    );
}
