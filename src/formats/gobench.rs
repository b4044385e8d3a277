//! Go's benchmark text, for benchstat and all tools built on it.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::{Format, View};
use crate::results::lines::{Finished, Run};

pub struct Gobench;

impl Format for Gobench {
    fn name(&self) -> &'static str {
        "gobench"
    }

    fn about(&self) -> &'static str {
        "Go's benchmark text, as benchstat reads it"
    }

    fn render(&self, run: &Run, view: &View) -> String {
        let mut text = String::new();
        let target = &run.started.target;
        // Writing to a string cannot fail.
        let _ = writeln!(text, "goos: {}\ngoarch: {}", goos(target), goarch(target));
        let mut package = "";
        let mut names = Names::default();
        for one in &run.finished {
            if one.package != package {
                package = &one.package;
                let _ = writeln!(text, "pkg: {package}");
                if !run.started.cpu.is_empty() {
                    let _ = writeln!(text, "cpu: {}", run.started.cpu);
                }
                if run.finished.iter().all(|one| one.memory.exact) && view.memory {
                    text.push_str("Unit B/op assume=exact\nUnit allocs/op assume=exact\n");
                }
            }
            if one.time.ns_per_op.is_none() && !view.memory {
                continue;
            }
            let _ = write!(text, "{}\t{:>8}", names.of(one), one.time.iterations);
            if let Some(ns) = one.time.ns_per_op {
                let _ = write!(text, "\t{ns:>14} ns/op");
            }
            if let Some(speed) = speed(one.throughput.as_ref(), one.time.ns_per_op) {
                let _ = write!(text, "\t{speed:>8.2} MB/s");
            }
            if view.memory {
                let _ =
                    write!(text, "\t{:>8} B/op\t{:>8} allocs/op", one.memory.bytes_per_op, one.memory.allocs_per_op);
            }
            text.push('\n');
        }
        text
    }
}

/// Go's names for what a target triple says; the triple itself where that is neither.
fn goos(target: &str) -> &str {
    let names = [("linux", "linux"), ("apple-darwin", "darwin"), ("windows", "windows")];
    names.iter().find(|(ours, _)| target.contains(ours)).map_or(target, |(_, go)| go)
}

fn goarch(target: &str) -> &str {
    let names = [("x86_64-", "amd64"), ("aarch64-", "arm64")];
    names.iter().find(|(ours, _)| target.starts_with(ours)).map_or(target, |(_, go)| go)
}

/// The names used so far, each with the benchmark that has it.
#[derive(Default)]
struct Names<'a>(HashMap<String, &'a str>);

impl<'a> Names<'a> {
    /// `BenchmarkTarget/id`: Go's names begin with a capital letter behind `Benchmark`, and hold no blank. If two
    /// benchmarks get one name by this, `#01` tells them apart, as in Go.
    fn of(&mut self, one: &'a Finished) -> String {
        let mut target = one.target.chars();
        let capital = target.next().into_iter().flat_map(char::to_uppercase);
        let plain = |c: char| if c.is_whitespace() || c.is_control() { '_' } else { c };
        let name: String = capital.chain(target).chain(['/']).chain(one.unique_id().chars()).map(plain).collect();
        let numbered = (1..).map(|number| format!("Benchmark{name}#{number:02}"));
        let mut all = std::iter::once(format!("Benchmark{name}")).chain(numbered);
        let free = |name: &String| {
            let key = format!("{}/{name}", one.package);
            *self.0.entry(key).or_insert(&one.name) == one.name
        };
        all.find(free).unwrap_or(name)
    }
}

/// The unit of Go's SetBytes: 10⁶ bytes a second.
fn speed(throughput: Option<&serde_json::Value>, ns: Option<f64>) -> Option<f64> {
    let bytes = throughput?.get("bytes")?.as_f64()?;
    ns.filter(|ns| *ns > 0.0).map(|ns| bytes / ns * 1e3)
}
