//! The line on which a function is declared.
//!
//! addr2line gives the debugging entry of each frame, not its attributes. An inlined call's entry names no line but
//! points to the function's own entry, which may be in another unit after link-time optimization.

use std::collections::HashMap;

use gimli::{AttributeValue, DebugInfoOffset, UnitOffset, UnitRef, UnitSectionOffset};

use super::lines::Bytes;

type Unit = gimli::Unit<Bytes>;

/// Declaration lines already looked up, and the units that were parsed for them.
#[derive(Default)]
pub(super) struct Declarations {
    lines: HashMap<(UnitSectionOffset, UnitOffset), u32>,
    /// Units by the offset of their header, for references from one unit to another.
    headers: Option<Vec<(usize, gimli::UnitHeader<Bytes>)>>,
    units: HashMap<usize, Option<Unit>>,
}

/// An entry with a line is at most a few references away: call → abstract function → its declaration.
const REFERENCES: usize = 4;

impl Declarations {
    /// The DW_AT_decl_line of the function whose entry is `entry` in `unit`; 0 if it has none.
    pub fn line(&mut self, unit: UnitRef<'_, Bytes>, entry: UnitOffset) -> u32 {
        let key = (unit.header.offset(), entry);
        if let Some(line) = self.lines.get(&key) {
            return *line;
        }
        let line = self.follow(unit, entry, REFERENCES).unwrap_or(0);
        self.lines.insert(key, line);
        line
    }

    fn follow(&mut self, unit: UnitRef<'_, Bytes>, entry: UnitOffset, references: usize) -> Option<u32> {
        let entry = unit.entry(entry).ok()?;
        if let Some(line) = entry.attr_value(gimli::DW_AT_decl_line).and_then(|value| value.udata_value()) {
            return u32::try_from(line).ok();
        }
        let origin = entry.attr_value(gimli::DW_AT_abstract_origin);
        let references = references.checked_sub(1)?;
        match origin.or_else(|| entry.attr_value(gimli::DW_AT_specification))? {
            AttributeValue::UnitRef(offset) => self.follow(unit, offset, references),
            AttributeValue::DebugInfoRef(offset) => self.elsewhere(unit, offset, references),
            _ => None,
        }
    }

    fn elsewhere(&mut self, from: UnitRef<'_, Bytes>, entry: DebugInfoOffset, references: usize) -> Option<u32> {
        let headers = self.headers.get_or_insert_with(|| headers(from.dwarf));
        let index = headers.partition_point(|(start, _)| *start <= entry.0).checked_sub(1)?;
        let (start, header) = &headers[index];
        let offset = entry.to_unit_offset(header)?;
        let start = *start;
        // Taken out and put back, because following the reference may need this map for another unit.
        let unit = match self.units.remove(&start) {
            Some(unit) => unit,
            None => from.dwarf.unit(header.clone()).ok(),
        };
        let line = unit.as_ref().and_then(|unit| self.follow(UnitRef::new(from.dwarf, unit), offset, references));
        self.units.insert(start, unit);
        line
    }
}

fn headers(dwarf: &gimli::Dwarf<Bytes>) -> Vec<(usize, gimli::UnitHeader<Bytes>)> {
    let mut headers = Vec::new();
    let mut units = dwarf.units();
    while let Ok(Some(header)) = units.next() {
        if let Some(offset) = header.debug_info_offset() {
            headers.push((offset.0, header));
        }
    }
    headers
}
