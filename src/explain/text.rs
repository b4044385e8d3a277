//! An explanation as text for people.

use std::fmt::Write as _;
use std::path::Path;

use super::diff::Change;
use crate::explain::explanation::{Effect, Explanation, Site};
use crate::explain::origin::shown;
use crate::results::names;
use crate::results::notation::per_op;

/// Sites that have less than this share of the bytes and of the calls are summed up in a line.
const LEAST_SHARE: f64 = 0.005;

/// One benchmark, by the name that it is shown by; files below `root` are shown relative to it. `verbose`: every site, with its functions down to the allocator.
pub fn text(explanation: &Explanation, name: &str, root: &Path, verbose: bool) -> String {
    let mut out = String::new();
    let e = explanation;
    let (allocs, bytes) = (per_op(e.allocs_per_op), per_op(e.bytes_per_op));
    let per = per(explanation);
    let _ = writeln!(out, "{}: {allocs} allocs{per}, {bytes} B{per}", names::one_line(name));
    if e.sites.is_empty() {
        out.push_str("  allocates nothing\n");
    }
    let small = |site: &&Site| {
        !verbose
            && site.share < LEAST_SHARE
            && site.allocs_per_op < LEAST_SHARE * e.allocs_per_op
            && site.remedies.is_empty()
    };
    for site in e.sites.iter().filter(|site| !small(site)) {
        out.push('\n');
        write_site(&mut out, site, per, root, verbose);
    }
    let rest: Vec<&Site> = e.sites.iter().filter(small).collect();
    if !rest.is_empty() {
        let sum = |of: fn(&Site) -> f64| per_op(rest.iter().map(|site| of(site)).sum());
        let (bytes, allocs) = (sum(|site| site.bytes_per_op), sum(|site| site.allocs_per_op));
        let sites = if rest.len() == 1 { "site" } else { "sites" };
        let _ = writeln!(out, "\n  {} more {sites}: {bytes} B{per}, {allocs} allocs{per} (-v names them)", rest.len());
    }
    for note in &e.notes {
        let _ = writeln!(out, "\n  note: {note}");
    }
    out
}

fn per(explanation: &Explanation) -> &'static str {
    if explanation.run { "" } else { "/op" }
}

fn write_site(out: &mut String, site: &Site, per: &str, root: &Path, verbose: bool) {
    let place = match (&site.file[..], site.line) {
        ("", _) => String::new(),
        (file, 0) => format!("  {}", shown(file, root)),
        (file, line) => format!("  {}:{line}", shown(file, root)),
    };
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "  {:>5.1}%  {} B{per}  {} allocs{per}  {}{place}",
        site.share * 100.0,
        per_op(site.bytes_per_op),
        per_op(site.allocs_per_op),
        site.function,
    );
    if let Some(source) = &site.source {
        let _ = writeln!(out, "          {source}");
    }
    let _ = writeln!(out, "          {}", site.words);
    if site.share_of_peak >= LEAST_SHARE {
        let _ = writeln!(out, "          {:.1}% of the peak", site.share_of_peak * 100.0);
    }
    for (number, remedy) in site.remedies.iter().enumerate() {
        let lead = if number == 0 { "→" } else { "  or:" };
        let _ = writeln!(out, "          {lead} {}: {}", remedy.advice, effect(&remedy.effect, per));
    }
    if verbose {
        for function in &site.stack {
            let _ = writeln!(out, "            {function}");
        }
        for caller in &site.callers {
            let _ = writeln!(out, "            called from {caller}");
        }
    }
}

/// `−5 allocs/op, −1,984 B/op`.
fn effect(effect: &Effect, per: &str) -> String {
    let about = if effect.exact { "" } else { "about " };
    let mut parts = vec![format!("{about}{} allocs{per}", per_op(effect.allocs_per_op))];
    if effect.bytes_per_op != 0.0 {
        parts.push(format!("{} B{per}", per_op(effect.bytes_per_op)));
    }
    parts.join(", ")
}

/// The changes of one benchmark since `label`.
pub fn diff_text(name: &str, label: &str, changes: &[Change], root: &Path) -> String {
    let mut out = format!("{} since {label}:\n", names::one_line(name));
    if changes.is_empty() {
        out.push_str("  no site changed\n");
    }
    for change in changes {
        let pair = |was: f64, now: f64| {
            if was == now { per_op(now) } else { format!("{} → {}", per_op(was), per_op(now)) }
        };
        let place =
            if change.line == 0 { String::new() } else { format!("  {}:{}", shown(&change.file, root), change.line) };
        let _ = writeln!(
            out,
            "  {:<6}  {} B/op  {} allocs/op  {}{place}",
            change.kind(),
            pair(change.was_bytes_per_op, change.bytes_per_op),
            pair(change.was_allocs_per_op, change.allocs_per_op),
            change.function,
        );
    }
    out
}
