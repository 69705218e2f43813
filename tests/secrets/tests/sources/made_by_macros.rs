//! What macros declare, which is not seen where they are called: only their text says what they make.

use super::reader::{SHOWING, Sources, segments};

/// Makes a pair that wipes itself, and its public half.
const PAIR: &str = "role";
/// Makes a key that wipes itself.
const KEY: &str = "secret32";

impl Sources {
    /// A definition, or the use of one.
    pub(super) fn called(&mut self, krate: &str, module: &str, item: &syn::ItemMacro) {
        let text = without_texts(&item.mac.tokens.to_string());
        let words: Vec<_> = text
            .split(|letter: char| !letter.is_alphanumeric() && letter != '_')
            .filter(|word| !word.is_empty())
            .collect();
        if let Some(name) = &item.ident {
            if words.iter().any(|word| ["struct", "enum"].contains(word)) {
                self.declaring.insert(name.to_string());
            }
            if words.iter().any(|word| SHOWING.contains(word)) {
                self.showing.insert(name.to_string());
            }
            return;
        }
        let name = segments(&item.mac.path).pop().unwrap_or_default();
        let mut given = words.iter().filter(|word| **word != "doc");
        if [PAIR, KEY].contains(&name.as_str()) {
            let made = self.entry(krate, module, given.next().unwrap());
            (made.public, made.zeroize_on_drop) = (true, true);
        }
        if name == PAIR {
            self.entry(krate, module, given.next().unwrap()).public = true;
        }
        let given = given.map(|word| (*word).to_owned()).collect();
        self.calls.push((krate.to_owned(), name, given));
    }
}

/// What a `///` says has become an attribute `doc`, whose text stands in quotes.
fn without_texts(tokens: &str) -> String {
    let (mut kept, mut within, mut escaped) = (String::new(), false, false);
    for letter in tokens.chars() {
        if letter == '"' && !escaped {
            within = !within;
        } else if !within {
            kept.push(letter);
        }
        escaped = letter == '\\' && !escaped;
    }
    kept
}
