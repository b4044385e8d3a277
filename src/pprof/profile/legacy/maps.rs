//! The memory map after the samples: lines of /proc/PID/maps, or shorter ones: `START-END: FILE (@OFFSET) BUILD-ID`.

use std::sync::LazyLock;

use regex::Regex;

use super::super::model::{Mapping, Profile};
use super::lines::Lines;
use super::pattern;

static PROC_LINE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^\s*(?:0x)?([[:xdigit:]]+)[\s-]?\s*(?:0x)?([[:xdigit:]]+):?(?:\s+([-rwxp]+))?(?:\s+([[:xdigit:]]+))?\s+[[:xdigit:]]+:[[:xdigit:]]+\s+\d+(?:\s+(\S+))?",
    )
});
static SHORT_LINE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^\s*(?:0x)?([[:xdigit:]]+)[\s-]?\s*(?:0x)?([[:xdigit:]]+):?(?:\s+([-rwxp]+))?(?:\s+(\S+))?(?:\s+\(@([[:xdigit:]]+)\))?(?:\s+([[:xdigit:]]+))?",
    )
});
/// The prefix that a log adds to a line.
static LOG_PREFIX: LazyLock<Regex> = LazyLock::new(|| pattern(r"^[^\[\]]+:[0-9]+]\s"));
static LIBRARY: LazyLock<Regex> = LazyLock::new(|| pattern(r"[.]so$|[.]so[._][0-9]+"));

/// The executable mappings of the remaining lines. `name=value` defines `$name` for the lines after it.
pub fn read(lines: &mut Lines) -> Vec<Mapping> {
    let mut mappings = Vec::new();
    let mut names: Vec<(String, String)> = Vec::new();
    while lines.advance() {
        let line = LOG_PREFIX.find(lines.raw()).map_or(lines.raw(), |prefix| &lines.raw()[prefix.end()..]);
        let line = replaced(line, &names);
        match parse(&line) {
            Some(mapping) => mappings.extend(mapping),
            None => names
                .extend(line.split_once('=').map(|(name, value)| (format!("${}", name.trim()), value.trim().into()))),
        }
    }
    mappings
}

/// `line` with the names in it replaced, from left to right.
fn replaced(line: &str, names: &[(String, String)]) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find('$').filter(|_| !names.is_empty()) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let (length, value) = match names.iter().find(|(name, _)| rest.starts_with(name.as_str())) {
            Some((name, value)) => (name.len(), value.as_str()),
            None => (1, "$"),
        };
        out.push_str(value);
        rest = &rest[length..];
    }
    out + rest
}

/// A line of the map: `None` if it is not one, `Some(None)` if it is not executable.
fn parse(line: &str) -> Option<Option<Mapping>> {
    let (fields, [start, limit, permissions, file, offset, build_id]) = match PROC_LINE.captures(line) {
        Some(fields) => (fields, [1, 2, 3, 5, 4, usize::MAX]),
        None => (SHORT_LINE.captures(line)?, [1, 2, 3, 4, 5, 6]),
    };
    let text = |field: usize| fields.get(field).map_or("", |field| field.as_str());
    if !text(permissions).is_empty() && !text(permissions).contains('x') {
        return Some(None);
    }
    let hex = |field: usize| u64::from_str_radix(text(field), 16).ok();
    Some(Some(Mapping {
        start: hex(start)?,
        limit: hex(limit)?,
        offset: if text(offset).is_empty() { 0 } else { hex(offset)? },
        file: text(file).into(),
        build_id: text(build_id).into(),
        ..Mapping::default()
    }))
}

/// Joins mappings that belong together, puts the executable first, and finds the mapping of each address; a mapping
/// that covers everything takes the addresses that have none.
pub fn assign(profile: &mut Profile) {
    let mut mappings = joined(std::mem::take(&mut profile.mappings));
    if let Some(main) = mappings.iter().position(is_executable) {
        mappings.swap(0, main);
    }
    repair_main(&mut mappings);
    let mut fallback = None;
    for location in profile.locations.iter_mut().filter(|location| location.address != 0) {
        let address = location.address;
        let holds = |mapping: &Mapping| mapping.start <= address && address < mapping.limit;
        let found = mappings.iter().position(holds).or_else(|| {
            // If a mapping was split, some handlers write only the second part.
            let is_second = |mapping: &Mapping| {
                let first = mapping.start.wrapping_sub(mapping.offset);
                mapping.offset != 0 && first <= address && address < mapping.start
            };
            let split = mappings.iter().position(is_second)?;
            mappings[split].start -= mappings[split].offset;
            mappings[split].offset = 0;
            Some(split)
        });
        let found = found.or(fallback).unwrap_or_else(|| {
            mappings.push(Mapping { limit: u64::MAX, ..Mapping::default() });
            fallback = Some(mappings.len() - 1);
            mappings.len() - 1
        });
        location.mapping = Some(found as u32);
    }
    (1..).zip(&mut mappings).for_each(|(id, mapping)| mapping.id = id);
    profile.mappings = mappings;
}

fn joined(mappings: Vec<Mapping>) -> Vec<Mapping> {
    let mut joined: Vec<Mapping> = Vec::with_capacity(mappings.len());
    for mapping in mappings {
        match joined.last_mut() {
            Some(last) if continues(last, &mapping) => {
                last.limit = mapping.limit;
                if !mapping.file.is_empty() {
                    last.file = mapping.file;
                }
                if !mapping.build_id.is_empty() {
                    last.build_id = mapping.build_id;
                }
            }
            _ => joined.push(mapping),
        }
    }
    joined
}

/// Whether `second` continues `first`, as far as both say.
fn continues(first: &Mapping, second: &Mapping) -> bool {
    let agrees = |a: &str, b: &str| a.is_empty() || b.is_empty() || a == b;
    let offset = first.offset.wrapping_add(first.limit.wrapping_sub(first.start));
    agrees(&first.file, &second.file)
        && agrees(&first.build_id, &second.build_id)
        && first.limit == second.start
        && (first.offset == 0 || second.offset == 0 || offset == second.offset)
}

/// Whether a mapping looks like the program's own, rather than a library's or the kernel's.
fn is_executable(mapping: &Mapping) -> bool {
    let file = mapping.file.replace("(deleted)", "");
    let file = file.trim();
    !file.is_empty() && !file.starts_with('[') && !LIBRARY.is_match(file)
}

/// Undoes the change to a program's mapping that moving its text to huge pages makes.
fn repair_main(mappings: &mut Vec<Mapping>) {
    if let [first, second, ..] = &mappings[..]
        && first.file.starts_with("/anon_hugepage")
        && first.limit == second.start
    {
        mappings.remove(0);
    }
    const USUAL_START: u64 = 0x40_0000;
    if let Some(main) = mappings.first_mut()
        && main.start.wrapping_sub(main.offset) == USUAL_START
    {
        (main.start, main.offset) = (USUAL_START, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_of_several_writers_are_read() {
        let text = b"build=/bin/app\r\n400000-500000 r-xp 00001000 08:01 12 $build\n500000-600000 r--p 0 00:00 0 x\n\
            W0101 12:00:00 file.cc:12] 0x700000-0x800000: /lib/a.so (@ff00) abc123\nnoise\n";
        let mappings = read(&mut Lines::new(text));
        let seen: Vec<_> = mappings.iter().map(|m| (m.start, m.limit, m.offset, &*m.file, &*m.build_id)).collect();
        assert_eq!(
            seen,
            [(0x40_0000, 0x50_0000, 0x1000, "/bin/app", ""), (0x70_0000, 0x80_0000, 0xff00, "/lib/a.so", "abc123")]
        );
    }
}
