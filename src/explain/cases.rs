//! Cases made by hand: what a site is where little is known, and what no rule may speak of.

use std::path::PathBuf;

use super::{Explanation, RULES, Recorded, Recording, Site, Surroundings, explain};
use crate::record::{Growth, Life, Piece, Span, StackCounts, Succession};
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

/// From git, from a folder of the workspace, the compiler's own: what is returned is dropped by the harness, wherever it lies.
#[test]
fn a_harness_of_any_origin_drops_what_it_is_given() {
    for (function, file) in [
        ("criterion::bencher::Bencher<M>::iter", "/h/.cargo/git/checkouts/criterion.rs-0123/abc/src/bencher.rs"),
        ("criterion::bencher::Bencher<M>::iter", "/w/third_party/criterion/src/bencher.rs"),
        ("codspeed_divan_compat_walltime::bench::Bencher::bench", "/h/registry/src/i/codspeed-divan-1/src/bench.rs"),
        ("memprof_libtest::Bencher::iter", "/memprof/memprof_libtest.rs"),
    ] {
        let mut frames = CAPACITY.to_vec();
        // A buffer that grows may be kept by whoever calls what grows it.
        frames[2].0 = "alloc::vec::Vec<T,A>::push";
        frames[4] = (function, file, 9);
        let explanation = explained(&recording(&frames, (function, file, 9)), &no_source);
        let site = only_site(&explanation);
        assert_eq!((site.function.as_str(), site.freeing.by_harness, rules(site)), ("p::work", 1.0, vec![]), "{file}");
    }
}

/// The keys of a map that is returned, and a few texts that are not.
#[test]
fn what_the_harness_drops_of_a_site_is_told_apart() {
    let mut recording = recording(CAPACITY, ("p::work", "/w/src/lib.rs", 9));
    recording.stacks.push(Recorded { frames: vec![4], ..Recorded::default() });
    let life = &mut recording.stacks[0].life;
    (life.fresh, life.freed, life.freed_at) = (330, 330, vec![(1, 3), (2, 30)]);
    // 33 an operation over all, too.
    recording.stacks[0].counts.allocs = 330;
    let words = |recording: &Recording| only_site(&explained(recording, &no_source)).words.clone();
    let expected = "Vec::with_capacity; always 8 B; 30 given to the harness, 3 freed in the same operation";
    assert_eq!(words(&recording), expected);
    recording.stacks[0].life.kept = 10;
    assert_eq!(words(&recording), format!("{expected}, 1 live on"));
    // rangemap: its data is drawn anew, so that the operations that are followed are not those that are counted.
    recording.stacks[0].counts.allocs = 331;
    let about = expected.replace("30 given", "about 30 given").replace("3 freed", "about 3 freed");
    assert_eq!(words(&recording), format!("{about}, about 1 live on"));
}

/// fluent-syntax: the sites with most of the bytes are growths of a vector that another function makes.
#[test]
fn a_growth_names_the_line_where_the_block_began() {
    let mut recording = recording(CAPACITY, ("p::work", "/w/src/lib.rs", 9));
    let grows = [("alloc::vec::Vec<T,A>::push", STD, 5), ("p::fill", "/w/src/lib.rs", 30)];
    let at = recording.frames.len() as u32;
    recording.frames.extend(grows.map(|(function, file, line)| Frame {
        function: function.to_owned(),
        file: file.to_owned(),
        line,
        ..Frame::default()
    }));
    let counts = StackCounts { allocs: 50, bytes: 2480, ..StackCounts::default() };
    let life = Life { grown: 50, other_sizes: 50, brackets: 10, ..Life::default() };
    recording.stacks.push(Recorded { frames: vec![at, at + 1, 4], cut: false, counts, life });
    recording.stacks[0].life.grew_at = vec![(2, 50)];
    let words = |recording: &Recording, line: u32| {
        let explanation = explained(recording, &no_source);
        explanation.sites.iter().find(|site| site.line == line).unwrap().words.clone()
    };
    assert_eq!(words(&recording, 30), "Vec; 5 growths of what began at src/lib.rs:7");
    // At more than one line.
    for line in [40, 50, 60] {
        let frame = Frame { line, ..recording.frames[3].clone() };
        recording.frames.push(frame);
        let mut other = recording.stacks[0].clone();
        (other.frames[3], other.life.grew_at) = (recording.frames.len() as u32 - 1, vec![(2, u64::from(line))]);
        recording.stacks.push(other);
    }
    let expected = "Vec; 5 growths of what began at src/lib.rs:60, src/lib.rs:7 and 2 other lines";
    assert_eq!(words(&recording, 30), expected);
    // Older than the operation: nobody saw where it began.
    recording.stacks[2].life.of_older = 50;
    assert_eq!(words(&recording, 30), "Vec; 5 growths of what is older than the operation");
}

/// A map is filled, the answer's text is made, the map is dropped: it did not become the text.
#[test]
fn a_table_does_not_grow_into_what_is_made_before_its_end() {
    let map = [
        ("__rustc::__rust_alloc", "", 0),
        ("hashbrown::raw::RawTable<T,A>::with_capacity_in", "/rust/deps/hashbrown-0.16.1/src/raw/mod.rs", 4),
        ("std::collections::hash::map::HashMap<K,V>::with_capacity", STD, 5),
        ("p::work", "/w/src/lib.rs", 7),
    ];
    let mut recording = recording(&map, ("p::work", "/w/src/lib.rs", 12));
    // The text is a stack of its own, by the same function.
    let text = [("__rustc::__rust_alloc", STD, 1), ("alloc::string::String::with_capacity", STD, 5)];
    let from = recording.frames.len() as u32;
    let frame = |&(function, file, line): &(&str, &str, u32)| Frame {
        function: function.to_owned(),
        file: file.to_owned(),
        line,
        ..Frame::default()
    };
    recording.frames.extend(text.iter().chain(&[("p::work", "/w/src/lib.rs", 9)]).map(frame));
    let counts = StackCounts { allocs: 10, bytes: 2560, ..StackCounts::default() };
    let life = Life { fresh: 10, sizes: vec![(256, 10)], kept: 10, brackets: 10, ..Life::default() };
    recording.stacks.push(Recorded { frames: (from..from + 3).collect(), cut: false, counts, life });
    let piece = |stack: usize, size: u64| {
        let all = 10 * size;
        Piece { stack, blocks: 10, bytes: all, last_bytes: all, least: size, least_last: size, most_last: size }
    };
    recording.stacks[0].life.alone = Growth::default();
    recording.successions = vec![Succession { times: 10, pieces: vec![piece(0, 8), piece(2, 256)] }];
    recording.spans = vec![
        Span { stack: 0, follows: None, begun: 0, ended: 2 },
        Span { stack: 2, follows: Some(0), begun: 1, ended: u32::MAX },
    ];
    let explanation = explained(&recording, &no_source);
    let site = explanation.sites.iter().find(|site| site.line == 7).unwrap();
    assert_eq!(site.words, "HashMap::with_capacity; always 8 B; freed in the same operation");
    assert_eq!(rules(site), ["reuse-table"]);
    assert_eq!((site.remedies[0].effect.allocs_per_op, site.remedies[0].effect.bytes_per_op), (-1.0, -8.0));
    // Which blocks were one table is not known.
    recording.all_successions = false;
    let explanation = explained(&recording, &no_source);
    assert!(explanation.sites.iter().all(|site| rules(site).is_empty()));
}

/// The advice to borrow is for what is only read.
#[test]
fn a_copy_that_is_written_to_is_not_to_be_borrowed() {
    let copy = |function: &'static str, source: &'static [&'static str]| {
        let frames = [("__rustc::__rust_alloc", "", 0), (function, STD, 5), ("p::work", "/w/src/lib.rs", 7)];
        // Line 7 is the last of the text.
        let text = move |_: &str, line: u32| {
            let at = (source.len() + line as usize).checked_sub(8)?;
            source.get(at).map(|&line| line.to_owned())
        };
        let explanation = explained(&recording(&frames, ("p::work", "/w/src/lib.rs", 9)), &text);
        only_site(&explanation).remedies.iter().map(|remedy| remedy.rule.clone()).collect::<Vec<_>>()
    };
    const CLONE: &str = "<alloc::vec::Vec<T,A> as core::clone::Clone>::clone";
    const TEXT: &str = "<alloc::string::String as core::convert::From<&str>>::from";
    const COLLECT: &str = "<alloc::vec::Vec<T> as core::iter::traits::collect::FromIterator<T>>::from_iter";
    assert_eq!(copy(CLONE, &["let v = data.clone();"]), ["borrow-slice"]);
    assert_eq!(copy(CLONE, &["let mut v = data.clone();"]), [""; 0]);
    assert_eq!(copy(CLONE, &["sort(&mut data.clone());"]), [""; 0]);
    assert_eq!(copy(CLONE, &["let mut first = 1;", "let v = data.clone();"]), ["borrow-slice"]);
    assert_eq!(copy(TEXT, &["let s = name.to_string();"]), ["borrow-text"]);
    assert_eq!(copy(TEXT, &["let mut s = name.to_string();"]), [""; 0]);
    assert_eq!(copy(COLLECT, &["let v: Vec<_> = all", ".iter()", ".collect();"]), ["collect-temporary"]);
    assert_eq!(copy(COLLECT, &["let mut v: Vec<_> = all", ".iter() // all", ".collect();"]), [""; 0]);
    // Without the source nothing is known of that.
    assert_eq!(copy(CLONE, &[]), [""; 0]);
}

/// itertools: an iterator's state, changed by each `next` and dropped with the iterator by the last.
#[test]
fn a_copy_that_an_object_keeps_is_not_to_be_borrowed() {
    const CLONE: &str = "<alloc::vec::Vec<T,A> as core::clone::Clone>::clone_from";
    let frames = [("__rustc::__rust_alloc", "", 0), (CLONE, STD, 5), ("p::work", "/w/src/lib.rs", 7)];
    let source = |_: &str, line: u32| (line == 7).then(|| "inner.cur.clone_from(&next);".to_owned());
    for (dropped, expected) in [
        ("core::ptr::drop_in_place<alloc::vec::Vec<u8>>", &["borrow-slice"][..]),
        ("core::ptr::drop_in_place<[alloc::vec::Vec<u8>]>", &["borrow-slice"]),
        ("core::ptr::drop_in_place<p::MultiProductInner<u8>>", &[]),
    ] {
        let mut recording = recording(&frames, ("p::work", "/w/src/lib.rs", 9));
        recording.frames.push(Frame { function: dropped.to_owned(), file: STD.to_owned(), ..Frame::default() });
        recording.stacks[1].frames.insert(0, recording.frames.len() as u32 - 1);
        assert_eq!(rules(only_site(&explained(&recording, &source))), expected, "{dropped}");
    }
}

/// The keys are what was asked for, not a sort's scratch.
#[test]
fn the_keys_of_a_cached_sort_are_not_its_scratch() {
    let frames = [
        ("__rustc::__rust_alloc", "", 0),
        ("alloc::slice::<impl [T]>::sort_by_cached_key", STD, 5),
        ("p::work", "/w/src/lib.rs", 7),
    ];
    let explanation = explained(&recording(&frames, ("p::work", "/w/src/lib.rs", 7)), &no_source);
    let site = only_site(&explanation);
    assert_eq!(
        (site.words.as_str(), rules(site)),
        ("keys of sort_by_cached_key; always 8 B; freed in the same operation", vec![])
    );
}

#[test]
fn what_is_large_stays_in_its_box() {
    let frames =
        [("__rustc::__rust_alloc", "", 0), ("alloc::boxed::Box<T>::new", STD, 5), ("p::work", "/w/src/lib.rs", 7)];
    let mut recording = recording(&frames, ("p::work", "/w/src/lib.rs", 9));
    let source = |_: &str, _: u32| Some("let table = Box::new([0u8; N]);".to_owned());
    assert_eq!(rules(only_site(&explained(&recording, &source))), ["box-temporary"]);
    recording.stacks[0].life.grew.most_last = 4 << 20;
    assert_eq!(rules(only_site(&explained(&recording, &source))), [""; 0]);
}

/// 451 vectors, of which 5 grew: with a capacity for all the other 446 would be larger, too.
#[test]
fn a_capacity_is_for_blocks_that_all_grow() {
    let mut frames = CAPACITY.to_vec();
    frames[2].0 = "alloc::vec::Vec<T,A>::push";
    let mut recording = recording(&frames, ("criterion::bencher::Bencher<M>::iter", HARNESS, 9));
    let mut speaks = |blocks: u64, grown: u64, least_last: u64| {
        let grew = &mut recording.stacks[0].life.grew;
        (grew.blocks, grew.grown, grew.steps, grew.calls) = (blocks, grown, grown, blocks + grown);
        (grew.bytes, grew.last_bytes, grew.least_last, grew.most_last) = (1000, 800, least_last, 16);
        rules(only_site(&explained(&recording, &no_source))).contains(&"grow-vec")
    };
    assert!(speaks(10, 10, 16) && speaks(10, 10, 8) && speaks(20, 20, 16));
    assert!(!speaks(10, 1, 8));
    // Several in each operation, of several sizes.
    assert!(!speaks(20, 20, 8));
}

/// with_capacity takes elements; their size is what a first push asks for, over 4.
#[test]
fn a_capacity_is_told_in_elements_where_their_size_is_known() {
    let mut frames = CAPACITY.to_vec();
    frames[1].0 = "alloc::raw_vec::RawVec<T,A>::grow_one";
    frames[2].0 = "alloc::vec::Vec<T,A>::push";
    let advice = |frames: &[(&str, &str, u32)], first: u64, least_last: u64, most_last: u64| {
        let mut recording = recording(frames, ("criterion::bencher::Bencher<M>::iter", HARNESS, 9));
        let life = &mut recording.stacks[0].life;
        life.sizes = vec![(most_last, 10), (first, 10)];
        life.grew = Growth { grown: 10, steps: 10, calls: 20, bytes: 5000, least_last, most_last, ..life.grew };
        let explanation = explained(&recording, &no_source);
        only_site(&explanation).remedies[0].advice.replace("give it its capacity when it is made: ", "")
    };
    assert_eq!(advice(&frames, 16, 2048, 2048), "with_capacity(512), 2,048 B at the end");
    assert_eq!(advice(&frames, 96, 192, 384), "with_capacity(8 to 16), 192 to 384 B at the end");
    assert_eq!(advice(&frames, 5000, 20000, 20000), "with_capacity(4), 20,000 B at the end");
    // 8 of one byte or 4 of two; 4 of 512 or one of 2,048; a size that is no multiple.
    assert_eq!(advice(&frames, 8, 1024, 1024), "with_capacity, 1,024 B at the end");
    assert_eq!(advice(&frames, 2048, 8192, 8192), "with_capacity, 8,192 B at the end");
    assert_eq!(advice(&frames, 16, 2047, 2047), "with_capacity, 2,047 B at the end");
    // It began with what `reserve` asked for.
    frames[1].0 = "alloc::raw_vec::RawVec<T,A>::reserve";
    assert_eq!(advice(&frames, 16, 2048, 2048), "with_capacity, 2,048 B at the end");
}

/// fluent-syntax: the vector of an object that the function returns; typed the same, the items of a vector.
#[test]
fn a_part_of_what_is_returned_is_no_buffer_to_keep() {
    let mut frames = CAPACITY.to_vec();
    frames[2].0 = "alloc::vec::Vec<T,A>::push";
    frames.insert(4, ("p::caller", "/w/src/lib.rs", 20));
    for (dropped, expected) in [
        ("core::ptr::drop_in_place<alloc::vec::Vec<u8>>", &["reuse-buffer"][..]),
        ("core::ptr::drop_in_place<p::Resource<&str>>", &[]),
        ("core::ptr::drop_in_place<[alloc::vec::Vec<u8>]>", &[]),
        ("core::ptr::drop_in_place<alloc::borrow::Cow<str>>", &[]),
    ] {
        let mut recording = recording(&frames, ("p::caller", "/w/src/lib.rs", 22));
        let glue = Frame { function: dropped.to_owned(), file: STD.to_owned(), line: 1, ..Frame::default() };
        recording.frames.push(glue);
        recording.stacks[1].frames.insert(0, recording.frames.len() as u32 - 1);
        assert_eq!(rules(only_site(&explained(&recording, &no_source))), expected, "{dropped}");
    }
}

/// What is moved into a thread cannot be lent to it.
#[test]
fn what_threads_share_is_not_to_be_owned_by_one() {
    let frames =
        [("__rustc::__rust_alloc", "", 0), ("alloc::sync::Arc<T>::new", STD, 5), ("p::work", "/w/src/lib.rs", 7)];
    let mut recording = recording(&frames, ("p::work", "/w/src/lib.rs", 9));
    let source = |_: &str, _: u32| Some("let shared = Arc::new(Mutex::new(0));".to_owned());
    assert_eq!(rules(only_site(&explained(&recording, &source))), ["shared-temporary"]);
    recording.stacks[0].life.threads = [0, 1].into();
    assert_eq!(rules(only_site(&explained(&recording, &source))), [""; 0]);
}

/// An operation with more events than were kept.
#[test]
fn where_not_all_was_followed_no_rule_speaks() {
    let mut recording = recording(CAPACITY, ("p::work", "/w/src/lib.rs", 9));
    recording.whole = false;
    assert_eq!(rules(only_site(&explained(&recording, &no_source))), [""; 0]);
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
    assert!(only_site(&explanation).words.starts_with("Box<dyn Fn>; "), "{}", only_site(&explanation).words);
}

#[test]
fn the_queue_of_rayons_jobs_is_called_so() {
    let registry = "/h/.cargo/registry/src/i";
    let queue = format!("{registry}/crossbeam-deque-0.8.6/src/deque.rs");
    let pool = format!("{registry}/rayon-core-1.13.0/src/registry.rs");
    let frames = [
        ("__rustc::__rust_alloc_zeroed", "", 0),
        ("alloc::boxed::Box<T>::new_zeroed", STD, 5),
        ("crossbeam_deque::deque::Injector<T>::push", &queue, 1400),
        ("rayon_core::registry::Registry::inject", &pool, 420),
        ("p::work", "/w/src/lib.rs", 7),
    ];
    let explanation = explained(&recording(&frames, ("p::work", "/w/src/lib.rs", 9)), &no_source);
    let words = &only_site(&explanation).words;
    assert!(words.starts_with("in rayon_core::registry::Registry::inject: rayon's job queue; always 8 B"), "{words}");
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
        Span { stack: 0, follows: None, begun: 0, ended: 2 },
        Span { stack: 0, follows: None, begun: 1, ended: 3 },
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
        let filled = ["{last}", "{capacity}", "{size}", "{n}", "{trait}"]
            .iter()
            .fold(rule.advice.to_owned(), |text, place| text.replace(place, ""));
        // `Box<dyn {trait}>` has no brace left.
        assert!(!filled.contains('{'), "{}", rule.advice);
    }
}
