//! When a transfer is tried again, and what the relay's answers to one mean.

use crate::Error;
use crate::transport::{HttpResponse, TransportFailure};
use sealwire_engine::EngineError;
use sealwire_wire::contract::{Problem, read_json};
use std::time::Duration;

/// Tries in a row without a byte of progress: over about a quarter of a minute, so that a relay may restart.
const TRIES: u32 = 6;
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// Counts tries.
#[derive(Default)]
pub(super) struct Tries(u32);

impl Tries {
    /// How long to wait before the next try, or the error if this was the last.
    pub(super) fn failed(&mut self, error: Error) -> Result<Duration, Error> {
        self.0 += 1;
        if self.0 >= TRIES || !error.retryable() {
            return Err(error);
        }
        let wait = FIRST_WAIT * 2_u32.pow(self.0 - 1);
        Ok(error
            .retry_after()
            .unwrap_or_default()
            .clamp(wait, Duration::from_secs(30)))
    }

    pub(super) fn got_on(&mut self) {
        self.0 = 0;
    }
}

/// Why a transfer's URL did not work.
pub(super) enum Refused {
    /// Its time is over: ask for another.
    UrlVoid,
    /// Anything else.
    Because(Error),
}

impl Refused {
    pub(super) fn by_answer(response: &HttpResponse) -> Self {
        match response.status {
            401 | 403 => Self::UrlVoid,
            status => Self::Because(match read_json::<Problem>(&response.body) {
                Ok(problem) => Error::Engine(EngineError::Relay {
                    code: problem.code,
                    detail: problem.detail,
                    retry_after_ms: problem.retry_after_ms.or(response.retry_after_ms),
                }),
                Err(_) => Error::Engine(EngineError::RelayGarbage { status }),
            }),
        }
    }

    pub(super) fn by_failure(failure: TransportFailure) -> Self {
        Self::Because(Error::AttachmentTransfer(failure.detail))
    }

    pub(super) fn into_error(self) -> Error {
        match self {
            Self::UrlVoid => {
                Error::AttachmentTransfer("the relay did not take its own signed URL".to_owned())
            }
            Self::Because(error) => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_end_and_what_cannot_get_better_is_not_tried_again() {
        let mut tries = Tries::default();
        let lost = || Refused::UrlVoid.into_error();
        let waits: Vec<u64> = std::iter::from_fn(|| tries.failed(lost()).ok())
            .map(|wait| u64::try_from(wait.as_millis()).unwrap())
            .collect();
        assert_eq!(waits, [500, 1000, 2000, 4000, 8000]);
        assert!(Tries::default().failed(Error::AttachmentTampered).is_err());
    }
}
