//! Pages of a profile of 200 MB: all answer, memory is bounded, and how long each takes is printed. For an optimized build only:
//! `.ci/slow` runs it so.

use std::process::Command;
use std::time::Instant;

use crate::support::web::Server;

const SIZE: u64 = 200 << 20;

#[test]
fn pages_answer_and_memory_is_bounded() {
    if cfg!(debug_assertions) {
        eprintln!("SKIPPED: needs --release");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.prof");
    let made = Command::new(env!("CARGO"))
        .args(["run", "--release", "--quiet", "--example", "pprof_large_profile", "--"])
        .arg(&path)
        .args(["1900000", "50000"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .unwrap();
    assert!(made.success());
    let packed = std::fs::File::open(&path).unwrap();
    let size = std::io::copy(&mut flate2::read::GzDecoder::new(packed), &mut std::io::sink()).unwrap();
    assert!(size > SIZE, "only {} MB", size >> 20);

    let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-memprof"));
    command.args(["pprof", "-no_browser", "-http=:0"]).arg(&path).env("HOME", folder.path());
    let started = Instant::now();
    let server = Server::start(&mut command);
    eprintln!("{} MB loaded in {:.1?}, {} MB of memory", size >> 20, started.elapsed(), server.peak_memory() >> 20);
    for page in [
        "flamegraph",
        "top",
        "graph",
        // Once more: kept by now.
        "flamegraph",
        "top",
        "graph",
        "peek?f=method_77%20",
        "source?f=method_77$",
        "top?f=krate7",
        "flamegraph?f=krate7",
        "graph?f=krate7",
        "flamegraph?si=alloc_objects",
        "top?h=krate7",
        // These would fill memory, and say so instead.
        "graph?calltree=t",
        "peek?f=.",
    ] {
        let asked = Instant::now();
        let answer = server.get(&format!("/ui/{page}"));
        let took = asked.elapsed();
        eprintln!("{page}: {took:.2?}, {} MB", answer.body.len() >> 20);
        let is_refused = matches!(page, "graph?calltree=t" | "peek?f=.");
        assert_eq!(answer.status, if is_refused { 400 } else { 200 }, "{page}");
    }
    // Many at once do not take many times as much.
    std::thread::scope(|scope| (0..8).for_each(|_| drop(scope.spawn(|| server.get("/ui/top")))));
    let memory = server.peak_memory();
    eprintln!("at most {} MB of memory", memory >> 20);
    assert!(memory < 12 * SIZE, "{} MB", memory >> 20);
}
