//! Help for the end-to-end tests: the tool as a user runs it, on the fixtures, in one target directory that all of them share
//! (MEMPROF_TEST_TARGET, if it is set), so that dependencies are built once.

pub mod browser;
pub mod modules;
pub mod project;
pub mod recorded;
pub mod web;

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::SystemTime;

use cargo_memprof::pprof::profile::{self, Profile};
use cargo_memprof::results::lines::{Finished, Line};

/// Whether what takes many minutes is to be tested as well: `.ci/slow` sets it.
pub fn test_slow() -> bool {
    std::env::var_os("MEMPROF_TEST_SLOW").is_some()
}

/// Whether everything is to be tested, however long it takes: `.ci/run` sets it.
pub fn test_all() -> bool {
    std::env::var_os("MEMPROF_TEST_ALL").is_some()
}

/// The folder of a fixture.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

/// The target that fixtures are built for, if it is not this machine: `tests/platforms/run.sh` runs these tests for others.
pub fn triple() -> Option<String> {
    std::env::var("MEMPROF_TEST_TRIPLE").ok()
}

pub fn is_aarch64() -> bool {
    triple().is_some_and(|triple| triple.starts_with("aarch64"))
}

/// The tests run AArch64's programs in an emulator.
pub fn is_emulated() -> bool {
    is_aarch64()
}

/// The target directory of all fixtures.
pub fn target_dir() -> PathBuf {
    let configured = std::env::var_os("MEMPROF_TEST_TARGET").map(PathBuf::from);
    configured.unwrap_or_else(|| Path::new(env!("CARGO_TARGET_TMPDIR")).join("fixtures"))
}

/// One run of the tool at a time: they share the target directory. Held until it is dropped, against other test processes too.
pub fn lock() -> File {
    lock_of(&target_dir())
}

/// As [`lock`], of tests with a target directory of their own.
pub fn lock_of(target: &Path) -> File {
    std::fs::create_dir_all(target).unwrap();
    let file = File::create(target.join("lock")).unwrap();
    rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive).unwrap();
    file
}

/// `program` in `folder`, without what cargo has told this test process.
pub fn command(program: impl AsRef<OsStr>, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder);
    let cargo_s = |name: &str| {
        // Linkers and runners of other targets stay.
        let kept = name == "CARGO_HOME" || name.starts_with("CARGO_TARGET_") && triple().is_some();
        (name.starts_with("CARGO") && (!kept || name == "CARGO_TARGET_TMPDIR"))
            || name.starts_with("RUSTC")
            || name.starts_with("RUSTFLAGS")
            || name.starts_with("MEMPROF_")
            || name == "LD_LIBRARY_PATH"
    };
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(cargo_s) {
            command.env_remove(name);
        }
    }
    command
}

/// The tool in `folder`, as cargo calls it; nothing is said about the target directory.
pub fn tool(folder: &Path) -> Command {
    let mut command = command(env!("CARGO_BIN_EXE_cargo-memprof"), folder);
    command.arg("memprof");
    command
}

/// The tool on a fixture, in the shared target directory, offline where `cargo fetch` has been.
pub fn memprof(folder: &Path, args: &[&str]) -> Run {
    let _lock = lock();
    let run = Run::new(in_target(tool(folder)).args(args).output().unwrap());
    // The next run replaces the file.
    let results = std::fs::read_to_string(target_dir().join("memprof/results.jsonl")).unwrap_or_default();
    Run { results, ..run }
}

/// As [`memprof`], of another command than `run`.
pub fn memprof_command(folder: &Path, name: &str, args: &[&str]) -> Run {
    let _lock = lock();
    let mut command = tool(folder);
    command.arg(name);
    Run::new(in_target(command).args(args).output().unwrap())
}

/// The command, in the shared target directory, for the target that is tested.
pub fn in_target(command: Command) -> Command {
    built_in(command, &target_dir())
}

/// As [`in_target`], in another directory.
pub fn built_in(mut command: Command, directory: &Path) -> Command {
    command.arg("--target-dir").arg(directory);
    command.args(triple().iter().flat_map(|triple| ["--target", triple]));
    command
}

/// The output and the files of a run.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    /// results.jsonl, if it was [`memprof`] that ran the tool.
    pub results: String,
}

impl Run {
    pub fn new(output: Output) -> Run {
        Run {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            results: String::new(),
        }
    }

    /// Panics with all that was printed unless the exit code is `code`.
    #[track_caller]
    pub fn ends_with(self, code: i32) -> Run {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// The lines of stdout.
    pub fn lines(&self) -> Vec<Line> {
        self.stdout.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }

    /// The measured benchmarks, by id.
    pub fn finished(&self) -> HashMap<String, Finished> {
        let finished = self.lines().into_iter().filter_map(|line| match line {
            Line::BenchmarkFinished(finished) => Some((finished.id.clone(), *finished)),
            _ => None,
        });
        finished.collect()
    }

    /// The measured benchmarks, by full name.
    pub fn finished_by_name(&self) -> HashMap<String, Finished> {
        let finished = self.lines().into_iter().filter_map(|line| match line {
            Line::BenchmarkFinished(finished) => Some((finished.name.clone(), *finished)),
            _ => None,
        });
        finished.collect()
    }

    /// The printed table, without what is said above it on a busy machine.
    pub fn table(&self) -> impl Iterator<Item = &str> {
        self.stdout.lines().filter(|line| !line.starts_with("busy: "))
    }

    /// Lines of stderr that begin with `error: `, without it.
    pub fn errors(&self) -> Vec<&str> {
        self.stderr.lines().filter_map(|line| line.strip_prefix("error: ")).collect()
    }
}

/// Holds `text` against `tests/FOLDER/NAME.snap`; `INSTA_UPDATE=always` writes it.
#[track_caller]
pub fn snapshot(folder: &str, name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

/// The profile in the file at `path`.
pub fn read_profile(path: impl AsRef<Path>) -> Profile {
    let path = path.as_ref();
    let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    profile::read(&bytes).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The sum of the values of type `kind` over the samples of `profile` that `wanted` holds of.
pub fn sum(profile: &Profile, kind: &str, wanted: impl Fn(&profile::Sample) -> bool) -> i64 {
    let column = profile.sample_types.iter().position(|one| &*one.kind == kind).expect(kind);
    profile.samples.iter().filter(|sample| wanted(sample)).map(|sample| sample.values[column]).sum()
}

/// The names of the functions on a sample's stack, the leaf's first.
pub fn functions<'a>(profile: &'a Profile, sample: &'a profile::Sample) -> impl Iterator<Item = &'a str> {
    let locations = sample.locations.iter().map(|&index| &profile.locations[index as usize]);
    locations.flat_map(|location| &location.lines).map(|line| &*profile.functions[line.function as usize].name)
}

/// Gives the copied package at `folder` a version of its own. cargo knows a package of a workspace by name, version and place in
/// the workspace: without this a changed copy and its original would take each other's executables for fresh in the target
/// directory that they share.
pub fn set_apart(folder: &Path, label: &str) {
    const VERSION: &str = "version = \"0.1.0\"";
    let apart = format!("version = \"0.1.0-{label}\"");
    let change = |file: &str, from: &str, to: &str| {
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        assert!(text.contains(from), "{file}: {from}");
        std::fs::write(folder.join(file), text.replacen(from, to, 1)).unwrap();
    };
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    let name = manifest.lines().find(|line| line.starts_with("name = ")).unwrap();
    change("Cargo.toml", VERSION, &apart);
    change("Cargo.lock", &format!("{name}\n{VERSION}"), &format!("{name}\n{apart}"));
}

/// A copy of the folder `from` at `to`, but for what was built in it.
pub fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let at = to.join(entry.file_name());
        if !entry.file_type().unwrap().is_dir() {
            std::fs::copy(entry.path(), at).unwrap();
        } else if entry.file_name() != "target" {
            copy_dir(&entry.path(), &at);
        }
    }
}

/// The properties of a file that may not change.
#[derive(Debug, PartialEq, Eq)]
pub struct State {
    modified: SystemTime,
    inode: u64,
    content: u64,
}

/// All files below `dir` except below `except`.
pub fn states(dir: &Path, except: &Path) -> BTreeMap<PathBuf, State> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path == except {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            found.extend(states(&path, except));
            continue;
        }
        let metadata = path.symlink_metadata().unwrap();
        let mut hasher = DefaultHasher::new();
        std::fs::read(&path).unwrap().hash(&mut hasher);
        let state = State { modified: metadata.modified().unwrap(), inode: metadata.ino(), content: hasher.finish() };
        found.insert(path, state);
    }
    found
}
