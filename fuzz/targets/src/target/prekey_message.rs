//! A message that begins its session, as the relay hands it over.
//!
//! Parsing holds at most three times the input and 2 KiB (the KEM ciphertext lies apart). What parses is opened by a device that
//! has every prekey: only what a peer sealed opens, whatever stands around it.

use std::sync::LazyLock;

use sealwire_crypto::ratchet::{MessageKind, PreKeyMessage, SealedMessage, Sender};

use crate::device::{Device, OLD_STRANGERS, STRANGERS};
use crate::memory::peak_of;
use crate::{Bound, Target};

pub(super) const TARGET: Target = Target {
    name: "prekey_message",
    bound: Bound::new(2 * 1024, 3),
    run,
    seeds,
};

/// Receivers that know nobody yet, each with first messages to it, and the peer that they are of.
static WAITING: LazyLock<[(Device, Sender, Vec<SealedMessage>); 2]> =
    LazyLock::new(|| [waiting(&STRANGERS), waiting(&OLD_STRANGERS)]);

fn waiting((alice, bob): &(Device, Device)) -> (Device, Sender, Vec<SealedMessage>) {
    let mut bob = bob.clone();
    let first = |one_time, bob: &mut Device| {
        let mut alice = alice.clone();
        alice.begin(&bob.bundle(one_time));
        let _lost = alice.send(b"lost").unwrap();
        alice.send(b"first to arrive").unwrap()
    };
    let messages = vec![first(Some(100), &mut bob), first(None, &mut bob)];
    (bob, alice.as_sender(), messages)
}

fn run(input: &[u8]) -> usize {
    let (parsed, peak) = peak_of(|| PreKeyMessage::parse(input));
    let Ok(message) = parsed else { return peak };
    let again = PreKeyMessage::parse(input);
    assert_eq!(again.as_ref(), Ok(&message));
    for (receiver, sender, messages) in &*WAITING {
        let sealed = SealedMessage {
            kind: MessageKind::PreKey,
            body: input.to_vec(),
        };
        let mut receiver = receiver.clone();
        let before = receiver.stored();
        match receiver.receive(sender, &sealed) {
            // No MAC covers what stands around the message; all of it that counts goes into the agreement.
            Ok(plaintext) => {
                assert_eq!(plaintext, b"first to arrive");
                let inner = message.message().as_bytes();
                let honest = |sent: &SealedMessage| {
                    PreKeyMessage::parse(&sent.body)
                        .unwrap()
                        .message()
                        .as_bytes()
                        == inner
                };
                assert!(messages.iter().any(honest));
                assert!(receiver.receive(sender, &sealed).is_err(), "it opens once");
            }
            Err(_) => assert!(receiver.stored() == before),
        }
    }
    peak
}

fn seeds() -> Vec<Vec<u8>> {
    let all = WAITING.iter().flat_map(|(_, _, messages)| messages);
    all.map(|message| message.body.clone()).collect()
}
