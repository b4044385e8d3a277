//! Markdown for a comment on a pull request: the verdicts, then the columns, folded away if the table is long.

use std::fmt::Write as _;

use super::columns::{self, Table};
use super::{Format, View, names_of, one_of_each, test_table, verdicts};
use crate::results::check::Verdict;
use crate::results::lines::Run;
use crate::results::notation::markdown as escaped;

/// A table with more rows is folded away below the verdicts.
const LONG: usize = 20;

pub struct Markdown;

impl Format for Markdown {
    fn name(&self) -> &'static str {
        "markdown"
    }

    fn has_verdicts(&self) -> bool {
        true
    }

    fn about(&self) -> &'static str {
        "For a comment on a pull request"
    }

    fn reports_abort(&self) -> bool {
        true
    }

    fn render(&self, run: &Run, view: &View) -> String {
        let mut text = String::from("### cargo memprof\n\n");
        let short = names_of(run);
        for failed in &run.failed {
            let _ = writeln!(text, "- ❌ **{}**: {}", escaped(&failed.name), escaped(&failed.error));
        }
        for test in run.tests.iter().filter(|test| test.has_failed()) {
            let error = test.error.as_deref().unwrap_or("failed");
            let _ = writeln!(text, "- ❌ **{}**: {}", escaped(&test.name), escaped(error));
        }
        for check in run.checks.iter().filter(|check| check.verdict != Verdict::Passed) {
            let mark = match check.verdict {
                Verdict::Failed => "❌",
                _ => "✅",
            };
            let name = short.get(&check.name).unwrap_or(&check.name);
            let _ = writeln!(text, "- {mark} **{}**: {}", escaped(name), escaped(&check.message));
            for site in &check.sites {
                let _ = writeln!(text, "  - `{}`", verdicts::placed(check, site, view).replace('`', "'"));
            }
        }
        if !run.checks.is_empty() {
            let _ = write!(text, "\n{}\n\n", escaped(&verdicts::summary(run)));
        } else if run.end().failed > 0 {
            text.push('\n');
        }
        let table = Table::new(&run.finished, view);
        if let Some(busy) = columns::busy(&run.finished) {
            let _ = write!(text, "{}\n\n", escaped(&busy));
        }
        let fold = table.cells.len() > LONG && !run.checks.is_empty();
        if fold {
            let _ = write!(text, "<details><summary>All {} benchmarks</summary>\n\n", one_of_each(&run.finished).len());
        }
        push_rows(&mut text, &table.cells, table.compared);
        let tests = test_table::cells(run, view);
        if !table.cells.is_empty() && !tests.is_empty() {
            text.push('\n');
        }
        push_rows(&mut text, &tests, view.base.is_some());
        for note in columns::notes(&run.finished, &table) {
            let _ = writeln!(text, "\n{}", escaped(note));
        }
        if fold {
            text.push_str("\n</details>\n");
        }
        text
    }
}

fn push_rows(text: &mut String, cells: &[Vec<String>], last_is_text: bool) {
    for (index, row) in cells.iter().enumerate() {
        let shown: Vec<String> = row.iter().map(|cell| escaped(cell)).collect();
        let _ = writeln!(text, "| {} |", shown.join(" | "));
        if index == 0 {
            let is_text = |at: usize| at == 0 || last_is_text && at == row.len() - 1;
            let align = |at: usize| if is_text(at) { "---" } else { "---:" };
            let _ = writeln!(text, "| {} |", (0..row.len()).map(align).collect::<Vec<_>>().join(" | "));
        }
    }
}
