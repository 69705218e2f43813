//! Signed URLs: whoever holds one may put or get one attachment until the URL ends.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sealwire_crypto::primitives::{constant_time_eq, hmac_sha256};
use sealwire_wire::{AttachmentId, Timestamp};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use zeroize::Zeroizing;

/// Makes and checks the URLs.
pub(crate) struct UrlSigner(Zeroizing<[u8; 32]>);

/// What a URL is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Action {
    Put,
    Get,
}

/// The query of a signed URL.
#[derive(Debug, Clone, Deserialize, IntoParams)]
pub(crate) struct SignedUrl {
    #[param(inline)]
    pub(crate) action: Action,
    pub(crate) size: u64,
    expires_at: u64,
    signature: String,
}

/// Why a URL does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UrlRefused {
    Tampered,
    Expired,
}

impl UrlSigner {
    pub(crate) fn new(key: Zeroizing<[u8; 32]>) -> Self {
        Self(key)
    }

    /// Path and query of the URL for this attachment of `size` bytes.
    pub(crate) fn sign(
        &self,
        action: Action,
        id: &AttachmentId,
        size: u64,
        expires_at: Timestamp,
    ) -> String {
        let mac = self.mac(action, id, size, expires_at.0);
        let signature = URL_SAFE_NO_PAD.encode(mac);
        let (action, expires_at) = (action.as_str(), expires_at.0);
        format!(
            "/v1/blobs/{id}?action={action}&size={size}&expires_at={expires_at}&signature={signature}"
        )
    }

    /// Whether the relay made this URL for this attachment, and it has not ended.
    pub(crate) fn check(
        &self,
        id: &AttachmentId,
        url: &SignedUrl,
        now: Timestamp,
    ) -> Result<(), UrlRefused> {
        let signature = URL_SAFE_NO_PAD
            .decode(&url.signature)
            .map_err(|_| UrlRefused::Tampered)?;
        let ours = self.mac(url.action, id, url.size, url.expires_at);
        if !constant_time_eq(&ours, &signature) {
            return Err(UrlRefused::Tampered);
        }
        if url.expires_at <= now.0 {
            return Err(UrlRefused::Expired);
        }
        Ok(())
    }

    fn mac(&self, action: Action, id: &AttachmentId, size: u64, expires_at: u64) -> [u8; 32] {
        // An id holds no slash, so that no two texts are alike.
        let text = format!("{}/{id}/{size}/{expires_at}", action.as_str());
        hmac_sha256(self.0.as_slice(), text.as_bytes())
    }
}

impl Action {
    fn as_str(self) -> &'static str {
        match self {
            Self::Put => "put",
            Self::Get => "get",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000);
    const END: Timestamp = Timestamp(2_000);

    fn signer() -> UrlSigner {
        UrlSigner::new(Zeroizing::new([7; 32]))
    }

    fn signed(action: Action) -> (AttachmentId, SignedUrl) {
        let id: AttachmentId = "a".parse().unwrap();
        let url = signer().sign(action, &id, 9, END);
        let signature = url.split_once("signature=").unwrap().1.to_owned();
        let (size, expires_at) = (9, END.0);
        let url = SignedUrl {
            action,
            size,
            expires_at,
            signature,
        };
        (id, url)
    }

    #[test]
    fn a_url_counts_until_it_ends() {
        let (id, url) = signed(Action::Get);
        assert_eq!(signer().check(&id, &url, NOW), Ok(()));
        assert_eq!(signer().check(&id, &url, END), Err(UrlRefused::Expired));
    }

    #[test]
    fn each_part_of_a_url_is_signed() {
        let (id, url) = signed(Action::Get);
        let other: AttachmentId = "b".parse().unwrap();
        assert_eq!(signer().check(&other, &url, NOW), Err(UrlRefused::Tampered));
        let tampered = [
            SignedUrl {
                action: Action::Put,
                ..url.clone()
            },
            SignedUrl {
                size: 10,
                ..url.clone()
            },
            SignedUrl {
                expires_at: END.0 + 1,
                ..url.clone()
            },
            SignedUrl {
                signature: "AAAA".to_owned(),
                ..url.clone()
            },
            SignedUrl {
                signature: "%".to_owned(),
                ..url
            },
        ];
        for url in tampered {
            assert_eq!(signer().check(&id, &url, NOW), Err(UrlRefused::Tampered));
        }
    }

    #[test]
    fn another_relay_does_not_take_it() {
        let (id, url) = signed(Action::Put);
        let other = UrlSigner::new(Zeroizing::new([8; 32]));
        assert_eq!(other.check(&id, &url, NOW), Err(UrlRefused::Tampered));
    }
}
