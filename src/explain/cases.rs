//! Cases made by hand: what a site is where little is known, and what no rule may speak of.

use std::path::PathBuf;

use super::{Explanation, RULES, Recorded, Recording, Site, Surroundings, explain};
use crate::record::{Growth, Life, Span, SpanOf, StackCounts};
use crate::result::model::Memory;
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
        start_line: line.saturating_sub(1),
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
        replaced: growth,
        freed_at: vec![(1, 1)],
        most_live: 1,
        brackets: 10,
        ..Life::default()
    };
    let counts = StackCounts { allocs: 10, bytes: 80, frees: 10, freed_bytes: 80, ..StackCounts::default() };
    Recording {
        iterations: 10,
        brackets: 10,
        whole: true,
        peak_bytes: 8,
        frames: all,
        stacks: vec![
            Recorded { frames: stack, cut: false, counts, life },
            Recorded { frames: freeing, ..Recorded::default() },
        ],
        spans: vec![Span { stack: 0, of: SpanOf::Either, begun: 0, ended: 1 }],
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

#[test]
fn what_the_user_frees_may_have_a_remedy_and_what_the_harness_drops_has_none() {
    let by_user = explained(&recording(CAPACITY, ("p::work", "/w/src/lib.rs", 9)), &no_source);
    let site = only_site(&by_user);
    assert_eq!((site.function.as_str(), site.line), ("p::work", 7));
    assert_eq!(site.words, "Vec::with_capacity; always 8 B; freed in the same operation");
    assert_eq!(rules(site), ["fixed-buffer"]);
    assert_eq!((site.share, site.share_of_peak, site.freeing.same_thread), (1.0, 0.0, 1.0));
    let by_harness = explained(&recording(CAPACITY, ("criterion::bencher::Bencher<M>::iter", HARNESS, 9)), &no_source);
    let site = only_site(&by_harness);
    assert_eq!(site.words, "Vec::with_capacity; always 8 B; given to the harness, which drops it");
    assert_eq!((rules(site), site.freeing.by_harness), (vec![], 1.0));
}

/// An iterator's items are its caller's: the function that makes them cannot keep them.
#[test]
fn what_is_given_to_a_caller_is_not_a_temporary() {
    let mut frames = CAPACITY.to_vec();
    frames.insert(4, ("p::caller", "/w/src/lib.rs", 20));
    let explanation = explained(&recording(&frames, ("p::caller", "/w/src/lib.rs", 22)), &no_source);
    assert_eq!(rules(only_site(&explanation)), [""; 0]);
    // A helper that grows what its caller made and frees.
    frames[2].0 = "alloc::vec::Vec<T,A>::push";
    let explanation = explained(&recording(&frames, ("p::caller", "/w/src/lib.rs", 22)), &no_source);
    assert_eq!(rules(only_site(&explanation)), ["reuse-buffer"]);
    // A part of an object that lives as long as the operation: typed-arena's list of chunks.
    let field = |_: &str, _: u32| Some("        self.rest.push(chunk);".to_owned());
    let explanation = explained(&recording(&frames, ("p::caller", "/w/src/lib.rs", 22)), &field);
    assert_eq!(rules(only_site(&explanation)), [""; 0]);
}

#[test]
fn without_line_tables_the_functions_are_told_and_that_it_is_so() {
    let bare: Vec<(&str, &str, u32)> = CAPACITY.iter().map(|&(function, ..)| (function, "", 0)).collect();
    let explanation = explained(&recording(&bare, ("p::work", "", 0)), &no_source);
    let site = only_site(&explanation);
    assert_eq!((site.function.as_str(), site.file.as_str(), site.line, &site.source), ("p::work", "", 0, &None));
    assert_eq!(site.remedies, []);
    assert_eq!(explanation.notes, ["1 stacks are told by functions alone: the executable has no line tables"]);
}

#[test]
fn a_rule_that_reads_the_source_is_silent_without_it() {
    let boxed =
        [("__rustc::__rust_alloc", "", 0), ("alloc::boxed::Box<T>::new", STD, 5), ("p::open", "/w/src/lib.rs", 7)];
    let recording = recording(&boxed, ("p::work", "/w/src/lib.rs", 9));
    assert_eq!(rules(only_site(&explained(&recording, &no_source))), [""; 0]);
    let source = |_: &str, line: u32| {
        Some(if line == 6 { "fn open() -> Box<dyn Fn(u8) -> u8> {" } else { "    Box::new(|x| x)" }.to_owned())
    };
    let explanation = explained(&recording, &source);
    assert_eq!(rules(only_site(&explanation)), ["box-dyn"]);
    assert_eq!(only_site(&explanation).remedies[0].advice, "return `impl Fn` or an enum instead of Box<dyn Fn>");
}

#[test]
fn where_all_is_inlined_away_the_leaf_stands_for_the_site() {
    let frames = [("__rustc::__rust_alloc", "", 0), ("alloc::vec::Vec<T,A>::push", STD, 5)];
    let explanation = explained(&recording(&frames, ("core::ptr::drop_in_place", STD, 1)), &no_source);
    assert_eq!(only_site(&explanation).function, "alloc::vec::Vec<T,A>::push");
    assert_eq!(only_site(&explanation).remedies, []);
    assert_eq!(explanation.notes, ["1 stacks are told by functions alone: no line of your own code is on them"]);
}

#[test]
fn a_c_library_and_another_crate_are_named_and_not_advised() {
    let with = |function: &'static str, file: &'static str| {
        let mut frames = CAPACITY.to_vec();
        frames.insert(3, (function, file, 3));
        explained(&recording(&frames, ("p::work", "/w/src/lib.rs", 9)), &no_source)
    };
    let library = with("foo_call", "/build/foo/foo.c");
    let site = only_site(&library);
    assert_eq!((site.function.as_str(), site.via.as_deref()), ("p::work", Some("foo_call")));
    assert_eq!(site.words, "in foo_call: Vec::with_capacity; always 8 B; freed in the same operation");
    assert_eq!(site.remedies, []);
    let dependency = with("regex::Regex::new", "/h/.cargo/registry/src/index/regex-1.11.0/src/lib.rs");
    assert_eq!(only_site(&dependency).via.as_deref(), Some("regex::Regex::new"));
    assert_eq!(only_site(&dependency).remedies, []);
    // Nothing but C below the thread's start.
    let bare = [("__rustc::__rust_alloc", "", 0), ("libfoo.so+0x12", "", 0)];
    let explanation = explained(&recording(&bare, ("libfoo.so+0x12", "", 0)), &no_source);
    assert_eq!(only_site(&explanation).function, "libfoo.so+0x12");
}

#[test]
fn an_effect_is_exact_only_where_all_operations_are_alike() {
    let mut recording = recording(CAPACITY, ("p::work", "/w/src/lib.rs", 9));
    let effect = |recording: &Recording| only_site(&explained(recording, &no_source)).remedies[0].effect;
    assert!(effect(&recording).exact);
    recording.stacks[0].counts.allocs = 11;
    assert!(!effect(&recording).exact);
}

#[test]
fn several_at_once_are_not_one_buffer() {
    let mut recording = recording(CAPACITY, ("p::work", "/w/src/lib.rs", 9));
    recording.spans = vec![
        Span { stack: 0, of: SpanOf::Either, begun: 0, ended: 2 },
        Span { stack: 0, of: SpanOf::Either, begun: 1, ended: 3 },
    ];
    assert_eq!(rules(only_site(&explained(&recording, &no_source))), [""; 0]);
    // One after the other, from two stacks of one line.
    recording.spans[1].begun = 2;
    assert_eq!(rules(only_site(&explained(&recording, &no_source))), ["fixed-buffer"]);
    recording.spans.clear();
    assert_eq!(rules(only_site(&explained(&recording, &no_source))), [""; 0]);
}

#[test]
fn the_table_is_sound() {
    assert!(RULES.len() >= 15);
    for (index, rule) in RULES.iter().enumerate() {
        assert!(!rule.evidence.is_empty() && !rule.operations.is_empty(), "{}", rule.name);
        assert!(RULES[..index].iter().all(|other| other.name != rule.name), "{} twice", rule.name);
        let filled = ["{last}", "{size}", "{n}", "{trait}"]
            .iter()
            .fold(rule.advice.to_owned(), |text, place| text.replace(place, ""));
        // `Box<dyn {trait}>` has no brace left.
        assert!(!filled.contains('{'), "{}", rule.advice);
    }
}
