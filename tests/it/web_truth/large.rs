//! A report of five hundred benchmarks: its size, and all of them in one page.

use serde_json::json;

use super::{Made, Row, profile, row};
use crate::support::browser::Browser;

const BENCHMARKS: usize = 500;
const MB: u64 = 1 << 20;

/// Stacks of a dozen frames through some of three hundred functions, as a benchmark of an ordinary crate has them.
fn stacks(seed: usize, count: usize, names: &'static [String]) -> Vec<Vec<&'static str>> {
    let mut state = seed as u64 * 2_862_933_555_777_941_757 + 1;
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
    let Some(mut browser) = Browser::start() else { return };
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
    let begun = std::time::Instant::now();
    made.open(&mut browser, "");
    browser.until(&format!("document.querySelectorAll('#benchmarks [data-name]').length === {BENCHMARKS}"));
    let size = std::fs::metadata(made.folder.path().join("report.html")).unwrap().len();
    let paint = browser
        .eval("performance.getEntriesByType('paint').find(({ name }) => name === 'first-contentful-paint')?.startTime");
    eprintln!("{size} bytes, made and opened in {:.1?}, first paint after {paint} ms", begun.elapsed());
    assert!(size < 5 * MB, "{size} bytes");
    // The last one is as near as the first.
    browser.eval(&format!("location.hash = '{}/memory'; 0", BENCHMARKS - 1));
    browser.until("window.memprofFlame?.boxes > 12");
    assert_eq!(browser.eval("memprofFlame.tree.up[0]"), json!((1..=40).map(|at| 64 * at).sum::<i64>()));
    browser.is_content("the report");
}
