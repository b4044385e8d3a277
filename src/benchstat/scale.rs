//! Numbers with a prefix that shows at least three digits of each.
//!
//! A row has one scale, that of its smallest number: numbers with different prefixes are hard to compare by eye.

use super::unit::Class;
use crate::go::float::fixed;

/// How the numbers of a row are printed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    decimals: usize,
    /// The value of one unit with the prefix.
    factor: f64,
    prefix: &'static str,
}

/// The thresholds from which a prefix is used with one, two and three decimals. These are the numbers that round to
/// 100.0, 10.00 and 1.000, so that rounding never adds a digit.
struct Step {
    factor: f64,
    prefix: &'static str,
    hundred: f64,
    ten: f64,
    one: f64,
}

macro_rules! decimal_step {
    ($prefix:literal, $factor:literal, $hundred:literal, $ten:literal, $one:literal) => {
        Step { factor: $factor, prefix: $prefix, hundred: $hundred, ten: $ten, one: $one }
    };
}

const DECIMAL: [Step; 8] = [
    decimal_step!("T", 1e12, 99.995e12, 9.9995e12, 0.99995e12),
    decimal_step!("G", 1e9, 99.995e9, 9.9995e9, 0.99995e9),
    decimal_step!("M", 1e6, 99.995e6, 9.9995e6, 0.99995e6),
    decimal_step!("k", 1e3, 99.995e3, 9.9995e3, 0.99995e3),
    decimal_step!("", 1e0, 99.995e0, 9.9995e0, 0.99995e0),
    decimal_step!("m", 1e-3, 99.995e-3, 9.9995e-3, 0.99995e-3),
    decimal_step!("µ", 1e-6, 99.995e-6, 9.9995e-6, 0.99995e-6),
    decimal_step!("n", 1e-9, 99.995e-9, 9.9995e-9, 0.99995e-9),
];

/// There are no binary fractions: "1 /KiB/s" would confuse more than "0.001 B/s". A number from 1000 up to 1024 takes
/// the smaller prefix.
const BINARY: [Step; 5] = [
    binary_step("Ti", (1u64 << 40) as f64),
    binary_step("Gi", (1u64 << 30) as f64),
    binary_step("Mi", (1u64 << 20) as f64),
    binary_step("Ki", (1u64 << 10) as f64),
    binary_step("", 1.0),
];

const fn binary_step(prefix: &'static str, factor: f64) -> Step {
    // 0.99995 is rounded as in benchstat: one place further down than the literal.
    Step { factor, prefix, hundred: 99.995 * factor, ten: 9.9995 * factor, one: ONE_KI * factor }
}

/// 1023.95 / 1024 as in benchstat: the number printed as 1024.0 of the next smaller prefix.
const ONE_KI: f64 = f64::from_bits(0x3fef_ff97_2474_538f);

/// Below the smallest prefix, the thresholds for three, four, … decimals.
const SMALL: [f64; 8] = [9.9995e-1, 9.9995e-2, 9.9995e-3, 9.9995e-4, 9.9995e-5, 9.9995e-6, 9.9995e-7, 9.9995e-8];

impl Scale {
    /// The scale of the number nearest to zero, ignoring zeros.
    pub fn common(values: &[f64], class: Class) -> Self {
        let mut least = 0.0;
        for magnitude in values.iter().map(|value| value.abs()) {
            if magnitude != 0.0 && (least == 0.0 || magnitude < least) {
                least = magnitude;
            }
        }
        if least == 0.0 {
            return Scale { decimals: 3, factor: 1.0, prefix: "" };
        }
        let steps: &[Step] = match class {
            Class::Decimal => &DECIMAL,
            Class::Binary => &BINARY,
        };
        for step in steps {
            let decimals = match least {
                _ if least >= step.hundred => 1,
                _ if least >= step.ten => 2,
                _ if least >= step.one => 3,
                _ => continue,
            };
            return Scale { decimals, factor: step.factor, prefix: step.prefix };
        }
        let last = &steps[steps.len() - 1];
        let digits = SMALL.iter().position(|threshold| least / last.factor >= *threshold).unwrap_or(SMALL.len() - 1);
        Scale { decimals: digits + 3, factor: last.factor, prefix: last.prefix }
    }

    pub fn format(&self, value: f64) -> String {
        fixed(value / self.factor, self.decimals) + self.prefix
    }
}

/// One number at its own scale.
pub fn scaled(value: f64, class: Class) -> String {
    Scale::common(&[value], class).format(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal() {
        let texts = [
            (0.0, "0.000"),
            (1.0, "1.000"),
            (0.000_001_718, "1.718µ"),
            (99.994, "99.99"),
            (99.995, "100.0"),
            (999.94, "999.9"),
            (999.95, "1.000k"),
            (123_456_789.0, "123.5M"),
            (5e15, "5000.0T"),
            (1e-9, "1.000n"),
            (1e-12, "0.001000n"),
            (1e-30, "0.0000000000n"),
            (-2.5, "-2.500"),
            (f64::INFINITY, "+InfT"),
        ];
        for (value, text) in texts {
            assert_eq!(scaled(value, Class::Decimal), text, "{value}");
        }
    }

    #[test]
    fn binary() {
        let texts = [(64.0, "64.00"), (1000.0, "1000.0"), (1023.9, "1023.9"), (1023.95, "1.000Ki"), (1e6, "976.6Ki")];
        for (value, text) in texts {
            assert_eq!(scaled(value, Class::Binary), text, "{value}");
        }
    }

    #[test]
    fn a_row_has_the_scale_of_its_least_number() {
        assert_eq!(Scale::common(&[0.0, 5e-6, 3e-3], Class::Decimal).format(3e-3), "3000.000µ");
    }
}
