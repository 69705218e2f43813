//! Folding: one form for what a reader takes for the same word. Text and query go through it alike.
//!
//! Compatibility normalisation (Unicode TR 15), lower case, and no accents. A mark is taken away only where it is an
//! accent or a vowel point: kana dakuten, Thai and Indic vowel signs make other words and stay.

use unicode_normalization::UnicodeNormalization as _;

/// The folded form.
pub(super) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let (plain, marked) = rest.split_at(plain_part(rest));
        folded.extend(
            plain
                .chars()
                .map(|character| character.to_ascii_lowercase()),
        );
        // No ASCII character joins the one before it: from there on the rest is folded by itself.
        let ascii_again = |(at, byte): (usize, u8)| (at > 0 && byte.is_ascii()).then_some(at);
        let end = marked.bytes().enumerate().find_map(ascii_again);
        let (marked, tail) = marked.split_at(end.unwrap_or(marked.len()));
        fold_into(&mut folded, marked);
        rest = tail;
    }
    folded
}

/// How much of a text is ASCII that nothing is folded into: all of its first ASCII but the last character, where a mark may follow.
fn plain_part(text: &str) -> usize {
    let ascii = text.bytes().take_while(u8::is_ascii).count();
    if ascii == text.len() {
        ascii
    } else {
        ascii.saturating_sub(1)
    }
}

/// Any text, in full.
fn fold_into(folded: &mut String, text: &str) {
    let mut lower = String::with_capacity(text.len());
    for character in text.nfkd().filter(|character| !is_dropped(*character)) {
        for character in character.to_lowercase() {
            push_unified(&mut lower, character);
        }
    }
    // Lower case can bring a mark of its own along, as the dotted capital I does.
    let again = lower.nfkd().filter(|character| !is_dropped(*character));
    folded.extend(again.nfc());
}

/// Accents, vowel points, and characters that are not seen.
fn is_dropped(character: char) -> bool {
    matches!(character,
        // accents of Latin, Greek, Cyrillic
        '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}'
        // Hebrew points and accents
        | '\u{591}'..='\u{5bd}' | '\u{5bf}' | '\u{5c1}'..='\u{5c2}' | '\u{5c4}'..='\u{5c5}' | '\u{5c7}'
        // Arabic vowel signs, hamza above and below as a mark, Quranic signs, tatweel
        | '\u{610}'..='\u{61a}' | '\u{640}' | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{6d6}'..='\u{6dc}'
        | '\u{6df}'..='\u{6e4}' | '\u{6e7}'..='\u{6e8}' | '\u{6ea}'..='\u{6ed}' | '\u{8d3}'..='\u{8ff}'
        // Syriac points
        | '\u{711}' | '\u{730}'..='\u{74a}'
        // soft hyphen, zero-width space and non-joiner, direction marks, word joiner, byte order mark
        | '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200c}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{206f}' | '\u{feff}'
        // variation selectors, tags
        | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' | '\u{e0020}'..='\u{e007f}')
}

/// Letters that people take for another although Unicode does not.
fn push_unified(folded: &mut String, character: char) {
    match character {
        'ß' => folded.push_str("ss"),
        'æ' => folded.push_str("ae"),
        'œ' => folded.push_str("oe"),
        'þ' => folded.push_str("th"),
        'ø' => folded.push('o'),
        'đ' | 'ð' => folded.push('d'),
        'ł' => folded.push('l'),
        'ħ' => folded.push('h'),
        'ŧ' => folded.push('t'),
        'ı' => folded.push('i'),
        'ς' => folded.push('σ'),
        // Arabic: wasla, alef maksura and Farsi yeh, teh marbuta, keheh
        '\u{671}' => folded.push('\u{627}'),
        '\u{649}' | '\u{6cc}' => folded.push('\u{64a}'),
        '\u{629}' => folded.push('\u{647}'),
        '\u{6a9}' => folded.push('\u{643}'),
        // Arabic-Indic digits, both rows
        '\u{660}'..='\u{669}' => push_digit(folded, character, 0x660),
        '\u{6f0}'..='\u{6f9}' => push_digit(folded, character, 0x6f0),
        other => folded.push(other),
    }
}

fn push_digit(folded: &mut String, character: char, zero: u32) {
    folded.extend(char::from_digit(u32::from(character) - zero, 10));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn in_one_piece(text: &str) -> String {
        let mut folded = String::new();
        fold_into(&mut folded, text);
        folded
    }

    proptest! {
        #[test]
        fn a_text_folded_in_pieces_is_the_text_folded_in_one(
            text in "([ -~]|[a-zA-Z][\u{300}-\u{31f}]{0,2}|[À-ž]|\\PC|[ก-๛]|[ァ-ヾ]\u{3099}?|[\u{1100}-\u{11ff}]){0,40}"
        ) {
            prop_assert_eq!(fold(&text), in_one_piece(&text));
        }
    }

    #[test]
    fn marks_fold_into_the_letter_before_them_wherever_the_pieces_end() {
        for text in [
            "Cafe\u{301}!",
            "e\u{301}",
            "\u{301}e",
            "x\u{200d}y",
            "İstanbul A\u{30a}",
            "a",
            "",
        ] {
            assert_eq!(fold(text), in_one_piece(text), "{text}");
        }
        assert_eq!(fold("CAFE\u{301} Früh"), "cafe fruh");
    }
}
