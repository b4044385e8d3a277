//! One pass over a suite, with a harness or without, and the unwind table that it needs.

use std::path::{Path, PathBuf};

use super::attempt::PassResult;
use super::measuring::Measuring;
use super::pass::Pass;
use super::phase::Phase;
use super::plan::Selected;
use super::suite::Suite;
use super::whole_process;
use crate::Result;
use crate::records::Module;

impl Measuring<'_> {
    /// Runs one pass over `selected` of `suite`.
    pub(super) fn pass(&mut self, phase: Phase, suite: &Suite, selected: &[Selected]) -> Result<PassResult> {
        let Some(first) = selected.first() else { return Ok(PassResult::default()) };
        let program = suite.program(phase);
        let table = match phase.takes_stacks(self.options) {
            true => Some(self.write_table(phase, suite, program)?),
            false => None,
        };
        let table = table.as_deref();
        match (suite.whole_process, phase) {
            (true, Phase::Time) => whole_process::time(suite, first, self),
            (true, _) => whole_process::pass(phase, suite, table, first, self),
            (false, _) => {
                let (launch, options) = (suite.launch, self.options);
                let arguments = suite.arguments(phase, options);
                Pass { phase, program, launch, options, table, arguments: &arguments }.run(selected, self)
            }
        }
    }

    /// The unwind table for processes of `program`: with the shared objects that listing saw.
    fn write_table(&mut self, phase: Phase, suite: &Suite, program: &Path) -> Result<PathBuf> {
        // The name that the process itself uses.
        let path = program.canonicalize().unwrap_or_else(|_| program.to_owned());
        // Segments and build id are the file's own; the runtime compares them to what it finds mapped.
        let main = Module { path, bias: 0, build_id: Vec::new(), text: Vec::new(), image: None };
        let modules: Vec<Module> = std::iter::once(main).chain(suite.modules.iter().skip(1).cloned()).collect();
        let file = self.options.dir.join("table");
        self.tables.write(&modules, &file)?;
        if phase == Phase::Count && self.tables.lacks_unwind_tables(&modules[0].path) {
            self.observer.warns(&format!(
                "{}: built without unwind tables, so stacks may be cut in its code; take `-C force-unwind-tables=no` out \
                 of the flags",
                suite.target().name
            ));
        }
        Ok(file)
    }
}
