//! What the report is about: a run, and what it is compared with.

use std::path::Path;

use super::{Assets, Island, details, document, overview};
use crate::results::groups::{self, Compared};
use crate::results::lines::{Base, Finished, Run};
use crate::results::names;
use crate::results::summary::one_of_each;

/// A run, each benchmark once: of several measurements their medians.
pub struct Report {
    pub run: Run,
    pub rows: Vec<Finished>,
    /// The shortest unambiguous names of `rows`.
    pub short: Vec<String>,
    /// The row that each row is compared to, if that is another one.
    pub references: Vec<Option<usize>>,
    pub against: Option<String>,
    pub base: Option<Base>,
}

impl Report {
    pub fn new(run: Run, against: Option<String>, base: Option<Base>) -> Self {
        let mut rows = one_of_each(&run.finished);
        let base = base.map(|mut base| {
            base.run.finished = one_of_each(&base.run.finished);
            base
        });
        // The last measurement wrote the profiles.
        for row in &mut rows {
            let last = run.finished.iter().rev().find(|finished| finished.name == row.name);
            row.profiles = last.map(|last| last.profiles.clone()).unwrap_or_default();
        }
        let mut short = names::shortest_of(&rows);
        let short = rows.iter().map(|row| short.remove(&row.name).unwrap_or_default()).collect();
        let reference = |compared| match compared {
            Compared::With(reference) => Some(reference),
            Compared::Alone | Compared::Reference | Compared::Grown { .. } => None,
        };
        let references = groups::compared(&rows, against.as_deref()).into_iter().map(reference).collect();
        Report { run, rows, short, references, against, base }
    }

    /// The row of the run compared with that `name` had.
    pub fn base_row(&self, name: &str) -> Option<&Finished> {
        self.base.as_ref()?.run.finished.iter().find(|row| row.name == name)
    }

    pub fn title(&self) -> String {
        let packages: std::collections::BTreeSet<&str> = self.rows.iter().map(|row| row.package.as_str()).collect();
        let names: Vec<&str> = packages.into_iter().take(3).collect();
        format!("{} · cargo memprof", if names.is_empty() { "no benchmarks".into() } else { names.join(", ") })
    }

    /// The report as one file that needs nothing else.
    pub fn file(&self) -> std::io::Result<String> {
        let mut islands = vec![Island::json("run-data", &overview(self, &|_, _| None).to_string())];
        for number in 0..self.rows.len() {
            islands.push(Island::packed(&format!("benchmark-{number}"), &details(self, number))?);
        }
        Ok(document(&self.title(), &Assets::Inline, &islands))
    }
}

/// The path of a row's profile.
pub fn profile_path<'a>(row: &'a Finished, kind: &str) -> Option<&'a Path> {
    let path = if kind == "cpu" { &row.profiles.cpu } else { &row.profiles.mem };
    path.as_deref().map(Path::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::lines::{Failed, RunStarted, Sample};
    use crate::results::sample::finished;
    use crate::web::pages::{overview, terminal};

    fn run(rows: Vec<Finished>) -> Run {
        let started = RunStarted {
            format_version: 1,
            tool: "0.1.0".into(),
            rustc: "1.90.0".into(),
            target: "x".into(),
            profile: "bench".into(),
            cpu: "<b>CPU</b>".into(),
            commit: None,
            workspace: None,
        };
        Run { started, finished: rows, failed: Vec::new(), checks: Vec::new() }
    }

    fn row(name: &str, allocs: f64) -> Finished {
        let mut row = finished(name, allocs, 64.0 * allocs, true);
        row.group = "g".into();
        row.time.samples = (1..=3).map(|at| Sample { iterations: 10, nanoseconds: 1000.0 * f64::from(at) }).collect();
        row
    }

    #[test]
    fn each_benchmark_is_there_once_beside_what_it_is_compared_with() {
        let mut repeated = vec![row("p/t/g/a", 9.0), row("p/t/g/b", 1.0), row("p/t/g/a", 5.0), row("p/t/g/a", 6.0)];
        repeated[3].profiles.mem = Some("/nowhere/mem.prof".into());
        let base = Base { label: "main".into(), run: run(vec![row("p/t/g/b", 4.0)]), root: "/w".into() };
        let report = Report::new(run(repeated), None, Some(base));
        assert_eq!(report.short, ["g/a", "g/b"]);
        assert_eq!(report.rows[0].memory.allocs_per_op, 6.0, "the median");
        assert_eq!(report.references, [None, Some(0)]);
        let view = overview(&report, &|_, _| None);
        assert_eq!((&view["rows"][0]["measurements"], &view["rows"][0]["base"]), (&3.into(), &serde_json::Value::Null));
        assert_eq!(view["rows"][1]["base"]["memory"]["allocs_per_op"], 4.0);
        let against = Report::new(run(report.rows.clone()), Some("b".into()), None);
        assert_eq!(against.references, [Some(1), None]);
        // A profile that has gone says so in its place.
        let error = details(&report, 0)["mem"]["error"].as_str().unwrap_or_default().to_owned();
        assert_eq!(error, "/nowhere/mem.prof is gone; run the benches again");
    }

    #[test]
    fn names_are_no_markup_in_the_file() {
        let mut hostile = run(vec![row("p/t/g/<script>alert(1)</script>", 1.0)]);
        hostile.failed.push(Failed {
            name: "p/t/</script>".into(),
            package: "p".into(),
            target: "t".into(),
            id: "<img>".into(),
            kind: Default::default(),
            error: "<!--".into(),
        });
        let file = Report::new(hostile, None, None).file().unwrap();
        assert!(!file.contains("<script>alert") && !file.contains("<img>") && !file.contains("<b>CPU"));
        assert_eq!(file.matches("</script>").count(), 3, "two islands and the script");
    }

    #[test]
    fn the_terminal_gets_the_samples_as_a_line() {
        let text = terminal(&Report::new(run(vec![row("p/t/g/a", 2.0)]), None, None), Path::new("/w"));
        assert!(text.contains("\ng/a\n  ▁▅█  100 to 300 ns/op, 3 samples\n"), "{text}");
        assert!(Report::new(run(Vec::new()), None, None).file().unwrap().contains("no benchmarks"));
    }
}
