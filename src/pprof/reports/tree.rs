//! `tree` and `peek`: every node between its callers and its callees.

use std::fmt::Write;

use super::report::Report;
use crate::pprof::graph::{EdgeId, Graph, NodeId};
use crate::pprof::profile::arithmetic::percentage;

const SEPARATOR: &str = "----------------------------------------------------------+-------------";
const LEGEND: &str = "      flat  flat%   sum%        cum   cum%   calls calls% + context \t \t ";

pub fn print(report: &mut Report, out: &mut String) -> Result<(), String> {
    let trimmed = report.trimmed_graph();
    let labels = report.labels(&trimmed, false);
    let _ = writeln!(out, "{}\n{SEPARATOR}\n{LEGEND}", labels.join("\n"));
    let graph = &trimmed.graph;
    let pattern = report.choices.symbol.as_ref();
    let (mut sum, mut matched) = (0i64, false);
    for node in graph.shown() {
        let name = &node.info.printable;
        if pattern.is_some_and(|pattern| !pattern.matches(name)) {
            continue;
        }
        matched = true;
        let _ = writeln!(out, "{SEPARATOR}");
        let (flat, cum) = (node.flat_value(), node.cum_value());
        for edge in graph.sorted_edges(graph.callers(node)) {
            print_edge(report, graph, edge, graph.edge(edge).caller, cum, out);
        }
        sum = sum.wrapping_add(flat);
        let _ = writeln!(
            out,
            "{:>10} {} {} {:>10} {}                | {name}",
            report.value(flat),
            percentage(flat, report.total),
            percentage(sum, report.total),
            report.value(cum),
            percentage(cum, report.total),
        );
        for edge in graph.sorted_edges(graph.callees(node)) {
            print_edge(report, graph, edge, graph.edge(edge).callee, cum, out);
        }
    }
    if !graph.order.is_empty() {
        let _ = writeln!(out, "{SEPARATOR}");
    }
    match pattern {
        Some(pattern) if !matched => Err(format!("no matches found for regexp: {}", pattern.source())),
        _ => Ok(()),
    }
}

/// An edge's line: its raw weight, its share of the node's cumulative value, the other end.
fn print_edge(report: &Report, graph: &Graph, edge: EdgeId, other: NodeId, cum: i64, out: &mut String) {
    let edge = graph.edge(edge);
    let inline = if edge.inline { " (inline)" } else { "" };
    let name = &graph.node(other).info.printable;
    let _ = writeln!(out, "{:>50} {} |   {name}{inline}", report.value(edge.weight), percentage(edge.weight, cum));
}
