use super::*;

#[test]
fn an_error_crosses_with_the_text_of_the_table_its_own_words_and_its_values() {
    let error = sealwire::Error::AttachmentTooLarge { bytes: 7 };
    let info = ErrorInfo::from(&error);
    assert_eq!(
        (info.code.as_str(), info.group),
        ("attachment_too_large", ErrorGroup::Attachment)
    );
    assert!(info.detail.contains("7 bytes"), "{}", info.detail);
    assert_eq!(info.fields.bytes, Some(7));
    assert_eq!(info.fields.max_bytes, None);
}

#[test]
fn every_group_of_the_table_has_one_of_its_own() {
    for info in sealwire::Error::table() {
        let group = ErrorInfo::from(*info).group;
        assert_eq!(format!("{group:?}"), format!("{:?}", info.group));
    }
}

#[test]
fn settings_and_preferences_come_back_as_they_went() {
    use sealwire::{DirectMessages as Who, Notifications as Which};
    for direct_messages in [Who::Everyone, Who::Followers, Who::Verified, Who::None] {
        let settings = sealwire::AccountSettings {
            direct_messages,
            read_receipts: false,
            presence: true,
        };
        assert_eq!(
            sealwire::AccountSettings::from(AccountSettings::from(settings)),
            settings
        );
    }
    for notifications in [Which::All, Which::Mentions, Which::None] {
        let preferences = sealwire::ThreadPreferences {
            muted_until: Some(Timestamp(5)),
            notifications,
        };
        let there = ThreadPreferences::from(preferences);
        assert_eq!(sealwire::ThreadPreferences::from(there), preferences);
    }
}

#[test]
fn a_policy_asks_for_pqxdh_unless_it_allows_x3dh() {
    let of = |policy| sealwire::SessionPolicy::from(policy).allows_x3dh();
    assert_eq!(SessionPolicy::default(), SessionPolicy::RequirePqxdh);
    assert_eq!(
        (
            of(SessionPolicy::RequirePqxdh),
            of(SessionPolicy::AllowX3dh)
        ),
        (false, true)
    );
}

#[test]
fn a_count_below_zero_is_none_at_all() {
    assert_eq!((count(-1), count(7), count(i64::MAX)), (0, 7, u32::MAX));
}

#[test]
fn a_send_key_has_16_bytes_or_is_an_error() {
    let of = |length| SendOptions {
        ttl_seconds: Some(7),
        key: Some(vec![1; length]),
    };
    let given = sealwire::SendOptions::default().ttl_seconds(7).key([1; 16]);
    assert_eq!(sealwire::SendOptions::try_from(of(16)).unwrap(), given);
    for length in [0, 15, 17] {
        let refused = sealwire::SendOptions::try_from(of(length)).unwrap_err();
        assert_eq!(refused.code(), "invalid_id");
        let described = AttachmentOptions {
            key: of(length).key,
            ..AttachmentOptions::default()
        };
        let attachment = sealwire::Attachment::from_bytes([1, 2, 3]);
        let refused = described.describe(attachment).err().unwrap();
        assert_eq!(refused.code(), "invalid_id");
    }
}

#[test]
fn what_people_wrote_and_keys_do_not_print() {
    let media = MediaFacts {
        width: Some(640),
        blurhash: Some("private-preview".to_owned()),
        waveform: Some(vec![77; 64]),
        ..MediaFacts::default()
    };
    let file = AttachmentFacts {
        id: "a-1".to_owned(),
        size: 9,
        mime: "image/png".to_owned(),
        name: "private-name.png".to_owned(),
        media: media.clone(),
    };
    let options = AttachmentOptions {
        name: Some("private-name".to_owned()),
        caption: Some("private words".to_owned()),
        key: Some(vec![77; 16]),
        media: Some(media),
        ..AttachmentOptions::default()
    };
    let send = SendOptions {
        ttl_seconds: Some(60),
        key: Some(vec![77; 16]),
    };
    let text = "private words".to_owned();
    let contents = [
        MessageContent::Text { text: text.clone() },
        MessageContent::Attachment {
            file,
            caption: text,
        },
    ];
    let printed = format!("{contents:?} {options:?} {send:?}");
    assert!(printed.contains("Text") && printed.contains("image/png") && printed.contains("640"));
    assert!(
        !printed.contains("private") && !printed.contains("77"),
        "{printed}"
    );
}
