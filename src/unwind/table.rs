//! The file of unwind tables, which the tool writes before the run and the runtime maps.
//!
//! Fixed little-endian records at 8-byte boundaries, so that the runtime reads it in place with nothing but pointers:
//!
//! | at | what |
//! |---|---|
//! | 0 | header, 64 bytes: `MPUNWND1`, u32 version, module count, row count, string bytes; u64 offset of modules, rows, strings |
//! | modules | 64 bytes each: u64 text start, end; u32 first row, rows, path offset and length, build id offset and length |
//! | rows | 8 bytes each: u32 pc − text start, u32 rule ([`super::Rule`]) |
//! | strings | paths and build ids, without terminators |
//!
//! Rows are sorted by pc within a module; a row holds until the next one, and before the first nothing is known.

use std::ops::Range;
use std::path::PathBuf;

use super::{Coverage, Row, Rule};
use crate::os::os_string;
use crate::{Error, Result};

const MAGIC: &[u8; 8] = b"MPUNWND1";
const VERSION: u32 = 1;
const HEADER: usize = 64;
const MODULE: usize = 64;
const ROW: usize = 8;

/// The rules of one executable or shared library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleTable {
    /// As in [`crate::records::Module::path`].
    pub path: PathBuf,
    /// The GNU build id of the file that was read; empty if it has none. The runtime uses a table only for the same
    /// id.
    pub build_id: Vec<u8>,
    /// The span of the executable segments, addresses as in the file.
    pub text: Range<u64>,
    pub rows: Vec<Row>,
    /// The coverage of the file; `None` for a table that was read back from bytes.
    pub coverage: Option<Coverage>,
}

/// The rules of all modules of one process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    pub modules: Vec<ModuleTable>,
}

impl ModuleTable {
    /// The rule at `address` (as in the file, without the load bias).
    pub fn lookup(&self, address: u64) -> Rule {
        if !self.text.contains(&address) {
            return Rule::UNKNOWN;
        }
        let pc = address - self.text.start;
        match self.rows.partition_point(|row| u64::from(row.pc) <= pc) {
            0 => Rule::UNKNOWN,
            after => self.rows[after - 1].rule,
        }
    }
}

impl Table {
    /// The file's bytes. Fails if a count does not fit 32 bits.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let rows: usize = self.modules.iter().map(|module| module.rows.len()).sum();
        let strings: usize =
            self.modules.iter().map(|module| module.path.as_os_str().len() + module.build_id.len()).sum();
        let modules_at = HEADER;
        let rows_at = modules_at + MODULE * self.modules.len();
        let strings_at = rows_at + ROW * rows;

        let mut bytes = Vec::with_capacity(strings_at + strings);
        bytes.extend(MAGIC);
        for count in [VERSION, narrow(self.modules.len())?, narrow(rows)?, narrow(strings)?] {
            bytes.extend(count.to_le_bytes());
        }
        for offset in [modules_at, rows_at, strings_at] {
            bytes.extend((offset as u64).to_le_bytes());
        }
        bytes.resize(modules_at, 0);

        let (mut first_row, mut string) = (0, 0);
        for module in &self.modules {
            let start = bytes.len();
            let (path, id) = (module.path.as_os_str().len(), module.build_id.len());
            bytes.extend(module.text.start.to_le_bytes());
            bytes.extend(module.text.end.to_le_bytes());
            for number in [first_row, module.rows.len(), string, path, string + path, id] {
                bytes.extend(narrow(number)?.to_le_bytes());
            }
            bytes.resize(start + MODULE, 0);
            first_row += module.rows.len();
            string += path + id;
        }
        for row in self.modules.iter().flat_map(|module| &module.rows) {
            bytes.extend(row.pc.to_le_bytes());
            bytes.extend(row.rule.bits().to_le_bytes());
        }
        for module in &self.modules {
            bytes.extend(module.path.as_os_str().as_encoded_bytes());
            bytes.extend(&module.build_id);
        }
        Ok(bytes)
    }

    /// The inverse of [`Table::to_bytes`], except for [`ModuleTable::coverage`]. Fails if the parts are inconsistent.
    pub fn from_bytes(bytes: &[u8]) -> Result<Table> {
        parse(bytes).ok_or_else(|| Error::other("the unwind table is damaged or of another version: build it again"))
    }
}

fn parse(bytes: &[u8]) -> Option<Table> {
    if bytes.get(..8)? != MAGIC || u32_at(bytes, 8)? != VERSION as usize {
        return None;
    }
    let (modules, rows, strings) = (u32_at(bytes, 12)?, u32_at(bytes, 16)?, u32_at(bytes, 20)?);
    let modules = part(bytes, u64_at(bytes, 24)?, modules.checked_mul(MODULE)?)?;
    let rows = part(bytes, u64_at(bytes, 32)?, rows.checked_mul(ROW)?)?;
    let strings = part(bytes, u64_at(bytes, 40)?, strings)?;
    modules
        .chunks_exact(MODULE)
        .map(|entry| parse_module(entry, rows, strings))
        .collect::<Option<_>>()
        .map(|modules| Table { modules })
}

fn parse_module(entry: &[u8], rows: &[u8], strings: &[u8]) -> Option<ModuleTable> {
    let rows = part(rows, (u32_at(entry, 16)? * ROW) as u64, u32_at(entry, 20)?.checked_mul(ROW)?)?;
    let path = part(strings, u32_at(entry, 24)? as u64, u32_at(entry, 28)?)?;
    let build_id = part(strings, u32_at(entry, 32)? as u64, u32_at(entry, 36)?)?;
    let row = |row: &[u8]| Some(Row { pc: u32_at(row, 0)? as u32, rule: Rule::from_bits(u32_at(row, 4)? as u32) });
    let rows: Vec<Row> = rows.chunks_exact(ROW).map(row).collect::<Option<_>>()?;
    rows.is_sorted_by(|a, b| a.pc < b.pc).then(|| ModuleTable {
        path: PathBuf::from(os_string(path.to_vec())),
        build_id: build_id.to_vec(),
        text: u64_at(entry, 0).unwrap_or(0)..u64_at(entry, 8).unwrap_or(0),
        rows,
        coverage: None,
    })
}

fn part(bytes: &[u8], offset: u64, length: usize) -> Option<&[u8]> {
    let offset = usize::try_from(offset).ok()?;
    bytes.get(offset..offset.checked_add(length)?)
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<usize> {
    let bytes = bytes.get(offset..)?.first_chunk()?;
    Some(u32::from_le_bytes(*bytes) as usize)
}

fn u64_at(bytes: &[u8], offset: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(offset..)?.first_chunk()?))
}

fn narrow(number: usize) -> Result<u32> {
    u32::try_from(number).map_err(|_| Error::other("the unwind table is too large: more than 4 billion rows"))
}

#[cfg(test)]
mod tests {
    use super::super::rule::Base;
    use super::*;

    fn sample() -> Table {
        let row = |pc, rule| Row { pc, rule };
        let frame = |offset| Rule::frame(Base::Sp, offset, None);
        let module = |path: &str, id: &[u8], text, rows| ModuleTable {
            path: path.into(),
            build_id: id.to_vec(),
            text,
            rows,
            coverage: None,
        };
        Table {
            modules: vec![
                module(
                    "/a/bench",
                    b"\x01\x02",
                    0x1000..0x2000,
                    vec![row(0x10, frame(8)), row(0x14, frame(16)), row(0x40, Rule::UNKNOWN)],
                ),
                module("linux-vdso.so.1", b"", 0..0x800, vec![row(0, frame(8))]),
            ],
        }
    }

    #[test]
    fn bytes_and_back() {
        let table = sample();
        let bytes = table.to_bytes().unwrap();
        assert_eq!(Table::from_bytes(&bytes).unwrap(), table);
    }

    #[test]
    fn the_layout_is_the_one_that_the_runtime_reads() {
        let bytes = sample().to_bytes().unwrap();
        assert_eq!(&bytes[..8], b"MPUNWND1");
        assert_eq!([8, 12, 16, 20].map(|at| u32_at(&bytes, at).unwrap()), [1, 2, 4, 17 + 8]);
        assert_eq!([24, 32, 40].map(|at| u64_at(&bytes, at).unwrap()), [64, 192, 224]);
        let second = &bytes[128..192];
        assert_eq!([0, 8].map(|at| u64_at(second, at).unwrap()), [0, 0x800]);
        assert_eq!([16, 20, 24, 28, 32, 36].map(|at| u32_at(second, at).unwrap()), [3, 1, 10, 15, 25, 0]);
        assert_eq!(&bytes[192..200], [0x10, 0, 0, 0, 0x01, 0x10, 0, 0]);
        assert_eq!(&bytes[224..], b"/a/bench\x01\x02linux-vdso.so.1");
    }

    #[test]
    fn a_row_holds_until_the_next() {
        let module = &sample().modules[0];
        let at = |address| module.lookup(address);
        assert_eq!(at(0x1000), Rule::UNKNOWN);
        assert_eq!(at(0x1010), Rule::frame(Base::Sp, 8, None));
        assert_eq!(at(0x1013), Rule::frame(Base::Sp, 8, None));
        assert_eq!(at(0x1014), Rule::frame(Base::Sp, 16, None));
        assert_eq!(at(0x1040), Rule::UNKNOWN);
        assert_eq!(at(0xfff), Rule::UNKNOWN);
        assert_eq!(at(0x2000), Rule::UNKNOWN);
    }

    #[test]
    fn every_truncation_and_flipped_byte_is_read_or_refused_without_a_panic() {
        let bytes = sample().to_bytes().unwrap();
        for length in 0..bytes.len() {
            assert!(Table::from_bytes(&bytes[..length]).is_err(), "cut to {length} bytes");
        }
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0xff;
            let _ = Table::from_bytes(&damaged);
        }
    }
}
