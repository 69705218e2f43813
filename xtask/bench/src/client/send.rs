//! Sending: one text to ten devices of another person and nine of one's own.

use super::device::{Device, NOW, open};
use super::fill::{copied, fill, line};
use super::relay::Relay;
use crate::machine;
use crate::trouble::{Done, said};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use sealwire_crypto::device::{
    DeviceList, ListChange, NewDevice, SignedDeviceList, consent_to_listing,
};
use sealwire_crypto::keys::{AccountKeyPair, IdentityKeyPair, KemKeyPair, SignedPreKeyPair};
use sealwire_crypto::ratchet::{self, KemPreKey, PreKeyMessage, PreKeys, Sender, SessionPolicy};
use sealwire_engine::{Call, Input, SocketInput};
use sealwire_wire::contract::{
    Bundle, ControlMessage, DeviceName, EnvelopeBody, EnvelopeType, PublicKemPrekey,
    PublicSignedPrekey, SendMessage, ServerEvent, ServerFrame, SignedList,
};
use sealwire_wire::control::{Control, ResendAnswer};
use sealwire_wire::{DeviceId, MessageId, UserId};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::Instant;

const DEVICES_EACH: u32 = 10;
const RECIPIENTS: usize = 19;

/// A device with a session for each of the others, closed.
pub(super) struct Ready {
    /// Everybody has answered: what is sent is a ratchet message.
    answered: PathBuf,
    /// Nobody has yet: with every message goes what begins the session.
    unanswered: PathBuf,
    relay: Relay,
}

/// Which of the two.
#[derive(Clone, Copy)]
pub(super) enum Sessions {
    Answered,
    Unanswered,
}

/// One of the other devices, as far as it takes to answer once.
struct Peer {
    name: DeviceName,
    identity: IdentityKeyPair,
    prekey: SignedPreKeyPair,
    kem: KemKeyPair,
}

/// Every send, with a bare commit before each.
pub(super) struct Run {
    pub(super) sends_ms: Vec<f64>,
    pub(super) cpu_ms: Vec<f64>,
    pub(super) bare_commits_ms: Vec<f64>,
}

pub(super) fn prepare(folder: &Path) -> Done<Ready> {
    let mut relay = Relay::default();
    let store = folder.join("send.db");
    let mut alice = Device::registered(open(&store, true)?, &mut relay, "alice", 3)?;
    let account = alice
        .engine
        .store()
        .account()
        .map_err(said)?
        .ok_or_else(|| said("no account"))?;
    let secret = account
        .account_secret
        .as_ref()
        .ok_or_else(|| said("no account key"))?;
    let own = Owner {
        user: account.user_id.clone(),
        keys: AccountKeyPair::from_secret_bytes(secret),
        first: IdentityKeyPair::from_secret_bytes(&account.identity_secret),
    };
    let newest = alice.engine.store().newest_list(&own.user).map_err(said)?;
    let newest = newest.ok_or_else(|| said("no list"))?;
    let signed = SignedDeviceList::from_bytes(&newest.bytes).map_err(said)?;
    let rng = &mut ChaCha20Rng::seed_from_u64(4);
    let mut peers = Vec::new();
    own.add_devices(&mut relay, &signed, &mut peers, rng)?;

    let bob = Owner {
        user: "bob".parse().map_err(said)?,
        keys: AccountKeyPair::generate(rng),
        first: IdentityKeyPair::generate(rng),
    };
    let identity = IdentityKeyPair::from_secret_bytes(&bob.first.secret_bytes());
    let first = bob.device(&mut relay, 1, identity, &mut peers, rng)?;
    let signed =
        SignedDeviceList::sign_first(&bob.keys, &bob.first, bob.user.as_str(), &first, NOW.0, rng);
    let signed = signed.map_err(said)?;
    publish(&mut relay, &bob.user, &signed)?;
    bob.add_devices(&mut relay, &signed, &mut peers, rng)?;

    // The relay tells of the own list's new version; the first message begins all sessions.
    let event = ServerEvent::Devices {
        user_id: own.user,
        version: 2,
    };
    let told = serde_json::to_string(&ServerFrame {
        frame_seq: 1,
        event,
    })
    .map_err(said)?;
    alice.hand_in(Input::Socket(SocketInput::Frames(vec![told])))?;
    alice.run(&mut relay)?;
    let thread = alice.thread_with("bob")?;
    alice.send(&mut relay, thread, "hello to all of you".to_owned())?;
    alice.close()?;
    let beside = folder.join("unanswered");
    std::fs::create_dir(&beside).map_err(said)?;
    let unanswered = copied(&store, &beside)?;

    let mut alice = Device::over(open(&store, false)?, 5)?;
    alice.run(&mut relay)?;
    let answers = peers.iter().zip(1..).map(|(peer, frame_seq)| {
        let event = ServerEvent::Control {
            control: Box::new(peer.answer(&mut relay, frame_seq, rng)?),
        };
        serde_json::to_string(&ServerFrame { frame_seq, event }).map_err(said)
    });
    let answers = answers.collect::<Done<Vec<_>>>()?;
    alice.hand_in(Input::Socket(SocketInput::Frames(answers)))?;
    alice.run(&mut relay)?;
    alice.close()?;
    Ok(Ready {
        answered: store,
        unanswered,
        relay,
    })
}

impl Ready {
    pub(super) fn run(&self, sessions: Sessions, rows: u64, sends: usize) -> Done<Run> {
        let folder = tempfile::tempdir().map_err(said)?;
        let (store, kind) = match sessions {
            Sessions::Answered => (&self.answered, EnvelopeType::Ratchet),
            Sessions::Unanswered => (&self.unanswered, EnvelopeType::Prekey),
        };
        let path = copied(store, folder.path())?;
        fill(&path, rows)?;
        let mut relay = self.relay.with_nothing_queued();
        let mut bare = open(&folder.path().join("bare.db"), true)?;
        let mut alice = Device::over(open(&path, false)?, 6)?;
        alice.run(&mut relay)?;
        let thread = alice.thread_with("bob")?;
        let mut run = Run {
            sends_ms: Vec::new(),
            cpu_ms: Vec::new(),
            bare_commits_ms: Vec::new(),
        };
        for number in 0..sends {
            let began = Instant::now();
            bare.raise_generation().map_err(said)?;
            run.bare_commits_ms
                .push(began.elapsed().as_secs_f64() * 1e3);

            let (began, cpu_before) = (Instant::now(), machine::cpu_time());
            alice.call(Call::SendText {
                thread,
                text: line(number as u64),
                ttl_seconds: None,
                key: None,
            })?;
            run.sends_ms.push(began.elapsed().as_secs_f64() * 1e3);
            let cpu = machine::cpu_time().zip(cpu_before);
            run.cpu_ms
                .extend(cpu.map(|(after, before)| (after - before).as_secs_f64() * 1e3));
            let request = alice
                .requests
                .pop_front()
                .ok_or_else(|| said("nothing was sent"))?;
            let body: SendMessage =
                serde_json::from_slice(request.body.as_deref().unwrap_or_default())
                    .map_err(said)?;
            let as_expected = body.envelopes.iter().filter(|one| one.kind == kind);
            if (body.envelopes.len(), as_expected.count()) != (RECIPIENTS, RECIPIENTS) {
                let found = body.envelopes.len();
                return Err(said(format!("{found} envelopes, not all of type {kind:?}")));
            }
            let result = Ok(relay.answer(&request)?);
            alice.hand_in(Input::Response {
                id: request.id,
                result,
            })?;
        }
        if alice.events.sent != sends {
            return Err(said(format!("{} of {sends} were sent", alice.events.sent)));
        }
        alice.close()?;
        Ok(run)
    }
}

struct Owner {
    user: UserId,
    keys: AccountKeyPair,
    first: IdentityKeyPair,
}

impl Owner {
    /// Devices 2 to 10, in the next version of the list.
    fn add_devices(
        &self,
        relay: &mut Relay,
        held: &SignedDeviceList,
        peers: &mut Vec<Peer>,
        rng: &mut ChaCha20Rng,
    ) -> Done<()> {
        let list = DeviceList::danger_restore_verified(held).map_err(said)?;
        let mut change = ListChange::default();
        for number in 2..=DEVICES_EACH {
            let identity = IdentityKeyPair::generate(rng);
            let device = self.device(relay, number, identity, peers, rng)?;
            change.put.push(device);
        }
        let next = list.sign_next(&self.keys, 1, &self.first, &change, NOW.0, rng);
        publish(relay, &self.user, &next.map_err(said)?)
    }

    /// A device that hands out its prekeys, and answers once.
    fn device(
        &self,
        relay: &mut Relay,
        number: u32,
        identity: IdentityKeyPair,
        peers: &mut Vec<Peer>,
        rng: &mut ChaCha20Rng,
    ) -> Done<NewDevice> {
        let device_id = DeviceId::new(number).map_err(said)?;
        let prekey = SignedPreKeyPair::generate(1, rng);
        let signature = identity.sign_prekey(rng, &prekey.public());
        let pair = KemKeyPair::generate(1, rng);
        let kem = pair.public();
        let name = DeviceName {
            user_id: self.user.clone(),
            device_id,
        };
        relay.bundles.insert(
            name.clone(),
            Bundle {
                device_id,
                registration_id: number,
                identity_key: identity.public().to_bytes().into(),
                signed_prekey: PublicSignedPrekey {
                    id: 1,
                    key: prekey.public().to_bytes().into(),
                    signature: signature.to_bytes().into(),
                },
                one_time_prekey: None,
                kem_prekey: Some(PublicKemPrekey {
                    id: 1,
                    key: kem.to_bytes().into(),
                    signature: identity.sign_kem_prekey(rng, &kem).to_bytes().into(),
                }),
            },
        );
        let consent = consent_to_listing(&identity, self.user.as_str(), &self.keys.public(), rng);
        let device = NewDevice {
            device_id: number,
            registration_id: number,
            identity_key: identity.public(),
            added_at_ms: NOW.0,
            protocol_versions: vec![4],
            features: Vec::new(),
            device_signature: consent.map_err(said)?,
        };
        peers.push(Peer {
            name,
            identity,
            prekey,
            kem: pair,
        });
        Ok(device)
    }
}

impl Peer {
    /// Opens the first message that the relay has for it, and answers in its session.
    fn answer(
        &self,
        relay: &mut Relay,
        number: u64,
        rng: &mut ChaCha20Rng,
    ) -> Done<ControlMessage> {
        let row = relay.queues.get_mut(&self.name);
        let row = row.and_then(VecDeque::pop_front);
        let envelope = row.and_then(|row| row.envelope);
        let envelope = envelope.ok_or_else(|| said("a device got no message"))?;
        let first = PreKeyMessage::parse(envelope.body.as_slice()).map_err(said)?;
        let sender = Sender {
            identity_key: first.identity_key(),
            registration_id: first.registration_id(),
            policy: SessionPolicy::default(),
        };
        let prekeys = PreKeys {
            signed: &self.prekey,
            one_time: None,
            kem: Some(KemPreKey {
                pair: &self.kem,
                last_resort: true,
            }),
        };
        let opened = ratchet::accept(None, &self.identity, &sender, &first, prekeys, None, rng);
        let record = opened.map_err(said)?.record;
        // It answers nothing that was asked: nobody does more for it than to read it.
        let words = Control::ResendAnswer(ResendAnswer {
            envelopes: Vec::new(),
            unavailable: Vec::new(),
        });
        let sealed = ratchet::seal(&record, NOW.0, &words.encode().map_err(said)?);
        let (_, sealed) = sealed.map_err(said)?;
        Ok(ControlMessage {
            id: MessageId::from_parts(NOW.0 + number, 1),
            sender_id: self.name.user_id.clone(),
            sender_device_id: self.name.device_id,
            envelope: EnvelopeBody {
                kind: EnvelopeType::Ratchet,
                body: sealed.body.into(),
            },
            created_at: NOW,
        })
    }
}

fn publish(relay: &mut Relay, user: &UserId, list: &SignedDeviceList) -> Done<()> {
    relay
        .lists
        .entry(user.clone())
        .or_default()
        .push(SignedList {
            payload: list.payload.clone().into(),
            account_signature: list.account_signature.clone().into(),
            signer_device_id: DeviceId::new(list.signer_device_id).map_err(said)?,
            signer_signature: list.signer_signature.clone().into(),
        });
    Ok(())
}
