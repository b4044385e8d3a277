//! The table that people read.

use std::collections::HashMap;

use tabled::builder::Builder;
use tabled::settings::object::{Columns, Segment};
use tabled::settings::{Alignment, Padding, Style};

use super::number::{grouped, nanoseconds, per_op};
use crate::result::model::{Failed, Finished};
use crate::result::names;

/// What of the table is wanted.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Without it B/op and allocs/op are left out.
    pub memory: bool,
    /// The variant that each group's rows are compared to; its first where `None`.
    pub against: Option<String>,
}

/// The row of each group that the others are compared to: by package, target, group → index into `rows`.
fn references(rows: &[Finished], against: Option<&str>) -> HashMap<(String, String, String), usize> {
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

/// The table, without a line end behind its last line; failed benchmarks stand below.
pub fn render(rows: &[Finished], failed: &[Failed], options: &Options) -> String {
    let full: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    let short = names::shortest(&full, &ids);
    let references = references(rows, options.against.as_deref());
    let members = |key: &(String, String, String)| {
        rows.iter().filter(|row| (&row.package, &row.target, &row.group) == (&key.0, &key.1, &key.2)).count()
    };
    let compared = references.keys().any(|key| members(key) > 1);

    let mut header = vec!["benchmark", "iterations", "ns/op"];
    if options.memory {
        header.extend(["B/op", "allocs/op"]);
    }
    let versus = format!("vs {}", options.against.as_deref().unwrap_or("first"));
    if compared {
        header.push(&versus);
    }
    let mut builder = Builder::default();
    builder.push_record(header.iter().copied());
    for (index, (row, name)) in rows.iter().zip(&short).enumerate() {
        let mut record = vec![name.clone(), grouped(&row.time.iterations.to_string()), time(row)];
        if options.memory {
            record.push(ranged(row.memory.bytes_per_op, row.memory.bytes_per_op_range));
            record.push(ranged(row.memory.allocs_per_op, row.memory.allocs_per_op_range));
        }
        if compared {
            let key = (row.package.clone(), row.target.clone(), row.group.clone());
            record.push(match references.get(&key) {
                Some(&reference) if reference == index || rows[reference].name == row.name => "·".to_owned(),
                Some(&reference) => difference(&rows[reference], row, options.memory),
                None => String::new(),
            });
        }
        builder.push_record(record);
    }
    let mut table = builder.build();
    let last = header.len() - 1;
    table.with(Style::empty()).modify(Segment::all(), Padding::new(0, 2, 0, 0));
    let numbers = if compared { 1..last } else { 1..last + 1 };
    table.modify(Columns::new(numbers), Alignment::right());
    let mut lines: Vec<String> = if rows.is_empty() {
        Vec::new()
    } else {
        table.to_string().lines().map(|line| line.trim_end().to_owned()).collect()
    };
    lines.extend(failed.iter().map(|failed| format!("FAILED  {}: {}", failed.name, failed.error)));
    if rows.iter().any(|row| row.time.custom) {
        lines.push(
            "* the benchmark measures itself (iter_custom): B/op and allocs/op are of its whole closure".to_owned(),
        );
    }
    lines.join("\n")
}

fn time(row: &Finished) -> String {
    let mark = if row.time.custom { "*" } else { "" };
    let Some(ns) = row.time.ns_per_op else { return format!("–{mark}") };
    let spread = match (row.time.lower, row.time.upper) {
        (Some(lower), Some(upper)) if ns > 0.0 => format!(" ±{:.1}%", (upper - lower) / 2.0 / ns * 100.0),
        _ => String::new(),
    };
    format!("{}{spread}{mark}", nanoseconds(ns))
}

fn ranged(value: f64, range: Option<[f64; 2]>) -> String {
    match range {
        Some([min, max]) if min != max => format!("{}–{}", per_op(min), per_op(max)),
        _ => per_op(value),
    }
}

/// `0.90×  −1,984 B  −5 allocs`: time as a ratio, memory as differences; what is equal is left out.
fn difference(reference: &Finished, row: &Finished, memory: bool) -> String {
    let mut parts = Vec::new();
    if let (Some(from), Some(to)) = (reference.time.ns_per_op, row.time.ns_per_op)
        && from > 0.0
    {
        parts.push(format!("{:.2}×", to / from));
    }
    let mut change = |from: f64, to: f64, unit: &str| {
        if from != to {
            let sign = if to > from { "+" } else { "" };
            parts.push(format!("{sign}{} {unit}", per_op(to - from)));
        }
    };
    if memory {
        change(reference.memory.bytes_per_op, row.memory.bytes_per_op, "B");
        change(reference.memory.allocs_per_op, row.memory.allocs_per_op, "allocs");
    }
    parts.join("  ")
}
