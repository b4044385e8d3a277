//! The data of the report's first view: the run, its table, its samples.

use serde_json::{Value, json};

use super::contents::Report;
use super::history;
use super::versus::versus;
use crate::formats::columns::busy;
use crate::results::groups;

/// The address of the pages of a row's profile, if it has any: row number and kind → address.
pub type Pages<'a> = &'a dyn Fn(usize, &str) -> Option<String>;

pub fn overview(report: &Report, pages: Pages<'_>) -> Value {
    let started = &report.run.started;
    let rows: Vec<Value> = (0..report.rows.len()).map(|number| row(report, number, pages)).collect();
    let programs: Vec<Value> = (report.rows.len()..)
        .zip(&report.programs)
        .map(|(number, program)| json!({ "program": program, "number": number, "pages": { "mem": pages(number, "mem"), "cpu": pages(number, "cpu") } }))
        .collect();
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
        "busy": busy(&report.run.finished),
        "rows": rows,
        "gone": report.gone(),
        "failed": report.run.failed,
        "checks": report.run.checks,
        "programs": programs,
        "history": report.history.as_ref().map(history::data),
    })
}

fn row(report: &Report, number: usize, pages: Pages<'_>) -> Value {
    let row = &report.rows[number];
    // The script puts iterations and times together again; whole numbers are shorter without a point.
    let mut before = 0;
    let steps = row
        .time
        .samples
        .iter()
        .map(|sample| sample.iterations.wrapping_sub(std::mem::replace(&mut before, sample.iterations)) as i64);
    let steps: Vec<i64> = steps.collect();
    let times: Vec<Value> = row.time.samples.iter().map(|sample| shortest(sample.nanoseconds)).collect();
    let (variant, parameter) = groups::parts(row);
    json!({
        "name": row.name,
        "short": report.short[number],
        "package": row.package,
        "target": row.target,
        "group": row.group,
        "variant": variant,
        "input": groups::magnitude(parameter.rsplit_once('=').map_or(parameter, |(_, value)| value)),
        "harness": row.harness,
        "ns": row.time.ns_per_op,
        "lower": row.time.lower,
        "upper": row.time.upper,
        "iterations": row.time.iterations,
        "custom": row.time.custom,
        "whole_process": row.whole_process,
        "tracker": row.time.tracker,
        "samples": [steps, times],
        "memory": row.memory,
        "throughput": row.throughput,
        "measurements": report.run.finished.iter().filter(|one| one.name == row.name).count(),
        "vs": versus(report, number),
        "pages": { "mem": pages(number, "mem"), "cpu": pages(number, "cpu") },
    })
}

fn shortest(number: f64) -> Value {
    // Whole numbers up to here are exact.
    const MOST: f64 = 9e15;
    if number.fract() == 0.0 && number.abs() < MOST { json!(number as i64) } else { json!(number) }
}
