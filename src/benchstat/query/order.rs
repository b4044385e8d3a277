//! The order of a key's values: as first seen, alphabetical, numeric, or as listed.

use std::cmp::Ordering;
use std::collections::HashMap;

use crate::go::float::parse_float;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// By the first appearance, which the projection keeps.
    First,
    Alphabet,
    /// By the number in the text, with prefixes: `2k`, `1MiB`. Values without a number come last.
    Number,
    /// Places in the list; values that are not in it were filtered out.
    Listed(HashMap<String, usize>),
}

impl Order {
    /// The order with this name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "first" => Some(Order::First),
            "alpha" => Some(Order::Alphabet),
            "num" => Some(Order::Number),
            _ => None,
        }
    }

    /// If a value is listed twice, the last place counts.
    pub fn listed(values: &[String]) -> Self {
        Order::Listed(values.iter().enumerate().map(|(place, value)| (value.clone(), place)).collect())
    }

    /// Equal if the order does not tell the two apart.
    pub fn compare(&self, a: &str, b: &str) -> Ordering {
        match self {
            Order::First => Ordering::Equal,
            Order::Alphabet => a.cmp(b),
            Order::Number => match (number(a), number(b)) {
                (Some(a), Some(b)) => a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan())),
                (a, b) => a.is_none().cmp(&b.is_none()),
            },
            Order::Listed(places) => places.get(a).unwrap_or(&0).cmp(places.get(b).unwrap_or(&0)),
        }
    }
}

/// A number, or the first one in the text with a metric or binary prefix after it.
fn number(text: &str) -> Option<f64> {
    if let Ok(value) = parse_float(text) {
        return Some(value);
    }
    let is_digit = |c: char| c.is_ascii_digit() || c == '.';
    let start = text.find(is_digit)?;
    let text = &text[start..];
    let (digits, suffix) = text.split_at(text.find(|c| !is_digit(c)).unwrap_or(text.len()));
    let value = parse_float(digits).ok()?;
    let mut suffix = suffix.chars();
    let exponent = suffix.next().and_then(|prefix| {
        let prefix = if prefix == 'k' { 'K' } else { prefix };
        "KMGTPEZY".find(prefix)
    });
    let base: f64 = if suffix.next() == Some('i') { 1024.0 } else { 1000.0 };
    Some(exponent.map_or(value, |exponent| value * base.powi(exponent as i32 + 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_texts() {
        let numbers =
            [("12", 12.0), ("1e3", 1000.0), ("4k", 4000.0), ("x2Ki", 2048.0), ("1.5MiB", 1_572_864.0), ("7B", 7.0)];
        for (text, value) in numbers {
            assert_eq!(number(text), Some(value), "{text}");
        }
        for text in ["", "abc", "1.2.3"] {
            assert!(number(text).is_none(), "{text}");
        }
    }

    #[test]
    fn orders() {
        let sorted = |order: Order, values: &str| {
            let mut values: Vec<_> = values.split(' ').collect();
            values.sort_by(|a, b| order.compare(a, b).then_with(|| a.cmp(b)));
            values.join(" ")
        };
        assert_eq!(sorted(Order::Number, "b 10 NaN 9 1k a"), "9 10 1k NaN a b");
        assert_eq!(sorted(Order::Alphabet, "10 9 b a"), "10 9 a b");
        assert_eq!(sorted(Order::listed(&["b".to_owned(), "a".to_owned()]), "a b"), "b a");
    }
}
