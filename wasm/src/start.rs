//! What a worker does once, before anything else: says where panics and log lines go.

use crate::place::shown;
use js_sys::{Array, Function, Object, Reflect};
use std::cell::RefCell;
use std::fmt;
use std::panic;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

/// As JavaScript calls them.
const LEVELS: [(&str, Level); 5] = [
    ("error", Level::ERROR),
    ("warn", Level::WARN),
    ("info", Level::INFO),
    ("debug", Level::DEBUG),
    ("trace", Level::TRACE),
];

thread_local! {
    static ON_PANIC: RefCell<Option<Function>> = const { RefCell::new(None) };
    static ON_LOG: RefCell<Option<Function>> = const { RefCell::new(None) };
}

/// Tells `onPanic(place)` before a panic ends this instance: what was pending then never settles, and nothing of the
/// instance may be called any more. The panic's own words may hold what somebody wrote: they are told to nobody.
#[wasm_bindgen]
pub fn start(
    #[wasm_bindgen(js_name = onPanic, unchecked_param_type = "(place: string) => void")]
    on_panic: Function,
) {
    ON_PANIC.with(|held| held.replace(Some(on_panic)));
    panic::set_hook(Box::new(|panicked| {
        let place = panicked.location().map(shown).unwrap_or_default();
        // Before the last word: whoever hears that one ends this worker.
        tracing::error!(target: "sealwire", %place, "a fault of the SDK");
        ON_PANIC.with(|held| {
            if let Some(on_panic) = &*held.borrow() {
                let _ = on_panic.call1(&JsValue::NULL, &place.into());
            }
        });
    }));
}

/// Tells `onLog(level, target, text, fields)` of every line of this level or above. No line holds a secret, or what anybody
/// wrote. Asked again it says who is told; the level of the first asking stays.
#[wasm_bindgen(js_name = tellLog)]
pub fn tell_log(
    #[wasm_bindgen(
        unchecked_param_type = "\"error\" | \"warn\" | \"info\" | \"debug\" | \"trace\""
    )]
    level: &str,
    #[wasm_bindgen(
        js_name = onLog,
        unchecked_param_type = "(level: string, target: string, text: string, fields: Record<string, string>) => void"
    )]
    on_log: Function,
) {
    let known = LEVELS.iter().find(|(name, _)| *name == level);
    let level = known.map_or(Level::WARN, |(_, level)| *level);
    ON_LOG.with(|held| held.replace(Some(on_log)));
    // Fails where there is one already: it hands its lines to whoever came last.
    let _ = tracing::subscriber::set_global_default(Lines { level });
}

/// Panics, as a fault of ours would.
#[cfg(feature = "test-doors")]
#[wasm_bindgen(js_name = panicForTest)]
#[allow(clippy::panic, reason = "what it is for")]
pub fn panic_for_test() {
    panic!("asked for by a test");
}

/// Log lines for JavaScript; the SDK opens no spans.
struct Lines {
    level: Level,
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // What other libraries say is not ours to tell.
        metadata.is_event()
            && *metadata.level() <= self.level
            && metadata.target().starts_with("sealwire")
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level.into())
    }

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let mut words = Words {
            text: String::new(),
            fields: Object::new(),
        };
        event.record(&mut words);
        let known = LEVELS.iter().find(|(_, level)| level == metadata.level());
        let level = known.map_or("error", |(name, _)| *name);
        let line = Array::of4(
            &level.into(),
            &metadata.target().into(),
            &words.text.into(),
            &words.fields,
        );
        ON_LOG.with(|held| {
            if let Some(on_log) = &*held.borrow() {
                let _ = on_log.apply(&JsValue::NULL, &line);
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

/// The message, and the values beside it as texts.
struct Words {
    text: String,
    fields: Object,
}

impl Words {
    fn put(&mut self, field: &Field, value: String) {
        if field.name() == "message" {
            self.text = value;
        } else {
            let _ = Reflect::set(&self.fields, &field.name().into(), &value.into());
        }
    }
}

impl Visit for Words {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }
}
