//! `cargo memprof check`: run, then hold the result against the baseline and the budgets.

mod accept;
mod judge;
mod last_run;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;

use clap::Parser as _;

use self::judge::{Gate, Listed};
use super::args::CheckArgs;
use super::go_flags;
use super::run::{Doubt, measure_all, recount};
use crate::check::Measured;
use crate::results::check::{Against, Check, Verdict};
use crate::results::lines::Run;
use crate::results::metric::Metric;
use crate::session::baseline::Base;
use crate::session::prepare::{self, Located};
use crate::session::writer::Writer;
use crate::{Error, Result};

pub fn run(words: &[OsString]) -> Result<u8> {
    let args = go_flags::to_two_dashes(words, &CheckArgs::long_names());
    let args = CheckArgs::parse_from(std::iter::once(OsString::from("cargo memprof check")).chain(args));
    if args.last_run {
        refuse_files_of_a_run(&args)?;
    }
    let located = prepare::locate(&args.run)?;
    let last = if args.last_run { Some(last_run::read(&located)?) } else { None };
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

fn refuse_files_of_a_run(args: &CheckArgs) -> Result<()> {
    let measure = &args.run.measure;
    let files = [
        ("--memprofile", &measure.memprofile),
        ("--cpuprofile", &measure.cpuprofile),
        ("--blockprofile", &measure.blockprofile),
    ];
    match files.into_iter().find(|(_, file)| file.is_some()) {
        Some((name, _)) => Err(Error::usage(format!("{name} is of a run, and --last-run runs nothing; leave one out"))),
        None => Ok(()),
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
    let (today, listed) = match last {
        Some(last) => (last_run::taken_again(last, located, writer)?, Listed::OfLastRun),
        None => measured(args, located, &gate, writer)?,
    };
    gate.warn_of_differences(located, &writer.run.started);
    let mut checks = gate.judge(&today, &listed, located, &writer.run);
    if args.accept {
        let kept = accept::verdicts(&mut checks, &today, &listed, located);
        // What was measured is reported all the same.
        if let Err(error) = accept::write(&gate, &today, &checks, &kept, located, &writer.run.started) {
            writer.trouble(error);
        }
    }
    checks.into_iter().for_each(|check| writer.check(check));
    Ok(gate.base)
}

/// Builds and runs. What would fail, and what is to become the baseline, is counted again in other processes: where the
/// number differs from process to process, that is a range, and no regression.
fn measured(
    args: &CheckArgs,
    located: &Located,
    gate: &Gate,
    writer: &mut Writer,
) -> Result<(BTreeMap<String, Measured>, Listed)> {
    let build = prepare::build(&args.run, located)?;
    let launches = prepare::launches(located, &build)?;
    let mut options = prepare::pass_options(&args.run, located);
    options.counted_iterations = gate.counted_iterations();
    let mut failed = Vec::new();
    let suites = prepare::suites(located, &build, &launches, &options, &mut failed)?;
    failed.into_iter().for_each(|failed| writer.failed(failed));
    let mut progress = measure_all(&args.run, located, &suites, &options, writer)?;
    let mut today = crate::check::measured(&writer.run.finished, &writer.sites);
    let fails = |check: &Check| {
        check.verdict == Verdict::Failed
            && check.against == Against::Baseline
            && check.metric.is_some_and(Metric::is_counted)
    };
    let kept = args.accept || args.run.output.save_baseline.is_some();
    let doubted = |measured: &Measured| kept || gate.judge_one(measured).iter().any(fails);
    let doubt = Doubt { doubted: &doubted, varies: &|measured| gate.varies(measured), add: &Measured::add };
    recount(located, &suites, &options, &mut progress, writer, &mut today, &doubt)?;
    progress.finish();
    let complete = suites.iter().filter(|suite| suite.is_complete).map(|suite| &suite.executable.target);
    let complete: BTreeSet<_> = complete.map(|target| (target.package.clone(), target.name.clone())).collect();
    Ok((today, Listed::Now(complete)))
}
