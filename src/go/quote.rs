//! Texts in quotes, as Go's `%q` writes them.

use std::fmt::Write as _;

/// `text` in double quotes.
pub fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for char in text.chars() {
        let short = match char {
            '\x07' => "\\a",
            '\x08' => "\\b",
            '\x0c' => "\\f",
            '\n' => "\\n",
            '\r' => "\\r",
            '\t' => "\\t",
            '\x0b' => "\\v",
            '\\' => "\\\\",
            '"' => "\\\"",
            _ => "",
        };
        // Rust escapes what cannot be printed, and single quotes.
        let is_printed = char == '\'' || char.escape_debug().len() == 1;
        let done = match (short, char as u32) {
            ("", _) if is_printed => write!(out, "{char}"),
            ("", code @ ..0x80) => write!(out, "\\x{code:02x}"),
            ("", code @ ..0x10000) => write!(out, "\\u{code:04x}"),
            ("", code) => write!(out, "\\U{code:08x}"),
            (short, _) => write!(out, "{short}"),
        };
        done.ok();
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unprintable_characters_are_escaped() {
        assert_eq!(quoted("it's \"é\"\t\\\0\x7f\u{200b}\u{e0001}"), r#""it's \"é\"\t\\\x00\x7f\u200b\U000e0001""#);
    }
}
