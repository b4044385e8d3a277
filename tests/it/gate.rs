//! `check`, partitions and `merge` end to end, on a copy of a fixture that is changed as a project changes.
//!
//! With MEMPROF_TEST_SLOW set an unchanged project is checked 100 times, else 10 times.

use crate::support;
use std::process::Command;

use crate::support::project::{Project, regress};
use cargo_memprof::formats;
use cargo_memprof::results::check::Verdict;
use cargo_memprof::results::lines::Run;

const BASELINE: &str = "memprof-baseline.toml";

/// The story of a gate: a baseline, a regression that it stops, and the ways in which it might pass without having looked.
#[test]
fn it_fails_where_it_should() {
    let project = Project::new();
    let (sources, benches) = (project.read("src/lib.rs"), project.read("benches/buffer_write.rs"));
    project.memprof(0, "check --accept");
    project.memprof(0, "check").says("check passed: 2 benchmarks");

    let place = regress(&project);
    let worse = project.memprof(100, "check");
    worse.says("buffer_write/pooled: allocs/op 1 → 2 (+1)\n");
    worse.says(&format!("1 allocs/op  buffer_write::process_data_pooled  {place}\n"));
    worse.says("check failed: 1 of 2 benchmarks");
    // A format without a place for the verdict.
    let worse = project.memprof(100, "check --message-format csv");
    assert!(worse.stderr.contains("allocs/op 1 → 2 (+1)\n"), "{}", worse.stderr);
    assert!(worse.stderr.contains("check failed: 1 of 2 benchmarks"), "{}", worse.stderr);
    project.memprof(0, "check unpooled");
    project.write("src/lib.rs", &sources);
    project.memprof(0, "check");

    // The bench is gone: nothing else says that it has been.
    let start = benches.find("    group.bench_function(\"pooled\"").unwrap();
    let end = benches.find("    group.finish();").unwrap();
    project.write("benches/buffer_write.rs", &format!("{}{}", &benches[..start], &benches[end..]));
    let gone = project.memprof(100, "check");
    gone.says("buffer_write/pooled: vanished: it is in the baseline, but not among the benchmarks\n");
    project.memprof(0, "check /unpooled");
    project.write("benches/buffer_write.rs", &benches);
    project.memprof(0, "check");

    // The executable that counts has no counter in it.
    let built = project.memprof(0, "--no-run").stderr;
    let counted = built.lines().find_map(|line| line.split_once(" and ")).expect("built TIMED and COUNTED").1.trim();
    let timed = counted.strip_suffix("-counted").unwrap();
    std::fs::remove_file(counted).unwrap();
    std::fs::hard_link(timed, counted).unwrap();
    let uncounted = project.memprof(104, "check -json");
    assert_eq!(Run::parse(&uncounted.stdout).unwrap().failed.len(), 2);
    uncounted.says("the counting allocator is not linked into this bench");
    std::fs::remove_file(counted).unwrap();
    project.memprof(0, "check");
    project.memprof(104, "check nothing_is_called_so");
}

#[test]
fn the_committed_text_and_the_budgets() {
    let project = Project::new();
    // No baseline: everything is measured and reported, and nothing passes.
    let missing = project.memprof(100, "check --no-profiles -json");
    assert_eq!(missing.checks().len(), 2);
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
    // Without profiles nothing is known of sites; those of what is as it was stay.
    project.memprof(0, "check --accept --no-profiles").says("up to date");
    assert_eq!(project.read(BASELINE), accepted);

    // A budget holds whatever is accepted, and what it covers is matched by its full name.
    let place = regress(&project);
    project
        .write("memprof.toml", "[[budget]]\nbenchmarks = \"buffer_write/**/pooled\"\nallocs_per_op = 1\nbytes = 3\n");
    let breach = project.memprof(100, "check --accept pooled");
    breach.says("buffer_write/pooled: allocs/op 2, the budget is 1");
    breach.says("1 of 2 benchmarks; if the change is meant: another budget in memprof.toml (--accept excuses none)\n");
    breach.says("the key `budget.0.bytes` is not known; is `bytes_per_op` meant?");
    project.write(BASELINE, &accepted);

    // The last run is judged again without running, and stays as it was.
    let results = project.target.join("memprof/results.jsonl");
    let before = std::fs::read_to_string(&results).unwrap();
    let github = project.memprof(100, "check --last-run --message-format github");
    github.says(&format!("::error file={},title=cargo memprof::", place.replace(':', ",line=")));
    // In a repository whose workspace is not at its top, with a page for the run.
    let summary = project.root.join("summary.md");
    let mut command = support::tool(&project.root);
    command.env("GITHUB_WORKSPACE", project.root.parent().unwrap()).env("GITHUB_STEP_SUMMARY", &summary);
    command.args(["check", "--last-run", "--message-format=github", "--target-dir"]).arg(&project.target);
    let below = String::from_utf8(command.output().unwrap().stdout).unwrap();
    assert!(below.contains(&format!("::error file=buffer_write/{}", place.replace(':', ",line="))), "{below}");
    assert!(std::fs::read_to_string(&summary).unwrap().starts_with("### cargo memprof\n\n- ❌ "));
    project.memprof(0, "check --last-run /unpooled");
    project.memprof(104, "check --last-run /none").says("no benchmark or test of the last run matched");
    assert_eq!(std::fs::read_to_string(&results).unwrap(), before);
    project
        .memprof(2, "check --last-run -memprofile all.prof")
        .says("--memprofile is of a run, and --last-run runs nothing");
    std::fs::remove_file(project.root.join("memprof.toml")).unwrap();
    let regressed =
        accepted.replace("allocs_per_op = 1\nbytes_per_op = 1024\n", "allocs_per_op = 2\nbytes_per_op = 2048\n");
    project.write(BASELINE, &regressed);
    // A failure outside the filter does not matter here.
    let failed = "{\"reason\":\"benchmark-failed\",\"name\":\"buffer_write/buffer_write/x\",\"package\":\"buffer_write\",\
                  \"target\":\"buffer_write\",\"id\":\"x\",\"error\":\"e\"}\n";
    std::fs::write(&results, format!("{before}{failed}")).unwrap();
    project.memprof(0, "check --last-run /pooled$");
    project.memprof(103, "check --last-run");
    // Nobody has looked whether the benchmark that is not in it is gone.
    let is_unpooled = |line: &&str| line.contains("benchmark-finished") && line.contains("/unpooled\",\"package\"");
    let without: String = before.lines().filter(|line| !is_unpooled(line)).map(|line| format!("{line}\n")).collect();
    std::fs::write(&results, without).unwrap();
    let kept = project.memprof(100, "check --last-run --accept");
    kept.says(
        "/unpooled: vanished: it is in the baseline, but not among the benchmarks (of the last run); its entry is kept",
    );
    assert!(project.read(BASELINE).contains("/unpooled\"]"));
    project.write(BASELINE, &regressed);
    // A page that cannot be written keeps nothing from being shown.
    let mut command = support::tool(&project.root);
    command.env("GITHUB_STEP_SUMMARY", project.root.join("no/such/folder"));
    command.args(["check", "--last-run", "/pooled$", "--message-format=github", "--target-dir"]).arg(&project.target);
    let out = command.output().unwrap();
    let text = (String::from_utf8(out.stdout).unwrap(), String::from_utf8(out.stderr).unwrap());
    assert!(
        out.status.code() == Some(1) && text.0.contains("check passed") && text.1.contains("cannot write"),
        "{text:?}"
    );
    // Of another commit.
    if before.contains("\"commit\":\"") {
        std::fs::write(&results, before.replace("\"commit\":\"", "\"commit\":\"0000")).unwrap();
        project.memprof(104, "check --last-run").says("it is of commit 0000");
    }
    project.write(BASELINE, &accepted);

    // A configuration, a baseline that cannot be read: nothing is built, and the JSON is whole.
    project.write("memprof.toml", "[[budget]]\nbenchmarks = \"**\"\nallocs_per_op = \"many\"\n");
    let unread = project.memprof(102, "check -json");
    unread.says("error: memprof.toml:3:17: ");
    let last = unread.stdout.lines().last().unwrap();
    assert!(last.starts_with("{\"reason\":\"run-finished\",\"success\":false,") && last.contains("memprof.toml:3:17"));
    let junit = project.memprof(102, "check --message-format junit").stdout;
    assert!(junit.contains("<testsuites ") && junit.contains("memprof.toml:3:17: "), "{junit}");
    std::fs::remove_file(project.root.join("memprof.toml")).unwrap();
    for (from, to, said) in [
        ("format_version = 1", "format_version = 9", "memprof-baseline.toml: format_version 9 is not understood"),
        ("format_version = 1", "format_version = 0", "memprof-baseline.toml: format_version 0 is not understood"),
        ("allocs_per_op = 1\n", "allocs_per_op = -1\n", "-1 is no amount"),
        ("allocs_per_op = 1\n", "allocs_per_op = nan\n", "NaN is no amount"),
        ("allocs_per_op = 1\n", "", "missing field `allocs_per_op`"),
        ("[measured]", "[measured", "memprof-baseline.toml:5:10: unclosed table"),
        ("/pooled\"]", "/unpooled\"]", "duplicate key"),
    ] {
        assert!(accepted.contains(from), "{from}");
        project.write(BASELINE, &accepted.replacen(from, to, 1));
        let refused = project.memprof(102, "check");
        refused.says(said);
        let errors = refused.stderr.lines().filter(|line| line.starts_with("error: memprof-baseline.toml:"));
        assert_eq!(errors.count(), 1, "{}", refused.stderr);
        assert_eq!(refused.stdout, "");
    }
    // A link to a device without an end, which is left as it is.
    for (file, command) in [(BASELINE, "check"), (BASELINE, "check --accept"), ("memprof.toml", "check")] {
        let link = project.root.join(file);
        let _ = std::fs::remove_file(&link);
        std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
        project.memprof(102, command).says("it has more than 256 MiB, or no end");
        assert!(link.is_symlink());
        std::fs::remove_file(&link).unwrap();
    }
    // Measured elsewhere: said, and no failure.
    project.write(BASELINE, &accepted.replace("rustc = \"", "rustc = \"0.9."));
    project.memprof(0, "check /unpooled").says("was measured with another rustc: 0.9.");
    // Of another package: nothing of it is here, and nothing that is here is in it.
    project.write(BASELINE, &accepted.replace("[benchmark.\"buffer_write/", "[benchmark.\"other/"));
    project.memprof(100, "check").says("memprof-baseline.toml is of another package: other");
    project.write(BASELINE, &accepted);

    // A new name: one vanished, one has no entry; elsewhere than in the filter it may.
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
}

/// How often what has not changed is checked.
fn rounds() -> usize {
    if support::test_slow() { 100 } else { 10 }
}

/// Threads, rayon, hash maps, and what is never the same: no false alarm.
#[test]
fn what_varies_is_no_false_alarm() {
    let project = Project::copy("varying", "");
    project.memprof(0, "check --accept --no-profiles");
    let alarms: Vec<String> = (0..rounds())
        .filter_map(|_| {
            let out =
                project.tool("check --no-profiles -benchtime=20ms --target-dir", &[project.target.to_str().unwrap()]);
            let text = String::from_utf8_lossy(&out.stdout).into_owned();
            (out.status.code() != Some(0) || !text.contains("check passed: 8 benchmarks")).then_some(text)
        })
        .collect();
    assert!(alarms.is_empty(), "{} of {}:\n{}", alarms.len(), rounds(), alarms.join("\n"));

    // An inexact count has no exact budget.
    project.write("memprof.toml", "[[budget]]\nbenchmarks = \"**/uneven\"\nbytes_per_op = 5000\n");
    project.memprof(100, "check uneven").says("give it room: bytes_per_op = { max = ");
    project.write("memprof.toml", "[[budget]]\nbenchmarks = \"**/uneven\"\nbytes_per_op = { max = 5000 }\n");
    project.memprof(0, "check uneven");
}

#[test]
fn machines_share_the_work() {
    let project = Project::copy("varying", "");
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
        project.memprof(0, &format!("check --partition {part}/2"));
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
    assert_eq!(run.finished.iter().map(|one| one.name.clone()).collect::<Vec<_>>(), all);
    assert!(run.finished.iter().all(|one| one.profiles.mem.as_ref().is_some_and(|path| path.starts_with(&elsewhere))));
    let check = project.tool("check --last-run --target-dir", &[&elsewhere]);
    assert_eq!(check.status.code(), Some(0), "{}", String::from_utf8_lossy(&check.stdout));

    // Nothing falls into the part of one of very many machines, and that is no failure of its.
    project.memprof(0, "check --no-profiles --partition 1/1000").says("no benchmark falls into this part");
    // A benchmark of no part is nowhere.
    project
        .memprof(104, "check --no-profiles --partition 1/1000 nothing_is_called_so")
        .says("matches `nothing_is_called_so`");

    // The same benchmark with another count is a conflict.
    let mut twisted = run.clone();
    twisted.finished[0].memory.allocs_per_op += 1.0;
    let twisted: String = twisted.lines().iter().map(formats::json::line).collect();
    std::fs::write(machines.join("1/results.jsonl"), twisted).unwrap();
    std::fs::write(machines.join("2/results.jsonl"), &text).unwrap();
    let conflict = merge(&[&dirs[0], &dirs[1]]);
    assert_eq!(conflict.status.code(), Some(2));
    let said = String::from_utf8(conflict.stderr).unwrap();
    assert!(said.starts_with("error: varying/") && said.contains("with different counts"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}
