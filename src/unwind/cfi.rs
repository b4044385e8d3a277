//! Converts .eh_frame to rules: exactly those call-frame rows that fit in the 32 bits of a [`Rule`].
//!
//! rustc and gcc write asynchronous tables (right at every instruction), so a CPU sample can be unwound from wherever
//! it struck. A row that needs a register other than rsp and rbp, or whose return address is not at CFA − 8, is
//! dropped rather than approximated: an approximate rule would invent callers.

use std::collections::HashMap;
use std::ops::Range;

use gimli::{
    CfaRule, CieOrFde, FrameDescriptionEntry, RegisterRule, UnwindContext, UnwindExpression, UnwindSection,
    UnwindTableRow, X86_64,
};

use super::Rule;
use super::elf::{CallFrames, Slice};
use super::expression::{self, CfaExpression, UCONTEXT_RBP, UCONTEXT_RIP};
use super::rule::Base;
use super::spans::Spans;

type Fde<'data> = FrameDescriptionEntry<Slice<'data>>;
type Row = UnwindTableRow<usize>;

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
                add_row(frames, fde, row, spans);
            }
            Ok(None) => return,
            // The rows before the damage stay; after it nothing is known.
            Err(_) => return spans.change(reached, Rule::UNKNOWN),
        }
    }
}

fn add_row(frames: &CallFrames<'_>, fde: &Fde<'_>, row: &Row, spans: &mut Spans) {
    let code = row.start_address()..row.end_address().min(fde.end_address());
    match plt_formula(frames, row) {
        Some(pushed_at) if pushed_at != 11 => each_plt_entry(code, pushed_at, spans),
        _ => spans.change(code.start, rule(frames, fde, row)),
    }
}

/// Rows for a PLT whose entries push elsewhere than at byte 11, because only byte 11 has a packed form.
fn each_plt_entry(code: Range<u64>, pushed_at: u64, spans: &mut Spans) {
    let mut address = code.start;
    while address < code.end {
        let pushed = address & 15 >= pushed_at;
        spans.change(address, Rule::frame(Base::Rsp, if pushed { 16 } else { 8 }, None));
        address = if pushed { (address | 15).saturating_add(1) } else { (address & !15) + pushed_at };
    }
}

fn plt_formula(frames: &CallFrames<'_>, row: &Row) -> Option<u64> {
    let plain = row.register(X86_64::RBP).is_none() && row.register(X86_64::RA) == Some(RegisterRule::Offset(-8));
    match known_cfa(frames, row)? {
        CfaExpression::Plt { pushed_at } => plain.then_some(pushed_at),
        CfaExpression::SignalStack => None,
    }
}

fn known_cfa(frames: &CallFrames<'_>, row: &Row) -> Option<CfaExpression> {
    match row.cfa() {
        CfaRule::Expression(expression) => expression::cfa(expression.get(&frames.section).ok()?),
        CfaRule::RegisterAndOffset { .. } => None,
    }
}

fn rule(frames: &CallFrames<'_>, fde: &Fde<'_>, row: &Row) -> Rule {
    let return_address = row.register(X86_64::RA);
    if return_address == Some(RegisterRule::Undefined) {
        return Rule::OUTERMOST;
    }
    if fde.is_signal_trampoline() {
        return if is_restore_rt(frames, row) { Rule::SIGNAL } else { Rule::UNKNOWN };
    }
    if return_address != Some(RegisterRule::Offset(-8)) {
        return Rule::UNKNOWN;
    }
    let (base, offset) = match *row.cfa() {
        CfaRule::RegisterAndOffset { register: X86_64::RSP, offset } => (Base::Rsp, offset),
        CfaRule::RegisterAndOffset { register: X86_64::RBP, offset } => (Base::Rbp, offset),
        CfaRule::Expression(_) if plt_formula(frames, row).is_some() => return Rule::PLT,
        _ => return Rule::UNKNOWN,
    };
    let saved_rbp = match row.register(X86_64::RBP) {
        None | Some(RegisterRule::SameValue) => None,
        Some(RegisterRule::Offset(offset)) if offset <= 0 => Some(offset.unsigned_abs()),
        Some(_) => return Rule::UNKNOWN,
    };
    u64::try_from(offset).map_or(Rule::UNKNOWN, |offset| Rule::frame(base, offset, saved_rbp))
}

/// Whether a signal frame keeps the registers at the offsets from which the runtime reads them.
fn is_restore_rt(frames: &CallFrames<'_>, row: &Row) -> bool {
    let saved_at = |register| match row.register(register) {
        Some(RegisterRule::Expression(expression)) => rsp_offset(frames, &expression),
        _ => None,
    };
    known_cfa(frames, row) == Some(CfaExpression::SignalStack)
        && saved_at(X86_64::RBP) == Some(UCONTEXT_RBP)
        && saved_at(X86_64::RA) == Some(UCONTEXT_RIP)
}

fn rsp_offset(frames: &CallFrames<'_>, expression: &UnwindExpression<usize>) -> Option<i64> {
    expression::rsp_offset(expression.get(&frames.section).ok()?)
}
