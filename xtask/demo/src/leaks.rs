//! The search for plaintext: every byte of the relay's folder, log and temporary files, and of every store with its WAL.

use crate::conversation::{Conversation, Picture};
use crate::report::Expectations;
use crate::{Done, Trouble, file};
use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Bytes of a window of the picture, and how many of them must differ for it to tell anything.
const WINDOW: usize = 16;
const DISTINCT: usize = 12;

pub(crate) fn look(
    folder: &Path,
    when: &str,
    conversation: &Conversation,
    picture: &Picture,
    expect: &mut Expectations,
) -> Done<()> {
    let patterns: Vec<Vec<u8>> = conversation.telling_lines().flat_map(encodings).collect();
    let texts = AhoCorasick::new(&patterns).map_err(|error| Trouble::Said(error.to_string()))?;
    let windows: HashSet<&[u8]> = picture
        .bytes
        .windows(WINDOW)
        .filter(|window| tells(window))
        .collect();
    let files = files_below(folder)?;
    let (mut bytes, mut text_hits, mut picture_hits) = (0u64, 0usize, 0usize);
    for path in &files {
        let content = match std::fs::read(path) {
            Ok(content) => content,
            // A write-ahead log or temporary file that ended meanwhile.
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => continue,
            Err(cause) => return Err(file(&path.display().to_string(), cause)),
        };
        bytes += content.len() as u64;
        let in_text = texts.find_iter(&content).count();
        let in_picture = content
            .windows(WINDOW)
            .filter(|window| windows.contains(window))
            .count();
        if in_text + in_picture > 0 {
            println!(
                "  LEAK: {} holds {in_text} texts and {in_picture} windows",
                path.display()
            );
        }
        text_hits += in_text;
        picture_hits += in_picture;
    }
    println!(
        "leaks      {when}: {} patterns of text and {} windows of the picture looked for in {} files, {:.1} MB",
        patterns.len(),
        windows.len(),
        files.len(),
        bytes as f64 / 1e6
    );
    expect.that(
        "the relay's data, its log and five stores were there to be searched",
        files.len() >= 8,
    );
    expect.that(
        &format!("{when}: no line of the text in any of them, found {text_hits}"),
        text_hits == 0,
    );
    expect.that(
        &format!("{when}: no part of the picture in any of them, found {picture_hits}"),
        picture_hits == 0,
    );
    Ok(())
}

/// The forms in which a line could lie in a file: UTF-8, UTF-16 in both byte orders, base64 at each of three offsets.
fn encodings(line: &str) -> Vec<Vec<u8>> {
    let mut forms = vec![
        line.as_bytes().to_vec(),
        line.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        line.encode_utf16().flat_map(u16::to_be_bytes).collect(),
    ];
    for offset in 0..3 {
        let mut shifted = vec![0; offset];
        shifted.extend_from_slice(line.as_bytes());
        let encoded = STANDARD_NO_PAD.encode(&shifted);
        // The first characters also hold the bytes before the line, the last one those after it.
        let from = [0, 2, 3][offset];
        let whole = if shifted.len() % 3 == 0 {
            encoded.len()
        } else {
            encoded.len() - 1
        };
        if let Some(inner) = encoded.get(from..whole) {
            forms.push(inner.as_bytes().to_vec());
        }
    }
    forms
}

fn tells(window: &[u8]) -> bool {
    window.iter().collect::<HashSet<_>>().len() >= DISTINCT
}

fn files_below(folder: &Path) -> Done<Vec<PathBuf>> {
    let entries =
        std::fs::read_dir(folder).map_err(|cause| file(&folder.display().to_string(), cause))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|cause| file("a folder", cause))?.path();
        if path.is_dir() {
            files.extend(files_below(&path)?);
        } else if path.is_file() {
            files.push(path);
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_of_a_line_is_found_wherever_it_lies() {
        let line = "Grüße vom Hafen, 咖啡 ☕";
        let finder = AhoCorasick::new(encodings(line)).unwrap();
        for before in 0..7 {
            let mut plain = vec![b'x'; before];
            plain.extend_from_slice(line.as_bytes());
            plain.extend_from_slice(b"yyyyy");
            assert!(finder.is_match(&plain));
            assert!(
                finder.is_match(STANDARD_NO_PAD.encode(&plain).as_bytes()),
                "{before}"
            );
        }
        let utf16: Vec<u8> = line.encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert!(finder.is_match(&utf16));
        assert!(!finder.is_match("Grüße vom Bahnhof".as_bytes()));
    }

    #[test]
    fn a_window_of_few_values_tells_nothing() {
        assert!(!tells(&[0; WINDOW]));
        assert!(tells(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0, 0, 0, 0]));
    }
}
