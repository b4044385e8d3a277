//! Source lines with their costs.
//!
//! [`listing`] is pprof's own source page, which works by addresses: a location that stands for several inlined
//! functions is shown in each of them with its whole value, and with the lines that were inlined into it.
//! [`own_functions`] is for the report: it has the numbers of `list`, which counts a sample once per line.

mod files;
mod listed;
mod matched;

use std::collections::BTreeSet;

use serde::Serialize;

use self::files::{Files, Piece, Placed, SourceFile, sum};
use crate::pprof::profile::arithmetic::percentage;
use crate::pprof::profile::path;
use crate::pprof::reports::report::Report;
use crate::pprof::reports::sources::Sources;

pub use listed::own_functions;

/// At most this many files are shown, those with the largest flat values.
pub const MAX_FILES: usize = 50;
/// Longer lines are cut: they are data, not source.
const MAX_LINE: usize = 2000;

#[derive(Debug, Serialize)]
pub struct Listing {
    pub total_text: String,
    pub functions: Vec<ListedFunction>,
    /// Files that could not be read, each with the places that were searched.
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
    /// Whether there are samples here, and whether something was inlined into it.
    pub kind: LineKind,
    pub flat: i64,
    pub cum: i64,
    /// A dot for 0.
    pub flat_text: String,
    pub cum_text: String,
    pub text: String,
    /// If samples come from inlined calls: those calls, outermost first.
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

/// A note beneath a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Inlined {
    /// The source line of the inlined function; empty if unknown.
    pub text: String,
    /// `file.rs:12`; `None`: here another piece of code begins.
    pub place: Option<String>,
}

/// Lists the functions that `report.choices.symbol` matches; by name, system name, file or object file, or at an
/// address. At most [`MAX_FILES`] files.
pub fn listing(report: &Report) -> Result<Listing, String> {
    let Some(files) = Files::new(report) else {
        let pattern = report.choices.symbol.as_ref().map_or("", |symbol| symbol.source());
        return Err(format!("no matches found for regexp: {pattern}"));
    };
    let mut sources = Sources::new(&report.choices.source_path, &report.choices.trim_path)?.careful();
    let weighed = files.files.iter().map(|(name, file)| (files.flat_of(file), name, file));
    let mut order: Vec<(i64, &String, &SourceFile)> = weighed.collect();
    order.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    let mut functions = Vec::new();
    for (_, name, file) in order.into_iter().take(MAX_FILES) {
        for piece in files.pieces(file).into_iter().filter(|piece| piece.cum != 0) {
            functions.push(list(report, &files, name, file, piece, &mut sources));
        }
    }
    Ok(Listing { total_text: report.value(report.total), missing: missing(&functions, &sources), functions })
}

/// The reasons why the sources of `functions` could not be read.
fn missing(functions: &[ListedFunction], sources: &Sources) -> Vec<String> {
    let files: BTreeSet<&str> = functions.iter().map(|function| function.file.as_str()).collect();
    files.into_iter().filter_map(|file| sources.known_error(file).map(str::to_owned)).collect()
}

/// A dot for 0.
fn dotted(report: &Report, value: i64) -> String {
    if value == 0 { ".".to_owned() } else { report.value(value) }
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
        lines.push(ListedLine {
            number,
            kind: match (placed.is_empty(), with_calls) {
                (true, _) => LineKind::Plain,
                (false, false) => LineKind::Sampled,
                (false, true) => LineKind::WithCalls,
            },
            flat: values.flat,
            cum: values.cum,
            flat_text: dotted(report, values.flat),
            cum_text: dotted(report, values.cum),
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

/// The lines of a piece that can be shown: those that the file has, and those with samples. A profile may name any
/// line.
fn numbers(piece: &Piece, file: &SourceFile, length: usize) -> BTreeSet<i64> {
    let last = i64::try_from(length).unwrap_or(i64::MAX).saturating_add(1);
    let mut numbers: BTreeSet<i64> = (piece.begin.max(0)..piece.end.min(last)).collect();
    // The largest number has no successor.
    let inside = |line: i64| line < piece.end || line == i64::MAX;
    numbers.extend(file.lines.range(piece.begin..).map(|(line, _)| *line).take_while(|line| inside(*line)));
    numbers
}

/// The calls that lead to a line's addresses; calls equal to the previous ones are not repeated.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pprof::front::arguments::Invocation;
    use crate::pprof::front::command;
    use crate::pprof::front::config::Config;
    use crate::pprof::front::fetch::Loaded;
    use crate::pprof::front::generate::prepare;
    use crate::pprof::profile::{Builder, Line, Profile, ValueType};

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

    /// pprof assigns a line to the function that it meets there first, in the order of the samples.
    #[test]
    fn a_line_is_of_the_function_that_is_met_there_first() {
        let mut builder = Builder::new(vec![ValueType::new("alloc_space", "bytes")]);
        for (name, address) in [("first", 0x20), ("second", 0x10)] {
            let function = builder.function(name, name, "/w/both.rs", 0);
            let location = builder.location(None, address, vec![Line { function, line: 5, column: 0 }]);
            builder.sample(vec![location], vec![64], vec![]);
        }
        let listing = listed(builder.finish(), "first|second").unwrap();
        let names: Vec<&str> = listing.functions.iter().map(|function| function.name.as_str()).collect();
        assert_eq!(names, ["first"]);
    }

    #[test]
    fn lines_may_be_any_number() {
        for line in [0, 1, -5, i64::MAX, i64::MIN] {
            let listing = listed(profile(line), "outer").unwrap();
            assert_eq!(listing.functions[0].lines.len(), 1, "{line}");
        }
    }
}
