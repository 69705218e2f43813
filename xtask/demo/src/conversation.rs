//! What is sent: the lines of a text and a picture.

use crate::{Done, Trouble, file};
use sha2::{Digest as _, Sha256};
use std::path::Path;

const SHIPPED_TEXT: &str = include_str!("../../assets/conversation.txt");
const SHIPPED_PICTURE: &[u8] = include_bytes!("../../assets/picture.png");

/// A shorter line may turn up in any file by chance.
pub(crate) const LINE_BYTES_MIN: usize = 8;

/// The lines of the text, in order.
pub(crate) struct Conversation {
    pub(crate) lines: Vec<String>,
    /// Whether it is the one that the project ships, whose probes are known.
    pub(crate) shipped: bool,
}

/// The picture.
pub(crate) struct Picture {
    pub(crate) bytes: Vec<u8>,
    pub(crate) name: String,
    pub(crate) mime: &'static str,
}

impl Conversation {
    pub(crate) fn read(path: Option<&Path>) -> Done<Self> {
        let text = match path {
            None => SHIPPED_TEXT.to_owned(),
            Some(path) => std::fs::read_to_string(path)
                .map_err(|cause| file(&path.display().to_string(), cause))?,
        };
        let lines: Vec<_> = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect();
        if lines.len() < 18 {
            return Err(Trouble::Said(
                "the text has fewer than eighteen lines: there would be nothing to see".to_owned(),
            ));
        }
        Ok(Self {
            lines,
            shipped: path.is_none(),
        })
    }

    /// The lines that can be looked for in files: long enough not to be there by chance.
    pub(crate) fn telling_lines(&self) -> impl Iterator<Item = &str> {
        self.lines
            .iter()
            .map(String::as_str)
            .filter(|line| line.len() >= LINE_BYTES_MIN)
    }
}

impl Picture {
    pub(crate) fn read(path: Option<&Path>) -> Done<Self> {
        let Some(path) = path else {
            return Ok(Self {
                bytes: SHIPPED_PICTURE.to_vec(),
                name: "espresso.png".to_owned(),
                mime: "image/png",
            });
        };
        let bytes =
            std::fs::read(path).map_err(|cause| file(&path.display().to_string(), cause))?;
        if bytes.is_empty() {
            return Err(Trouble::Said(format!("{} is empty", path.display())));
        }
        let name = path.file_name().map_or_else(
            || "picture".to_owned(),
            |name| name.to_string_lossy().into_owned(),
        );
        let mime = match path.extension().and_then(|extension| extension.to_str()) {
            Some("jpg" | "jpeg") => "image/jpeg",
            Some("webp") => "image/webp",
            Some("gif") => "image/gif",
            _ => "image/png",
        };
        Ok(Self { bytes, name, mime })
    }

    pub(crate) fn sha256(&self) -> [u8; 32] {
        sha256(&self.bytes)
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}
