//! Filters by name, in Go's syntax of regular expressions.

use regex::Regex;

use crate::go::regexp;

/// A compiled pattern. Matches anywhere in a text unless anchored.
#[derive(Clone, Debug)]
pub struct Pattern {
    source: String,
    regex: Regex,
}

impl Pattern {
    pub fn new(pattern: &str) -> Result<Self, String> {
        Ok(Pattern { source: pattern.into(), regex: regexp::compile(pattern)? })
    }

    pub fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// The pattern as it was typed.
    pub fn source(&self) -> &str {
        &self.source
    }
}
