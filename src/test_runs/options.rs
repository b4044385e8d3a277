//! The options of `cargo memprof test`, spelled as in `cargo test`; behind `--`, libtest's own.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::time::Duration;

use clap::{Args, Parser};

use crate::formats::{Format, json};
use crate::project::{BuildOptions, CargoOptions};
use crate::session::duration;
use crate::session::options::format_parser;
use crate::{Error, Result};

const AFTER: &str = "\
Each test runs in a process of its own, side by side with others, and is counted on its own thread and those that it starts,
from its first instruction until its thread has ended. It is counted twice, and once more where the two differ: the table
then shows the range. Doc tests, and targets with harness = false, are left out.

FILTER is matched with the test's path, as in `cargo test`; one with a slash, with PACKAGE/TARGET/PATH.

Behind `--`: --exact, --skip NAME, --ignored, --include-ignored, --nocapture, --show-output, --test-threads N, --list, and
more filters, as for libtest.

Exit codes: 0 success · 2 wrong arguments · 100 check failed · 101 the tests do not build · 102 no workspace, or a bad
configuration · 103 a test failed (the others are still counted) · 104 nothing matched, or nothing could be counted";

#[derive(Debug, Parser)]
#[command(
    name = "cargo memprof test",
    bin_name = "cargo memprof test",
    about = "Run the tests, and count what each allocates, holds at its peak and never frees",
    after_help = AFTER,
    args_override_self = true
)]
pub struct TestArgs {
    /// Run only tests whose path matches one of these regular expressions
    #[arg(value_name = "FILTER")]
    pub filters: Vec<String>,
    /// Options of libtest, and more filters
    #[arg(last = true, value_name = "ARGS")]
    pub behind: Vec<OsString>,
    #[command(flatten)]
    pub targets: TargetArgs,
    #[command(flatten)]
    pub build: BuildArgs,
    #[command(flatten)]
    pub record: RecordArgs,
    #[command(flatten)]
    pub output: OutputArgs,
    /// Read from `behind`.
    #[arg(skip)]
    pub harness: HarnessArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Selecting (as in `cargo test`)")]
pub struct TargetArgs {
    /// Only the library's unit tests
    #[arg(long)]
    pub lib: bool,
    /// Only the unit tests of the binaries
    #[arg(long)]
    pub bins: bool,
    /// Only the unit tests of this binary
    #[arg(long, value_name = "NAME")]
    pub bin: Vec<String>,
    /// Only the tests of the examples
    #[arg(long)]
    pub examples: bool,
    /// Only the tests of this example
    #[arg(long, value_name = "NAME")]
    pub example: Vec<String>,
    /// All targets with `test = true`, as if nothing were said
    #[arg(long)]
    pub tests: bool,
    /// Only this integration test
    #[arg(long, value_name = "NAME")]
    pub test: Vec<String>,
    /// Only the tests of the benches
    #[arg(long)]
    pub benches: bool,
    /// Only the tests of this bench
    #[arg(long, value_name = "NAME")]
    pub bench: Vec<String>,
    /// Everything that can have tests
    #[arg(long)]
    pub all_targets: bool,
    /// The tests of all packages in the workspace
    #[arg(long, visible_alias = "all")]
    pub workspace: bool,
    /// Leave this package out of --workspace
    #[arg(long, value_name = "SPEC")]
    pub exclude: Vec<String>,
}

/// How to build.
#[derive(Debug, Args)]
#[command(next_help_heading = "Building (as in `cargo test`)")]
pub struct BuildArgs {
    #[command(flatten)]
    pub cargo: CargoOptions,
    /// Build with the profile `release`
    #[arg(short, long, conflicts_with = "profile")]
    pub release: bool,
    /// Build with this profile instead of `test`
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    #[command(flatten)]
    pub options: BuildOptions,
    /// Build the tests without running them
    #[arg(long)]
    pub no_run: bool,
    /// Accepted for compatibility with cargo; failing tests never stop the others
    #[arg(long)]
    pub no_fail_fast: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Counting")]
pub struct RecordArgs {
    /// Write a mem.prof for each test
    #[arg(long)]
    pub profiles: bool,
    /// Count each test in N processes; if not given, in two, and in a third where they differ
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub passes: Option<u32>,
    /// End a test that takes longer, and report it as failed
    #[arg(long, value_name = "D", default_value = "10m", value_parser = duration::duration)]
    pub timeout: Duration,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Print the full names of the tests, one a line; run nothing
    #[arg(long)]
    pub list: bool,
    /// Judge the counts by memprof-baseline.toml, or --baseline, and by the budgets of memprof.toml
    #[arg(long)]
    pub check: bool,
    /// Write today's counts to memprof-baseline.toml
    #[arg(long, requires = "check", conflicts_with = "baseline")]
    pub accept: bool,
    /// Keep the results under this name, or in this file
    #[arg(long, value_name = "NAME|FILE")]
    pub save_baseline: Option<String>,
    /// Compare with kept results
    #[arg(long, value_name = "NAME|FILE")]
    pub baseline: Option<String>,
    /// Print the results in this format
    #[arg(long, value_name = "FORMAT", default_value = "human", value_parser = format_parser(TEST_FORMATS))]
    pub message_format: &'static dyn Format,
    /// Short for --message-format json
    #[arg(long)]
    pub json: bool,
}

/// Those of the formats that tests have a place in.
const TEST_FORMATS: &[&str] = &["human", "json", "markdown", "github", "junit"];

/// libtest's own options.
#[derive(Debug, Default, Parser)]
#[command(name = "cargo memprof test --", bin_name = "cargo memprof test --", args_override_self = true)]
pub struct HarnessArgs {
    pub filters: Vec<String>,
    #[arg(long)]
    pub exact: bool,
    #[arg(long)]
    pub skip: Vec<String>,
    #[arg(long, conflicts_with = "include_ignored")]
    pub ignored: bool,
    #[arg(long)]
    pub include_ignored: bool,
    #[arg(long, alias = "no-capture")]
    pub nocapture: bool,
    #[arg(long)]
    pub show_output: bool,
    #[arg(long)]
    pub test_threads: Option<NonZeroUsize>,
    #[arg(long)]
    pub list: bool,
    #[arg(short, long)]
    pub quiet: bool,
    /// Without effect: all tests are tests, and color is the tool's.
    #[arg(long)]
    pub test: bool,
    #[arg(long)]
    pub color: Option<String>,
}

impl TestArgs {
    /// # Errors
    /// What stands behind `--` is not libtest's; a mistake before it ends the process, as clap does.
    pub fn read(words: &[OsString]) -> Result<TestArgs> {
        let mut args =
            TestArgs::parse_from(std::iter::once(OsString::from("cargo memprof test")).chain(words.to_vec()));
        let behind = std::iter::once(OsString::from("cargo memprof test --")).chain(args.behind.iter().cloned());
        args.harness = HarnessArgs::try_parse_from(behind).map_err(|error| {
            let text = error.to_string();
            let first = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
            Error::usage(format!(
                "behind `--`: {first}; known are --exact, --skip, --ignored, --include-ignored, --nocapture, --show-output, \
                 --test-threads and --list"
            ))
        })?;
        let set = |name: &str| std::env::var_os(name).filter(|value| value != "0");
        args.harness.nocapture |= set("RUST_TEST_NOCAPTURE").is_some();
        if args.harness.test_threads.is_none() {
            let threads = set("RUST_TEST_THREADS").and_then(|text| text.to_str()?.parse().ok());
            args.harness.test_threads = threads;
        }
        Ok(args)
    }

    pub fn all_filters(&self) -> Vec<String> {
        [&self.filters[..], &self.harness.filters].concat()
    }

    pub fn format(&self) -> &'static dyn Format {
        if self.output.json { &json::Json } else { self.output.message_format }
    }

    /// Whether names are printed and nothing is run.
    pub fn lists(&self) -> bool {
        self.output.list || self.harness.list
    }

    pub fn is_quiet(&self) -> bool {
        self.build.options.quiet || self.harness.quiet
    }

    /// The name of the profile, as results have it.
    pub fn profile(&self) -> &str {
        self.cargo_profile().unwrap_or("test")
    }

    /// The profile that cargo is told.
    pub fn cargo_profile(&self) -> Option<&str> {
        if self.build.release { Some("release") } else { self.build.profile.as_deref() }
    }

    pub fn cargo_options(&self) -> CargoOptions {
        let TargetArgs { workspace, exclude, .. } = &self.targets;
        CargoOptions { workspace: *workspace, exclude: exclude.clone(), ..self.build.cargo.clone() }
    }
}

impl TargetArgs {
    /// The options that select targets, for cargo.
    pub fn words(&self) -> Vec<OsString> {
        let mut words: Vec<OsString> = Vec::new();
        for (on, name) in [
            (self.lib, "--lib"),
            (self.bins, "--bins"),
            (self.examples, "--examples"),
            (self.tests, "--tests"),
            (self.benches, "--benches"),
            (self.all_targets, "--all-targets"),
        ] {
            if on {
                words.push(name.into());
            }
        }
        for (name, values) in
            [("--bin", &self.bin), ("--example", &self.example), ("--test", &self.test), ("--bench", &self.bench)]
        {
            words.extend(values.iter().flat_map(|value| [name.into(), value.into()]));
        }
        words
    }

    /// Whether nothing is said, so that `cargo test` would run doc tests as well.
    pub fn is_all(&self) -> bool {
        self.words().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn read(line: &str) -> Result<TestArgs> {
        TestArgs::read(&line.split_whitespace().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn the_definition_is_sound() {
        TestArgs::command().debug_assert();
        HarnessArgs::command().debug_assert();
    }

    #[test]
    fn libtest_s_options_stand_behind_the_dashes() {
        let args = read("a --lib --test x -- --nocapture --test-threads=3 b --skip c").unwrap();
        assert_eq!(args.all_filters(), ["a", "b"]);
        assert_eq!(args.targets.words(), ["--lib", "--test", "x"]);
        assert!(args.harness.nocapture && args.harness.skip == ["c"]);
        assert_eq!(args.harness.test_threads.map(NonZeroUsize::get), Some(3));
        let error = read("-- --logfile x").unwrap_err();
        assert_eq!(error.exit_code(), crate::exit::USAGE);
        assert!(error.line().starts_with("behind `--`: unexpected argument '--logfile' found; known are"), "{error}");
    }
}
