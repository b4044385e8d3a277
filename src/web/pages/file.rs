//! The report as one file.

use serde_json::Value;

use super::shared::Shared;
use super::{Assets, Island, Report, details, document, overview};

/// Benchmarks that are packed together: they compress better, and one of them is still unpacked at once. The script
/// knows it, too.
const PACK: usize = 8;

/// A self-contained document.
pub fn file(report: &Report) -> std::io::Result<String> {
    let mut islands = vec![Island::json("run-data", &overview(report, &|_, _| None).to_string())];
    let mut shared = Shared::default();
    let numbers: Vec<usize> = (0..report.rows.len() + report.programs.len()).collect();
    for (at, pack) in numbers.chunks(PACK).enumerate() {
        let pack: Vec<Value> = pack.iter().map(|number| shared.take(details(report, *number))).collect();
        islands.push(Island::packed(&format!("benchmarks-{at}"), &Value::Array(pack))?);
    }
    islands.push(Island::packed("shared", &shared.into_table())?);
    Ok(document(&report.title(), &Assets::Inline, &islands))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    use crate::results::groups::Compared;
    use crate::results::lines::{Base, Failed, Finished, Run, RunStarted, Sample};
    use crate::results::sample::finished;
    use crate::web::pages::terminal;

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
        Run { started, finished: rows, ..Run::default() }
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
        assert_eq!(report.compared, [Compared::Reference, Compared::With(0)]);
        let view = overview(&report, &|_, _| None);
        assert_eq!((&view["rows"][0]["measurements"], &view["rows"][0]["vs"]["kind"]), (&3.into(), &"new".into()));
        assert_eq!(view["rows"][1]["vs"]["memory"]["allocs_per_op"], 4.0);
        let against = Report::new(run(report.rows.clone()), Some("b".into()), None);
        assert_eq!(against.compared, [Compared::With(1), Compared::Reference]);
        // A profile that is gone is replaced by a message.
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
        let text = file(&Report::new(hostile, None, None)).unwrap();
        assert!(!text.contains("<script>alert") && !text.contains("<img>") && !text.contains("<b>CPU"));
        assert_eq!(text.matches("</script>").count(), 4, "three islands and the script");
    }

    #[test]
    fn the_terminal_gets_the_samples_as_a_line() {
        let text = terminal(&Report::new(run(vec![row("p/t/g/a", 2.0)]), None, None), Path::new("/w"));
        assert!(text.contains("\ng/a\n  ▁▅█  100 to 300 ns/op, 3 samples\n"), "{text}");
        assert!(file(&Report::new(run(Vec::new()), None, None)).unwrap().contains("no benchmarks"));
    }
}
