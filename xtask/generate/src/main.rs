//! Writes every generated file.
#![allow(clippy::print_stdout, reason = "a command's output")]

/// Why a file was not written.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {cause}")]
struct NotWritten {
    path: &'static str,
    cause: std::io::Error,
}

fn main() -> Result<(), NotWritten> {
    for file in sealwire_generate::files() {
        let path = sealwire_generate::root().join(file.path);
        let written = match path.parent() {
            Some(folder) => std::fs::create_dir_all(folder),
            None => Ok(()),
        };
        let written = written.and_then(|()| std::fs::write(&path, file.text));
        written.map_err(|cause| NotWritten {
            path: file.path,
            cause,
        })?;
        println!("{}", file.path);
    }
    Ok(())
}
