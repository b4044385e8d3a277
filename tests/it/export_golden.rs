//! Every message format on one set of results, each with a golden file named after its flags.
//!
//! `MEMPROF_BLESS=1 cargo test --test it export_golden::` writes the golden files anew.

use std::path::{Path, PathBuf};

use cargo_memprof::benchstat::input::labels::Input;
use cargo_memprof::benchstat::tables::text;
use cargo_memprof::benchstat::{Comparison, Options};
use cargo_memprof::formats::{self, Base, Export, View};
use cargo_memprof::results::lines::Run;

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

#[track_caller]
fn matches_golden(name: &str, text: &str) {
    let path = folder().join("golden").join(name);
    if std::env::var_os("MEMPROF_BLESS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    assert_eq!(text, golden, "{name}");
}

const FORMATS: [(&str, &dyn Export); 8] = [
    ("human", &formats::Human),
    ("markdown", &formats::Markdown),
    ("csv", &formats::Csv),
    ("gobench", &formats::Gobench),
    ("github", &formats::Github),
    ("junit", &formats::Junit),
    ("bmf", &formats::Bmf),
    ("gab", &formats::Gab),
];

#[test]
fn golden_files() {
    for (name, format) in FORMATS {
        matches_golden(&format!("message-format={name}.txt"), &format.render(&run(), &view()));
    }
    let hidden = View { memory: false, ..view() };
    for (name, format) in FORMATS.iter().filter(|(name, _)| matches!(*name, "gobench" | "bmf")) {
        matches_golden(&format!("message-format={name}.benchmem=false.txt"), &format.render(&run(), &hidden));
    }
    let mut before = run().finished;
    before.remove(2);
    before[0].memory.bytes_per_op += 10.0;
    let compared = View { base: Some(Base { label: "main".into(), finished: before }), ..view() };
    let unchecked = Run { checks: Vec::new(), failed: Vec::new(), ..run() };
    for (name, format) in FORMATS.iter().filter(|(name, _)| matches!(*name, "human" | "markdown")) {
        let text = format.render(&unchecked, &compared);
        matches_golden(&format!("message-format={name}.baseline=main.txt"), &text);
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
    for (name, format) in FORMATS.iter().filter(|(name, _)| matches!(*name, "bmf" | "gab" | "junit")) {
        assert_eq!(format.render(&thrice, &view()), format.render(&once, &view()), "{name}");
    }
}

/// Of an even number of measurements none is in the middle, and rows are compared by what all measurements say.
#[test]
fn two_measurements_of_each_benchmark() {
    let once = Run { checks: Vec::new(), failed: Vec::new(), ..run() };
    let mut again = once.finished.clone();
    again.iter_mut().for_each(|one| one.time.ns_per_op = one.time.ns_per_op.map(|ns| ns * 2.0));
    let twice = Run { finished: [once.finished.clone(), again].concat(), ..once };
    for (name, format) in FORMATS.iter().filter(|(name, _)| matches!(*name, "human" | "bmf" | "gab")) {
        matches_golden(&format!("message-format={name}.count=2.txt"), &format.render(&twice, &view()));
    }
}

/// In the unit of another clock a sample may be anything.
#[test]
fn a_negative_sample_is_no_panic() {
    let mut run = run();
    run.finished[0].time.samples[0].nanoseconds = -1e300;
    assert!(formats::Junit.render(&run, &view()).contains("<testsuites"));
}

#[test]
fn what_vanished_is_called_as_in_the_table() {
    let mut run = run();
    let mut check = run.checks[0].clone();
    (check.name, check.message) = (format!("{}x", run.finished[0].name), "vanished".to_owned());
    run.checks = vec![check];
    let text = formats::Human.render(&run, &view());
    assert!(text.contains(&format!("  {}x: vanished\n", run.finished[0].id)), "{text}");
}

#[test]
fn nothing_measured_is_a_whole_report_too() {
    let empty = Run { finished: Vec::new(), checks: Vec::new(), ..run() };
    for (name, format) in FORMATS.iter().filter(|(name, _)| matches!(*name, "bmf" | "gab" | "junit" | "markdown")) {
        let text = format.render(&empty, &view());
        assert!(text.ends_with('\n') && text.len() > 2, "{name}: {text}");
    }
}

/// Go's benchmark format, rule by rule: <https://golang.org/design/14313-benchmark-format>.
#[test]
fn the_gobench_form_is_go_s() {
    let text = formats::Gobench.render(&run(), &view());
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
    let text = formats::Gobench.render(&run(), &view());
    let mut comparison = Comparison::new(&Options::default()).unwrap();
    for label in ["old", "new"] {
        let input = Input { path: label.into(), label: label.into() };
        assert_eq!(comparison.read(&input, &text).unwrap(), [""; 0]);
    }
    matches_golden("compare.message-format=gobench.txt", &text::render(&comparison.tables()));
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
