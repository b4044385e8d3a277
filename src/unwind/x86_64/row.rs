//! One row of call-frame information as a rule.

use std::ops::Range;

use gimli::{CfaRule, RegisterRule, UnwindExpression, X86_64};

use super::super::cfi::{Fde, Row};
use super::super::elf::CallFrames;
use super::super::rule::{Base, Rule};
use super::super::spans::Spans;
use super::expression::{self, CfaExpression, UCONTEXT_RBP, UCONTEXT_RIP};

/// Adds the rules of one row.
pub(in super::super) fn add(frames: &CallFrames<'_>, fde: &Fde<'_>, row: &Row, spans: &mut Spans) {
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
        spans.change(address, Rule::frame(Base::Sp, if pushed { 16 } else { 8 }, None));
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
        CfaRule::RegisterAndOffset { register: X86_64::RSP, offset } => (Base::Sp, offset),
        CfaRule::RegisterAndOffset { register: X86_64::RBP, offset } => (Base::Fp, offset),
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
