//! Where a program begins: two devices that never met or have talked, and such as stand just before a limit.

use std::sync::LazyLock;

use sealwire_crypto::ratchet::SessionRecord;

use super::{MAX_SENT, World};
use crate::device::{Device, OLD_STRANGERS, STRANGERS};

/// How many there are.
pub(super) const COUNT: u8 = 9;

static WORLDS: [LazyLock<World>; COUNT as usize] = [
    LazyLock::new(|| talking(&STRANGERS)),
    LazyLock::new(|| strangers(&STRANGERS)),
    LazyLock::new(|| talking(&OLD_STRANGERS)),
    LazyLock::new(|| strangers(&OLD_STRANGERS)),
    LazyLock::new(keys_kept),
    // A message that comes next is that far ahead: just before the most keys of one jump, and before the furthest jump.
    LazyLock::new(|| lost(1_990)),
    LazyLock::new(|| lost(24_990)),
    LazyLock::new(forty_sessions),
    LazyLock::new(last_numbers),
];

/// The world of a program that begins with this byte.
pub(super) fn of(start: u8) -> &'static World {
    &WORLDS[usize::from(start % COUNT)]
}

fn strangers(pair: &(Device, Device)) -> World {
    World {
        devices: [pair.0.clone(), pair.1.clone()],
        expected: Default::default(),
        under_way: Vec::new(),
        arrived: Vec::new(),
        refused: 0,
        sent: 0,
        begun: 0,
        patience: u32::MAX,
        at_the_end: false,
    }
}

/// Both have answered on a session.
fn talking(pair: &(Device, Device)) -> World {
    let mut world = strangers(pair);
    world.begin_with(0, Some(100));
    world.says(true);
    world.says(false);
    world
}

/// Bob keeps the keys of 1,990 messages of Alice, of which some are still to come.
fn keys_kept() -> World {
    let mut world = lost(1_990);
    world.says(true);
    world
}

/// Alice has sealed so many messages that none has arrived of. Still under way are the first, and those about the oldest whose key a jump
/// to the next ones keeps.
fn lost(count: u32) -> World {
    let mut world = talking(&STRANGERS);
    let about_the_oldest = count.saturating_sub(2_008)..count.saturating_sub(1_985);
    for number in 0..count {
        world.sent = 0;
        world.send(true, 0);
        if number >= 2 && !about_the_oldest.contains(&number) && number + 1 != count {
            world.under_way.pop();
        }
    }
    // One forged number costs 25,000 steps.
    world.patience = if count > 20_000 { 24 } else { u32::MAX };
    world
}

/// Each side holds forty, begun by turns. Of the oldest, messages are under way.
fn forty_sessions() -> World {
    let mut world = talking(&STRANGERS);
    for number in 1..40 {
        let by_alice = number % 2 == 0;
        world.begin_with(usize::from(!by_alice), None);
        world.says(by_alice);
        world.says(!by_alice);
        if number <= 4 {
            world.sent = 0;
            world.send(by_alice, 5);
            world.send(!by_alice, 5);
        }
    }
    for device in &world.devices {
        let held = device
            .record
            .as_ref()
            .map(|record| record.sessions().count());
        assert_eq!(held, Some(40));
    }
    // A ratchet key never seen is tried with every session.
    world.patience = 64;
    world
}

/// Both sides of Alice's chain stand a few messages before the last that it can number.
fn last_numbers() -> World {
    const NEXT: u32 = u32::MAX - 6;
    let mut world = talking(&STRANGERS);
    world.says(true);
    let named = world.arrived.last().unwrap().name;
    let [alice, bob] = &mut world.devices;
    let newest = |record: &[u8]| RECEIVING + usize::from(record[RECEIVING - 1] - 1) * 68 + 64;
    renumber(alice, |_| SENDING, NEXT);
    renumber(bob, newest, NEXT);
    let chains = world.expected[1].sessions.get_mut(&named.session).unwrap();
    chains.last_mut().unwrap().next = NEXT;
    world.at_the_end = true;
    world
}

/// Where the current session's sending chain has its next number, and where its receiving chains begin (docs/protocol/store.md).
const SENDING: usize = 1 + 64 + 1 + (1 + 32 + 4 + 32 + 32 + 32) + 32;
const RECEIVING: usize = SENDING + 4 + 4 + 1;

fn renumber(device: &mut Device, place: impl Fn(&[u8]) -> usize, next: u32) {
    let mut bytes = device.record.as_ref().unwrap().to_bytes();
    let at = place(&bytes);
    assert_eq!(bytes[at..at + 4], 1u32.to_be_bytes());
    bytes[at..at + 4].copy_from_slice(&next.to_be_bytes());
    device.record = Some(SessionRecord::from_bytes(&bytes).ok().unwrap());
}

/// Programs that cross the limit of their world. 6 loses one more message than its operand, 3 delivers that of the place named.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    const ALICE: u8 = 0x80;
    // 2,002 are passed: of the six that are late, the two oldest have no key.
    let keys_of_a_jump = vec![5, ALICE | 6, 11, ALICE, 5, 3, 6, 3, 0, 3, 0, 3, 0];
    // One too far ahead, then one within reach.
    let furthest_jump = vec![
        6,
        ALICE | 6,
        7,
        ALICE,
        5,
        ALICE | 6,
        2,
        ALICE,
        5,
        3,
        27,
        3,
        26,
    ];
    // The oldest sessions fall off, then come messages of them.
    let forty = [&[7][..], &[12, 1].repeat(6), &[3, 0, 3, 0, 3, 0]].concat();
    let last_number = [
        &[8][..],
        &[ALICE, 5].repeat(9),
        &[3, 5, 3, 0],
        &[0, 5, 3, 9],
    ]
    .concat();
    vec![keys_of_a_jump, furthest_jump, forty, last_number]
}

impl World {
    /// A message that arrives at once.
    fn says(&mut self, by_alice: bool) {
        assert!(self.sent < MAX_SENT);
        self.sent = 0;
        self.send(by_alice, 5);
        self.deliver(self.under_way.len() - 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::session::played;

    #[test]
    fn the_worlds_stand_before_their_limits_and_the_seeds_cross_them() {
        let rows = |world: &World| world.devices[1].rows.len();
        assert_eq!(rows(of(4)), 1_990);
        let [keys, jump, forty, last] = <[_; 4]>::try_from(seeds()).unwrap();
        // Two keys were let go with the jump.
        let world = played(&keys);
        assert_eq!(world.refused, 2);
        assert_eq!(rows(&world), 2_000 - 4);
        // One was too far ahead, and of those that a jump of 24,998 left behind some have no key.
        assert!(played(&jump).refused > 10);
        assert!(rows(&played(&jump)) > 1_980);
        // All places are taken: what falls off takes its messages along.
        let world = played(&forty);
        assert!(world.refused > 0);
        // Six have a number.
        let world = played(&last);
        assert_eq!(world.refused, 0);
        assert_eq!(world.devices[1].rows.len(), 0);
    }
}
