//! `cargo memprof check`: run, then hold the result against the baseline and the budgets.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Parser as _;

use super::args::CheckArgs;
use super::baseline::{self, Base};
use super::output::{Writer, write_whole};
use super::prepare::{self, Located};
use super::run::measure_all;
use super::{go_flags, shell};
use crate::config::{self, Config};
use crate::gate::{self, Baseline, Circumstances, Measured};
use crate::measure;
use crate::profile;
use crate::result::check::{Against, Check, PlacedSite, Verdict};
use crate::result::metric::Metric;
use crate::result::model::{Run, RunStarted};
use crate::{Error, Result, exit};

pub fn run(words: &[OsString]) -> Result<u8> {
    let args = go_flags::to_two_dashes(words, &CheckArgs::long_names());
    let args = CheckArgs::parse_from(std::iter::once(OsString::from("cargo memprof check")).chain(args));
    let located = prepare::locate(&args.run)?;
    let last = if args.last_run { Some(last_run(&located)?) } else { None };
    let mut writer = match &last {
        Some(last) => Writer::again(&args.run, &located.workspace, last.started.clone())?,
        None => Writer::new(&args.run, &located.workspace, &located.config)?,
    };
    match judge_into(&mut writer, &args, words, &located, last) {
        Ok(base) => writer.finish(base),
        Err(error) => {
            writer.end_without_results(Some(&error));
            Err(error)
        }
    }
}

/// Measures, where there is no `last` run to be judged, and judges; what the results are compared with.
fn judge_into(
    writer: &mut Writer,
    args: &CheckArgs,
    words: &[OsString],
    located: &Located,
    last: Option<Run>,
) -> Result<Option<Base>> {
    let gate = Gate::load(args, words, located)?;
    let today = match last {
        Some(last) => taken_again(last, located, writer)?,
        None => measured(args, located, &gate, writer)?,
    };
    gate.warn_of_differences(located, &writer.run.started);
    let mut checks = gate.judge(&today, located, &writer.run);
    if args.accept {
        checks.iter_mut().for_each(gate::accept);
        gate.accept(&today, &checks, located, &writer.run.started)?;
    }
    checks.into_iter().for_each(|check| writer.check(check));
    Ok(gate.base)
}

/// What the benchmarks are held against.
struct Gate {
    /// memprof-baseline.toml.
    path: PathBuf,
    /// What it says; of `--baseline` what that run brought. `None` where there is none.
    baseline: Option<Baseline>,
    /// In words.
    label: String,
    base: Option<Base>,
    config: Config,
}

impl Gate {
    fn load(args: &CheckArgs, words: &[OsString], located: &Located) -> Result<Gate> {
        let path = located.workspace.root.join(gate::FILE_NAME);
        let config = load_config(located)?;
        let base = baseline::load(&args.run, words, located)?;
        let (baseline, label) = match &base {
            Some(_) if args.accept => {
                return Err(Error::usage("--accept writes memprof-baseline.toml; it goes without --baseline"));
            }
            Some(base) => (Some(of_run(base)), base.label.clone()),
            None => (read_baseline(&path)?, gate::FILE_NAME.to_owned()),
        };
        Ok(Gate { path, baseline, label, base, config })
    }

    fn warn_of_differences(&self, located: &Located, now: &RunStarted) {
        let Some(baseline) = &self.baseline else { return };
        let packages: BTreeSet<&str> = baseline.entries.keys().filter_map(|name| name.split('/').next()).collect();
        if let Some(text) = baseline::elsewhere(&packages, located) {
            shell::warn(&format!("{} is {text}", self.label));
        }
        let Circumstances { rustc, target, profile } = baseline.measured.clone();
        let cpu = self.base.as_ref().map(|base| base.run.started.cpu.clone()).unwrap_or_default();
        let was = RunStarted { rustc, target, profile, cpu, ..now.clone() };
        baseline::warn_of_differences(&self.label, &was, now);
    }

    fn entry(&self, name: &str) -> Option<&gate::Entry> {
        self.baseline.as_ref()?.entries.get(name)
    }

    fn counted_iterations(&self) -> HashMap<String, u64> {
        let entries = self.baseline.iter().flat_map(|baseline| &baseline.entries);
        entries.map(|(name, entry)| (name.clone(), entry.iterations)).collect()
    }

    fn judge_one(&self, measured: &Measured) -> Vec<Check> {
        gate::judge(measured, self.entry(&measured.name), &self.config.limits(&measured.name))
    }

    /// All verdicts, by name; those that are about a benchmark itself first.
    fn judge(&self, today: &BTreeMap<String, Measured>, located: &Located, run: &Run) -> Vec<Check> {
        self.warn_of_idle_budgets(today, located);
        let mut checks = Vec::new();
        for name in self.baseline.iter().flat_map(|baseline| baseline.entries.keys()) {
            let failed = run
                .failed
                .iter()
                .any(|one| *name == one.name || name.strip_prefix(&one.name).is_some_and(|rest| rest.starts_with('/')));
            if !today.contains_key(name) && !failed && in_scope(name, located) {
                let left_out = located.workspace.left_out.iter();
                let why = left_out.map(String::as_str).find(|text| {
                    text.split_once(' ').is_some_and(|(target, _)| name.starts_with(&format!("{target}/")))
                });
                checks.push(gate::vanished(name, why));
            }
        }
        for measured in today.values() {
            if self.entry(&measured.name).is_none() {
                checks.push(gate::without_entry(measured, &self.label));
            }
            checks.extend(self.judge_one(measured));
        }
        checks
    }

    /// A budget that covers nothing guards nothing.
    fn warn_of_idle_budgets(&self, today: &BTreeMap<String, Measured>, located: &Located) {
        if located.selection.is_partial() {
            return;
        }
        for budget in self.config.budget.iter().filter(|budget| !today.keys().any(|name| budget.covers(name))) {
            let globs = budget.benchmarks.source.join("`, `");
            shell::warn(&format!(
                "no benchmark matches the budget of `{globs}`; `cargo memprof list` has the full names"
            ));
        }
    }

    /// Writes the baseline: today's numbers for what was measured, nothing for what vanished, all else as it was.
    fn accept(
        &self,
        today: &BTreeMap<String, Measured>,
        checks: &[Check],
        located: &Located,
        now: &RunStarted,
    ) -> Result<()> {
        let mut new = self.baseline.clone().unwrap_or_default();
        if self.baseline.is_none() || !located.selection.is_partial() {
            let RunStarted { rustc, target, profile, .. } = now.clone();
            new.measured = Circumstances { rustc, target, profile };
        }
        for check in checks.iter().filter(|check| check.metric.is_none()) {
            new.entries.remove(&check.name);
        }
        for (name, measured) in today {
            // What is not exact and has passed stays as it is: its numbers differ from run to run, its text need not.
            let of_baseline = |check: &&Check| check.name == *name && check.against == Against::Baseline;
            let passed = checks.iter().filter(of_baseline).all(|check| check.verdict == Verdict::Passed);
            let was_exact = |entry: &gate::Entry| entry.allocs_per_op.is_exact() && entry.bytes_per_op.is_exact();
            let keep = passed && new.entries.get(name).is_some_and(|entry| !was_exact(entry));
            if !keep {
                new.entries.insert(name.clone(), measured.entry());
            }
        }
        let text = new.render();
        if std::fs::read_to_string(&self.path).is_ok_and(|old| old == text) {
            shell::note(&format!("{} is up to date", gate::FILE_NAME));
            return Ok(());
        }
        write_whole(&self.path, text.as_bytes())?;
        shell::note(&format!("wrote {}; commit it", self.path.display()));
        Ok(())
    }
}

/// Whether a benchmark of the baseline should have run: it is selected by its name, and its package is selected or gone.
fn in_scope(name: &str, located: &Located) -> bool {
    let workspace = &located.workspace;
    let mut parts = name.splitn(3, '/');
    let (package, target, id) =
        (parts.next().unwrap_or_default(), parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let is = |names: &[String]| names.iter().any(|name| name == package);
    (is(&workspace.selected) || !is(&workspace.members))
        && located.selection.wants(&workspace.targets, package, target, id)
}

fn load_config(located: &Located) -> Result<Config> {
    let bad = |message: String| Error::new(exit::NO_WORKSPACE, message);
    let path = located.workspace.root.join(config::FILE_NAME);
    let metadata = &located.workspace.metadata;
    let parsed = match std::fs::read_to_string(&path) {
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
    parsed.warnings.iter().for_each(|warning| shell::warn(warning));
    Ok(parsed.config)
}

fn read_baseline(path: &Path) -> Result<Option<Baseline>> {
    let bad = |message: String| Error::new(exit::NO_WORKSPACE, message);
    let text = match std::fs::read_to_string(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(bad(format!("cannot read {}: {error}", path.display()))),
        Ok(text) => text,
    };
    let parsed = Baseline::parse(&text);
    parsed.map(Some).map_err(|error| bad(config::describe(gate::FILE_NAME, &text, &error)))
}

/// A run as a baseline, with the sites of its profiles.
fn of_run(base: &Base) -> Baseline {
    let RunStarted { rustc, target, profile, .. } = base.run.started.clone();
    let sites = sites_of(&base.run, &base.root);
    let entries = gate::measured(&base.run.finished, &sites);
    Baseline {
        measured: Circumstances { rustc, target, profile },
        entries: entries.into_iter().map(|(name, measured)| (name, measured.entry_with_lines())).collect(),
    }
}

/// The sites of a run that is over, out of its profiles; none where they are not there any more.
fn sites_of(run: &Run, root: &Path) -> BTreeMap<String, Vec<PlacedSite>> {
    let of = |path: &str| profile::read(&std::fs::read(path).ok()?).ok();
    let sites = run.finished.iter().filter_map(|finished| {
        let profile = of(finished.profiles.mem.as_deref()?)?;
        Some((finished.name.clone(), gate::sites(&profile, root, finished.memory.iterations)))
    });
    sites.collect()
}

/// The results of the last run, or of `merge`; nothing is built.
fn last_run(located: &Located) -> Result<Run> {
    let path = located.workspace.home.join("results.jsonl");
    let nothing = |why: String| Error::new(exit::NOTHING_MEASURED, format!("no last run: {}: {why}", path.display()));
    let text = std::fs::read_to_string(&path).map_err(|e| nothing(e.to_string()))?;
    Run::parse(&text).map_err(nothing)
}

/// What of the last run is selected, in `writer`.
fn taken_again(last: Run, located: &Located, writer: &mut Writer) -> Result<BTreeMap<String, Measured>> {
    let wants = |package: &str, target: &str, id: &str| {
        located.selection.wants(&located.workspace.targets, package, target, id)
    };
    writer.sites = sites_of(&last, &located.workspace.root);
    last.finished.into_iter().filter(|one| wants(&one.package, &one.target, &one.id)).for_each(|one| writer.take(one));
    last.failed.into_iter().for_each(|failed| writer.failed(failed));
    if writer.run.finished.is_empty() && writer.run.failed.is_empty() {
        return Err(Error::new(exit::NOTHING_MEASURED, "no benchmark of the last run matched"));
    }
    let mut today = gate::measured(&writer.run.finished, &writer.sites);
    for check in &last.checks {
        if let Some(measured) = today.get_mut(&check.name) {
            measured.widen(check);
        }
    }
    Ok(today)
}

/// Builds and runs. What would fail, and what is to become the baseline, is counted again in another process: where the
/// number differs from process to process, that is a range, and no regression.
fn measured(
    args: &CheckArgs,
    located: &Located,
    gate: &Gate,
    writer: &mut Writer,
) -> Result<BTreeMap<String, Measured>> {
    let build = prepare::build(&args.run, located)?;
    let launches = prepare::launches(located, &build)?;
    let mut options = prepare::pass_options(&args.run, located);
    options.counted_iterations = gate.counted_iterations();
    let mut failed = Vec::new();
    let suites = prepare::suites(located, &build, &launches, &options, &mut failed)?;
    if suites.iter().all(|suite| suite.benchmarks.is_empty()) && failed.is_empty() {
        if args.run.select.partition.is_none() {
            return Err(prepare::nothing_matched(located, &build));
        }
        shell::note("no benchmark falls into this part");
    }
    failed.into_iter().for_each(|failed| writer.failed(failed));
    let mut progress = measure_all(&args.run, located, &suites, &options, writer)?;
    let mut today = gate::measured(&writer.run.finished, &writer.sites);
    let counted = |check: &Check| matches!(check.metric, Some(Metric::AllocsPerOp | Metric::BytesPerOp));
    let fails =
        |check: &Check| check.verdict == Verdict::Failed && check.against == Against::Baseline && counted(check);
    let doubted = |measured: &&Measured| args.accept || gate.judge_one(measured).iter().any(fails);
    let doubted: Vec<String> = today.values().filter(doubted).map(|measured| measured.name.clone()).collect();
    let doubted: HashSet<&str> = doubted.iter().map(String::as_str).collect();
    for suite in suites.iter().filter(|suite| suite.benchmarks.iter().any(|b| doubted.contains(b.name.as_str()))) {
        let again =
            measure::recount(suite, &doubted, &writer.run.finished, &options, &mut progress, &located.interrupt)?;
        for (name, memory) in again {
            if let Some(measured) = today.get_mut(&name) {
                measured.add(&memory);
            }
        }
    }
    located.interrupt.check()?;
    progress.finish();
    Ok(today)
}
