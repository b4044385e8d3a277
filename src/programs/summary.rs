//! The summary of a program's run, for people: it goes to stderr, for stdout is the program's own.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use super::leaks::{self, Keeper, Leak};
use super::profiles::ProgramProfiles;
use crate::pprof::profile::Profile;
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
        Exit::Signal(signal) => match signal_hook::low_level::signal_name(signal) {
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
    let lines = [
        ("", format!("{}: {end}, {} wall, {} CPU", finished.name, seconds(finished.wall_ns), seconds(finished.cpu_ns))),
        ("allocated", format!("{} in {} allocations{approximate}", bytes(memory.bytes), number(memory.allocs))),
        ("peak", format!("{about}{} live after {}", bytes(memory.peak_bytes), seconds(memory.peak_at_ns))),
        ("at exit", format!("{} live in {} blocks", bytes(memory.live_bytes), number(memory.live_blocks))),
        ("temporary", format!("{} ({share:.1} %) freed {within}", number(memory.temporary_allocs))),
        ("recording", format!("{}, {} stacks", bytes(memory.recording_bytes), number(memory.stacks))),
    ];
    let kinds = [("allocated", "alloc_space", true), ("peak", "peak_space", true), ("at exit", "inuse_space", true)];
    for (label, line) in lines {
        match label {
            "" => writeln!(out, "{line}"),
            label => writeln!(out, "  {label:<11}{line}"),
        }
        .ok();
        let Some(profiles) = profiles else { continue };
        let (profile, kind, in_bytes) = match kinds.iter().find(|(of, ..)| *of == label) {
            Some((_, kind, in_bytes)) => (&profiles.mem, *kind, *in_bytes),
            None if label == "temporary" => (&profiles.temporaries, "alloc_objects", false),
            None => continue,
        };
        for (place, amount) in sites(profile, kind, root).into_iter().take(TOP) {
            let amount = if in_bytes { bytes(amount) } else { number(amount) };
            writeln!(out, "             {amount:>12}  {place}").ok();
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
        writeln!(out, "  forked     {} (not recorded): process {}", children.len(), children.join(", ")).ok();
    }
    let files = [&finished.profiles.mem, &finished.profiles.cpu, &finished.profiles.block, &finished.timeline];
    for file in files.into_iter().flatten() {
        writeln!(out, "  {file}").ok();
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

/// Each site's amount of one sample type, largest first. The site of a stack is its innermost frame of the user's own.
pub fn sites(profile: &Profile, kind: &str, root: &Path) -> Vec<(String, u64)> {
    let Some(index) = profile.sample_types.iter().position(|of| &*of.kind == kind) else { return Vec::new() };
    let mut sums: BTreeMap<String, i64> = BTreeMap::new();
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
    let mut sites: Vec<(String, u64)> =
        sums.into_iter().filter_map(|(place, sum)| Some((place, u64::try_from(sum).ok()?))).collect();
    sites.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    sites
}

pub fn number(value: u64) -> String {
    grouped(&value.to_string())
}

pub fn bytes(value: u64) -> String {
    format!("{} B", number(value))
}

fn seconds(ns: u64) -> String {
    match ns {
        0..1_000_000 => format!("{:.1} µs", ns as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} ms", ns as f64 / 1e6),
        _ => format!("{:.3} s", ns as f64 / 1e9),
    }
}
