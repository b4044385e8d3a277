//! `list`: source lines with what they cost.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::report::Report;
use super::sources::Sources;
use crate::pprof::graph::{Edges, Graph, Node};
use crate::pprof::profile::arithmetic::percentage;

/// Lines shown above and beneath those with samples.
const MARGIN: i64 = 5;

pub fn print(report: &mut Report, out: &mut String) -> Result<(), String> {
    let graph = report.graph(None, Edges::None);
    let pattern = report.choices.symbol.as_ref().ok_or("command list requires an argument")?;
    let mut functions = matching(&graph, |name| pattern.matches(name));
    if functions.is_empty() {
        // `Pool::get` is what one types for `Pool<T>::get`.
        functions = matching(&graph, |name| pattern.matches(&without_generics(name)));
    }
    if functions.is_empty() {
        return Err(format!("no matches found for regexp: {}", pattern.source()));
    }
    let mut sources = Sources::new(&report.choices.source_path, &report.choices.trim_path)?;
    let _ = writeln!(out, "Total: {}", report.value(report.total));
    for (name, nodes) in functions {
        let mut files: BTreeMap<&str, Vec<&Node>> = BTreeMap::new();
        for node in nodes.into_iter().filter(|node| !node.info.file.is_empty()) {
            files.entry(&node.info.file).or_default().push(node);
        }
        if files.is_empty() {
            let _ = writeln!(out, "No source information for {name}");
        }
        for (file, nodes) in files {
            print_file(report, name, file, &nodes, &mut sources, out);
        }
    }
    Ok(())
}

fn matching(graph: &Graph, test: impl Fn(&str) -> bool) -> BTreeMap<&str, Vec<&Node>> {
    let mut functions: BTreeMap<&str, Vec<&Node>> = BTreeMap::new();
    for node in graph.shown().filter(|node| test(&node.info.name)) {
        functions.entry(&node.info.name).or_default().push(node);
    }
    functions
}

fn sum(nodes: &[&Node]) -> (i64, i64) {
    nodes.iter().fold((0, 0), |(flat, cum), node| (flat.wrapping_add(node.flat), cum.wrapping_add(node.cum)))
}

fn print_file(report: &Report, name: &str, file: &str, nodes: &[&Node], sources: &mut Sources, out: &mut String) {
    let (flat, cum) = sum(nodes);
    let share = percentage(cum, report.total);
    let _ = writeln!(out, "ROUTINE ======================== {name} in {file}");
    let _ = writeln!(out, "{:>10} {:>10} (flat, cum) {share} of Total", report.value(flat), report.value(cum));
    let (start, end) = range(nodes);
    if start > end {
        // Nothing is read for it, so only an error of before is known.
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
    let mut by_line: BTreeMap<i64, Vec<&Node>> = BTreeMap::new();
    for node in nodes {
        by_line.entry(node.info.line).or_default().push(node);
    }
    let value_or_dot = |value: i64| if value == 0 { ".".into() } else { report.value(value) };
    for (text, line) in lines.iter().skip(usize::try_from(start - 1).unwrap_or(usize::MAX)).zip(start..=end) {
        let (flat, cum) = by_line.get(&line).map_or((0, 0), |nodes| sum(nodes));
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

/// `name` without what stands in angle brackets behind a name: `Pool<T>::get` → `Pool::get`, `<A as B>::c` → `<A as B>::c`.
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
