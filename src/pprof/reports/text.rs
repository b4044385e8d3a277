//! `top` and `text`: the table of nodes.

use std::fmt::Write;

use super::report::Report;
use crate::pprof::profile::arithmetic::percentage;

/// A line of the table.
pub struct Row {
    pub name: String,
    /// `(inline)`, `(partial-inline)` or nothing.
    pub inline: &'static str,
    pub flat: i64,
    pub cum: i64,
}

/// The rows and the header's lines.
pub fn rows(report: &mut Report) -> (Vec<Row>, Vec<String>) {
    let trimmed = report.trimmed_graph();
    let labels = report.labels(&trimmed, false);
    let graph = &trimmed.graph;
    let row = |node: &crate::pprof::graph::Node| {
        let (mut inlined, mut called) = (false, false);
        for edge in graph.callers(node) {
            if graph.edge(edge).inline { inlined = true } else { called = true }
        }
        let inline = match (inlined, called) {
            (true, true) => "(partial-inline)",
            (true, false) => "(inline)",
            (false, _) => "",
        };
        Row { name: node.info.printable.to_string(), inline, flat: node.flat_value(), cum: node.cum_value() }
    };
    (graph.shown().map(row).collect(), labels)
}

pub fn print(report: &mut Report, out: &mut String) -> std::fmt::Result {
    let (rows, labels) = rows(report);
    writeln!(out, "{}", labels.join("\n"))?;
    writeln!(out, "{:>10} {:>5}% {:>5}% {:>10} {:>5}%", "flat", "flat", "sum", "cum", "cum")?;
    let mut sum = 0i64;
    for row in rows {
        sum = sum.wrapping_add(row.flat);
        writeln!(
            out,
            "{:>10} {} {} {:>10} {}  {}{}{}",
            report.value(row.flat),
            percentage(row.flat, report.total),
            percentage(sum, report.total),
            report.value(row.cum),
            percentage(row.cum, report.total),
            row.name,
            if row.inline.is_empty() { "" } else { " " },
            row.inline
        )?;
    }
    Ok(())
}
