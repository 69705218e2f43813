//! What both processes log: a warning that nobody understands is a finding.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use tracing_subscriber::EnvFilter;

/// Words of a line that is understood, and why it is harmless here.
const UNDERSTOOD: [(&str, &str); 1] = [(
    "requests or sockets are cut off",
    "the relay was told to end while devices were connected, and ends nevertheless",
)];

/// The lines of this process.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Takes the warnings of the SDK and of everything below it, if nobody else does.
    pub(crate) fn start() -> Self {
        let log = Self::default();
        let lines = log.clone();
        let _ = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new("warn"))
            .with_ansi(false)
            .with_writer(move || lines.clone())
            .try_init();
        log
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The lines that are in no list; how often each of the others came is told.
pub(crate) fn not_understood(log: &str) -> Vec<String> {
    for (words, why) in UNDERSTOOD {
        let count = log.lines().filter(|line| line.contains(words)).count();
        if count > 0 {
            println!("{count} times {words:?}: {why}");
        }
    }
    let lines = log.lines().filter(|line| !line.trim().is_empty());
    let strange = lines.filter(|line| !UNDERSTOOD.iter().any(|(words, _)| line.contains(words)));
    strange.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_that_is_in_no_list_is_a_finding() {
        let log =
            "WARN sealwire_relay: requests or sockets are cut off\n\nthread panicked at a.rs\n";
        assert_eq!(not_understood(log), ["thread panicked at a.rs"]);
    }
}
