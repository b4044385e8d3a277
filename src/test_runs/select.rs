//! Which tests a command line selects.

use regex::Regex;

use super::list::Test;
use super::options::TestArgs;
use crate::{Error, Result};

/// As in libtest, but that a filter is a regular expression, and may name a target.
#[derive(Debug, Default)]
pub struct Selection {
    filters: Vec<Filter>,
    skip: Vec<Filter>,
    ignored: Ignored,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Ignored {
    #[default]
    Left,
    Included,
    Only,
}

#[derive(Debug)]
struct Filter {
    text: String,
    /// `None`: the text is a name.
    regex: Option<Regex>,
}

impl Filter {
    fn new(text: &str, exact: bool) -> Result<Filter> {
        let regex = match exact {
            true => None,
            false => Some(Regex::new(text).map_err(|e| {
                let reason = e.to_string().lines().last().unwrap_or_default().trim().to_owned();
                Error::usage(format!("`{text}` is no regular expression: {}", reason.trim_start_matches("error: ")))
            })?),
        };
        Ok(Filter { text: text.to_owned(), regex })
    }

    /// `name`: the full name; `id`: the path.
    fn fits(&self, name: &str, id: &str) -> bool {
        // No test's own path has a slash.
        let name = if self.text.contains('/') { name } else { id };
        match &self.regex {
            Some(regex) => regex.is_match(name),
            None => *name == self.text || name.strip_suffix(&self.text).is_some_and(|rest| rest.ends_with('/')),
        }
    }
}

/// Whether, and why not, a test is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    Run,
    Ignored,
    FilteredOut,
}

impl Selection {
    pub fn new(args: &TestArgs) -> Result<Selection> {
        let own = &args.harness;
        let compile = |texts: &[String]| texts.iter().map(|text| Filter::new(text, own.exact)).collect::<Result<_>>();
        let ignored = match (own.include_ignored, own.ignored) {
            (true, _) => Ignored::Included,
            (_, true) => Ignored::Only,
            _ => Ignored::Left,
        };
        Ok(Selection { filters: compile(&args.all_filters())?, skip: compile(&own.skip)?, ignored })
    }

    /// Whether a test of this full name and path is meant.
    pub fn covers(&self, name: &str, id: &str) -> bool {
        (self.filters.is_empty() || self.filters.iter().any(|filter| filter.fits(name, id)))
            && !self.skip.iter().any(|filter| filter.fits(name, id))
    }

    pub fn choice(&self, test: &Test) -> Choice {
        match (self.covers(&test.name, &test.listed), self.ignored, test.ignored) {
            (false, ..) | (true, Ignored::Only, false) => Choice::FilteredOut,
            (true, Ignored::Left, true) => Choice::Ignored,
            (true, ..) => Choice::Run,
        }
    }

    /// Whether names exclude a part of the tests.
    pub fn is_partial(&self) -> bool {
        !(self.filters.is_empty() && self.skip.is_empty()) || self.ignored == Ignored::Only
    }

    /// The filters, as they were typed.
    pub fn text(&self) -> String {
        self.filters.iter().map(|filter| format!("`{}`", filter.text)).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(target: &str, id: &str, ignored: bool) -> Test {
        Test {
            name: format!("p/{target}/{id}"),
            package: "p".to_owned(),
            target: target.to_owned(),
            id: id.to_owned(),
            listed: id.to_owned(),
            occurrence: 0,
            ignored,
            message: None,
            should_panic: false,
        }
    }

    fn chosen(words: &[&str]) -> String {
        let args = TestArgs::read(&words.iter().map(std::ffi::OsString::from).collect::<Vec<_>>()).unwrap();
        let selection = Selection::new(&args).unwrap();
        let tests = [
            test("lib", "parser::empty", false),
            test("lib", "parser::empty_line", true),
            test("parser", "lexer", false),
        ];
        let letter = |test| match selection.choice(test) {
            Choice::Run => 'r',
            Choice::Ignored => 'i',
            Choice::FilteredOut => '-',
        };
        tests.iter().map(letter).collect()
    }

    #[test]
    fn filters_are_libtest_s_and_regular_expressions() {
        assert_eq!(chosen(&[]), "rir");
        // The target `parser` is not meant.
        assert_eq!(chosen(&["parser"]), "ri-");
        assert_eq!(chosen(&["parser/"]), "--r");
        assert_eq!(chosen(&["^lex", "line$"]), "-ir");
        assert_eq!(chosen(&["parser::empty", "--", "--exact"]), "r--");
        assert_eq!(chosen(&["lib/parser::empty", "--", "--exact"]), "r--");
        assert_eq!(chosen(&["--", "--skip", "empty", "--skip=nothing"]), "--r");
        assert_eq!(chosen(&["--", "--ignored"]), "-r-");
        assert_eq!(chosen(&["--", "--include-ignored", "empty"]), "rr-");
    }
}
