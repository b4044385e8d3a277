//! Markdown for a comment on a pull request: the verdicts, then the columns, folded away where it is long.

use std::fmt::Write as _;

use super::{Export, View, columns, names_of, one_of_each, verdicts};
use crate::results::check::Verdict;
use crate::results::lines::Run;

/// A table of more rows is folded away below the verdicts.
const LONG: usize = 20;

pub struct Markdown;

impl Export for Markdown {
    fn render(&self, run: &Run, view: &View) -> String {
        let mut text = String::from("### cargo memprof\n\n");
        let short = names_of(run);
        for failed in &run.failed {
            let _ = writeln!(text, "- ❌ **{}**: {}", escaped(&failed.name), escaped(&failed.error));
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
            let _ = write!(text, "\n{}\n\n", escaped(&verdicts::summary(&run.checks)));
        } else if !run.failed.is_empty() {
            text.push('\n');
        }
        let rows = columns::cells(&run.finished, view);
        let fold = rows.len() > LONG && !run.checks.is_empty();
        if fold {
            let _ = write!(text, "<details><summary>All {} benchmarks</summary>\n\n", one_of_each(&run.finished).len());
        }
        for (index, row) in rows.iter().enumerate() {
            let cells: Vec<String> = row.iter().map(|cell| escaped(cell)).collect();
            let _ = writeln!(text, "| {} |", cells.join(" | "));
            if index == 0 {
                let last = row.len() - 1;
                let compared = columns::is_compared(row);
                let align = |at: usize| if at == 0 || (at == last && compared) { "---" } else { "---:" };
                let _ = writeln!(text, "| {} |", (0..row.len()).map(align).collect::<Vec<_>>().join(" | "));
            }
        }
        if fold {
            text.push_str("\n</details>\n");
        }
        text
    }
}

/// What would be markup or break a table is itself.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' => out.push(' '),
            '|' | '*' | '_' | '`' | '<' | '[' | '\\' | '~' | '#' | '@' => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}
