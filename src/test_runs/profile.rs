//! mem.prof of a test, on request.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::attempt::Attempt;
use super::build::Executable;
use crate::Result;
use crate::measure::Tables;
use crate::pprof::profile::Profile;
use crate::records::{Allocations, Module};
use crate::symbolize::Symbolizer;
use crate::symbolize::profiles::{self, Circumstances};

/// Writes the unwind table for processes of `executable`, which mapped `modules` when it was asked for its tests.
pub fn write_table(
    tables: &mut Tables,
    executable: &Executable,
    modules: &[Module],
    scratch: &Path,
) -> Result<PathBuf> {
    // The name that the process itself uses.
    let path = executable.counted.canonicalize().unwrap_or_else(|_| executable.counted.clone());
    let main = Module { path, bias: 0, build_id: Vec::new(), text: Vec::new(), image: None };
    let modules: Vec<Module> = std::iter::once(main).chain(modules.iter().skip(1).cloned()).collect();
    let file = scratch.join("test-table");
    tables.write(&modules, &file)?;
    Ok(file)
}

/// The profile of one process.
pub fn of(attempt: &Attempt) -> Profile {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as i64);
    let duration = attempt.counted.as_ref().map_or(0, |counted| counted.nanoseconds as i64);
    let circumstances = Circumstances { iterations: 1, time_nanos: now, duration_nanos: duration };
    // The first state is that of the process's main thread, which waits; the next, the test's.
    let own = |stack: &Allocations| Allocations { thread: stack.thread.saturating_sub(1), ..stack.clone() };
    let stacks: Vec<Allocations> = attempt.stacks.iter().map(own).collect();
    profiles::memory(&mut Symbolizer::new(&attempt.modules), &attempt.modules, &stacks, None, circumstances)
}
