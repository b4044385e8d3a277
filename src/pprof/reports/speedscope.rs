//! `speedscope`: the JSON of speedscope.app's file format, a profile for each sample type. The format has no negative
//! weights: decreases are profiles of their own.

use rustc_hash::FxHashMap;
use serde::Serialize;

use super::folded::{frames, locations};
use super::report::Report;
use crate::pprof::graph::NodeInfo;

#[derive(Serialize)]
struct File<'a> {
    #[serde(rename = "$schema")]
    schema: &'a str,
    shared: Shared,
    profiles: Vec<Sampled<'a>>,
    name: &'a str,
    #[serde(rename = "activeProfileIndex")]
    active: usize,
    exporter: &'a str,
}

#[derive(Serialize)]
struct Shared {
    frames: Vec<Frame>,
}

#[derive(Serialize, PartialEq, Eq, Hash, Clone)]
struct Frame {
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    file: String,
}

#[derive(Serialize)]
struct Sampled<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    name: String,
    unit: &'a str,
    #[serde(rename = "startValue")]
    start: f64,
    #[serde(rename = "endValue")]
    end: f64,
    samples: &'a [Vec<usize>],
    weights: Vec<f64>,
}

/// speedscope's name of a unit.
fn unit_name(unit: &str) -> &'static str {
    match unit {
        "nanoseconds" | "ns" => "nanoseconds",
        "microseconds" | "us" => "microseconds",
        "milliseconds" | "ms" => "milliseconds",
        "seconds" | "s" => "seconds",
        "bytes" | "byte" => "bytes",
        _ => "none",
    }
}

pub fn print(report: &Report, out: &mut String) -> Result<(), String> {
    let profile = &report.profile;
    let mut known: FxHashMap<Frame, usize> = FxHashMap::default();
    let mut list = Vec::new();
    let mut number = |info: &NodeInfo| {
        let frame = Frame { name: info.printable.to_string(), file: info.file.to_string() };
        *known.entry(frame.clone()).or_insert_with(|| {
            list.push(frame);
            list.len() - 1
        })
    };
    let locations = locations(report);
    let stacks: Vec<Vec<usize>> =
        profile.samples.iter().map(|sample| frames(&locations, sample).map(&mut number).collect()).collect();
    let weights_of = |column: usize, sign: f64| -> Vec<f64> {
        let weight = |value: i64| Some(report.plain_number(value) * sign).filter(|weight| *weight > 0.0).unwrap_or(0.0);
        profile.samples.iter().map(|sample| weight(sample.values[column])).collect()
    };
    let sampled = |(column, suffix, sign): (usize, &str, f64)| {
        let value_type = &profile.sample_types[column];
        let weights = weights_of(column, sign);
        Sampled {
            kind: "sampled",
            name: format!("{}{suffix}", value_type.kind),
            unit: unit_name(&value_type.unit),
            start: 0.0,
            end: weights.iter().sum(),
            samples: &stacks,
            weights,
        }
    };
    let columns = 0..profile.sample_types.len();
    let decreases = columns.clone().filter(|column| profile.samples.iter().any(|sample| sample.values[*column] < 0));
    let profiles =
        columns.clone().map(|column| (column, "", 1.0)).chain(decreases.map(|column| (column, " (decrease)", -1.0)));
    let file = File {
        schema: "https://www.speedscope.app/file-format-schema.json",
        profiles: profiles.map(sampled).collect(),
        shared: Shared { frames: list },
        name: &report.choices.title,
        active: report.choices.value_index,
        exporter: concat!("cargo-memprof ", env!("CARGO_PKG_VERSION")),
    };
    out.push_str(&serde_json::to_string(&file).map_err(|error| error.to_string())?);
    out.push('\n');
    Ok(())
}
