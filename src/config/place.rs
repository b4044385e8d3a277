//! Where in a TOML text an error is, as compilers say it.

/// `FILE:LINE:COLUMN: message`, on one line.
pub fn describe(file: &str, text: &str, error: &toml::de::Error) -> String {
    let message = error.message().lines().collect::<Vec<_>>().join(", ");
    let Some(at) = error.span().and_then(|span| text.get(..span.start)) else { return format!("{file}: {message}") };
    let line = at.matches('\n').count() + 1;
    let column = at.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("{file}:{line}:{column}: {message}")
}
