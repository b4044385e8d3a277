//! Wrong input gives one line that names the problem and the next step, with the exit code that scripts branch on.

use crate::support;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Run, fixture, memprof};

/// Asserts that a run ended with `code` and, behind what cargo and rustc say, one line that has all of `words`.
#[track_caller]
fn says(run: Run, code: i32, words: &[&str]) -> Run {
    let run = run.ends_with(code);
    let last = run.stderr.trim_end().lines().last().unwrap_or_default().to_owned();
    assert!(last.starts_with("error: ") && words.iter().all(|word| last.contains(word)), "{words:?}:\n{}", run.stderr);
    let saying_it = run.errors().into_iter().filter(|line| last.ends_with(line)).count();
    assert_eq!(saying_it, 1, "{}", run.stderr);
    run
}

/// A package in `dir` that has these files beside its manifest.
fn package(dir: &Path, manifest: &str, files: &[(&str, &str)]) -> PathBuf {
    let package = dir.join("package");
    for (file, text) in [("Cargo.toml", manifest)].iter().chain(files) {
        let path = package.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    package
}

#[test]
fn no_cargo_toml() {
    let dir = tempfile::tempdir().unwrap();
    let run = says(memprof(dir.path(), &[]), 102, &["could not find `Cargo.toml`", "run this in a cargo project"]);
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
}

#[test]
fn no_bench_target() {
    let dir = tempfile::tempdir().unwrap();
    let manifest = "[package]\nname = \"bare\"\nversion = \"0.1.0\"\nedition = \"2021\"\n";
    let package = package(dir.path(), manifest, &[("src/lib.rs", "")]);
    let run = says(memprof(&package, &[]), 104, &["no bench target", "[[bench]]"]);
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
}

#[test]
fn a_manifest_that_cannot_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let package = package(dir.path(), "[package]\nname = 1\n", &[]);
    says(memprof(&package, &[]), 102, &["expected a string (at Cargo.toml:2:8)"]);
    std::fs::write(package.join("Cargo.toml"), "[package]\nname = \"a\"\nversion = \"0.1.0\"\n").unwrap();
    says(memprof(&package, &[]), 102, &["failed to parse manifest at", "no targets specified in the manifest"]);
}

#[test]
fn a_configuration_that_cannot_be_read() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join(".cargo")).unwrap();
    std::fs::write(dir.path().join(".cargo/config.toml"), "build = [").unwrap();
    let run = says(memprof(dir.path(), &[]), 102, &["cargo's configuration cannot be read", "config.toml"]);
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
}

#[test]
fn benches_that_do_not_compile() {
    let dir = tempfile::tempdir().unwrap();
    let package = dir.path().join("package");
    support::copy_dir(&fixture("failing"), &package);
    support::set_apart(&package, "not-rust");
    std::fs::write(package.join("benches/ok.rs"), "fn main() { let number: u32 = \"text\"; }\n").unwrap();
    let run = says(memprof(&package, &["--locked", "--bench", "ok"]), 101, &["the benches do not build"]);
    assert!(run.stderr.contains("error[E0308]: mismatched types\n --> benches/ok.rs:1:31\n"), "{}", run.stderr);
    assert_eq!(run.stdout, "");
    // Whoever reads the JSON learns of it there.
    let run = memprof(&package, &["--locked", "--bench", "ok", "-json"]).ends_with(101);
    let lines: Vec<serde_json::Value> = run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let reasons: Vec<_> = lines.iter().map(|line| line["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["run-started", "run-finished"]);
    assert_eq!(lines[1]["success"], false);
    assert!(lines[1]["error"].as_str().unwrap().starts_with("the benches do not build"), "{}", lines[1]);
}

#[test]
fn wrong_arguments() {
    for args in [&["("][..], &["--bench", "("], &["-bench=["]] {
        let run = says(memprof(&fixture("maps"), args), 2, &["is no regular expression"]);
        assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    }
    for (args, words) in [
        (&["-benchtime=0s"][..], "nothing to measure in"),
        (&["-benchtime=fast"], "is no duration"),
        (&["--no-such-option"], "--no-such-option"),
        (&["--count=0"], "--count"),
    ] {
        let run = memprof(&fixture("maps"), args).ends_with(2);
        assert!(run.stderr.lines().next().unwrap().contains(words), "{args:?}: {}", run.stderr);
    }
    for output in ["--save-baseline", "--memprofile"] {
        let run =
            says(memprof(&fixture("maps"), &["--locked", output, "./"]), 2, &["./ is a folder; name a file in it"]);
        assert_eq!(run.stderr.lines().count(), 1, "nothing was built: {}", run.stderr);
    }
    says(memprof(&fixture("maps"), &["-p", "nobody"]), 2, &["no package `nobody`", "there are: maps"]);
}

#[test]
fn nothing_matched() {
    let run = memprof(&fixture("maps"), &["--locked", "no-such-benchmark"]);
    says(run, 104, &["no TARGET/ID in maps matches `no-such-benchmark`", "cargo memprof list"]);
}

#[test]
fn a_bench_that_panics_half_way() {
    let run = memprof(&fixture("failing"), &["--locked", "-benchtime=20ms", "--no-profiles"]).ends_with(103);
    let failure = "panics/half_way: panicked: worn out (at src/lib.rs:";
    assert_eq!(run.errors().iter().filter(|line| line.contains(failure)).count(), 1, "{}", run.stderr);
    let rows: Vec<_> = run.table().map(|line| line.split_whitespace().next().unwrap()).collect();
    assert_eq!(rows, ["benchmark", "ok", "panics/before", "panics/after", "FAILED"], "{}", run.stdout);
    assert!(run.stdout.contains(failure), "{}", run.stdout);
}

const TROUBLE: &str = r#"
use criterion::{criterion_group, criterion_main, Criterion};

fn trouble(c: &mut Criterion) {
    c.bench_function("hangs", |b| b.iter(|| std::thread::sleep(std::time::Duration::from_secs(3600))));
    c.bench_function("aborts", |b| b.iter(|| std::process::abort()));
    c.bench_function("exits", |b| b.iter(|| std::process::exit(0)));
    c.bench_function("fine", |b| b.iter(|| Box::new(1)));
}

criterion_group!(benches, trouble);
criterion_main!(benches);
"#;

#[test]
fn benches_that_end_their_process() {
    let dir = tempfile::tempdir().unwrap();
    let package = dir.path().join("package");
    support::copy_dir(&fixture("failing"), &package);
    support::set_apart(&package, "trouble");
    std::fs::write(package.join("benches/ok.rs"), TROUBLE).unwrap();
    let args = ["--locked", "-benchtime=20ms", "--no-profiles", "--bench", "ok", "--timeout", "10s"];
    let run = memprof(&package, &args).ends_with(103);
    for line in [
        "failing/ok/hangs: took longer than --timeout 10s, and was ended",
        "failing/ok/aborts: aborted (SIGABRT)",
        "failing/ok/exits: ended the process with exit status 0",
    ] {
        assert!(run.errors().contains(&line), "{line}:\n{}", run.stderr);
    }
    assert!(run.table().nth(1).unwrap().starts_with("fine "), "{}", run.stdout);
}

/// A criterion that nobody has looked at: 0.5.1 with one of its anchors changed, where it comes from a folder.
#[test]
fn a_criterion_that_the_hook_does_not_fit() {
    let dir = tempfile::tempdir().unwrap();
    let package = dir.path().join("package");
    support::copy_dir(&fixture("maps"), &package);
    support::set_apart(&package, "criterion");
    let metadata = support::command("cargo", &package).args(["metadata", "--format-version=1", "--locked"]).output();
    let metadata: serde_json::Value = serde_json::from_str(&Run::new(metadata.unwrap()).ends_with(0).stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let criterion = packages.iter().find(|package| package["name"] == "criterion").unwrap();
    let criterion = Path::new(criterion["manifest_path"].as_str().unwrap()).parent().unwrap();
    let other = dir.path().join("criterion");
    support::copy_dir(criterion, &other);
    let bencher = other.join("src/bencher.rs");
    let text = std::fs::read_to_string(&bencher).unwrap();
    std::fs::write(&bencher, text.replacen("iterated = true;", "iterated = !false;", 1)).unwrap();
    let manifest = std::fs::read_to_string(package.join("Cargo.toml")).unwrap();
    let patch = "\n[patch.crates-io]\ncriterion = { path = \"../criterion\" }\n";
    std::fs::write(package.join("Cargo.toml"), manifest + patch).unwrap();

    let run = memprof(&package, &["--offline"]);
    let known = "known are 0.3.6, 0.4.0, 0.5.1, 0.6.0, 0.7.0 and 0.8.2";
    const WHY: &str = "src/bencher.rs has `iterated = true;` 7 times instead of 8";
    assert!(run.stderr.contains("error: `criterion` cannot be measured; why is said below\n"), "{}", run.stderr);
    assert!(!run.stderr.contains("process didn't exit successfully"), "no command line: {}", run.stderr);
    says(run, 104, &["criterion 0.5.1", WHY, known]);

    // Unrelated benchmarks are measured.
    let manifest = std::fs::read_to_string(package.join("Cargo.toml")).unwrap();
    let manifest = manifest.replace("[workspace]\n", "[workspace]\nmembers = [\"other\"]\n");
    std::fs::write(package.join("Cargo.toml"), manifest).unwrap();
    std::fs::create_dir_all(package.join("other/benches")).unwrap();
    let other = "[package]\nname = \"other\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\n\
                 [[bench]]\nname = \"by_hand\"\nharness = false\n";
    std::fs::write(package.join("other/Cargo.toml"), other).unwrap();
    let by_hand = "fn main() {\n    drop(std::hint::black_box(Vec::<u8>::with_capacity(1234)));\n}\n";
    std::fs::write(package.join("other/benches/by_hand.rs"), by_hand).unwrap();
    let run = memprof(&package, &["--offline", "--workspace", "-json", "-benchtime=3x", "--no-profiles"]);
    let run = run.ends_with(103);
    assert!(run.errors().iter().any(|error| error.starts_with("maps/maps: ") && error.contains(WHY)), "{}", run.stderr);
    assert!(run.finished_by_name()["other/by_hand/main"].memory.bytes_per_op >= 1234.0);
}

#[test]
fn a_command_behind_its_options() {
    let run = memprof(&fixture("maps"), &["--offline", "list"]);
    says(run, 2, &["`list` is a command, and stands in front: `cargo memprof list …`", "`(list)`"]);
}

#[test]
fn a_target_directory_that_cannot_be_made() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("file"), "").unwrap();
    for target in [dir.path().join("file/below"), PathBuf::from("/proc/target")] {
        let target = target.to_str().unwrap();
        let run = Run::new(support::tool(&fixture("maps")).args(["--target-dir", target]).output().unwrap());
        let run = says(run, 1, &["cannot write to", target]);
        assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    }
}

/// The tool on `maps` with a small file system mounted at `at`, below the shared target directory, for this run only; and
/// the results that it wrote, if it did. `None`, said loudly, where the kernel does not permit that.
fn with_mount(options: &str, at: &Path, args: &[&str]) -> Option<(Run, Option<String>)> {
    let _lock = support::lock();
    std::fs::create_dir_all(at).unwrap();
    let script = "mount -t tmpfs -o \"$1\" none \"$2\" && shift 2 && exec \"$@\"";
    let unshare = |script: &str| {
        let mut command = support::command("unshare", &fixture("maps"));
        command.args(["--map-root-user", "--mount", "sh", "-c", script, "sh", options]).arg(at);
        command
    };
    if !unshare("mount -t tmpfs -o \"$1\" none \"$2\"").status().is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: no file system may be mounted here");
        return None;
    }
    let results = || std::fs::read_to_string(support::target_dir().join("memprof/results.jsonl")).ok();
    let before = results();
    let mut command = unshare(script);
    command.arg(env!("CARGO_BIN_EXE_cargo-memprof")).args(["--locked", "-benchtime=20ms", "--target-dir"]);
    command.arg(support::target_dir()).args(args);
    let run = Run::new(command.output().unwrap());
    let after = results();
    let written = if after == before { None } else { after };
    Some((run, written))
}

#[test]
fn a_read_only_target_directory() {
    let dir = support::target_dir().join("memprof");
    let Some((run, written)) = with_mount("ro", &dir, &[]) else { return };
    let run = says(run, 1, &["cannot write to", "Read-only file system"]);
    assert_eq!(written, None);
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
}

#[test]
fn a_full_disk() {
    let home = support::target_dir().join("memprof");
    memprof(&fixture("maps"), &["--locked", "--no-run"]).ends_with(0);
    // Where the records are written.
    let Some((run, written)) = with_mount("size=16k", &home.join("runs"), &[]) else { return };
    says(run, 1, &["No space left on device"]);
    assert_eq!(written, None, "an older run's results stay whole");
    // Where the profiles are written: the numbers are not lost.
    let (run, written) = with_mount("size=4k", &home.join("profiles"), &[]).unwrap();
    says(run, 1, &["cannot write", "No space left on device"]);
    let written = written.unwrap();
    let kept = cargo_memprof::results::lines::Run::parse(&written).unwrap();
    assert_eq!((kept.finished.len(), kept.failed.len()), (3, 0));
    assert!(written.lines().last().unwrap().contains("\"success\":false"), "{written}");
    // In the middle of recording: there is room for the unwind table, but not for all samples.
    let sampling = ["-benchtime=300ms", "--cpu-rate=5000"];
    let room = |kib: u32| with_mount(&format!("size={kib}k"), &home.join("runs"), &sampling).unwrap().0;
    let in_the_middle = (512..4096).step_by(64).map(room).find(|run| run.code != Some(1)).unwrap();
    let run = in_the_middle.ends_with(103);
    let named = "maps/fresh: cannot write what was recorded: No space left on device (os error 28); make room";
    assert!(run.stderr.contains(named) && run.stdout.contains("FAILED"), "{}\n{}", run.stdout, run.stderr);
}

/// The processes of `bench`, built below `dir`. Others may run there: a test of a program needs no lock.
fn processes_of(bench: &str, dir: &Path) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let executables = processes.filter_map(|process| std::fs::read_link(process.path().join("exe")).ok());
    let is_the_bench = |path: &PathBuf| {
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        path.starts_with(dir) && file.strip_prefix(bench).is_some_and(|rest| rest.starts_with('-'))
    };
    executables.filter(is_the_bench).map(|path| path.display().to_string()).collect()
}

#[test]
fn an_interrupt() {
    use rustix::process::{Pid, Signal, kill_process};
    use std::os::unix::process::ExitStatusExt as _;
    use std::time::{Duration, Instant};

    memprof(&fixture("maps"), &["--locked", "--no-profiles", "-benchtime=1x"]).ends_with(0);
    let _lock = support::lock();
    let home = support::target_dir().join("memprof").canonicalize().unwrap();
    let files = || {
        let mut names: Vec<_> = std::fs::read_dir(&home).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        (
            names,
            std::fs::read(home.join("results.jsonl")).unwrap(),
            std::fs::read_dir(home.join("runs")).unwrap().count(),
        )
    };
    let before = files();
    let mut tool: Command = support::tool(&fixture("maps"));
    tool.args(["--locked", "-benchtime=60s", "--target-dir"]).arg(support::target_dir());
    let mut tool = tool.spawn().unwrap();
    let begun = Instant::now();
    // Until it measures; it may list as well, which is over before the second is.
    while processes_of("maps", &home.join("build")).is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(300) && tool.try_wait().unwrap().is_none(), "it never measured");
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_secs(1));
    kill_process(Pid::from_raw(tool.id() as i32).unwrap(), Signal::INT).unwrap();
    let status = tool.wait().unwrap();
    assert_eq!(status.signal(), Some(2), "{status}");
    assert_eq!(processes_of("maps", &home.join("build")), Vec::<String>::new(), "its children end with it");
    assert!(files() == before, "it leaves nothing");
}
