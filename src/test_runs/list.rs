//! Asks the executables for their tests.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use super::build::Executable;
use crate::measure::{Interrupt, PLAN_VARIABLE, Running, ending, plan_word};
use crate::records::{self, Module, Record};
use crate::{Error, Result, fs, os};

/// A test that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Test {
    /// `PACKAGE/TARGET/ID`.
    pub name: String,
    pub package: String,
    pub target: String,
    /// Its path in its crate, with a number behind it if several have one.
    pub id: String,
    /// As the harness has it, and how many of that name come before it.
    pub listed: String,
    pub occurrence: u32,
    pub ignored: bool,
    /// Why it is ignored.
    pub message: Option<String>,
    pub should_panic: bool,
}

/// The tests of an executable, with the objects that its process maps.
#[derive(Debug, Default)]
pub struct Listed {
    pub tests: Vec<Test>,
    pub modules: Vec<Module>,
}

#[derive(Deserialize)]
struct Description {
    ignored: bool,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    should_panic: bool,
}

/// Lists the tests of `executable`.
///
/// # Errors
/// Its process does not come to that point: the reason is one line.
pub fn list(
    executable: &Executable,
    scratch: &Path,
    timeout: Duration,
    interrupt: &Interrupt,
) -> Result<Result<Listed, String>> {
    let (plan, records) = (scratch.join("list-plan"), scratch.join("list-records"));
    fs::write(&records, b"")?;
    fs::write(&plan, format!("memprof-plan 1\nmode list-tests\nrecords {}\n", plan_word(&records.to_string_lossy())))?;
    let mut command = executable.launch.command(&executable.counted);
    if executable.launch.runner.is_empty() {
        os::named(&mut command, &executable.plain);
    }
    command.env(PLAN_VARIABLE, &plan);
    let (status, _, printed) = Running::start(command, false)?.run(timeout, interrupt)?;
    match status {
        None => return Ok(Err(format!("its tests were not listed within {timeout:?}"))),
        Some(status) if !status.success() => {
            return Ok(Err(format!("its tests cannot be listed: it {}", ending(status, &printed, true))));
        }
        Some(_) => (),
    }
    let mut listed = Listed::default();
    let target = &executable.target;
    for record in records::parse_all(&fs::read(&records)?)?.0 {
        match record {
            Record::Object(module) => listed.modules.push(module),
            Record::Benchmark { occurrence, id, description, .. } => {
                let description: Description = serde_json::from_str(&description)
                    .map_err(|e| Error::with("cannot read a test's description", e))?;
                let unique = if occurrence == 0 { id.clone() } else { format!("{id}#{occurrence:02}") };
                listed.tests.push(Test {
                    name: format!("{}/{unique}", target.full_name()),
                    package: target.package.clone(),
                    target: target.name.clone(),
                    id: unique,
                    listed: id,
                    occurrence,
                    ignored: description.ignored,
                    message: description.message,
                    should_panic: description.should_panic,
                });
            }
            _ => (),
        }
    }
    if listed.modules.is_empty() {
        return Ok(Err("it is run by another harness than the compiler's".to_owned()));
    }
    Ok(Ok(listed))
}
