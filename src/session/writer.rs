//! The output of a run: data on stdout, profiles, results.jsonl. A file gets its name when it is complete.

mod shown;

pub use shown::print_whole;

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use super::Session;
use super::baseline::{self, Base};
use super::listing::Listing;
use super::options::RunArgs;
use crate::console;
use crate::formats::{View, json};
use crate::measure::{Outcome, ProfilePair};
use crate::pprof::profile::{self, Profile};
use crate::project::{CargoConfig, Workspace};
use crate::results::check::{Check, PlacedSite};
use crate::results::groups::{self, Compared};
use crate::results::lines::{
    FORMAT_VERSION, Failed, FailureKind, Finished, Line, Memory, Run, RunFinished, RunStarted,
};
use crate::results::names;
use crate::results::ratio::{Ratio, Versus};
use crate::results::sites::sites;
use crate::results::tests::TestFinished;
use crate::{Error, Result, exit, fs, git, history};

/// Takes results as they come.
pub struct Writer<'a> {
    args: &'a RunArgs,
    home: PathBuf,
    root: PathBuf,
    /// The future text of results.jsonl: the lines as they came.
    lines: String,
    pub run: Run,
    /// The run to compare the results with, if not within their groups.
    base: Option<Base>,
    /// The group that is being measured, and how many of its results have been printed.
    group: Vec<Finished>,
    released: usize,
    /// Do not write results.jsonl.
    keep_results: bool,
    /// An error ended the run early.
    is_cut: bool,
    /// By full name.
    pub sites: BTreeMap<String, Vec<PlacedSite>>,
    /// Counts from other processes of this run, by full name.
    pub recounts: BTreeMap<String, Vec<Memory>>,
    /// Errors of writing.
    troubles: Vec<Error>,
    /// The targets of --memprofile and --cpuprofile, and the profiles for them.
    mem_file: Option<PathBuf>,
    cpu_file: Option<PathBuf>,
    block_file: Option<PathBuf>,
    all_mem: Vec<Profile>,
    all_cpu: Vec<Profile>,
    all_block: Vec<Profile>,
}

impl<'a> Writer<'a> {
    /// Begins a run. Finish it with [`Writer::finish`] or [`Writer::end_without_results`], so that a reader of the JSON
    /// gets its last line.
    pub fn new(session: &Session<'a>) -> Result<Writer<'a>> {
        let profile = session.args.select.profile.as_deref().unwrap_or("bench");
        Writer::begin(session.args, &session.workspace, started(profile, &session.workspace.root, &session.config))
    }

    /// A finished run, shown again; nothing of it is written again.
    pub fn again(session: &Session<'a>, started: RunStarted) -> Result<Writer<'a>> {
        Ok(Writer { keep_results: true, ..Writer::begin(session.args, &session.workspace, started)? })
    }

    fn begin(args: &'a RunArgs, workspace: &Workspace, started: RunStarted) -> Result<Writer<'a>> {
        if let Some(file) = args.output.save_baseline.as_ref().filter(|name| !baseline::is_name(name)) {
            if file.is_empty() {
                return Err(Error::usage("--save-baseline: name the baseline, or a file".to_owned()));
            }
            fs::check_output(Path::new(file))?;
        }
        let mut writer = Writer {
            args,
            home: workspace.home.clone(),
            root: workspace.root.clone(),
            lines: String::new(),
            run: Run { started: started.clone(), ..Run::default() },
            base: None,
            group: Vec::new(),
            released: 0,
            keep_results: false,
            is_cut: false,
            sites: BTreeMap::new(),
            recounts: BTreeMap::new(),
            troubles: Vec::new(),
            mem_file: combined_file(args, args.measure.memprofile.as_ref())?,
            cpu_file: combined_file(args, args.measure.cpuprofile.as_ref())?,
            block_file: combined_file(args, args.measure.blockprofile.as_ref())?,
            all_mem: Vec::new(),
            all_cpu: Vec::new(),
            all_block: Vec::new(),
        };
        writer.line(&Line::RunStarted(started));
        Ok(writer)
    }

    /// Ends the JSON if nothing was to be run, or the run could not go on; results.jsonl stays that of the run before.
    pub fn end_without_results(mut self, error: Option<&Error>) {
        self.flush();
        let end = RunFinished { success: error.is_none(), error: error.map(|error| error.line()), ..self.run.end() };
        self.line(&Line::RunFinished(end));
        let Some(error) = error else { return };
        // The failure of a benchmark that stands for all.
        let mut run = self.run.clone();
        run.failed.push(Failed {
            name: env!("CARGO_PKG_NAME").to_owned(),
            package: String::new(),
            target: String::new(),
            id: String::new(),
            kind: FailureKind::Unknown,
            error: error.line(),
        });
        let view = View { root: self.shown_root(), ..View::default() };
        if self.args.format().reports_abort()
            && let Err(error) = self.print(&run, &view)
        {
            console::error(&error.line());
        }
    }

    /// Notes a write error: the rest is still written and shown, and then the run fails.
    pub fn trouble(&mut self, error: Error) {
        self.troubles.push(error);
    }

    /// JSON appears as it comes, everything else at the end.
    fn line(&mut self, line: &Line) {
        let text = json::line(line);
        if self.args.format().is_stream()
            && let Err(error) = console::print(&text)
        {
            // Once is enough.
            if self.troubles.is_empty() {
                self.troubles.push(error);
            }
        }
        self.lines.push_str(&text);
    }

    /// Takes the targets that could not be listed, then measures the rest and takes each outcome as it comes.
    pub fn measure(&mut self, session: &mut Session, listing: &Listing) -> Result<()> {
        listing.failed.iter().for_each(|failed| self.failed(failed.clone()));
        session.measure(listing).try_for_each(|outcome| self.outcome(outcome?))?;
        self.flush();
        Ok(())
    }

    /// Measures again whose time was compared in doubt; the tables show the joint result.
    pub fn recheck(&mut self, session: &mut Session, listing: &Listing) -> Result<()> {
        let doubted: HashSet<String> =
            self.run.finished.iter().filter(|one| is_in_doubt(one)).map(|one| one.name.clone()).collect();
        if doubted.is_empty() {
            return Ok(());
        }
        console::note(&format!(
            "--recheck: {} of {} benchmarks are measured again",
            doubted.len(),
            listing.benchmarks()
        ));
        session.measure_again(listing, doubted).try_for_each(|outcome| self.outcome(outcome?))?;
        self.flush();
        Ok(())
    }

    fn outcome(&mut self, outcome: Outcome) -> Result<()> {
        match outcome {
            Outcome::Finished(finished, profiles) => self.finished(*finished, *profiles),
            Outcome::Failed(failed) => {
                self.failed(failed);
                Ok(())
            }
        }
    }

    fn finished(&mut self, mut finished: Finished, profiles: ProfilePair) -> Result<()> {
        let dir = self.home.join("profiles").join(names::safe_path(&finished.name));
        // These belong to other counts than today's.
        for file in [crate::explain::SIDECAR, crate::explain::PROFILE, crate::explain::BLOCKS] {
            let _ = std::fs::remove_file(dir.join(file));
        }
        if let Some(mem) = &profiles.mem {
            let sites = sites(mem, &self.root, finished.memory.iterations);
            self.sites.insert(finished.name.clone(), sites);
        }
        for (file, profile, path, all, wanted) in [
            ("mem.prof", profiles.mem, &mut finished.profiles.mem, &mut self.all_mem, &self.mem_file),
            ("cpu.prof", profiles.cpu, &mut finished.profiles.cpu, &mut self.all_cpu, &self.cpu_file),
            ("block.prof", profiles.block, &mut finished.profiles.block, &mut self.all_block, &self.block_file),
        ] {
            let Some(mut profile) = profile else { continue };
            let at = dir.join(file);
            // The numbers do not depend on the file.
            match fs::replace(&at, &profile::write(&profile)) {
                Ok(()) => *path = Some(at.to_string_lossy().into_owned()),
                Err(error) => self.troubles.push(error),
            }
            if wanted.is_some() {
                profile.set_label("benchmark", &finished.name);
                all.push(profile);
            }
        }
        if let Some(text) = &profiles.dhat {
            let at = dir.join("dhat-heap.json");
            match fs::replace(&at, text) {
                Ok(()) => finished.profiles.dhat = Some(at.to_string_lossy().into_owned()),
                Err(error) => self.troubles.push(error),
            }
        }
        self.take(finished);
        Ok(())
    }

    /// Results that come from here on are compared with `base`, not within their groups.
    pub fn compare_with(&mut self, base: &Base) {
        self.base = Some(base.clone());
    }

    /// A result whose profiles are written already.
    pub fn take(&mut self, finished: Finished) {
        let place = |one: &Finished| (one.target.clone(), one.group.clone());
        let goes_on = |one: &Finished| place(one) == place(&finished);
        if !self.group.iter().all(goes_on) || self.group.iter().any(|one| one.name == finished.name) {
            self.flush();
        }
        self.group.push(finished);
        self.release(false);
    }

    /// Releases results that still wait for their reference, without it.
    pub fn flush(&mut self) {
        self.release(true);
        self.group.clear();
        self.released = 0;
    }

    /// Lets the results of the group go out in their order, up to the first that may have to wait.
    fn release(&mut self, all: bool) {
        let compared = groups::compared(&self.group, self.args.output.against.as_deref());
        while let Some(one) = self.group.get(self.released) {
            let compared = compared[self.released];
            if !all && compared == Compared::Alone && self.base.is_none() && !one.group.is_empty() {
                break;
            }
            let (from, label) = match (&self.base, compared) {
                (Some(base), _) => (base.run.finished.iter().rfind(|was| was.name == one.name), Some(&base.label)),
                (None, Compared::With(reference)) => (Some(&self.group[reference]), None),
                _ => (None, None),
            };
            let ratio = from.and_then(|from| groups::time_ratio(from, one, label.map(String::as_str)));
            let name = from.map(|from| from.name.clone()).unwrap_or_default();
            let vs = ratio.map(|ratio| Versus { name, baseline: label.cloned(), ratio });
            let one = Finished { vs, ..one.clone() };
            self.released += 1;
            self.line(&one.line());
            self.run.finished.push(one);
        }
    }

    pub fn failed(&mut self, failed: Failed) {
        // Printed at once, for the run may be long; the table says it again.
        console::error(&names::one_line(&format!("{}: {}", failed.name, failed.error)));
        self.line(&Line::BenchmarkFailed(failed.clone()));
        self.run.failed.push(failed);
    }

    pub fn test(&mut self, test: TestFinished) {
        self.line(&Line::TestFinished(Box::new(test.clone())));
        self.run.tests.push(test);
    }

    pub fn check(&mut self, check: Check) {
        self.line(&Line::Check(Box::new(check.clone())));
        self.run.checks.push(check);
    }

    /// Ends a run that an error ended early; a baseline of a part is not saved.
    pub fn finish_after(mut self, error: Error) -> Result<u8> {
        self.is_cut = true;
        self.trouble(error);
        self.finish()
    }

    /// Writes and prints the end of the run, and returns the exit code. A failed write does not stop the others.
    pub fn finish(mut self) -> Result<u8> {
        self.flush();
        for error in self.write_files() {
            self.trouble(error);
        }
        let error = self.troubles.first().map(|error| error.line());
        let end = self.run.end();
        self.line(&Line::RunFinished(RunFinished { success: end.success && error.is_none(), error, ..end }));
        if !self.keep_results {
            let written = fs::replace(&self.home.join("results.jsonl"), self.lines.as_bytes());
            self.troubles.extend(written.err());
        }
        let shown = self.show();
        self.troubles.extend(shown.err());
        let code = code(&self.run);
        // If nothing else went wrong, the first decides the exit code, and the caller prints it.
        let decides = (code == exit::OK && !self.troubles.is_empty()).then(|| self.troubles.remove(0));
        self.troubles.iter().for_each(|error| console::error(&error.line()));
        decides.map_or(Ok(code), Err)
    }

    /// Writes the files that the command line asks for besides the results; returns the errors.
    fn write_files(&self) -> Vec<Error> {
        let mut errors = Vec::new();
        for (at, profiles) in
            [(&self.mem_file, &self.all_mem), (&self.cpu_file, &self.all_cpu), (&self.block_file, &self.all_block)]
        {
            let Some(at) = at else { continue };
            let written = together(profiles).and_then(|all| fs::write_output(at, &profile::write(&all)));
            errors.extend(written.err());
        }
        if let Some(name) = self.args.output.save_baseline.as_ref().filter(|_| !self.is_cut) {
            errors.extend(baseline::save(name, &self.home, &self.root, &self.run, &self.recounts).err());
        }
        if let Some(folder) = &self.args.output.keep {
            let default = self.home.join(history::FOLDER);
            let folder = if folder.as_os_str().is_empty() { &default } else { folder };
            errors.extend(history::keep(folder, &self.root, &self.run).err());
        }
        errors
    }
}

/// Whether it is called faster or slower by times of two moments, or may differ by more than a little.
fn is_in_doubt(one: &Finished) -> bool {
    const MUCH: f64 = 0.05;
    let doubtful = |ratio: &Ratio| if ratio.is_decided() { !ratio.paired } else { (ratio.ratio - 1.0).abs() > MUCH };
    one.vs.as_ref().is_some_and(|vs| doubtful(&vs.ratio))
}

fn code(run: &Run) -> u8 {
    let uncounted = run.finished.is_empty() && run.failed.iter().any(|failed| failed.kind == FailureKind::NotLinked);
    match run.end().success {
        true => exit::OK,
        false if uncounted => exit::NOTHING_MEASURED,
        false if run.end().failed == 0 => exit::CHECK_FAILED,
        false => exit::BENCH_FAILED,
    }
}

/// Where a profile of all benchmarks goes; reports before the measurement if the file cannot be written.
fn combined_file(args: &RunArgs, file: Option<&PathBuf>) -> Result<Option<PathBuf>> {
    let Some(file) = file else { return Ok(None) };
    let at = args.measure.outputdir.as_ref().map_or_else(|| file.clone(), |dir| dir.join(file));
    fs::check_output(&at)?;
    let folder = at.parent().filter(|folder| !folder.as_os_str().is_empty());
    match folder {
        Some(folder) if !folder.is_dir() => {
            Err(Error::usage(format!("cannot write {}: there is no folder {}", at.display(), folder.display())))
        }
        _ => Ok(Some(at)),
    }
}

/// One profile of all; empty if there is none.
fn together(profiles: &[Profile]) -> Result<Profile> {
    match profiles {
        [] => Ok(Profile::default()),
        all => profile::merge(&all.iter().collect::<Vec<_>>()).map_err(Error::other),
    }
}

/// The first line of a run that begins now.
pub fn started(profile: &str, root: &Path, config: &CargoConfig) -> RunStarted {
    let version = config.toolchain.version.lines().find_map(|line| line.strip_prefix("release: "));
    // Under a runner the benches run elsewhere.
    let here = config.runner.is_empty().then(|| std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default());
    let cpu = here.unwrap_or_default();
    let cpu = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map(|(_, name)| name);
    RunStarted {
        format_version: FORMAT_VERSION,
        tool: env!("CARGO_PKG_VERSION").to_owned(),
        rustc: version.unwrap_or_default().to_owned(),
        target: config.platform.clone(),
        profile: profile.to_owned(),
        cpu: cpu.unwrap_or_default().to_owned(),
        commit: git::head_commit(root),
        workspace: Some(root.to_string_lossy().into_owned()),
    }
}
