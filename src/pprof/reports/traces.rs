//! `traces`: every sample with its stack.

use std::fmt::Write;

use super::report::Report;
use crate::pprof::graph::location_infos;
use crate::pprof::profile::arithmetic::divided;
use crate::pprof::profile::{Sample, unit};

const SEPARATOR: &str = "-----------+-------------------------------------------------------";

pub fn print(report: &Report, out: &mut String) -> std::fmt::Result {
    writeln!(out, "{}", report.profile_labels().join("\n"))?;
    let infos = location_infos(&report.profile);
    for sample in &report.profile.samples {
        let mut first = true;
        for location in &sample.locations {
            let frames = &infos[*location as usize];
            for (line, info) in frames.iter().enumerate() {
                let mut value = String::new();
                if first {
                    writeln!(out, "{SEPARATOR}")?;
                    print_labels(report, sample, out)?;
                    value = report.value(value_of(report, sample));
                    first = false;
                }
                let inline = if line + 1 == frames.len() { "" } else { " (inline)" };
                writeln!(out, "{value:>10}   {}{inline}", info.printable)?;
            }
        }
    }
    writeln!(out, "{SEPARATOR}")
}

fn value_of(report: &Report, sample: &Sample) -> i64 {
    let divisor = if report.choices.mean { sample.values.first().copied().unwrap_or(0) } else { 0 };
    divided(report.sample_value(&sample.values), divisor)
}

fn print_labels(report: &Report, sample: &Sample, out: &mut String) -> std::fmt::Result {
    let mut texts: Vec<String> = sample
        .texts()
        .map(|(key, values)| {
            format!("{key:>10}:  {}\n", values.iter().map(|value| &***value).collect::<Vec<_>>().join(" "))
        })
        .collect();
    texts.sort();
    let mut numbers: Vec<String> = sample
        .numbers()
        .map(|(key, values)| {
            let unit = report.choices.label_units.get(key).map_or("", |unit| unit);
            let values: Vec<String> = values.iter().map(|(value, _)| unit::label(*value, unit, "auto")).collect();
            format!("{key:>10}:  {}\n", values.join(" "))
        })
        .collect();
    numbers.sort();
    write!(out, "{}{}", texts.concat(), numbers.concat())
}
