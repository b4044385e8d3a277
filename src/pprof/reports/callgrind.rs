//! `callgrind`: for KCachegrind.

use std::fmt::Write;

use rustc_hash::FxHashMap;

use super::report::Report;
use crate::pprof::graph::{Graph, Node, NodeId, NodeInfo};
use crate::pprof::profile::arithmetic::to_i64;
use crate::pprof::profile::unit;

pub fn print(report: &mut Report, out: &mut String) -> std::fmt::Result {
    report.choices.node_fraction = 0.0;
    report.choices.edge_fraction = 0.0;
    report.choices.node_count = 0;
    let trimmed = report.trimmed_graph();
    let graph = &trimmed.graph;
    let choices = &report.choices;
    let scaled = |value: i64| to_i64(unit::scale(value, &choices.sample_unit, &choices.output_unit).0);
    let unique = unique_names(graph, choices.call_tree);
    writeln!(out, "positions: instr line\nevents: {}({})", choices.sample_type, choices.output_unit)?;
    let [mut objects, mut files, mut names] = [Names::default(), Names::default(), Names::default()];
    let mut before: Option<&NodeInfo> = None;
    for node in graph.shown() {
        let info = &node.info;
        if before.is_none_or(|before| {
            (&before.objfile, &before.file, &before.name) != (&info.objfile, &info.file, &info.name)
        }) {
            writeln!(
                out,
                "\nob={}\nfl={}\nfn={}",
                objects.get(&info.objfile),
                files.get(&info.file),
                names.get(&info.name)
            )?;
        }
        writeln!(out, "{} {} {}", address(before, info.address), info.line, scaled(node.flat_value()))?;
        for edge in graph.sorted_edges(graph.callees(node)) {
            let edge = graph.edge(edge);
            let callee = graph.node(edge.callee);
            let name = unique.get(&edge.callee).map_or("", |name| name);
            writeln!(out, "cfl={}\ncfn={}", files.get(&callee.info.file), names.get(name))?;
            writeln!(
                out,
                "calls=0 {} {}\n* * {}",
                address(before, callee.info.address),
                callee.info.line,
                scaled(edge.weight)
            )?;
        }
        before = Some(info);
    }
    Ok(())
}

/// A name that was written before is written as its number.
#[derive(Default)]
struct Names(FxHashMap<String, usize>);

impl Names {
    fn get(&mut self, name: &str) -> String {
        if name.is_empty() {
            return String::new();
        }
        if let Some(number) = self.0.get(name) {
            return format!("({number})");
        }
        let number = self.0.len() + 1;
        self.0.insert(name.into(), number);
        format!("({number}) {name}")
    }
}

/// Functions with equal names and files that are still different (in different objects or, in a call tree, with
/// different callers) get a suffix.
fn unique_names(graph: &Graph, is_tree: bool) -> FxHashMap<NodeId, String> {
    // Nodes that differ only in address and line are one function; in a tree, only among those of one caller.
    let function = |node: &Node| {
        let caller = if is_tree { graph.callers(node).next().map(|edge| graph.edge(edge).caller) } else { None };
        // As in pprof, a node without address and line is a separate function, column included.
        let column = if node.key.address == 0 && node.key.line == 0 { node.key.column } else { 0 };
        (node.key.start_line, node.key.objfile, column, caller)
    };
    let mut same_name: FxHashMap<(u32, u32), FxHashMap<_, usize>> = FxHashMap::default();
    for node in graph.shown() {
        let functions = same_name.entry((node.key.file, node.key.name)).or_default();
        let next = functions.len() + 1;
        functions.entry(function(node)).or_insert(next);
    }
    let named = graph.order.iter().map(|id| {
        let node = graph.node(*id);
        let functions = &same_name[&(node.key.file, node.key.name)];
        let suffix = if functions.len() > 1 {
            format!(" [{}/{}]", functions[&function(node)], functions.len())
        } else {
            String::new()
        };
        (*id, format!("{}{suffix}", node.info.name))
    });
    named.collect()
}

/// An address, relative to the previous one if that is shorter.
fn address(before: Option<&NodeInfo>, address: u64) -> String {
    let absolute = format!("{address:#x}");
    match before {
        Some(before) if before.address == address => "*".into(),
        Some(before) => {
            let relative = format!("{:+}", address.wrapping_sub(before.address) as i64);
            if relative.len() < absolute.len() { relative } else { absolute }
        }
        None => absolute,
    }
}
