//! The subject of a report: a run, and the run it is compared with.

use std::path::Path;

use crate::history::History;
use crate::results::groups::{self, Compared};
use crate::results::lines::{Base, Finished, Run};
use crate::results::names;
use crate::results::program;
use crate::results::summary::one_of_each;

/// A run with each benchmark once: several measurements are merged to their medians.
pub struct Report {
    pub run: Run,
    pub rows: Vec<Finished>,
    /// The shortest unambiguous names of `rows`.
    pub short: Vec<String>,
    /// The partner of each row, if there is no base.
    pub compared: Vec<Compared>,
    pub against: Option<String>,
    pub base: Option<Base>,
    /// Its benchmarks over commits, if results were kept.
    pub history: Option<History>,
    /// Whole programs that were run.
    pub programs: Vec<program::Finished>,
}

impl Report {
    pub fn new(run: Run, against: Option<String>, base: Option<Base>) -> Self {
        let mut rows = one_of_each(&run.finished);
        let base = base.map(|mut base| {
            base.run.finished = one_of_each(&base.run.finished);
            base
        });
        // The profiles are those of the last measurement.
        for row in &mut rows {
            let last = run.finished.iter().rev().find(|finished| finished.name == row.name);
            row.profiles = last.map(|last| last.profiles.clone()).unwrap_or_default();
        }
        let mut short = names::shortest_of(&rows);
        let short = rows.iter().map(|row| short.remove(&row.name).unwrap_or_default()).collect();
        let compared = groups::compared(&rows, against.as_deref());
        Report { run, rows, short, compared, against, base, history: None, programs: Vec::new() }
    }

    /// Shows what was kept of its benchmarks.
    pub fn with_history(mut self, history: History) -> Report {
        self.history = Some(history.only(|name| self.rows.iter().any(|row| row.name == name)));
        self
    }

    /// The row for `name` in the run compared with.
    pub fn base_row(&self, name: &str) -> Option<&Finished> {
        self.base.as_ref()?.run.finished.iter().find(|row| row.name == name)
    }

    /// The benchmarks that are only in the run compared with.
    pub fn gone(&self) -> Vec<&str> {
        let base = self.base.iter().flat_map(|base| &base.run.finished);
        base.map(|row| row.name.as_str()).filter(|name| self.rows.iter().all(|row| row.name != *name)).collect()
    }

    pub fn title(&self) -> String {
        let programs = self.programs.iter().map(|program| program.name.as_str());
        let packages: std::collections::BTreeSet<&str> =
            self.rows.iter().map(|row| row.package.as_str()).chain(programs).collect();
        let names: Vec<&str> = packages.into_iter().take(3).collect();
        format!("{} · cargo memprof", if names.is_empty() { "no benchmarks".into() } else { names.join(", ") })
    }
}

/// The path of a row's profile.
pub fn profile_path<'a>(row: &'a Finished, kind: &str) -> Option<&'a Path> {
    let path = if kind == "cpu" { &row.profiles.cpu } else { &row.profiles.mem };
    path.as_deref().map(Path::new)
}
