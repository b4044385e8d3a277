//! The text about a site, and the unknown parts.

use super::*;

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
    // rangemap: its data is drawn again, so that the followed operations are not the counted ones.
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
    // Older than the operation: its beginning was not recorded.
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

/// A helper pushes into its caller's container, far from the reported line.
#[test]
fn a_capacity_is_asked_for_where_the_value_is_made() {
    let frames = [
        ("__rustc::__rust_realloc", "", 0),
        ("alloc::vec::Vec<T,A>::push", STD, 5),
        ("p::fill", "/w/src/fill.rs", 30),
        ("p::work", "/w/src/lib.rs", 9),
    ];
    let mut recording = recording(&frames, ("p::work", "/w/src/lib.rs", 12));
    let life = &mut recording.stacks[0].life;
    life.grew = Growth { blocks: 10, grown: 10, steps: 20, calls: 30, bytes: 560, last_bytes: 320, ..life.grew };
    (life.grew.least_last, life.grew.most_last, life.fresh, life.grown) = (32, 32, 10, 20);
    (recording.stacks[0].counts.allocs, recording.stacks[0].counts.bytes) = (30, 560);
    let advice = |source: &dyn Fn(&str, u32) -> Option<String>| {
        only_site(&explained(&recording, source)).remedies[0].advice.clone()
    };
    let expected = "give it its capacity when it is made: with_capacity, 32 B at the end (it is made at src/lib.rs:";
    // The life says that it is the caller's; the source says where.
    assert_eq!(advice(&no_source), format!("{expected}9)"));
    let text = |file: &str, line: u32| {
        let text = match (file, line) {
            ("/w/src/lib.rs", 7) => "    let mut rows = Vec::new();",
            ("/w/src/lib.rs", 8) => "    let mut other = 0;",
            ("/w/src/lib.rs", 9) => "    fill(&mut rows);",
            _ => "",
        };
        Some(text.to_owned())
    };
    assert_eq!(advice(&text), format!("{expected}7)"));
}
