//! The code that the new device shows, as a QR code or to be pasted: `sealwire://link?v=1&id=…&k=…`.

use super::LinkKey;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::fmt;
use std::str::FromStr;

const PREFIX: &str = "sealwire://link?";
const VERSION: &str = "1";
/// Longer than any code with parameters to come; what is longer is not looked at.
const MAX_CODE_BYTES: usize = 1024;

/// Where the new device waits, and the key that everything there is sealed to.
///
/// Whoever reads the code can offer the new device an account; printing it is the one way to pass it on, so it has no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkCode {
    /// The relay's mailbox.
    pub mailbox_id: [u8; 16],
    /// The new device's public key, which the relay never sees.
    pub key: LinkKey,
}

/// Why a text is no link code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkCodeError {
    /// Some other text or QR code.
    #[error("not a link code")]
    NotALinkCode,
    /// A newer app made it: update this one.
    #[error("the link code is of a version that this app does not know")]
    UnknownVersion,
    /// The mailbox id is missing, doubled or not 16 bytes of base64url.
    #[error("the link code holds no mailbox id")]
    MailboxId,
    /// The key is missing, doubled or no public key.
    #[error("the link code holds no key")]
    Key,
}

impl fmt::Display for LinkCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = URL_SAFE_NO_PAD.encode(self.mailbox_id);
        let key = URL_SAFE_NO_PAD.encode(self.key.to_bytes());
        write!(formatter, "{PREFIX}v={VERSION}&id={id}&k={key}")
    }
}

impl FromStr for LinkCode {
    type Err = LinkCodeError;

    /// Reads the parameters in any order and passes over those that it does not know.
    fn from_str(text: &str) -> Result<Self, LinkCodeError> {
        let text = text.trim();
        if text.len() > MAX_CODE_BYTES {
            return Err(LinkCodeError::NotALinkCode);
        }
        let parameters = text
            .strip_prefix(PREFIX)
            .ok_or(LinkCodeError::NotALinkCode)?;
        if only(parameters, "v").ok_or(LinkCodeError::NotALinkCode)? != VERSION {
            return Err(LinkCodeError::UnknownVersion);
        }
        Ok(Self {
            mailbox_id: only(parameters, "id")
                .and_then(|id| URL_SAFE_NO_PAD.decode(id).ok())
                .and_then(|id| id.try_into().ok())
                .ok_or(LinkCodeError::MailboxId)?,
            key: only(parameters, "k")
                .and_then(|key| URL_SAFE_NO_PAD.decode(key).ok())
                .and_then(|key| LinkKey::from_bytes(&key).ok())
                .ok_or(LinkCodeError::Key)?,
        })
    }
}

/// The value of a parameter that stands there exactly once.
fn only<'a>(parameters: &'a str, name: &str) -> Option<&'a str> {
    let mut values = parameters
        .split('&')
        .filter_map(|parameter| parameter.strip_prefix(name)?.strip_prefix('='));
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::super::LinkKeyPair;
    use super::*;
    use proptest::prelude::*;

    fn code() -> LinkCode {
        LinkCode {
            mailbox_id: [0xfb; 16],
            key: LinkKeyPair::from_secret_bytes(&[1; 32]).public(),
        }
    }

    fn read(text: &str) -> Option<LinkCodeError> {
        text.parse::<LinkCode>().err()
    }

    #[test]
    fn a_code_is_read_as_it_was_shown() {
        let shown = code().to_string();
        assert!(shown.starts_with("sealwire://link?v=1&id=-_v7-_v7-_v7-_v7-_v7-w&k=BaTgkpK2"));
        assert!(shown.parse() == Ok(code()));
        assert!(format!("  {shown}\n").parse() == Ok(code()));
    }

    #[test]
    fn parameters_may_come_in_any_order_and_with_others() {
        let key = URL_SAFE_NO_PAD.encode(code().key.to_bytes());
        let other = format!("sealwire://link?k={key}&new=1&id=-_v7-_v7-_v7-_v7-_v7-w&v=1");
        assert!(other.parse() == Ok(code()));
    }

    #[test]
    fn another_version_says_so() {
        let newer = code().to_string().replace("v=1", "v=2");
        assert_eq!(read(&newer), Some(LinkCodeError::UnknownVersion));
    }

    #[test]
    fn other_texts_are_no_link_codes() {
        let long = format!("{}&x={}", code(), "y".repeat(1024));
        for text in [
            "",
            "https://example.org",
            "sealwire://link",
            "sealwire://link?id=1",
            &long,
        ] {
            assert_eq!(read(text), Some(LinkCodeError::NotALinkCode), "{text}");
        }
    }

    #[test]
    fn a_code_of_the_longest_length_is_read_and_one_byte_more_is_not() {
        let shown = code().to_string();
        let extended =
            |length: usize| format!("{shown}&x={}", "y".repeat(length - shown.len() - 3));
        assert_eq!(extended(1024).len(), 1024);
        assert!(extended(1024).parse() == Ok(code()));
        assert_eq!(read(&extended(1025)), Some(LinkCodeError::NotALinkCode));
    }

    #[test]
    fn a_missing_doubled_or_broken_parameter_is_named() {
        let good = code().to_string();
        let doubled_id = format!("{good}&id=-_v7-_v7-_v7-_v7-_v7-w");
        assert_eq!(read(&doubled_id), Some(LinkCodeError::MailboxId));
        let short_id = good.replace("-_v7-w", "-_v7");
        assert_eq!(read(&short_id), Some(LinkCodeError::MailboxId));
        assert_eq!(
            read("sealwire://link?v=1&id=-_v7-_v7-_v7-_v7-_v7-w"),
            Some(LinkCodeError::Key)
        );
        let other_type = good.replace("&k=BaTg", "&k=CKTg");
        assert_eq!(read(&other_type), Some(LinkCodeError::Key));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "(sealwire://link\\?)?[ -~é]{0,80}") {
            let _ = text.parse::<LinkCode>().err();
        }
    }
}
