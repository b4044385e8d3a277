//! The options of every command that measures, spelled as in `cargo bench` and `go test`.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser};

use super::duration;
use super::partition::Partition;
use crate::formats::{self, FORMATS, Format, json};
use crate::measure::{BenchTime, BuildOptions};
use crate::project::CargoOptions;

const COMMANDS: &str = "\
Commands (each takes --help):
  run       run the benches, print the table, write the profiles; `run` may be left out
  list      the benchmarks' full names, one a line; nothing is measured
  explain   why each benchmark allocates, and what would stop it
  check     run, then hold the result against the committed baseline and the budgets; --accept writes the baseline
  compare   benchstat's job: two or more results side by side, with statistics
  report    one self-contained HTML page of the last run, or the same as text; -http=: serves it
  merge     join the results and profiles of several machines
  init      print a ready workflow: init --ci github
  completions SHELL, man      what packagers need
  pprof     what `go tool pprof` does, with its flags: top, list, tree, peek, traces, -http=:, …

Exit codes: 0 all well · 1 any other error · 2 wrong arguments · 100 check failed · 101 the benches do not build ·
102 no workspace or bad configuration · 103 a bench crashed, hung or failed (the others are still reported) · 104 nothing matched, or nothing could be counted

Examples:
  cargo memprof --bench . -benchmem            all benchmarks of the workspace's default members
  cargo memprof -p mycrate pooled              those of one package whose name contains `pooled`
  cargo memprof -benchtime=3s -count 5 -json   five measurements of three seconds each, as JSON lines
  cargo memprof -benchtime=1x --no-profiles    everything once, numbers only";

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
    /// Only benchmarks whose TARGET/ID matches one of these regular expressions (and --bench, where it is given)
    #[arg(value_name = "FILTER")]
    pub filters: Vec<String>,

    /// Arguments for the bench itself
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
    /// Only benchmarks whose TARGET/ID matches; a bench target's name selects that target; `.` is all
    #[arg(long, value_name = "REGEX")]
    pub bench: Vec<String>,
    /// Package to run benchmarks for
    #[arg(short, long, value_name = "SPEC")]
    pub package: Vec<String>,
    /// All packages in the workspace
    #[arg(long, visible_alias = "all")]
    pub workspace: bool,
    /// Leave a package out, with --workspace
    #[arg(long, value_name = "SPEC")]
    pub exclude: Vec<String>,
    /// Only the libraries' own benches (#[bench]); with --benches, these too
    #[arg(long)]
    pub lib: bool,
    /// All targets with `bench = true`, as if nothing were said
    #[arg(long)]
    pub benches: bool,
    /// Features to turn on
    #[arg(short = 'F', long, value_name = "FEATURES")]
    pub features: Vec<String>,
    #[arg(long)]
    pub all_features: bool,
    #[arg(long)]
    pub no_default_features: bool,
    /// Build profile; `bench` if not given
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// Build for this target triple
    #[arg(long, value_name = "TRIPLE")]
    pub target: Option<String>,
    /// Below it, in `memprof`, everything is kept
    #[arg(long, value_name = "DIR")]
    pub target_dir: Option<PathBuf>,
    #[arg(long, value_name = "PATH")]
    pub manifest_path: Option<PathBuf>,
    /// Cargo.lock must not change
    #[arg(long)]
    pub locked: bool,
    /// No network
    #[arg(long)]
    pub offline: bool,
    /// --locked and --offline
    #[arg(long)]
    pub frozen: bool,
    /// Parallel build jobs
    #[arg(short, long, value_name = "N")]
    pub jobs: Option<String>,
    /// Override a cargo configuration value
    #[arg(long, value_name = "KEY=VALUE")]
    pub config: Vec<String>,
    /// Unstable flags to cargo
    #[arg(short = 'Z', value_name = "FLAG")]
    pub unstable: Vec<String>,
    /// Say more; what the benches print goes to stderr
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Say less
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,
    /// auto, always or never
    #[arg(long, value_name = "WHEN", value_parser = ["auto", "always", "never"])]
    pub color: Option<String>,
    /// Only the K-th of N parts of the benchmarks: for N machines
    #[arg(long, value_name = "K/N", value_parser = Partition::parse)]
    pub partition: Option<Partition>,
    /// Build, run nothing
    #[arg(long)]
    pub no_run: bool,
    /// Benches that fail never stop the others; taken for cargo's sake
    #[arg(long)]
    pub no_fail_fast: bool,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Measuring (as in `go test`; one dash will do)")]
pub struct MeasureArgs {
    /// Time, or exact number of iterations as `100x`, per benchmark
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration::bench_time)]
    pub benchtime: BenchTime,
    /// Measurements of each benchmark
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub count: u32,
    /// A benchmark that takes longer is ended
    #[arg(long, value_name = "D", default_value = "10m", value_parser = duration::duration)]
    pub timeout: Duration,
    /// Show B/op and allocs/op
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub benchmem: bool,
    /// All memory profiles in one file, with the label `benchmark`
    #[arg(long, value_name = "FILE")]
    pub memprofile: Option<PathBuf>,
    /// All CPU profiles in one file, with the label `benchmark`
    #[arg(long, value_name = "FILE")]
    pub cpuprofile: Option<PathBuf>,
    /// Where threads wait: a block.prof for each benchmark, and all in one file
    #[arg(long, value_name = "FILE")]
    pub blockprofile: Option<PathBuf>,
    /// Where relative profile files go
    #[arg(long, value_name = "DIR")]
    pub outputdir: Option<PathBuf>,
    /// Numbers only
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub no_profiles: bool,
    /// What each call site has live at the peak, exactly: peak_objects and peak_space in mem.prof
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub peak: bool,
    /// Besides, the dhat crate's own dhat-heap.json of each benchmark, for its viewer; the first use fetches the crate
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub dhat: bool,
    /// Time what is compared in turns, sample by sample; `--turns=false` times one benchmark after the other
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub turns: bool,
    /// CPU samples a second of each thread's CPU time
    #[arg(long, value_name = "HZ", default_value_t = 250, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub cpu_rate: u32,
    /// Taken, and does nothing: there are no tests here
    #[arg(long, value_name = "REGEX", hide = true)]
    pub run: Option<String>,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub struct Output {
    /// The row of each group that the others are compared to; the group's first if not given
    #[arg(long, value_name = "VARIANT")]
    pub against: Option<String>,
    /// Keep the results under this name, or in this file
    #[arg(long, value_name = "NAME|FILE")]
    pub save_baseline: Option<String>,
    /// Compare with kept results, or with the run of a revision
    #[arg(long, value_name = "NAME|FILE|git:REV")]
    pub baseline: Option<String>,
    /// Serve a page of all benchmarks after the run; Ctrl-C ends it
    #[arg(long, value_name = "HOST:PORT")]
    pub http: Option<String>,
    /// With --http: open no browser
    #[arg(long, alias = "no_browser", requires = "http")]
    pub no_browser: bool,
    /// How the results are printed
    #[arg(long, value_name = "FORMAT", default_value = "human", value_parser = format_parser())]
    pub message_format: &'static dyn Format,
    /// Short for --message-format json
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub json: bool,
}

fn format_parser() -> impl TypedValueParser<Value = &'static dyn Format> {
    let values = FORMATS.iter().map(|format| PossibleValue::new(format.name()).help(format.about()));
    PossibleValuesParser::new(values).map(|name| formats::find(&name).unwrap_or(&formats::Human))
}

impl RunArgs {
    pub fn cargo_options(&self) -> CargoOptions {
        let select = &self.select;
        CargoOptions {
            packages: select.package.clone(),
            workspace: select.workspace,
            exclude: select.exclude.clone(),
            features: select.features.clone(),
            all_features: select.all_features,
            no_default_features: select.no_default_features,
            manifest_path: select.manifest_path.clone(),
            target: select.target.clone(),
            target_dir: select.target_dir.clone(),
            locked: select.locked,
            offline: select.offline,
            frozen: select.frozen,
            config: select.config.clone(),
            unstable: select.unstable.clone(),
            lib: select.lib,
            benches: select.benches,
        }
    }

    pub fn build_options(&self) -> BuildOptions {
        let select = &self.select;
        BuildOptions {
            profile: select.profile.clone(),
            jobs: select.jobs.clone(),
            verbose: select.verbose,
            quiet: select.quiet,
            color: select.color.clone(),
            no_fail_fast: select.no_fail_fast,
            dhat: self.measure.dhat,
            by_name: false,
            no_run: select.no_run,
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
