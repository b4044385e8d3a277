//! The history for a terminal: each benchmark's numbers as small bars, and the steps beneath.

use std::fmt::Write as _;

use super::{History, Metric, Point, Series};
use crate::results::names::one_line;
use crate::results::notation::{nanoseconds, per_op, sparkline};

/// Bars in a line: the newest.
const MOST_BARS: usize = 50;
/// Letters of a commit's subject.
const SUBJECT: usize = 60;

pub fn text(history: &History) -> String {
    let mut out = String::new();
    if let (Some(first), Some(last)) = (history.commits.first(), history.commits.last()) {
        let count = history.commits.len();
        let plural = if count == 1 { "" } else { "s" };
        let _ = writeln!(
            out,
            "{count} commit{plural}, {} ({}) to {} ({})",
            first.short(),
            first.date(),
            last.short(),
            last.date()
        );
    }
    for series in &history.series {
        let _ = writeln!(out, "\n{}", one_line(&series.short));
        type Row = (Metric, fn(&Point) -> Option<f64>, fn(f64) -> String);
        let metrics: [Row; 3] = [
            (Metric::Time, |point| point.ns_per_op, nanoseconds),
            (Metric::Bytes, |point| Some(point.bytes_per_op[0]), per_op),
            (Metric::Allocs, |point| Some(point.allocs_per_op[0]), per_op),
        ];
        for (metric, value, shown) in metrics {
            line(metric, series, value, shown, &mut out);
        }
        for step in &series.steps {
            let commit = &history.commits[step.commit];
            let shown = if step.metric == Metric::Time { nanoseconds } else { per_op };
            let subject: String = one_line(&commit.subject).chars().take(SUBJECT).collect();
            let _ = writeln!(
                out,
                "  {} {} → {} at {} ({}) {subject}",
                step.metric.title(),
                shown(step.before),
                shown(step.after),
                commit.short(),
                commit.date()
            );
        }
    }
    out
}

fn line(metric: Metric, series: &Series, value: fn(&Point) -> Option<f64>, shown: fn(f64) -> String, out: &mut String) {
    let values: Vec<f64> = series.points.iter().filter_map(value).collect();
    let Some(last) = values.last() else { return };
    let newest = &values[values.len().saturating_sub(MOST_BARS)..];
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let range = if least == most { String::new() } else { format!("  ({} to {})", shown(least), shown(most)) };
    let _ = writeln!(out, "  {:<9}  {}  {}{range}", metric.title(), sparkline(newest), shown(*last));
}
