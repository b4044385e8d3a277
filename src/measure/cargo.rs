//! The call of cargo: one `cargo bench` builds the benches and, through our runner, tells how it would start each. A second call
//! could rebuild them, since some build scripts run at every call.

use std::ffi::OsString;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cargo_metadata::{Artifact, Message};

use super::process::Interrupt;
use crate::project::{BenchTarget, BuildOptions, CargoOptions, Kind};
use crate::{Error, Result};

/// Options of a build of benches that are not about packages.
#[derive(Debug, Default, Clone)]
pub struct BenchOptions {
    pub build: BuildOptions,
    pub profile: Option<String>,
    pub no_fail_fast: bool,
    /// One more executable, with the dhat crate.
    pub dhat: bool,
    /// The user named the targets; else all that can be built are used.
    pub by_name: bool,
    /// Nothing will be run.
    pub no_run: bool,
}

/// How cargo is called.
#[derive(Debug, Clone)]
pub struct CargoCall {
    pub program: PathBuf,
    pub arguments: Vec<OsString>,
    pub variables: Vec<(String, OsString)>,
}

impl CargoCall {
    /// Runs cargo and passes on each artifact as it is made; cargo's progress and rustc's diagnostics appear on stderr.
    ///
    /// # Errors
    /// 101 where the user's code does not build.
    pub fn run(&self, interrupt: &Interrupt, artifact: &mut dyn FnMut(&Artifact)) -> Result<()> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.arg("--message-format=json-render-diagnostics").stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|e| Error::run(&command, e))?;
        let stdout = child.stdout.take().ok_or_else(|| Error::other("cargo has no output"))?;
        let watch = interrupt.pass_on_to(&child);
        let mut is_built = false;
        for message in Message::parse_stream(BufReader::new(stdout)) {
            match message {
                Ok(Message::CompilerArtifact(one)) => artifact(&one),
                Ok(Message::BuildFinished(end)) => is_built = end.success,
                Ok(_) => (),
                Err(e) => {
                    let _ = child.kill().and_then(|()| child.wait());
                    return Err(Error::with("cannot read the output of cargo", e));
                }
            }
        }
        let status = child.wait().map_err(|e| Error::with("cannot wait for cargo", e))?;
        drop(watch);
        interrupt.check()?;
        match (status.success(), is_built) {
            (true, _) => Ok(()),
            (false, true) => Err(Error::other("cargo cannot run the benches; its error is above")),
            (false, false) => Err(Error::BuildFailed("the benches do not build; cargo's errors are above".to_owned())),
        }
    }
}

/// The command line that builds `targets`.
pub fn arguments(
    cargo: &CargoOptions,
    options: &BenchOptions,
    targets: &[BenchTarget],
    build_dir: &Path,
) -> Vec<OsString> {
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
        // The features that are on depend on the other built targets; in this form cargo leaves out targets that lack
        // one.
        args.push("--benches".into());
    }
    if !cargo.config.is_empty() {
        // A directory set on the command line is stronger than the variable; the last one is stronger still.
        args.extend(["--config".into(), format!("build.build-dir={:?}", build_dir.to_string_lossy()).into()]);
    }
    args.extend(options.build.arguments(options.profile.as_deref()));
    if options.no_run {
        args.push("--no-run".into());
    }
    if options.no_fail_fast {
        args.push("--no-fail-fast".into());
    }
    args
}
