//! Chooses the benchmark of its group that each one is compared with: like with like.
//!
//! A group's rows are variants of one job, on one input or on several (its parameters). Variants are compared on equal
//! parameters only; if a group has parameters alone, the rows show how cost grows with them.

use std::collections::HashMap;

use super::lines::Finished;
use super::ratio::Ratio;

/// The reference of one row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Compared {
    /// Nothing.
    Alone,
    /// Others are compared with it.
    Reference,
    /// The row of this index, which has the same parameter.
    With(usize),
    /// The row before it, whose parameter is another; the quotient of the two parameters, if both are numbers.
    Grown { from: usize, factor: Option<f64> },
}

/// The reference of each row. `against` names the variant that the others are compared to, the group's first if `None`.
pub fn compared(rows: &[Finished], against: Option<&str>) -> Vec<Compared> {
    let mut groups: HashMap<[&str; 3], Vec<usize>> = HashMap::new();
    for (index, row) in rows.iter().enumerate().filter(|(_, row)| !row.group.is_empty()) {
        groups.entry([&row.package, &row.target, &row.group]).or_default().push(index);
    }
    let mut all = vec![Compared::Alone; rows.len()];
    for members in groups.into_values() {
        compare_members(rows, &members, against, &mut all);
    }
    all
}

fn compare_members(rows: &[Finished], members: &[usize], against: Option<&str>, all: &mut [Compared]) {
    let reference = |&&at: &&usize| against.is_none_or(|variant| is_called(&rows[at], variant));
    let Some(&reference) = members.iter().find(reference) else { return };
    let parts: Vec<(&str, &str)> = members.iter().map(|&at| parts(&rows[at])).collect();
    if is_one_job(&parts) {
        all[members[0]] = Compared::Reference;
        for (member, part) in members.windows(2).zip(parts.windows(2)) {
            all[member[1]] = grown(member[0], part[0].1, part[1].1);
        }
        return;
    }
    let variant = self::parts(&rows[reference]).0;
    for (&member, &(_, parameter)) in members.iter().zip(&parts) {
        let like = parts.iter().position(|part| *part == (variant, parameter));
        all[member] = match like.map(|at| members[at]) {
            None => Compared::Alone,
            Some(like) if like == member => Compared::Reference,
            Some(like) => Compared::With(like),
        };
    }
}

/// Whether all rows are one variant, each with another parameter than the first.
fn is_one_job(parts: &[(&str, &str)]) -> bool {
    let [(variant, first), others @ ..] = parts else { return false };
    let differ = others.iter().all(|(other, parameter)| other == variant && parameter != first);
    differ && !others.is_empty() && !first.is_empty()
}

/// A step from one parameter to the next. If an id has several (`10::t=4`), the last is the one that may change.
fn grown(from: usize, before: &str, now: &str) -> Compared {
    let ((series, before), (same, now)) = (split(before), split(now));
    if series != same {
        return Compared::Reference;
    }
    let factor = magnitude(before).zip(magnitude(now)).map(|(before, now)| now / before);
    Compared::Grown { from, factor: factor.filter(|factor| factor.is_finite()) }
}

fn split(parameter: &str) -> (&str, &str) {
    parameter.rsplit_once('=').unwrap_or(("", parameter))
}

/// Whether `--against` may mean it.
fn is_called(row: &Finished, variant: &str) -> bool {
    parts(row).0 == variant
        || row.id == variant
        || row.id.strip_suffix(variant).is_some_and(|rest| rest.ends_with(['/', ':']))
}

/// Whether any row of `rows` is what `--against` names.
pub fn has_variant(rows: &[Finished], variant: &str) -> bool {
    rows.iter().any(|row| !row.group.is_empty() && is_called(row, variant))
}

/// The variant and the parameter of a row within its group.
pub fn parts(row: &Finished) -> (&str, &str) {
    let separators = ['/', ':'];
    let rest = row.id.strip_prefix(&row.group).unwrap_or(&row.id).trim_start_matches(separators);
    if let Some(variant) = row.parameter.as_deref().and_then(|parameter| rest.strip_suffix(parameter)) {
        let parameter = &rest[variant.len()..];
        // Names that are chosen for a parameter alone are variants; numbers are inputs.
        return if variant.is_empty() && !is_input(parameter) {
            (parameter, "")
        } else {
            (variant.trim_end_matches(separators), parameter)
        };
    }
    // A number at the end is an input, too, even if the harness does not call it one.
    let (variant, last) = rest.rsplit_once('/').unwrap_or(("", rest));
    if magnitude(last).is_some() { (variant, last) } else { (rest, "") }
}

fn is_input(parameter: &str) -> bool {
    parameter.starts_with(|c: char| c.is_ascii_digit()) || parameter.contains('=')
}

/// `64`, `1_000`, `4KiB` as numbers.
pub fn magnitude(parameter: &str) -> Option<f64> {
    let text = parameter.replace(['_', ','], "");
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 = text[..end].parse().ok()?;
    let unit = text[end..].trim();
    let unit = unit.strip_suffix(['B', 'b']).unwrap_or(unit);
    let power = match unit.strip_suffix('i').unwrap_or(unit) {
        "" => 0,
        "k" | "K" => 1,
        "M" => 2,
        "G" => 3,
        _ => return None,
    };
    Some(number * if unit.ends_with('i') { 1024f64 } else { 1000f64 }.powi(power))
}

/// The time of `row` relative to `from`: by the measured pairs, if these two were paired; `baseline` is the run that
/// `from` is from, if not the same run.
pub fn time_ratio(from: &Finished, row: &Finished, baseline: Option<&str>) -> Option<Ratio> {
    let measured = row.vs.as_ref().filter(|vs| vs.name == from.name && vs.baseline.as_deref() == baseline);
    measured.map_or_else(|| Ratio::unpaired(&from.time, &row.time), |vs| Some(vs.ratio))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of one group by their ids.
    fn rows(group: &str, ids: &[&str]) -> Vec<Finished> {
        let row = |id: &&str| {
            let mut row = crate::results::sample::finished(&format!("p/t/{id}"), 1.0, 8.0, true);
            row.group = group.to_owned();
            row
        };
        ids.iter().map(row).collect()
    }

    #[test]
    fn variants_are_compared_on_equal_parameters() {
        let rows = rows("g", &["g/slow/64", "g/fast/64", "g/slow/4096", "g/fast/4096", "g/fast/7"]);
        let expected = [
            Compared::Reference,
            Compared::With(0),
            Compared::Reference,
            Compared::With(2),
            // The first variant has no such row.
            Compared::Alone,
        ];
        assert_eq!(compared(&rows, None), expected);
        let against = compared(&rows, Some("fast"));
        assert_eq!(against[..2], [Compared::With(1), Compared::Reference]);
        assert_eq!(compared(&rows, Some("none")), [Compared::Alone; 5]);
        assert!(has_variant(&rows, "fast") && has_variant(&rows, "fast/64") && !has_variant(&rows, "none"));
    }

    #[test]
    fn parameters_alone_grow_from_row_to_row() {
        for ids in [["g/100", "g/5000", "g/10000"], ["g/f/100", "g/f/5000", "g/f/10000"]] {
            let grown = [(0, 50.0), (1, 2.0)].map(|(from, by)| Compared::Grown { from, factor: Some(by) });
            let rows = rows("g", &ids);
            for against in [None, Some(ids[1].trim_start_matches("g/"))] {
                assert_eq!(compared(&rows, against), [Compared::Reference, grown[0], grown[1]]);
            }
        }
    }

    #[test]
    fn names_are_variants_wherever_they_stand() {
        let mut named = rows("g", &["g/first", "g/second", "g/first"]);
        named[2].name.push_str("#01");
        assert_eq!(compared(&named, None), [Compared::Reference, Compared::With(0), Compared::With(0)]);
        named.iter_mut().for_each(|row| row.parameter = row.id.strip_prefix("g/").map(str::to_owned));
        assert_eq!(compared(&named, None), [Compared::Reference, Compared::With(0), Compared::With(0)]);
        // If the function is named, too, the parameter is the harness's.
        let mut both = rows("a/b", &["a/b/f/x/y", "a/b/g/x/y", "a/b/f/z", "a/b/g/z"]);
        for (row, parameter) in both.iter_mut().zip(["x/y", "x/y", "z", "z"]) {
            row.parameter = Some(parameter.to_owned());
        }
        let expected = [Compared::Reference, Compared::With(0), Compared::Reference, Compared::With(2)];
        assert_eq!(compared(&both, None), expected);
    }

    /// divan's arguments and numbers of threads.
    #[test]
    fn several_parameters_in_one_are_not_divided() {
        let mut rows = rows("f", &["f::10::t=1", "f::10::t=4", "f::99::t=1", "f::99::t=4"]);
        rows.iter_mut().for_each(|row| row.parameter = row.id.strip_prefix("f::").map(str::to_owned));
        let grown = |from| Compared::Grown { from, factor: Some(4.0) };
        assert_eq!(compared(&rows, None), [Compared::Reference, grown(0), Compared::Reference, grown(2)]);
    }

    #[test]
    fn numbers_with_their_units() {
        for (text, value) in [("64", 64.0), ("1_000", 1000.0), ("4KiB", 4096.0), ("2M", 2e6), ("1.5k", 1500.0)] {
            assert_eq!(magnitude(text), Some(value), "{text}");
        }
        for text in ["", "x", "64x64", "10ms", "a=b", "."] {
            assert_eq!(magnitude(text), None, "{text}");
        }
    }
}
