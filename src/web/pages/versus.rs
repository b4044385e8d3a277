//! Compares each row, and tells which differences are certain, exactly as in the terminal's table.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::contents::{Report, profile_path};
use crate::results::check::PlacedSite;
use crate::results::groups::{self, Compared};
use crate::results::lines::{Finished, are_apart};
use crate::results::notation::per_op;
use crate::results::sites::sites_where;
use crate::web::views::{Origin, origin};

/// `kind` is `baseline`, `variant`, `step` (the same with another parameter), `reference` (the row that others are
/// compared with) or `new` (the baseline does not have it); null if there is nothing to compare with.
pub fn versus(report: &Report, number: usize) -> Value {
    let row = &report.rows[number];
    if let Some(base) = &report.base {
        let Some(before) = report.base_row(&row.name) else {
            return json!({ "kind": "new", "site": largest_site(row) });
        };
        let mut versus = comparison("baseline", &base.label, before, row, Some(&base.label));
        versus["site"] = json!(changed_site(before, row));
        return versus;
    }
    let other = |kind, at: usize| comparison(kind, &report.short[at], &report.rows[at], row, None);
    match report.compared[number] {
        Compared::Alone => Value::Null,
        Compared::Reference => json!({ "kind": "reference" }),
        Compared::With(reference) => other("variant", reference),
        Compared::Grown { from, factor } => {
            let mut versus = other("step", from);
            versus["step"] = factor.map_or("step".to_owned(), |factor| format!("{}×", per_op(factor))).into();
            versus
        }
    }
}

fn comparison(kind: &str, name: &str, from: &Finished, row: &Finished, baseline: Option<&str>) -> Value {
    let ratio = groups::time_ratio(from, row, baseline).map(|ratio| {
        json!({ "ratio": ratio.ratio, "lower": ratio.lower, "upper": ratio.upper, "paired": ratio.paired,
                "decided": ratio.is_decided() })
    });
    let (before, now) = (&from.memory, &row.memory);
    let both_exact = before.exact && now.exact;
    json!({
        "kind": kind,
        "name": name,
        "ratio": ratio,
        "memory": before,
        "sure": {
            "bytes_per_op": are_apart(before.bytes_range(), now.bytes_range()),
            "allocs_per_op": are_apart(before.allocs_range(), now.allocs_range()),
            "reallocs_per_op": both_exact,
            "peak_bytes": both_exact,
            "retained_bytes_per_op": both_exact,
        },
    })
}

/// The function whose bytes changed most, with a line of it, and the change per operation.
fn changed_site(before: &Finished, row: &Finished) -> Option<Value> {
    if before.memory.bytes_per_op == row.memory.bytes_per_op && before.memory.allocs_per_op == row.memory.allocs_per_op
    {
        return None;
    }
    let [was, now] = [before, row].map(sites);
    let mut by_function: BTreeMap<String, f64> = BTreeMap::new();
    let all = || was.iter().map(|site| (site, -1.0)).chain(now.iter().map(|site| (site, 1.0)));
    for (site, sign) in all() {
        *by_function.entry(site.function.clone()).or_default() += sign * site.bytes_per_op;
    }
    let (function, by) = by_function.into_iter().max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()))?;
    // Lines move; show today's, because users look there.
    let of = |sites: &[PlacedSite]| {
        let own = sites.iter().filter(|site| site.function == function);
        own.max_by(|a, b| a.bytes_per_op.total_cmp(&b.bytes_per_op)).cloned()
    };
    let site = of(&now).or_else(|| of(&was))?;
    (by != 0.0).then(|| json!({ "function": function, "file": site.file, "line": site.line, "by": by }))
}

/// The site that allocates most of a row that has nothing before it.
fn largest_site(row: &Finished) -> Option<Value> {
    let site = sites(row).into_iter().max_by(|a, b| a.bytes_per_op.total_cmp(&b.bytes_per_op))?;
    Some(json!({ "function": site.function, "file": site.file, "line": site.line, "by": site.bytes_per_op }))
}

fn sites(row: &Finished) -> Vec<PlacedSite> {
    let read = profile_path(row, "mem").and_then(|path| std::fs::read(path).ok());
    let profile = read.and_then(|bytes| crate::pprof::profile::read(&bytes).ok());
    let is_own = |file: &str| origin("", file) == Origin::Own && !file.is_empty();
    profile.map(|profile| sites_where(&profile, is_own, row.memory.iterations)).unwrap_or_default()
}
