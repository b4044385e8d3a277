//! `cargo memprof [run]` and `cargo memprof list`.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::Parser as _;
use regex::Regex;

use super::args::RunArgs;
use super::progress::Progress;
use super::{go_flags, output, shell};
use crate::inject;
use crate::measure::{self, Build, Executable, Interrupt, Launch, Outcome, PassOptions, Scratch, Suite, Tables};
use crate::result::model::Failed;
use crate::workspace::{BenchTarget, CargoConfig, Workspace};
use crate::{Error, Result, exit};

/// Parses the arguments of `run` and `list`; clap itself answers --help and complains.
fn parse(args: &[OsString]) -> RunArgs {
    let args = go_flags::to_two_dashes(args, &RunArgs::long_names());
    RunArgs::parse_from(std::iter::once(OsString::from("cargo memprof")).chain(args))
}

/// What the regular expressions of the command line select.
struct Selection {
    bench: Vec<(String, Regex)>,
    filters: Vec<Regex>,
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
        })
    }

    /// The targets to build: where each --bench is a target's name only those, else all.
    fn targets(&self, workspace: &Workspace) -> Vec<BenchTarget> {
        let is_name = |text: &str| workspace.targets.iter().any(|target| target.name == text);
        let all = self.bench.is_empty() || !self.bench.iter().all(|(text, _)| is_name(text));
        let wanted = |target: &&BenchTarget| all || self.bench.iter().any(|(text, _)| *text == target.name);
        workspace.targets.iter().filter(wanted).cloned().collect()
    }

    /// Whether a benchmark is wanted. A bench target's name selects that target and no other.
    fn wants(&self, targets: &[BenchTarget], target: &str, id: &str) -> bool {
        let path = format!("{target}/{id}");
        let by_bench = |(text, regex): &(String, Regex)| {
            if targets.iter().any(|target| target.name == *text) { target == text } else { regex.is_match(&path) }
        };
        (self.bench.is_empty() || self.bench.iter().any(by_bench))
            && (self.filters.is_empty() || self.filters.iter().any(|regex| regex.is_match(&path)))
    }
}

/// Everything up to the point where benchmarks can run.
struct Prepared {
    config: CargoConfig,
    workspace: Workspace,
    selection: Selection,
    interrupt: Interrupt,
    build: Build,
    scratch: Scratch,
}

fn prepare(args: &RunArgs) -> Result<Prepared> {
    shell::set_color(args.select.color.as_deref());
    let selection = Selection::new(args)?;
    let interrupt = Interrupt::listen()?;
    let options = args.cargo_options();
    let config = CargoConfig::load(&options)?;
    let workspace = Workspace::load(&options, &config)?;
    for left_out in &workspace.left_out {
        shell::note(&format!("left out: {left_out}"));
    }
    let targets = selection.targets(&workspace);
    let scratch = Scratch::make(&workspace.home)?;
    let build = measure::build(&workspace, &config, &options, &args.build_options(), &targets, &scratch, &interrupt)?;
    Ok(Prepared { config, workspace, selection, interrupt, build, scratch })
}

fn pass_options(args: &RunArgs, scratch: &Scratch) -> PassOptions {
    PassOptions {
        bench_time: args.measure.benchtime,
        timeout: args.measure.timeout,
        cpu_hz: args.measure.cpu_rate,
        stacks: !args.measure.no_profiles,
        peak: args.measure.peak,
        bench_args: args.bench_args.clone(),
        dir: scratch.0.clone(),
        verbose: args.select.verbose > 0,
    }
}

/// The suites with the selected benchmarks; targets that failed before they named any go to `failed`.
fn suites<'a>(
    prepared: &'a Prepared,
    launches: &'a HashMap<PathBuf, Launch>,
    options: &PassOptions,
    failed: &mut Vec<Failed>,
) -> Result<Vec<Suite<'a>>> {
    let mut suites = Vec::new();
    let targets = &prepared.workspace.targets;
    let wanted = |executable: &Executable, id: &str| prepared.selection.wants(targets, &executable.target.name, id);
    for executable in &prepared.build.executables {
        if !inject::is_hooked(&executable.timed)? {
            shell::warn(&format!(
                "bench `{}` is left out: it has no harness that this version knows (criterion 0.3 to 0.8)",
                executable.target.name
            ));
            continue;
        }
        let launch = launches
            .get(&executable.timed)
            .ok_or_else(|| Error::other(format!("cargo did not run the bench `{}`", executable.target.name)))?;
        let (suite, failure) = measure::list_suite(executable, launch, options, &wanted, &prepared.interrupt)?;
        if let Some(error) = failure {
            let target = &executable.target;
            failed.push(Failed {
                name: format!("{}/{}", target.package, target.name),
                package: target.package.clone(),
                target: target.name.clone(),
                id: String::new(),
                error: format!("{error}, when its benchmarks were listed"),
            });
        }
        suites.push(suite);
    }
    Ok(suites)
}

fn nothing_matched(prepared: &Prepared) -> Error {
    let targets: Vec<&str> = prepared.build.executables.iter().map(|e| e.target.name.as_str()).collect();
    Error::new(
        exit::NOTHING_MEASURED,
        format!(
            "no benchmark matched in {}; `cargo memprof list` names those that this version can measure",
            targets.join(", ")
        ),
    )
}

/// `cargo memprof list`.
pub fn list(args: &[OsString]) -> Result<u8> {
    let args = parse(args);
    let prepared = prepare(&args)?;
    let launches = measure::capture(
        &prepared.build,
        &prepared.config,
        &prepared.workspace.home,
        &prepared.scratch,
        &prepared.interrupt,
    )?;
    let options = pass_options(&args, &prepared.scratch);
    let mut failed = Vec::new();
    let suites = suites(&prepared, &launches, &options, &mut failed)?;
    let names: Vec<&str> = suites.iter().flat_map(|suite| &suite.benchmarks).map(|b| b.name.as_str()).collect();
    shell::print(&names.iter().map(|name| format!("{name}\n")).collect::<String>());
    for failed in &failed {
        shell::error(&format!("{}: {}", failed.name, failed.error));
    }
    match (failed.is_empty(), names.is_empty()) {
        (false, _) => Ok(exit::BENCH_FAILED),
        (true, true) => Err(nothing_matched(&prepared)),
        (true, false) => Ok(exit::OK),
    }
}

/// `cargo memprof [run]`.
pub fn run(args: &[OsString]) -> Result<u8> {
    let args = parse(args);
    let prepared = prepare(&args)?;
    if args.select.no_run {
        for executable in &prepared.build.executables {
            shell::note(&format!("built {} and {}", executable.timed.display(), executable.counted.display()));
        }
        return Ok(exit::OK);
    }
    let launches = measure::capture(
        &prepared.build,
        &prepared.config,
        &prepared.workspace.home,
        &prepared.scratch,
        &prepared.interrupt,
    )?;
    let options = pass_options(&args, &prepared.scratch);
    let mut failed = Vec::new();
    let suites = suites(&prepared, &launches, &options, &mut failed)?;
    let benchmarks: usize = suites.iter().map(|suite| suite.benchmarks.len()).sum();
    if benchmarks == 0 && failed.is_empty() {
        return Err(nothing_matched(&prepared));
    }

    let mut writer = output::Writer::new(&args, &prepared.workspace, &prepared.config)?;
    failed.into_iter().for_each(|failed| writer.failed(failed));
    let steps = benchmarks as u64 * u64::from(args.measure.count) * if options.stacks { 3 } else { 2 };
    let mut progress = Progress::new(steps, args.select.quiet);
    let mut tables = Tables::default();
    for suite in &suites {
        for _ in 0..args.measure.count {
            let (outcomes, afterwards) =
                measure::measure(suite, &options, &mut tables, &mut progress, &prepared.interrupt)?;
            for outcome in outcomes {
                match outcome {
                    Outcome::Finished(finished, profiles) => writer.finished(*finished, *profiles)?,
                    Outcome::Failed(failure) => writer.failed(failure),
                }
            }
            if let Some(error) = afterwards {
                let target = &suite.executable.target;
                writer.failed(Failed {
                    name: format!("{}/{}", target.package, target.name),
                    package: target.package.clone(),
                    target: target.name.clone(),
                    id: String::new(),
                    error: format!("{error}, after its last benchmark"),
                });
            }
        }
    }
    progress.finish();
    prepared.interrupt.check()?;
    writer.finish()
}
