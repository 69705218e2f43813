//! The figures of sessions.

use std::cell::RefCell;
use std::hint::black_box;

use sealwire_crypto::content::ContentKey;
use sealwire_crypto::envelope::EnvelopePlaintext;
use vodozemac::olm::Account;

use crate::floor::{Costs, Floor};
use crate::ours::{self, Identity};
use crate::report::{Figure, Goal};
use crate::timing::{Effort, alone, by_turns, each, with};
use crate::trouble::{Done, said};
use crate::{Goals, named, olm};

/// As long as an average message, and its envelope.
const PLAINTEXT: [u8; 100] = [0x61; 100];
/// Devices that a message to a large group is wrapped for.
const DEVICES: usize = 750;

pub(crate) fn measure(effort: Effort, goals: &Goals, costs: &Costs) -> Done<Vec<Figure>> {
    let mut figures = vec![
        encrypt(effort, goals, costs)?,
        decrypt(effort, goals, costs)?,
        ping_pong(effort, goals, costs)?,
    ];
    figures.extend(establish(effort, goals, costs)?);
    figures.extend([
        skipped(effort, goals)?,
        stored(goals)?,
        envelopes(effort, goals)?,
    ]);
    Ok(figures)
}

/// Ours by theirs, with both times and the floor beside the ratio.
fn beside(name: &str, [ours, theirs]: [f64; 2], goal: f64, floor: &Floor) -> Figure {
    Figure::new(&named(name), ours / theirs, "×", Goal::AtMost(goal)).note(format!(
        "{} against {} of vodozemac; {}",
        time(ours),
        time(theirs),
        floor.beside(ours)
    ))
}

fn encrypt(effort: Effort, goals: &Goals, costs: &Costs) -> Done<Figure> {
    let (mut ours, _) = ours::talking()?;
    let (mut theirs, _) = olm::talking()?;
    let times = by_turns(
        effort,
        [
            &mut each(|| ours.seal(&PLAINTEXT)),
            &mut each(|| olm::seal(&mut theirs, &PLAINTEXT)),
        ],
    )?;
    let name = "encrypt 100 B, one way";
    Ok(beside(name, times, goals.encrypt, &costs.encrypt()))
}

fn decrypt(effort: Effort, goals: &Goals, costs: &Costs) -> Done<Figure> {
    let (mut alice, mut bob) = ours::talking()?;
    let (mut olm_alice, mut olm_bob) = olm::talking()?;
    let times = by_turns(
        effort,
        [
            &mut with(|| alice.seal(&PLAINTEXT), |body| bob.open(&body)),
            &mut with(
                || olm::seal(&mut olm_alice, &PLAINTEXT),
                |body| olm::open(&mut olm_bob, &body),
            ),
        ],
    )?;
    let name = "decrypt 100 B, one way";
    Ok(beside(name, times, goals.decrypt, &costs.decrypt()))
}

/// There and back, each message with a new ratchet key.
fn ping_pong(effort: Effort, goals: &Goals, costs: &Costs) -> Done<Figure> {
    let (mut alice, mut bob) = ours::talking()?;
    let (mut olm_alice, mut olm_bob) = olm::talking()?;
    let times = by_turns(
        effort,
        [
            &mut each(|| {
                bob.open(&alice.seal(&PLAINTEXT)?)?;
                alice.open(&bob.seal(&PLAINTEXT)?)
            }),
            &mut each(|| {
                olm::open(&mut olm_bob, &olm::seal(&mut olm_alice, &PLAINTEXT)?)?;
                olm::open(&mut olm_alice, &olm::seal(&mut olm_bob, &PLAINTEXT)?)
            }),
        ],
    )?;
    let name = "ping-pong round, two messages";
    Ok(beside(name, times, goals.ping_pong, &costs.ping_pong()))
}

fn establish(effort: Effort, goals: &Goals, costs: &Costs) -> Done<[Figure; 2]> {
    let [mut alice, mut bob, mut pq_alice, mut pq_bob] = [1, 2, 3, 4].map(Identity::new);
    let (olm_alice, olm_bob) = (Account::new(), RefCell::new(Account::new()));
    let [x3dh, pqxdh, theirs] = by_turns(
        effort,
        [
            &mut each(|| ours::establish(&mut alice, &mut bob, false, &PLAINTEXT)),
            &mut each(|| ours::establish(&mut pq_alice, &mut pq_bob, true, &PLAINTEXT)),
            &mut with(
                || olm::publish(&mut olm_bob.borrow_mut()),
                |claimed| {
                    let mut bob = olm_bob.borrow_mut();
                    olm::establish(&olm_alice, &mut bob, &claimed, &PLAINTEXT)
                },
            ),
        ],
    )?;
    let name = "establish, X3DH, both sides";
    let floor = costs.establish();
    Ok([
        beside(name, [x3dh, theirs], goals.establish, &floor),
        Figure::new(
            &named("establish, PQXDH, both sides"),
            pqxdh / theirs,
            "×",
            Goal::None,
        )
        .note(format!(
            "{}, {} of them for ML-KEM-1024 and the check of a second signature",
            time(pqxdh),
            time(pqxdh - x3dh)
        )),
    ])
}

/// Two thousand keys are kept of an earlier jump, and a thousand more have to be.
fn skipped(effort: Effort, goals: &Goals) -> Done<Figure> {
    let (mut alice, mut bob) = ours::talking()?;
    let after = |passed: usize, alice: &mut ours::End| {
        for _ in 0..passed {
            alice.seal(&PLAINTEXT)?;
        }
        alice.seal(&PLAINTEXT)
    };
    let kept = bob.open(&after(2_000, &mut alice)?)?;
    let late = after(1_000, &mut alice)?;
    let keeping = bob.try_open(&late)?;
    if (kept, keeping) != (2_000, 1_000) {
        return Err(said(format!("{kept} and {keeping} keys were kept")));
    }
    let took = alone(effort, each(|| bob.try_open(&late)))?;
    let name = "open a message after 1,000 skipped ones, 2,000 kept";
    Ok(
        Figure::new(&named(name), took / 1e6, "ms", Goal::AtMost(goals.skipped))
            .note("what a store does with the 1,000 rows is not in it"),
    )
}

fn stored(goals: &Goals) -> Done<Figure> {
    let (mut alice, mut bob) = (Identity::new(1), Identity::new(2));
    let (mut alice, mut bob) = ours::establish(&mut alice, &mut bob, true, &PLAINTEXT)?;
    alice.open(&bob.seal(&PLAINTEXT)?)?;
    for _ in 0..10 {
        bob.open(&alice.seal(&PLAINTEXT)?)?;
        alice.open(&bob.seal(&PLAINTEXT)?)?;
    }
    let bytes = alice.stored_bytes().max(bob.stored_bytes());
    let name = "serialised session after 10 ping-pong rounds";
    let goal = Goal::AtMost(goals.stored);
    let figure = Figure::new(&named(name), bytes as f64, "bytes", goal);
    Ok(figure.note("the larger of the two sides, begun by PQXDH, nothing skipped"))
}

/// One content key for every device of a large group, against as many messages of one session.
fn envelopes(effort: Effort, goals: &Goals) -> Done<Figure> {
    let envelope = EnvelopePlaintext {
        key: ContentKey::from_bytes(&[1; 32]),
        digest: [2; 32],
        commitment: [3; 32],
        thread_id: [4; 16],
        client_seq: 1_000,
        revision: 0,
        device_list_version: 3,
    };
    let (one, _) = ours::talking()?;
    let (mut many, mut one): (Vec<_>, _) = ((0..DEVICES).map(|_| one.copy()).collect(), one);
    let [wrapped, single] = by_turns(
        effort,
        [
            &mut each(|| {
                let plaintext = envelope.encode();
                for end in &mut many {
                    black_box(end.seal(&plaintext)?);
                }
                Ok(())
            }),
            &mut each(|| {
                let plaintext = envelope.encode();
                for _ in 0..DEVICES {
                    black_box(one.seal(&plaintext)?);
                }
                Ok(())
            }),
        ],
    )?;
    let name = "wrap one content key for 750 devices";
    let goal = Goal::AtMost(goals.envelopes);
    Ok(
        Figure::new(&named(name), wrapped / single, "×", goal).note(format!(
            "{} against {} for 750 messages of one session; one thread: a second could save 0.7 ms of a send to 750 devices",
            time(wrapped),
            time(single)
        )),
    )
}

/// Nanoseconds for people.
pub(crate) fn time(nanos: f64) -> String {
    if nanos < 1e6 {
        format!("{:.1} µs", nanos / 1e3)
    } else {
        format!("{:.2} ms", nanos / 1e6)
    }
}
