//! A global allocator of the user's own stays in charge, with the counting around it, wherever it is declared.

use crate::support;
use crate::support::{fixture, memprof};

#[test]
fn in_a_library_by_a_macro() {
    let run =
        memprof(&fixture("own_allocator"), &["--locked", "-json", "-benchtime=20ms", "--no-profiles"]).ends_with(0);
    for (id, bytes) in [("buffer", 100.0), ("in_charge", 200.0)] {
        let finished = &run.finished()[id];
        assert_eq!((finished.memory.allocs_per_op, finished.memory.bytes_per_op), (1.0, bytes), "{id}");
        // It is linked into both executables, so the timed one has the tracker in it, and says so.
        assert_eq!(finished.time.tracker.as_deref(), Some("inactive"), "{id}");
    }
}

#[test]
fn in_the_bench_itself() {
    const DECLARED: &str = "#[global_allocator]\nstatic GLOBAL: std::alloc::System = std::alloc::System;\n";
    let dir = tempfile::tempdir().unwrap();
    let package = dir.path().join("package");
    support::copy_dir(&fixture("failing"), &package);
    support::set_apart(&package, "allocator");
    let bench = package.join("benches/ok.rs");
    let text = std::fs::read_to_string(&bench).unwrap();
    std::fs::write(&bench, format!("{text}\n{DECLARED}")).unwrap();
    let args = ["--locked", "-json", "-benchtime=20ms", "--no-profiles", "--bench", "ok"];
    let run = memprof(&package, &args).ends_with(0);
    let finished = &run.finished()["ok"];
    assert_eq!((finished.memory.allocs_per_op, finished.memory.bytes_per_op), (1.0, 32.0));
    assert_eq!(finished.time.tracker.as_deref(), Some("inactive"));
}
