//! A budget: which benchmarks or tests, and how far each metric may go.

use std::fmt;

use globset::{GlobBuilder, GlobMatcher};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};

use super::limit::{Limit, Max, Tolerance};
use crate::results::metric::Metric;

#[derive(Debug, Clone)]
pub struct Budget {
    /// On full names.
    pub benchmarks: Globs,
    /// On full names if a slash is in it, else on the tests' own paths.
    pub tests: Globs,
    limits: Vec<(Metric, Limit)>,
}

/// A budget as it is written.
#[derive(Deserialize)]
struct BudgetTable {
    benchmarks: Option<Globs>,
    tests: Option<Globs>,
    allocs_per_op: Option<LimitText>,
    bytes_per_op: Option<LimitText>,
    ns_per_op: Option<LimitText>,
    peak_bytes: Option<LimitText>,
    retained_bytes_per_op: Option<LimitText>,
}

impl<'de> Deserialize<'de> for Budget {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Budget, D::Error> {
        deserializer.deserialize_map(BudgetVisitor)
    }
}

/// An error of a visitor has a place.
struct BudgetVisitor;

impl<'de> Visitor<'de> for BudgetVisitor {
    type Value = Budget;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Budget, A::Error> {
        let table = BudgetTable::deserialize(MapAccessDeserializer::new(map))?;
        if table.benchmarks.is_none() && table.tests.is_none() {
            return Err(de::Error::missing_field("benchmarks"));
        }
        let limits = [
            (Metric::AllocsPerOp, table.allocs_per_op),
            (Metric::BytesPerOp, table.bytes_per_op),
            (Metric::NsPerOp, table.ns_per_op),
            (Metric::PeakBytes, table.peak_bytes),
            (Metric::RetainedBytesPerOp, table.retained_bytes_per_op),
        ];
        let limits = limits.into_iter().filter_map(|(metric, limit)| Some((metric, limit?.0))).collect();
        Ok(Budget { benchmarks: table.benchmarks.unwrap_or_default(), tests: table.tests.unwrap_or_default(), limits })
    }
}

impl Budget {
    pub fn covers(&self, name: &str) -> bool {
        self.benchmarks.globs.iter().any(|glob| glob.is_match(name))
    }

    /// Whether it covers the test with this full name and this path.
    pub fn covers_test(&self, name: &str, id: &str) -> bool {
        let fits = |glob: &GlobMatcher| glob.is_match(if glob.glob().glob().contains('/') { name } else { id });
        self.tests.globs.iter().any(fits)
    }

    pub fn limits(&self) -> impl Iterator<Item = (Metric, Limit)> {
        self.limits.iter().copied()
    }
}

/// Patterns on full names: `*` inside a part, `**` across parts.
#[derive(Debug, Clone, Default)]
pub struct Globs {
    /// As they were typed.
    pub source: Vec<String>,
    /// One by one: a set would look at the last part of a name as if it were a file's, and `..` has none.
    globs: Vec<GlobMatcher>,
}

impl<'de> Deserialize<'de> for Globs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Globs, D::Error> {
        let source = deserializer.deserialize_any(GlobsVisitor)?;
        let glob = |text: &String| match GlobBuilder::new(text).literal_separator(true).build() {
            Ok(glob) => Ok(glob.compile_matcher()),
            Err(e) => Err(de::Error::custom(format!("`{text}` is no glob: {}", e.kind()))),
        };
        let globs = source.iter().map(glob).collect::<Result<_, _>>()?;
        Ok(Globs { source, globs })
    }
}

struct GlobsVisitor;

impl<'de> Visitor<'de> for GlobsVisitor {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a glob over full names, or a list of them")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Vec<String>, E> {
        Ok(vec![text.to_owned()])
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<String>, A::Error> {
        let mut all = Vec::new();
        while let Some(one) = seq.next_element()? {
            all.push(one);
        }
        Ok(all)
    }
}

/// A number: at most so much, on exact counts. `false`: not compared with the baseline. A table: the rest.
#[derive(Debug, Clone, Copy)]
struct LimitText(Limit);

impl<'de> Deserialize<'de> for LimitText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<LimitText, D::Error> {
        deserializer.deserialize_any(LimitVisitor).map(LimitText)
    }
}

struct LimitVisitor;

#[derive(Deserialize)]
struct LimitTable {
    max: Option<f64>,
    tolerance: Option<ToleranceText>,
}

fn sound<E: de::Error>(value: f64) -> Result<f64, E> {
    if value.is_finite() && value >= 0.0 {
        return Ok(value);
    }
    Err(E::custom(format!("{value} is no limit: it must be finite and not negative")))
}

impl<'de> Visitor<'de> for LimitVisitor {
    type Value = Limit;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, { max = …, tolerance = … }, or `false`")
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Limit, E> {
        Ok(Limit { max: Some(Max::Exact(sound(value)?)), tolerance: None })
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Limit, E> {
        self.visit_f64(value as f64)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Limit, E> {
        self.visit_f64(value as f64)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Limit, E> {
        if value {
            return Err(E::custom("counts are compared anyway: only `false` can be said"));
        }
        Ok(Limit { max: None, tolerance: Some(Tolerance::Off) })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Limit, A::Error> {
        let table = LimitTable::deserialize(MapAccessDeserializer::new(map))?;
        let max = table.max.map(sound).transpose()?.map(Max::Top);
        Ok(Limit { max, tolerance: table.tolerance.map(|tolerance| tolerance.0) })
    }
}

/// A number in the metric's own unit, or a share of the baseline, as "5%".
struct ToleranceText(Tolerance);

impl<'de> Deserialize<'de> for ToleranceText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ToleranceText, D::Error> {
        deserializer.deserialize_any(ToleranceVisitor).map(ToleranceText)
    }
}

struct ToleranceVisitor;

impl Visitor<'_> for ToleranceVisitor {
    type Value = Tolerance;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, or a share as \"5%\"")
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Tolerance, E> {
        Ok(Tolerance::Absolute(sound(value)?))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Tolerance, E> {
        self.visit_f64(value as f64)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Tolerance, E> {
        self.visit_f64(value as f64)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Tolerance, E> {
        let share = text.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
        let share = share.ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))?;
        Ok(Tolerance::Share(sound(share)? / 100.0))
    }
}
