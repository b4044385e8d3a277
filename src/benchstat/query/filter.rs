//! Applies a filter expression: it keeps whole measurements, or only some of their metrics (`.unit`).

use super::SyntaxError;
use super::filter_syntax::{self, Expression, Pattern};
use super::key::Key;
use crate::benchstat::input::record::{Record, Value};

/// A filter ready to use.
#[derive(Debug)]
pub struct Filter {
    condition: Condition,
}

#[derive(Debug)]
enum Condition {
    Key(Key, Pattern),
    Unit(Pattern),
    Not(Box<Condition>),
    And(Vec<Condition>),
    Or(Vec<Condition>),
}

/// The verdict of a condition on a measurement.
enum Verdict {
    Whole(bool),
    /// For each value separately.
    Values(Vec<bool>),
}

impl Filter {
    pub fn parse(query: &str) -> Result<Self, SyntaxError> {
        Ok(Filter { condition: compile(filter_syntax::parse(query)?, query)? })
    }

    /// Removes the values that the filter rejects; false if none is left.
    pub fn apply(&self, record: &mut Record<'_>) -> bool {
        match self.condition.judge(record) {
            Verdict::Whole(kept) => kept,
            Verdict::Values(kept) => {
                let mut kept = kept.into_iter();
                record.values.retain(|_| kept.next().unwrap_or(false));
                !record.values.is_empty()
            }
        }
    }
}

fn compile(expression: Expression, query: &str) -> Result<Condition, SyntaxError> {
    let all = |terms: Vec<Expression>| terms.into_iter().map(|term| compile(term, query)).collect::<Result<_, _>>();
    Ok(match expression {
        Expression::And(terms) => Condition::And(all(terms)?),
        Expression::Or(terms) => Condition::Or(all(terms)?),
        Expression::Not(inner) => Condition::Not(Box::new(compile(*inner, query)?)),
        Expression::Match(term) if term.key == ".unit" => Condition::Unit(term.value),
        Expression::Match(term) => {
            let key = match term.key.as_str() {
                ".config" => Err(".config is only allowed in projections"),
                key => Key::parse(key),
            };
            let error = |message: &str| SyntaxError {
                query: query.to_owned(),
                offset: term.offset,
                message: message.to_owned(),
            };
            Condition::Key(key.map_err(error)?, term.value)
        }
    })
}

impl Condition {
    /// In a mixture, a term about the whole measurement decides alone if it can; otherwise the terms about values
    /// decide.
    fn judge(&self, record: &Record<'_>) -> Verdict {
        match self {
            Condition::Key(key, pattern) => Verdict::Whole(pattern.matches(key.value(record))),
            Condition::Unit(pattern) => {
                Verdict::Values(record.values.iter().map(|value| unit_matches(pattern, value)).collect())
            }
            Condition::Not(inner) => match inner.judge(record) {
                Verdict::Whole(kept) => Verdict::Whole(!kept),
                Verdict::Values(kept) => Verdict::Values(kept.into_iter().map(|kept| !kept).collect()),
            },
            Condition::And(terms) => join(terms, record, false, |a, b| a && b),
            Condition::Or(terms) => join(terms, record, true, |a, b| a || b),
        }
    }
}

/// Joins the verdicts of `terms`; a whole verdict equal to `decisive` ends it.
fn join(terms: &[Condition], record: &Record<'_>, decisive: bool, both: fn(bool, bool) -> bool) -> Verdict {
    let mut joined: Option<Vec<bool>> = None;
    for term in terms {
        match (term.judge(record), &mut joined) {
            (Verdict::Whole(kept), _) if kept == decisive => return Verdict::Whole(decisive),
            (Verdict::Whole(_), _) => {}
            (Verdict::Values(values), None) => joined = Some(values),
            (Verdict::Values(values), Some(so_far)) => {
                so_far.iter_mut().zip(values).for_each(|(so_far, value)| *so_far = both(*so_far, value));
            }
        }
    }
    joined.map_or(Verdict::Whole(!decisive), Verdict::Values)
}

/// The unit as shown, or as it stands in the file.
fn unit_matches(pattern: &Pattern, value: &Value<'_>) -> bool {
    pattern.matches(&value.unit) || value.original_unit.is_some_and(|unit| pattern.matches(unit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::benchstat::input::record::{Config, NameParts};

    /// The units that are left.
    fn kept(query: &str) -> String {
        let mut config = Config::of_file("old");
        config.set("goos", "linux");
        let values = [(5.0, "ns/op"), (7.0, "B/op"), (1.0, "allocs/op")];
        let values = values.map(|(value, unit)| Value::tidied(value, unit, false)).to_vec();
        let mut record = Record { name: "Encode/format=json-8", config: &config, values, parts: NameParts::default() };
        if !Filter::parse(query).unwrap().apply(&mut record) {
            return "nothing".to_owned();
        }
        record.values.iter().map(|value| value.unit.as_ref()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn whole_measurements_and_values() {
        let all = "sec/op B/op allocs/op";
        assert_eq!(kept("*"), all);
        assert_eq!(kept("-*"), "nothing");
        assert_eq!(kept("/format:json goos:linux"), all);
        assert_eq!(kept("/format:gob"), "nothing");
        assert_eq!(kept(".name:/^enc/"), "nothing");
        assert_eq!(kept(".name:/^(?i)enc/"), all);
        assert_eq!(kept(".unit:ns/op"), "sec/op");
        assert_eq!(kept(".unit:sec/op"), "sec/op");
        assert_eq!(kept("-.unit:(ns/op OR B/op)"), "allocs/op");
        assert_eq!(kept(".unit:/op$/ -.unit:B/op"), "sec/op allocs/op");
        assert_eq!(kept(".unit:B/op OR goos:linux"), all);
        assert_eq!(kept(".unit:B/op OR goos:plan9"), "B/op");
        assert_eq!(kept(".unit:none"), "nothing");
    }

    #[test]
    fn keys_that_are_none() {
        let message = |query| Filter::parse(query).unwrap_err().to_string();
        let text = "syntax error: .config is only allowed in projections\n\ta:b .config:x\n\t    ^";
        assert_eq!(message("a:b .config:x"), text);
        assert_eq!(message("\"\":x"), "syntax error: key must not be empty\n\t\"\":x\n\t^");
    }
}
