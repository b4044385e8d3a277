//! JSON lines: one object a line, as `--message-format json` and results.jsonl have them.

use serde::Serialize;

/// The line, with its line end.
pub fn line(line: &impl Serialize) -> String {
    let mut text = serde_json::to_string(line).unwrap_or_default();
    text.push('\n');
    text
}
