//! Blocks that a program never freed: the user's own apart from those that std keeps and those that statics hold.

use std::collections::BTreeMap;

use crate::pprof::profile::{Profile, Sample};

/// Why a block is still there when the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Keeper {
    /// Nothing says that it was meant to stay.
    Leak,
    /// A static or a thread local, filled on first use.
    Static,
    /// std's own, or that of the runtime before and after the main function.
    Std,
}

impl Keeper {
    pub fn words(self) -> &'static str {
        match self {
            Keeper::Leak => "never freed",
            Keeper::Static => "in statics and thread locals",
            Keeper::Std => "std's own",
        }
    }
}

/// The blocks that one stack still has.
#[derive(Debug, Clone)]
pub struct Leak {
    pub keeper: Keeper,
    pub blocks: i64,
    pub bytes: i64,
    /// Functions with their places, leaf first.
    pub frames: Vec<Frame>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Frame {
    pub function: String,
    pub file: String,
    pub line: i64,
}

/// Everything that `profile`, the mem.prof of a program, has in use: largest first.
pub fn leaks(profile: &Profile) -> Vec<Leak> {
    let index = |kind: &str| profile.sample_types.iter().position(|of| &*of.kind == kind);
    let (Some(objects), Some(space)) = (index("inuse_objects"), index("inuse_space")) else { return Vec::new() };
    let mut sums: BTreeMap<Vec<Frame>, (i64, i64)> = BTreeMap::new();
    for sample in &profile.samples {
        if sample.values[objects] != 0 || sample.values[space] != 0 {
            let sum = sums.entry(frames(profile, sample)).or_default();
            *sum = (sum.0 + sample.values[objects], sum.1 + sample.values[space]);
        }
    }
    let leak =
        |(frames, (blocks, bytes)): (Vec<Frame>, (i64, i64))| Leak { keeper: keeper(&frames), blocks, bytes, frames };
    let mut leaks: Vec<Leak> = sums.into_iter().map(leak).collect();
    leaks.sort_by_key(|leak| (leak.keeper, std::cmp::Reverse(leak.bytes), std::cmp::Reverse(leak.blocks)));
    leaks
}

/// Blocks and bytes of one kind.
pub fn sum(leaks: &[Leak], keeper: Keeper) -> (i64, i64) {
    let kept = leaks.iter().filter(|leak| leak.keeper == keeper);
    kept.fold((0, 0), |sum, leak| (sum.0 + leak.blocks, sum.1 + leak.bytes))
}

fn frames(profile: &Profile, sample: &Sample) -> Vec<Frame> {
    let lines = sample.locations.iter().flat_map(|&at| &profile.locations[at as usize].lines);
    lines
        .map(|line| {
            let function = &profile.functions[line.function as usize];
            Frame { function: function.name.to_string(), file: function.filename.to_string(), line: line.line }
        })
        .collect()
}

/// Functions that fill memory that stays for good.
const STATICS: [&str; 9] = [
    "std::sync::once_lock::OnceLock",
    "std::sync::once::Once::",
    "std::sync::lazy_lock::LazyLock",
    "core::cell::once::OnceCell",
    "core::cell::lazy::LazyCell",
    "std::thread::local::",
    "std::sys::thread_local::",
    "once_cell::",
    "lazy_static::",
];
/// Functions of std that keep what they allocate, whoever calls them.
const OF_STD: [&str; 7] = [
    "std::thread::current",
    "std::thread::thread::Thread::new",
    "std::thread::Thread::new",
    "std::rt::",
    "std::panicking::",
    "std::sys::args::",
    "std::sys::pal::",
];

fn keeper(frames: &[Frame]) -> Keeper {
    // Generic functions and their closures are called `<T as Trait>::f` or `T<…>::f::{{closure}}`.
    let has = |names: &[&str]| {
        frames.iter().any(|frame| names.iter().any(|name| frame.function.trim_start_matches('<').starts_with(name)))
    };
    // Frames below the main function's own caller are the program's; a stack without any such frame is std's.
    let is_std = |frame: &Frame| frame.file.contains("/library/") && frame.file.starts_with("/rustc/");
    if has(&STATICS) {
        Keeper::Static
    } else if has(&OF_STD[..3]) || frames.iter().all(|frame| is_std(frame) || frame.file.is_empty()) && is_known(frames)
    {
        Keeper::Std
    } else {
        Keeper::Leak
    }
}

/// At least one function has a name: without names nothing can be said.
fn is_known(frames: &[Frame]) -> bool {
    frames.iter().any(|frame| OF_STD[3..].iter().any(|name| frame.function.starts_with(name)))
}
