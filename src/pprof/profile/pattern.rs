//! Regular expressions as pprof's users write them: Go's syntax.
//!
//! The regex crate is nearly the same language. Where it is not, the pattern is rewritten: a brace that is no repetition is
//! itself (`{{closure}}` is a name people type), `[` and `&&` inside a class are themselves, `\d`, `\s`, `\w` and `\b` are ASCII,
//! `\Q…\E` quotes. Errors are in Go's words.

use regex::Regex;

/// A compiled pattern. Matches anywhere in a text unless anchored.
#[derive(Clone, Debug)]
pub struct Pattern {
    source: String,
    regex: Regex,
}

impl Pattern {
    /// Compiles `pattern`. The error reads "error parsing regexp: missing closing ): `(x`".
    pub fn new(pattern: &str) -> Result<Self, String> {
        let fail = |what: String| format!("error parsing regexp: {what}");
        let translated = Translator::new(pattern).run().map_err(fail)?;
        let regex = Regex::new(&translated).map_err(|error| fail(in_gos_words(&error, pattern)))?;
        Ok(Pattern { source: pattern.into(), regex })
    }

    pub fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// The pattern as it was typed.
    pub fn source(&self) -> &str {
        &self.source
    }
}

fn in_gos_words(error: &regex::Error, pattern: &str) -> String {
    if let regex::Error::CompiledTooBig(_) = error {
        return "expression too large".into();
    }
    // The crate's message shows the pattern and a pointer; its last line says what is wrong.
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    format!("{}: `{pattern}`", last.strip_prefix("error: ").unwrap_or(last))
}

struct Translator<'a> {
    source: &'a str,
    rest: &'a str,
    out: String,
    /// Where each open group starts.
    groups: Vec<usize>,
    /// What could be repeated stands before; otherwise the repetition that stands there.
    repeatable: bool,
    repetition: Option<usize>,
}

impl<'a> Translator<'a> {
    fn new(source: &'a str) -> Self {
        Translator { source, rest: source, out: String::new(), groups: Vec::new(), repeatable: false, repetition: None }
    }

    fn at(&self) -> usize {
        self.source.len() - self.rest.len()
    }

    fn run(mut self) -> Result<String, String> {
        while let Some(next) = self.rest.chars().next() {
            match next {
                '\\' => self.escape(false)?,
                '[' => self.class()?,
                '(' => self.open()?,
                ')' => {
                    if self.groups.pop().is_none() {
                        return Err(format!("unexpected ): `{}`", self.source));
                    }
                    self.push(1, true);
                }
                '*' | '+' | '?' => self.repeat(1)?,
                '{' => match repetition_length(self.rest) {
                    Some(length) => self.repeat(length)?,
                    None => self.literal("\\{"),
                },
                '}' => self.literal("\\}"),
                '|' => self.push(1, false),
                other => self.push(other.len_utf8(), true),
            }
        }
        if self.groups.is_empty() { Ok(self.out) } else { Err(format!("missing closing ): `{}`", self.source)) }
    }

    fn push(&mut self, length: usize, repeatable: bool) {
        let (head, tail) = self.rest.split_at(length);
        self.out.push_str(head);
        self.rest = tail;
        self.repeatable = repeatable;
        self.repetition = None;
    }

    /// One character of the source, written as `text`.
    fn literal(&mut self, text: &str) {
        self.out.push_str(text);
        self.rest = &self.rest[1..];
        self.repeatable = true;
        self.repetition = None;
    }

    fn open(&mut self) -> Result<(), String> {
        self.groups.push(self.at());
        let Some(inner) = self.rest.strip_prefix("(?") else {
            self.push(1, false);
            return Ok(());
        };
        if inner.starts_with("P<") || inner.starts_with('<') {
            let end = inner.find('>').ok_or_else(|| format!("invalid named capture: `{}`", self.rest))?;
            self.push(2 + end + 1, false);
            return Ok(());
        }
        let end =
            inner.find([':', ')']).ok_or_else(|| format!("missing argument to repetition operator: `{}`", "?"))?;
        let flags = &inner[..end];
        if !flags.chars().all(|flag| matches!(flag, 'i' | 'm' | 's' | 'U' | '-'))
            || (flags.is_empty() && inner.starts_with(')'))
        {
            return Err(format!(
                "invalid or unsupported Perl syntax: `(?{}`",
                inner.chars().take(1).collect::<String>()
            ));
        }
        if inner[end..].starts_with(')') {
            self.groups.pop();
        }
        self.push(2 + end + 1, false);
        Ok(())
    }

    fn repeat(&mut self, length: usize) -> Result<(), String> {
        let start = self.at();
        if let Some(before) = self.repetition {
            return Err(format!("invalid nested repetition operator: `{}`", &self.source[before..start + length]));
        }
        if !self.repeatable {
            return Err(format!("missing argument to repetition operator: `{}`", &self.rest[..length]));
        }
        if length > 1 && counts_too_large(&self.rest[..length]) {
            return Err(format!("invalid repeat count: `{}`", &self.rest[..length]));
        }
        let lazy = usize::from(self.rest[length..].starts_with('?'));
        self.push(length + lazy, true);
        self.repetition = Some(start);
        Ok(())
    }

    /// A backslash and what belongs to it.
    fn escape(&mut self, in_class: bool) -> Result<(), String> {
        let Some(escaped) = self.rest[1..].chars().next() else {
            return Err("trailing backslash at end of expression: ``".into());
        };
        let length = 1 + escaped.len_utf8();
        let ascii = match escaped {
            'd' => Some("0-9"),
            's' => Some("\\t\\n\\f\\r "),
            'w' => Some("0-9A-Za-z_"),
            'D' => Some("^0-9"),
            'S' => Some("^\\t\\n\\f\\r "),
            'W' => Some("^0-9A-Za-z_"),
            _ => None,
        };
        if let Some(ascii) = ascii {
            self.push(0, true);
            self.out.push_str(&format!("[{ascii}]"));
            self.rest = &self.rest[length..];
            return Ok(());
        }
        match escaped {
            'b' if !in_class => {
                self.out.push_str("(?-u:\\b)");
                self.rest = &self.rest[length..];
                self.repeatable = true;
                self.repetition = None;
            }
            'Q' => {
                let body = &self.rest[2..];
                let end = body.find("\\E").unwrap_or(body.len());
                self.out.push_str(&regex::escape(&body[..end]));
                self.rest = body[end..].strip_prefix("\\E").unwrap_or_default();
                self.repeatable = true;
                self.repetition = None;
            }
            'p' | 'P' | 'x' => {
                let braced = self.rest[2..].starts_with('{').then(|| self.rest.find('}').map(|end| end + 1)).flatten();
                self.push(braced.unwrap_or(length), true);
            }
            'a' | 'f' | 'n' | 'r' | 't' | 'v' | 'A' | 'z' | 'B' => self.push(length, true),
            '0'..='7' => {
                let digits = self.rest[1..].chars().take(3).take_while(|digit| matches!(digit, '0'..='7')).count();
                let code = u32::from_str_radix(&self.rest[1..1 + digits], 8).unwrap_or(0);
                if escaped != '0' && digits == 1 {
                    return Err(format!("invalid escape sequence: `\\{escaped}`"));
                }
                self.out.push_str(&format!("\\x{{{code:x}}}"));
                self.rest = &self.rest[1 + digits..];
                self.repeatable = true;
                self.repetition = None;
            }
            other if other.is_ascii_punctuation() => {
                self.push(0, true);
                self.out.push_str(&regex::escape(&other.to_string()));
                self.rest = &self.rest[length..];
            }
            other => return Err(format!("invalid escape sequence: `\\{other}`")),
        }
        Ok(())
    }

    /// A bracketed class.
    fn class(&mut self) -> Result<(), String> {
        let start = self.rest;
        let missing = || format!("missing closing ]: `{start}`");
        self.push(1, true);
        if self.rest.starts_with('^') {
            self.push(1, true);
        }
        let mut first = true;
        loop {
            let next = self.rest.chars().next().ok_or_else(missing)?;
            if next == ']' && !first {
                self.push(1, true);
                return Ok(());
            }
            first = false;
            if next == '['
                && self.rest.starts_with("[:")
                && let Some(end) = self.rest.find(":]")
            {
                self.push(end + 2, true);
                continue;
            }
            let item = self.rest;
            let from = self.member()?;
            if self.rest.starts_with('-') && !self.rest.starts_with("-]") && self.rest.len() > 1 {
                self.push(1, true);
                let to = self.member()?;
                if let (Some(from), Some(to)) = (from, to)
                    && from > to
                {
                    return Err(format!("invalid character class range: `{}`", &item[..item.len() - self.rest.len()]));
                }
            }
        }
    }

    /// One member of a class; the character, where it is a plain one.
    fn member(&mut self) -> Result<Option<char>, String> {
        let Some(next) = self.rest.chars().next() else { return Ok(None) };
        if next == '\\' {
            self.escape(true)?;
            return Ok(None);
        }
        if next.is_ascii_punctuation() {
            self.literal(&format!("\\{next}"));
        } else {
            self.push(next.len_utf8(), true);
        }
        Ok(Some(next))
    }
}

/// The length of `{n}`, `{n,}` or `{n,m}` at the start of `text`.
fn repetition_length(text: &str) -> Option<usize> {
    let end = text.find('}')?;
    let (from, to) = text[1..end].split_once(',').unwrap_or((&text[1..end], ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    (!from.is_empty() && digits(from) && digits(to)).then_some(end + 1)
}

fn counts_too_large(repetition: &str) -> bool {
    let counts: Vec<Option<u32>> = repetition
        .trim_matches(['{', '}'])
        .split(',')
        .filter(|count| !count.is_empty())
        .map(|count| count.parse().ok())
        .collect();
    counts.iter().any(|count| count.is_none_or(|count| count > 1000)) || (counts.len() == 2 && counts[0] > counts[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Pattern::new(pattern).unwrap().matches(text)
    }

    #[test]
    fn names_of_rust_are_typed_as_they_are() {
        assert!(matches("{{closure}}", "main::{{closure}}"));
        assert!(matches("a{2}", "aa") && !matches("^a{2}$", "a{2}"));
        assert!(matches("x{,3}", "x{,3}"));
        assert!(matches("[[]x]", "[x]") && matches("[a&&b]", "&"));
        assert!(matches(r"[+--]", ",") && matches(r"[a\]]", "]"));
        assert!(matches(r"\Qa.b\E$", "a.b") && !matches(r"\Qa.b\E", "axb"));
        assert!(!matches(r"^\w$", "é") && matches(r"[\d_]", "7") && matches(r"[\W]", "-"));
        assert!(matches(r"\bfn\b", "a fn b") && matches("a|", "zzz") && matches("(?i)ABC", "abc"));
        assert!(matches(r"\-\<\>\/", "-<>/") && matches(r"[\-x]", "-"));
        assert!(matches("[^]a]", "b") && !matches("[^]a]", "]"));
    }

    #[test]
    fn errors_are_gos() {
        let error = |pattern: &str| Pattern::new(pattern).unwrap_err();
        assert_eq!(error("(unclosed"), "error parsing regexp: missing closing ): `(unclosed`");
        assert_eq!(error("a)"), "error parsing regexp: unexpected ): `a)`");
        assert_eq!(error("[z-a]"), "error parsing regexp: invalid character class range: `z-a`");
        assert_eq!(error("*x"), "error parsing regexp: missing argument to repetition operator: `*`");
        assert_eq!(error("a**"), "error parsing regexp: invalid nested repetition operator: `**`");
        assert_eq!(error("[a"), "error parsing regexp: missing closing ]: `[a`");
        assert_eq!(error("a\\"), "error parsing regexp: trailing backslash at end of expression: ``");
        assert_eq!(error("a{1001}"), "error parsing regexp: invalid repeat count: `{1001}`");
        assert_eq!(error(r"\y"), r"error parsing regexp: invalid escape sequence: `\y`");
    }
}
