//! Groups in the report: samples as violins, iterations against time, differences within noise, remedies in order.

use serde_json::{Value, json};

use super::{Made, Row, heap, picture, row, text};
use crate::support::browser::Browser;

/// Samples around `ns`: most of them near it, all within a tenth.
fn samples(ns: f64) -> Vec<(u64, f64)> {
    (1..=60u64).map(|at| (at, at as f64 * ns * (1.0 + ((at % 7) as f64 - 3.0).powi(3) / 270.0))).collect()
}

#[test]
fn violins_share_an_axis() {
    let Some(mut browser) = Browser::start() else { return };
    let rows = [("g/one", 100.0), ("g/two", 200.0), ("g/three", 300.0)];
    let rows = rows.map(|(id, ns)| Row { samples: samples(ns), ..row(id, ns, 10.0) });
    let made = Made::new(&rows, None);
    for (width, dark) in [(1800, false), (1280, true), (400, false)] {
        browser.window(width, 900);
        browser.dark(dark);
        made.open(&mut browser, "");
        browser.until("document.querySelectorAll('.violins g[data-name]').length === 3");
        let beyond = browser.eval("document.documentElement.scrollWidth - document.documentElement.clientWidth");
        assert_eq!(beyond, 0, "at {width}");
        picture(&mut browser, &format!("violins-{width}"));
    }
    // The medians lie as far apart as the times, each within its interval, the shape widest near it.
    let places = browser.eval("[...document.querySelectorAll('.violins g[data-name]')].map((one) => { const at = (part, key) => Number(one.querySelector(part).getAttribute(key)); const points = one.querySelector('.violin').getAttribute('d').slice(1, -1).split('L').map((point) => point.split(',').map(Number)); const top = points.reduce((a, b) => (b[1] < a[1] ? b : a)); return [at('.median', 'x1'), at('.interval', 'x'), at('.interval', 'x') + at('.interval', 'width'), top[0]]; })");
    let at = |row: usize, part: usize| places[row][part].as_f64().unwrap();
    let (first, second) = (at(1, 0) - at(0, 0), at(2, 0) - at(1, 0));
    assert!((first - second).abs() < 0.3 && first > 50.0, "{places}");
    for row in 0..3 {
        assert!(at(row, 1) <= at(row, 0) && at(row, 0) <= at(row, 2), "{places}");
        assert!((at(row, 3) - at(row, 0)).abs() < 12.0, "{places}");
    }
    // Time over iterations lies on a line through the origin.
    made.open(&mut browser, "#p%2Ft%2Fg%2Fone/samples");
    browser.until("document.querySelectorAll('.iterations circle').length === 60");
    picture(&mut browser, "iterations");
    let ends = browser.eval("(() => { const line = document.querySelector('.iterations .median'); const dots = [...document.querySelectorAll('.iterations circle')].map((dot) => [Number(dot.getAttribute('cx')), Number(dot.getAttribute('cy'))]); const [x1, y1, x2, y2] = ['x1', 'y1', 'x2', 'y2'].map((key) => Number(line.getAttribute(key))); return Math.max(...dots.map(([x, y]) => Math.abs(y - (y1 + ((x - x1) / (x2 - x1)) * (y2 - y1))))); })()");
    // Within a tenth of the plot's height.
    assert!(ends.as_f64().unwrap() < 24.0, "{ends}");
    // Where every sample has the same iterations there is nothing to see.
    let same = Row { samples: (0..20).map(|at| (5, 500.0 + f64::from(at))).collect(), ..row("g/one", 100.0, 10.0) };
    Made::new(&[same, row("g/two", 1.0, 1.0)], None).open(&mut browser, "#p%2Ft%2Fg%2Fone/samples");
    browser.until("document.querySelectorAll('.plot circle').length === 20");
    assert!(browser.eval("document.querySelector('.iterations')").is_null());
    browser.is_content("the report");
}

#[test]
fn what_may_be_chance_is_listed_apart() {
    let Some(mut browser) = Browser::start() else { return };
    let noisy = |ns| Row { spread: None, ..row("g/noisy", ns, 10.0) };
    let stacks: &[(&[&str], i64)] = &[(&["main", "p::small"], 10), (&["main", "p::large"], 90)];
    let fresh = Row { mem: Some(heap(0x1000, stacks)), ..row("g/fresh", 5.0, 100.0) };
    let made = Made::new(
        &[row("g/worse", 100.0, 30.0), noisy(130.0), row("g/same", 1.0, 1.0), fresh],
        Some(&[row("g/worse", 100.0, 10.0), noisy(100.0), row("g/same", 1.0, 1.0)]),
    );
    made.open(&mut browser, "");
    let changed = text(&mut browser, "#changed");
    for part in ["Worse (1)", "g/worse", "+20 B", "New (1)", "p::large", "lib.rs:7", "Within noise (1)", "1 as before"]
    {
        assert!(changed.contains(part), "{part}: {changed}");
    }
    assert!(!changed.contains("g/noisy"), "it is folded away: {changed}");
    browser.click("#changed summary");
    browser.until("document.querySelector('#changed .noise').innerText.includes('1.30× (~)')");
    picture(&mut browser, "noise");
    browser.is_content("the report");
}

/// Wherever differences are listed, the largest comes first, whatever its sign.
#[test]
fn the_largest_difference_comes_first() {
    let Some(mut browser) = Browser::start() else { return };
    let side =
        |id, ns, bytes| Row { mem: Some(heap(0x1000, &[(&["main", "p::f"], bytes)])), ..row(id, ns, bytes as f64) };
    let made = Made::new(
        &[side("g/more", 110.0, 110), side("g/less", 25.0, 100), side("g/much", 200.0, 2100)],
        Some(&[side("g/more", 100.0, 100), side("g/less", 100.0, 400), side("g/much", 100.0, 100)]),
    );
    made.open(&mut browser, "");
    let worse = browser.eval("[...document.querySelectorAll('#changed .grows li a')].map((one) => one.innerText)");
    assert_eq!(worse, json!(["g/much", "g/more"]));
    for (column, order) in [("Time", ["g/less", "g/much", "g/more"]), ("Memory", ["g/much", "g/less", "g/more"])] {
        browser.eval(&format!("[...document.querySelectorAll('#benchmarks th button')].find((one) => one.innerText.startsWith('{column} vs')).click()"));
        let rows =
            browser.eval("[...document.querySelectorAll('#benchmarks tbody td.name')].map((one) => one.innerText)");
        assert_eq!(rows, json!(order), "{column}");
    }
    // Far above its base, a part is told in times.
    made.open(&mut browser, "#p%2Ft%2Fg%2Fmuch/difference");
    browser.until("window.memprofFlame?.boxes > 0");
    browser.click("[data-type=alloc_space]");
    let details = text(&mut browser, ".flame-details");
    assert!(details.contains("+2,000 B/op · 20× of the base"), "{details}");
    browser.is_content("the report");
}

/// Three changes among 174 benchmarks are the first thing to be seen, and named, without scrolling.
#[test]
fn three_changes_are_seen_first() {
    let Some(mut browser) = Browser::start() else { return };
    let side = |is_new: bool| {
        let names = (0..174).map(|at| Box::leak(format!("group_{}/{at}", at / 6).into_boxed_str()) as &'static str);
        names.zip(0..).map(move |(name, at)| {
            // All times drift a little.
            let mut row = row(name, 100.0 + f64::from(at % 7) * 0.05 * f64::from(u8::from(is_new)), 64.0);
            match at {
                20 if is_new => (row.bytes, row.mem) = (8256.0, Some(heap(0x1000, &[(&["main", "p::grow"], 8256)]))),
                90 if is_new => row.ns = 138.0,
                170 if !is_new => row.bytes = 480.0,
                _ => {}
            }
            row
        })
    };
    let made = Made::new(&side(true).collect::<Vec<_>>(), Some(&side(false).collect::<Vec<_>>()));
    for (width, height) in [(1280, 720), (400, 900)] {
        browser.window(width, height);
        made.open(&mut browser, "");
        browser.until("document.querySelectorAll('#benchmarks [data-name]').length === 174");
        let seen = browser.eval("[...document.querySelectorAll('#changed li')].filter((one) => one.checkVisibility() && one.getBoundingClientRect().bottom < innerHeight).map((one) => one.innerText.split('\\n')[0].replace(/\\s+/g, ' ').trim())");
        assert_eq!(
            seen,
            json!(
                ["3/20 +8,192 B 129×", "15/90 time 1.38× (unpaired)", "28/170 −416 B −87%"]
                    .map(|part| format!("group_{part}"))
            )
        );
        assert!(text(&mut browser, "#changed h2").ends_with("2 worse, 1 better of 174"));
    }
    picture(&mut browser, "three-changes");
    browser.is_content("the report");
}

fn remedy(advice: &str, bytes: f64) -> Value {
    json!({ "rule": "capacity", "advice": advice, "effect": { "allocs_per_op": -1.0, "bytes_per_op": bytes, "exact": true } })
}

fn site(function: &str, bytes: f64, remedies: &[Value]) -> Value {
    json!({ "function": function, "file": "/w/src/lib.rs", "line": 7, "source": null, "operation": "box", "words": "Box",
        "via": null, "callers": [], "allocs_per_op": 1.0, "bytes_per_op": bytes, "share": bytes / 100.0,
        "share_of_peak": 0.0, "fresh": 1.0, "zeroed": 0.0, "grown": 0.0, "shrunk": 0.0, "sizes": [],
        "freeing": cargo_memprof::explain::Freeing::default(), "threads": 1, "remedies": remedies, "stack": [] })
}

fn explained(id: &str, sites: &[Value]) -> Value {
    json!({ "reason": "explain", "name": format!("p/t/{id}"), "allocs_per_op": 3.0, "bytes_per_op": 100.0,
        "iterations": 10, "followed": 10, "whole": true, "sites": sites, "notes": [] })
}

/// A site with a remedy, and one without.
pub fn explanation(id: &str) -> Value {
    explained(id, &[site("p::most", 60.0, &[]), site("p::some", 25.0, &[remedy("a little", -5.0)])])
}

/// Remedies come first where there are any, the largest effect before the others, alternatives as alternatives.
#[test]
fn remedies_come_first_and_by_effect() {
    let Some(mut browser) = Browser::start() else { return };
    let stacks: &[(&[&str], i64)] = &[(&["main", "p::a"], 100)];
    let rows = ["g/a", "g/b"].map(|id| Row { mem: Some(heap(0x1000, stacks)), ..row(id, 100.0, 100.0) });
    let made = Made::new(&rows, None);
    let explained = |id: &str, sites: &[Value]| {
        let at = made.folder.path().join("target/memprof/profiles").join(id).join("explain.json");
        std::fs::write(at, explained(id, sites).to_string()).unwrap();
    };
    let alternatives = [remedy("make it once", -15.0), remedy("borrow it", -12.0)];
    let sites = [
        site("p::most", 60.0, &[]),
        site("p::some", 25.0, &[remedy("a little", -5.0)]),
        site("p::few", 15.0, &alternatives),
    ];
    explained("g/a", &sites);
    explained("g/b", &[site("p::most", 60.0, &[])]);
    made.open(&mut browser, "#p%2Ft%2Fg%2Fa");
    browser.until("document.querySelector('.why')");
    assert_eq!(browser.eval("document.querySelector('.tabs a').textContent"), "Why");
    let order = browser.eval("[...document.querySelectorAll('.why > .site h3 code')].map((one) => one.textContent)");
    assert_eq!(order, json!(["p::few", "p::some", "p::most"]));
    let remedies = browser.eval("[...document.querySelectorAll('.site:nth-of-type(1) .remedies li')].map((one) => [one.innerText.split(' −')[0], one.className])");
    assert_eq!(remedies, json!([["make it once", ""], ["or: borrow it", "other"]]));
    picture(&mut browser, "why-order");
    // Without a remedy the profile stays first.
    made.open(&mut browser, "#p%2Ft%2Fg%2Fb");
    browser.until("window.memprofFlame?.boxes > 0");
    assert_eq!(browser.eval("document.querySelector('.tabs a').textContent"), "Memory");
    browser.is_content("the report");
}

/// A machine that was busy is said first.
#[test]
fn a_busy_machine_is_said() {
    let Some(mut browser) = Browser::start() else { return };
    let made = Made::new(&[row("g/a", 100.0, 10.0), row("g/b", 90.0, 10.0)], None);
    let at = made.folder.path().join("target/memprof/results.jsonl");
    let results = std::fs::read_to_string(&at).unwrap().replace("\"samples\":", "\"interrupted\":1,\"samples\":");
    std::fs::write(at, results).unwrap();
    made.open(&mut browser, "");
    assert!(text(&mut browser, "#busy").starts_with("busy: 2 of 2 samples interrupted"));
    browser.is_content("the report");
}
