//! Escape sequences: sets such as `\d` and `\p{Greek}`, and characters.

use regex::Regex;

use super::Step;

/// A class that matches nothing.
pub(super) const NO_CHARACTER: &str = "[^\\x00-\\x{10FFFF}]";

/// A set such as `\d` or `\p{Greek}` at the start of `text`, written as the inside of a class, and its length.
pub(super) fn escaped_set(text: &str) -> Step<Option<(String, usize)>> {
    let set = match text.as_bytes() {
        [b'\\', b'd', ..] => "0-9",
        [b'\\', b'D', ..] => "^0-9",
        [b'\\', b'w', ..] => "0-9A-Za-z_",
        [b'\\', b'W', ..] => "^0-9A-Za-z_",
        [b'\\', b's', ..] => "\\t\\n\\f\\r ",
        [b'\\', b'S', ..] => "^\\t\\n\\f\\r ",
        [b'\\', b'p' | b'P', ..] => return unicode_set(text).map(Some),
        _ => return Ok(None),
    };
    Ok(Some((set.into(), 2)))
}

/// `\pN`, `\p{Greek}`, `\p{^Greek}` or their negations: general categories and scripts.
fn unicode_set(text: &str) -> Step<(String, usize)> {
    let (name, length) = match text[2..].chars().next() {
        Some('{') => text.find('}').map(|end| (&text[3..end], end + 1)),
        Some(letter) => Some((&text[2..2 + letter.len_utf8()], 2 + letter.len_utf8())),
        None => None,
    }
    .ok_or_else(|| format!("invalid character class range: `{text}`"))?;
    let mut is_negated = text.starts_with("\\P");
    let name = name.strip_prefix('^').inspect(|_| is_negated = !is_negated).unwrap_or(name);
    let canonical: String = name.to_ascii_lowercase().replace(['_', '-', ' '], "");
    let sign = if is_negated { 'P' } else { 'p' };
    // Surrogates are a category that texts cannot have, and that the crate does not know.
    if matches!(&*canonical, "cs" | "surrogate") {
        return Ok((if is_negated { "\\x00-\\x{10FFFF}" } else { "^\\x00-\\x{10FFFF}" }.into(), length));
    }
    let candidates = match &*canonical {
        "any" | "ascii" | "assigned" => [format!("\\{sign}{{{canonical}}}"), String::new()],
        _ => ["gc", "sc"].map(|property| format!("\\{sign}{{{property}={canonical}}}")),
    };
    let is_plain = !canonical.is_empty() && canonical.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let known = candidates.into_iter().find(|set| is_plain && !set.is_empty() && Regex::new(set).is_ok());
    known.map(|set| (set, length)).ok_or_else(|| format!("invalid character class range: `{}`", &text[..length]))
}

/// The character that an escape at the start of `text` stands for, and its length.
pub(super) fn escaped_character(text: &str) -> Step<(u32, usize)> {
    let kind = text[1..].chars().next().ok_or("trailing backslash at end of expression: ``")?;
    let run = |from: usize, radix: u32, most: usize| {
        from + text[from..].chars().take(most).take_while(|digit| digit.is_digit(radix)).count()
    };
    let code = |from: usize, to: usize, radix: u32| u32::from_str_radix(&text[from..to], radix).ok();
    let found = match kind {
        'a' => Some((7, 2)),
        'f' => Some((12, 2)),
        'n' => Some((10, 2)),
        'r' => Some((13, 2)),
        't' => Some((9, 2)),
        'v' => Some((11, 2)),
        '0'..='7' => {
            let end = run(1, 8, 3);
            // A lone digit would be a reference to a group.
            if kind != '0' && end == 2 { None } else { code(1, end, 8).map(|code| (code, end)) }
        }
        'x' if text[2..].starts_with('{') => {
            let end = run(3, 16, usize::MAX);
            code(3, end, 16).filter(|_| text[end..].starts_with('}')).map(|code| (code, end + 1))
        }
        'x' => {
            let end = run(2, 16, 2);
            code(2, end, 16).filter(|_| end == 4).map(|code| (code, end))
        }
        _ if kind.is_ascii() && !kind.is_ascii_alphanumeric() => Some((kind.into(), 2)),
        _ => None,
    };
    found.filter(|(code, _)| *code <= char::MAX.into()).ok_or_else(|| format!("invalid escape sequence: `\\{kind}`"))
}

/// A character that stands for itself wherever it is; a surrogate is in no text.
pub(super) fn literal(code: u32) -> String {
    match char::from_u32(code) {
        Some(character) if character.is_ascii_alphanumeric() => character.into(),
        Some(_) => format!("\\x{{{code:x}}}"),
        None => NO_CHARACTER.into(),
    }
}

/// Appends a range of a class; it cannot end at surrogates.
pub(super) fn push_range(class: &mut String, low: u32, high: u32) {
    let is_surrogate = |code: u32| char::from_u32(code).is_none();
    let (low, high) = (if is_surrogate(low) { 0xe000 } else { low }, if is_surrogate(high) { 0xd7ff } else { high });
    if low <= high {
        class.push_str(&format!("{}-{}", literal(low), literal(high)));
    }
}
