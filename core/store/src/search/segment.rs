//! Cutting folded text into tokens. The index gets them as text with spaces; a query gets them as terms.

use super::fold::fold;
use super::scripts::{Class, class_of, is_skin_tone};
use std::fmt::Write as _;

/// A longer word is cut here, in the index and in a query alike: nobody types one, and a pasted key must not swell the index.
const WORD_MAX: usize = 64;
/// Joins the parts of one emoji.
const JOINER: char = '\u{200d}';
/// The first character of a picture's token: private use, which no word holds.
const PICTURE: char = '\u{e000}';

/// A piece of text between separators.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// A word.
    Word(String),
    /// Characters of a script that writes without spaces.
    Run(Vec<char>),
    /// The tokens of one emoji: its parts, joined parts with the joiner between.
    Picture(Vec<String>),
    /// Punctuation only, between pieces.
    Joint,
    /// A space between pieces.
    Space,
}

/// The tokens of a text, for the index.
pub(super) fn index_tokens(text: &str) -> String {
    let mut tokens = String::with_capacity(text.len() * 2);
    let mut push = |token: &str| {
        if !tokens.is_empty() {
            tokens.push(' ');
        }
        tokens.push_str(token);
    };
    for piece in pieces(text) {
        match piece {
            Piece::Word(word) => push(&word),
            Piece::Picture(parts) => parts.iter().for_each(|part| push(part)),
            Piece::Run(run) => {
                run_tokens(&run).for_each(|token| push(&token));
                // The last character begins no pair: alone, so that a query of one character finds it.
                push(&run[run.len() - 1..].iter().collect::<String>());
            }
            Piece::Joint | Piece::Space => {}
        }
    }
    tokens
}

/// Every pair of neighbours.
pub(super) fn run_tokens(run: &[char]) -> impl Iterator<Item = String> + '_ {
    run.windows(2).map(|pair| pair.iter().collect())
}

/// The pieces of a text, folded, in order.
pub(super) fn pieces(text: &str) -> Vec<Piece> {
    let folded = fold(text);
    let mut characters = folded.chars().peekable();
    let mut pieces = Vec::new();
    while let Some(character) = characters.next() {
        match class_of(character) {
            Class::Word => {
                let mut word = String::from(character);
                let mut length = 1;
                while let Some(next) =
                    characters.next_if(|next| class_of(*next) == Class::Word || *next == JOINER)
                {
                    if next != JOINER && length < WORD_MAX {
                        word.push(next);
                        length += 1;
                    }
                }
                pieces.push(Piece::Word(word));
            }
            Class::Run => {
                let mut run = vec![character];
                while let Some(next) = characters.next_if(|next| class_of(*next) == Class::Run) {
                    run.push(next);
                }
                pieces.push(Piece::Run(run));
            }
            Class::Picture if is_skin_tone(character) => {}
            Class::Picture => {
                let mut parts = vec![picture_token(&[character])];
                loop {
                    while characters.next_if(|next| is_skin_tone(*next)).is_some() {}
                    let mut ahead = characters.clone();
                    let joined = ahead.next() == Some(JOINER);
                    let Some(part) = ahead
                        .next()
                        .filter(|next| joined && class_of(*next) == Class::Picture)
                    else {
                        break;
                    };
                    characters = ahead;
                    parts.push(picture_token(&[JOINER]));
                    parts.push(picture_token(&[part]));
                }
                pieces.push(Piece::Picture(parts));
            }
            Class::FlagHalf => {
                let token = match characters.next_if(|next| class_of(*next) == Class::FlagHalf) {
                    Some(second) => picture_token(&[character, second]),
                    None => picture_token(&[character]),
                };
                pieces.push(Piece::Picture(vec![token]));
            }
            Class::Separator if character.is_whitespace() => pieces.push(Piece::Space),
            Class::Separator => pieces.push(Piece::Joint),
        }
    }
    pieces
}

/// A picture as a token that no tokenizer takes apart: a private-use character and code points in hex.
fn picture_token(characters: &[char]) -> String {
    let mut token = String::from(PICTURE);
    for character in characters {
        // Writing to a String cannot fail.
        let _ = write!(token, "{:x}", u32::from(*character));
    }
    token
}
