//! The standards for a run: the baseline, from its text or from another run, and the budgets.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::CheckArgs;
use super::last_run::sites_of;
use crate::check::{self, Baseline, Circumstances, Measured};
use crate::console;
use crate::project::settings::{self, Config, Program};
use crate::results::check::Check;
use crate::results::lines::{Run, RunStarted};
use crate::results::metric::Metric;
use crate::results::names;
use crate::session::Session;
use crate::session::baseline::{self, Base};
use crate::{Error, Result, fs};

/// The limits that benchmarks are compared with.
pub struct Gate {
    /// memprof-baseline.toml.
    pub path: PathBuf,
    /// Its entries, or those of the run that `--baseline` names; `None` if there are none.
    pub baseline: Option<Baseline>,
    /// In words.
    label: String,
    pub base: Option<Base>,
    config: Config,
    /// The command line names programs, and only those are checked.
    only: Vec<Program>,
}

impl Gate {
    pub fn load(args: &CheckArgs, words: &[OsString], session: &mut Session) -> Result<Gate> {
        let path = session.workspace.root.join(check::FILE_NAME);
        let config = load_config(&session.workspace.root, &session.workspace.metadata)?;
        let base = baseline::load(args.run.output.baseline.as_ref(), words, session)?;
        let (baseline, label) = match &base {
            Some(_) if args.accept => {
                return Err(Error::usage("--accept writes memprof-baseline.toml; it goes without --baseline"));
            }
            Some(base) => (Some(of_run(base)), base.label.clone()),
            None => (read_baseline(&path)?, check::FILE_NAME.to_owned()),
        };
        let mut only = args.programs();
        // Without arguments of its own it runs as it is declared.
        if args.run.bench_args.is_empty() {
            for named in &mut only {
                let is_same = |program: &&Program| program.meant().is_ok_and(|meant| named.meant() == Ok(meant));
                if let Some(declared) = config.program.iter().find(is_same) {
                    *named = declared.clone();
                }
            }
        }
        Ok(Gate { path, baseline, label, base, config, only })
    }

    /// The programs that are run.
    pub fn programs(&self) -> &[Program] {
        if self.only.is_empty() { &self.config.program } else { &self.only }
    }

    /// Whether nothing but programs is checked.
    pub fn is_of_programs(&self) -> bool {
        !self.only.is_empty()
    }

    pub fn warn_of_differences(&self, session: &Session, now: &RunStarted) {
        let Some(baseline) = &self.baseline else { return };
        let packages: BTreeSet<&str> = baseline.entries.keys().filter_map(|name| name.split('/').next()).collect();
        if let Some(text) = baseline::elsewhere(&packages, session) {
            console::warn(&format!("{} is {text}", self.label));
        }
        let Circumstances { rustc, target, profile } = baseline.measured.clone();
        let cpu = self.base.as_ref().map(|base| base.run.started.cpu.clone()).unwrap_or_default();
        let was = RunStarted { rustc, target, profile, cpu, ..now.clone() };
        baseline::warn_of_differences(&self.label, &was, now);
    }

    fn entry(&self, name: &str) -> Option<&check::Entry> {
        self.baseline.as_ref()?.entries.get(name)
    }

    pub fn counted_iterations(&self) -> HashMap<String, u64> {
        let entries = self.baseline.iter().flat_map(|baseline| &baseline.entries);
        entries.map(|(name, entry)| (name.clone(), entry.iterations)).collect()
    }

    pub fn judge_one(&self, measured: &Measured) -> Vec<Check> {
        check::judge(measured, self.entry(&measured.name), &self.config.limits(&measured.name))
    }

    /// Whether a count of this benchmark is not exact, now or in the baseline.
    pub fn varies(&self, measured: &Measured) -> bool {
        let is_exact = [Metric::AllocsPerOp, Metric::BytesPerOp].iter().all(|metric| measured.is_exact(*metric));
        !is_exact || self.entry(&measured.name).is_some_and(|entry| !entry.is_exact())
    }

    /// All verdicts, by name; those that are about a benchmark itself first.
    pub fn judge(
        &self,
        today: &BTreeMap<String, Measured>,
        listed: &Listed,
        session: &Session,
        run: &Run,
    ) -> Vec<Check> {
        self.warn_of_idle_budgets(today, session);
        let mut checks = Vec::new();
        for name in self.baseline.iter().flat_map(|baseline| baseline.entries.keys()) {
            let failed = run
                .failed
                .iter()
                .any(|one| *name == one.name || name.strip_prefix(&one.name).is_some_and(|rest| rest.starts_with('/')));
            if !today.contains_key(name) && !failed && !self.is_of_programs() && in_scope(name, session) {
                checks.push(check::vanished(name, listed.doubt(name, session).as_deref()));
            }
        }
        let mut unheld = BTreeSet::new();
        for measured in today.values() {
            let limits = self.config.limits(&measured.name);
            unheld.extend(self.entry(&measured.name).iter().flat_map(|entry| check::unheld(entry, &limits)));
            if self.entry(&measured.name).is_none() {
                checks.push(check::without_entry(measured, &self.label));
            }
            checks.extend(self.judge_one(measured));
        }
        self.warn_of_unheld(&unheld);
        checks
    }

    /// A tolerance needs a number to apply to, which some benchmarks do not have.
    fn warn_of_unheld(&self, metrics: &BTreeSet<Metric>) {
        for metric in metrics {
            let name = metric.name();
            console::warn(&format!(
                "the tolerance of {name} is not held, for {} has none; it is against a run (--baseline NAME or git:REV), \
                 and `{name} = {{ max = … }}` is held everywhere",
                self.label
            ));
        }
    }

    /// A budget that covers nothing guards nothing.
    fn warn_of_idle_budgets(&self, today: &BTreeMap<String, Measured>, session: &Session) {
        if session.selection.is_partial() || self.is_of_programs() {
            return;
        }
        let benches = self.config.budget.iter().filter(|budget| !budget.benchmarks.source.is_empty());
        for budget in benches.filter(|budget| !today.keys().any(|name| budget.covers(name))) {
            let globs = budget.benchmarks.source.join("`, `");
            console::warn(&format!(
                "no benchmark matches the budget of `{globs}`; `cargo memprof list` has the full names"
            ));
        }
    }
}

/// The bench targets that have listed all of their benchmarks, by package and name: a benchmark that they do not name
/// is gone.
pub enum Listed {
    Now(BTreeSet<(String, String)>),
    /// No target was listed.
    OfLastRun,
}

impl Listed {
    /// Why this benchmark, which is in scope and was not measured, may still exist; `None` if it is gone.
    pub fn doubt(&self, name: &str, session: &Session) -> Option<String> {
        let workspace = &session.workspace;
        let (package, target, _) = parts(name);
        if let Some(text) = workspace.left_out(package, target) {
            return Some(text.to_owned());
        }
        if !workspace.targets.iter().any(|one| one.package == package && one.name == target) {
            return None;
        }
        match self {
            Listed::Now(complete) if complete.contains(&(package.to_owned(), target.to_owned())) => None,
            Listed::Now(_) => Some("its bench target could not be listed".to_owned()),
            Listed::OfLastRun => Some("of the last run".to_owned()),
        }
    }
}

/// Package, target and id.
fn parts(name: &str) -> (&str, &str, &str) {
    let mut parts = name.splitn(3, '/');
    let mut next = || parts.next().unwrap_or_default();
    (next(), next(), next())
}

/// Whether a benchmark of the baseline should have run: it is selected by its name, its target and package are selected or gone.
fn in_scope(name: &str, session: &Session) -> bool {
    let workspace = &session.workspace;
    let (package, target, id) = parts(name);
    workspace.selects_target(package, target)
        && session.selection.wants(&workspace.targets, package, target, names::without_occurrence(id))
}

/// `metadata`: `[workspace.metadata.memprof]` of the workspace at `root`, or null.
pub fn load_config(root: &Path, metadata: &serde_json::Value) -> Result<Config> {
    let bad = |message: String| Error::project(message);
    let path = root.join(settings::FILE_NAME);
    let parsed = match fs::read_text(&path) {
        Ok(_) if !metadata.is_null() => {
            let message = "both memprof.toml and [workspace.metadata.memprof] are there; keep one of them";
            return Err(bad(message.to_owned()));
        }
        Ok(text) => Config::parse(&text),
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(bad(format!("cannot read {}: {error}", path.display())));
        }
        Err(_) if metadata.is_null() => return Ok(Config::default()),
        Err(_) => Config::from_metadata(metadata),
    }
    .map_err(bad)?;
    parsed.warnings.iter().for_each(|warning| console::warn(warning));
    Ok(parsed.config)
}

pub fn read_baseline(path: &Path) -> Result<Option<Baseline>> {
    let bad = |message: String| Error::project(message);
    let text = match fs::read_text(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(bad(format!("cannot read {}: {error}", path.display()))),
        Ok(text) => text,
    };
    let parsed = Baseline::parse(&text);
    parsed.map(Some).map_err(|error| bad(settings::describe(check::FILE_NAME, &text, &error)))
}

/// A run as a baseline, with the sites of its profiles.
fn of_run(base: &Base) -> Baseline {
    let RunStarted { rustc, target, profile, .. } = base.run.started.clone();
    let sites = sites_of(&base.run, &base.root);
    let mut entries = check::measured(&base.run.finished, &sites);
    check::widen(&mut entries, &base.run.checks);
    Baseline {
        measured: Circumstances { rustc, target, profile },
        entries: entries.into_iter().map(|(name, measured)| (name, measured.entry_with_lines())).collect(),
        tests: check::measured_tests(&base.run.tests).into_iter().map(|(name, one)| (name, one.entry())).collect(),
    }
}
