//! Numbers of sends and pages of a thread, on both engines at once: what they answer is the same.

use super::*;
use proptest::prelude::*;

/// One more step of one of a few devices.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// Numbers of the device one after the other.
    InTurn {
        device: usize,
        count: u64,
    },
    /// A number anywhere, used before or not.
    Anywhere {
        device: usize,
        number: u64,
    },
    /// A number far above all.
    Gap {
        device: usize,
        by: u64,
    },
    Void {
        device: usize,
        number: u64,
    },
    Expire {
        id: u64,
    },
}

const DEVICES: [(&str, u32); 3] = [("alice", 1), ("alice", 2), ("bob", 1)];
const BEYOND: u64 = 420;

fn step() -> impl Strategy<Value = Step> {
    let (device, number) = (0..DEVICES.len(), 0..BEYOND);
    prop_oneof![
        (device.clone(), 1..90_u64).prop_map(|(device, count)| Step::InTurn { device, count }),
        (device.clone(), number.clone())
            .prop_map(|(device, number)| Step::Anywhere { device, number }),
        (device.clone(), 2..40_u64).prop_map(|(device, by)| Step::Gap { device, by }),
        (device, number.clone()).prop_map(|(device, number)| Step::Void { device, number }),
        number.prop_map(|id| Step::Expire { id }),
    ]
}

/// What was answered, and how far ids and numbers are.
struct Told<'a> {
    storage: &'a dyn Storage,
    answers: Vec<String>,
    ids: u64,
    next: [u64; DEVICES.len()],
}

impl Told<'_> {
    fn send(&mut self, device: usize, number: u64) {
        self.ids += 2;
        let step = self.message(device, number);
        let answer = done(self.storage.accept_message(step));
        self.next[device] = self.next[device].max(number + 1);
        self.answers.push(format!("{answer:?}"));
    }

    fn message(&self, device: usize, number: u64) -> AcceptMessage {
        let (from, id) = DEVICES[device];
        let mut step = message(from, if from == "bob" { "alice" } else { "bob" }, self.ids);
        step.row.sender_device_id = DeviceId::new(id).unwrap();
        step.row.client_seq = ClientSeq(number);
        step.row.ttl_seconds = self.ids.is_multiple_of(7).then_some(1);
        step.fingerprint = [self.ids as u8; 32];
        step.key = key(&format!("{from}-{id}-{number}"));
        step
    }
}

fn tell(storage: &dyn Storage, steps: &[Step]) -> Vec<String> {
    done(storage.create_thread(thread("alice", "bob")));
    let thread = thread("alice", "bob").id;
    let mut told = Told {
        storage,
        answers: Vec::new(),
        ids: 0,
        next: [0; DEVICES.len()],
    };
    for step in steps {
        match *step {
            Step::InTurn { device, count } => {
                for _ in 0..count {
                    told.send(device, told.next[device]);
                }
            }
            Step::Anywhere { device, number } => told.send(device, number),
            Step::Gap { device, by } => told.send(device, told.next[device] + by),
            Step::Void { device, number } => {
                let name = told.message(device, number).name();
                let answer = done(storage.void_send(name, LATER));
                told.answers.push(format!("{answer:?}"));
            }
            Step::Expire { id } => {
                done(storage.expire_message(thread, MessageId::from_u128(id.into()), LATER));
            }
        }
    }
    for device in 0..DEVICES.len() {
        for number in 0..told.next[device] + 2 {
            let name = told.message(device, number).name();
            let answer = done(storage.earlier_send(name, key("another"), NOW));
            told.answers.push(format!("{answer:?}"));
        }
    }
    let reader = name("bob", 1);
    let mut page = |text: String| told.answers.push(text);
    for at in (0..told.ids + 3).step_by(5) {
        let before = MessageId::from_u128(at.into());
        let rows = done(storage.messages_before(thread, Some(before), 19, reader.clone()));
        page(format!("before {at}: {rows:?}"));
        let rows = done(storage.messages_changed(thread, at, 19, reader.clone()));
        page(format!("after {at}: {rows:?}"));
    }
    let all = done(storage.messages_before(thread, None, 2_000, reader));
    page(format!("{all:?}"));
    told.answers
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn repeats_gaps_numbers_out_of_turn_and_voids_are_answered_alike(steps in prop::collection::vec(step(), 1..24)) {
        let folder = tempfile::TempDir::new().unwrap();
        let options = SqliteOptions {
            threading: Threading::Inline,
            ..SqliteOptions::default()
        };
        let sqlite = Sqlite::open_with(folder.path(), options).unwrap();
        let (found, expected) = (tell(&sqlite, &steps), tell(&Memory::seeded(0), &steps));
        for (found, expected) in found.iter().zip(&expected) {
            prop_assert_eq!(found, expected);
        }
        prop_assert_eq!(found.len(), expected.len());
    }
}
