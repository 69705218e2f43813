//! What is said once, before the first client is opened.

use crate::log::{self, LogLevel, Logger};
use crate::{CallError, running};
use sealwire::Error;
use std::sync::Arc;

/// What the library is set up with.
#[derive(uniffi::Record)]
pub struct InitOptions {
    /// Down to which level lines are told.
    #[uniffi(default = None)]
    pub log_level: Option<LogLevel>,
    /// Who is told; nobody: nothing is logged. Of a second one nothing changes: the first stays.
    #[uniffi(default = None)]
    pub logger: Option<Arc<dyn Logger>>,
}

/// Makes the library's threads and sets its logging. TLS trusts Mozilla's roots, which are built in: it takes none from the
/// system and no provider from the process. May be called again; it needs not be called at all where nobody wants a log.
#[uniffi::export]
pub fn init(options: InitOptions) -> Result<(), CallError> {
    running::now(move || {
        running::runtime()?;
        if let Some(logger) = options.logger {
            let level = options.log_level.unwrap_or(LogLevel::Warn);
            log::tell(logger, level).map_err(Error::System)?;
        }
        Ok(())
    })
}

/// The version of this library.
#[uniffi::export]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}
