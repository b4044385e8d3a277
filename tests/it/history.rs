//! `--keep` and `cargo memprof history`: results over commits, as text, JSON, and a page.

use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_memprof::git::git;
use cargo_memprof::history;
use cargo_memprof::results::lines::Run;
use serde_json::{Value, json};

use crate::support::browser::Browser;
use crate::support::web::Server;
use crate::support::{command, fixture, lock, target_dir, tool};
use crate::web_truth::access;

/// A repository whose commits have kept runs: allocations, bytes, and nanoseconds of one benchmark at each.
fn repository(folder: &Path, commits: &[(f64, f64, f64)]) -> PathBuf {
    let run = |words: &[&str]| {
        let mut git = command("git", folder);
        git.args(["-c", "user.name=a", "-c", "user.email=a@b"]).args(words);
        assert!(git.output().unwrap().status.success(), "{words:?}");
    };
    run(&["init", "-q"]);
    let kept = folder.join("kept");
    for (at, (allocs, bytes, ns)) in commits.iter().enumerate() {
        std::fs::write(folder.join("file"), at.to_string()).unwrap();
        run(&["add", "file"]);
        let date = format!("2026-01-{:02}T12:00:00Z", at + 1);
        let mut commit = command("git", folder);
        commit.args(["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", &format!("Change <{at}>")]);
        commit.env("GIT_COMMITTER_DATE", &date).env("GIT_AUTHOR_DATE", &date);
        assert!(commit.status().unwrap().success());
        if at == 1 {
            run(&["tag", "v1.2"]);
        }
        let id = git(folder, &["rev-parse", "HEAD"]).unwrap();
        history::keep(&kept, folder, &results(&id, &[("p/t/g/a", *allocs, *bytes, *ns)])).unwrap();
    }
    kept
}

fn results(commit: &str, rows: &[(&str, f64, f64, f64)]) -> Run {
    let mut text =
        json!({ "reason": "run-started", "format_version": 1, "tool": "0.1.0", "rustc": "1.95.0", "target": "x",
        "profile": "bench", "cpu": "CPU", "commit": commit, "workspace": "/secret/place" })
        .to_string();
    for (name, allocs, bytes, ns) in rows {
        let line = json!({
            "reason": "benchmark-finished", "name": name, "package": "p", "target": "t", "id": &name[4..],
            "harness": "criterion 0.5.1", "group": "g",
            "time": { "ns_per_op": ns, "lower": ns, "upper": ns, "iterations": 10,
                      "samples": [{ "iterations": 10, "nanoseconds": 10.0 * ns }] },
            "memory": { "iterations": 10, "allocs_per_op": allocs, "bytes_per_op": bytes, "frees_per_op": 1.0,
                        "reallocs_per_op": 0.0, "grown_bytes_per_op": 0.0, "retained_bytes_per_op": 0.0,
                        "peak_bytes": 1, "exact": true },
            "profiles": { "mem": "/secret/mem.prof" },
        });
        text += &format!("\n{line}");
    }
    Run::parse(&text).unwrap()
}

fn shown(folder: &Path, words: &[&str]) -> (Option<i32>, String, String) {
    let output = tool(folder).arg("history").args(words).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

const COMMITS: [(f64, f64, f64); 4] = [(1.0, 64.0, 100.0), (1.0, 64.0, 104.0), (3.0, 192.0, 101.0), (2.0, 64.0, 99.0)];

#[test]
fn steps_are_found_at_their_commits() {
    let folder = tempfile::tempdir().unwrap();
    let kept = repository(folder.path(), &COMMITS);
    // Small files, without paths of this machine, that `compare` reads, too.
    let files: Vec<PathBuf> = std::fs::read_dir(&kept).unwrap().map(|one| one.unwrap().path()).collect();
    assert_eq!(files.len(), 4);
    let text = std::fs::read_to_string(&files[0]).unwrap();
    assert!(text.len() < 1500 && !text.contains("secret"), "{text}");
    let compared = tool(folder.path()).arg("compare").args(&files[..2]).output().unwrap();
    assert!(compared.status.success(), "{}", String::from_utf8_lossy(&compared.stderr));

    let (code, text, error) = shown(folder.path(), &["--from", "kept"]);
    assert_eq!(code, Some(0), "{error}");
    let steps: Vec<&str> = text.lines().filter(|line| line.contains('→')).collect();
    assert_eq!(steps.len(), 4, "{text}");
    let third = git(folder.path(), &["rev-parse", "--short=12", "HEAD~1"]).unwrap();
    assert_eq!(steps[0], format!("  allocs/op 1 → 3 at {third} (2026-01-03) Change <2>"));
    assert!(steps[1].starts_with("  B/op 64 → 192 at") && steps[2].starts_with("  allocs/op 3 → 2 at"), "{text}");
    assert!(text.contains("4 commits") && text.contains("ns/op      ▂█▄▁  99.0  (99.0 to 104)"), "{text}");

    let (_, json, _) = shown(folder.path(), &["--from", "kept", "-json"]);
    let line: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&line["reason"], line["points"].as_array().unwrap().len()), (&json!("history"), 4));
    assert_eq!(line["points"][1]["commit"]["subject"], "Change <1>");
    let step = &line["steps"][0];
    assert_eq!((&step["metric"], &step["before"], &step["after"]), (&json!("allocs_per_op"), &json!(1.0), &json!(3.0)));
}

#[test]
fn since_a_revision_and_from_several_folders() {
    let folder = tempfile::tempdir().unwrap();
    let kept = repository(folder.path(), &COMMITS);
    let points = |words: &[&str]| {
        let (code, json, error) = shown(folder.path(), &[words, &["-json"]].concat());
        assert_eq!(code, Some(0), "{error}");
        let lines: Vec<Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        lines.iter().map(|line| line["points"].as_array().unwrap().len()).collect::<Vec<_>>()
    };
    assert_eq!(points(&["--from", "kept", "--since", "v1.2"]), [3]);
    assert_eq!(points(&["--from", "kept", "--since", "HEAD"]), [1]);
    // Another machine's part of the suite, in a folder below another.
    let head = git(folder.path(), &["rev-parse", "HEAD"]).unwrap();
    let other = folder.path().join("artifacts/two");
    history::keep(&other, folder.path(), &results(&head, &[("p/t/g/b", 1.0, 8.0, 5.0)])).unwrap();
    assert_eq!(points(&["--from", "kept", "--from", "artifacts"]), [4, 1]);
    assert_eq!(points(&["--from", "kept", "--from", "artifacts", "/b$"]), [1]);
    // Copied together it is the same.
    for file in std::fs::read_dir(&other).unwrap().map(|one| one.unwrap()) {
        std::fs::copy(file.path(), kept.join(file.file_name())).unwrap();
    }
    assert_eq!(points(&["--from", "kept"]), [4, 1]);
    // Mistakes are told.
    let refused = |words: &[&str], code: i32, part: &str| {
        let (found, _, error) = shown(folder.path(), words);
        assert!(found == Some(code) && error.contains(part), "{found:?} {error}");
    };
    refused(&["--from", "kept", "--since", "nosuch"], 2, "--since nosuch");
    refused(&["--from", "kept", "nothing"], 104, "no kept benchmark matches");
    refused(&[], 2, "--keep");
    refused(&["--from", "kept", "("], 2, "(");
    std::fs::write(kept.join("bad.jsonl"), "{}").unwrap();
    refused(&["--from", "kept"], 2, "bad.jsonl");
}

/// Without the repository, as where artifacts are looked at; and with one whose sources differ from the commit.
#[test]
fn kept_runs_say_of_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let kept = repository(folder.path(), &COMMITS);
    std::fs::write(folder.path().join("file"), "changed").unwrap();
    let head = git(folder.path(), &["rev-parse", "HEAD"]).unwrap();
    history::keep(&kept, folder.path(), &results(&head, &[("p/t/g/a", 9.0, 9.0, 9.0)])).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::rename(&kept, elsewhere.path().join("kept")).unwrap();
    let (code, text, error) = shown(elsewhere.path(), &["--from", "kept", "--since", &head[..7]]);
    assert_eq!(code, Some(0), "{error}");
    assert!(text.contains(&format!("2 commits, {} (2026-01-04) to {}*", &head[..12], &head[..12])), "{text}");
    assert!(text.contains("allocs/op 2 → 9"), "{text}");
}

#[test]
fn a_run_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let _lock = lock();
    let mut run = tool(&fixture("buffer_write"));
    run.args(["-benchtime=1x", "--no-profiles", "--target-dir"]).arg(target_dir());
    let keep = folder.path().join("kept");
    let output = run.arg(format!("--keep={}", keep.display())).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (code, text, error) = shown(folder.path(), &["--from", "kept"]);
    assert_eq!(code, Some(0), "{error}");
    assert!(text.contains("buffer_write/pooled") && text.contains("allocs/op  ▁  "), "{text}");
}

#[test]
fn the_page_draws_lines_with_their_steps() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    repository(folder.path(), &COMMITS);
    let path = folder.path().join("history.html");
    let (code, _, error) = shown(folder.path(), &["--from", "kept", "-o", path.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{error}");
    for (dark, width) in [(false, 1280), (true, 1280), (false, 400)] {
        browser.dark(dark);
        browser.window(width, 900);
        browser.open(&format!("file://{}", path.display()));
        browser.until("document.querySelectorAll('.plot.history').length === 3");
        let wide = browser.eval("document.documentElement.scrollWidth - document.documentElement.clientWidth");
        assert_eq!(wide, 0, "at {width}");
        if let Some(shots) = std::env::var_os("MEMPROF_SCREENSHOTS").map(PathBuf::from) {
            browser.picture(&shots.join(format!("history-{dark}-{width}.png")), true);
        }
    }
    let steps = browser.eval("document.querySelector('#steps').innerText");
    let steps = steps.as_str().unwrap();
    assert!(steps.contains("4 steps") && steps.contains("allocs/op 1 → 3") && steps.contains("Change <2>"), "{steps}");
    // The line goes from one to three, and the step stands between the second and the third commit.
    let places = browser.eval("(() => { const plot = document.querySelector('[data-measure=allocs_per_op]'); return [plot.querySelector('polyline').getAttribute('points').split(' ').map((point) => point.split(',').map(Number)), Number(plot.querySelector('.step').getAttribute('x1'))]; })()");
    let at = |point: usize, axis: usize| places[0][point][axis].as_f64().unwrap();
    assert_eq!(at(0, 1), at(1, 1));
    assert!((at(0, 1) - at(3, 1)) * 2.0 - (at(0, 1) - at(2, 1)) < 0.3 && at(2, 1) < at(3, 1), "{places}");
    let step = places[1].as_f64().unwrap();
    assert!(at(1, 0) < step && step < at(2, 0), "{places}");
    browser.is_content("the history");

    // The same on a server.
    let mut command = tool(folder.path());
    command.args(["history", "--from", "kept", "-http=:0", "-no_browser"]).env("HOME", folder.path());
    let server = Server::start(&mut command);
    browser.open(&format!("{}/", server.url));
    browser.until("document.querySelectorAll('.plot.history').length === 3");
    assert_eq!(browser.eval("document.querySelector('#steps').innerText"), steps);
    assert_eq!(server.get("/benchmark/0.json").status, 404);
    browser.is_content("the history's server");
    if let Some(axe) = access::axe() {
        let there = "document.querySelector('.plot.history')";
        access::assert_accessible(&mut browser, &axe, &[(format!("{}/", server.url), there)]);
        browser.window(1280, 900);
    }

    // The report of a run has it as a view of each benchmark.
    let home = folder.path().join("target/memprof");
    let head = git(folder.path(), &["rev-parse", "HEAD"]).unwrap();
    let lines = results(&head, &[("p/t/g/a", 2.0, 64.0, 99.0)]).lines();
    let text: String = lines.iter().map(|line| format!("{}\n", json!(line))).collect();
    std::fs::create_dir_all(&home).unwrap();
    std::fs::write(home.join("results.jsonl"), text).unwrap();
    std::fs::rename(folder.path().join("kept"), home.join("history")).unwrap();
    let mut report = Command::new(env!("CARGO_BIN_EXE_cargo-memprof"));
    report.current_dir(folder.path()).args(["memprof", "report", "--target-dir", "target", "-o", "report.html"]);
    assert!(report.status().unwrap().success());
    browser.open(&format!("file://{}#p%2Ft%2Fg%2Fa/history", folder.path().join("report.html").display()));
    browser.until("document.querySelectorAll('.content .plot.history').length === 3");
    assert_eq!(browser.eval("document.querySelectorAll('.content .changed li').length"), 4);
    browser.is_content("the report");
}
