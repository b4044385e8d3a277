//! A report of five hundred benchmarks: its size, and all of them in one page.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use super::{Made, Row, profile, row};
use crate::support::browser::Browser;
use crate::support::tool;

const BENCHMARKS: usize = 500;

/// What `pprof -top` says of each function: flat and cum.
fn top(profile: &Path) -> BTreeMap<String, [i64; 2]> {
    let output = tool(profile.parent().unwrap())
        .args(["pprof", "-top", "-unit=B", "-nodecount=100", "-symbolize=none"])
        .arg(profile)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let rows = text.lines().skip_while(|line| !line.trim_start().starts_with("flat")).skip(1);
    let number = |word: &str| word.trim_end_matches('B').parse().unwrap();
    rows.map(|row| {
        let words: Vec<&str> = row.split_whitespace().collect();
        (words[5].to_owned(), [number(words[0]), number(words[3])])
    })
    .collect()
}

/// Stacks of a dozen frames through some of three hundred functions, as a benchmark of an ordinary crate has them.
fn stacks(seed: usize, count: usize, names: &'static [String]) -> Vec<Vec<&'static str>> {
    let mut state = (seed as u64).wrapping_mul(2_862_933_555_777_941_757).wrapping_add(1);
    let mut below = |bound: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % bound
    };
    let mut stack: Vec<&str> = names.iter().take(12).map(String::as_str).collect();
    (0..count)
        .map(|_| {
            let from = 4 + below(8);
            stack[from..].iter_mut().for_each(|frame| *frame = &names[below(names.len())]);
            stack.clone()
        })
        .collect()
}

#[test]
fn five_hundred_benchmarks_are_one_small_page() {
    let names: Vec<String> =
        (0..300).map(|at| format!("krate{}::module_{}::Type::method_{at}", at % 20, at % 60)).collect();
    let names: &'static [String] = Vec::leak(names);
    let of = |seed: usize, count: usize, kinds: &[(&str, &str)]| {
        let stacks = stacks(seed, count, names);
        profile(
            kinds,
            0x1000,
            stacks.iter().enumerate().map(|(at, stack)| (&stack[..], vec![at as i64 + 1, 64 * (at as i64 + 1)])),
        )
    };
    let made: Vec<Row> = (0..BENCHMARKS)
        .map(|at| {
            let id: &'static str = Box::leak(format!("group_{}/variant_{at}", at / 5).into_boxed_str());
            Row {
                samples: (1..=100u64).map(|n| (n * 13, (n * 1300 + at as u64 % 7) as f64)).collect(),
                mem: Some(of(at, 40, &[("alloc_objects", "count"), ("alloc_space", "bytes")])),
                cpu: Some(of(at + 1000, 25, &[("samples", "count"), ("cpu", "nanoseconds")])),
                ..row(id, 100.0 + at as f64, at as f64)
            }
        })
        .collect();
    let made = Made::new(&made, None);
    made.report(&["-o", "report.html"]);
    let path = made.folder.path().join("report.html");
    let size = std::fs::metadata(&path).unwrap().len();
    eprintln!("{size} bytes");
    assert!(size < 5_000_000, "{size} bytes");
    let Some(mut browser) = Browser::start() else { return };
    browser.open(&format!("file://{}", path.display()));
    browser.until(&format!("document.querySelectorAll('#benchmarks [data-name]').length === {BENCHMARKS}"));
    // The last one is as near as the first, with all its parts.
    browser.eval(&format!("location.hash = '{}/memory'; 0", BENCHMARKS - 1));
    browser.until("window.memprofFlame?.boxes > 12");
    let total = (1..=40).map(|at| 64 * at).sum::<i64>();
    assert_eq!(browser.eval("memprofFlame.tree.up[0]"), json!(total));
    // The table and the lines are those of `top` and `list`.
    let shown = browser.eval("[...document.querySelectorAll('#toptable tbody tr')].map((row) => [row.dataset.name, row.children[0].innerText, row.children[3].innerText])");
    let number = |cell: &Value| (cell.as_str().unwrap().replace(',', "").parse::<f64>().unwrap() * 10.0).round() as i64;
    let shown: BTreeMap<&str, [i64; 2]> = shown
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row[0].as_str().unwrap(), [number(&row[1]), number(&row[2])]))
        .collect();
    let profiles = made.folder.path().join("target/memprof/profiles");
    let top = top(&profiles.join(format!("group_99/variant_{}/mem.prof", BENCHMARKS - 1)));
    assert!(shown.len() > 80, "{shown:?}");
    for (name, values) in &top {
        // The common beginning of all stacks is left out.
        assert!(shown.get(name.as_str()).map_or(values[0] == 0 && values[1] == total, |one| one == values), "{name}");
    }
    let listed = browser.eval("[...document.querySelectorAll('.listing .function')].slice(0, 40).map((one) => [one.querySelector('h3').innerText, one.querySelector('.sums').innerText, one.querySelectorAll('tr.hot .cum').length])");
    let first = listed[0].as_array().unwrap();
    assert!(first[1].as_str().unwrap().contains("cum 5,248 B/op · 100% of the total") && first[2] == 1, "{listed}");
    browser.is_content("the report");
}
