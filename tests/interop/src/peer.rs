//! A device that is not ours, in a process of its own: of the official library under Node, or of the Python libraries.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use sealwire_crypto::keys::{AccountKey, IdentityKey, IdentityKeyPair};
use sealwire_crypto::signature::Signature;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Bundle, Failure, KemRequest, Message};

/// Why the peer did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// Nothing was started.
    #[error("the packages of the peers are not installed: run `cargo xtask setup`")]
    NotInstalled,
    /// The library answered with an error of its own.
    #[error("the peer refused: {reason}")]
    Refused {
        /// As far as the library tells.
        kind: Refusal,
        /// In its own words.
        reason: String,
    },
    /// The process could not be started or has ended.
    #[error("the peer process does not answer (is Node 20 or newer installed, and Python 3?): {0}")]
    Process(#[from] std::io::Error),
    /// An answer that is not what was asked for.
    #[error("the peer's answer cannot be read: {0}")]
    Answer(#[from] serde_json::Error),
    /// An answer whose bytes are no hexadecimal.
    #[error("the peer's answer is no hexadecimal: {0}")]
    Hex(#[from] hex::FromHexError),
}

/// Why a message was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// It was opened before, or its key was let go.
    UsedBefore,
    /// No session or chain that is held fits it. The official builds say the same of one that is too far ahead.
    Undecipherable,
    /// Too many messages before it are missing.
    TooFarAhead,
    /// Anything else: of no message in these tests.
    Other,
}

/// Whose device a peer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerKind {
    /// npm `@signalapp/libsignal-client` 0.72.1: version 3, and version 4 without its own post-quantum ratchet.
    Official072,
    /// The same at 0.90.0: version 4, with an offer of its post-quantum ratchet in every message until we leave it unanswered.
    Official090,
    /// PyPI x3dh 1.3, doubleratchet 1.3 and xeddsa 1.2: version 3.
    Python,
}

/// A device of another implementation. It ends with this value.
pub struct Peer {
    process: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

#[derive(Deserialize)]
enum Answer {
    #[serde(rename = "ok")]
    Ok(Value),
    #[serde(rename = "refused")]
    Refused { kind: Refusal, reason: String },
}

impl PeerKind {
    /// As a recorded conversation names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Official072 => "official 0.72.1",
            Self::Official090 => "official 0.90.0",
            Self::Python => "python",
        }
    }

    /// The process, not yet started.
    fn command(self) -> Result<Command, PeerError> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let (needed, program, arguments) = match self {
            Self::Official072 => official(folder, "0.72.1"),
            Self::Official090 => official(folder, "0.90.0"),
            Self::Python => {
                let python = folder.join("../../target/interop-python/bin/python");
                (python.clone(), python, vec!["peer.py".to_owned()])
            }
        };
        if !needed.exists() {
            return Err(PeerError::NotInstalled);
        }
        let mut command = Command::new(program);
        command.args(arguments).current_dir(folder);
        Ok(command)
    }
}

/// What has to be there, what runs it, and its arguments.
fn official(folder: &Path, version: &str) -> (PathBuf, PathBuf, Vec<String>) {
    (
        folder.join(format!("node_modules/libsignal-{version}")),
        PathBuf::from("node"),
        vec!["peer.mjs".to_owned(), version.to_owned()],
    )
}

impl Peer {
    /// Starts a device with this identity.
    pub fn start(
        kind: PeerKind,
        identity: &IdentityKeyPair,
        registration_id: u32,
    ) -> Result<Self, PeerError> {
        let mut process = kind
            .command()?
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (Some(requests), Some(answers)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(std::io::Error::other("the process has no pipes").into());
        };
        let mut peer = Self {
            process,
            requests,
            answers: BufReader::new(answers),
        };
        peer.ask(json!({
            "request": "create",
            "identity_secret": hex::encode(*identity.secret_bytes()),
            "registration_id": registration_id,
        }))?;
        Ok(peer)
    }

    /// New prekeys, the one-time prekey and the KEM prekey only if they are asked for.
    pub fn bundle(
        &mut self,
        signed_prekey_id: u32,
        one_time_prekey_id: Option<u32>,
        kem: Option<KemRequest>,
    ) -> Result<Bundle, PeerError> {
        let answer = self.ask(json!({
            "request": "bundle",
            "signed_prekey_id": signed_prekey_id,
            "one_time_prekey_id": one_time_prekey_id,
            "kem": kem,
        }))?;
        Ok(serde_json::from_value(answer)?)
    }

    /// Begins a session from our bundle.
    pub fn begin(&mut self, bundle: &Bundle) -> Result<(), PeerError> {
        self.ask(json!({ "request": "begin", "bundle": bundle }))?;
        Ok(())
    }

    /// Encrypts for us.
    pub fn seal(&mut self, plaintext: &[u8]) -> Result<Message, PeerError> {
        let plaintext = hex::encode(plaintext);
        let answer = self.ask(json!({ "request": "seal", "plaintext": plaintext }))?;
        Ok(serde_json::from_value(answer)?)
    }

    /// Encrypts one plaintext many times; the newest messages come back.
    pub fn seal_many(
        &mut self,
        count: u32,
        keep: u32,
        plaintext: &[u8],
    ) -> Result<Vec<Message>, PeerError> {
        #[derive(Deserialize)]
        struct Sealed {
            messages: Vec<Message>,
        }
        let answer = self.ask(json!({
            "request": "seal_many",
            "count": count,
            "keep": keep,
            "plaintext": hex::encode(plaintext),
        }))?;
        let Sealed { messages } = serde_json::from_value(answer)?;
        Ok(messages)
    }

    /// Has it write its state down and go on from what it wrote.
    pub fn restore(&mut self) -> Result<(), PeerError> {
        self.ask(json!({ "request": "restore" })).map(|_| ())
    }

    /// The safety number as the peer makes it: what is shown, and what is scanned.
    pub fn safety_number(
        &mut self,
        iterations: u32,
        ours: (&AccountKey, &[u8]),
        theirs: (&AccountKey, &[u8]),
    ) -> Result<(String, Vec<u8>), PeerError> {
        #[derive(Deserialize)]
        struct Made {
            displayable: String,
            scannable: String,
        }
        let side = |(key, id): (&AccountKey, &[u8])| json!({ "key": hex::encode(key.to_bytes()), "id": hex::encode(id) });
        let answer = self.ask(json!({
            "request": "safety_number",
            "iterations": iterations,
            "version": 1,
            "ours": side(ours),
            "theirs": side(theirs),
        }))?;
        let made: Made = serde_json::from_value(answer)?;
        Ok((made.displayable, hex::decode(made.scannable)?))
    }

    /// Decrypts a message of ours.
    pub fn open(&mut self, message: &Message) -> Result<Vec<u8>, PeerError> {
        #[derive(Deserialize)]
        struct Opened {
            plaintext: String,
        }
        let answer = self.ask(json!({
            "request": "open",
            "kind": message.kind,
            "body": message.body,
        }))?;
        let Opened { plaintext } = serde_json::from_value(answer)?;
        Ok(hex::decode(plaintext)?)
    }

    /// Has it try a message that it must not open, and says why it did not. It answers as before after that: it is no process that broke.
    pub fn refuses(&mut self, message: &Message) -> Result<Refusal, Failure> {
        let kind = match self.open(message) {
            Err(PeerError::Refused { kind, .. }) => kind,
            Err(error) => return Err(error.into()),
            Ok(_) => return Err("the peer opened what it must not open".into()),
        };
        self.has_one_time_prekey(0)?;
        Ok(kind)
    }

    /// Whether the peer takes this signature for that key's.
    pub fn verify(
        &mut self,
        key: &IdentityKey,
        text: &[u8],
        signature: &Signature,
    ) -> Result<bool, PeerError> {
        let answer = self.ask(json!({
            "request": "verify",
            "identity_key": hex::encode(key.to_bytes()),
            "text": hex::encode(text),
            "signature": hex::encode(signature.to_bytes()),
        }))?;
        Ok(answer["valid"] == true)
    }

    /// Whether a one-time prekey has not been used up.
    pub fn has_one_time_prekey(&mut self, id: u32) -> Result<bool, PeerError> {
        let answer = self.ask(json!({ "request": "has_one_time_prekey", "id": id }))?;
        Ok(answer["held"] == true)
    }

    /// Whether a KEM prekey has not been used up.
    pub fn has_kem_prekey(&mut self, id: u32) -> Result<bool, PeerError> {
        let answer = self.ask(json!({ "request": "has_kem_prekey", "id": id }))?;
        Ok(answer["held"] == true)
    }

    fn ask(&mut self, request: Value) -> Result<Value, PeerError> {
        writeln!(self.requests, "{request}")?;
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            return Err(std::io::Error::other("the process has ended").into());
        }
        match serde_json::from_str(&line)? {
            Answer::Ok(answer) => Ok(answer),
            Answer::Refused { kind, reason } => Err(PeerError::Refused { kind, reason }),
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // A process that has ended already cannot be killed: that is as well.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
