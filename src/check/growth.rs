//! Finds today's lines that allocate more than before: the first thing to look at when a check has failed.

use std::collections::{BTreeMap, BTreeSet};

use super::baseline::Entry;
use crate::results::check::PlacedSite;
use crate::results::metric::Metric;
use crate::results::sites::{LISTED, Site};

/// A smaller difference is rounding in the last digits, which the baseline does not keep.
const DUST: f64 = 2e-6;

/// Today's lines that account for a growth of `total` in `metric`, the function that grew most first, at most `most` lines.
///
/// With a mem.prof of the baseline these are the lines that changed. The committed baseline has the largest functions
/// only, so all lines of a function that grew are named; a function that it does not name may be new or may have been
/// too small to be listed, and counts as new if nothing else accounts for the growth.
pub fn growth(today: &[PlacedSite], was: &Entry, metric: Metric, total: f64, most: usize) -> Vec<PlacedSite> {
    let of_line: fn(&PlacedSite) -> f64 = match metric {
        Metric::AllocsPerOp => |site| site.allocs_per_op,
        Metric::BytesPerOp => |site| site.bytes_per_op,
        _ => return Vec::new(),
    };
    let now = sums(today, of_line);
    let before = Before::new(was, metric, of_line);
    let mut grown: Vec<(&str, f64)> =
        now.iter().map(|(function, value)| (*function, value - before.at_most(function))).collect();
    grown.retain(|(_, more)| *more > DUST);
    grown.sort_by(|a, b| b.1.total_cmp(&a.1));
    let rest = total - grown.iter().map(|(_, more)| more).sum::<f64>();
    if rest > DUST {
        let certain: BTreeSet<&str> = grown.iter().map(|(function, _)| *function).collect();
        let is_unlisted = |function: &str| !certain.contains(function) && !before.functions.contains_key(function);
        let mut unlisted: Vec<(&str, f64)> =
            now.into_iter().filter(|(function, value)| *value > DUST && is_unlisted(function)).collect();
        // A new function is most likely as large as the unexplained growth.
        unlisted.sort_by(|a, b| (a.1 - rest).abs().total_cmp(&(b.1 - rest).abs()));
        grown.extend(unlisted);
    }
    let lines = grown.iter().flat_map(|(function, _)| {
        let mut lines = changed_lines(&of_function(today, function), &of_function(&was.lines, function));
        lines.retain(|line| of_line(line) > 0.0);
        lines.sort_by(|a, b| of_line(b).total_cmp(&of_line(a)).then(a.line.cmp(&b.line)));
        lines
    });
    lines.take(most).cloned().collect()
}

/// The functions' allocations when the baseline was taken.
struct Before<'a> {
    functions: BTreeMap<&'a str, f64>,
    /// The upper bound for a function that is not named.
    unnamed: f64,
}

impl<'a> Before<'a> {
    fn new(entry: &'a Entry, metric: Metric, of_line: fn(&PlacedSite) -> f64) -> Before<'a> {
        if !entry.lines.is_empty() {
            return Before { functions: sums(&entry.lines, of_line), unnamed: 0.0 };
        }
        let of_site = |site: &Site| if metric == Metric::AllocsPerOp { site.allocs_per_op } else { site.bytes_per_op };
        let functions: BTreeMap<&str, f64> =
            entry.sites.iter().map(|site| (site.function.as_str(), of_site(site))).collect();
        let mut values: Vec<f64> = functions.values().copied().collect();
        values.sort_by(|a, b| b.total_cmp(a));
        // If there are fewer than fit in the list, these are all.
        let unnamed = values.get(LISTED - 1).copied().unwrap_or(0.0);
        Before { functions, unnamed }
    }

    fn at_most(&self, function: &str) -> f64 {
        self.functions.get(function).copied().unwrap_or(self.unnamed)
    }
}

fn sums(sites: &[PlacedSite], value: fn(&PlacedSite) -> f64) -> BTreeMap<&str, f64> {
    let mut sums = BTreeMap::new();
    for site in sites {
        *sums.entry(site.function.as_str()).or_default() += value(site);
    }
    sums
}

/// By line.
fn of_function<'a>(sites: &'a [PlacedSite], function: &str) -> Vec<&'a PlacedSite> {
    let mut lines: Vec<&PlacedSite> = sites.iter().filter(|site| site.function == function).collect();
    lines.sort_by_key(|site| site.line);
    lines
}

/// Those lines of `today` that have no equal among `before`. Edits move lines, so equal ones are those that allocate
/// the same in the same order; if there are several ways to match them, the one with most lines that moved like the
/// first, then with most that moved down (an edit that allocates more adds lines).
fn changed_lines<'a>(today: &[&'a PlacedSite], before: &[&'a PlacedSite]) -> Vec<&'a PlacedSite> {
    let (n, m) = (today.len(), before.len());
    let moved = |now: &PlacedSite, was: &PlacedSite| i64::from(now.line) - i64::from(was.line);
    let first = today.first().zip(before.first()).map_or(0, |(now, was)| moved(now, was));
    let weight = |now: &PlacedSite, was: &PlacedSite| {
        let same = |a: f64, b: f64| (a - b).abs() <= DUST;
        let equal = same(now.allocs_per_op, was.allocs_per_op) && same(now.bytes_per_op, was.bytes_per_op);
        let by = moved(now, was);
        equal.then(|| 1_000_000 + if by == first { 2 } else { u64::from(by > first) })
    };
    // The longest common subsequence, by what the ends of both weigh.
    let mut best = vec![vec![0; m + 1]; n + 1];
    for i in (0..n).rev() {
        for j in (0..m).rev() {
            let together = weight(today[i], before[j]).map_or(0, |weight| weight + best[i + 1][j + 1]);
            best[i][j] = together.max(best[i + 1][j]).max(best[i][j + 1]);
        }
    }
    let (mut changed, mut j) = (Vec::new(), 0);
    for (i, now) in today.iter().enumerate() {
        while j < m && best[i][j] == best[i][j + 1] {
            j += 1;
        }
        let matched = j < m && weight(now, before[j]).is_some_and(|weight| weight + best[i + 1][j + 1] == best[i][j]);
        if matched {
            j += 1;
        } else {
            changed.push(*now);
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::super::amount::Amount;
    use super::*;
    use crate::results::sites::by_function;

    fn placed(function: &str, line: u32, allocs: f64) -> PlacedSite {
        let file = "/w/src/lib.rs".to_owned();
        PlacedSite { function: function.to_owned(), file, line, allocs_per_op: allocs, bytes_per_op: 8.0 * allocs }
    }

    fn entry(lines: &[PlacedSite], with_lines: bool) -> Entry {
        Entry {
            iterations: 1,
            allocs_per_op: Amount::exact(0.0),
            bytes_per_op: Amount::exact(0.0),
            ns_per_op: None,
            peak_bytes: None,
            retained_bytes_per_op: None,
            sites: by_function(lines),
            lines: if with_lines { lines.to_vec() } else { Vec::new() },
        }
    }

    fn grown(today: &[PlacedSite], was: &Entry, total: f64) -> Vec<String> {
        let sites = growth(today, was, Metric::AllocsPerOp, total, 4);
        sites.iter().map(|site| format!("{} {} {}", site.function, site.line, site.allocs_per_op)).collect()
    }

    #[test]
    fn only_functions_that_grew_are_named() {
        let before = [placed("a", 1, 1.0), placed("b", 2, 2.0)];
        let today = [placed("a", 7, 1.0), placed("b", 5, 2.0), placed("b", 8, 1.0), placed("new", 3, 4.0)];
        assert_eq!(grown(&today, &entry(&before, false), 5.0), ["new 3 4", "b 5 2", "b 8 1"]);
    }

    #[test]
    fn with_a_profile_only_the_lines_that_changed_are() {
        let before = [placed("b", 2, 2.0), placed("b", 4, 1.0), placed("b", 5, 1.0)];
        // Everything moved down by ten lines, and one came in between.
        let today = [placed("b", 12, 2.0), placed("b", 14, 1.0), placed("b", 15, 1.0), placed("b", 16, 1.0)];
        assert_eq!(grown(&today, &entry(&before, true), 1.0), ["b 16 1"]);
        let today = [placed("b", 2, 2.0), placed("b", 4, 1.0), placed("b", 5, 3.0)];
        assert_eq!(grown(&today, &entry(&before, true), 2.0), ["b 5 3"]);
        assert_eq!(grown(&today, &entry(&before, false), 2.0), ["b 5 3", "b 2 2", "b 4 1"]);
    }

    /// One line was added between two that allocate as much as it does.
    #[test]
    fn a_line_between_equal_ones() {
        let today = [placed("b", 2, 1.0), placed("b", 3, 1.0), placed("b", 5, 1.0)];
        assert_eq!(grown(&today, &entry(&[placed("b", 2, 1.0), placed("b", 4, 1.0)], true), 1.0), ["b 3 1"]);
    }

    #[test]
    fn what_was_too_small_to_be_listed_is_named_only_where_nothing_else_grew() {
        let mut before: Vec<_> = (0..8).map(|i| placed(&format!("f{i}"), i, 10.0 - f64::from(i))).collect();
        let was = entry(&before, false);
        before[0].allocs_per_op += 1.0;
        assert_eq!(grown(&before, &was, 1.0), ["f0 0 11"]);
        before[0].allocs_per_op -= 1.0;
        before.push(placed("new", 9, 2.0));
        // It could be any of those that were not listed.
        assert_eq!(grown(&before, &was, 2.0), ["new 9 2", "f7 7 3", "f6 6 4", "f5 5 5"]);
        before[8] = placed("new", 9, 20.0);
        assert_eq!(grown(&before, &was, 20.0)[0], "new 9 20");
    }
}
