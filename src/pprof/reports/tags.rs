//! `tags`: the distribution of values over the labels.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::report::Report;
use crate::pprof::graph::{Tag, sort_tags};
use crate::pprof::profile::arithmetic::percentage;
use crate::pprof::profile::{LabelValue, unit};
use crate::pprof::reports::tabwriter;

pub fn print(report: &Report, out: &mut String) -> std::fmt::Result {
    let mut keys: BTreeMap<&str, BTreeMap<String, i64>> = BTreeMap::new();
    for sample in &report.profile.samples {
        let value = report.sample_value(&sample.values);
        for label in &sample.labels {
            let shown = match &label.value {
                LabelValue::Text(text) => text.to_string(),
                LabelValue::Number(number, _) => {
                    let unit = report.choices.label_units.get(&label.key).map_or("", |unit| unit);
                    unit::label(*number, unit, &report.choices.output_unit)
                }
            };
            let sum = keys.entry(&label.key).or_default().entry(shown).or_default();
            *sum = sum.wrapping_add(value);
        }
    }
    let total = report.total;
    let mut lines = String::new();
    for (key, values) in keys {
        let sum = values.values().fold(0i64, |sum, value| sum.wrapping_add(*value));
        write!(lines, "{key}:\t Total {} of {}", report.value(sum), report.value(total))?;
        if total > 0 {
            write!(lines, " ({})", percentage(sum, total))?;
        }
        lines.push('\n');
        let mut tags: Vec<Tag> = values.into_iter().map(|(name, flat)| Tag { name, flat, ..Tag::default() }).collect();
        sort_tags(&mut tags, true);
        for tag in tags {
            let share = if total > 0 { format!(" ({})", percentage(tag.flat, total)) } else { String::new() };
            writeln!(lines, " \t{}{share}:\t {}", report.value(tag.flat), tag.name)?;
        }
        lines.push('\n');
    }
    out.push_str(&tabwriter::aligned_right(&lines));
    Ok(())
}
