//! Numbers as Go reads and prints them: the files come from Go programs, and csv goes where benchstat's csv went.

use std::fmt;

/// Why a text is no number, in Go's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberError {
    Syntax,
    Range,
}

impl fmt::Display for NumberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NumberError::Syntax => "invalid syntax",
            NumberError::Range => "value out of range",
        })
    }
}

/// A decimal integer with an optional sign.
pub fn parse_int(text: &str) -> Result<i64, NumberError> {
    use std::num::IntErrorKind::{NegOverflow, PosOverflow};
    text.parse::<i64>().map_err(|error| match error.kind() {
        PosOverflow | NegOverflow => NumberError::Range,
        _ => NumberError::Syntax,
    })
}

/// A floating-point literal of Go: decimal or hexadecimal, underscores between digits, `inf`, `infinity`, `nan`.
pub fn parse_float(text: &str) -> Result<f64, NumberError> {
    // Most values of a file are small whole numbers.
    if (1..=18).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(text.bytes().fold(0u64, |value, byte| value * 10 + u64::from(byte - b'0')) as f64);
    }
    if text.as_bytes().contains(&b'_') {
        if !underscores_are_between_digits(text) {
            return Err(NumberError::Syntax);
        }
        return parse_plain(&text.replace('_', ""));
    }
    parse_plain(text)
}

fn parse_plain(text: &str) -> Result<f64, NumberError> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let value = match unsigned.bytes().next() {
        Some(b'0') if unsigned.len() > 2 && matches!(unsigned.as_bytes()[1], b'x' | b'X') => {
            let magnitude = parse_hexadecimal(&unsigned[2..])?;
            if text.starts_with('-') { -magnitude } else { magnitude }
        }
        Some(b'0'..=b'9' | b'.') => text.parse().map_err(|_| NumberError::Syntax)?,
        Some(b'n' | b'N') if text.eq_ignore_ascii_case("nan") => return Ok(f64::NAN),
        Some(b'i' | b'I') => return text.parse().map_err(|_| NumberError::Syntax),
        _ => return Err(NumberError::Syntax),
    };
    if f64::is_infinite(value) { Err(NumberError::Range) } else { Ok(value) }
}

/// The part after `0x`: hexadecimal digits with an optional point, and an exponent of two that must be there.
fn parse_hexadecimal(text: &str) -> Result<f64, NumberError> {
    let (digits, exponent) = text.split_once(['p', 'P']).ok_or(NumberError::Syntax)?;
    let exponent_digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    if exponent_digits.is_empty() || !exponent_digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(NumberError::Syntax);
    }
    // A very long exponent need not be right, only far out.
    let mut scale = exponent.parse::<i32>().unwrap_or(if exponent.starts_with('-') { -100_000 } else { 100_000 });
    scale = scale.clamp(-100_000, 100_000);

    let (mut mantissa, mut seen_digit, mut seen_point) = (0u64, false, false);
    for character in digits.chars() {
        if character == '.' && !seen_point {
            seen_point = true;
            continue;
        }
        let digit = u64::from(character.to_digit(16).ok_or(NumberError::Syntax)?);
        seen_digit = true;
        if mantissa < 1 << 59 {
            mantissa = mantissa << 4 | digit;
            scale -= if seen_point { 4 } else { 0 };
        } else {
            // Beyond 64 bits a digit only says whether the rest is exactly zero.
            mantissa |= u64::from(digit != 0);
            scale += if seen_point { 0 } else { 4 };
        }
    }
    if seen_digit { Ok(libm::scalbn(mantissa as f64, scale)) } else { Err(NumberError::Syntax) }
}

/// Underscores stand between digits, or between a base prefix and a digit.
fn underscores_are_between_digits(text: &str) -> bool {
    let mut text = text.strip_prefix(['+', '-']).unwrap_or(text).as_bytes();
    let (mut hexadecimal, mut after_digit, mut after_underscore) = (false, false, false);
    if let [b'0', base @ (b'b' | b'B' | b'o' | b'O' | b'x' | b'X'), rest @ ..] = text {
        (hexadecimal, after_digit) = (base.eq_ignore_ascii_case(&b'x'), true);
        text = rest;
    }
    for byte in text {
        let digit = byte.is_ascii_digit() || hexadecimal && byte.is_ascii_hexdigit();
        if (*byte == b'_' && !after_digit) || (after_underscore && !digit) {
            return false;
        }
        (after_digit, after_underscore) = (digit, *byte == b'_');
    }
    !after_underscore
}

/// Go's `fmt.Sprint` of a float: the shortest digits that read back as the same number, with an exponent where it is below −4
/// or above 5.
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
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
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
    fn floats_of_go() {
        let good = [
            ("1", 1.0),
            ("-.5", -0.5),
            ("1.e3", 1000.0),
            ("1_000.5", 1000.5),
            ("0x1p-2", 0.25),
            ("-0x1.8p1", -3.0),
            ("0x_ffp0", 255.0),
            ("0x123456789abcdef012p0", f64::from_bits(0x4432_3456_789a_bcdf)),
            ("+Inf", f64::INFINITY),
            ("-infinity", f64::NEG_INFINITY),
        ];
        for (text, value) in good {
            assert_eq!(parse_float(text), Ok(value), "{text}");
        }
        assert!(parse_float("NaN").unwrap().is_nan());
        for text in ["", "+", ".", "e5", "1e", "_1", "1_", "1__0", "0x1", "0xp1", "+nan", "1x", "infin"] {
            assert_eq!(parse_float(text), Err(NumberError::Syntax), "{text}");
        }
        assert_eq!(parse_float("1e999"), Err(NumberError::Range));
    }

    #[test]
    fn integers_of_go() {
        assert_eq!(parse_int("+7"), Ok(7));
        assert_eq!(parse_int("1.5"), Err(NumberError::Syntax));
        assert_eq!(parse_int("99999999999999999999"), Err(NumberError::Range));
    }

    #[test]
    fn printing() {
        let shortest_texts = [
            (0.0, "0"),
            (1.5e-7, "1.5e-07"),
            (0.0001, "0.0001"),
            (1e21, "1e+21"),
            (123_456.0, "123456"),
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
    }
}
