//! Finds the source files of samples, their lines, and the pieces of functions to show.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::{FxHashMap, FxHashSet};

use super::matched::{Addresses, Matched};
use crate::pprof::profile::{Profile, path};
use crate::pprof::reports::report::Report;

/// Lines of one function that are at most this far apart form one piece.
const MERGED_GAP: i64 = 20;
/// Lines shown around a piece.
const MARGIN: i64 = 5;

/// An instruction with samples: its values.
#[derive(Clone, Copy, Default)]
pub struct Values {
    pub flat: i64,
    pub cum: i64,
}

/// An address at a line, with the calls that were inlined there.
pub struct Placed {
    pub address: u64,
    /// (file, line), outermost first.
    pub calls: Vec<(String, i64)>,
}

#[derive(Default)]
pub struct SourceFile {
    pub lines: BTreeMap<i64, Vec<Placed>>,
    /// Belongs to the first function seen at the line.
    pub functions: BTreeMap<i64, String>,
}

pub struct Files<'a> {
    values: FxHashMap<u64, Values>,
    /// Readable names by system name.
    readable: FxHashMap<&'a str, &'a str>,
    pub files: BTreeMap<String, SourceFile>,
}

/// The piece of a function that is shown: lines `begin` to `end`, without `end`.
pub struct Piece {
    pub name: String,
    pub begin: i64,
    pub end: i64,
    pub flat: i64,
    pub cum: i64,
}

/// Facts about a location, computed once even if many samples pass it.
#[derive(Clone, Copy, Default)]
struct Seen {
    flat: i64,
    cum: i64,
    address: u64,
    is_seen: bool,
}

impl<'a> Files<'a> {
    /// The lines of the functions that match; `None` if none matches.
    pub fn new(report: &'a Report) -> Option<Self> {
        let profile = &report.profile;
        let matched = Matched::new(report);
        let mut addresses = Addresses::new(profile);
        let mut seen = vec![Seen::default(); profile.locations.len()];
        // In the order in which samples pass them, as pprof mostly does; a matching address keeps its first location.
        let (mut wanted, mut known) = (Vec::new(), FxHashSet::default());
        // The functions to show, by name and by system name.
        let mut interest: FxHashSet<&str> = FxHashSet::default();
        let mut met = 0usize;
        for sample in &profile.samples {
            let mut value = report.sample_value(&sample.values);
            if report.choices.mean {
                let divisor = sample.values.first().copied().unwrap_or(0);
                value = if divisor == 0 { value } else { value.wrapping_div(divisor) };
            }
            for index in sample.locations.iter().rev() {
                let one = &mut seen[*index as usize];
                one.cum = one.cum.wrapping_add(value);
                if one.is_seen {
                    continue;
                }
                *one = Seen { is_seen: true, address: addresses.of(*index), ..*one };
                met += 1;
                let lines = &profile.locations[*index as usize].lines;
                for at in matched.lines(*index, one.address) {
                    let function = &profile.functions[lines[at].function as usize];
                    interest.extend([&*function.name, &*function.system_name]);
                    if known.insert(one.address) {
                        wanted.push((one.address, *index));
                    }
                }
            }
            if let Some(leaf) = sample.locations.first() {
                let leaf = &mut seen[*leaf as usize];
                leaf.flat = leaf.flat.wrapping_add(value);
            }
        }
        if interest.is_empty() {
            return None;
        }
        let mut values: FxHashMap<u64, Values> = FxHashMap::default();
        for Seen { flat, cum, address, .. } in seen.into_iter().filter(|one| one.is_seen) {
            let sum = values.entry(address).or_default();
            *sum = Values { flat: sum.flat.wrapping_add(flat), cum: sum.cum.wrapping_add(cum) };
        }
        let mut files = Files { values, readable: readable(profile, met), files: BTreeMap::new() };
        files.place(profile, &wanted, &interest);
        Some(files)
    }

    /// Notes the lines of the wanted addresses.
    fn place(&mut self, profile: &'a Profile, wanted: &[(u64, u32)], interest: &FxHashSet<&str>) {
        for (address, index) in wanted {
            let frames: Vec<(&str, String, i64)> = profile.locations[*index as usize]
                .lines
                .iter()
                .map(|line| {
                    let function = &profile.functions[line.function as usize];
                    (&*function.name, function.filename.to_string(), line.line)
                })
                .collect();
            for (at, (function, file, line)) in frames.iter().enumerate() {
                if !interest.contains(function) {
                    continue;
                }
                let calls = frames[..at].iter().rev().map(|(_, file, line)| (file.clone(), *line)).collect();
                let file = self.files.entry(canonical(file)).or_default();
                file.lines.entry(*line).or_default().push(Placed { address: *address, calls });
                file.functions.entry(*line).or_insert_with(|| (*function).to_owned());
            }
        }
    }

    pub fn values_at(&self, address: u64) -> Values {
        self.values.get(&address).copied().unwrap_or_default()
    }

    /// The sum over the file's addresses, each counted once.
    pub fn flat_of(&self, file: &SourceFile) -> i64 {
        let addresses: BTreeSet<u64> = file.lines.values().flatten().map(|placed| placed.address).collect();
        addresses.into_iter().fold(0, |sum: i64, address| sum.wrapping_add(self.values_at(address).flat))
    }

    /// The file's lines with samples, joined into pieces and widened.
    pub fn pieces(&self, file: &SourceFile) -> Vec<Piece> {
        let mut pieces: Vec<Piece> = Vec::new();
        for (line, placed) in &file.lines {
            let name = file.functions[line].as_str();
            let name = self.readable.get(name).copied().unwrap_or(name);
            let values = sum(placed.iter().map(|placed| self.values_at(placed.address)));
            match pieces.last_mut() {
                Some(last) if line.saturating_sub(last.end) < MERGED_GAP && last.name == name => {
                    last.end = line.saturating_add(1);
                    last.flat = last.flat.wrapping_add(values.flat);
                    last.cum = last.cum.wrapping_add(values.cum);
                }
                _ => pieces.push(Piece {
                    name: name.to_owned(),
                    begin: *line,
                    end: line.saturating_add(1),
                    flat: values.flat,
                    cum: values.cum,
                }),
            }
        }
        for at in 0..pieces.len() {
            let before = at.checked_sub(1).map(|before| pieces[before].end);
            let begin = &mut pieces[at].begin;
            match before {
                // Line 0 stands for samples without a line, and stays alone.
                None if *begin > MARGIN => *begin -= MARGIN,
                None => *begin = (*begin).min(1),
                Some(end) => {
                    let half = (begin.saturating_sub(end) / 2).min(MARGIN);
                    *begin -= half;
                    pieces[at - 1].end += half;
                }
            }
        }
        if let Some(last) = pieces.last_mut() {
            last.end = last.end.saturating_add(MARGIN);
        }
        pieces
    }
}

/// The name of each system name that samples pass: if several functions have it, the name of the last one passed.
/// `met` locations have samples; the search starts from the end, where it mostly finds them soon.
fn readable(profile: &Profile, met: usize) -> FxHashMap<&str, &str> {
    let mut names: FxHashMap<&str, &str> = FxHashMap::default();
    let mut seen = vec![false; profile.locations.len()];
    let mut left = met;
    for sample in profile.samples.iter().rev() {
        for index in &sample.locations {
            if left == 0 {
                return names;
            }
            if std::mem::replace(&mut seen[*index as usize], true) {
                continue;
            }
            left -= 1;
            for line in profile.locations[*index as usize].lines.iter().rev() {
                let function = &profile.functions[line.function as usize];
                names.entry(&function.system_name).or_insert(&function.name);
            }
        }
    }
    names
}

pub fn sum(values: impl Iterator<Item = Values>) -> Values {
    values.fold(Values::default(), |sum, one| Values {
        flat: sum.flat.wrapping_add(one.flat),
        cum: sum.cum.wrapping_add(one.cum),
    })
}

fn canonical(file: &str) -> String {
    let file = file.strip_prefix("/proc/self/cwd/").unwrap_or(file);
    path::clean(file.strip_prefix("./").unwrap_or(file))
}
