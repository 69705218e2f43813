//! One run from its seed, and the shortest prefix of one that fails.

use crate::Broken;
use crate::chance::Chance;
use crate::faults::Faults;
use crate::journal::Journal;
use crate::template::{Copied, Template};
use crate::world::{Happening, World};
use sealwire_engine::planted::{Planted, plant};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Decides on everything.
    pub seed: u64,
    /// After so many steps it becomes calm.
    pub steps: u64,
    /// Whether anything goes wrong at all.
    pub faults: bool,
    /// Whether the journal's words are kept.
    pub tells: bool,
    /// A bug that every engine has.
    pub planted: Option<Planted>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Over everything that happened, in order.
    pub hash: u64,
    /// Steps, with those of the calm after it.
    pub steps: u64,
    /// Messages that people typed.
    pub messages: u64,
    /// Devices that belong to an account at the end.
    pub devices: u64,
    /// Processes that began, the relay's too.
    pub processes: u64,
    /// Milliseconds of the world's time that passed.
    pub lasted_ms: u64,
    /// What came of it.
    pub ended: Ended,
}

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// Everything was true.
    Well,
    /// Something was not.
    Broken {
        /// What.
        broken: Broken,
        /// The step in which it showed.
        step: u64,
        /// The story of the message that it is about, where the journal was kept.
        story: String,
    },
}

/// A seed that fails, told in full.
pub struct Failure {
    /// The shortest plan that was found to fail.
    pub plan: Plan,
    /// How it fails.
    pub run: Run,
}

impl Plan {
    /// A run with faults, of so many steps.
    pub fn new(seed: u64, steps: u64) -> Self {
        Self {
            seed,
            steps,
            faults: true,
            tells: false,
            planted: None,
        }
    }
}

/// Runs it.
pub fn run(template: &Template, plan: Plan) -> Run {
    let mut chance = Chance::new(plan.seed);
    let copied = match template.copy(&mut chance) {
        Ok(copied) => copied,
        Err(broken) => return never_began(broken),
    };
    let Copied {
        folder,
        devices,
        relay,
        ready_at,
    } = copied;
    let faults = match plan.faults {
        true => Faults::drawn(&mut chance),
        false => Faults::none(),
    };
    let mut world = World::new(devices, relay, chance, faults, Journal::new(plan.tells));
    world.now = ready_at;
    // A panic is a bug as well, and its seed as good.
    plant(plan.planted);
    let ended = catch_unwind(AssertUnwindSafe(|| all_of_it(&mut world, plan.steps)));
    plant(None);
    let ended = match ended {
        Ok(Ok(())) => Ended::Well,
        Ok(Err(broken)) => told(&world, broken),
        Err(panic) => {
            let words = panic.downcast_ref::<String>().map(String::as_str);
            let words = words.or_else(|| panic.downcast_ref::<&str>().copied());
            let broken = Broken::new("nothing panics", words.unwrap_or("it did"));
            told(&world, broken)
        }
    };
    let run = Run {
        hash: world.journal.hash(),
        steps: world.steps,
        messages: world.truth.typed.len() as u64,
        devices: world.with_accounts().count() as u64,
        processes: world.relay_life + world.devices.iter().map(|device| device.life).sum::<u64>(),
        lasted_ms: world.now - ready_at,
        ended,
    };
    // Stores are closed before their folder goes.
    drop(world);
    drop(folder);
    run
}

/// The shortest prefix of a failing run that fails too, and its story. A prefix may fail in another way: then that is told.
pub fn shortest(template: &Template, plan: Plan) -> Failure {
    let fails = |steps: u64| {
        let ended = run(template, Plan { steps, ..plan }).ended;
        ended != Ended::Well
    };
    // Not every longer prefix of one that fails has to fail: what is found is short, if not the shortest.
    let (mut well, mut broken) = (0, plan.steps);
    while broken - well > (broken / 100).max(1) {
        let middle = well + (broken - well) / 2;
        match fails(middle) {
            true => broken = middle,
            false => well = middle,
        }
    }
    let plan = Plan {
        steps: broken,
        tells: true,
        ..plan
    };
    Failure {
        plan,
        run: run(template, plan),
    }
}

fn all_of_it(world: &mut World, steps: u64) -> Result<(), Broken> {
    let place = world.place();
    let faults = format!("{:?}", world.faults);
    world.journal.turn(place, format_args!("{faults}"));
    world.relay_starts()?;
    for at in world.with_accounts() {
        world.device_starts(at)?;
    }
    world.plan(1_000, Happening::Act);
    while world.steps < steps {
        if !world.step()? {
            break;
        }
    }
    let place = world.place();
    world
        .journal
        .turn(place, format_args!("from here on it is calm"));
    world.calm_down()?;
    let place = world.place();
    world.journal.turn(place, format_args!("it is at rest"));
    world.stays_at_rest()?;
    world.all_is_true()
}

fn told(world: &World, broken: Broken) -> Ended {
    Ended::Broken {
        story: world.journal.story(broken.message),
        broken,
        step: world.steps,
    }
}

fn never_began(broken: Broken) -> Run {
    Run {
        hash: 0,
        steps: 0,
        messages: 0,
        devices: 0,
        processes: 0,
        lasted_ms: 0,
        ended: Ended::Broken {
            broken,
            step: 0,
            story: String::new(),
        },
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Plan { seed, steps, .. } = self.plan;
        match &self.run.ended {
            Ended::Well => writeln!(out, "seed {seed}, {steps} steps: does not fail again"),
            Ended::Broken {
                broken,
                step,
                story,
            } => {
                writeln!(
                    out,
                    "seed {seed}, shortest prefix {steps} steps, shows in step {step}"
                )?;
                writeln!(out, "{broken}")?;
                match broken.message {
                    Some(number) => writeln!(out, "the story of message {number}:")?,
                    None => writeln!(out, "the last that happened:")?,
                }
                out.write_str(story)
            }
        }
    }
}
