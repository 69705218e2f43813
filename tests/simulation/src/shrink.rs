//! A failing run made short: the shortest prefix, then without the faults and actions that it fails without as well.

use crate::faults::Fault;
use crate::left_out::LeftOut;
use crate::run::{Failure, Plan, run};
use crate::template::Template;
use std::collections::BTreeSet;

/// So many runs are tried at most.
const TRIES_MAX: u32 = 300;

/// The shortest plan that is found to break what a failing one breaks, and its story.
pub fn shortest(template: &Template, plan: &Plan) -> Failure {
    let first = run(template, plan);
    let mut search = Search {
        template,
        invariant: first.ended.invariant(),
        plan: plan.clone(),
        tries: 0,
    };
    if search.invariant.is_some() {
        search.cut_the_end();
        search.drop_kinds_of_faults();
        let left = run(template, &search.plan);
        search.thin_out(left.actions, |left_out| &mut left_out.actions);
        search.thin_out(left.strikes, |left_out| &mut left_out.strikes);
        search.cut_the_end();
    }
    let plan = Plan {
        tells: true,
        ..search.plan
    };
    Failure {
        run: run(template, &plan),
        plan,
    }
}

struct Search<'a> {
    template: &'a Template,
    /// What is to fail: a run that breaks something else is another story.
    invariant: Option<&'static str>,
    /// The shortest that fails.
    plan: Plan,
    tries: u32,
}

impl Search<'_> {
    /// Takes this plan where it fails in the same way.
    fn take_if_it_fails(&mut self, plan: Plan) -> bool {
        self.tries += 1;
        let fails = self.tries <= TRIES_MAX
            && run(self.template, &plan).ended.invariant() == self.invariant;
        if fails {
            self.plan = plan;
        }
        fails
    }

    /// Not every longer prefix of one that fails has to fail: what is found is short, if not the shortest.
    fn cut_the_end(&mut self) {
        let mut well = 0;
        while self.plan.steps - well > (self.plan.steps / 100).max(1) && self.tries < TRIES_MAX {
            let steps = well + (self.plan.steps - well) / 2;
            let plan = Plan {
                steps,
                ..self.plan.clone()
            };
            if !self.take_if_it_fails(plan) {
                well = steps;
            }
        }
    }

    fn drop_kinds_of_faults(&mut self) {
        for fault in Fault::ALL {
            let mut plan = self.plan.clone();
            plan.left_out.faults.insert(*fault);
            self.take_if_it_fails(plan);
        }
    }

    /// Leaves out ever smaller pieces of what is numbered up to `last`.
    fn thin_out(&mut self, last: u64, numbers: fn(&mut LeftOut) -> &mut BTreeSet<u64>) {
        let mut piece = last.max(1);
        while piece >= 1 && self.tries < TRIES_MAX {
            let mut from = 1;
            while from <= last && self.tries < TRIES_MAX {
                let to = (from + piece - 1).min(last);
                let mut plan = self.plan.clone();
                let left_out = numbers(&mut plan.left_out);
                let before = left_out.len();
                left_out.extend(from..=to);
                if left_out.len() > before {
                    self.take_if_it_fails(plan);
                }
                from = to + 1;
            }
            piece /= 2;
        }
    }
}
