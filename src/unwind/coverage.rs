//! Measures how much of a module's code has unwind information, so that the tool can name a build without it instead
//! of only showing cut stacks.

use object::ReadRef;

use super::elf::Elf;
use super::spans::Spans;

/// The coverage of one module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Whether the file has call-frame information at all.
    pub has_cfi: bool,
    /// Functions with a symbol in .text.
    pub functions: usize,
    /// The number of them without call-frame information; a handful is assembly.
    pub uncovered: usize,
    /// The number of uncovered functions with a mangled Rust name: rustc covers every function unless told `-C
    /// force-unwind-tables=no`.
    pub uncovered_rust: usize,
    /// Names of the first few of those, as the symbol table has them.
    pub uncovered_names: Vec<String>,
    /// The reason for an empty or incomplete table: the file is unreadable, damaged, or was replaced.
    pub problem: Option<String>,
}

const NAMES: usize = 8;

impl Coverage {
    /// A module that could not be read at all.
    pub(super) fn unreadable(problem: String) -> Coverage {
        Coverage { problem: Some(problem), ..Coverage::default() }
    }

    /// Counts the functions of `elf` that `spans` (sorted) does not cover.
    pub(super) fn of<'data>(elf: &Elf<'data, impl ReadRef<'data>>, spans: &Spans, has_cfi: bool) -> Coverage {
        let functions = elf.functions();
        let uncovered = functions.iter().filter(|function| !spans.covers(function.code.start));
        let uncovered: Vec<_> = uncovered.map(|function| elf.name(function)).collect();
        Coverage {
            has_cfi,
            functions: functions.len(),
            uncovered: uncovered.len(),
            uncovered_rust: uncovered.iter().filter(|name| is_rust(name)).count(),
            uncovered_names: uncovered.iter().take(NAMES).map(|name| String::from_utf8_lossy(name).into()).collect(),
            problem: None,
        }
    }

    /// Whether code was built without unwind tables, so that stacks will be cut there. With debug information rustc
    /// still writes the tables for most functions, so a few missing ones are enough; a naked function or two are not.
    pub fn lacks_unwind_tables(&self) -> bool {
        let missing = !self.has_cfi || self.uncovered_rust > 2 || self.uncovered * 2 > self.functions;
        self.problem.is_none() && missing
    }
}

fn is_rust(name: &[u8]) -> bool {
    std::str::from_utf8(name).is_ok_and(|name| rustc_demangle::try_demangle(name).is_ok())
}
