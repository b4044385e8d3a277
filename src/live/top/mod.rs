//! The table of `cargo memprof top`: what each site, or each thread, allocates and holds.

pub mod table;

use std::collections::HashMap;
use std::time::Duration;

use crate::pprof::profile::{LabelValue, Profile, Sample};

/// The kind of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    Site,
    Thread,
}

/// The key by which the rows are sorted, largest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Sort {
    LiveBytes,
    LiveBlocks,
    Bytes,
    Allocs,
}

impl Sort {
    pub const ALL: [Sort; 4] = [Sort::LiveBytes, Sort::LiveBlocks, Sort::Bytes, Sort::Allocs];

    /// The heading of its column.
    pub fn name(self) -> &'static str {
        match self {
            Sort::LiveBytes => "live B",
            Sort::LiveBlocks => "blocks",
            Sort::Bytes => "B/s",
            Sort::Allocs => "allocs/s",
        }
    }

    /// The column `by` so many to the right.
    pub fn moved(self, by: usize) -> Sort {
        let at = Sort::ALL.iter().position(|sort| *sort == self).unwrap_or(0);
        Sort::ALL[(at + by) % Sort::ALL.len()]
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub name: String,
    pub live_bytes: i64,
    pub live_blocks: i64,
    /// A second, since the snapshot before.
    pub bytes: f64,
    pub allocs: f64,
}

impl Row {
    fn key(&self, sort: Sort) -> f64 {
        match sort {
            Sort::LiveBytes => self.live_bytes as f64,
            Sort::LiveBlocks => self.live_blocks as f64,
            Sort::Bytes => self.bytes,
            Sort::Allocs => self.allocs,
        }
    }
}

/// Sums of all rows.
pub fn total(rows: &[Row]) -> Row {
    Row {
        name: "total".to_owned(),
        live_bytes: rows.iter().map(|row| row.live_bytes).sum(),
        live_blocks: rows.iter().map(|row| row.live_blocks).sum(),
        bytes: rows.iter().map(|row| row.bytes).sum(),
        allocs: rows.iter().map(|row| row.allocs).sum(),
    }
}

pub fn sort(rows: &mut [Row], by: Sort) {
    rows.sort_by(|a, b| b.key(by).total_cmp(&a.key(by)).then_with(|| a.name.cmp(&b.name)));
}

/// The rows of a snapshot of all allocations, and of the one `since` before it, if there is one.
pub fn rows(now: &Profile, before: Option<(&Profile, Duration)>, by: By) -> Vec<Row> {
    let mut earlier = before.map_or_else(HashMap::new, |(profile, _)| sums(profile, by));
    let seconds = before.map_or(0.0, |(_, since)| since.as_secs_f64());
    let rate = |now: i64, before: i64| {
        let change = now.saturating_sub(before).max(0);
        if seconds > 0.0 { change as f64 / seconds } else { 0.0 }
    };
    let row = |(name, [allocs, bytes, blocks, live]): (String, [i64; 4])| {
        let then = earlier.remove(&name).unwrap_or_default();
        Row {
            live_bytes: live.max(0),
            live_blocks: blocks.max(0),
            bytes: rate(bytes, then[1]),
            allocs: rate(allocs, then[0]),
            name,
        }
    };
    sums(now, by).into_iter().map(row).collect()
}

/// Allocations, bytes, live blocks and live bytes of each row.
fn sums(profile: &Profile, by: By) -> HashMap<String, [i64; 4]> {
    let columns = ["alloc_objects", "alloc_space", "inuse_objects", "inuse_space"]
        .map(|kind| profile.sample_types.iter().position(|of| &*of.kind == kind));
    let mut sums: HashMap<String, [i64; 4]> = HashMap::new();
    for sample in &profile.samples {
        let name = match by {
            By::Site => site(profile, sample),
            By::Thread => thread(sample),
        };
        let sum = sums.entry(name).or_default();
        for (sum, column) in sum.iter_mut().zip(columns) {
            *sum = sum.saturating_add(column.map_or(0, |column| sample.values[column]));
        }
    }
    sums
}

/// The innermost function that is neither std's nor a dependency's, with its line; else the innermost.
fn site(profile: &Profile, sample: &Sample) -> String {
    let lines = || sample.locations.iter().flat_map(|&at| &profile.locations[at as usize].lines);
    let is_own = |file: &str| {
        let others = ["/rustc/", "/rustlib/", "/.cargo/registry/", "/.cargo/git/"];
        !file.is_empty() && !others.iter().any(|other| file.contains(other))
    };
    let own = lines().find(|line| is_own(&profile.functions[line.function as usize].filename));
    let Some(line) = own.or_else(|| lines().next()) else { return "(unknown)".to_owned() };
    let function = &profile.functions[line.function as usize];
    let file = function.filename.rsplit('/').next().unwrap_or_default();
    if file.is_empty() { function.name.to_string() } else { format!("{} ({file}:{})", function.name, line.line) }
}

fn thread(sample: &Sample) -> String {
    let name = sample.labels.iter().find(|label| &*label.key == "thread").map(|label| &label.value);
    match name {
        Some(LabelValue::Text(name)) => name.to_string(),
        _ => "main".to_owned(),
    }
}

/// The rows from `first` on, as many as fit.
pub fn window(rows: &[Row], first: usize, fit: usize) -> &[Row] {
    let first = first.min(rows.len().saturating_sub(fit));
    &rows[first..rows.len().min(first + fit)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pprof::profile::{Builder, Label, Line, ValueType};

    fn snapshot(samples: &[(&str, &str, [i64; 4])]) -> Profile {
        let types = [
            ("alloc_objects", "count"),
            ("alloc_space", "bytes"),
            ("inuse_objects", "count"),
            ("inuse_space", "bytes"),
        ];
        let mut builder = Builder::new(types.map(|(kind, unit)| ValueType::new(kind, unit)).into());
        let push = builder.function("alloc::vec::Vec::push", "", "/rustc/abc/library/alloc/src/vec.rs", 0);
        let push = builder.location(None, 1, vec![Line { function: push, line: 9, column: 0 }]);
        for (name, thread, values) in samples {
            let function = builder.function(name, "", "/home/me/p/src/main.rs", 0);
            let location = builder.location(None, 2, vec![Line { function, line: 3, column: 0 }]);
            builder.sample(vec![push, location], values.to_vec(), vec![Label::text("thread", *thread)]);
        }
        builder.finish()
    }

    #[test]
    fn rates_are_of_the_time_between_two_snapshots() {
        let before = snapshot(&[("p::a", "main", [10, 100, 1, 10]), ("p::b", "worker", [5, 50, 5, 50])]);
        let now = snapshot(&[
            ("p::a", "main", [30, 300, 2, 20]),
            ("p::b", "worker", [5, 50, 4, 40]),
            ("p::b", "main", [2, 8, 0, 0]),
        ]);
        let since = Duration::from_millis(500);
        let mut rows = rows(&now, Some((&before, since)), By::Site);
        sort(&mut rows, Sort::Bytes);
        let of = |row: &Row| (row.name.clone(), row.live_bytes, row.live_blocks, row.bytes, row.allocs);
        assert_eq!(of(&rows[0]), ("p::a (main.rs:3)".into(), 20, 2, 400.0, 40.0));
        assert_eq!(of(&rows[1]), ("p::b (main.rs:3)".into(), 40, 4, 16.0, 4.0));
        let mut by_thread = super::rows(&now, None, By::Thread);
        sort(&mut by_thread, Sort::LiveBytes);
        assert_eq!(by_thread.iter().map(|row| &*row.name).collect::<Vec<_>>(), ["worker", "main"]);
        assert_eq!((total(&by_thread).live_bytes, total(&by_thread).bytes), (60, 0.0));
    }

    #[test]
    fn the_window_stays_within_the_rows() {
        let row = |i: i64| Row { name: i.to_string(), live_bytes: i, live_blocks: 0, bytes: 0.0, allocs: 0.0 };
        let rows: Vec<Row> = (0..10).map(row).collect();
        assert_eq!(window(&rows, 2, 3), &rows[2..5]);
        assert_eq!(window(&rows, 99, 3), &rows[7..]);
        assert_eq!(window(&rows, 0, 99), &rows[..]);
        assert!(window(&[], 5, 3).is_empty() && window(&rows, 3, 0).is_empty());
    }
}
