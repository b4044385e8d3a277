//! Numbers and names as people read them.

use super::names::one_line;

/// `1234567` as `1,234,567`; decimals and sign stay.
pub fn grouped(text: &str) -> String {
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => ("−", rest),
        None => ("", text),
    };
    let (whole, decimals) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut out = String::new();
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    format!("{sign}{out}{decimals}")
}

/// With this many decimals; a half is rounded away from 0, like in the pages' script.
pub fn fixed(value: f64, decimals: usize) -> String {
    let power = 10f64.powi(decimals as i32);
    let scaled = value.abs() * power;
    let is_half = scaled.fract() == 0.5 && value.abs().mul_add(power, -scaled) == 0.0;
    let value = if is_half { (scaled + 0.5).copysign(value) / power } else { value };
    format!("{value:.decimals$}")
}

/// Nanoseconds with three or more significant digits.
pub fn nanoseconds(value: f64) -> String {
    let decimals = if value.abs() >= 100.0 {
        0
    } else if value.abs() >= 10.0 {
        1
    } else {
        3
    };
    grouped(&fixed(value, decimals))
}

/// A count per operation: whole numbers as such, others with decimals, never cut to 0.
pub fn per_op(value: f64) -> String {
    if value == value.trunc() {
        return grouped(&format!("{value:.0}"));
    }
    let decimals = if value.abs() >= 100.0 { 1 } else { 3 };
    let text = fixed(value, decimals);
    if text.trim_matches(['0', '.', '-']).is_empty() {
        return format!("{value:.1e}");
    }
    grouped(text.trim_end_matches('0').trim_end_matches('.'))
}

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// One bar a value, from the least to the most of them.
pub fn sparkline(values: &[f64]) -> String {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let bar = |value: &f64| {
        let share = if most > least { (value - least) / (most - least) } else { 0.0 };
        BARS[((share * 7.0).round() as usize).min(7)]
    };
    values.iter().map(bar).collect()
}

/// Escapes characters that would be markup or break a table.
pub fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let text = text.replace(['\n', '\r'], " ");
    for c in one_line(&text).chars() {
        match c {
            '|' | '*' | '_' | '`' | '<' | '[' | '\\' | '~' | '#' | '@' => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_never_cut_to_zero() {
        assert_eq!(nanoseconds(23510.4), "23,510");
        assert_eq!(
            (nanoseconds(7.4123), nanoseconds(42.25), nanoseconds(0.31)),
            ("7.412".into(), "42.3".into(), "0.310".into())
        );
        assert_eq!((per_op(3064.0), per_op(0.016), per_op(0.0)), ("3,064".into(), "0.016".into(), "0".into()));
        assert_eq!(
            (per_op(24.32), per_op(0.0001), per_op(-1984.0)),
            ("24.32".into(), "1.0e-4".into(), "−1,984".into())
        );
        assert_eq!(per_op(1234567.5), "1,234,567.5");
    }

    #[test]
    fn halves_are_rounded_as_on_the_pages() {
        assert_eq!(
            (nanoseconds(2474.5), nanoseconds(2473.5), fixed(-0.5, 0)),
            ("2,475".into(), "2,474".into(), "-1".into())
        );
        assert_eq!((fixed(0.125, 2), fixed(1.005, 2), fixed(2.4, 0)), ("0.13".into(), "1.00".into(), "2".into()));
    }
}
