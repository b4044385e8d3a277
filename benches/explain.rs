//! How long `explain` takes over a benchmark of 10,000 sites, from stacks to text; 300 ms are allowed.
//!
//!     cargo bench --bench explain

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cargo_memprof::explain::{Recorded, Recording, Surroundings, explain, text};
use cargo_memprof::records::{Growth, Life, StackCounts};
use cargo_memprof::results::lines::Memory;
use cargo_memprof::symbolize::Frame;

const SITES: u32 = 10_000;
const ALLOWED: Duration = Duration::from_millis(300);

fn main() {
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
    let begun = Instant::now();
    let explanation = explain("p/t/a", &memory, &recording, &around);
    let text = text(&explanation, "bench", Path::new("/w"), true);
    let took = begun.elapsed();
    assert_eq!(explanation.sites.len(), SITES as usize);
    assert!(text.len() > 1 << 20);
    println!("{SITES} sites, {} stacks: {:.1} ms", recording.stacks.len(), took.as_secs_f64() * 1e3);
    // `cargo test` runs benches without this flag, and without optimization.
    if std::env::args().any(|argument| argument == "--bench") {
        assert!(took <= ALLOWED, "{ALLOWED:?} are allowed");
    }
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
    }
}

fn frame(function: &str, file: &str, line: u32) -> Frame {
    Frame { function: function.to_owned(), file: file.to_owned(), line, ..Frame::default() }
}
