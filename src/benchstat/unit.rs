//! Units of measurement: base units, the kind of prefix they take, and the properties that the files declare.
//!
//! A file's `ns/op` is shown as sec/op and its `MB/s` as B/s: with prefixes on top, "µns/op" would be nonsense.

use std::borrow::Cow;
use std::collections::HashMap;

/// Which prefixes a unit takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Powers of 1000: n, µ, m, k, M, G, T.
    Decimal,
    /// Powers of 1024: Ki, Mi, Gi, Ti.
    Binary,
}

impl Class {
    /// Binary if the numerator is in bytes.
    pub fn of(unit: &str) -> Self {
        let bytes = Words::new(unit).any(|word| !word.denominator && matches!(word.text, "B" | "MB" | "bytes"));
        if bytes { Class::Binary } else { Class::Decimal }
    }
}

/// The base unit of `unit` and the factor that converts a value to it.
pub fn tidy(unit: &str) -> (Cow<'_, str>, f64) {
    match unit {
        "ns/op" => return (Cow::Borrowed("sec/op"), 1e-9),
        "MB/s" => return (Cow::Borrowed("B/s"), 1e6),
        "B/op" | "allocs/op" => return (Cow::Borrowed(unit), 1.0),
        _ if !unit.contains("ns") && !unit.contains("MB") => return (Cow::Borrowed(unit), 1.0),
        _ => {}
    }
    let (mut tidied, mut copied, mut factor) = (String::new(), 0, 1.0);
    for word in Words::new(unit).filter(|word| !word.denominator) {
        let base = match word.text {
            "ns" => {
                factor /= 1e9;
                "sec"
            }
            "MB" => {
                factor *= 1e6;
                "B"
            }
            _ => continue,
        };
        tidied.push_str(&unit[copied..word.start]);
        tidied.push_str(base);
        copied = word.start + word.text.len();
    }
    tidied.push_str(&unit[copied..]);
    (Cow::Owned(tidied), factor)
}

/// The properties from `Unit NAME key=value` lines, by the tidied unit. They hold for all files of a comparison.
#[derive(Debug, Default)]
pub struct Metadata {
    values: HashMap<(String, String), String>,
}

impl Metadata {
    /// Notes `key=value` of `unit`; returns the value that was already there if it was a different one.
    pub fn set(&mut self, unit: &str, key: &str, value: &str) -> Result<(), String> {
        let slot = (tidy(unit).0.into_owned(), key.to_owned());
        match self.values.get(&slot) {
            Some(present) if present != value => Err(present.clone()),
            Some(_) => Ok(()),
            None => {
                self.values.insert(slot, value.to_owned());
                Ok(())
            }
        }
    }

    /// Whether the unit is declared to have no noise (`assume=exact`).
    pub fn is_exact(&self, unit: &str) -> bool {
        self.get(unit, "assume") == Some("exact")
    }

    fn get(&self, unit: &str, key: &str) -> Option<&str> {
        self.values.get(&(tidy(unit).0.into_owned(), key.to_owned())).map(String::as_str)
    }
}

/// A word of a unit such as `peak-B/op`.
struct Word<'a> {
    text: &'a str,
    /// Byte offset in the unit.
    start: usize,
    denominator: bool,
}

/// The words between `*`, `/`, `-` and spaces.
struct Words<'a> {
    unit: &'a str,
    position: usize,
    denominator: bool,
}

impl<'a> Words<'a> {
    fn new(unit: &'a str) -> Self {
        Words { unit, position: 0, denominator: false }
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = Word<'a>;

    fn next(&mut self) -> Option<Word<'a>> {
        let separator = |c: char| matches!(c, '*' | '/' | '-') || c.is_whitespace();
        let rest = &self.unit[self.position..];
        let start = rest.find(|c| !separator(c)).unwrap_or(rest.len());
        for character in rest[..start].chars() {
            match character {
                '*' => self.denominator = false,
                '/' => self.denominator = true,
                _ => {}
            }
        }
        let rest = &rest[start..];
        if rest.is_empty() {
            return None;
        }
        let text = &rest[..rest.find(separator).unwrap_or(rest.len())];
        let start = self.position + start;
        self.position = start + text.len();
        Some(Word { text, start, denominator: self.denominator })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_units() {
        let tidied = [
            ("ns/op", "sec/op", 1e-9),
            ("MB/s", "B/s", 1e6),
            ("p99-ns/op", "p99-sec/op", 1e-9),
            ("op/ns", "op/ns", 1.0),
            ("ns*MB", "sec*B", 1e6 / 1e9),
            ("runs", "runs", 1.0),
            ("allocs/op", "allocs/op", 1.0),
        ];
        for (unit, base, factor) in tidied {
            let (got, got_factor) = tidy(unit);
            assert_eq!(got, base);
            assert!((got_factor / factor - 1.0).abs() < 1e-15, "{unit}");
        }
    }

    #[test]
    fn classes() {
        for unit in ["B/op", "peak-B", "MB/s", "bytes", "ops/sec*B"] {
            assert_eq!(Class::of(unit), Class::Binary, "{unit}");
        }
        for unit in ["sec/op", "ops/B", "allocs/op", "", "/", "Bytes"] {
            assert_eq!(Class::of(unit), Class::Decimal, "{unit}");
        }
    }

    #[test]
    fn what_is_said_first_holds() {
        let mut metadata = Metadata::default();
        assert_eq!(metadata.set("ns/op", "assume", "exact"), Ok(()));
        assert_eq!(metadata.set("sec/op", "assume", "exact"), Ok(()));
        assert_eq!(metadata.set("ns/op", "assume", "nothing"), Err("exact".to_owned()));
        assert!(metadata.is_exact("sec/op"));
        assert!(!metadata.is_exact("B/op"));
    }
}
