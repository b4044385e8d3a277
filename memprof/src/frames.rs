//! The unwind table of the loaded objects, made in the process from their .eh_frame: what the tool's `src/unwind` makes from
//! files before a run.
//!
//! As there, a row that does not fit in a rule's 32 bits is dropped rather than approximated: it cuts a stack, and does not
//! invent callers. Procedure linkage tables that the linker does not describe are cut, too.

use crate::cfi::{Run, State, RA, UNKNOWN};
use crate::objects::Object;

/// From `pc` on, relative to the beginning of the text, the rule holds.
type Row = (u32, u32);

/// The file that `rules::install` reads.
pub fn table(objects: &[Object]) -> Vec<u8> {
    let modules: Vec<(&Object, u64, u64, Vec<Row>)> = objects
        .iter()
        .filter_map(|object| {
            let start = object.text.iter().map(|segment| segment.vaddr).min()?;
            let end = object.text.iter().map(|segment| segment.vaddr + segment.size).max()?;
            let rows = rows(object, start, end)?;
            Some((object, start, end, rows))
        })
        .collect();
    let total: usize = modules.iter().map(|module| module.3.len()).sum();
    let rows_at = 64 + 64 * modules.len();
    let strings_at = rows_at + 8 * total;
    let mut bytes = b"MPUNWND1".to_vec();
    let strings: usize = modules.iter().map(|(object, ..)| object.path.len() + object.build_id.len()).sum();
    for number in [1, modules.len(), total, strings] {
        bytes.extend((number as u32).to_le_bytes());
    }
    for at in [64, rows_at, strings_at, 0, 0] {
        bytes.extend((at as u64).to_le_bytes());
    }
    let (mut row, mut string) = (0, 0);
    for (object, start, end, rows) in &modules {
        let (path, id) = (object.path.len(), object.build_id.len());
        bytes.extend(start.to_le_bytes());
        bytes.extend(end.to_le_bytes());
        for number in [row, rows.len(), string, path, string + path, id] {
            bytes.extend((number as u32).to_le_bytes());
        }
        bytes.extend([0; 24]);
        row += rows.len();
        string += path + id;
    }
    for (pc, rule) in modules.iter().flat_map(|module| &module.3) {
        bytes.extend(pc.to_le_bytes());
        bytes.extend(rule.to_le_bytes());
    }
    for (object, ..) in &modules {
        bytes.extend(&object.path);
        bytes.extend(&object.build_id);
    }
    bytes
}

fn rows(object: &Object, start: u64, end: u64) -> Option<Vec<Row>> {
    let (from, to) = (object.frames.start, object.frames.end);
    if from >= to {
        return None;
    }
    // SAFETY: a readable segment of an object that is loaded, and stays so while its rows are made: libraries that are
    // closed at that very moment are the program's fault, as for any unwinder.
    let segment = unsafe {
        std::slice::from_raw_parts(object.bias.wrapping_add(from) as *const u8, (to - from) as usize)
    };
    let header = Reader { bytes: segment, base: from, at: (object.frames.header - from) as usize };
    let mut functions = functions(header)?;
    functions.sort_by_key(|function| function.start);
    let mut out = Rows { base: start, rows: Vec::new() };
    for (i, function) in functions.iter().enumerate() {
        let next = functions.get(i + 1).map_or(u64::MAX, |next| next.start);
        if function.start < start || function.end > end || function.start >= function.end {
            continue;
        }
        out.push(function.start, UNKNOWN);
        function.rows(&mut |address, rule| {
            if address < function.end.min(next) {
                out.push(address, rule);
            }
        });
        if function.end < next {
            out.push(function.end, UNKNOWN);
        }
    }
    Some(out.rows)
}

struct Rows {
    base: u64,
    rows: Vec<Row>,
}

impl Rows {
    /// Of two rules at one address, the later one holds; equal neighbours are one row.
    fn push(&mut self, address: u64, rule: u32) {
        let pc = match u32::try_from(address - self.base) {
            Ok(pc) => pc,
            Err(_) => return,
        };
        while self.rows.last().is_some_and(|last| last.0 >= pc) {
            self.rows.pop();
        }
        if self.rows.last().map_or(UNKNOWN, |last| last.1) != rule {
            self.rows.push((pc, rule));
        }
    }
}

/// Bytes of a segment that begins at the address `base`; a place in them.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    pub bytes: &'a [u8],
    base: u64,
    pub at: usize,
}

impl<'a> Reader<'a> {
    fn address(&self) -> u64 {
        self.base + self.at as u64
    }

    fn to(&self, address: u64) -> Option<Reader<'a>> {
        let at = address.checked_sub(self.base)? as usize;
        (at < self.bytes.len()).then_some(Reader { at, ..*self })
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let bytes = self.bytes.get(self.at..self.at.checked_add(N)?)?;
        self.at += N;
        bytes.try_into().ok()
    }

    pub fn slice(&mut self, len: u64) -> Option<&'a [u8]> {
        let end = self.at.checked_add(usize::try_from(len).ok()?)?;
        let bytes = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(bytes)
    }

    pub fn u8(&mut self) -> Option<u8> {
        self.take::<1>().map(|bytes| bytes[0])
    }

    pub fn u16(&mut self) -> Option<u64> {
        self.take().map(|bytes| u64::from(u16::from_le_bytes(bytes)))
    }

    pub fn u32(&mut self) -> Option<u64> {
        self.take().map(|bytes| u64::from(u32::from_le_bytes(bytes)))
    }

    pub fn uleb(&mut self) -> Option<u64> {
        let (mut value, mut shift) = (0u64, 0);
        loop {
            let byte = self.u8()?;
            if shift < 64 {
                value |= u64::from(byte & 0x7F) << shift;
            }
            shift += 7;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
    }

    pub fn sleb(&mut self) -> Option<i64> {
        let (mut value, mut shift) = (0i64, 0);
        loop {
            let byte = self.u8()?;
            if shift < 64 {
                value |= i64::from(byte & 0x7F) << shift;
            }
            shift += 7;
            if byte & 0x80 == 0 {
                return Some(if byte & 0x40 != 0 && shift < 64 { value | -1 << shift } else { value });
            }
        }
    }

    /// An encoded pointer; `data` is what data-relative ones are relative to.
    fn pointer(&mut self, encoding: u8, data: u64) -> Option<u64> {
        let here = self.address();
        let value = match encoding & 0x0F {
            0x00 | 0x04 | 0x0C => u64::from_le_bytes(self.take()?),
            0x02 => self.u16()?,
            0x03 => self.u32()?,
            0x0A => self.u16()? as u16 as i16 as i64 as u64,
            0x0B => self.u32()? as u32 as i32 as i64 as u64,
            _ => return None,
        };
        match encoding & 0x70 {
            0x00 => Some(value),
            0x10 => Some(value.wrapping_add(here)),
            0x30 => Some(value.wrapping_add(data)),
            _ => None,
        }
    }
}

/// All functions that .eh_frame_hdr leads to.
fn functions(mut header: Reader<'_>) -> Option<Vec<Function<'_>>> {
    let data = header.address();
    let [version, frames, count_encoding, table_encoding] = header.take()?;
    let begin = header.pointer(frames, data)?;
    if version == 1 && count_encoding != 0xFF && table_encoding != 0xFF {
        let count = header.pointer(count_encoding, data)?;
        let mut functions = Vec::new();
        for _ in 0..count {
            header.pointer(table_encoding, data)?;
            let entry = header.pointer(table_encoding, data)?;
            functions.extend(header.to(entry).and_then(Function::read));
        }
        return Some(functions);
    }
    // Without a table of them, one after the other.
    let mut at = header.to(begin)?;
    let mut functions = Vec::new();
    loop {
        let entry = at;
        let length = at.u32()?;
        if length == 0 || length == 0xFFFF_FFFF {
            return Some(functions);
        }
        at.slice(length)?;
        functions.extend(Function::read(entry));
    }
}

/// The part that functions have in common (CIE).
#[derive(Clone, Copy)]
pub struct Common<'a> {
    pub code_factor: u64,
    pub data_factor: i64,
    encoding: u8,
    has_data: bool,
    pub is_signal: bool,
    instructions: Reader<'a>,
}

impl<'a> Common<'a> {
    fn read(mut at: Reader<'a>) -> Option<Common<'a>> {
        let length = at.u32()?;
        let end = at.at.checked_add(length as usize)?;
        at.bytes = at.bytes.get(..end)?;
        let is_common = at.u32()? == 0;
        let version = at.u8()?;
        if !is_common || version != 1 && version != 3 {
            return None;
        }
        let names = at.at;
        while at.u8()? != 0 {}
        let names = &at.bytes[names..at.at - 1];
        let (code_factor, data_factor) = (at.uleb()?, at.sleb()?);
        let return_address = if version == 1 { u64::from(at.u8()?) } else { at.uleb()? };
        let mut common = Common { code_factor, data_factor, encoding: 0, has_data: false, is_signal: false, instructions: at };
        if let [b'z', rest @ ..] = names {
            let length = at.uleb()?;
            common.has_data = true;
            common.instructions.at = at.at.checked_add(length as usize)?;
            for name in rest {
                match name {
                    b'R' => common.encoding = at.u8()?,
                    b'L' => drop(at.u8()?),
                    b'P' => {
                        let encoding = at.u8()?;
                        at.pointer(encoding & 0x7F, 0)?;
                    }
                    b'S' => common.is_signal = true,
                    // Return addresses are signed with the other key.
                    b'B' => (),
                    _ => return None,
                }
            }
        } else if !names.is_empty() {
            return None;
        } else {
            common.instructions.at = at.at;
        }
        (return_address == RA).then_some(common)
    }
}

/// A function's code and what is said about it (FDE).
struct Function<'a> {
    start: u64,
    end: u64,
    common: Common<'a>,
    instructions: Reader<'a>,
}

impl<'a> Function<'a> {
    fn read(entry: Reader<'a>) -> Option<Function<'a>> {
        let mut at = entry;
        let length = at.u32()?;
        let end = at.at.checked_add(length as usize)?;
        at.bytes = at.bytes.get(..end)?;
        let here = at.address();
        let back = at.u32()?;
        if back == 0 {
            return None;
        }
        let common = Common::read(entry.to(here.checked_sub(back)?)?)?;
        let start = at.pointer(common.encoding, 0)?;
        let length = at.pointer(common.encoding & 0x0F, 0)?;
        if common.has_data {
            let data = at.uleb()?;
            at.slice(data)?;
        }
        Some(Function { start, end: start.checked_add(length)?, common, instructions: at })
    }

    /// Calls `change` for each place from which another rule holds.
    fn rows(&self, change: &mut dyn FnMut(u64, u32)) {
        let mut run = Run { common: self.common, now: State::default(), initial: None, kept: Vec::new(), at: self.start };
        if run.instructions(self.common.instructions, &mut |_, _| ()).is_none() {
            return;
        }
        run.initial = Some(run.now);
        let whole = run.instructions(self.instructions, change).is_some();
        // The rows before the damage stay; after it nothing is known.
        let rule = if whole { run.now.rule(self.common.is_signal) } else { UNKNOWN };
        change(run.at, rule);
    }
}
