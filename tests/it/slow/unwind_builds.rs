//! Builds whose stacks are harder to come by: a static libc, and code without unwind tables.
//!
//! Each builds criterion anew: only with MEMPROF_TEST_SLOW=1 (`.ci/slow`).

use crate::support;
use std::path::Path;

use crate::support::Run;

/// The bundled benches built with `rustflags`, counted and sampled.
fn measured(rustflags: &str) -> Run {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("unwind_builds");
    let mut command = support::tool(&support::fixture("buffer_write"));
    // Named, so that the flags are not those of build scripts.
    command.args(["--locked", "-json", "-benchtime=50ms", "--target", "x86_64-unknown-linux-gnu", "--target-dir"]);
    command.arg(target).env("RUSTFLAGS", rustflags);
    Run::new(command.output().unwrap()).ends_with(0)
}

/// How many stacks of the unpooled buffer's mem.prof are whole, and how many are cut.
fn stacks(run: &Run) -> (u64, u64) {
    let finished = &run.finished()["buffer_write/unpooled"];
    assert_eq!((finished.memory.allocs_per_op, finished.memory.exact), (9.0, true));
    let profile = support::read_profile(finished.profiles.mem.as_ref().unwrap());
    let comment = profile.comments.iter().find_map(|line| line.strip_prefix("memprof: stacks ")).unwrap();
    let number = |key: &str| {
        let word = comment.split(' ').find_map(|word| word.strip_prefix(key)).expect(comment);
        word.parse::<u64>().unwrap()
    };
    (number("whole="), number("cut="))
}

#[test]
fn a_static_libc_has_whole_stacks() {
    if !support::test_slow() {
        eprintln!("SKIPPED: a static libc; set MEMPROF_TEST_SLOW to test it");
        return;
    }
    let run = measured("-Ctarget-feature=+crt-static");
    let (whole, cut) = stacks(&run);
    assert!(whole >= 3 && cut == 0, "{whole} whole, {cut} cut\n{}", run.stderr);
    let samples = support::read_profile(run.finished()["buffer_write/unpooled"].profiles.cpu.as_ref().unwrap());
    assert!(samples.comments.iter().any(|line| line.ends_with(" cut=0 guessed=0")), "{:?}", samples.comments);
}

#[test]
fn code_without_unwind_tables_is_said_once() {
    if !support::test_slow() {
        eprintln!("SKIPPED: a build without unwind tables; set MEMPROF_TEST_SLOW to test it");
        return;
    }
    let run = measured("-Cpanic=abort -Cforce-unwind-tables=no");
    let said: Vec<&str> = run.stderr.lines().filter(|line| line.contains("built without unwind tables")).collect();
    assert_eq!(said.len(), 1, "{}", run.stderr);
    assert!(said[0].contains("take `-C force-unwind-tables=no` out of the flags"), "{said:?}");
    // With debug information rustc writes tables for most functions all the same; where it does not, the stack is cut and counted.
    let (whole, cut) = stacks(&run);
    assert_eq!(whole + cut, 3);
}
