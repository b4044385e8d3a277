//! Two files of 10,000 benchmarks, measured ten times each, compare in under half a second.
//!
//! `cargo test --release --test compare_speed -- --ignored --nocapture` prints the figures.

use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const BENCHMARKS: usize = 10_000;
const SAMPLES: usize = 10;
const LIMIT: Duration = Duration::from_millis(500);

/// Numbers that look random (Lehmer's generator), the same in each run.
struct Noise(u64);

impl Noise {
    /// In [0, 1).
    fn next(&mut self) -> f64 {
        self.0 = self.0 * 48_271 % 0x7fff_ffff;
        self.0 as f64 / f64::from(0x7fff_ffff)
    }
}

/// Go's benchmark text with time, bytes and allocations.
fn gobench(seed: u64) -> String {
    let mut noise = Noise(seed);
    let mut text = String::from("goos: linux\ngoarch: amd64\npkg: example.org/p\ncpu: some\n");
    for benchmark in 0..BENCHMARKS {
        let middle = 1e3 + 1e6 * noise.next();
        for _ in 0..SAMPLES {
            let ns = middle * (1.0 + 0.05 * noise.next());
            let (group, bytes, allocs) = (benchmark / 100, 64 * benchmark, benchmark % 17);
            writeln!(
                text,
                "BenchmarkGroup{group}/case={benchmark}-8\t1000\t{ns:.1} ns/op\t{bytes} B/op\t{allocs} allocs/op"
            )
            .unwrap();
        }
    }
    text
}

/// The same as our own results.
fn results(seed: u64) -> String {
    let mut noise = Noise(seed);
    let mut text = String::from("{\"reason\":\"run-started\",\"format_version\":1,\"tool\":\"0.1.0\"}\n");
    for benchmark in 0..BENCHMARKS {
        let middle = 1e3 + 1e6 * noise.next();
        for _ in 0..SAMPLES {
            let ns = middle * (1.0 + 0.05 * noise.next());
            writeln!(
                text,
                "{{\"reason\":\"benchmark-finished\",\"name\":\"p/b/case/{benchmark}\",\"package\":\"p\",\"target\":\"b\",\
                 \"id\":\"case/{benchmark}\",\"time\":{{\"ns_per_op\":{ns:.1},\"iterations\":1000}},\
                 \"memory\":{{\"iterations\":1000,\"allocs_per_op\":{},\"bytes_per_op\":{},\"exact\":true}}}}",
                benchmark % 17,
                64 * benchmark
            )
            .unwrap();
        }
    }
    text
}

/// The best of ten: what the machine does besides is not measured.
fn time(folder: &Path, arguments: &[&str]) -> Duration {
    let run = || {
        let start = Instant::now();
        let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-memprof"));
        let status = command.current_dir(folder).arg("compare").args(arguments).stdout(Stdio::null()).status().unwrap();
        assert!(status.success());
        start.elapsed()
    };
    (0..10).map(|_| run()).min().unwrap()
}

#[test]
#[ignore = "takes seconds, and says something in a release build only"]
fn ten_thousand_benchmarks() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in
        [("old.txt", gobench(1)), ("new.txt", gobench(2)), ("old.jsonl", results(1)), ("new.jsonl", results(2))]
    {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    for arguments in
        [&["old.txt", "new.txt"][..], &["old.jsonl", "new.jsonl"], &["-format", "csv", "old.txt", "new.txt"]]
    {
        let taken = time(folder.path(), arguments);
        println!("compare {}: {:.3} s", arguments.join(" "), taken.as_secs_f64());
        assert!(cfg!(debug_assertions) || taken < LIMIT, "{arguments:?} took {taken:?}");
    }
}
