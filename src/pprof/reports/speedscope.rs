//! `speedscope`: the JSON of speedscope.app's file format, a profile for each sample type.

use serde::Serialize;

use super::folded::{frame_name, frames};
use super::report::Report;
use rustc_hash::FxHashMap;

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
    name: &'a str,
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
    let mut number = |location: usize, function: Option<usize>| {
        let file = function.map(|function| profile.functions[function].filename.to_string()).unwrap_or_default();
        let frame = Frame { name: frame_name(profile, location, function), file };
        *known.entry(frame.clone()).or_insert_with(|| {
            list.push(frame);
            list.len() - 1
        })
    };
    let stacks: Vec<Vec<usize>> = profile
        .samples
        .iter()
        .map(|sample| frames(profile, sample).map(|(location, function)| number(location, function)).collect())
        .collect();
    let profiles = profile.sample_types.iter().enumerate().map(|(column, value_type)| {
        let weights: Vec<f64> =
            profile.samples.iter().map(|sample| report.plain_number(sample.values[column])).collect();
        Sampled {
            kind: "sampled",
            name: &value_type.kind,
            unit: unit_name(&value_type.unit),
            start: 0.0,
            end: weights.iter().sum(),
            samples: &stacks,
            weights,
        }
    });
    let file = File {
        schema: "https://www.speedscope.app/file-format-schema.json",
        profiles: profiles.collect(),
        shared: Shared { frames: list },
        name: &report.choices.title,
        active: report.choices.value_index,
        exporter: concat!("cargo-memprof ", env!("CARGO_PKG_VERSION")),
    };
    out.push_str(&serde_json::to_string(&file).map_err(|error| error.to_string())?);
    out.push('\n');
    Ok(())
}
