//! The tests of an executable, several at a time: each is a process of its own, so none is in the numbers of another.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

use super::attempt::{Attempt, Settings, attempt};
use super::build::Executable;
use super::list::Test;
use super::located::located;
use super::{profile, verdict};
use crate::pprof::profile::Profile;
use crate::records::Counted;
use crate::results::lines::Profiles;
use crate::results::summary::representative;
use crate::results::tests::{Outcome, TestFinished, TestMemory};
use crate::{Error, Result};

/// Processes of each test, if nothing is said; one more where they differ.
const PASSES: u32 = 2;

/// The options of a run.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub workers: NonZeroUsize,
    /// Exactly so many processes of each test.
    pub passes: Option<u32>,
    /// What tests print goes to stderr.
    pub nocapture: bool,
    /// The output of tests that pass is wanted, too.
    pub show_output: bool,
}

/// A test that was run.
#[derive(Debug)]
pub struct Ran {
    pub finished: TestFinished,
    /// Its output, if it failed or was asked for.
    pub printed: String,
    /// The harness has printed why it failed.
    pub says_why: bool,
    pub mem: Option<Profile>,
    pub warning: Option<String>,
}

/// Runs `tests` and gives each result to `each` as it comes.
///
/// # Errors
/// The first of `each`, an interrupt, or a test whose process cannot be started: the rest is not run.
pub fn run(
    tests: &[&Test],
    executable: &Executable,
    options: &Options,
    settings: &Settings,
    each: &mut dyn FnMut(Ran) -> Result<()>,
) -> Result<()> {
    let (next, stop) = (&AtomicUsize::new(0), &AtomicBool::new(false));
    let (sender, results) = mpsc::channel();
    std::thread::scope(|scope| {
        for number in 0..options.workers.get().min(tests.len()) {
            let sender = sender.clone();
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed)
                    && let Some(test) = tests.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    let worker = Worker { test, executable, number, options, settings };
                    if sender.send(worker.run()).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        let mut failed = None;
        for ran in results {
            if let Err(error) = ran.and_then(&mut *each) {
                stop.store(true, Ordering::Relaxed);
                failed = failed.or(Some(error));
            }
        }
        failed.map_or(Ok(()), Err)
    })
}

/// One test.
struct Worker<'a> {
    test: &'a Test,
    executable: &'a Executable,
    number: usize,
    options: &'a Options,
    settings: &'a Settings<'a>,
}

impl Worker<'_> {
    fn attempt(&self, captured: bool) -> Result<Attempt> {
        let attempt = attempt(self.test, self.executable, self.number, captured, self.settings)?;
        if attempt.not_linked {
            let target = self.executable.target.full_name();
            let message = format!("{target}: nothing can be counted: the counting allocator is not linked into it");
            return Err(Error::nothing_measured(message));
        }
        Ok(attempt)
    }

    fn run(&self) -> Result<Ran> {
        let first = self.attempt(!self.options.nocapture)?;
        let wall_ns = Some(first.wall.as_nanos() as u64);
        let failure = verdict::failure(&first, self.settings.timeout);
        let printed = match failure.is_some() || self.options.show_output {
            true => located(&first.printed()),
            false => String::new(),
        };
        if let Some(error) = failure {
            let output = Some(printed.clone()).filter(|printed| !printed.is_empty());
            let finished = TestFinished { error: Some(error), output, wall_ns, ..unrun(self.test, Outcome::Failed) };
            return Ok(Ran { finished, printed, says_why: verdict::is_said(&first), mem: None, warning: None });
        }
        let (attempts, warning) = self.repeated(first)?;
        let passes: Vec<Counted> = attempts.iter().filter_map(|attempt| attempt.counted.clone()).collect();
        let memory = TestMemory::of(&passes);
        let middle = self.settings.table.and_then(|_| {
            let middle = &representative(&passes)?.counts;
            attempts.iter().find(|one| one.counted.as_ref().is_some_and(|counted| counted.counts == *middle))
        });
        let finished = TestFinished { wall_ns, memory, ..unrun(self.test, Outcome::Ok) };
        Ok(Ran { finished, printed, says_why: true, mem: middle.map(profile::of), warning })
    }

    /// The first process and as many more as it takes to tell whether the counts vary; a warning where that cannot be told.
    fn repeated(&self, first: Attempt) -> Result<(Vec<Attempt>, Option<String>)> {
        let mut attempts = vec![first];
        let differ = |attempts: &[Attempt]| {
            let mut counts = attempts.iter().filter_map(|one| one.counted.as_ref()).map(|counted| &counted.counts);
            let first = counts.next().map(|counts| (counts.allocs, counts.bytes));
            counts.any(|counts| Some((counts.allocs, counts.bytes)) != first)
        };
        loop {
            let wanted = match self.options.passes {
                Some(passes) => passes,
                None if differ(&attempts) => PASSES + 1,
                None => PASSES,
            };
            if attempts.len() as u32 >= wanted {
                return Ok((attempts, None));
            }
            let again = self.attempt(true)?;
            if let Some(error) = verdict::failure(&again, self.settings.timeout) {
                let name = &self.test.name;
                return Ok((attempts, Some(format!("{name} passed, and failed when it was counted again: {error}"))));
            }
            attempts.push(again);
        }
    }
}

/// A result without numbers.
pub fn unrun(test: &Test, outcome: Outcome) -> TestFinished {
    TestFinished {
        name: test.name.clone(),
        package: test.package.clone(),
        target: test.target.clone(),
        id: test.id.clone(),
        outcome,
        error: None,
        output: None,
        wall_ns: None,
        memory: None,
        profiles: Profiles::default(),
    }
}
