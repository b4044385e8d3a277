//! A budget: which benchmarks, and how far each metric may go.

use std::fmt;

use globset::{GlobBuilder, GlobMatcher};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};

use super::limit::{Limit, Max, Tolerance};
use crate::results::metric::Metric;

#[derive(Debug, Clone, Deserialize)]
pub struct Budget {
    pub benchmarks: Globs,
    allocs_per_op: Option<LimitText>,
    bytes_per_op: Option<LimitText>,
    ns_per_op: Option<LimitText>,
    peak_bytes: Option<LimitText>,
    retained_bytes_per_op: Option<LimitText>,
}

impl Budget {
    pub fn covers(&self, name: &str) -> bool {
        self.benchmarks.globs.iter().any(|glob| glob.is_match(name))
    }

    pub fn limits(&self) -> impl Iterator<Item = (Metric, Limit)> {
        let of = |metric| match metric {
            Metric::AllocsPerOp => &self.allocs_per_op,
            Metric::BytesPerOp => &self.bytes_per_op,
            Metric::NsPerOp => &self.ns_per_op,
            Metric::PeakBytes => &self.peak_bytes,
            Metric::RetainedBytesPerOp => &self.retained_bytes_per_op,
        };
        Metric::ALL.into_iter().filter_map(move |metric| Some((metric, of(metric).as_ref()?.0)))
    }
}

/// Patterns on full names: `*` inside a part, `**` across parts.
#[derive(Debug, Clone)]
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
