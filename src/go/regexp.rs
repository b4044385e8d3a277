//! Regular expressions in Go's syntax, translated for the `regex` crate.
//!
//! Both languages descend from RE2. The translation covers the differences: a brace that is no repetition is itself
//! (`{{closure}}` is a name that people type); brackets and `&&` are characters inside a class; `\d`, `\s`, `\w` and
//! `\b` are ASCII; octal escapes, `\Q…\E`, `\p{^Greek}` and surrogates exist. Patterns that Go refuses are refused.

mod escapes;

use regex::{Regex, RegexBuilder};

use escapes::{NO_CHARACTER, escaped_character, escaped_set, literal, push_range};

/// The greatest count of a repetition, and the greatest product of nested ones.
const MOST_REPETITIONS: u32 = 1000;
/// Enough for patterns within Go's own limits, such as `\pL{1000}`.
const COMPILED_SIZE: usize = 256 << 20;

/// Compiles `pattern`. Captures keep their numbers, not their names. The error is one line.
pub fn compile(pattern: &str) -> Result<Regex, String> {
    let fail = |reason: String| format!("error parsing regexp: {reason}");
    let translated = Translator::new(pattern).run().map_err(fail)?;
    let regex = RegexBuilder::new(&translated).size_limit(COMPILED_SIZE).nest_limit(MOST_REPETITIONS).build();
    regex.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => fail(format!("expression too large: `{pattern}`")),
        other => fail(format!("{}: `{pattern}`", other.to_string().lines().last().unwrap_or_default())),
    })
}

type Step<T = ()> = Result<T, String>;

/// An open group, or the whole pattern.
#[derive(Default)]
struct Group {
    /// Whether a repetition may follow, because something precedes it.
    repeatable: bool,
    /// How often the last item repeats its innermost part, and the greatest such number of the group.
    last: u32,
    greatest: u32,
}

struct Translator<'a> {
    pattern: &'a str,
    rest: &'a str,
    output: String,
    groups: Vec<Group>,
    /// Flags apply to the rest of the group, but a repetition after them applies to the item before them.
    flags: String,
    /// The pattern from the last repetition on, if nothing has been read since.
    after_repetition: Option<&'a str>,
}

impl<'a> Translator<'a> {
    fn new(pattern: &'a str) -> Self {
        Translator {
            pattern,
            rest: pattern,
            output: String::new(),
            groups: vec![Group::default()],
            flags: String::new(),
            after_repetition: None,
        }
    }

    fn run(mut self) -> Step<String> {
        while let Some(next) = self.rest.chars().next() {
            let after_repetition = self.after_repetition.take();
            match next {
                '(' => self.open()?,
                ')' => self.close()?,
                '|' => {
                    self.write(1, "|");
                    self.group().repeatable = false;
                }
                '[' => self.class()?,
                '*' | '+' | '?' => self.repeat(1, None, after_repetition)?,
                '{' => match counts(self.rest) {
                    Some((length, counts)) => self.repeat(length, Some(counts), after_repetition)?,
                    None => self.write(1, "\\{"),
                },
                '\\' => self.escape()?,
                '^' | '$' | '.' => self.write(1, next.encode_utf8(&mut [0; 4])),
                other => self.write(other.len_utf8(), &literal(other.into())),
            }
        }
        if self.groups.len() > 1 {
            return Err(format!("missing closing ): `{}`", self.pattern));
        }
        Ok(self.output)
    }

    fn group(&mut self) -> &mut Group {
        // The first is the whole pattern and never closed.
        self.groups.last_mut().expect("the whole pattern is a group")
    }

    /// Writes an item for `length` bytes of the pattern.
    fn write(&mut self, length: usize, text: &str) {
        self.output.push_str(&std::mem::take(&mut self.flags));
        self.output.push_str(text);
        self.rest = &self.rest[length..];
        let group = self.group();
        (group.repeatable, group.last, group.greatest) = (true, 1, group.greatest.max(1));
    }

    /// `(`, `(?:`, `(?i)`, `(?i:`, `(?P<name>` or `(?<name>`.
    fn open(&mut self) -> Step {
        let mut head = "(".to_owned();
        let mut length = 1;
        if let Some(name) = self.rest.strip_prefix("(?P<").or_else(|| self.rest.strip_prefix("(?<")) {
            let end = name.find('>').ok_or_else(|| format!("invalid named capture: `{}`", self.rest))?;
            length = self.rest.len() - name.len() + end + 1;
            let name = &name[..end];
            if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                return Err(format!("invalid named capture: `{}`", &self.rest[..length]));
            }
        } else if let Some(text) = self.rest.strip_prefix("(?") {
            let end = text.find([':', ')']).unwrap_or(text.len());
            let flags = canonical_flags(&text[..end]).filter(|_| end < text.len());
            let flags =
                flags.ok_or_else(|| format!("invalid or unsupported Perl syntax: `{}`", perl_syntax(self.rest)))?;
            if text[end..].starts_with(')') {
                self.rest = &text[end + 1..];
                if !flags.is_empty() {
                    self.flags.push_str(&format!("(?{flags})"));
                }
                return Ok(());
            }
            length = 2 + end + 1;
            head = format!("(?{flags}:");
        }
        self.write(length, &head);
        self.groups.push(Group::default());
        Ok(())
    }

    fn close(&mut self) -> Step {
        let inner = self.groups.pop().filter(|_| !self.groups.is_empty());
        let inner = inner.ok_or_else(|| format!("unexpected ): `{}`", self.pattern))?;
        // Flags at the end of a group apply to nothing.
        self.flags.clear();
        self.write(1, ")");
        self.weigh(inner.greatest.max(1));
        Ok(())
    }

    fn weigh(&mut self, weight: u32) {
        let group = self.group();
        (group.last, group.greatest) = (weight, group.greatest.max(weight));
    }

    /// A repetition operator of `length` bytes, perhaps a lazy one.
    fn repeat(&mut self, length: usize, counts: Option<(u32, u32)>, after_repetition: Option<&'a str>) -> Step {
        let start = self.rest;
        let lazy = usize::from(start[length..].starts_with('?'));
        let (operator, rest) = start.split_at(length + lazy);
        if let Some(before) = after_repetition {
            let both = &before[..before.len() - rest.len()];
            return Err(format!("invalid nested repetition operator: `{both}`"));
        }
        if !self.group().repeatable {
            return Err(format!("missing argument to repetition operator: `{operator}`"));
        }
        if let Some((least, most)) = counts {
            let weight = self.group().last.saturating_mul(most.max(1));
            let too_many = least.max(most) > MOST_REPETITIONS || (least.max(most) > 1 && weight > MOST_REPETITIONS);
            if too_many || least > most {
                return Err(format!("invalid repeat count: `{}`", &start[..length]));
            }
            self.weigh(if most == 0 { 1 } else { weight });
        }
        self.output.push_str(operator);
        self.rest = rest;
        self.after_repetition = Some(start);
        Ok(())
    }

    /// A backslash outside a class.
    fn escape(&mut self) -> Step {
        match self.rest[1..].chars().next() {
            Some('b') => self.write(2, "(?-u:\\b)"),
            Some('B') => self.write(2, "(?-u:\\B)"),
            Some('A') => self.write(2, "\\A"),
            Some('z') => self.write(2, "\\z"),
            Some('Q') => {
                let quoted = &self.rest[2..];
                let (text, rest) = quoted.split_once("\\E").unwrap_or((quoted, ""));
                for character in text.chars() {
                    self.write(0, &literal(character.into()));
                }
                self.rest = rest;
            }
            _ => {
                if let Some((set, length)) = escaped_set(self.rest)? {
                    self.write(length, &format!("[{set}]"));
                } else {
                    let (code, length) = escaped_character(self.rest)?;
                    self.write(length, &literal(code));
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
            rest = behind;
            class.push('^');
        }
        let mut first = true;
        while first || !rest.starts_with(']') {
            first = false;
            if let Some(end) = rest.strip_prefix("[:").and_then(|name| name.find(":]")) {
                let name = &rest[..end + 4];
                if !POSIX_CLASSES.contains(&name[2..end + 2].trim_start_matches('^')) || name.starts_with("[:^^") {
                    return Err(format!("invalid character class range: `{name}`"));
                }
                class.push_str(name);
                rest = &rest[name.len()..];
            } else if let Some((set, length)) = escaped_set(rest)? {
                class.push_str(&format!("[{set}]"));
                rest = &rest[length..];
            } else {
                let range = rest;
                let low = member(&mut rest, whole)?;
                let mut high = low;
                if rest.len() >= 2 && rest.starts_with('-') && !rest.starts_with("-]") {
                    rest = &rest[1..];
                    high = member(&mut rest, whole)?;
                }
                if high < low {
                    let range = &range[..range.len() - rest.len()];
                    return Err(format!("invalid character class range: `{range}`"));
                }
                push_range(&mut class, low, high);
            }
        }
        class.push(']');
        // Only surrogates, which no text has.
        match class.as_str() {
            "[]" => class = NO_CHARACTER.into(),
            "[^]" => class = "(?s:.)".into(),
            _ => {}
        }
        self.write(whole.len() - rest.len() + 1, &class);
        Ok(())
    }
}

const POSIX_CLASSES: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word",
    "xdigit",
];

/// Flags with each letter once: a letter after the minus is off. `U` does not matter for matching.
fn canonical_flags(text: &str) -> Option<String> {
    let (on, off) = text.split_once('-').unwrap_or((text, ""));
    let is_flag = |flag: u8| b"imsU".contains(&flag);
    if text.ends_with('-') || !on.bytes().chain(off.bytes()).all(is_flag) {
        return None;
    }
    let on: String = "ims".chars().filter(|flag| on.contains(*flag) && !off.contains(*flag)).collect();
    let off: String = "ims".chars().filter(|flag| off.contains(*flag)).collect();
    Some(if off.is_empty() { on } else { format!("{on}-{off}") })
}

/// A group's start up to the character that is no flag.
fn perl_syntax(group: &str) -> &str {
    let end = group.char_indices().skip(2).find(|(_, character)| !"imsU".contains(*character));
    end.map_or(group, |(at, character)| &group[..at + character.len_utf8()])
}

/// A character of a class.
fn member(rest: &mut &str, class: &str) -> Step<u32> {
    let (code, length) = match rest.chars().next() {
        None => return Err(format!("missing closing ]: `{class}`")),
        Some('\\') => escaped_character(rest)?,
        Some(character) => (character.into(), character.len_utf8()),
    };
    *rest = &rest[length..];
    Ok(code)
}

/// The length of `{n}`, `{n,}` or `{n,m}` at the start of `text`, and its counts.
fn counts(text: &str) -> Option<(usize, (u32, u32))> {
    let end = text.find('}')?;
    let (least, most) = text[1..end].split_once(',').unwrap_or((&text[1..end], &text[1..end]));
    let is_number = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) && (text.len() == 1 || !text.starts_with('0'))
    };
    let number = |text: &str| text.parse().unwrap_or(u32::MAX);
    let most = if most.is_empty() { least } else { most };
    (is_number(least) && is_number(most)).then(|| (end + 1, (number(least), number(most))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        compile(pattern).unwrap().is_match(text)
    }

    #[test]
    fn names_of_rust_match_as_typed() {
        assert!(matches("{{closure}}", "main::{{closure}}") && matches("^{}$", "{}"));
        assert!(matches("^[<]T[>]$", "<T>") && matches("^<[^<>]*>$", "<T as U>") && !matches("^[^<>]*$", "<T>"));
        assert!(matches("^[<->]$", "=") && matches(r"^[\<\>]$", ">") && matches(r"\-\<\>\/", "-<>/"));
    }

    #[test]
    fn classes_are_gos() {
        assert!(
            matches("^[[a]$", "[") && matches("^[]a]$", "]") && matches("^[a&&b]$", "&") && matches("^[+--]$", ",")
        );
        assert!(
            matches("^[a~~b]$", "~") && matches("[[]x]", "[x]") && matches(r"[a\]]", "]") && !matches("[^]a]", "]")
        );
        assert!(matches(r"^[[:alpha:]]+\b$", "abc") && matches("^[[:^alpha:]]$", "1") && matches("^[[:alpha]$", ":"));
        assert!(
            !matches(r"^\d$", "٣") && !matches(r"^[\w]$", "é") && matches(r"^[^\D]$", "5") && matches(r"[\W]", "-")
        );
        assert!(matches(r"^\p{Greek}[\pL]\p{^L}\P{^L}\pN$", "αa1a1") && matches(r"^\p{upper-case letter}$", "A"));
        assert!(!matches(r"\p{Cs}|[\x{D800}]", "a") && matches(r"^[\x{D7FF}-\x{E000}]$", "\u{e000}"));
        assert!(matches(r"^[^\x{D800}]$", "a") && matches(r"(?i)^\p{Lu}$", "a"));
    }

    #[test]
    fn escapes_and_repetitions_are_gos() {
        assert!(matches(r"\Qa.b\E$", "a.b") && matches(r"^\Q+(\E\052$", "+(*") && matches(r"^\Qab\E*$", "abbb"));
        assert!(matches(r"^\x41\x{e9}\_é\a\400$", "Aé_é\x07Ā") && matches("\\A\\Q\\E(?:)\\z", ""));
        assert!(
            matches("^a{2}$", "aa") && matches("x{,3}", "x{,3}") && matches("^x{02}$", "x{02}") && matches("a|", "zzz")
        );
        assert!(matches("(?i)ABC", "abc") && matches("(?P<n>b)(?<m>c)", "abc") && matches("a(?)b", "ab"));
        assert!(matches("^a(?i)*B$", "aaab") && matches("^(?ii-m:A)$", "a") && matches("(?sU-s)^a.*?b", "acb"));
        assert!(matches(r"\bfn\b", "a fn b") && matches(r"\B", "é") && matches(r"^\pL{400}$", &"é".repeat(400)));
        assert!(matches("(?m)^b$(?s:.)c$", "a\nb\nc"));
    }

    #[test]
    fn mistakes_are_named() {
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
        let refused = [
            "(*a)",
            "a{2}{3}",
            "a{2,1}",
            "a{1001}",
            "(?:a{100}){11}",
            "\\y",
            "\\8",
            "\\C",
            "\\Z",
            "\\E",
            "[a-\\d]",
            "\\p{Foo}",
            "\\p{Alphabetic}",
            "\\x{110000}",
            "\\x4",
            "\\x{}",
            "(?=a)",
            "(?P=n)",
            "(?P<n",
            "(?P<>a)",
            "(?i-)a",
            "(?x)a",
        ];
        for pattern in refused {
            assert!(compile(pattern).is_err(), "{pattern}");
        }
    }
}
