//! The library `memprof` in a program that the tool injects: the same calls give the same numbers, and nothing counts twice.

use crate::support::{command, fixture, functions, lock, memprof, read_profile, sum, target_dir};

#[test]
fn the_injected_recorder_is_the_librarys() {
    let plain = {
        let _lock = lock();
        let mut cargo = command("cargo", &fixture("library"));
        cargo.args(["run", "--release", "--locked", "--offline", "--target-dir"]);
        String::from_utf8(cargo.arg(target_dir().join("plain-library")).output().unwrap().stdout).unwrap()
    };
    assert!(plain.contains("11 in the thread\n4 allocs, 216 B\n") && plain.ends_with("sampled: true\n"), "{plain}");
    let run = memprof(&fixture("library"), &["--locked", "--offline", "--bin", "library"]).ends_with(0);
    assert_eq!(run.stdout, plain);
    let file = target_dir().join("memprof/profiles/library/bin/library/mem.prof");
    let mem = read_profile(file);
    let made = sum(&mem, "alloc_space", |sample| {
        functions(&mem, sample).any(|function| function.contains("library::boxes::{{closure}}"))
    });
    assert_eq!(made, 64 * (10 + 10 + 50 + 20 + 3 + 1000));
}
