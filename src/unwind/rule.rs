//! One unwinding rule, packed in 32 bits.
//!
//! Nearly every instruction of every compiler's code is covered by "the caller's frame begins so many bytes above a register,
//! and these registers are saved there": a few small numbers. Other rules are not approximated: a wrong rule invents
//! callers, a missing one only cuts the stack, and a cut stack is counted and shown.
//!
//! The layout is shared with the runtime (see [`super::table`] for the file that holds the rules). Bits 1 and 0 are the kind:
//! 0 nothing known, 1 CFA = stack pointer + offset, 2 CFA = frame pointer + offset, 3 special; the special 0 is the first
//! frame of a thread. The other bits are in the processor's own module.

/// A packed rule: how to find the caller's frame from the registers at one instruction.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rule(pub(super) u32);

/// From `pc` (relative to the module's text start) to the next row, `rule` holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    pub pc: u32,
    pub rule: Rule,
}

/// The base register of the canonical frame address (CFA).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    /// The stack pointer.
    Sp,
    /// The frame pointer.
    Fp,
}

pub(super) const KIND: u32 = 0b11;
pub(super) const KIND_SP: u32 = 1;
pub(super) const KIND_FP: u32 = 2;
pub(super) const KIND_SPECIAL: u32 = 3;

impl Rule {
    pub const UNKNOWN: Rule = Rule(0);
    pub const OUTERMOST: Rule = Rule(KIND_SPECIAL);

    /// The rule's bits, as in the file.
    pub fn bits(self) -> u32 {
        self.0
    }

    pub fn from_bits(bits: u32) -> Rule {
        Rule(bits)
    }
}

impl Base {
    pub(super) fn kind(self) -> u32 {
        match self {
            Base::Sp => KIND_SP,
            Base::Fp => KIND_FP,
        }
    }
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}
