//! Workflow commands of GitHub Actions: each failure an annotation at the line that allocates. The step summary is Markdown.

use std::fmt::Write as _;

use super::{Export, View, human::Human, verdicts};
use crate::results::check::Verdict;
use crate::results::lines::Run;

pub struct Github;

impl Export for Github {
    fn render(&self, run: &Run, view: &View) -> String {
        let mut text = Human.render(run, view);
        for failed in &run.failed {
            let message = format!("{}: {}", failed.name, failed.error);
            let _ = writeln!(text, "::error title=cargo memprof::{}", data(&message));
        }
        for check in &run.checks {
            let command = match check.verdict {
                Verdict::Failed => "error",
                Verdict::Improved => "notice",
                Verdict::Accepted | Verdict::Passed => continue,
            };
            let mut message = format!("{}: {}", check.name, check.message);
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
