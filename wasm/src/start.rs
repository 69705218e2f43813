//! What a worker does once, before anything else: says where panics and log lines go.

use js_sys::Function;
use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::panic;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

thread_local! {
    static ON_PANIC: RefCell<Option<Function>> = const { RefCell::new(None) };
    static ON_LOG: RefCell<Option<Function>> = const { RefCell::new(None) };
}

/// Tells `onPanic(detail)` before a panic ends this instance: what was pending then never settles, and nothing of the
/// instance may be called any more. Tells `onLog(level, target, message)` of log lines, which hold no secret.
#[wasm_bindgen]
pub fn start(
    #[wasm_bindgen(js_name = onPanic, unchecked_param_type = "(detail: string) => void")]
    on_panic: Function,
    #[wasm_bindgen(
        js_name = onLog,
        unchecked_param_type = "((level: \"error\" | \"warn\" | \"info\" | \"debug\", target: string, message: string) => void) | undefined"
    )]
    on_log: Option<Function>,
) {
    ON_PANIC.with(|held| held.replace(Some(on_panic)));
    panic::set_hook(Box::new(|panicked| {
        let detail = panicked.to_string();
        ON_PANIC.with(|held| {
            if let Some(on_panic) = &*held.borrow() {
                let _ = on_panic.call1(&JsValue::NULL, &detail.into());
            }
        });
    }));
    if on_log.is_some() {
        ON_LOG.with(|held| held.replace(on_log));
        // Only the first one counts: started twice, the lines go to whoever came last all the same.
        let _ = tracing::subscriber::set_global_default(Lines);
    }
}

/// Panics, as a fault of ours would.
#[cfg(feature = "test-doors")]
#[wasm_bindgen(js_name = panicForTest)]
#[allow(clippy::panic, reason = "what it is for")]
pub fn panic_for_test() {
    panic!("asked for by a test");
}

/// Log lines for JavaScript; it knows no spans.
struct Lines;

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && *metadata.level() <= Level::DEBUG
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        let metadata = event.metadata();
        let level = match *metadata.level() {
            Level::ERROR => "error",
            Level::WARN => "warn",
            Level::INFO => "info",
            _ => "debug",
        };
        ON_LOG.with(|held| {
            if let Some(on_log) = &*held.borrow() {
                let (target, line) = (metadata.target(), line.0);
                let _ = on_log.call3(&JsValue::NULL, &level.into(), &target.into(), &line.into());
            }
        });
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// The message, and every field as `name=value` behind it.
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0.insert_str(0, &format!("{value:?}"));
        } else {
            let _ = write!(self.0, " {}={value:?}", field.name());
        }
    }
}
