//! Where in a TOML text something is, in the notation of compilers.

use toml::de::{DeTable, DeValue};

/// `FILE:LINE:COLUMN: message`, on one line.
pub fn describe(file: &str, text: &str, error: &toml::de::Error) -> String {
    let message = error.message().lines().collect::<Vec<_>>().join(", ");
    let Some((line, column)) = error.span().and_then(|span| line_and_column(text, span.start)) else {
        return format!("{file}: {message}");
    };
    format!("{file}:{line}:{column}: {message}")
}

/// Line and column, from 1, of the key with this path: `budget.0.max` is the key `max` of the first `[[budget]]`.
pub fn place_of(text: &str, path: &str) -> Option<(usize, usize)> {
    let document = DeTable::parse(text).ok()?;
    let mut parts = path.split('.');
    let (mut key, mut value) = document.get_ref().get_key_value(parts.next()?)?;
    for part in parts {
        match value.get_ref() {
            DeValue::Table(table) => (key, value) = table.get_key_value(part)?,
            DeValue::Array(array) => value = array.get(part.parse::<usize>().ok()?)?,
            _ => return None,
        }
    }
    line_and_column(text, key.span().start)
}

fn line_and_column(text: &str, at: usize) -> Option<(usize, usize)> {
    let before = text.get(..at)?;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Some((before.matches('\n').count() + 1, column))
}
