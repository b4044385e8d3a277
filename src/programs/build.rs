//! Building programs as `cargo run --release` does, with the runtime injected, and how cargo would start them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use cargo_metadata::Artifact;
use clap::Args;

use super::target::{Kind, Place, Program};
use crate::inject::{Purpose, Setup, is_pair};
use crate::measure::{CargoCall, Interrupt, Launch, Runner, Scratch};
use crate::os::identity;
use crate::project::{BuildOptions, CargoConfig, CargoOptions};
use crate::{Error, Result};

/// The programs' packages, and how to build them.
#[derive(Debug, Args)]
#[command(next_help_heading = "Building (as in `cargo run`)")]
pub struct SelectArgs {
    #[command(flatten)]
    pub cargo: CargoOptions,
    /// Build with this profile instead of `release`
    #[arg(long, value_name = "NAME", conflicts_with_all = ["dev", "release"])]
    pub profile: Option<String>,
    /// Build with the profile `dev`
    #[arg(long, conflicts_with = "release")]
    pub dev: bool,
    /// Build with the profile `release` (the default)
    #[arg(short, long)]
    pub release: bool,
    #[command(flatten)]
    pub build: BuildOptions,
}

impl SelectArgs {
    pub fn profile(&self) -> &str {
        match self.dev {
            true => "dev",
            false => self.profile.as_deref().unwrap_or("release"),
        }
    }
}

/// A program, ready to be run.
pub struct Ready {
    pub program: Program,
    /// With the counting allocator.
    pub executable: PathBuf,
    /// The file that cargo leaves: programs look at their own name.
    pub plain: PathBuf,
    pub launch: Launch,
}

/// Builds the programs of `place`, one after the other.
///
/// # Errors
/// 101 if the user's code does not build, 104 if the runtime cannot be linked into it; or an interrupt came.
pub fn build(
    place: &Place,
    config: &CargoConfig,
    select: &SelectArgs,
    scratch: &Scratch,
    interrupt: &Interrupt,
) -> Result<Vec<Ready>> {
    interrupt.explains(build_all(place, config, select, scratch, interrupt))
}

/// The same for the only program of `place`.
pub fn build_one(
    place: &Place,
    config: &CargoConfig,
    select: &SelectArgs,
    scratch: &Scratch,
    interrupt: &Interrupt,
) -> Result<Ready> {
    let ready = build(place, config, select, scratch, interrupt)?;
    ready.into_iter().next().ok_or_else(|| Error::other("cargo built no program"))
}

fn build_all(
    place: &Place,
    config: &CargoConfig,
    select: &SelectArgs,
    scratch: &Scratch,
    interrupt: &Interrupt,
) -> Result<Vec<Ready>> {
    let setup =
        Setup { purpose: Purpose::Programs, ..Setup::new(config, &place.home, &scratch.0, place.roots.clone())? };
    // Apart from the benches': there, programs are built without the second executable, and would count as fresh.
    let build_dir = place.home.join("build").join("programs");
    let variables = setup.install(&place.home, &build_dir)?;
    let mut ready = Vec::new();
    for program in &place.programs {
        // Each has notes of its own.
        let notes = scratch.0.join(format!("program-{}", ready.len()));
        let runner = Runner::install(config, &place.home, &notes)?;
        let variables = [variables.clone(), runner.variables()].concat();
        let mut arguments = arguments(select, program, &build_dir);
        arguments.extend(runner.arguments());
        let call = CargoCall { program: config.cargo.clone(), arguments, variables };
        let (executable, plain) = counting(&call, program, &setup, interrupt)?;
        let launch = runner.launches(&call.variables)?.into_values().next();
        let launch = launch.ok_or_else(|| Error::other("cargo does not say how it starts the program"))?;
        ready.push(Ready { program: program.clone(), executable, plain, launch });
    }
    Ok(ready)
}

fn arguments(select: &SelectArgs, program: &Program, build_dir: &Path) -> Vec<OsString> {
    let verb = if program.kind == Kind::Test { "test" } else { "run" };
    let mut args: Vec<OsString> = vec![verb.into(), "--target-dir".into(), build_dir.into()];
    // One package is meant, whatever else is selected.
    let cargo = CargoOptions { package: vec![program.package_id.clone()], ..select.cargo.clone() };
    args.extend(cargo.arguments());
    args.extend([format!("--{}", program.kind.name()).into(), OsString::from(&program.target)]);
    if !cargo.config.is_empty() {
        args.extend(["--config".into(), format!("build.build-dir={:?}", build_dir.to_string_lossy()).into()]);
    }
    args.extend(select.build.arguments(Some(select.profile())));
    args
}

/// The counting executable, and the one that cargo knows of.
fn counting(cargo: &CargoCall, program: &Program, setup: &Setup, interrupt: &Interrupt) -> Result<(PathBuf, PathBuf)> {
    for again in [false, true] {
        let plain = compile(cargo, program, setup, interrupt)?;
        if let Some(counting) = paired(&plain) {
            return Ok((counting, plain));
        }
        if !again {
            // Partly gone, or made by another process: without it cargo makes it again.
            forget(&plain);
        }
    }
    Err(Error::nothing_measured(format!("no counting executable was made for {}", program.name())))
}

/// Runs cargo's build; returns the executable that cargo leaves.
fn compile(cargo: &CargoCall, program: &Program, setup: &Setup, interrupt: &Interrupt) -> Result<PathBuf> {
    let mut executable = None;
    let built = cargo.run(interrupt, &mut |artifact| {
        if is_it(artifact, program) {
            executable = artifact.executable.clone().map(|path| path.into_std_path_buf());
        }
    });
    interrupt.check()?;
    if let Some(refusal) = setup.refused().into_iter().next() {
        return Err(Error::nothing_measured(refusal.message));
    }
    match built {
        Err(Error::BuildFailed(_)) => {
            return Err(Error::BuildFailed(format!("{} does not build; cargo's errors are above", program.name())));
        }
        built => built?,
    }
    executable.ok_or_else(|| Error::other(format!("cargo made no executable of {}", program.name())))
}

fn is_it(artifact: &Artifact, program: &Program) -> bool {
    artifact.package_id.repr == program.package_id
        && artifact.target.name == program.target
        && program.kind.is(&artifact.target)
        && artifact.executable.is_some()
        && artifact.profile.test == (program.kind == Kind::Test)
}

/// cargo gives programs a second name without their hash; the counting executable stands beside the first.
fn paired(plain: &Path) -> Option<PathBuf> {
    let folder = plain.parent()?;
    [folder.join("deps"), folder.to_owned()]
        .iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flatten()
        .flatten()
        .find_map(|entry| {
            let counting = entry.path();
            let is_counting = counting.to_str().is_some_and(|path| path.ends_with("-counted"));
            (is_counting && is_pair(plain, &counting)).then_some(counting)
        })
}

/// Removes every name of an executable.
fn forget(plain: &Path) {
    let (Some(folder), own) = (plain.parent(), identity(plain)) else { return };
    for folder in [folder.join("deps"), folder.to_owned()] {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if own.is_some() && identity(&entry.path()) == own {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }
    let _ = std::fs::remove_file(plain);
}
