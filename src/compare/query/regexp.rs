//! Go's regular expressions by way of the `regex` crate, which descends from the same RE2.
//!
//! Where the two differ the pattern is rewritten: `\d`, `\w`, `\s` and `\b` are about ASCII in Go, a `[` inside of a class is a
//! bracket, and an octal escape is a character. Of the messages, those of the common mistakes are Go's.

use regex::Regex;

/// Compiles `pattern`; the error is one line, beginning with `error parsing regexp: `.
pub fn compile(pattern: &str) -> Result<Regex, String> {
    if let Some(mistake) = mistake(pattern) {
        return Err(format!("error parsing regexp: {mistake}"));
    }
    Regex::new(&rewrite(pattern)).map_err(|error| {
        let text = error.to_string();
        let last = text.lines().last().unwrap_or_default();
        format!("error parsing regexp: {}: `{pattern}`", last.trim_start_matches("error: "))
    })
}

/// The pattern in the crate's syntax.
fn rewrite(pattern: &str) -> String {
    let mut rewritten = String::with_capacity(pattern.len());
    let mut rest = pattern;
    let mut in_class = false;
    while let Some(character) = rest.chars().next() {
        let (piece, length) = match character {
            '\\' if rest.starts_with("\\Q") => {
                let end = rest.find("\\E").unwrap_or(rest.len());
                (regex::escape(&rest[2..end]), (end + 2).min(rest.len()))
            }
            '\\' => escape(rest, in_class),
            '[' if in_class => {
                let end = if rest.starts_with("[:") { rest.find(":]") } else { None };
                end.map_or(("\\[".to_owned(), 1), |end| (rest[..end + 2].to_owned(), end + 2))
            }
            '[' => {
                in_class = true;
                // A bracket right behind the opening one is a member.
                let opening = if rest.starts_with("[^") { 2 } else { 1 };
                let member = rest[opening..].starts_with(']');
                (format!("{}{}", &rest[..opening], if member { "\\]" } else { "" }), opening + usize::from(member))
            }
            ']' if in_class => {
                in_class = false;
                ("]".to_owned(), 1)
            }
            // Set operations of the crate, plain characters in Go.
            '&' | '~' if in_class => (format!("\\{character}"), 1),
            '-' if in_class && rest.starts_with("--") => ("\\-".to_owned(), 1),
            _ => (character.to_string(), character.len_utf8()),
        };
        rewritten.push_str(&piece);
        rest = &rest[length..];
    }
    rewritten
}

/// The escape at the start of `rest`, rewritten, and its length in bytes.
fn escape(rest: &str, in_class: bool) -> (String, usize) {
    let Some(kind) = rest[1..].chars().next() else { return ("\\".to_owned(), 1) };
    let set = match kind {
        'd' | 'D' => "0-9",
        'w' | 'W' => "0-9A-Za-z_",
        's' | 'S' => "\\t\\n\\f\\r ",
        'b' | 'B' if !in_class => return (format!("(?-u:\\{kind})"), 2),
        '0' => {
            let digits = rest[1..].bytes().take(3).take_while(|b| matches!(b, b'0'..=b'7')).count();
            let code = u32::from_str_radix(&rest[1..1 + digits], 8).unwrap_or(0);
            return (format!("\\x{{{code:x}}}"), 1 + digits);
        }
        _ => return (rest[..1 + kind.len_utf8()].to_owned(), 1 + kind.len_utf8()),
    };
    let piece = match (in_class, kind.is_ascii_uppercase()) {
        (true, false) => set.to_owned(),
        (_, true) => format!("[^{set}]"),
        (false, false) => format!("[{set}]"),
    };
    (piece, 2)
}

/// Letters and digits that mean nothing behind a backslash.
const NO_ESCAPES: &[u8] = b"ceghijklmoquyEFGHIJKLMNORTUVXYZ123456789";

/// The common mistakes, in Go's words.
fn mistake(pattern: &str) -> Option<String> {
    let bytes = pattern.as_bytes();
    let (mut depth, mut at) = (0usize, 0usize);
    // Where the last repetition operator began, if it is the last thing read, and whether there is something to repeat.
    let mut repetition: Option<usize> = None;
    let mut repeatable = false;
    while at < bytes.len() {
        let start = at;
        at += 1;
        let mut is_repetition = false;
        match bytes[start] {
            b'\\' if at == bytes.len() => return Some("trailing backslash at end of expression: ``".to_owned()),
            b'\\' if pattern[start..].starts_with("\\Q") => {
                at = pattern[start..].find("\\E").map_or(bytes.len(), |end| start + end + 2);
                repeatable = true;
            }
            b'\\' => {
                at += pattern[at..].chars().next().map_or(0, char::len_utf8);
                let escaped = &pattern[start..at];
                if escaped.as_bytes().get(1).is_some_and(|b| NO_ESCAPES.contains(b)) {
                    return Some(format!("invalid escape sequence: `{escaped}`"));
                }
                repeatable = true;
            }
            b'[' => {
                let Some(length) = class_length(&pattern[start..]) else {
                    return Some(format!("missing closing ]: `{}`", &pattern[start..]));
                };
                at = start + length;
                repeatable = true;
            }
            b'(' => {
                depth += 1;
                repeatable = false;
                if bytes.get(at) == Some(&b'?') {
                    at += 1;
                }
            }
            b')' if depth == 0 => return Some(format!("unexpected ): `{pattern}`")),
            b')' => {
                depth -= 1;
                repeatable = true;
            }
            b'|' => repeatable = false,
            b'*' | b'+' | b'?' => {
                if bytes.get(at) == Some(&b'?') {
                    at += 1;
                }
                if let Some(before) = repetition {
                    return Some(format!("invalid nested repetition operator: `{}`", &pattern[before..at]));
                }
                if !repeatable {
                    return Some(format!("missing argument to repetition operator: `{}`", &pattern[start..at]));
                }
                is_repetition = true;
            }
            byte => {
                repeatable = true;
                while byte >= 0x80 && at < bytes.len() && !pattern.is_char_boundary(at) {
                    at += 1;
                }
            }
        }
        repetition = is_repetition.then_some(start);
    }
    (depth > 0).then(|| format!("missing closing ): `{pattern}`"))
}

/// The length of the class at the start of `text`, brackets included.
fn class_length(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = if bytes.get(1) == Some(&b'^') { 2 } else { 1 };
    let first = at;
    while at < bytes.len() {
        match bytes[at] {
            b']' if at > first => return Some(at + 1),
            b'\\' => at += 1,
            b'[' if bytes.get(at + 1) == Some(&b':') => {
                if let Some(end) = text[at + 2..].find(":]") {
                    at += 2 + end + 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ascii_as_in_go() {
        assert!(!compile(r"^\d$").unwrap().is_match("٣"));
        assert!(!compile(r"^[\w]$").unwrap().is_match("é"));
        assert!(compile(r"^[^\D]$").unwrap().is_match("5"));
        assert!(compile(r"^[[a]$").unwrap().is_match("["));
        assert!(compile(r"^[]a]$").unwrap().is_match("]"));
        assert!(compile(r"^[a&&b]$").unwrap().is_match("&"));
        assert!(compile(r"^[[:alpha:]]+\b$").unwrap().is_match("abc"));
        assert!(compile(r"^\Qa.b\E$").unwrap().is_match("a.b"));
        assert!(compile(r"^\Q+(\E\052$").unwrap().is_match("+(*"));
    }

    #[test]
    fn messages_of_go() {
        let message = |pattern| compile(pattern).unwrap_err();
        assert_eq!(message("a(b"), "error parsing regexp: missing closing ): `a(b`");
        assert_eq!(message("a)"), "error parsing regexp: unexpected ): `a)`");
        assert_eq!(message("a[b"), "error parsing regexp: missing closing ]: `[b`");
        assert_eq!(message("*a"), "error parsing regexp: missing argument to repetition operator: `*`");
        assert_eq!(message("a**"), "error parsing regexp: invalid nested repetition operator: `**`");
        assert_eq!(message("a\\"), "error parsing regexp: trailing backslash at end of expression: ``");
        assert_eq!(message("\\y"), "error parsing regexp: invalid escape sequence: `\\y`");
    }
}
