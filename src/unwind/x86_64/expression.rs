//! The few DWARF expressions that occur in real .eh_frame sections, recognised whole.
//!
//! On x86-64 Linux, a CFA given by an expression is one of two formulas: the one that GNU ld writes for a procedure
//! linkage table, and the one of the C library's signal trampoline. Both are compared operation by operation; any
//! other expression gives no rule.

use gimli::{Encoding, Expression, Format, Operation, Register, X86_64};

use super::super::elf::Slice;

/// A known CFA expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CfaExpression {
    /// rsp + 8 + (8 if (pc & 15) >= `pushed_at`): the entries of a lazy procedure linkage table, which push their
    /// number.
    Plt { pushed_at: u64 },
    /// The interrupted rsp, from the `ucontext` at rsp: glibc's `__restore_rt`.
    SignalStack,
}

/// Offsets of saved registers from rsp in a signal trampoline: `ucontext_t.uc_mcontext.gregs` begins at 40.
pub(super) const UCONTEXT_RBP: i64 = 120;
pub(super) const UCONTEXT_RSP: i64 = 160;
pub(super) const UCONTEXT_RIP: i64 = 168;

/// Recognises a CFA expression, if it is one of the known ones.
pub(super) fn cfa(expression: Expression<Slice<'_>>) -> Option<CfaExpression> {
    let operations = operations(expression)?;
    if breg(operations.first()?, X86_64::RSP)? == UCONTEXT_RSP {
        let deref = matches!(operations[1..], [Operation::Deref { size: 8, space: false, .. }]);
        return deref.then_some(CfaExpression::SignalStack);
    }
    let [base, pc, mask, Operation::And, threshold, Operation::Ge, bit, Operation::Shl, Operation::Plus] =
        &operations[..]
    else {
        return None;
    };
    let fits = breg(base, X86_64::RSP)? == 8
        && breg(pc, X86_64::RA)? == 0
        && literal(mask)? == 15
        && literal(bit)? == 3
        && literal(threshold)? < 16;
    fits.then_some(CfaExpression::Plt { pushed_at: push_end(literal(threshold)?) })
}

/// The offset N, if a register's rule is the expression "rsp + N".
pub(super) fn rsp_offset(expression: Expression<Slice<'_>>) -> Option<i64> {
    match &operations(expression)?[..] {
        [only] => breg(only, X86_64::RSP),
        _ => None,
    }
}

/// The offset at which an entry's push has been executed. Linkers of 2017 to 2022 wrote 10 for the entries that begin
/// with endbr64 (4 bytes) and push (5): no instruction begins at 10, and the jump at 9 already sees the pushed word.
fn push_end(threshold: u64) -> u64 {
    if threshold == 10 { 9 } else { threshold }
}

fn operations(expression: Expression<Slice<'_>>) -> Option<Vec<Operation<Slice<'_>>>> {
    let encoding = Encoding { address_size: 8, format: Format::Dwarf32, version: 4 };
    let mut iterator = expression.operations(encoding);
    let mut operations = Vec::new();
    while let Some(operation) = iterator.next().ok()? {
        operations.push(operation);
    }
    Some(operations)
}

fn breg(operation: &Operation<Slice<'_>>, wanted: Register) -> Option<i64> {
    match operation {
        Operation::RegisterOffset { register, offset, .. } if *register == wanted => Some(*offset),
        _ => None,
    }
}

fn literal(operation: &Operation<Slice<'_>>) -> Option<u64> {
    match operation {
        Operation::UnsignedConstant { value } => Some(*value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gimli::LittleEndian;

    fn expression(bytes: &[u8]) -> Expression<Slice<'_>> {
        Expression(Slice::new(bytes, LittleEndian))
    }

    /// breg7 8, breg16 0, lit15, and, the threshold, ge, lit3, shl, plus
    fn plt(threshold: u8) -> [u8; 11] {
        [0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x30 + threshold, 0x2a, 0x33, 0x24, 0x22]
    }

    #[test]
    fn the_plt_formula() {
        assert_eq!(cfa(expression(&plt(11))), Some(CfaExpression::Plt { pushed_at: 11 }));
        assert_eq!(cfa(expression(&plt(9))), Some(CfaExpression::Plt { pushed_at: 9 }));
        assert_eq!(cfa(expression(&plt(10))), Some(CfaExpression::Plt { pushed_at: 9 }));
    }

    #[test]
    fn the_signal_trampoline() {
        assert_eq!(cfa(expression(&[0x77, 0xa0, 0x01, 0x06])), Some(CfaExpression::SignalStack));
        assert_eq!(rsp_offset(expression(&[0x77, 0xf8, 0x00])), Some(UCONTEXT_RBP));
    }

    #[test]
    fn anything_else_is_no_rule() {
        for bytes in [&[][..], &[0x77], &[0x77, 8], &[0x77, 0xa0, 0x01], &[0x76, 0xa0, 0x01, 0x06], &plt(11)[..10]] {
            assert_eq!(cfa(expression(bytes)), None, "{bytes:x?}");
        }
        for at in 0..11 {
            let mut other = plt(11);
            other[at] ^= 0x01;
            if at != 6 {
                assert_eq!(cfa(expression(&other)), None, "{other:x?}");
            }
        }
    }
}
