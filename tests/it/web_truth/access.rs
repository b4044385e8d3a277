//! The report for everybody: by keyboard alone, and without findings of axe-core (MEMPROF_AXE names its script;
//! `install_axe` of .ci/common.sh fetches it).

use serde_json::{Value, json};

use super::{Made, Row, cpu, heap, row, text};
use crate::support::browser::Browser;
use crate::support::test_all;

/// Two variants and a changed one, with profiles, samples and an explanation.
fn made() -> Made {
    let stacks: &[(&[&str], i64)] = &[(&["main", "p::a", "std::b"], 100), (&["main", "p::c"], 50)];
    let samples: Vec<(u64, f64)> = (1..=20).map(|at| (at, at as f64 * 100.0 + (at % 3) as f64)).collect();
    let side = |id, bytes: f64| Row {
        mem: Some(heap(0x1000, stacks)),
        cpu: Some(cpu(&[(&["main", "p::a"], 30), (&["main", "p::c"], 1)])),
        samples: samples.clone(),
        ..row(id, 100.0, bytes)
    };
    let rows = [side("g/a", 150.0), side("g/b", 70.0), row("h/10", 1.0, 1.0), row("h/100", 9.0, 5.0)];
    Made::new(&rows, Some(&[side("g/a", 100.0), side("g/gone", 1.0)]))
}

const VIEWS: [&str; 8] = ["", "/memory", "/cpu", "/samples", "/difference", "/why", "/blocks", "/history"];

/// axe-core's script, if it is there.
pub fn axe() -> Option<String> {
    let axe = std::env::var_os("MEMPROF_AXE").and_then(|path| std::fs::read_to_string(path).ok());
    if axe.is_none() {
        assert!(!test_all(), "MEMPROF_TEST_ALL: no axe-core (MEMPROF_AXE)");
        eprintln!("SKIPPED: no axe-core (MEMPROF_AXE=axe.min.js)");
    }
    axe
}

/// Looks at `pages`, each an address and a condition for its being there, light and dark, in all widths.
pub fn assert_accessible(browser: &mut Browser, axe: &str, pages: &[(String, &str)]) {
    let mut findings = Vec::new();
    for (dark, width) in [(false, 1280), (true, 1280), (false, 400), (true, 400), (false, 1800)] {
        browser.dark(dark);
        browser.window(width, 900);
        for (address, there) in pages {
            browser.open("about:blank?");
            browser.open(address);
            browser.until(there);
            browser.eval(&format!("{axe}; 0"));
            let found = browser.eval("axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ id, nodes }) => [id, ...nodes.slice(0, 3).map(({ html }) => html.slice(0, 200))]))");
            let beyond = browser.eval(super::looks::BEYOND);
            if found != json!([]) || beyond != json!([]) {
                findings.push(format!("{address} dark: {dark}, {width}: {found} {beyond}"));
            }
        }
    }
    assert!(findings.is_empty(), "{findings:#?}");
    browser.is_content("the pages");
}

#[test]
fn axe_has_nothing_serious_to_say() {
    let (Some(axe), Some(mut browser)) = (axe(), Browser::start()) else { return };
    let made = made();
    let beside = made.folder.path().join("target/memprof/profiles/g/a");
    std::fs::write(beside.join("blocks.json"), super::blocks::blocks().to_string()).unwrap();
    std::fs::write(beside.join("explain.json"), super::groups::explanation("g/a").to_string()).unwrap();
    made.keep_twice();
    made.report(&["-o", "report.html"]);
    let there = |view: &str| match view {
        "" => "document.querySelector('.overview')",
        "/why" => "document.querySelector('.why .site')",
        "/blocks" => "document.querySelector('.blocks .bar-row')",
        "/history" => "document.querySelector('.content .plot.history')",
        "/samples" => "document.querySelector('.plot')",
        _ => "document.querySelector('.profile .flame-details strong')",
    };
    let at = |place: &str, view: &str| {
        let hash = if view.is_empty() { String::new() } else { format!("#p%2Ft%2Fg%2Fa{view}") };
        (format!("{place}{hash}"), there(view))
    };
    let file = format!("file://{}", made.folder.path().join("report.html").display());
    let server = made.serve();
    let place = format!("{}/", server.url);
    let pages: Vec<_> = VIEWS.iter().flat_map(|view| [at(&file, view), at(&place, view)]).collect();
    assert_accessible(&mut browser, &axe, &pages);
}

/// Tab reaches the skip link first, and it leads past the head; a frame's menu copies its name and its stack.
#[test]
fn a_keyboard_is_enough() {
    let Some(mut browser) = Browser::start() else { return };
    made().open(&mut browser, "");
    browser.key("Tab");
    browser.until("document.activeElement.classList.contains('skip')");
    let left = browser.eval("document.activeElement.getBoundingClientRect().left >= 0");
    assert_eq!(left, true, "it shows once it is reached");
    browser.key("Enter");
    browser.until("document.activeElement.id === 'main'");
    // From there to the first link of the content, and into a benchmark.
    browser.key("Tab");
    browser.until("document.activeElement.closest('main') && document.activeElement.tagName === 'A'");
    let name = browser.eval("document.activeElement.title");
    browser.key("Enter");
    browser.until("document.querySelector('h2.benchmark')");
    assert_eq!(name, "p/t/g/a");

    let made = self::made();
    made.open(&mut browser, "#p%2Ft%2Fg%2Fa/memory");
    browser.until("window.memprofFlame?.boxes > 0");
    browser.eval("window.copied = []; navigator.clipboard ? navigator.clipboard.writeText = async (text) => { copied.push(text); } : document.execCommand = () => { copied.push(document.activeElement.value); }; 0");
    browser.eval("memprofFlame.canvas.focus(); 0");
    let menu = |browser: &mut Browser, entry: usize| {
        browser.key("M");
        browser.until("document.activeElement.closest('#frame-menu')");
        for _ in 0..entry {
            browser.key("ArrowDown");
        }
        browser.key("Enter");
        browser.until("!document.querySelector('#frame-menu')");
        browser.eval("memprofFlame.canvas.focus(); 0");
    };
    for _ in 0..2 {
        browser.key("ArrowDown");
    }
    let selected = browser.eval("memprofFlame.source(memprofFlame.selected).name");
    menu(&mut browser, 1);
    menu(&mut browser, 2);
    browser.until("copied.length === 2");
    let copied: Vec<Value> = browser.eval("copied").as_array().unwrap().clone();
    assert_eq!(copied[0], selected);
    let stack = copied[1].as_str().unwrap();
    assert!(stack.ends_with(selected.as_str().unwrap()) && stack.lines().count() >= 2, "{stack}");
    assert!(text(&mut browser, ".flame-details").contains(selected.as_str().unwrap()));
    browser.is_content("the report");
}
