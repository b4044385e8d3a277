//! Values as people type them, accepted and refused as Go's strconv does.

/// A boolean of the shell; nothing at all is true.
pub fn shell_bool(text: &str) -> Result<bool, String> {
    match text.to_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "1" | "" => Ok(true),
        "false" | "f" | "no" | "n" | "0" => Ok(false),
        _ => Err(format!("illegal value \"{text}\" for bool variable")),
    }
}

/// A boolean of the command line.
pub fn flag_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// A decimal number of the shell.
pub fn decimal(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| {
        let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
        let numeric = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        format!("strconv.Atoi: parsing {text:?}: {}", if numeric { "value out of range" } else { "invalid syntax" })
    })
}

pub fn float(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| format!("strconv.ParseFloat: parsing {text:?}: invalid syntax"))
}

/// A number of the command line: decimal, or with 0x, 0o, 0b or a leading 0; underscores between digits.
pub fn flag_int(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_lowercase();
    let (radix, digits) = match lower.get(..2) {
        Some("0x") => (16, &lower[2..]),
        Some("0o") => (8, &lower[2..]),
        Some("0b") => (2, &lower[2..]),
        _ if lower.len() > 1 && lower.starts_with('0') => (8, &lower[1..]),
        _ => (10, &lower[..]),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let value =
        i128::from_str_radix(&if digits.len() < lower.len() { digits.replace('_', "") } else { digits.into() }, radix)
            .ok()?;
    i64::try_from(if negative { -value } else { value }).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_flags() {
        assert_eq!(
            ["10", "0x10", "010", "-3", "+4", "0b11", "abc", "", "--3", "9223372036854775808"].map(flag_int),
            [Some(10), Some(16), Some(8), Some(-3), Some(4), Some(3), None, None, None, None]
        );
    }
}
