//! Converts and prints numbers as Go does. Reports are compared as text, so the last digit counts.

use crate::go::float::two_digits;

/// Converts a float to a whole number, towards zero. A value that does not fit becomes `i64::MIN`, as on the
/// processors pprof runs on.
pub fn to_i64(value: f64) -> i64 {
    // 2^63 itself does not fit; -2^63 does.
    if (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&value) { value as i64 } else { i64::MIN }
}

/// The absolute value; that of `i64::MIN` is itself.
pub fn abs(value: i64) -> i64 {
    value.wrapping_abs()
}

/// `value / divisor`, or `value` if the divisor is 0: the way means are computed.
pub fn divided(value: i64, divisor: i64) -> i64 {
    if divisor == 0 { value } else { value.wrapping_div(divisor) }
}

/// `value` as a share of `total`, in percent and five places wide: "99.53%", "  100%", " 0.03%". Signs are dropped.
pub fn percentage(value: i64, total: i64) -> String {
    let ratio = if total == 0 { 0.0 } else { (value as f64 / total as f64).abs() * 100.0 };
    if (99.95..=100.05).contains(&ratio) {
        "  100%".into()
    } else if ratio >= 1.0 {
        format!("{ratio:5.2}%")
    } else {
        format!("{:>5}%", two_digits(ratio))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_round_as_pprofs() {
        let cases =
            [(0, 10, "    0%"), (1, 1, "  100%"), (9994, 10000, "99.94%"), (9996, 10000, "  100%"), (1, 100, " 1.00%")];
        for (value, total, text) in cases {
            assert_eq!(percentage(value, total), text);
        }
        assert_eq!(percentage(996, 100_000), "    1%");
        assert_eq!(percentage(1, 3000), "0.033%");
        assert_eq!(percentage(-1, 10_000_000), "1e-05%");
        assert_eq!(percentage(5, 0), "    0%");
        assert_eq!(percentage(i64::MIN, i64::MAX), "  100%");
    }

    #[test]
    fn what_does_not_fit_is_the_least() {
        assert_eq!(to_i64(1e19), i64::MIN);
        assert_eq!(to_i64(f64::NAN), i64::MIN);
        assert_eq!(to_i64(-1.9), -1);
    }
}
