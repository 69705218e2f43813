//! The header `Range` of one byte range (RFC 9110, section 14).

/// A part of a file: from `start`, `length` bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ByteRange {
    pub(crate) start: u64,
    pub(crate) length: u64,
}

/// The range lies outside of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotSatisfiable;

impl ByteRange {
    /// The part of a file of `size` bytes that the header asks for; none for the whole.
    ///
    /// What is not one range in bytes is ignored, as the RFC has it.
    pub(crate) fn read(header: &str, size: u64) -> Result<Option<Self>, NotSatisfiable> {
        let Some((first, last)) = header
            .trim()
            .strip_prefix("bytes=")
            .and_then(|spec| spec.split_once('-'))
        else {
            return Ok(None);
        };
        match (number(first), number(last)) {
            (Some(Some(first)), Some(last)) => {
                if last.is_some_and(|last| last < first) {
                    return Ok(None);
                }
                if first >= size {
                    return Err(NotSatisfiable);
                }
                let end = last.map_or(size, |last| last.saturating_add(1).min(size));
                Ok(Some(Self {
                    start: first,
                    length: end - first,
                }))
            }
            (Some(None), Some(Some(suffix))) => {
                let length = suffix.min(size);
                if length == 0 {
                    return Err(NotSatisfiable);
                }
                Ok(Some(Self {
                    start: size - length,
                    length,
                }))
            }
            _ => Ok(None),
        }
    }

    /// The header `Content-Range` of an answer with this part.
    pub(crate) fn content_range(self, size: u64) -> String {
        let last = self.start + self.length - 1;
        format!("bytes {}-{last}/{size}", self.start)
    }
}

/// `Some(None)` for nothing at all, `None` for what is no number.
fn number(text: &str) -> Option<Option<u64>> {
    if text.is_empty() {
        return Some(None);
    }
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| Some(text.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn part(start: u64, length: u64) -> Result<Option<ByteRange>, NotSatisfiable> {
        Ok(Some(ByteRange { start, length }))
    }

    #[test]
    fn each_form_of_a_range_is_read() {
        assert_eq!(ByteRange::read("bytes=0-9", 100), part(0, 10));
        assert_eq!(ByteRange::read("bytes=90-", 100), part(90, 10));
        assert_eq!(ByteRange::read("bytes=-5", 100), part(95, 5));
        assert_eq!(ByteRange::read("bytes=90-1000", 100), part(90, 10));
        assert_eq!(ByteRange::read("bytes=-1000", 100), part(0, 100));
    }

    #[test]
    fn a_range_outside_of_the_file_is_refused() {
        for header in ["bytes=100-", "bytes=100-200", "bytes=-0"] {
            assert_eq!(ByteRange::read(header, 100), Err(NotSatisfiable));
        }
    }

    #[test]
    fn what_is_no_single_range_is_ignored() {
        for header in [
            "bytes=9-0",
            "bytes=0-1,5-6",
            "lines=0-1",
            "bytes=-",
            "bytes=a-b",
            "",
        ] {
            assert_eq!(ByteRange::read(header, 100), Ok(None), "{header}");
        }
    }

    proptest! {
        #[test]
        fn a_part_never_reaches_beyond_its_file(header in "(bytes=)?[0-9]{0,21}-[0-9]{0,21}", size: u64) {
            if let Ok(Some(ByteRange { start, length })) = ByteRange::read(&header, size) {
                prop_assert!(length > 0);
                prop_assert!(start.checked_add(length).unwrap() <= size);
            }
        }
    }
}
