//! The changes since a baseline: sites that came, went, grew or shrank, from two memory profiles.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::pprof::profile::Profile;
use crate::results::sites::sites;

/// A function of the user's that allocates more or less than it did, per operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    pub function: String,
    /// Where it allocates most: today, or then if it allocates no more.
    pub file: String,
    pub line: u32,
    pub was_allocs_per_op: f64,
    pub allocs_per_op: f64,
    pub was_bytes_per_op: f64,
    pub bytes_per_op: f64,
}

/// Sums of quotients differ in their last digits.
const DUST: f64 = 1e-6;

/// The functions that changed, the largest change first. Each profile comes with its iterations and the folder of its
/// sources.
pub fn diff(was: (&Profile, u64, &Path), now: (&Profile, u64, &Path)) -> Vec<Change> {
    let mut changes: BTreeMap<String, Change> = BTreeMap::new();
    let sides = [sites(was.0, was.2, was.1), sites(now.0, now.2, now.1)];
    for (is_now, side) in [false, true].into_iter().zip(sides) {
        // Largest first: a function's first line is its largest.
        for site in side {
            let change = changes.entry(site.function.clone()).or_insert_with(|| Change {
                function: site.function.clone(),
                file: site.file.clone(),
                line: site.line,
                was_allocs_per_op: 0.0,
                allocs_per_op: 0.0,
                was_bytes_per_op: 0.0,
                bytes_per_op: 0.0,
            });
            if is_now {
                if change.allocs_per_op == 0.0 {
                    (change.file, change.line) = (site.file, site.line);
                }
                change.allocs_per_op += site.allocs_per_op;
                change.bytes_per_op += site.bytes_per_op;
            } else {
                change.was_allocs_per_op += site.allocs_per_op;
                change.was_bytes_per_op += site.bytes_per_op;
            }
        }
    }
    let moved = |change: &Change| {
        let bytes = (change.bytes_per_op - change.was_bytes_per_op).abs();
        (bytes, (change.allocs_per_op - change.was_allocs_per_op).abs())
    };
    let mut changes: Vec<Change> = changes.into_values().collect();
    changes.retain(|change| moved(change).0 > DUST || moved(change).1 > DUST);
    changes.sort_by(|a, b| {
        let ((a_bytes, a_allocs), (b_bytes, b_allocs)) = (moved(a), moved(b));
        b_bytes.total_cmp(&a_bytes).then(b_allocs.total_cmp(&a_allocs))
    });
    changes
}

impl Change {
    /// `came`, `went`, `grew` or `shrank`: by the bytes, by the calls where those are as before.
    pub fn kind(&self) -> &'static str {
        let bytes = self.bytes_per_op - self.was_bytes_per_op;
        let change = if bytes.abs() > DUST { bytes } else { self.allocs_per_op - self.was_allocs_per_op };
        if self.was_allocs_per_op == 0.0 {
            "came"
        } else if self.allocs_per_op == 0.0 {
            "went"
        } else if change > 0.0 {
            "grew"
        } else {
            "shrank"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pprof::profile::{Builder, Line, ValueType};

    /// A profile of functions with their calls and bytes.
    fn profile(sites: &[(&str, i64, i64)]) -> Profile {
        let types = [ValueType::new("alloc_objects", "count"), ValueType::new("alloc_space", "bytes")];
        let mut builder = Builder::new(types.to_vec());
        for (number, (name, allocs, bytes)) in sites.iter().enumerate() {
            let function = builder.function(name, name, "/w/src/lib.rs", 1);
            let line = Line { function, line: number as i64 + 1, column: 0 };
            let location = builder.location(None, number as u64 + 1, vec![line]);
            builder.sample(vec![location], vec![*allocs, *bytes], Vec::new());
        }
        builder.finish()
    }

    #[test]
    fn sites_come_go_grow_and_shrink_per_operation() {
        let was = profile(&[("went", 10, 80), ("same", 10, 80), ("grew", 10, 80), ("shrank", 20, 800)]);
        let now = profile(&[("same", 20, 160), ("grew", 40, 320), ("came", 20, 2000), ("shrank", 20, 800)]);
        let root = Path::new("/w");
        let changes = diff((&was, 10, root), (&now, 20, root));
        let text: Vec<String> = changes
            .iter()
            .map(|change| {
                format!("{} {} {}", change.kind(), change.function, change.bytes_per_op - change.was_bytes_per_op)
            })
            .collect();
        assert_eq!(text, ["came came 100", "shrank shrank -40", "grew grew 8", "went went -8"]);
        assert_eq!(diff((&was, 10, root), (&was, 10, root)), []);
    }

    #[test]
    fn the_word_goes_by_the_bytes() {
        let kind = |was: (i64, i64), now: (i64, i64), iterations: u64| {
            let (was, now) = (profile(&[("f", was.0, was.1)]), profile(&[("f", now.0, now.1)]));
            let changes = diff((&was, iterations, Path::new("/w")), (&now, iterations, Path::new("/w")));
            changes[0].kind()
        };
        assert_eq!(kind((5, 100), (1, 100_000), 1), "grew");
        assert_eq!(kind((1, 100_000), (5, 100), 1), "shrank");
        assert_eq!(kind((1, 100), (2, 100), 1), "grew");
        // Rounding in the calls says nothing.
        let mut change =
            diff((&profile(&[("f", 1, 8)]), 1, Path::new("/w")), (&profile(&[("f", 1, 4)]), 1, Path::new("/w")));
        change[0].allocs_per_op += 1e-16;
        assert_eq!(change[0].kind(), "shrank");
    }
}
