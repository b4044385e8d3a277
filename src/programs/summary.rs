//! The summary of a program's run, for people: it goes to stderr, for stdout is the program's own.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use super::leaks::{self, Keeper, Leak};
use super::profiles::ProgramProfiles;
use super::sampling::{self, Accuracy};
use crate::os;
use crate::pprof::profile::Profile;
use crate::results;
use crate::results::lines::Base;
use crate::results::notation::grouped;
use crate::results::program::{Exit, Finished};

/// Sites that are named of each kind.
const TOP: usize = 3;

/// The summary. Files below `root` are the user's own, and are named from there.
pub fn text(finished: &Finished, profiles: Option<&ProgramProfiles>, temporary: u32, root: &Path) -> String {
    let memory = &finished.memory;
    let mut out = String::new();
    let end = match finished.exit {
        Exit::Code(code) => format!("exit code {code}"),
        Exit::Unknown => "ended".to_owned(),
        Exit::Signal(signal) => match os::signal_name(signal) {
            Some(name) => format!("killed by {name}"),
            None => format!("killed by signal {signal}"),
        },
    };
    let approximate = if memory.exact { "" } else { "  (not exact)" };
    let about = if memory.peak_exact { "" } else { "~" };
    let within = match temporary {
        0 => "with no other allocation between".to_owned(),
        n => format!("with at most {n} other allocations between"),
    };
    let share = 100.0 * memory.temporary_allocs as f64 / memory.allocs.max(1) as f64;
    let sample = memory.sampled_rate.map_or(String::new(), |rate| {
        let from = memory.sampled_from_ns.map_or(String::new(), |from| format!(" after {}", seconds(from)));
        let all = sampling::words(memory.sample_error.unwrap_or_default(), memory.samples.unwrap_or_default());
        format!("; one byte in {} recorded{from}: {all}; totals exact", number(rate))
    });
    let lines = [
        ("", format!("{}: {end}, {} wall, {} CPU", finished.name, seconds(finished.wall_ns), seconds(finished.cpu_ns))),
        ("allocated", format!("{} in {} allocations{approximate}", bytes(memory.bytes), number(memory.allocs))),
        ("peak", format!("{about}{} live after {}", bytes(memory.peak_bytes), seconds(memory.peak_at_ns))),
        ("at exit", format!("{} live in {} blocks", bytes(memory.live_bytes), number(memory.live_blocks))),
        ("temporary", format!("{} ({share:.1} %) freed {within}", number(memory.temporary_allocs))),
        ("recording", format!("{}, {} stacks{sample}", megabytes(memory.recording_bytes), number(memory.stacks))),
    ];
    let accuracy = profiles.and_then(|profiles| profiles.accuracy.as_ref());
    let kinds = [
        ("allocated", "alloc_space", accuracy.map(|of| &of.allocated)),
        ("peak", "peak_space", accuracy.map(|of| &of.peak)),
        ("at exit", "inuse_space", accuracy.map(|of| &of.live)),
    ];
    for (label, line) in lines {
        match label {
            "" => writeln!(out, "{line}"),
            label => writeln!(out, "  {label:<11}{line}"),
        }
        .ok();
        let Some(profiles) = profiles else { continue };
        let (profile, kind, accuracy) = match kinds.iter().find(|(of, ..)| *of == label) {
            Some((_, kind, accuracy)) => (&profiles.mem, *kind, *accuracy),
            None if label == "temporary" => (&profiles.temporaries, "alloc_objects", None),
            None => continue,
        };
        for (place, amount, error) in sites(profile, kind, root, accuracy, TOP) {
            let amount = if label == "temporary" { number(amount) } else { bytes(amount) };
            let error = error.map_or(String::new(), |error| format!("  ({error})"));
            writeln!(out, "             {amount:>12}  {place}{error}").ok();
        }
        if label == "at exit" {
            out.push_str(&kept(&leaks::leaks(&profiles.mem)));
        }
    }
    if memory.beyond_the_limit > 0 {
        let beyond = number(memory.beyond_the_limit);
        writeln!(
            out,
            "             {beyond} allocations of stacks beyond the limit (--stacks-limit); totals are exact"
        )
        .ok();
    }
    if memory.lost > 0 {
        writeln!(out, "             {} allocations were lost: there was no memory for them", number(memory.lost)).ok();
    }
    if memory.unfinished > 0 {
        let threads = number(memory.unfinished);
        writeln!(out, "             {threads} threads were allocating or freeing when the process ended").ok();
    }
    if !finished.children.is_empty() {
        let children: Vec<String> = finished.children.iter().map(u32::to_string).collect();
        writeln!(
            out,
            "  forked     {} (recorded with --children only): process {}",
            children.len(),
            children.join(", ")
        )
        .ok();
    }
    let files = [&finished.profiles.mem, &finished.profiles.cpu, &finished.profiles.block, &finished.timeline];
    for file in files.into_iter().flatten() {
        writeln!(out, "  {file}").ok();
    }
    out
}

/// How a run differs from the one of the same name in `base`.
pub fn since(now: &results::lines::Finished, base: &Base) -> String {
    let Some(was) = base.run.finished.iter().rfind(|was| was.name == now.name) else {
        return format!("  {} is not in {}\n", now.name, base.label);
    };
    let (is, of) = (&now.memory, &was.memory);
    let live = |memory: &results::lines::Memory| memory.retained_bytes_per_op;
    let numbers = [
        ("allocs", of.allocs_per_op, is.allocs_per_op),
        ("B", of.bytes_per_op, is.bytes_per_op),
        ("peak B", of.peak_bytes as f64, is.peak_bytes as f64),
        ("live B at exit", live(of), live(is)),
    ];
    let mut out = String::new();
    for (unit, was, is) in numbers {
        let [was_text, is_text] = [was, is].map(|value| number(value as u64));
        let sign = if is < was { "−" } else { "+" };
        match was == is {
            true => writeln!(out, "  {:<11}{is_text} {unit}, the same", base.label),
            false => {
                let change = number((is - was).abs() as u64);
                writeln!(out, "  {:<11}{was_text} → {is_text} {unit} ({sign}{change})", base.label)
            }
        }
        .ok();
    }
    out
}

/// The part of the live blocks that was meant to stay.
fn kept(leaks: &[Leak]) -> String {
    let mut out = String::new();
    for keeper in [Keeper::Leak, Keeper::Static, Keeper::Std] {
        let (blocks, size) = leaks::sum(leaks, keeper);
        if blocks != 0 {
            let (size, blocks) = (bytes(size.max(0) as u64), number(blocks.max(0) as u64));
            writeln!(out, "             {size:>12}  in {blocks} blocks {}", keeper.words()).ok();
        }
    }
    out
}

/// The `most` largest sites of one sample type, largest first, and how accurate each is, if it is of a sample. The site of
/// a stack is its innermost frame of the user's own.
pub fn sites(
    profile: &Profile,
    kind: &str,
    root: &Path,
    accuracy: Option<&Profile>,
    most: usize,
) -> Vec<(String, u64, Option<String>)> {
    let sums = sums_by_site(profile, kind, root);
    let mut sites: Vec<(String, u64)> =
        sums.into_iter().filter_map(|(place, sum)| Some((place, u64::try_from(sum).ok()?))).collect();
    sites.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    sites.truncate(most);
    let [samples, variances] = ["alloc_objects", "alloc_space"]
        .map(|kind| accuracy.map(|accuracy| sums_by_site(accuracy, kind, root)).unwrap_or_default());
    let of = |sums: &BTreeMap<String, i64>, place: &str| sums.get(place).copied().map_or(0, |sum| sum.max(0) as u64);
    let with_error = |(place, amount): (String, u64)| {
        let accuracy = Accuracy::of_sums(of(&samples, &place), amount, of(&variances, &place));
        let error = (accuracy.samples > 0).then(|| accuracy.words());
        (place, amount, error)
    };
    sites.into_iter().map(with_error).collect()
}

fn sums_by_site(profile: &Profile, kind: &str, root: &Path) -> BTreeMap<String, i64> {
    let mut sums: BTreeMap<String, i64> = BTreeMap::new();
    let Some(index) = profile.sample_types.iter().position(|of| &*of.kind == kind) else { return sums };
    for sample in &profile.samples {
        let amount = sample.values[index];
        if amount == 0 {
            continue;
        }
        let lines = || sample.locations.iter().flat_map(|&at| &profile.locations[at as usize].lines);
        let is_own = |line: &&crate::pprof::profile::Line| {
            Path::new(&*profile.functions[line.function as usize].filename).starts_with(root)
        };
        let Some(line) = lines().find(is_own).or_else(|| lines().next()) else { continue };
        let function = &profile.functions[line.function as usize];
        let file = Path::new(&*function.filename);
        let file = file.strip_prefix(root).unwrap_or(file).display();
        let place = match function.filename.is_empty() {
            true => function.name.to_string(),
            false => format!("{} ({file}:{})", function.name, line.line),
        };
        *sums.entry(place).or_default() += amount;
    }
    sums
}

pub fn number(value: u64) -> String {
    grouped(&value.to_string())
}

pub fn bytes(value: u64) -> String {
    format!("{} B", number(value))
}

/// Below 10 MB with one decimal.
fn megabytes(value: u64) -> String {
    match value as f64 / 1e6 {
        small if small < 10.0 => format!("{small:.1} MB"),
        large => format!("{} MB", number(large.round() as u64)),
    }
}

fn seconds(ns: u64) -> String {
    match ns {
        0..1_000_000 => format!("{:.1} µs", ns as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} ms", ns as f64 / 1e6),
        _ => format!("{:.3} s", ns as f64 / 1e9),
    }
}
