//! Unwind tables for the processes of a run, made before they start; an object's rows are read once a run.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::records::Module;
use crate::unwind::{self, ModuleTable, Table};
use crate::{Result, fs};

/// The rows of every object seen so far.
#[derive(Debug, Default)]
pub struct Tables {
    known: HashMap<(PathBuf, Vec<u8>), ModuleTable>,
}

impl Tables {
    /// Whether the object was built without unwind tables, so that stacks end in its code.
    pub fn lacks_unwind_tables(&self, path: &Path) -> bool {
        let coverage = |((known, _), table): (&(PathBuf, Vec<u8>), &ModuleTable)| {
            known == path && table.coverage.as_ref().is_some_and(|coverage| coverage.lacks_unwind_tables())
        };
        self.known.iter().any(coverage)
    }

    /// Writes the table for a process of these objects to `file`.
    pub fn write(&mut self, modules: &[Module], file: &Path) -> Result<()> {
        fs::write(file, self.bytes(modules)?)
    }

    /// The table for these objects.
    pub fn bytes(&mut self, modules: &[Module]) -> Result<Vec<u8>> {
        let mut table = Table::default();
        for module in modules {
            let key = (module.path.clone(), module.build_id.clone());
            table.modules.push(self.known.entry(key).or_insert_with(|| unwind::build_module(module)).clone());
        }
        table.to_bytes()
    }
}
