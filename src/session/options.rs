//! The options of every command that measures, spelled as in `cargo bench` and `go test`.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser};

use super::duration;
use super::partition::Partition;
use crate::formats::{self, FORMATS, Format, json};
use crate::measure::{BenchOptions, BenchTime};
use crate::project::{BuildOptions, CargoOptions};

const COMMANDS: &str = "\
Commands (each takes --help):
  run       run the benches, print the table, write the profiles; `run` may be left out
  list      print the benchmarks' full names, one a line; measure nothing
  explain   say why each benchmark allocates, and what would stop it
  check     run, then compare with the committed baseline and the budgets; --accept writes the baseline
  compare   compare two or more results, with statistics, as benchstat does
  report    write the last run as one self-contained HTML page, or as text; -http=: serves it
  history   the results that --keep kept, over commits: where did allocations and time change?
  merge     join the results and profiles of several machines
  --bin NAME, --example NAME, --test NAME     run a whole program once (`cargo memprof --bin NAME --help`)
  live --bin NAME, build --bin NAME, attach PID   serve a running program's profiles at /debug/pprof
  top, trace                  watch a live program in the terminal, or record it for the Firefox Profiler
  leaks     show the blocks that the last run of a program never freed
  test      run the tests, and show what each allocates, holds at its peak and never frees
  pprof     show profiles as `go tool pprof` does, with its flags: top, list, tree, peek, traces, -http=:, …
  init      print a ready CI workflow: init --ci github
  completions SHELL, man      print shell completions, or the manual page

Exit codes: 0 success · 2 wrong arguments · 100 check failed · 101 the benches do not build · 102 no workspace, or a bad
configuration · 103 a bench crashed, hung or failed (the others are still reported) · 104 nothing matched, or nothing could
be counted · 1 any other error

Examples:
  cargo memprof --bench . -benchmem            run all benchmarks of the workspace's default members
  cargo memprof -p mycrate pooled              run those of one package whose name contains `pooled`
  cargo memprof -benchtime=3s -count 5 -json   measure each five times for three seconds, and print JSON lines
  cargo memprof -benchtime=1x --no-profiles    run everything once, for the numbers only";

#[derive(Debug, Clone, Parser)]
#[command(
    name = "cargo memprof",
    bin_name = "cargo memprof",
    version,
    about = "Time, allocations and profiles of the benches you already have",
    after_help = COMMANDS,
    next_line_help = false,
    // `-benchmem=false`: a boolean given again or with a value is no error.
    args_override_self = true
)]
pub struct RunArgs {
    /// Run only benchmarks whose TARGET/ID matches one of these regular expressions (and --bench, if given)
    #[arg(value_name = "FILTER")]
    pub filters: Vec<String>,

    /// Pass these arguments to the bench itself
    #[arg(last = true, value_name = "ARGS")]
    pub bench_args: Vec<String>,

    #[command(flatten)]
    pub select: Select,
    #[command(flatten)]
    pub measure: MeasureArgs,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Selecting and building (as in `cargo bench`)")]
pub struct Select {
    /// Run only benchmarks whose TARGET/ID matches; a bench target's name selects that target; `.` selects all
    #[arg(long, value_name = "REGEX")]
    pub bench: Vec<String>,
    #[command(flatten)]
    pub cargo: CargoOptions,
    /// Run the benchmarks of all packages in the workspace
    #[arg(long, visible_alias = "all")]
    pub workspace: bool,
    /// Leave this package out of --workspace
    #[arg(long, value_name = "SPEC")]
    pub exclude: Vec<String>,
    /// Run only the #[bench] functions of the libraries; with --benches, these too
    #[arg(long)]
    pub lib: bool,
    /// Run all targets with `bench = true` (the default)
    #[arg(long)]
    pub benches: bool,
    /// Build with this profile instead of `bench`
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    #[command(flatten)]
    pub build: BuildOptions,
    /// Run only the K-th of N parts of the benchmarks, to share them among N machines
    #[arg(long, value_name = "K/N", value_parser = Partition::parse)]
    pub partition: Option<Partition>,
    /// Build the benches without running them
    #[arg(long)]
    pub no_run: bool,
    /// Accepted for compatibility with cargo; failing benches never stop the others
    #[arg(long)]
    pub no_fail_fast: bool,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Measuring (as in `go test`; one dash will do)")]
pub struct MeasureArgs {
    /// Measure each benchmark for this time, or for an exact number of iterations such as `100x`
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration::bench_time)]
    pub benchtime: BenchTime,
    /// Measure the whole suite in about this time: no benchmark takes more than its share
    #[arg(long, value_name = "D", value_parser = duration::duration)]
    pub time_budget: Option<Duration>,
    /// Measure each benchmark N times
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub count: u32,
    /// End a benchmark that takes longer, and report it as failed
    #[arg(long, value_name = "D", default_value = "10m", value_parser = duration::duration)]
    pub timeout: Duration,
    /// Show B/op and allocs/op
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub benchmem: bool,
    /// Write all memory profiles to one file, with the label `benchmark`
    #[arg(long, value_name = "FILE")]
    pub memprofile: Option<PathBuf>,
    /// Write all CPU profiles to one file, with the label `benchmark`
    #[arg(long, value_name = "FILE")]
    pub cpuprofile: Option<PathBuf>,
    /// Record where threads wait: a block.prof for each benchmark, and all of them in one file
    #[arg(long, value_name = "FILE")]
    pub blockprofile: Option<PathBuf>,
    /// Put relative profile files in this folder
    #[arg(long, value_name = "DIR")]
    pub outputdir: Option<PathBuf>,
    /// Measure the numbers only, and write no profiles
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub no_profiles: bool,
    /// Record exactly what each call site has live at the peak: peak_objects and peak_space in mem.prof
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub peak: bool,
    /// Also write the dhat crate's own dhat-heap.json of each benchmark, for its viewer; the first use fetches the crate
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub dhat: bool,
    /// Time compared benchmarks in turns, sample by sample; `--turns=false` times one after the other
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub turns: bool,
    /// Measure again what is called faster or slower without having been timed in turns, or is undecided by more than 5 %
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub recheck: bool,
    /// Take HZ CPU samples a second of each thread's CPU time
    #[arg(long, value_name = "HZ", default_value_t = 250, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub cpu_rate: u32,
    /// Accepted for compatibility with `go test`; no effect
    #[arg(long, value_name = "REGEX", hide = true)]
    pub run: Option<String>,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub struct Output {
    /// Compare the rows of each group to this one instead of the group's first
    #[arg(long, value_name = "VARIANT")]
    pub against: Option<String>,
    /// Keep the results under this name, or in this file
    #[arg(long, value_name = "NAME|FILE")]
    pub save_baseline: Option<String>,
    /// Keep the results for `cargo memprof history`, in DIR (target/memprof/history if not given)
    #[arg(long, value_name = "DIR", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub keep: Option<PathBuf>,
    /// Compare with kept results, or with a revision that is measured now
    #[arg(long, value_name = "NAME|FILE|git:REV")]
    pub baseline: Option<String>,
    /// The executables are listed in this file, for the run that compares itself with this one
    #[arg(long, value_name = "FILE", hide = true)]
    pub executables: Option<PathBuf>,
    /// Serve a page of all benchmarks after the run, until Ctrl-C
    #[arg(long, value_name = "HOST:PORT")]
    pub http: Option<String>,
    /// Do not open a browser for --http
    #[arg(long, alias = "no_browser", requires = "http")]
    pub no_browser: bool,
    /// Print the results in this format
    #[arg(long, value_name = "FORMAT", default_value = "human", value_parser = format_parser(&[]))]
    pub message_format: &'static dyn Format,
    /// Short for --message-format json
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub json: bool,
}

/// The formats of these names; all if there are none.
pub fn format_parser(names: &'static [&str]) -> impl TypedValueParser<Value = &'static dyn Format> {
    let known = FORMATS.iter().filter(|format| names.is_empty() || names.contains(&format.name()));
    let values = known.map(|format| PossibleValue::new(format.name()).help(format.about()));
    PossibleValuesParser::new(values).map(|name| formats::find(&name).unwrap_or(&formats::Human))
}

impl RunArgs {
    pub fn cargo_options(&self) -> CargoOptions {
        let Select { cargo, workspace, exclude, lib, benches, .. } = &self.select;
        let (workspace, lib, benches) = (*workspace, *lib, *benches);
        CargoOptions { workspace, exclude: exclude.clone(), lib, benches, ..cargo.clone() }
    }

    pub fn bench_options(&self) -> BenchOptions {
        let Select { build, profile, no_fail_fast, no_run, .. } = &self.select;
        BenchOptions {
            build: build.clone(),
            profile: profile.clone(),
            no_fail_fast: *no_fail_fast,
            dhat: self.measure.dhat,
            by_name: false,
            no_run: *no_run,
        }
    }

    pub fn format(&self) -> &'static dyn Format {
        if self.output.json { &json::Json } else { self.output.message_format }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        RunArgs::command().debug_assert();
    }

    #[test]
    fn booleans_take_a_value_only_behind_an_equals_sign() {
        let args = RunArgs::parse_from(["x", "--benchmem", "pooled", "--benchmem=false"]);
        assert!(!args.measure.benchmem);
        assert_eq!(args.filters, ["pooled"]);
    }
}
