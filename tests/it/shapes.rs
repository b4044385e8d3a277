//! The shapes that projects and builds have: copies of `fixtures/shapes`, changed and built in one way after the other, with
//! exact counts, and nothing of the user's changed by it.
//!
//! Not among them: the nightly toolchain itself, older toolchains, other platforms, for they need compilers that are not part of a
//! plain installation.
//!
//! By itself this tests a core; with MEMPROF_TEST_SLOW everything. MEMPROF_TEST_SHAPE names one case.

use crate::support;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::support::{Run, states};

/// One way to build.
struct Case {
    name: &'static str,
    fixture: &'static str,
    /// Where the copy lies below a scratch folder.
    folder: &'static str,
    /// Appended to files of the copy; `HERE` stands for the copy's folder, `BESIDE` for the one around it.
    append: &'static [(&'static str, &'static str)],
    /// What else is done to the copy, before it is committed.
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

const SCCACHE_PORT: &str = "4597";
const PROFILE: &str = "\n[profile.bench]\n";

fn cases() -> Vec<Case> {
    // Changes of a profile build everything anew, but in the shared directory only once.
    let profile =
        |name, text: &'static [(&'static str, &'static str)]| Case { name, append: text, profiles: true, ..CASE };
    let config = profile;
    let selection = |name, args, expected| Case { name, args, expected, core: true, ..CASE };
    vec![
        selection("a virtual workspace", &[], ALL),
        selection("a package", &["-p", "two"], &[("two/a/10", 10.0), ("two/shown/30", 30.0)]),
        selection("all but one", &["--workspace", "--exclude", "two"], &[("one/a/10", 10.0), ("one/b/20", 20.0)]),
        selection("a target", &["--bench", "b"], &[("one/b/20", 20.0)]),
        selection("two packages' targets of one name", &["--bench", "a"], &[("one/a/10", 10.0), ("two/a/10", 10.0)]),
        selection("a feature", &["-p", "one", "-F", "big"], &[("one/a/10", 1010.0), ("one/b/20", 1020.0)]),
        selection(
            "a required feature",
            &["-p", "two", "-F", "more"],
            &[("two/a/10", 10.0), ("two/shown/30", 30.0), ("two/with_more/40", 40.0)],
        ),
        selection(
            "all features",
            &["--all-features"],
            &[
                ("one/a/10", 1010.0),
                ("one/b/20", 1020.0),
                ("two/a/10", 10.0),
                ("two/shown/30", 30.0),
                ("two/with_more/40", 40.0),
            ],
        ),
        Case {
            name: "from a member's folder",
            folder: "project",
            args: &["--manifest-path", "one/Cargo.toml"],
            expected: &[("one/a/10", 10.0), ("one/b/20", 20.0)],
            core: true,
            ..CASE
        },
        Case {
            name: "a wrapper of rustc, in the environment",
            prepare: wrapper,
            variables: &[("RUSTC_WRAPPER", "BESIDE/wrapper")],
            proof: Some("wrapper.log"),
            core: true,
            ..CASE
        },
        Case {
            name: "a wrapper of rustc, on the command line",
            prepare: wrapper,
            args: &["--config", "build.rustc-wrapper='BESIDE/wrapper'"],
            proof: Some("wrapper.log"),
            core: true,
            ..CASE
        },
        Case {
            name: "a wrapper of rustc, in the configuration",
            append: &[(".cargo/config.toml", "[build]\nrustc-wrapper = 'BESIDE/wrapper'\n")],
            prepare: wrapper,
            proof: Some("wrapper.log"),
            ..CASE
        },
        Case {
            name: "a wrapper for the workspace's own crates",
            prepare: wrapper,
            variables: &[("RUSTC_WORKSPACE_WRAPPER", "BESIDE/wrapper")],
            proof: Some("wrapper.log"),
            ..CASE
        },
        Case {
            name: "a runner",
            append: &[(".cargo/config.toml", "[target.x86_64-unknown-linux-gnu]\nrunner = ['BESIDE/wrapper']\n")],
            prepare: wrapper,
            proof: Some("wrapper.log"),
            core: true,
            ..CASE
        },
        Case {
            name: "a runner, on the command line",
            prepare: wrapper,
            args: &["--config", "target.x86_64-unknown-linux-gnu.runner=['BESIDE/wrapper']"],
            proof: Some("wrapper.log"),
            ..CASE
        },
        Case {
            name: "a toolchain file",
            append: &[("rust-toolchain.toml", "[toolchain]\nchannel = 'stable'\n")],
            core: true,
            ..CASE
        },
        profile("lto = fat", &[("Cargo.toml", PROFILE), ("Cargo.toml", "lto = 'fat'\n")]),
        profile("lto = thin", &[("Cargo.toml", PROFILE), ("Cargo.toml", "lto = 'thin'\n")]),
        profile("codegen-units = 1", &[("Cargo.toml", PROFILE), ("Cargo.toml", "codegen-units = 1\n")]),
        profile("strip = true", &[("Cargo.toml", PROFILE), ("Cargo.toml", "strip = true\n")]),
        // A profile's `panic` does not hold for benches.
        config("panic = abort", &[(".cargo/config.toml", "[build]\nrustflags = ['-Cpanic=abort']\n")]),
        profile(
            "debug of a package",
            &[("Cargo.toml", "\n[profile.bench.package.one]\ndebug = false\nopt-level = 1\n")],
        ),
        profile(
            "split debug info",
            &[("Cargo.toml", PROFILE), ("Cargo.toml", "debug = 2\nsplit-debuginfo = 'unpacked'\n")],
        ),
        profile("incremental", &[("Cargo.toml", PROFILE), ("Cargo.toml", "incremental = true\n")]),
        Case { name: "another profile", args: &["--profile", "dev"], ..CASE },
        Case { name: "a profile on the command line", args: &["--config", "profile.bench.opt-level=1"], ..CASE },
        config("target-cpu", &[(".cargo/config.toml", "[build]\nrustflags = ['-Ctarget-cpu=native']\n")]),
        Case { name: "a target triple", args: &["--target", "x86_64-unknown-linux-gnu"], ..CASE },
        config(
            "a target triple in the configuration",
            &[(".cargo/config.toml", "[build]\ntarget = 'x86_64-unknown-linux-gnu'\n")],
        ),
        Case {
            name: "a target triple by --config",
            args: &["--config", "build.target='x86_64-unknown-linux-gnu'"],
            ..CASE
        },
        Case {
            name: "a folder with a space and letters",
            folder: "mein Projekt · 計測",
            shared: false,
            profiles: true,
            built: Some(&[]),
            ..CASE
        },
        Case {
            name: "build.target-dir",
            append: &[(".cargo/config.toml", "[build]\ntarget-dir = 'BESIDE/target elsewhere'\n")],
            shared: false,
            proof: Some("target elsewhere/memprof/results.jsonl"),
            ..CASE
        },
        Case {
            name: "build.build-dir",
            append: &[(".cargo/config.toml", "[build]\nbuild-dir = 'BESIDE/intermediate'\n")],
            shared: false,
            proof: Some("!intermediate"),
            ..CASE
        },
        Case {
            name: "build.build-dir on the command line",
            args: &["--config", "build.build-dir='BESIDE/intermediate'"],
            shared: false,
            proof: Some("intermediate/.rustc_info.json"),
            built: Some(&["--config", "build.build-dir='BESIDE/intermediate'"]),
            ..CASE
        },
        Case {
            name: "the new layout of the build directory",
            // As a nightly cargo has it.
            variables: &[("RUSTC_BOOTSTRAP", "1"), ("CARGO_UNSTABLE_BUILD_DIR_NEW_LAYOUT", "true")],
            shared: false,
            profiles: true,
            ..CASE
        },
        Case {
            name: "CARGO_HOME elsewhere",
            prepare: cargo_home,
            variables: &[("CARGO_HOME", "BESIDE/cargo home")],
            shared: false,
            ..CASE
        },
        Case { name: "a vendored criterion", prepare: vendored, ..CASE },
        Case { name: "criterion by path", prepare: by_path, ..CASE },
        Case { name: "criterion from git", prepare: from_git, ..CASE },
        Case {
            name: "sccache",
            prepare: sccache,
            variables: &[
                ("RUSTC_WRAPPER", "sccache"),
                ("SCCACHE_DIR", "BESIDE/cache"),
                ("SCCACHE_SERVER_PORT", SCCACHE_PORT),
            ],
            shared: false,
            ..CASE
        },
        Case {
            name: "other allocators",
            fixture: "allocators",
            args: &["--workspace"],
            expected: &[
                ("allocators/by_macro/by_macro", 80.0),
                ("allocators/mi/mi", 60.0),
                ("allocators/je/je", 70.0),
                ("old/of_2015/old", 15.0),
            ],
            ..CASE
        },
        Case {
            name: "an allocator under lto",
            fixture: "allocators",
            append: &[("Cargo.toml", PROFILE), ("Cargo.toml", "lto = 'fat'\ncodegen-units = 1\n")],
            args: &["-p", "old"],
            expected: &[("old/of_2015/old", 15.0)],
            ..CASE
        },
    ]
}

/// Notes how it was called, and becomes what it was called for.
fn wrapper(project: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let beside = project.parent().unwrap();
    let path = beside.join("wrapper");
    let log = beside.join("wrapper.log");
    std::fs::write(&path, format!("#!/bin/sh\necho \"$@\" >> '{}'\nexec \"$@\"\n", log.display())).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn cargo(project: &Path, args: &[&str]) -> String {
    Run::new(support::command("cargo", project).args(args).output().unwrap()).ends_with(0).stdout
}

fn git(folder: &Path, args: &[&str]) -> String {
    let identity = ["-c", "user.name=A Tester", "-c", "user.email=tester@example.org"];
    Run::new(support::command("git", folder).args(identity).args(args).output().unwrap()).ends_with(0).stdout
}

/// What is downloaded is taken from the real one.
fn cargo_home(project: &Path) {
    let real = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let real = real.unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cargo"));
    let home = project.parent().unwrap().join("cargo home");
    std::fs::create_dir_all(&home).unwrap();
    std::os::unix::fs::symlink(real.join("registry"), home.join("registry")).unwrap();
}

fn vendored(project: &Path) {
    let beside = project.parent().unwrap();
    let vendor = beside.join("vendor");
    let text = cargo(project, &["vendor", "--locked", "--offline", vendor.to_str().unwrap()]);
    append(project, ".cargo/config.toml", &text);
}

/// A copy of criterion's sources beside the project.
fn criterion(project: &Path) -> PathBuf {
    let metadata = cargo(project, &["metadata", "--format-version=1", "--locked", "--offline"]);
    let metadata: serde_json::Value = serde_json::from_str(&metadata).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let criterion = packages.iter().find(|package| package["name"] == "criterion").unwrap();
    let from = Path::new(criterion["manifest_path"].as_str().unwrap()).parent().unwrap();
    let copy = project.parent().unwrap().join("criterion");
    support::copy_dir(from, &copy);
    copy
}

fn by_path(project: &Path) {
    criterion(project);
    append(project, "Cargo.toml", "\n[patch.crates-io]\ncriterion = { path = \"../criterion\" }\n");
    cargo(project, &["metadata", "--format-version=1", "--offline"]);
}

fn from_git(project: &Path) {
    let copy = criterion(project);
    git(&copy, &["init", "--quiet"]);
    git(&copy, &["add", "--all"]);
    git(&copy, &["commit", "--quiet", "--message", "all"]);
    let text = format!("\n[patch.crates-io]\ncriterion = {{ git = \"file://{}\" }}\n", copy.display());
    append(project, "Cargo.toml", &text);
    cargo(project, &["metadata", "--format-version=1"]);
}

/// One that runs already would be asked instead of one with the case's own variables.
fn sccache(project: &Path) {
    stop_sccache(project);
}

/// Its server outlives the compiler's calls.
fn stop_sccache(project: &Path) {
    let mut command = support::command("sccache", project);
    let _ = command.arg("--stop-server").env("SCCACHE_SERVER_PORT", SCCACHE_PORT).output();
}

fn append(project: &Path, file: &str, text: &str) {
    let path = project.join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let before = std::fs::read_to_string(&path).unwrap_or_default();
    std::fs::write(&path, before + text).unwrap();
}

/// All files, but for the repository's own, whose index `git status` refreshes.
fn sources(project: &Path) -> BTreeMap<PathBuf, support::State> {
    let mut all = states(project, &project.join("target"));
    all.retain(|path, _| !path.starts_with(project.join(".git")));
    all
}

/// What is not as it should be.
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
