//! JUnit's XML: a suite for each target, a case for each benchmark or test.

use std::collections::BTreeMap;
use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite, XmlString};

use super::{Format, View, one_of_each, verdicts};
use crate::results::check::{Check, Verdict};
use crate::results::lines::Run;
use crate::results::names::one_line;
use crate::results::tests::{Outcome, TestFinished};

pub struct Junit;

impl Format for Junit {
    fn name(&self) -> &'static str {
        "junit"
    }

    fn has_verdicts(&self) -> bool {
        true
    }

    fn about(&self) -> &'static str {
        "JUnit's XML, a case a benchmark"
    }

    fn reports_abort(&self) -> bool {
        true
    }

    fn render(&self, run: &Run, view: &View) -> String {
        let mut suites: BTreeMap<String, TestSuite> = BTreeMap::new();
        let mut add = |name: &str, status: TestCaseStatus, seconds: f64| {
            let name: &str = &one_line(name);
            let mut parts = name.splitn(3, '/');
            let package = parts.next().unwrap_or_default();
            // A failure that stops the whole run is in no target.
            let suite = parts.next().map_or(package.to_owned(), |target| format!("{package}/{target}"));
            let mut case = TestCase::new(parts.next().unwrap_or(name), status);
            case.set_classname(suite.as_str()).set_time(Duration::try_from_secs_f64(seconds).unwrap_or_default());
            suites.entry(suite.clone()).or_insert_with(|| TestSuite::new(suite)).add_test_case(case);
        };
        let checks = |name: &str| -> Vec<&Check> {
            run.checks.iter().filter(|c| c.name == name && c.verdict == Verdict::Failed).collect()
        };
        for one in one_of_each(&run.finished) {
            let seconds = one.time.samples.iter().map(|sample| sample.nanoseconds).sum::<f64>() / 1e9;
            let seconds = if one.time.ns_per_op.is_some() { seconds } else { 0.0 };
            add(&one.name, status(&checks(&one.name), view), seconds);
        }
        for failed in &run.failed {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_message(failed.error.as_str());
            add(&failed.name, status, 0.0);
        }
        for test in &run.tests {
            let seconds = test.wall_ns.map_or(0.0, |wall| wall as f64 / 1e9);
            add(&test.name, of_test(test, &checks(&test.name), view), seconds);
        }
        let tested = |name: &str| run.tests.iter().any(|test| test.name == name);
        let measured = |name: &str| run.finished.iter().any(|one| one.name == name) || tested(name);
        for check in run.checks.iter().filter(|c| c.verdict == Verdict::Failed && !measured(&c.name)) {
            add(&check.name, status(&[check], view), 0.0);
        }
        let mut report = Report::new("cargo memprof");
        report.add_test_suites(suites.into_values());
        report.to_string().unwrap_or_default()
    }
}

fn of_test(test: &TestFinished, failed: &[&Check], view: &View) -> TestCaseStatus {
    match test.outcome {
        Outcome::Ok => status(failed, view),
        Outcome::Ignored => TestCaseStatus::skipped(),
        Outcome::Failed => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(test.error.as_deref().unwrap_or("failed"));
            if let Some(output) = &test.output {
                status.set_description(XmlString::new(output.as_str()));
            }
            status
        }
    }
}

fn status(failed: &[&Check], view: &View) -> TestCaseStatus {
    let Some(first) = failed.first() else { return TestCaseStatus::success() };
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_type("cargo memprof").set_message(first.message.as_str());
    let lines = failed.iter().flat_map(|check| {
        let sites = check.sites.iter().map(|site| format!("  {}", verdicts::placed(check, site, view)));
        std::iter::once(check.message.clone()).chain(sites)
    });
    status.set_description(XmlString::new(lines.collect::<Vec<_>>().join("\n")));
    status
}
