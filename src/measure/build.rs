//! The build: cargo's own, with the runtime injected, in a target directory of its own.

use std::ffi::OsString;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cargo_metadata::{Message, TargetKind};

use super::process::Interrupt;
use super::scratch::Scratch;
use crate::inject::{
    Dhat, Refusal, Runtime, Setup, counted_path, dhat_path, is_own_allocator, is_pair, remove_unused, stamp,
};
use crate::project::{BenchTarget, CargoConfig, CargoOptions, Kind, Workspace};
use crate::{Error, Result, exit};

/// What of a build is not about packages.
#[derive(Debug, Default, Clone)]
pub struct BuildOptions {
    pub profile: Option<String>,
    pub jobs: Option<String>,
    pub verbose: u8,
    pub quiet: bool,
    pub color: Option<String>,
    pub no_fail_fast: bool,
    /// One more executable, with the dhat crate.
    pub dhat: bool,
    /// The user named the targets; else all that can be built are.
    pub by_name: bool,
}

/// A bench target, built.
#[derive(Debug, Clone)]
pub struct Executable {
    pub target: BenchTarget,
    /// Linked as the user has it.
    pub timed: PathBuf,
    /// With the counting allocator.
    pub counted: PathBuf,
    /// With the dhat crate; there only where that was asked for, and where the bench has no allocator of its own.
    pub dhat: PathBuf,
    /// Of the build that it comes from.
    stamp: String,
}

impl Executable {
    /// Whether it is still what was built: cargo's lock does not hold while benches run, and another run may build anew.
    pub fn is_unchanged(&self) -> bool {
        stamp(&self.timed).is_ok_and(|now| now == self.stamp)
    }
}

/// A finished build.
pub struct Build {
    pub executables: Vec<Executable>,
    /// Targets that the runtime cannot be hooked into, with the reason.
    pub refused: Vec<(BenchTarget, String)>,
    /// cargo's command line up to the verb and the variables that go with it, for asking cargo again.
    pub cargo: CargoCall,
}

/// How cargo was called.
#[derive(Debug, Clone)]
pub struct CargoCall {
    pub program: PathBuf,
    pub arguments: Vec<OsString>,
    pub variables: Vec<(String, PathBuf)>,
}

impl CargoCall {
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null());
        command
    }
}

/// Builds `targets`.
///
/// # Errors
/// 101 where the user's code does not build (rustc's own diagnostics are on stderr by then), 104 where the runtime cannot be
/// hooked into any of it.
pub fn build(
    workspace: &Workspace,
    config: &CargoConfig,
    cargo_options: &CargoOptions,
    options: &BuildOptions,
    targets: &[BenchTarget],
    scratch: &Scratch,
    interrupt: &Interrupt,
) -> Result<Build> {
    let (dir, scratch) = (workspace.home.join("inject"), &scratch.0);
    std::fs::create_dir_all(dir.join("overlays"))
        .map_err(|e| Error::other(format!("cannot write to {}: {e}", workspace.home.display())))?;
    let runtime = Runtime::build(&config.toolchain, &dir)?;
    let offline = cargo_options.offline || cargo_options.frozen;
    let dhat = match options.dhat {
        true => Some(Dhat::build(&config.cargo, &runtime, config.toolchain.target.as_deref(), offline, &dir)?),
        false => None,
    };
    let setup = Setup {
        runtime,
        dhat,
        bench_roots: workspace
            .targets
            .iter()
            .map(|target| target.source.canonicalize().unwrap_or(target.source.clone()))
            .collect(),
        overlays: dir.join("overlays"),
        refusals: scratch.join("refusals"),
        user_wrapper: config.wrapper.clone(),
        stable_compiler: config.toolchain.is_stable(),
    };
    remove_unused(&dir, "runtime-");
    remove_unused(&setup.overlays, "");
    let build_dir = workspace.home.join("build");
    let mut variables: Vec<(String, PathBuf)> =
        setup.install(&dir, scratch)?.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    // With `build.build-dir` set, cargo would keep intermediate artifacts there, and take ours for its own next time.
    variables.push(("CARGO_BUILD_BUILD_DIR".to_owned(), build_dir.clone()));
    let mut cargo = CargoCall {
        program: config.cargo.clone(),
        arguments: arguments(cargo_options, options, targets, &build_dir),
        variables,
    };

    let (mut targets, mut refused) = (targets.to_vec(), Vec::new());
    let mut executables = loop {
        if let Some(executables) = compile(&cargo, &setup, &targets, interrupt)? {
            break executables;
        }
        // Each refusal ends the build of what it goes into; the rest is built without it.
        let refusals = setup.refused();
        setup.forget_refusals().map_err(|e| Error::other(format!("cannot write to {}: {e}", scratch.display())))?;
        let (mut left, before) = (Vec::new(), refused.len());
        for target in targets {
            match refusals.iter().find(|refusal| is_meant(refusal, &target, workspace)) {
                Some(refusal) => refused.push((target, refusal.message.clone())),
                None => left.push(target),
            }
        }
        targets = left;
        if targets.is_empty() || refused.len() == before {
            let message = refusals.into_iter().next().map(|refusal| refusal.message).unwrap_or_default();
            return Err(Error::new(exit::NOTHING_MEASURED, message));
        }
        let options = BuildOptions { by_name: true, ..options.clone() };
        cargo.arguments = arguments(cargo_options, &options, &targets, &build_dir);
    };
    let unpaired = |executables: &[Executable]| -> Vec<PathBuf> {
        let unpaired = executables.iter().filter(|executable| !is_pair(&executable.timed, &executable.counted));
        unpaired.map(|executable| executable.timed.clone()).collect()
    };
    let mut stale = unpaired(&executables);
    if options.dhat {
        // Linked when dhat was not asked for.
        let lacks = |executable: &&Executable| {
            !is_own_allocator(&executable.timed, &executable.counted) && !is_pair(&executable.timed, &executable.dhat)
        };
        stale.extend(executables.iter().filter(lacks).map(|executable| executable.timed.clone()));
    }
    if !stale.is_empty() {
        // Made by somebody else, or half gone: without them cargo makes them anew.
        stale.iter().for_each(|timed| drop(std::fs::remove_file(timed)));
        executables = compile(&cargo, &setup, &targets, interrupt)?.unwrap_or_default();
        if let Some(timed) = unpaired(&executables).first() {
            let message = format!("no counting executable was made for {}", timed.display());
            return Err(Error::new(exit::NOTHING_MEASURED, message));
        }
    }
    executables.sort_by(|a, b| (&a.target.package, &a.target.name).cmp(&(&b.target.package, &b.target.name)));
    Ok(Build { executables, refused, cargo })
}

fn is_meant(refusal: &Refusal, target: &BenchTarget, workspace: &Workspace) -> bool {
    match &refusal.root {
        Some(root) => target.source.canonicalize().as_ref().unwrap_or(&target.source) == root,
        None => workspace.is_built_with(target, &refusal.package),
    }
}

/// Lets cargo build; `None` where the setup has refusals.
fn compile(
    cargo: &CargoCall,
    setup: &Setup,
    targets: &[BenchTarget],
    interrupt: &Interrupt,
) -> Result<Option<Vec<Executable>>> {
    let mut command = cargo.command();
    command.args(["--no-run", "--message-format=json-render-diagnostics"]).stdout(Stdio::piped());
    let mut child =
        command.spawn().map_err(|e| Error::other(format!("cannot run {}: {e}", cargo.program.display())))?;
    let stdout = child.stdout.take().ok_or_else(|| Error::other("cargo has no output"))?;
    let watch = interrupt.pass_on_to(&child);
    let mut executables = Vec::new();
    for message in Message::parse_stream(BufReader::new(stdout)) {
        let message = match message {
            Ok(message) => message,
            Err(e) => {
                let _ = child.kill().and_then(|()| child.wait());
                return Err(Error::other(format!("cannot read what cargo says: {e}")));
            }
        };
        if let Message::CompilerArtifact(artifact) = message {
            executables.extend(executable(&artifact, targets));
        }
    }
    let status = child.wait().map_err(|e| Error::other(format!("cannot wait for cargo: {e}")))?;
    drop(watch);
    interrupt.check()?;
    if !setup.refused().is_empty() {
        return Ok(None);
    }
    if !status.success() {
        return Err(Error::new(exit::BUILD_FAILED, "the benches do not build; what cargo says stands above"));
    }
    Ok(Some(executables))
}

fn arguments(cargo: &CargoOptions, options: &BuildOptions, targets: &[BenchTarget], build_dir: &Path) -> Vec<OsString> {
    let mut args: Vec<OsString> = vec!["bench".into(), "--target-dir".into(), build_dir.into()];
    args.extend(cargo.arguments());
    if options.by_name || !targets.iter().any(|target| target.has_requirements) {
        for target in targets {
            let flag = match target.kind {
                Kind::Bench => "--bench",
                Kind::Bin => "--bin",
                Kind::Example => "--example",
                Kind::Test => "--test",
                Kind::Lib => {
                    if !args.iter().any(|arg| arg == "--lib") {
                        args.push("--lib".into());
                    }
                    continue;
                }
            };
            args.extend([flag.into(), OsString::from(&target.cargo_name)]);
        }
    } else {
        // Which features are on depends on what else is built; in this form cargo leaves out what lacks one.
        args.push("--benches".into());
    }
    if !cargo.config.is_empty() {
        // A directory set on the command line is stronger than the variable; the last one is stronger still.
        args.extend(["--config".into(), format!("build.build-dir={:?}", build_dir.to_string_lossy()).into()]);
    }
    for (name, value) in [("--profile", &options.profile), ("--jobs", &options.jobs), ("--color", &options.color)] {
        if let Some(value) = value {
            args.extend([name.into(), OsString::from(value)]);
        }
    }
    args.extend((0..options.verbose).map(|_| OsString::from("--verbose")));
    if options.quiet {
        args.push("--quiet".into());
    }
    if options.no_fail_fast {
        args.push("--no-fail-fast".into());
    }
    args
}

fn executable(artifact: &cargo_metadata::Artifact, targets: &[BenchTarget]) -> Option<Executable> {
    let kind = match artifact.target.kind.first()? {
        TargetKind::Bench => Kind::Bench,
        TargetKind::Bin if artifact.profile.test => Kind::Bin,
        TargetKind::Example => Kind::Example,
        TargetKind::Test => Kind::Test,
        _ if artifact.profile.test => Kind::Lib,
        _ => return None,
    };
    let timed = artifact.executable.clone()?.into_std_path_buf();
    let is_it = |target: &&BenchTarget| {
        let same = target.kind == kind && target.cargo_name == artifact.target.name;
        same && target.package_id == artifact.package_id.repr
    };
    let target = targets.iter().find(is_it)?;
    Some(Executable {
        target: target.clone(),
        counted: counted_path(&timed),
        dhat: dhat_path(&timed),
        stamp: stamp(&timed).ok()?,
        timed,
    })
}
