//! Unwind tables: made by the tool before the run, looked up by the runtime inside the bench.
//!
//! To find the callers of an allocation or of a CPU sample, the runtime needs to know, for any instruction, where the
//! frame above begins. Compilers write exactly that into .eh_frame, but as programs to interpret; doing this in the
//! process costs more than the allocation itself. So the tool interprets them once, before the run, into sorted rows
//! of 8 bytes ([`table`]). This way the user's build needs no frame pointers, and the profiled code is the timed code.
//!
//! A module that cannot be read gets an empty table and gives the reason in [`Coverage::problem`]; stacks are cut
//! there, and counted.

mod aarch64;
mod cfi;
mod coverage;
mod elf;
mod rule;
mod spans;
mod start;
mod table;
mod x86_64;

use std::fs::File;
use std::ops::Range;

use object::{ReadCache, ReadRef};

pub use coverage::Coverage;
pub use rule::{Base, Row, Rule};
pub use table::{ModuleTable, Table};
pub use x86_64::Decoded;

use crate::records::Module;
use crate::{Error, Result};

/// The tables of all `modules`, in their order. Fails only if the first of them, the executable, cannot be read.
pub fn build(modules: &[Module]) -> Result<Table> {
    let modules: Vec<_> = modules.iter().map(build_module).collect();
    match modules.first().and_then(|executable| executable.coverage.as_ref()?.problem.as_ref()) {
        Some(problem) if modules[0].text.is_empty() => {
            Err(Error::other(format!("cannot read unwind tables of {}: {problem}", modules[0].path.display())))
        }
        _ => Ok(Table { modules }),
    }
}

/// The table of one module, from [`Module::image`] or the file at [`Module::path`]. Depends only on those bytes, so it
/// may be cached for as long as the file is the same.
pub fn build_module(module: &Module) -> ModuleTable {
    let built = match &module.image {
        Some(image) => of_elf(&image[..]),
        None => {
            File::open(&module.path).map_err(|error| error.to_string()).and_then(|file| of_elf(&ReadCache::new(file)))
        }
    };
    let (build_id, text, rows, mut coverage) =
        built.unwrap_or_else(|problem| (module.build_id.clone(), 0..0, Vec::new(), Coverage::unreadable(problem)));
    if build_id != module.build_id && !module.build_id.is_empty() {
        coverage
            .problem
            .get_or_insert("the file was replaced: its build id is another than the mapped object's".into());
    }
    ModuleTable { path: module.path.clone(), build_id, text, rows, coverage: Some(coverage) }
}

/// The functions of an ELF file by their addresses (as in the file, sorted), from its unwind information alone: the
/// only way to tell functions apart in a stripped library. Empty if nothing can be read.
pub fn functions(data: &[u8]) -> Vec<Range<u64>> {
    let frames = elf::Elf::parse(data).ok().and_then(|elf| elf.call_frames());
    let mut functions = frames.map(|frames| cfi::functions(&frames)).unwrap_or_default();
    functions.retain(|function| !function.is_empty());
    functions.sort_unstable_by_key(|function| function.start);
    functions
}

type Built = (Vec<u8>, Range<u64>, Vec<Row>, Coverage);

fn of_elf<'data>(data: impl ReadRef<'data>) -> Result<Built, String> {
    let elf = elf::Elf::parse(data)?;
    let text = elf.text();
    let mut spans = spans::Spans::default();
    let frames = elf.call_frames();
    let whole = frames.as_ref().is_none_or(|frames| cfi::collect(frames, &mut spans));
    spans.sort();
    let mut coverage = Coverage::of(&elf, &spans, frames.is_some());
    if !whole {
        coverage.problem = Some("its .eh_frame section is damaged; functions after the damage have no rules".into());
    }
    start::collect(&elf, &mut spans);
    spans.sort();
    for section in elf.plt_sections() {
        match elf.machine {
            elf::Machine::X86_64 => x86_64::plt::collect(&section, &mut spans),
            elf::Machine::Aarch64 => aarch64::plt::collect(&section, &mut spans),
        }
        spans.sort();
    }
    let rows = spans.into_rows(&text);
    Ok((elf.build_id(), text, rows, coverage))
}
