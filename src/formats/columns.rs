//! The table that people read.

use std::collections::HashMap;

use tabled::builder::Builder;
use tabled::settings::object::{Columns, Segment};
use tabled::settings::{Alignment, Padding, Style};

use super::{View, one_of_each};
use crate::results::lines::{Failed, Finished, Memory};
use crate::results::names;
use crate::results::notation::{grouped, nanoseconds, per_op};

/// Behind a difference that the measurements do not prove.
const CHANCE: &str = " (~)";

/// The row of each group that the others are compared to: by package, target, group → index into `rows`.
pub fn references(rows: &[Finished], against: Option<&str>) -> HashMap<(String, String, String), usize> {
    let mut found = HashMap::new();
    for (index, row) in rows.iter().enumerate().filter(|(_, row)| !row.group.is_empty()) {
        let key = (row.package.clone(), row.target.clone(), row.group.clone());
        let wanted = against.is_none_or(|variant| {
            row.id == variant || row.id.strip_suffix(variant).is_some_and(|rest| rest.ends_with('/'))
        });
        if wanted {
            found.entry(key).or_insert(index);
        }
    }
    found
}

/// Whether any row of `rows` is what `--against` names.
pub fn has_variant(rows: &[Finished], variant: &str) -> bool {
    !references(rows, Some(variant)).is_empty()
}

/// The cells, the head's first; nothing where nothing was measured.
pub fn cells(rows: &[Finished], view: &View) -> Vec<Vec<String>> {
    if rows.is_empty() {
        return Vec::new();
    }
    let full: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    let ids: Vec<&str> = rows.iter().map(Finished::least_name).collect();
    let short = names::shortest(&full, &ids);
    // What is compared is what all measurements of a benchmark say together.
    let each = one_of_each(rows);
    let mut measurements: HashMap<&str, usize> = HashMap::new();
    rows.iter().for_each(|row| *measurements.entry(&row.name).or_default() += 1);
    let references = references(&each, view.against.as_deref());
    let before = view.base.as_ref().map(|base| {
        let each = one_of_each(&base.finished).into_iter().map(|one| (one.name.clone(), one));
        (&base.label, each.collect::<HashMap<_, _>>())
    });
    let members = |key: &(String, String, String)| {
        each.iter().filter(|row| (&row.package, &row.target, &row.group) == (&key.0, &key.1, &key.2)).count()
    };
    let compared = before.is_some() || references.keys().any(|key| members(key) > 1);

    let mut header = vec!["benchmark".to_owned(), "iterations".to_owned(), "ns/op".to_owned()];
    if view.memory {
        header.extend(["B/op".to_owned(), "allocs/op".to_owned()]);
    }
    let versus = match &before {
        Some((label, _)) => format!("vs {label}"),
        None => format!("vs {}", view.against.as_deref().unwrap_or("first")),
    };
    if compared {
        header.push(versus);
    }
    let is_repeated = each.len() < rows.len();
    let names: HashMap<&str, &String> = full.iter().copied().zip(&short).collect();
    let mut all = vec![header];
    // As `go test` has them, one a line; then what they come to.
    let single = rows.iter().filter(|_| is_repeated).map(|row| (row, None));
    for (row, index) in single.chain(each.iter().zip((0..).map(Some))) {
        let name = names[row.name.as_str()];
        let repeated = match index {
            Some(_) if is_repeated => format!(", median of {}", measurements[row.name.as_str()]),
            _ => String::new(),
        };
        let mark = match row {
            row if row.whole_process => "†",
            row if row.time.custom => "*",
            _ => "",
        };
        let mut record = vec![
            format!("{}{mark}{repeated}", names::one_line(name)),
            grouped(&row.time.iterations.to_string()),
            time(row),
        ];
        if view.memory {
            record.push(ranged(row.memory.bytes_per_op, row.memory.bytes_per_op_range));
            record.push(ranged(row.memory.allocs_per_op, row.memory.allocs_per_op_range));
        }
        if index.is_none() {
            record.extend(compared.then(String::new));
        } else if let Some((_, before)) = &before {
            record.push(match before.get(row.name.as_str()) {
                Some(before) => unchanged_or(difference(before, row, view.memory)),
                None => "new".to_owned(),
            });
        } else if compared {
            let key = (row.package.clone(), row.target.clone(), row.group.clone());
            record.push(match references.get(&key) {
                Some(&reference) if Some(reference) == index => "·".to_owned(),
                Some(&reference) => difference(&each[reference], row, view.memory),
                None => String::new(),
            });
        }
        all.push(record);
    }
    all
}

/// Whether the last of the head's cells is that of the comparison.
pub fn is_compared(head: &[String]) -> bool {
    head.last().is_some_and(|cell| cell.starts_with("vs "))
}

/// The columns, without a line end behind its last line; failed benchmarks stand below.
pub fn render(rows: &[Finished], failed: &[Failed], view: &View) -> String {
    let cells = cells(rows, view);
    let mut lines: Vec<String> = Vec::new();
    if let Some(head) = cells.first() {
        let numbers = 1..head.len() - usize::from(is_compared(head));
        let mut table = Builder::from_iter(cells).build();
        table.with(Style::empty()).modify(Segment::all(), Padding::new(0, 2, 0, 0));
        table.modify(Columns::new(numbers), Alignment::right());
        lines.extend(table.to_string().lines().map(|line| line.trim_end().to_owned()));
    }
    lines.extend(failed.iter().map(|failed| format!("FAILED  {}: {}", names::one_line(&failed.name), failed.error)));
    if rows.iter().any(|row| row.time.custom) {
        lines.push(
            "* the benchmark measures itself (iter_custom): B/op and allocs/op are of its whole closure".to_owned(),
        );
    }
    if rows.iter().any(|row| row.whole_process) {
        lines.push("† a bench without a harness that is known: the numbers are of its whole process".to_owned());
    }
    lines.join("\n")
}

fn unchanged_or(difference: String) -> String {
    if difference.is_empty() { "same".to_owned() } else { difference }
}

fn time(row: &Finished) -> String {
    let Some(ns) = row.time.ns_per_op else { return "–".to_owned() };
    let spread = match (row.time.lower, row.time.upper) {
        (Some(lower), Some(upper)) if ns > 0.0 => format!(" ±{:.1}%", (upper - lower) / 2.0 / ns * 100.0),
        _ => String::new(),
    };
    format!("{}{spread}", nanoseconds(ns))
}

fn ranged(value: f64, range: Option<[f64; 2]>) -> String {
    match range {
        Some([min, max]) if per_op(min) != per_op(max) => format!("{}–{}", per_op(min), per_op(max)),
        Some([min, max]) if min != max => format!("≈{}", per_op(value)),
        _ => per_op(value),
    }
}

/// `0.90×  −1,984 B  −5 allocs`: time as a ratio, memory as differences; what is equal is left out, and what may be chance
/// has [`CHANCE`] behind it.
fn difference(reference: &Finished, row: &Finished, memory: bool) -> String {
    let mut parts = Vec::new();
    let doubt = |real: bool| if real { "" } else { CHANCE };
    if let (Some(from), Some(to)) = (reference.time.ns_per_op, row.time.ns_per_op)
        && from > 0.0
    {
        let interval = |row: &Finished| row.time.lower.zip(row.time.upper).map(|(lower, upper)| [lower, upper]);
        let real = interval(reference).zip(interval(row)).is_some_and(|(a, b)| are_apart(a, b));
        parts.push(format!("{}×{}", ratio(to / from), doubt(real)));
    }
    let mut change = |amount: fn(&Memory) -> (f64, Option<[f64; 2]>), unit: &str| {
        let ((from, from_range), (to, to_range)) = (amount(&reference.memory), amount(&row.memory));
        if from != to {
            let real = are_apart(from_range.unwrap_or([from; 2]), to_range.unwrap_or([to; 2]));
            let sign = if to > from { "+" } else { "" };
            let unit = if unit == "allocs" && (to - from).abs() == 1.0 { "alloc" } else { unit };
            parts.push(format!("{sign}{} {unit}{}", per_op(to - from), doubt(real)));
        }
    };
    if memory {
        change(|memory| (memory.bytes_per_op, memory.bytes_per_op_range), "B");
        change(|memory| (memory.allocs_per_op, memory.allocs_per_op_range), "allocs");
    }
    parts.join("  ")
}

/// Two decimals; as many more as a small one needs for two digits: it is never cut to 0.
fn ratio(ratio: f64) -> String {
    let decimals = if ratio > 0.0 && ratio < 0.095 { (1.0 - ratio.log10().floor()).min(12.0) as usize } else { 2 };
    format!("{ratio:.decimals$}")
}

/// Two 95 % intervals that do not meet: a stricter test than that of the difference. Ranges of counts alike.
fn are_apart(a: [f64; 2], b: [f64; 2]) -> bool {
    a[1] < b[0] || b[1] < a[0]
}
