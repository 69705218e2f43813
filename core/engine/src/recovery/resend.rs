//! Answering: what the send log holds for the device that asks, and only for a device that its account lists now.

use crate::EngineError;
use crate::account::Me;
use crate::control::{ANSWERING, may, seal_control};
use crate::engine::Random;
use crate::fanout::{Recipient, begin_from_bundle};
use crate::trust::undisputed_list;
use sealwire_store::{Rows, SecretBytes, Transaction};
use sealwire_wire::contract::{Bundle, PublicKemPrekey, PublicPrekey, PublicSignedPrekey};
use sealwire_wire::control::{Control, FreshBundle, MessageName, ResendAnswer, ResendRequest};
use sealwire_wire::limits::RESEND_IDS_MAX;
use sealwire_wire::{ClientSeq, Timestamp};
use std::collections::BTreeSet;

/// Answers that wait for the network, a device: more are not made.
const WAITING_MAX: u64 = 16;
/// Numbers of messages that a store keeps.
const NUMBER_MAX: u64 = i64::MAX as u64;

/// Answers a device of the newest list; the caller has compared its identity. What was not wrapped for it is answered as
/// what never was.
pub(crate) fn answer_resend(
    tx: &mut Transaction<'_>,
    me: &Me,
    to: &Recipient,
    request: &ResendRequest,
    now: Timestamp,
    rng: &mut Random,
) -> Result<(), EngineError> {
    if request.bundle.registration_id != to.registration_id {
        return Ok(());
    }
    if request.messages.is_empty() {
        // It could not read what this device told it: what was asked for may have been lost with that.
        return Ok(tx.ask_device_again(&to.user, to.device, now)?);
    }
    if !may_answer(tx, to, now)? {
        return Ok(());
    }
    let mut answer = ResendAnswer::default();
    let names: BTreeSet<_> = request.messages.iter().take(RESEND_IDS_MAX).collect();
    for name in names {
        match logged(tx, me, to, name)? {
            Some(envelope) => answer.envelopes.push(envelope),
            None => answer.unavailable.push(*name),
        }
    }
    // Where its bundle is of no use, the session that the request came in is.
    let _ = begin_from_bundle(tx, me, to, &as_served(to, &request.bundle), now, rng)?;
    seal_control(tx, to, &Control::ResendAnswer(answer), now, rng)
}

/// Gives an own device of the newest list the account key.
pub(crate) fn answer_account_key(
    tx: &mut Transaction<'_>,
    me: &Me,
    to: &Recipient,
    now: Timestamp,
    rng: &mut Random,
) -> Result<(), EngineError> {
    let Some(account) = me.account.as_ref().filter(|_| to.user == me.user) else {
        return Ok(());
    };
    // It is what all trust hangs on: a list that anything else signed gives nobody a right to it.
    let list = undisputed_list(tx, &me.user)?;
    if list.is_none_or(|list| {
        list.account_key != account.public() || list.device(to.device.get()).is_none()
    }) {
        return Ok(());
    }
    if !may_answer(tx, to, now)? {
        return Ok(());
    }
    let answer = Control::AccountKeyAnswer(account.secret_bytes());
    seal_control(tx, to, &answer, now, rng)
}

fn may_answer(
    tx: &mut Transaction<'_>,
    to: &Recipient,
    now: Timestamp,
) -> Result<bool, EngineError> {
    Ok(
        tx.count_outgoing_controls(&to.user, to.device)? < WAITING_MAX
            && may(tx, ANSWERING, &to.user, to.device, now)?,
    )
}

/// What this very device was given of a message of this one.
fn logged(
    rows: &Rows,
    me: &Me,
    to: &Recipient,
    name: &MessageName,
) -> Result<Option<SecretBytes>, EngineError> {
    let ClientSeq(number) = name.client_seq;
    if number > NUMBER_MAX {
        return Ok(None);
    }
    let sent = rows.message_by_client_seq(name.thread_id, &me.user, me.device, name.client_seq)?;
    match sent.filter(|sent| sent.revision == name.revision) {
        Some(sent) => Ok(rows.logged_send(sent.local_id, &to.user, to.device)?),
        None => Ok(None),
    }
}

/// The bundle of a request in the form of one from the relay, under the identity that the list has.
fn as_served(to: &Recipient, bundle: &FreshBundle) -> Bundle {
    Bundle {
        device_id: to.device,
        registration_id: bundle.registration_id,
        identity_key: to.identity.to_bytes().into(),
        signed_prekey: PublicSignedPrekey {
            id: bundle.signed_prekey_id,
            key: bundle.signed_prekey.into(),
            signature: bundle.signed_prekey_signature.into(),
        },
        one_time_prekey: Some(PublicPrekey {
            id: bundle.one_time_prekey_id,
            key: bundle.one_time_prekey.into(),
        }),
        kem_prekey: bundle.kem_prekey.as_ref().map(|kem| PublicKemPrekey {
            id: kem.id,
            key: kem.key.clone().into(),
            signature: kem.signature.into(),
        }),
    }
}
