//! `cargo memprof check`: run, then compare the result with the baseline and the budgets.

mod accept;
mod judge;
mod last_run;
pub mod tests;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ffi::OsString;

use clap::Parser;

use self::judge::{Gate, Listed};
use crate::check::Measured;
use crate::console;
use crate::go::flags;
use crate::programs::target::Kind;
use crate::project::settings::Program;
use crate::results::check::{Against, Check, Verdict};
use crate::results::lines::{Memory, Run};
use crate::session::options::RunArgs;
use crate::session::recount::Counts;
use crate::session::writer::Writer;
use crate::session::{Session, programs};
use crate::{Error, Result};

#[derive(Debug, Parser)]
#[command(
    name = "cargo memprof check",
    bin_name = "cargo memprof check",
    about = "Run the benches, and the programs of memprof.toml, then compare them with memprof-baseline.toml and the budgets of memprof.toml",
    after_help = CHECK,
    args_override_self = true
)]
pub struct CheckArgs {
    /// Write today's numbers to memprof-baseline.toml
    #[arg(long)]
    pub accept: bool,
    /// Judge the results of the last run, or of `merge`, and run nothing
    #[arg(long)]
    pub last_run: bool,
    /// Check only this program; arguments for it stand behind --
    #[arg(long, value_name = "NAME")]
    pub bin: Vec<String>,
    /// Check only this example
    #[arg(long, value_name = "NAME")]
    pub example: Vec<String>,
    /// Check only this integration test, run as a whole
    #[arg(long, value_name = "NAME")]
    pub test: Vec<String>,
    #[command(flatten)]
    pub run: RunArgs,
}

impl CheckArgs {
    /// The programs that are checked alone, with the arguments of the command line.
    fn programs(&self) -> Vec<Program> {
        let of = |kind, names: &[String]| names.iter().map(|name| (kind, name.clone())).collect::<Vec<_>>();
        let names = [of(Kind::Bin, &self.bin), of(Kind::Example, &self.example), of(Kind::Test, &self.test)].concat();
        programs::named(&names, &self.run.bench_args)
    }
}

const CHECK: &str = "\
allocs/op and B/op must equal the baseline, to the digit where they are exact. A benchmark that vanished, or has no entry,
fails. Time is judged only if a budget says so. With a FILTER only matching entries can vanish, and --accept changes only
those: it removes the entries of benchmarks that this run looked for and did not find. --accept does not excuse a budget.

Tests are run and judged, too, where memprof.toml has a budget of tests or the baseline has entries of tests; `cargo memprof test
--check` judges them alone.

Exit codes: 0 success · 100 a regression, a budget, a vanished benchmark, a missing baseline · 101 the benches do not
build · 102 no workspace or bad configuration · 103 a bench failed · 104 nothing matched, or nothing could be counted";

pub fn run(words: &[OsString]) -> Result<u8> {
    let args = flags::to_two_dashes(words, &flags::long_names::<CheckArgs>());
    let args = CheckArgs::parse_from(std::iter::once(OsString::from("cargo memprof check")).chain(args));
    if args.last_run {
        refuse_files_of_a_run(&args)?;
    }
    let mut session = Session::open_any(&args.run)?;
    let last = if args.last_run { Some(last_run::read(&session)?) } else { None };
    let mut writer = match &last {
        Some(last) => Writer::again(&session, last.started.clone())?,
        None => Writer::new(&session)?,
    };
    match judge_into(&mut writer, &args, words, &mut session, last) {
        Ok(()) => writer.finish(),
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

/// Measures, unless there is a `last` run to be judged, and judges.
fn judge_into(
    writer: &mut Writer,
    args: &CheckArgs,
    words: &[OsString],
    session: &mut Session,
    last: Option<Run>,
) -> Result<()> {
    let gate = Gate::load(args, words, session)?;
    if let Some(base) = &gate.base {
        writer.compare_with(base);
    }
    // A run of tests has not looked for benches.
    let has_benches = last.as_ref().is_none_or(|last| !last.finished.is_empty() || !last.failed.is_empty());
    let (last_tests, (today, listed)) = match last {
        Some(mut last) => {
            let tests = std::mem::take(&mut last.tests);
            (Some(tests), (last_run::taken_again(last, session, writer)?, Listed::OfLastRun))
        }
        None => (None, measured(args, session, &gate, writer)?),
    };
    let mut checks = Vec::new();
    if has_benches {
        gate.warn_of_differences(session, &writer.run.started);
        checks = gate.judge(&today, &listed, session, &writer.run);
    }
    let tests_too = match &last_tests {
        Some(tests) => !tests.is_empty(),
        None => tests::are_wanted(args, session)?,
    };
    if args.accept && today.is_empty() && !tests_too {
        console::warn(&format!("{} is left as it was, for nothing was measured", crate::check::FILE_NAME));
    } else if args.accept && !today.is_empty() {
        let kept = accept::verdicts(&mut checks, &today, &listed, session);
        // The results are reported all the same.
        if let Err(error) = accept::write(&gate, &today, &checks, &kept, session, &writer.run.started) {
            writer.trouble(error);
        }
    }
    checks.into_iter().for_each(|check| writer.check(check));
    match last_tests {
        Some(tests) if tests_too => tests::of_last_run(writer, args, session, tests)?,
        None if tests_too => tests::add_to(writer, args, session)?,
        _ => (),
    }
    let run = &writer.run;
    if args.last_run && run.finished.is_empty() && run.failed.is_empty() && run.tests.is_empty() {
        return Err(Error::nothing_measured("no benchmark or test of the last run matched"));
    }
    Ok(())
}

/// Builds and runs. Counts that would fail, or become the baseline, are taken again in other processes: a number that
/// differs from process to process is a range, and no regression.
fn measured(
    args: &CheckArgs,
    session: &mut Session,
    gate: &Gate,
    writer: &mut Writer,
) -> Result<(BTreeMap<String, Measured>, Listed)> {
    let cases = session.build_programs(gate.programs())?;
    if cases.is_empty() && !tests::are_wanted(args, session)? {
        session.needs_benches()?;
    }
    session.counted_iterations = gate.counted_iterations();
    let build = if gate.is_of_programs() || session.workspace.none.is_some() { None } else { Some(session.build()?) };
    let listing = build.as_ref().map(|build| session.list(build)).transpose();
    let listing = match listing {
        // The filters may mean programs only.
        Err(Error::NothingMeasured(_)) if !cases.is_empty() => None,
        listing => listing?,
    };
    if let Some(listing) = &listing {
        writer.measure(session, listing)?;
    }
    writer.measure_programs(session, &cases)?;
    let today = crate::check::measured(&writer.run.finished, &writer.sites);
    let kept = args.accept || args.run.output.save_baseline.is_some();
    let mut judged = Judged { gate, kept, today };
    if let Some(listing) = &listing {
        session.recount(listing, &mut judged, writer)?;
    }
    writer.recount_programs(session, &cases, &mut judged)?;
    session.progress.pause();
    let suites = listing.iter().flat_map(|listing| &listing.suites);
    let complete = suites.filter(|suite| suite.cut_short.is_none()).map(|suite| suite.target());
    let complete: BTreeSet<_> = complete.map(|target| (target.package.clone(), target.name.clone())).collect();
    Ok((judged.today, Listed::Now(complete)))
}

/// Today's counts. A count that fails is doubted.
struct Judged<'a> {
    gate: &'a Gate,
    /// They will be kept, so all are doubted.
    kept: bool,
    today: BTreeMap<String, Measured>,
}

impl Judged<'_> {
    fn fails(&self, measured: &Measured) -> bool {
        let fails = |check: &Check| {
            check.verdict == Verdict::Failed
                && check.against == Against::Baseline
                && check.metric.is_some_and(|metric| measured.is_compared(metric))
        };
        self.gate.judge_one(measured).iter().any(fails)
    }
}

impl Counts for Judged<'_> {
    fn in_doubt(&self, varying: bool) -> HashSet<String> {
        let doubted = |one: &Measured| (!varying || self.gate.varies(one)) && (self.kept || self.fails(one));
        self.today.iter().filter(|(_, one)| doubted(one)).map(|(name, _)| name.clone()).collect()
    }

    fn add(&mut self, name: &str, memory: &Memory) {
        if let Some(one) = self.today.get_mut(name) {
            one.add(memory);
        }
    }
}
