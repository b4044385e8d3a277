//! The report of a whole program: its numbers, its timeline, and what is shown of a part of it.

use std::path::{Path, PathBuf};

use cargo_memprof::pprof::profile::{Builder, Line, Profile, ValueType, write};
use serde_json::{Value, json};

use crate::support::browser::Browser;
use crate::support::web::Server;
use crate::support::{fixture, lock, target_dir, tool};
use crate::web_truth::access;

const STEPS: u64 = 10_000;
const MS: u64 = 1_000_000;

/// Each stack has a value of each kind.
fn profile(kinds: &[(&str, &str)], stacks: &[(&[&str], &[i64])]) -> Profile {
    let mut builder = Builder::new(kinds.iter().map(|(kind, unit)| ValueType::new(kind, unit)).collect());
    for (stack, values) in stacks {
        let locations = stack.iter().rev().map(|name| {
            let function = builder.function(name, name, "/w/src/main.rs", 1);
            builder.location(None, 0, vec![Line { function, line: 7, column: 0 }])
        });
        let locations = locations.collect();
        builder.sample(locations, values.to_vec(), vec![]);
    }
    builder.finish()
}

/// A program of ten seconds whose live memory grows to 1,000,000 bytes in the middle and falls again, half of it by `p::a`;
/// its second thread works in the second half only.
fn program(folder: &Path) -> PathBuf {
    let at = folder.join("target/memprof/profiles/p/bin/server");
    std::fs::create_dir_all(&at).unwrap();
    let kinds = [
        ("alloc_objects", "count"),
        ("alloc_space", "bytes"),
        ("inuse_objects", "count"),
        ("inuse_space", "bytes"),
        ("peak_objects", "count"),
        ("peak_space", "bytes"),
    ];
    let stacks: &[(&[&str], &[i64])] =
        &[(&["main", "p::a"], &[7, 7000, 1, 100, 3, 500_000]), (&["main", "p::b"], &[9, 900, 0, 0, 0, 0])];
    std::fs::write(at.join("mem.prof"), write(&profile(&kinds, stacks))).unwrap();
    std::fs::write(
        at.join("cpu.prof"),
        write(&profile(&[("samples", "count"), ("cpu", "nanoseconds")], &[(&["main"], &[3, 12_000_000])])),
    )
    .unwrap();
    std::fs::write(at.join("temporary.prof"), write(&profile(&kinds[..2], &[(&["main", "p::b"], &[9, 900])]))).unwrap();
    let half = STEPS / 2;
    let steps = (0..STEPS).map(|step| {
        let live = 200 * if step < half { step } else { STEPS - step };
        json!({ "at_ns": step * MS, "live_blocks": 1, "live_bytes": live, "allocs": step * 3, "bytes": 0, "frees": 0,
                "threads": [[1, step * MS / 2], [2, step.saturating_sub(half) * MS]], "sites": [[0, live / 2], [1, live / 4]] })
    });
    let timeline = json!({ "version": 1, "step_ns": MS, "wall_ns": STEPS * MS, "threads": { "1": "main", "2": "worker" },
        "sites": [["p::a (/w/src/main.rs:7)", "main (/w/src/main.rs:1)"], ["alloc::vec::push (/rustc/1/library/alloc/src/vec.rs:1)", "main (/w/src/main.rs:1)"]],
        "steps": steps.collect::<Vec<_>>() });
    std::fs::write(at.join("timeline.json"), timeline.to_string()).unwrap();
    let path = |name: &str| at.join(name).to_str().unwrap().to_owned();
    let lines = [
        json!({ "reason": "run-started", "format_version": 1, "tool": "0.1.0", "rustc": "1.95.0", "target": "x", "profile": "release", "cpu": "CPU", "commit": null }),
        json!({ "reason": "program-finished", "name": "p/bin/server", "package": "p", "target": "server", "kind": "bin", "args": ["--port", "<0>"],
            "exit": { "code": 3 }, "wall_ns": STEPS * MS, "cpu_ns": 7 * STEPS * MS / 10,
            "memory": { "allocs": 30_000, "bytes": 7900, "frees": 1, "reallocs": 0, "peak_bytes": 1_000_000, "peak_at_ns": half * MS, "peak_exact": true,
                        "live_blocks": 1, "live_bytes": 100, "temporary_allocs": 9, "exact": true, "sampled_rate": null, "recording_bytes": 1, "stacks": 2 },
            "profiles": { "mem": path("mem.prof"), "cpu": path("cpu.prof") }, "timeline": path("timeline.json") }),
        json!({ "reason": "run-finished", "success": true, "benchmarks": 0, "failed": 0 }),
    ];
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    std::fs::write(folder.join("target/memprof/results.jsonl"), text).unwrap();
    folder.join("target")
}

fn report(folder: &Path, target: &Path) -> String {
    let path = folder.join("report.html");
    let mut command = tool(folder);
    command.args(["report", "-o"]).arg(&path).arg("--target-dir").arg(target);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    format!("file://{}", path.display())
}

fn text(browser: &mut Browser, selector: &str) -> String {
    let found = browser.eval(&format!("document.querySelector({selector:?})?.innerText ?? null"));
    found.as_str().unwrap_or_else(|| panic!("there is no {selector}")).replace('\u{a0}', " ")
}

/// The functions of the graph with their own and their callees' values.
const SHOWN: &str = "Object.fromEntries(memprofFlame.tree.frame.map((frame, at) => [memprofFlame.model.flame.sources[frame].name, memprofFlame.tree.up[at]]))";

#[test]
fn a_part_of_the_timeline_governs_what_is_shown() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let address = report(folder.path(), &program(folder.path()));
    for (width, dark) in [(1800, false), (1280, true), (400, false)] {
        browser.window(width, 900);
        browser.dark(dark);
        browser.open(&address);
        browser.until("document.querySelector('.timeline') && window.memprofFlame?.boxes > 1");
        let wide = browser.eval("document.documentElement.scrollWidth - document.documentElement.clientWidth");
        assert_eq!(wide, 0, "at {width}");
        if let Some(shots) = std::env::var_os("MEMPROF_SCREENSHOTS").map(PathBuf::from) {
            browser.picture(&shots.join(format!("program-{width}.png")), true);
        }
    }
    browser.window(1280, 900);
    let figures = text(&mut browser, ".figures");
    for part in ["exit 3", "10 s", "7 s", "976.6 kB", "at 5 s", "in 30,000 allocations", "100 B", "in 1 block"] {
        assert!(figures.contains(part), "{part}: {figures}");
    }
    assert!(text(&mut browser, "main").contains("server --port <0>"));
    // The chips: everything, the peak, what was never freed.
    assert_eq!(browser.eval(SHOWN)["p::a"], 7000);
    browser.click("[data-chip=peak]");
    browser.until("memprofFlame.model.column.kind === 'peak_space'");
    assert_eq!(browser.eval(SHOWN)["p::a"], 500_000);
    browser.click("[data-chip=leaked]");
    browser.until("memprofFlame.model.column.kind === 'inuse_space'");
    assert_eq!(browser.eval(SHOWN)["p::a"], 100);
    assert_eq!(text(&mut browser, "#leaks"), "100 B in 1 block never freed");
    browser.click("[data-chip=temporary]");
    browser.until("document.querySelectorAll('.chip, .profile').length && memprofFlame.model.flame.sources.some(({ name }) => name === 'p::b')");
    // From 2.5 to 5 seconds: at the highest moment half of the million is `p::a`'s and a quarter small.
    let drag = |browser: &mut Browser, from: f64, to: f64| {
        let at = browser.eval("(() => { document.querySelector('.timeline').scrollIntoView({ block: 'center' }); const box = document.querySelector('.timeline').getBoundingClientRect(); return [box.left, box.top + 60, box.width]; })()");
        let [left, top, width] = [0, 1, 2].map(|part| at[part].as_f64().unwrap());
        let x = |second: f64| left + (110.0 + second / 10.0 * 1066.0) / 1200.0 * width;
        for (kind, second, button) in [
            ("mousePressed", from, "left"),
            ("mouseMoved", (from + to) / 2.0, "left"),
            ("mouseMoved", to, "left"),
            ("mouseReleased", to, "left"),
        ] {
            browser.call(
                "Input.dispatchMouseEvent",
                json!({ "type": kind, "x": x(second), "y": top, "button": button, "buttons": 1, "clickCount": 1 }),
            );
        }
    };
    drag(&mut browser, 2.5, 5.0);
    browser.until("document.querySelector('#held') && location.hash.includes('br=')");
    let shown = browser.eval(SHOWN);
    let of = |shown: &Value, name: &str| shown[name].as_f64().unwrap();
    let near = |value: f64, expected: f64| (value / expected - 1.0).abs() < 0.01;
    assert!(
        near(of(&shown, "p::a"), 500_000.0)
            && near(of(&shown, "(smaller ones)"), 250_000.0)
            && near(of(&shown, "root"), 1e6),
        "{shown}"
    );
    let held = text(&mut browser, ".held");
    assert!(held.contains("+488") && held.contains("CPU main 1.25 s") && !held.contains("worker"), "{held}");
    assert!(text(&mut browser, "#held").contains("p::a (/w/src/main.rs:7)"));
    // In the second half the worker runs.
    drag(&mut browser, 6.0, 8.0);
    browser.until("document.querySelector('.held').innerText.includes('worker 2 s')");
    assert!(text(&mut browser, ".held").contains("−390"), "{}", text(&mut browser, ".held"));
    browser.eval("new Promise((done) => setTimeout(done, 400))");
    browser.eval("window.memprofFlame = null; location.reload(); 0");
    browser.until("window.memprofFlame?.boxes > 1 && document.querySelector('.held')?.innerText.includes('worker')");
    // By keys, too; Escape shows everything again.
    browser.eval("document.querySelector('.timeline').focus(); 0");
    let before = text(&mut browser, ".held");
    browser.key("ArrowRight");
    browser.until(&format!("document.querySelector('.held').innerText !== {}", json!(before)));
    browser.key("Escape");
    browser.until("!document.querySelector('.held') && document.querySelector('.profile')");
    // How fast the brush follows a pointer over ten thousand steps.
    let rate = browser.eval("(async () => { const plot = document.querySelector('.timeline'); const box = plot.getBoundingClientRect(); const send = (kind, x) => plot.dispatchEvent(new PointerEvent(kind, { clientX: box.left + x, clientY: box.top + 50, pointerId: 1 })); plot.setPointerCapture = () => {}; send('pointerdown', 100); const started = performance.now(); for (let at = 0; at < 60; at++) { send('pointermove', 130 + at * 8); await new Promise(requestAnimationFrame); } send('pointerup', 620); return 60000 / (performance.now() - started); })()");
    eprintln!("{:.0} frames a second while brushing {STEPS} steps", rate.as_f64().unwrap());
    browser.is_content("the program");

    // The same on the server, with pprof's pages.
    let mut command = tool(folder.path());
    command.args(["report", "-http=:0", "-no_browser", "--target-dir", "target"]).env("HOME", folder.path());
    let server = Server::start(&mut command);
    browser.open(&format!("{}/", server.url));
    browser.until("window.memprofFlame?.boxes > 1 && document.querySelector('.timeline')");
    browser.click("#pages-mem");
    browser.until("location.pathname === '/p/0/mem/ui/flamegraph' && memprofFlame.boxes > 1");
    browser.is_content("the server");
}

/// With all of its chips, as a file and on the server.
#[test]
fn axe_has_nothing_serious_to_say_of_programs() {
    let (Some(axe), Some(mut browser)) = (access::axe(), Browser::start()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = report(folder.path(), &program(folder.path()));
    let mut command = tool(folder.path());
    command.args(["report", "-http=:0", "-no_browser", "--target-dir", "target"]).env("HOME", folder.path());
    let server = Server::start(&mut command);
    let there = "document.querySelector('.timeline') && document.querySelector('.flame-details strong')";
    let pages = ["all", "temporary", "cpu"].into_iter().map(|chip| (format!("{file}#?chip={chip}"), there));
    let brushed = (format!("{}/#?br=2500000000-5000000000", server.url), "document.querySelector('#held')");
    access::assert_accessible(&mut browser, &axe, &pages.chain([brushed]).collect::<Vec<_>>());
}

/// A program that was really run.
#[test]
fn a_run_of_a_program_is_reported() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let _lock = lock();
    let mut command = tool(&fixture("programs"));
    let output = command.args(["--locked", "--bin", "counted", "--target-dir"]).arg(target_dir()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let results = std::fs::read_to_string(target_dir().join("memprof/results.jsonl")).unwrap();
    let line = results.lines().find(|line| line.contains("program-finished")).unwrap();
    let line: Value = serde_json::from_str(line).unwrap();
    let path = folder.path().join("report.html");
    let mut command = tool(&fixture("programs"));
    command.args(["report", "-o"]).arg(&path).arg("--target-dir").arg(target_dir());
    assert!(command.output().unwrap().status.success());
    browser.open(&format!("file://{}", path.display()));
    browser.until("window.memprofFlame?.boxes > 1");
    assert_eq!(browser.eval("memprofFlame.tree.up[0]"), line["memory"]["bytes"]);
    browser.click("[data-chip=temporary]");
    browser.until("memprofFlame.model.flame.columns.some(({ kind }) => kind === 'alloc_objects') && !memprofFlame.model.flame.columns.some(({ kind }) => kind === 'peak_space')");
    let temporary = browser.eval("memprofFlame.model.flame.columns.find(({ kind }) => kind === 'alloc_objects').total");
    assert_eq!(temporary, line["memory"]["temporary_allocs"]);
    browser.is_content("the program");
}
