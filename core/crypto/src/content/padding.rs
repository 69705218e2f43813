//! Hiding lengths: short contents are all equally long, longer ones come in few lengths.

use crate::padme::padme;
use zeroize::Zeroizing;

/// Contents up to this length (with the marker) look the same: most of what people write to each other.
const SHORTEST: usize = 160;
/// Where the content ends and the zeros begin (ISO/IEC 7816-4).
const MARKER: u8 = 0x80;

/// The length of a padded content.
const fn padded_length(content: usize) -> usize {
    let marked = content + 1;
    if marked <= SHORTEST {
        SHORTEST
    } else {
        padme(marked as u64) as usize
    }
}

/// The longest content whose padded form is not longer than `limit`.
pub(super) const fn largest_content(limit: usize) -> usize {
    let mut content = limit - 1;
    while padded_length(content) > limit {
        content -= 1;
    }
    content
}

/// The content with its marker and zeros.
pub(super) fn pad(content: &[u8]) -> Zeroizing<Vec<u8>> {
    let length = padded_length(content.len());
    let mut padded = Zeroizing::new(Vec::with_capacity(length));
    padded.extend_from_slice(content);
    padded.push(MARKER);
    padded.resize(length, 0);
    padded
}

/// The content of a padded text; `None` for any text that [`pad`] does not make.
pub(super) fn unpad(padded: &[u8]) -> Option<&[u8]> {
    let marker = padded.iter().rposition(|byte| *byte != 0)?;
    let (content, rest) = padded.split_at_checked(marker)?;
    (rest.first() == Some(&MARKER) && padded_length(content.len()) == padded.len())
        .then_some(content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_largest_content_of_a_limit_fits_and_one_byte_more_does_not() {
        for limit in (SHORTEST..3_000).chain([65_535, 65_536, 65_537]) {
            let largest = largest_content(limit);
            assert!(padded_length(largest) <= limit, "{limit}");
            assert!(padded_length(largest + 1) > limit, "{limit}");
        }
    }

    #[test]
    fn short_contents_are_equally_long() {
        assert_eq!(pad(b"").len(), 160);
        assert_eq!(pad(&[1; 159]).len(), 160);
        assert_eq!(pad(&[1; 160]).len(), 176);
    }

    #[test]
    fn what_pad_does_not_make_is_refused() {
        let padded = pad(b"content");
        assert_eq!(unpad(&padded), Some(b"content".as_slice()));
        assert_eq!(unpad(&padded[..159]), None);
        assert_eq!(unpad(&[padded.as_slice(), &[0]].concat()), None);
        assert_eq!(unpad(&[0; 160]), None);
        assert_eq!(unpad(b""), None);
        let mut other_marker = padded.to_vec();
        other_marker[7] = 0x81;
        assert_eq!(unpad(&other_marker), None);
    }

    proptest! {
        #[test]
        fn padding_comes_off_exactly(content in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let padded = pad(&content);
            prop_assert_eq!(unpad(&padded), Some(content.as_slice()));
            prop_assert!(padded.len() == SHORTEST || padded.len() * 100 <= (content.len() + 1) * 112);
        }
    }
}
