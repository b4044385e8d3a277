//! Quoted strings in Go's syntax: words of the expressions may be quoted, and messages quote the text they complain
//! about.

use std::fmt::Write;

/// The text of a double-quoted Go string, quotes included; None if it has an escape that Go does not know.
///
/// Bytes that do not make up UTF-8 (`\xff`) become U+FFFD.
pub fn unquote(literal: &str) -> Option<String> {
    let inner = literal.strip_prefix('"')?.strip_suffix('"')?;
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner.chars();
    while let Some(character) = rest.next() {
        match character {
            '"' | '\n' => return None,
            '\\' => unescape(&mut rest, &mut bytes)?,
            _ => bytes.extend(character.encode_utf8(&mut [0; 4]).bytes()),
        }
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Reads the escape after a backslash.
fn unescape(rest: &mut std::str::Chars<'_>, bytes: &mut Vec<u8>) -> Option<()> {
    let byte = match rest.next()? {
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 11,
        '\\' => b'\\',
        '"' => b'"',
        'x' => digits(rest, 2, 16, 0)? as u8,
        first @ '0'..='7' => u8::try_from(digits(rest, 2, 8, first.to_digit(8)?)?).ok()?,
        kind @ ('u' | 'U') => {
            let code = digits(rest, if kind == 'u' { 4 } else { 8 }, 16, 0)?;
            bytes.extend(char::from_u32(code)?.encode_utf8(&mut [0; 4]).bytes());
            return Some(());
        }
        _ => return None,
    };
    bytes.push(byte);
    Some(())
}

/// Reads exactly `count` digits, which follow those already in `value`.
fn digits(rest: &mut std::str::Chars<'_>, count: usize, radix: u32, value: u32) -> Option<u32> {
    (0..count).try_fold(value, |value, _| value.checked_mul(radix)?.checked_add(rest.next()?.to_digit(radix)?))
}

/// `text` as a double-quoted Go string.
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        // Writing to a String never fails.
        let _ = match character {
            '"' | '\\' => write!(quoted, "\\{character}"),
            '\x07' => write!(quoted, "\\a"),
            '\x08' => write!(quoted, "\\b"),
            '\x0c' => write!(quoted, "\\f"),
            '\n' => write!(quoted, "\\n"),
            '\r' => write!(quoted, "\\r"),
            '\t' => write!(quoted, "\\t"),
            '\x0b' => write!(quoted, "\\v"),
            ' ' => write!(quoted, " "),
            _ if is_graphic(character) && !character.is_whitespace() => write!(quoted, "{character}"),
            _ if character < '\u{80}' => write!(quoted, "\\x{:02x}", u32::from(character)),
            _ if character <= '\u{ffff}' => write!(quoted, "\\u{:04x}", u32::from(character)),
            _ => write!(quoted, "\\U{:08x}", u32::from(character)),
        };
    }
    quoted.push('"');
    quoted
}

/// Whether a character is visible, close enough to Go's `unicode.IsGraphic`: no control and format characters, no line
/// separators, no private use.
pub fn is_graphic(character: char) -> bool {
    let format = matches!(character,
        '\u{ad}' | '\u{600}'..='\u{605}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{e000}'..='\u{f8ff}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{10ffff}');
    !character.is_control() && !format
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes() {
        assert_eq!(unquote(r#""a\t\"\\\x41\101\u00e9\U0001F600""#).unwrap(), "a\t\"\\AAé😀");
        assert_eq!(unquote(r#""\xff""#).unwrap(), "\u{fffd}");
        for wrong in [r#""\q""#, r#""\'""#, r#""\x4""#, r#""\777""#, r#""\ud800""#, "\"\n\"", "a"] {
            assert_eq!(unquote(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn quoting() {
        assert_eq!(quote("a\"b\\c\n\u{1}é\u{200b}"), r#""a\"b\\c\n\x01é\u200b""#);
    }
}
