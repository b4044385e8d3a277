//! The options of a program's run, spelled as in `cargo run`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser};

use super::target::Kind;
use super::{build, run};
use crate::project::CargoOptions;

/// Different stacks, if nothing is said: some 300 MB.
const STACKS: usize = 1 << 20;

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
    /// The binary to run
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "")]
    pub bin: Vec<String>,
    /// The example to run
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "")]
    pub example: Vec<String>,
    /// The integration test to run, with its own harness
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "")]
    pub test: Vec<String>,
    /// Arguments for the program
    #[arg(last = true, value_name = "ARGS")]
    pub arguments: Vec<OsString>,
    #[command(flatten)]
    pub build: BuildArgs,
    #[command(flatten)]
    pub record: RecordArgs,
    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Building (as in `cargo run`)")]
pub struct BuildArgs {
    /// Package with the program
    #[arg(short, long, value_name = "SPEC")]
    pub package: Vec<String>,
    /// Features to turn on
    #[arg(short = 'F', long, value_name = "FEATURES")]
    pub features: Vec<String>,
    /// Turn on all features of the package
    #[arg(long)]
    pub all_features: bool,
    /// Leave the `default` feature off
    #[arg(long)]
    pub no_default_features: bool,
    /// Build profile; `release` if not given
    #[arg(long, value_name = "NAME", conflicts_with_all = ["dev", "release"])]
    pub profile: Option<String>,
    /// The profile `dev`
    #[arg(long, conflicts_with = "release")]
    pub dev: bool,
    /// The profile `release`, as if nothing were said
    #[arg(short, long)]
    pub release: bool,
    /// Build for this target triple
    #[arg(long, value_name = "TRIPLE")]
    pub target: Option<String>,
    /// Put build output and results in DIR/memprof
    #[arg(long, value_name = "DIR")]
    pub target_dir: Option<PathBuf>,
    /// Use the package or workspace of this Cargo.toml
    #[arg(long, value_name = "PATH")]
    pub manifest_path: Option<PathBuf>,
    /// Require that Cargo.lock stays as it is
    #[arg(long)]
    pub locked: bool,
    /// Do not use the network
    #[arg(long)]
    pub offline: bool,
    /// The same as --locked and --offline
    #[arg(long)]
    pub frozen: bool,
    /// Run N build jobs in parallel
    #[arg(short, long, value_name = "N")]
    pub jobs: Option<String>,
    /// Override a cargo configuration value
    #[arg(long, value_name = "KEY=VALUE")]
    pub config: Vec<String>,
    /// Pass an unstable flag to cargo
    #[arg(short = 'Z', value_name = "FLAG")]
    pub unstable: Vec<String>,
    /// Let cargo print more
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Print no summary and fewer of cargo's status lines
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Color the output: auto, always or never
    #[arg(long, value_name = "WHEN", value_parser = ["auto", "always", "never"])]
    pub color: Option<String>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Recording")]
pub struct RecordArgs {
    /// CPU samples a second of each thread's CPU time; 0 takes none
    #[arg(long, value_name = "HZ", default_value_t = 250, value_parser = clap::value_parser!(u32).range(0..=20_000))]
    pub cpu_rate: u32,
    /// Numbers only: no stacks, no profiles
    #[arg(long)]
    pub no_profiles: bool,
    /// The peak is exact with several threads, too: their allocations wait for each other
    #[arg(long)]
    pub peak: bool,
    /// A block freed by its thread with at most N other allocations between is temporary
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=63))]
    pub temporary: u32,
    /// So many stacks are told apart; what is beyond counts as one
    #[arg(long, value_name = "N", default_value_t = STACKS)]
    pub stacks_limit: usize,
    /// End with 100 where more than BYTES were never freed, what std and statics keep left out
    #[arg(long, value_name = "BYTES", num_args = 0..=1, require_equals = true, default_missing_value = "0")]
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
    /// Where threads wait: block.prof, and in FILE
    #[arg(long, value_name = "FILE")]
    pub blockprofile: Option<PathBuf>,
    /// Where relative files go
    #[arg(long, value_name = "DIR")]
    pub outputdir: Option<PathBuf>,
    /// human or json; json needs -o, for stdout is the program's own
    #[arg(long, value_name = "FORMAT", default_value = "human", value_parser = ["human", "json"])]
    pub message_format: String,
    /// Where --message-format json goes
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Short for --message-format json -o FILE
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

impl ProgramArgs {
    pub fn names(&self) -> Vec<(Kind, String)> {
        let of = |kind, names: &[String]| names.iter().map(|name| (kind, name.clone())).collect::<Vec<_>>();
        [of(Kind::Bin, &self.bin), of(Kind::Example, &self.example), of(Kind::Test, &self.test)].concat()
    }

    pub fn run_options(&self) -> run::Options {
        let record = &self.record;
        run::Options {
            arguments: self.arguments.clone(),
            cpu_hz: if record.no_profiles { 0 } else { record.cpu_rate },
            block: self.output.blockprofile.is_some(),
            stacks: !record.no_profiles,
            peak: record.peak,
            temporary: record.temporary,
            stacks_limit: record.stacks_limit,
        }
    }
}

impl BuildArgs {
    pub fn profile(&self) -> &str {
        match self.dev {
            true => "dev",
            false => self.profile.as_deref().unwrap_or("release"),
        }
    }

    pub fn cargo_options(&self) -> CargoOptions {
        CargoOptions {
            packages: self.package.clone(),
            features: self.features.clone(),
            all_features: self.all_features,
            no_default_features: self.no_default_features,
            manifest_path: self.manifest_path.clone(),
            target: self.target.clone(),
            target_dir: self.target_dir.clone(),
            locked: self.locked,
            offline: self.offline,
            frozen: self.frozen,
            config: self.config.clone(),
            unstable: self.unstable.clone(),
            ..CargoOptions::default()
        }
    }

    pub fn build_options(&self) -> build::Options {
        build::Options {
            profile: Some(self.profile().to_owned()),
            jobs: self.jobs.clone(),
            verbose: self.verbose,
            quiet: self.quiet,
            color: self.color.clone(),
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
