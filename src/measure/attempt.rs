//! One process on its way through the benchmarks of a pass: sorts its records, and draws the conclusions from its end.

use std::collections::HashMap;

use super::observer::Observer;
use super::phase::Phase;
use super::plan::Selected;
use super::reason::Reason;
use crate::records::{Module, Record};
use crate::results::lines::FailureKind;

/// The results of a pass.
#[derive(Debug, Default)]
pub struct PassResult {
    /// Per benchmark that came through: its records, and the process it ran in.
    pub records: HashMap<usize, Vec<Record>>,
    pub process_of: HashMap<usize, usize>,
    /// Objects by process.
    pub modules: Vec<Vec<Module>>,
    /// Benchmarks that did not come through.
    pub failures: HashMap<usize, Reason>,
    /// The failure behind the last benchmark.
    pub afterwards: Option<Reason>,
}

/// The records of one process so far.
pub struct Attempt<'a> {
    phase: Phase,
    selected: Vec<Selected<'a>>,
    modules: Vec<Module>,
    /// Records of the benchmark that runs.
    pending: Vec<Record>,
    running: Option<usize>,
    untimed: Option<usize>,
    /// Records of those that came through, reasons of those that did not.
    done: HashMap<usize, Result<Vec<Record>, Reason>>,
    pid: Option<u32>,
    /// Why none of this process's records can be used.
    useless: Option<Reason>,
}

impl<'a> Attempt<'a> {
    pub fn new(phase: Phase, selected: &[Selected<'a>]) -> Attempt<'a> {
        Attempt {
            phase,
            selected: selected.to_vec(),
            modules: Vec::new(),
            pending: Vec::new(),
            running: None,
            untimed: None,
            done: HashMap::new(),
            pid: None,
            useless: None,
        }
    }

    /// Whether no benchmark has begun.
    pub fn is_empty(&self) -> bool {
        self.running.is_none() && self.done.is_empty()
    }

    /// Handles the next record.
    pub fn record(&mut self, record: Record, observer: &mut dyn Observer) {
        match record {
            Record::Object(module) => self.modules.push(module),
            Record::NotLinked => {
                let error = "nothing can be counted: the counting allocator is not linked into this bench";
                self.useless.get_or_insert(Reason::new(FailureKind::NotLinked, error));
            }
            Record::Start { pid } if *self.pid.get_or_insert(pid) != pid => self.useless = Some(several_processes()),
            Record::Start { .. } | Record::Benchmark { .. } => (),
            Record::Begin { index } => {
                let name = self.selected.iter().find(|one| one.index == index).map_or("", |one| one.name);
                observer.begins(self.phase, name);
                self.running = Some(index);
                self.pending.clear();
            }
            Record::Untimed { index } => self.untimed = Some(index),
            Record::Done { index } => {
                self.running = None;
                let records = std::mem::take(&mut self.pending);
                let outcome = if self.untimed == Some(index) { Err(untimed()) } else { Ok(records) };
                self.done.insert(index, outcome);
            }
            record => self.pending.push(record),
        }
    }

    /// Adds the process's results to `result`; `failure` if it did not end well. Returns the benchmarks that another
    /// process has to go through.
    pub fn settle(mut self, failure: Option<Reason>, result: &mut PassResult) -> Vec<Selected<'a>> {
        let process = result.modules.len();
        result.modules.push(self.modules);
        if let Some(reason) = self.useless {
            result.failures.extend(self.selected.iter().map(|one| (one.index, reason.clone())));
            return Vec::new();
        }
        let before = self.selected.len();
        self.selected.retain(|one| !self.done.contains_key(&one.index));
        for (index, outcome) in self.done {
            match outcome {
                Ok(records) => {
                    result.process_of.insert(index, process);
                    result.records.insert(index, records);
                }
                Err(reason) => drop(result.failures.insert(index, reason)),
            }
        }
        let mut fail = |index: usize, reason: Reason| drop(result.failures.insert(index, reason));
        match (self.running, failure) {
            (Some(index), failure) => {
                fail(index, failure.unwrap_or_else(|| Reason::crashed("ended the process with exit status 0")));
                self.selected.retain(|one| one.index != index);
            }
            (None, None) => {
                let doing = self.phase.doing();
                let error = format!("vanished: it was listed, but did not run when {doing} it");
                let gone = Reason::new(FailureKind::Vanished, error);
                self.selected.drain(..).for_each(|one| fail(one.index, gone.clone()));
            }
            (None, Some(reason)) if self.selected.is_empty() => result.afterwards = Some(reason),
            (None, Some(reason)) if before == self.selected.len() => {
                let reason = reason.when("before it began");
                self.selected.drain(..).for_each(|one| fail(one.index, reason.clone()));
            }
            // Some came through; the ones after the failure get another process.
            (None, Some(_)) => (),
        }
        self.selected
    }
}

/// A second process wrote records.
pub fn several_processes() -> Reason {
    let error = "was started more than once, as by a runner, and the records cannot be told apart";
    Reason::new(FailureKind::SeveralProcesses, error)
}

/// The harness's clock never ran: there is no value in ns/op, and none in B/op.
fn untimed() -> Reason {
    Reason::new(FailureKind::Untimed, "times nothing: its function never calls the harness's timing loop")
}
