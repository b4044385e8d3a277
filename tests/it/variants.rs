//! The three fixtures of the project's own story: each variant has the B/op and allocs/op that follow from its code (the opening
//! comment of each bench says how), as numbers, as a table and as JSON lines.

use crate::support;
use cargo_memprof::results::lines::Memory;
use regex::Regex;

/// id, allocs/op, B/op of the variants of `name`.
fn variants(name: &str) -> &'static [(&'static str, f64, f64)] {
    match name {
        "buffer_write" => &[("buffer_write/unpooled", 9.0, 3064.0), ("buffer_write/pooled", 1.0, 1024.0)],
        "stream_replace" => &[
            ("stream_replace/boxed", 2.0, 29.0),
            ("stream_replace/sized", 1.0, 5.0),
            ("stream_replace/stack", 0.0, 0.0),
        ],
        _ => &[("maps/fresh", 10.0, 69_724.0), ("maps/prealloc", 1.0, 34_832.0), ("maps/pooled", 0.0, 0.0)],
    }
}

fn has_its_variants(name: &str) {
    let run = support::memprof(&support::fixture(name), &["--locked", "-json", "-benchtime=100ms"]).ends_with(0);
    let finished = run.finished();
    assert_eq!(finished.len(), variants(name).len());
    for (id, allocs, bytes) in variants(name) {
        let Memory { allocs_per_op, bytes_per_op, exact, .. } = finished[*id].memory;
        assert_eq!((allocs_per_op, bytes_per_op, exact), (*allocs, *bytes, true), "{id}");
    }
    // From the first to the last: each has less on the heap than the one before.
    for pair in variants(name).windows(2) {
        let [first, second] = [pair[0].0, pair[1].0].map(|id| &finished[id].memory);
        assert!(first.allocs_per_op > second.allocs_per_op && first.bytes_per_op > second.bytes_per_op, "{pair:?}");
    }
}

#[test]
fn a_pool_of_buffers_saves_their_growth() {
    has_its_variants("buffer_write");
}

#[test]
fn the_stack_takes_what_the_heap_had() {
    has_its_variants("stream_replace");
}

#[test]
fn a_map_made_for_its_entries_never_grows() {
    has_its_variants("maps");
}

/// The table with what varies replaced by letters: iterations `N`, times `T`, ratios of times `R` (whether they may be chance, too); columns two blanks apart.
fn masked(table: &str) -> String {
    let blanks = Regex::new(r" {2,}").unwrap();
    let row = Regex::new(r"(?m)^(\S+)  [\d,]+  [\d.,]+( ±\d+\.\d%)?").unwrap();
    let ratio = Regex::new(r"\d+\.\d\d×( \((~|unpaired)\))?").unwrap();
    let table = blanks.replace_all(table, "  ");
    let table = row.replace_all(&table, "$1  N  T");
    ratio
        .replace_all(&table, "R×")
        .lines()
        .filter(|line| !line.starts_with("(unpaired) ") && !line.starts_with("busy: "))
        .map(|line| format!("{line}\n"))
        .collect()
}

/// The masked table of a fixture.
fn table(fixture: &str, args: &[&str]) -> String {
    let args = [&["--locked", "-benchtime=50ms", "--no-profiles"], args].concat();
    masked(&support::memprof(&support::fixture(fixture), &args).ends_with(0).stdout)
}

#[test]
fn the_table() {
    support::snapshot("golden", "buffer_write", &table("buffer_write", &["--bench", ".", "-benchmem"]));
    support::snapshot("golden", "maps", &table("maps", &[]));
}

#[test]
fn the_table_without_memory() {
    support::snapshot("golden", "buffer_write.benchmem=false", &table("buffer_write", &["-benchmem=false"]));
}

#[test]
fn the_table_against_another_row() {
    support::snapshot("golden", "buffer_write.against=pooled", &table("buffer_write", &["--against", "pooled"]));
    support::snapshot("golden", "maps.against=pooled.filter", &table("maps", &["--against", "pooled", "pooled|fresh"]));
}

#[test]
fn a_row_that_no_group_has() {
    let folder = support::fixture("buffer_write");
    let args = ["--locked", "-benchtime=1x", "--no-profiles", "--against", "no-such-row"];
    let run = support::memprof(&folder, &args).ends_with(0);
    assert!(run.stderr.contains("warning: --against no-such-row: no group has such a row"), "{}", run.stderr);
}

#[test]
fn one_iteration_runs_all_once() {
    let run = support::memprof(&support::fixture("maps"), &["--locked", "-json", "-benchtime", "1x"]).ends_with(0);
    for finished in run.finished().values() {
        assert_eq!((finished.time.iterations, finished.memory.iterations), (1, 1), "{}", finished.name);
        let cpu = support::read_profile(finished.profiles.cpu.as_ref().unwrap());
        assert_eq!(cpu.sample_types.len(), 2, "an empty profile is valid");
    }
}

#[test]
fn count_measures_again() {
    let args = ["--locked", "-json", "-benchtime=20ms", "--no-profiles", "-count", "3", "pooled"];
    let run = support::memprof(&support::fixture("maps"), &args).ends_with(0);
    let lines: Vec<_> = run.stdout.lines().filter(|line| line.contains("benchmark-finished")).collect();
    assert_eq!(lines.len(), 3);
    assert!(run.stdout.ends_with("{\"reason\":\"run-finished\",\"success\":true,\"benchmarks\":3,\"failed\":0}\n"));
}

#[test]
fn names_are_listed() {
    let folder = support::fixture("maps");
    let run = Command::list(&folder, &["--locked"]);
    assert_eq!(run.stdout, "maps/maps/maps/fresh\nmaps/maps/maps/prealloc\nmaps/maps/maps/pooled\n");
    assert_eq!(Command::list(&folder, &["--locked", "pre"]).stdout, "maps/maps/maps/prealloc\n");
}

struct Command;

impl Command {
    /// `cargo memprof list`.
    fn list(folder: &std::path::Path, args: &[&str]) -> support::Run {
        let _lock = support::lock();
        let mut tool = support::tool(folder);
        tool.arg("list").arg("--target-dir").arg(support::target_dir()).args(args);
        support::Run::new(tool.output().unwrap()).ends_with(0)
    }
}
