//! What the report's first view shows: the run, its table, its samples.

use serde_json::{Value, json};

use crate::results::lines::Finished;
use crate::web::pages::contents::Report;

/// Where a row's profile has pages of its own: row number and kind → address.
pub type Pages<'a> = &'a dyn Fn(usize, &str) -> Option<String>;

pub fn overview(report: &Report, pages: Pages<'_>) -> Value {
    let started = &report.run.started;
    let rows: Vec<Value> = (0..report.rows.len()).map(|number| row(report, number, pages)).collect();
    json!({
        "title": report.title(),
        "tool": started.tool,
        "rustc": started.rustc,
        "target": started.target,
        "profile": started.profile,
        "cpu": started.cpu,
        "commit": started.commit,
        "against": report.against,
        "baseline": report.base.as_ref().map(|base| &base.label),
        "rows": rows,
        "failed": report.run.failed,
        "checks": report.run.checks,
    })
}

fn row(report: &Report, number: usize, pages: Pages<'_>) -> Value {
    let row = &report.rows[number];
    let samples: Vec<(u64, f64)> =
        row.time.samples.iter().map(|sample| (sample.iterations, sample.nanoseconds)).collect();
    json!({
        "name": row.name,
        "short": report.short[number],
        "package": row.package,
        "target": row.target,
        "group": row.group,
        "harness": row.harness,
        "ns": row.time.ns_per_op,
        "lower": row.time.lower,
        "upper": row.time.upper,
        "iterations": row.time.iterations,
        "custom": row.time.custom,
        "whole_process": row.whole_process,
        "tracker": row.time.tracker,
        "samples": samples,
        "memory": row.memory,
        "throughput": row.throughput,
        "measurements": report.run.finished.iter().filter(|one| one.name == row.name).count(),
        "reference": report.references[number],
        "base": report.base_row(&row.name).map(base_numbers),
        "pages": { "mem": pages(number, "mem"), "cpu": pages(number, "cpu") },
    })
}

fn base_numbers(row: &Finished) -> Value {
    json!({ "ns": row.time.ns_per_op, "lower": row.time.lower, "upper": row.time.upper, "memory": row.memory })
}
