//! The lines above a report: what was measured, when, which filters are on, how much is shown.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::report::Report;
use super::selection::Trimmed;
use crate::pprof::profile::arithmetic::{abs, divided, percentage, to_i64};
use crate::pprof::profile::{path, unit};

/// `time` (nanoseconds since the Unix epoch) here: as `YYYY-MM-DD hh:mm:ss ZONE`.
fn local_time(time: i64) -> String {
    Timestamp::from_nanosecond(i128::from(time))
        .map(|time| time.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S %Z").to_string())
        .unwrap_or_default()
}

/// `time` as Go's `time.Time` prints itself.
pub fn full_local_time(time: i64) -> String {
    let Ok(stamp) = Timestamp::from_nanosecond(i128::from(time)) else { return String::new() };
    let fraction = format!("{:09}", time.rem_euclid(1_000_000_000));
    let fraction = match fraction.trim_end_matches('0') {
        "" => String::new(),
        digits => format!(".{digits}"),
    };
    let zoned = stamp.to_zoned(TimeZone::system());
    format!("{}{fraction} {}", zoned.strftime("%Y-%m-%d %H:%M:%S"), zoned.strftime("%z %Z"))
}

impl Report {
    /// What the profile says about itself.
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

    /// The header as far as the sum of what is shown.
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

    /// The whole header. `full`: of a picture, which is looked at alone.
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

/// At most 80 bytes, not cutting a character in two.
fn shortened(filter: &str) -> String {
    if filter.len() <= 80 {
        return filter.into();
    }
    let end = (0..=80).rev().find(|end| filter.is_char_boundary(*end)).unwrap_or(0);
    format!("{}…", &filter[..end])
}
