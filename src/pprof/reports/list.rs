//! `list`: source lines with their costs.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::report::Report;
use super::sources::Sources;
use crate::pprof::graph::{Edges, Graph, Node};
use crate::pprof::profile::arithmetic::percentage;

/// Lines shown above and beneath those with samples.
const MARGIN: i64 = 5;

/// A function in one of its files, with its lines' costs.
pub struct Routine {
    pub name: String,
    /// Empty if its source is unknown.
    pub file: String,
    /// The sums over its lines: a sample that passes two lines of a recursive function counts twice in `cum`.
    pub flat: i64,
    pub cum: i64,
    /// (flat, cum) of each line with samples.
    pub lines: BTreeMap<i64, (i64, i64)>,
    /// The first and the last line to show; none if the last comes before the first.
    pub shown: (i64, i64),
}

pub fn print(report: &mut Report, out: &mut String) -> Result<(), String> {
    let routines = routines(report)?;
    let mut sources = Sources::new(&report.choices.source_path, &report.choices.trim_path)?;
    let _ = writeln!(out, "Total: {}", report.value(report.total));
    for routine in routines {
        if routine.file.is_empty() {
            let _ = writeln!(out, "No source information for {}", routine.name);
        } else {
            print_routine(report, &routine, &mut sources, out);
        }
    }
    Ok(())
}

/// The functions that the report's pattern matches, by name and file. An error if there are none.
pub fn routines(report: &mut Report) -> Result<Vec<Routine>, String> {
    let graph = report.graph(None, Edges::None);
    let pattern = report.choices.symbol.as_ref().ok_or("command list requires an argument")?;
    let mut functions = matching(&graph, |name| pattern.matches(name));
    if functions.is_empty() {
        // Users type `Pool::get` for `Pool<T>::get`.
        functions = matching(&graph, |name| pattern.matches(&without_generics(name)));
    }
    if functions.is_empty() {
        return Err(format!("no matches found for regexp: {}", pattern.source()));
    }
    let mut all = Vec::new();
    for (name, nodes) in functions {
        let mut files: BTreeMap<&str, Vec<&Node>> = BTreeMap::new();
        for node in nodes.into_iter().filter(|node| !node.info.file.is_empty()) {
            files.entry(&node.info.file).or_default().push(node);
        }
        if files.is_empty() {
            files.insert("", Vec::new());
        }
        all.extend(files.into_iter().map(|(file, nodes)| routine(name, file, &nodes)));
    }
    Ok(all)
}

fn matching(graph: &Graph, test: impl Fn(&str) -> bool) -> BTreeMap<&str, Vec<&Node>> {
    let mut functions: BTreeMap<&str, Vec<&Node>> = BTreeMap::new();
    for node in graph.shown().filter(|node| test(&node.info.name)) {
        functions.entry(&node.info.name).or_default().push(node);
    }
    functions
}

fn routine(name: &str, file: &str, nodes: &[&Node]) -> Routine {
    let mut lines: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    let (mut flat, mut cum) = (0i64, 0i64);
    for node in nodes {
        let line = lines.entry(node.info.line).or_default();
        *line = (line.0.wrapping_add(node.flat), line.1.wrapping_add(node.cum));
        (flat, cum) = (flat.wrapping_add(node.flat), cum.wrapping_add(node.cum));
    }
    Routine { name: name.to_owned(), file: file.to_owned(), flat, cum, lines, shown: range(nodes) }
}

fn print_routine(report: &Report, routine: &Routine, sources: &mut Sources, out: &mut String) {
    let Routine { name, file, flat, cum, shown: (start, end), .. } = routine;
    let share = percentage(*cum, report.total);
    let _ = writeln!(out, "ROUTINE ======================== {name} in {file}");
    let _ = writeln!(out, "{:>10} {:>10} (flat, cum) {share} of Total", report.value(*flat), report.value(*cum));
    if start > end {
        // No file is read for it, so only an earlier error is known.
        if let Some(error) = sources.known_error(file) {
            let _ = writeln!(out, " Error: {error}");
        }
        return;
    }
    let lines = match sources.lines(file) {
        Ok(lines) => lines,
        Err(error) => {
            let _ = writeln!(out, " Error: {error}");
            return;
        }
    };
    let value_or_dot = |value: i64| if value == 0 { ".".into() } else { report.value(value) };
    for (text, line) in lines.iter().skip(usize::try_from(start - 1).unwrap_or(usize::MAX)).zip(*start..=*end) {
        let (flat, cum) = routine.lines.get(&line).copied().unwrap_or_default();
        let _ = writeln!(out, "{:>10} {:>10} {line:>6}:{text}", value_or_dot(flat), value_or_dot(cum));
    }
}

/// The first and the last line to show: from the function's head if it is known, to the last sample, with a margin.
fn range(nodes: &[&Node]) -> (i64, i64) {
    let start_of = |node: &Node| {
        if node.info.start_line != 0 { node.info.start_line } else { node.info.line.wrapping_sub(MARGIN) }
    };
    let Some(first) = nodes.first() else { return (1, 0) };
    let (mut start, mut end) = (start_of(first), first.info.line.wrapping_add(MARGIN));
    for node in nodes {
        let node_end = node.info.line.wrapping_add(MARGIN);
        if start_of(node) < start {
            start = start_of(node);
        } else if node_end > end {
            end = node_end;
        }
    }
    (start.max(1), end)
}

/// `name` without the angle brackets after a name: `Pool<T>::get` → `Pool::get`, `<A as B>::c` → `<A as B>::c`.
fn without_generics(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut depth = 0usize;
    let mut before = ' ';
    for character in name.chars() {
        match character {
            '<' if depth > 0 || before.is_alphanumeric() || before == '_' || before == ':' => {
                if depth == 0 && out.ends_with("::") {
                    out.truncate(out.len() - 2);
                }
                depth += 1;
            }
            '>' if depth > 0 && before != '-' => depth -= 1,
            _ if depth > 0 => {}
            other => out.push(other),
        }
        before = character;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generics_are_not_typed() {
        let cases = [
            ("Pool<T>::get", "Pool::get"),
            ("core::iter::map::<u8, fn(u8) -> u8>", "core::iter::map"),
            ("<A<u8> as B>::c", "<A as B>::c"),
        ];
        for (name, typed) in cases {
            assert_eq!(without_generics(name), typed);
        }
    }
}
