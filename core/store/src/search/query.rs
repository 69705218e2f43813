//! What a user typed, as an FTS5 expression. Nothing typed is ever syntax: the expression holds our tokens alone.

use super::segment::{Piece, pieces, run_tokens};

/// Further terms of a query are left out: it finds more then, never less.
const TERMS_MAX: usize = 32;
/// A longer phrase is cut: it finds more then, never less.
const PHRASE_MAX: usize = 64;

/// Tokens that stand one after the other in a message; the last may be the beginning of its token.
struct Term {
    tokens: Vec<String>,
    prefix: bool,
}

/// The expression, or `None` when there is nothing to look for.
pub(super) fn match_expression(text: &str) -> Option<String> {
    let mut terms = terms(text);
    if terms.is_empty() {
        return None;
    }
    terms.truncate(TERMS_MAX);
    let parts: Vec<String> = terms.iter().map(Term::expression).collect();
    Some(parts.join(" AND "))
}

fn terms(text: &str) -> Vec<Term> {
    let pieces = pieces(text);
    let mut terms: Vec<Term> = Vec::new();
    // Whether a word that comes next belongs to the term before it: only punctuation was between.
    let mut joined = false;
    let mut ends_with_word = false;
    for piece in pieces {
        match piece {
            Piece::Space => joined = false,
            Piece::Joint => {}
            Piece::Word(word) => {
                let prefix = word.chars().nth(1).is_some();
                match terms.last_mut() {
                    Some(term) if joined => {
                        term.tokens.push(word);
                        term.prefix = prefix;
                    }
                    _ => terms.push(Term {
                        tokens: vec![word],
                        prefix,
                    }),
                }
                joined = true;
                ends_with_word = true;
            }
            Piece::Run(run) => {
                let alone = run.len() == 1;
                let tokens = if alone {
                    vec![run.iter().collect()]
                } else {
                    run_tokens(&run).collect()
                };
                terms.push(Term {
                    tokens,
                    prefix: alone,
                });
                joined = false;
                ends_with_word = false;
            }
            Piece::Picture(parts) => {
                terms.push(Term {
                    tokens: parts,
                    prefix: false,
                });
                joined = false;
                ends_with_word = false;
            }
        }
    }
    if ends_with_word && let Some(last) = terms.last_mut() {
        last.prefix = true;
    }
    terms
}

impl Term {
    /// A phrase in double quotes: our tokens hold no quotes and no spaces.
    fn expression(&self) -> String {
        let cut = self.tokens.len() > PHRASE_MAX;
        let tokens = &self.tokens[..self.tokens.len().min(PHRASE_MAX)];
        let prefix = if self.prefix && !cut { " *" } else { "" };
        format!("\"{}\"{prefix}", tokens.join(" "))
    }
}
