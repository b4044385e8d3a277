//! The user's project: its packages, its bench targets, and the user's cargo configuration.

mod bench_functions;
mod cargo_config;
mod options;
mod overrides;
mod platform;
mod program_kind;
pub mod settings;
mod targets;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use cargo_metadata::{Metadata, MetadataCommand};

pub use cargo_config::{CargoConfig, Toolchain};
pub use options::{BuildOptions, CargoOptions};
pub use platform::Recorder;
pub use program_kind::ProgramKind;
pub use targets::packages;

use crate::{Error, Result};

/// The kind of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Bench,
    /// The library, for the `#[bench]` functions in it.
    Lib,
    /// A program, for the same.
    Bin,
    /// An example or a test with `bench = true`.
    Example,
    Test,
}

/// A target with benchmarks that can be built with the features asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BenchTarget {
    pub package: String,
    pub package_id: String,
    pub kind: Kind,
    /// As the benchmarks' full names have it: cargo's own, with the kind in front where another target is called the same.
    pub name: String,
    /// As cargo knows it.
    pub cargo_name: String,
    /// Root source, absolute.
    pub source: PathBuf,
    /// It has `required-features`.
    pub has_requirements: bool,
}

/// The workspace around the current directory (or --manifest-path).
#[derive(Debug)]
pub struct Workspace {
    pub root: PathBuf,
    /// Where the tool keeps everything: `<target dir>/memprof`.
    pub home: PathBuf,
    pub targets: Vec<BenchTarget>,
    /// Targets left out for features that are not on, as `package/target (feature)`.
    pub left_out: Vec<String>,
    /// Why there is no target.
    pub none: Option<String>,
    /// Names of the packages that the command line selects, with bench targets or without.
    pub selected: Vec<String>,
    /// Names of all members.
    pub members: Vec<String>,
    /// `[workspace.metadata.memprof]`, or null.
    pub metadata: serde_json::Value,
    /// Names and versions of the packages that each package is built with, itself among them; by package id.
    built_with: HashMap<String, HashSet<(String, String)>>,
    options: CargoOptions,
}

impl Workspace {
    /// Asks cargo.
    pub fn load(options: &CargoOptions, config: &CargoConfig) -> Result<Workspace> {
        let mut metadata = metadata(options, config)?;
        let targets::BenchTargets { targets, left_out, none } = targets::bench_targets(&metadata, options)?;
        let selected = targets::packages(&metadata, options)?.iter().map(|package| package.name.to_string()).collect();
        let members = metadata.workspace_packages().iter().map(|package| package.name.to_string()).collect();
        let built_with = built_with(&metadata, &targets);
        let home = home(options, &metadata)?;
        Ok(Workspace {
            root: metadata.workspace_root.into_std_path_buf(),
            home,
            targets,
            left_out,
            none,
            selected,
            members,
            metadata: metadata.workspace_metadata["memprof"].take(),
            built_with,
            options: options.clone(),
        })
    }

    /// Whether the command line selects this package, or would if it were still there.
    pub fn selects(&self, package: &str) -> bool {
        let is = |names: &[String]| names.iter().any(|name| name == package);
        is(&self.selected) || self.options.package.is_empty() && !is(&self.members)
    }

    /// Whether the command line asks for this target of a selected package, or would if it were still there.
    pub fn selects_target(&self, package: &str, target: &str) -> bool {
        let is_there = self.targets.iter().any(|one| one.package == package && one.name == target);
        // The kind of a target that is gone is not known.
        self.selects(package) && (is_there || !self.options.lib)
    }

    /// Why the target is not built, where a feature that it needs is off: `package/target (needs …)`.
    pub fn left_out(&self, package: &str, target: &str) -> Option<&str> {
        let is = |text: &&str| text.split_once(' ').is_some_and(|(name, _)| name == format!("{package}/{target}"));
        self.left_out.iter().map(String::as_str).find(is)
    }

    /// Whether a package, by name and version, goes into `target`.
    pub fn is_built_with(&self, target: &BenchTarget, package: &(String, String)) -> bool {
        self.built_with.get(&target.package_id).is_some_and(|all| all.contains(package))
    }
}

fn built_with(metadata: &Metadata, targets: &[BenchTarget]) -> HashMap<String, HashSet<(String, String)>> {
    let nodes = metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
    let dependencies: HashMap<_, _> = nodes.map(|node| (&node.id, &node.dependencies)).collect();
    let names: HashMap<_, _> = metadata.packages.iter().map(|package| (&package.id, package)).collect();
    let mut of_all = HashMap::new();
    for package in metadata.packages.iter().filter(|p| targets.iter().any(|target| target.package_id == p.id.repr)) {
        let (mut seen, mut open) = (HashSet::new(), vec![&package.id]);
        while let Some(id) = open.pop() {
            if seen.insert(id) {
                open.extend(dependencies.get(id).into_iter().flat_map(|all| all.iter()));
            }
        }
        let name = |id| names.get(id).map(|package| (package.name.to_string(), package.version.to_string()));
        of_all.insert(package.id.repr.clone(), seen.into_iter().filter_map(name).collect());
    }
    of_all
}

/// `<target dir>/memprof`, where the tool keeps everything; the options may name the target directory.
pub fn home(options: &CargoOptions, metadata: &Metadata) -> Result<PathBuf> {
    let target_dir = match &options.target_dir {
        Some(dir) => std::path::absolute(dir).map_err(|e| Error::usage(format!("--target-dir: {e}")))?,
        None => metadata.target_directory.clone().into_std_path_buf(),
    };
    Ok(target_dir.join("memprof"))
}

/// The workspace as cargo describes it.
pub fn metadata(options: &CargoOptions, config: &CargoConfig) -> Result<Metadata> {
    let mut command = MetadataCommand::new();
    command.cargo_path(&config.cargo);
    if let Some(path) = &options.manifest_path {
        command.manifest_path(path);
    }
    command.other_options(metadata_arguments(options, config));
    // Else cargo would note the compiler's answers in the user's target directory.
    command.env("CARGO_CACHE_RUSTC_INFO", "0");
    command.exec().map_err(|error| {
        let message = match &error {
            cargo_metadata::Error::CargoMetadata { stderr } => first_error(stderr),
            other => other.to_string(),
        };
        let advice = if message.contains("could not find `Cargo.toml`") {
            "; run this in a cargo project, or name one with --manifest-path"
        } else {
            ""
        };
        Error::project(format!("{message}{advice}"))
    })
}

/// Resolves as cargo's own bench command would, for the target platform only: crates of other platforms may be missing.
fn metadata_arguments(options: &CargoOptions, config: &CargoConfig) -> Vec<String> {
    let mut args = vec!["--filter-platform".to_owned(), config.platform.clone()];
    let mut flag = |on: bool, name: &str| {
        if on {
            args.push(name.to_owned());
        }
    };
    flag(options.all_features, "--all-features");
    flag(options.no_default_features, "--no-default-features");
    flag(options.locked, "--locked");
    flag(options.offline, "--offline");
    flag(options.frozen, "--frozen");
    for (name, values) in [("--features", &options.features), ("--config", &options.config), ("-Z", &options.unstable)]
    {
        args.extend(values.iter().flat_map(|value| [name.to_owned(), value.clone()]));
    }
    args
}

/// cargo's first error in one line, without the word `error:`: with its causes, or with its place if cargo draws the
/// source.
fn first_error(stderr: &str) -> String {
    let lines = stderr.lines().map(str::trim).filter(|line| !line.is_empty());
    let error: Vec<&str> = lines.skip_while(|line| !line.starts_with("error")).collect();
    let text = match error.as_slice() {
        [what, place, ..] if place.starts_with("--> ") => format!("{what} (at {})", &place[4..]),
        lines => lines.iter().filter(|line| **line != "Caused by:").take(3).copied().collect::<Vec<_>>().join(": "),
    };
    text.strip_prefix("error: ").unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_s_error_is_one_line() {
        let stderr = "    Updating index\nerror: failed to parse manifest at `/x`\n\nCaused by:\n  no targets\n";
        assert_eq!(first_error(stderr), "failed to parse manifest at `/x`: no targets");
        let drawn = "error: expected a string\n --> Cargo.toml:2:8\n  |\n2 | name = 1\n  |        ^\n";
        assert_eq!(first_error(drawn), "expected a string (at Cargo.toml:2:8)");
    }

    fn workspace(options: CargoOptions) -> Workspace {
        let bench = BenchTarget {
            package: "p".to_owned(),
            package_id: String::new(),
            kind: Kind::Bench,
            name: "there".to_owned(),
            cargo_name: "there".to_owned(),
            source: PathBuf::new(),
            has_requirements: false,
        };
        Workspace {
            root: PathBuf::new(),
            home: PathBuf::new(),
            targets: vec![bench],
            none: None,
            left_out: vec!["p/off (needs feature `f`)".to_owned()],
            selected: vec!["p".to_owned()],
            members: vec!["p".to_owned(), "q".to_owned()],
            metadata: serde_json::Value::Null,
            built_with: HashMap::new(),
            options,
        }
    }

    #[test]
    fn what_the_command_line_is_about() {
        let all = workspace(CargoOptions::default());
        let about = |workspace: &Workspace| {
            [("p", "there"), ("p", "gone"), ("q", "x"), ("gone", "x")].map(|(p, t)| workspace.selects_target(p, t))
        };
        assert_eq!(about(&all), [true, true, false, true]);
        assert_eq!(all.left_out("p", "off"), Some("p/off (needs feature `f`)"));
        assert_eq!(all.left_out("p", "of"), None);
        let named = workspace(CargoOptions { package: vec!["p".to_owned()], ..CargoOptions::default() });
        assert_eq!(about(&named), [true, true, false, false]);
        // Libraries alone say nothing of other targets.
        let libraries = workspace(CargoOptions { lib: true, ..CargoOptions::default() });
        assert_eq!(about(&libraries), [true, false, false, false]);
    }
}
