//! The lines above a report: sample type, time, active filters, and how much is shown.

use tz::{DateTime, TimeZone};

use super::report::Report;
use super::selection::Trimmed;
use crate::pprof::profile::arithmetic::{abs, divided, percentage, to_i64};
use crate::pprof::profile::{path, unit};

/// `time` (nanoseconds since the Unix epoch) in the zone that TZ names, else the machine's; UTC if there is none.
fn here(time: i64) -> Option<DateTime> {
    let zone = match std::env::var("TZ") {
        Ok(name) => TimeZone::from_posix_tz(&name),
        Err(_) => TimeZone::local(),
    };
    DateTime::from_total_nanoseconds(time.into(), zone.unwrap_or_else(|_| TimeZone::utc()).as_ref()).ok()
}

/// The date and the second.
fn clock(time: &DateTime) -> String {
    let date = format!("{:04}-{:02}-{:02}", time.year(), time.month(), time.month_day());
    format!("{date} {:02}:{:02}:{:02}", time.hour(), time.minute(), time.second())
}

/// `time` as `YYYY-MM-DD hh:mm:ss ZONE`.
fn local_time(time: i64) -> String {
    let Some(time) = here(time) else { return String::new() };
    format!("{} {}", clock(&time), time.local_time_type().time_zone_designation())
}

/// `time` in the format of Go's `time.Time`.
pub fn full_local_time(time: i64) -> String {
    here(time).map(|time| full(&time)).unwrap_or_default()
}

fn full(time: &DateTime) -> String {
    let fraction = format!(".{:09}", time.nanoseconds());
    let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
    let zone = time.local_time_type();
    let minutes = zone.ut_offset().abs() / 60;
    let sign = if zone.ut_offset() < 0 { '-' } else { '+' };
    let name = zone.time_zone_designation();
    format!("{}{fraction} {sign}{:02}{:02} {name}", clock(time), minutes / 60, minutes % 60)
}

impl Report {
    /// The profile's own description.
    pub fn profile_labels(&self) -> Vec<String> {
        let (profile, choices) = (&self.profile, &self.choices);
        let mut labels = Vec::new();
        if let Some(main) = profile.mappings.first() {
            if !main.file.is_empty() {
                labels.push(format!("File: {}", path::base(&main.file)));
            }
            if !main.build_id.is_empty() {
                labels.push(format!("Build ID: {}", main.build_id));
            }
        }
        labels.extend(
            profile.comments.iter().filter(|comment| !comment.starts_with('#')).map(|comment| comment.to_string()),
        );
        if !choices.sample_type.is_empty() {
            labels.push(format!("Type: {}", choices.sample_type));
        }
        if !profile.doc_url.is_empty() {
            labels.push(format!("Doc: {}", profile.doc_url));
        }
        if profile.time_nanos != 0 {
            labels.push(format!("Time: {}", local_time(profile.time_nanos)));
        }
        if profile.duration_nanos != 0 {
            let duration = unit::label(profile.duration_nanos, "nanoseconds", "auto");
            let (nanoseconds, unit) = unit::scale(self.total, &choices.sample_unit, "nanoseconds");
            let ratio = if unit == "ns" && nanoseconds != 0.0 && choices.fixed_point == 0.0 {
                format!("({})", percentage(to_i64(nanoseconds), profile.duration_nanos))
            } else {
                String::new()
            };
            labels.push(format!("Duration: {duration}, Total samples = {} {ratio}", self.value(self.total)));
        }
        labels
    }

    /// The header of a report that shows everything.
    pub fn labels_of_all(&self) -> Vec<String> {
        self.labels_for(self.total, false)
    }

    /// The header up to the sum of the nodes shown.
    fn labels_for(&self, shown: i64, full: bool) -> Vec<String> {
        let choices = &self.choices;
        let mut labels = if full || !choices.compact_labels { self.profile_labels() } else { Vec::new() };
        if !choices.filters.is_empty() {
            labels.push("Active filters:".into());
            labels.extend(choices.filters.iter().map(|filter| format!("   {}", shortened(filter))));
        }
        let share = percentage(shown, self.total);
        labels.push(format!(
            "Showing nodes accounting for {}, {} of {} total",
            self.value(shown),
            share.trim(),
            self.value(self.total)
        ));
        labels
    }

    /// The whole header. `full`: for a picture, which is looked at on its own.
    pub fn labels(&self, trimmed: &Trimmed, full: bool) -> Vec<String> {
        let choices = &self.choices;
        let shown = trimmed.graph.shown().fold(0i64, |sum, node| sum.wrapping_add(divided(node.flat, node.flat_div)));
        let mut labels = self.labels_for(shown, full);
        if self.total != 0 {
            let dropped = |count: usize, what: &str, measure: &str, fraction: f64| {
                let cutoff = self.value(abs(to_i64(self.total as f64 * fraction)));
                (count > 0).then(|| {
                    format!("Dropped {count} {what}{} ({measure} <= {cutoff})", if count > 1 { "s" } else { "" })
                })
            };
            labels.extend(dropped(trimmed.dropped_nodes, "node", "cum", choices.node_fraction));
            if full {
                labels.extend(dropped(trimmed.dropped_edges, "edge", "freq", choices.edge_fraction));
            }
            let count = trimmed.graph.order.len();
            if count > 0 && count < trimmed.original {
                labels.push(format!("Showing top {count} nodes out of {}", trimmed.original));
            }
        }
        if full {
            labels.push("\nSee https://git.io/JfYMW for how to read the graph".into());
        }
        labels
    }
}

/// At most 80 bytes, without cutting a character in two.
fn shortened(filter: &str) -> String {
    if filter.len() <= 80 {
        return filter.into();
    }
    let end = (0..=80).rev().find(|end| filter.is_char_boundary(*end)).unwrap_or(0);
    format!("{}…", &filter[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_has_its_name_and_offset_on_that_day() {
        let zone = TimeZone::from_posix_tz("NST3:30NDT,M3.2.0,M11.1.0").unwrap();
        let printed = |nanoseconds: i128| {
            let time = DateTime::from_total_nanoseconds(nanoseconds, zone.as_ref()).unwrap();
            (clock(&time), full(&time))
        };
        let winter = ("2023-11-14 18:43:20".to_owned(), "2023-11-14 18:43:20 -0330 NST".to_owned());
        assert_eq!(printed(1_700_000_000_000_000_000), winter);
        assert_eq!(printed(1_690_000_000_120_000_000).1, "2023-07-22 01:56:40.12 -0230 NDT");
        assert_eq!(printed(-1).1, "1969-12-31 20:29:59.999999999 -0330 NST");
    }
}
