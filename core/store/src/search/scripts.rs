//! Which characters are words, which run on without spaces, which are pictures (Unicode 17 blocks and emoji data).

/// What a character is to the segmenter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// A letter, mark or digit of a script that puts spaces between words.
    Word,
    /// Of a script that writes without spaces, or Korean, whose words carry endings.
    Run,
    /// An emoji or another symbol that is searched by itself.
    Picture,
    /// A regional indicator: two of them are a flag.
    FlagHalf,
    /// Space, punctuation, control.
    Separator,
}

/// The class of a character after folding.
pub(super) fn class_of(character: char) -> Class {
    match character {
        'a'..='z' | 'A'..='Z' | '0'..='9' => Class::Word,
        '\0'..='\u{7f}' => Class::Separator,
        '\u{1f1e6}'..='\u{1f1ff}' => Class::FlagHalf,
        _ if is_picture(character) => Class::Picture,
        // Private use: what is in it is nobody's word, and our own picture tokens begin with it.
        '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}' => Class::Separator,
        _ if !is_word_character(character) => Class::Separator,
        _ if runs_on(character) => Class::Run,
        _ => Class::Word,
    }
}

/// A skin tone: says nothing about what is searched.
pub(super) fn is_skin_tone(character: char) -> bool {
    ('\u{1f3fb}'..='\u{1f3ff}').contains(&character)
}

fn is_word_character(character: char) -> bool {
    character.is_alphanumeric() || unicode_normalization::char::is_combining_mark(character)
}

fn runs_on(character: char) -> bool {
    matches!(character,
        '\u{e00}'..='\u{eff}' // Thai, Lao
        | '\u{1000}'..='\u{109f}' | '\u{a9e0}'..='\u{a9ff}' | '\u{aa60}'..='\u{aa7f}' // Myanmar
        | '\u{1780}'..='\u{17ff}' | '\u{19e0}'..='\u{19ff}' // Khmer
        | '\u{1100}'..='\u{11ff}' | '\u{a960}'..='\u{a97f}' | '\u{ac00}'..='\u{d7ff}' // Hangul
        | '\u{2e80}'..='\u{2fdf}' | '\u{3005}'..='\u{3007}' | '\u{3021}'..='\u{3029}' // radicals, iteration marks
        | '\u{3031}'..='\u{3035}' | '\u{3038}'..='\u{303c}'
        | '\u{3040}'..='\u{312f}' | '\u{31a0}'..='\u{31bf}' | '\u{31f0}'..='\u{31ff}' // kana, bopomofo
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' // Han
        | '\u{a000}'..='\u{a4cf}' // Yi
        | '\u{1aff0}'..='\u{1b16f}' // kana supplements
        | '\u{20000}'..='\u{3ffff}') // Han extensions
}

/// Emoji and symbols that people search for. Letters, digits and what compatibility folding turns into letters are none.
fn is_picture(character: char) -> bool {
    matches!(character,
        '\u{a9}' | '\u{ae}' | '\u{203c}' | '\u{2049}'
        | '\u{20a0}'..='\u{20cf}' // currency
        | '\u{2190}'..='\u{23ff}' // arrows, mathematics, technical
        | '\u{25a0}'..='\u{27ef}' // shapes, symbols, dingbats
        | '\u{2900}'..='\u{297f}' | '\u{2b00}'..='\u{2bff}'
        | '\u{3030}' | '\u{303d}'
        | '\u{1f000}'..='\u{1f0ff}' | '\u{1f170}'..='\u{1f1e5}'
        | '\u{1f200}'..='\u{1f2ff}'
        | '\u{1f300}'..='\u{1faff}')
}
