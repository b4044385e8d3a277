//! Stacks as text: a line of addresses, and a comment for each function.

use std::collections::HashMap;
use std::fmt::Write as _;

use crate::pprof::profile::{Location, Profile};

/// The stacks of a profile.
pub struct Stacks<'a> {
    pub profile: &'a Profile,
    /// The start of the function that was compiled to the code at an address, if it is known.
    pub starts: &'a dyn Fn(u64) -> Option<u64>,
}

impl<'a> Stacks<'a> {
    /// A column of values, by the name of its sample type.
    pub fn column(&self, kind: &str) -> Option<usize> {
        self.profile.sample_types.iter().position(|of| &*of.kind == kind)
    }

    /// Values by stack, whatever the labels; in order of appearance.
    pub fn sums<const N: usize>(&self, columns: [Option<usize>; N]) -> Vec<(&'a [u32], [i64; N])> {
        let mut sums: Vec<(&[u32], [i64; N])> = Vec::new();
        let mut known: HashMap<&[u32], usize> = HashMap::new();
        for sample in &self.profile.samples {
            let at = *known.entry(&sample.locations).or_insert(sums.len());
            if at == sums.len() {
                sums.push((&sample.locations, [0; N]));
            }
            for (sum, column) in sums[at].1.iter_mut().zip(columns) {
                *sum = sum.saturating_add(column.map_or(0, |column| sample.values[column]));
            }
        }
        sums
    }

    pub fn location(&self, index: u32) -> &'a Location {
        &self.profile.locations[index as usize]
    }

    /// Name and file of a function; `?` is a file that is not known, as in Go.
    pub fn function(&self, index: u32) -> (&'a str, &'a str) {
        let function = &self.profile.functions[index as usize];
        (&function.name, if function.filename.is_empty() { "?" } else { &function.filename })
    }

    /// ` 0x1 0x2`: return addresses, for readers look one byte before them.
    pub fn addresses(&self, locations: &[u32]) -> String {
        let mut out = String::new();
        for &location in locations {
            write!(out, " {:#x}", self.location(location).address.wrapping_add(1)).ok();
        }
        out
    }

    /// How far behind its function's start a call is: `+0x1f`; nothing if that is not known.
    pub fn offset(&self, address: u64) -> String {
        let start = (self.starts)(address).filter(|&start| start <= address);
        start.map_or_else(String::new, |start| format!("+{:#x}", address - start))
    }

    /// A line `#  PC  FUNCTION+OFFSET  FILE:LINE` a frame, and an empty one. The tabs are still to be aligned.
    pub fn frames(&self, locations: &[u32]) -> String {
        let mut out = String::new();
        for location in locations.iter().map(|&location| self.location(location)) {
            let pc = location.address;
            for line in &location.lines {
                let (name, file) = self.function(line.function);
                writeln!(out, "#\t{pc:#x}\t{name}{}\t{file}:{}", self.offset(pc), line.line).ok();
            }
            if location.lines.is_empty() {
                writeln!(out, "#\t{pc:#x}").ok();
            }
        }
        if locations.is_empty() {
            out.push_str("#\t0x0\n");
        }
        out.push('\n');
        out
    }
}
