//! The flame graph: the samples' stacks as a tree of frames, root first.
//!
//! Stacks share their beginnings, so a tree needs one number per frame where a list of stacks repeats itself. Samples
//! with the same frames meet in one node, where increases and decreases cancel: in a difference only the remaining
//! change has a width, and increases and decreases of different nodes are kept apart.

use rustc_hash::FxHashMap;
use serde::Serialize;

use super::grow::{Frames, Own, grow};
use crate::pprof::front::fetch::is_of_one_iteration;
use crate::pprof::profile::{BASE_KEY, Function, Line, Text, unit};
use crate::pprof::reports::report::Report;
use crate::pprof::reports::sources::trim_path;
use crate::web::views::short_names::{Origin, origin, short_names, short_paths};

/// The most nodes sent to a browser; beyond that the lightest stacks are summed up.
pub const MAX_NODES: usize = 200_000;

#[derive(Debug, Serialize)]
pub struct Flame {
    /// The first is the root above all stacks.
    pub sources: Vec<Source>,
    /// For each node its parent, which comes before it; the root's is itself.
    pub parents: Vec<u32>,
    /// For each node its index in [`Flame::sources`].
    pub frames: Vec<u32>,
    pub columns: Vec<Column>,
    /// The number of samples behind the values, if the profile has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counts: Option<Counts>,
    /// Stacks that end in nodes of many small frames, because there would be more nodes than [`MAX_NODES`].
    pub left_out: usize,
}

/// The function or line of a frame; which fields are set depends on the granularity.
#[derive(Debug, Default, Serialize)]
pub struct Source {
    /// With line and column, if they are known.
    pub name: String,
    pub file: String,
    /// Tells functions of the same name apart.
    pub unique: String,
    pub inlined: bool,
    /// Ever shorter forms of `name`, for narrow boxes.
    pub display: Vec<String>,
    /// `None`: the root.
    pub origin: Option<Origin>,
}

/// For each node, the number of samples that end in it.
#[derive(Debug, Default, Serialize)]
pub struct Counts {
    pub new: Vec<u64>,
    /// Samples of the base; empty if there is none.
    pub base: Vec<u64>,
}

/// The values of one sample type.
#[derive(Debug, Default, Serialize)]
pub struct Column {
    /// `alloc_space`, `cpu`, …
    pub kind: String,
    /// `B`, `s` or nothing.
    pub unit: String,
    /// The factor that converts values to `unit`.
    pub scale: f64,
    /// The values already refer to one iteration, and must not be divided.
    pub per_iteration: bool,
    /// The whole that percentages refer to.
    pub total: i64,
    /// For each node the sum of the positive values of the samples that end in it.
    pub up: Vec<i64>,
    /// The sum of the negative ones, without their sign; empty if there are none.
    pub down: Vec<i64>,
    /// Nodes where samples end, but whose values are all 0.
    pub zeros: Vec<u32>,
    /// The base's total, for a difference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<i64>,
    /// The unchanged part, for a difference.
    pub same: i64,
}

/// The tree with the report's own values.
pub fn flame(report: &Report) -> Flame {
    build(report, &[report.choices.value_index], MAX_NODES)
}

/// The tree with the values of all sample types.
pub fn flame_of_all(report: &Report) -> Flame {
    let all: Vec<usize> = (0..report.profile.sample_types.len()).collect();
    build(report, &all, MAX_NODES)
}

/// The tree of a difference per operation. The two sides may come from different builds, so frames are matched by
/// name; the unchanged part is summed up. `iterations`: of both sides.
pub fn difference(report: &Report, iterations: [u64; 2]) -> Flame {
    let all: Vec<usize> = (0..report.profile.sample_types.len()).collect();
    changed_only(built(report, &all, MAX_NODES, Some(iterations)))
}

/// The frames of a location that no sample has passed yet.
const UNSEEN: (u32, u32) = (u32::MAX, u32::MAX);

fn build(report: &Report, indices: &[usize], most: usize) -> Flame {
    built(report, indices, most, None)
}

fn built(report: &Report, indices: &[usize], most: usize, compared: Option<[u64; 2]>) -> Flame {
    let profile = &report.profile;
    let mut sources = Sources::new(report, compared.is_some());
    // Numbered in the order of the stacks, because the first source with a name keeps it.
    let mut frames = Frames { of_location: vec![UNSEEN; profile.locations.len()], all: Vec::new() };
    let mut unseen = profile.locations.len();
    for index in profile.samples.iter().flat_map(|sample| sample.locations.iter().rev()) {
        if unseen == 0 {
            break;
        }
        if frames.of_location[*index as usize] == UNSEEN {
            unseen -= 1;
            let lines = &profile.locations[*index as usize].lines;
            let first = frames.all.len() as u32;
            for (at, line) in lines.iter().enumerate().rev() {
                let function = &profile.functions[line.function as usize];
                frames.all.push(sources.number(function, line, at + 1 != lines.len()));
            }
            frames.of_location[*index as usize] = (first, frames.all.len() as u32);
        }
    }
    let sampled = profile.sample_types.iter().position(|kind| &*kind.kind == "samples" && &*kind.unit == "count");
    let grown: Vec<usize> = indices.iter().copied().chain(sampled.filter(|at| !indices.contains(at))).collect();
    let tree = grow(profile, &frames, &grown, sources.all.len() as u32, most);
    let columns = indices.iter().zip(&tree.values).map(|(index, own)| column(report, *index, own)).collect();
    let counted = sampled.and_then(|sampled| grown.iter().position(|at| *at == sampled));
    let counts = counted.and_then(|at| counts(report, &tree.values[at], compared));
    let mut all = sources.all;
    if tree.summed > 0 {
        let name = "(many small frames)".to_owned();
        all.push(Source { name: name.clone(), unique: name.clone(), display: vec![name], ..Source::default() });
    }
    let (sources, frames) = used_only(all, tree.frames);
    Flame { sources, parents: tree.parents, frames, columns, counts, left_out: tree.summed }
}

/// The samples of each node, from a column of a profile that may be per operation.
fn counts(report: &Report, own: &[Own], compared: Option<[u64; 2]>) -> Option<Counts> {
    let Some(iterations) = compared else {
        let whole = report.choices.fixed_point == 0.0;
        let new = own.iter().map(|own| own.up.saturating_add(own.same).unsigned_abs()).collect();
        return whole.then_some(Counts { new, base: Vec::new() });
    };
    let samples = |value: i64, iterations: u64| {
        (value as f64 * iterations as f64 / report.choices.fixed_point.max(1.0)).round() as u64
    };
    Some(Counts {
        new: own.iter().map(|own| samples(own.up.saturating_add(own.same), iterations[0])).collect(),
        base: own.iter().map(|own| samples(own.down.saturating_add(own.same), iterations[1])).collect(),
    })
}

/// Drops nodes beneath which nothing has changed; adds their samples to the nodes above.
fn changed_only(mut flame: Flame) -> Flame {
    let size = flame.parents.len();
    let mut changed = vec![false; size];
    changed[0] = true;
    for node in (1..size).rev() {
        changed[node] |= flame
            .columns
            .iter()
            .any(|column| column.up[node] != 0 || column.down.get(node).is_some_and(|down| *down != 0));
        if changed[node] {
            changed[flame.parents[node] as usize] = true;
        } else if let Some(counts) = &mut flame.counts {
            let parent = flame.parents[node] as usize;
            counts.new[parent] += counts.new[node];
            counts.base[parent] += counts.base[node];
        }
    }
    let mut moved = vec![0u32; size];
    let kept = (0..size).filter(|node| changed[*node]);
    kept.enumerate().for_each(|(to, node)| moved[node] = to as u32);
    let parents = (0..size).filter(|node| changed[*node]).map(|node| moved[flame.parents[node] as usize]).collect();
    fn keep<T: Copy>(all: &mut Vec<T>, changed: &[bool]) {
        let mut at = changed.iter();
        all.retain(|_| at.next().is_some_and(|changed| *changed));
    }
    flame.parents = parents;
    keep(&mut flame.frames, &changed);
    for column in &mut flame.columns {
        keep(&mut column.up, &changed);
        keep(&mut column.down, &changed);
        column.zeros.clear();
    }
    if let Some(counts) = &mut flame.counts {
        keep(&mut counts.new, &changed);
        keep(&mut counts.base, &changed);
    }
    let (sources, frames) = used_only(std::mem::take(&mut flame.sources), std::mem::take(&mut flame.frames));
    Flame { sources, frames, ..flame }
}

/// Drops the sources that no node has.
fn used_only(sources: Vec<Source>, mut frames: Vec<u32>) -> (Vec<Source>, Vec<u32>) {
    let mut used = vec![false; sources.len()];
    frames.iter().for_each(|frame| used[*frame as usize] = true);
    let mut moved = vec![0u32; sources.len()];
    let mut kept = Vec::new();
    for (at, source) in sources.into_iter().enumerate().filter(|(at, _)| used[*at]) {
        moved[at] = kept.len() as u32;
        kept.push(source);
    }
    frames.iter_mut().for_each(|frame| *frame = moved[*frame as usize]);
    (kept, frames)
}

fn column(report: &Report, index: usize, own: &[Own]) -> Column {
    let choices = &report.choices;
    let Some(value_type) = report.profile.sample_types.get(index) else { return Column::default() };
    let is_chosen = index == choices.value_index;
    let (mut scale, unit) = unit::scale(1, &value_type.unit, "default");
    if choices.ratio > 0.0 {
        scale *= choices.ratio;
    }
    if choices.fixed_point != 0.0 {
        scale /= choices.fixed_point;
    }
    Column {
        kind: if is_chosen { choices.sample_type.clone() } else { value_type.kind.to_string() },
        unit: if unit == "default" { String::new() } else { unit },
        scale,
        per_iteration: is_of_one_iteration(&value_type.kind),
        total: if is_chosen { report.total } else { report.total_of(index) },
        up: own.iter().map(|own| own.up).collect(),
        down: if own.iter().any(|own| own.down != 0) { own.iter().map(|own| own.down).collect() } else { Vec::new() },
        zeros: (0..).zip(own).filter(|(_, own)| own.ends && own.up == 0 && own.down == 0).map(|(at, _)| at).collect(),
        base: base_total(report, index),
        same: own.iter().fold(0, |sum, own| sum.saturating_add(own.same)),
    }
}

/// The sum of the samples marked as the base's.
fn base_total(report: &Report, index: usize) -> Option<i64> {
    let mut base = report.profile.samples.iter().filter(|sample| sample.has_text(BASE_KEY, "true")).peekable();
    base.peek()?;
    let value = |values: &[i64]| values.get(index).copied().unwrap_or(0);
    Some(base.fold(0i64, |sum, sample| sum.wrapping_sub(value(&sample.values))))
}

type SourceKey = (Text, Text, i64, i64, bool);

/// Numbers the sources of frames.
struct Sources<'a> {
    report: &'a Report,
    /// Frames with the same name are merged, wherever they are.
    by_name: bool,
    all: Vec<Source>,
    known: FxHashMap<SourceKey, u32>,
    names: FxHashMap<String, ()>,
}

impl<'a> Sources<'a> {
    fn new(report: &'a Report, by_name: bool) -> Self {
        let root = Source { name: "root".into(), display: vec!["root".into()], ..Source::default() };
        Sources { report, by_name, all: vec![root], known: FxHashMap::default(), names: FxHashMap::default() }
    }

    fn number(&mut self, function: &Function, line: &Line, inlined: bool) -> u32 {
        let key = match function.name.clone() {
            name if self.by_name && !name.is_empty() => (name, Text::default(), 0, 0, false),
            name => (name, function.filename.clone(), line.line, line.column, inlined),
        };
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let choices = &self.report.choices;
        let recorded = &*function.filename;
        let file = trim_path(recorded, &choices.trim_path, &choices.source_path).unwrap_or(recorded).to_owned();
        let placed = |text: &str| match (line.line, line.column) {
            (line, column @ 1..) => format!("{text}:{line}:{column}"),
            (0, _) => text.to_owned(),
            (line, _) => format!("{text}:{line}"),
        };
        let (name, display) = if function.name.is_empty() {
            let name = placed(&file);
            let display = short_paths(&name);
            (name, display)
        } else {
            let name = placed(&function.name);
            let display = short_names(&name);
            (name, display)
        };
        let is_first = self.names.insert(name.clone(), ()).is_none();
        let unique = if is_first { name.clone() } else { format!("{name}#{}", function.id) };
        let origin = Some(origin(&function.name, recorded));
        let number = self.all.len() as u32;
        self.all.push(Source { name, file, unique, inlined, display, origin });
        self.known.insert(key, number);
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pprof::front::arguments::Invocation;
    use crate::pprof::front::command;
    use crate::pprof::front::config::Config;
    use crate::pprof::front::fetch::Loaded;
    use crate::pprof::front::generate::prepare;
    use crate::pprof::profile::{Builder, Profile, ValueType};

    fn profile(stacks: &[(&[&str], i64)]) -> Profile {
        let mut builder = Builder::new(vec![ValueType::new("alloc_space", "bytes")]);
        for (stack, value) in stacks {
            let locations = stack.iter().rev().map(|name| {
                let function = builder.function(name, "", "/w/src/lib.rs", 0);
                builder.location(None, 0, vec![Line { function, line: 1, column: 0 }])
            });
            let locations = locations.collect();
            builder.sample(locations, vec![*value], vec![]);
        }
        builder.finish()
    }

    fn report(profile: Profile) -> Report {
        let loaded = Loaded { profile, iterations: None, compared: false, per_op: false };
        let invocation = Invocation { command: command::find("svg").unwrap(), argument: None };
        prepare(loaded, &invocation, &Config::default(), &mut |_| ()).unwrap()
    }

    /// Each node where samples end: `a;b up -down`.
    fn stacks(flame: &Flame) -> Vec<String> {
        let column = &flame.columns[0];
        let path = |mut node: usize| {
            let mut names = Vec::new();
            while node != 0 {
                names.push(flame.sources[flame.frames[node] as usize].name.as_str());
                node = flame.parents[node] as usize;
            }
            names.reverse();
            names.join(";")
        };
        let down = |node: usize| column.down.get(node).copied().unwrap_or(0);
        let ends = |node: &usize| column.up[*node] != 0 || down(*node) != 0 || column.zeros.contains(&(*node as u32));
        let text = |node: usize| format!("{} {} -{}", path(node), column.up[node], down(node));
        let mut all: Vec<String> = (0..flame.parents.len()).filter(ends).map(text).collect();
        all.sort();
        all
    }

    #[test]
    fn stacks_share_their_beginnings() {
        let all: &[(&[&str], i64)] = &[(&["a", "b"], 5), (&["a", "c"], 0), (&["a", "b"], -2), (&["a"], 1)];
        let flame = flame(&report(profile(all)));
        assert_eq!(stacks(&flame), ["a 1 -0", "a;b 3 -0", "a;c 0 -0"]);
        assert_eq!((flame.parents.len(), flame.columns[0].total, flame.columns[0].same), (4, 8, 2));
    }

    #[test]
    fn what_is_too_much_is_summed_up_and_nothing_is_lost() {
        let names: Vec<String> = (0..100).map(|number| format!("f{number}")).collect();
        let stacks: Vec<Vec<&str>> = names.iter().map(|name| vec!["main", name.as_str(), "leaf"]).collect();
        let all: Vec<(&[&str], i64)> =
            stacks.iter().enumerate().map(|(at, stack)| (&stack[..], at as i64 + 1)).collect();
        let report = report(profile(&all));
        let small = build(&report, &[0], 80);
        assert!(small.parents.len() <= 80 && small.left_out > 20, "{} {}", small.parents.len(), small.left_out);
        assert!(small.sources.len() <= small.parents.len());
        assert_eq!(small.columns[0].up.iter().sum::<i64>(), 5050);
        assert!(small.parents.iter().enumerate().skip(1).all(|(node, parent)| (*parent as usize) < node));
        assert!(small.sources.iter().any(|source| source.name == "f99"));
    }
}
