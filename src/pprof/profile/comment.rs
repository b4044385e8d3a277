//! Facts that our profiles carry in comments.
//!
//! profile.proto has no field for the number of iterations that a profile was recorded over, and other tools would
//! drop a header field of our own. They all keep comments.

use super::model::Profile;

/// The comment that carries the number of iterations is this text and a decimal number: `memprof: iterations=1000`.
pub const ITERATIONS: &str = "memprof: iterations=";

/// The number of iterations of the benchmark that the profile was recorded over, from [`ITERATIONS`]. `None` if no
/// comment has it, or if it is 0. With several such comments (a merged profile) it is their sum.
pub fn iterations(profile: &Profile) -> Option<u64> {
    let counts = profile
        .comments
        .iter()
        .filter_map(|comment| comment.trim_start_matches("# ").strip_prefix(ITERATIONS)?.trim().parse().ok());
    let sum = counts.fold(0u64, |sum, count: u64| sum.saturating_add(count));
    (sum > 0).then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iterations_are_read_from_the_comment() {
        let with = |comments: &[&str]| Profile {
            comments: comments.iter().map(|text| (*text).into()).collect(),
            ..Profile::default()
        };
        assert_eq!(iterations(&with(&["hello", "memprof: iterations=1000"])), Some(1000));
        assert_eq!(iterations(&with(&["memprof: iterations=0"])), None);
        assert_eq!(iterations(&with(&["memprof: iterations=many"])), None);
        assert_eq!(iterations(&with(&[])), None);
    }
}
