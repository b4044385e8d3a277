//! What cargo gives a bench: its folder, variables and library path. cargo is asked to run the benches with this executable
//! as their runner, which notes what it was given and runs nothing; from then on the passes start the benches themselves.

use std::collections::HashMap;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::build::{Build, CargoCall};
use super::process::{self, Interrupt};
use super::scratch::Scratch;
use crate::inject::link_to_self;
use crate::project::CargoConfig;
use crate::{Error, Result};

/// Under this name cargo calls the executable as the benches' runner.
pub const RUNNER_NAME: &str = "memprof-runner";
/// Names the folder that the notes go to.
const NOTES_VARIABLE: &str = "MEMPROF_NOTES";

/// Operating-system strings are kept as bytes.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    executable: Vec<u8>,
    folder: Vec<u8>,
    variables: Vec<(Vec<u8>, Vec<u8>)>,
}

/// How cargo would start each bench.
#[derive(Debug)]
pub struct Launch {
    pub folder: PathBuf,
    pub variables: Vec<(OsString, OsString)>,
    /// The user's own runner.
    pub runner: Vec<OsString>,
}

impl Launch {
    /// The command that runs `executable` in its bench's place.
    pub fn command(&self, executable: &Path) -> Command {
        let mut command = match self.runner.split_first() {
            Some((runner, arguments)) => {
                let mut command = Command::new(runner);
                command.args(arguments).arg(executable);
                command
            }
            None => Command::new(executable),
        };
        command.current_dir(&self.folder).env_clear().envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// As the runner: notes how it was called.
pub fn run_runner(args: &[OsString]) -> anyhow::Result<i32> {
    let folder = std::env::var_os(NOTES_VARIABLE).context("this name is for cargo's use only")?;
    let executable = args.first().context("cargo names no executable")?;
    let note = Note {
        executable: executable.as_bytes().to_vec(),
        folder: std::env::current_dir()?.into_os_string().into_vec(),
        variables: std::env::vars_os().map(|(name, value)| (name.into_vec(), value.into_vec())).collect(),
    };
    let file = Path::new(&folder).join(format!("{}.json", std::process::id()));
    std::fs::write(&file, serde_json::to_vec(&note)?).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(0)
}

/// Asks cargo how it would run the benches of `build`; by executable.
pub fn capture(
    build: &Build,
    config: &CargoConfig,
    home: &Path,
    scratch: &Scratch,
    interrupt: &Interrupt,
) -> Result<HashMap<PathBuf, Launch>> {
    let notes = scratch.0.join("notes");
    std::fs::create_dir_all(&notes).map_err(|e| Error::other(format!("cannot write to {}: {e}", notes.display())))?;
    let runner = link_to_self(&home.join("inject"), RUNNER_NAME)?;
    let mut command = build.cargo.command();
    command.env(NOTES_VARIABLE, &notes).stdout(Stdio::null()).stderr(Stdio::piped());
    let variable = format!("CARGO_TARGET_{}_RUNNER", config.platform.to_uppercase().replace(['-', '.'], "_"));
    let by_flag = build.cargo.arguments.iter().any(|argument| argument == "--config");
    if by_flag || runner.as_os_str().as_bytes().iter().any(u8::is_ascii_whitespace) {
        // The variable is split at spaces, and weaker than what the user may have set by the same flag.
        let value = toml::Value::Array(vec![toml::Value::String(runner.to_string_lossy().into_owned())]);
        command.arg("--config").arg(format!("target.{}.runner={value}", config.platform));
    } else {
        command.env(&variable, &runner);
    }
    let out = process::output(command, interrupt)?;
    if !out.status.success() {
        let text = String::from_utf8_lossy(&out.stderr).into_owned();
        return Err(Error::other(format!("cargo cannot run the benches: {}", text.trim_end())));
    }
    let mut launches = HashMap::new();
    let entries =
        std::fs::read_dir(&notes).map_err(|e| Error::other(format!("cannot read {}: {e}", notes.display())))?;
    for entry in entries.flatten() {
        let text = std::fs::read(entry.path()).unwrap_or_default();
        let note: Note = serde_json::from_slice(&text).map_err(|e| Error::other(format!("a runner's note: {e}")))?;
        let launch = Launch {
            folder: OsString::from_vec(note.folder).into(),
            variables: as_cargo_alone(note.variables, &build.cargo, &variable),
            runner: config.runner.clone(),
        };
        let executable = PathBuf::from(OsString::from_vec(note.executable));
        // cargo may name it below the bench's folder.
        launches.insert(launch.folder.join(executable), launch);
    }
    Ok(launches)
}

/// The variables without what was put in for cargo's sake.
fn as_cargo_alone(variables: Vec<(Vec<u8>, Vec<u8>)>, call: &CargoCall, runner: &str) -> Vec<(OsString, OsString)> {
    let ours = |name: &OsString| {
        name == NOTES_VARIABLE || name == runner || call.variables.iter().any(|(variable, _)| name == variable.as_str())
    };
    let mut kept: Vec<(OsString, OsString)> = variables
        .into_iter()
        .map(|(name, value)| (OsString::from_vec(name), OsString::from_vec(value)))
        .filter(|(name, _)| !ours(name))
        .collect();
    kept.extend(std::env::vars_os().filter(|(name, _)| ours(name) && name != NOTES_VARIABLE));
    kept
}
