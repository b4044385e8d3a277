//! `check --accept`: today's numbers become the baseline, for benchmarks that this run covered.

use std::collections::{BTreeMap, BTreeSet};

use super::judge::{Gate, Listed};
use crate::check::{self, Circumstances, Measured};
use crate::console;
use crate::results::check::{Against, Check, Verdict};
use crate::results::lines::RunStarted;
use crate::results::metric::Metric;
use crate::session::Session;
use crate::{Result, fs};

/// Accepts all checks but those of vanished benchmarks that this run has not looked for. The result names the latter: their entries
/// stay, and go on failing.
pub fn verdicts(
    checks: &mut [Check],
    today: &BTreeMap<String, Measured>,
    listed: &Listed,
    session: &Session,
) -> BTreeSet<String> {
    let mut kept = BTreeSet::new();
    for check in checks {
        if is_vanished(check, today) && listed.doubt(&check.name, session).is_some() {
            check.message.push_str("; its entry is kept until a run lists its target without it");
            kept.insert(check.name.clone());
        } else {
            check::accept(check);
        }
    }
    kept
}

fn is_vanished(check: &Check, today: &BTreeMap<String, Measured>) -> bool {
    check.metric.is_none() && !today.contains_key(&check.name)
}

/// Writes the baseline: today's numbers for measured benchmarks, nothing for vanished ones, all else unchanged.
pub fn write(
    gate: &Gate,
    today: &BTreeMap<String, Measured>,
    checks: &[Check],
    kept: &BTreeSet<String>,
    session: &Session,
    now: &RunStarted,
) -> Result<()> {
    let mut new = gate.baseline.clone().unwrap_or_default();
    if gate.baseline.is_none() || !session.selection.is_partial() && !gate.is_of_programs() {
        let RunStarted { rustc, target, profile, .. } = now.clone();
        new.measured = Circumstances { rustc, target, profile };
    }
    for check in checks.iter().filter(|check| is_vanished(check, today) && !kept.contains(&check.name)) {
        new.entries.remove(&check.name);
    }
    let mut without_sites = 0;
    for (name, measured) in today {
        let was = new.entries.get(name);
        // An inexact entry that passed stays: its numbers differ from run to run, and its text should not.
        let of_baseline = |check: &&Check| check.name == *name && check.against == Against::Baseline;
        let passed = checks.iter().filter(of_baseline).all(|check| check.verdict == Verdict::Passed);
        if passed && was.is_some_and(|entry| !entry.is_exact()) {
            continue;
        }
        let mut entry = measured.entry();
        entry.peak_bytes = entry.peak_bytes.filter(|_| measured.is_compared(Metric::PeakBytes));
        // Measured without profiles.
        if entry.sites.is_empty() && entry.allocs_per_op.high > 0.0 {
            let counts = |entry: &check::Entry| (entry.allocs_per_op, entry.bytes_per_op);
            let same = was.filter(|was| counts(was) == counts(&entry));
            entry.sites = same.map(|was| was.sites.clone()).unwrap_or_default();
            without_sites += usize::from(entry.sites.is_empty());
        }
        new.entries.insert(name.clone(), entry);
    }
    if without_sites > 0 {
        console::warn(&format!(
            "{without_sites} benchmarks have no sites in {}, for they were measured without profiles; a failure will not say \
             where it comes from",
            check::FILE_NAME
        ));
    }
    let text = new.render();
    if fs::read_text(&gate.path).is_ok_and(|old| old == text) {
        console::note(&format!("{} is up to date", check::FILE_NAME));
        return Ok(());
    }
    fs::write_output(&gate.path, text.as_bytes())?;
    console::note(&format!("wrote {}; commit it", gate.path.display()));
    Ok(())
}
