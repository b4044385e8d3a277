//! Names of benchmarks: the full one, the shortest that is unambiguous, and the one that is a safe path.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;

use super::lines::Finished;

/// For each of `names` the shortest suffix, cut at slashes, that none of the others ends with. `ids` are the harness's own
/// parts, which stay whole.
pub fn shortest(names: &[&str], ids: &[&str]) -> Vec<String> {
    let mut ends: HashMap<String, usize> = HashMap::new();
    let suffixes = |name: &str| -> Vec<String> {
        let starts = std::iter::once(0).chain(name.match_indices('/').map(|(at, _)| at + 1));
        starts.map(|at| name[at..].to_owned()).collect()
    };
    let mut seen = HashSet::new();
    for name in names.iter().filter(|name| seen.insert(**name)) {
        for suffix in suffixes(name) {
            *ends.entry(suffix).or_default() += 1;
        }
    }
    let short = |(name, id): (&&str, &&str)| {
        let unambiguous = suffixes(name).into_iter().rev().find(|end| end.len() >= id.len() && ends[end] == 1);
        unambiguous.unwrap_or_else(|| (*name).to_owned())
    };
    names.iter().zip(ids).map(short).collect()
}

/// The same of the benchmarks of a run, by full name.
pub fn shortest_of(rows: &[Finished]) -> HashMap<String, String> {
    let full: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    let ids: Vec<&str> = rows.iter().map(Finished::least_name).collect();
    rows.iter().map(|row| row.name.clone()).zip(shortest(&full, &ids)).collect()
}

/// `text` in its shown form: an escape replaces characters that would break a line or a column, or turn the direction
/// of the text.
pub fn one_line(text: &str) -> Cow<'_, str> {
    let breaks = |c: char| {
        c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
    };
    if !text.contains(breaks) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|c| if breaks(c) { c.escape_default().to_string() } else { c.to_string() }).collect())
}

/// Those of `names` that end in `wanted`, at a slash; the name itself alone if it is one.
pub fn find<'a>(names: &[&'a str], wanted: &str) -> Vec<&'a str> {
    if let Some(name) = names.iter().find(|name| **name == wanted) {
        return vec![name];
    }
    let ends = |name: &&&str| name.strip_suffix(wanted).is_some_and(|rest| rest.ends_with('/'));
    names.iter().filter(ends).copied().collect()
}

/// Names for ids in their order, each with how many before it are the same: a number tells these apart, but none that is
/// another id's own text.
pub fn numbered<'a>(ids: impl Iterator<Item = (&'a str, u32)> + Clone) -> Vec<String> {
    let own = ids.clone().filter(|(_, before)| *before == 0).map(|(id, _)| id.to_owned());
    let mut used: HashSet<String> = own.collect();
    let name = |(id, before): (&str, u32)| match before {
        0 => Some(id.to_owned()),
        _ => (before..).map(|number| format!("{id}#{number:02}")).find(|name| used.insert(name.clone())),
    };
    ids.filter_map(name).collect()
}

/// An id in the bench's form: if several benchmarks have one id, all but the first have a number behind it, `#01`.
pub fn without_occurrence(id: &str) -> &str {
    let number =
        id.rsplit_once('#').filter(|(_, digits)| digits.len() >= 2 && digits.bytes().all(|b| b.is_ascii_digit()));
    number.map_or(id, |(id, _)| id)
}

/// The longest part of a path that every file system takes, with room for a hash.
const LONGEST_PART: usize = 120;

/// A relative path for `name`: its parts, with all characters replaced that are not safe in a path. A changed part
/// carries a hash, so that no two names share a path.
pub fn safe_path(name: &str) -> PathBuf {
    name.split('/').map(safe_part).collect()
}

fn safe_part(part: &str) -> String {
    let plain =
        |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '+' | '=' | ',' | '@' | '(' | ')' | '[' | ']');
    let mut safe: String = part.chars().map(|c| if plain(c) { c } else { '_' }).collect();
    let mut end = safe.len().min(LONGEST_PART);
    while !safe.is_char_boundary(end) {
        end -= 1;
    }
    safe.truncate(end);
    // A profile may lie where another benchmark's folder would.
    let is_profile = [".prof", ".json"].iter().any(|end| safe.ends_with(end));
    if is_profile || safe != part || safe.is_empty() || safe.starts_with('.') || safe.ends_with('.') {
        let mut hasher = DefaultHasher::new();
        part.hash(&mut hasher);
        let trimmed = safe.trim_matches('.');
        return format!("{}~{:08x}", if trimmed.is_empty() { "_" } else { trimmed }, hasher.finish() as u32);
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_unambiguous_name() {
        let names = ["p/a/g/x", "p/b/g/x", "p/a/g/y"];
        assert_eq!(shortest(&names, &["g/x", "g/x", "g/y"]), ["a/g/x", "b/g/x", "g/y"]);
        // A measurement repeated has one name.
        assert_eq!(shortest(&["p/a/x", "p/a/x"], &["x", "x"]), ["x", "x"]);
        // One id is the end of another.
        assert_eq!(shortest(&["p/a/x", "p/a/g/x"], &["x", "g/x"]), ["a/x", "g/x"]);
    }

    #[test]
    fn of_benchmarks_with_one_id() {
        let ids = [("a", 0), ("a", 1), ("a#01", 0), ("a", 2), ("a#01", 1), ("b", 0)];
        assert_eq!(numbered(ids.into_iter()), ["a", "a#02", "a#01", "a#03", "a#01#01", "b"]);
        assert_eq!(["a/b#01", "a#b", "a#1", "#12"].map(without_occurrence), ["a/b", "a#b", "a#1", ""]);
    }

    #[test]
    fn a_name_keeps_its_line_and_its_direction() {
        assert_eq!(one_line("a\tb\n\u{1b}[1m\u{202e}ü…"), "a\\tb\\n\\u{1b}[1m\\u{202e}ü…");
    }

    #[test]
    fn a_suffix_finds_its_benchmarks() {
        let names = ["p/a/g/x", "p/b/g/x", "p/a/gg/x"];
        assert_eq!(find(&names, "a/g/x"), ["p/a/g/x"]);
        assert_eq!(find(&names, "g/x"), ["p/a/g/x", "p/b/g/x"]);
        assert_eq!(find(&names, "p/b/g/x"), ["p/b/g/x"]);
    }

    #[test]
    fn a_benchmark_called_like_a_profile_has_a_folder_of_its_own() {
        assert_ne!(safe_path("x/mem.prof"), PathBuf::from("x/mem.prof"));
    }

    #[test]
    fn paths_stay_inside_and_apart() {
        assert_eq!(safe_path("p/pool/buffer_write/pooled"), PathBuf::from("p/pool/buffer_write/pooled"));
        let odd =
            ["..", ".", "", "a b", "a_b", "a:b", "…", &"x".repeat(300), &"x".repeat(301), "ü", "../../etc/passwd"];
        let paths: std::collections::HashSet<_> = odd.iter().map(|name| safe_path(name)).collect();
        assert_eq!(paths.len(), odd.len());
        for path in paths {
            assert!(path.components().all(|part| matches!(part, std::path::Component::Normal(_))), "{path:?}");
        }
    }
}
