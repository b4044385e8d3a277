//! The base of all reports: the profile with the choices made for it, its total, its graph, and the formatting of
//! values.

use rustc_hash::{FxHashMap, FxHashSet};

use super::sources::trim_path;
use crate::pprof::front::command::Format;
use crate::pprof::graph::{Edges, Graph, Interner, Options as GraphOptions};
use crate::pprof::profile::arithmetic::{abs, to_i64};
use crate::pprof::profile::{BASE_KEY, LabelUnits, Pattern, Profile, Text, unit};

/// How to make a report: the options, resolved against the profile.
pub struct Choices {
    pub format: Format,
    pub cum_sort: bool,
    pub call_tree: bool,
    pub drop_negative: bool,
    pub compact_labels: bool,
    /// The factor for displayed values.
    pub ratio: f64,
    /// Values hold the true value times this factor: fixed-point numbers of a profile per operation. 0: they are
    /// whole.
    pub fixed_point: f64,
    pub title: String,
    /// `focus=x` and the like, as the header shows them.
    pub filters: Vec<String>,
    pub label_units: LabelUnits,
    pub node_count: i64,
    pub node_fraction: f64,
    pub edge_fraction: f64,
    /// The index of the value that counts in each sample.
    pub value_index: usize,
    /// Divide by the sample's first value.
    pub mean: bool,
    pub sample_type: String,
    pub sample_unit: String,
    /// `minimum` until the graph is known.
    pub output_unit: String,
    /// The argument of `list`, `peek`, ….
    pub symbol: Option<Pattern>,
    pub source_path: String,
    pub trim_path: String,
}

/// A profile about to be shown.
pub struct Report {
    pub profile: Profile,
    pub choices: Choices,
    /// The 100 % of percentages: the sum of absolute values, or the base's in a comparison.
    pub total: i64,
    /// The file of each function, if the granularity drops it.
    pub files: FxHashMap<Text, Text>,
    interner: Interner,
}

impl Report {
    pub fn new(profile: Profile, choices: Choices) -> Self {
        let total = total(&profile, choices.value_index, choices.mean);
        Report { profile, choices, total, files: FxHashMap::default(), interner: Interner::default() }
    }

    /// The total of another sample type than the report's.
    pub fn total_of(&self, value_index: usize) -> i64 {
        total(&self.profile, value_index, self.choices.mean)
    }

    /// Whether the report is a picture: pictures select their nodes differently, for readability.
    pub fn is_visual(&self) -> bool {
        self.choices.format == Format::Dot
    }

    /// The displayed text of a value.
    pub fn value(&self, value: i64) -> String {
        self.value_in(value, &self.choices.output_unit)
    }

    fn value_in(&self, value: i64, output_unit: &str) -> String {
        let Choices { ratio, fixed_point, sample_unit, .. } = &self.choices;
        if *fixed_point != 0.0 {
            return per_operation(value as f64 * ratio / fixed_point, sample_unit, output_unit);
        }
        unit::label(self.with_ratio(value), sample_unit, output_unit)
    }

    fn with_ratio(&self, value: i64) -> i64 {
        let ratio = self.choices.ratio;
        if ratio > 0.0 && ratio != 1.0 { to_i64(value as f64 * ratio) } else { value }
    }

    /// A value in the profile's own unit, for other programs.
    pub fn plain_number(&self, value: i64) -> f64 {
        match self.choices.fixed_point {
            0.0 => self.with_ratio(value) as f64,
            fixed_point => value as f64 * self.choices.ratio / fixed_point,
        }
    }

    /// [`Report::plain_number`] as text.
    pub fn plain_value(&self, value: i64) -> String {
        if self.choices.fixed_point == 0.0 {
            self.with_ratio(value).to_string()
        } else {
            self.plain_number(value).to_string()
        }
    }

    /// The value of a sample that this report counts.
    pub fn sample_value(&self, values: &[i64]) -> i64 {
        values.get(self.choices.value_index).copied().unwrap_or(0)
    }

    /// Builds the graph, with only the nodes of `kept` if given. Trims paths.
    pub fn graph(&mut self, kept: Option<&FxHashSet<crate::pprof::graph::NodeKey>>, edges: Edges<'_>) -> Graph {
        for function in &mut self.profile.functions {
            if let Some(trimmed) = trim_path(&function.filename, &self.choices.trim_path, &self.choices.source_path) {
                function.filename = trimmed.into();
            }
        }
        let format_tag = |value: i64, from: &str| unit::label(value, from, &self.choices.output_unit);
        let options = GraphOptions {
            value_index: self.choices.value_index,
            mean: self.choices.mean,
            object_names: matches!(
                self.choices.format,
                Format::Raw | Format::List | Format::WebList | Format::Disassembly | Format::Callgrind
            ),
            drop_negative: self.choices.drop_negative,
            call_tree: self.is_call_tree(),
            kept,
            edges,
            format_tag: if self.is_visual() && !matches!(edges, Edges::None) { Some(&format_tag) } else { None },
            bytes_unit: self.choices.label_units.get("bytes").cloned().unwrap_or_default(),
        };
        Graph::new(&self.profile, &options, &mut self.interner)
    }

    /// Whether there is a node for each path from the root, not for each function.
    pub fn is_call_tree(&self) -> bool {
        self.choices.call_tree && matches!(self.choices.format, Format::Dot | Format::Callgrind)
    }

    /// The number of frames in the samples that differ from the previous sample's: an upper bound on the number of
    /// paths and of different edges.
    pub fn frames_apart(&self) -> usize {
        let mut before: &[u32] = &[];
        let mut count = 0;
        for sample in &self.profile.samples {
            let stack = &sample.locations;
            let shared = before.iter().rev().zip(stack.iter().rev()).take_while(|(a, b)| a == b).count();
            let own = &stack[..stack.len() - shared];
            count += own.iter().map(|at| self.profile.locations[*at as usize].lines.len().max(1)).sum::<usize>();
            before = stack;
        }
        count
    }

    /// One unit for the whole report: that of the smallest value shown, or a larger one if the total is far above it.
    pub(super) fn select_output_unit(&mut self, graph: &Graph) {
        if self.choices.output_unit != "minimum" || graph.order.is_empty() {
            return;
        }
        let smallest = |node: &crate::pprof::graph::Node| match abs(node.flat_value()) {
            0 => abs(node.cum_value()),
            flat => flat,
        };
        let least = graph.shown().map(smallest).filter(|value| *value > 0).min().unwrap_or(self.total);
        let unit_of = |value: f64| unit::scale_float(value, &self.choices.sample_unit, "minimum").1;
        let (least, most) = if self.choices.fixed_point != 0.0 {
            let scale = self.choices.ratio / self.choices.fixed_point;
            (least as f64 * scale, self.total as f64 * scale)
        } else {
            (self.with_ratio(least) as f64, self.with_ratio(self.total) as f64)
        };
        let mut unit = unit_of(least);
        if unit != unit_of(most) && least * 100.0 < most && self.choices.format != Format::Callgrind {
            unit = unit_of(least * 100.0);
        }
        self.choices.output_unit = if unit.is_empty() { self.choices.sample_unit.clone() } else { unit };
    }
}

/// A value per operation: formatted like other values, but a small fraction is never cut to 0.
fn per_operation(value: f64, from: &str, to: &str) -> String {
    let (scaled, unit) = unit::scale_float(value.abs(), from, to);
    let scaled = if value < 0.0 { -scaled } else { scaled };
    let text =
        if scaled != 0.0 && scaled.abs() < 0.1 { crate::go::float::two_digits(scaled) } else { format!("{scaled:.2}") };
    match text.strip_suffix(".00").unwrap_or(&text) {
        "0" | "-0" => "0".into(),
        text => format!("{text}{unit}"),
    }
}

/// The sum of absolute values; if samples are marked as a base's, the sum of those only.
fn total(profile: &Profile, value_index: usize, mean: bool) -> i64 {
    let (mut all, mut base) = ((0i64, 0i64), (0i64, 0i64));
    let add = |sum: &mut (i64, i64), value: i64, divisor: i64| {
        *sum = (sum.0.wrapping_add(value), sum.1.wrapping_add(divisor))
    };
    for sample in &profile.samples {
        let value = abs(sample.values.get(value_index).copied().unwrap_or(0));
        let divisor = if mean { sample.values.first().copied().unwrap_or(0) } else { 0 };
        add(&mut all, value, divisor);
        if sample.has_text(BASE_KEY, "true") {
            add(&mut base, value, divisor);
        }
    }
    let (value, divisor) = if base.0 > 0 { base } else { all };
    crate::pprof::profile::arithmetic::divided(value, divisor)
}
