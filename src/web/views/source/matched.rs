//! Finds the locations that a pattern matches, and their addresses.

use rustc_hash::FxHashMap;

use crate::pprof::profile::{Location, Profile};
use crate::pprof::reports::report::Report;

/// Addresses of locations; those without an address get one after all mappings.
pub struct Addresses<'a> {
    profile: &'a Profile,
    next: u64,
    made: FxHashMap<u32, u64>,
}

impl<'a> Addresses<'a> {
    pub fn new(profile: &'a Profile) -> Self {
        let next = profile.mappings.iter().map(|mapping| mapping.limit).max().unwrap_or(0).max(1);
        Addresses { profile, next, made: FxHashMap::default() }
    }

    pub fn of(&mut self, index: u32) -> u64 {
        match self.profile.locations[index as usize].address {
            0 => *self.made.entry(index).or_insert_with(|| {
                self.next = self.next.wrapping_add(1);
                self.next.wrapping_sub(1)
            }),
            address => address,
        }
    }
}

/// The matching lines of each location.
pub struct Matched {
    /// The pattern is a number, so it also matches as an address.
    address: Option<u64>,
    everything: bool,
    by_location: Vec<Vec<usize>>,
    outermost: Vec<Option<usize>>,
}

impl Matched {
    pub fn new(report: &Report) -> Self {
        let profile = &report.profile;
        let pattern = report.choices.symbol.as_ref();
        let matches = |text: &str| pattern.is_some_and(|pattern| pattern.matches(text));
        let functions: Vec<bool> = profile
            .functions
            .iter()
            .map(|function| matches(&function.name) || matches(&function.system_name) || matches(&function.filename))
            .collect();
        let mappings: Vec<bool> = profile.mappings.iter().map(|mapping| matches(&mapping.file)).collect();
        let lines = |location: &Location| {
            let by_file = location.mapping.is_some_and(|mapping| mappings[mapping as usize]);
            let lines = location.lines.iter().enumerate();
            lines
                .filter(|(at, line)| (*at == 0 && by_file) || functions[line.function as usize])
                .map(|(at, _)| at)
                .collect()
        };
        Matched {
            address: pattern.and_then(|pattern| number(pattern.source())),
            everything: pattern.is_none(),
            by_location: profile.locations.iter().map(lines).collect(),
            outermost: profile.locations.iter().map(|location| location.lines.len().checked_sub(1)).collect(),
        }
    }

    pub fn lines(&self, index: u32, address: u64) -> Vec<usize> {
        let index = index as usize;
        if self.everything || self.address == Some(address) {
            return self.outermost[index].into_iter().collect();
        }
        self.by_location[index].clone()
    }
}

/// A number in Go's syntax: decimal, or with 0x, 0o, 0b or a leading 0; underscores after such a prefix.
fn number(text: &str) -> Option<u64> {
    let lower = text.to_lowercase();
    let (radix, digits) = match lower.get(..2) {
        Some("0x") => (16, &lower[2..]),
        Some("0o") => (8, &lower[2..]),
        Some("0b") => (2, &lower[2..]),
        _ if lower.len() > 1 && lower.starts_with('0') => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let digits = if digits.len() < lower.len() { digits.replace('_', "") } else { digits.to_owned() };
    u64::from_str_radix(&digits, radix).ok()
}
