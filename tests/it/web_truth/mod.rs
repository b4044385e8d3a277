//! What the report's pages say is true, and is what the terminal says: comparisons, differences, samples. On runs that are made
//! up here, in a real Chromium.

pub mod access;
mod blocks;
mod groups;
mod large;
mod looks;

use std::path::{Path, PathBuf};

use crate::support::browser::Browser;
use crate::support::tool;
use crate::support::web::Server;
use cargo_memprof::history;
use cargo_memprof::pprof::profile::{Builder, Line, Profile, ValueType, write};
use cargo_memprof::results::lines::Run;
use serde_json::json;

/// A benchmark of the package `p`, target `t`.
struct Row {
    id: &'static str,
    group: &'static str,
    ns: f64,
    /// Half the interval of the time, if there is one.
    spread: Option<f64>,
    bytes: f64,
    range: Option<[f64; 2]>,
    mem: Option<Profile>,
    cpu: Option<Profile>,
    /// Iterations and nanoseconds of each; one of ten iterations if it is empty.
    samples: Vec<(u64, f64)>,
}

fn row(id: &'static str, ns: f64, bytes: f64) -> Row {
    let group = id.split('/').next().unwrap();
    Row { id, group, ns, spread: Some(0.01 * ns), bytes, range: None, mem: None, cpu: None, samples: Vec::new() }
}

/// Ten iterations; each stack, from the root, has bytes per iteration. `address` is where the executable lies.
fn heap(address: u64, stacks: &[(&[&str], i64)]) -> Profile {
    let kinds = [("alloc_objects", "count"), ("alloc_space", "bytes")];
    let values = stacks.iter().map(|(stack, bytes)| (*stack, vec![10, 10 * bytes]));
    profile(&kinds, address, values)
}

/// Ten iterations; each stack has samples, of 4 ms.
fn cpu(stacks: &[(&[&str], i64)]) -> Profile {
    let kinds = [("samples", "count"), ("cpu", "nanoseconds")];
    profile(&kinds, 0x10, stacks.iter().map(|(stack, samples)| (*stack, vec![*samples, samples * 4_000_000])))
}

fn profile<'a>(
    kinds: &[(&str, &str)],
    address: u64,
    stacks: impl Iterator<Item = (&'a [&'a str], Vec<i64>)>,
) -> Profile {
    let mut builder = Builder::new(kinds.iter().map(|(kind, unit)| ValueType::new(kind, unit)).collect());
    builder.profile.comments.push("memprof: iterations=10".into());
    let mut next = address;
    for (stack, values) in stacks {
        let locations = stack.iter().rev().map(|name| {
            next += 16;
            // Each build has sources of its own.
            let function = builder.function(name, name, &format!("/build-{address}/src/lib.rs"), 1);
            builder.location(None, next, vec![Line { function, line: 7, column: 0 }])
        });
        let locations = locations.collect();
        builder.sample(locations, values, vec![]);
    }
    builder.finish()
}

/// Writes the results and their profiles below `home`; the path of the results.
fn results(home: &Path, rows: &[Row]) -> PathBuf {
    let mut lines = vec![json!({ "reason": "run-started", "format_version": 1, "tool": "0.1.0", "rustc": "1.95.0",
        "target": "x86_64-unknown-linux-gnu", "profile": "bench", "cpu": "CPU", "commit": null })];
    for row in rows {
        let at = home.join("profiles").join(row.id);
        std::fs::create_dir_all(&at).unwrap();
        let written = |name: &str, profile: &Option<Profile>| {
            let profile = profile.as_ref()?;
            std::fs::write(at.join(name), write(profile)).unwrap();
            Some(at.join(name))
        };
        let samples = if row.samples.is_empty() { &[(10, 10.0 * row.ns)][..] } else { &row.samples };
        let samples: Vec<_> = samples.iter().map(|(n, ns)| json!({ "iterations": n, "nanoseconds": ns })).collect();
        let (lower, upper) = (row.spread.map(|spread| row.ns - spread), row.spread.map(|spread| row.ns + spread));
        let mut line = json!({
            "reason": "benchmark-finished", "name": format!("p/t/{}", row.id), "package": "p", "target": "t",
            "id": row.id, "harness": "criterion 0.5.1", "group": row.group,
            "time": { "ns_per_op": row.ns, "lower": lower, "upper": upper, "iterations": 10,
                      "samples": samples },
            "memory": { "iterations": 10, "allocs_per_op": 1.0, "bytes_per_op": row.bytes, "frees_per_op": 1.0,
                        "reallocs_per_op": 0.0, "grown_bytes_per_op": 0.0, "retained_bytes_per_op": 0.0,
                        "peak_bytes": row.bytes as u64, "exact": row.range.is_none() },
            "profiles": { "mem": written("mem.prof", &row.mem), "cpu": written("cpu.prof", &row.cpu) },
        });
        if let Some(range) = row.range {
            line["memory"]["bytes_per_op_range"] = json!(range);
        }
        lines.push(line);
    }
    lines.push(json!({ "reason": "run-finished", "success": true, "benchmarks": rows.len(), "failed": 0 }));
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    std::fs::create_dir_all(home).unwrap();
    std::fs::write(home.join("results.jsonl"), text).unwrap();
    home.join("results.jsonl")
}

/// A run, perhaps compared with another one, and the report of it.
struct Made {
    folder: tempfile::TempDir,
    words: Vec<String>,
}

impl Made {
    fn new(rows: &[Row], base: Option<&[Row]>) -> Made {
        let folder = tempfile::tempdir().unwrap();
        results(&folder.path().join("target/memprof"), rows);
        let base = base.map(|base| results(&folder.path().join("main"), base));
        let words = base.into_iter().flat_map(|base| ["--baseline".to_owned(), base.to_str().unwrap().to_owned()]);
        Made { words: words.collect(), folder }
    }

    fn report(&self, words: &[&str]) -> String {
        let mut command = tool(self.folder.path());
        command.arg("report").args(words).args(&self.words).args(["--target-dir", "target"]);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// Serves the report.
    fn serve(&self) -> Server {
        let mut command = tool(self.folder.path());
        command.args(["report", "-http=:0", "-no_browser"]).args(&self.words).args(["--target-dir", "target"]);
        Server::start(command.env("HOME", self.folder.path()))
    }

    /// Keeps the run as that of two commits.
    fn keep_twice(&self) {
        let home = self.folder.path().join("target/memprof");
        let text = std::fs::read_to_string(home.join("results.jsonl")).unwrap();
        for commit in ["0123456789abcdef", "123456789abcdef0"] {
            let run = Run::parse(&text.replace("\"commit\":null", &format!("\"commit\":\"{commit}\""))).unwrap();
            history::keep(&home.join("history"), self.folder.path(), &run).unwrap();
        }
    }

    /// Opens the report as a file.
    fn open(&self, browser: &mut Browser, hash: &str) {
        let path = self.folder.path().join("report.html");
        self.report(&["-o", path.to_str().unwrap()]);
        browser.open("about:blank?");
        browser.open(&format!("file://{}{hash}", path.display()));
        browser.until("document.querySelector('main').children.length");
    }
}

fn text(browser: &mut Browser, selector: &str) -> String {
    let found = browser.eval(&format!("document.querySelector({selector:?})?.innerText ?? null"));
    found.as_str().unwrap_or_else(|| panic!("there is no {selector}")).replace('\u{a0}', " ")
}

fn picture(browser: &mut Browser, name: &str) {
    if let Some(folder) = std::env::var_os("MEMPROF_SCREENSHOTS").map(PathBuf::from) {
        browser.picture(&folder.join(format!("{name}.png")), true);
    }
}

/// What is compared, and how sure it is, as the terminal has it.
#[test]
fn doubt_is_shown_as_in_the_terminal() {
    let Some(mut browser) = Browser::start() else { return };
    let mut rows = [row("g/a", 100.0, 1_000_000.0), row("g/b", 51.0, 154_744.0), row("g/c", 101.0, 1_000_000.0)];
    (rows[0].spread, rows[1].spread) = (None, None);
    (rows[0].range, rows[1].range) = (Some([100.0, 2_000_000.0]), Some([100.0, 1_800_000.0]));
    let made = Made::new(&rows, None);
    let terminal = made.report(&["--text"]);
    let line = terminal.lines().find(|line| line.starts_with("g/b ")).unwrap().to_owned();
    assert!(line.contains("0.51× (~)  −845,256 B (~)") || line.contains("0.51× (~)  -845,256 B (~)"), "{line}");
    made.open(&mut browser, "");
    let cells = browser.eval(
        "[...document.querySelectorAll(`tr[data-name='p/t/g/b'] td`)].slice(-2).map((cell) => cell.innerText.trim())",
    );
    assert_eq!(cells, json!(["0.51× (~)", "−845,256 B (~)"]));
    // Nothing in the card is blue that may be chance, and its ranges are said.
    let certain =
        "document.querySelectorAll('.card .shrinks, .card .grows, #benchmarks .shrinks, #benchmarks .grows').length";
    assert_eq!(browser.eval(certain), 0);
    assert!(text(&mut browser, ".card").contains("−85% (~)"));
    assert!(text(&mut browser, "tr[data-name='p/t/g/b']").contains("100–1,800,000"));
    made.open(&mut browser, "#p%2Ft%2Fg%2Fb");
    browser.until("document.querySelector('.figures')");
    let figures = text(&mut browser, ".figures");
    assert!(figures.contains("0.51× (~)") && figures.contains("−85% (~)"), "{figures}");
    browser.is_content("the report");
}

#[test]
fn a_difference_is_net_and_a_share_of_the_base() {
    let Some(mut browser) = Browser::start() else { return };
    let before: &[(&[&str], i64)] = &[(&["main", "p::keep"], 2970), (&["main", "p::grow"], 94)];
    let now: &[(&[&str], i64)] = &[(&["main", "p::keep"], 2970), (&["main", "p::grow"], 188)];
    let side = |bytes: f64, address: u64, stacks| Row { mem: Some(heap(address, stacks)), ..row("g/a", 100.0, bytes) };
    let gone = row("g/gone", 50.0, 10.0);
    let made =
        Made::new(&[side(3158.0, 0x7000, now), row("g/fresh", 9.0, 8.0)], Some(&[side(3064.0, 0x1000, before), gone]));
    made.open(&mut browser, "#p%2Ft%2Fg%2Fa/difference");
    browser.until("window.memprofFlame?.boxes > 0");
    browser.click("[data-type=alloc_space]");
    // Other addresses and other folders are no change.
    let sums = browser.eval("[memprofFlame.tree.up[0] / 1e6, memprofFlame.tree.down[0] / 1e6]");
    assert_eq!(sums, json!([94, 0]));
    assert!(text(&mut browser, ".profile .whole").starts_with("+94 B/op · +3.1% · 3,064 B/op before, 3,158 B/op now"));
    assert_eq!(text(&mut browser, ".unchanged"), "unchanged: 3,064 B/op");
    let frames = browser.eval("memprofFlame.model.flame.sources.map((source) => source.name).slice(1)");
    assert_eq!(frames, json!(["main", "p::grow"]), "what has not changed is not drawn");
    let details = text(&mut browser, ".flame-details");
    assert!(details.contains("+94 B/op · 3.1% of the base"), "{details}");
    // The first view names what changed, at its line, what is new and what is gone.
    made.open(&mut browser, "");
    let changed = text(&mut browser, "#changed");
    for part in ["Worse (1)", "g/a", "+94 B", "p::grow", "lib.rs:7", "New (1)", "g/fresh", "Gone (1)", "p/t/g/gone"] {
        assert!(changed.contains(part), "{part}: {changed}");
    }
    picture(&mut browser, "changed");
    browser.is_content("the report");
}

#[test]
fn the_baseline_comes_first() {
    let Some(mut browser) = Browser::start() else { return };
    let side =
        |id, bytes: i64| Row { mem: Some(heap(0x1000, &[(&["main", "p::f"], bytes)])), ..row(id, 100.0, bytes as f64) };
    let made = Made::new(&[side("g/a", 10), side("g/b", 30)], Some(&[side("g/a", 10), side("g/b", 20)]));
    made.open(&mut browser, "#p%2Ft%2Fg%2Fb/difference");
    browser.until("window.memprofFlame?.boxes > 0");
    let choices = browser.eval("[...document.querySelectorAll('nav[aria-label=\"Compared with\"] button')].map((one) => [one.innerText.split(' vs ')[1].split('/').pop(), one.getAttribute('aria-pressed')])");
    assert_eq!(choices, json!([["results.jsonl", "true"], ["a", "false"]]), "{choices}");
    made.open(&mut browser, "");
    let card = text(&mut browser, ".card");
    assert!(card.contains("+50%") && !card.contains("+200%"), "{card}");
}

#[test]
fn few_samples_are_pale_and_counted() {
    let Some(mut browser) = Browser::start() else { return };
    let new = cpu(&[(&["main", "p::hot"], 100), (&["main", "p::cold"], 2)]);
    let base = cpu(&[(&["main", "p::hot"], 92), (&["main", "p::cold"], 40)]);
    let side = |cpu| Row { cpu: Some(cpu), ..row("g/a", 100.0, 1.0) };
    let made = Made::new(&[side(new)], Some(&[side(base)]));
    made.open(&mut browser, "#p%2Ft%2Fg%2Fa/cpu");
    browser.until("window.memprofFlame?.boxes > 0");
    let node = |name: &str| {
        format!(
            "memprofFlame.tree.frame.findIndex((frame) => memprofFlame.model.flame.sources[frame].name === '{name}')"
        )
    };
    let said = |browser: &mut Browser, name: &str| {
        browser.eval(&format!("memprofFlame.select({}); 0", node(name)));
        text(browser, ".flame-details")
    };
    assert!(said(&mut browser, "p::hot").contains("100 samples"));
    assert!(said(&mut browser, "p::cold").contains("2 samples: too few to say much"));
    let doubtful = |browser: &mut Browser, name: &str| {
        browser.eval(&format!("memprofFlame.model.isDoubtful(memprofFlame.tree, {})", node(name)))
    };
    assert_eq!((doubtful(&mut browser, "p::hot"), doubtful(&mut browser, "p::cold")), (json!(false), json!(true)));
    // A pointer that rests on a box is told the same.
    let place = browser.eval(&format!("(() => {{ const {{ left, top }} = memprofFlame.place({}); const box = memprofFlame.canvas.getBoundingClientRect(); return [box.left + left + 9, box.top + top + 9]; }})()", node("p::hot")));
    browser.call("Input.dispatchMouseEvent", json!({ "type": "mouseMoved", "x": place[0], "y": place[1] }));
    browser.until("document.querySelector('.tip:not([hidden])')?.innerText.includes('100 samples')");
    assert_ne!(
        browser.eval(&format!("memprofFlame.color({})", node("p::cold"))),
        browser.eval(&format!("(memprofFlame.model.flame.counts = null, memprofFlame.color({}))", node("p::cold")))
    );
    picture(&mut browser, "few-samples");
    // 100 against 92 may be chance, 2 against 40 is none: 8 × 4 ms in 10 iterations, ± 1.96 × √192 × 0.4 ms.
    made.open(&mut browser, "#p%2Ft%2Fg%2Fa/difference");
    browser.until("window.memprofFlame?.boxes > 0");
    browser.click("[data-type=cpu]");
    let hot = said(&mut browser, "p::hot");
    assert!(
        hot.contains("+3.2 ms/op ±10.86 ms/op")
            && hot.contains("(~)")
            && hot.contains("100 samples against 92: it may be chance"),
        "{hot}"
    );
    let cold = said(&mut browser, "p::cold");
    assert!(
        cold.contains("−15.2 ms/op") && cold.contains("2 samples against 40") && !cold.contains("chance"),
        "{cold}"
    );
    assert_eq!((doubtful(&mut browser, "p::hot"), doubtful(&mut browser, "p::cold")), (json!(true), json!(false)));
    browser.is_content("the report");
}

#[test]
fn columns_have_one_unit_and_differences_go_by_size() {
    let Some(mut browser) = Browser::start() else { return };
    let before: &[(&[&str], i64)] = &[(&["main", "p::less"], 5_000_000), (&["main", "p::more"], 10)];
    let now: &[(&[&str], i64)] =
        &[(&["main", "p::less"], 1_000_000), (&["main", "p::more"], 2000), (&["main", "calloc"], 300)];
    let side = |stacks, bytes| Row { mem: Some(heap(0x1000, stacks)), ..row("g/a", 100.0, bytes) };
    let made = Made::new(&[side(now, 1_002_300.0)], Some(&[side(before, 5_000_010.0)]));
    made.open(&mut browser, "#p%2Ft%2Fg%2Fa/difference");
    browser.until("window.memprofFlame?.boxes > 0");
    browser.click("[data-type=alloc_space]");
    let rows = "[...document.querySelectorAll('#toptable tbody tr')].map((row) => [row.dataset.name, row.querySelector('td').innerText])";
    assert_eq!(
        browser.eval(rows),
        json!([["p::less", "−3.815"], ["p::more", "+0.002"], ["calloc", "+0.00029"], ["main", "0"]])
    );
    assert_eq!(text(&mut browser, "#toptable th:first-child"), "Flat, MB/op");
    assert_eq!(browser.eval(looks::OVER_BARS), json!([]));
    let functions = browser.eval("[...document.querySelectorAll('.listing h3')].map((one) => one.innerText)");
    assert_eq!(functions, json!(["p::less", "main", "p::more", "calloc"]));
    made.open(&mut browser, "#p%2Ft%2Fg%2Fa/memory");
    browser.until("window.memprofFlame?.boxes > 0");
    let calloc = browser.eval("memprofFlame.model.flame.sources.find((source) => source.name === 'calloc').origin");
    assert_eq!(calloc, "own", "it is in a file of the user's");
    let rows = [row("g/a", 1.0, 100.0), row("g/b", 1.0, 50_771.0), row("g/c", 1.0, 150.0), row("g/d", 1.0, 0.02)];
    Made::new(&rows, None).open(&mut browser, "");
    let marks =
        browser.eval("[...document.querySelectorAll('.measure:nth-child(3) .change')].map((mark) => mark.innerText)");
    assert_eq!(marks, json!(["508×", "+50%", "−99.98%"]));
    browser.is_content("the report");
}

#[test]
fn only_equal_parameters_are_compared() {
    let Some(mut browser) = Browser::start() else { return };
    let rows = ["g/boxed/1", "g/boxed/16384", "g/vec/1", "g/vec/16384"];
    let rows: Vec<Row> =
        rows.into_iter().zip([100.0, 5_000_000.0, 50.0, 50_000.0]).map(|(id, n)| row(id, n, n)).collect();
    let made = Made::new(&rows, None);
    made.open(&mut browser, "");
    let compared = browser.eval("[...document.querySelectorAll('#benchmarks tbody tr')].map((row) => [...row.querySelectorAll('td')].slice(-2).map((cell) => cell.innerText.trim()).join(' '))");
    let expected = ["· ·", "· ·", "0.50× (unpaired) −50 B", "0.010× (unpaired) −4,950,000 B"];
    assert_eq!(compared, json!(expected));
    let terminal = made.report(&["--text"]);
    assert!(terminal.contains("0.010× (unpaired)  −4,950,000 B"), "{terminal}");
    // Where there is nothing but parameters, it says how cost grows.
    let rows: Vec<Row> = [("h/10", 10.0), ("h/100", 95.0)].into_iter().map(|(id, n)| row(id, n, n)).collect();
    let made = Made::new(&rows, None);
    made.open(&mut browser, "");
    assert!(text(&mut browser, "tr[data-name='p/t/h/100']").contains("9.50× per 10× (unpaired)"));
    assert!(made.report(&["--text"]).contains("9.50× per 10× (unpaired)"));
    browser.is_content("the report");
}
