//! Parses a query string like Go's net/url, and applies the options in it.

use std::collections::BTreeMap;

use crate::pprof::front::config::Config;
use crate::pprof::front::options::{OPTIONS, Slot};

/// Names and values, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Skips unreadable parts.
    pub fn parse(raw: &str) -> Self {
        let parts = raw.split('&').filter(|part| !part.is_empty() && !part.contains(';') && escapes_are_right(part));
        Query(parts.flat_map(|part| form_urlencoded::parse(part.as_bytes()).into_owned()).collect())
    }

    /// The first value of `name`; empty if there is none.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// By name, encoded.
    fn encoded(&self) -> String {
        let mut sorted: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, value) in &self.0 {
            sorted.entry(name).or_default().push(value);
        }
        let mut out = form_urlencoded::Serializer::new(String::new());
        for (name, values) in sorted {
            out.extend_pairs(values.into_iter().map(|value| (name, value)));
        }
        out.finish()
    }

    fn set(&mut self, name: &str, value: &str) {
        self.0.retain(|(known, _)| known != name);
        if !value.is_empty() {
            self.0.push((name.to_owned(), value.to_owned()));
        }
    }
}

fn escapes_are_right(part: &str) -> bool {
    let digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_hexdigit);
    let bytes = part.as_bytes();
    let right = |(at, byte): (usize, &u8)| *byte != b'%' || (digit(bytes.get(at + 1)) && digit(bytes.get(at + 2)));
    bytes.iter().enumerate().all(right)
}

/// Sets the options that `query` names.
pub fn apply(query: &Query, config: &mut Config) -> Result<(), String> {
    for option in OPTIONS.iter().filter(|option| !option.url.is_empty()) {
        let value = query.get(option.url);
        if !value.is_empty() {
            let wrong = |error| format!("error setting config field {}: {error}", option.name);
            config.set(option, value).map_err(wrong)?;
        }
    }
    Ok(())
}

/// The address, relative to the page at `query`, of the same page with the saved options of `config`; and whether it
/// differs.
pub fn address(query: &Query, config: &Config) -> (String, bool) {
    let mut there = query.clone();
    let defaults = Config::default();
    for option in OPTIONS.iter().filter(|option| !option.url.is_empty() && option.saved) {
        let mut value = config.get(option);
        if value == defaults.get(option) {
            value.clear();
        } else if matches!(option.slot, Slot::Flag(..)) {
            value.truncate(1);
        }
        if there.get(option.url) != value {
            there.set(option.url, &value);
        }
    }
    let changed = there != *query;
    (format!("?{}", there.encoded()), changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_as_go_does() {
        let query = Query::parse("f=a%2Bb+c&f=x&g=%zz&h=1;2&i&=3&&s=%e2%82%ac");
        assert_eq!(["f", "g", "h", "i", "s"].map(|name| query.get(name)), ["a+b c", "", "", "", "€"]);
    }

    #[test]
    fn options_are_set_or_refused() {
        let applied = |raw: &str| {
            let mut config = Config::default();
            apply(&Query::parse(raw), &mut config).map(|()| config)
        };
        let config = applied("f=x&n=5&trim=f&g=lines&si=0&perop=t&nosuch=1&source_path=/etc").unwrap();
        assert_eq!((&*config.focus, config.nodecount, config.trim, &*config.granularity), ("x", 5, false, "lines"));
        assert_eq!((config.per_op, &*config.source_path), (true, ""));
        assert_eq!(
            applied("n=abc").unwrap_err(),
            "error setting config field nodecount: strconv.Atoi: parsing \"abc\": invalid syntax"
        );
    }

    #[test]
    fn addresses_carry_what_is_saved_and_nothing_else() {
        let config = Config { focus: "a b".into(), trim: false, sample_index: "2".into(), ..Config::default() };
        let (there, changed) = address(&Query::parse("si=1&h=x"), &config);
        assert_eq!((there.as_str(), changed), ("?f=a+b&si=1&trim=f", true));
        assert!(!address(&Query::parse(&there[1..]), &config).1);
        assert_eq!(address(&Query::parse("f=x"), &Config::default()).0, "?");
    }
}
