//! The table for people, and the verdicts below it.

use super::{Format, View, columns, verdicts};
use crate::results::lines::Run;

pub struct Human;

impl Format for Human {
    fn name(&self) -> &'static str {
        "human"
    }

    fn about(&self) -> &'static str {
        "A table for people"
    }

    fn render(&self, run: &Run, view: &View) -> String {
        let mut text = columns::render(&run.finished, &run.failed, view);
        text.push('\n');
        if !run.checks.is_empty() {
            text.push('\n');
            text.push_str(&verdicts::render(run, view));
        }
        text
    }
}
