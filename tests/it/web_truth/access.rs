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

const VIEWS: [&str; 5] =
    ["", "#p%2Ft%2Fg%2Fa/memory", "#p%2Ft%2Fg%2Fa/cpu", "#p%2Ft%2Fg%2Fa/samples", "#p%2Ft%2Fg%2Fa/difference"];

#[test]
fn axe_has_nothing_serious_to_say() {
    let Some(mut browser) = Browser::start() else { return };
    let axe = std::env::var_os("MEMPROF_AXE").and_then(|path| std::fs::read_to_string(path).ok());
    let Some(axe) = axe else {
        assert!(!test_all(), "MEMPROF_TEST_ALL: no axe-core (MEMPROF_AXE)");
        eprintln!("SKIPPED: no axe-core (MEMPROF_AXE=axe.min.js)");
        return;
    };
    let made = made();
    let mut findings = Vec::new();
    for (dark, width) in [(false, 1280), (true, 1280), (false, 400)] {
        browser.dark(dark);
        browser.window(width, 900);
        for view in VIEWS {
            made.open(&mut browser, view);
            browser.until("document.querySelector('.overview, .profile .flame-details strong, .plot')");
            browser.eval(&format!("{axe}; 0"));
            let found = browser.eval("axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ id, nodes }) => [id, ...nodes.slice(0, 3).map(({ html }) => html.slice(0, 200))]))");
            if found != json!([]) {
                findings.push(format!("{view} dark: {dark}, {width}: {found}"));
            }
        }
    }
    assert!(findings.is_empty(), "{findings:#?}");
    browser.is_content("the report");
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
