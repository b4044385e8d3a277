//! `proto` and `topproto`: reports that are profiles themselves.

use super::report::Report;
use crate::pprof::profile::arithmetic::to_i64;
use crate::pprof::profile::{Builder, Line, Profile, Sample, ValueType, unit, write};

/// The filtered profile as a file.
pub fn filtered(report: &mut Report) -> Vec<u8> {
    let ratio = report.choices.ratio;
    if ratio > 0.0 && ratio != 1.0 {
        for value in report.profile.samples.iter_mut().flat_map(|sample| &mut sample.values) {
            *value = to_i64(*value as f64 * ratio);
        }
    }
    write(&report.profile)
}

/// The rows of `top` as a profile.
pub fn top(report: &mut Report) -> Vec<u8> {
    let trimmed = report.trimmed_graph();
    let choices = &report.choices;
    let mut builder = Builder::new(["cum", "flat"].map(|kind| ValueType::new(kind, &choices.output_unit)).into());
    builder.profile = Profile {
        sample_types: std::mem::take(&mut builder.profile.sample_types),
        time_nanos: report.profile.time_nanos,
        duration_nanos: report.profile.duration_nanos,
        period_type: report.profile.period_type.clone(),
        period: report.profile.period,
        ..Profile::default()
    };
    for (position, node) in (0..).zip(trimmed.graph.shown()) {
        let info = &node.info;
        let function = builder.function(&info.name, "", &info.file, info.start_line);
        let line = Line { function, line: info.line, column: info.column };
        let scaled = |value: i64| to_i64(unit::scale(value, &choices.sample_unit, &choices.output_unit).0);
        // Every row is a separate location.
        builder.profile.locations.push(crate::pprof::profile::Location {
            id: u64::from(position) + 1,
            address: info.address,
            lines: vec![line],
            ..Default::default()
        });
        let values = vec![scaled(node.cum_value()), scaled(node.flat_value())];
        builder.profile.samples.push(Sample { locations: vec![position], values, labels: Vec::new() });
    }
    write(&builder.finish())
}
