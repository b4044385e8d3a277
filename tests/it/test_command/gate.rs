//! Baselines and budgets of tests.

use std::path::Path;

use crate::support::{Run, lock, target_dir, tool};

const SOURCE: &str = r#"#[cfg(test)]
mod parser {
    #[test]
    fn one() {
        drop(std::hint::black_box(vec![0u8; 100]));
    }

    #[test]
    fn two() {
        std::mem::forget(std::hint::black_box((Box::new(1u64), Box::new(2u64))));
    }
}
"#;
const MANIFEST: &str =
    "[package]\nname = \"gated\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[lib]\ndoctest = false\n\n[workspace]\n";

/// With a target directory for each name: cargo takes packages of one name in one directory for the same.
struct Project(tempfile::TempDir, &'static str);

impl Project {
    fn new(name: &'static str) -> Project {
        let project = Project(tempfile::tempdir().unwrap(), name);
        std::fs::create_dir(project.0.path().join("src")).unwrap();
        project.write("Cargo.toml", MANIFEST);
        project.write("src/lib.rs", SOURCE);
        project
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, file: &str, text: &str) {
        std::fs::write(self.path().join(file), text).unwrap();
    }

    fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.path().join(file)).unwrap()
    }

    #[track_caller]
    fn memprof(&self, code: i32, arguments: &str) -> Run {
        let _lock = lock();
        let mut command = tool(self.path());
        let (name, rest) = arguments.split_once(' ').unwrap_or((arguments, ""));
        command
            .args([name, "--offline", "--target-dir"])
            .arg(target_dir().join("gated").join(self.1))
            .args(rest.split_whitespace());
        Run::new(command.output().unwrap()).ends_with(code)
    }
}

#[test]
fn a_baseline_holds_the_tests() {
    let project = Project::new("baseline");
    let missing = project.memprof(100, "test --check");
    assert!(missing.stdout.contains("parser::one: has no baseline in memprof-baseline.toml"), "{}", missing.stdout);
    project.memprof(0, "test --check --accept");
    let text = project.read("memprof-baseline.toml");
    let entries = "\n[test.\"gated/lib/parser::one\"]\nallocs_per_op = 1\nbytes_per_op = 100\n\n\
                   [test.\"gated/lib/parser::two\"]\nallocs_per_op = 2\nbytes_per_op = 16\n";
    assert!(text.ends_with(entries), "{text}");
    let passed = project.memprof(0, "test --check");
    assert!(passed.stdout.ends_with("\ncheck passed: 2 tests\n"), "{}", passed.stdout);
    project.memprof(0, "test --check --accept");
    assert_eq!(project.read("memprof-baseline.toml"), text);

    let worse =
        SOURCE.replace("        drop(std", "        drop(std::hint::black_box(Box::new(7u8)));\n        drop(std");
    project.write("src/lib.rs", &worse);
    // `check` finds no benches, and judges the tests.
    for command in ["test --check", "check"] {
        let failed = project.memprof(100, command);
        for part in [
            "FAILED    parser::one: allocs/op 1 → 2 (+1)\n",
            "            1 allocs/op  gated::parser::one  src/lib.rs:5\n",
            "check failed: 1 of 2 tests; if the change is meant: cargo memprof test --check --accept\n",
        ] {
            assert!(failed.stdout.contains(part), "{command}: {part}\n{}", failed.stdout);
        }
    }
    // A filter leaves the other out of its sight, gone or not.
    project.memprof(0, "test two --check");
    project.write("src/lib.rs", &SOURCE.replace("fn two", "fn three"));
    let gone = project.memprof(100, "test --check");
    let vanished = "gated/lib/parser::two: vanished: it is in the baseline, but not among the tests\n";
    assert!(gone.stdout.contains(vanished.trim_start_matches("gated/lib/")), "{}", gone.stdout);
    assert!(gone.stdout.contains("parser::three: has no baseline"), "{}", gone.stdout);
    project.memprof(0, "test one --check");
    project.memprof(0, "test --check --accept");
    assert!(!project.read("memprof-baseline.toml").contains("parser::two"));
}

#[test]
fn the_last_run_is_judged_and_shown() {
    let project = Project::new("last-run");
    project.memprof(0, "test --check --accept --profiles");
    let passed = project.memprof(0, "check --last-run");
    assert!(passed.stdout.ends_with("\ncheck passed: 2 tests\n"), "{}", passed.stdout);
    project.write("memprof.toml", "[[budget]]\ntests = \"**\"\nallocs_per_op = 1\n");
    // The results are still there, and once more.
    for _ in 0..2 {
        let failed = project.memprof(100, "check --last-run");
        for part in [
            "FAILED    parser::two: allocs/op 2, the budget is 1\n",
            "  gated::parser::two  src/lib.rs:10\n",
            "check failed: 1 of 2 tests",
        ] {
            assert!(failed.stdout.contains(part), "{part}\n{}", failed.stdout);
        }
    }
    // A filter leaves the other out of this check alone.
    project.memprof(104, "check --last-run none");
    project.memprof(0, "check --last-run one");
    project.memprof(100, "check --last-run");

    let pprof = |arguments: &str| {
        let mut command = tool(project.path());
        command.arg("pprof").args(arguments.split_whitespace());
        command.env("CARGO_TARGET_DIR", target_dir().join("gated").join(project.1));
        Run::new(command.output().unwrap())
    };
    project.memprof(0, "test --profiles two");
    let top = pprof("-top -sample_index=alloc_objects parser::two").ends_with(0).stdout;
    assert!(top.contains("gated::parser::two"), "{top}");
    let cpu = pprof("-top parser::two:cpu").ends_with(2).stderr;
    assert!(cpu.contains("gated/lib/parser::two has no cpu.prof; tests have mem.prof only"), "{cpu}");
    let unknown = pprof("-top parser::three").ends_with(2).stderr;
    assert!(unknown.contains("nor is it a test of the last run, which has gated/lib/parser::two"), "{unknown}");
    project.memprof(0, "test two");
    let none = pprof("-top parser::two").ends_with(2).stderr;
    assert!(none.contains("`cargo memprof test --profiles` makes one"), "{none}");
}

#[test]
fn budgets_cover_tests_by_their_paths() {
    let project = Project::new("budgets");
    let budget =
        |globs: &str, limit: &str| project.write("memprof.toml", &format!("[[budget]]\ntests = {globs}\n{limit}\n"));
    budget("[\"parser::*\"]", "allocs_per_op = 1");
    let failed = project.memprof(100, "test --check");
    assert!(failed.stdout.contains("FAILED    parser::two: allocs/op 2, the budget is 1\n"), "{}", failed.stdout);
    assert!(failed.stdout.contains("check failed: 1 of 2 tests; "), "{}", failed.stdout);
    budget("\"gated/lib/*one\"", "allocs_per_op = 1\nretained_bytes_per_op = 0");
    project.memprof(0, "check");
    budget("\"**\"", "retained_bytes_per_op = 0");
    let leaks = project.memprof(100, "check");
    assert!(leaks.stdout.contains("parser::two: retained B/op 16, the budget is 0"), "{}", leaks.stdout);
    budget("\"nothing*\"", "allocs_per_op = 0");
    let idle = project.memprof(0, "test --check");
    assert!(idle.stderr.contains("warning: no test matches the budget of `nothing*`"), "{}", idle.stderr);
}

#[test]
fn a_kept_run_is_compared_with() {
    let project = Project::new("kept");
    project.memprof(0, "test --save-baseline before");
    project.write("src/lib.rs", &SOURCE.replace("100]", "60]"));
    let compared = project.memprof(0, "test --baseline before");
    let row = |name: &str| compared.stdout.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
    assert!(row("test ").ends_with("vs before") && row("parser::one").ends_with("−40 B"), "{}", compared.stdout);
    assert!(row("parser::two").ends_with("same"), "{}", compared.stdout);
    project.memprof(2, "test --baseline another");
    let junit = project.memprof(0, "test --message-format junit").stdout;
    assert!(junit.contains("<testcase name=\"parser::one\" classname=\"gated/lib\""), "{junit}");
    let markdown = project.memprof(0, "test --message-format markdown").stdout;
    assert!(markdown.contains("| parser::one | 1 | 60 | 60 | 0 | 0 |\n"), "{markdown}");
}
