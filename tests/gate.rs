//! `check`, baselines, partitions and `merge` end to end, on a copy of a fixture that is changed as a project changes.
//!
//! With MEMPROF_TEST_SLOW set an unchanged project is checked 100 times, else 10 times.

mod support;

use std::fs::File;
use std::path::PathBuf;
use std::process::{Command, Output};

use cargo_memprof::result::check::{Check, Verdict};
use cargo_memprof::result::model::Run;
use support::{copy_dir, fixture, lock, set_apart, target_dir};

/// Beside those of the fixture: one that allocates another amount from pass to pass, one with threads, one with a hash map
/// whose keys are hashed at random.
const MORE: &str = r#"
    static N: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(1);
    group.bench_function("uneven", |b| {
        b.iter(|| {
            let n = N.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            if n.is_power_of_two() { generate_random_data(4096) } else { generate_random_data(16) }
        })
    });
    group.bench_function("threads", |b| {
        b.iter(|| {
            let (send, receive) = std::sync::mpsc::channel();
            std::thread::scope(|scope| {
                for _ in 0..3 {
                    let send = send.clone();
                    scope.spawn(move || (0..40).for_each(|i| drop(send.send(vec![i; 8]))));
                }
                drop(send);
                receive.iter().map(|data| data.len()).sum::<usize>()
            })
        })
    });
    group.bench_function("hash_map", |b| {
        b.iter(|| {
            let mut map = std::collections::HashMap::new();
            (0..1000).for_each(|i| *map.entry(i % 700).or_insert(0) += i);
            (0..700).filter(|i| i % 3 == 0).for_each(|i| assert!(map.remove(&i).is_some()));
            (0..400).for_each(|i| assert!(map.insert(i + 5000, i).is_none()));
            map
        })
    });
    group.finish();"#;

/// A copy of a fixture that may be changed; held by one test at a time.
struct Project {
    root: PathBuf,
    target: PathBuf,
    _lock: File,
}

impl Project {
    /// Copies fixtures/`folder`; the crate is in `inside` of it.
    fn copy(folder: &str, inside: &str) -> Project {
        let (lock, target) = (lock(), target_dir());
        let copy = target.join("gate").join(folder);
        let _ = std::fs::remove_dir_all(&copy);
        copy_dir(&fixture(folder), &copy);
        set_apart(&copy.join(inside), "gate");
        Project { root: copy.join(inside), target, _lock: lock }
    }

    /// buffer_write, with [`MORE`].
    fn new() -> Project {
        let project = Project::copy("buffer_write", "");
        project.replace("benches/buffer_write.rs", "\n    group.finish();", MORE);
        project
    }

    fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.root.join(file)).unwrap()
    }

    fn write(&self, file: &str, text: &str) {
        std::fs::write(self.root.join(file), text).unwrap();
    }

    fn replace(&self, file: &str, from: &str, to: &str) {
        let text = self.read(file);
        assert!(text.contains(from), "{file}: {from}");
        self.write(file, &text.replacen(from, to, 1));
    }

    fn tool(&self, words: &str, more: &[&str]) -> Output {
        let mut command = support::tool(&self.root);
        command.env_remove("GITHUB_STEP_SUMMARY").args(words.split_whitespace()).args(more).output().unwrap()
    }

    /// The tool with these arguments; its exit code must be `code`.
    #[track_caller]
    fn memprof(&self, code: i32, words: &str) -> Printed {
        let target = self.target.to_str().unwrap();
        let out = self.tool(words, &["-benchtime=20ms", "--target-dir", target]);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let printed = Printed { stdout: text(out.stdout), stderr: text(out.stderr) };
        assert_eq!(out.status.code(), Some(code), "{words}\n{}\n{}", printed.stdout, printed.stderr);
        printed
    }
}

struct Printed {
    stdout: String,
    stderr: String,
}

impl Printed {
    fn checks(&self) -> Vec<Check> {
        Run::parse(&self.stdout).unwrap().checks
    }

    #[track_caller]
    fn says(&self, text: &str) {
        assert!(self.stdout.contains(text) || self.stderr.contains(text), "{text}\n{}\n{}", self.stdout, self.stderr);
    }
}

const BASELINE: &str = "memprof-baseline.toml";

/// An allocation more, in the pooled variant.
fn regress(project: &Project) -> String {
    let copy = "let data = std::hint::black_box(data.to_vec());";
    let from = "let mut buffer = pool.get();\n    write_bytes(&mut buffer, data);";
    project.replace(
        "src/lib.rs",
        from,
        &format!("let mut buffer = pool.get();\n    {copy}\n    write_bytes(&mut buffer, &data);"),
    );
    let line = project.read("src/lib.rs").lines().position(|line| line.contains(copy)).unwrap() + 1;
    format!("src/lib.rs:{line}")
}

#[test]
fn a_baseline_holds() {
    let project = Project::new();
    let (sources, benches) = (project.read("src/lib.rs"), project.read("benches/buffer_write.rs"));

    // No baseline: everything is measured and reported, and nothing passes.
    let missing = project.memprof(100, "check --no-profiles -json");
    assert_eq!(missing.checks().len(), 5);
    assert!(missing.checks().iter().all(|check| check.message.contains("has no baseline in memprof-baseline.toml")));

    project.memprof(0, "check --accept");
    let accepted = project.read(BASELINE);
    let pooled = "\
[benchmark.\"buffer_write/buffer_write/buffer_write/pooled\"]
iterations = 100
allocs_per_op = 1
bytes_per_op = 1024
sites = [
    { function = \"buffer_write::generate_random_data\", allocs_per_op = 1, bytes_per_op = 1024 },
]
";
    assert!(accepted.contains(pooled) || accepted.contains(&pooled.replace("100\n", "1000\n")), "{accepted}");
    project.memprof(0, "check --accept").says("up to date");
    assert_eq!(project.read(BASELINE), accepted);

    // Nothing changed, with threads, hash maps and what is never the same: no false alarm.
    for _ in 0..rounds() {
        project.memprof(0, "check --no-profiles").says("check passed: 5 benchmarks");
    }

    // A regression, its numbers, its line.
    let place = regress(&project);
    let worse = project.memprof(100, "check");
    worse.says("buffer_write/pooled: allocs/op 1 → 2 (+1)\n");
    worse.says(&format!("1 allocs/op  buffer_write::process_data_pooled  {place}\n"));
    worse.says("check failed: 1 of 5 benchmarks");
    let github = project.memprof(100, "check --last-run --message-format github");
    github.says(&format!("::error file={},title=cargo memprof::", place.replace(':', ",line=")));
    project.memprof(0, "check unpooled");

    // A budget holds whatever is accepted, and what it covers is matched by its full name.
    project
        .write("memprof.toml", "[[budget]]\nbenchmarks = \"buffer_write/**/pooled\"\nallocs_per_op = 1\nbytes = 3\n");
    let breach = project.memprof(100, "check --accept pooled");
    breach.says("buffer_write/pooled: allocs/op 2, the budget is 1");
    breach.says("the key `budget.0.bytes` is not known; is `bytes_per_op` meant?");
    project.write(BASELINE, &accepted);

    project.write("src/lib.rs", &sources);
    project.memprof(0, "check");

    // What is not exact has no exact budget.
    project.write("memprof.toml", "[[budget]]\nbenchmarks = \"**/uneven\"\nbytes_per_op = 5000\n");
    project.memprof(100, "check uneven").says("give it room: bytes_per_op = { max = ");
    project.write("memprof.toml", "[[budget]]\nbenchmarks = \"**/uneven\"\nbytes_per_op = { max = 5000 }\n");
    project.memprof(0, "check uneven");

    // A configuration, a baseline that cannot be read.
    project.write("memprof.toml", "[[budget]]\nbenchmarks = \"**\"\nallocs_per_op = \"many\"\n");
    project.memprof(102, "check").says("error: memprof.toml:3:17: ");
    std::fs::remove_file(project.root.join("memprof.toml")).unwrap();
    project.write(BASELINE, &accepted.replace("format_version = 1", "format_version = 9"));
    project.memprof(102, "check").says("format_version 9 is not understood");
    project.write(BASELINE, &accepted.replace("allocs_per_op = 1\n", "allocs_per_op = -1\n"));
    project.memprof(102, "check").says("error: memprof-baseline.toml:");
    // Measured elsewhere: said, and no failure.
    project.write(BASELINE, &accepted.replace("rustc = \"", "rustc = \"0.9."));
    project.memprof(0, "check pooled").says("was measured with another rustc: 0.9.");
    project.write(BASELINE, &accepted);

    // A benchmark that vanished; elsewhere than in the filter it may.
    project.replace("benches/buffer_write.rs", "bench_function(\"pooled\"", "bench_function(\"other\"");
    let gone = project.memprof(100, "check -json").checks();
    let failed = |name: &str| gone.iter().find(|c| c.name.ends_with(name) && c.verdict == Verdict::Failed).unwrap();
    assert!(failed("/pooled").message.starts_with("vanished"));
    assert!(failed("/other").message.starts_with("has no baseline"));
    project.memprof(0, "check /unpooled");
    project.memprof(0, "check --accept /other");
    assert!(project.read(BASELINE).contains("/pooled\"]") && project.read(BASELINE).contains("/other\"]"));
    project.memprof(0, "check --accept");
    assert!(!project.read(BASELINE).contains("/pooled\"]"));
    project.write("benches/buffer_write.rs", &benches);
    project.memprof(104, "check nothing_is_called_so");
}

/// How often what has not changed is checked.
fn rounds() -> usize {
    if std::env::var_os("MEMPROF_TEST_SLOW").is_some() { 100 } else { 10 }
}

#[test]
fn threads_and_rayon_are_no_false_alarm() {
    let project = Project::copy("exact", "criterion-0.5");
    project.memprof(0, "check --accept --no-profiles");
    for _ in 0..rounds() {
        project.memprof(0, "check --no-profiles");
    }
}

#[test]
fn kept_results_are_compared() {
    let project = Project::new();
    project.memprof(2, "--baseline none").says("there is no baseline `none`");
    project.memprof(0, "--save-baseline before pooled$");
    let kept = project.target.join("memprof/baselines/before");
    assert!(kept.join("results.jsonl").is_file());
    assert!(kept.join("profiles/buffer_write/buffer_write/buffer_write/pooled/mem.prof").is_file());
    let place = regress(&project);
    project.memprof(0, "--baseline before /pooled$").says("+1,024 B  +1 alloc\n");
    project.memprof(0, "--baseline before /pooled$").says("vs before");
    project.memprof(100, "check --baseline before /pooled$").says(&place);

    // Another machine is said.
    let results = kept.join("results.jsonl");
    let text = std::fs::read_to_string(&results).unwrap();
    let file = project.root.join("elsewhere.jsonl");
    std::fs::write(&file, text.replace("\"rustc\":\"", "\"rustc\":\"0.9.")).unwrap();
    let path = file.to_str().unwrap();
    project.memprof(0, &format!("--baseline {path} /pooled$")).says("another rustc: 0.9.");
    std::fs::write(&file, text.replace("\"format_version\":1", "\"format_version\":7")).unwrap();
    project.memprof(2, &format!("--baseline {path} /pooled$")).says("format_version 7 is not understood");
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn a_revision_is_measured_in_a_tree_of_its_own() {
    let project = Project::new();
    let git = |words: &str| {
        let mut command = support::command("git", &project.root);
        command.args(["-c", "user.name=a", "-c", "user.email=a@example.org"]).args(words.split_whitespace());
        let out = command.output().unwrap();
        assert!(out.status.success(), "{words}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    };
    git("init -q");
    git("add -A");
    git("commit -q -m one");
    let place = regress(&project);
    project.write("untracked", "");
    let before = (git("status --porcelain"), git("worktree list"), git("rev-parse HEAD"));

    project.memprof(0, "--baseline git:HEAD /pooled$").says("+1,024 B  +1 alloc\n");
    project.memprof(100, "check --baseline=git:HEAD /pooled$").says(&place);
    project.memprof(2, "--baseline git:nowhere /pooled$").says("git knows no such revision");
    project.write("src/lib.rs", "this does not build");
    git("commit -q -a -m two");
    git("revert --no-commit HEAD");
    project.memprof(101, "--baseline git:HEAD /pooled$").says("could not be measured");
    git("reset -q --hard HEAD~1");
    regress(&project);
    assert_eq!((git("status --porcelain"), git("worktree list"), git("rev-parse HEAD")), before);
}

#[test]
fn machines_share_the_work() {
    let project = Project::new();
    let list = |words: &str| -> Vec<String> { project.memprof(0, words).stdout.lines().map(str::to_owned).collect() };
    let all = list("list");
    let mut parts = [list("list --partition 1/2"), list("list --partition 2/2")];
    assert!(parts.iter().all(|part| !part.is_empty() && part.len() < all.len()), "{parts:?}");
    let (mut joined, mut sorted) = (parts.concat(), all.clone());
    joined.sort();
    sorted.sort();
    assert_eq!(joined, sorted);
    parts.sort();
    project.memprof(2, "list --partition 3/2").says("it is K/N");

    project.memprof(0, "check --accept");
    let machines = project.root.join("machines");
    let home = project.target.join("memprof");
    for part in ["1", "2"] {
        project.memprof(0, &format!("--partition {part}/2"));
        let machine = machines.join(part);
        std::fs::create_dir_all(&machine).unwrap();
        for folder in ["results.jsonl", "profiles"] {
            let copied = Command::new("cp").arg("-r").arg(home.join(folder)).arg(&machine).status().unwrap();
            assert!(copied.success());
        }
    }
    let dirs = ["1", "2"].map(|part| machines.join(part).to_str().unwrap().to_owned());
    let elsewhere = machines.join("joined").to_str().unwrap().to_owned();
    let merge = |dirs: &[&str]| project.tool("merge --target-dir", &[&[elsewhere.as_str()], dirs].concat());
    assert!(merge(&[&dirs[0], &dirs[1]]).status.success());
    let text = std::fs::read_to_string(machines.join("joined/memprof/results.jsonl")).unwrap();
    let run = Run::parse(&text).unwrap();
    assert_eq!(run.finished.iter().map(|one| one.name.clone()).collect::<Vec<_>>(), sorted);
    assert!(run.finished.iter().all(|one| one.profiles.mem.as_ref().is_some_and(|path| path.starts_with(&elsewhere))));
    let check = project.tool("check --last-run --target-dir", &[&elsewhere]);
    assert_eq!(check.status.code(), Some(0), "{}", String::from_utf8_lossy(&check.stdout));

    // The same benchmark with another count is a conflict.
    let twisted = text.replace("\"allocs_per_op\":9.0", "\"allocs_per_op\":8.5");
    std::fs::write(machines.join("1/results.jsonl"), &twisted).unwrap();
    std::fs::write(machines.join("2/results.jsonl"), &text).unwrap();
    let conflict = merge(&[&dirs[0], &dirs[1]]);
    assert_eq!(conflict.status.code(), Some(2));
    let said = String::from_utf8(conflict.stderr).unwrap();
    assert!(said.starts_with("error: buffer_write/") && said.contains("with different counts"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}
