//! One measurement of one benchmark, as every input format gives it.

use std::borrow::Cow;
use std::ops::Range;
use std::rc::Rc;

/// `key: value` lines in force where a measurement was found, and keys that the reader added (`.file`).
///
/// The last key moves to the place of a removed key, as in benchstat: this order decides the order of the lines above
/// a table.
#[derive(Debug, Clone, Default)]
pub struct Config {
    entries: Vec<ConfigEntry>,
    /// Changes with each change of the configuration.
    revision: Revision,
}

/// Tells whether a configuration is still the one seen before, without looking at its entries.
#[derive(Debug, Clone, Default)]
pub struct Revision(Rc<u8>);

impl PartialEq for Revision {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigEntry {
    pub key: String,
    pub value: String,
    /// Read from the file itself; false for keys that the reader added.
    pub from_file: bool,
}

impl Config {
    /// A configuration with `.file` only.
    pub fn of_file(label: &str) -> Self {
        let mut config = Config::default();
        config.insert(".file", label, false);
        config
    }

    /// Sets `key` as a line of the file would: without a value it is removed.
    pub fn set(&mut self, key: &str, value: &str) {
        if value.is_empty() {
            self.remove(key);
        } else if self.get(key) != value {
            self.insert(key, value, true);
        }
    }

    pub fn get(&self, key: &str) -> &str {
        self.entries.iter().find(|entry| entry.key == key).map_or("", |entry| &entry.value)
    }

    pub fn entries(&self) -> &[ConfigEntry] {
        &self.entries
    }

    pub fn revision(&self) -> &Revision {
        &self.revision
    }

    fn insert(&mut self, key: &str, value: &str, from_file: bool) {
        if value.is_empty() {
            return;
        }
        self.revision = Revision::default();
        match self.entries.iter_mut().find(|entry| entry.key == key) {
            Some(entry) => {
                value.clone_into(&mut entry.value);
                entry.from_file = from_file;
            }
            None => self.entries.push(ConfigEntry { key: key.to_owned(), value: value.to_owned(), from_file }),
        }
    }

    fn remove(&mut self, key: &str) {
        if let Some(place) = self.entries.iter().position(|entry| entry.key == key) {
            self.entries.swap_remove(place);
            self.revision = Revision::default();
        }
    }
}

/// One benchmark measured once.
#[derive(Debug, Clone)]
pub struct Record<'a> {
    /// The full name, without the word `Benchmark` of Go's text.
    pub name: &'a str,
    pub config: &'a Config,
    pub values: Vec<Value<'a>>,
    pub parts: NameParts,
}

impl Record<'_> {
    /// The keys for which it has a value.
    pub fn keys(&self) -> impl Iterator<Item = String> {
        let config = self.config.entries().iter().map(|entry| entry.key.clone());
        let parts = self.name.split('/').skip(1).filter_map(|part| Some(format!("/{}", part.split_once('=')?.0)));
        let NameParts { group, variant, parameter } = &self.parts;
        let own = [("/group", group), ("/variant", variant), ("/param", parameter)];
        let own = own.into_iter().filter(|(_, place)| !place.is_empty()).map(|(key, _)| key.to_owned());
        config.chain(parts).chain(own)
    }
}

/// The byte ranges in the name of the parts that the harness added: Go's text writes them as `/group=…`, our own names
/// mark them by place. All are empty where there are none, as in Go's text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NameParts {
    pub group: Range<usize>,
    pub variant: Range<usize>,
    pub parameter: Range<usize>,
}

/// One metric of a measurement.
#[derive(Debug, Clone, PartialEq)]
pub struct Value<'a> {
    /// In `unit`.
    pub value: f64,
    pub unit: Cow<'a, str>,
    /// The unit in the file if it was a different one: `ns/op` of a `sec/op`.
    pub original_unit: Option<&'a str>,
    /// The value is an exact count, so one measurement is enough.
    pub exact: bool,
}

impl<'a> Value<'a> {
    /// Converts a value from a file to base units. A value that its factor does not change (0, infinities) keeps its
    /// unit, as in benchstat.
    pub fn tidied(value: f64, unit: &'a str, exact: bool) -> Self {
        let (tidy, factor) = crate::benchstat::unit::tidy(unit);
        if value * factor == value {
            return Value { value, unit: Cow::Borrowed(unit), original_unit: None, exact };
        }
        Value { value: value * factor, unit: tidy, original_unit: Some(unit), exact }
    }
}

/// An item that a reader finds in a file.
#[derive(Debug)]
pub enum Event<'a> {
    Measured(Record<'a>),
    /// A line that does not parse, as `FILE:LINE: what is wrong`; the reader goes on after it.
    Problem(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removed_key_leaves_its_place_to_the_last() {
        let mut config = Config::of_file("old");
        for key in ["goos", "goarch", "pkg"] {
            config.set(key, "x");
        }
        config.set("goos", "");
        config.set("none", "");
        let keys: Vec<_> = config.entries().iter().map(|entry| entry.key.as_str()).collect();
        assert_eq!(keys, [".file", "pkg", "goarch"]);
    }

    #[test]
    fn zero_keeps_its_unit() {
        assert_eq!(Value::tidied(0.0, "ns/op", false).unit, "ns/op");
        let value = Value::tidied(5.0, "ns/op", false);
        assert_eq!((value.unit.as_ref(), value.original_unit), ("sec/op", Some("ns/op")));
    }
}
