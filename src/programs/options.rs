//! The options of a program's run, spelled as in `cargo run`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser};

use super::build::SelectArgs;
use super::run;
use super::sampling::Sampling;
use super::target::Kind;

/// Different stacks, if nothing is said: some 300 MB.
pub const STACKS: usize = 1 << 20;

#[derive(Debug, Parser)]
#[command(
    name = "cargo memprof",
    bin_name = "cargo memprof",
    about = "Run a program once, as `cargo run --release` does, and record what it allocates",
    after_help = "The program keeps its input, output, directory, environment and exit code; the summary is on stderr. Its \
                  profiles lie in target/memprof/profiles/PACKAGE/KIND/NAME.",
    args_override_self = true
)]
pub struct ProgramArgs {
    #[command(flatten)]
    pub named: Names,
    /// Pass these arguments to the program
    #[arg(last = true, value_name = "ARGS")]
    pub arguments: Vec<OsString>,
    #[command(flatten)]
    pub select: SelectArgs,
    #[command(flatten)]
    pub record: RecordArgs,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// The programs that a command line names.
#[derive(Debug, Args)]
pub struct Names {
    /// Run this binary
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "")]
    pub bin: Vec<String>,
    /// Run this example
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "")]
    pub example: Vec<String>,
    /// Run this integration test, with its own harness
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "")]
    pub test: Vec<String>,
}

impl Names {
    pub fn names(&self) -> Vec<(Kind, String)> {
        let of = |kind, names: &[String]| names.iter().map(|name| (kind, name.clone())).collect::<Vec<_>>();
        [of(Kind::Bin, &self.bin), of(Kind::Example, &self.example), of(Kind::Test, &self.test)].concat()
    }
}

/// The options of `explain` for a program.
#[derive(Debug, Parser)]
#[command(
    name = "cargo memprof explain",
    bin_name = "cargo memprof explain",
    about = "Run a program once, and say why it allocates and what would stop it",
    after_help = "Each of the program's blocks is followed to its end. The explanation is on stdout, what the program prints on \
                  stderr; -v names every site, with its functions down to the allocator.",
    args_override_self = true
)]
pub struct ExplainArgs {
    #[command(flatten)]
    pub named: Names,
    /// Pass these arguments to the program
    #[arg(last = true, value_name = "ARGS")]
    pub arguments: Vec<OsString>,
    #[command(flatten)]
    pub select: SelectArgs,
    /// Tell up to N stacks apart, and count the rest as one
    #[arg(long, value_name = "N", default_value_t = STACKS)]
    pub stacks_limit: usize,
    /// Print in this format
    #[arg(long, value_name = "FORMAT", default_value = "human", value_parser = ["human", "json"])]
    pub message_format: String,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Recording")]
pub struct RecordArgs {
    /// Take HZ CPU samples a second of each thread's CPU time; 0 takes none
    #[arg(long, value_name = "HZ", default_value_t = 250, value_parser = clap::value_parser!(u32).range(0..=20_000))]
    pub cpu_rate: u32,
    /// Record the numbers only: no stacks, no profiles
    #[arg(long)]
    pub no_profiles: bool,
    /// Record the stacks of all allocations (exact), of one byte in SIZE, or of all until that takes more than 2 % of the CPU
    /// time (auto); counters are exact in any case
    #[arg(long, value_name = "exact|SIZE|auto", default_value = "exact")]
    pub sample: Sampling,
    /// Record each child that the program forks by itself
    #[arg(long)]
    pub children: bool,
    /// Find the exact peak with several threads, too: their allocations wait for each other
    #[arg(long)]
    pub peak: bool,
    /// Call a block temporary if its thread frees it after at most N other allocations
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=63))]
    pub temporary: u32,
    /// Tell up to N stacks apart, and count the rest as one
    #[arg(long, value_name = "N", default_value_t = STACKS)]
    pub stacks_limit: usize,
    /// Exit with 100 if more than BYTES leaked, not counting blocks that std and statics keep
    #[arg(
        long,
        value_name = "BYTES",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "0",
        conflicts_with = "no_profiles"
    )]
    pub fail_on_leak: Option<u64>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Keep the memory profile in FILE, too
    #[arg(long, value_name = "FILE")]
    pub memprofile: Option<PathBuf>,
    /// Keep the CPU profile in FILE, too
    #[arg(long, value_name = "FILE")]
    pub cpuprofile: Option<PathBuf>,
    /// Record where threads wait: in block.prof, and in FILE
    #[arg(long, value_name = "FILE")]
    pub blockprofile: Option<PathBuf>,
    /// Write CPU samples, waits, allocations and memory over time, for the Firefox Profiler; FILE.gz is compressed
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
    /// Put relative files in this folder
    #[arg(long, value_name = "DIR")]
    pub outputdir: Option<PathBuf>,
    /// Keep the results under this name, or in this file
    #[arg(long, value_name = "NAME|FILE")]
    pub save_baseline: Option<String>,
    /// Say how the numbers differ from kept results
    #[arg(long, value_name = "NAME|FILE")]
    pub baseline: Option<String>,
    /// Print in this format; json needs -o, since stdout is the program's own
    #[arg(long, value_name = "FORMAT", default_value = "human", value_parser = ["human", "json"])]
    pub message_format: String,
    /// Write the output of --message-format json to FILE
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Short for --message-format json -o FILE
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

impl ProgramArgs {
    pub fn run_options(&self) -> run::Options {
        let record = &self.record;
        run::Options {
            arguments: self.arguments.clone(),
            cpu_hz: if record.no_profiles { 0 } else { record.cpu_rate },
            block: self.output.blockprofile.is_some() || self.output.trace.is_some(),
            events: self.output.trace.is_some(),
            live: false,
            stacks: !record.no_profiles,
            peak: record.peak,
            temporary: record.temporary,
            stacks_limit: record.stacks_limit,
            sampling: record.sample,
            children: record.children,
            ..run::Options::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        ProgramArgs::command().debug_assert();
    }
}
