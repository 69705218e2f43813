//! The one way that texts to be signed, MACed, hashed or authenticated are put together.
//!
//! A label says what the text is for; every field of variable length carries its length in front, so that two different
//! lists of fields never give the same bytes.

/// A field is longer than its length prefix can say. No text was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a field is too long for its length prefix")]
pub struct FieldTooLong;

/// Most texts fit, a message's stamp and fingerprint among them: those are made for every message.
const USUAL: usize = 256;

/// A text under construction: label first, then the fields in the order of the protocol's description.
///
/// ```
/// use sealwire_crypto::transcript::Transcript;
/// let text = Transcript::new("Sealwire v1 example").bytes(b"alice").u32(1).finish().unwrap();
/// assert_eq!(text, b"\x00\x13Sealwire v1 example\x00\x05alice\x00\x00\x00\x01");
/// ```
pub struct Transcript(Result<Vec<u8>, FieldTooLong>);

impl Transcript {
    /// A text with this label (itself a field of variable length).
    pub fn new(label: &str) -> Self {
        Self(Ok(Vec::with_capacity(USUAL))).bytes(label.as_bytes())
    }

    /// A field of variable length: u16 length, then the bytes.
    pub fn bytes(self, field: &[u8]) -> Self {
        match u16::try_from(field.len()) {
            Ok(length) => self.fixed(&length.to_be_bytes()).raw(field),
            Err(_) => Self(Err(FieldTooLong)),
        }
    }

    /// A body: u32 length, then the bytes.
    pub fn body(self, field: &[u8]) -> Self {
        match u32::try_from(field.len()) {
            Ok(length) => self.fixed(&length.to_be_bytes()).raw(field),
            Err(_) => Self(Err(FieldTooLong)),
        }
    }

    /// A field whose length the protocol fixes (a thread id, a digest, a key): the bytes alone.
    pub fn fixed<const N: usize>(self, field: &[u8; N]) -> Self {
        self.raw(field)
    }

    /// One byte.
    pub fn u8(self, value: u8) -> Self {
        self.fixed(&[value])
    }

    /// Big-endian.
    pub fn u32(self, value: u32) -> Self {
        self.fixed(&value.to_be_bytes())
    }

    /// Big-endian.
    pub fn u64(self, value: u64) -> Self {
        self.fixed(&value.to_be_bytes())
    }

    /// The text.
    pub fn finish(self) -> Result<Vec<u8>, FieldTooLong> {
        self.0
    }

    fn raw(mut self, bytes: &[u8]) -> Self {
        if let Ok(text) = &mut self.0 {
            text.extend_from_slice(bytes);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_cannot_flow_into_each_other() {
        let text = |first: &[u8], second: &[u8]| {
            Transcript::new("l")
                .bytes(first)
                .bytes(second)
                .finish()
                .unwrap()
        };
        assert_ne!(text(b"ab", b"c"), text(b"a", b"bc"));
        assert_ne!(text(b"", b"abc"), text(b"abc", b""));
    }

    #[test]
    fn the_label_cannot_flow_into_the_first_field() {
        assert_ne!(
            Transcript::new("ab").fixed(b"c").finish(),
            Transcript::new("a").fixed(b"bc").finish()
        );
    }

    #[test]
    fn integers_are_big_endian_and_a_body_has_a_long_length() {
        let text = Transcript::new("").u8(1).u32(2).u64(3).body(b"xy").finish();
        assert_eq!(
            hex::encode(text.unwrap()),
            "0000010000000200000000000000030000000278 79".replace(' ', "")
        );
    }

    #[test]
    fn a_field_that_is_too_long_gives_no_text() {
        let long = vec![0; 65_536];
        assert!(Transcript::new("l").bytes(&long[1..]).finish().is_ok());
        assert_eq!(
            Transcript::new("l").bytes(&long).u8(1).finish(),
            Err(FieldTooLong)
        );
        assert!(Transcript::new("l").body(&long).finish().is_ok());
    }
}
