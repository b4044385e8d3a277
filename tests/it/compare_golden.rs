//! Comparisons of our own results and of what benchstat's kit does not have, each with a snapshot named after its flags.
//!
//! `INSTA_UPDATE=always cargo test --test it compare_golden::` writes the snapshots anew.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::support;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compare")
}

fn compare(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cargo-memprof"))
        .current_dir(folder)
        .arg("compare")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// Exit code, standard output and standard error in one text.
fn transcript(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let code = output.status.code().unwrap();
    format!("{}--- stderr\n{}--- exit code {code}\n", text(&output.stdout), text(&output.stderr))
}

/// The name of a golden file: the arguments, with what a file name cannot hold as `_`.
fn name(arguments: &[&str]) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '=') { c } else { '_' };
    arguments.join(" ").chars().map(plain).collect()
}

#[test]
fn golden_files() {
    let cases: &[&[&str]] = &[
        &["old.jsonl", "new.jsonl"],
        &["-format", "csv", "old.jsonl", "new.jsonl"],
        &["-filter", ".unit:(B/op OR allocs/op)", "before=old.jsonl", "after=new.jsonl"],
        &["old.jsonl", "go.txt"],
        &["go.txt", "go.txt"],
        &["-col", "/n@num", "-filter", ".name:Size", "go.txt"],
        &["-col", "/n@(2Ki 64)", "-row", ".name", "-ignore", "/gomaxprocs", "go.txt"],
        &["-row", ".name", "-col", ".file,/n", "go.txt", "again=go.txt"],
        &["-table", "", "-row", ".unit", "go.txt"],
        &["-col", "/variant", "old.jsonl"],
        &["-col", "/variant", "-format", "markdown", "old.jsonl"],
        &["-col", "/variant@(pooled unpooled)", "-row", "/group", "-filter", ".unit:allocs/op", "new.jsonl"],
        &["-format", "markdown", "old.jsonl", "new.jsonl"],
        &["-table", "", "-col", "", "go.txt"],
        &["odd.txt", "odd.txt"],
        &["newer.jsonl"],
        &["old.jsonl", "none.jsonl"],
        &["."],
        &["-filter", ".name:/(/", "go.txt"],
        &["-filter", ".name:/a**/", "go.txt"],
        &["-row", ".name@size", "go.txt"],
        &["-confidence", "1.5", "go.txt"],
        &["-format", "html", "go.txt"],
        &["-bogus", "go.txt"],
        &["-alpha"],
        &[],
    ];
    for arguments in cases {
        let name = format!("compare {}", name(arguments)).trim_end().replace(' ', "_");
        support::snapshot("compare/golden", &name, &transcript(&compare(&folder(), arguments)));
    }
}

#[test]
fn a_saved_baseline_is_an_input() {
    let project = tempfile::tempdir().unwrap();
    let baseline = project.path().join("target/memprof/baselines/main");
    std::fs::create_dir_all(&baseline).unwrap();
    std::fs::copy(folder().join("old.jsonl"), baseline.join("results.jsonl")).unwrap();
    std::fs::copy(folder().join("new.jsonl"), project.path().join("new.jsonl")).unwrap();
    let output = compare(project.path(), &["main", "new.jsonl"]);
    let text = transcript(&output);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("│     main") && text.contains("+100.00% (n=6)"), "{text}");

    // A file of that name comes first, as with every other argument.
    std::fs::write(project.path().join("main"), "BenchmarkX 1 5 ns/op\n").unwrap();
    assert!(transcript(&compare(project.path(), &["main"])).contains("X   5.000n"));
}

#[test]
fn standard_input_is_an_input() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_cargo-memprof"))
        .args(["memprof", "compare", "-"])
        .stdin(std::fs::File::open(folder().join("old.jsonl")).unwrap())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut text = String::new();
    std::io::Read::read_to_string(child.stdout.as_mut().unwrap(), &mut text).unwrap();
    assert!(child.wait().unwrap().success());
    assert!(text.starts_with("pkg: p\n"), "{text}");
}

#[test]
fn nobody_reading_on_is_success() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_cargo-memprof"))
        .current_dir(folder())
        .args(["compare", "old.jsonl", "new.jsonl"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
}

/// The output of `compare` for these files.
fn compared(files: &[(&str, &str)]) -> String {
    compared_with(&[], files)
}

/// The same with flags.
fn compared_with(flags: &[&str], files: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let names = files.iter().map(|(name, _)| *name);
    transcript(&compare(folder.path(), &flags.iter().copied().chain(names).collect::<Vec<_>>()))
}

#[test]
fn numbers_that_cannot_be_are_named_and_passed_over() {
    let line = |name: &str, allocs: &str| {
        format!(r#"{{"reason":"benchmark-finished","name":"{name}","memory":{{"allocs_per_op":{allocs}}}}}"#)
    };
    let text = [line("p/t/a", "-1"), line("p/t/b", "NaN"), line("p/t/c", "2")].join("\n");
    let said = compared(&[("r.jsonl", &text)]);
    assert!(said.contains("r.jsonl:1: p/t/a has -1 allocs/op\nr.jsonl:2: expected value at line 1 column"), "{said}");
    assert!(said.contains("p/t/c   2.000 ± 0%\n") && !said.contains("p/t/a  "), "{said}");
    assert!(said.ends_with("--- exit code 0\n"), "{said}");
}

const LINE: &str =
    r#"{"reason":"benchmark-finished","name":"p/t/g/f","id":"g/f","group":"g","memory":{"allocs_per_op":2}}"#;

#[test]
fn nothing_to_compare_is_said() {
    let started = r#"{"reason":"run-started","format_version":1}"#;
    for (name, text, why) in [
        ("r", started, "it is JSON of another kind than `cargo memprof -json` prints"),
        ("empty.jsonl", "", "it is empty"),
        ("empty.txt", "\r\n", "it is empty"),
        ("broken.jsonl", "what\n", "no line of it is like `BenchmarkName 100 17 ns/op`"),
        ("pass.txt", "PASS\nok  p 0.1s\n", "no line of it is like `BenchmarkName 100 17 ns/op`"),
        ("zeros", "\0\0\0\0\0\0\0\0\0\0\0\0", "it is not text"),
    ] {
        let said = compared(&[(name, text)]);
        assert_eq!(said, format!("--- stderr\nerror: no benchmark in {name}: {why}\n--- exit code 104\n"));
        // Beside another input, too, which is shown.
        let said = compared(&[(name, text), ("new.txt", "BenchmarkX 1 5 ns/op\n")]);
        if name == "pass.txt" {
            assert!(said.starts_with("  ") && said.ends_with("--- stderr\n--- exit code 0\n"), "{said}");
        } else {
            let end = format!("--- stderr\nerror: no benchmark in {name}: {why}\n--- exit code 104\n");
            assert!(said.contains("X   5.000n") && said.ends_with(&end), "{said}");
        }
    }
    let said = compared_with(&["-filter", ".name:none"], &[("r.jsonl", LINE)]);
    assert!(said.contains("error: no benchmark is what -filter") && said.ends_with("code 104\n"), "{said}");
}

#[test]
fn text_in_any_encoding_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let text = "goos: linux\nBenchmarkX 1 5 ns/op\n";
    let units: Vec<u16> = text.encode_utf16().collect();
    let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
    let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
    let marked = |mark: &[u8], bytes: &[u8]| [mark, bytes].concat();
    let files = [
        ("mark", marked(&[0xef, 0xbb, 0xbf], text.as_bytes())),
        ("le", marked(&[0xff, 0xfe], &little)),
        ("be", marked(&[0xfe, 0xff], &big)),
        ("le-bare", little),
        ("be-bare", big),
        // Two that were joined.
        ("joined", marked(&[0xef, 0xbb, 0xbf], &marked(text.as_bytes(), "\u{feff}goos: linux\n".as_bytes()))),
    ];
    std::fs::write(folder.path().join("new"), text).unwrap();
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), &bytes).unwrap();
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, &bytes).unwrap();
        let zipped = format!("{name}.gz");
        std::fs::write(folder.path().join(&zipped), encoder.finish().unwrap()).unwrap();
        for name in [name, &zipped] {
            let said = transcript(&compare(folder.path(), &[name, "new"]));
            assert_eq!(said.matches("goos: linux").count(), 1, "{name}: {said}");
            assert!(said.contains("~ (p=1.000 n=1)") && said.ends_with("code 0\n"), "{name}: {said}");
        }
    }
    let zipped = std::fs::read(folder.path().join("mark.gz")).unwrap();
    std::fs::write(folder.path().join("half.gz"), &zipped[..zipped.len() / 2]).unwrap();
    let said = transcript(&compare(folder.path(), &["half.gz", "new"]));
    assert!(said.contains("error: half.gz: the gzip data is damaged") && said.ends_with("code 1\n"), "{said}");
}

/// A name is data; a table has one line a row.
#[test]
fn names_break_no_line() {
    let line = LINE.replace("p/t/g/f", "p/t/g/f\\tx\\ny").replace("\"g/f\"", "\"g/f\\tx\\ny\"");
    for flags in [&[][..], &["-format", "markdown"], &["-row", "/variant"]] {
        let said = compared_with(flags, &[("r.jsonl", &line)]);
        assert!(
            said.contains("\\tx") && !said.contains("f\tx") && !said.lines().any(|line| line.starts_with('y')),
            "{said}"
        );
    }
}

#[test]
fn a_key_that_no_benchmark_has_is_said() {
    let said = compared_with(&["-col", "/varient", "-row", "/group"], &[("r.jsonl", LINE)]);
    assert!(said.contains("warning: no benchmark has the key /varient; did you mean /variant?\n"), "{said}");
    assert!(!said.contains("key /group;") && said.ends_with("--- exit code 0\n"), "{said}");
    let said = compared_with(&["-col", "/none"], &[("r.jsonl", LINE)]);
    assert!(
        said.contains("warning: no benchmark has the key /none; the names in a results.jsonl have /group"),
        "{said}"
    );
    let go = ("go.txt", "goarch: x\nBenchmarkX/size=1 1 5 ns/op\n");
    let said = compared_with(&["-col", "/sise", "-row", "goarhc"], &[go]);
    assert!(
        said.contains("key /sise; did you mean /size?") && said.contains("key goarhc; did you mean goarch?"),
        "{said}"
    );
    // As benchstat.
    assert!(compared_with(&["-col", "/other"], &[go]).contains("--- stderr\n--- exit code 0\n"));
}

/// A name that stands twice is a benchmark measured twice.
#[test]
fn a_name_that_stands_twice_is_two_measurements() {
    let second = LINE.replace(":2}", ":4}");
    let said = compared(&[("r.jsonl", &format!("{LINE}\n{second}\n"))]);
    assert!(said.contains("values range from 2 to 4"), "{said}");
}

#[test]
fn an_older_format_is_refused() {
    let said = compared(&[("r.jsonl", r#"{"reason":"run-started","format_version":0}"#)]);
    assert!(said.contains("error: r.jsonl:1: format_version 0 is not understood") && said.ends_with("code 1\n"));
}

#[test]
fn units_that_differ_are_not_compared() {
    let said = compared(&[("old", "BenchmarkX 1 5 ns/op\n"), ("new", "BenchmarkX 1 5 B/op\n")]);
    assert!(said.contains(" sec/op ") && said.contains(" B/op ") && !said.contains("vs base"), "{said}");
}

#[test]
fn a_metric_that_one_side_lacks_leaves_its_place_empty() {
    let old = "BenchmarkX 1 5 ns/op 8 B/op\nBenchmarkY 1 5 ns/op 8 B/op\n";
    let said = compared(&[("old", old), ("new", "BenchmarkX 1 6 ns/op 9 B/op\nBenchmarkY 1 6 ns/op\n")]);
    let (_, bytes) = said.split_once("B/op").unwrap();
    let row = |name: &str| bytes.lines().find(|line| line.starts_with(name)).unwrap().split_whitespace().count();
    assert!(row("X") > row("Y") && said.contains("benchmark set differs from baseline"), "{said}");
}
