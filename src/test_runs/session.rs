//! One run of a workspace's tests, which every command that counts tests goes through: locate, build, list, run.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Instant;

use super::attempt::Settings;
use super::build::{self, Build};
use super::list::{self, Listed, Test};
use super::options::TestArgs;
use super::profile as stacks;
use super::report::Verdicts;
use super::run::{self, Ran, unrun};
use super::select::{Choice, Selection};
use super::target::{Place, TestTarget};
use crate::console;
use crate::measure::{Interrupt, Scratch, Tables};
use crate::pprof::profile::{self, Profile};
use crate::project::CargoConfig;
use crate::results::names;
use crate::results::tests::{Outcome, TestFinished};
use crate::{Error, Result, fs};

/// Processes of each test, if its counts are kept to be compared with.
const KEPT_PASSES: u32 = 5;

/// The workspace and what is wanted of it.
pub struct TestSession<'a> {
    pub args: &'a TestArgs,
    pub config: CargoConfig,
    pub place: Place,
    pub selection: Selection,
    interrupt: Interrupt,
    scratch: Scratch,
    tables: Tables,
}

/// The tests of each executable, in the order of the build.
pub struct Listing {
    executables: Vec<Result<Listed, String>>,
}

impl Listing {
    pub fn tests(&self) -> impl Iterator<Item = &Test> {
        self.executables.iter().flatten().flat_map(|listed| &listed.tests)
    }
}

impl<'a> TestSession<'a> {
    /// Locates the workspace; nothing is built yet.
    pub fn open(args: &'a TestArgs, interrupt: Interrupt) -> Result<TestSession<'a>> {
        console::set_color(args.build.options.color.as_deref());
        let selection = Selection::new(args)?;
        let options = args.cargo_options();
        let config = CargoConfig::load(&options)?;
        config.needs_stacks("test")?;
        let place = Place::find(&options, &config)?;
        let scratch = Scratch::make(&place.home)?;
        Ok(TestSession { args, config, place, selection, interrupt, scratch, tables: Tables::default() })
    }

    pub fn build(&self) -> Result<Build> {
        let build = build::build(&self.place, &self.config, self.args, &self.scratch, &self.interrupt);
        let build = self.interrupt.explains(build)?;
        build.notes().for_each(|note| console::note(&note));
        if self.args.targets.is_all() && !self.place.with_doc_tests.is_empty() && !self.args.is_quiet() {
            console::note("left out: doc tests; `cargo test --doc` runs them");
        }
        Ok(build)
    }

    /// Asks the executables for their tests.
    ///
    /// # Errors
    /// There are none, or none matches.
    pub fn list(&self, build: &Build) -> Result<Listing> {
        let list = |executable| list::list(executable, &self.scratch.0, self.args.record.timeout, &self.interrupt);
        let executables = build.executables.iter().map(list).collect::<Result<Vec<_>>>()?;
        let listing = Listing { executables };
        let has_failed = listing.executables.iter().any(Result::is_err);
        let is_chosen = |test: &Test| self.selection.choice(test) != Choice::FilteredOut;
        if listing.tests().any(is_chosen) || has_failed {
            return Ok(listing);
        }
        Err(Error::nothing_measured(match listing.tests().count() {
            0 => build::nothing_built(build),
            1 => format!("the only test does not match {}", self.selection.text()),
            n => format!("none of {n} tests matches {}", self.selection.text()),
        }))
    }

    /// The full names of the tests that are not filtered out.
    pub fn names<'l>(&'l self, listing: &'l Listing) -> impl Iterator<Item = &'l str> {
        let wanted = listing.tests().filter(|test| self.selection.choice(test) != Choice::FilteredOut);
        wanted.map(|test| test.name.as_str())
    }

    fn options(&self) -> run::Options {
        let (harness, output) = (&self.args.harness, &self.args.output);
        let cores = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        // What will be compared with should know how far counts vary.
        let kept = (output.accept || output.save_baseline.is_some()).then_some(KEPT_PASSES);
        run::Options {
            workers: harness.test_threads.unwrap_or_else(cores),
            passes: self.args.record.passes.or(kept),
            nocapture: harness.nocapture,
            show_output: harness.show_output,
        }
    }

    fn settings<'s>(&'s self, table: Option<&'s Path>) -> Settings<'s> {
        let (scratch, timeout) = (self.scratch.0.as_path(), self.args.record.timeout);
        Settings { scratch, timeout, interrupt: &self.interrupt, table }
    }

    /// Runs the selected tests; their verdicts appear on stderr, and each result goes to `each` as it comes.
    pub fn run(
        &mut self,
        build: &Build,
        listing: &Listing,
        each: &mut dyn FnMut(TestFinished) -> Result<()>,
    ) -> Result<()> {
        let (quiet, options) = (self.args.is_quiet(), self.options());
        for (executable, listed) in build.executables.iter().zip(&listing.executables) {
            let listed = match listed {
                Ok(listed) => listed,
                Err(why) => {
                    each(self.of_target(executable, why))?;
                    continue;
                }
            };
            let choices: Vec<(&Test, Choice)> =
                listed.tests.iter().map(|test| (test, self.selection.choice(test))).collect();
            let mut verdicts = Verdicts::begin(executable, &choices, quiet);
            let of = |wanted| choices.iter().filter(move |(_, choice)| *choice == wanted).map(|(test, _)| *test);
            of(Choice::Ignored).try_for_each(|test| each(unrun(test, Outcome::Ignored)))?;
            let tests: Vec<&Test> = of(Choice::Run).collect();
            let table = match self.args.record.profiles && !tests.is_empty() {
                true => Some(stacks::write_table(&mut self.tables, executable, &listed.modules, &self.scratch.0)?),
                false => None,
            };
            let settings = self.settings(table.as_deref());
            let (begun, home) = (Instant::now(), &self.place.home);
            run::run(&tests, executable, &options, &settings, &mut |mut ran: Ran| {
                if let Some(test) = tests.iter().find(|test| test.name == ran.finished.name) {
                    verdicts.take(test, &ran);
                }
                if let Some(warning) = &ran.warning {
                    console::warn(warning);
                }
                if let Some(mem) = &ran.mem {
                    let at = home.join("profiles").join(names::safe_path(&ran.finished.name)).join("mem.prof");
                    fs::replace(&at, &profile::write(mem))?;
                    ran.finished.profiles.mem = Some(at.to_string_lossy().into_owned());
                }
                each(ran.finished)
            })?;
            verdicts.end(begun.elapsed());
        }
        Ok(())
    }

    /// Runs each of `names` once more, for its profile.
    pub fn profiles_of(
        &mut self,
        build: &Build,
        listing: &Listing,
        names: &BTreeSet<String>,
        each: &mut dyn FnMut(&str, &Profile),
    ) -> Result<()> {
        for (executable, listed) in build.executables.iter().zip(&listing.executables) {
            let Ok(listed) = listed else { continue };
            let tests: Vec<&Test> = listed.tests.iter().filter(|test| names.contains(&test.name)).collect();
            if tests.is_empty() {
                continue;
            }
            let table = stacks::write_table(&mut self.tables, executable, &listed.modules, &self.scratch.0)?;
            let options = run::Options { passes: Some(1), nocapture: false, show_output: false, ..self.options() };
            run::run(&tests, executable, &options, &self.settings(Some(&table)), &mut |ran| {
                ran.mem.iter().for_each(|mem| each(&ran.finished.name, mem));
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Whether a test of the baseline, by its full name, should have been run: its package, its target and its path are
    /// selected, or gone.
    pub fn covers(&self, build: &Build, name: &str) -> bool {
        let (package, target, id) = parts(name);
        let place = &self.place;
        let is = |names: &[String]| names.iter().any(|one| one == package);
        let is_gone = self.args.build.cargo.package.is_empty() && !is(&place.members);
        let is_built =
            || build.executables.iter().any(|one| one.target.package == package && one.target.name == target);
        (is(&place.selected) || is_gone)
            && (self.args.targets.is_all() || is_built())
            && self.selection.covers(name, names::without_occurrence(id))
    }

    /// Why such a test, which was not listed, may still exist; `None` if it is gone.
    pub fn doubt(&self, build: &Build, listing: &Listing, name: &str) -> Option<&'static str> {
        let (package, target, _) = parts(name);
        let is_it = |one: &TestTarget| one.package == package && one.name == target;
        if !self.place.targets.iter().any(is_it) {
            return None;
        }
        match build.executables.iter().position(|one| is_it(&one.target)) {
            None => Some("its target was not built; is a feature off?"),
            Some(at) if listing.executables[at].is_err() => Some("its target could not be listed"),
            Some(_) => None,
        }
    }

    /// An executable that does not list its tests.
    fn of_target(&self, executable: &build::Executable, why: &str) -> TestFinished {
        let target = &executable.target;
        console::error(&format!("{}: {why}", target.full_name()));
        TestFinished {
            name: target.full_name(),
            package: target.package.clone(),
            target: target.name.clone(),
            error: Some(why.to_owned()),
            outcome: Outcome::Failed,
            ..TestFinished::default()
        }
    }
}

/// Package, target and id.
pub fn parts(name: &str) -> (&str, &str, &str) {
    let mut parts = name.splitn(3, '/');
    let mut next = || parts.next().unwrap_or_default();
    (next(), next(), next())
}
