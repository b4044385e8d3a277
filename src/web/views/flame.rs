//! The flame graph: the samples' stacks as a tree of frames, root first.
//!
//! Stacks share their beginnings, so a tree says in one number a frame what a list of stacks says over and over. Samples with
//! the same frames meet in one node. What a node's own samples have is kept apart by sign: in a difference the width of a box
//! is increases and decreases together.

use rustc_hash::FxHashMap;
use serde::Serialize;

use super::grow::{Frames, Own, grow};
use crate::pprof::front::fetch::is_of_one_iteration;
use crate::pprof::profile::{Function, Line, Text, unit};
use crate::pprof::reports::report::Report;
use crate::pprof::reports::sources::trim_path;
use crate::web::views::short_names::{Origin, origin, short_names, short_paths};

/// More nodes than this nobody can see, and no browser should have to hold: what is lightest is summed up.
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
    /// Stacks that end in nodes of many small frames, because there would be more nodes than [`MAX_NODES`].
    pub left_out: usize,
}

/// What a frame stands for; which fields are set depends on the granularity.
#[derive(Debug, Default, Serialize)]
pub struct Source {
    /// With line and column, where they are known.
    pub name: String,
    pub file: String,
    /// Tells functions of the same name apart.
    pub unique: String,
    pub inlined: bool,
    /// What to write where `name` does not fit: shorter and shorter.
    pub display: Vec<String>,
    /// `None`: the root.
    pub origin: Option<Origin>,
}

/// The values of one sample type.
#[derive(Debug, Default, Serialize)]
pub struct Column {
    /// `alloc_space`, `cpu`, …
    pub kind: String,
    /// `B`, `s` or nothing.
    pub unit: String,
    /// What values are multiplied with to be in `unit`.
    pub scale: f64,
    /// They are of one iteration as they are, and not to be divided.
    pub per_iteration: bool,
    /// What percentages are of.
    pub total: i64,
    /// For each node the sum of the positive values of the samples that end in it.
    pub up: Vec<i64>,
    /// The sum of the negative ones, without their sign; empty where there are none.
    pub down: Vec<i64>,
    /// Nodes in which samples end whose values are all 0.
    pub zeros: Vec<u32>,
}

/// The tree with the values that the report is about.
pub fn flame(report: &Report) -> Flame {
    build(report, &[report.choices.value_index], MAX_NODES)
}

/// The tree with the values of all sample types.
pub fn flame_of_all(report: &Report) -> Flame {
    let all: Vec<usize> = (0..report.profile.sample_types.len()).collect();
    build(report, &all, MAX_NODES)
}

/// The frames of a location that no sample has met yet.
const UNSEEN: (u32, u32) = (u32::MAX, u32::MAX);

fn build(report: &Report, indices: &[usize], most: usize) -> Flame {
    let profile = &report.profile;
    let mut sources = Sources::new(report);
    // Numbered as the stacks name them, for the first of one name keeps it.
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
    let tree = grow(profile, &frames, indices, sources.all.len() as u32, most);
    let columns = indices.iter().zip(&tree.values).map(|(index, own)| column(report, *index, own)).collect();
    let mut all = sources.all;
    if tree.summed > 0 {
        let name = "(many small frames)".to_owned();
        all.push(Source { name: name.clone(), unique: name.clone(), display: vec![name], ..Source::default() });
    }
    let (sources, frames) = used_only(all, tree.frames);
    Flame { sources, parents: tree.parents, frames, columns, left_out: tree.summed }
}

/// Without the sources that no node has.
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
    }
}

type SourceKey = (Text, Text, i64, i64, bool);

/// Numbers what frames stand for.
struct Sources<'a> {
    report: &'a Report,
    all: Vec<Source>,
    known: FxHashMap<SourceKey, u32>,
    names: FxHashMap<String, ()>,
}

impl<'a> Sources<'a> {
    fn new(report: &'a Report) -> Self {
        let root = Source { name: "root".into(), display: vec!["root".into()], ..Source::default() };
        Sources { report, all: vec![root], known: FxHashMap::default(), names: FxHashMap::default() }
    }

    fn number(&mut self, function: &Function, line: &Line, inlined: bool) -> u32 {
        let key = (function.name.clone(), function.filename.clone(), line.line, line.column, inlined);
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

    /// Each node that samples end in: `a;b up -down`.
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
        assert_eq!(stacks(&flame), ["a 1 -0", "a;b 5 -2", "a;c 0 -0"]);
        assert_eq!((flame.parents.len(), flame.columns[0].total), (4, 8));
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
