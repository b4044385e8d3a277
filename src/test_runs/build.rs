//! Building tests as `cargo test` does. Beside each executable that cargo makes stands one that counts.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use cargo_metadata::Artifact;

use super::options::TestArgs;
use super::target::{Kind, Place, TestTarget};
use crate::inject::{Purpose, Refusal, Setup, counted_path, is_pair};
use crate::measure::{CargoCall, Interrupt, Launch, Runner, Scratch};
use crate::project::CargoConfig;
use crate::{Error, Result};

/// The tests of a target, built.
#[derive(Debug)]
pub struct Executable {
    pub target: TestTarget,
    /// As cargo has made it.
    pub plain: PathBuf,
    /// With the counting allocator.
    pub counted: PathBuf,
    /// How cargo would start it.
    pub launch: Launch,
}

/// A finished build.
#[derive(Debug, Default)]
pub struct Build {
    pub executables: Vec<Executable>,
    /// Targets with a main function of their own.
    pub own_main: Vec<TestTarget>,
}

/// Builds what the command line selects.
///
/// # Errors
/// 101 if the user's code does not build, 104 if the runtime cannot be linked into it.
pub fn build(
    place: &Place,
    config: &CargoConfig,
    args: &TestArgs,
    scratch: &Scratch,
    interrupt: &Interrupt,
) -> Result<Build> {
    let setup = Setup { purpose: Purpose::Tests, ..Setup::new(config, &place.home, &scratch.0, place.roots())? };
    // Apart from the benches': there, tests have another harness, and would count as fresh.
    let build_dir = place.home.join("build").join("tests");
    let runner = Runner::install(config, &place.home, &scratch.0)?;
    let variables = [runner.variables(), setup.install(&place.home, &build_dir)?].concat();
    let mut arguments = arguments(args, &build_dir);
    arguments.extend(runner.arguments());
    let cargo = CargoCall { program: config.cargo.clone(), arguments, variables };
    let made = made(&cargo, place, &setup, interrupt)?;
    let mut launches = runner.launches(&cargo.variables)?;
    let mut build = Build::default();
    for (target, plain) in made {
        if target.own_main {
            build.own_main.push(target);
            continue;
        }
        let Some(launch) = launches.remove(&plain) else {
            if args.build.no_run {
                continue;
            }
            return Err(Error::other(format!("cargo did not run the tests of {}", target.full_name())));
        };
        build.executables.push(Executable { counted: counted_path(&plain), target, plain, launch });
    }
    let key = |target: &TestTarget| (target.package.clone(), target.kind, target.name.clone());
    build.executables.sort_by_key(|one| key(&one.target));
    build.own_main.sort_by_key(key);
    Ok(build)
}

fn arguments(args: &TestArgs, build_dir: &Path) -> Vec<OsString> {
    let mut words: Vec<OsString> = vec!["test".into(), "--target-dir".into(), build_dir.into()];
    words.extend(args.cargo_options().arguments());
    if args.targets.is_all() {
        // What is tested if nothing is said, without doc tests.
        words.push("--tests".into());
    }
    words.extend(args.targets.words());
    if !args.build.cargo.config.is_empty() {
        words.extend(["--config".into(), format!("build.build-dir={:?}", build_dir.to_string_lossy()).into()]);
    }
    words.extend(args.build.options.arguments(args.cargo_profile()));
    if args.build.no_run {
        words.push("--no-run".into());
    }
    words
}

/// The targets that cargo has built, each with a counting executable beside it unless it has a main function of its own.
fn made(cargo: &CargoCall, place: &Place, setup: &Setup, interrupt: &Interrupt) -> Result<Vec<(TestTarget, PathBuf)>> {
    for again in [false, true] {
        let made = compile(cargo, place, setup, interrupt)?;
        let lone = |(target, plain): &&(TestTarget, PathBuf)| !target.own_main && !is_pair(plain, &counted_path(plain));
        let mut lone = made.iter().filter(lone).peekable();
        let Some((target, _)) = lone.peek() else { return Ok(made) };
        if again {
            let message = format!("no counting executable was made for {}", target.full_name());
            return Err(Error::nothing_measured(message));
        }
        // Partly gone, or made by another process: without them cargo makes both again.
        lone.for_each(|(_, plain)| drop(std::fs::remove_file(plain)));
    }
    Ok(Vec::new())
}

fn compile(
    cargo: &CargoCall,
    place: &Place,
    setup: &Setup,
    interrupt: &Interrupt,
) -> Result<Vec<(TestTarget, PathBuf)>> {
    let mut made = Vec::new();
    let mut take = |artifact: &Artifact| {
        let executable = artifact.executable.as_ref().filter(|_| artifact.profile.test);
        let target = place.target_of(&artifact.package_id.repr, &artifact.target);
        if let (Some(executable), Some(target)) = (executable, target) {
            made.push((target.clone(), executable.clone().into_std_path_buf()));
        }
    };
    let built = cargo.run(interrupt, &mut take);
    interrupt.check()?;
    if let Some(Refusal { message, .. }) = setup.refused().into_iter().next() {
        return Err(Error::nothing_measured(message));
    }
    match built {
        Ok(()) => Ok(made),
        Err(Error::BuildFailed(_)) => {
            Err(Error::BuildFailed("the tests do not build; cargo's errors are above".to_owned()))
        }
        Err(error) => Err(error),
    }
}

/// Why there is nothing to run, where cargo has built no tests.
pub fn nothing_built(build: &Build) -> String {
    match build.own_main.as_slice() {
        [] => "there are no tests here".to_owned(),
        [..] => "all tests here have a main function of their own (harness = false)".to_owned(),
    }
}

impl Build {
    /// What `harness = false` means for each target that has it.
    pub fn notes(&self) -> impl Iterator<Item = String> {
        self.own_main.iter().map(|target| {
            let name = target.full_name();
            let advice = match target.kind {
                Kind::Test => format!("; `cargo memprof --test {}` measures it as a whole program", target.cargo_name),
                _ => String::new(),
            };
            format!("left out: {name} has a main function of its own (harness = false){advice}")
        })
    }
}
