//! The shapes that projects and builds have: copies of `fixtures/shapes`, changed and built in one way after the other, with
//! exact counts, and nothing of the user's changed by it.
//!
//! Not among them: the nightly toolchain itself, older toolchains, other platforms, for they need compilers that are not part of a
//! plain installation.
//!
//! By itself this tests a core; with MEMPROF_TEST_SLOW everything. MEMPROF_TEST_SHAPE names one case.

mod cases;
mod prepare;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::support::{self, Run, states};
use cases::cases;
use prepare::{append, git, stop_sccache};

/// One way to build.
struct Case {
    name: &'static str,
    fixture: &'static str,
    /// Where the copy lies below a scratch folder.
    folder: &'static str,
    /// Appended to files of the copy; `HERE` stands for the copy's folder, `BESIDE` for the one around it.
    append: &'static [(&'static str, &'static str)],
    /// Any other change to the copy, before it is committed.
    prepare: fn(&Path),
    variables: &'static [(&'static str, &'static str)],
    args: &'static [&'static str],
    /// Full names and bytes; each benchmark has one allocation.
    expected: &'static [(&'static str, f64)],
    /// It shares the target directory of all fixtures; else it is built in its own, from the beginning.
    shared: bool,
    /// Part of the core.
    core: bool,
    /// A file below the folder around the copy that must not be empty afterwards.
    proof: Option<&'static str>,
    /// mem.prof is made, and names the user's own line.
    profiles: bool,
    /// `cargo bench` has built before, with these arguments; behind it all of that is as it was, and cargo has nothing to build.
    built: Option<&'static [&'static str]>,
}

const ALL: &[(&str, f64)] = &[("one/a/10", 10.0), ("one/b/20", 20.0), ("two/a/10", 10.0), ("two/shown/30", 30.0)];
const CASE: Case = Case {
    name: "",
    fixture: "shapes",
    folder: "project",
    append: &[],
    prepare: |_| (),
    variables: &[],
    args: &[],
    expected: ALL,
    shared: true,
    core: false,
    proof: None,
    profiles: false,
    built: None,
};

/// All files, but for the repository's own, whose index `git status` refreshes.
fn sources(project: &Path) -> BTreeMap<PathBuf, support::State> {
    let mut all = states(project, &project.join("target"));
    all.retain(|path, _| !path.starts_with(project.join(".git")));
    all
}

/// Every deviation from the case's expectations.
fn complaints(case: &Case) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let beside = dir.path().canonicalize().unwrap();
    let project = beside.join(case.folder);
    let filled =
        |text: &str| text.replace("BESIDE", beside.to_str().unwrap()).replace("HERE", project.to_str().unwrap());
    support::copy_dir(&support::fixture(case.fixture), &project);
    for (file, text) in case.append {
        append(&project, file, &filled(text));
    }
    (case.prepare)(&project);
    std::fs::write(project.join(".gitignore"), "/target\n").unwrap();
    git(&project, &["init", "--quiet"]);
    git(&project, &["add", "--all"]);
    git(&project, &["commit", "--quiet", "--message", "all"]);
    let before = sources(&project);

    let _lock = support::lock();
    let plain = || {
        case.built.map(|args| {
            let args: Vec<String> = args.iter().map(|arg| filled(arg)).collect();
            let mut command = support::command("cargo", &project);
            Run::new(command.args(["bench", "--no-run", "--locked", "--offline"]).args(args).output().unwrap())
                .ends_with(0)
        })
    };
    let built = |of: &Path| if of.exists() { states(of, &project.join("target/memprof")) } else { BTreeMap::new() };
    plain();
    let built_before = (built(&project.join("target")), built(&beside.join("intermediate")));
    let mut command = support::tool(&project);
    if case.shared {
        command.arg("--target-dir").arg(support::target_dir());
    }
    command
        .args(["--locked", "--offline", "-json", "-benchtime=10x"])
        .args((!case.profiles).then_some("--no-profiles"))
        .args(case.args.iter().map(|arg| filled(arg)));
    command.envs(case.variables.iter().map(|(name, value)| (name, filled(value))));
    let run = Run::new(command.output().unwrap());

    if case.name == "sccache" {
        stop_sccache(&project);
    }

    let mut complaints = Vec::new();
    if run.code != Some(0) {
        let last: Vec<&str> = run.stderr.lines().rev().take(8).collect();
        complaints.push(format!("exit code {:?}: {last:#?}", run.code));
    }
    let finished: BTreeMap<String, (f64, f64, bool)> = run
        .finished_by_name()
        .into_iter()
        .map(|(name, one)| (name, (one.memory.allocs_per_op, one.memory.bytes_per_op, one.memory.exact)))
        .collect();
    let expected: BTreeMap<String, (f64, f64, bool)> =
        case.expected.iter().map(|(name, bytes)| ((*name).to_owned(), (1.0, *bytes, true))).collect();
    if finished != expected {
        complaints.push(format!("{finished:?} instead of {expected:?}"));
    }
    if case.profiles {
        let source = format!("{}/src/lib.rs", project.display());
        for (name, one) in run.finished_by_name() {
            let (package, _) = name.split_once('/').unwrap();
            let profile = support::read_profile(one.profiles.mem.as_ref().unwrap());
            let function = profile.functions.iter().find(|function| *function.name == *format!("{package}::buffer"));
            let source = source.replace("/src/", &format!("/{package}/src/"));
            if function.is_none_or(|function| *function.filename != *source) {
                complaints.push(format!("{name}: no line of {source}: {:?}", function.map(|f| &f.filename)));
            }
        }
    }
    let after = sources(&project);
    if before != after {
        let changed: Vec<_> =
            before.keys().chain(after.keys()).filter(|path| before.get(*path) != after.get(*path)).collect();
        complaints.push(format!("changed: {changed:?}"));
    }
    let status = git(&project, &["status", "--porcelain"]);
    if !status.is_empty() {
        complaints.push(format!("git status: {status}"));
    }
    if built_before != (built(&project.join("target")), built(&beside.join("intermediate"))) {
        complaints.push("what cargo had built is not as it was".to_owned());
    }
    if case.shared && project.join("target").exists() {
        complaints.push("target/ was made".to_owned());
    }
    if let Some(again) = plain().filter(|again| again.stderr.contains("Compiling")) {
        complaints.push(format!("cargo builds again: {}", again.stderr));
    }
    match case.proof.map(|proof| proof.strip_prefix('!').ok_or(proof)) {
        Some(Ok(absent)) if beside.join(absent).exists() => complaints.push(format!("{absent} was made")),
        Some(Err(file)) if std::fs::read(beside.join(file)).is_ok_and(|text| !text.is_empty()) => (),
        Some(Err(file)) => complaints.push(format!("{file} is not there")),
        _ => (),
    }
    complaints.into_iter().map(|complaint| format!("{}: {complaint}", case.name)).collect()
}

#[test]
fn every_shape_is_built_and_counted() {
    let only = std::env::var("MEMPROF_TEST_SHAPE").ok();
    let has_sccache = support::command("sccache", Path::new("/")).arg("--version").output().is_ok();
    let mut failures = Vec::new();
    for case in cases() {
        if only.as_ref().is_some_and(|only| !case.name.contains(only.as_str())) {
            continue;
        }
        if !case.core && !support::test_slow() && only.is_none() {
            eprintln!("SKIPPED: {}; set MEMPROF_TEST_SLOW to test it", case.name);
        } else if case.name == "sccache" && !has_sccache {
            eprintln!("SKIPPED: sccache is not installed; a script stands for it in other cases");
        } else {
            let begun = std::time::Instant::now();
            let found = complaints(&case);
            eprintln!("{} {} ({:.0?})", if found.is_empty() { "ok" } else { "FAILED" }, case.name, begun.elapsed());
            failures.extend(found);
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
