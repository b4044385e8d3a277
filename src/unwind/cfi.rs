//! Converts .eh_frame to rules: exactly those call-frame rows that fit in the 32 bits of a [`Rule`].
//!
//! rustc and gcc write asynchronous tables (right at every instruction), so a CPU sample can be unwound from wherever
//! it struck. A row that needs other registers than the stack and the frame pointer, or whose return address is not where the
//! processor's rules have room for it, is dropped rather than approximated: an approximate rule would invent callers.

use std::collections::HashMap;
use std::ops::Range;

use gimli::{CieOrFde, FrameDescriptionEntry, UnwindContext, UnwindSection, UnwindTableRow};

use super::elf::{CallFrames, Machine, Slice};
use super::spans::Spans;
use super::{Rule, aarch64, x86_64};

pub(super) type Fde<'data> = FrameDescriptionEntry<Slice<'data>>;
pub(super) type Row = UnwindTableRow<usize>;

/// Adds the functions of `frames` to `spans`. Damaged entries leave their code without rules; returns false if the
/// section ended in one, so that everything after it is missing.
pub(super) fn collect(frames: &CallFrames<'_>, spans: &mut Spans) -> bool {
    let mut context = UnwindContext::new();
    each(frames, |fde| function(frames, fde, &mut context, spans))
}

/// The code of each function in `frames`, in the section's order; addresses as in the file.
pub(super) fn functions(frames: &CallFrames<'_>) -> Vec<Range<u64>> {
    let mut functions = Vec::new();
    each(frames, |fde| functions.push(code(fde)));
    functions
}

/// Calls `visit` for every readable entry; returns false if the section ended in a damaged one.
fn each(frames: &CallFrames<'_>, mut visit: impl FnMut(&Fde<'_>)) -> bool {
    let mut cies = HashMap::new();
    let mut entries = frames.section.entries(&frames.bases);
    loop {
        let partial = match entries.next() {
            Ok(None) => return true,
            Ok(Some(CieOrFde::Cie(_))) => continue,
            Ok(Some(CieOrFde::Fde(partial))) => partial,
            Err(_) => return false,
        };
        let fde = partial.parse(|section, bases, offset| match cies.get(&offset) {
            Some(cie) => Ok(gimli::CommonInformationEntry::clone(cie)),
            None => {
                let cie = section.cie_from_offset(bases, offset)?;
                cies.insert(offset, cie.clone());
                Ok(cie)
            }
        });
        if let Ok(fde) = fde {
            visit(&fde);
        }
    }
}

fn code(fde: &Fde<'_>) -> Range<u64> {
    fde.initial_address()..fde.initial_address().saturating_add(fde.len())
}

fn function(frames: &CallFrames<'_>, fde: &Fde<'_>, context: &mut UnwindContext<usize>, spans: &mut Spans) {
    let code = code(fde);
    if code.is_empty() {
        return;
    }
    spans.begin(code.clone());
    let Ok(mut table) = fde.rows(&frames.section, &frames.bases, context) else { return };
    let mut reached = code.start;
    loop {
        match table.next_row() {
            Ok(Some(row)) => {
                reached = row.end_address();
                match frames.machine {
                    Machine::X86_64 => x86_64::row::add(frames, fde, row, spans),
                    Machine::Aarch64 => spans.change(row.start_address(), aarch64::row::rule(row)),
                }
            }
            Ok(None) => return,
            // The rows before the damage stay; after it nothing is known.
            Err(_) => return spans.change(reached, Rule::UNKNOWN),
        }
    }
}
