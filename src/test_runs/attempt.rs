//! One process of one test: its output, its end, its records.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use super::build::Executable;
use super::list::Test;
use crate::measure::{Interrupt, PLAN_VARIABLE, Running, plan_word};
use crate::records::{self, Allocations, Counted, Module, Record};
use crate::{Error, Result, fs, os};

/// The settings of all processes.
#[derive(Debug, Clone, Copy)]
pub struct Settings<'a> {
    /// This run's own folder.
    pub scratch: &'a Path,
    pub timeout: Duration,
    pub interrupt: &'a Interrupt,
    /// The unwind table, if stacks are recorded.
    pub table: Option<&'a Path>,
}

/// The end of a process.
#[derive(Debug, Default)]
pub struct Attempt {
    /// `None`: it took too long.
    pub status: Option<ExitStatus>,
    pub wall: Duration,
    /// The file with its output, if that was captured.
    output: Option<PathBuf>,
    /// Its test came to an end, passed or not.
    pub is_done: bool,
    pub counted: Option<Counted>,
    pub stacks: Vec<Allocations>,
    pub modules: Vec<Module>,
    pub not_linked: bool,
}

impl Attempt {
    /// What it printed, on stdout and stderr, in order; nothing if it was not captured.
    pub fn printed(&self) -> String {
        let bytes = self.output.as_ref().map(std::fs::read).and_then(Result::ok).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// Runs `test`. `number`: of the worker that runs it, whose files are its own. `captured`: its output goes to a file, not to
/// stderr.
pub fn attempt(
    test: &Test,
    executable: &Executable,
    number: usize,
    captured: bool,
    settings: &Settings,
) -> Result<Attempt> {
    let file = |kind: &str| settings.scratch.join(format!("test-{number}-{kind}"));
    let (plan, records, output) = (file("plan"), file("records"), file("output"));
    fs::write(&records, b"")?;
    fs::write(&plan, plan_text(test, &records, settings.table))?;
    let launch = &executable.launch;
    let mut command = launch.command(&executable.counted);
    if launch.runner.is_empty() {
        os::named(&mut command, &executable.plain);
    }
    command.args([&test.listed, "--exact"]).env(PLAN_VARIABLE, &plan);
    let (out, err) = if captured {
        fs::write(&output, b"")?;
        let file = OpenOptions::new().append(true).open(&output).map_err(|e| Error::file("write", &output, e))?;
        let other = file.try_clone().map_err(|e| Error::file("write", &output, e))?;
        (Stdio::from(file), Stdio::from(other))
    } else {
        let stderr = || os::stderr().map_err(|e| Error::with("cannot share stderr with a test", e));
        (stderr()?, stderr()?)
    };
    command.stdout(out).stderr(err);
    let (status, wall, _) = Running::start_as_it_is(command, false)?.run(settings.timeout, settings.interrupt)?;
    let output = captured.then_some(output);
    let mut attempt = Attempt { status, wall, output, ..Attempt::default() };
    for record in records::parse_all(&fs::read(&records)?)?.0 {
        match record {
            Record::Object(module) => attempt.modules.push(module),
            Record::Counted(counted) => attempt.counted = Some(counted),
            Record::Stacks { stacks, .. } => attempt.stacks = stacks,
            Record::Done { .. } => attempt.is_done = true,
            Record::NotLinked => attempt.not_linked = true,
            _ => (),
        }
    }
    Ok(attempt)
}

fn plan_text(test: &Test, records: &Path, table: Option<&Path>) -> String {
    let path = |path: &Path| plan_word(&path.to_string_lossy());
    let stacks = table.map(|table| format!("table {}\nstacks 1\n", path(table))).unwrap_or_default();
    let (records, name) = (path(records), plan_word(&test.listed));
    format!("memprof-plan 1\nmode test\nrecords {records}\n{stacks}run 0 {} 0 0 {name}\n", test.occurrence)
}
