//! Debug information: lines and inlined calls of one module.
//!
//! addr2line reads units when they are first needed, so that opening a large executable costs little. Its sections are
//! copied once into shared memory, which frees this module from borrowing the file (and the tool from `unsafe`
//! mappings).

use std::sync::Arc;

use addr2line::{Context, LookupContinuation, LookupResult};
use gimli::{LittleEndian, SectionId};
use object::{Object, ObjectSection};

use super::declaration::Declarations;

/// A shared section of debug information.
pub(super) type Bytes = gimli::EndianArcSlice<LittleEndian>;

/// The debug information of one module.
pub(super) struct Lines {
    context: Context<Bytes>,
    declarations: Declarations,
}

/// One function at one line, its name as in the debug information.
pub(super) struct Line {
    pub name: Option<String>,
    pub file: Option<String>,
    pub line: u32,
    pub column: Option<u32>,
    pub start_line: u32,
}

/// The meaning of an address in the debug information.
#[derive(Default)]
pub(super) struct Found {
    /// Innermost first.
    pub lines: Vec<Line>,
    /// The unit's functions are in another file (`-C split-debuginfo`), which this does not read.
    pub split: bool,
}

/// Sections that the line look-up does not need: variables' locations, macros, name indexes.
const UNUSED: [SectionId; 7] = [
    SectionId::DebugLoc,
    SectionId::DebugLocLists,
    SectionId::DebugMacinfo,
    SectionId::DebugMacro,
    SectionId::DebugNames,
    SectionId::DebugPubNames,
    SectionId::DebugPubTypes,
];

impl Lines {
    /// `None` if the file has no debug information; fails with a phrase if it cannot be read.
    pub fn load(file: &object::File<'_>) -> Result<Option<Lines>, String> {
        if file.section_by_name(".debug_info").is_none() {
            return Ok(None);
        }
        let section = |id: SectionId| -> Result<Bytes, String> {
            let unused = UNUSED.contains(&id);
            let data = match file.section_by_name(id.name()).filter(|_| !unused) {
                Some(section) => section.uncompressed_data().map_err(|error| format!("{}: {error}", id.name()))?,
                None => Default::default(),
            };
            Ok(Bytes::new(Arc::from(&data[..]), LittleEndian))
        };
        let context = Context::from_dwarf(gimli::Dwarf::load(section)?).map_err(|error| error.to_string())?;
        Ok(Some(Lines { context, declarations: Declarations::default() }))
    }

    /// The calls at `address` (as in the file); empty if the debug information does not know it or is damaged there.
    pub fn find(&mut self, address: u64) -> Found {
        let mut found = Found::default();
        let mut lookup = self.context.find_frames(address);
        let frames = loop {
            match lookup {
                LookupResult::Output(frames) => break frames,
                LookupResult::Load { continuation, .. } => {
                    found.split = true;
                    lookup = continuation.resume(None);
                }
            }
        };
        let Ok(mut frames) = frames else { return found };
        let unit = self.context.find_dwarf_and_unit(address).skip_all_loads();
        while let Ok(Some(frame)) = frames.next() {
            let entry = frame.dw_die_offset.zip(unit);
            let location = frame.location.as_ref();
            found.lines.push(Line {
                name: frame.function.and_then(|name| Some(name.raw_name().ok()?.into_owned())),
                file: location.and_then(|location| location.file).map(str::to_owned),
                line: location.and_then(|location| location.line).unwrap_or(0),
                column: location.and_then(|location| location.column).filter(|column| *column > 0),
                start_line: entry.map_or(0, |(entry, unit)| self.declarations.line(unit, entry)),
            });
        }
        found
    }
}
