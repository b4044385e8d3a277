//! The verdicts on one benchmark.

use super::amount::Amount;
use super::baseline::Entry;
use super::growth::growth;
use super::limit::{highest, room};
use super::measured::Measured;
use crate::project::settings::{Limit, Limits, Max, Tolerance};
use crate::results::check::{Against, Check, Verdict};
use crate::results::metric::Metric;
use crate::results::notation::per_op;

/// The most sites that are named for a failure.
const SITES: usize = 5;

/// Every metric of a benchmark that has an entry or a budget, the baseline's verdicts first.
pub fn judge(measured: &Measured, entry: Option<&Entry>, limits: &Limits) -> Vec<Check> {
    let limit = |metric: Metric| limits.get(&metric).copied().unwrap_or_default();
    let of_baseline =
        Metric::ALL.into_iter().filter_map(|metric| against_baseline(measured, metric, entry?, limit(metric)));
    let of_budget = Metric::ALL.into_iter().filter_map(|metric| against_budget(measured, metric, limit(metric).max?));
    of_baseline.chain(of_budget).collect()
}

/// The metrics with a tolerance that cannot be checked, because the baseline has no number.
pub fn unheld(entry: &Entry, limits: &Limits) -> Vec<Metric> {
    let is_held = |limit: &Limit| matches!(limit.tolerance, None | Some(Tolerance::Off));
    let unheld = limits.iter().filter(|(metric, limit)| !is_held(limit) && entry.value(**metric).is_none());
    unheld.map(|(metric, _)| *metric).collect()
}

fn against_baseline(measured: &Measured, metric: Metric, entry: &Entry, limit: Limit) -> Option<Check> {
    let was = entry.value(metric)?;
    let exact = was.is_exact() && measured.is_exact(metric);
    let varies = measured.value(metric).map_or(0.0, |now| now.high - now.low);
    let compared = measured.is_compared(metric) && (metric.is_counted() || was.is_exact());
    let highest = highest((metric, compared), was, exact, varies, limit.tolerance)?;
    let Some((now, top)) = measured.value(metric).zip(measured.top(metric)) else {
        return Some(not_measured(measured, metric, Against::Baseline, Some(was), highest));
    };
    let below = if exact { now.high } else { now.high + room(metric, was) };
    let verdict = if top > highest {
        Verdict::Failed
    } else if compared && below < was.low {
        Verdict::Improved
    } else {
        Verdict::Passed
    };
    let mut message = format!("{} {} → {}", measured.word(metric), shown(was), shown(now));
    if verdict == Verdict::Failed {
        message.push_str(&if highest == was.high {
            format!(" (+{})", per_op(top - was.high))
        } else {
            format!(" (at most {} may pass)", per_op(highest))
        });
        if metric.is_counted() && measured.iterations != entry.iterations {
            let [now, was] = [measured.iterations, entry.iterations].map(|n| per_op(n as f64));
            message.push_str(&format!("; counted over {now} iterations, the baseline over {was}"));
        }
    }
    let paired = (metric == Metric::NsPerOp).then_some(measured.paired);
    if paired == Some(false) {
        message.push_str("; unpaired: the baseline was measured at another time");
    }
    let sites = match verdict {
        Verdict::Failed => growth(&measured.sites, entry, metric, top - was.high, SITES),
        _ => Vec::new(),
    };
    let value = Some(top);
    Some(Check {
        message,
        sites,
        value,
        paired,
        ..check(measured, metric, Against::Baseline, verdict, Some(was), Some(highest))
    })
}

fn against_budget(measured: &Measured, metric: Metric, max: Max) -> Option<Check> {
    let (limit, is_bare) = match max {
        Max::Exact(limit) => (limit, true),
        Max::Top(limit) => (limit, false),
    };
    let Some(now) = measured.value(metric) else {
        return Some(not_measured(measured, metric, Against::Budget, None, limit));
    };
    // A count that exceeds the limit in every pass fails, exact or not.
    let refused = is_bare && !measured.is_exact(metric) && now.low <= limit;
    let failed = refused || now.high > limit;
    let mut message = format!("{} {}, the budget is {}", measured.word(metric), shown(now), per_op(limit));
    if refused {
        message = format!(
            "{} is not exact here ({}), so a budget of exactly {} cannot hold; give it room: {} = {{ max = {} }}",
            measured.word(metric),
            shown(now),
            per_op(limit),
            metric.name(),
            limit.max((now.high + room(metric, now)).ceil())
        );
    }
    let verdict = if failed { Verdict::Failed } else { Verdict::Passed };
    let mut sites = measured.sites.clone();
    sites.truncate(if failed && metric != Metric::NsPerOp { SITES } else { 0 });
    Some(Check { message, sites, ..check(measured, metric, Against::Budget, verdict, None, Some(limit)) })
}

/// A metric that cannot be checked does not pass.
fn not_measured(measured: &Measured, metric: Metric, against: Against, was: Option<Amount>, limit: f64) -> Check {
    let said = if against == Against::Budget { "budget" } else { "tolerance" };
    let message = format!(
        "{metric} is not measured here (the bench does not measure wall time), so a {said} of it cannot hold; leave it \
         out: {} = false",
        metric.name()
    );
    Check { message, ..check(measured, metric, against, Verdict::Failed, was, Some(limit)) }
}

fn shown(amount: Amount) -> String {
    if amount.is_exact() { per_op(amount.low) } else { format!("{}–{}", per_op(amount.low), per_op(amount.high)) }
}

fn check(
    measured: &Measured,
    metric: Metric,
    against: Against,
    verdict: Verdict,
    baseline: Option<Amount>,
    limit: Option<f64>,
) -> Check {
    let now = measured.value(metric);
    let range = |amount: Option<Amount>| amount.filter(|a| !a.is_exact()).map(|a| [a.low, a.high]);
    Check {
        name: measured.name.clone(),
        test: false,
        metric: Some(metric),
        against,
        baseline: baseline.map(|amount| amount.high),
        value: now.map(|amount| amount.high),
        limit,
        baseline_range: range(baseline),
        value_range: range(now),
        paired: None,
        verdict,
        message: String::new(),
        sites: Vec::new(),
    }
}

fn about(name: &str, message: String) -> Check {
    Check {
        name: name.to_owned(),
        test: false,
        metric: None,
        against: Against::Baseline,
        baseline: None,
        value: None,
        limit: None,
        baseline_range: None,
        value_range: None,
        paired: None,
        verdict: Verdict::Failed,
        message,
        sites: Vec::new(),
    }
}

/// A benchmark of the baseline that no longer exists.
pub fn vanished(name: &str, why: Option<&str>) -> Check {
    let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
    about(name, format!("vanished: it is in the baseline, but not among the benchmarks{why}"))
}

/// A test of the baseline that no longer exists.
pub fn vanished_test(name: &str, why: Option<&str>) -> Check {
    let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
    about(name, format!("vanished: it is in the baseline, but not among the tests{why}"))
}

/// A benchmark without an entry in the baseline.
pub fn without_entry(measured: &Measured, baseline: &str) -> Check {
    let (allocs, bytes) = (shown(measured.allocs.all), shown(measured.bytes.all));
    let [allocs_word, bytes_word] = [Metric::AllocsPerOp, Metric::BytesPerOp].map(|metric| measured.word(metric));
    about(&measured.name, format!("has no baseline in {baseline} (now {allocs} {allocs_word}, {bytes} {bytes_word})"))
}

/// The baseline's verdict no longer counts; a budget's still does.
pub fn accept(check: &mut Check) {
    if check.against == Against::Baseline && check.verdict != Verdict::Passed {
        check.verdict = Verdict::Accepted;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::measured::{Count, measured};
    use super::*;
    use crate::results::check::PlacedSite;
    use crate::results::lines::Finished;
    use crate::results::ratio::{Placement, Ratio, Versus};
    use crate::results::sample::finished;

    fn now(allocs: f64, bytes: f64) -> Measured {
        let site = |function: &str, line, allocs_per_op, bytes_per_op| PlacedSite {
            function: function.to_owned(),
            file: "/w/src/lib.rs".to_owned(),
            line,
            allocs_per_op,
            bytes_per_op,
        };
        let sites = vec![site("p::data", 3, 1.0, 1024.0), site("p::pooled", 9, allocs - 1.0, bytes - 1024.0)];
        let all = measured(&[finished("p/t/a", allocs, bytes, true)], &BTreeMap::from([("p/t/a".to_owned(), sites)]));
        all.into_values().next().unwrap()
    }

    fn texts(checks: &[Check]) -> Vec<String> {
        checks.iter().map(|check| format!("{:?} {}", check.verdict, check.message)).collect()
    }

    #[test]
    fn exact_counts_pass_fail_and_improve() {
        let entry = now(1.0, 1024.0).entry();
        assert!(judge(&now(1.0, 1024.0), Some(&entry), &Limits::new()).iter().all(|c| c.verdict == Verdict::Passed));
        let worse = judge(&now(2.0, 2048.0), Some(&entry), &Limits::new());
        assert_eq!(texts(&worse), ["Failed allocs/op 1 → 2 (+1)", "Failed B/op 1,024 → 2,048 (+1,024)"]);
        assert_eq!((worse[0].sites.len(), worse[0].sites[0].line), (1, 9));
        let better = judge(&now(1.0, 1024.0), Some(&now(2.0, 2048.0).entry()), &Limits::new());
        assert!(better.iter().all(|c| c.verdict == Verdict::Improved));
    }

    #[test]
    fn what_is_worse_and_what_is_better_is_accepted() {
        let entry = now(2.0, 2048.0).entry();
        for today in [now(3.0, 2048.0), now(1.0, 2048.0)] {
            let mut checks = judge(&today, Some(&entry), &Limits::new());
            checks.iter_mut().for_each(accept);
            assert_eq!([checks[0].verdict, checks[1].verdict], [Verdict::Accepted, Verdict::Passed]);
        }
    }

    #[test]
    fn tolerances_and_times() {
        let entry = now(2.0, 2048.0).entry();
        let tolerate = |metric, tolerance| Limits::from([(metric, Limit { max: None, tolerance: Some(tolerance) })]);
        let limits = tolerate(Metric::BytesPerOp, Tolerance::Share(0.01));
        assert_eq!(judge(&now(2.0, 2068.0), Some(&entry), &limits)[1].verdict, Verdict::Passed);
        let failed = judge(&now(2.0, 2069.0), Some(&entry), &limits);
        assert_eq!(failed[1].message, "B/op 2,048 → 2,069 (at most 2,068.5 may pass)");
        let limits = tolerate(Metric::NsPerOp, Tolerance::Share(0.1));
        assert_eq!(
            judge(&now(3.0, 2048.0), Some(&entry), &limits)[2].message,
            "ns/op 200 → 300 (at most 220 may pass); unpaired: the baseline was measured at another time"
        );
    }

    #[test]
    fn a_time_says_whether_it_was_measured_in_turns_with_the_baseline() {
        let entry = now(2.0, 2048.0).entry();
        let off = Limit { max: None, tolerance: Some(Tolerance::Share(0.1)) };
        let limits = Limits::from([(Metric::NsPerOp, off)]);
        let mut one = finished("p/t/a", 3.0, 2048.0, true);
        let time = |one: &Finished| {
            let today = measured(std::slice::from_ref(one), &BTreeMap::new()).into_values().next().unwrap();
            judge(&today, Some(&entry), &limits).remove(2)
        };
        assert_eq!(time(&one).paired, Some(false));
        let ratio = Ratio::of_pairs(&[1.5; 9], Placement::TwoPrograms).unwrap();
        one.vs = Some(Versus { name: one.name.clone(), baseline: Some("git:HEAD".to_owned()), ratio });
        assert_eq!((time(&one).paired, time(&one).message.contains("unpaired")), (Some(true), false));
        assert_eq!(judge(&now(2.0, 2048.0), Some(&entry), &limits)[0].paired, None);
    }

    #[test]
    fn a_range_passes_with_room_and_fails_beyond() {
        let mut was = now(2.0, 2048.0);
        was.allocs = Count::of(Amount { low: 2.0, high: 2.5 });
        let entry = was.entry();
        let verdict = |allocs: f64| judge(&now(allocs, 2048.0), Some(&entry), &Limits::new())[0].verdict;
        assert_eq!([2.0, 2.9, 3.0].map(verdict), [Verdict::Passed; 3]);
        assert_eq!(verdict(3.1), Verdict::Failed);
        assert_eq!(verdict(1.4), Verdict::Improved);
    }

    fn judged(today: &Measured, entry: &Entry) -> Check {
        judge(today, Some(entry), &Limits::new()).remove(0)
    }

    /// Exact in the baseline, perhaps by chance; now it varies, above the old value.
    #[test]
    fn what_varies_fails_where_all_of_it_is_above() {
        let entry = now(2.0, 2048.0).entry();
        let mut today = now(2.0, 2048.0);
        today.allocs = Count::of(Amount { low: 3.0, high: 9.0 });
        let failed = judged(&today, &entry);
        assert_eq!(texts(std::slice::from_ref(&failed)), ["Failed allocs/op 2 → 3–9 (at most 8 may pass)"]);
        assert_eq!((failed.value, failed.value_range), (Some(9.0), Some([3.0, 9.0])));
        // Another process stays at the old count: then it is chance.
        today.add(&finished("p/t/a", 2.0, 2048.0, true).memory);
        let passed = judged(&today, &entry);
        assert_eq!((passed.verdict, passed.value, passed.value_range), (Verdict::Passed, Some(2.0), Some([2.0, 9.0])));
        // Judging it again from its verdicts gives the same.
        let mut again = now(2.0, 2048.0);
        again.allocs = Count::of(Amount { low: 3.0, high: 9.0 });
        again.widen(&passed);
        assert_eq!(judged(&again, &entry), passed);
    }

    #[test]
    fn one_metric_s_range_gives_the_other_no_room() {
        let entry = now(2.0, 2048.0).entry();
        let mut today = now(2.0, 2049.0);
        today.allocs = Count::of(Amount { low: 2.0, high: 2.05 });
        let checks = judge(&today, Some(&entry), &Limits::new());
        assert_eq!(texts(&checks), ["Passed allocs/op 2 → 2–2.05", "Failed B/op 2,048 → 2,049 (+1)"]);
        let limits = Limits::from([(Metric::BytesPerOp, Limit { max: Some(Max::Exact(2049.0)), tolerance: None })]);
        assert_eq!(judge(&today, None, &limits)[0].verdict, Verdict::Passed);
    }

    #[test]
    fn a_tolerance_holds_or_is_said_not_to() {
        let tolerance = Limit { max: None, tolerance: Some(Tolerance::Share(0.5)) };
        let limits: Limits = Metric::ALL.into_iter().map(|metric| (metric, tolerance)).collect();
        let mut was = now(2.0, 2048.0);
        (was.peak, was.retained) = (Amount::exact(100.0), 10.0);
        let mut today = was.clone();
        (today.peak, today.retained) = (Amount::exact(151.0), 16.0);
        let checks = judge(&today, Some(&was.entry()), &limits);
        let failed: Vec<_> =
            checks.iter().filter(|c| c.verdict == Verdict::Failed).map(|c| c.metric.unwrap()).collect();
        assert_eq!(failed, [Metric::PeakBytes, Metric::RetainedBytesPerOp]);
        assert_eq!(unheld(&was.entry(), &limits), []);
        let text = Entry { ns_per_op: None, peak_bytes: None, retained_bytes_per_op: None, ..was.entry() };
        assert_eq!(unheld(&text, &limits), [Metric::NsPerOp, Metric::PeakBytes, Metric::RetainedBytesPerOp]);
        assert_eq!(unheld(&text, &Limits::from([(Metric::NsPerOp, Limit::default())])), []);
    }

    /// Otherwise it would pass without having been checked.
    #[test]
    fn a_time_that_is_none_breaks_its_budget() {
        let mut today = now(2.0, 2048.0);
        let entry = today.entry();
        today.ns = None;
        let max = Limit { max: Some(Max::Top(1e9)), tolerance: Some(Tolerance::Share(0.1)) };
        let checks = judge(&today, Some(&entry), &Limits::from([(Metric::NsPerOp, max)]));
        let [_, _, tolerance, budget] = &checks[..] else { panic!("{checks:?}") };
        assert_eq!([tolerance.verdict, budget.verdict], [Verdict::Failed; 2]);
        assert!(budget.message.starts_with("ns/op is not measured here") && budget.message.contains("a budget of it"));
    }

    #[test]
    fn budgets_hold_and_refuse() {
        let limits = |max| Limits::from([(Metric::AllocsPerOp, Limit { max: Some(max), tolerance: None })]);
        let of = |measured: &Measured, max| judge(measured, None, &limits(max)).remove(0);
        assert_eq!(of(&now(2.0, 2048.0), Max::Exact(2.0)).verdict, Verdict::Passed);
        let mut breach = of(&now(2.0, 2048.0), Max::Exact(1.0));
        assert_eq!(breach.message, "allocs/op 2, the budget is 1");
        accept(&mut breach);
        assert_eq!(breach.verdict, Verdict::Failed);
        let mut inexact = now(2.0, 2048.0);
        inexact.allocs = Count::of(Amount { low: 2.0, high: 2.5 });
        let refused = of(&inexact, Max::Exact(3.0));
        assert_eq!(refused.verdict, Verdict::Failed);
        assert!(refused.message.ends_with("give it room: allocs_per_op = { max = 3 }"), "{}", refused.message);
        assert_eq!(of(&inexact, Max::Exact(1.0)).message, "allocs/op 2–2.5, the budget is 1");
        assert_eq!(of(&inexact, Max::Top(2.5)).verdict, Verdict::Passed);
        assert_eq!(of(&inexact, Max::Top(2.4)).verdict, Verdict::Failed);
    }
}
