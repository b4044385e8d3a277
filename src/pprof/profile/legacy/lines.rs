//! The lines of a text format, one after the other.

use std::borrow::Cow;

use super::{Parsed, broken};

/// A cursor over lines. After the last one the current line is empty.
pub struct Lines {
    text: String,
    /// The start of the current line, and of the next one.
    current: std::ops::Range<usize>,
    next: Option<usize>,
}

impl Lines {
    /// Starts before the first line.
    pub fn new(data: &[u8]) -> Self {
        let text = match String::from_utf8_lossy(data) {
            Cow::Borrowed(text) => text.to_owned(),
            Cow::Owned(text) => text,
        };
        Lines { next: (!text.is_empty()).then_some(0), text, current: 0..0 }
    }

    /// Goes to the next line. False if there is none.
    pub fn advance(&mut self) -> bool {
        let Some(start) = self.next else {
            self.current = 0..0;
            return false;
        };
        let end = self.text[start..].find('\n').map_or(self.text.len(), |length| start + length);
        self.next = Some(end + 1).filter(|next| *next < self.text.len());
        let line = &self.text[start..end];
        self.current = start..start + line.strip_suffix('\r').unwrap_or(line).len();
        true
    }

    /// The whole line, blanks included.
    pub fn raw(&self) -> &str {
        &self.text[self.current.clone()]
    }

    /// The line without the blanks around it.
    pub fn line(&self) -> &str {
        self.raw().trim()
    }

    /// Whether the line is empty or a comment.
    pub fn is_comment(&self) -> bool {
        self.line().is_empty() || self.line().starts_with('#')
    }

    /// Whether the memory map begins after this line.
    pub fn is_before_map(&self) -> bool {
        ["--- Memory map: ---", "MAPPED_LIBRARIES:"].iter().any(|sentinel| self.raw().contains(sentinel))
    }
}

/// All numbers `0x…` of a text.
pub fn addresses(text: &str) -> Parsed<Vec<u64>> {
    let mut addresses = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("0x") {
        rest = &rest[at + 2..];
        let is_digit = |character: char| matches!(character, '0'..='9' | 'a'..='f');
        let (digits, behind) = rest.split_at(rest.find(|character| !is_digit(character)).unwrap_or(rest.len()));
        if digits.is_empty() {
            continue;
        }
        match u64::from_str_radix(digits, 16) {
            Ok(address) => addresses.push(address),
            Err(_) => return broken(format!("0x{digits} is no address of 64 bits, in the line {text:?}")),
        }
        rest = behind;
    }
    Ok(addresses)
}

/// A decimal number of a sample's line.
pub fn number(text: &str, line: &str) -> Parsed<i64> {
    text.parse().or_else(|_| broken(format!("{text} is no number of 64 bits, in the line {line:?}")))
}

/// A number of a header: decimal, or hexadecimal after `0x`.
pub fn attribute(text: &str) -> Option<i64> {
    match text.strip_prefix("0x") {
        Some(digits) => i64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}
