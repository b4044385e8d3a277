//! Rules for procedure linkage tables that have no unwind information (rust-lld writes none).
//!
//! Without these rules, a sample in a PLT stub, or a walk out of a lazily bound call, would be cut there. The stubs
//! have a few shapes of 16 bytes, told apart by their first bytes; an unknown shape gets no rule.

use super::super::elf::Code;
use super::super::rule::Rule;
use super::super::spans::Spans;

const ENTRY: usize = 16;

/// Adds the entries of one PLT section that no function in `spans` (sorted) covers.
pub(in super::super) fn collect(section: &Code<'_>, spans: &mut Spans) {
    let addresses = (section.address..).step_by(ENTRY);
    let uncovered: Vec<_> =
        addresses.zip(section.bytes.chunks(ENTRY)).filter(|(address, _)| !spans.covers(*address)).collect();
    for (address, bytes) in uncovered {
        spans.begin(address..address + bytes.len() as u64);
        for &(offset, cfa) in shape(bytes) {
            spans.change(address + offset, cfa);
        }
    }
}

/// The rules of one entry, by its first bytes: offset in the entry and rule.
fn shape(bytes: &[u8]) -> &'static [(u64, Rule)] {
    const CALLED: Rule = Rule::rsp(8);
    const PUSHED: Rule = Rule::rsp(16);
    const PUSHED_TWICE: Rule = Rule::rsp(24);
    match bytes {
        // PLT0, reached by a jump from an entry that has pushed its number: push link_map(%rip) (6 bytes); jmp
        // *resolver.
        [0xff, 0x35, ..] => &[(0, PUSHED), (6, PUSHED_TWICE)],
        // jmp *slot(%rip) (6 bytes); push number (5); jmp PLT0.
        [0xff, 0x25, _, _, _, _, 0x68, ..] => &[(0, Rule::PLT)],
        // endbr64; push number (5); jmp PLT0: .plt beside .plt.sec.
        [0xf3, 0x0f, 0x1e, 0xfa, 0x68, ..] => &[(0, CALLED), (9, PUSHED)],
        // jmp *slot(%rip), bare, with endbr64 or with bnd: .plt.got and .plt.sec.
        [0xff, 0x25, ..] | [0xf2, 0xff, 0x25, ..] => &[(0, CALLED)],
        [0xf3, 0x0f, 0x1e, 0xfa, 0xff, 0x25, ..] | [0xf3, 0x0f, 0x1e, 0xfa, 0xf2, 0xff, 0x25, ..] => &[(0, CALLED)],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(bytes: &[u8], covered: Option<u64>) -> Vec<(u32, Rule)> {
        let mut spans = Spans::default();
        if let Some(end) = covered {
            spans.begin(0x1000..end);
            spans.change(0x1000, Rule::OUTERMOST);
            spans.sort();
        }
        collect(&Code { address: 0x1000, bytes }, &mut spans);
        spans.into_rows(&(0x1000..0x2000)).into_iter().map(|row| (row.pc, row.rule)).collect()
    }

    fn entry(start: &[u8]) -> Vec<u8> {
        let mut bytes = start.to_vec();
        bytes.resize(ENTRY, 0xcc);
        bytes
    }

    fn lazy() -> Vec<u8> {
        [entry(&[0xff, 0x35]), entry(&[0xff, 0x25, 0, 0, 0, 0, 0x68]), entry(&[0xff, 0x25, 0, 0, 0, 0, 0x68])].concat()
    }

    #[test]
    fn a_lazy_table() {
        let end = (48, Rule::UNKNOWN);
        assert_eq!(rules(&lazy(), None), [(0, Rule::rsp(16)), (6, Rule::rsp(24)), (16, Rule::PLT), end]);
    }

    #[test]
    fn entries_with_endbr64() {
        let bytes =
            [entry(&[0xf3, 0x0f, 0x1e, 0xfa, 0x68]), entry(&[0xf3, 0x0f, 0x1e, 0xfa, 0xf2, 0xff, 0x25])].concat();
        assert_eq!(
            rules(&bytes, None),
            [(0, Rule::rsp(8)), (9, Rule::rsp(16)), (16, Rule::rsp(8)), (32, Rule::UNKNOWN)]
        );
    }

    #[test]
    fn a_short_last_entry_and_an_unknown_shape() {
        assert_eq!(rules(&[0xff, 0x25, 0, 0, 0, 0, 0x66, 0x90], None), [(0, Rule::rsp(8)), (8, Rule::UNKNOWN)]);
        assert_eq!(rules(&entry(&[0x90]), None), []);
    }

    #[test]
    fn what_the_linker_described_stays() {
        assert_eq!(rules(&lazy(), Some(0x1030)), [(0, Rule::OUTERMOST), (48, Rule::UNKNOWN)]);
    }
}
