//! A benchmark that ends its process is named with its cause, and the others are measured all the same; one that does odd
//! things is measured. `fixtures/trouble` says what each allocates.

use crate::support;
use crate::support::{fixture, memprof};

const CAUSES: [(&str, &str); 10] = [
    ("panics", "panicked: of two lines (at benches/ends.rs:17:"),
    ("aborts", "aborted (SIGABRT)"),
    ("segfaults", "crashed (SIGSEGV)"),
    ("overflows", "overflowed its stack"),
    ("exits_with_0", "ended the process with exit status 0"),
    ("exits_with_3", "ended the process with exit status 3"),
    ("hangs", "took longer than --timeout 10s, and was ended"),
    ("panics_in_its_set_up", "panicked: no data: Os { code: 2"),
    ("panics_late", "panicked: late (at benches/ends.rs:"),
    ("runs_no_loop", "panicked: "),
];

#[test]
fn every_end_is_named_and_the_others_are_measured() {
    // Long enough for what is fine, on a machine that has other things to do.
    let args = ["--locked", "-json", "-benchtime=20ms", "--no-profiles", "--bench", "ends", "--timeout", "10s"];
    let run = memprof(&fixture("trouble"), &args).ends_with(103);
    let errors = run.errors();
    // With musl, std does not know where the main thread's stack ends; it says nothing of an overflow there.
    let musl = support::triple().is_some_and(|triple| triple.ends_with("-musl"));
    for (id, cause) in CAUSES {
        let cause = if musl && id == "overflows" { "crashed (SIGSEGV)" } else { cause };
        let line = format!("trouble/ends/{id}: {cause}");
        assert_eq!(errors.iter().filter(|error| error.starts_with(&line)).count(), 1, "{line}\n{}", run.stderr);
    }
    assert_eq!(errors.len(), CAUSES.len(), "{}", run.stderr);
    let finished = run.finished();
    assert_eq!(finished.len(), 11, "{:?}", finished.keys());
    for size in 1..=11_u32 {
        let memory = &finished[&format!("fine/{size}")].memory;
        assert_eq!((memory.allocs_per_op, memory.bytes_per_op), (1.0, f64::from(size)), "fine/{size}");
    }
    let last = run.stdout.lines().last().unwrap();
    assert_eq!(last, r#"{"reason":"run-finished","success":false,"benchmarks":11,"failed":10}"#);
}

#[test]
fn what_is_odd_is_measured() {
    let mut args = vec!["--locked", "-json", "-benchtime=20ms", "--bench", "odd", "--timeout", "60s"];
    if support::is_emulated() {
        // A program under an emulator cannot run itself.
        args.push("odd/(reads|forks|leaves|prints|moves|behind)");
    }
    let run = memprof(&fixture("trouble"), &args).ends_with(0);
    let finished = run.finished();
    let expected = [
        ("reads_a_file", 24.0),
        ("forks", 8.0),
        ("prints_megabytes", 4000.0),
        ("reads_stdin", 32.0),
        ("runs_itself", 56.0),
        ("moves", 40.0),
        ("behind_it", 48.0),
    ];
    let expected = expected.into_iter().filter(|(id, _)| *id != "runs_itself" || !support::is_emulated());
    for (id, bytes) in expected.clone() {
        let memory = &finished[id].memory;
        assert_eq!((memory.allocs_per_op, memory.bytes_per_op, memory.exact), (1.0, bytes, true), "{id}");
    }
    let threads = &finished["leaves_threads"].memory;
    // The threads' allocations may fall in any bracket: the table says if passes differ.
    assert!(threads.allocs_per_op >= 1.0, "{threads:?}");
    // Which they do is no question of profile or row: both tell of the same pass.
    let mem = support::read_profile(finished["leaves_threads"].profiles.mem.as_ref().unwrap());
    for (kind, per_op) in [("alloc_objects", threads.allocs_per_op), ("alloc_space", threads.bytes_per_op)] {
        assert_eq!(support::sum(&mem, kind, |_| true) as f64 / threads.iterations as f64, per_op, "{kind}");
    }
    let by_buffer = |sample: &_| support::functions(&mem, sample).any(|name| name == "trouble::buffer");
    assert!(support::sum(&mem, "alloc_objects", by_buffer) as u64 >= threads.iterations, "one of each iteration");
    assert_eq!(finished.len(), expected.count() + 1);
}

#[test]
fn a_bench_that_fails_while_it_is_listed() {
    let base = ["--locked", "-json", "-benchtime=20ms", "--no-profiles"];
    let failure = "trouble/unlisted: panicked: no data: Os";
    // Benchmarks named before the failure are measured; the failure is reported.
    let run = memprof(&fixture("trouble"), &[&base[..], &["--bench", "unlisted"]].concat()).ends_with(103);
    assert!(run.errors().iter().any(|line| line.starts_with(failure)), "{}", run.stderr);
    assert_eq!(run.finished().keys().collect::<Vec<_>>(), ["named"]);
    assert_eq!(run.errors().len(), 1, "said once: {}", run.stderr);
    // Where something else was asked for it is no failure of this run.
    let run = memprof(&fixture("trouble"), &[&base[..], &["behind_it"]].concat()).ends_with(0);
    assert_eq!(run.finished().keys().collect::<Vec<_>>(), ["behind_it"]);
    assert!(run.stderr.contains("warning: trouble/unlisted: panicked"), "{}", run.stderr);
    // Where nothing else is there it may be what was meant.
    memprof(&fixture("trouble"), &[&base[..], &["not_named"]].concat()).ends_with(103);
}
