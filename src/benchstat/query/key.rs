//! Keys of a measurement, and the values that it has for them.
//!
//! A benchmark's name consists of a base name, parts after slashes (`/size=4k` is the key `/size`), and the number of
//! threads (`-8`, the key `/gomaxprocs`). Names of our own results also have the parts of the harness: `/group`,
//! `/variant`, `/param`.

use std::borrow::Cow;
use std::ops::Range;

use crate::benchstat::input::record::{NameParts, Record};

const THREADS: &str = "/gomaxprocs";

/// The meaning of a key other than `.config` and `.unit`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// `.name`: the base name.
    Base,
    /// `.fullname`.
    FullName,
    /// `/key`, kept as `/key=`.
    NamePart(String),
    /// `/gomaxprocs`.
    Threads,
    /// A line of the file, or `.file`.
    Config(String),
}

impl Key {
    pub fn parse(key: &str) -> Result<Self, &'static str> {
        match key {
            "" => Err("key must not be empty"),
            ".name" => Ok(Key::Base),
            ".fullname" => Ok(Key::FullName),
            THREADS => Ok(Key::Threads),
            _ if key.starts_with('/') => Ok(Key::NamePart(format!("{key}="))),
            _ => Ok(Key::Config(key.to_owned())),
        }
    }

    /// The value, empty if the measurement has none.
    pub fn value<'r>(&self, record: &Record<'r>) -> &'r str {
        match self {
            Key::Base => base(record.name),
            Key::FullName => record.name,
            Key::NamePart(prefix) => match part(record.name, prefix) {
                "" => &record.name[own_part(&record.parts, prefix)],
                value => value,
            },
            Key::Threads => match split_threads(record.name).1 {
                "" => part(record.name, "/gomaxprocs="),
                threads => &threads[1..],
            },
            Key::Config(key) => record.config.get(key),
        }
    }
}

/// The full name without the parts that are grouped by on their own. These parts are removed rather than blanked, so
/// that benchmarks with and without them fall together.
#[derive(Debug, Default)]
pub struct FullName {
    /// `/key=` each.
    without: Vec<String>,
    without_base: bool,
    without_threads: bool,
}

impl FullName {
    /// Leaves out these keys, which are `.name` or start with a slash.
    pub fn without(keys: &[String]) -> Self {
        FullName {
            without: keys.iter().filter(|key| key.starts_with('/')).map(|key| format!("{key}=")).collect(),
            without_base: keys.iter().any(|key| key == ".name"),
            without_threads: keys.iter().any(|key| key == THREADS),
        }
    }

    pub fn of<'r>(&self, record: &Record<'r>) -> Cow<'r, str> {
        let mut own: Vec<_> = self.without.iter().map(|key| own_part(&record.parts, key)).collect();
        own.retain(|range| !range.is_empty());
        if own.is_empty() {
            return self.without_pieces(record.name);
        }
        own.sort_by_key(|range| range.start);
        own.dedup();
        let mut left = record.name.to_owned();
        for range in own.into_iter().rev() {
            // With the slash before it; a part of ours is never the first.
            left.replace_range(range.start - 1..range.end, "");
        }
        Cow::Owned(self.without_pieces(&left).into_owned())
    }

    fn without_pieces<'r>(&self, name: &'r str) -> Cow<'r, str> {
        let touched = self.without_base
            || self.without_threads && name.contains('-')
            || self.without.iter().any(|key| name.contains(key.as_str()));
        if !touched {
            return Cow::Borrowed(name);
        }
        let (path, threads) = split_threads(name);
        let mut pieces = path.split('/');
        let base = pieces.next().unwrap_or_default();
        let mut left = String::with_capacity(name.len());
        left.push_str(if self.without_base { "*" } else { base });
        for piece in pieces.filter(|piece| !self.without.iter().any(|key| piece.starts_with(&key[1..]))) {
            left.push('/');
            left.push_str(piece);
        }
        if !self.without_threads {
            left.push_str(threads);
        }
        Cow::Owned(left)
    }
}

/// The part of the name that its place makes the value of `/key=`.
fn own_part(parts: &NameParts, prefix: &str) -> Range<usize> {
    match prefix {
        "/group=" => parts.group.clone(),
        "/variant=" => parts.variant.clone(),
        "/param=" => parts.parameter.clone(),
        _ => 0..0,
    }
}

/// The name up to the first slash, or without its threads if there is none.
fn base(name: &str) -> &str {
    match name.find('/') {
        Some(slash) => &name[..slash],
        None => split_threads(name).0,
    }
}

/// The value of the first part with this prefix (`/key=`).
fn part<'n>(name: &'n str, prefix: &str) -> &'n str {
    let (path, _) = split_threads(name);
    path.split('/').skip(1).find_map(|piece| piece.strip_prefix(&prefix[1..])).unwrap_or_default()
}

/// Takes a `-8` off the end: the rest, and the `-8` or nothing.
fn split_threads(name: &str) -> (&str, &str) {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    if stem.len() < name.len() && stem.ends_with('-') { name.split_at(stem.len() - 1) } else { (name, "") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::benchstat::input::record::Config;

    fn value(key: &str, name: &str) -> String {
        let config = Config::of_file("old");
        Key::parse(key).unwrap().value(&record(name, &config)).to_owned()
    }

    fn record<'a>(name: &'a str, config: &'a Config) -> Record<'a> {
        Record { name, config, values: Vec::new(), parts: NameParts::default() }
    }

    #[test]
    fn parts_by_their_place() {
        let config = Config::of_file("old");
        let parts = NameParts { group: 4..6, variant: 7..10, parameter: 11..13 };
        let ours = Record { parts, ..record("p/t/gg/fun/64", &config) };
        let value = |key: &str| Key::parse(key).unwrap().value(&ours).to_owned();
        assert_eq!(["/group", "/variant", "/param", "/other"].map(value), ["gg", "fun", "64", ""]);
        let without = |keys: &[&str]| {
            let keys: Vec<_> = keys.iter().map(|key| key.to_string()).collect();
            FullName::without(&keys).of(&ours).into_owned()
        };
        assert_eq!(without(&["/variant"]), "p/t/gg/64");
        assert_eq!(without(&["/param", "/variant", "/variant"]), "p/t/gg");
        assert_eq!(without(&["/group", ".name"]), "*/t/fun/64");
        assert_eq!(without(&["/x"]), "p/t/gg/fun/64");
    }

    #[test]
    fn values_of_keys() {
        let name = "Encode/format=json/x-y/format=gob-48";
        assert_eq!(value(".name", name), "Encode");
        assert_eq!(value(".name", "Encode-48"), "Encode");
        assert_eq!(value(".name", "Encode-"), "Encode-");
        assert_eq!(value("/format", name), "json");
        assert_eq!(value("/gomaxprocs", name), "48");
        assert_eq!(value("/gomaxprocs", "A/gomaxprocs=3"), "3");
        assert_eq!(value("/none", name), "");
        assert_eq!(value(".file", name), "old");
        assert_eq!(value(".bogus", name), "");
        assert_eq!(Key::parse(""), Err("key must not be empty"));
    }

    #[test]
    fn names_without_parts() {
        let without = |keys: &[&str], name: &str| {
            let keys: Vec<_> = keys.iter().map(|key| key.to_string()).collect();
            FullName::without(&keys).of(&record(name, &Config::default())).into_owned()
        };
        assert_eq!(without(&["/a"], "N/a=1/b=2/c-8"), "N/b=2/c-8");
        assert_eq!(without(&[".name", "/b"], "N/a=1/b=2-8"), "*/a=1-8");
        assert_eq!(without(&["/gomaxprocs"], "N/a-b-8"), "N/a-b");
        assert_eq!(without(&["/gomaxprocs"], "N/gomaxprocs=2/a"), "N/a");
        assert_eq!(without(&["/gomaxprocs"], "N/gomaxprocs=2/a-1"), "N/a");
        assert_eq!(without(&["/x"], "/a=1"), "/a=1");
        assert_eq!(without(&[".name"], "/a=1"), "*/a=1");
    }
}
