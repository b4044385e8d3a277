//! Go's regular expressions by way of the `regex` crate, which descends from the same RE2.
//!
//! The pattern is parsed as Go's regexp/syntax parses it, so that a mistake is found at the same place and named in the same
//! words, and written anew for the crate. The differences that matter: `\d`, `\w`, `\s` and `\b` are about ASCII, brackets and
//! `&&` inside of a class are characters, `{` is one where it is no repetition, and `\Q…\E` quotes.

use regex::Regex;

/// The greatest count of a repetition.
const MOST_REPETITIONS: u32 = 1000;

/// Compiles `pattern`; the error is one line, beginning with `error parsing regexp: `.
pub fn compile(pattern: &str) -> Result<Regex, String> {
    let parser =
        Parser { pattern, rest: pattern, output: String::new(), depth: 0, repeatable: vec![false], last: None };
    let written = parser.parse().map_err(|mistake| format!("error parsing regexp: {mistake}"))?;
    // What is left is size: the crate has its own limit.
    Regex::new(&written).map_err(|_| "error parsing regexp: expression too large".to_owned())
}

struct Parser<'a> {
    pattern: &'a str,
    rest: &'a str,
    output: String,
    /// Open parentheses.
    depth: usize,
    /// Whether there is something to repeat, for each open parenthesis and the whole.
    repeatable: Vec<bool>,
    /// What begins with the repetition that was read last, if nothing was read since.
    last: Option<&'a str>,
}

type Step<T = ()> = Result<T, String>;

impl<'a> Parser<'a> {
    fn parse(mut self) -> Step<String> {
        while let Some(next) = self.rest.chars().next() {
            let repetition = self.last.take();
            match next {
                '(' => self.open()?,
                ')' if self.depth == 0 => return Err(format!("unexpected ): `{}`", self.pattern)),
                ')' => {
                    self.depth -= 1;
                    self.repeatable.pop();
                    self.write(1, ")");
                }
                '|' => {
                    self.write(1, "|");
                    self.set_repeatable(false);
                }
                '[' => self.class()?,
                '*' | '+' | '?' => self.repeat(1, repetition)?,
                '{' => match repetition_length(self.rest) {
                    Some(length) => self.counted_repeat(length, repetition)?,
                    None => self.write(1, "\\{"),
                },
                '\\' => self.escape()?,
                '^' | '$' | '.' => self.write(1, &next.to_string()),
                other => self.write(other.len_utf8(), &literal(other)),
            }
        }
        if self.depth > 0 { Err(format!("missing closing ): `{}`", self.pattern)) } else { Ok(self.output) }
    }

    /// Goes on behind `length` bytes, for which `text` is written; they can be repeated.
    fn write(&mut self, length: usize, text: &str) {
        self.output.push_str(text);
        self.rest = &self.rest[length..];
        self.set_repeatable(true);
    }

    fn set_repeatable(&mut self, repeatable: bool) {
        if let Some(innermost) = self.repeatable.last_mut() {
            *innermost = repeatable;
        }
    }

    /// `(`, `(?:`, `(?i)`, `(?i:`, `(?P<name>` and `(?<name>`. Names are of no use here and left out.
    fn open(&mut self) -> Step {
        let start = self.rest;
        let name = start.strip_prefix("(?P<").or_else(|| start.strip_prefix("(?<")).filter(|name| !name.is_empty());
        let group = if let Some(name) = name {
            let end = name.find('>').ok_or_else(|| format!("invalid named capture: `{start}`"))?;
            let capture = &start[..start.len() - name.len() + end + 1];
            if end == 0 || !name[..end].bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                return Err(format!("invalid named capture: `{capture}`"));
            }
            self.rest = &start[capture.len()..];
            "("
        } else if start.starts_with("(?") {
            let group = flags(start)?;
            self.rest = &start[group.len()..];
            match group {
                "(?)" => return Ok(()),
                // Flags alone are nothing to repeat, but what stands before them still is.
                _ if group.ends_with(')') => {
                    self.output.push_str(group);
                    return Ok(());
                }
                _ => group,
            }
        } else {
            self.rest = &start[1..];
            "("
        };
        self.output.push_str(group);
        self.depth += 1;
        // What it holds has nothing to repeat yet; the parenthesis itself will be something.
        self.set_repeatable(true);
        self.repeatable.push(false);
        Ok(())
    }

    /// A repetition operator of `length` bytes. `before` begins with the one right before it.
    fn repeat(&mut self, length: usize, before: Option<&'a str>) -> Step {
        let start = self.rest;
        let length = length + usize::from(start[length..].starts_with('?'));
        let after = start.len() - length;
        if let Some(before) = before {
            return Err(format!("invalid nested repetition operator: `{}`", &before[..before.len() - after]));
        }
        if !self.repeatable.last().copied().unwrap_or(false) {
            return Err(format!("missing argument to repetition operator: `{}`", &start[..length]));
        }
        self.write(length, &start[..length]);
        self.last = Some(start);
        Ok(())
    }

    /// `{n}`, `{n,}` or `{n,m}`.
    fn counted_repeat(&mut self, length: usize, before: Option<&'a str>) -> Step {
        let operator = &self.rest[..length];
        let counts = operator[1..length - 1].split(',').filter(|count| !count.is_empty());
        let counts: Vec<u32> = counts.map(|count| count.parse().unwrap_or(u32::MAX)).collect();
        if counts.iter().any(|count| *count > MOST_REPETITIONS) || !counts.is_sorted() {
            return Err(format!("invalid repeat count: `{operator}`"));
        }
        self.repeat(length, before)
    }

    /// A backslash outside of a class.
    fn escape(&mut self) -> Step {
        match self.rest[1..].chars().next() {
            Some(kind @ ('b' | 'B')) => self.write(2, &format!("(?-u:\\{kind})")),
            Some(kind @ ('A' | 'z')) => self.write(2, &format!("\\{kind}")),
            Some('Q') => {
                let quoted = &self.rest[2..];
                let (text, length) = quoted.find("\\E").map_or((quoted, quoted.len()), |end| (&quoted[..end], end + 2));
                let before = self.repeatable.last().copied().unwrap_or(false);
                self.write(2 + length, &text.chars().map(literal).collect::<String>());
                self.set_repeatable(before || !text.is_empty());
            }
            _ => {
                if let Some((set, length)) = escaped_set(self.rest)? {
                    self.write(length, &format!("[{set}]"));
                } else {
                    let (character, length) = escaped_character(self.rest)?;
                    self.write(length, &literal(character));
                }
            }
        }
        Ok(())
    }

    /// A bracketed class.
    fn class(&mut self) -> Step {
        let whole = self.rest;
        let mut rest = &whole[1..];
        let mut class = String::from("[");
        if let Some(behind) = rest.strip_prefix('^') {
            (rest, class) = (behind, "[^".to_owned());
        }
        let mut first = true;
        while first || !rest.starts_with(']') {
            first = false;
            if let Some(end) = rest.strip_prefix("[:").and_then(|name| name.find(":]")) {
                let name = &rest[..end + 4];
                if !is_posix(name[2..name.len() - 2].trim_start_matches('^')) {
                    return Err(format!("invalid character class range: `{name}`"));
                }
                class.push_str(name);
                rest = &rest[name.len()..];
            } else if let Some((set, length)) = escaped_set(rest)? {
                class.push_str(&format!("[{set}]"));
                rest = &rest[length..];
            } else {
                let range = rest;
                let (low, mut behind) = member(rest, whole)?;
                let mut high = low;
                if behind.len() >= 2 && behind.starts_with('-') && !behind.starts_with("-]") {
                    (high, behind) = member(&behind[1..], whole)?;
                    if high < low {
                        let range = &range[..range.len() - behind.len()];
                        return Err(format!("invalid character class range: `{range}`"));
                    }
                }
                class.push_str(&format!("{}-{}", literal(low), literal(high)));
                rest = behind;
            }
        }
        class.push(']');
        self.write(whole.len() - rest.len() + 1, &class);
        Ok(())
    }
}

/// A character of a class, and what stands behind it.
fn member<'t>(text: &'t str, class: &str) -> Step<(char, &'t str)> {
    match text.chars().next() {
        None => Err(format!("missing closing ]: `{class}`")),
        Some('\\') => escaped_character(text).map(|(character, length)| (character, &text[length..])),
        Some(character) => Ok((character, &text[character.len_utf8()..])),
    }
}

/// The flags at the start of `text`, from `(?` to the colon or parenthesis.
fn flags(text: &str) -> Step<&str> {
    let (mut negated, mut flag_seen) = (false, false);
    for (at, character) in text.char_indices().skip(2) {
        let end = at + character.len_utf8();
        match character {
            'i' | 'm' | 's' | 'U' => flag_seen = true,
            '-' if !negated => (negated, flag_seen) = (true, false),
            ':' | ')' if !negated || flag_seen => return Ok(&text[..end]),
            _ => return Err(format!("invalid or unsupported Perl syntax: `{}`", &text[..end])),
        }
    }
    Err(format!("invalid or unsupported Perl syntax: `{text}`"))
}

/// A set like `\d` or `\p{Greek}` at the start of `text`, as the inside of a class, and its length.
fn escaped_set(text: &str) -> Step<Option<(String, usize)>> {
    let set = match text.as_bytes() {
        [b'\\', b'd', ..] => "0-9",
        [b'\\', b'D', ..] => "^0-9",
        [b'\\', b'w', ..] => "0-9A-Za-z_",
        [b'\\', b'W', ..] => "^0-9A-Za-z_",
        [b'\\', b's', ..] => "\\t\\n\\f\\r ",
        [b'\\', b'S', ..] => "^\\t\\n\\f\\r ",
        [b'\\', b'p' | b'P', _, ..] => {
            let length = if text[2..].starts_with('{') { text.find('}').map(|end| end + 1) } else { None };
            let single = || text[2..].chars().next().filter(|c| *c != '{').map(|c| 2 + c.len_utf8());
            let sequence = length.or_else(single).map_or(text, |length| &text[..length]);
            if Regex::new(sequence).is_err() {
                return Err(format!("invalid character class range: `{sequence}`"));
            }
            return Ok(Some((sequence.to_owned(), sequence.len())));
        }
        _ => return Ok(None),
    };
    Ok(Some((set.to_owned(), 2)))
}

/// The character that an escape at the start of `text` stands for, and its length.
fn escaped_character(text: &str) -> Step<(char, usize)> {
    let Some(kind) = text[1..].chars().next() else {
        return Err("trailing backslash at end of expression: ``".to_owned());
    };
    let length = 1 + kind.len_utf8();
    let invalid = |length: usize| Err(format!("invalid escape sequence: `{}`", &text[..length.min(text.len())]));
    let digits = |from: usize, radix: u32| text[from..].chars().take_while(|digit| digit.is_digit(radix)).count();
    let code =
        |range: std::ops::Range<usize>, radix| u32::from_str_radix(&text[range], radix).ok().and_then(char::from_u32);
    let plain = match kind {
        'a' => '\x07',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        '0'..='7' => {
            let end = 1 + digits(1, 8).min(3);
            return if kind != '0' && end == 2 {
                invalid(2)
            } else {
                code(1..end, 8).map_or_else(|| invalid(end), |c| Ok((c, end)))
            };
        }
        'x' if text[2..].starts_with('{') => {
            let end = 3 + digits(3, 16);
            let character = code(3..end, 16).filter(|_| text[end..].starts_with('}'));
            return character.map_or_else(|| invalid(end), |character| Ok((character, end + 1)));
        }
        'x' => {
            let end = 2 + digits(2, 16).min(2);
            return code(2..end, 16).filter(|_| end == 4).map_or_else(|| invalid(end + 1), |c| Ok((c, end)));
        }
        _ if kind.is_ascii() && !kind.is_ascii_alphanumeric() => kind,
        _ => return invalid(length),
    };
    Ok((plain, length))
}

/// The length of a repetition with counts at the start of `text`.
fn repetition_length(text: &str) -> Option<usize> {
    let end = text.find('}')?;
    let (least, most) = text[1..end].split_once(',').unwrap_or((&text[1..end], ""));
    let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()) && !(text.len() > 1 && text.starts_with('0'));
    (!least.is_empty() && number(least) && number(most)).then_some(end + 1)
}

/// The names of classes between `[:` and `:]`.
fn is_posix(name: &str) -> bool {
    const NAMES: [&str; 14] = [
        "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper",
        "word", "xdigit",
    ];
    NAMES.contains(&name)
}

/// A character that stands for itself wherever it is.
fn literal(character: char) -> String {
    if character.is_ascii_alphanumeric() { character.to_string() } else { format!("\\x{{{:x}}}", u32::from(character)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_go() {
        let matches = |pattern: &str, text: &str| compile(pattern).unwrap().is_match(text);
        assert!(!matches(r"^\d$", "٣") && !matches(r"^[\w]$", "é") && matches(r"^[^\D]$", "5"));
        assert!(
            matches("^[[a]$", "[") && matches("^[]a]$", "]") && matches("^[a&&b]$", "&") && matches("^[+--]$", ",")
        );
        assert!(matches(r"^[[:alpha:]]+\b$", "abc") && matches(r"\Qa.b\E$", "a.b") && matches(r"^\Q+(\E\052$", "+(*"));
        assert!(matches("a{,3}", "a{,3}") && matches("^{}$", "{}") && matches("^a{2}$", "aa"));
        assert!(matches("(?i)ABC", "abc") && matches("(?P<n>b)(?<m>c)", "abc") && matches("a(?)b", "ab"));
        assert!(matches(r"^\x41\x{e9}\_é$", "Aé_é") && matches("a|", "z") && matches(r"^\p{Greek}[\pL]$", "αa"));
    }

    #[test]
    fn messages_of_go() {
        let mistakes = [
            ("a(b", "missing closing ): `a(b`"),
            ("a)", "unexpected ): `a)`"),
            ("a[b", "missing closing ]: `[b`"),
            ("*a", "missing argument to repetition operator: `*`"),
            ("(*a)", "missing argument to repetition operator: `*`"),
            ("a|+?", "missing argument to repetition operator: `+?`"),
            ("a**?", "invalid nested repetition operator: `**?`"),
            ("a{2}{3}", "invalid nested repetition operator: `{2}{3}`"),
            ("a{2,1}", "invalid repeat count: `{2,1}`"),
            ("a{1001}", "invalid repeat count: `{1001}`"),
            ("a\\", "trailing backslash at end of expression: ``"),
            ("\\y", "invalid escape sequence: `\\y`"),
            ("\\8", "invalid escape sequence: `\\8`"),
            ("[a-\\d]", "invalid escape sequence: `\\d`"),
            ("[z-a]", "invalid character class range: `z-a`"),
            ("[[:foo:]]", "invalid character class range: `[:foo:]`"),
            ("\\p{Foo}", "invalid character class range: `\\p{Foo}`"),
            ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
            ("(?P=n)", "invalid or unsupported Perl syntax: `(?P`"),
            ("(?P<n", "invalid named capture: `(?P<n`"),
        ];
        for (pattern, mistake) in mistakes {
            assert_eq!(compile(pattern).unwrap_err(), format!("error parsing regexp: {mistake}"), "{pattern}");
        }
    }
}
