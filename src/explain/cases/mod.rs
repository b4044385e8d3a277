//! Handmade cases: sites about which little is known, and sites that no rule may match.

mod advice;
mod words;

use std::path::PathBuf;

use super::{Explanation, Recorded, Recording, Site, Surroundings, explain};
use crate::records::{Growth, Life, Piece, Span, StackCounts, Succession};
use crate::results::lines::Memory;
use crate::symbolize::Frame;

const STD: &str = "/rustc/abc/library/alloc/src/vec/mod.rs";
const HARNESS: &str = "/h/.cargo/registry/src/index/criterion-0.5.1/src/bencher.rs";

fn memory() -> Memory {
    Memory {
        iterations: 10,
        allocs_per_op: 1.0,
        bytes_per_op: 8.0,
        frees_per_op: 1.0,
        reallocs_per_op: 0.0,
        grown_bytes_per_op: 0.0,
        retained_bytes_per_op: 0.0,
        peak_bytes: 8,
        exact: true,
        recording: None,
        allocs_per_op_range: None,
        bytes_per_op_range: None,
    }
}

/// A benchmark whose one stack has these functions, innermost first, with their files and lines; it allocates 8 bytes once an
/// operation, and the function `freed_in` frees them.
fn recording(frames: &[(&str, &str, u32)], freed_in: (&str, &str, u32)) -> Recording {
    let frame = |&(function, file, line): &(&str, &str, u32)| Frame {
        function: function.to_owned(),
        file: file.to_owned(),
        line,
        // One function begins at line 6.
        start_line: line.saturating_sub(1).min(6),
        ..Frame::default()
    };
    let mut all: Vec<Frame> = frames.iter().map(frame).collect();
    let stack: Vec<u32> = (0..all.len() as u32).collect();
    all.push(frame(&freed_in));
    let freeing = vec![all.len() as u32 - 1];
    let growth =
        Growth { blocks: 10, calls: 10, bytes: 80, last_bytes: 80, least_last: 8, most_last: 8, ..Growth::default() };
    let life = Life {
        fresh: 10,
        sizes: vec![(8, 10)],
        freed: 10,
        grew: growth,
        alone: growth,
        freed_at: vec![(1, 1)],
        most_live: 1,
        brackets: 10,
        ..Life::default()
    };
    let counts = StackCounts { allocs: 10, bytes: 80, frees: 10, freed_bytes: 80, ..StackCounts::default() };
    Recording {
        iterations: 10,
        followed: 10,
        whole: true,
        all_successions: true,
        successions: Vec::new(),
        peak_bytes: 8,
        frames: all,
        stacks: vec![
            Recorded { frames: stack, cut: false, counts, life },
            Recorded { frames: freeing, ..Recorded::default() },
        ],
        spans: vec![Span { stack: 0, follows: None, begun: 0, ended: 1 }],
        ..Recording::default()
    }
}

fn explained(recording: &Recording, source: &dyn Fn(&str, u32) -> Option<String>) -> Explanation {
    explain("p/t/a", &memory(), recording, &Surroundings { root: PathBuf::from("/w"), source })
}

fn no_source(_: &str, _: u32) -> Option<String> {
    None
}

fn only_site(explanation: &Explanation) -> &Site {
    let [site] = &explanation.sites[..] else { panic!("{explanation:#?}") };
    site
}

fn rules(site: &Site) -> Vec<&str> {
    site.remedies.iter().map(|remedy| remedy.rule.as_str()).collect()
}

const CAPACITY: &[(&str, &str, u32)] = &[
    ("__rustc::__rust_alloc", "", 0),
    ("alloc::raw_vec::RawVec<T,A>::with_capacity_in", STD, 4),
    ("alloc::vec::Vec<T>::with_capacity", STD, 5),
    ("p::work", "/w/src/lib.rs", 7),
    ("criterion::bencher::Bencher<M>::iter", HARNESS, 9),
];
