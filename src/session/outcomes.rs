//! The outcomes of a measurement, one by one.

use std::collections::{HashSet, VecDeque};

use super::Session;
use super::listing::Listing;
use crate::Result;
use crate::measure::{self, Outcome, PassOptions, Suite};

/// Measures suite by suite, as often as `--count` says, part by part.
pub struct Outcomes<'s, 'a> {
    session: &'s mut Session<'a>,
    options: PassOptions,
    /// Suites to come, with how often they are still to be measured.
    suites: VecDeque<(&'s Suite<'s>, u32)>,
    /// Parts to come of the suite in front.
    parts: VecDeque<Suite<'s>>,
    /// Full names of the benchmarks that failed in it.
    failed: HashSet<String>,
    /// Its processes do not end well, which was reported: every part and every repetition ends the same way.
    is_told: bool,
    ready: VecDeque<Outcome>,
    /// Measure only these, by full name.
    only: Option<HashSet<String>>,
}

impl<'s, 'a> Outcomes<'s, 'a> {
    pub(super) fn new(session: &'s mut Session<'a>, listing: &'s Listing<'s>, options: PassOptions) -> Self {
        let count = session.args.measure.count;
        let suites = listing.suites.iter().map(|suite| (suite, count)).collect();
        let mut outcomes = Outcomes {
            session,
            options,
            suites,
            parts: VecDeque::new(),
            failed: HashSet::new(),
            is_told: false,
            ready: VecDeque::new(),
            only: None,
        };
        outcomes.begin_suite();
        outcomes
    }

    /// Once more, the benchmarks of these full names.
    pub(super) fn only(mut self, names: HashSet<String>) -> Self {
        self.suites.retain(|(suite, _)| suite.benchmarks.iter().any(|one| names.contains(&one.name)));
        self.suites.iter_mut().for_each(|(_, left)| *left = 1);
        self.only = Some(names);
        self.begin_suite();
        self
    }

    fn begin_suite(&mut self) {
        self.failed.clear();
        self.is_told = self.suites.front().is_some_and(|(suite, _)| suite.cut_short.is_some());
    }

    /// Moves on to the next measurement; false where there is none.
    fn next_round(&mut self) -> bool {
        while let Some((suite, left)) = self.suites.front_mut() {
            if *left > 0 {
                *left -= 1;
                let mut without = self.failed.clone();
                if let Some(only) = &self.only {
                    let others = suite.benchmarks.iter().map(|one| &one.name).filter(|name| !only.contains(*name));
                    without.extend(others.cloned());
                }
                self.parts = suite.parts(&without, self.options.bench_time).into();
                return true;
            }
            self.suites.pop_front();
            self.begin_suite();
        }
        false
    }

    fn measure(&mut self, part: &Suite) -> Result<()> {
        let (outcomes, afterwards) = measure::measure(part, &mut self.session.measuring(&self.options))?;
        for outcome in outcomes {
            if let Outcome::Failed(failure) = &outcome {
                self.failed.insert(failure.name.clone());
            }
            self.ready.push_back(outcome);
        }
        if let Some(reason) = afterwards.filter(|_| !self.is_told) {
            self.is_told = true;
            let failed = reason.when("after its last benchmark").of_target(part.target());
            self.ready.push_back(Outcome::Failed(failed));
        }
        self.session.interrupt.check()
    }
}

impl Iterator for Outcomes<'_, '_> {
    type Item = Result<Outcome>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(outcome) = self.ready.pop_front() {
                return Some(Ok(outcome));
            }
            match self.parts.pop_front() {
                Some(part) => {
                    if let Err(error) = self.measure(&part) {
                        (self.suites, self.parts) = (VecDeque::new(), VecDeque::new());
                        return Some(Err(error));
                    }
                }
                None if self.next_round() => (),
                None => return None,
            }
        }
    }
}
