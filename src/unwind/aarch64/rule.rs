//! The rules of AArch64.
//!
//! | bits | meaning |
//! |---|---|
//! | 1..0 | kind: 0 nothing known, 1 CFA = sp + offset, 2 CFA = x29 + offset, 3 special |
//! | 2 | x30, the return address, is saved in the slot; else it is in the register |
//! | 4..3 | x29: 0 not saved, 1 saved 8 bytes below the slot, 2 above it, 3 in the slot itself (without x30) |
//! | 5 | the slot is counted from the CFA's base upwards (gcc puts it below local variables), not from the CFA downwards |
//! | 13..6 | bytes from there to the slot ÷ 8 |
//! | 31..14 | CFA offset ÷ 16 from sp, ÷ 8 from x29; for kind 3 which special: 0 outermost frame |
//!
//! x29 lies at a multiple of 16, or, where one SIMD register is saved below it, 8 bytes higher.

use super::super::rule::{Base, Rule};
#[cfg(test)]
use super::super::rule::{KIND_FP, KIND_SP, KIND_SPECIAL};

const LR_SAVED: u32 = 1 << 2;
const FP_SHIFT: u32 = 3;
const FP_BELOW: u32 = 1;
const FP_ABOVE: u32 = 2;
const FP_ALONE: u32 = 3;
const FROM_BASE: u32 = 1 << 5;
const SLOT_SHIFT: u32 = 6;
const SLOT_LIMIT: u64 = 1 << 8;
const OFFSET_SHIFT: u32 = 14;
const OFFSET_LIMIT: u64 = 1 << 18;

/// An ordinary frame. The places of saved registers are bytes below the CFA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    pub base: Base,
    /// CFA − base.
    pub offset: u64,
    pub lr: Option<u64>,
    pub fp: Option<u64>,
}

impl Frame {
    /// [`Rule::UNKNOWN`] if the bits cannot hold it.
    pub fn pack(self) -> Rule {
        let (slot, fp) = match (self.lr, self.fp) {
            (None, None) => (0, 0),
            (Some(lr), None) => (lr, 0),
            (None, Some(fp)) => (fp, FP_ALONE),
            (Some(lr), Some(fp)) if fp == lr + 8 => (lr, FP_BELOW),
            (Some(lr), Some(fp)) if fp + 8 == lr => (lr, FP_ABOVE),
            _ => return Rule::UNKNOWN,
        };
        let fits = |distance: u64| distance.is_multiple_of(8) && distance / 8 < SLOT_LIMIT;
        let (from, distance) = match self.offset.checked_sub(slot) {
            _ if fits(slot) => (0, slot),
            Some(above) if fits(above) => (FROM_BASE, above),
            _ => return Rule::UNKNOWN,
        };
        let unit = unit(self.base);
        if !self.offset.is_multiple_of(unit) || self.offset / unit >= OFFSET_LIMIT {
            return Rule::UNKNOWN;
        }
        let saved = if self.lr.is_some() { LR_SAVED } else { 0 } | fp << FP_SHIFT | from;
        let (slot, offset) = ((distance / 8) as u32, (self.offset / unit) as u32);
        Rule(self.base.kind() | saved | slot << SLOT_SHIFT | offset << OFFSET_SHIFT)
    }

    /// The inverse of [`Frame::pack`]; `None` for other rules.
    #[cfg(test)]
    pub fn unpack(rule: Rule) -> Option<Frame> {
        let base = match rule.0 & KIND_SPECIAL {
            KIND_SP => Base::Sp,
            KIND_FP => Base::Fp,
            _ => return None,
        };
        let offset = u64::from(rule.0 >> OFFSET_SHIFT) * unit(base);
        let distance = u64::from(rule.0 >> SLOT_SHIFT) % SLOT_LIMIT * 8;
        let slot = if rule.0 & FROM_BASE != 0 { offset.checked_sub(distance)? } else { distance };
        let fp = match rule.0 >> FP_SHIFT & 3 {
            FP_BELOW => Some(slot + 8),
            FP_ABOVE => Some(slot.checked_sub(8)?),
            FP_ALONE => Some(slot),
            _ => None,
        };
        Some(Frame { base, offset, lr: (rule.0 & LR_SAVED != 0).then_some(slot), fp })
    }
}

fn unit(base: Base) -> u64 {
    match base {
        Base::Sp => 16,
        Base::Fp => 8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_survive_packing() {
        for base in [Base::Sp, Base::Fp] {
            for offset in [0, 16, 4096, (OFFSET_LIMIT - 1) * unit(base)] {
                for (lr, fp) in
                    [(None, None), (Some(8), None), (Some(8), Some(16)), (Some(16), Some(8)), (None, Some(32))]
                {
                    let frame = Frame { base, offset, lr, fp };
                    assert_eq!(Frame::unpack(frame.pack()), Some(frame));
                }
            }
            // As gcc has it: the pair at the bottom of a large frame.
            let frame = Frame { base, offset: 65536, lr: Some(65536 - 8), fp: Some(65536) };
            assert_eq!(Frame::unpack(frame.pack()), Some(frame));
        }
    }

    #[test]
    fn the_bits_are_those_that_the_runtime_reads() {
        let frame = Frame { base: Base::Fp, offset: 48, lr: Some(40), fp: Some(48) };
        assert_eq!(frame.pack().bits(), 6 << 14 | 5 << 6 | 1 << 3 | 1 << 2 | 2);
        // d8 saved below x29.
        let frame = Frame { base: Base::Fp, offset: 88, lr: Some(80), fp: Some(88) };
        assert_eq!(frame.pack().bits(), 11 << 14 | 10 << 6 | 1 << 3 | 1 << 2 | 2);
        let frame = Frame { base: Base::Sp, offset: 0, lr: None, fp: None };
        assert_eq!(frame.pack().bits(), 1);
    }

    #[test]
    fn what_does_not_fit_is_unknown() {
        let frame = Frame { base: Base::Sp, offset: 64, lr: Some(8), fp: Some(16) };
        assert_eq!(Frame { offset: 24, ..frame }.pack(), Rule::UNKNOWN);
        assert_eq!(Frame { offset: OFFSET_LIMIT * 16, ..frame }.pack(), Rule::UNKNOWN);
        assert_eq!(Frame { fp: Some(32), ..frame }.pack(), Rule::UNKNOWN);
        assert_eq!(Frame { lr: Some(12), fp: None, ..frame }.pack(), Rule::UNKNOWN);
        assert_eq!(Frame::unpack(Rule::OUTERMOST), None);
        assert_eq!(Frame::unpack(Rule::UNKNOWN), None);
    }
}
