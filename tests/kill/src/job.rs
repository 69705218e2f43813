//! What a client is to do, and what it says.

use crate::Place;
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What a process does before it closes its client and ends. Each can be begun again after a kill.
#[derive(Debug, Clone, Subcommand)]
pub enum Job {
    /// Makes an account and says hello to somebody.
    Begin {
        /// Its user.
        user: String,
        /// Who is greeted.
        to: String,
    },
    /// Sends texts, and waits until the relay has them.
    Say(Texts),
    /// Waits until the thread with somebody holds so many messages, then marks it as read.
    Hear {
        /// With whom.
        with: String,
        /// How many.
        count: u64,
    },
    /// Both at once, at the pace of somebody who types fast.
    Talk {
        /// What is said.
        #[command(flatten)]
        texts: Texts,
        /// How many messages of both the thread is to hold.
        #[arg(long)]
        until: u64,
    },
    /// Shows a code and becomes a device of the account that lets it in.
    Join,
    /// Lets the device in that shows this code.
    LetIn {
        /// The code.
        code: String,
    },
    /// Sends a file, and waits until the relay has the message.
    Attach {
        /// To whom.
        to: String,
        /// The file.
        file: PathBuf,
        /// Which number it has.
        number: u32,
    },
    /// Writes the newest attachment of the thread with somebody to a file.
    Fetch {
        /// With whom.
        with: String,
        /// The file.
        file: PathBuf,
    },
    /// Catches up, and uploads prekeys if the relay has few.
    TopUp,
    /// Is online until it is killed.
    Stay,
    /// Asks the relay for the history of the thread with somebody.
    Sync {
        /// With whom.
        with: String,
    },
    /// Opens the store without going online, tells of every message, and ends.
    Look,
}

/// Texts that are numbered.
#[derive(Debug, Clone, Args)]
pub struct Texts {
    /// To whom.
    pub to: String,
    /// The first number.
    pub from: u32,
    /// How many.
    pub count: u32,
}

impl Job {
    /// As arguments.
    pub fn arguments(&self) -> Vec<String> {
        let texts = |texts: &Texts| {
            let Texts { to, from, count } = texts;
            vec![to.clone(), from.to_string(), count.to_string()]
        };
        let path = |path: &PathBuf| path.to_str().unwrap().to_owned();
        let (name, rest) = match self {
            Self::Begin { user, to } => ("begin", vec![user.clone(), to.clone()]),
            Self::Say(said) => ("say", texts(said)),
            Self::Hear { with, count } => ("hear", vec![with.clone(), count.to_string()]),
            Self::Talk { texts: said, until } => {
                let until = ["--until".to_owned(), until.to_string()];
                ("talk", texts(said).into_iter().chain(until).collect())
            }
            Self::Join => ("join", Vec::new()),
            Self::LetIn { code } => ("let-in", vec![code.clone()]),
            Self::Attach { to, file, number } => {
                ("attach", vec![to.clone(), path(file), number.to_string()])
            }
            Self::Fetch { with, file } => ("fetch", vec![with.clone(), path(file)]),
            Self::TopUp => ("top-up", Vec::new()),
            Self::Stay => ("stay", Vec::new()),
            Self::Sync { with } => ("sync", vec![with.clone()]),
            Self::Look => ("look", Vec::new()),
        };
        std::iter::once(name.to_owned()).chain(rest).collect()
    }

    /// Texts with these numbers, until the thread holds so many messages.
    pub fn talk(to: &str, from: u32, count: u32, until: u64) -> Self {
        let to = to.to_owned();
        let texts = Texts { to, from, count };
        Self::Talk { texts, until }
    }

    /// Texts with these numbers.
    pub fn say(to: &str, from: u32, count: u32) -> Self {
        Self::Say(Texts {
            to: to.to_owned(),
            from,
            count,
        })
    }
}

/// A line of a client: what an app would know by now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Told {
    /// It is open.
    Open {
        /// Whether it speaks for the device.
        speaks: bool,
    },
    /// It passed such a place. Nothing that an app hears.
    At(Place),
    /// It is a device of somebody.
    Device(u32),
    /// A linking's code.
    Code(String),
    /// The queue is empty.
    CaughtUp,
    /// A message was taken in.
    Queued(String),
    /// The relay has it.
    Sent(String),
    /// A message of somebody came.
    Shown(String),
    /// A message with its state, as the store has it.
    Held(String, String),
    /// The relay or somebody else is said to have done harm. Here nobody does.
    Harm(String),
    /// A call was refused.
    Refused(String),
    /// It did what it was to do.
    Done,
}

/// The key of a text: the same each time that it is asked for.
pub fn key_of(text: &str) -> [u8; 16] {
    let mut key = [b' '; 16];
    for (place, byte) in key.iter_mut().zip(text.bytes()) {
        *place = byte;
    }
    key
}
