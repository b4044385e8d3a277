//! The options that cargo and this tool share, spelled as there.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

/// Packages, features and files; passed on to cargo word for word.
#[derive(Debug, Default, Clone, Args)]
pub struct CargoOptions {
    /// Use only this package
    #[arg(short, long, value_name = "SPEC")]
    pub package: Vec<String>,
    /// Turn on these features, separated by spaces or commas
    #[arg(short = 'F', long, value_name = "FEATURES")]
    pub features: Vec<String>,
    /// Turn on all features of the selected packages
    #[arg(long)]
    pub all_features: bool,
    /// Leave the `default` feature off
    #[arg(long)]
    pub no_default_features: bool,
    /// Build for this target triple (Linux on x86_64 and aarch64; others by counts alone)
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
    /// Override a cargo configuration value
    #[arg(long, value_name = "KEY=VALUE")]
    pub config: Vec<String>,
    /// Pass an unstable flag to cargo
    #[arg(short = 'Z', value_name = "FLAG")]
    pub unstable: Vec<String>,
    #[arg(skip)]
    pub workspace: bool,
    #[arg(skip)]
    pub exclude: Vec<String>,
    /// Only libraries, and bench targets if `benches` is set as well.
    #[arg(skip)]
    pub lib: bool,
    #[arg(skip)]
    pub benches: bool,
}

/// How to build, and how much to print.
#[derive(Debug, Default, Clone, Args)]
pub struct BuildOptions {
    /// Run N build jobs in parallel
    #[arg(short, long, value_name = "N")]
    pub jobs: Option<String>,
    /// Print more; forward what the benches print to stderr
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Print neither progress nor cargo's status lines
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Color the output: auto, always or never
    #[arg(long, value_name = "WHEN", value_parser = ["auto", "always", "never"])]
    pub color: Option<String>,
}

impl CargoOptions {
    /// The same words for cargo's bench command; targets and profile are added by the caller.
    pub fn arguments(&self) -> Vec<OsString> {
        let mut args: Vec<OsString> = Vec::new();
        for (name, values) in [
            ("--package", &self.package),
            ("--exclude", &self.exclude),
            ("--features", &self.features),
            ("--config", &self.config),
            ("-Z", &self.unstable),
        ] {
            args.extend(values.iter().flat_map(|value| [name.into(), value.into()]));
        }
        for (on, name) in [
            (self.workspace, "--workspace"),
            (self.all_features, "--all-features"),
            (self.no_default_features, "--no-default-features"),
            (self.locked, "--locked"),
            (self.offline, "--offline"),
            (self.frozen, "--frozen"),
        ] {
            if on {
                args.push(name.into());
            }
        }
        if let Some(path) = &self.manifest_path {
            args.extend(["--manifest-path".into(), path.into()]);
        }
        if let Some(target) = &self.target {
            args.extend(["--target".into(), target.into()]);
        }
        args
    }
}

impl BuildOptions {
    /// The same words for cargo.
    pub fn arguments(&self, profile: Option<&str>) -> Vec<OsString> {
        let mut args: Vec<OsString> = Vec::new();
        let (jobs, color) = (self.jobs.as_deref(), self.color.as_deref());
        for (name, value) in [("--profile", profile), ("--jobs", jobs), ("--color", color)] {
            args.extend(value.into_iter().flat_map(|value| [name.into(), value.into()]));
        }
        args.extend((0..self.verbose).map(|_| OsString::from("--verbose")));
        args.extend(self.quiet.then(|| "--quiet".into()));
        args
    }
}
