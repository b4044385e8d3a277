//! Rules for procedure linkage tables, which linkers do not describe.
//!
//! An entry jumps on with all registers of its caller but x16 and x17. Only the table's first entry, which calls the
//! dynamic linker, saves x30: from behind that instruction to the jump.

use super::super::elf::Code;
use super::super::rule::{Base, Rule};
use super::super::spans::Spans;
use super::rule::Frame;

/// stp x16, x30, [sp, #-16]!
const SAVES: u32 = 0xA9BF_7BF0;
/// br x17
const JUMPS: u32 = 0xD61F_0220;

/// Adds one PLT section, where no function in `spans` (sorted) covers it.
pub(in super::super) fn collect(section: &Code<'_>, spans: &mut Spans) {
    if section.bytes.is_empty() || spans.covers(section.address) {
        return;
    }
    let frame = |offset, lr| Frame { base: Base::Sp, offset, lr, fp: None }.pack();
    let (called, saved): (Rule, Rule) = (frame(0, None), frame(16, Some(8)));
    spans.begin(section.address..section.address + section.bytes.len() as u64);
    spans.change(section.address, called);
    for (address, bytes) in (section.address..).step_by(4).zip(section.bytes.chunks_exact(4)) {
        match u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) {
            SAVES => spans.change(address + 4, saved),
            JUMPS => spans.change(address + 4, called),
            _ => (),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_entry_saves_the_return_address() {
        let nop = 0xD503_201F_u32;
        let words = [SAVES, nop, nop, JUMPS, nop, nop, nop, nop, nop, nop, nop, JUMPS];
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let mut spans = Spans::default();
        collect(&Code { address: 0x1000, bytes: &bytes }, &mut spans);
        let rows: Vec<_> = spans.into_rows(&(0x1000..0x2000)).iter().map(|row| (row.pc, row.rule.bits())).collect();
        assert_eq!(rows, [(0, 1), (4, 1 << 14 | 1 << 6 | 1 << 2 | 1), (16, 1), (48, 0)]);
    }
}
