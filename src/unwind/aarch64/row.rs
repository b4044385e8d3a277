//! One row of call-frame information as a rule.
//!
//! Whether the return address is signed (DW_CFA_AARCH64_negate_ra_state) makes no difference here: the runtime ignores the
//! bits of a signature in every address.

use gimli::{AArch64, CfaRule, RegisterRule};

use super::super::cfi::Row;
use super::super::rule::{Base, Rule};
use super::rule::Frame;

pub(in super::super) fn rule(row: &Row) -> Rule {
    if row.register(AArch64::X30) == Some(RegisterRule::Undefined) {
        return Rule::OUTERMOST;
    }
    let (base, offset) = match *row.cfa() {
        CfaRule::RegisterAndOffset { register: AArch64::SP, offset } => (Base::Sp, offset),
        CfaRule::RegisterAndOffset { register: AArch64::X29, offset } => (Base::Fp, offset),
        _ => return Rule::UNKNOWN,
    };
    // Bytes below the CFA; `Err` for a register that is elsewhere.
    let saved = |register| match row.register(register) {
        None | Some(RegisterRule::SameValue) => Ok(None),
        Some(RegisterRule::Offset(offset)) if offset < 0 => Ok(Some(offset.unsigned_abs())),
        Some(_) => Err(()),
    };
    match (u64::try_from(offset), saved(AArch64::X30), saved(AArch64::X29)) {
        (Ok(offset), Ok(lr), Ok(fp)) => Frame { base, offset, lr, fp }.pack(),
        _ => Rule::UNKNOWN,
    }
}
