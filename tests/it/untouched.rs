//! Nothing of the user's is changed: sources, Cargo.lock, and target/ but for target/memprof. What is built stays built.

use crate::support;
use std::path::{Path, PathBuf};

use crate::support::{Run, states};

/// A project of a user's in a git repository of its own, with everything committed.
fn project(dir: &Path) -> PathBuf {
    let project = dir.join("project");
    support::copy_dir(&support::fixture("buffer_write"), &project);
    std::fs::write(project.join(".gitignore"), "/target\n/elsewhere\n").unwrap();
    // Everything is built twice from the beginning: as quickly as it can be.
    let manifest = project.join("Cargo.toml");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(manifest, format!("{text}\n[profile.bench.package.\"*\"]\nopt-level = 0\n")).unwrap();
    project
}

fn git(project: &Path, args: &[&str]) -> String {
    let identity = ["-c", "user.name=A Tester", "-c", "user.email=tester@example.org"];
    let out = support::command("git", project).args(identity).args(args).output().unwrap();
    Run::new(out).ends_with(0).stdout
}

fn stays_as_it_was(project: &Path, built: &[&str]) {
    git(project, &["init", "--quiet"]);
    git(project, &["add", "--all"]);
    git(project, &["commit", "--quiet", "--message", "all"]);
    let cargo = support::command("cargo", project).args(["bench", "--no-run", "--locked"]).output().unwrap();
    Run::new(cargo).ends_with(0);
    let own = project.join("target/memprof");
    let before: Vec<_> = built.iter().map(|dir| states(&project.join(dir), &own)).collect();
    assert!(before.iter().all(|states| states.len() > 1), "cargo built in other places: {before:?}");

    let memprof = || {
        let args = ["--locked", "--offline", "-benchtime=20ms"];
        Run::new(support::tool(project).args(args).output().unwrap()).ends_with(0)
    };
    let first = memprof();
    assert!(first.stderr.contains("   Compiling "), "{}", first.stderr);
    assert_eq!(git(project, &["status", "--porcelain"]), "");
    for (dir, before) in built.iter().zip(&before) {
        let after = states(&project.join(dir), &own);
        let names = before.keys().chain(after.keys());
        let changed: Vec<_> = names.filter(|name| before.get(*name) != after.get(*name)).collect();
        assert!(changed.is_empty(), "{changed:?}");
    }
    assert!(own.join("results.jsonl").is_file());

    let second = memprof();
    assert!(!second.stderr.contains("Compiling"), "{}", second.stderr);
    // Neither of the two builds outdates the other.
    let cargo = support::command("cargo", project).args(["bench", "--no-run", "--offline"]).output().unwrap();
    let cargo = Run::new(cargo).ends_with(0);
    assert!(!cargo.stderr.contains("Compiling"), "{}", cargo.stderr);
}

#[test]
fn nothing_but_target_memprof_is_written() {
    let dir = tempfile::tempdir().unwrap();
    stays_as_it_was(&project(dir.path()), &["target"]);
}

#[test]
fn nor_where_intermediate_files_lie_elsewhere() {
    if !support::test_slow() {
        eprintln!("SKIPPED: build.build-dir; set MEMPROF_TEST_SLOW to test it");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let project = project(dir.path());
    std::fs::create_dir(project.join(".cargo")).unwrap();
    std::fs::write(project.join(".cargo/config.toml"), "[build]\nbuild-dir = \"elsewhere\"\n").unwrap();
    stays_as_it_was(&project, &["target", "elsewhere"]);
}
