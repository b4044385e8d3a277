//! Workflow commands of GitHub Actions: each failure an annotation at the line that allocates. The step summary is Markdown.

use std::fmt::Write as _;

use super::{Format, Human, Markdown, View, verdicts};
use crate::results::check::Verdict;
use crate::results::lines::Run;
use crate::results::names::one_line;

pub struct Github;

impl Format for Github {
    fn name(&self) -> &'static str {
        "github"
    }

    fn has_verdicts(&self) -> bool {
        true
    }

    fn about(&self) -> &'static str {
        "Annotations of GitHub Actions, and its step summary"
    }

    fn reports_abort(&self) -> bool {
        true
    }

    fn step_summary(&self) -> Option<&dyn Format> {
        Some(&Markdown)
    }

    fn render(&self, run: &Run, view: &View) -> String {
        let mut text = Human.render(run, view);
        for failed in &run.failed {
            let message = format!("{}: {}", one_line(&failed.name), failed.error);
            let _ = writeln!(text, "::error title=cargo memprof::{}", data(&message));
        }
        for test in run.tests.iter().filter(|test| test.has_failed()) {
            let message = format!("{}: {}", one_line(&test.name), test.error.as_deref().unwrap_or("failed"));
            let _ = writeln!(text, "::error title=cargo memprof::{}", data(&message));
        }
        for check in &run.checks {
            let command = match check.verdict {
                Verdict::Failed => "error",
                Verdict::Improved => "notice",
                Verdict::Accepted | Verdict::Passed => continue,
            };
            let mut message = format!("{}: {}", one_line(&check.name), check.message);
            let place = check.sites.iter().find(|site| view.relative(&site.file) != site.file);
            let place = place.map(|site| (view.relative(&site.file), site.line));
            for site in &check.sites {
                let _ = write!(message, "\n{}", verdicts::placed(check, site, view));
            }
            let place = place.map(|(file, line)| format!("file={},line={line},", property(file))).unwrap_or_default();
            let _ = writeln!(text, "::{command} {place}title=cargo memprof::{}", data(&message));
        }
        text
    }
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
