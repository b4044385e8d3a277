//! The circumstances that cargo gives a bench: folder, variables, library path. cargo runs the benches with this executable as
//! their runner, which notes how it was called and runs nothing; from then on the passes start the benches themselves.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::inject::{for_cargo_only, link_to_self, to_json};
use crate::os::os_string;
use crate::project::CargoConfig;
use crate::{Error, Result, fs};

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

/// How cargo would start a bench.
#[derive(Debug, Clone, Serialize, Deserialize)]
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
pub fn run_runner(args: &[OsString]) -> Result<i32> {
    let folder = std::env::var_os(NOTES_VARIABLE).ok_or_else(for_cargo_only)?;
    let executable = args.first().ok_or_else(for_cargo_only)?;
    let here = std::env::current_dir().map_err(|e| Error::with("there is no current directory", e))?;
    let note = Note {
        executable: executable.as_encoded_bytes().to_vec(),
        folder: here.into_os_string().into_encoded_bytes(),
        variables: std::env::vars_os()
            .map(|(name, value)| (name.into_encoded_bytes(), value.into_encoded_bytes()))
            .collect(),
    };
    fs::write(Path::new(&folder).join(format!("{}.json", std::process::id())), to_json(&note)?)?;
    Ok(0)
}

/// The runner that replaces the user's own, and the notes that it leaves.
pub struct Runner {
    notes: PathBuf,
    link: PathBuf,
    platform: String,
    users: Vec<OsString>,
    told_as_text: Option<bool>,
}

impl Runner {
    /// `scratch` is this run's own folder, `home` the tool's.
    pub fn install(config: &CargoConfig, home: &Path, scratch: &Path) -> Result<Runner> {
        let notes = scratch.join("notes");
        fs::create_dir_all(&notes)?;
        let link = link_to_self(&home.join("inject"), RUNNER_NAME)?;
        let (platform, users) = (config.platform.clone(), config.runner.clone());
        Ok(Runner { notes, link, platform, users, told_as_text: config.runner_told_as_text })
    }

    /// The variables that make cargo use it.
    pub fn variables(&self) -> Vec<(String, OsString)> {
        let mut variables = vec![(NOTES_VARIABLE.to_owned(), self.notes.clone().into_os_string())];
        if !self.link.as_os_str().as_encoded_bytes().iter().any(u8::is_ascii_whitespace) {
            let platform = self.platform.to_uppercase().replace(['-', '.'], "_");
            variables.push((format!("CARGO_TARGET_{platform}_RUNNER"), self.link.clone().into_os_string()));
        }
        variables
    }

    /// The arguments that do so, if cargo would split the variable at spaces, or if the user's `--config` takes
    /// precedence over it.
    pub fn arguments(&self) -> Vec<OsString> {
        if self.told_as_text.is_none() && self.variables().len() > 1 {
            return Vec::new();
        }
        let link = toml::Value::String(self.link.to_string_lossy().into_owned());
        // Of another type than the user's cargo would refuse it.
        let value = if self.told_as_text == Some(true) { link } else { toml::Value::Array(vec![link]) };
        vec!["--config".into(), format!("target.{}.runner={value}", self.platform).into()]
    }

    /// How cargo would start each executable. `ours`: the variables that the tool set for cargo.
    pub fn launches(&self, ours: &[(String, OsString)]) -> Result<HashMap<PathBuf, Launch>> {
        let mut launches = HashMap::new();
        for path in fs::read_dir(&self.notes)? {
            let cannot = |e| Error::with(format!("cannot read {}", path.display()), e);
            let note: Note = serde_json::from_slice(&fs::read(&path)?).map_err(|e: serde_json::Error| cannot(e))?;
            let launch = Launch {
                folder: os_string(note.folder).into(),
                variables: as_cargo_alone(note.variables, ours),
                runner: self.users.clone(),
            };
            let executable = PathBuf::from(os_string(note.executable));
            // cargo may name it below the bench's folder.
            launches.insert(launch.folder.join(executable), launch);
        }
        Ok(launches)
    }
}

/// The variables without those that the tool added for cargo.
fn as_cargo_alone(variables: Vec<(Vec<u8>, Vec<u8>)>, ours: &[(String, OsString)]) -> Vec<(OsString, OsString)> {
    let is_ours = |name: &OsStr| ours.iter().any(|(our, _)| name == our.as_str());
    let variables = variables.into_iter().map(|(name, value)| (os_string(name), os_string(value)));
    let mut kept: Vec<_> = variables.filter(|(name, _)| !is_ours(name)).collect();
    kept.extend(std::env::vars_os().filter(|(name, _)| is_ours(name) && name != NOTES_VARIABLE));
    kept
}
