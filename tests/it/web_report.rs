//! The report on runs that are made up here: why a benchmark allocates, baselines, growth, peaks; in a real Chromium.
//! With MEMPROF_SCREENSHOTS pictures are left in that folder.

use std::path::{Path, PathBuf};

use crate::support::browser::Browser;
use crate::support::web::Server;
use crate::support::{fixture, lock, target_dir, tool};
use cargo_memprof::explain::{Container, Effect, Explanation, Freeing, Operation, Remedy, Site};
use cargo_memprof::pprof::profile::{Builder, Line, Profile, ValueType, write};
use serde_json::json;

/// The target directory of a run of the group `write`, whose rows have these names and B/op; each with a profile.
fn run(folder: &Path, rows: &[(&str, i64)]) -> PathBuf {
    let home = folder.join("target/memprof");
    let mut lines = vec![json!({ "reason": "run-started", "format_version": 1, "tool": "0.1.0", "rustc": "1.95.0",
        "target": "x86_64-unknown-linux-gnu", "profile": "bench", "cpu": "CPU", "commit": null })];
    for (row, bytes) in rows {
        let at = home.join("profiles/p/pool/write").join(row);
        std::fs::create_dir_all(&at).unwrap();
        std::fs::write(at.join("mem.prof"), write(&profile(folder, *bytes))).unwrap();
        lines.push(json!({
            "reason": "benchmark-finished", "name": format!("p/pool/write/{row}"), "package": "p", "target": "pool",
            "id": format!("write/{row}"), "harness": "criterion 0.5.1", "group": "write",
            "time": { "ns_per_op": 100.0, "lower": 99.0, "upper": 101.0, "iterations": 1000,
                      "samples": [{ "iterations": 1000, "nanoseconds": 100000.0 }] },
            "memory": { "iterations": 10, "allocs_per_op": 1.0, "bytes_per_op": bytes, "frees_per_op": 1.0,
                        "reallocs_per_op": 0.0, "grown_bytes_per_op": 0.0, "retained_bytes_per_op": 0.0,
                        "peak_bytes": bytes, "exact": true },
            "profiles": { "mem": at.join("mem.prof") },
        }));
    }
    lines.push(json!({ "reason": "run-finished", "success": true, "benchmarks": rows.len(), "failed": 0 }));
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    std::fs::write(home.join("results.jsonl"), text).unwrap();
    folder.join("target")
}

/// Ten iterations of `bytes` each, which are the peak, too.
fn profile(folder: &Path, bytes: i64) -> Profile {
    let kinds =
        [("alloc_objects", "count"), ("alloc_space", "bytes"), ("peak_objects", "count"), ("peak_space", "bytes")];
    let mut builder = Builder::new(kinds.iter().map(|(kind, unit)| ValueType::new(kind, unit)).collect());
    builder.profile.default_sample_type = "alloc_space".into();
    builder.profile.comments.push("memprof: iterations=10".into());
    let own = folder.join("src/lib.rs");
    let stack = [
        ("alloc::vec::Vec<T,A>::push", "/rustc/abc/library/alloc/src/vec/mod.rs"),
        ("p::write", own.to_str().unwrap()),
        ("criterion::Bencher::iter", "/u/.cargo/registry/src/index/criterion-0.5.1/src/bencher.rs"),
    ];
    let stack = stack.map(|(name, file)| {
        let function = builder.function(name, "x", file, 0);
        builder.location(None, 0, vec![Line { function, line: 7, column: 0 }])
    });
    builder.sample(stack.to_vec(), vec![10, 10 * bytes, 1, bytes], vec![]);
    builder.finish()
}

/// The report of the run in `target`, as a file.
fn report(target: &Path, words: &[&str]) -> String {
    let path = target.join("report.html");
    let mut command = tool(target.parent().unwrap());
    command.args(["report", "-o"]).arg(&path).arg("--target-dir").arg(target).args(words);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    format!("file://{}", path.display())
}

fn picture(browser: &mut Browser, name: &str) {
    if let Some(folder) = std::env::var_os("MEMPROF_SCREENSHOTS").map(PathBuf::from) {
        browser.picture(&folder.join(format!("{name}.png")), true);
    }
}

fn explanation(markup: &str) -> Explanation {
    let site = Site {
        function: "p::write".into(),
        file: "/w/p/src/lib.rs".into(),
        line: 7,
        source: Some(format!("buffer.push(byte); // {markup}")),
        operation: Operation::Grow(Container::Vec),
        words: format!("Vec; grew 7 times, 8 → 1,024 B {markup}"),
        via: None,
        callers: vec!["p::main".into()],
        allocs_per_op: 8.0,
        bytes_per_op: 2040.0,
        share: 0.666,
        share_of_peak: 0.5,
        fresh: 1.0,
        zeroed: 0.0,
        grown: 7.0,
        shrunk: 0.0,
        sizes: Vec::new(),
        freeing: Freeing::default(),
        threads: 1,
        remedies: vec![Remedy {
            rule: "capacity".into(),
            advice: "give it its capacity when it is made".into(),
            effect: Effect { allocs_per_op: -7.0, bytes_per_op: -1016.0, exact: true },
        }],
        stack: vec!["alloc::vec::Vec<T,A>::push".into()],
    };
    let small = Site { share: 0.001, allocs_per_op: 0.01, remedies: Vec::new(), ..site.clone() };
    Explanation {
        run: false,
        name: "p/pool/write/a".into(),
        allocs_per_op: 9.0,
        bytes_per_op: 3064.0,
        iterations: 1000,
        followed: 16,
        whole: true,
        sites: vec![site, small],
        notes: vec!["nothing else".into()],
    }
}

#[test]
fn why_a_benchmark_allocates_is_a_view() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let target = run(folder.path(), &[("a", 3064), ("b", 64)]);
    let markup = "<img src=x onerror=window.harm=1></script>";
    let mut line = json!(explanation(markup));
    line["reason"] = "explain".into();
    std::fs::write(target.join("memprof/profiles/p/pool/write/a/explain.json"), line.to_string()).unwrap();
    let address = report(&target, &[]);
    for (dark, width) in [(false, 1280), (true, 1280), (false, 420)] {
        browser.dark(dark);
        browser.window(width, 900);
        browser.open(&address);
        browser.eval("location.hash = '0/why'; 0");
        browser.until("document.querySelectorAll('.why > .site').length === 1");
        let text = browser.eval("document.querySelector('.why').innerText").as_str().unwrap().to_owned();
        for part in [
            "p::write",
            "src/lib.rs:7",
            "buffer.push(byte);",
            "grew 7 times",
            "2,040 B/op",
            "8 allocs/op",
            "66.6% of the bytes",
            "give it its capacity when it is made −7 allocs/op, −1,016 B/op",
            "1 more",
            "nothing else",
            markup,
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(browser.eval("window.harm").is_null());
        let wide = browser.eval("document.documentElement.scrollWidth - document.documentElement.clientWidth");
        assert_eq!(wide, 0, "wider than its window of {width}");
        picture(&mut browser, &format!("why-{}-{width}", if dark { "dark" } else { "light" }));
    }
    // A benchmark without an explanation has no such view.
    browser.eval("location.hash = '1'; 0");
    browser.until(
        "document.querySelector('#view-memory') && document.querySelector('h2.benchmark').textContent.endsWith('b')",
    );
    assert!(browser.eval("document.querySelector('#view-why')").is_null());
    browser.is_content("the report");

    // The same on the server.
    let mut command = tool(folder.path());
    command.args(["report", "-http=:0", "-no_browser", "--target-dir"]).arg(&target).env("HOME", folder.path());
    let server = Server::start(&mut command);
    browser.open(&format!("{}/", server.url));
    browser.eval("location.hash = '0/why'; 0");
    browser.until("document.querySelectorAll('.why > .site').length === 1");
    browser.is_content("the run");
}

#[test]
fn what_a_baseline_does_not_have_is_new() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let target = run(folder.path(), &[("a", 100), ("b", 100)]);
    let base = folder.path().join("base.jsonl");
    std::fs::copy(target.join("memprof/results.jsonl"), &base).unwrap();
    run(folder.path(), &[("a", 164), ("b", 100), ("third", 100)]);
    browser.open(&report(&target, &["--baseline", base.to_str().unwrap()]));
    browser.until("document.querySelectorAll('#benchmarks tbody tr').length === 3");
    let row = browser.eval("document.querySelector('#benchmarks tbody tr:last-child').innerText");
    assert_eq!(row.as_str().unwrap().matches("new").count(), 2, "{row}");
    // The file's profiles are those of this run by now: there is nothing to compare them with.
    browser.eval("location.hash = '0'; 0");
    browser.until("document.querySelector('#view-memory')");
    assert!(browser.eval("document.querySelector('#view-difference')").is_null());
    browser.is_content("the report");
}

#[test]
fn a_difference_that_only_grows_is_shown_as_one() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let target = run(folder.path(), &[("a", 100), ("b", 164)]);
    browser.open(&report(&target, &[]));
    browser.eval("location.hash = '1/difference'; 0");
    browser.until("document.querySelector('.profile .whole .grows')?.textContent === '+64 B/op'");
    assert_eq!(browser.eval("memprofFlame.model.isDifference"), true);
    assert_eq!(browser.eval("document.querySelector('.keys').textContent"), "more than beforeless");
    // To the byte in the table, too.
    browser.until("document.querySelector('#toptable th').textContent === 'Flat, B/op'");
    assert_eq!(browser.eval("document.querySelector('#toptable tbody td').textContent"), "+64");
    browser.is_content("the report");
}

#[test]
fn the_peak_is_not_divided() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let target = run(folder.path(), &[("a", 2048), ("b", 4096)]);
    browser.open(&report(&target, &[]));
    // A benchmark's address is its name, which it has in other runs, too.
    browser.click("#benchmarks tbody tr:first-child a");
    browser.until("location.hash === '#p%2Fpool%2Fwrite%2Fa' && document.querySelector('h2.benchmark')");
    // The table leaves out the harness where the flame graph does.
    let functions = |number: usize| format!("document.querySelectorAll('#toptable tbody tr').length === {number}");
    browser.until(&functions(2));
    browser.click("#harness");
    browser.until(&functions(3));
    browser.click("#harness");
    browser.until(&functions(2));
    browser.click("[data-type=peak_space]");
    browser.until("document.querySelector('.profile .whole').textContent === '2,048 B · of one iteration'");
    assert_eq!(browser.eval("document.querySelector('#toptable th').textContent"), "Flat, B");
    browser.click("[data-type=alloc_space]");
    browser.until("document.querySelector('.profile .whole').textContent.startsWith('2,048 B/op')");
    browser.eval("location.hash = '1/difference'; 0");
    browser.until("document.querySelector('#view-difference[aria-current]')");
    browser.click("[data-type=peak_space]");
    browser.until("document.querySelector('.profile .whole').textContent === '+2,048 B · +100% · 2,048 B before, 4,096 B now · of one iteration'");
    browser.is_content("the report");
}

#[test]
fn values_per_operation_are_divided_once() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.prof"), write(&profile(folder.path(), 700))).unwrap();
    let mut command = tool(folder.path());
    command.args(["pprof", "-per_op", "-no_browser", "-http=:0", "a.prof"]).env("HOME", folder.path());
    let server = Server::start(&mut command);
    browser.open(&format!("{}/ui/flamegraph", server.url));
    browser.until("document.querySelector('.whole')?.textContent.startsWith('700 B/op')");
    browser.until("document.querySelector('.flame-details').textContent.includes('700 B/op')");
    browser.open(&format!("{}/ui/flamegraph?perop=f", server.url));
    browser.until("document.querySelector('.flame-details').textContent.includes('700 B/op · 100% of the total (6.84 kB in all)')");
    browser.is_content("the page");
}

#[test]
fn little_is_not_nothing_and_cards_stay_apart() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let long = "preferences_of_everybody.ftl";
    let target = run(folder.path(), &[(long, 4298), ("shared", 17), ("larger", 12608)]);
    let address = report(&target, &[]);
    for (dark, width) in [(false, 1200), (true, 1200), (false, 420), (true, 420)] {
        browser.dark(dark);
        browser.window(width, 900);
        browser.open(&address);
        browser.until("document.querySelectorAll('.measures .measured').length === 12");
        let text = browser.eval("document.querySelector('.measures').innerText").as_str().unwrap().to_owned();
        assert!(text.contains("−99.6%") && !text.contains("−100%"), "{text}");
        // The texts of one line do not overlap.
        let overlaps = browser.eval(
            "[...document.querySelectorAll('.measured')].filter((one) => one.scrollWidth > one.clientWidth + 1 && !one.closest('.names')).map((one) => `${one.innerText}: ${one.scrollWidth} of ${one.clientWidth}`).join('; ')",
        );
        assert_eq!(overlaps, "", "at {width}");
        let cut = browser.eval("(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)(document.querySelector('#benchmarks').parentElement)");
        assert!(width < 1200 || cut == 0, "the table is cut at {width}");
        picture(&mut browser, &format!("cards-{}-{width}", if dark { "dark" } else { "light" }));
    }
}

#[test]
fn a_measuring_run_serves_all_its_benchmarks() {
    let folder = tempfile::tempdir().unwrap();
    let _lock = lock();
    let mut command = tool(&fixture("buffer_write"));
    command.args(["-http=127.0.0.1:0", "-no_browser", "-benchtime=10x", "--target-dir"]).arg(target_dir());
    let server = Server::start(command.env("XDG_CONFIG_HOME", folder.path()));
    let run = server.get("/");
    assert_eq!(run.status, 200);
    for (number, variant) in ["unpooled", "pooled"].into_iter().enumerate() {
        assert!(run.text().contains(&format!("buffer_write/{variant}")));
        let details = server.get(&format!("/benchmark/{number}.json"));
        let details: serde_json::Value = serde_json::from_slice(&details.body).unwrap();
        assert!(details["mem"]["flame"]["parents"].as_array().unwrap().len() > 5, "{variant}");
        assert!(details["why"].is_null(), "nothing was explained");
        let top = server.get(&format!("/p/{number}/mem/ui/top"));
        let data = top.data();
        assert_eq!(data["benchmark"], format!("buffer_write/{variant}"));
        assert!(data["data"]["rows"].as_array().unwrap().iter().any(|row| row["cum"] == data["data"]["total"]));
    }
    assert_eq!(server.get("/benchmark/2.json").status, 404);
}
