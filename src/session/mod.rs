//! One measuring session, which every command that measures goes through: locate the project, build its benches, list their
//! benchmarks, measure them.

pub mod baseline;
pub mod duration;
pub mod explanations;
pub mod last_run;
pub mod listing;
pub mod options;
mod outcomes;
pub mod owner;
pub mod partition;
pub mod programs;
mod progress;
pub mod recount;
mod revision;
mod selection;
pub mod writer;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use crate::console;
use crate::fs;
use crate::inject::DHAT_VERSION;
use crate::measure::{
    self, BenchOptions, BenchTime, Build, Builder, Interrupt, Measuring, PassOptions, Phase, Rivals, Scratch, Tables,
};
use crate::project::{CargoConfig, Recorder, Workspace};
use crate::{Error, Result};

use listing::Listing;
use options::RunArgs;
use outcomes::Outcomes;
use progress::Progress;
use selection::Selection;

/// A session on the project that the arguments locate.
pub struct Session<'a> {
    pub args: &'a RunArgs,
    pub config: CargoConfig,
    pub workspace: Workspace,
    pub selection: Selection,
    pub interrupt: Interrupt,
    /// By full name: the same count needs the same number of iterations.
    pub counted_iterations: HashMap<String, u64>,
    /// The executables of another revision that the benchmarks are compared with in turns, and the guard of its sources
    /// there.
    rivals: Option<Rivals>,
    revision: Option<revision::Measured>,
    scratch: Scratch,
    tables: Tables,
    pub progress: Progress,
}

impl<'a> Session<'a> {
    /// Locates a project that has benches; nothing is built yet.
    pub fn open(args: &'a RunArgs) -> Result<Session<'a>> {
        let session = Session::open_any(args)?;
        session.needs_benches()?;
        Ok(session)
    }

    /// Locates a project, with benches or without.
    pub fn open_any(args: &'a RunArgs) -> Result<Session<'a>> {
        console::set_color(args.select.build.color.as_deref());
        let selection = Selection::new(args)?;
        let interrupt = Interrupt::listen()?;
        let located = Session::locate(args, selection, interrupt.clone());
        interrupt.explains(located)
    }

    /// # Errors
    /// The project has no benches.
    pub fn needs_benches(&self) -> Result<()> {
        self.workspace.none.clone().map_or(Ok(()), |why| Err(Error::nothing_measured(why)))
    }

    fn locate(args: &'a RunArgs, selection: Selection, interrupt: Interrupt) -> Result<Session<'a>> {
        let mut progress = Progress::new(args.select.build.quiet);
        progress.says("asking cargo about the workspace");
        let options = args.cargo_options();
        let config = CargoConfig::load(&options)?;
        if let Some(limit) = limit(&config, args) {
            console::note(&limit);
        }
        let workspace = Workspace::load(&options, &config)?;
        progress.pause();
        for left_out in &workspace.left_out {
            console::note(&format!("left out: {left_out}"));
        }
        let scratch = Scratch::make(&workspace.home)?;
        let (tables, counted_iterations) = (Tables::default(), HashMap::new());
        Ok(Session {
            rivals: None,
            revision: None,
            args,
            config,
            workspace,
            selection,
            interrupt,
            counted_iterations,
            scratch,
            tables,
            progress,
        })
    }

    /// Builds the executables of the selected targets.
    pub fn build(&mut self) -> Result<Build> {
        let targets = self.selection.targets(&self.workspace);
        let by_name = targets.len() < self.workspace.targets.len() || self.selection.names_targets(&self.workspace);
        let options = BenchOptions { by_name, ..self.args.bench_options() };
        if options.dhat {
            console::note(&format!("--dhat: the dhat crate {DHAT_VERSION} is built; its first use fetches it"));
        } else {
            self.progress.says("compiling the recorder");
        }
        let cargo = self.args.cargo_options();
        let builder =
            Builder::prepare(&self.workspace, &self.config, (&cargo, options), targets, &self.scratch, &self.interrupt);
        // cargo has a progress bar of its own.
        self.progress.pause();
        let build = self.interrupt.explains(builder.and_then(Builder::build))?;
        if let Some(path) = &self.args.output.executables {
            let text =
                serde_json::to_vec(&Rivals::of(&build)).map_err(|e| Error::with("cannot list the executables", e))?;
            fs::replace(path, &text)?;
        }
        Ok(build)
    }

    /// Lists the selected benchmarks of the built executables.
    ///
    /// # Errors
    /// No benchmark matches. It is no error if the part of `--partition` has none, as long as another part has some.
    pub fn list<'b>(&mut self, build: &'b Build) -> Result<Listing<'b>> {
        let mut listing = Listing::new(build);
        let mut before = 0;
        for executable in &build.executables {
            let Some(launch) = &executable.launch else {
                return Err(Error::other(format!("cargo did not run the bench `{}`", executable.target.name)));
            };
            let options = self.pass_options();
            let suite = measure::list(executable, launch, before, &mut self.measuring(&options))?;
            before += suite.listed;
            listing.take(suite, &self.selection, &self.workspace.targets);
        }
        self.progress.pause();
        listing.close(&self.selection, &self.workspace)
    }

    /// Measures the benchmarks of `listing` as often as `--count` says; the outcomes come as soon as they are there.
    pub fn measure<'s>(&'s mut self, listing: &'s Listing<'s>) -> Outcomes<'s, 'a> {
        let options = self.timed_options(listing);
        let passes = Phase::of_measurement(&options).len() as u64;
        self.progress.expect(listing.benchmarks() as u64 * u64::from(self.args.measure.count) * passes);
        Outcomes::new(self, listing, options)
    }

    /// A second opinion on the benchmarks of these full names.
    pub fn measure_again<'s>(&'s mut self, listing: &'s Listing<'s>, names: HashSet<String>) -> Outcomes<'s, 'a> {
        let options = self.timed_options(listing);
        let passes = Phase::of_measurement(&options).len() as u64;
        self.progress.expect(names.len() as u64 * passes);
        Outcomes::new(self, listing, options).only(names)
    }

    /// The options of a measurement, with what --time-budget leaves for each.
    fn timed_options(&self, listing: &Listing) -> PassOptions {
        let measure = &self.args.measure;
        let mut options = self.pass_options();
        let measurements = listing.benchmarks() as u64 * u64::from(measure.count);
        if let (Some(budget), BenchTime::For(time)) = (measure.time_budget, options.bench_time) {
            options.bench_time = BenchTime::For(time.min(share(budget, measurements)));
        }
        options
    }

    /// The context for passes over any suite.
    pub fn measuring<'s>(&'s mut self, options: &'s PassOptions) -> Measuring<'s> {
        let Session { tables, progress, interrupt, rivals, .. } = self;
        Measuring { options, rivals: rivals.as_ref(), tables, observer: progress, interrupt }
    }

    pub fn pass_options(&self) -> PassOptions {
        let measure = &self.args.measure;
        let toolchain = &self.config.toolchain;
        let whole = toolchain.recorder == Recorder::Whole;
        PassOptions {
            bench_time: measure.benchtime,
            timeout: measure.timeout,
            cpu_hz: measure.cpu_rate,
            stacks: whole && !measure.no_profiles,
            peak: whole && measure.peak,
            block: whole && !toolchain.static_libc && measure.blockprofile.is_some(),
            lives: false,
            counted_iterations: self.counted_iterations.clone(),
            whole_process: None,
            dhat: measure.dhat,
            bench_args: self.args.bench_args.clone(),
            dir: self.scratch.0.clone(),
            verbose: self.args.select.build.verbose > 0,
            turns: measure.turns,
            turn: None,
        }
    }
}

/// Says what is asked for and cannot be recorded on this platform.
fn limit(config: &CargoConfig, args: &RunArgs) -> Option<String> {
    let (platform, toolchain) = (&config.platform, &config.toolchain);
    if toolchain.recorder == Recorder::Portable {
        return (!args.measure.no_profiles)
            .then(|| format!("{platform}: counts and times only; no profiles are recorded there"));
    }
    let block = args.measure.blockprofile.is_some();
    (block && toolchain.static_libc)
        .then(|| format!("{platform}: libc is linked statically, so waits are not seen; there is no block.prof"))
}

/// The --benchtime with which this many measurements take `budget`: together the passes take up to three times as long.
fn share(budget: Duration, measurements: u64) -> Duration {
    (budget / 3 / u32::try_from(measurements.max(1)).unwrap_or(u32::MAX)).max(Duration::from_millis(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_shared() {
        assert_eq!(share(Duration::from_secs(300), 100), Duration::from_secs(1));
        assert_eq!(share(Duration::from_secs(1), 1_000_000), Duration::from_millis(1));
        assert_eq!(share(Duration::from_secs(3), 0), Duration::from_secs(1));
    }
}
