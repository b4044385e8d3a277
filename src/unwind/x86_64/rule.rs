//! The rules of x86-64.
//!
//! | bits | meaning |
//! |---|---|
//! | 1..0 | kind: 0 nothing known, 1 CFA = rsp + offset, 2 CFA = rbp + offset, 3 special |
//! | 2 | rbp is saved in the frame |
//! | 11..3 | (CFA − address of the saved rbp) ÷ 8 |
//! | 31..12 | CFA offset ÷ 8; for kind 3 which special: 0 outermost frame, 1 PLT entry, 2 signal frame |
//!
//! The return address lies at CFA − 8 for kinds 1 and 2 and for a PLT entry.

use super::super::rule::{Base, KIND, KIND_FP, KIND_SP, KIND_SPECIAL, Rule};

/// An unpacked rule. Offsets are in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decoded {
    /// The stack ends here, unfinished.
    Unknown,
    /// CFA = base + `offset`; the caller's rbp is at CFA − `saved_rbp`, or still in rbp.
    Frame { base: Base, offset: u64, saved_rbp: Option<u64> },
    /// The first frame of a thread: the stack is whole.
    Outermost,
    /// CFA = rsp + 8, and 8 more from byte 11 of each 16-byte entry on.
    Plt,
    /// The registers of the interrupted code are in the `ucontext` at rsp.
    Signal,
    /// Bits that this version never writes.
    Invalid,
}

const SAVED: u32 = 1 << 2;
const SAVED_SHIFT: u32 = 3;
const SAVED_LIMIT: u64 = 1 << 9;
const OFFSET_SHIFT: u32 = 12;
const OFFSET_LIMIT: u64 = 1 << 20;

impl Rule {
    pub const PLT: Rule = Rule(KIND_SPECIAL | 1 << OFFSET_SHIFT);
    pub const SIGNAL: Rule = Rule(KIND_SPECIAL | 2 << OFFSET_SHIFT);

    /// The rule of an ordinary frame. `offset` is CFA − base and `saved_rbp` CFA − address of the saved rbp, both in
    /// bytes. Values that the bits cannot hold (not a multiple of 8, too large) give [`Rule::UNKNOWN`].
    pub fn frame(base: Base, offset: u64, saved_rbp: Option<u64>) -> Rule {
        let (Some(offset), Some(saved)) = (slots(offset, OFFSET_LIMIT), slots(saved_rbp.unwrap_or(0), SAVED_LIMIT))
        else {
            return Rule::UNKNOWN;
        };
        let flag = if saved_rbp.is_some() { SAVED } else { 0 };
        Rule(base.kind() | flag | saved << SAVED_SHIFT | offset << OFFSET_SHIFT)
    }

    /// CFA = rsp + `offset`, rbp untouched; `offset` a small multiple of 8.
    pub(in super::super) const fn rsp(offset: u32) -> Rule {
        Rule(KIND_SP | (offset / 8) << OFFSET_SHIFT)
    }

    pub fn decode(self) -> Decoded {
        let high = u64::from(self.0 >> OFFSET_SHIFT);
        let saved = self.0 >> SAVED_SHIFT & (SAVED_LIMIT as u32 - 1);
        let base = match self.0 & KIND {
            KIND_SP => Base::Sp,
            KIND_FP => Base::Fp,
            KIND_SPECIAL => {
                return match high {
                    0 => Decoded::Outermost,
                    1 => Decoded::Plt,
                    2 => Decoded::Signal,
                    _ => Decoded::Invalid,
                };
            }
            _ if self.0 == 0 => return Decoded::Unknown,
            _ => return Decoded::Invalid,
        };
        let saved_rbp = (self.0 & SAVED != 0).then_some(u64::from(saved) * 8);
        Decoded::Frame { base, offset: high * 8, saved_rbp }
    }
}

/// `bytes` in stack slots of 8 bytes, if that is a whole number below `limit`.
fn slots(bytes: u64, limit: u64) -> Option<u32> {
    (bytes.is_multiple_of(8) && bytes / 8 < limit).then_some((bytes / 8) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_survive_packing() {
        for base in [Base::Sp, Base::Fp] {
            for offset in [0, 8, 16, 4096, (OFFSET_LIMIT - 1) * 8] {
                for saved_rbp in [None, Some(0), Some(16), Some((SAVED_LIMIT - 1) * 8)] {
                    let rule = Rule::frame(base, offset, saved_rbp);
                    assert_eq!(rule.decode(), Decoded::Frame { base, offset, saved_rbp });
                    assert_eq!(Rule::from_bits(rule.bits()), rule);
                }
            }
        }
    }

    #[test]
    fn the_bits_are_those_that_the_runtime_reads() {
        assert_eq!(Rule::frame(Base::Sp, 8, None).bits(), 1 << 12 | 1);
        assert_eq!(Rule::frame(Base::Fp, 16, Some(16)).bits(), 2 << 12 | 2 << 3 | 1 << 2 | 2);
        assert_eq!([Rule::OUTERMOST, Rule::PLT, Rule::SIGNAL].map(Rule::bits), [0x3, 0x1003, 0x2003]);
    }

    #[test]
    fn what_does_not_fit_is_unknown() {
        assert_eq!(Rule::frame(Base::Sp, 12, None), Rule::UNKNOWN);
        assert_eq!(Rule::frame(Base::Sp, OFFSET_LIMIT * 8, None), Rule::UNKNOWN);
        assert_eq!(Rule::frame(Base::Sp, 16, Some(SAVED_LIMIT * 8)), Rule::UNKNOWN);
        assert_eq!(Rule::frame(Base::Sp, 16, Some(9)), Rule::UNKNOWN);
        assert_eq!(Rule::from_bits(4).decode(), Decoded::Invalid);
        assert_eq!(Rule::from_bits(7 << 12 | 3).decode(), Decoded::Invalid);
    }
}
