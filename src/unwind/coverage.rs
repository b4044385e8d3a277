//! How much of a module's code has unwind information, so that a build without it is named instead of showing as cut stacks.

use super::elf::Elf;
use super::spans::Spans;

/// What was found in one module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Whether the file has call-frame information at all.
    pub has_cfi: bool,
    /// Functions with a symbol in .text.
    pub functions: usize,
    /// Those of them that no call-frame information covers. A handful is assembly; most of them means
    /// `-C force-unwind-tables=no`.
    pub uncovered: usize,
    /// Names of the first few of those, as the symbol table has them.
    pub uncovered_names: Vec<String>,
    /// Why the table is empty or incomplete: the file is unreadable, damaged, or was replaced.
    pub problem: Option<String>,
}

const NAMES: usize = 8;

impl Coverage {
    /// A module of which nothing could be read.
    pub(super) fn unreadable(problem: String) -> Coverage {
        Coverage { problem: Some(problem), ..Coverage::default() }
    }

    /// Counts the functions of `elf` that `spans` (sorted) leaves uncovered.
    pub(super) fn of(elf: &Elf<'_>, spans: &Spans, has_cfi: bool) -> Coverage {
        let functions = elf.functions();
        let uncovered: Vec<_> = functions.iter().filter(|function| !spans.covers(function.address)).collect();
        Coverage {
            has_cfi,
            functions: functions.len(),
            uncovered: uncovered.len(),
            uncovered_names: uncovered
                .iter()
                .take(NAMES)
                .map(|function| String::from_utf8_lossy(function.name).into())
                .collect(),
            problem: None,
        }
    }

    /// Whether the code was built without unwind tables: none at all, or more than half of the functions lack them.
    pub fn lacks_unwind_tables(&self) -> bool {
        self.problem.is_none() && (!self.has_cfi || self.uncovered * 2 > self.functions)
    }
}
