//! Removes details, so that locations that differ only in them become one node.

use super::model::Profile;

/// The details to keep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Details {
    pub inlined: bool,
    pub function: bool,
    pub filename: bool,
    pub line: bool,
    pub column: bool,
    pub address: bool,
}

impl Profile {
    /// Removes the details that are not in `keep`.
    pub fn aggregate(&mut self, keep: Details) {
        for mapping in &mut self.mappings {
            mapping.has_inline_frames &= keep.inlined;
            mapping.has_functions &= keep.function;
            mapping.has_filenames &= keep.filename;
            mapping.has_line_numbers &= keep.line;
        }
        for function in &mut self.functions {
            if !keep.function {
                function.name = "".into();
                function.system_name = "".into();
            }
            if !keep.filename {
                function.filename = "".into();
            }
        }
        for location in &mut self.locations {
            if !keep.inlined && location.lines.len() > 1 {
                location.lines.drain(..location.lines.len() - 1);
            }
            for line in &mut location.lines {
                if !keep.line {
                    line.line = 0;
                }
                if !keep.line || !keep.column {
                    line.column = 0;
                }
            }
            if !keep.address {
                location.address = 0;
            }
        }
    }
}
