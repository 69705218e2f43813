//! An Ed25519 key that signs and checks JWTs of one kind.

use jsonwebtoken::jwk::{AlgorithmParameters, Jwk};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// The PKCS#8 frame of a raw Ed25519 key (RFC 8410, section 7).
const PKCS8_HEAD: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// A key and the kind of token it stands for: a token of another kind is refused, whoever signed it.
pub(super) struct SigningKey {
    encoding: EncodingKey,
    decoding: DecodingKey,
    header: Header,
}

/// A token that this key did not sign, or of another kind.
pub(super) struct NotOurs;

impl SigningKey {
    /// The key of a seed, for tokens with this `typ`.
    pub(super) fn new(seed: &[u8; 32], kind: &str) -> Result<Self, jsonwebtoken::errors::Error> {
        let der = Zeroizing::new([PKCS8_HEAD.as_slice(), seed.as_slice()].concat());
        let encoding = EncodingKey::from_ed_der(&der);
        let public = Jwk::from_encoding_key(&encoding, Algorithm::EdDSA)?;
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(kind.to_owned());
        if let AlgorithmParameters::OctetKeyPair(parameters) = &public.algorithm {
            header.kid = Some(key_id(&parameters.x));
        }
        let decoding = DecodingKey::from_jwk(&public)?;
        Ok(Self {
            encoding,
            decoding,
            header,
        })
    }

    pub(super) fn key_id(&self) -> &str {
        self.header.kid.as_deref().unwrap_or_default()
    }

    pub(super) fn sign(
        &self,
        claims: &impl Serialize,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        jsonwebtoken::encode(&self.header, claims, &self.encoding)
    }

    /// The claims of a token that this key signed; whether it still counts is for the caller to say.
    pub(super) fn claims<T: DeserializeOwned>(&self, token: &str) -> Result<T, NotOurs> {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let data =
            jsonwebtoken::decode::<T>(token, &self.decoding, &validation).map_err(|_| NotOurs)?;
        let same_kind = data.header.typ == self.header.typ && data.header.kid == self.header.kid;
        if same_kind {
            Ok(data.claims)
        } else {
            Err(NotOurs)
        }
    }
}

fn key_id(public: &str) -> String {
    let digest = Sha256::digest(public.as_bytes());
    digest[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
