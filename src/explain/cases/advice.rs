//! Cases with a remedy, and cases where none may be given.

use super::super::RULES;
use super::*;

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

/// From git, from a folder of the workspace, the compiler's own: the harness drops the returned value, wherever the
/// harness lies.
#[test]
fn a_harness_of_any_origin_drops_what_it_is_given() {
    for (function, file) in [
        ("criterion::bencher::Bencher<M>::iter", "/h/.cargo/git/checkouts/criterion.rs-0123/abc/src/bencher.rs"),
        ("criterion::bencher::Bencher<M>::iter", "/w/third_party/criterion/src/bencher.rs"),
        ("codspeed_divan_compat_walltime::bench::Bencher::bench", "/h/registry/src/i/codspeed-divan-1/src/bench.rs"),
        ("memprof_libtest::Bencher::iter", "/memprof/memprof_libtest.rs"),
    ] {
        let mut frames = CAPACITY.to_vec();
        // A buffer that grows may be kept by the caller of the function that grows it.
        frames[2].0 = "alloc::vec::Vec<T,A>::push";
        frames[4] = (function, file, 9);
        let explanation = explained(&recording(&frames, (function, file, 9)), &no_source);
        let site = only_site(&explanation);
        assert_eq!((site.function.as_str(), site.freeing.by_harness, rules(site)), ("p::work", 1.0, vec![]), "{file}");
    }
}

/// The advice to borrow is for values that are only read.
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

/// The keys are the result, not a sort's scratch.
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

/// A value that moves into a thread cannot be lent to it.
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
    // A helper that grows a container that its caller made and frees.
    frames[2].0 = "alloc::vec::Vec<T,A>::push";
    let explanation = explained(&recording(&frames, ("p::caller", "/w/src/lib.rs", 22)), &no_source);
    assert_eq!(rules(only_site(&explanation)), ["reuse-buffer"]);
    // A part of an object that lives as long as the operation: typed-arena's list of chunks.
    let field = |_: &str, _: u32| Some("        self.rest.push(chunk);".to_owned());
    let explanation = explained(&recording(&frames, ("p::caller", "/w/src/lib.rs", 22)), &field);
    assert_eq!(rules(only_site(&explanation)), [""; 0]);
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
