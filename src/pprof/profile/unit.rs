//! Units of values: the known units, conversion between them, and formatting of values.

use crate::pprof::profile::arithmetic::abs;

struct Unit {
    /// As printed.
    name: &'static str,
    /// As spelled in profiles and options: lower case, without the plural's s.
    aliases: &'static [&'static str],
    /// Its size in the family's smallest unit.
    factor: f64,
}

/// Units that convert into each other.
struct Family {
    units: &'static [Unit],
    /// The unit for values that do not suit any other unit of the family.
    default: (&'static str, f64),
}

const fn unit(name: &'static str, aliases: &'static [&'static str], factor: f64) -> Unit {
    Unit { name, aliases, factor }
}

const FAMILIES: [Family; 3] = [
    Family {
        units: &[
            unit("B", &["b", "byte"], 1.0),
            unit("kB", &["kb", "kbyte", "kilobyte"], (1u64 << 10) as f64),
            unit("MB", &["mb", "mbyte", "megabyte"], (1u64 << 20) as f64),
            unit("GB", &["gb", "gbyte", "gigabyte"], (1u64 << 30) as f64),
            unit("TB", &["tb", "tbyte", "terabyte"], (1u64 << 40) as f64),
            unit("PB", &["pb", "pbyte", "petabyte"], (1u64 << 50) as f64),
        ],
        default: ("B", 1.0),
    },
    Family {
        units: &[
            unit("ns", &["ns", "nanosecond"], 1.0),
            unit("us", &["μs", "us", "microsecond"], 1e3),
            unit("ms", &["ms", "millisecond"], 1e6),
            unit("s", &["s", "sec", "second"], 1e9),
            unit("hrs", &["hour", "hr"], 3600.0 * 1e9),
        ],
        default: ("s", 1e9),
    },
    Family {
        units: &[
            unit("n*GCU", &["nanogcu"], 1e-9),
            unit("u*GCU", &["microgcu"], 1e-6),
            unit("m*GCU", &["milligcu"], 1e-3),
            unit("GCU", &["gcu"], 1.0),
            unit("k*GCU", &["kilogcu"], 1e3),
            unit("M*GCU", &["megagcu"], 1e6),
            unit("G*GCU", &["gigagcu"], 1e9),
            unit("T*GCU", &["teragcu"], 1e12),
            unit("P*GCU", &["petagcu"], 1e15),
        ],
        default: ("GCU", 1.0),
    },
];

impl Family {
    fn find(&self, unit: &str) -> Option<&Unit> {
        let unit = unit.to_lowercase();
        let unit = if unit.len() > 2 { unit.strip_suffix('s').unwrap_or(&unit) } else { &unit };
        self.units.iter().find(|known| known.aliases.contains(&unit))
    }

    /// The largest unit of which `value` (in the smallest one) is at least one.
    fn largest(&self, value: f64) -> Option<&Unit> {
        let mut found: Option<&Unit> = None;
        for unit in self.units {
            if unit.factor >= found.map_or(0.0, |unit| unit.factor) && value / unit.factor >= 1.0 {
                found = Some(unit);
            }
        }
        found
    }

    fn convert(&self, value: f64, from: &str, to: &str) -> Option<(f64, &'static str)> {
        let value = value * self.find(from)?.factor;
        let unit = if matches!(to, "minimum" | "auto") { self.largest(value) } else { self.find(to) };
        let (name, factor) = unit.map_or(self.default, |unit| (unit.name, unit.factor));
        Some((value / factor, name))
    }
}

/// Converts `value` from the unit `from` to `to`, and gives that unit's text. `minimum` and `auto` choose the unit in
/// which the value is at least 1. An unknown unit is left as it is.
pub fn scale(value: i64, from: &str, to: &str) -> (f64, String) {
    // i64::MIN has no positive counterpart and is converted as it is.
    if value < 0 && value != i64::MIN {
        let (scaled, unit) = scale_float(abs(value) as f64, from, to);
        return (-scaled, unit);
    }
    scale_float(value as f64, from, to)
}

/// [`scale`] for fractional values.
pub fn scale_float(value: f64, from: &str, to: &str) -> (f64, String) {
    for family in &FAMILIES {
        if let Some((scaled, unit)) = family.convert(value, from, to) {
            return (scaled, unit.into());
        }
    }
    match to {
        "count" | "sample" | "unit" | "minimum" | "auto" => (value, String::new()),
        _ => (value, to.into()),
    }
}

/// Whether one unit converts into the other.
pub fn compatible(a: &str, b: &str) -> bool {
    a == b || FAMILIES.iter().any(|family| family.find(a).is_some() && family.find(b).is_some())
}

/// `value` with its unit, as reports print it: two decimals unless both are 0, and 0 without unit.
pub fn label(value: i64, from: &str, to: &str) -> String {
    let (value, unit) = scale(value, from, to);
    let text = format!("{value:.2}");
    match text.strip_suffix(".00").unwrap_or(&text) {
        "0" | "-0" => "0".into(),
        text => format!("{text}{unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_find_their_unit() {
        assert_eq!(label(1024, "bytes", "auto"), "1kB");
        assert_eq!(label(-1536, "bytes", "auto"), "-1.50kB");
        assert_eq!(label(0, "bytes", "kb"), "0");
        assert_eq!(label(1, "bytes", "mb"), "0");
        assert_eq!(label(90_000_000_000, "nanoseconds", "auto"), "90s");
        assert_eq!(label(5, "count", "auto"), "5");
        assert_eq!(label(5, "gizmos", "gizmos"), "5gizmos");
        assert_eq!(label(i64::MIN, "bytes", "auto"), "-9223372036854775808B");
    }

    #[test]
    fn unknown_targets_fall_back_to_the_familys_unit() {
        assert_eq!(label(2_000_000_000, "ns", "parsec"), "2s");
        assert!(compatible("kb", "bytes") && !compatible("bytes", "ns") && compatible("x", "x"));
    }
}
