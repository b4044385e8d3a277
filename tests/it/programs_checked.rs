//! Whole programs in `check` and against kept results.

use crate::support;
use crate::support::project::Project;

const CONFIG: &str = r#"
[[program]]
target = "bin/plain"
stdin = "input.txt"

[[program]]
name = "leak"
target = "bin/leaky"
args = ["leak"]

[[program]]
name = "shown"
target = "example"
"#;

/// The programs of the fixture, with `config` beside them.
fn project(config: &str) -> Project {
    let project = Project::copy("programs", "");
    project.write("memprof.toml", config);
    project.write("input.txt", "hello\nyou\n");
    project
}

#[test]
fn a_program_that_allocates_more_fails_and_names_the_line() {
    let project = project(CONFIG);
    project.memprof(100, "check --no-profiles").says("bin/plain: has no baseline in memprof-baseline.toml (now ");
    project.memprof(0, "check --accept");
    let accepted = project.read("memprof-baseline.toml");
    for name in ["programs/bin/leaky/leak", "programs/bin/plain", "programs/example/shown"] {
        assert!(accepted.contains(&format!("[benchmark.\"{name}\"]\niterations = 1\n")), "{accepted}");
    }
    assert_eq!(accepted.matches("\npeak_bytes = ").count(), 3, "{accepted}");
    project.memprof(0, "check").says("check passed: 3 benchmarks");

    project.replace("src/lib.rs", "for _ in 0..1000 {\n", "for _ in 0..1001 {\n");
    let worse = project.memprof(100, "check");
    worse.says("plain: allocs ");
    worse.says(" (+2)\n");
    worse.says("programs::keep  src/lib.rs:");
    // 64 bytes that stay, and the vector of 32.
    worse.says(" (+96)\n");
    worse.says("plain: peak B ");
    worse.says(" (+64)\n");
    // What is not selected, and what nothing was changed in.
    project.memprof(0, "check leaky");
    project.memprof(100, "check --bin leaky").says("has no baseline");
}

#[test]
fn budgets_cover_programs_by_their_names() {
    let with = |budget: &str| format!("{CONFIG}\n[[budget]]\n{budget}\n");
    let project = project(&with("benchmarks = \"programs/bin/plain\"\nallocs_per_op = 2000"));
    project.memprof(100, "check --accept");
    let over = project.memprof(100, "check plain --accept");
    over.says("plain: allocs 2,0");
    over.says("the budget is 2,000");
    project
        .write("memprof.toml", &with("benchmarks = \"programs/**\"\npeak_bytes = { max = 1e9 }\nbytes_per_op = 1e9"));
    project.memprof(0, "check");
    // Fails as a bench that crashes does.
    project.write("memprof.toml", &CONFIG.replace("\"input.txt\"", "\"input.txt\"\nargs = [\"3\"]"));
    project.memprof(103, "check plain").says("bin/plain: the program ended with exit code 3");
    project.write("memprof.toml", "[[program]]\ntarget = \"bench/x\"\n");
    project.memprof(102, "check").says("none of bin/NAME, example/NAME and test/NAME");
    project.write("memprof.toml", "[[program]]\ntarget = \"bin/plan\"\n");
    project.memprof(104, "check").says("no bin target `plan`; there are: plain, ");
}

#[test]
fn two_runs_are_compared_by_their_numbers_and_their_profiles() {
    let project = project("");
    let target = project.target.to_str().unwrap();
    let run = |words: &str| {
        let out = project.tool(words, &["--target-dir", target, "--locked", "--bin", "leaky"]);
        (out.status.code(), String::from_utf8(out.stderr).unwrap())
    };
    let missing = run("--baseline never-kept");
    assert_eq!(missing.0, Some(2), "{}", missing.1);
    assert_eq!(run("--save-baseline leaky-before").0, Some(0));
    let same = run("--baseline leaky-before").1;
    assert!(same.contains(" allocs, the same\n") && same.contains(" peak B, the same\n"), "{same}");
    project.replace("src/bin/leaky.rs", "== Some(\"leak\")", "!= Some(\"leak\")");
    let more = run("--baseline leaky-before").1;
    assert!(more.contains(" allocs (+10)\n") && more.contains(" live B at exit (+1,000)\n"), "{more}");
    let kept = project.target.join("memprof/baselines/leaky-before/profiles/programs/bin/leaky/mem.prof");
    let of_last_run =
        |words: &[&str]| support::tool(&project.root).env("CARGO_TARGET_DIR", target).args(words).output().unwrap();
    let base = format!("-base={}", kept.display());
    let pprof = of_last_run(&["pprof", "-top", "-sample_index=inuse_space", &base, "leaky"]);
    let text = String::from_utf8(pprof.stdout).unwrap();
    assert!(text.contains("1000B") && text.contains("programs::keep"), "{text}");
    let report = of_last_run(&["report", "--text"]);
    let text = String::from_utf8(report.stdout).unwrap();
    assert!(text.contains("bin/leaky"), "{text}{}", String::from_utf8_lossy(&report.stderr));
    let of = |name: &str| support::read_profile(project.target.join(name));
    let sum = |profile| support::sum(&profile, "inuse_space", |_| true);
    let now = of("memprof/profiles/programs/bin/leaky/mem.prof");
    assert_eq!(sum(now) - sum(of("memprof/baselines/leaky-before/profiles/programs/bin/leaky/mem.prof")), 1000);
}

#[test]
fn a_run_is_explained_by_its_sites() {
    let folder = support::fixture("programs");
    let run =
        support::memprof_command(&folder, "explain", &["--locked", "-q", "--bin", "plain", "--", "3"]).ends_with(3);
    // What the program prints is on stderr.
    assert!(run.stdout.starts_with("programs/bin/plain: 2,0") && run.stderr.contains("TOLD="), "{}", run.stdout);
    for part in [
        " allocs, ",
        "64,000 B  1,000 allocs  programs::keep  src/lib.rs:",
        "never freed\n",
        "programs::work  src/lib.rs:",
        "grew 12 times, 32 → 131,072 B; freed by the thread that allocated it\n",
        "give it its capacity when it is made: with_capacity(16,384), 131,072 B at the end ",
    ] {
        assert!(run.stdout.contains(part), "{part}:\n{}", run.stdout);
    }
    // There is no other operation to keep a buffer for.
    assert!(!run.stdout.contains("from one operation"), "{}", run.stdout);
    let words = ["--locked", "-q", "--message-format", "json", "--bin", "ends", "--", "aborts"];
    let run = support::memprof_command(&folder, "explain", &words).ends_with(134);
    let line: serde_json::Value = serde_json::from_str(run.stdout.lines().next().unwrap()).unwrap();
    assert_eq!((&line["reason"], &line["run"]), (&"explain".into(), &true.into()));
    assert!(line["notes"].to_string().contains("did not end by itself"), "{}", line["notes"]);
    assert!(line["sites"].as_array().unwrap().len() >= 3);
}
