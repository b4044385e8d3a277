//! Numbers as Go reads and prints them: inputs come from Go programs, and outputs go where the Go tools' outputs went.

/// A number, decimal or hexadecimal, with underscores between digits; `inf`, `infinity` or `nan`. The error has Go's
/// wording.
pub fn parse_float(text: &str) -> Result<f64, &'static str> {
    let syntax = "invalid syntax";
    let is_digit = |byte: &u8| byte.is_ascii_hexdigit();
    let is_separated = |place: usize| {
        let neighbours = [place.checked_sub(1), Some(place + 1)];
        neighbours.iter().all(|at| at.and_then(|at| text.as_bytes().get(at)).is_some_and(is_digit))
    };
    if text.match_indices('_').any(|(place, _)| !is_separated(place)) {
        return Err(syntax);
    }
    let text = text.replace('_', "");
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(&text);
    let value: f64 = match unsigned.strip_prefix("0x").or_else(|| unsigned.strip_prefix("0X")) {
        Some(digits) => parse_hexadecimal(digits).ok_or(syntax)? * if text.starts_with('-') { -1.0 } else { 1.0 },
        None => text.parse().map_err(|_| syntax)?,
    };
    let is_out_of_range = !value.is_finite() && unsigned.starts_with(|first: char| first.is_ascii_digit());
    if is_out_of_range { Err("value out of range") } else { Ok(value) }
}

/// Parses the text after `0x`: digits with an optional point, and a mandatory exponent of two.
fn parse_hexadecimal(text: &str) -> Option<f64> {
    let (digits, exponent) = text.split_once(['p', 'P'])?;
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mantissa = u64::from_str_radix(&format!("{whole}{fraction}"), 16).ok()?;
    Some(libm::scalbn(mantissa as f64, exponent.parse::<i32>().ok()? - 4 * fraction.len() as i32))
}

/// Go's `fmt.Sprint` of a float: the shortest digits that read back as the same number, with an exponent where it is
/// below −4 or above 5.
pub fn shortest(value: f64) -> String {
    if !value.is_finite() {
        return non_finite(value).to_owned();
    }
    let mut scientific = format!("{value:e}");
    // Of two equally near texts Rust takes the upper and Go the even one, as rounding to a number of digits does.
    let decimals = scientific.find('e').unwrap_or(0).saturating_sub(if value < 0.0 { 3 } else { 2 });
    let even = format!("{value:.decimals$e}");
    if even.parse() == Ok(value) {
        scientific = even;
    }
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        return format!("{:.1$}", value, (decimals as i32 - exponent).max(0) as usize);
    }
    with_exponent(mantissa, exponent)
}

/// C's and Go's `%.2g`: two significant digits without trailing zeros, in exponent form below 0.0001.
pub fn two_digits(value: f64) -> String {
    if !value.is_finite() {
        return non_finite(value).to_owned();
    }
    let scientific = format!("{value:.1e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..2).contains(&exponent) {
        without_zeros(&format!("{value:.*}", (1 - exponent).max(0) as usize)).into()
    } else {
        with_exponent(without_zeros(mantissa), exponent)
    }
}

fn with_exponent(mantissa: &str, exponent: i32) -> String {
    format!("{mantissa}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

fn without_zeros(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

/// A fixed number of decimals, like Go's `%.*f`.
pub fn fixed(value: f64, decimals: usize) -> String {
    if value.is_finite() { format!("{value:.decimals$}") } else { non_finite(value).to_owned() }
}

/// Go's `%+.2f%%`.
pub fn signed_percent(value: f64) -> String {
    match value {
        _ if value.is_nan() => "+NaN%".to_owned(),
        _ if value.is_infinite() => format!("{}%", non_finite(value)),
        _ => format!("{value:+.2}%"),
    }
}

fn non_finite(value: f64) -> &'static str {
    match value {
        _ if value.is_nan() => "NaN",
        _ if value > 0.0 => "+Inf",
        _ => "-Inf",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading() {
        let good = [
            ("1", 1.0),
            ("-.5", -0.5),
            ("1.e3", 1000.0),
            ("1_000.5", 1000.5),
            ("0x1p-2", 0.25),
            ("-0x1.8p1", -3.0),
            ("+Inf", f64::INFINITY),
            ("-infinity", f64::NEG_INFINITY),
        ];
        for (text, value) in good {
            assert_eq!(parse_float(text), Ok(value), "{text}");
        }
        assert!(parse_float("NaN").unwrap().is_nan());
        for text in ["", "+", ".", "e5", "1e", "_1", "1_", "1__0", "0x1", "0xp1", "1x", "infin"] {
            assert_eq!(parse_float(text), Err("invalid syntax"), "{text}");
        }
        assert_eq!(parse_float("1e999"), Err("value out of range"));
    }

    #[test]
    fn printing() {
        let shortest_texts = [
            (0.0, "0"),
            (-0.0, "-0"),
            (0.005, "0.005"),
            (1.5e-7, "1.5e-07"),
            (0.0001, "0.0001"),
            (1e21, "1e+21"),
            (123_456.0, "123456"),
            (123_456.5, "123456.5"),
            (1_234_567.0, "1.234567e+06"),
            (f64::from_bits(4_828_550_400_913_801_202), "6.493999999999982e+14"),
            (-0.5, "-0.5"),
            (-12.0, "-12"),
            (-3e-9, "-3e-09"),
        ];
        for (value, text) in shortest_texts {
            assert_eq!(shortest(value), text);
        }
        assert_eq!(shortest(f64::INFINITY), "+Inf");
        assert_eq!(signed_percent(f64::NAN), "+NaN%");
        assert_eq!(signed_percent(-17.2), "-17.20%");
        assert_eq!(fixed(f64::NEG_INFINITY, 3), "-Inf");
        assert_eq!([0.0, 0.033, 1e-5, 9.96, 100.0].map(two_digits), ["0", "0.033", "1e-05", "10", "1e+02"]);
    }
}
