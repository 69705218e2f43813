//! What a peer's session decrypted to, where it is no envelope: a request or answer between devices.
//!
//! The input is taken as it is and, as a malicious contact would write it, as the protobuf inside the label, length and padding. Decoding
//! holds at most 96 times the input and 64 KiB: an empty entry of a list is two bytes there and a struct here.

use sealwire_wire::control::{
    Control, FreshBundle, FreshKemPrekey, MessageName, ResendAnswer, ResendRequest,
};
use sealwire_wire::{ClientSeq, ThreadId};

use crate::memory::peak_of;
use crate::{Bound, Target};

pub(super) const TARGET: Target = Target {
    name: "control",
    bound: Bound::new(64 * 1024, 96),
    run,
    seeds,
};

const LABEL: &[u8] = b"\0Sealwire v1 control";
/// The lengths that a control message has.
const LENGTHS: [usize; 4] = [512, 2_048, 8_192, 15_872];

fn run(input: &[u8]) -> usize {
    let inside = padded(input);
    let whole = [Some(input), inside.as_deref()];
    let mut worst = 0;
    for bytes in whole.into_iter().flatten() {
        let (decoded, peak) = peak_of(|| Control::decode(bytes));
        worst = worst.max(peak);
        if let Ok(control) = decoded {
            let again = control.encode().unwrap();
            assert!(Control::decode(&again).is_ok_and(|again| again == control));
        }
    }
    worst
}

/// Label, length, the input, zeros.
fn padded(input: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(input.len()).ok()?.to_be_bytes();
    let mut bytes = [LABEL, &length, input].concat();
    let whole = LENGTHS.into_iter().find(|whole| bytes.len() <= *whole)?;
    bytes.resize(whole, 0);
    Some(bytes)
}

fn seeds() -> Vec<Vec<u8>> {
    let name = MessageName {
        thread_id: ThreadId::from_bytes([3; 16]),
        client_seq: ClientSeq(7),
        revision: 1,
    };
    let bundle = FreshBundle {
        registration_id: 1,
        signed_prekey_id: 2,
        signed_prekey: [3; 33],
        signed_prekey_signature: [4; 64],
        one_time_prekey_id: 5,
        one_time_prekey: [6; 33],
        kem_prekey: Some(Box::new(FreshKemPrekey {
            id: 7,
            key: vec![8; 1_569],
            signature: [9; 64],
        })),
    };
    let without = FreshBundle {
        kem_prekey: None,
        ..bundle.clone()
    };
    let request = |bundle| {
        Control::ResendRequest(ResendRequest {
            messages: vec![name; 2],
            bundle,
        })
    };
    let all = [
        request(bundle),
        request(without),
        Control::ResendAnswer(ResendAnswer {
            envelopes: vec![vec![1; 150].into(), vec![2; 3].into()],
            unavailable: vec![name],
        }),
        Control::AccountKeyRequest,
        Control::AccountKeyAnswer([7; 32].into()),
    ];
    let inside = |bytes: &[u8]| {
        let length = usize::from(u16::from_be_bytes([bytes[20], bytes[21]]));
        bytes[22..22 + length].to_vec()
    };
    // An answer of nothing but empty names, two bytes each: the most that an input of its length can be read into.
    let names = [0x12, 0].repeat(2_000);
    let crowded = [&[0x12, 0xa0, 0x1f][..], &names].concat();
    let cut = all.iter().map(|control| inside(&control.encode().unwrap()));
    cut.chain([crowded]).collect()
}
