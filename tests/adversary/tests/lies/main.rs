//! A relay that lies: the real one, with somebody on the line who changes what it says. The client refuses, or shows it to the
//! app, as `docs/hostile-relay.md` says; [`table`] holds that page to these tests.

mod accepting;
mod extremes;
mod files;
mod hanging;
mod history;
mod prekeys;
mod receipts;
mod table;
mod tampering;
mod trust;
