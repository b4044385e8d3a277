//! Nodelets: the small boxes on a node of a picture that show its labels.

use std::fmt::Write;

use super::report::Report;
use crate::pprof::graph::{Graph, MAX_NODELETS, Node, Tag, sort_tags};
use crate::pprof::profile::arithmetic::divided;
use crate::pprof::profile::{arithmetic::to_i64, unit};

/// A text inside dot's quotes.
pub fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\l")
}

/// A small box at a node.
pub struct Nodelet {
    /// The label's displayed text; `\\n`, dot's own mark, joins several text labels.
    pub name: String,
    pub value: i64,
    /// The value is that of all samples passing the node, not only of those ending there.
    pub dotted: bool,
    position: usize,
    /// The numeric labels of samples with this text.
    pub numbers: Vec<Nodelet>,
}

/// The nodelets of `node`: those of its text labels, and those of numeric labels without a text.
pub fn nodelets(graph: &Graph, node: &Node) -> (Vec<Nodelet>, Vec<Nodelet>) {
    // A leaf also shows the labels of its removed callees.
    let flat_tags = graph.callees(node).next().is_some();
    let numbers = |text: &str| {
        let tags = node.numeric_tags.get(text).map(|tags| tags.values().cloned().collect()).unwrap_or_default();
        number_nodelets(tags, flat_tags)
    };
    let mut texts: Vec<Tag> = node.label_tags.values().cloned().collect();
    sort_tags(&mut texts, flat_tags);
    let texts = texts.into_iter().take(MAX_NODELETS).enumerate().map(|(position, tag)| Nodelet {
        value: if flat_tags { tag.flat_value() } else { tag.cum_value() },
        dotted: false,
        position,
        numbers: numbers(&tag.name),
        name: tag.name,
    });
    (texts.filter(|nodelet| nodelet.value != 0).collect(), numbers(""))
}

fn number_nodelets(tags: Vec<Tag>, flat_tags: bool) -> Vec<Nodelet> {
    let nodelet = |(position, tag): (usize, Tag)| {
        let flat = flat_tags || tag.flat_value() == tag.cum_value();
        let value = if flat { tag.flat_value() } else { tag.cum_value() };
        Nodelet { name: tag.name, value, dotted: !flat, position, numbers: Vec::new() }
    };
    collapsed(tags, flat_tags).into_iter().enumerate().map(nodelet).filter(|nodelet| nodelet.value != 0).collect()
}

/// Prints the nodelets of `node`, which is number `number`. Returns whether there are any.
pub fn print(
    report: &Report,
    graph: &Graph,
    node: &Node,
    number: usize,
    out: &mut String,
) -> Result<bool, std::fmt::Error> {
    let start = out.len();
    let (texts, numbers) = nodelets(graph, node);
    let source = format!("N{number}");
    for nodelet in &texts {
        let name = format!("{source}_{}", nodelet.position);
        print_one(report, nodelet, &source, &name, out)?;
        print_numbers(report, &nodelet.numbers, &name, out)?;
    }
    print_numbers(report, &numbers, &source, out)?;
    Ok(out.len() > start)
}

fn print_numbers(report: &Report, nodelets: &[Nodelet], source: &str, out: &mut String) -> std::fmt::Result {
    nodelets
        .iter()
        .try_for_each(|nodelet| print_one(report, nodelet, source, &format!("N{source}_{}", nodelet.position), out))
}

fn print_one(report: &Report, nodelet: &Nodelet, source: &str, name: &str, out: &mut String) -> std::fmt::Result {
    let weight = report.value(nodelet.value);
    let style = if nodelet.dotted { " style=\"dotted\"" } else { "" };
    writeln!(out, "{name} [label = \"{}\" id=\"{name}\" fontsize=8 shape=box3d tooltip=\"{weight}\"]", nodelet.name)?;
    writeln!(
        out,
        "{source} -> {name} [label=\" {weight}\" weight=100 tooltip=\"{weight}\" labeltooltip=\"{weight}\"{style}]"
    )
}

/// At most [`MAX_NODELETS`] tags: the heaviest, each with the nearest of the remaining ones, as a range.
fn collapsed(mut tags: Vec<Tag>, flat_tags: bool) -> Vec<Tag> {
    sort_tags(&mut tags, flat_tags);
    if tags.len() <= MAX_NODELETS {
        return tags;
    }
    let rest = tags.split_off(MAX_NODELETS);
    let mut groups: Vec<Vec<Tag>> = tags.into_iter().map(|tag| vec![tag]).collect();
    for tag in rest {
        let mut nearest = (0, distance(&tag, &groups[0][0]));
        for (position, group) in groups.iter().enumerate().skip(1) {
            let far = distance(&tag, &group[0]);
            if far < nearest.1 {
                nearest = (position, far);
            }
        }
        groups[nearest.0].push(tag);
    }
    let mut ranges: Vec<Tag> = groups.iter().map(|group| range(group)).collect();
    sort_tags(&mut ranges, flat_tags);
    ranges
}

fn distance(a: &Tag, b: &Tag) -> f64 {
    (unit::scale(b.value, &b.unit, &a.unit).0 - a.value as f64).abs()
}

fn range(group: &[Tag]) -> Tag {
    let first = &group[0];
    if group.len() == 1 {
        return Tag {
            name: unit::label(first.value, &first.unit, "auto"),
            flat: first.flat_value(),
            cum: first.cum_value(),
            ..Tag::default()
        };
    }
    let (mut min, mut max) = (first, first);
    let mut sums = [first.flat, first.flat_div, first.cum, first.cum_div];
    for tag in &group[1..] {
        if to_i64(unit::scale(tag.value, &tag.unit, &min.unit).0) < min.value {
            min = tag;
        }
        if to_i64(unit::scale(tag.value, &tag.unit, &max.unit).0) > max.value {
            max = tag;
        }
        for (sum, value) in sums.iter_mut().zip([tag.flat, tag.flat_div, tag.cum, tag.cum_div]) {
            *sum = sum.wrapping_add(value);
        }
    }
    let ends = [min, max].map(|tag| unit::label(tag.value, &tag.unit, "auto"));
    Tag { name: ends.join(".."), flat: divided(sums[0], sums[1]), cum: divided(sums[2], sums[3]), ..Tag::default() }
}
