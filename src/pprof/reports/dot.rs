//! `dot`: the graph in graphviz's language.

use std::cmp::Reverse;
use std::fmt::Write;

use rustc_hash::FxHashMap;

use super::nodelet::{self, escaped};
use super::report::Report;
use crate::pprof::graph::{Edge, Graph, Node, NodeId, shorten_function_name};
use crate::pprof::profile::arithmetic::{abs, percentage};
use crate::pprof::profile::path;

pub fn print(report: &mut Report, out: &mut String) -> std::fmt::Result {
    let trimmed = report.trimmed_graph();
    let labels = report.labels(&trimmed, true);
    let graph = &trimmed.graph;
    let title = &report.choices.title;
    writeln!(out, "digraph \"{}\" {{", if title.is_empty() { "unnamed" } else { title })?;
    writeln!(out, "node [style=filled fillcolor=\"#f8f8f8\"]")?;
    print_legend(&labels, title, out)?;
    // An edge's end that is not shown gets number 0.
    let numbers: FxHashMap<NodeId, usize> = graph.order.iter().copied().zip(1..).collect();
    let number = |id: NodeId| numbers.get(&id).copied().unwrap_or(0);
    let max_flat = graph
        .shown()
        .map(|node| abs(node.flat_value()))
        .fold(None, |max: Option<f64>, flat| Some(max.map_or(flat as f64, |max| max.max(flat as f64))));
    let mut edges = Vec::new();
    let mut with_nodelets = vec![false; graph.order.len() + 1];
    for node in &graph.order {
        let at = number(*node);
        let node = graph.node(*node);
        print_node(report, node, at, max_flat.unwrap_or(0.0), out)?;
        with_nodelets[at] = nodelet::print(report, graph, node, at, out)?;
        edges.extend(graph.callees(node));
    }
    // Heavy edges first, as a hint to the layout.
    let name = |id: NodeId| &graph.node(id).info.printable;
    edges.sort_by_cached_key(|id| {
        let edge = graph.edge(*id);
        (Reverse(abs(edge.weight)), name(edge.caller).clone(), name(edge.callee).clone())
    });
    for id in edges {
        let edge = graph.edge(id);
        print_edge(
            report,
            graph,
            edge,
            number(edge.caller),
            number(edge.callee),
            with_nodelets[number(edge.caller)],
            out,
        )?;
    }
    writeln!(out, "}}")
}

fn print_legend(labels: &[String], title: &str, out: &mut String) -> std::fmt::Result {
    let Some(first) = labels.first() else { return Ok(()) };
    let all: Vec<String> = labels.iter().map(|label| escaped(label)).collect();
    write!(
        out,
        "subgraph cluster_L {{ \"{}\" [shape=box fontsize=16 label=\"{}\\l\"",
        escaped(first),
        all.join("\\l")
    )?;
    if !title.is_empty() {
        write!(out, " tooltip=\"{title}\"")?;
    }
    writeln!(out, "] }}")
}

fn print_node(report: &Report, node: &Node, number: usize, max_flat: f64, out: &mut String) -> std::fmt::Result {
    let (flat, cum) = (node.flat_value(), node.cum_value());
    let share = |value: i64| percentage(value, report.total).trim().to_string();
    let mut label = multiline_name(node);
    let flat_shown = report.value(flat);
    if flat == 0 {
        label.push('0')
    } else {
        write!(label, "{flat_shown} ({})", share(flat))?
    }
    let mut cum_shown = flat_shown;
    if cum != flat {
        cum_shown = report.value(cum);
        write!(label, "{}of {cum_shown} ({})", if flat == 0 { " " } else { "\\n" }, share(cum))?;
    }
    // From 8 to 24 points, growing with the square root, so that small values still differ visibly.
    let own = abs(flat) as f64;
    let growth =
        if max_flat != 0.0 && flat != 0 && own <= max_flat { (16.0 * (own / max_flat).sqrt()).ceil() } else { 0.0 };
    let score = cum as f64 / abs(report.total) as f64;
    writeln!(
        out,
        "N{number} [label=\"{label}\" id=\"node{number}\" fontsize={} shape=box tooltip=\"{} ({cum_shown})\" color=\"{}\" fillcolor=\"{}\"]",
        8i64.wrapping_add(crate::pprof::profile::arithmetic::to_i64(growth)),
        escaped(&node.info.printable),
        color(score, false),
        color(score, true)
    )
}

/// The name over several lines, broken at its modules.
fn multiline_name(node: &Node) -> String {
    let mut info = node.info.clone();
    let name = escaped(&shorten_function_name(&info.name)).replace("::", "\\n");
    // Go's type parameters are `[...]`; do not break there.
    info.name = name.replace("[...]", "[…]").replace('.', "\\n").into();
    if !info.file.is_empty() {
        info.file = path::base(&info.file).into();
    }
    info.components().join("\\n") + "\\n"
}

fn print_edge(
    report: &Report,
    graph: &Graph,
    edge: &Edge,
    from: usize,
    to: usize,
    nodelets: bool,
    out: &mut String,
) -> std::fmt::Result {
    let value = edge.weight_value();
    let weight = report.value(value);
    write!(out, "N{from} -> N{to} [label=\" {weight}{}\"", if edge.inline { "\\n (inline)" } else { "" })?;
    if report.total != 0 {
        // In a comparison an edge may weigh more than the total.
        let part = |of: i64| abs(value.wrapping_mul(of).wrapping_div(report.total)).min(of) + 1;
        if part(100) > 1 {
            write!(out, " weight={}", part(100))?;
        }
        if part(5) > 1 {
            write!(out, " penwidth={}", part(5))?;
        }
        write!(out, " color=\"{}\"", color(value as f64 / abs(report.total) as f64, false))?;
    }
    let name = |id: NodeId| escaped(&graph.node(id).info.printable);
    let arrow = if edge.residual { "..." } else { "->" };
    let tooltip = format!("\"{} {arrow} {} ({weight})\"", name(edge.caller), name(edge.callee));
    write!(out, " tooltip={tooltip} labeltooltip={tooltip}")?;
    if edge.residual {
        out.push_str(" style=\"dotted\"");
    }
    if nodelets {
        out.push_str(" minlen=2");
    }
    out.push_str("]\n");
    Ok(())
}

/// From green (-1) over grey (0) to red (1).
fn color(score: f64, background: bool) -> String {
    // Keep away from grey, so that the signs can be told apart.
    const SHIFT: f64 = 0.7;
    let (mut saturation, value) = if background { (0.1, 0.93) } else { (1.0, 0.7) };
    let score = if score.is_nan() { score } else { score.clamp(-1.0, 1.0) };
    if score.abs() < 0.2 {
        saturation *= score.abs() / 0.2;
    }
    let shifted = if score > 0.0 { score.powf(1.0 - SHIFT) } else { -(-score).powf(1.0 - SHIFT) };
    let score = if score == 0.0 { score } else { shifted };
    let (red, green) = if score < 0.0 {
        (value * (1.0 + saturation * score), value)
    } else {
        (value, value * (1.0 - saturation * score))
    };
    let blue = value * (1.0 - saturation);
    let byte = |part: f64| (part * 255.0) as u8;
    format!("#{:02x}{:02x}{:02x}", byte(red), byte(green), byte(blue))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_run_from_green_to_red() {
        assert_eq!([color(1.0, false), color(0.0, false), color(-1.0, false)], ["#b20000", "#b2b2b2", "#00b200"]);
        assert_eq!(color(1.0, true), "#edd5d5");
    }
}
