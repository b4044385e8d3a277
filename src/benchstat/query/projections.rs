//! The projections of a comparison belong together: a key that one of them names is left out of the groups `.config`
//! and `.fullname` of all others, and the keys that none of them names form the residue.

use std::collections::{BTreeSet, HashSet};
use std::rc::Rc;

use super::SyntaxError;
use super::key::{FullName, Key};
use super::order::Order;
use super::projection::{Claimed, Projection, Source};
use super::projection_syntax::{self, Part, PartOrder};
use crate::benchstat::input::record::Record;

/// All projections of one comparison.
#[derive(Debug)]
pub struct Projections {
    /// Its last field is the unit.
    pub table: Projection,
    pub row: Projection,
    pub column: Projection,
    /// The keys that no other projection uses.
    pub residue: Projection,
    /// The values that the listed orders allow.
    conditions: Vec<(Key, HashSet<String>)>,
    /// The names of keys that no measurement has had so far; `sought` has the keys themselves.
    absent: Vec<String>,
    /// The keys that measurements have, collected while some named keys are still missing.
    known: BTreeSet<String>,
    sought: Vec<Key>,
}

/// The expressions of the flags.
pub struct Expressions<'a> {
    pub table: &'a str,
    pub row: &'a str,
    pub column: &'a str,
    pub ignore: &'a str,
}

impl Projections {
    /// The error is the message with the flag in front.
    pub fn parse(expressions: &Expressions<'_>) -> Result<Self, String> {
        let mut claims = Claims::default();
        let mut parse =
            |flag: &str, expression: &str| claims.parse(expression).map_err(|error| format!("parsing {flag}: {error}"));
        let table = parse("-table", expressions.table)?;
        let row = parse("-row", expressions.row)?;
        let column = parse("-col", expressions.column)?;
        let (absent, sought) = [&table, &row, &column].into_iter().flatten().filter_map(named).unzip();
        parse("-ignore", expressions.ignore)?;

        let mut residue = Vec::new();
        if !claims.has_config {
            residue.push(Source::Config(Order::First));
        }
        if !claims.has_full_name {
            residue.push(Source::FullName(Order::First));
        }
        let claimed = Rc::new(Claimed { config: claims.config, full_name: FullName::without(&claims.name_parts) });
        Ok(Projections {
            table: Projection::new(table, true, &claimed),
            row: Projection::new(row, false, &claimed),
            column: Projection::new(column, false, &claimed),
            residue: Projection::new(residue, false, &claimed),
            conditions: claims.conditions,
            absent,
            known: BTreeSet::new(),
            sought,
        })
    }

    /// Removes the keys that this measurement has.
    pub fn notice(&mut self, record: &Record<'_>) {
        if !self.sought.is_empty() {
            self.known.extend(record.keys());
        }
        let mut at = 0;
        while at < self.sought.len() {
            if self.sought[at].value(record).is_empty() {
                at += 1;
            } else {
                self.sought.swap_remove(at);
                self.absent.swap_remove(at);
            }
        }
    }

    pub fn known(&self) -> &BTreeSet<String> {
        &self.known
    }

    pub fn absent(&self) -> &[String] {
        &self.absent
    }

    /// Whether the listed orders have a place for the measurement.
    pub fn admits(&self, record: &Record<'_>) -> bool {
        self.conditions.iter().all(|(key, values)| values.contains(key.value(record)))
    }
}

/// A key that measurements may have or not, with its name.
fn named(source: &Source) -> Option<(String, Key)> {
    match source {
        Source::Key(name, key, _) => Some((name.clone(), key.clone())),
        Source::Config(_) | Source::FullName(_) => None,
    }
}

/// The keys that the expressions parsed so far claim.
#[derive(Debug, Default)]
struct Claims {
    config: HashSet<String>,
    name_parts: Vec<String>,
    has_config: bool,
    has_full_name: bool,
    conditions: Vec<(Key, HashSet<String>)>,
}

impl Claims {
    fn parse(&mut self, expression: &str) -> Result<Vec<Source>, SyntaxError> {
        projection_syntax::parse(expression)?.into_iter().map(|part| self.source(part, expression)).collect()
    }

    fn source(&mut self, part: Part, expression: &str) -> Result<Source, SyntaxError> {
        let error = |offset: usize, message: String| SyntaxError { query: expression.to_owned(), offset, message };
        let order = match &part.order {
            PartOrder::Fixed(values) => Order::listed(values),
            PartOrder::Named(name) => Order::named(name)
                .ok_or_else(|| error(part.order_offset, format!("unknown order {}", super::quote::quote(name))))?,
        };
        match part.key.as_str() {
            ".config" if matches!(order, Order::Listed(_)) => {
                return Err(error(part.order_offset, "fixed order not allowed for .config".to_owned()));
            }
            ".config" => {
                self.has_config = true;
                return Ok(Source::Config(order));
            }
            ".unit" => return Err(error(part.key_offset, ".unit is only allowed in filters".to_owned())),
            _ => {}
        }
        let key = Key::parse(&part.key).map_err(|message| error(part.key_offset, message.to_owned()))?;
        if let PartOrder::Fixed(values) = part.order {
            self.conditions.push((key.clone(), values.into_iter().collect()));
        }
        match key {
            Key::FullName => {
                self.has_full_name = true;
                return Ok(Source::FullName(order));
            }
            Key::Config(_) => {
                self.config.insert(part.key.clone());
            }
            Key::Base | Key::NamePart(_) | Key::Threads => self.name_parts.push(part.key.clone()),
        }
        Ok(Source::Key(part.key, key, order))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::benchstat::input::record::{Config, NameParts, Value};

    fn projections(table: &str, row: &str, column: &str, ignore: &str) -> Result<Projections, String> {
        Projections::parse(&Expressions { table, row, column, ignore })
    }

    fn record<'a>(name: &'a str, config: &'a Config) -> Record<'a> {
        Record { name, config, values: vec![Value::tidied(1.0, "ns/op", false)], parts: NameParts::default() }
    }

    #[test]
    fn claimed_keys_are_left_out_of_the_whole() {
        let mut all = projections(".config", ".fullname", "/format", "goos").unwrap();
        let mut config = Config::of_file("f");
        config.set("goos", "linux");
        config.set("pkg", "p");
        let record = record("Encode/format=json-8", &config);
        let row = all.row.project(&record);
        assert_eq!(all.row.label(row, &all.row.fields()), "Encode-8");
        let table = all.table.project(&record);
        assert_eq!(all.table.label(table, &all.table.fields()), "p");
        assert!(all.residue.fields().is_empty());
    }

    #[test]
    fn tuples_from_before_a_new_key_stay_the_same() {
        let mut all = projections(".config", ".name", ".file", "").unwrap();
        let mut config = Config::of_file("f");
        config.set("goos", "linux");
        let before = all.table.project(&record("A", &config));
        config.set("cpu", "x");
        assert_ne!(all.table.project(&record("A", &config)), before);
        config.set("cpu", "");
        assert_eq!(all.table.project(&record("A", &config)), before);
    }

    #[test]
    fn listed_orders_admit_only_what_they_list() {
        let all = projections(".config", ".fullname", "note@(new old)", "").unwrap();
        let mut config = Config::of_file("f");
        assert!(!all.admits(&record("A", &config)));
        config.set("note", "old");
        assert!(all.admits(&record("A", &config)));
    }

    #[test]
    fn messages() {
        let message = |row: &str| projections(".config", row, ".file", "").unwrap_err();
        assert_eq!(message("a@b"), "parsing -row: syntax error: unknown order \"b\"\n\ta@b\n\t  ^");
        assert_eq!(message(".unit"), "parsing -row: syntax error: .unit is only allowed in filters\n\t.unit\n\t^");
        let text = "parsing -row: syntax error: fixed order not allowed for .config\n\t.config@(a)\n\t        ^";
        assert_eq!(message(".config@(a)"), text);
    }
}
