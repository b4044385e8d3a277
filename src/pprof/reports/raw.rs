//! `raw`: the whole profile as text.

use std::fmt::Write;

use super::header::full_local_time;
use crate::pprof::profile::{Location, Profile, Sample};

pub fn print(profile: &Profile, out: &mut String) -> std::fmt::Result {
    for comment in &profile.comments {
        writeln!(out, "Comment: {comment}")?;
    }
    if !profile.doc_url.is_empty() {
        writeln!(out, "Doc: {}", profile.doc_url)?;
    }
    writeln!(out, "PeriodType: {} {}\nPeriod: {}", profile.period_type.kind, profile.period_type.unit, profile.period)?;
    if profile.time_nanos != 0 {
        writeln!(out, "Time: {}", full_local_time(profile.time_nanos))?;
    }
    if profile.duration_nanos != 0 {
        // Only the first four characters, whatever they are.
        writeln!(out, "Duration: {}", duration(profile.duration_nanos).chars().take(4).collect::<String>())?;
    }
    let types = profile.sample_types.iter().map(|value_type| {
        let default = if value_type.kind == profile.default_sample_type { "[dflt]" } else { "" };
        format!("{}/{}{default}", value_type.kind, value_type.unit)
    });
    writeln!(out, "Samples:\n{}", types.collect::<Vec<_>>().join(" ").trim())?;
    for sample in &profile.samples {
        print_sample(profile, sample, out)?;
    }
    writeln!(out, "Locations")?;
    for location in &profile.locations {
        print_location(profile, location, out)?;
    }
    writeln!(out, "Mappings")?;
    for mapping in &profile.mappings {
        let flags = [
            (mapping.has_functions, "[FN]"),
            (mapping.has_filenames, "[FL]"),
            (mapping.has_line_numbers, "[LN]"),
            (mapping.has_inline_frames, "[IN]"),
        ];
        let flags: String = flags.iter().filter(|(on, _)| *on).map(|(_, flag)| *flag).collect();
        let [start, limit, offset] = [mapping.start, mapping.limit, mapping.offset];
        writeln!(
            out,
            "{}: {start:#x}/{limit:#x}/{offset:#x} {} {} {flags}",
            mapping.id, mapping.file, mapping.build_id
        )?;
    }
    Ok(())
}

fn print_sample(profile: &Profile, sample: &Sample, out: &mut String) -> std::fmt::Result {
    for value in &sample.values {
        write!(out, " {value:>10}")?;
    }
    out.push_str(": ");
    for location in &sample.locations {
        write!(out, "{} ", profile.locations[*location as usize].id)?;
    }
    out.push('\n');
    const INDENT: &str = "                ";
    let mut texts: Vec<String> = sample
        .texts()
        .map(|(key, values)| format!("{key}:[{}]", values.iter().map(|value| &***value).collect::<Vec<_>>().join(" ")))
        .collect();
    let mut numbers: Vec<String> = sample
        .numbers()
        .map(|(key, values)| {
            let has_units = values.iter().any(|(_, unit)| !unit.is_empty());
            let shown = values
                .iter()
                .map(|(value, unit)| if has_units { format!("{value} {unit}") } else { value.to_string() });
            format!("{key}:[{}]", shown.collect::<Vec<_>>().join(" "))
        })
        .collect();
    for labels in [&mut texts, &mut numbers] {
        if !labels.is_empty() {
            labels.sort();
            writeln!(out, "{INDENT}{}", labels.join(" "))?;
        }
    }
    Ok(())
}

fn print_location(profile: &Profile, location: &Location, out: &mut String) -> std::fmt::Result {
    let mapping =
        location.mapping.map_or(String::new(), |mapping| format!("M={} ", profile.mappings[mapping as usize].id));
    let folded = if location.is_folded { "[F] " } else { "" };
    write!(out, "{:>6}: {:#x} {mapping}{folded}", location.id, location.address)?;
    for (position, line) in location.lines.iter().enumerate() {
        if position > 0 {
            out.push_str("\n             ");
        }
        let function = &profile.functions[line.function as usize];
        write!(out, "{} {}:{}:{} s={}", function.name, function.filename, line.line, line.column, function.start_line)?;
        if function.name != function.system_name {
            write!(out, "({})", function.system_name)?;
        }
    }
    out.push('\n');
    Ok(())
}

/// A duration as Go prints it: `1h2m3.5s`, `1.5ms`, `0s`.
fn duration(nanoseconds: i64) -> String {
    let magnitude = nanoseconds.unsigned_abs();
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let with_fraction = |value: u64, per_unit: u64| {
        let fraction = format!("{:0width$}", value % per_unit, width = per_unit.ilog10() as usize);
        let fraction = fraction.trim_end_matches('0');
        if per_unit == 1 || fraction.is_empty() {
            (value / per_unit).to_string()
        } else {
            format!("{}.{fraction}", value / per_unit)
        }
    };
    let text = match magnitude {
        0 => return "0s".into(),
        1..=999 => format!("{magnitude}ns"),
        1_000..=999_999 => format!("{}µs", with_fraction(magnitude, 1_000)),
        1_000_000..=999_999_999 => format!("{}ms", with_fraction(magnitude, 1_000_000)),
        _ => {
            const MINUTE: u64 = 60_000_000_000;
            let seconds = with_fraction(magnitude % MINUTE, 1_000_000_000);
            let minutes = magnitude / MINUTE;
            match (minutes / 60, minutes % 60) {
                (0, 0) => format!("{seconds}s"),
                (0, minutes) => format!("{minutes}m{seconds}s"),
                (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
            }
        }
    };
    format!("{sign}{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_print_as_gos() {
        let cases = [0, 7, 1_500, 2_000_000, 3_000_000_000, 63_500_000_000, 3_600_000_000_000, -1];
        assert_eq!(cases.map(duration), ["0s", "7ns", "1.5µs", "2ms", "3s", "1m3.5s", "1h0m0s", "-1ns"]);
    }
}
