//! Padmé: lengths that say little about what is inside, for contents and attachments.

/// The Padmé length (Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and Communication with PURBs", 2019,
/// section 4): only as many leading bits as the length of the length, at most 12 % more.
///
/// Lengths from 2^63 up have none.
pub(crate) const fn padme(length: u64) -> u64 {
    if length < 2 {
        return length;
    }
    let exponent = length.ilog2();
    let kept_bits = exponent.ilog2() + 1;
    let mask = (1 << (exponent - kept_bits)) - 1;
    length.saturating_add(mask) & !mask
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Worked by hand from the definition: 9 = 0b1001 keeps two bits after the first, and so on.
    #[test]
    fn lengths_worked_by_hand() {
        for (length, padded) in [
            (0, 0),
            (1, 1),
            (2, 2),
            (8, 8),
            (9, 10),
            (161, 176),
            (1_000, 1_024),
            (65_000, 65_536),
            (1_000_000, 1_015_808),
        ] {
            assert_eq!(padme(length), padded, "{length}");
        }
    }

    proptest! {
        #[test]
        fn padding_costs_at_most_12_percent_and_never_shrinks(length in 0..u64::from(u32::MAX) * 65_536) {
            let padded = padme(length);
            prop_assert!(padded >= length);
            prop_assert!((padded - length) * 100 <= length * 12);
            prop_assert_eq!(padme(padded), padded);
        }
    }
}
