//! JSON lines: one object a line, as `--message-format json` and results.jsonl have them.

use crate::result::model::Line;

/// The line, with its line end.
pub fn line(line: &Line) -> String {
    let mut text = serde_json::to_string(line).unwrap_or_default();
    text.push('\n');
    text
}
