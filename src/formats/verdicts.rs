//! The gate's verdicts, for people: failures with their sites, improvements, and a last line that says what to do.

use std::collections::BTreeSet;

use super::{View, names_of};
use crate::results::check::{Against, Check, PlacedSite, Verdict};
use crate::results::lines::Run;
use crate::results::metric::Metric;
use crate::results::names::one_line;
use crate::results::notation::per_op;

pub fn render(run: &Run, view: &View) -> String {
    let mut text = String::new();
    let short = names_of(run);
    for check in run.checks.iter().filter(|check| check.verdict != Verdict::Passed) {
        let word = match check.verdict {
            Verdict::Failed => "FAILED",
            Verdict::Improved => "improved",
            Verdict::Accepted => "accepted",
            Verdict::Passed => continue,
        };
        let name = &short[&check.name];
        text.push_str(&format!("{word:<8}  {name}: {}\n", one_line(&check.message)));
        for site in &check.sites {
            text.push_str(&format!("            {}\n", placed(check, site, view)));
        }
    }
    text.push_str(&summary(run));
    text.push('\n');
    text
}

/// `1 allocs/op  p::grow  src/lib.rs:13`.
pub fn placed(check: &Check, site: &PlacedSite, view: &View) -> String {
    let amount = match check.metric {
        Some(Metric::AllocsPerOp) => format!("{} allocs/op", per_op(site.allocs_per_op)),
        _ => format!("{} B/op", per_op(site.bytes_per_op)),
    };
    format!("{amount}  {}  {}:{}", one_line(&site.function), view.relative(&site.file), site.line)
}

/// One line; it includes the benchmarks that had no numbers to judge.
pub fn summary(run: &Run) -> String {
    let crashed = match run.failed.len() {
        0 => String::new(),
        1 => "; 1 benchmark could not be measured".to_owned(),
        many => format!("; {many} benchmarks could not be measured"),
    };
    let crashed = crashed
        + &match run.tests.iter().filter(|test| test.has_failed()).count() {
            0 => String::new(),
            1 => "; 1 test failed".to_owned(),
            many => format!("; {many} tests failed"),
        };
    verdict(&run.checks, &crashed)
}

/// The sum of the verdicts; `crashed` stands behind the numbers.
fn verdict(checks: &[Check], crashed: &str) -> String {
    let names = |verdict: Verdict| -> BTreeSet<&str> {
        checks.iter().filter(|check| check.verdict == verdict).map(|check| check.name.as_str()).collect()
    };
    let all: BTreeSet<(bool, &str)> = checks.iter().map(|check| (check.test, check.name.as_str())).collect();
    let tests = all.iter().filter(|(test, _)| *test).count();
    let (failed, improved, accepted) = (names(Verdict::Failed), names(Verdict::Improved), names(Verdict::Accepted));
    let number = |n: usize, word: &str| if n == 1 { format!("1 {word}") } else { format!("{n} {word}s") };
    let checked = match (all.len() - tests, tests) {
        (benchmarks, 0) => number(benchmarks, "benchmark"),
        (0, tests) => number(tests, "test"),
        (benchmarks, tests) => format!("{} and {}", number(benchmarks, "benchmark"), number(tests, "test")),
    };
    let again = match tests == all.len() && tests > 0 {
        true => "cargo memprof test --check --accept",
        false => "cargo memprof check --accept",
    };
    if !failed.is_empty() {
        let fails = |against: Against| checks.iter().any(|c| c.verdict == Verdict::Failed && c.against == against);
        let advice = match (fails(Against::Baseline), fails(Against::Budget)) {
            (true, false) => format!("; if the change is meant: {again}"),
            (true, true) => format!("; if the change is meant: {again}, and another budget in memprof.toml"),
            (false, true) => {
                "; if the change is meant: another budget in memprof.toml (--accept excuses none)".to_owned()
            }
            (false, false) => String::new(),
        };
        return format!("check failed: {} of {checked}{crashed}{advice}", failed.len());
    }
    let passed = if crashed.is_empty() { "check passed" } else { "nothing that was measured failed the check" };
    let mut text = format!("{passed}: {checked}{crashed}");
    if !accepted.is_empty() {
        text.push_str(&format!(", {} accepted", accepted.len()));
    }
    if !improved.is_empty() {
        text.push_str(&format!(", {} improved; keep it: {again}", improved.len()));
    }
    text
}
