//! The call graph as a picture: boxes and arrows with their positions.

use rustc_hash::FxHashMap;
use serde::Serialize;

use super::layout::{self, Place, Size};
use crate::pprof::graph::{Node, NodeId, shorten_function_name};
use crate::pprof::profile::arithmetic::{abs, percentage};
use crate::pprof::profile::path;
use crate::pprof::reports::nodelet::{self, Nodelet};
use crate::pprof::reports::report::Report;
use crate::web::views::short_names::{Origin, origin};

/// More boxes than this are unreadable, and take long to place.
pub const MAX_NODES: i64 = 400;

/// Boxes are chosen among this many of the heaviest nodes, if there are many more.
const CANDIDATES: usize = 500;

/// More arrows than this just blacken the picture.
const MAX_ARROWS: usize = 1500;

/// The most frames for which a call tree is made, because it has a node for each path; counts the frames of each
/// sample that the previous sample does not have.
const MAX_PATHS: usize = 500_000;

#[derive(Debug, Serialize)]
pub struct Picture {
    pub width: f64,
    pub height: f64,
    pub boxes: Vec<GraphBox>,
    pub arrows: Vec<Arrow>,
}

/// A function, or a label of its samples; positions are of its centre, in CSS pixels.
#[derive(Debug, Serialize)]
pub struct GraphBox {
    /// The name that the table and the filters use; for a label, its text.
    pub name: String,
    /// It is a label of the samples of the box whose arrow leads here.
    pub is_label: bool,
    pub lines: Vec<String>,
    /// Height of the text of `lines`, in CSS pixels.
    pub font: f64,
    pub flat: i64,
    pub cum: i64,
    /// `12kB (3%)` and `of 24kB (6%)`.
    pub values: Vec<String>,
    /// Cumulative value ÷ total, from -1 to 1.
    pub share: f64,
    pub origin: Origin,
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

#[derive(Debug, Serialize)]
pub struct Arrow {
    /// Indices into [`Picture::boxes`].
    pub from: usize,
    pub to: usize,
    pub label: String,
    /// Width of the line, in CSS pixels.
    pub stroke: f64,
    /// Weight ÷ total, from -1 to 1.
    pub share: f64,
    /// It passes over functions that are not shown.
    pub residual: bool,
    pub inline: bool,
    /// The corners of the line, x and y alternating.
    pub points: Vec<(f64, f64)>,
}

/// The picture, and the header's lines. An error if it cannot be made.
pub fn picture(report: &mut Report) -> Result<(Picture, Vec<String>), String> {
    if report.is_call_tree() && report.frames_apart() > MAX_PATHS {
        return Err(format!(
            "the call tree has too many paths to be drawn, more than {MAX_PATHS} frames; choose some by Focus, or open the flame graph"
        ));
    }
    if report.choices.node_count == 0 || report.choices.node_count > MAX_NODES {
        report.choices.node_count = MAX_NODES;
    }
    let trimmed = report.trimmed_to(CANDIDATES);
    let legend = report.labels(&trimmed, true);
    let graph = &trimmed.graph;
    let numbers: FxHashMap<NodeId, usize> = graph.order.iter().copied().zip(0..).collect();
    let largest = graph.shown().map(|node| abs(node.flat_value())).max().unwrap_or(0);
    let mut boxes: Vec<GraphBox> = graph.shown().map(|node| graph_box(report, node, largest)).collect();

    let mut ends = Vec::new();
    let mut arrows = Vec::new();
    for (from, node) in graph.shown().enumerate() {
        for id in graph.sorted_edges(graph.callees(node)) {
            let edge = graph.edge(id);
            let Some(to) = numbers.get(&edge.callee).copied() else { continue };
            let weight = edge.weight_value();
            let share = share(weight, report.total);
            ends.push((from, to, abs(weight) as f64));
            arrows.push(Arrow {
                from,
                to,
                label: report.value(weight),
                stroke: 1.0 + 5.0 * share.abs(),
                share,
                residual: edge.residual,
                inline: edge.inline,
                points: Vec::new(),
            });
        }
    }
    if arrows.len() > MAX_ARROWS {
        let mut heaviest: Vec<usize> = (0..arrows.len()).collect();
        heaviest.sort_by(|a, b| ends[*b].2.total_cmp(&ends[*a].2).then(a.cmp(b)));
        let mut kept = vec![false; arrows.len()];
        heaviest[..MAX_ARROWS].iter().for_each(|at| kept[*at] = true);
        let (mut arrow, mut end) = (kept.iter(), kept.iter());
        arrows.retain(|_| arrow.next() == Some(&true));
        ends.retain(|_| end.next() == Some(&true));
    }
    for (from, node) in graph.shown().enumerate() {
        add_labels(report, nodelet::nodelets(graph, node), from, &mut boxes, &mut arrows, &mut ends);
    }
    let sizes: Vec<Size> = boxes.iter().map(|one| Size { width: one.width, height: one.height }).collect();
    let laid = layout::layered(&sizes, &ends);
    for (one, Place { x, y }) in boxes.iter_mut().zip(&laid.places) {
        (one.x, one.y) = (round(*x), round(*y));
    }
    for (arrow, line) in arrows.iter_mut().zip(laid.lines) {
        arrow.points = line.into_iter().map(|place| (round(place.x), round(place.y))).collect();
    }
    let legend = legend.into_iter().filter(|line| !line.starts_with('\n')).collect();
    Ok((Picture { width: round(laid.width), height: round(laid.height), boxes, arrows }, legend))
}

/// The weight of an arrow to a label in the layout: more than that of any other arrow.
const LABEL_WEIGHT: f64 = 1e15;
/// Height of the letters of labels, in CSS pixels.
const LABEL_FONT: f64 = 10.0;

/// Adds the labels of a box: texts with the numbers beneath them, and numbers without a text.
fn add_labels(
    report: &Report,
    (texts, numbers): (Vec<Nodelet>, Vec<Nodelet>),
    from: usize,
    boxes: &mut Vec<GraphBox>,
    arrows: &mut Vec<Arrow>,
    ends: &mut Vec<(usize, usize, f64)>,
) {
    for Nodelet { name, value, dotted, numbers, .. } in texts.into_iter().chain(numbers) {
        let mut lines: Vec<String> = name.split("\\n").map(|line| cut(line.to_owned())).collect();
        if lines.len() > 6 {
            lines.truncate(5);
            lines.push("…".to_owned());
        }
        let values = vec![report.value(value)];
        let widest = lines.iter().chain(&values).map(|line| line.chars().count()).max().unwrap_or(0);
        let to = boxes.len();
        boxes.push(GraphBox {
            name: name.chars().take(400).collect(),
            is_label: true,
            font: LABEL_FONT,
            flat: value,
            cum: value,
            share: share(value, report.total),
            origin: Origin::Std,
            x: 0.0,
            y: 0.0,
            width: (widest as f64 * LABEL_FONT * 0.61 + 14.0).ceil(),
            height: ((lines.len() + values.len()) as f64 * LABEL_FONT * 1.3 + 10.0).ceil(),
            lines,
            values,
        });
        // A label belongs next to its box: nothing may come between them.
        ends.push((from, to, LABEL_WEIGHT));
        arrows.push(Arrow {
            from,
            to,
            label: String::new(),
            stroke: 1.0,
            share: 0.0,
            residual: dotted,
            inline: false,
            points: Vec::new(),
        });
        add_labels(report, (numbers, Vec::new()), to, boxes, arrows, ends);
    }
}

fn cut(mut line: String) -> String {
    if let Some((end, _)) = line.char_indices().nth(LINE + 8) {
        line.truncate(end);
        line.push('…');
    }
    line
}

fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

fn share(value: i64, total: i64) -> f64 {
    if total == 0 { 0.0 } else { (value as f64 / abs(total) as f64).clamp(-1.0, 1.0) }
}

fn graph_box(report: &Report, node: &Node, largest: i64) -> GraphBox {
    let (flat, cum) = (node.flat_value(), node.cum_value());
    let part = |value: i64| percentage(value, report.total).trim().to_owned();
    let own = if flat == 0 { "0".to_owned() } else { format!("{} ({})", report.value(flat), part(flat)) };
    let mut values = vec![own];
    if cum != flat {
        values.push(format!("of {} ({})", report.value(cum), part(cum)));
    }
    // From 11 to 24 pixels, growing with the square root, so that small values still differ visibly.
    let font = 11.0 + if largest == 0 { 0.0 } else { 13.0 * (abs(flat) as f64 / largest as f64).sqrt() };
    let lines = lines_of(node);
    let widest = lines.iter().chain(&values).map(|line| line.chars().count()).max().unwrap_or(0);
    GraphBox {
        name: node.info.printable.to_string(),
        is_label: false,
        font: font.round(),
        flat,
        cum,
        share: share(cum, report.total),
        origin: origin(&node.info.name, report.files.get(&node.info.name).unwrap_or(&node.info.file)),
        x: 0.0,
        y: 0.0,
        // The page's fixed-width letters are 0.61 of their height wide.
        width: (widest as f64 * font * 0.61 + 20.0).ceil(),
        height: ((lines.len() + values.len()) as f64 * font * 1.3 + 12.0).ceil(),
        lines,
        values,
    }
}

/// Letters in a line of a box.
const LINE: usize = 34;

/// The name over a few lines, broken at its modules.
fn lines_of(node: &Node) -> Vec<String> {
    let mut info = node.info.clone();
    info.name = shorten_function_name(&info.name).into();
    if !info.file.is_empty() {
        info.file = path::base(&info.file).into();
    }
    let mut lines = Vec::new();
    for component in info.components() {
        let mut line = String::new();
        for part in component.split_inclusive("::") {
            if !line.is_empty() && line.chars().count() + part.chars().count() > LINE {
                lines.push(std::mem::take(&mut line));
            }
            line.push_str(part);
        }
        lines.push(line);
    }
    lines = lines.into_iter().map(cut).collect();
    // A name of a hundred modules is cut in the middle, because both ends tell more.
    if lines.len() > 6 {
        lines.splice(3..lines.len() - 2, ["…".to_owned()]);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pprof::front::arguments::Invocation;
    use crate::pprof::front::command;
    use crate::pprof::front::config::Config;
    use crate::pprof::front::fetch::Loaded;
    use crate::pprof::front::generate::prepare;
    use crate::pprof::profile::{Builder, Label, Line, ValueType};

    /// `main → leaf` by two threads, and other functions that share nothing with them.
    fn drawn(others: usize) -> (Picture, Vec<String>) {
        asked(others, Config::default()).unwrap()
    }

    fn asked(others: usize, config: Config) -> Result<(Picture, Vec<String>), String> {
        let mut builder = Builder::new(vec![ValueType::new("alloc_space", "bytes")]);
        let mut location = |name: &str, address: u64| {
            let function = builder.function(name, "", "/w/src/lib.rs", 0);
            builder.location(None, address, vec![Line { function, line: 1, column: 0 }])
        };
        let (main, leaf) = (location("main", 1), location("leaf", 2));
        let others: Vec<u32> = (0..others).map(|at| location(&format!("other{at}"), at as u64 + 3)).collect();
        builder.sample(vec![leaf, main], vec![4000], vec![Label::text("thread", "reader")]);
        builder.sample(vec![leaf, main], vec![6000], vec![Label::number("bytes", 64, "bytes")]);
        for other in others {
            builder.sample(vec![other, main], vec![1], vec![]);
        }
        let loaded = Loaded { profile: builder.finish(), iterations: None, compared: false, per_op: false };
        let invocation = Invocation { command: command::find("svg").unwrap(), argument: None };
        let config = Config { nodefraction: 0.0, edgefraction: 0.0, ..config };
        picture(&mut prepare(loaded, &invocation, &config, &mut |_| ()).unwrap())
    }

    #[test]
    fn labels_hang_from_the_box_whose_samples_have_them() {
        let (picture, _) = drawn(0);
        let labels: Vec<(usize, &GraphBox)> =
            picture.boxes.iter().enumerate().filter(|(_, one)| one.is_label).collect();
        let texts: Vec<(&str, i64)> = labels.iter().map(|(_, one)| (one.name.as_str(), one.flat)).collect();
        assert_eq!(texts, [("thread:reader", 4000), ("64B", 6000)]);
        for (at, _) in labels {
            let arrows: Vec<&Arrow> = picture.arrows.iter().filter(|arrow| arrow.to == at).collect();
            assert_eq!(arrows.len(), 1);
            assert_eq!(picture.boxes[arrows[0].from].name, "leaf");
        }
    }

    #[test]
    fn a_call_tree_is_drawn_unless_it_is_too_large() {
        let tree = || Config { call_tree: true, ..Config::default() };
        assert!(asked(100, tree()).unwrap().0.boxes.len() > 10);
        let error = asked(MAX_PATHS, tree()).unwrap_err();
        assert!(error.contains("too many paths"), "{error}");
    }

    #[test]
    fn of_very_many_functions_the_heaviest_are_looked_at() {
        let (picture, legend) = drawn(CANDIDATES * 5);
        let names: Vec<&str> = picture.boxes.iter().map(|one| one.name.as_str()).collect();
        assert!(names.contains(&"main") && names.contains(&"leaf"), "{names:?}");
        assert!(legend.iter().any(|line| line.ends_with("out of 2502")), "{legend:?}");
    }
}
