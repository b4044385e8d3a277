//! `cargo memprof [run]` and `cargo memprof list`.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsString;

use clap::Parser as _;

use super::args::RunArgs;
use super::{go_flags, is_command, web};
use crate::console;
use crate::measure::{self, Outcome, PassOptions, Suite, Tables};
use crate::results::lines::Memory;
use crate::results::names;
use crate::session::baseline::{self, Base};
use crate::session::prepare::{self, Located};
use crate::session::progress::Progress;
use crate::session::writer::Writer;
use crate::web::pages::{BaseRun, Report};
use crate::web::server::Listening;
use crate::{Error, Result, exit};

/// Parses the arguments of `run` and `list`; clap itself answers --help and complains.
fn parse(args: &[OsString]) -> RunArgs {
    let args = go_flags::to_two_dashes(args, &RunArgs::long_names());
    RunArgs::parse_from(std::iter::once(OsString::from("cargo memprof")).chain(args))
}

/// `cargo memprof list`.
pub fn list(args: &[OsString]) -> Result<u8> {
    let args = parse(args);
    let located = prepare::locate(&args)?;
    let build = prepare::build(&args, &located)?;
    let launches = prepare::launches(&located, &build)?;
    let options = prepare::pass_options(&args, &located);
    let mut failed = Vec::new();
    let suites = prepare::suites(&located, &build, &launches, &options, &mut failed)?;
    let listed: Vec<&str> = suites.iter().flat_map(|suite| &suite.benchmarks).map(|b| b.name.as_str()).collect();
    console::print(&listed.iter().map(|name| format!("{}\n", names::one_line(name))).collect::<String>());
    for failed in &failed {
        console::error(&format!("{}: {}", failed.name, failed.error));
    }
    Ok(if failed.is_empty() { exit::OK } else { exit::BENCH_FAILED })
}

/// `cargo memprof [run]`.
pub fn run(args: &[OsString]) -> Result<u8> {
    let words = args;
    let args = parse(args);
    if let Some(command) = args.filters.iter().find(|filter| is_command(filter)) {
        let message = format!(
            "`{command}` is a command, and stands in front: `cargo memprof {command} …`; as a filter it is `({command})`"
        );
        return Err(Error::usage(message));
    }
    // Said before anything is measured, where the port cannot be had.
    let listening = args.output.http.as_deref().map(web::listen).transpose()?;
    let located = prepare::locate(&args)?;
    let mut writer = Writer::new(&args, &located.workspace, &located.config)?;
    match measure_into(&mut writer, &args, words, &located) {
        Ok(_) if args.select.no_run => {
            writer.end_without_results(None);
            Ok(exit::OK)
        }
        Ok(base) => match listening {
            Some(listening) => finish_and_serve(writer, base, listening, &args, &located),
            None => writer.finish(base),
        },
        Err(error) => {
            writer.end_without_results(Some(&error));
            Err(error)
        }
    }
}

/// The pages of the run that has ended, until Ctrl-C.
fn finish_and_serve(
    writer: Writer,
    base: Option<Base>,
    listening: Listening,
    args: &RunArgs,
    located: &Located,
) -> Result<u8> {
    let compared = base.as_ref().map(|base| BaseRun { label: base.label.clone(), run: base.run.clone() });
    let report = Report::new(writer.run.clone(), args.output.against.clone(), compared);
    let code = writer.finish(base)?;
    web::serve_run(report, listening, !args.output.no_browser, &|| located.interrupt.came())?;
    located.interrupt.check()?;
    Ok(code)
}

/// Builds and, unless --no-run is given, measures; what it is compared with.
fn measure_into(writer: &mut Writer, args: &RunArgs, words: &[OsString], located: &Located) -> Result<Option<Base>> {
    let base = baseline::load(args, words, located)?;
    let build = prepare::build(args, located)?;
    if args.select.no_run {
        for executable in &build.executables {
            console::note(&format!("built {} and {}", executable.timed.display(), executable.counted.display()));
        }
        return Ok(base);
    }
    let launches = prepare::launches(located, &build)?;
    let mut options = prepare::pass_options(args, located);
    options.counted_iterations = base.as_ref().map(Base::counted_iterations).unwrap_or_default();
    if let Some(base) = &base {
        baseline::warn_of_differences(&base.label, &base.run.started, &writer.run.started);
    }
    let mut failed = Vec::new();
    let suites = prepare::suites(located, &build, &launches, &options, &mut failed)?;
    failed.into_iter().for_each(|failed| writer.failed(failed));
    let mut progress = measure_all(args, located, &suites, &options, writer)?;
    if args.output.save_baseline.is_some() {
        // What is kept to be compared with should know how its counts vary.
        let mut counts: BTreeMap<String, Memory> = BTreeMap::new();
        for finished in &writer.run.finished {
            counts.entry(finished.name.clone()).or_insert_with(|| finished.memory.clone()).join(&finished.memory);
        }
        let doubt = Doubt { doubted: &|_| true, varies: &|memory: &Memory| !memory.exact, add: &Memory::join };
        recount(located, &suites, &options, &mut progress, writer, &mut counts, &doubt)?;
    }
    progress.finish();
    Ok(base)
}

/// Which counts `T` of a run are taken again, and how they are put together.
pub struct Doubt<'a, T> {
    pub doubted: &'a dyn Fn(&T) -> bool,
    /// Whether its counts are seen to differ.
    pub varies: &'a dyn Fn(&T) -> bool,
    pub add: &'a dyn Fn(&mut T, &Memory),
}

/// Counts again what is doubted of `counts`, which are by full name, each time in processes of its own. `writer` keeps the new
/// counts, too.
pub fn recount<T>(
    located: &Located,
    suites: &[Suite],
    options: &PassOptions,
    progress: &mut Progress,
    writer: &mut Writer,
    counts: &mut BTreeMap<String, T>,
    doubt: &Doubt<T>,
) -> Result<()> {
    /// What is to be kept or would fail a check.
    const ROUNDS: usize = 2;
    /// Where counts differ: some processes go another way than most, and a baseline should have seen both.
    const ROUNDS_OF_RANGES: usize = 6;
    for round in 0..ROUNDS_OF_RANGES {
        let doubted = |one: &T| (round < ROUNDS || (doubt.varies)(one)) && (doubt.doubted)(one);
        let doubted = counts.iter().filter(|(_, one)| doubted(one)).map(|(name, _)| name.clone());
        let doubted: HashSet<String> = doubted.collect();
        for suite in suites.iter().filter(|suite| suite.benchmarks.iter().any(|b| doubted.contains(&b.name))) {
            let again = measure::recount(suite, &doubted, &writer.run.finished, options, progress, &located.interrupt)?;
            for (name, memory) in again {
                if let Some(one) = counts.get_mut(&name) {
                    (doubt.add)(one, &memory);
                }
                writer.recounts.entry(name).or_default().push(memory);
            }
        }
        located.interrupt.check()?;
    }
    Ok(())
}

/// Measures every suite as often as `--count` says; the results go to `writer`.
pub fn measure_all(
    args: &RunArgs,
    located: &Located,
    suites: &[Suite],
    options: &PassOptions,
    writer: &mut Writer,
) -> Result<Progress> {
    let benchmarks: usize = suites.iter().map(|suite| suite.benchmarks.len()).sum();
    let steps = benchmarks as u64 * u64::from(args.measure.count) * if options.stacks { 3 } else { 2 };
    let mut progress = Progress::new(steps, args.select.quiet);
    let mut tables = Tables::default();
    for suite in suites {
        let mut failed = HashSet::new();
        for _ in 0..args.measure.count {
            let mut behind_the_last = None;
            for part in suite.parts(&failed) {
                let (outcomes, afterwards) =
                    measure::measure(&part, options, &mut tables, &mut progress, &located.interrupt)?;
                for outcome in outcomes {
                    match outcome {
                        Outcome::Finished(finished, profiles) => writer.finished(*finished, *profiles)?,
                        Outcome::Failed(failure) => {
                            failed.insert(failure.name.clone());
                            writer.failed(failure);
                        }
                    }
                }
                // Each part comes by the same end.
                behind_the_last = behind_the_last.or(afterwards);
            }
            // What already ended the listing ends every process, and was told then.
            let name = prepare::target_failed(&suite.executable.target, String::new()).name;
            let told = |error: &String| {
                writer.run.failed.iter().any(|failed| failed.name == name && failed.error.starts_with(error.as_str()))
            };
            if let Some(error) = behind_the_last.filter(|error| !told(error)) {
                let error = format!("{error}, after its last benchmark");
                writer.failed(prepare::target_failed(&suite.executable.target, error));
            }
        }
    }
    located.interrupt.check()?;
    Ok(progress)
}
