//! Names, allocators, targets and toolchains that are out of the ordinary: each is measured, or refused in one clear line.

use crate::support;
use std::collections::HashSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::support::{Run, fixture, memprof};

/// A copy of the fixture `failing`, apart from its original in the shared target directory.
fn copy(dir: &Path, label: &str) -> PathBuf {
    let package = dir.join("package");
    support::copy_dir(&fixture("failing"), &package);
    support::set_apart(&package, label);
    package
}

/// Asserts that a run ended with `code` and one line of error that has all of `words`.
#[track_caller]
fn says(run: Run, code: i32, words: &[&str]) {
    let run = run.ends_with(code);
    let errors = run.errors();
    assert!(errors.iter().any(|line| words.iter().all(|word| line.contains(word))), "{words:?}:\n{}", run.stderr);
}

#[test]
fn names_of_every_kind() {
    let long = "x".repeat(300);
    let names =
        ["a/b", "a b", "a_b", "..", "../../../../etc", ".", "mem.prof", "日本語 ключ", "tab\there", "q\"uote", &long];
    let dir = tempfile::tempdir().unwrap();
    let package = copy(dir.path(), "names");
    let each = |name: &&str| format!("    c.bench_function({name:?}, |b| b.iter(|| copy(black_box(&[7; 8]))));\n");
    let each = names.iter().map(each).collect::<String>();
    let bench = format!(
        "use criterion::{{criterion_group, criterion_main, Criterion}};\nuse failing::copy;\nuse std::hint::black_box;\n\n\
         fn ok(c: &mut Criterion) {{\n{each}}}\n\ncriterion_group!(benches, ok);\ncriterion_main!(benches);\n"
    );
    std::fs::write(package.join("benches/ok.rs"), bench).unwrap();
    let run = memprof(&package, &["--locked", "-json", "-benchtime=5x", "--bench", "ok"]).ends_with(0);
    let finished = run.finished();
    assert_eq!(finished.len(), names.len(), "{:?}", finished.keys());
    let profiles = support::target_dir().join("memprof/profiles/failing/ok").canonicalize().unwrap();
    let mut files = HashSet::new();
    for one in finished.values() {
        assert_eq!((one.memory.allocs_per_op, one.memory.bytes_per_op), (1.0, 8.0), "{}", one.id);
        for file in [&one.profiles.mem, &one.profiles.cpu] {
            let file = Path::new(file.as_ref().unwrap()).canonicalize().unwrap();
            assert!(file.starts_with(&profiles), "{}", file.display());
            assert!(files.insert(file), "{}", one.id);
        }
    }
    let list = support::memprof_command(&package, "list", &["--locked", "--bench", "ok"]).ends_with(0);
    assert_eq!(list.stdout.lines().count(), names.len(), "a name a line: {}", list.stdout);
}

#[test]
fn two_benchmarks_of_one_name() {
    let dir = tempfile::tempdir().unwrap();
    let package = copy(dir.path(), "twice");
    let bench = std::fs::read_to_string(package.join("benches/ok.rs")).unwrap();
    let again = bench.replace("criterion_group!(benches, ok);", "fn two(c: &mut Criterion) {\n    ok(c);\n    c.bench_function(\"ok\", |b| b.iter(|| copy(black_box(&[7; 9]))));\n}\n\ncriterion_group!(benches, two);");
    std::fs::write(package.join("benches/ok.rs"), again).unwrap();
    let run = memprof(&package, &["--locked", "-json", "-benchtime=5x", "--no-profiles", "--bench", "ok"]).ends_with(0);
    let finished = run.finished_by_name();
    assert_eq!(finished["failing/ok/ok"].memory.bytes_per_op, 32.0);
    assert_eq!(finished["failing/ok/ok#01"].memory.bytes_per_op, 9.0, "{:?}", finished.keys());
}

#[test]
fn an_allocator_that_cannot_be_wrapped() {
    let dir = tempfile::tempdir().unwrap();
    let package = copy(dir.path(), "generated");
    // No source that the overlay knows has it.
    let build = "fn main() {\n    let text = \"#[global_allocator] static A: std::alloc::System = std::alloc::System;\";\n    \
                 std::fs::write(std::path::Path::new(&std::env::var_os(\"OUT_DIR\").unwrap()).join(\"a.rs\"), text).unwrap();\n}\n";
    std::fs::write(package.join("build.rs"), build).unwrap();
    let bench = package.join("benches/ok.rs");
    let text = std::fs::read_to_string(&bench).unwrap();
    std::fs::write(&bench, format!("{text}\ninclude!(concat!(env!(\"OUT_DIR\"), \"/a.rs\"));\n")).unwrap();
    let run = memprof(&package, &["--locked", "-benchtime=5x", "--bench", "ok"]);
    says(run, 104, &["failing/ok/ok", "nothing can be counted", "allocator"]);
}

#[test]
fn a_target_without_a_port() {
    let run = memprof(&fixture("failing"), &["--locked", "--target", "riscv64gc-unknown-linux-gnu"]);
    says(run, 104, &["riscv64gc-unknown-linux-gnu has no recorder", "Linux on x86_64 and aarch64"]);
    let run = memprof(&fixture("failing"), &["--locked", "--config", "build.target='riscv64gc-unknown-linux-gnu'"]);
    says(run, 104, &["riscv64gc-unknown-linux-gnu has no recorder"]);
}

#[test]
fn a_target_whose_std_is_not_installed() {
    let missing = |target: &&str| {
        let out = std::process::Command::new("rustc").args(["--print", "target-libdir", "--target", target]).output();
        !Path::new(String::from_utf8(out.unwrap().stdout).unwrap().trim()).exists()
    };
    let Some(target) = ["aarch64-unknown-linux-musl", "x86_64-apple-darwin"].into_iter().find(missing) else {
        eprintln!("SKIPPED: the compiler has std for every target");
        return;
    };
    let run = memprof(&fixture("failing"), &["--locked", "--target", target]);
    says(run, 104, &[&format!("has no std for {target}: `rustup target add {target}`")]);
}

#[test]
fn a_runner_that_is_missing() {
    let config = ["--config", "target.x86_64-unknown-linux-gnu.runner=['no-such-runner', '-L', '/']"];
    let bench = [&["--locked", "-benchtime=5x", "--bench", "ok"], &config[..]].concat();
    says(memprof(&fixture("failing"), &bench), 1, &["cannot run no-such-runner", "target.TRIPLE.runner"]);
    let program = [&["--locked", "--bin", "plain"], &config[..]].concat();
    says(memprof(&fixture("programs"), &program), 1, &["cannot run no-such-runner", "target.TRIPLE.runner"]);
}

/// A runner, as a script of `text`, that is given the bench as its arguments.
fn with_runner(text: &str) -> Run {
    let dir = tempfile::tempdir().unwrap();
    let runner = dir.path().join("runner");
    std::fs::write(&runner, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(&runner, std::fs::Permissions::from_mode(0o755)).unwrap();
    let config = format!("target.x86_64-unknown-linux-gnu.runner=['{}']", runner.display());
    memprof(&fixture("failing"), &["--locked", "-benchtime=5x", "--bench", "ok", "--config", &config])
}

#[test]
fn a_runner_that_asks_at_the_terminal() {
    // As the terminal's own signal does.
    says(with_runner("kill -STOP $$"), 103, &["failing/ok", "was stopped", "cannot ask at the terminal"]);
}

#[test]
fn a_runner_that_starts_it_twice() {
    says(with_runner("\"$@\" && \"$@\""), 103, &["failing/ok", "was started more than once"]);
}

#[test]
fn a_configuration_on_the_line_that_is_none() {
    says(memprof(&fixture("failing"), &["--config", "nonsense"]), 2, &["--config", "`nonsense`"]);
}

/// A compiler that says it is of another time, and cannot compile the runtime.
#[test]
fn a_toolchain_that_is_too_old() {
    let dir = tempfile::tempdir().unwrap();
    let rustc = dir.path().join("rustc");
    let script = "#!/bin/sh\ncase \"$*\" in\n*memprof_rt*) echo 'error: no such syntax' >&2; exit 1;;\n\
                  -vV) rustc -vV | sed 's/1\\.[0-9]*\\.[0-9]*/1.60.0/';;\n*) exec rustc \"$@\";;\nesac\n";
    std::fs::write(&rustc, script).unwrap();
    std::fs::set_permissions(&rustc, std::fs::Permissions::from_mode(0o755)).unwrap();
    let _lock = support::lock();
    let mut command = support::tool(&fixture("failing"));
    command.env("RUSTC", &rustc).arg("--target-dir").arg(dir.path().join("target"));
    let run = Run::new(command.output().unwrap());
    says(run, 104, &["the runtime does not compile with rustc 1.60.0", "Rust 1.70 or newer is needed"]);
}
