//! One run from its seed.

use crate::Broken;
use crate::chance::Chance;
use crate::faults::Storm;
use crate::journal::Journal;
use crate::left_out::LeftOut;
use crate::template::{Copied, Template};
use crate::world::{Happening, World};
use sealwire_engine::planted::{Planted, plant};
use sealwire_relay::planted::let_an_old_socket_remove_a_new_one;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What to run.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// What does not happen.
    pub left_out: LeftOut,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Over everything that happened, in order.
    pub hash: u64,
    /// Steps, with those of the calm after it.
    pub steps: u64,
    /// Actions of people.
    pub actions: u64,
    /// How many times something went wrong.
    pub strikes: u64,
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

impl Ended {
    /// What did not hold, if something did not.
    pub fn invariant(&self) -> Option<&'static str> {
        match self {
            Self::Well => None,
            Self::Broken { broken, .. } => Some(broken.invariant),
        }
    }
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
            left_out: LeftOut::default(),
        }
    }
}

/// Runs it.
pub fn run(template: &Template, plan: &Plan) -> Run {
    let mut chance = Chance::new(plan.seed);
    let copied = match template.copy(plan.seed, &mut chance) {
        Ok(copied) => copied,
        Err(broken) => return never_began(broken),
    };
    let Copied {
        folder,
        devices,
        relay,
        ready_at,
    } = copied;
    let storm = match plan.faults {
        true => Storm::drawn(&mut chance, plan.left_out.clone()),
        false => Storm::none(),
    };
    let mut world = World::new(
        folder.path(),
        devices,
        relay,
        chance,
        storm,
        Journal::new(plan.tells),
    );
    world.actions_left_out = plan.left_out.actions.clone();
    world.planted = plan.planted;
    world.now = ready_at;
    plant(plan.planted);
    let_an_old_socket_remove_a_new_one(plan.planted == Some(Planted::OldSocketRemovesNewOne));
    // A panic is a bug as well, and its seed as good.
    let ended = catch_unwind(AssertUnwindSafe(|| all_of_it(&mut world, plan.steps)));
    plant(None);
    let_an_old_socket_remove_a_new_one(false);
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
        actions: world.actions,
        strikes: world.storm.count(),
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

fn all_of_it(world: &mut World, steps: u64) -> Result<(), Broken> {
    let place = world.place();
    let words = world.storm.words();
    world
        .journal
        .turn(place, format_args!("what may go wrong: {words}"));
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
    world.a_word_arrives_at_once()?;
    world.stays_at_rest()?;
    world.all_is_true_at_rest()?;
    world.what_disappears_is_gone()?;
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
        actions: 0,
        strikes: 0,
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
        let Plan {
            seed,
            steps,
            left_out,
            ..
        } = &self.plan;
        match &self.run.ended {
            Ended::Well => writeln!(out, "seed {seed}, {steps} steps: does not fail again"),
            Ended::Broken {
                broken,
                step,
                story,
            } => {
                writeln!(
                    out,
                    "seed {seed}, {steps} steps before the calm, shows in step {step}"
                )?;
                let (kinds, strikes) = (&left_out.faults, left_out.strikes.len());
                let actions = left_out.actions.len();
                writeln!(
                    out,
                    "fails also without {actions} of its actions, without {strikes} single faults, and without any of {kinds:?}"
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
