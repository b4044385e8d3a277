//! The key that was probably meant.

/// All keys of the configuration.
pub const KNOWN: &[&str] = &[
    "budget",
    "program",
    "name",
    "target",
    "args",
    "stdin",
    "benchmarks",
    "tests",
    "allocs_per_op",
    "bytes_per_op",
    "ns_per_op",
    "peak_bytes",
    "retained_bytes_per_op",
    "max",
    "tolerance",
];

/// The known key that looks most like `key`; `None` if none does.
pub fn nearest(key: &str) -> Option<&'static str> {
    let alike = |known: &str| strsim::jaro_winkler(&key.to_lowercase().replace('-', "_"), known);
    let best = KNOWN.iter().copied().max_by(|a, b| alike(a).total_cmp(&alike(b)))?;
    (alike(best) > 0.75).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_none_is_none() {
        assert_eq!(nearest("Allocs-Per-Op"), Some("allocs_per_op"));
        assert_eq!(nearest("bench"), Some("benchmarks"));
        assert_eq!(nearest("zzz"), None);
    }
}
