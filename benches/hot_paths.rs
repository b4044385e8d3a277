//! The tool's own hot paths, on criterion. Its allocations are held to memprof-baseline.toml:
//!
//!     cargo memprof check -p cargo-memprof --bench hot_paths --benchtime 10x --no-profiles --profile tool

mod generated;

use std::hint::black_box;
use std::path::{Path, PathBuf};

use cargo_memprof::explain::{Recorded, Recording, Surroundings, explain, text};
use cargo_memprof::pprof::front::arguments::Invocation;
use cargo_memprof::pprof::front::command::COMMANDS;
use cargo_memprof::pprof::front::config::Config;
use cargo_memprof::pprof::front::fetch::Loaded;
use cargo_memprof::pprof::front::generate::generate;
use cargo_memprof::pprof::profile::{merge, read, write};
use cargo_memprof::records::{Growth, Life, StackCounts};
use cargo_memprof::results::lines::Memory;
use cargo_memprof::symbolize::Frame;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};

const SITES: u32 = 1_000;

/// Reading, merging and writing a profile.
fn profiles(criterion: &mut Criterion) {
    let bytes = generated::profile(2_000, 2_000);
    let profile = read(&bytes).unwrap();
    let mut group = criterion.benchmark_group("profile");
    group.bench_function("read", |b| b.iter(|| read(black_box(&bytes)).unwrap()));
    group.bench_function("merge", |b| b.iter(|| merge(black_box(&[&profile, &profile])).unwrap()));
    group.bench_function("write", |b| b.iter(|| write(black_box(&profile))));
    group.finish();
}

/// Reports from a profile that is read.
fn reports(criterion: &mut Criterion) {
    let profile = read(&generated::profile(2_000, 2_000)).unwrap();
    let loaded = Loaded { profile, iterations: None, compared: false, per_op: false };
    let mut group = criterion.benchmark_group("report");
    for name in ["top", "folded"] {
        let command = COMMANDS.iter().find(|command| command.name == name).unwrap();
        let invocation = Invocation { command, argument: None };
        group.bench_function(name, |b| {
            let report = |loaded| generate(loaded, &invocation, &Config::default(), &mut |_| {}).unwrap();
            b.iter_batched(|| loaded.clone(), report, BatchSize::SmallInput);
        });
    }
    group.finish();
}

/// `explain` over many sites, from stacks to text.
fn explanations(criterion: &mut Criterion) {
    let recording = recording();
    let source = |_: &str, line: u32| Some(format!("let line_{line} = Vec::new();"));
    let around = Surroundings { root: PathBuf::from("/w"), source: &source };
    let memory = Memory {
        iterations: 10,
        allocs_per_op: f64::from(SITES),
        bytes_per_op: 0.0,
        frees_per_op: 0.0,
        reallocs_per_op: 0.0,
        grown_bytes_per_op: 0.0,
        retained_bytes_per_op: 0.0,
        peak_bytes: 0,
        exact: true,
        recording: None,
        allocs_per_op_range: None,
        bytes_per_op_range: None,
    };
    criterion.bench_function("explain/1000 sites", |b| {
        b.iter(|| text(&explain("p/t/a", &memory, &recording, &around), "bench", Path::new("/w"), true));
    });
}

/// Each site has a line of its own, and 20 frames between it and the allocator and behind it.
fn recording() -> Recording {
    const STD: [&str; 5] = [
        "__rustc::__rust_alloc",
        "alloc::raw_vec::RawVecInner<A>::finish_grow",
        "alloc::raw_vec::RawVec<T,A>::grow_one",
        "alloc::vec::Vec<T,A>::push_mut",
        "alloc::vec::Vec<T,A>::push",
    ];
    let std = STD.iter().map(|function| frame(function, "/rustc/abc/library/alloc/src/vec/mod.rs", 1));
    let own =
        (0..SITES).map(|site| frame(&format!("p::module{}::function{site}", site % 100), "/w/src/lib.rs", site + 1));
    let outer = (0..15).map(|level| frame(&format!("p::outer{level}"), "/w/src/main.rs", level));
    let frames: Vec<Frame> = std.chain(own).chain(outer).collect();
    let stacks = (0..SITES).map(|site| Recorded {
        frames: (0..5).chain([5 + site]).chain(5 + SITES..5 + SITES + 15).collect(),
        cut: false,
        counts: StackCounts { allocs: 10, bytes: 80, ..StackCounts::default() },
        life: Life {
            fresh: 10,
            freed: 10,
            sizes: vec![(8, 10)],
            grew: Growth {
                blocks: 10,
                calls: 10,
                bytes: 80,
                last_bytes: 80,
                least_last: 8,
                most_last: 8,
                ..Growth::default()
            },
            brackets: 10,
            ..Life::default()
        },
    });
    Recording {
        iterations: 10,
        followed: 10,
        all_successions: true,
        whole: true,
        peak_bytes: 1,
        stacks: stacks.collect(),
        frames,
        successions: Vec::new(),
        spans: Vec::new(),
        ..Recording::default()
    }
}

fn frame(function: &str, file: &str, line: u32) -> Frame {
    Frame { function: function.to_owned(), file: file.to_owned(), line, ..Frame::default() }
}

criterion_group!(hot_paths, profiles, reports, explanations);
criterion_main!(hot_paths);
