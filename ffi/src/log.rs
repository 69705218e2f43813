//! What the SDK logs, handed to the app line by line. No line holds a secret, or what anybody wrote.

use crate::CallbackError;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// So many lines wait for a slow logger; how many came on top is said in the next one, as the field `dropped`.
const WAITING: usize = 1024;

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum LogLevel {
    /// Something did not work.
    Error,
    /// Something is not as it should be; the SDK goes on.
    Warn,
    /// Something that seldom happens.
    Info,
    /// For those who look for a fault.
    Debug,
    /// Everything.
    Trace,
}

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct LogLine {
    /// How much it matters.
    pub level: LogLevel,
    /// Which part of the SDK says it.
    pub target: String,
    /// What happened.
    pub text: String,
    /// Values beside it.
    pub fields: Vec<LogField>,
}

/// A value beside a line.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct LogField {
    /// Its name.
    pub name: String,
    /// As text.
    pub value: String,
}

/// Takes the SDK's log. Called from one thread of the library's own, one line after the other; it may take its time.
#[uniffi::export(foreign)]
pub trait Logger: Send + Sync {
    /// One line.
    fn log(&self, line: LogLine) -> Result<(), CallbackError>;
}

/// Hands every line of this level or above to the logger, from now on.
pub(crate) fn tell(logger: Arc<dyn Logger>, level: LogLevel) -> io::Result<()> {
    let (lines, written) = sync_channel::<LogLine>(WAITING);
    let told = tracing::subscriber::set_global_default(Lines {
        level: level.into(),
        lines,
        dropped: AtomicI64::new(0),
    });
    if told.is_err() {
        // There is one already: it stays.
        return Ok(());
    }
    let thread = std::thread::Builder::new().name("sealwire-log".to_owned());
    let writing = thread.spawn(move || {
        for line in written {
            // A logger that fails is not to be told of it by logging.
            let _ = logger.log(line);
        }
    });
    writing.map(drop)
}

struct Lines {
    level: LevelFilter,
    lines: SyncSender<LogLine>,
    dropped: AtomicI64,
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // What other libraries of the process say is not ours to tell.
        *metadata.level() <= self.level && metadata.target().starts_with("sealwire")
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

    fn event(&self, event: &Event<'_>) {
        let mut words = Words::default();
        event.record(&mut words);
        let missing = self.dropped.swap(0, Ordering::Relaxed);
        if missing > 0 {
            words.put("dropped", missing.to_string());
        }
        let line = LogLine {
            level: (*event.metadata().level()).into(),
            target: event.metadata().target().to_owned(),
            text: words.text,
            fields: words.fields,
        };
        if let Err(TrySendError::Full(_)) = self.lines.try_send(line) {
            self.dropped.fetch_add(missing + 1, Ordering::Relaxed);
        }
    }

    // The SDK opens no spans.
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Words {
    text: String,
    fields: Vec<LogField>,
}

impl Words {
    fn put(&mut self, name: &str, value: String) {
        if name == "message" {
            self.text = value;
        } else {
            self.fields.push(LogField {
                name: name.to_owned(),
                value,
            });
        }
    }
}

impl Visit for Words {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field.name(), format!("{value:?}"));
    }
}

impl From<LogLevel> for LevelFilter {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Error => Self::ERROR,
            LogLevel::Warn => Self::WARN,
            LogLevel::Info => Self::INFO,
            LogLevel::Debug => Self::DEBUG,
            LogLevel::Trace => Self::TRACE,
        }
    }
}

impl From<Level> for LogLevel {
    fn from(level: Level) -> Self {
        match level {
            Level::ERROR => Self::Error,
            Level::WARN => Self::Warn,
            Level::INFO => Self::Info,
            Level::DEBUG => Self::Debug,
            Level::TRACE => Self::Trace,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::Receiver;

    fn lines(room: usize) -> (Lines, Receiver<LogLine>) {
        let (lines, written) = sync_channel(room);
        let subscriber = Lines {
            level: LevelFilter::INFO,
            lines,
            dropped: AtomicI64::new(0),
        };
        (subscriber, written)
    }

    #[test]
    fn a_line_has_level_target_words_and_fields_and_is_of_the_sdk_alone() {
        let (subscriber, written) = lines(8);
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(target: "sealwire::driver", tries = 3, "the relay is away");
            tracing::debug!(target: "sealwire::driver", "below the level");
            tracing::error!(target: "hyper", "another library's");
        });
        let told: Vec<_> = written.try_iter().collect();
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].level, LogLevel::Warn);
        assert_eq!(told[0].target, "sealwire::driver");
        assert_eq!(told[0].text, "the relay is away");
        let tries = LogField {
            name: "tries".to_owned(),
            value: "3".to_owned(),
        };
        assert_eq!(told[0].fields, [tries]);
    }

    #[test]
    fn what_a_slow_logger_missed_is_counted_in_the_next_line() {
        let (subscriber, written) = lines(1);
        tracing::subscriber::with_default(subscriber, || {
            for _ in 0..3 {
                tracing::info!(target: "sealwire", "again");
            }
            assert_eq!(written.try_iter().count(), 1);
            tracing::info!(target: "sealwire", "later");
        });
        let later = written.try_iter().next().unwrap();
        assert_eq!(
            (
                later.fields[0].name.as_str(),
                later.fields[0].value.as_str()
            ),
            ("dropped", "2")
        );
    }
}
