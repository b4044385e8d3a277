//! The ELF symbol tables: they give function names if there is no debug information, and linker's names if it has
//! none.

use object::{Object, ObjectSection, ObjectSymbol, SymbolKind};

/// The functions of one module by address.
#[derive(Default)]
pub(super) struct Symbols {
    /// Sorted by address, and at one address the preferred name last.
    entries: Vec<Entry>,
    names: Vec<u8>,
}

struct Entry {
    address: u64,
    /// 0 if the assembler gave none: the symbol extends to the next one, or to the end of its section.
    size: u64,
    section_end: u64,
    /// Offset and length in `names`.
    name: (usize, usize),
}

impl Symbols {
    /// The functions of .symtab and .dynsym.
    pub fn load(file: &object::File<'_>) -> Symbols {
        let mut symbols = Symbols::default();
        for symbol in file.symbols().chain(file.dynamic_symbols()) {
            if symbol.kind() == SymbolKind::Text && symbol.is_definition() {
                let section = symbol.section_index().and_then(|index| file.section_by_index(index).ok());
                let section_end = section.map_or(u64::MAX, |section| section.address().saturating_add(section.size()));
                symbols.add(symbol.address(), symbol.size(), section_end, symbol.name_bytes().unwrap_or_default());
            }
        }
        symbols.sort();
        symbols
    }

    fn add(&mut self, address: u64, size: u64, section_end: u64, name: &[u8]) {
        if !name.is_empty() {
            self.entries.push(Entry { address, size, section_end, name: (self.names.len(), name.len()) });
            self.names.extend(name);
        }
    }

    /// Of several names for one address (`malloc`, `__libc_malloc`), prefer the plainest, which is the one that
    /// programmers call.
    fn sort(&mut self) {
        let names = &self.names;
        let name = |entry: &Entry| &names[entry.name.0..entry.name.0 + entry.name.1];
        let plainness = |entry: &Entry| {
            let name = name(entry);
            let underscores = name.iter().take_while(|byte| **byte == b'_').count();
            (std::cmp::Reverse(underscores), std::cmp::Reverse(name.len()))
        };
        self.entries.sort_by(|a, b| {
            let order = a.address.cmp(&b.address).then((a.size > 0).cmp(&(b.size > 0)));
            order.then_with(|| plainness(a).cmp(&plainness(b))).then_with(|| name(b).cmp(name(a)))
        });
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The name of the function that holds `address` (as in the file).
    pub fn find(&self, address: u64) -> Option<&str> {
        let entry = self.entry(address)?;
        std::str::from_utf8(&self.names[entry.name.0..entry.name.0 + entry.name.1]).ok()
    }

    /// Where that function begins.
    pub fn start(&self, address: u64) -> Option<u64> {
        Some(self.entry(address)?.address)
    }

    fn entry(&self, address: u64) -> Option<&Entry> {
        let after = self.entries.partition_point(|entry| entry.address <= address);
        let entry = &self.entries[after.checked_sub(1)?];
        let within = if entry.size == 0 { address < entry.section_end } else { address - entry.address < entry.size };
        within.then_some(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbol_reaches_as_far_as_its_size() {
        let mut symbols = Symbols::default();
        symbols.add(0x20, 0, 0x2000, b"assembly");
        symbols.add(0x10, 8, 0x2000, b"sized");
        symbols.sort();
        assert_eq!(symbols.find(0xf), None);
        assert_eq!(symbols.find(0x17), Some("sized"));
        assert_eq!((symbols.start(0x17), symbols.start(0x18)), (Some(0x10), None));
        assert_eq!(symbols.find(0x18), None);
        assert_eq!(symbols.find(0x1000), Some("assembly"));
        assert_eq!(symbols.find(0x2000), None);
    }

    #[test]
    fn of_aliases_the_plainest_wins() {
        let mut symbols = Symbols::default();
        for name in ["__libc_malloc", "malloc", "__malloc", "zalloc"] {
            symbols.add(0x10, 8, 0x20, name.as_bytes());
        }
        symbols.add(0x10, 0, 0x20, b"m");
        symbols.sort();
        assert_eq!(symbols.find(0x10), Some("malloc"));
    }
}
