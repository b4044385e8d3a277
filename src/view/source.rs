//! Source lines with what they cost, of the functions that match a pattern.
//!
//! Unlike `list` this goes by addresses: where a location stands for several inlined functions each of them is shown with the
//! location's whole value, and with the lines that were inlined into it.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::{FxHashMap, FxHashSet};
use serde::Serialize;

use crate::profile::number::percentage;
use crate::profile::{Location, Profile, path};
use crate::report::report::Report;
use crate::report::sources::Sources;

/// At most so many files are shown, those with the largest flat values.
pub const MAX_FILES: usize = 50;
/// Lines of one function that are no further apart are one piece.
const MERGED_GAP: i64 = 20;
/// Lines shown around a piece.
const MARGIN: i64 = 5;
/// Longer lines are cut: they are data, not source.
const MAX_LINE: usize = 2000;

#[derive(Debug, Serialize)]
pub struct Listing {
    pub total_text: String,
    pub functions: Vec<ListedFunction>,
    /// Files that could not be read, each with where it was looked for.
    pub missing: Vec<String>,
}

/// A piece of a function.
#[derive(Debug, Serialize)]
pub struct ListedFunction {
    pub name: String,
    pub file: String,
    pub flat: i64,
    pub cum: i64,
    pub flat_text: String,
    pub cum_text: String,
    /// Of the total.
    pub percent: String,
    pub lines: Vec<ListedLine>,
}

#[derive(Debug, Serialize)]
pub struct ListedLine {
    pub number: i64,
    /// Whether samples are here, and whether something was inlined into it.
    pub kind: LineKind,
    pub flat: i64,
    pub cum: i64,
    /// A dot for 0.
    pub flat_text: String,
    pub cum_text: String,
    pub text: String,
    /// Where samples come from calls that were inlined: those calls, outermost first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inlined: Vec<Inlined>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LineKind {
    Plain,
    Sampled,
    WithCalls,
}

/// What stands beneath a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Inlined {
    /// The source line of the inlined function; empty where it is not known.
    pub text: String,
    /// `file.rs:12`; `None`: here another piece of code begins.
    pub place: Option<String>,
}

/// Lists the functions that `report.choices.symbol` matches; by name, system name, file or object file, or at an address.
pub fn listing(report: &Report) -> Result<Listing, String> {
    let mut files = Files::new(report);
    if files.interest.is_empty() {
        let pattern = report.choices.symbol.as_ref().map_or("", |symbol| symbol.source());
        return Err(format!("no matches found for regexp: {pattern}"));
    }
    files.place();
    let mut sources = Sources::new(&report.choices.source_path, &report.choices.trim_path)?.careful();
    let mut order: Vec<(i64, &String, &SourceFile)> =
        files.files.iter().map(|(name, file)| (files.flat_of(file), name, file)).collect();
    order.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    let mut functions = Vec::new();
    for (_, name, file) in order.into_iter().take(MAX_FILES) {
        for piece in files.pieces(file).into_iter().filter(|piece| piece.cum != 0) {
            functions.push(list(report, &files, name, file, piece, &mut sources));
        }
    }
    let shown: BTreeSet<&str> = functions.iter().map(|function| function.file.as_str()).collect();
    let missing = shown.into_iter().filter_map(|file| sources.known_error(file).map(str::to_owned)).collect();
    Ok(Listing { total_text: report.value(report.total), functions, missing })
}

/// An instruction with samples: its values.
#[derive(Clone, Copy, Default)]
struct Values {
    flat: i64,
    cum: i64,
}

/// An address at a line, with the calls that were inlined there.
struct Placed {
    address: u64,
    /// (file, line), outermost first.
    calls: Vec<(String, i64)>,
}

#[derive(Default)]
struct SourceFile {
    lines: BTreeMap<i64, Vec<Placed>>,
    /// The first function seen at a line has it.
    functions: BTreeMap<i64, String>,
}

struct Files<'a> {
    profile: &'a Profile,
    /// By address; an address that matches keeps its first location.
    wanted: BTreeMap<u64, u32>,
    values: FxHashMap<u64, Values>,
    /// Functions that are shown, by name and by system name.
    interest: FxHashSet<&'a str>,
    /// Readable names by system name.
    readable: FxHashMap<&'a str, &'a str>,
    files: BTreeMap<String, SourceFile>,
}

/// The piece of a function that is shown: lines `begin` to `end`, without `end`.
struct Piece {
    name: String,
    begin: i64,
    end: i64,
    flat: i64,
    cum: i64,
}

impl<'a> Files<'a> {
    fn new(report: &'a Report) -> Self {
        let profile = &report.profile;
        let mut files = Files {
            profile,
            wanted: BTreeMap::new(),
            values: FxHashMap::default(),
            interest: FxHashSet::default(),
            readable: FxHashMap::default(),
            files: BTreeMap::new(),
        };
        let matched = Matched::new(report);
        let mut addresses = Addresses::new(profile);
        for sample in &profile.samples {
            let mut value = report.sample_value(&sample.values);
            if report.choices.mean {
                let divisor = sample.values.first().copied().unwrap_or(0);
                value = if divisor == 0 { value } else { value.wrapping_div(divisor) };
            }
            for (depth, index) in sample.locations.iter().enumerate().rev() {
                let location = &profile.locations[*index as usize];
                for line in &location.lines {
                    let function = &profile.functions[line.function as usize];
                    files.readable.insert(&function.system_name, &function.name);
                }
                let address = addresses.of(*index);
                let values = files.values.entry(address).or_default();
                values.cum = values.cum.wrapping_add(value);
                if depth == 0 {
                    values.flat = values.flat.wrapping_add(value);
                }
                for at in matched.lines(*index, address) {
                    let function = &profile.functions[location.lines[at].function as usize];
                    files.interest.extend([&*function.name, &*function.system_name]);
                    files.wanted.entry(address).or_insert(*index);
                }
            }
        }
        files
    }

    /// Notes at which lines the wanted addresses stand.
    fn place(&mut self) {
        for (address, index) in &self.wanted {
            let frames: Vec<(&str, String, i64)> = self.profile.locations[*index as usize]
                .lines
                .iter()
                .map(|line| {
                    let function = &self.profile.functions[line.function as usize];
                    (&*function.name, function.filename.to_string(), line.line)
                })
                .collect();
            for (at, (function, file, line)) in frames.iter().enumerate() {
                if !self.interest.contains(function) {
                    continue;
                }
                let calls = frames[..at].iter().rev().map(|(_, file, line)| (file.clone(), *line)).collect();
                let file = self.files.entry(canonical(file)).or_default();
                file.lines.entry(*line).or_default().push(Placed { address: *address, calls });
                file.functions.entry(*line).or_insert_with(|| (*function).to_owned());
            }
        }
    }

    fn values_at(&self, address: u64) -> Values {
        self.values.get(&address).copied().unwrap_or_default()
    }

    /// The sum over the file's addresses, each counted once.
    fn flat_of(&self, file: &SourceFile) -> i64 {
        let addresses: BTreeSet<u64> = file.lines.values().flatten().map(|placed| placed.address).collect();
        addresses.into_iter().fold(0, |sum: i64, address| sum.wrapping_add(self.values_at(address).flat))
    }

    /// The file's lines with samples, joined to pieces and widened.
    fn pieces(&self, file: &SourceFile) -> Vec<Piece> {
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
                // Line 0 is that of what has no line, and stays alone.
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

fn list(
    report: &Report,
    files: &Files<'_>,
    name: &str,
    file: &SourceFile,
    piece: Piece,
    sources: &mut Sources,
) -> ListedFunction {
    let mut lines = Vec::new();
    for number in numbers(&piece, file, sources.lines(name).map_or(0, <[String]>::len)) {
        let text = source_line(sources, name, number);
        let placed = file.lines.get(&number).map(Vec::as_slice).unwrap_or_default();
        let text = match (text, number) {
            (Some(text), _) => text,
            (None, _) if placed.is_empty() => continue,
            (None, 0) => "<instructions with unknown line numbers>".to_owned(),
            (None, _) => "???".to_owned(),
        };
        let values = sum(placed.iter().map(|placed| files.values_at(placed.address)));
        let with_calls = placed.iter().any(|placed| !placed.calls.is_empty());
        let dotted = |value: i64| if value == 0 { ".".to_owned() } else { report.value(value) };
        lines.push(ListedLine {
            number,
            kind: match (placed.is_empty(), with_calls) {
                (true, _) => LineKind::Plain,
                (false, false) => LineKind::Sampled,
                (false, true) => LineKind::WithCalls,
            },
            flat: values.flat,
            cum: values.cum,
            flat_text: dotted(values.flat),
            cum_text: dotted(values.cum),
            text,
            inlined: if with_calls { inlined(placed, sources) } else { Vec::new() },
        });
    }
    ListedFunction {
        name: piece.name,
        file: name.to_owned(),
        flat: piece.flat,
        cum: piece.cum,
        flat_text: report.value(piece.flat),
        cum_text: report.value(piece.cum),
        percent: percentage(piece.cum, report.total),
        lines,
    }
}

/// The lines of a piece that can be shown: those that the file has, and those with samples. A profile may name any line.
fn numbers(piece: &Piece, file: &SourceFile, length: usize) -> BTreeSet<i64> {
    let last = i64::try_from(length).unwrap_or(i64::MAX).saturating_add(1);
    let mut numbers: BTreeSet<i64> = (piece.begin.max(0)..piece.end.min(last)).collect();
    // The last of all numbers has no other behind it.
    let inside = |line: i64| line < piece.end || line == i64::MAX;
    numbers.extend(file.lines.range(piece.begin..).map(|(line, _)| *line).take_while(|line| inside(*line)));
    numbers
}

/// The calls that lead to a line's addresses; those that are the same as before are not said again.
fn inlined(placed: &[Placed], sources: &mut Sources) -> Vec<Inlined> {
    let mut notes = Vec::new();
    let mut before: &[(String, i64)] = &[];
    let mut last_address = None;
    for (at, placed) in placed.iter().enumerate() {
        let follows = last_address.is_some_and(|last: u64| last.wrapping_add(1) == placed.address);
        last_address = Some(placed.address);
        if at != 0 && !follows {
            notes.push(Inlined { text: "⋮".into(), place: None });
        }
        for (depth, call) in placed.calls.iter().enumerate() {
            if before.get(depth) == Some(call) {
                continue;
            }
            before = &[];
            let text = source_line(sources, &call.0, call.1).unwrap_or_default();
            let place = format!("{}:{}", path::base(&call.0), call.1);
            notes.push(Inlined { text: text.trim().to_owned(), place: Some(place) });
        }
        before = &placed.calls;
    }
    notes
}

fn source_line(sources: &mut Sources, file: &str, number: i64) -> Option<String> {
    let index = usize::try_from(number).ok()?.checked_sub(1)?;
    let line = sources.lines(file).ok()?.get(index)?;
    Some(match line.char_indices().nth(MAX_LINE) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.clone(),
    })
}

fn sum(values: impl Iterator<Item = Values>) -> Values {
    values.fold(Values::default(), |sum, one| Values {
        flat: sum.flat.wrapping_add(one.flat),
        cum: sum.cum.wrapping_add(one.cum),
    })
}

fn canonical(file: &str) -> String {
    let file = file.strip_prefix("/proc/self/cwd/").unwrap_or(file);
    path::clean(file.strip_prefix("./").unwrap_or(file))
}

/// Addresses of locations; those without get some of their own behind all mappings.
struct Addresses<'a> {
    profile: &'a Profile,
    next: u64,
    made: FxHashMap<u32, u64>,
}

impl<'a> Addresses<'a> {
    fn new(profile: &'a Profile) -> Self {
        let next = profile.mappings.iter().map(|mapping| mapping.limit).max().unwrap_or(0).max(1);
        Addresses { profile, next, made: FxHashMap::default() }
    }

    fn of(&mut self, index: u32) -> u64 {
        match self.profile.locations[index as usize].address {
            0 => *self.made.entry(index).or_insert_with(|| {
                self.next = self.next.wrapping_add(1);
                self.next.wrapping_sub(1)
            }),
            address => address,
        }
    }
}

/// Which lines of which locations the pattern matches.
struct Matched {
    /// The pattern is a number: then it is an address, too.
    address: Option<u64>,
    everything: bool,
    by_location: Vec<Vec<usize>>,
    outermost: Vec<Option<usize>>,
}

impl Matched {
    fn new(report: &Report) -> Self {
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

    fn lines(&self, index: u32, address: u64) -> Vec<usize> {
        let index = index as usize;
        if self.everything || self.address == Some(address) {
            return self.outermost[index].into_iter().collect();
        }
        self.by_location[index].clone()
    }
}

/// A number as Go writes them: decimal, or with 0x, 0o, 0b or a leading 0; underscores after such a prefix.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{Builder, Line, ValueType};
    use crate::report::arguments::Invocation;
    use crate::report::command;
    use crate::report::config::Config;
    use crate::report::fetch::Loaded;
    use crate::report::generate::prepare;

    fn listed(profile: Profile, pattern: &str) -> Result<Listing, String> {
        let loaded = Loaded { profile, iterations: None, compared: false, per_op: false };
        let invocation = Invocation { command: command::find("weblist").unwrap(), argument: Some(pattern.into()) };
        let config = Config { source_path: "/nowhere".into(), ..Config::default() };
        listing(&prepare(loaded, &invocation, &config, &mut |_| ()).unwrap())
    }

    fn profile(line: i64) -> Profile {
        let mut builder = Builder::new(vec![ValueType::new("alloc_space", "bytes")]);
        let inner = builder.function("inner", "inner_s", "/w/inner.rs", 0);
        let outer = builder.function("outer", "outer_s", "/w/outer.rs", 0);
        let lines = vec![Line { function: inner, line: 3, column: 0 }, Line { function: outer, line, column: 0 }];
        let location = builder.location(None, 0x10, lines);
        builder.sample(vec![location], vec![64], vec![]);
        builder.finish()
    }

    #[test]
    fn inlined_calls_stand_beneath_their_line() {
        let listing = listed(profile(7), "outer").unwrap();
        let [function] = &listing.functions[..] else { panic!("{listing:?}") };
        assert_eq!((function.name.as_str(), function.cum_text.as_str()), ("outer", "64B"));
        assert_eq!(function.lines[0].kind, LineKind::WithCalls);
        assert_eq!(function.lines[0].inlined, [Inlined { text: "".into(), place: Some("inner.rs:3".into()) }]);
        assert_eq!(listing.missing, ["open /w/outer.rs: no such file or directory"]);
        assert_eq!(listed(profile(7), "0x10").unwrap().functions.len(), 1);
        assert_eq!(listed(profile(7), "none").unwrap_err(), "no matches found for regexp: none");
    }

    #[test]
    fn lines_may_be_any_number() {
        for line in [0, 1, -5, i64::MAX, i64::MIN] {
            let listing = listed(profile(line), "outer").unwrap();
            assert_eq!(listing.functions[0].lines.len(), 1, "{line}");
        }
    }
}
