//! Programs that are hard on a recorder inside the allocator come through, lose nothing, and have their stacks right or cut.

use std::process::Command;

use crate::support::recorded::{Program, Run, build, thorough};
use cargo_memprof::records::{Allocations, Completeness, Counted, Module, Record, StackCounts};
use cargo_memprof::symbolize::Symbolizer;

/// The passes of the only benchmark that ran.
fn passes(run: &Run) -> Vec<&Counted> {
    fn counted(record: &Record) -> Option<&Counted> {
        match record {
            Record::Counted(counted) if counted.pass.is_some() => Some(counted),
            _ => None,
        }
    }
    run.records.iter().filter_map(counted).collect()
}

/// The stacks of the last pass.
fn stacks(run: &Run) -> &[Allocations] {
    fn stacks(record: &Record) -> Option<&[Allocations]> {
        match record {
            Record::Stacks { stacks, .. } => Some(stacks),
            _ => None,
        }
    }
    run.records.iter().rev().find_map(stacks).unwrap()
}

fn cut(run: &Run) -> u64 {
    let cut = stacks(run).iter().filter(|one| one.stack.completeness == Completeness::Cut);
    cut.map(|one| one.counts.allocs).sum()
}

/// The names of the functions on each stack of the last pass, the leaf's first.
fn named(run: &Run) -> Vec<(&Allocations, Vec<String>)> {
    let object = |record: &Record| if let Record::Object(module) = record { Some(module.clone()) } else { None };
    let modules: Vec<Module> = run.records.iter().filter_map(object).collect();
    let mut symbolizer = Symbolizer::new(&modules);
    let mut names = |one: &Allocations| {
        let located = symbolizer.places(&one.stack);
        located.iter().flat_map(|one| &one.frames).map(|frame| frame.function.to_string()).collect()
    };
    stacks(run).iter().map(|one| (one, names(one))).collect()
}

/// Allocations of `hostile::one` on other threads than the first, below a function whose name holds `caller`.
fn ones_elsewhere(run: &Run, caller: &str) -> u64 {
    let holds = |names: &[String], name: &str| names.iter().any(|one| one.contains(name));
    let named = named(run);
    let elsewhere = named.iter().filter(|(one, names)| one.thread != 0 && holds(names, "hostile::one"));
    elsewhere.filter(|(_, names)| holds(names, caller)).map(|(one, _)| one.counts.allocs).sum()
}

fn wrong(run: &Run) -> u64 {
    let wrong = |record: &Record| if let Record::Verified { wrong, .. } = record { Some(*wrong) } else { None };
    run.records.iter().find_map(wrong).unwrap()
}

/// Runs the benchmark and looks at what holds of all of them.
fn run(program: &Program, id: &str, env: &[(&str, &str)]) -> Run {
    let run = program.count(1, "stacks 1\nverify 1\n", &|one| one == id, env);
    assert!(run.output.status.success(), "{id}: {} {}", run.output.status, run.stderr());
    let passes = passes(&run);
    assert_eq!(passes.len(), 3, "{id}");
    assert!(passes.iter().all(|pass| pass.lost == 0), "{id}: something was lost");
    assert_eq!(wrong(&run), 0, "{id}");
    let by_stack: StackCounts = stacks(&run).iter().map(|one| one.counts).sum();
    assert_eq!(by_stack.allocs, passes[2].counts.allocs, "{id}: the stacks' sum is another than the bracket's");
    assert!(by_stack.frees <= by_stack.allocs, "{id}");
    run
}

fn allocs(run: &Run) -> Vec<u64> {
    passes(run).iter().map(|pass| pass.counts.allocs).collect()
}

#[test]
fn hostile_programs_come_through() {
    let program = Program::new(&build("release", "hostile"));

    let short = run(&program, "short threads", &[]);
    assert!(allocs(&short).iter().all(|&allocs| allocs >= 20_000), "{:?}", allocs(&short));
    assert_eq!(ones_elsewhere(&short, "hostile::one"), 10_000);
    assert_eq!(cut(&short), 0);
    let eight = run(&program, "eight threads", &[]);
    assert!(allocs(&eight).iter().all(|&allocs| (400_000..400_200).contains(&allocs)), "{:?}", allocs(&eight));
    let frees: Vec<u64> = passes(&eight).iter().map(|pass| pass.counts.frees).collect();
    assert!(frees.iter().all(|&frees| frees >= 400_000), "{frees:?}");
    assert_eq!(cut(&eight), 0);
    assert_eq!(ones_elsewhere(&eight, "eight_threads"), 400_000);
    let destructor = run(&program, "thread-local destructor", &[]);
    assert_eq!((ones_elsewhere(&destructor, "Allocates"), cut(&destructor)), (1, 0));

    for (id, at_least) in [("signal handler", 1), ("fork", 1), ("panicking", 3)] {
        let run = run(&program, id, &[]);
        assert!(allocs(&run).iter().all(|&allocs| allocs >= at_least), "{id}: {:?}", allocs(&run));
        assert_eq!(cut(&run), 0, "{id}");
    }
    // Its stack begins in assembly that nothing describes.
    let coroutine = run(&program, "coroutine", &[]);
    assert!(allocs(&coroutine)[0] >= 110, "{:?}", allocs(&coroutine));
    // More than there is fails, and does not count; 5 GB count as what they are.
    assert_eq!(allocs(&run(&program, "enormous", &[])), [0, 0, 0]);
    let large = run(&program, "large", &[]);
    let bytes = passes(&large)[0].counts;
    assert_eq!((bytes.allocs, bytes.bytes, bytes.freed_bytes), (2, 11 << 30, 11 << 30));
    assert_eq!(allocs(&run(&program, "failing", &[])), [1, 1, 1]);
    // Deeper than stacks are kept: cut, and counted as such.
    let deep = run(&program, "deep recursion", &[]);
    assert_eq!((allocs(&deep)[0], cut(&deep)), (1, 1));
    assert_eq!(stacks(&deep)[0].stack.addresses.len(), 1024);
}

#[test]
fn a_stack_through_a_library_without_a_table_is_cut_there() {
    let program = Program::new(&build("release", "hostile"));
    let library = tempfile::tempdir().unwrap();
    let path = library.path().join("libcallback.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/recording/src/callback.c");
    assert!(
        Command::new("cc").args(["-O2", "-shared", "-fPIC", "-o"]).arg(&path).arg(source).status().unwrap().success()
    );
    let run = run(&program, "dlopened", &[("LIBRARY", path.to_str().unwrap())]);
    assert!(cut(&run) >= 1 && cut(&run) < allocs(&run)[2], "{} of {:?}", cut(&run), allocs(&run));
    // It ends with the frame in the library, which has no table, but is known by name.
    ends_in(&run, "inner");
    let known = |record: &Record| matches!(record, Record::Object(module) if module.path == path);
    assert_eq!(run.records.iter().filter(|record| known(record)).count(), 1);
}

/// A library in the place of a closed one has other frames and other names.
#[test]
fn a_library_in_the_place_of_a_closed_one_is_cut_and_not_walked_with_its_rules() {
    let program = Program::new(&build("release", "hostile"));
    let folder = tempfile::tempdir().unwrap();
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/recording/src/callback.c");
    // The same code by another name, and another layout. Without a build id nobody knows that the first one is back.
    for (other, build_id) in [("-DOTHER=1", "sha1"), ("-DOTHER=2", "sha1"), ("-DOTHER=1", "none")] {
        let library = |name: &str, more: &str| {
            let path = folder.path().join(name);
            let mut cc = Command::new("cc");
            cc.args(["-O2", "-fomit-frame-pointer", "-shared", "-fPIC", more])
                .arg(format!("-Wl,--build-id={build_id}"));
            assert!(cc.arg("-o").arg(&path).arg(source).status().unwrap().success());
            path.to_str().unwrap().to_owned()
        };
        let (first, other) = (library("first.so", "-DFIRST"), library("other.so", other));
        let env = [("FIRST", first.as_str()), ("OTHER", other.as_str())];
        program.remake_table(&program.count(1, "", &|id| id == "one", &env));
        let run = run(&program, "libraries in turn", &env);
        if run.stderr().contains("the libraries lie apart") {
            println!("SKIPPED: the libraries could not be loaded in the same place");
            continue;
        }
        // Three turns of the first library, two of the other.
        let of_one: Vec<_> =
            named(&run).into_iter().filter(|(_, names)| names.iter().any(|name| name.ends_with("allocate"))).collect();
        let allocs = |holds: &dyn Fn(&Allocations, &[String]) -> bool| -> u64 {
            of_one.iter().filter(|(one, names)| holds(one, names)).map(|(one, _)| one.counts.allocs).sum()
        };
        let is_cut = |one: &Allocations| one.stack.completeness == Completeness::Cut;
        let whole = allocs(&|one, names| {
            let library = names.iter().position(|name| name == "inner");
            let called = |at: usize| names[at + 1] == "call_back" && names[at + 2].ends_with("call_through");
            !is_cut(one) && library.is_some_and(called)
        });
        let cut = allocs(&|one, names| is_cut(one) && names.last().unwrap().ends_with("allocate"));
        // Each pass after the first begins with a library that is back.
        let expected = if build_id == "none" { [0, 5] } else { [3, 2] };
        assert_eq!([whole, cut], expected, "{other}, {build_id}: {of_one:?}");
    }
}

/// Cut stacks there are, and they end in `function`.
fn ends_in(run: &Run, function: &str) {
    let named = named(run);
    let cut: Vec<_> = named.iter().filter(|(one, _)| one.stack.completeness == Completeness::Cut).collect();
    assert!(!cut.is_empty() && cut.iter().all(|(_, names)| names.last().unwrap() == function), "{cut:?}");
}

#[test]
fn a_stack_through_code_that_nothing_describes_is_cut_there_and_counted() {
    let program = Program::new(&build("release", "hostile"));
    let run = run(&program, "bare code", &[]);
    assert_eq!((allocs(&run), cut(&run)), (vec![4; 3], 3));
    ends_in(&run, "call_from_bare_code");
}

#[test]
fn a_stack_through_destroyed_frames_is_cut_there_and_counted() {
    let program = Program::new(&build("release", "hostile"));
    let run = run(&program, "corrupted frames", &[]);
    assert_eq!((allocs(&run), cut(&run)), (vec![7; 3], 6));
    let named = named(&run);
    let last = named.iter().filter(|(one, _)| one.stack.completeness == Completeness::Cut);
    let mut last: Vec<&str> = last.map(|(_, names)| names.last().unwrap().as_str()).collect();
    last.sort_unstable();
    last.dedup();
    // One frame says that it returns to where there is nothing.
    assert_eq!(last, ["0x1233", "lost_frame"]);
}

#[test]
fn a_stack_overflow_is_the_programs_own() {
    let program = Program::new(&build("release", "hostile"));
    let run = program.count(1, "stacks 1\n", &|id| id == "overflow", &[("OVERFLOW", "1")]);
    assert!(run.stderr().contains("has overflowed its stack"), "{}", run.stderr());
}

#[test]
fn a_table_cut_short_cuts_stacks_and_nothing_else() {
    let program = Program::new(&build("release", "hostile"));
    let whole = std::fs::read(program.table()).unwrap();
    for length in [0, 7, 63, 64, 130, whole.len() / 3, whole.len() - 1] {
        std::fs::write(program.table(), &whole[..length]).unwrap();
        let run = run(&program, "one", &[]);
        assert_eq!(allocs(&run), [1, 1, 1], "table of {length} bytes");
    }
}

/// With MEMPROF_TEST_SLOW=1 ten million blocks from 100,000 stacks.
#[test]
fn what_recording_takes_is_bounded_and_said() {
    let program = Program::new(&build("release", "hostile"));
    let (number, live) = if thorough() { ("100000", "10000000") } else { ("2000", "200000") };
    let run = program.count(1, "stacks 1\n", &|id| id == "many live", &[("STACKS", number), ("LIVE", live)]);
    assert!(run.output.status.success(), "{}", run.stderr());
    let of = |text: &str| text.parse::<u64>().unwrap();
    // And the vector that holds them, and two variables of the environment.
    assert_eq!(allocs(&run), [of(live) + 3; 3]);
    assert_eq!(stacks(&run).len() as u64, of(number) + 3);
    let bytes = passes(&run).iter().map(|pass| pass.recorder_bytes).max().unwrap();
    println!("{bytes} bytes for {live} live blocks of {number} stacks");
    // A thread's own state and the tables of rules have a size of their own.
    assert!(bytes < 64 * of(live) + 600 * of(number) + (4 << 20), "{bytes}");
    // With one block of each stack it is the stacks that count.
    let run = program.count(1, "stacks 1\n", &|id| id == "many live", &[("STACKS", number), ("LIVE", number)]);
    let of_stacks = passes(&run).iter().map(|pass| pass.recorder_bytes).max().unwrap();
    println!("{of_stacks} bytes for {number} live blocks of as many stacks");
    assert!(of_stacks < (64 + 600) * of(number) + (4 << 20), "{of_stacks}");
    // All passes come by the same stacks.
    let first = passes(&run)[0].recorder_bytes;
    assert!(of_stacks < first + first / 10, "{first}, then {of_stacks}");
    assert!(bytes - of_stacks < 64 * (of(live) - of(number)), "{bytes}, {of_stacks}");
}
