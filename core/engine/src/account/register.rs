//! Making an account: this device is its first, signs list version 1, and brings its prekeys along.

use super::Me;
use crate::requests::{Access, Answer, Outgoing, Purpose};
use crate::{CallId, Engine, EngineError, Reply, prekeys};
use sealwire_crypto::device::{SignedDeviceList, consent_to_listing};
use sealwire_crypto::keys::AccountKeyPair;
use sealwire_store::{AccountState, crash};
use sealwire_wire::contract::{ErrorCode, PlatformTokenRequest, RegisterDevice, Token};
use sealwire_wire::{DeviceId, UserId};

impl Engine {
    /// The keys are durable before anything leaves, so that a lost answer is repeated with the same ones.
    pub(crate) fn register(
        &mut self,
        call: CallId,
        user: UserId,
        platform_token: Option<String>,
    ) -> Result<(), EngineError> {
        match &self.me {
            Some(me) if me.state != AccountState::Registering => {
                return Err(EngineError::AlreadyRegistered);
            }
            Some(me) if me.user == user && me.account.is_some() => {}
            _ if self.registers() => {
                return Err(EngineError::LinkState(
                    "this device is being registered for another user: wait for the answer",
                ));
            }
            _ if self.is_linking() => {
                return Err(EngineError::LinkState(
                    "this device is being linked: cancel that first",
                ));
            }
            _ => self.prepare_account(user.clone())?,
        }
        match platform_token {
            Some(token) => self.ask_to_register(call, token),
            None => {
                let ask = Outgoing::post("/v1/dev/platform-token", Purpose::PlatformToken { call })
                    .with(Access::Open)
                    .json(&PlatformTokenRequest { user_id: user });
                self.request(ask);
                Ok(())
            }
        }
    }

    pub(crate) fn on_platform_token(&mut self, call: CallId, answer: Answer) {
        let asked = match answer {
            // Only a relay in dev mode has this endpoint.
            Answer::Refused(problem) if problem.status == 404 || problem.status == 403 => {
                Err(EngineError::PlatformTokenRequired)
            }
            answer => answer
                .read::<Token>()
                .and_then(|token| self.ask_to_register(call, token.token)),
        };
        if let Err(error) = asked {
            self.done(call, Err(error));
        }
    }

    pub(crate) fn on_registered(&mut self, call: CallId, answer: Answer) {
        crash::point("register.answered");
        let account_exists =
            matches!(&answer, Answer::Refused(problem) if problem.code == ErrorCode::AccountExists);
        let result = match answer.done() {
            Ok(()) => self.account_is_made(),
            Err(_) if account_exists => self.forget_account().and(Err(EngineError::AccountExists)),
            Err(error) => Err(error),
        };
        self.done(call, result);
    }

    fn prepare_account(&mut self, user: UserId) -> Result<(), EngineError> {
        let account = AccountKeyPair::generate(&mut self.rng);
        let me = Me::fresh(
            user,
            DeviceId::FIRST,
            Some(account),
            self.config.session_policy,
            &mut self.rng,
        );
        self.keep_new_device(me)
    }

    /// A fresh device's keys and prekeys, durable before the relay hears of them, in place of all that was made for one that
    /// came to nothing.
    pub(crate) fn keep_new_device(&mut self, me: Me) -> Result<(), EngineError> {
        let stock = self.one_time_stock();
        let Self {
            store,
            rng,
            now,
            config,
            ..
        } = self;
        store.transaction(|tx| -> Result<(), EngineError> {
            tx.step("device.keys");
            tx.remove_setting(FIRST_LIST)?;
            tx.delete_account()?;
            tx.save_account(&me.to_row(&config.relay_origin))?;
            let listed_version = me.protocol_versions().into_iter().max().unwrap_or_default();
            prekeys::make_first(tx, &me.identity, listed_version, stock, *now, rng)
        })?;
        self.me = Some(me);
        Ok(())
    }

    fn ask_to_register(&mut self, call: CallId, token: String) -> Result<(), EngineError> {
        let Some(me) = self.me.clone() else {
            return Err(EngineError::NotRegistered);
        };
        let account = me.account.as_ref().ok_or(EngineError::AccountKeyMissing)?;
        let list = match self.store.setting(FIRST_LIST)? {
            Some(bytes) => SignedDeviceList::from_bytes(&bytes).map_err(internal)?,
            None => self.sign_first_list(&me, account)?,
        };
        let body = RegisterDevice {
            user_id: me.user.clone(),
            device_id: me.device,
            identity_key: me.identity.public().to_bytes().into(),
            registration_id: me.registration_id,
            prekeys: prekeys::to_upload(&self.store)?.upload,
            list: Some(crate::trust::to_wire(&list)?),
            grant: None,
        };
        self.request(
            Outgoing::post("/v1/devices", Purpose::Register { call })
                .with(Access::Platform(token))
                .json(&body),
        );
        Ok(())
    }

    /// Kept, so that a repeat sends the same bytes: the relay answers the same registration alike.
    fn sign_first_list(
        &mut self,
        me: &Me,
        account: &AccountKeyPair,
    ) -> Result<SignedDeviceList, EngineError> {
        let consent = consent_to_listing(
            &me.identity,
            me.user.as_str(),
            &account.public(),
            &mut self.rng,
        )
        .map_err(internal)?;
        let listing = me.listing(consent, self.now);
        let list = SignedDeviceList::sign_first(
            account,
            &me.identity,
            me.user.as_str(),
            &listing,
            self.now.0,
            &mut self.rng,
        )
        .map_err(internal)?;
        self.store.transaction(|tx| {
            tx.step("register.list");
            tx.set_setting(FIRST_LIST, &list.to_bytes())
        })?;
        Ok(list)
    }

    fn account_is_made(&mut self) -> Result<Reply, EngineError> {
        let Some(mut me) = self.me.clone() else {
            return Err(EngineError::NotRegistered);
        };
        let reply = Reply::Registered {
            user_id: me.user.clone(),
            device_id: me.device,
        };
        // Asked twice, and the answer to the other one came first.
        if me.is_registered() {
            return Ok(reply);
        }
        let bytes = self
            .store
            .setting(FIRST_LIST)?
            .ok_or(EngineError::NotRegistered)?;
        let signed = SignedDeviceList::from_bytes(&bytes).map_err(internal)?;
        let list = signed.verify_first(me.user.as_str()).map_err(internal)?;
        let uploaded = prekeys::to_upload(&self.store)?;
        me.state = AccountState::Registered;
        let now = self.now;
        self.store.transaction(|tx| -> Result<(), EngineError> {
            tx.step("register.done");
            crate::trust::keep_first(tx, &me.user, &signed, &list)?;
            uploaded.ends.mark(tx, now)?;
            tx.remove_setting(FIRST_LIST)?;
            tx.set_account_state(AccountState::Registered)?;
            Ok(())
        })?;
        self.me = Some(me);
        Ok(reply)
    }

    /// The keys of a registration that the relay refused for good are of no use to anybody.
    pub(crate) fn forget_account(&mut self) -> Result<(), EngineError> {
        self.store.transaction(|tx| -> Result<(), EngineError> {
            tx.remove_setting(FIRST_LIST)?;
            Ok(tx.delete_account()?)
        })?;
        self.me = None;
        Ok(())
    }
}

const FIRST_LIST: &str = "first device list";

pub(crate) fn internal(error: impl std::fmt::Display) -> EngineError {
    EngineError::Internal(error.to_string())
}
