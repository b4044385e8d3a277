//! The gate of tests: their counts against memprof-baseline.toml, or a kept run, and against the budgets of tests.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::CheckArgs;
use super::judge::{load_config, read_baseline};
use crate::check::{self, Baseline, Circumstances, Measured};
use crate::console;
use crate::pprof::profile::{self, Profile};
use crate::project::settings::Config;
use crate::results::check::{Check, Verdict};
use crate::results::lines::{Base, Run, RunStarted};
use crate::results::metric::Metric;
use crate::results::names;
use crate::results::sites::sites;
use crate::results::tests::TestFinished;
use crate::session::Session;
use crate::session::baseline::{self, warn_of_differences};
use crate::session::partition::Partition;
use crate::session::writer::Writer;
use crate::test_runs::build::Build;
use crate::test_runs::options::TestArgs;
use crate::test_runs::session::{Listing, TestSession, parts};
use crate::{Error, Result, fs};

/// Takes a test's name and its profile.
type Each<'a> = &'a mut dyn FnMut(&str, &Profile);

/// The limits that tests are compared with.
pub struct TestGate {
    /// memprof-baseline.toml.
    path: PathBuf,
    /// Its entries, or those of the run that `--baseline` names.
    baseline: Option<Baseline>,
    label: String,
    config: Config,
}

/// The kept run that `--baseline` names.
pub fn base(session: &TestSession) -> Result<Option<Base>> {
    let Some(label) = session.args.output.baseline.clone() else { return Ok(None) };
    if label.starts_with("git:") {
        let message =
            "--baseline git:REV is for benches; for tests, keep results of that revision by --save-baseline NAME";
        return Err(Error::usage(message));
    }
    let root = session.place.root.clone();
    let run = baseline::read(&label, &session.place.home, &root)?;
    if run.tests.is_empty() {
        return Err(Error::usage(format!("--baseline {label}: it has no tests")));
    }
    Ok(Some(Base { label, run, root }))
}

impl TestGate {
    pub fn load(session: &TestSession, base: Option<&Base>) -> Result<TestGate> {
        let place = &session.place;
        let path = place.root.join(check::FILE_NAME);
        let config = load_config(&place.root, &place.metadata)?;
        let (baseline, label) = match base {
            Some(base) => {
                let tests = check::measured_tests(&base.run.tests).into_iter();
                let tests = tests.map(|(name, one)| (name, one.entry())).collect();
                let RunStarted { rustc, target, profile, .. } = base.run.started.clone();
                let measured = Circumstances { rustc, target, profile };
                (Some(Baseline { measured, tests, ..Baseline::default() }), base.label.clone())
            }
            None => (read_baseline(&path)?, check::FILE_NAME.to_owned()),
        };
        Ok(TestGate { path, baseline, label, config })
    }

    fn has_entries(&self) -> bool {
        self.baseline.as_ref().is_some_and(|baseline| !baseline.tests.is_empty())
    }

    fn entry(&self, name: &str) -> Option<&check::Entry> {
        self.baseline.as_ref()?.tests.get(name)
    }

    /// All verdicts, by name; those about a test itself first. The tests that fail are run once more for the lines that
    /// allocate.
    pub fn judge(
        &self,
        session: &mut TestSession,
        build: &Build,
        listing: &Listing,
        tests: &[TestFinished],
        now: &RunStarted,
    ) -> Result<Judged> {
        self.warn(session, tests, now);
        let missing = self.missing(tests).filter(|name| session.covers(build, name));
        let missing = missing.map(|name| (name.clone(), session.doubt(build, listing, name))).collect();
        let root = session.place.root.clone();
        let mut profiles = |failing: &BTreeSet<String>, each: &mut dyn FnMut(&str, &Profile)| {
            session.profiles_of(build, listing, failing, each)
        };
        self.judge_with(tests, missing, &root, &mut profiles)
    }

    /// The tests of the baseline that are not among `tests`.
    fn missing<'a>(&'a self, tests: &'a [TestFinished]) -> impl Iterator<Item = &'a String> {
        let names = self.baseline.iter().flat_map(|baseline| baseline.tests.keys());
        names.filter(|name| !tests.iter().any(|test| test.name == **name))
    }

    /// `missing`: tests that should be there, and why they may exist all the same; `profiles`: calls its second argument with
    /// those of some tests.
    fn judge_with(
        &self,
        tests: &[TestFinished],
        missing: Vec<(String, Option<&'static str>)>,
        root: &Path,
        profiles: &mut dyn FnMut(&BTreeSet<String>, Each) -> Result<()>,
    ) -> Result<Judged> {
        let mut today = check::measured_tests(tests);
        let ids: HashMap<&str, &str> = tests.iter().map(|test| (test.name.as_str(), test.id.as_str())).collect();
        let judge = |measured: &Measured| {
            let limits = self.config.test_limits(&measured.name, ids[measured.name.as_str()]);
            check::judge(measured, self.entry(&measured.name), &limits)
        };
        let fails = |measured: &Measured| {
            let of_lines = |metric| matches!(metric, Metric::AllocsPerOp | Metric::BytesPerOp);
            judge(measured).iter().any(|check| check.verdict == Verdict::Failed && check.metric.is_some_and(of_lines))
        };
        let failing: BTreeSet<String> = today.values().filter(|one| fails(one)).map(|one| one.name.clone()).collect();
        profiles(&failing, &mut |name, profile| {
            if let Some(measured) = today.get_mut(name) {
                measured.sites = sites(profile, root, 1);
            }
        })?;
        let (mut checks, mut kept): (Vec<Check>, _) = (Vec::new(), BTreeSet::new());
        for (name, doubt) in missing {
            checks.push(check::vanished_test(&name, doubt));
            kept.extend(doubt.map(|_| name));
        }
        for measured in today.values() {
            // Budgets alone need no baseline.
            if self.entry(&measured.name).is_none() && (self.has_entries() || !self.config.has_tests()) {
                checks.push(check::without_entry(measured, &self.label));
            }
            checks.extend(judge(measured));
        }
        checks.iter_mut().for_each(|check| check.test = true);
        Ok(Judged { checks, kept })
    }

    fn warn(&self, session: &TestSession, tests: &[TestFinished], now: &RunStarted) {
        if let Some(Circumstances { rustc, target, .. }) = self.baseline.as_ref().map(|one| one.measured.clone()) {
            // The file has the profile of the benches.
            warn_of_differences(&self.label, &RunStarted { rustc, target, ..now.clone() }, now);
        }
        let is_whole = !session.selection.is_partial() && session.args.targets.is_all();
        let budgets = self.config.budget.iter().filter(|budget| !budget.tests.source.is_empty() && is_whole);
        for budget in budgets.filter(|budget| !tests.iter().any(|test| budget.covers_test(&test.name, &test.id))) {
            let globs = budget.tests.source.join("`, `");
            let advice = "`cargo memprof test --list` has the full names";
            console::warn(&format!("no test matches the budget of `{globs}`; {advice}"));
        }
    }

    /// Gives `writer` the verdicts, accepted if that is asked for.
    fn conclude(&self, mut judged: Judged, accept: bool, writer: &mut Writer) {
        let Run { started, tests, .. } = writer.run.clone();
        if accept && let Err(error) = self.accept(&mut judged, &tests, &started) {
            writer.trouble(error);
        }
        judged.checks.into_iter().for_each(|check| writer.check(check));
    }

    /// Makes today's numbers the baseline, for the tests that this run covered, and accepts its verdicts.
    pub fn accept(&self, judged: &mut Judged, tests: &[TestFinished], now: &RunStarted) -> Result<()> {
        // `check` may have written the benchmarks' entries meanwhile.
        let before = read_baseline(&self.path)?;
        let mut new = before.clone().unwrap_or_default();
        if before.is_none() {
            let RunStarted { rustc, target, profile, .. } = now.clone();
            new.measured = Circumstances { rustc, target, profile };
        }
        let Judged { checks, kept } = judged;
        let is_there = |name: &str| tests.iter().any(|test| test.name == name);
        for check in checks.iter().filter(|check| !is_there(&check.name) && !kept.contains(&check.name)) {
            new.tests.remove(&check.name);
        }
        for (name, measured) in check::measured_tests(tests) {
            // An inexact entry that passed stays: its numbers differ from run to run, and its text should not.
            let passed = checks.iter().filter(|check| check.name == name).all(|check| check.verdict == Verdict::Passed);
            if !passed || new.tests.get(&name).is_none_or(check::Entry::is_exact) {
                new.tests.insert(name, measured.entry());
            }
        }
        checks.iter_mut().filter(|check| !kept.contains(&check.name)).for_each(check::accept);
        if before.is_some_and(|before| before == new) {
            console::note(&format!("{} is up to date", check::FILE_NAME));
            return Ok(());
        }
        fs::write_output(&self.path, new.render().as_bytes())?;
        console::note(&format!("wrote {}; commit it", self.path.display()));
        Ok(())
    }
}

/// The verdicts.
pub struct Judged {
    pub checks: Vec<Check>,
    /// Tests that this run did not look for, though they are in its scope: their entries stay, and go on failing.
    kept: BTreeSet<String>,
}

/// Whether `check` judges tests, too: there is something to judge them by, and the command line does not ask for others.
pub fn are_wanted(args: &CheckArgs, session: &Session) -> Result<bool> {
    let select = &args.run.select;
    let others_only = select.benches || select.lib || !select.bench.is_empty() || !args.programs().is_empty();
    // One machine of several runs them.
    let is_first = select.partition.is_none_or(Partition::is_first);
    let workspace = &session.workspace;
    Ok(!others_only && is_first && are_limited(&workspace.root, &workspace.metadata)?)
}

fn are_limited(root: &Path, metadata: &serde_json::Value) -> Result<bool> {
    let baseline = read_baseline(&root.join(check::FILE_NAME))?;
    Ok(load_config(root, metadata)?.has_tests() || baseline.is_some_and(|baseline| !baseline.tests.is_empty()))
}

/// The arguments of `cargo memprof test` that mean the tests of the same packages.
fn arguments(args: &CheckArgs) -> Result<TestArgs> {
    let cargo = args.run.cargo_options();
    let mut words: Vec<OsString> = cargo.arguments();
    words.extend(cargo.target_dir.iter().flat_map(|dir| ["--target-dir".into(), dir.into()]));
    words.extend(args.run.select.build.arguments(None));
    words.extend(["--timeout".into(), format!("{}ns", args.run.measure.timeout.as_nanos()).into(), "--check".into()]);
    words.extend(args.accept.then(|| "--accept".into()));
    words.extend(args.run.filters.iter().map(OsString::from));
    TestArgs::read(&words)
}

/// Runs the tests and judges them, after the benches.
pub fn add_to(writer: &mut Writer, args: &CheckArgs, benches: &Session) -> Result<()> {
    let args = arguments(args)?;
    let mut session = TestSession::open(&args, benches.interrupt.clone())?;
    let gate = TestGate::load(&session, None)?;
    let build = session.build()?;
    let listing = match session.list(&build) {
        // The filter means benches.
        Err(Error::NothingMeasured(_)) if session.selection.is_partial() => return Ok(()),
        listing => listing?,
    };
    session.run(&build, &listing, &mut |test| {
        writer.test(test);
        Ok(())
    })?;
    let Run { started, tests, .. } = writer.run.clone();
    let judged = gate.judge(&mut session, &build, &listing, &tests, &started)?;
    gate.conclude(judged, args.output.accept, writer);
    Ok(())
}

/// Gives `writer` the selected tests of the last run, and judges them as far as there is something to judge them by.
pub fn of_last_run(writer: &mut Writer, args: &CheckArgs, benches: &Session, tests: Vec<TestFinished>) -> Result<()> {
    let wanted = are_wanted(args, benches)?;
    let args = arguments(args)?;
    let session = TestSession::open(&args, benches.interrupt.clone())?;
    let place = &session.place;
    let covers = |name: &str| {
        let (package, _, id) = parts(name);
        place.selected.iter().any(|one| one == package) && session.selection.covers(name, names::without_occurrence(id))
    };
    tests.into_iter().filter(|test| covers(&test.name)).for_each(|test| writer.test(test));
    let Run { started, tests, .. } = writer.run.clone();
    if !wanted || tests.is_empty() {
        return Ok(());
    }
    let gate = TestGate::load(&session, None)?;
    gate.warn(&session, &tests, &started);
    let missing = gate.missing(&tests).filter(|name| covers(name));
    let missing = missing.map(|name| (name.clone(), Some("of the last run"))).collect();
    let mut profiles = |failing: &BTreeSet<String>, each: &mut dyn FnMut(&str, &Profile)| {
        for test in tests.iter().filter(|test| failing.contains(&test.name)) {
            let bytes = test.profiles.mem.as_ref().and_then(|path| std::fs::read(path).ok());
            bytes.and_then(|bytes| profile::read(&bytes).ok()).iter().for_each(|mem| each(&test.name, mem));
        }
        Ok(())
    };
    let judged = gate.judge_with(&tests, missing, &place.root, &mut profiles)?;
    gate.conclude(judged, args.output.accept, writer);
    Ok(())
}
