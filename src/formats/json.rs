//! JSON lines: one object a line, the same for `--message-format json` and results.jsonl.

use serde::Serialize;

use super::{Format, View};
use crate::results::lines::Run;

pub struct Json;

impl Format for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn has_verdicts(&self) -> bool {
        true
    }

    fn about(&self) -> &'static str {
        "One JSON object a line, as each benchmark finishes"
    }

    fn is_stream(&self) -> bool {
        true
    }

    fn render(&self, run: &Run, _: &View) -> String {
        lines(run)
    }
}

/// The line, with its line end.
pub fn line(line: &impl Serialize) -> String {
    let mut text = serde_json::to_string(line).unwrap_or_default();
    text.push('\n');
    text
}

/// The text of results.jsonl.
pub fn lines(run: &Run) -> String {
    run.lines().iter().map(line).collect()
}
