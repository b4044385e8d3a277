//! The build: cargo's own, with the runtime injected, in a target directory of its own.

use std::ffi::OsString;
use std::path::PathBuf;

use cargo_metadata::{Artifact, TargetKind};

use super::cargo::{self, BenchOptions, CargoCall};
use super::launch::{Launch, Runner};
use super::process::Interrupt;
use super::scratch::Scratch;
use crate::inject::{Refusal, Setup, counted_path, dhat_path, is_own_allocator, is_pair, stamp};
use crate::project::{BenchTarget, CargoConfig, CargoOptions, Kind, Workspace};
use crate::{Error, Result};

/// A bench target, built.
#[derive(Debug, Clone)]
pub struct Executable {
    pub target: BenchTarget,
    /// Linked as the user has it.
    pub timed: PathBuf,
    /// With the counting allocator.
    pub counted: PathBuf,
    /// With the dhat crate; only if that was asked for, and if the bench has no allocator of its own.
    pub dhat: PathBuf,
    /// How cargo would start it; `None` if cargo was to run nothing, or did not get to it.
    pub launch: Option<Launch>,
    /// The build that it comes from.
    stamp: String,
}

impl Executable {
    /// Whether it is still the built one: cargo's lock does not hold while benches run, and another run may rebuild it.
    pub fn is_unchanged(&self) -> bool {
        stamp(&self.timed).is_ok_and(|now| now == self.stamp)
    }

    fn new(artifact: &Artifact, targets: &[BenchTarget]) -> Option<Executable> {
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
        let target = targets.iter().find(is_it)?.clone();
        let (counted, dhat, stamp) = (counted_path(&timed), dhat_path(&timed), stamp(&timed).ok()?);
        Some(Executable { target, counted, dhat, launch: None, stamp, timed })
    }

    /// Whether one of those that are linked beside it is missing, or comes from another build.
    fn is_unpaired(&self, with_dhat: bool) -> bool {
        let is_own = || is_own_allocator(&self.timed, &self.counted);
        !is_pair(&self.timed, &self.counted) || with_dhat && !is_own() && !is_pair(&self.timed, &self.dhat)
    }
}

/// A finished build.
pub struct Build {
    pub executables: Vec<Executable>,
    /// Targets that the runtime cannot be hooked into, with the reason.
    pub refused: Vec<(BenchTarget, String)>,
}

/// A build in preparation.
pub struct Builder<'a> {
    workspace: &'a Workspace,
    cargo_options: &'a CargoOptions,
    options: BenchOptions,
    interrupt: &'a Interrupt,
    setup: Setup,
    runner: Runner,
    build_dir: PathBuf,
    program: PathBuf,
    variables: Vec<(String, OsString)>,
    targets: Vec<BenchTarget>,
    refused: Vec<(BenchTarget, String)>,
}

impl<'a> Builder<'a> {
    /// Compiles the runtime and lays out what cargo needs to build `targets` with it.
    pub fn prepare(
        workspace: &'a Workspace,
        config: &CargoConfig,
        (cargo_options, options): (&'a CargoOptions, BenchOptions),
        targets: Vec<BenchTarget>,
        scratch: &Scratch,
        interrupt: &'a Interrupt,
    ) -> Result<Builder<'a>> {
        let real_path = |target: &BenchTarget| target.source.canonicalize().unwrap_or(target.source.clone());
        let roots = workspace.targets.iter().map(real_path).collect();
        let mut setup = Setup::new(config, &workspace.home, &scratch.0, roots)?;
        if options.dhat {
            setup.add_dhat(config, &workspace.home, cargo_options.offline || cargo_options.frozen)?;
        }
        let build_dir = workspace.home.join("build");
        let runner = Runner::install(config, &workspace.home, &scratch.0)?;
        let variables = [runner.variables(), setup.install(&workspace.home, &build_dir)?].concat();
        let (program, refused) = (config.cargo.clone(), Vec::new());
        Ok(Builder {
            workspace,
            cargo_options,
            options,
            interrupt,
            setup,
            runner,
            build_dir,
            program,
            variables,
            targets,
            refused,
        })
    }

    /// Builds.
    ///
    /// # Errors
    /// 101 if the user's code does not build (rustc's own diagnostics are on stderr by then), 104 if the runtime cannot
    /// be hooked into any of it.
    pub fn build(mut self) -> Result<Build> {
        let mut executables = self.compile_until_accepted()?;
        executables = self.repair(executables)?;
        let mut launches = self.runner.launches(&self.variables)?;
        for executable in &mut executables {
            executable.launch = launches.remove(&executable.timed);
        }
        executables.sort_by(|a, b| (&a.target.package, &a.target.name).cmp(&(&b.target.package, &b.target.name)));
        Ok(Build { executables, refused: self.refused })
    }

    /// Each refusal ends the build of the benches that need it; the rest is built without it.
    fn compile_until_accepted(&mut self) -> Result<Vec<Executable>> {
        loop {
            let compiled = self.compile();
            let refusals = self.setup.refused();
            if refusals.is_empty() {
                return compiled;
            }
            self.interrupt.check()?;
            self.setup.forget_refusals()?;
            let before = self.refused.len();
            for target in std::mem::take(&mut self.targets) {
                match refusals.iter().find(|refusal| self.is_meant(refusal, &target)) {
                    Some(refusal) => self.refused.push((target, refusal.message.clone())),
                    None => self.targets.push(target),
                }
            }
            if self.targets.is_empty() || self.refused.len() == before {
                let message = refusals.into_iter().next().map(|refusal| refusal.message).unwrap_or_default();
                return Err(Error::nothing_measured(message));
            }
            self.options.by_name = true;
        }
    }

    /// Rebuilds those whose counting executable was made by another process, or is gone, or was linked when dhat was
    /// not asked for: if the timed one is gone, cargo makes them all.
    fn repair(&mut self, executables: Vec<Executable>) -> Result<Vec<Executable>> {
        let mut unpaired = executables.iter().filter(|one| one.is_unpaired(self.options.dhat)).peekable();
        if unpaired.peek().is_none() {
            return Ok(executables);
        }
        unpaired.for_each(|executable| drop(std::fs::remove_file(&executable.timed)));
        let executables = self.compile_until_accepted()?;
        match executables.iter().find(|executable| executable.is_unpaired(false)) {
            None => Ok(executables),
            Some(Executable { timed, .. }) => {
                let message = format!("no counting executable was made for {}", timed.display());
                Err(Error::nothing_measured(message))
            }
        }
    }

    fn compile(&self) -> Result<Vec<Executable>> {
        let mut arguments = cargo::arguments(self.cargo_options, &self.options, &self.targets, &self.build_dir);
        arguments.extend(self.runner.arguments());
        let call = CargoCall { program: self.program.clone(), arguments, variables: self.variables.clone() };
        let mut executables = Vec::new();
        call.run(self.interrupt, &mut |artifact| executables.extend(Executable::new(artifact, &self.targets)))?;
        Ok(executables)
    }

    fn is_meant(&self, refusal: &Refusal, target: &BenchTarget) -> bool {
        match &refusal.root {
            Some(root) => target.source.canonicalize().as_ref().unwrap_or(&target.source) == root,
            None => self.workspace.is_built_with(target, &refusal.package),
        }
    }
}
