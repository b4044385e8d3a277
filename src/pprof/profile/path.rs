//! Paths as texts, with the rules of Go's path/filepath: a profile's paths belong to the machine that recorded it, not
//! this one.

/// The shortest equivalent path: no `//`, `.` or `x/..`.
pub fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            other => parts.push(other),
        }
    }
    match (rooted, parts.join("/")) {
        (true, joined) => format!("/{joined}"),
        (false, joined) if joined.is_empty() => ".".into(),
        (false, joined) => joined,
    }
}

/// The last element; `.` for the empty path, `/` for slashes only.
pub fn base(path: &str) -> &str {
    if path.is_empty() {
        return ".";
    }
    let path = path.trim_end_matches('/');
    if path.is_empty() { "/" } else { path.rsplit('/').next().unwrap_or(path) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned_as_gos() {
        let cases =
            [("a/./b//c/..", "a/b"), ("/../x", "/x"), ("../../a", "../../a"), ("", "."), ("/", "/"), ("a/../..", "..")];
        for (path, cleaned) in cases {
            assert_eq!(clean(path), cleaned);
        }
        assert_eq!(["a/b", "", "///", "a/"].map(base), ["b", ".", "/", "a"]);
    }
}
