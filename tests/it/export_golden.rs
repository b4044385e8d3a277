//! Every message format on one set of results, each with a snapshot named after its flags.
//!
//! `INSTA_UPDATE=always cargo test --test it export_golden::` writes the snapshots anew.

use std::path::{Path, PathBuf};

use cargo_memprof::benchstat::input::labels::Input;
use cargo_memprof::benchstat::tables::text;
use cargo_memprof::benchstat::{Comparison, Options};
use cargo_memprof::formats::{self, FORMATS, View};
use cargo_memprof::results::check::Verdict;
use cargo_memprof::results::lines::{Base, Finished, Run};
use cargo_memprof::results::ratio::{Ratio, Versus};

use crate::support;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/export")
}

/// Three benchmarks (one not exact, one that measures itself), one that failed, and what a check said.
fn run() -> Run {
    Run::parse(&std::fs::read_to_string(folder().join("run.jsonl")).unwrap()).unwrap()
}

fn view() -> View {
    View { memory: true, root: "/w".into(), ..View::default() }
}

fn render(format: &str, run: &Run, view: &View) -> String {
    let text = formats::find(format).unwrap().render(run, view);
    assert!(text.ends_with('\n'), "{format}: {text}");
    text
}

#[track_caller]
fn matches_golden(name: &str, text: &str) {
    support::snapshot("export/golden", name, text);
}

#[test]
fn golden_files() {
    for name in FORMATS.iter().map(|format| format.name()).filter(|name| *name != "json") {
        matches_golden(&format!("message-format={name}"), &render(name, &run(), &view()));
    }
    let hidden = View { memory: false, ..view() };
    for name in ["gobench", "bmf"] {
        matches_golden(&format!("message-format={name}.benchmem=false"), &render(name, &run(), &hidden));
    }
    let mut before = run();
    before.finished.remove(2);
    before.finished[0].memory.bytes_per_op += 10.0;
    let base = Base { label: "main".into(), run: before, root: "/w".into() };
    let compared = View { base: Some(base), ..view() };
    let unchecked = Run { checks: Vec::new(), failed: Vec::new(), ..run() };
    for name in ["human", "markdown"] {
        matches_golden(&format!("message-format={name}.baseline=main"), &render(name, &unchecked, &compared));
    }
}

/// In these a name stands once, however often it was measured: the one with the median time.
#[test]
fn several_measurements_of_one_benchmark() {
    let once = run();
    let again = |factor: f64| {
        let mut finished = once.finished.clone();
        finished.iter_mut().for_each(|one| one.time.ns_per_op = one.time.ns_per_op.map(|ns| ns * factor));
        finished
    };
    let thrice = Run { finished: [again(0.5), once.finished.clone(), again(2.0)].concat(), ..once.clone() };
    for name in ["bmf", "gab", "junit"] {
        assert_eq!(render(name, &thrice, &view()), render(name, &once, &view()), "{name}");
    }
}

/// Of an even number of measurements none is in the middle, and rows are compared by what all measurements say.
#[test]
fn two_measurements_of_each_benchmark() {
    let once = Run { checks: Vec::new(), failed: Vec::new(), ..run() };
    let mut again = once.finished.clone();
    again.iter_mut().for_each(|one| one.time.ns_per_op = one.time.ns_per_op.map(|ns| ns * 2.0));
    let twice = Run { finished: [once.finished.clone(), again].concat(), ..once };
    for name in ["human", "bmf", "gab"] {
        matches_golden(&format!("message-format={name}.count=2"), &render(name, &twice, &view()));
    }
}

/// In the unit of another clock a sample may be anything.
#[test]
fn a_negative_sample_is_no_panic() {
    let mut run = run();
    run.finished[0].time.samples[0].nanoseconds = -1e300;
    assert!(render("junit", &run, &view()).contains("<testsuites"));
}

#[test]
fn what_vanished_is_called_as_in_the_table() {
    let mut run = run();
    let mut check = run.checks[0].clone();
    (check.name, check.message) = (format!("{}x", run.finished[0].name), "vanished".to_owned());
    run.checks = vec![check];
    let text = render("human", &run, &view());
    assert!(text.contains(&format!("  {}x: vanished\n", run.finished[0].id)), "{text}");
}

#[test]
fn nothing_measured_is_a_whole_report_too() {
    let empty = Run { finished: Vec::new(), checks: Vec::new(), ..run() };
    for name in ["bmf", "gab", "junit", "markdown"] {
        let text = render(name, &empty, &view());
        assert!(text.ends_with('\n') && text.len() > 2, "{name}: {text}");
    }
}

/// Go's benchmark format, rule by rule: <https://golang.org/design/14313-benchmark-format>.
#[test]
fn the_gobench_form_is_go_s() {
    let text = render("gobench", &run(), &view());
    let mut results = 0;
    for line in text.lines() {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let Some(name) = line.strip_prefix("Benchmark") else {
            // A key begins with a lower-case letter, and has neither blanks nor capitals; a unit has key=value behind it.
            let key = line.split_once(": ").is_some_and(|(key, value)| {
                key.starts_with(char::is_lowercase) && !key.contains([' ', '\t']) && !value.trim().is_empty()
            });
            assert!(key || fields[0] == "Unit" && fields[2..].iter().all(|field| field.contains('=')), "{line}");
            continue;
        };
        // The name goes on with no lower-case letter; a positive number of iterations, then pairs of value and unit, no unit twice.
        assert!(!name.starts_with(char::is_lowercase) && fields.len() >= 4 && fields.len().is_multiple_of(2), "{line}");
        assert!(fields[1].parse::<u64>().is_ok_and(|n| n > 0), "{line}");
        let mut units: Vec<&str> = fields[2..].chunks(2).map(|pair| pair[1]).collect();
        assert!(fields[2..].chunks(2).all(|pair| pair[0].parse::<f64>().is_ok_and(f64::is_finite)), "{line}");
        units.sort_unstable();
        units.dedup();
        assert_eq!(units.len() * 2 + 2, fields.len(), "{line}");
        results += 1;
    }
    assert_eq!(results, run().finished.len());
}

#[test]
fn compare_reads_the_gobench_form() {
    let text = render("gobench", &run(), &view());
    let mut comparison = Comparison::new(&Options::default()).unwrap();
    for label in ["old", "new"] {
        let input = Input { path: label.into(), label: label.into() };
        assert_eq!(comparison.read(&input, &text).unwrap(), [""; 0]);
    }
    matches_golden("compare.message-format=gobench", &text::render(&comparison.tables()));
}

#[test]
fn results_come_back_as_they_were_written() {
    let lines: String = run().lines().iter().map(formats::json::line).collect();
    assert_eq!(Run::parse(&lines).unwrap(), run());
    assert!(Run::parse("").unwrap_err().contains("empty"));
    assert!(Run::parse("{\"reason\":\"run-started\",\"format_version\":2}").unwrap_err().contains("format_version 2"));
    let twice = lines.lines().next().unwrap();
    assert!(Run::parse(&format!("{twice}\n{twice}\n")).unwrap_err().starts_with("line 2: "));
}

/// Ids of two benches may be one; so may what two become without blanks.
#[test]
fn benchmarks_with_one_id_stay_two_in_every_format() {
    let mut run = Run { checks: Vec::new(), failed: Vec::new(), ..run() };
    let mut one = run.finished.remove(0);
    let named = |one: &Finished, name: &str, id: &str, bytes: f64| {
        let mut one = one.clone();
        (one.name, one.id, one.memory.bytes_per_op) = (format!("p/pool/{name}"), id.to_owned(), bytes);
        one
    };
    one.group.clear();
    run.finished = vec![
        named(&one, "a/same", "a/same", 100.0),
        named(&one, "a/same#01", "a/same", 300.0),
        named(&one, "b c", "b c", 500.0),
        named(&one, "b_c", "b_c", 700.0),
    ];
    for format in FORMATS {
        let text = format.render(&run, &view());
        assert!(text.contains("same#01") || text.contains("same\\#01"), "{format:?}: {text}");
    }
    let text = render("gobench", &run, &view());
    let names: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("Benchmark")?.split('\t').next()).collect();
    assert_eq!(names, ["Pool/a/same", "Pool/a/same#01", "Pool/b_c", "Pool/b_c#01"]);
    let mut comparison = Comparison::new(&Options::default()).unwrap();
    comparison.read(&Input { path: "a".into(), label: "a".into() }, &text).unwrap();
    let compared = text::render(&comparison.tables());
    assert!(compared.contains("300.0") && !compared.contains("values range"), "{compared}");
}

#[test]
fn names_break_no_line_and_widen_no_table() {
    let mut run = run();
    for (number, name) in ["tab\there", "line\nbreak", "bell\u{7}\u{202e}"].into_iter().enumerate() {
        let mut one = run.finished[0].clone();
        (one.id, one.name) = (name.to_owned(), format!("p/pool/{name}"));
        let mut check = run.checks[0].clone();
        check.name = one.name.clone();
        run.checks.push(check);
        run.finished[number] = one;
    }
    let mut long = run.finished[0].clone();
    long.id = "x".repeat(300);
    long.name = format!("p/pool/{}", long.id);
    run.finished.push(long);
    for format in FORMATS.iter().filter(|format| !matches!(format.name(), "csv" | "gobench")) {
        let text = format.render(&run, &view());
        let raw = |c: char| c != '\n' && c.is_control() || c == '\u{202e}';
        // The data of JSON has the name itself, by its own escapes.
        let json = matches!(format.name(), "json" | "bmf" | "gab");
        assert!(json || !text.contains(raw), "{format:?}: {text}");
        assert!(!text.lines().any(|line| line.starts_with("break")), "{format:?}: {text}");
    }
    let table = render("human", &run, &view());
    let long = table.lines().filter(|line| line.chars().count() > 200).count();
    assert_eq!(long, 1, "{table}");
    assert!(table.contains("tab\\there  ") && table.contains("line\\nbreak  "), "{table}");
}

/// A ratio to what was measured at another time is marked; one of pairs is not.
#[test]
fn ratios_without_pairs_are_marked() {
    let mut run = Run { checks: Vec::new(), failed: Vec::new(), ..run() };
    let text = render("human", &run, &view());
    assert!(text.contains("  0.91× (unpaired)  −1,016 B") && text.contains("\n(unpaired) "), "{text}");
    let ratio = Ratio { paired: true, pairs: 100, ratio: 0.88, lower: Some(0.86), upper: Some(0.9) };
    run.finished[1].vs = Some(Versus { name: run.finished[0].name.clone(), baseline: None, ratio });
    for (format, cell) in
        [("human", "  0.88×  −1,016 B"), ("markdown", "| 0.88×  −1,016 B"), ("github", "  0.88×  −1,016 B")]
    {
        let text = render(format, &run, &view());
        assert!(text.contains(cell) && !text.contains("unpaired"), "{text}");
    }
    let json = render("json", &run, &view());
    let expected =
        r#""vs":{"name":"p/pool/write/unpooled","paired":true,"pairs":100,"ratio":0.88,"lower":0.86,"upper":0.9}"#;
    assert!(json.contains(expected), "{json}");
    // These pairs were not taken with the baseline.
    let base = Base { label: "main".into(), run: run.clone(), root: "/w".into() };
    let text = render("human", &run, &View { base: Some(base), ..view() });
    assert!(text.contains("1.00× (~)") && !text.contains("0.88"), "{text}");
}

#[test]
fn parameters_show_how_cost_grows() {
    let mut run = Run { checks: Vec::new(), failed: Vec::new(), ..run() };
    run.finished.truncate(2);
    for (one, (id, ns)) in run.finished.iter_mut().zip([("write/100", 100.0), ("write/5000", 11_898.0)]) {
        (one.id, one.name) = (id.to_owned(), format!("p/pool/{id}"));
        (one.time.ns_per_op, one.time.lower, one.time.upper) = (Some(ns), Some(ns - 1.0), Some(ns + 1.0));
    }
    let text = render("human", &run, &view());
    assert!(text.contains("118.98× per 50× (unpaired)  −1,016 B") && text.contains("\nN× per M×: "), "{text}");
}

#[test]
fn a_bench_that_crashed_is_part_of_the_sum() {
    let text = render("human", &run(), &view());
    assert!(text.contains("check failed: 2 of 3 benchmarks; 1 benchmark could not be measured"), "{text}");
    let mut passed = run();
    passed.checks.retain(|check| check.verdict != Verdict::Failed);
    let text = render("human", &passed, &view());
    assert!(!text.contains("check passed") && text.contains("1 benchmark could not be measured"), "{text}");
}
