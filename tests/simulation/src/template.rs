//! People with their devices, registered and linked once in a process; every run begins with a copy.

use crate::Broken;
use crate::chance::Chance;
use crate::device::{Asked, Device, copy_files, unusable};
use crate::faults::Storm;
use crate::journal::Journal;
use crate::relay::Relay;
use crate::world::{BEGINNING, End, World};
use sealwire_engine::{Call, ConnectionState};
use sealwire_wire::UserId;
use sealwire_wire::contract::DeviceName;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use tempfile::TempDir;

/// Every so many seeds the world is large.
pub(crate) const LARGE_ONCE_IN: u64 = 50;

const PEOPLE: [&str; 3] = ["alice", "bob", "carol"];
const DEVICES_EACH: usize = 2;
const PEOPLE_LARGE: usize = 60;
/// How many devices a person of a large world has, and how often. The first one has the most.
const DEVICES_LARGE: &[(u32, usize)] = &[(60, 1), (25, 2), (10, 3), (4, 5), (1, 10)];
const DEVICES_MOST: usize = 10;
const RELAY: &str = "relay";
/// The template's own number: the same people in every run.
const SEED: u64 = 7;
/// More than enough to register and link one device.
const STEPS_PER_DEVICE: u64 = 10_000;

/// What runs begin with.
pub struct Template {
    usual: Beginning,
    /// Made when the first seed asks for it.
    large: OnceLock<Result<Beginning, Broken>>,
}

/// Folders of a relay and of devices that belong to their accounts.
struct Beginning {
    folder: TempDir,
    devices: Vec<Known>,
    /// When they were ready.
    ready_at: u64,
}

struct Known {
    name: DeviceName,
    anchor: Option<u64>,
}

/// What a run begins with.
pub(crate) struct Copied {
    /// Removed with it.
    pub(crate) folder: TempDir,
    pub(crate) devices: Vec<Device>,
    pub(crate) relay: Relay,
    pub(crate) ready_at: u64,
}

impl Template {
    /// Registers and links everybody of a usual world, with nothing going wrong.
    pub fn make() -> Result<Self, Broken> {
        let people = PEOPLE.map(|name| (name.to_owned(), DEVICES_EACH));
        Ok(Self {
            usual: Beginning::make(&people)?,
            large: OnceLock::new(),
        })
    }

    /// A copy of the world that a seed has.
    pub(crate) fn copy(&self, seed: u64, chance: &mut Chance) -> Result<Copied, Broken> {
        if !seed.is_multiple_of(LARGE_ONCE_IN) {
            return self.usual.copy(chance);
        }
        let large = self.large.get_or_init(|| Beginning::make(&many_people()));
        large.as_ref().map_err(Clone::clone)?.copy(chance)
    }
}

fn many_people() -> Vec<(String, usize)> {
    let mut chance = Chance::new(SEED);
    let mut people = Vec::new();
    for number in 0..PEOPLE_LARGE {
        let devices = match number {
            0 => DEVICES_MOST,
            _ => chance.weighted(DEVICES_LARGE).unwrap_or(1),
        };
        people.push((format!("person{number:02}"), devices));
    }
    people
}

impl Beginning {
    fn make(people: &[(String, usize)]) -> Result<Self, Broken> {
        let folder = in_memory().map_err(unusable)?;
        let mut chance = Chance::new(SEED);
        let mut devices = Vec::new();
        // By person, then by device; the first of each is the one that registers.
        let mut numbers = Vec::new();
        for (name, count) in people {
            for number in 0..*count {
                let path = place(folder.path(), devices.len());
                fs::create_dir_all(&path).map_err(unusable)?;
                let user: UserId = name.parse().map_err(|_| never_ready(None))?;
                devices.push(Device::new(path, user, chance.apart()));
                numbers.push(number);
            }
        }
        let relay = Relay::new(&folder.path().join(RELAY), BEGINNING, chance.apart());
        let (storm, journal) = (Storm::none(), Journal::new(false));
        let mut world = World::new(folder.path(), devices, relay, chance, storm, journal);
        world.is_calm = true;
        world.relay_starts()?;
        let most = numbers.iter().max().map_or(0, |number| number + 1);
        for round in 0..most {
            let now: Vec<_> = (0..numbers.len())
                .filter(|at| numbers[*at] == round)
                .collect();
            for at in &now {
                begin(&mut world, *at, round == 0)?;
            }
            until(&mut world, &now)?;
        }
        let ready_at = world.now;
        let World { devices, relay, .. } = world;
        drop(relay);
        let devices = devices.into_iter().map(|mut device| {
            device.ends(End::InOrder, &[])?;
            let name = device.name.ok_or_else(|| never_ready(None))?;
            let anchor = device.anchor;
            Ok(Known { name, anchor })
        });
        Ok(Self {
            devices: devices.collect::<Result<_, Broken>>()?,
            folder,
            ready_at,
        })
    }

    fn copy(&self, chance: &mut Chance) -> Result<Copied, Broken> {
        let folder = in_memory().map_err(unusable)?;
        let mut devices = Vec::new();
        for (number, known) in self.devices.iter().enumerate() {
            let to = place(folder.path(), number);
            copy_files(&place(self.folder.path(), number), &to).map_err(unusable)?;
            let mut device = Device::new(to, known.name.user_id.clone(), chance.apart());
            device.name = Some(known.name.clone());
            device.anchor = known.anchor;
            devices.push(device);
        }
        let to = folder.path().join(RELAY);
        copy_files(&self.folder.path().join(RELAY), &to).map_err(unusable)?;
        let relay = Relay::new(&to, self.ready_at, chance.apart());
        Ok(Copied {
            folder,
            devices,
            relay,
            ready_at: self.ready_at,
        })
    }
}

/// A device begins to belong to its account.
fn begin(world: &mut World, at: usize, is_first: bool) -> Result<(), Broken> {
    world.device_starts(at)?;
    if !is_first {
        return world.call(at, Call::StartLinking, Asked::StartLinking);
    }
    let call = Call::Register {
        user_id: world.devices[at].user.clone(),
        platform_token: None,
    };
    world.call(at, call, Asked::Register)
}

fn place(folder: &Path, number: usize) -> PathBuf {
    folder.join(format!("device-{number}"))
}

fn is_online(device: &Device) -> bool {
    device.connection == Some(ConnectionState::Online)
}

/// Everything goes on until these are online, and nobody asks for anything.
fn until(world: &mut World, now: &[usize]) -> Result<(), Broken> {
    let most = world.steps + STEPS_PER_DEVICE * now.len() as u64;
    loop {
        let missing = now.iter().find(|at| !is_online(&world.devices[**at]));
        if missing.is_none() && world.is_asked().is_none() {
            return Ok(());
        }
        if world.steps > most || !world.step()? {
            return Err(never_ready(missing.map(|at| world.devices[*at].label())));
        }
    }
}

fn never_ready(who: Option<String>) -> Broken {
    let detail = who.map_or_else(
        || "they never rest".to_owned(),
        |who| format!("{who} did not"),
    );
    Broken::new("where nothing goes wrong everybody registers", detail)
}

/// A folder in memory where the machine has one: no disk is waited for.
fn in_memory() -> io::Result<TempDir> {
    let memory = Path::new("/dev/shm");
    match memory.is_dir() {
        true => tempfile::tempdir_in(memory),
        false => tempfile::tempdir(),
    }
}
