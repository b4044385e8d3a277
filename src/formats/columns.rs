//! The table for people.

use std::collections::HashMap;

use tabled::builder::Builder;
use tabled::grid::util::string::get_text_width;
use tabled::settings::object::{Columns, Segment};
use tabled::settings::{Alignment, Padding, Style};

use super::{View, one_of_each};
use crate::results::groups::{self, Compared};
use crate::results::lines::{Failed, Finished, Memory, are_apart};
use crate::results::names::{self, one_line};
use crate::results::notation::{fixed, grouped, nanoseconds, per_op};
use crate::results::ratio::Ratio;
use crate::results::time::is_busy;

/// Marks a difference that may be noise.
const CHANCE: &str = " (~)";
/// Marks a difference of times that were not measured in turns.
const UNPAIRED: &str = " (unpaired)";
/// A longer name stands on a line of its own.
const LONGEST_NAME: usize = 60;

/// The cells, the head's first; no rows if nothing was measured.
pub struct Table {
    pub cells: Vec<Vec<String>>,
    /// Whether the last column is that of the comparison, which is text.
    pub compared: bool,
}

/// The data of one row.
struct Row<'a> {
    one: &'a Finished,
    name: &'a str,
    /// It is the median of this many measurements.
    median_of: Option<usize>,
    versus: Versus<'a>,
}

enum Versus<'a> {
    Nothing,
    Reference,
    /// The baseline does not have it.
    New,
    Baseline(&'a Finished, &'a str),
    Variant(&'a Finished),
    Step(&'a Finished, Option<f64>),
}

type Column = (String, Box<dyn Fn(&Row) -> String>);

impl Table {
    pub fn new(rows: &[Finished], view: &View) -> Table {
        if rows.is_empty() {
            return Table { cells: Vec::new(), compared: false };
        }
        // Comparisons use the joint result of all measurements of a benchmark.
        let each = one_of_each(rows);
        let short = names::shortest_of(rows);
        let mut measurements: HashMap<&str, usize> = HashMap::new();
        rows.iter().for_each(|row| *measurements.entry(&row.name).or_default() += 1);
        let before = view.base.as_ref().map(|base| (one_of_each(&base.run.finished), base.label.as_str()));
        let versus = versus(&each, before.as_ref(), view.against.as_deref());
        let compared =
            view.base.is_some() || versus.iter().any(|one| matches!(one, Versus::Variant(_) | Versus::Step(..)));
        let columns = columns(view, compared);
        let cells = |row: Row| columns.iter().map(|(_, cell)| cell(&row)).collect();

        let mut all = vec![columns.iter().map(|(head, _)| head.clone()).collect()];
        let is_repeated = each.len() < rows.len();
        if is_repeated {
            // Each measurement on a line, like `go test` prints them; then the joint result.
            let single = |one| Row { one, name: &short[&one.name], median_of: None, versus: Versus::Nothing };
            all.extend(rows.iter().map(single).map(cells));
        }
        for (one, versus) in each.iter().zip(versus) {
            let median_of = is_repeated.then(|| measurements[one.name.as_str()]);
            all.push(cells(Row { one, name: &short[&one.name], median_of, versus }));
        }
        Table { cells: all, compared }
    }
}

/// Lines with the columns two blanks apart, all but the first (and the last, if it is text) to the right.
pub fn aligned(cells: &[Vec<String>], last_is_text: bool) -> Vec<String> {
    let Some(head) = cells.first() else { return Vec::new() };
    let is_long = |row: &[String]| get_text_width(&row[0]) > LONGEST_NAME;
    let records = cells.iter().map(|row| match row.split_first() {
        Some((_, rest)) if is_long(row) => [&[String::new()], rest].concat(),
        _ => row.clone(),
    });
    let mut table = Builder::from_iter(records).build();
    table.with(Style::empty()).modify(Segment::all(), Padding::new(0, 2, 0, 0));
    table.modify(Columns::new(1..head.len() - usize::from(last_is_text)), Alignment::right());
    let mut lines = Vec::new();
    for (row, line) in cells.iter().zip(table.to_string().lines()) {
        if is_long(row) {
            lines.push(row[0].clone());
        }
        lines.push(line.trim_end().to_owned());
    }
    lines
}

/// The columns, without a line end behind the last line; failed benchmarks stand below.
pub fn render(rows: &[Finished], failed: &[Failed], view: &View) -> String {
    let table = Table::new(rows, view);
    let mut lines: Vec<String> = busy(rows).into_iter().collect();
    lines.extend(aligned(&table.cells, table.compared));
    lines.extend(failed.iter().map(|one| format!("FAILED  {}: {}", one_line(&one.name), one_line(&one.error))));
    lines.extend(notes(rows, &table).into_iter().map(str::to_owned));
    lines.join("\n")
}

/// A warning about a machine that was busy with other work, with advice.
pub fn busy(rows: &[Finished]) -> Option<String> {
    let interrupted: usize = rows.iter().map(|row| row.time.interrupted as usize).sum();
    let samples = || rows.iter().flat_map(|row| &row.time.samples);
    let stolen: f64 = rows.iter().map(|row| f64::from(row.time.stolen_ms)).sum();
    let sampled = samples().map(|sample| sample.nanoseconds).sum::<f64>() / 1e6;
    let count = samples().count();
    let facts = [
        is_busy(interrupted, count).then(|| format!("{interrupted} of {count} samples interrupted")),
        (stolen * 50.0 > sampled && sampled > 0.0).then(|| {
            format!(
                "other machines took {} s of the processors in {} s",
                fixed(stolen / 1e3, 2),
                fixed(sampled / 1e3, 2)
            )
        }),
    ];
    let facts: Vec<String> = facts.into_iter().flatten().collect();
    (!facts.is_empty())
        .then(|| format!("busy: {}; a calmer machine or a longer --benchtime narrows the intervals", facts.join(", ")))
}

/// The legend of the marks in the cells.
pub fn notes(rows: &[Finished], table: &Table) -> Vec<&'static str> {
    let says = |mark: &str| table.compared && table.cells.iter().skip(1).any(|row| row[row.len() - 1].contains(mark));
    let notes = [
        (
            rows.iter().any(|row| row.time.custom),
            "* the benchmark measures itself (iter_custom): B/op and allocs/op are of its whole closure",
        ),
        (
            rows.iter().any(Finished::is_bench_process),
            "† a bench without a harness that is known: the numbers are of its whole process",
        ),
        (
            says(UNPAIRED.trim_start()),
            "(unpaired) the times were not measured in turns, so a change of the machine's speed is part of the ratio",
        ),
        (says("× per "), "N× per M×: against the row above, whose parameter is M times smaller"),
    ];
    notes.into_iter().filter(|(applies, _)| *applies).map(|(_, note)| note).collect()
}

/// The reference of each row: `before`, if there is one, else a variant of its group.
fn versus<'a>(
    each: &'a [Finished],
    before: Option<&'a (Vec<Finished>, &'a str)>,
    against: Option<&str>,
) -> Vec<Versus<'a>> {
    if let Some((before, label)) = before {
        let before: HashMap<&str, &Finished> = before.iter().map(|one| (one.name.as_str(), one)).collect();
        let versus = |was: &&'a Finished| Versus::Baseline(was, label);
        return each.iter().map(|row| before.get(row.name.as_str()).map_or(Versus::New, versus)).collect();
    }
    let versus = |compared| match compared {
        Compared::Alone => Versus::Nothing,
        Compared::Reference => Versus::Reference,
        Compared::With(reference) => Versus::Variant(&each[reference]),
        Compared::Grown { from, factor } => Versus::Step(&each[from], factor),
    };
    groups::compared(each, against).into_iter().map(versus).collect()
}

fn columns(view: &View, compared: bool) -> Vec<Column> {
    let mut columns: Vec<Column> = vec![
        ("benchmark".to_owned(), Box::new(name)),
        ("iterations".to_owned(), Box::new(|row| grouped(&row.one.time.iterations.to_string()))),
        ("ns/op".to_owned(), Box::new(time)),
    ];
    if view.memory {
        columns.push((
            "B/op".to_owned(),
            Box::new(|row| ranged(row.one.memory.bytes_per_op, row.one.memory.bytes_range())),
        ));
        columns.push((
            "allocs/op".to_owned(),
            Box::new(|row| ranged(row.one.memory.allocs_per_op, row.one.memory.allocs_range())),
        ));
    }
    if compared {
        let label = view.base.as_ref().map(|base| &base.label).or(view.against.as_ref());
        let label = label.map_or("first".into(), |label| one_line(label));
        let memory = view.memory;
        columns.push((format!("vs {label}"), Box::new(move |row| comparison(row, memory))));
    }
    columns
}

fn name(row: &Row) -> String {
    let mark = match row.one {
        one if one.is_bench_process() => "†",
        one if one.time.custom => "*",
        _ => "",
    };
    let median = row.median_of.map(|count| format!(", median of {count}")).unwrap_or_default();
    format!("{}{mark}{median}", one_line(row.name))
}

fn time(row: &Row) -> String {
    let time = &row.one.time;
    let Some(ns) = time.ns_per_op else { return "–".to_owned() };
    let spread = match (time.lower, time.upper) {
        (Some(lower), Some(upper)) if ns > 0.0 => format!(" ±{}%", fixed((upper - lower) / 2.0 / ns * 100.0, 1)),
        _ => String::new(),
    };
    format!("{}{spread}", nanoseconds(ns))
}

fn ranged(value: f64, [min, max]: [f64; 2]) -> String {
    match (per_op(min), per_op(max)) {
        (least, most) if least != most => format!("{least}–{most}"),
        _ if min != max => format!("≈{}", per_op(value)),
        _ => per_op(value),
    }
}

fn comparison(row: &Row, memory: bool) -> String {
    let difference = |from: &Finished, baseline: Option<&str>, step: &str| {
        let time = groups::time_ratio(from, row.one, baseline).map(|ratio| ratio_text(&ratio, step));
        let memory = if memory { memory_changes(&from.memory, &row.one.memory) } else { Vec::new() };
        time.into_iter().chain(memory).collect::<Vec<_>>().join("  ")
    };
    match row.versus {
        Versus::Nothing => String::new(),
        Versus::Reference => "·".to_owned(),
        Versus::New => "new".to_owned(),
        Versus::Variant(from) => difference(from, None, ""),
        Versus::Step(from, Some(factor)) => difference(from, None, &format!(" per {}×", per_op(factor))),
        Versus::Step(from, None) => difference(from, None, " per step"),
        Versus::Baseline(from, label) => match difference(from, Some(label), "") {
            same if same.is_empty() => "same".to_owned(),
            text => text,
        },
    }
}

/// `0.90×`, or `9.7× per 10×`, with its marks.
fn ratio_text(ratio: &Ratio, step: &str) -> String {
    let mark = match ratio {
        ratio if !ratio.is_decided() => CHANCE,
        ratio if !ratio.paired => UNPAIRED,
        _ => "",
    };
    format!("{}×{step}{mark}", shown(ratio.ratio))
}

/// `−1,984 B` and `−5 allocs`: equal counts are left out, and counts that may differ by chance have [`CHANCE`] behind
/// them.
fn memory_changes(from: &Memory, to: &Memory) -> Vec<String> {
    let change = |from: f64, to: f64, unit: &str, certain: bool| {
        let sign = if to > from { "+" } else { "" };
        let unit = if unit == "allocs" && (to - from).abs() == 1.0 { "alloc" } else { unit };
        (from != to).then(|| format!("{sign}{} {unit}{}", per_op(to - from), if certain { "" } else { CHANCE }))
    };
    let bytes = are_apart(from.bytes_range(), to.bytes_range());
    let allocs = are_apart(from.allocs_range(), to.allocs_range());
    [
        change(from.bytes_per_op, to.bytes_per_op, "B", bytes),
        change(from.allocs_per_op, to.allocs_per_op, "allocs", allocs),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Two decimals; as many more as a small one needs for two digits: it is never cut to 0.
fn shown(ratio: f64) -> String {
    let decimals = if ratio > 0.0 && ratio < 0.095 { (1.0 - ratio.log10().floor()).min(12.0) as usize } else { 2 };
    fixed(ratio, decimals)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::{Format as _, Markdown};
    use crate::results::lines::{Run, RunStarted, Sample};
    use crate::results::sample::finished;

    #[test]
    fn a_busy_machine_is_said_in_every_table() {
        let row = |interrupted, stolen_ms| {
            let mut row = finished("p/t/a", 1.0, 8.0, true);
            row.time.samples = vec![Sample { iterations: 1, nanoseconds: 1e7 }; 100];
            (row.time.interrupted, row.time.stolen_ms) = (interrupted, stolen_ms);
            row
        };
        assert_eq!(busy(&[row(10, 20)]), None);
        assert!(busy(&[row(38, 0)]).unwrap().starts_with("busy: 38 of 100 samples interrupted; a calmer"));
        let both = busy(&[row(38, 400)]).unwrap();
        assert!(
            both.starts_with(
                "busy: 38 of 100 samples interrupted, other machines took 0.40 s of the processors in 1.00 s;"
            ),
            "{both}"
        );
        assert!(busy(&[row(0, 30)]).unwrap().starts_with("busy: other machines took 0.03 s"));
        let run = Run {
            started: RunStarted::default(),
            finished: vec![row(38, 0)],
            failed: Vec::new(),
            checks: Vec::new(),
            tests: Vec::new(),
        };
        let text = Markdown.render(&run, &View::default());
        assert!(text.contains("\nbusy: 38 of 100 samples interrupted") || text.contains("busy: 38 of 100"), "{text}");
    }
}
