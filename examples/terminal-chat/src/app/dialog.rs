//! What lies over the chat and takes every key.

use sealwire::Message;
use tui_input::Input;

/// What lies over the chat.
pub enum Dialog {
    /// Before there is an account: make one, or join one.
    Welcome {
        /// The user id of the account to make.
        name: Input,
    },
    /// Something is under way; it says what.
    Busy(String),
    /// On a new device: the code that an existing device is to scan.
    Code(String),
    /// A question: yes or no.
    Question {
        /// What is asked.
        text: String,
        /// What is said after a yes, until it is done.
        then: String,
    },
    /// Whom to write to.
    NewChat(Input),
    /// The code that a new device shows.
    LinkDevice(Input),
    /// Words to find, and what was found.
    Search {
        /// What is looked for.
        words: Input,
        /// What was found, newest first.
        found: Vec<Message>,
        /// Which of it is marked.
        marked: usize,
    },
    /// What the keys do.
    Help,
}

impl Dialog {
    /// Where a device without account begins.
    pub fn welcome() -> Self {
        Self::Welcome {
            name: Input::default(),
        }
    }

    /// Where a search begins.
    pub fn search() -> Self {
        Self::Search {
            words: Input::default(),
            found: Vec::new(),
            marked: 0,
        }
    }
}
