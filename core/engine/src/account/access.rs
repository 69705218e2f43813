//! The access token: had by proving the device key, renewed before it ends.

use crate::backoff::{Backoff, WISH_MAX_MS};
use crate::requests::{Access, Answer, Outgoing, Purpose};
use crate::{Engine, EngineError, Event};
use sealwire_crypto::challenge::Challenge as SignedChallenge;
use sealwire_wire::Timestamp;
use sealwire_wire::contract::{
    Challenge, ChallengeRequest, ErrorCode, Problem, Token, TokenRequest,
};
use sealwire_wire::limits::{CHALLENGE_TTL_MS, TOKEN_TTL_MS};

/// A token is renewed this long before it ends, in milliseconds.
const RENEW_BEFORE_MS: u64 = 60_000;

/// The token of this device, and how having one stands.
#[derive(Default)]
pub(crate) struct AccessToken {
    token: Option<Token>,
    asking: bool,
    /// By how much the relay's clock was ahead of this device's, and behind it, as its last challenge says.
    relay_clock: Option<(u64, u64)>,
    backoff: Backoff,
    /// The relay said that this device is removed, and that was told.
    told_revoked: bool,
    /// The relay said that this device is removed, and its account's list is asked for.
    pub(crate) doubted: bool,
    /// Why the relay gave none, if it said so.
    refused: Option<ErrorCode>,
}

impl AccessToken {
    pub(crate) fn renew_at(&self) -> Option<Timestamp> {
        self.token
            .as_ref()
            .map(|token| Timestamp(token.expires_at.0.saturating_sub(RENEW_BEFORE_MS)))
    }

    /// Why the relay gave none.
    pub(crate) fn refused(&self) -> Option<ErrorCode> {
        self.refused
    }

    /// The app wants to know: what the relay refused before, and for how long, is over.
    pub(crate) fn asks_anew(&mut self) {
        self.backoff.succeeded();
        self.refused = None;
    }

    pub(crate) fn hurry(&mut self, now: Timestamp) {
        self.backoff.hurry(now);
    }

    pub(crate) fn retry_at(&self) -> Option<Timestamp> {
        if self.asking {
            None
        } else {
            self.backoff.due_at()
        }
    }
}

impl Engine {
    /// The token to use now; none while it ends within seconds.
    pub(crate) fn access_token(&self) -> Option<String> {
        let token = self.connection.access.token.as_ref()?;
        (self.now.plus_ms(5_000) < token.expires_at).then(|| token.token.clone())
    }

    pub(crate) fn drop_access_token(&mut self) {
        self.connection.access.token = None;
    }

    /// Asks for a token where one is needed: for the socket, or for requests that wait.
    pub(crate) fn drive_token(&mut self) {
        let access = &self.connection.access;
        let ends_soon = access.renew_at().is_none_or(|at| self.now >= at);
        if access.asking || !ends_soon || !access.backoff.is_due(self.now) {
            return;
        }
        let Ok(me) = self.me() else { return };
        let ask = ChallengeRequest {
            user_id: me.user.clone(),
            device_id: me.device,
        };
        self.connection.access.asking = true;
        self.request(
            Outgoing::post("/v1/auth/challenge", Purpose::Challenge)
                .with(Access::Open)
                .json(&ask),
        );
    }

    pub(crate) fn on_challenge(&mut self, answer: Answer) {
        if !self.may_ask_for_token() {
            self.connection.access.asking = false;
            return;
        }
        let challenge = answer.read::<Challenge>();
        if let Ok(challenge) = &challenge {
            // It ends so long after it was made.
            let made_at = Timestamp(challenge.expires_at.0.saturating_sub(CHALLENGE_TTL_MS));
            self.connection.access.relay_clock =
                Some((made_at.since_ms(self.now), self.now.since_ms(made_at)));
        }
        match challenge.and_then(|challenge| self.answer_challenge(&challenge)) {
            Ok(request) => {
                self.request(
                    Outgoing::post("/v1/auth/token", Purpose::Token)
                        .with(Access::Open)
                        .json(&request),
                );
            }
            Err(error) => self.no_token(error),
        }
    }

    pub(crate) fn on_token(&mut self, answer: Answer) {
        match answer.read::<Token>() {
            Ok(token) => {
                self.connection.access = AccessToken {
                    token: Some(self.on_our_clock(token)),
                    ..AccessToken::default()
                };
                self.requests_have_token();
                self.connection_has_token();
            }
            Err(error) => self.no_token(error),
        }
    }

    /// Offline by the app's wish, only a fetch of the queue that it asked for asks for one.
    pub(crate) fn may_ask_for_token(&self) -> bool {
        self.online || self.queue_fetch.runs()
    }

    fn answer_challenge(&mut self, challenge: &Challenge) -> Result<TokenRequest, EngineError> {
        let me = self.me()?.clone();
        let nonce: [u8; 32] = challenge
            .nonce
            .as_slice()
            .try_into()
            .map_err(|_| EngineError::RelayGarbage { status: 200 })?;
        let signature = SignedChallenge {
            relay_origin: &self.config.relay_origin,
            user_id: me.user.as_str(),
            device_id: me.device.get(),
            nonce: &nonce,
        }
        .sign(&me.identity, &mut self.rng)
        .map_err(super::register::internal)?;
        Ok(TokenRequest {
            user_id: me.user,
            device_id: me.device,
            nonce: nonce.into(),
            signature: signature.to_bytes().into(),
        })
    }

    /// Clocks differ: a token is held for its contract's time by this device's clock, or less if by the relay's clock it says so.
    /// One that would have to be renewed at once says only that the clocks differ all the same; should it be true, the relay
    /// refuses it in time.
    fn on_our_clock(&self, token: Token) -> Token {
        let (ahead, behind) = self.connection.access.relay_clock.unwrap_or_default();
        let relay_now = Timestamp(self.now.plus_ms(ahead).0.saturating_sub(behind));
        let left = token.expires_at.since_ms(relay_now);
        let held_for = if left <= 2 * RENEW_BEFORE_MS {
            TOKEN_TTL_MS
        } else {
            left.min(TOKEN_TTL_MS)
        };
        Token {
            expires_at: self.now.plus_ms(held_for),
            ..token
        }
    }

    fn no_token(&mut self, error: EngineError) {
        let Self {
            connection,
            rng,
            now,
            ..
        } = self;
        connection.access.asking = false;
        let revoked = matches!(error, EngineError::DeviceRevoked)
            || matches!(
                &error,
                EngineError::Relay {
                    code: ErrorCode::DeviceRevoked,
                    ..
                }
            );
        // Without a token no list can be had that proves it. The relay's word stops nothing for good: it is asked again, once an
        // hour or when the app connects anew.
        let wish = if revoked {
            Some(WISH_MAX_MS)
        } else {
            error.retry_after_ms()
        };
        connection.access.backoff.failed(*now, wish, rng);
        if revoked && !std::mem::replace(&mut self.connection.access.told_revoked, true) {
            self.event(Event::DeviceRevoked);
        }
        let refusal = match &error {
            EngineError::Relay { code, detail, .. } if code.status() == 401 => {
                Some((*code, detail.clone()))
            }
            _ => None,
        };
        self.connection.access.refused = match &error {
            EngineError::Relay { code, .. } if matches!(code.status(), 401..=404) => Some(*code),
            EngineError::DeviceRevoked => Some(ErrorCode::DeviceRevoked),
            _ => None,
        };
        let code = error.code();
        self.requests_get_no_token(|| match &refusal {
            Some((code, detail)) => Answer::Refused(Problem::new(*code, detail.clone())),
            // Any other refusal was of the token, not of what waited for it.
            None => Answer::Lost(format!("no access token could be had ({})", code.as_str())),
        });
    }
}
