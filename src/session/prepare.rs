//! Everything up to the point where benchmarks can run: what is selected, where it is, its executables, its benchmarks.

use std::cell::Cell;
use std::collections::HashMap;
use std::path::PathBuf;

use regex::Regex;

use super::partition::Partition;
use crate::cli::args::RunArgs;
use crate::console;
use crate::inject::{DHAT_VERSION, known_harnesses};
use crate::measure::{self, Build, BuildOptions, Executable, Interrupt, Launch, PassOptions, Scratch, Suite};
use crate::project::{BenchTarget, CargoConfig, Workspace};
use crate::results::lines::Failed;
use crate::{Error, Result, exit};

/// What the command line selects.
pub struct Selection {
    bench: Vec<(String, Regex)>,
    filters: Vec<Regex>,
    partition: Option<Partition>,
}

impl Selection {
    fn new(args: &RunArgs) -> Result<Selection> {
        let compile = |text: &String| {
            Regex::new(text).map_err(|e| {
                let reason = e.to_string().lines().last().unwrap_or_default().trim().to_owned();
                Error::usage(format!("`{text}` is no regular expression: {}", reason.trim_start_matches("error: ")))
            })
        };
        Ok(Selection {
            bench: args.select.bench.iter().map(|text| Ok((text.clone(), compile(text)?))).collect::<Result<_>>()?,
            filters: args.filters.iter().map(compile).collect::<Result<_>>()?,
            partition: args.select.partition,
        })
    }

    /// Whether a part of the benchmarks is left out by their names.
    pub fn is_partial(&self) -> bool {
        !(self.bench.is_empty() && self.filters.is_empty() && self.partition.is_none())
    }

    /// The targets to build: where each --bench is a target's name only those, else all.
    fn targets(&self, workspace: &Workspace) -> Vec<BenchTarget> {
        let is_name = |text: &str| workspace.targets.iter().any(|target| target.name == text);
        let all = self.bench.is_empty() || !self.bench.iter().all(|(text, _)| is_name(text));
        let wanted = |target: &&BenchTarget| all || self.bench.iter().any(|(text, _)| *text == target.name);
        workspace.targets.iter().filter(wanted).cloned().collect()
    }

    /// [`Selection::wants`], in whichever part (`--partition`) it is.
    fn matches(&self, targets: &[BenchTarget], package: &str, target: &str, id: &str) -> bool {
        let path = format!("{target}/{id}");
        let full = format!("{package}/{path}");
        let by_bench = |(text, regex): &(String, Regex)| {
            if targets.iter().any(|target| target.name == *text) { target == text } else { regex.is_match(&path) }
        };
        (self.bench.is_empty() || self.bench.iter().any(by_bench))
            && (self.filters.is_empty()
                || self.filters.iter().any(|regex| regex.is_match(&path) || is_suffix(&full, regex.as_str())))
    }

    /// Whether a target may be meant by its name alone, whatever its benchmarks are called.
    pub fn may_mean(&self, target: &BenchTarget) -> bool {
        let path = format!("{}/", target.name);
        let full = format!("{}/{path}", target.package);
        let fits = |regex: &Regex| regex.is_match(&path) || regex.as_str().starts_with(&full);
        (self.bench.is_empty() || self.bench.iter().any(|(text, regex)| *text == target.name || fits(regex)))
            && (self.filters.is_empty() || self.filters.iter().any(fits))
    }

    /// Whether a benchmark is wanted. A bench target's name selects that target and no other.
    pub fn wants(&self, targets: &[BenchTarget], package: &str, target: &str, id: &str) -> bool {
        self.matches(targets, package, target, id)
            && self.partition.is_none_or(|partition| partition.has(&format!("{package}/{target}/{id}")))
    }
}

/// Whether `text` is the full name or its last parts, letter by letter: an id may have what regular expressions read otherwise.
fn is_suffix(full: &str, text: &str) -> bool {
    full.strip_suffix(text).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
}

/// What the arguments say, before anything is built.
pub struct Located {
    pub config: CargoConfig,
    pub workspace: Workspace,
    pub selection: Selection,
    pub interrupt: Interrupt,
    scratch: Scratch,
}

pub fn locate(args: &RunArgs) -> Result<Located> {
    console::set_color(args.select.color.as_deref());
    let selection = Selection::new(args)?;
    let interrupt = Interrupt::listen()?;
    // What fails because it was interrupted, too, is an interrupt.
    locate_until(args, selection, interrupt.clone()).map_err(|error| interrupt.check().err().unwrap_or(error))
}

fn locate_until(args: &RunArgs, selection: Selection, interrupt: Interrupt) -> Result<Located> {
    let options = args.cargo_options();
    let config = CargoConfig::load(&options)?;
    let workspace = Workspace::load(&options, &config)?;
    for left_out in &workspace.left_out {
        console::note(&format!("left out: {left_out}"));
    }
    let scratch = Scratch::make(&workspace.home)?;
    Ok(Located { config, workspace, selection, interrupt, scratch })
}

/// The executables of what is selected.
pub fn build(args: &RunArgs, located: &Located) -> Result<Build> {
    let Located { config, workspace, selection, interrupt, scratch } = located;
    let targets = selection.targets(workspace);
    let options = BuildOptions { by_name: targets.len() < workspace.targets.len(), ..args.build_options() };
    if args.measure.dhat {
        console::note(&format!("--dhat: the dhat crate {DHAT_VERSION} is built; its first use fetches it"));
    }
    measure::build(workspace, config, &args.cargo_options(), &options, &targets, scratch, interrupt)
        .map_err(|error| interrupt.check().err().unwrap_or(error))
}

/// How cargo would start each executable.
pub fn launches(located: &Located, build: &Build) -> Result<HashMap<PathBuf, Launch>> {
    measure::capture(build, &located.config, &located.workspace.home, &located.scratch, &located.interrupt)
}

pub fn pass_options(args: &RunArgs, located: &Located) -> PassOptions {
    PassOptions {
        bench_time: args.measure.benchtime,
        timeout: args.measure.timeout,
        cpu_hz: args.measure.cpu_rate,
        stacks: !args.measure.no_profiles,
        peak: args.measure.peak,
        block: args.measure.blockprofile.is_some(),
        lives: false,
        counted_iterations: HashMap::new(),
        whole_process: None,
        dhat: args.measure.dhat,
        bench_args: args.bench_args.clone(),
        dir: located.scratch.0.clone(),
        verbose: args.select.verbose > 0,
    }
}

/// What went wrong with a whole bench target.
pub fn target_failed(target: &BenchTarget, error: String) -> Failed {
    Failed {
        name: format!("{}/{}", target.package, target.name),
        package: target.package.clone(),
        target: target.name.clone(),
        id: String::new(),
        error,
    }
}

/// The suites with the selected benchmarks; targets that failed before they named any go to `failed`.
///
/// # Errors
/// No benchmark is what was asked for. That the part of `--partition` has none is no error, where another part has some.
pub fn suites<'a>(
    located: &Located,
    build: &'a Build,
    launches: &'a HashMap<PathBuf, Launch>,
    options: &PassOptions,
    failed: &mut Vec<Failed>,
) -> Result<Vec<Suite<'a>>> {
    failed.extend(build.refused.iter().map(|(target, error)| target_failed(target, error.clone())));
    let (mut suites, mut failures) = (Vec::new(), Vec::new());
    let targets = &located.workspace.targets;
    let matched = Cell::new(false);
    let wanted = |executable: &Executable, id: &str| {
        let (package, target) = (&executable.target.package, &executable.target.name);
        matched.set(matched.get() || located.selection.matches(targets, package, target, id));
        located.selection.wants(targets, package, target, id)
    };
    let mut listed = 0;
    for executable in &build.executables {
        let launch = launches
            .get(&executable.timed)
            .ok_or_else(|| Error::other(format!("cargo did not run the bench `{}`", executable.target.name)))?;
        let (suite, failure) = measure::list_suite(executable, launch, options, &wanted, listed, &located.interrupt)?;
        listed += suite.listed;
        if suite.whole_process && !suite.benchmarks.is_empty() {
            console::note(&format!(
                "{}/{}: its whole process is measured, for it has none of the harnesses that are known ({})",
                executable.target.package,
                executable.target.name,
                known_harnesses()
            ));
        }
        failures.extend(failure.map(|error| (suites.len(), error)));
        suites.push(suite);
    }
    let any = suites.iter().any(|suite: &Suite| !suite.benchmarks.is_empty());
    for (index, error) in failures {
        let suite: &Suite = &suites[index];
        let target = &suite.executable.target;
        let failure = target_failed(target, format!("{error}, when its benchmarks were listed"));
        // Where others match what was asked for, and nothing of this one does, it is not what this run is about.
        if any && suite.benchmarks.is_empty() && !located.selection.may_mean(target) {
            console::warn(&format!("{}: {}", failure.name, failure.error));
        } else {
            failed.push(failure);
        }
    }
    match (any || !failed.is_empty(), matched.get()) {
        (true, _) => (),
        (false, true) => console::note("no benchmark falls into this part"),
        (false, false) => return Err(nothing_matched(located, build)),
    }
    Ok(suites)
}

fn nothing_matched(located: &Located, build: &Build) -> Error {
    let targets: Vec<&str> = build.executables.iter().map(|e| e.target.name.as_str()).collect();
    let Selection { bench, filters, .. } = &located.selection;
    let asked = bench.iter().map(|(text, _)| text.as_str()).chain(filters.iter().map(Regex::as_str));
    let asked: Vec<&str> = asked.collect();
    let left_out = match located.workspace.left_out.as_slice() {
        [] => String::new(),
        left_out => format!("; not built, for want of a feature (-F FEATURE): {}", left_out.join(", ")),
    };
    let message = match asked.as_slice() {
        [] => format!("there is no benchmark in {}", targets.join(", ")),
        asked => format!(
            "no TARGET/ID in {} matches `{}`; `cargo memprof list` names them all",
            targets.join(", "),
            asked.join("` and `")
        ),
    };
    Error::new(exit::NOTHING_MEASURED, message + &left_out)
}
