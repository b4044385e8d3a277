//! The selected benchmarks, by executable, and the bench targets that could not be listed.

use crate::console;
use crate::inject::known_harnesses;
use crate::measure::{Build, Reason, Suite};
use crate::project::{BenchTarget, Workspace};
use crate::results::lines::{Failed, FailureKind};
use crate::session::selection::Selection;
use crate::{Error, Result};

/// The benchmarks found by listing.
pub struct Listing<'b> {
    pub suites: Vec<Suite<'b>>,
    /// Targets that failed before they named any benchmark, or while they did.
    pub failed: Vec<Failed>,
    build: &'b Build,
    /// Whether any benchmark is selected, in any part (`--partition`).
    matched: bool,
}

impl<'b> Listing<'b> {
    pub(super) fn new(build: &'b Build) -> Listing<'b> {
        let refused = |(target, error): &(BenchTarget, String)| {
            Reason::new(FailureKind::Refused, error.clone()).of_target(target)
        };
        let failed = build.refused.iter().map(refused).collect();
        Listing { suites: Vec::new(), failed, build, matched: false }
    }

    pub fn benchmarks(&self) -> usize {
        self.suites.iter().map(|suite| suite.benchmarks.len()).sum()
    }

    /// Adds the selected benchmarks of a suite.
    pub(super) fn take(&mut self, mut suite: Suite<'b>, selection: &Selection, targets: &[BenchTarget]) {
        let (package, target) = (&suite.executable.target.package, &suite.executable.target.name);
        let matches = |id: &str| selection.matches(targets, package, target, id);
        self.matched = self.matched || suite.benchmarks.iter().any(|one| matches(&one.listed.id));
        suite.benchmarks.retain(|one| selection.wants(targets, package, target, &one.listed.id));
        suite.pair_up(selection.against());
        if suite.whole_process && !suite.benchmarks.is_empty() {
            console::note(&format!(
                "{package}/{target}: no supported harness found ({}); measuring the whole process",
                known_harnesses()
            ));
        }
        self.suites.push(suite);
    }

    /// Decides about the targets whose listing was cut short, and whether there is anything to do.
    pub(super) fn close(mut self, selection: &Selection, workspace: &Workspace) -> Result<Listing<'b>> {
        let any = self.benchmarks() > 0;
        for suite in &self.suites {
            let Some(reason) = &suite.cut_short else { continue };
            let failure = reason.clone().when("when its benchmarks were listed").of_target(suite.target());
            // If other targets match and this one does not, it was not asked for.
            if any && suite.benchmarks.is_empty() && !selection.may_mean(suite.target()) {
                console::warn(&format!("{}: {}", failure.name, failure.error));
            } else {
                self.failed.push(failure);
            }
        }
        match (any || !self.failed.is_empty(), self.matched) {
            (true, _) => (),
            (false, true) => console::note("no benchmark falls into this part"),
            (false, false) => return Err(self.nothing_matched(selection, workspace)),
        }
        Ok(self)
    }

    fn nothing_matched(&self, selection: &Selection, workspace: &Workspace) -> Error {
        let targets: Vec<&str> = self.build.executables.iter().map(|one| one.target.name.as_str()).collect();
        let targets = targets.join(", ");
        let asked: Vec<&str> = selection.texts().collect();
        let message = match asked.as_slice() {
            [] => format!("there is no benchmark in {targets}"),
            asked => format!(
                "no TARGET/ID in {targets} matches `{}`; `cargo memprof list` names them all",
                asked.join("` and `")
            ),
        };
        let left_out = match workspace.left_out.as_slice() {
            [] => String::new(),
            left_out => format!("; not built, for want of a feature (-F FEATURE): {}", left_out.join(", ")),
        };
        Error::nothing_measured(message + &left_out)
    }
}
