//! Three people with two devices each, registered and linked once in a process; every run begins with a copy.

use crate::Broken;
use crate::chance::Chance;
use crate::device::{Asked, Device};
use crate::faults::Faults;
use crate::journal::Journal;
use crate::relay::Relay;
use crate::world::{BEGINNING, World};
use sealwire_engine::{Call, ConnectionState};
use sealwire_wire::UserId;
use sealwire_wire::contract::DeviceName;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const PEOPLE: [&str; 3] = ["alice", "bob", "carol"];
const DEVICES_EACH: usize = 2;
const RELAY: &str = "relay";
/// The template's own number: the same people in every run.
const SEED: u64 = 7;
/// More than enough to register and link six devices.
const STEPS_MAX: u64 = 50_000;

/// Folders of a relay and of devices that belong to their accounts.
pub struct Template {
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
    /// Registers and links everybody, with nothing going wrong.
    pub fn make() -> Result<Self, Broken> {
        let folder = in_memory().map_err(unusable)?;
        let mut chance = Chance::new(SEED);
        let mut devices = Vec::new();
        for (number, user) in all() {
            let path = place(folder.path(), number);
            fs::create_dir_all(&path).map_err(unusable)?;
            devices.push(Device::new(path, user, chance.apart()));
        }
        let relay = Relay::new(&folder.path().join(RELAY), BEGINNING, chance.apart());
        let mut world = World::new(devices, relay, chance, Faults::none(), Journal::new(false));
        world.is_calm = true;
        world.relay_starts()?;
        for at in (0..world.devices.len()).step_by(DEVICES_EACH) {
            world.device_starts(at)?;
            let call = Call::Register {
                user_id: world.devices[at].user.clone(),
                platform_token: None,
            };
            world.call(at, call, Asked::Register)?;
        }
        until(&mut world, |world| {
            let mut first = world.devices.iter().step_by(DEVICES_EACH);
            first.all(is_online)
        })?;
        for at in 0..world.devices.len() {
            if at % DEVICES_EACH != 0 {
                world.device_starts(at)?;
                world.call(at, Call::StartLinking, Asked::StartLinking)?;
            }
        }
        until(&mut world, |world| {
            world.devices.iter().all(is_online) && world.is_asked().is_none()
        })?;
        let ready_at = world.now;
        let World { devices, relay, .. } = world;
        drop(relay);
        let devices = devices.into_iter().map(|mut device| {
            device.ends();
            let name = device.name.ok_or(never_ready())?;
            let anchor = device.anchor;
            Ok(Known { name, anchor })
        });
        Ok(Self {
            devices: devices.collect::<Result<_, Broken>>()?,
            folder,
            ready_at,
        })
    }

    /// A copy of all of it.
    pub(crate) fn copy(&self, chance: &mut Chance) -> Result<Copied, Broken> {
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
        // One more each, which may come to belong to the account.
        for (more, name) in PEOPLE.into_iter().enumerate() {
            let to = place(folder.path(), self.devices.len() + more);
            fs::create_dir_all(&to).map_err(unusable)?;
            if let Ok(user) = name.parse() {
                devices.push(Device::new(to, user, chance.apart()));
            }
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

fn all() -> impl Iterator<Item = (usize, UserId)> {
    let people = PEOPLE.into_iter().filter_map(|name| name.parse().ok());
    people
        .flat_map(|user: UserId| std::iter::repeat_n(user, DEVICES_EACH))
        .enumerate()
}

fn place(folder: &Path, number: usize) -> PathBuf {
    folder.join(format!("device-{number}"))
}

fn is_online(device: &Device) -> bool {
    device.connection == Some(ConnectionState::Online)
}

fn until(world: &mut World, is_so: impl Fn(&World) -> bool) -> Result<(), Broken> {
    while !is_so(world) {
        if world.steps > STEPS_MAX || !world.step()? {
            return Err(never_ready());
        }
    }
    Ok(())
}

fn never_ready() -> Broken {
    Broken::new(
        "where nothing goes wrong everybody registers",
        "they did not",
    )
}

fn unusable(error: io::Error) -> Broken {
    Broken::new("the machine has room for a simulation", error)
}

/// A folder in memory where the machine has one: no disk is waited for.
fn in_memory() -> io::Result<TempDir> {
    let memory = Path::new("/dev/shm");
    match memory.is_dir() {
        true => tempfile::tempdir_in(memory),
        false => tempfile::tempdir(),
    }
}

fn copy_files(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}
