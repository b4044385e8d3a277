//! The table for people, and the verdicts below it.

use super::{Format, View, columns, test_table, verdicts};
use crate::results::lines::Run;

pub struct Human;

impl Format for Human {
    fn name(&self) -> &'static str {
        "human"
    }

    fn has_verdicts(&self) -> bool {
        true
    }

    fn about(&self) -> &'static str {
        "A table for people"
    }

    fn render(&self, run: &Run, view: &View) -> String {
        let mut text = String::new();
        if run.tests.is_empty() || !(run.finished.is_empty() && run.failed.is_empty()) {
            text.push_str(&columns::render(&run.finished, &run.failed, view));
            text.push('\n');
        }
        let tests = test_table::table(run, view);
        if !text.is_empty() && !tests.is_empty() {
            text.push('\n');
        }
        text.push_str(&tests);
        if !run.checks.is_empty() {
            text.push('\n');
            text.push_str(&verdicts::render(run, view));
        }
        text
    }
}
