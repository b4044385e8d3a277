//! From stacks to sites: stacks with one line of the user's and one operation are one site.

use std::collections::{BTreeMap, BTreeSet};

use super::case::Case;
use super::group::{Group, Key};
use super::operation::{Function, Operation};
use super::recording::{Recorded, Recording};
use super::rules;
use super::successions::{Groups, Tables};
use crate::explain::explanation::{Explanation, Freeing, Remedy, Site};
use crate::explain::frames::{View, is_more_than_a_buffer, is_object};
use crate::explain::origin::{Owner, Surroundings, owners};
use crate::explain::sentences;
use crate::results::lines::Memory;

/// The most lines that are named as callers of a site's function.
const MOST_CALLERS: usize = 3;

/// Explains one benchmark.
pub fn explain(name: &str, memory: &Memory, recording: &Recording, around: &Surroundings) -> Explanation {
    let owners = owners(recording, &around.root);
    let functions: Vec<Function> = recording.frames.iter().map(|frame| Function::new(&frame.function)).collect();
    let view = View { recording, owners: &owners, functions: &functions };
    let groups = group(&view);
    let bytes: u64 = recording.stacks.iter().map(|stack| stack.counts.bytes).sum();
    let threads: BTreeSet<u32> = groups.iter().flat_map(|group| group.life.threads.iter().copied()).collect();
    let starts_threads = groups.iter().any(|group| group.key.operation == Operation::Thread);
    let one_thread = threads.len() <= 1 && !starts_threads;
    let cases: Vec<Case> =
        (0..groups.len()).map(|number| Case::new(number, &groups, &view, one_thread, around)).collect();
    let mut remedies: Vec<Vec<Remedy>> = vec![Vec::new(); groups.len()];
    for (at, remedy) in cases.iter().flat_map(rules::remedies) {
        remedies[at].push(remedy);
    }
    let with_remedies = |(case, remedies): (&Case, Vec<Remedy>)| Site { remedies, ..site(case, &view, bytes, around) };
    let allocating = cases.iter().zip(remedies).filter(|(case, _)| case.group().allocs > 0);
    let mut sites: Vec<Site> = allocating.map(with_remedies).collect();
    sites.sort_by(|a, b| (b.bytes_per_op.total_cmp(&a.bytes_per_op)).then(b.allocs_per_op.total_cmp(&a.allocs_per_op)));
    Explanation {
        name: name.to_owned(),
        allocs_per_op: memory.allocs_per_op,
        bytes_per_op: memory.bytes_per_op,
        iterations: recording.iterations,
        followed: recording.followed,
        run: recording.run,
        whole: recording.whole,
        sites,
        notes: notes(recording, &owners),
    }
}

/// The unknown parts.
fn notes(recording: &Recording, owners: &[Owner]) -> Vec<String> {
    let mut notes = Vec::new();
    let allocating = || recording.stacks.iter().filter(|stack| stack.counts.allocs > 0);
    let cut = allocating().filter(|stack| stack.cut).count();
    if cut > 0 {
        notes.push(format!("{cut} stacks could not be followed to the thread's start; their lines may be missing"));
    }
    let has_user = |stack: &&Recorded| stack.frames.iter().any(|&frame| owners[frame as usize] == Owner::User);
    let without = allocating().filter(|stack| !has_user(stack)).count();
    if without > 0 {
        let lines = recording.frames.iter().any(|frame| frame.line > 0);
        let why = if lines { "no line of your own code is on them" } else { "the executable has no line tables" };
        notes.push(format!("{without} stacks are told by functions alone: {why}"));
    }
    if recording.run && recording.followed == 0 {
        notes.push("the program did not end by itself: what became of its blocks is not known".into());
    } else if !recording.whole {
        notes.push(
            "an operation allocates more often than can be followed: what becomes of the rest is not known".into(),
        );
    }
    notes
}

fn group(view: &View) -> Vec<Group> {
    let stacks = &view.recording.stacks;
    let mut groups: BTreeMap<Key, Group> = BTreeMap::new();
    for (index, stack) in stacks.iter().enumerate() {
        let life = &stack.life;
        if stack.counts.allocs == 0 && life.brackets == 0 {
            continue;
        }
        let Some(key) = view.key(stack) else { continue };
        let group = groups.entry(key.clone()).or_insert_with(|| Group::new(key));
        group.stacks.push(index);
        group.allocs += stack.counts.allocs;
        group.bytes += stack.counts.bytes;
        group.life.join(life);
        for &(at, blocks) in &life.freed_at {
            group.freed_somewhere += blocks;
            let dropped = view.dropped(&stacks[at]);
            group.freed_as_part |= dropped.iter().any(|what| is_more_than_a_buffer(what));
            group.freed_in_object |= dropped.iter().any(|what| is_object(what));
            group.freed_where_made &= view.frees_where_made(stack, &stacks[at]);
            group.dropped_by_harness += if view.frees_for_harness(&stacks[at]) { blocks } else { 0 };
        }
    }
    let mut groups: Vec<Group> = groups.into_values().collect();
    let mut group_of = vec![None; stacks.len()];
    for (number, group) in groups.iter().enumerate() {
        group.stacks.iter().for_each(|&stack| group_of[stack] = Some(number));
    }
    follow_tables(&mut groups, &group_of, view.recording);
    compare_with_counts(&mut groups, &group_of, view.recording);
    groups.iter_mut().for_each(|group| group.element_bytes = view.element_bytes(group));
    find_beginnings(&mut groups, &group_of);
    groups
}

/// Where the containers that grow in each group began, if that is elsewhere, and where those that begin in each group
/// grow.
fn find_beginnings(groups: &mut [Group], group_of: &[Option<usize>]) {
    let mut beginnings: Vec<BTreeMap<usize, u64>> = vec![BTreeMap::new(); groups.len()];
    for (from, group) in groups.iter_mut().enumerate() {
        let by_realloc = group.life.grew_at.iter().filter_map(|&(stack, times)| Some((group_of[stack]?, times)));
        let by_place = group.tables.grew_at.iter().map(|(&at, &times)| (at, times));
        for (at, times) in by_realloc.chain(by_place) {
            *group.grew_in.entry(at).or_default() += times;
            if at != from {
                *beginnings[at].entry(from).or_default() += times;
            }
        }
    }
    for (group, beginnings) in groups.iter_mut().zip(beginnings) {
        group.grown_from = beginnings.into_iter().collect();
        group.grown_from.sort_by_key(|&(_, times)| std::cmp::Reverse(times));
    }
}

/// Whether counts and lives agree on one operation, in each group and wherever its blocks grew. Not by the stack: a
/// harness may run a single iteration through other code than many.
fn compare_with_counts(groups: &mut [Group], group_of: &[Option<usize>], recording: &Recording) {
    let agrees = |group: &Group| group.followed_calls() * recording.iterations == group.allocs * recording.followed;
    let agreeing: Vec<bool> = groups.iter().map(agrees).collect();
    for (number, group) in groups.iter_mut().enumerate() {
        let by_realloc = group.life.grew_at.iter().map(|&(stack, _)| group_of[stack]);
        let mut grew_in = by_realloc.chain(group.tables.grew_at.keys().map(|&group| Some(group)));
        group.steady = agreeing[number] && grew_in.all(|number| number.is_some_and(|number| agreeing[number]));
    }
}

/// Which blocks were one table, and how many of each group lived at once.
fn follow_tables(groups: &mut [Group], group_of: &[Option<usize>], recording: &Recording) {
    let operations: Vec<Operation> = groups.iter().map(|group| group.key.operation).collect();
    let numbered = Groups { operations: &operations, of_stack: group_of };
    let mut tables: Vec<Tables> =
        groups.iter().map(|group| Tables { growth: group.life.alone, ..Tables::default() }).collect();
    recording.successions.iter().for_each(|succession| numbered.split(succession, &mut tables));
    for ((group, tables), living) in groups.iter_mut().zip(tables).zip(numbered.living(&recording.spans)) {
        (group.tables, group.most_live) = (tables, living);
    }
}

/// A site without its remedies, which may belong to another.
fn site(case: &Case, view: &View, bytes: u64, around: &Surroundings) -> Site {
    let (group, recording, frame) = (case.group(), view.recording, view.frame(case.group().key.place));
    let (life, followed) = (&group.life, |count: u64| count as f64 / recording.followed.max(1) as f64);
    let share = |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
    let mut sizes: Vec<(u64, f64)> = life.sizes.iter().map(|&(size, calls)| (size, followed(calls))).collect();
    sizes.sort_unstable_by_key(|(size, _)| *size);
    let place = |number: usize| {
        let frame = view.frame(case.groups[number].key.place);
        around.place(&frame.file, frame.line)
    };
    let beginnings: Vec<String> = group.grown_from.iter().map(|&(from, _)| place(from)).collect();
    Site {
        function: frame.function.clone(),
        file: frame.file.clone(),
        line: frame.line,
        source: case.source.as_deref().map(|line| line.trim().to_owned()),
        operation: group.key.operation,
        words: sentences::of(case, view, &beginnings),
        via: group.key.via.clone(),
        callers: callers(group, view),
        allocs_per_op: case.per_op(group.allocs),
        bytes_per_op: case.per_op(group.bytes),
        share: share(group.bytes, bytes),
        share_of_peak: share(life.peak_bytes, recording.peak_bytes),
        fresh: followed(life.fresh),
        zeroed: followed(life.zeroed),
        grown: followed(life.grown),
        shrunk: followed(life.shrunk),
        sizes: if life.other_sizes == 0 { sizes } else { Vec::new() },
        freeing: Freeing {
            same_thread: followed(life.freed),
            other_thread: followed(life.freed_elsewhere),
            by_harness: share(group.dropped_by_harness, group.freed_somewhere) * followed(life.freed),
            kept: followed(life.kept),
        },
        threads: life.threads.len() as u64,
        remedies: Vec::new(),
        stack: path_to_allocator(group, view),
    }
}

/// Lines of the user's from which the site's function is called, where it is one level up.
fn callers(group: &Group, view: &View) -> Vec<String> {
    let mut callers = Vec::new();
    for stack in group.stacks.iter().map(|&index| &view.recording.stacks[index]) {
        let own = stack.frames.iter().skip_while(|&&frame| frame != group.key.place).skip(1);
        // Closures and helpers of std lie between.
        let caller = own.filter(|&&frame| *view.owner(frame) == Owner::User).map(|&frame| view.frame(frame)).next();
        if let Some(frame) = caller {
            let text = format!("{} {}:{}", frame.function, frame.file, frame.line);
            if !callers.contains(&text) {
                callers.push(text);
            }
        }
        if callers.len() == MOST_CALLERS {
            break;
        }
    }
    callers
}

/// Of the first stack.
fn path_to_allocator(group: &Group, view: &View) -> Vec<String> {
    let stack = group.stacks.first().map(|&index| &view.recording.stacks[index]);
    let frames = stack.map(|stack| &stack.frames[..]).unwrap_or_default();
    let inner = frames.iter().take_while(|&&frame| frame != group.key.place);
    let mut functions: Vec<String> = inner.map(|&frame| view.frame(frame).function.clone()).collect();
    functions.reverse();
    functions
}
