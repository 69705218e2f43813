//! The official library in a Node process, one device to a process.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use sealwire_crypto::keys::{IdentityKey, IdentityKeyPair};
use sealwire_crypto::signature::Signature;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Bundle, Message};

/// Why the peer did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// Nothing was started.
    #[error(
        "the npm packages are not installed: run `npm ci` in tests/interop, or `cargo xtask setup`"
    )]
    NotInstalled,
    /// The library answered with an error of its own.
    #[error("the official library refused: {0}")]
    Refused(String),
    /// The process could not be started or has ended.
    #[error("the peer process does not answer (is Node 20 or newer installed?): {0}")]
    Process(#[from] std::io::Error),
    /// An answer that is not what was asked for.
    #[error("the peer's answer cannot be read: {0}")]
    Answer(#[from] serde_json::Error),
    /// An answer whose bytes are no hexadecimal.
    #[error("the peer's answer is no hexadecimal: {0}")]
    Hex(#[from] hex::FromHexError),
}

/// A device of the official library. It ends with this value.
pub struct NpmPeer {
    process: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

#[derive(Deserialize)]
enum Answer {
    #[serde(rename = "ok")]
    Ok(Value),
    #[serde(rename = "refused")]
    Refused(String),
}

impl NpmPeer {
    /// Starts a device with this identity.
    pub fn start(identity: &IdentityKeyPair, registration_id: u32) -> Result<Self, PeerError> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        if !folder
            .join("node_modules/@signalapp/libsignal-client")
            .exists()
        {
            return Err(PeerError::NotInstalled);
        }
        let mut process = Command::new("node")
            .arg("peer.mjs")
            .current_dir(folder)
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

    /// New prekeys, the one-time prekey only if a number for it is given.
    pub fn bundle(
        &mut self,
        signed_prekey_id: u32,
        one_time_prekey_id: Option<u32>,
    ) -> Result<Bundle, PeerError> {
        let answer = self.ask(json!({
            "request": "bundle",
            "signed_prekey_id": signed_prekey_id,
            "one_time_prekey_id": one_time_prekey_id,
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

    /// Whether the official library takes this signature for that key's.
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

    fn ask(&mut self, request: Value) -> Result<Value, PeerError> {
        writeln!(self.requests, "{request}")?;
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            return Err(std::io::Error::other("the process has ended").into());
        }
        match serde_json::from_str(&line)? {
            Answer::Ok(answer) => Ok(answer),
            Answer::Refused(reason) => Err(PeerError::Refused(reason)),
        }
    }
}

impl Drop for NpmPeer {
    fn drop(&mut self) {
        // A process that has ended already cannot be killed: that is as well.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
